#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/cmd.h"
#include "proto/suggest.h"

static void distances(void **state)
{
    (void)state;
    assert_int_equal(hp_suggest_distance("", ""), 0);
    assert_int_equal(hp_suggest_distance("push", "push"), 0);
    assert_int_equal(hp_suggest_distance("PUSH", "push"), 0);
    assert_int_equal(hp_suggest_distance("", "abc"), 3);
    assert_int_equal(hp_suggest_distance("abc", ""), 3);
    assert_int_equal(hp_suggest_distance("psuh", "push"), 1); /* a swap is one edit */
    assert_int_equal(hp_suggest_distance("puh", "push"), 1);
    assert_int_equal(hp_suggest_distance("kitten", "sitting"), 3);
    assert_int_equal(hp_suggest_distance("abcdef", "badcfe"), 3);
}

static void distance_of_long_words(void **state)
{
    char a[200];
    char b[200];
    (void)state;
    memset(a, 'a', sizeof a);
    memset(b, 'b', sizeof b);
    a[199] = b[199] = '\0';
    assert_int_equal(hp_suggest_distance(a, b), 63);
    assert_int_equal(hp_suggest_distance(a, a), 0);
}

static const char *suggest(const char *word, const char *first, const char *second)
{
    struct hp_suggest suggest;
    hp_suggest_init(&suggest, word);
    hp_suggest_offer(&suggest, first);
    hp_suggest_offer(&suggest, second);
    return suggest.best;
}

static void the_closest_word(void **state)
{
    char longest[200];
    (void)state;
    assert_string_equal(suggest("nam", "state", "name"), "name");
    assert_string_equal(suggest("max_pause", "name", "max_pause_ms"), "max_pause_ms");
    assert_string_equal(suggest("lsiten", "listen", "state"), "listen");
    assert_string_equal(suggest("rat", "cat", "hat"), "cat"); /* the first of equals */
    assert_null(suggest("zzzzzz", "name", "state"));
    assert_null(suggest("", "name", "state"));
    assert_null(suggest("a", "name", "state"));
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_null(suggest(longest, "name", "max_pause_ms"));
}

static void closest_command(void **state)
{
    (void)state;
    assert_string_equal(hp_cmd_closest("psuh"), "push");
    assert_string_equal(hp_cmd_closest("pus"), "push");
    assert_string_equal(hp_cmd_closest("dif"), "diff");
    assert_string_equal(hp_cmd_closest("reverse"), "revert");
    assert_string_equal(hp_cmd_closest("inspct"), "inspect");
    assert_null(hp_cmd_closest("xyzzy"));
}

static void every_command_is_complete(void **state)
{
    unsigned bits = 0;
    (void)state;
    for (size_t i = 0; HP_COMMANDS[i] != NULL; i++) {
        const struct hp_command *c = HP_COMMANDS[i];
        assert_non_null(c->run);
        assert_true(strlen(c->summary) > 0 && strlen(c->about) > 0 && strlen(c->examples) > 0);
        assert_int_equal(bits & c->bit, 0);
        bits |= (unsigned)c->bit;
        assert_ptr_equal(hp_cmd_find(c->name), c);
    }
    assert_int_equal(bits, HP_CMD_ALL);
    assert_null(hp_cmd_find("nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances),
        cmocka_unit_test(distance_of_long_words),
        cmocka_unit_test(the_closest_word),
        cmocka_unit_test(closest_command),
        cmocka_unit_test(every_command_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
