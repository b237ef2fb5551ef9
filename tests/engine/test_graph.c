/* Graphs made by hand: order of keys, lookup, equality, paths (graph.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/graph.h"

static struct hp_graph g, h;

static int open_graphs(void **state)
{
    (void)state;
    hp_graph_init(&g);
    hp_graph_init(&h);
    return 0;
}

static int close_graphs(void **state)
{
    (void)state;
    hp_graph_fini(&g);
    hp_graph_fini(&h);
    return 0;
}

static hp_id string(struct hp_graph *graph, const char *s)
{
    return hp_graph_add_string(graph, s, strlen(s));
}

static hp_id integer(struct hp_graph *graph, int64_t i)
{
    hp_id id = hp_graph_add(graph, HP_NODE_INTEGER);
    hp_graph_node(graph, id)->integer = i;
    return id;
}

static hp_id number(struct hp_graph *graph, double d)
{
    hp_id id = hp_graph_add(graph, HP_NODE_FLOAT);
    hp_graph_node(graph, id)->number = d;
    return id;
}

static hp_id object(struct hp_graph *graph, enum hp_node_kind kind, uint32_t handle)
{
    hp_id id = hp_graph_add(graph, kind);
    hp_graph_node(graph, id)->handle = handle;
    return id;
}

static void number_zero_is_nil(void **state)
{
    (void)state;
    assert_int_equal(hp_graph_node(&g, 0)->kind, HP_NODE_NIL);
    assert_int_equal(hp_graph_node(&g, 77)->kind, HP_NODE_NIL);
    assert_int_equal(integer(&g, 5), 1);
    assert_int_equal(hp_graph_add(&g, HP_NODE_NIL), HP_NIL);
    assert_int_equal(hp_graph_node(&g, 0)->kind, HP_NODE_NIL);
    assert_int_equal(g.nodes.count, 2);
}

static void equality_is_that_of_lua(void **state)
{
    (void)state;
    assert_true(hp_node_equal(&g, integer(&g, 1), &h, number(&h, 1.0)));
    assert_false(hp_node_equal(&g, integer(&g, 1), &h, number(&h, 1.5)));
    assert_false(hp_node_equal(&g, integer(&g, INT64_MAX), &h, number(&h, 9223372036854775808.0)));
    assert_true(hp_node_equal(&g, integer(&g, INT64_MIN), &h, number(&h, -9223372036854775808.0)));
    assert_false(hp_node_equal(&g, number(&g, NAN), &h, number(&h, NAN)));
    assert_true(hp_node_equal(&g, number(&g, 0.0), &h, number(&h, -0.0)));
    assert_true(hp_node_equal(&g, string(&g, "ab"), &h, string(&h, "ab")));
    assert_false(hp_node_equal(&g, string(&g, "1"), &h, integer(&h, 1)));
    assert_true(
        hp_node_equal(&g, hp_graph_add_string(&g, "a\0b", 3), &h, hp_graph_add_string(&h, "a\0b", 3)));
    assert_false(
        hp_node_equal(&g, hp_graph_add_string(&g, "a\0b", 3), &h, hp_graph_add_string(&h, "a\0c", 3)));
    assert_true(hp_node_equal(&g, object(&g, HP_NODE_VIEW, 4), &h, object(&h, HP_NODE_TABLE, 4)));
    assert_false(hp_node_equal(&g, object(&g, HP_NODE_VIEW, 4), &h, object(&h, HP_NODE_VIEW, 5)));
    hp_id a = object(&g, HP_NODE_TABLE, 0), b = object(&h, HP_NODE_TABLE, 0);
    assert_true(hp_node_equal(&g, a, &g, a));
    assert_int_equal(a == b, hp_node_equal(&g, a, &g, b));
    assert_false(hp_node_equal(&g, a, &h, b));
    assert_true(hp_node_equal(&g, HP_NIL, &h, HP_NIL));
    assert_false(hp_node_equal(&g, HP_NIL, &h, string(&h, "")));
}

static void entries_are_found_whatever_their_order(void **state)
{
    (void)state;
    hp_id t = object(&g, HP_NODE_TABLE, 0), staged = object(&g, HP_NODE_TABLE, 0);
    hp_graph_add_entry(&g, t, object(&g, HP_NODE_VIEW, 9), integer(&g, 5));
    hp_graph_add_entry(&g, t, staged, integer(&g, 6));
    hp_graph_add_entry(&g, t, number(&g, 1.5), integer(&g, 4));
    hp_graph_add_entry(&g, t, integer(&g, 3), integer(&g, 3));
    hp_graph_add_entry(&g, t, integer(&g, -2), integer(&g, 2));
    hp_graph_add_entry(&g, t, string(&g, "b"), integer(&g, 1));
    hp_graph_add_entry(&g, t, string(&g, ""), integer(&g, 0));
    for (int pass = 0; pass < 2; pass++) {
        assert_int_equal(hp_graph_node(&g, hp_graph_field_str(&g, t, "b"))->integer, 1);
        assert_int_equal(hp_graph_node(&g, hp_graph_field_str(&g, t, ""))->integer, 0);
        assert_int_equal(hp_graph_field_str(&g, t, "c"), HP_NO_ID);
        assert_int_equal(hp_graph_node(&g, hp_graph_field(&g, t, &h, integer(&h, -2)))->integer, 2);
        assert_int_equal(hp_graph_node(&g, hp_graph_field(&g, t, &h, number(&h, 3.0)))->integer, 3);
        assert_int_equal(hp_graph_node(&g, hp_graph_field(&g, t, &h, number(&h, 1.5)))->integer, 4);
        assert_int_equal(hp_graph_field(&g, t, &h, number(&h, NAN)), HP_NO_ID);
        assert_int_equal(hp_graph_node(&g, hp_graph_field(&g, t, &h, object(&h, HP_NODE_TABLE, 9)))->integer,
                         5);
        assert_int_equal(hp_graph_node(&g, hp_graph_field(&g, t, &g, staged))->integer, 6);
        assert_int_equal(hp_graph_field(&g, t, &h, object(&h, HP_NODE_TABLE, 0)), HP_NO_ID);
        assert_true(hp_graph_node(&g, t)->unsorted == (pass == 0));
        hp_graph_sort_entries(&g, t);
    }
    const struct hp_entry *e = hp_graph_node(&g, t)->entries.items;
    assert_int_equal(hp_graph_node(&g, e[0].value)->integer, 0);
    assert_int_equal(hp_graph_node(&g, e[2].value)->integer, 2);
    assert_int_equal(hp_graph_node(&g, e[3].value)->integer, 3);
    assert_int_equal(hp_graph_field(&g, HP_NIL, &g, staged), HP_NO_ID);
}

static hp_id boolean(struct hp_graph *graph, bool value)
{
    hp_id id = hp_graph_add(graph, HP_NODE_BOOLEAN);
    hp_graph_node(graph, id)->boolean = value;
    return id;
}

/* Lua walks a table in an order that is not the same twice; a report is. */
static void plain_keys_have_one_order(void **state)
{
    static const char first[] = "abcdef";
    (void)state;
    for (unsigned turn = 0; turn < 6; turn++) {
        hp_id t = object(&g, HP_NODE_TABLE, 0);
        for (unsigned i = 0; i < 6; i++) {
            unsigned which = (i * 5 + turn) % 6;
            hp_id key = which == 0   ? string(&g, "a")
                        : which == 1 ? integer(&g, 7)
                        : which < 4  ? boolean(&g, which == 3)
                                     : number(&g, which == 4 ? -0.5 : 1.5);
            hp_graph_add_entry(&g, t, key, hp_graph_add_string(&g, &first[which], 1));
        }
        hp_graph_sort_entries(&g, t);
        for (unsigned i = 0; i < 6; i++) {
            struct hp_entry e = hp_graph_node(&g, t)->entries.items[i];
            assert_int_equal(hp_graph_node(&g, e.value)->string.data[0], first[i]);
            assert_int_equal(hp_graph_field(&g, t, &g, e.key), e.value);
        }
    }
}

