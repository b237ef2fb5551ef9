/* The match on small modules: what of the new source is the successor of what, which local is which, and the
 * places that the merge rules are asked about. One function a line, so that lines name functions
 * (merge_fixture.h). */
#include "merge_fixture.h"

#include <string.h>

static struct merge m;

static int close_merge(void **state)
{
    (void)state;
    merge_close(&m);
    return 0;
}

static void match(const char *old, const char *fresh)
{
    merge_open(&m, old, NULL);
    merge_stage(&m, old, fresh, "");
    merge_match(&m);
}

/* --- prototypes ------------------------------------------------------------------------------- */

static void by_path(void **state)
{
    (void)state;
    match("local M = {}\nfunction M.a() return 1 end\nfunction M.b() return 1 end\nreturn M",
          "local M = {}\nfunction M.b() return 2 end\nfunction M.new() return 1 end\nfunction M.a() return 3 "
          "end\nreturn M");
    merge_expect_pairs(&m, "2<3 3<- 4<2");
}

static void swapped_names_swap_functions(void **state)
{
    (void)state;
    match("local M = {}\nfunction M.a() return 1 end\nfunction M.b() return 2 end\nreturn M",
          "local M = {}\nfunction M.b() return 1 end\nfunction M.a() return 2 end\nreturn M");
    merge_expect_pairs(&m, "2<3 3<2"); /* the name is the function, not its code */
}

static void locals_by_the_functions_that_capture_them(void **state)
{
    (void)state;
    match("local M = {}\nlocal function h() return 1 end\nlocal function k() return 1 end\n"
          "function M.f() return h() end\nfunction M.g() return k() end\nreturn M",
          "local M = {}\nlocal function k() return 2 end\nlocal function h() return 3 end\n"
          "function M.f() return h() end\nfunction M.g() return k() end\nreturn M");
    merge_expect_pairs(&m, "2<3 3<2 4<4 5<5");
}

static void renamed_helper_by_code_or_place(void **state)
{
    (void)state;
    match("local M = {}\nlocal function add(x) return x + 1 end\nfunction M.f(x) return add(x) end\nreturn M",
          "local M = {}\nlocal function plus(x) return x + 1 end\nfunction M.f(x) return plus(x) end\nreturn "
          "M");
    merge_expect_pairs(&m, "2<2 3<3");
}

static void by_effect(void **state)
{
    (void)state;
    const char *bus = "bus = { on = print }\n";
    merge_open(&m, "return 1", bus);
    merge_stage(&m, "bus.on('in', function() return 1 end)\nbus.on('out', function() return 2 end)\nreturn 1",
                "bus.on('out', function() return 3 end)\nbus.on('other', function() return 1 end)\n"
                "bus.on('in', function() return 4 end)\nreturn 1",
                "");
    merge_match(&m);
    merge_expect_pairs(&m, "1<2 2<- 3<1");
    assert_true(m.match.effect_paired_fresh[0] && m.match.effect_paired_fresh[2]);
    assert_false(m.match.effect_paired_fresh[1]);
}

static void equal_effects_by_code_then_order(void **state)
{
    (void)state;
    merge_open(&m, "return 1", "bus = { on = print }");
    merge_stage(&m,
                "bus.on('x', function() return 1 end)\nbus.on('x', function() return 2 end)\n"
                "bus.on('x', function() return 3 end)\nreturn 1",
                "bus.on('x', function() return 3 end)\nbus.on('x', function() return 9 end)\n"
                "bus.on('x', function() return 1 end)\nreturn 1",
                "");
    merge_match(&m);
    merge_expect_pairs(&m, "1<3 2<2 3<1");
}

static void nested_by_name_of_the_bytecode(void **state)
{
    (void)state;
    match(
        "local M = {}\nfunction M.make()\nlocal function a() return 1 end\nlocal function b() return 2 end\n"
        "return a, b end\nreturn M",
        "local M = {}\nfunction M.make()\nlocal function b() return 3 end\nlocal function c() return 0 end\n"
        "local function a() return 4 end\nreturn a, b, c end\nreturn M");
    merge_expect_pairs(&m, "2<2 3<4 4<- 5<3");
}

static void nested_by_code_then_alignment(void **state)
{
    (void)state;
    match("local M = {}\nfunction M.make() return {\nfunction() return 1 end,\nfunction() return 2 end,\n"
          "function() return 3 end } end\nreturn M",
          "local M = {}\nfunction M.make() return {\nfunction() return 2 end,\nfunction() return 33 end,\n"
          "function() return 1 end } end\nreturn M");
    merge_expect_pairs(
        &m, "2<2 3<4 4<5 5<3"); /* what moved keeps its code; what was edited follows its neighbour */
}

