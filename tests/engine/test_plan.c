/* The plan on small modules: bindings of upvalues and the merge rules of docs/design.md, one by one
 * (merge_fixture.h). */
#include "merge_fixture.h"

static struct merge m;

static int close_merge(void **state)
{
    (void)state;
    merge_close(&m);
    return 0;
}

static void option(void *list, const char *word)
{
    const char **slot = hp_list_push(&m.fresh.arena, list, sizeof *slot);
    *slot = word;
}

/* --- bindings --------------------------------------------------------------------------------- */

static void joined_to_the_own_cell(void **state)
{
    (void)state;
    const char *old = "local n = 1\nlocal M = {}\nfunction M.f() n = n + 1 return n end\nreturn M";
    merge_new(&m, old, "M.f() M.f()",
              "local n = 1\nlocal M = {}\nfunction M.f() n = n + 2 return n end\nreturn M");
    assert_int_equal(m.status, HP_OK);
    merge_expect(&m, "set f = function f\nf^n joins 3\nfunction f replaced\njoined f^n");
    merge_expect_no(&m, "absent");
}

static void joined_to_a_siblings_cell(void **state)
{
    (void)state;
    const char *old =
        "local n = 4\nlocal M = {}\nfunction M.f() return n end\nfunction M.g() return 0 end\nreturn M";
    merge_new(&m, old, NULL,
              "local n = 1\nlocal M = {}\nfunction M.f() return n end\nfunction M.g() return n end\n"
              "function M.h() return n end\nreturn M");
    merge_expect(&m, "g^n joins 4\nh^n joins 4\nfunction f unchanged\nfunction g replaced\nfunction h "
                     "added\nadd h = function h");
}

static void absent_starts_with_the_new_value(void **state)
{
    (void)state;
    merge_new(&m, "local M = {}\nfunction M.f() return 0 end\nreturn M", NULL,
              "local M = {}\nlocal step = 5\nfunction M.f() return step end\nfunction M.g() return step "
              "end\nreturn M");
    merge_expect(&m, "f^step starts 5\ng^step starts 5\nabsent f^step\nabsent g^step");
    assert_int_equal(m.plan.cells.count, 1); /* shared as in the source */
}

static void orphaned_is_told(void **state)
{
    (void)state;
    merge_new(&m, "local n = 1\nlocal M = {}\nfunction M.f() return n end\nreturn M", NULL,
              "local M = {}\nfunction M.f() return 0 end\nreturn M");
    merge_expect(&m, "orphan f^n");
}

static void shadowed_locals_join_their_own(void **state)
{
    (void)state;
    merge_new(&m,
              "local M = {}\nlocal n = 1\nfunction M.a() return n end\nlocal n = 2\nfunction M.b() return n "
              "end\nreturn M",
              NULL,
              "local M = {}\nlocal n = 1\nfunction M.a() return n, 0 end\nlocal n = 2\nfunction M.b() return "
              "n, 0 end\nreturn M");
    merge_expect(&m, "a^n joins 1\nb^n joins 2");
}

static void ambiguous_without_base(void **state)
{
    (void)state;
    merge_without_base(
        &m,
        "local M = {}\nlocal n = 1\nfunction M.a() return n end\nlocal n = 2\nfunction M.b() return n "
        "end\nreturn M",
        NULL,
        "local M = {}\nlocal n = 0\nfunction M.a() return n, 0 end\nfunction M.b() return n, 0 end\n"
        "function M.c() return n end\nreturn M");
    assert_int_equal(m.status, HP_REFUSED);
    merge_expect(&m, "R03 -\nrefuse R02 c^n\na^n joins 1\nb^n joins 2");
}

static void recursion_ends_up_among_the_new(void **state)
{
    (void)state;
    merge_new(
        &m,
        "local M = {}\nlocal function h(x) return x and h() end\nfunction M.f() return h(1) end\nreturn M",
        NULL,
        "local M = {}\nlocal function h(x) return x and h() or 2 end\nfunction M.f() return h(1) end\nreturn "
        "M");
    merge_expect(
        &m, "cell f^h = function f^h\nf^h^h joins function\nfunction f^h replaced\nfunction f unchanged");
}

