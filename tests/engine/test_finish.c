/* After the commit: hooks, effects, removals, and the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>

#include "patch_fixture.h"

static void opened(struct fixture *f)
{
    fx_open(f, FX_PROGRAM);
    fx_begin(f);
}

static struct hp_value hook(struct fixture *f, const char *chunk)
{
    const struct hp_prototype_tree *tree = fx_tree(f, chunk);
    struct hp_value function = fx_function(f, tree, 1, "__hotfix", 0);
    if (tree->prototypes.items[1].upvalues.count == 1) /* _ENV, of the module's functions */
        fx_join(f, function, fx_handle(f, "log"), 0);
    f->plan.modules.items[0].hotfix = (struct hp_plan_hook){true, function};
    return function;
}

static void test_a_removal_spares_what_the_hook_put_there(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    fx_field(&f, HP_STEP_REMOVE_FIELD, fx_handle(&f, "M"), "old", fx_nil(), fx_live(&f, "M.old"));
    hook(&f, "return function(m) m.old = 'new' end");
    assert_int_equal(fx_run(&f), HP_OK);
    fx_lua(&f, "assert(M.old == 'new')");
    fx_close(&f);
}

static void test_hook_is_called_and_prints_are_caught(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    fx_plan_usual(&f);
    hook(&f, "return function(m, info)\n"
             "  print('patch', info.patch, info.name, m == M) seen = m.inc()\n"
             "  kept, later = print, function() print('later') return _ENV end\n"
             "end");
    assert_int_equal(fx_run(&f), HP_OK);
    assert_string_equal(f.report.output, "patch\t1\tbattle\ttrue\n");
    fx_lua(&f, "assert(seen == 102)\n"
               "local lines, real = {}, print\n"
               "print = function(x) lines[#lines + 1] = x end\n"
               "assert(later() == _G) kept('kept')\n"
               "print = real assert(lines[1] == 'later' and lines[2] == 'kept')");
    assert_string_equal(f.report.output, "patch\t1\tbattle\ttrue\n");
    fx_close(&f);
}

static void test_hook_that_fails_rolls_back(void **state)
{
    (void)state;
    /* Makes the table forget the place of a removed key before the old value has to go back there. */
    static const char churn[] = "return function(m)\n"
                                "  local function fill(v) for i = 1, 1000 do m['k' .. i] = v end end\n"
                                "  m.inc = nil fill(1) fill(nil) error('no')\n"
                                "end";
    static const char *const hooks[] = {
        "return function(m) print 'so far' error('no') end",
        "return function(m) while true do end end",
        "return function(m) m.inc = nil m.added = nil m.VERSION = 'x' m.list = nil error('no') end",
        churn,
    };
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
        struct fixture f;
        opened(&f);
        f.options.replay_instructions = 100000;
        fx_plan_usual(&f);
        hp_handle m = fx_handle(&f, "M");
        fx_field(&f, HP_STEP_ADD_FIELD, m, "added", fx_integer(&f, 1), fx_nil());
        fx_field(&f, HP_STEP_SET_FIELD, m, "VERSION", fx_string(&f, "2"), fx_string(&f, "1"));
        fx_field(&f, HP_STEP_SET_FIELD, m, "list", fx_table(&f, fx_nil()), fx_live(&f, "M.list"));
        fx_field(&f, HP_STEP_REMOVE_FIELD, m, "old", fx_nil(), fx_live(&f, "M.old"));
        struct hp_value mt = fx_table(&f, fx_nil());
        fx_step(&f, HP_STEP_SET_METATABLE, mt, fx_nil(), "@mt")->target = m;
        hook(&f, hooks[i]);
        f.plan.modules.items[0].chunk_name = "@battle.lua";
        f.plan.modules.items[0].text = "new text";
        f.plan.modules.items[0].text_len = 8;
        char *before = fx_snapshot(&f);
        assert_int_equal(fx_run(&f), HP_ROLLED_BACK);
        char *after = fx_snapshot(&f);
        assert_string_equal(before, after);
        assert_int_equal(f.report.status, HP_ROLLED_BACK);
        assert_string_equal(f.report.error->module, "battle");
        assert_non_null(f.report.error->traceback);
        assert_non_null(strstr(f.report.error->hint, "__hotfix"));
        assert_int_equal(hp_history_last(f.history), 0);
        assert_int_equal(hp_history_generation(f.history), 0);
        struct hp_source source;
        assert_false(hp_sources_find(f.sources, "battle", &source));
        if (i == 0)
            assert_string_equal(f.report.output, "so far\n");
        hp_mem_free(before);
        hp_mem_free(after);
        fx_close(&f);
    }
}

