/* Carrying out plans made by hand: what is written, what is verified, what is undone. */
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

static void test_replaces_and_joins(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    fx_plan_usual(&f);
    assert_int_equal(fx_run(&f), HP_OK);
    fx_lua(&f, "assert(M.inc() == 102) assert(M.get() == 102) assert(M.VERSION == '1')");
    assert_int_equal(f.report.patch, 1);
    assert_int_equal(f.report.generation, 1);
    assert_int_equal(hp_history_last(f.history), 1);
    assert_int_equal(lua_gettop(f.L), f.anchor);
    fx_close(&f);
}

static void test_new_cells_are_shared(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    const struct hp_prototype_tree *tree = fx_tree(&f, FX_NEW_TEXT);
    uint32_t cell = fx_cell(&f, fx_integer(&f, 5)), other = fx_cell(&f, fx_integer(&f, 50));
    hp_handle m = fx_handle(&f, "M");
    const char *names[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        struct hp_value step = fx_function(&f, tree, 3, names[i], 0);
        fx_join_cell(&f, step, i < 2 ? cell : other);
        fx_field(&f, HP_STEP_ADD_FIELD, m, names[i], step, fx_nil());
    }
    assert_int_equal(fx_run(&f), HP_OK);
    fx_lua(&f, "assert(M.a() == 6) assert(M.b() == 7) assert(M.c() == 51) assert(M.a ~= M.b)");
    fx_close(&f);
}

static void test_tables_with_cycles_and_metatables(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    struct hp_value mt = fx_table(&f, fx_nil());
    struct hp_value a = fx_table(&f, mt), b = fx_table(&f, fx_nil());
    fx_pair(&f, a, fx_string(&f, "b"), b);
    fx_pair(&f, b, fx_string(&f, "a"), a);
    fx_pair(&f, b, a, fx_integer(&f, 1));
    fx_pair(&f, mt, fx_string(&f, "__index"), fx_live(&f, "M"));
    fx_pair(&f, mt, fx_string(&f, "__gc"), fx_live(&f, "log"));
    struct hp_value co = fx_ref(HP_VALUE_COROUTINE, 0);
    struct hp_value *body = HP_PUSH(&f.plan.arena, &f.plan.coroutines);
    *body = fx_live(&f, "M.old");
    hp_handle m = fx_handle(&f, "M");
    fx_field(&f, HP_STEP_ADD_FIELD, m, "a", a, fx_nil());
    fx_field(&f, HP_STEP_ADD_FIELD, m, "co", co, fx_nil());
    struct hp_step *step = fx_step(&f, HP_STEP_SET_METATABLE, mt, fx_nil(), "list@mt");
    step->target = fx_handle(&f, "M.list");
    assert_int_equal(fx_run(&f), HP_OK);
    fx_lua(&f, "assert(M.a.b.a == M.a) assert(M.a.b[M.a] == 1) assert(M.a.VERSION == '1')\n"
               "assert(getmetatable(M.list) == getmetatable(M.a))\n"
               "assert(select(2, coroutine.resume(M.co)) == 'old')\n"
               "M.a = nil collectgarbage() assert(calls[1].b)"); /* its finalizer ran */
    fx_close(&f);
}

/* Each way in which the live state may have moved since the plan was made. */
static void test_conflicts_change_nothing(void **state)
{
    (void)state;
    static const char *const moves[] = {
        "", /* nothing moved: it works */
        "M.inc = function() end",
        "M.inc = nil",
        "debug.setupvalue(M.inc, 2, print)",
        "M.added = 1",
        "M.list = {}",
        "setmetatable(M, {})",
        "M.old = nil",
        "debug.upvaluejoin(M.get, 1, function() return M end, 1)",
    };
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        struct fixture f;
        opened(&f);
        fx_plan_usual(&f);
        hp_handle m = fx_handle(&f, "M");
        fx_field(&f, HP_STEP_ADD_FIELD, m, "added", fx_integer(&f, 1), fx_nil());
        fx_field(&f, HP_STEP_REMOVE_FIELD, m, "old", fx_nil(), fx_live(&f, "M.old"));
        struct hp_check *check = HP_PUSH(&f.plan.arena, &f.plan.checks);
        *check = (struct hp_check){HP_CHECK_FIELD, m, fx_string(&f, "list"), 0, fx_handle(&f, "M.list")};
        check = HP_PUSH(&f.plan.arena, &f.plan.checks);
        *check = (struct hp_check){.kind = HP_CHECK_METATABLE, .container = m};
        /* An upvalue whose value is an object: what M.get returns is in a cell of `count`. */
        fx_lua(&f, "box = {} debug.setupvalue(M.get, 1, box)");
        check = HP_PUSH(&f.plan.arena, &f.plan.checks);
        *check = (struct hp_check){
            .kind = HP_CHECK_UPVALUE, .container = fx_handle(&f, "M.get"), .expected = fx_handle(&f, "box")};
        fx_lua(&f, moves[i]);
        char *before = fx_snapshot(&f);
        assert_int_equal(fx_run(&f), i == 0 ? HP_OK : HP_CONFLICT);
        char *after = fx_snapshot(&f);
        assert_int_equal(strcmp(before, after) == 0, i != 0);
        assert_int_equal(hp_history_last(f.history), i == 0 ? 1 : 0);
        hp_mem_free(before);
        hp_mem_free(after);
        fx_close(&f);
    }
}

