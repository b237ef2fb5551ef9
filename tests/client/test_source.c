#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/git.h"
#include "client/source.h"

static int setup(void **state)
{
    static struct hp_cli cli;
    hp_cli_init(&cli);
    *state = &cli;
    return 0;
}

static int teardown(void **state)
{
    hp_cli_fini(*state);
    return 0;
}

static struct hp_bytes bytes(const char *s)
{
    return (struct hp_bytes){s, strlen(s)};
}

static void good_source(void **state)
{
    struct hp_cli *cli = *state;
    assert_true(hp_source_check(cli, "a.lua", bytes("local a <const> = 1; goto x ::x:: return a // 2")));
    assert_true(hp_source_check(cli, "a.lua", bytes("")));
    assert_true(hp_source_check(cli, "a.lua", (struct hp_bytes){"return '\0'", 10}));
}

static void syntax_error(void **state)
{
    struct hp_cli *cli = *state;
    assert_false(hp_source_check(cli, "odd:7: name.lua", bytes("local a = 1\r\nlocal b = = 2\r\nreturn a")));
    const struct hp_report_error *error = cli->report.error;
    assert_int_equal(cli->report.status, HP_LOAD_FAILED);
    assert_string_equal(error->file, "odd:7: name.lua");
    assert_int_equal(error->line, 2);
    assert_string_equal(error->source_line, "local b = = 2");
    assert_string_equal(error->text, "unexpected symbol near '='");
}

static void error_at_the_end(void **state)
{
    struct hp_cli *cli = *state;
    assert_false(hp_source_check(cli, "a.lua", bytes("function f()\n  return 1\n")));
    assert_int_equal(cli->report.error->line, 3);
    assert_string_equal(cli->report.error->source_line, "");
}

static void precompiled(void **state)
{
    struct hp_cli *cli = *state;
    assert_false(hp_source_check(cli, "a.luac", bytes("\x1bLua")));
    assert_int_equal(cli->report.status, HP_REFUSED);
}

static void trims_like_loadfile(void **state)
{
    struct hp_cli *cli = *state;
    struct hp_bytes text = bytes("\xef\xbb\xbf#!/usr/bin/lua\nreturn 1");
    hp_source_trim(&cli->arena, &text);
    assert_int_equal(text.len, strlen("\nreturn 1"));
    assert_memory_equal(text.data, "\nreturn 1", text.len);
    text = bytes("# only");
    hp_source_trim(&cli->arena, &text);
    assert_int_equal(text.len, 0);
    text = bytes("return #x");
    hp_source_trim(&cli->arena, &text);
    assert_int_equal(text.len, 9);
}

static void unreadable(void **state)
{
    struct hp_cli *cli = *state;
    struct hp_bytes text;
    assert_false(hp_source_read(cli, "/nonexistent/x.lua", &text));
    assert_int_equal(cli->report.status, HP_LOAD_FAILED);
    assert_non_null(strstr(cli->report.error->text, "No such file"));
}

static void a_folder(void **state)
{
    struct hp_cli *cli = *state;
    struct hp_bytes text;
    assert_false(hp_source_read(cli, "/tmp", &text));
    assert_non_null(strstr(cli->report.error->text, "directory"));
}

static void too_large(void **state)
{
    struct hp_cli *cli = *state;
    struct hp_bytes text;
    assert_false(hp_source_read(cli, "/dev/zero", &text));
    assert_int_equal(cli->report.status, HP_LIMIT);
}

static void run_shell(const char *dir, const char *command)
{
    char line[1024];
    snprintf(line, sizeof line, "cd '%s' && (%s) >/dev/null 2>&1", dir, command);
    assert_int_equal(system(line), 0);
}

static void from_git(void **state)
{
    struct hp_cli *cli = *state;
    struct hp_bytes text = {NULL, 0};
    char dir[] = "/tmp/hp-git-XXXXXX";
    char file[128];
    assert_non_null(mkdtemp(dir));
    run_shell(dir,
              "git init -q . && mkdir 'a b' && printf 'return 1\\n' > 'a b/m.lua' && git add . && "
              "git -c user.name=t -c user.email=t@t commit -qm one && printf 'return 2\\n' > 'a b/m.lua'");
    snprintf(file, sizeof file, "%s/a b/m.lua", dir);
    assert_true(hp_git_show(cli, "HEAD", file, &text));
    assert_int_equal(text.len, 9);
    assert_memory_equal(text.data, "return 1\n", 9);
    assert_false(hp_git_show(cli, "nosuch", file, &text));
    assert_int_equal(cli->report.status, HP_LOAD_FAILED);
    assert_non_null(strstr(cli->report.error->text, "nosuch"));
    run_shell("/tmp", "true");
    char remove[256];
    snprintf(remove, sizeof remove, "rm -r '%s'", dir);
    run_shell("/tmp", remove);
}

static void git_revisions_that_are_none(void **state)
{
    static const char *const bad[] = {"A..B", "--help", "HEAD:x"};
    for (size_t i = 0; i < 3; i++) {
        assert_false(hp_git_check_rev(*state, bad[i]));
        assert_int_equal(((struct hp_cli *)*state)->report.status, HP_USAGE);
        teardown(state);
        setup(state);
    }
    assert_true(hp_git_check_rev(*state, "v1.0~2^{commit}"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(good_source),
        TEST(syntax_error),
        TEST(error_at_the_end),
        TEST(precompiled),
        TEST(trims_like_loadfile),
        TEST(unreadable),
        TEST(a_folder),
        TEST(too_large),
        TEST(from_git),
        TEST(git_revisions_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
