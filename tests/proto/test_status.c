/* The tables of outcomes and reasons are complete and say what the contract says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/status.h"

/* contract.md, section 3 */
static const struct {
    const char *word;
    enum hp_status status;
    int exit;
} contract[] = {
    {"ok", HP_OK, 0},
    {"applied", HP_APPLIED, 0},
    {"planned", HP_PLANNED, 0},
    {"reverted", HP_REVERTED, 0},
    {"no_change", HP_NO_CHANGE, 0},
    {"differs", HP_DIFFERS, 2},
    {"load_failed", HP_LOAD_FAILED, 1},
    {"failed", HP_FAILED, 1},
    {"no_memory", HP_NO_MEMORY, 1},
    {"limit", HP_LIMIT, 1},
    {"conflict", HP_CONFLICT, 1},
    {"rolled_back", HP_ROLLED_BACK, 1},
    {"refused", HP_REFUSED, 3},
    {"unreachable", HP_UNREACHABLE, 4},
    {"version_mismatch", HP_VERSION_MISMATCH, 4},
    {"no_agent", HP_NO_AGENT, 4},
    {"denied", HP_DENIED, 5},
    {"timeout", HP_TIMEOUT, 6},
    {"busy", HP_BUSY, 6},
    {"malformed", HP_MALFORMED, 1},
    {"unsupported", HP_UNSUPPORTED, 1},
    {"partial", HP_PARTIAL, 7},
    {"usage", HP_USAGE, 64},
    {"uncertain", HP_UNCERTAIN, 70},
};
#define CONTRACT_COUNT (sizeof contract / sizeof *contract)

static void statuses_are_those_of_the_contract(void **unused)
{
    (void)unused;
    assert_int_equal(CONTRACT_COUNT, HP_STATUS_COUNT);
    for (size_t i = 0; i < CONTRACT_COUNT; i++) {
        const struct hp_status_info *info = hp_status_info(contract[i].status);
        assert_string_equal(info->word, contract[i].word);
        assert_int_equal(info->exit, contract[i].exit);
        assert_int_equal(hp_status_from_word(contract[i].word), contract[i].status);
        assert_non_null(info->sentence);
        assert_true(strlen(info->sentence) > 3);
    }
}

static void words_are_unique(void **unused)
{
    (void)unused;
    for (int i = 0; i < HP_STATUS_COUNT; i++) {
        for (int k = i + 1; k < HP_STATUS_COUNT; k++) {
            assert_string_not_equal(hp_status_info((enum hp_status)i)->word,
                                    hp_status_info((enum hp_status)k)->word);
        }
    }
}

/* A status that exits with 1, 3, 5 or 6 changed nothing, except rolled_back, which lists what it could not
 * undo. */
static void failures_promise_that_nothing_changed(void **unused)
{
    (void)unused;
    for (int i = 0; i < HP_STATUS_COUNT; i++) {
        const struct hp_status_info *info = hp_status_info((enum hp_status)i);
        bool failure = info->exit == 1 || info->exit == 3 || info->exit == 5 || info->exit == 6;
        if (failure && i != HP_ROLLED_BACK)
            assert_true(info->nothing_changed);
    }
    assert_false(hp_status_info(HP_ROLLED_BACK)->nothing_changed);
    assert_false(hp_status_info(HP_APPLIED)->nothing_changed);
    assert_false(hp_status_info(HP_UNCERTAIN)->nothing_changed);
    assert_true(hp_status_info(HP_BUSY)->retry);
    assert_false(hp_status_info(HP_REFUSED)->retry);
}

static void unknown_statuses_are_bearable(void **unused)
{
    (void)unused;
    assert_int_equal(hp_status_from_word("nonsense"), -1);
    assert_int_equal(hp_status_from_word(""), -1);
    assert_int_equal(hp_status_from_word(NULL), -1);
    assert_non_null(hp_status_info((enum hp_status)HP_STATUS_COUNT));
    assert_int_not_equal(hp_status_info((enum hp_status)1000)->exit, 0);
}

static void reasons_are_complete(void **unused)
{
    (void)unused;
    int count = 0;
    for (int i = 0; i <= HP_REASON_MAX; i++) {
        const struct hp_reason_info *info = hp_reason_info(i);
        bool gap = i == 0 || i == 1 || i == 15;
        assert_int_equal(info == NULL, gap);
        if (info == NULL)
            continue;
        char code[16];
        snprintf(code, sizeof code, "R%02d", i);
        assert_string_equal(info->code, code);
        assert_int_equal(hp_reason_from_code(code), i);
        assert_true(strlen(info->title) > 10 && info->title[strlen(info->title) - 1] != '.');
        assert_true(strlen(info->meaning) > 60);
        assert_true(strlen(info->remedy) > 40);
        assert_non_null(strstr(info->example, "\n-- after:"));
        assert_int_equal(info->example[strlen(info->example) - 1], '\n');
        count++;
    }
    assert_int_equal(count, 18);
    assert_null(hp_reason_info(-1));
    assert_null(hp_reason_info(HP_REASON_MAX + 1));
}

/* design.md, section 5: the column "by default", and which refusals nobody can accept. */
static void reasons_do_what_the_design_says(void **unused)
{
    (void)unused;
    const int refused[] = {2, 4, 7, 9, 14, 16, 17, 19, 20};
    const int reported[] = {8, 13};
    enum hp_reason_default expected[HP_REASON_MAX + 1];
    for (int i = 0; i <= HP_REASON_MAX; i++)
        expected[i] = HP_REASON_WARN;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        expected[refused[i]] = HP_REASON_REFUSE;
    for (size_t i = 0; i < sizeof reported / sizeof *reported; i++)
        expected[reported[i]] = HP_REASON_REPORT;
    for (int i = 0; i <= HP_REASON_MAX; i++) {
        const struct hp_reason_info *info = hp_reason_info(i);
        if (info != NULL) {
            assert_int_equal(info->by_default, expected[i]);
            assert_int_equal(info->acceptable, i != HP_R14_NOT_PATCHABLE && i != HP_R17_DENIED);
        }
    }
}

static void codes_are_read_leniently_but_not_guessed(void **unused)
{
    (void)unused;
    assert_int_equal(hp_reason_from_code("R06"), 6);
    assert_int_equal(hp_reason_from_code("R6"), 6);
    assert_int_equal(hp_reason_from_code("r6"), 6);
    assert_int_equal(hp_reason_from_code("r20"), 20);
    const char *bad[] = {"",    "R",    "6",   "R00", "R01", "R15",         "R21",
                         "R6x", "R006", "R-6", "R 6", "RR6", "R99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(hp_reason_from_code(bad[i]), 0);
    assert_int_equal(hp_reason_from_code(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_are_those_of_the_contract),
        cmocka_unit_test(words_are_unique),
        cmocka_unit_test(failures_promise_that_nothing_changed),
        cmocka_unit_test(unknown_statuses_are_bearable),
        cmocka_unit_test(reasons_are_complete),
        cmocka_unit_test(reasons_do_what_the_design_says),
        cmocka_unit_test(codes_are_read_leniently_but_not_guessed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