static void inserted_in_front_crosses_nothing(void **state)
{
    (void)state;
    match("local M = { list = {\nfunction() return 'a' end,\nfunction() return 'b' end } }\nreturn M",
          "local M = { list = {\nfunction() return 'new' end,\nfunction() return 'a' end,\nfunction() return "
          "'b' end } }\nreturn M");
    merge_expect_pairs(&m, "2<- 3<2 4<3");
}

static void pairs_are_one_to_one(void **state)
{
    (void)state;
    match("local M = {}\nfunction M.a() return 1 end\nM.b = M.a\nreturn M",
          "local M = {}\nfunction M.a() return 1 end\nfunction M.b() return 1 end\nreturn M");
    merge_expect_pairs(&m, "2<2 3<-");
}

/* --- cells ------------------------------------------------------------------------------------ */

static void cells_by_votes(void **state)
{
    (void)state;
    match("local n, k = 1, 2\nlocal M = {}\nfunction M.a() return n end\nfunction M.b() return n, k "
          "end\nreturn M",
          "local k, n = 20, 10\nlocal M = {}\nfunction M.a() return n end\nfunction M.b() return n, k "
          "end\nreturn M");
    merge_expect_cells(&m, "n(10)<n(1) k(20)<k(2)");
}

static void shadowed_locals_are_two(void **state)
{
    (void)state;
    match("local M = {}\nlocal n = 1\nfunction M.a() return n end\nlocal n = 2\nfunction M.b() return n "
          "end\nreturn M",
          "local M = {}\nlocal n = 11\nfunction M.a() return n, 0 end\nlocal n = 12\nfunction M.b() return "
          "n, 0 end\nreturn M");
    merge_expect_cells(&m, "n(12)<n(2) n(11)<n(1)");
}

/* Two locals of base become one: the one with more votes is it. */
static void one_cell_has_one_twin(void **state)
{
    (void)state;
    match("local M = {}\nlocal n = 1\nfunction M.a() return n end\nfunction M.b() return n end\n"
          "local n = 2\nfunction M.c() return n end\nreturn M",
          "local M = {}\nlocal n = 7\nfunction M.a() return n end\nfunction M.b() return n end\n"
          "function M.c() return n end\nreturn M");
    merge_expect_cells(&m, "n(7)<n(1)");
}

static void new_local_has_no_twin(void **state)
{
    (void)state;
    match("local n = 1\nlocal M = {}\nfunction M.a() return n end\nreturn M",
          "local n, step = 1, 5\nlocal M = {}\nfunction M.a() return n + step end\nreturn M");
    merge_expect_cells(&m, "n(1)<n(1) step(5)<-");
}

/* --- live beside them ------------------------------------------------------------------------- */

static hp_id fresh_named(const char *name)
{
    return hp_graph_field_str(&m.fresh, m.fresh.modules.items[0].root, name);
}

static hp_id live_named(const char *name)
{
    return hp_graph_field_str(&m.live.graph, m.root.live, name);
}

/* Where several are equal in code: the one at the same place, else the one of the same lines. (A function
 * that a push left alone keeps its old lines, so lines alone would lead astray.) */
static void live_functions_are_known_by_code_place_and_lines(void **state)
{
    (void)state;
    const char *old = "local M = {}\nfunction M.a() return 1 end\nfunction M.b() return 1 end\n"
                      "function M.c() return 2 end\nreturn M";
    merge_open(&m, old, "M.a, M.c = M.b, M.a");
    merge_stage(&m, old, old, "");
    merge_match(&m);
    assert_int_equal(hp_prototype_at(&m.base, m.match.live_code[live_named("a")])->line, 2);
    assert_int_equal(hp_prototype_at(&m.base, m.match.live_code[live_named("c")])->line, 2);
    assert_int_equal(m.match.live_fresh[live_named("c")], HP_NO_ID); /* it is not what the source has there */
}

static void twins_stand_at_the_same_place(void **state)
{
    (void)state;
    const char *old = "local M = { t = {} }\nfunction M.a() return 1 end\nreturn M";
    merge_open(&m, old, NULL);
    merge_stage(&m, old, "local M = { t = {} }\nfunction M.a() return 2 end\nfunction M.b() end\nreturn M",
                "");
    merge_match(&m);
    assert_int_equal(m.match.twin[fresh_named("a")], live_named("a"));
    assert_int_equal(m.match.live_fresh[live_named("a")], fresh_named("a"));
    assert_int_equal(m.match.twin[fresh_named("t")], live_named("t"));
    assert_int_equal(m.match.twin[fresh_named("b")], HP_NO_ID);
}

/* One live table under two names is one new table's: the other name has diverged. */
static void tables_pair_one_to_one(void **state)
{
    (void)state;
    const char *old = "local M = { a = {}, b = {} }\nreturn M";
    merge_open(&m, old, "M.b = M.a");
    merge_stage(&m, old, old, "");
    merge_match(&m);
    merge_expect_slots(&m, "m a b!");
}

