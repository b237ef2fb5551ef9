/* Memory that runs out at any moment of carrying out a plan: nothing has changed; and the commit itself needs
 * none.
 *
 * The first allocation is refused, then the second, and so on until the whole plan goes through; each time
 * everything from there on is refused (so undoing may not allocate either), then only that one (so the
 * collector runs in the middle). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "patch_fixture.h"

#define ENOUGH 5000 /* more allocations than any plan here needs */

static const char program[] = "local count = 0\n"
                              "local function helper() return 1 end\n"
                              "M = { VERSION = '1', list = { 1, 2 } }\n"
                              "function M.inc() count = count + helper() return count end\n"
                              "function M.old() return 'old' end\n"
                              "function pure(t) return { level = t.level } end\n";

static const char new_text[] = "local count, step = 0, 5\n"
                               "local function helper() return 100 end\n"
                               "local function inc() count = count + helper() return count end\n"
                               "local function stepper() step = step + 1 return step end\n"
                               "return function(m, info) print(info.patch, 'a line long enough to need "
                               "memory of its own, and then some') end\n";

enum with { PLAIN = 0, WITH_REPLAY = 1, WITH_HOOKS = 2 };

/* One of everything that a plan can bring. */
static void plan_everything(struct fixture *f, int with)
{
    const struct hp_prototype_tree *tree = fx_tree(f, new_text);
    hp_handle m = fx_handle(f, "M"), old_inc = fx_handle(f, "M.inc");
    struct hp_value old_helper = fx_live(f, "select(2, debug.getupvalue(M.inc, 2))");
    struct hp_value helper = fx_function(f, tree, 1, "inc^helper", old_helper.index);
    struct hp_value inc = fx_function(f, tree, 2, "inc", old_inc);
    fx_join(f, inc, old_inc, 0);
    fx_join(f, inc, old_inc, 1);
    uint32_t cell = fx_cell(f, fx_integer(f, 5));
    for (int i = 0; i < 12; i++) { /* keys enough to make the table grow more than once */
        char name[16];
        snprintf(name, sizeof name, "step%d", i);
        struct hp_value step = fx_function(f, tree, 3, "step", 0);
        fx_join_cell(f, step, cell);
        fx_field(f, HP_STEP_ADD_FIELD, m, name, step, fx_nil());
    }
    struct hp_value mt = fx_table(f, fx_nil()), table = fx_table(f, mt);
    fx_pair(f, mt, fx_string(f, "__index"), mt);
    fx_pair(f, table, fx_string(f, "self"), table);
    fx_field(f, HP_STEP_ADD_FIELD, m, "table", table, fx_nil());
    struct hp_value *body = HP_PUSH(&f->plan.arena, &f->plan.coroutines);
    *body = inc;
    fx_field(f, HP_STEP_ADD_FIELD, m, "co", fx_ref(HP_VALUE_COROUTINE, 0), fx_nil());
    fx_field(f, HP_STEP_SET_FIELD, m, "inc", inc, fx_live(f, "M.inc"));
    fx_step(f, HP_STEP_SET_CELL, helper, old_helper, "inc^helper")->place =
        (struct hp_cell_place){old_inc, 1};
    fx_field(f, HP_STEP_SET_FIELD, m, "VERSION",
             fx_string(f, "a string of more than forty characters is never shared by Lua"),
             fx_string(f, "1"));
    fx_field(f, HP_STEP_REMOVE_FIELD, m, "old", fx_nil(), fx_live(f, "M.old"));
    fx_step(f, HP_STEP_SET_METATABLE, mt, fx_nil(), "list@mt")->target = fx_handle(f, "M.list");
    if (with & WITH_REPLAY) {
        struct hp_value config = fx_table(f, fx_nil());
        fx_pair(f, config, fx_string(f, "level"), fx_integer(f, 3));
        struct hp_value operands[] = {fx_live(f, "pure"), config};
        fx_field(f, HP_STEP_ADD_FIELD, m, "value", fx_replay(f, HP_OP_CALL, "pure", 2, operands), fx_nil());
    }
    struct hp_plan_module *module = &f->plan.modules.items[0];
    module->chunk_name = "@battle.lua";
    module->text = new_text;
    module->text_len = sizeof new_text - 1;
    if (with & WITH_HOOKS) {
        struct hp_value hook = fx_function(f, tree, 4, NULL, 0);
        fx_join(f, hook, fx_handle(f, "load('return 1')"), 0);
        module->hotfix = module->hotrevert = (struct hp_plan_hook){true, hook};
    }
}

static void expect_same(struct fixture *f, char *before, long n)
{
    char *after = fx_snapshot(f);
    if (strcmp(before, after) != 0)
        fail_msg("allocation %ld refused, and the state is another:\n%s\n-- was --\n%s", n, after, before);
    hp_mem_free(after);
    hp_mem_free(before);
}