static uint32_t expression(struct hp_graph *graph, enum hp_operation operation, hp_id a, hp_id b)
{
    struct hp_expression *e = HP_PUSH(&graph->arena, &graph->expressions);
    e->operation = operation;
    e->what = "same";
    hp_id *operand = HP_PUSH(&graph->arena, &e->operands);
    *operand = a;
    operand = HP_PUSH(&graph->arena, &e->operands);
    *operand = b;
    return (uint32_t)(graph->expressions.count - 1);
}

static hp_id placeholder(struct hp_graph *graph, uint32_t expression_number)
{
    hp_id id = hp_graph_add(graph, HP_NODE_PLACEHOLDER);
    hp_graph_node(graph, id)->expression = expression_number;
    return id;
}

static void expressions_are_compared_by_structure(void **state)
{
    (void)state;
    uint32_t x = expression(&g, HP_OP_CALL, object(&g, HP_NODE_VIEW, 3), string(&g, "a"));
    uint32_t y = expression(&h, HP_OP_CALL, object(&h, HP_NODE_VIEW, 3), string(&h, "a"));
    uint32_t z = expression(&h, HP_OP_CALL, object(&h, HP_NODE_VIEW, 3), string(&h, "b"));
    uint32_t w = expression(&h, HP_OP_INDEX, object(&h, HP_NODE_VIEW, 3), string(&h, "a"));
    assert_true(hp_expression_equal(&g, x, &h, y));
    assert_false(hp_expression_equal(&g, x, &h, z));
    assert_false(hp_expression_equal(&g, x, &h, w));
    assert_false(hp_expression_equal(&g, x, &h, 99));
    uint32_t nan = expression(&g, HP_OP_OTHER, number(&g, NAN), HP_NIL);
    assert_true(hp_expression_equal(&g, nan, &h, expression(&h, HP_OP_OTHER, number(&h, NAN), HP_NIL)));
    h.expressions.items[h.expressions.count - 1].what = "other";
    assert_false(hp_expression_equal(&g, nan, &h, (uint32_t)h.expressions.count - 1));
    /* Each doubles the one before: compared pair by pair, not path by path; and a chain too long to recurse
     * on. */
    for (int i = 0; i < 100000; i++) {
        hp_id p = placeholder(&g, x), q = placeholder(&h, y);
        x = expression(&g, HP_OP_CONCAT, p, i < 100 ? p : string(&g, "."));
        y = expression(&h, HP_OP_CONCAT, q, i < 100 ? q : string(&h, "."));
    }
    assert_true(hp_expression_equal(&g, x, &h, y));
    assert_false(hp_expression_equal(&g, x, &h, y - 1));
}