static void local_that_was_never_captured_of_an_instance(void **state)
{
    (void)state;
    merge_new(&m,
              "local M = {}\nfunction M.make(a, b) return function() return a end end\nM.one = M.make(1, "
              "2)\nreturn M",
              NULL,
              "local M = {}\nfunction M.make(a, b) return function() return a + b end end\nM.one = M.make(1, "
              "2)\nreturn M");
    assert_int_equal(m.report.instances + (m.status == HP_REFUSED || m.status == HP_OK), 1);
}

/* --- functions in fields and locals ----------------------------------------------------------- */

static void same_source_plans_nothing(void **state)
{
    (void)state;
    const char *old = "local n = 1\nlocal M = { t = { 1 }, k = 'v' }\nfunction M.f() return n end\nreturn M";
    merge_new(&m, old, "M.k = 'other' M.t[2] = 2 M.more = 1", old);
    assert_int_equal(m.status, HP_OK);
    assert_true(hp_plan_is_empty(&m.plan));
}

static void function_put_there_at_run_time(void **state)
{
    (void)state;
    const char *old = "local M = {}\nfunction M.f() return 1 end\nfunction M.g() return 1, 1 end\nreturn M";
    merge_new(&m, old, "local function mine() return 'mine' end M.f = mine M.g = mine",
              "local M = {}\nfunction M.f() return 1 end\nfunction M.g() return 2 end\nreturn M");
    merge_expect(&m, "set g = function g\nR12 g"); /* f did not change in the source: the server's stays */
    merge_expect_no(&m, "set f");
}

static void with_all_the_source_wins(void **state)
{
    (void)state;
    const char *old = "local M = {}\nfunction M.f() return 1 end\nreturn M";
    m.options = (struct hp_options){0};
    merge_open(&m, old, "function M.f() return 'mine' end");
    m.options.all = true;
    merge_stage(&m, old, old, "");
    merge_match(&m);
    merge_plan(&m);
    merge_expect(&m, "set f = function f");
}

static void parameters_that_changed(void **state)
{
    (void)state;
    merge_new(&m, "local M = {}\nfunction M.f(a) return a end\nreturn M", NULL,
              "local M = {}\nfunction M.f(a, b) return a, b end\nreturn M");
    merge_expect(&m, "R05 f\nset f = function f");
}

static void gone_stays(void **state)
{
    (void)state;
    const char *old = "local M = { k = 1 }\nfunction M.f() return 1 end\nreturn M";
    merge_new(&m, old, NULL, "local M = {}\nreturn M");
    merge_expect(&m, "R13 f\nR13 k\nfunction f kept\nfield k kept");
    m.options.prune = true;
    merge_plan_again(&m);
    merge_expect(&m, "remove f\nremove k\nfunction f removed\nfield k removed");
}

/* --- data ------------------------------------------------------------------------------------- */

static void plain_data_is_state(void **state)
{
    (void)state;
    merge_new(&m, "return { a = 1, b = false, c = 1, d = 1 }", "M.a = 5 M.d = nil",
              "return { a = 2, b = true, c = 1, d = 2, e = 3 }");
    merge_expect(&m, "R12 a\nR12 b\nfield a kept\nfield b kept\nadd e = 3\nfield e added");
    merge_expect_no(&m, "add d"); /* removed at run time: stays removed */
    merge_expect_no(&m, "R12 c");
}

static void three_way(void **state)
{
    (void)state;
    merge_new(&m, "return { a = 1, b = 1, c = 1, d = 1 }", "M.b = 7 M.c = 7",
              "return { a = 2, b = 2, c = 7, d = 1 }");
    merge_expect_no(&m, "set");
    m.options.merge = "three-way";
    merge_plan_again(&m);
    merge_expect(&m, "set a = 2\nfield a updated\nfield b conflict\nR12 b");
    merge_expect_no(&m, "set b");
    merge_expect_no(&m, "set c");
    merge_expect_no(&m, "set d");
}