static void test_keys_go_last(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    hp_handle m = fx_handle(&f, "M");
    fx_field(&f, HP_STEP_REMOVE_FIELD, m, "old", fx_nil(), fx_live(&f, "M.old"));
    fx_field(&f, HP_STEP_SET_FIELD, m, "VERSION", fx_nil(),
             fx_string(&f, "1")); /* to nil: a removal as well */
    struct hp_execution *x;
    assert_int_equal(fx_prepare(&f, &x), HP_OK);
    hp_commit(f.L, x);
    fx_lua(&f, "assert(M.old and M.VERSION)");
    assert_int_equal(hp_finish(f.L, x), HP_OK);
    fx_lua(&f, "assert(M.old == nil and M.VERSION == nil)");
    fx_close(&f);
}

static void test_a_nan_is_what_it_was(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    fx_lua(&f, "M.nan = 0/0");
    hp_id node = hp_graph_add(&f.graph, HP_NODE_FLOAT);
    hp_graph_node(&f.graph, node)->number = strtod("nan", NULL);
    struct hp_value nan_value = {.kind = HP_VALUE_PLAIN, .graph = &f.graph, .node = node};
    fx_field(&f, HP_STEP_SET_FIELD, fx_handle(&f, "M"), "nan", fx_integer(&f, 1), nan_value);
    assert_int_equal(fx_run(&f), HP_OK);
    fx_lua(&f, "assert(M.nan == 1)");
    fx_close(&f);
}

static void test_a_stale_plan_calls_nothing(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    fx_plan_usual(&f);
    struct hp_value call[] = {fx_live(&f, "log")};
    fx_replay(&f, HP_OP_CALL, "log", 1, call);
    fx_lua(&f, "M.inc = nil");
    assert_int_equal(fx_run(&f), HP_CONFLICT);
    fx_lua(&f, "assert(#calls == 0)");
    assert_int_equal(f.report.replayed.count, 0);
    fx_close(&f);
}

static void test_undo_before_commit(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    fx_plan_usual(&f);
    fx_field(&f, HP_STEP_ADD_FIELD, fx_handle(&f, "M"), "added", fx_integer(&f, 1), fx_nil());
    char *before = fx_snapshot(&f);
    struct hp_execution *x;
    assert_int_equal(fx_prepare(&f, &x), HP_OK);
    fx_lua(&f, "assert(M.added == 1)");
    hp_execution_undo(f.L, x);
    hp_execution_undo(f.L, x);
    char *after = fx_snapshot(&f);
    assert_string_equal(before, after);
    hp_mem_free(before);
    hp_mem_free(after);
    fx_close(&f);
}

/* --- Replays ---------------------------------------------------------------------------------- */