static void tables_in_operands_may_be_cyclic(void **state)
{
    (void)state;
    hp_id t = object(&g, HP_NODE_TABLE, 0), u = object(&h, HP_NODE_TABLE, 0),
          v = object(&h, HP_NODE_TABLE, 0);
    hp_graph_add_entry(&g, t, string(&g, "self"), t);
    hp_graph_add_entry(&h, u, string(&h, "self"), u);
    hp_graph_add_entry(&h, v, string(&h, "self"), HP_NIL);
    uint32_t x = expression(&g, HP_OP_INDEX, t, HP_NIL);
    assert_true(hp_expression_equal(&g, x, &h, expression(&h, HP_OP_INDEX, u, HP_NIL)));
    assert_false(hp_expression_equal(&g, x, &h, expression(&h, HP_OP_INDEX, v, HP_NIL)));
    hp_graph_node(&h, u)->metatable = v;
    assert_false(hp_expression_equal(&g, x, &h, expression(&h, HP_OP_INDEX, u, HP_NIL)));
}

static void paths_are_written_as_lua(void **state)
{
    (void)state;
    struct hp_arena *a = &g.arena;
    assert_string_equal(hp_path_field(a, "", &g, string(&g, "name")), "name");
    assert_string_equal(hp_path_field(a, "a.b", &g, string(&g, "_x1")), "a.b._x1");
    assert_string_equal(hp_path_field(a, "a", &g, string(&g, "1x")), "a[\"1x\"]");
    assert_string_equal(hp_path_field(a, "a", &g, string(&g, "end")), "a[\"end\"]");
    assert_string_equal(hp_path_field(a, "", &g, string(&g, "a b\"\\\n")), "[\"a b\\\"\\\\\\010\"]");
    assert_string_equal(hp_path_field(a, "a", &g, hp_graph_add_string(&g, "\0", 1)), "a[\"\\000\"]");
    assert_string_equal(hp_path_field(a, "a", &g, string(&g, "")), "a[\"\"]");
    assert_string_equal(hp_path_field(a, "a", &g, integer(&g, -3)), "a[-3]");
    assert_string_equal(hp_path_field(a, "a", &g, number(&g, 1.5)), "a[1.5]");
    assert_string_equal(hp_path_upvalue(a, "a.f", "x"), "a.f^x");
    assert_string_equal(hp_path_upvalue(a, "a.f", NULL), "a.f^?");
    assert_string_equal(hp_path_metatable(a, "Skill"), "Skill@mt");
}

static long left;

static void *failing_realloc(void *ptr, size_t size)
{
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return left-- > 0 ? realloc(ptr, size) : NULL;
}

static void running_out_of_memory_is_sticky(void **state)
{
    (void)state;
    hp_mem_set_allocator(failing_realloc);
    for (long n = 0; n < 40; n++) {
        left = n;
        struct hp_graph small;
        hp_graph_init(&small);
        hp_id t = hp_graph_add(&small, HP_NODE_TABLE);
        for (int i = 0; i < 300; i++) {
            hp_id key = hp_graph_add_string(&small, "0123456789", (size_t)(i % 10));
            hp_graph_add_entry(&small, t, key, key);
            hp_graph_add_cell(&small, key, t, 0, "name");
        }
        hp_graph_sort_entries(&small, t);
        assert_int_equal(hp_graph_failed(&small), small.cells.count < 300 || small.nodes.count < 302);
        hp_graph_fini(&small);
    }
    hp_mem_set_allocator(NULL);
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, open_graphs, close_graphs)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(number_zero_is_nil),
        EACH(equality_is_that_of_lua),
        EACH(entries_are_found_whatever_their_order),
        EACH(plain_keys_have_one_order),
        EACH(expressions_are_compared_by_structure),
        EACH(tables_in_operands_may_be_cyclic),
        EACH(paths_are_written_as_lua),
        EACH(running_out_of_memory_is_sticky),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
