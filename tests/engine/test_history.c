/* What a revert puts back, what it leaves, and what the history keeps alive: nothing that a revert does not
 * need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "patch_fixture.h"

static const char program[] = "local count = 0\n"
                              "local function helper() return 1 end\n"
                              "M = { VERSION = '1', rates = { 1 } }\n"
                              "function M.inc() count = count + helper() return count end\n"
                              "function M.get() return count end\n"
                              "M.add = M.inc\n"
                              "function M.old() return 'old' end\n"
                              "weak = setmetatable({}, { __mode = 'v' })\n"
                              "M.inc() M.inc()\n"; /* count is 2 */

/* A helper that gives 10 n, and inc which adds n to what it counts. */
static const struct hp_prototype_tree *new_tree(struct fixture *f, int n)
{
    char text[256];
    snprintf(text, sizeof text,
             "local count = 0\n"
             "local function helper() return %d end\n"
             "local function inc() count = count + helper() return count end\n"
             "local function added() return %d end\n"
             "return count, helper, inc, added\n",
             10 * n, n);
    return fx_tree(f, text);
}

/* inc stands in two fields; its helper in a cell; a field is added, one removed, one changed; a metatable is
 * set. */
static void plan_patch(struct fixture *f, int n, bool first)
{
    const struct hp_prototype_tree *tree = new_tree(f, n);
    hp_handle m = fx_handle(f, "M"), old_inc = fx_handle(f, "M.inc");
    struct hp_value old_helper = fx_live(f, "select(2, debug.getupvalue(M.inc, 2))");
    struct hp_value helper = fx_function(f, tree, 1, "inc^helper", old_helper.index);
    struct hp_value inc = fx_function(f, tree, 2, "inc", old_inc);
    fx_join(f, inc, old_inc, 0);
    fx_join(f, inc, old_inc, 1);
    fx_field(f, HP_STEP_SET_FIELD, m, "inc", inc, fx_live(f, "M.inc"));
    fx_field(f, HP_STEP_SET_FIELD, m, "add", inc, fx_live(f, "M.add"));
    fx_step(f, HP_STEP_SET_CELL, helper, old_helper, "inc^helper")->place =
        (struct hp_cell_place){old_inc, 1};
    struct hp_value added = fx_function(f, tree, 3, "added", first ? 0 : fx_handle(f, "M.added"));
    if (!first) {
        fx_field(f, HP_STEP_SET_FIELD, m, "added", added, fx_live(f, "M.added"));
        return;
    }
    fx_field(f, HP_STEP_ADD_FIELD, m, "added", added, fx_nil());
    fx_field(f, HP_STEP_ADD_FIELD, m, "limit", fx_integer(f, 5), fx_nil());
    fx_field(f, HP_STEP_ADD_FIELD, m, "new", fx_table(f, fx_nil()), fx_nil());
    fx_field(f, HP_STEP_SET_FIELD, m, "VERSION", fx_string(f, "2"), fx_string(f, "1"));
    fx_field(f, HP_STEP_SET_FIELD, m, "rates", fx_table(f, fx_nil()), fx_live(f, "M.rates"));
    fx_field(f, HP_STEP_REMOVE_FIELD, m, "old", fx_nil(), fx_live(f, "M.old"));
    fx_step(f, HP_STEP_SET_METATABLE, fx_table(f, fx_nil()), fx_nil(), "@mt")->target = m;
}

static void opened(struct fixture *f)
{
    fx_open(f, program);
    fx_begin(f);
}

static void patched(struct fixture *f, int n, bool first)
{
    fx_begin(f);
    plan_patch(f, n, first);
    assert_int_equal(fx_run(f), HP_OK);
    fx_begin(f);
}

