#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/cmd.h"
#include "client/options.h"
#include "proto/protocol.h"

struct parsed {
    struct hp_cli cli;
    bool ok;
};

static int setup(void **state)
{
    static struct parsed parsed;
    hp_cli_init(&parsed.cli);
    *state = &parsed;
    return 0;
}

static int teardown(void **state)
{
    struct parsed *p = *state;
    hp_cli_fini(&p->cli);
    return 0;
}

/* Reads a NULL-terminated list of arguments as those of `command`. */
static struct hp_cli *parse(void **state, const struct hp_command *command, char *const argv[])
{
    struct parsed *p = *state;
    int argc = 0;
    while (argv[argc] != NULL)
        argc++;
    p->cli.command = command;
    p->ok = hp_options_parse(&p->cli, argc, argv);
    return &p->cli;
}
#define PARSE(command, ...) parse(state, (command), (char *[]){__VA_ARGS__, NULL})
#define OK                  assert_true(((struct parsed *)*state)->ok)

/* The line is refused as wrong usage, with `part` in the sentence. */
static void refused(void **state, const char *part)
{
    struct parsed *p = *state;
    assert_false(p->ok);
    assert_int_equal(p->cli.report.status, HP_USAGE);
    assert_non_null(p->cli.report.error);
    if (strstr(p->cli.report.error->text, part) == NULL)
        fail_msg("\"%s\" has no \"%s\"", p->cli.report.error->text, part);
}

static void defaults(void **state)
{
    struct hp_cli *cli = PARSE(&hp_cmd_push, "a.lua");
    OK;
    assert_int_equal(cli->pid, 0);
    assert_true(cli->timeout_s > 4.99 && cli->timeout_s < 5.01);
    assert_int_equal(cli->format, HP_FORMAT_TEXT);
    assert_null(cli->options.effects);
    assert_false(cli->options.strict);
}

static void both_forms_of_long_options(void **state)
{
    struct hp_cli *cli = PARSE(&hp_cmd_push, "--pid", "12", "--state=fight", "--effects=new", "--max-pause",
                               "2.5", "a.lua", "--message", "why not");
    OK;
    assert_int_equal(cli->pid, 12);
    assert_string_equal(cli->state, "fight");
    assert_string_equal(cli->options.effects, "new");
    assert_true(cli->options.max_pause_ms > 2.4 && cli->options.max_pause_ms < 2.6);
    assert_string_equal(cli->options.message, "why not");
    assert_int_equal(cli->files.count, 1);
}

static void value_may_hold_equals(void **state)
{
    struct hp_cli *cli = PARSE(&hp_cmd_push, "--message=a=b", "x");
    OK;
    assert_string_equal(cli->options.message, "a=b");
}

static void files(void **state)
{
    struct hp_cli *cli = PARSE(&hp_cmd_push, "battle=src/battle.lua", "-m", "rooms", "a=b.lua", "./x=y.lua",
                               "-", "@plugins/a.lua=fix.lua", "--", "--odd.lua");
    OK;
    assert_int_equal(cli->files.count, 6);
    assert_string_equal(cli->files.items[0].module, "battle");
    assert_string_equal(cli->files.items[0].file, "src/battle.lua");
    assert_string_equal(cli->files.items[1].module, "rooms");
    assert_string_equal(cli->files.items[1].file, "a=b.lua");
    assert_null(cli->files.items[2].module);
    assert_string_equal(cli->files.items[2].file, "./x=y.lua");
    assert_null(cli->files.items[3].module);
    assert_string_equal(cli->files.items[3].file, "-");
    assert_string_equal(cli->files.items[4].module, "@plugins/a.lua");
    assert_string_equal(cli->files.items[4].file, "fix.lua");
    assert_string_equal(cli->files.items[5].file, "--odd.lua");
}

static void module_option_needs_a_file(void **state)
{
    PARSE(&hp_cmd_push, "a.lua", "-m", "rooms");
    refused(state, "-m rooms has no FILE");
}

static void empty_halves(void **state)
{
    PARSE(&hp_cmd_push, "battle=");
    refused(state, "both sides");
}

static void bases(void **state)
{
    struct hp_cli *cli = PARSE(&hp_cmd_diff, "--base", "old.lua", "--base=b=old_b.lua", "x");
    OK;
    assert_int_equal(cli->bases.count, 2);
    assert_null(cli->bases.items[0].module);
    assert_string_equal(cli->bases.items[1].module, "b");
    assert_string_equal(cli->bases.items[1].file, "old_b.lua");
}