static void tables_keep_their_identity(void **state)
{
    (void)state;
    merge_new(&m, "return { t = { a = 1, b = 2 } }", "M.t.b = nil M.t.mine = 1",
              "return { t = { a = 1, b = 2, c = { 1, 2 } } }");
    merge_expect(&m, "add t.c = table of 2");
    assert_int_equal(m.plan.steps.count, 1);
}

static void lists_are_data(void **state)
{
    (void)state;
    merge_new(&m, "return { queue = { 1, 2, 3 } }", "table.remove(M.queue, 1)",
              "return { queue = { 1, 2, 3, 4 } }");
    merge_expect(&m, "R12 queue");
    assert_int_equal(m.plan.steps.count, 0);
}

static void kinds(void **state)
{
    (void)state;
    merge_new(&m, "return { a = 1, b = 1, f = function() end }", "M.b = 2",
              "return { a = {}, b = {}, f = 3 }");
    assert_int_equal(m.status, HP_REFUSED);
    merge_expect(&m, "R04 a\nset a = table of 0\nrefuse R04 b\nR04 f\nset f = 3");
    option(&m.options.accept, "R04");
    merge_plan_again(&m);
    assert_int_equal(m.status, HP_OK);
    merge_expect(&m, "R04 b"); /* left to __hotfix */
    merge_expect_no(&m, "set b");
}

static void aliases(void **state)
{
    (void)state;
    merge_new(&m, "return { log = print, out = print }", "M.out = type",
              "return { log = error, out = error }");
    merge_expect(&m, "set log = live object\nR12 out");
    merge_expect_no(&m, "set out");
}

static void metatables(void **state)
{
    (void)state;
    merge_new(&m, "return { a = {} }", NULL, "return { a = setmetatable({}, { __index = {} }) }");
    merge_expect(&m, "metatable a@mt = table of 1\nR10 a@mt");
    merge_close(&m);
    merge_new(&m, "return { a = {} }", NULL, "return { a = setmetatable({}, { __gc = function() end }) }");
    merge_expect(&m, "refuse R10 a@mt");
}

/* --- calls that were not made ----------------------------------------------------------------- */

static void replays_for_new_slots_only(void **state)
{
    (void)state;
    const char *use = "service = { get = print }";
    merge_open(&m, "return { old = 1 }", use);
    merge_stage(&m, "return { old = service.get('a') }",
                "return { old = service.get('b'), new = service.get('c') }", "");
    merge_match(&m);
    merge_plan(&m);
    merge_expect(&m, "add new = print(…)\nR12 old");
    assert_int_equal(m.plan.replays.count, 1);
}

static void effects_are_told_and_performed_if_asked(void **state)
{
    (void)state;
    merge_open(&m, "return {}", "bus = { on = print }");
    merge_stage(&m, "bus.on('a') bus.on('b') return {}", "bus.on('b') bus.on('c') return {}", "");
    merge_match(&m);
    merge_plan(&m);
    merge_expect(&m, "effect new print\neffect gone print\nR11 print");
    assert_int_equal(m.plan.effects.count, 0);
    m.options.effects = "new";
    merge_plan_again(&m);
    assert_int_equal(m.plan.effects.count, 1);
}

/* --- options ---------------------------------------------------------------------------------- */

static void strict_refuses_what_it_would_warn_of(void **state)
{
    (void)state;
    merge_new(&m, "return { a = 1 }", NULL, "return { a = 2 }");
    assert_int_equal(m.status, HP_OK);
    m.options.strict = true;
    merge_plan_again(&m);
    assert_int_equal(m.status, HP_REFUSED);
    merge_expect(&m, "refuse R12 a");
    option(&m.options.accept, "R12");
    merge_plan_again(&m);
    assert_int_equal(m.status, HP_OK);
    merge_expect(&m, "R12 a");
}