static void test_revert_puts_everything_back(void **state)
{
    (void)state;
    for (int old_ones_die = 0; old_ones_die < 2; old_ones_die++) {
        struct fixture f;
        opened(&f);
        fx_lua(&f, "rates = M.rates");
        patched(&f, 1, true);
        fx_lua(&f, "assert(M.inc() == 12 and M.add == M.inc and M.added() == 1 and M.old == nil and "
                   "M.VERSION == '2')\n"
                   "assert(M.rates ~= rates and getmetatable(M))");
        if (old_ones_die)
            fx_lua(&f, "collectgarbage() collectgarbage()");
        fx_begin(&f);
        assert_int_equal(fx_revert(&f), HP_OK);
        fx_lua(
            &f,
            "assert(M.inc() == 13) assert(M.get() == 13) assert(M.add == M.inc) assert(M.added == nil)\n"
            "assert(M.old() == 'old' and M.VERSION == '1' and M.rates == rates and getmetatable(M) == nil)\n"
            "assert(M.limit == nil and M.new == nil)");
        assert_int_equal(f.report.patch, 1);
        assert_int_equal(f.report.generation, 2);
        assert_int_equal(hp_history_last(f.history), 0);
        assert_int_equal(hp_history_applied(f.history), 0);
        fx_close(&f);
    }
}

/* A function that somebody else still holds comes back itself, not a copy. */
static void test_a_function_that_lives_comes_back_itself(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    fx_lua(&f, "inc, old = M.inc, M.old");
    patched(&f, 1, true);
    fx_lua(&f, "collectgarbage() collectgarbage()");
    assert_int_equal(fx_revert(&f), HP_OK);
    fx_lua(&f, "assert(M.inc == inc and M.add == inc and M.old == old)");
    fx_close(&f);
}

static void inherit(struct fixture *f, const char *function, const char *heir)
{
    lua_getglobal(f->L, function);
    hp_history_await_heir(f->history, f->L);
    lua_getglobal(f->L, function);
    lua_getglobal(f->L, heir);
    hp_history_inherit(f->history, f->L);
}

static void check_heir(struct fixture *f, const char *function, const char *expected)
{
    lua_getglobal(f->L, function);
    hp_history_push_heir(f->history, f->L);
    lua_getglobal(f->L, expected);
    assert_true(lua_rawequal(f->L, -1, -2));
    lua_pop(f->L, 2);
}

/* What took the place of a function may give it back. */
static void test_heirs(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    fx_lua(&f, "a, b, c = function() return 1 end, function() return 2 end, function() return 3 end");
    inherit(&f, "a", "b");
    inherit(&f, "b", "c");
    check_heir(&f, "a", "c");
    check_heir(&f, "c", "c");
    inherit(&f, "c", "b");
    check_heir(&f, "a", "b");
    check_heir(&f, "b", "b");
    check_heir(&f, "c", "b");
    inherit(&f, "b", "c");
    check_heir(&f, "a", "c");
    fx_close(&f);
}

static void test_old_functions_die_and_the_history_kept_their_successor(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    fx_lua(&f, "weak.inc = M.inc weak.helper = select(2, debug.getupvalue(M.inc, 2)) weak.old = M.old");
    patched(&f, 1, true);
    fx_lua(&f, "collectgarbage() collectgarbage() assert(next(weak) == nil)");
    /* The new ones are not kept either, once something else replaces them. */
    fx_lua(&f, "weak.inc = M.inc weak.added = M.added M.inc = nil M.add = nil M.added = nil collectgarbage() "
               "collectgarbage()\n"
               "assert(next(weak) == nil)");
    fx_close(&f);
}

static void test_a_revert_leaves_what_the_server_changed(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    patched(&f, 1, true);
    fx_lua(&f, "wrapped = M.inc M.inc = function() return 'wrapped' end M.limit = 6 M.new = {} M.VERSION = "
               "'3' M.old = 1\n"
               "mt = {} setmetatable(M, mt) M.added = print M.rates = nil");
    assert_int_equal(fx_revert(&f), HP_OK);
    fx_lua(&f, "assert(M.inc() == 'wrapped' and M.limit == 6 and M.new and M.VERSION == '3' and M.old == 1)\n"
               "assert(getmetatable(M) == mt and M.added == print and M.rates == nil)\n"
               "assert(M.add() == 3 and M.add ~= wrapped)"); /* this one was not touched: it is the old one */
    const struct hp_report_module *module = &f.report.modules.items[0];
    size_t kept = 0;
    for (size_t i = 0; i < module->fields.count; i++)
        kept += strcmp(module->fields.items[i].action, "kept") == 0;
    assert_int_equal(kept, 8);
    fx_close(&f);
}