/* (): from now on there is no memory. */
static int no_memory(lua_State *L)
{
    (void)L;
    fx_refuse(0);
    return 0;
}

/* The worst case: the hook took away a key that is to get its old value back, and the memory with it. The
 * rest is put back. */
static void test_rolling_back_without_memory_says_what_it_could_not(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    lua_register(f.L, "no_memory", no_memory);
    fx_plan_usual(&f);
    fx_field(&f, HP_STEP_SET_FIELD, fx_handle(&f, "M"), "VERSION", fx_string(&f, "2"), fx_string(&f, "1"));
    hook(&f,
         "return function(m)\n"
         "  local function fill(n) for i = 1, n do m[i + 0.5] = i end end\n"
         "  m.inc = nil fill(1000) m[1001.5] = 1 no_memory()\n"
         "  for i = 1, 10000 do m[-i] = i end\n" /* ends when the table must grow: full to the last place */
         "end");
    f.report.status = HP_OK;
    assert_int_equal(fx_run(&f), HP_ROLLED_BACK);
    fx_refuse(-1);
    fx_lua(&f, "assert(M.VERSION == '1' and M.inc == nil)");
    assert_int_equal(hp_history_last(f.history), 0);
    fx_close(&f);
}

static int silent_print(lua_State *L)
{
    lua_pushboolean(L, 1);
    lua_setglobal(L, "printed");
    return 0;
}

static void test_an_effect_that_prints_is_caught_and_prints(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    lua_register(f.L, "print", silent_print);
    struct hp_plan_effect *effect = HP_PUSH(&f.plan.arena, &f.plan.effects);
    effect->callee = fx_live(&f, "print");
    const char *words[] = {"loaded", "battle"};
    for (int i = 0; i < 2; i++) {
        struct hp_value *argument = HP_PUSH(&f.plan.arena, &effect->arguments);
        *argument = fx_string(&f, words[i]);
    }
    assert_int_equal(fx_run(&f), HP_OK);
    assert_string_equal(f.report.output, "loaded\tbattle\n");
    fx_lua(&f, "assert(printed)");
    fx_close(&f);
}

static void test_effects(void **state)
{
    (void)state;
    for (int raises = 0; raises < 2; raises++) {
        struct fixture f;
        opened(&f);
        fx_plan_usual(&f);
        for (uint32_t i = 0; i < 2; i++) {
            struct hp_report_effect *line = HP_PUSH(&f.report.arena, &f.report.effects);
            line->call = "log";
            struct hp_plan_effect *effect = HP_PUSH(&f.plan.arena, &f.plan.effects);
            effect->callee = fx_live(&f, i == 1 && raises ? "error" : "log");
            effect->report_index = i;
            struct hp_value *argument = HP_PUSH(&f.plan.arena, &effect->arguments);
            *argument = fx_ref(HP_VALUE_FUNCTION, 1); /* inc */
        }
        assert_int_equal(fx_run(&f), raises ? HP_ROLLED_BACK : HP_OK);
        assert_true(f.report.effects.items[0].performed);
        fx_lua(&f,
               raises ? "assert(#calls == 1 and M.inc() == 3)" : "assert(#calls == 2 and calls[2] == M.inc)");
        fx_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_removal_spares_what_the_hook_put_there),
        cmocka_unit_test(test_hook_is_called_and_prints_are_caught),
        cmocka_unit_test(test_hook_that_fails_rolls_back),
        cmocka_unit_test(test_rolling_back_without_memory_says_what_it_could_not),
        cmocka_unit_test(test_an_effect_that_prints_is_caught_and_prints),
        cmocka_unit_test(test_effects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