/* Refuses the n-th allocation of a patch. True: it went through. */
static bool patch_with_refusal(int with, long n, void (*refuse)(long))
{
    struct fixture f;
    struct hp_source source;
    fx_open(&f, program);
    fx_begin(&f);
    plan_everything(&f, with);
    char *before = fx_snapshot(&f);
    refuse(n);
    enum hp_status status = fx_run(&f);
    bool any_refused = fx_allocations() > n;
    fx_refuse(-1);
    if (status == HP_OK) {
        hp_mem_free(before);
        fx_lua(&f, "assert(M.inc() == 100 and M.step0() == 6 and M.step11() == 7 and M.table.self == M.table "
                   "and M.old == nil)");
        assert_int_equal(hp_history_last(f.history), 1);
    } else {
        assert_true(any_refused);
        /* Memory that a hook or a replayed call lacks is its error; before and between, it is ours. */
        assert_true(status == HP_NO_MEMORY || (status == HP_ROLLED_BACK && (with & WITH_HOOKS)) ||
                    (status == HP_FAILED && (with & WITH_REPLAY)));
        expect_same(&f, before, n);
        assert_int_equal(hp_history_last(f.history), 0);
        assert_int_equal(hp_history_generation(f.history), 0);
        assert_false(hp_sources_find(f.sources, "battle", &source));
        /* And the server can be patched as if nothing had been. */
        fx_begin(&f);
        plan_everything(&f, with);
        assert_int_equal(fx_run(&f), HP_OK);
    }
    fx_close(&f);
    return !any_refused;
}

static void patch_with_refusals(int with, void (*refuse)(long))
{
    long n = 0;
    while (!patch_with_refusal(with, n, refuse)) {
        n++;
        assert_true(n < ENOUGH);
    }
    assert_true(n > 50); /* it did need memory */
}

static void test_patch(void **state)
{
    (void)state;
    patch_with_refusals(PLAIN, fx_refuse);
}

static void test_patch_with_collections(void **state)
{
    (void)state;
    patch_with_refusals(PLAIN, fx_refuse_one);
}

static void test_patch_with_replay_and_hooks(void **state)
{
    (void)state;
    patch_with_refusals(WITH_REPLAY | WITH_HOOKS, fx_refuse);
    patch_with_refusals(WITH_REPLAY | WITH_HOOKS, fx_refuse_one);
}

/* Refuses the n-th allocation of a revert. True: it went through. */
static bool revert_with_refusal(int with, long n, void (*refuse)(long))
{
    struct fixture f;
    fx_open(&f, program);
    fx_begin(&f);
    plan_everything(&f, with);
    assert_int_equal(fx_run(&f), HP_OK);
    fx_lua(&f, "collectgarbage() collectgarbage()");
    fx_begin(&f);
    char *before = fx_snapshot(&f);
    refuse(n);
    enum hp_status status = fx_revert(&f);
    bool any_refused = fx_allocations() > n;
    fx_refuse(-1);
    if (status == HP_OK) {
        hp_mem_free(before);
        assert_int_equal(hp_history_last(f.history), 0);
    } else {
        assert_true(any_refused);
        assert_true(status == HP_NO_MEMORY || (status == HP_ROLLED_BACK && (with & WITH_HOOKS)));
        expect_same(&f, before, n);
        assert_int_equal(hp_history_last(f.history), 1);
        fx_begin(&f);
        assert_int_equal(fx_revert(&f), HP_OK);
    }
    fx_lua(&f, "assert(M.inc() == 1 and M.step0 == nil and M.old() == 'old' and M.VERSION == '1' and not "
               "getmetatable(M.list))");
    fx_close(&f);
    return !any_refused;
}

static void test_revert(void **state)
{
    (void)state;
    void (*const refuse[])(long) = {fx_refuse, fx_refuse_one};
    for (int with = PLAIN; with <= WITH_HOOKS; with += WITH_HOOKS) {
        for (int i = 0; i < 2; i++) {
            long n = 0;
            while (!revert_with_refusal(with, n, refuse[i])) {
                n++;
                assert_true(n < ENOUGH);
            }
            assert_true(n > 10);
        }
    }
}

/* With every allocation refused from the commit on. */
static void test_commit_and_finish_need_no_memory(void **state)
{
    (void)state;
    struct fixture f;
    fx_open(&f, program);
    fx_begin(&f);
    plan_everything(&f, WITH_REPLAY);
    struct hp_execution *x;
    assert_int_equal(fx_prepare(&f, &x), HP_OK);
    fx_refuse(0);
    hp_commit(f.L, x);
    assert_int_equal(hp_finish(f.L, x), HP_OK);
    assert_int_equal(fx_allocations(), 0);
    fx_refuse(-1);
    fx_lua(&f, "assert(M.inc() == 100 and M.value.level == 3 and M.old == nil and getmetatable(M.list))");
    fx_close(&f);
}

static void test_rolling_back_needs_no_memory(void **state)
{
    (void)state;
    struct fixture f;
    fx_open(&f, program);
    fx_begin(&f);
    plan_everything(&f, WITH_HOOKS);
    char *before = fx_snapshot(&f);
    struct hp_execution *x;
    assert_int_equal(fx_prepare(&f, &x), HP_OK);
    fx_refuse(0);
    hp_commit(f.L, x);
    assert_int_equal(fx_allocations(), 0);
    assert_int_equal(hp_finish(f.L, x), HP_ROLLED_BACK); /* the hook cannot even be called */
    fx_refuse(-1);
    expect_same(&f, before, 0);
    assert_int_equal(f.report.status, HP_ROLLED_BACK);
    fx_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patch),
        cmocka_unit_test(test_patch_with_collections),
        cmocka_unit_test(test_patch_with_replay_and_hooks),
        cmocka_unit_test(test_revert),
        cmocka_unit_test(test_commit_and_finish_need_no_memory),
        cmocka_unit_test(test_rolling_back_needs_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