static void test_replays(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    struct hp_value mt = fx_table(&f, fx_nil());
    fx_pair(&f, mt, fx_string(&f, "__call"), fx_live(&f, "log"));
    struct hp_value config = fx_table(&f, mt);
    fx_pair(&f, config, fx_string(&f, "level"), fx_integer(&f, 3));
    fx_lua(&f, "local real = log function log(t) assert(getmetatable(t).__call) return real(t) end");
    struct hp_value call[] = {fx_live(&f, "log"), config};
    struct hp_value logger = fx_replay(&f, HP_OP_CALL, "log", 2, call);
    struct hp_value index[] = {logger, fx_string(&f, "name")};
    struct hp_value name = fx_replay(&f, HP_OP_INDEX, "log().name", 2, index);
    struct hp_value level_of[] = {name, fx_string(&f, "level")};
    struct hp_value level = fx_replay(&f, HP_OP_INDEX, "level", 2, level_of);
    struct hp_value minus[] = {fx_integer(&f, LUA_OPUNM), level};
    struct hp_value negative = fx_replay(&f, HP_OP_ARITH, "-level", 2, minus);
    struct hp_value plus[] = {fx_integer(&f, LUA_OPADD), negative, fx_integer(&f, 10)};
    struct hp_value sum = fx_replay(&f, HP_OP_ARITH, "+", 3, plus);
    struct hp_value concat[] = {sum, fx_string(&f, "!")};
    struct hp_value text = fx_replay(&f, HP_OP_CONCAT, "..", 2, concat);
    struct hp_value length = fx_replay(&f, HP_OP_LENGTH, "#", 1, &text);
    struct hp_value module = fx_string(&f, "string");
    struct hp_value required = fx_replay(&f, HP_OP_REQUIRE, "require", 1, &module);
    hp_handle m = fx_handle(&f, "M");
    fx_field(&f, HP_STEP_ADD_FIELD, m, "config", config, fx_nil());
    fx_field(&f, HP_STEP_ADD_FIELD, m, "text", text, fx_nil());
    fx_field(&f, HP_STEP_ADD_FIELD, m, "length", length, fx_nil());
    fx_field(&f, HP_STEP_ADD_FIELD, m, "string", required, fx_nil());
    assert_int_equal(fx_run(&f), HP_OK);
    fx_lua(&f, "assert(#calls == 1 and calls[1] == M.config and M.config.level == 3)\n"
               "assert(M.text == '7!' and M.length == 2 and M.string == string)");
    assert_int_equal(f.report.replayed.count, 2); /* the call and the require */
    assert_string_equal(f.report.replayed.items[0].call, "log");
    fx_close(&f);
}

static void test_replay_that_raises_changes_nothing(void **state)
{
    (void)state;
    static const char *const callees[] = {
        "function() error('down') end",
        "function() error({}) end",
        "function() while true do end end",
        "function() while true do pcall(error) end end",
        "function() local function f() return 1 + f() end return f() end",
    };
    for (size_t i = 0; i < sizeof callees / sizeof *callees; i++) {
        struct fixture f;
        opened(&f);
        f.options.replay_instructions = 100000;
        fx_plan_usual(&f);
        struct hp_value call[] = {fx_live(&f, callees[i])};
        struct hp_value value = fx_replay(&f, HP_OP_CALL, "down", 1, call);
        fx_field(&f, HP_STEP_ADD_FIELD, fx_handle(&f, "M"), "value", value, fx_nil());
        char *before = fx_snapshot(&f);
        assert_int_equal(fx_run(&f), HP_FAILED);
        char *after = fx_snapshot(&f);
        assert_string_equal(before, after);
        assert_non_null(f.report.error);
        assert_non_null(f.report.error->text);
        assert_non_null(f.report.error->traceback);
        assert_string_equal(f.report.error->module, "battle");
        assert_int_equal(f.report.replayed.count, 1);
        hp_mem_free(before);
        hp_mem_free(after);
        fx_close(&f);
    }
}