static void live_cells_of_a_local(void **state)
{
    (void)state;
    const char *old = "local n = 1\nlocal M = {}\nfunction M.a() return n end\nreturn M";
    merge_open(&m, old, NULL);
    merge_stage(&m, old, "local n, k = 1, 2\nlocal M = {}\nfunction M.a() return n, k end\nreturn M", "");
    merge_match(&m);
    uint32_t cell = HP_NO_ID;
    assert_int_equal(hp_match_cell(&m.match, 0, HP_NO_ID, &cell), 1);
    assert_int_equal(hp_graph_node(&m.live.graph, m.live.graph.cells.items[cell].value)->integer, 1);
    assert_int_equal(hp_match_cell(&m.match, 1, HP_NO_ID, &cell), 0);
}

/* --- slots ------------------------------------------------------------------------------------ */

static void cells_come_first_then_functions_then_the_rest(void **state)
{
    (void)state;
    match("local n = 0\nlocal M = { z = {}, a = 1 }\nfunction M.g() return n end\nfunction M.f() return n "
          "end\nreturn M",
          "local n = 0\nlocal M = { z = {}, a = 1 }\nfunction M.g() return n end\nfunction M.f() return n "
          "end\nreturn M");
    merge_expect_slots(&m, "m g f z a g^n");
}

static void hooks_are_no_slots(void **state)
{
    (void)state;
    match("local M = {}\nreturn M",
          "local M = {}\nfunction M.__hotfix() end\nfunction M.__hotrevert() end\nreturn M");
    merge_expect_slots(&m, "m");
}

static void lists_are_marked(void **state)
{
    (void)state;
    match("return { list = { 1, 2 }, map = { 1, x = 2 } }",
          "return { list = { 1, 2, 3 }, map = { 1, x = 2 } }");
    size_t marked = 0;
    for (size_t i = 0; i < m.match.slots.count; i++) {
        const struct hp_slot *s = &m.match.slots.items[i];
        assert_int_equal(s->list, strncmp(s->path, "list[", 5) == 0);
        marked += s->list;
    }
    assert_int_equal(marked, 3);
}

static void metatables_are_slots(void **state)
{
    (void)state;
    match("return setmetatable({}, { __index = { f = 1 } })",
          "return setmetatable({}, { __index = { f = 1 } })");
    merge_expect_slots(&m, "m @mt @mt.__index @mt.__index.f");
}

static void without_base_by_names_alone(void **state)
{
    (void)state;
    merge_open(&m, "local n = 3\nlocal M = {}\nfunction M.a() return n end\nreturn M", NULL);
    merge_stage(&m, NULL, "local M, n = {}, 0\nfunction M.a() return n, 1 end\nreturn M", "");
    merge_match(&m);
    uint32_t cell;
    assert_int_equal(m.match.twin[fresh_named("a")], live_named("a"));
    assert_int_equal(hp_match_cell(&m.match, 0, HP_NO_ID, &cell), 1);
    assert_true(hp_code_none(m.match.live_code[live_named("a")]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(by_path, close_merge),
        cmocka_unit_test_teardown(swapped_names_swap_functions, close_merge),
        cmocka_unit_test_teardown(locals_by_the_functions_that_capture_them, close_merge),
        cmocka_unit_test_teardown(renamed_helper_by_code_or_place, close_merge),
        cmocka_unit_test_teardown(by_effect, close_merge),
        cmocka_unit_test_teardown(equal_effects_by_code_then_order, close_merge),
        cmocka_unit_test_teardown(nested_by_name_of_the_bytecode, close_merge),
        cmocka_unit_test_teardown(nested_by_code_then_alignment, close_merge),
        cmocka_unit_test_teardown(inserted_in_front_crosses_nothing, close_merge),
        cmocka_unit_test_teardown(pairs_are_one_to_one, close_merge),
        cmocka_unit_test_teardown(cells_by_votes, close_merge),
        cmocka_unit_test_teardown(shadowed_locals_are_two, close_merge),
        cmocka_unit_test_teardown(one_cell_has_one_twin, close_merge),
        cmocka_unit_test_teardown(new_local_has_no_twin, close_merge),
        cmocka_unit_test_teardown(live_functions_are_known_by_code_place_and_lines, close_merge),
        cmocka_unit_test_teardown(twins_stand_at_the_same_place, close_merge),
        cmocka_unit_test_teardown(tables_pair_one_to_one, close_merge),
        cmocka_unit_test_teardown(live_cells_of_a_local, close_merge),
        cmocka_unit_test_teardown(cells_come_first_then_functions_then_the_rest, close_merge),
        cmocka_unit_test_teardown(hooks_are_no_slots, close_merge),
        cmocka_unit_test_teardown(lists_are_marked, close_merge),
        cmocka_unit_test_teardown(metatables_are_slots, close_merge),
        cmocka_unit_test_teardown(without_base_by_names_alone, close_merge),
    };
    return cmocka_run_group_tests_name("match", tests, NULL, NULL);
}