static void accept_lists(void **state)
{
    struct hp_cli *cli = PARSE(&hp_cmd_revert, "--accept", "R04,r12", "--accept=R2");
    OK;
    assert_int_equal(cli->options.accept.count, 3);
    assert_string_equal(cli->options.accept.items[0], "R04");
    assert_string_equal(cli->options.accept.items[1], "R12");
    assert_string_equal(cli->options.accept.items[2], "R02");
}

static void accept_unknown(void **state)
{
    PARSE(&hp_cmd_push, "--accept", "R04,R21", "x");
    refused(state, "did you mean R");
}

static void accept_what_cannot_be(void **state)
{
    PARSE(&hp_cmd_push, "--accept=R14", "x");
    refused(state, "R14 cannot be accepted");
}

static void unknown_option(void **state)
{
    PARSE(&hp_cmd_push, "--efects=new");
    refused(state, "did you mean --effects?");
}

static void unknown_letter(void **state)
{
    PARSE(&hp_cmd_push, "-z");
    refused(state, "no option -z");
}

static void option_of_another_command(void **state)
{
    PARSE(&hp_cmd_push, "--exit-code");
    refused(state, "belongs to: diff");
}

static void value_missing(void **state)
{
    PARSE(&hp_cmd_status, "--pid");
    refused(state, "--pid needs a value");
}

static void value_too_many(void **state)
{
    PARSE(&hp_cmd_push, "--strict=yes");
    refused(state, "takes no value");
}

static void bad_words_and_numbers(void **state)
{
    static char *const bad[] = {"--effects=all",  "--format=xml", "--merge=three",  "--pid=0",
                                "--pid=12x",      "--pid=-1",     "--timeout=0",    "--timeout=nan",
                                "--timeout=",     "--timeout=1s", "--max-pause=-1", "--timeout=inf",
                                "--state=",       "--id=a b",     "--id=",          "--pid= 1",
                                "--refs=nowhere", "--timeout= 1", "--base==x",      "--pid=99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct parsed *p = *state;
        PARSE(&hp_cmd_push, bad[i]);
        if (p->ok || p->cli.report.status != HP_USAGE)
            fail_msg("%s was taken", bad[i]);
        teardown(state);
        setup(state);
    }
}

static void id_limits(void **state)
{
    char text[8 + HP_MAX_ID + 2] = "--id=";
    memset(text + 5, 'x', HP_MAX_ID);
    PARSE(&hp_cmd_push, text);
    OK;
    text[5 + HP_MAX_ID] = 'x';
    PARSE(&hp_cmd_push, text);
    refused(state, "1 to 128");
}

static void targets_exclude_one_another(void **state)
{
    PARSE(&hp_cmd_status, "--pid=1", "--name=game");
    refused(state, "exclude one another");
}

static void eval_code(void **state)
{
    struct hp_cli *cli = PARSE(&hp_cmd_eval, "-e", "-1", "--quiet");
    OK;
    assert_string_equal(cli->code, "-1");
    assert_true(cli->quiet);
}

static void format_is_found_early(void **state)
{
    char *argv[] = {"hotpatch", "push", "--bad", "--format", "json", NULL};
    char *other[] = {"hotpatch", "push", "--format=msgpack", "--", "--format=json", NULL};
    (void)state;
    assert_int_equal(hp_options_format(5, argv), HP_FORMAT_JSON);
    assert_int_equal(hp_options_format(4, argv), HP_FORMAT_TEXT);
    assert_int_equal(hp_options_format(5, other), HP_FORMAT_MSGPACK);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults),
        TEST(both_forms_of_long_options),
        TEST(value_may_hold_equals),
        TEST(files),
        TEST(module_option_needs_a_file),
        TEST(empty_halves),
        TEST(bases),
        TEST(accept_lists),
        TEST(accept_unknown),
        TEST(accept_what_cannot_be),
        TEST(unknown_option),
        TEST(unknown_letter),
        TEST(option_of_another_command),
        TEST(value_missing),
        TEST(value_too_many),
        TEST(bad_words_and_numbers),
        TEST(id_limits),
        TEST(targets_exclude_one_another),
        TEST(eval_code),
        TEST(format_is_found_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