static void test_several_patches_last_first(void **state)
{
    (void)state;
    for (int collect = 0; collect < 2; collect++) {
        struct fixture f;
        opened(&f);
        patched(&f, 1, true);
        patched(&f, 2, false);
        patched(&f, 3, false);
        fx_lua(&f, "assert(M.inc() == 32 and M.added() == 3)");
        static const char *const after[] = {
            "assert(M.inc() == 52 and M.added() == 2 and M.add == M.inc)",
            "assert(M.inc() == 62 and M.added() == 1 and M.add == M.inc)",
            /* What the first patch added had been replaced and put back: it is known for what it is. */
            "assert(M.inc() == 63 and M.added == nil and M.add == M.inc and M.old)",
        };
        for (int i = 0; i < 3; i++) {
            if (collect)
                fx_lua(&f, "collectgarbage() collectgarbage()");
            fx_begin(&f);
            assert_int_equal(hp_history_last(f.history), 3 - i);
            assert_int_equal(fx_revert(&f), HP_OK);
            fx_lua(&f, after[i]);
            assert_false(hp_history_in_force(f.history, 3 - i));
        }
        fx_begin(&f);
        assert_int_equal(fx_revert(&f), HP_REFUSED);
        assert_non_null(f.report.error);
        fx_close(&f);
    }
}

static void test_log(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    patched(&f, 1, true);
    patched(&f, 2, false);
    assert_int_equal(fx_revert(&f), HP_OK);
    assert_int_equal(f.report.modules.count, 1);
    const struct hp_report_module *module = &f.report.modules.items[0];
    assert_int_equal(module->functions.count, 3);
    assert_string_equal(module->functions.items[1].path, "inc");
    assert_string_equal(module->functions.items[1].verdict, "replaced");
    assert_string_equal(module->functions.items[1].was, "battle.lua:3");
    assert_int_equal(module->functions.items[1].line, 3);
    fx_begin(&f);
    hp_history_log(f.history, &f.report);
    assert_int_equal(f.report.patches.count, 2);
    const struct hp_report_patch *newest = &f.report.patches.items[0];
    assert_int_equal(newest->patch, 2);
    assert_string_equal(newest->status, "reverted");
    assert_string_equal(newest->modules.items[0], "battle");
    assert_string_equal(newest->who, "uid 1");
    assert_string_equal(newest->message, "a test");
    assert_int_equal(strlen(newest->when), strlen("2026-01-01T00:00:00Z"));
    assert_int_equal(newest->functions, 3);
    assert_string_equal(f.report.patches.items[1].status, "applied");
    fx_close(&f);
}

static void test_texts_follow(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    static const char *const texts[] = {"text 1", "text 2"};
    struct hp_source source;
    for (int i = 0; i < 2; i++) {
        fx_begin(&f);
        plan_patch(&f, i + 1, i == 0);
        f.plan.modules.items[0].chunk_name = "@battle.lua";
        f.plan.modules.items[0].text = texts[i];
        f.plan.modules.items[0].text_len = strlen(texts[i]);
        assert_int_equal(fx_run(&f), HP_OK);
        assert_true(hp_sources_find(f.sources, "battle", &source));
        assert_memory_equal(source.text, texts[i], source.len);
    }
    fx_begin(&f);
    assert_int_equal(fx_revert(&f), HP_OK);
    assert_true(hp_sources_find(f.sources, "battle", &source));
    assert_memory_equal(source.text, texts[0], source.len);
    fx_begin(&f);
    assert_int_equal(fx_revert(&f), HP_OK);
    assert_false(hp_sources_find(f.sources, "battle", &source));
    fx_close(&f);
}

static struct hp_plan_hook hook(struct fixture *f, const char *chunk)
{
    const struct hp_prototype_tree *tree = fx_tree(f, chunk);
    struct hp_value function = fx_function(f, tree, 1, "__hook", 0);
    fx_join(f, function, fx_handle(f, "_G.dofile and load('return 1')"), 0); /* an _ENV that is the globals */
    return (struct hp_plan_hook){true, function};
}