static void test_replay_that_moves_the_ground_is_a_conflict_and_not_made_twice(void **state)
{
    (void)state;
    struct fixture f;
    opened(&f);
    fx_lua(&f, "function get(config) gets = (gets or 0) + 1 got = config M.inc = function() return 'other' "
               "end return { n = gets } end");
    struct hp_execution *first = NULL, *second = NULL;
    struct hp_plan first_plan;
    struct hp_value config = fx_table(&f, fx_nil());
    struct hp_value inner = fx_table(&f, fx_nil());
    fx_pair(&f, config, fx_string(&f, "inner"), inner);
    fx_plan_usual(&f);
    struct hp_value call[] = {fx_live(&f, "get"), config};
    struct hp_value value = fx_replay(&f, HP_OP_CALL, "get", 2, call);
    fx_field(&f, HP_STEP_ADD_FIELD, fx_handle(&f, "M"), "value", value, fx_nil());
    assert_int_equal(fx_prepare(&f, &first), HP_CONFLICT);
    assert_string_equal(hp_execution_conflict(first), "inc");
    fx_lua(&f, "assert(M.inc() == 'other' and gets == 1 and M.value == nil)");

    /* Planned again, on what is there now. */
    first_plan = f.plan;
    hp_plan_init(&f.plan);
    struct hp_plan_module *module = HP_PUSH(&f.plan.arena, &f.plan.modules);
    *module = first_plan.modules.items[0];
    hp_handle m = fx_handle(&f, "M");
    config = fx_table(&f, fx_nil());
    inner = fx_table(&f, fx_nil());
    fx_pair(&f, config, fx_string(&f, "inner"), inner);
    struct hp_value again[] = {fx_live(&f, "get"), config};
    value = fx_replay(&f, HP_OP_CALL, "get", 2, again);
    fx_field(&f, HP_STEP_ADD_FIELD, m, "value", value, fx_nil());
    fx_field(&f, HP_STEP_ADD_FIELD, m, "config", config, fx_nil());
    fx_field(&f, HP_STEP_ADD_FIELD, m, "inner", inner, fx_nil());
    second = hp_execution_push_new(f.L, f.anchor, &f.plan, f.history, f.sources, &f.options, &f.report);
    hp_execution_keep_replays(f.L, first, second);
    assert_int_equal(hp_prepare(f.L, second), HP_OK);
    hp_commit(f.L, second);
    assert_int_equal(hp_finish(f.L, second), HP_OK);
    fx_lua(&f, "assert(gets == 1 and M.value.n == 1)\n"
               "assert(M.config == got and M.inner == got.inner)"); /* the very table that the call got */
    assert_int_equal(f.report.replayed.count, 1);
    hp_plan_fini(&first_plan);
    fx_close(&f);
}

static void test_unsound_values_fail_cleanly(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct fixture f;
        opened(&f);
        struct hp_value call[] = {fx_live(&f, "function() return nil end")};
        struct hp_value nothing = fx_replay(&f, HP_OP_CALL, "nothing", 1, call);
        struct hp_value function = fx_function(&f, fx_tree(&f, FX_NEW_TEXT), 1, "helper", 0);
        hp_handle m = fx_handle(&f, "M");
        if (i == 0) { /* a key that came out as nil */
            fx_field(&f, HP_STEP_ADD_FIELD, m, "x", fx_integer(&f, 1), fx_nil())->key = nothing;
        } else if (i == 1) { /* the same in a new table */
            struct hp_value table = fx_table(&f, fx_nil());
            fx_pair(&f, table, nothing, fx_integer(&f, 1));
            fx_field(&f, HP_STEP_ADD_FIELD, m, "x", table, fx_nil());
        } else if (i == 2) { /* a metatable that is a number */
            struct hp_value give[] = {fx_live(&f, "function() return 7 end")};
            struct hp_step *step = fx_step(&f, HP_STEP_SET_METATABLE,
                                           fx_replay(&f, HP_OP_CALL, "seven", 1, give), fx_nil(), "@mt");
            step->target = m;
        } else { /* a call that wants a function of the new source */
            struct hp_value table = fx_table(&f, fx_nil());
            fx_pair(&f, table, fx_string(&f, "f"), function);
            struct hp_value want[] = {fx_live(&f, "log"), table};
            fx_replay(&f, HP_OP_CALL, "want", 2, want);
        }
        assert_int_equal(fx_run(&f), HP_FAILED);
        assert_non_null(f.report.error);
        fx_lua(&f, "assert(M.x == nil and getmetatable(M) == nil and #calls == 0)");
        fx_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replaces_and_joins),
        cmocka_unit_test(test_new_cells_are_shared),
        cmocka_unit_test(test_tables_with_cycles_and_metatables),
        cmocka_unit_test(test_conflicts_change_nothing),
        cmocka_unit_test(test_keys_go_last),
        cmocka_unit_test(test_a_nan_is_what_it_was),
        cmocka_unit_test(test_a_stale_plan_calls_nothing),
        cmocka_unit_test(test_undo_before_commit),
        cmocka_unit_test(test_replays),
        cmocka_unit_test(test_replay_that_raises_changes_nothing),
        cmocka_unit_test(test_replay_that_moves_the_ground_is_a_conflict_and_not_made_twice),
        cmocka_unit_test(test_unsound_values_fail_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