static void only_the_function_that_was_named(void **state)
{
    (void)state;
    merge_new(&m, "local M = { k = 1 }\nfunction M.f() return 1 end\nfunction M.g() return 1 end\nreturn M",
              NULL,
              "local M = { k = 2, l = 3 }\nlocal function h() return 5 end\nfunction M.f() return h() end\n"
              "function M.g() return 2 end\nreturn M");
    option(&m.options.functions, "f");
    merge_plan_again(&m);
    merge_expect(&m, "set f = function f\nf^h starts function f^h");
    merge_expect_no(&m, "set g");
    merge_expect_no(&m, "add l");
    m.options.functions.items[0] = "nothing";
    merge_plan_again(&m);
    assert_int_equal(m.status, HP_REFUSED);
    assert_non_null(m.report.error);
}

/* --- the rest --------------------------------------------------------------------------------- */

static void hooks_are_planned_apart(void **state)
{
    (void)state;
    merge_new(&m, "return {}", NULL, "local M = {}\nfunction M.__hotfix(mod) mod.x = 1 end\nreturn M");
    assert_true(m.plan.modules.items[0].hotfix.present);
    assert_false(m.plan.modules.items[0].hotrevert.present);
    merge_expect_no(&m, "add");
    merge_expect_no(&m, "function");
}

static void changed_and_not_found_live(void **state)
{
    (void)state;
    merge_open(&m, "return {}", "bus = { on = print }");
    merge_stage(&m, "bus.on('a', function() return 1 end) return {}",
                "bus.on('a', function() return 2 end) return {}", "");
    merge_match(&m);
    merge_plan(&m);
    merge_expect(&m, "R06 -");
}

static void point_fix(void **state)
{
    (void)state;
    const char *old = "local n = 3\nlocal M = {}\nfunction M.f() return n end\nreturn M";
    merge_open(&m, old, NULL);
    merge_stage(&m, old, "local n, fresh = nil, 9\nreturn function() return n, fresh end", "f");
    merge_match(&m);
    merge_plan(&m);
    merge_expect(&m, "set f = function f\nf^n joins 3\nf^fresh starts 9");
    merge_close(&m);
    merge_open(&m, old, NULL);
    merge_stage(&m, old, "local nowhere\nreturn function() return nowhere end", "f");
    merge_match(&m);
    merge_plan(&m);
    merge_expect(&m, "refuse R07 f^nowhere");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(joined_to_the_own_cell, close_merge),
        cmocka_unit_test_teardown(joined_to_a_siblings_cell, close_merge),
        cmocka_unit_test_teardown(absent_starts_with_the_new_value, close_merge),
        cmocka_unit_test_teardown(orphaned_is_told, close_merge),
        cmocka_unit_test_teardown(shadowed_locals_join_their_own, close_merge),
        cmocka_unit_test_teardown(ambiguous_without_base, close_merge),
        cmocka_unit_test_teardown(recursion_ends_up_among_the_new, close_merge),
        cmocka_unit_test_teardown(local_that_was_never_captured_of_an_instance, close_merge),
        cmocka_unit_test_teardown(same_source_plans_nothing, close_merge),
        cmocka_unit_test_teardown(function_put_there_at_run_time, close_merge),
        cmocka_unit_test_teardown(with_all_the_source_wins, close_merge),
        cmocka_unit_test_teardown(parameters_that_changed, close_merge),
        cmocka_unit_test_teardown(gone_stays, close_merge),
        cmocka_unit_test_teardown(plain_data_is_state, close_merge),
        cmocka_unit_test_teardown(three_way, close_merge),
        cmocka_unit_test_teardown(tables_keep_their_identity, close_merge),
        cmocka_unit_test_teardown(lists_are_data, close_merge),
        cmocka_unit_test_teardown(kinds, close_merge),
        cmocka_unit_test_teardown(aliases, close_merge),
        cmocka_unit_test_teardown(metatables, close_merge),
        cmocka_unit_test_teardown(replays_for_new_slots_only, close_merge),
        cmocka_unit_test_teardown(effects_are_told_and_performed_if_asked, close_merge),
        cmocka_unit_test_teardown(strict_refuses_what_it_would_warn_of, close_merge),
        cmocka_unit_test_teardown(only_the_function_that_was_named, close_merge),
        cmocka_unit_test_teardown(hooks_are_planned_apart, close_merge),
        cmocka_unit_test_teardown(changed_and_not_found_live, close_merge),
        cmocka_unit_test_teardown(point_fix, close_merge),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