static void test_hotfix_needs_hotrevert(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    plan_patch(&f, 1, true);
    f.plan.modules.items[0].hotfix = hook(&f, "return function(m) fixed = m.inc() end");
    assert_int_equal(fx_run(&f), HP_OK);
    fx_lua(&f, "assert(fixed == 12)");
    fx_begin(&f);
    assert_int_equal(fx_plan_revert(&f), HP_OK);
    assert_int_equal(f.report.refusals.count, 1);
    assert_string_equal(f.report.refusals.items[0].code, "R19");
    fx_close(&f);
}

static void test_hotrevert_runs_and_its_error_rolls_the_revert_back(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    plan_patch(&f, 1, true);
    f.plan.modules.items[0].hotfix = hook(&f, "return function(m) fail = true end");
    f.plan.modules.items[0].hotrevert =
        hook(&f, "return function(m, info) print('reverting', info.patch, info.revert) assert(not fail, 'not "
                 "yet') seen = m.inc() end");
    assert_int_equal(fx_run(&f), HP_OK);
    fx_lua(&f, "collectgarbage() collectgarbage()");

    fx_begin(&f);
    char *before = fx_snapshot(&f);
    assert_int_equal(fx_revert(&f), HP_ROLLED_BACK);
    char *after = fx_snapshot(&f);
    assert_string_equal(before, after);
    hp_mem_free(before);
    hp_mem_free(after);
    assert_int_equal(f.report.refusals.count, 0);
    assert_int_equal(f.report.modules.items[0].functions.count, 3); /* hooks are not listed */
    assert_non_null(strstr(f.report.error->text, "not yet"));
    assert_true(hp_history_in_force(f.history, 1));
    assert_int_equal(hp_history_generation(f.history), 1);

    fx_lua(&f, "fail = false");
    fx_begin(&f);
    assert_int_equal(fx_revert(&f), HP_OK);
    assert_string_equal(f.report.output, "reverting\t1\ttrue\n");
    fx_lua(&f, "assert(seen == 3 and M.old)");
    assert_false(hp_history_in_force(f.history, 1));
    fx_close(&f);
}

static void test_only_the_last_can_be_reverted(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    patched(&f, 1, true);
    for (int i = 2; i <= HP_HISTORY_REVERTIBLE + 6; i++)
        patched(&f, i, false);
    assert_int_equal(hp_history_applied(f.history), HP_HISTORY_REVERTIBLE + 6);
    for (int i = 0; i < HP_HISTORY_REVERTIBLE; i++) {
        fx_begin(&f);
        assert_int_equal(fx_revert(&f), HP_OK);
    }
    fx_lua(&f, "assert(M.added() == 6)");
    fx_begin(&f);
    assert_int_equal(fx_revert(&f), HP_REFUSED);
    assert_non_null(strstr(f.report.error->text, "too old"));
    /* There is room again for new ones, and they can be reverted. */
    patched(&f, 100, false);
    assert_int_equal(fx_revert(&f), HP_OK);
    fx_lua(&f, "assert(M.added() == 6)");
    fx_close(&f);
}

static void test_the_log_is_bounded(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    patched(&f, 1, true);
    for (int i = 0; i < HP_HISTORY_LOGGED + 10; i++) {
        patched(&f, 2, false);
        assert_int_equal(fx_revert(&f), HP_OK);
    }
    fx_begin(&f);
    hp_history_log(f.history, &f.report);
    assert_in_range(f.report.patches.count, HP_HISTORY_LOGGED,
                    HP_HISTORY_LOGGED + 1); /* the one in force stays */
    assert_int_equal(hp_history_last(f.history), 1);
    fx_begin(&f);
    assert_int_equal(fx_revert(&f), HP_OK);
    fx_lua(&f, "assert(M.added == nil and M.inc() == 3)");
    fx_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_revert_puts_everything_back),
        cmocka_unit_test(test_a_function_that_lives_comes_back_itself),
        cmocka_unit_test(test_heirs),
        cmocka_unit_test(test_old_functions_die_and_the_history_kept_their_successor),
        cmocka_unit_test(test_a_revert_leaves_what_the_server_changed),
        cmocka_unit_test(test_several_patches_last_first),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_texts_follow),
        cmocka_unit_test(test_hotfix_needs_hotrevert),
        cmocka_unit_test(test_hotrevert_runs_and_its_error_rolls_the_revert_back),
        cmocka_unit_test(test_only_the_last_can_be_reverted),
        cmocka_unit_test(test_the_log_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
