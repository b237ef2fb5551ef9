/* The stage: what hp_stage_collect makes of what the bodies built (graph.h). */
#include "stage_fixture.h"

static struct staged t;

static int open_all(void **state)
{
    (void)state;
    staged_open(&t, "config = {a = 1} function config.get() return 1 end cjson = {} bus = {} function "
                    "bus.on(n, f) bus[n] = f end\n"
                    "function class(name) return setmetatable({name = name, new = function() end}, {__call = "
                    "function() end}) end\n"
                    "Base = {} Base.__index = Base function Base:m() end");
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    staged_close(&t);
    return 0;
}

static const struct hp_node *at(const char *path)
{
    hp_id id = staged_field(&t.graph, t.graph.modules.items[0].root, path);
    assert_int_not_equal(id, HP_NO_ID);
    return hp_graph_node(&t.graph, id);
}

static const struct hp_cell *cell(const struct hp_node *function, size_t upvalue)
{
    assert_int_equal(function->kind, HP_NODE_FUNCTION);
    assert_true(upvalue < function->cells.count);
    return &t.graph.cells.items[function->cells.items[upvalue]];
}

static void cells_are_shared_as_in_the_body(void **state)
{
    (void)state;
    staged_run(&t, "local count, other = 5, 'x'\nlocal M = {}\nfunction M.inc() count = count + 1 "
                   "end\nfunction M.get() return count, other end\n"
                   "local function make() local own = {} return function() return own, M end end\nM.a, M.b = "
                   "make(), make()\nreturn M");
    const struct hp_node *inc = at("inc"), *get = at("get"), *a = at("a"), *b = at("b");
    assert_int_equal(inc->cells.count, 1);
    assert_int_equal(get->cells.count, 2);
    assert_int_equal(inc->cells.items[0], get->cells.items[0]);
    assert_string_equal(cell(inc, 0)->name, "count");
    assert_int_equal(hp_graph_node(&t.graph, cell(inc, 0)->value)->integer, 5);
    assert_string_equal(hp_graph_node(&t.graph, cell(get, 1)->value)->string.data, "x");
    assert_int_equal(a->function.prototype, b->function.prototype);
    assert_int_not_equal(a->function.prototype, inc->function.prototype);
    assert_int_not_equal(a->cells.items[0], b->cells.items[0]);
    assert_int_equal(a->cells.items[1], b->cells.items[1]);
    assert_int_equal(cell(a, 1)->value, t.graph.modules.items[0].root);
    const struct hp_cell *c = cell(get, 0);
    assert_int_equal(hp_graph_node(&t.graph, c->holder)->cells.items[c->index], get->cells.items[0]);
}

static void prototypes_are_told_apart(void **state)
{
    (void)state;
    staged_run(&t, "local M = {}\nM.x = function() end M.y = function() end\nM.z = function()\n return "
                   "function() end end M.w = M.z()\nreturn M");
    const struct hp_prototype_tree *tree = t.graph.trees.items[at("x")->function.tree];
    assert_int_equal(tree->prototypes.count, 5);
    assert_int_equal(tree->prototypes.items[0].parent, HP_NO_PROTOTYPE);
    assert_int_equal(at("x")->function.prototype, 1);
    assert_int_equal(at("y")->function.prototype, 2);
    assert_int_equal(at("z")->function.prototype, 3);
    assert_int_equal(at("w")->function.prototype, 4);
    assert_int_equal(tree->prototypes.items[3].last_line, 4);
    assert_string_equal(tree->prototypes.items[3].source, "@mod.lua");
    assert_int_equal(t.graph.modules.items[0].tree, 0);
}

static void tables_keep_their_shape(void **state)
{
    (void)state;
    staged_returns(&t,
                   "local M = {b = 1, a = 'x', [2] = true, [1] = 2.5, [0] = false} M.self = M local mt = "
                   "{__index = config} mt.__index = mt\n"
                   "return {M == M.self, setmetatable({1}, mt).q, M.a, [-5] = 1, z = {}, A = {}}",
                   "{A={},z={},[-5]=1,[1]=true,[3]=\"x\"}");
    staged_run(&t, "local M = {} M.self = M M[M] = config M[1.5] = 1 M[true] = 2 setmetatable(M, {__index = "
                   "M, __gc = function() end, __mode = 'k'}) return M");
    const struct hp_graph_module *m = &t.graph.modules.items[0];
    assert_int_equal(staged_field(&t.graph, m->root, "self"), m->root);
    const struct hp_node *root = hp_graph_node(&t.graph, m->root),
                         *mt = hp_graph_node(&t.graph, root->metatable);
    assert_int_equal(root->entries.count, 4);
    assert_true(root->has_metatable);
    assert_int_equal(mt->entries.count, 3);
    assert_int_equal(staged_field(&t.graph, root->metatable, "__index"), m->root);
    assert_int_equal(hp_graph_node(&t.graph, staged_field(&t.graph, root->metatable, "__gc"))->kind,
                     HP_NODE_FUNCTION);
    assert_int_equal(hp_graph_node(&t.graph, hp_graph_field(&t.graph, m->root, &t.graph, m->root))->kind,
                     HP_NODE_VIEW);
}

static void views_have_the_handles_of_the_anchor(void **state)
{
    (void)state;
    staged_run(&t, "return {a = config, b = config.get, c = print, d = _G}");
    lua_State *L = t.live;
    lua_getglobal(L, "config");
    assert_int_equal(at("a")->handle, hp_anchor_find(L, 1, -1));
    assert_string_equal(at("a")->type, "table");
    lua_getfield(L, -1, "get");
    assert_int_equal(at("b")->handle, hp_anchor_find(L, 1, -1));
    assert_string_equal(at("b")->type, "function");
    assert_string_equal(at("b")->text, "config.get");
    lua_getglobal(L, "print");
    assert_int_equal(at("c")->handle, hp_anchor_find(L, 1, -1));
    lua_pushglobaltable(L);
    assert_int_equal(at("d")->handle, hp_anchor_find(L, 1, -1));
    assert_int_equal(at("d")->handle, hp_graph_node(&t.graph, t.graph.modules.items[0].environment)->handle);
    lua_settop(L, 1);
    hp_handle before = at("b")->handle;
    staged_run(&t, "return {a = config, b = config.get}");
    assert_int_equal(at("b")->handle, before); /* base and new speak of the same objects */
}

static void light_userdata_is_a_constant(void **state)
{
    (void)state;
    lua_getglobal(t.live, "cjson");
    lua_pushlightuserdata(t.live, &t);
    lua_setfield(t.live, -2, "null");
    lua_settop(t.live, 1);
    staged_returns(&t, "return {cjson.null, cjson.null == cjson.null, type(cjson.null)}",
                   "{[1]=view(cjson.null),[2]=true,[3]=\"userdata\"}");
}

static void class_libraries_give_placeholders_with_methods(void **state)
{
    (void)state;
    staged_returns(&t,
                   "local Foo = class('Foo')\nfunction Foo:bar() end\nFoo.static = 1\nfunction Foo.__index() "
                   "end\nreturn Foo",
                   "?(class(\"Foo\"))+{__index=function:4,bar=function:2,static=1}");
    assert_int_equal(t.graph.written.count, 1);
    assert_int_equal(t.graph.written.items[0], t.graph.modules.items[0].root);
    staged_returns(&t,
                   "local Sub = setmetatable({}, Base) function Sub:n() end return {Sub, Sub.m == Base.m}",
                   "{[1]={n=function:1}@view(Base),[2]=true}");
    staged_returns(&t,
                   "local A, B = class('A'), class('B') function A.f() end function B.f() end return "
                   "{setmetatable({}, A), A == B, B}",
                   "{[1]={}@?(class(\"A\"))+{f=function:1},[2]=false,[3]=?(class(\"B\"))+{f=function:1}}");
}

static void what_cannot_be_translated_is_opaque(void **state)
{
    (void)state;
    staged_returns(&t,
                   "local c = coroutine.create(function() coroutine.yield() end) coroutine.resume(c)\n"
                   "return {c, coroutine.wrap(print), ('x'):gmatch('.'), load('return 1')}",
                   "{[1]=opaque(thread),[2]=opaque(function),[3]=opaque(function),[4]=opaque(function)}");
    staged_returns(&t, "local function body() end\nreturn {coroutine.create(body), coroutine.create(print)}",
                   "{[1]=opaque(thread)+{[nil]=function:1},[2]=opaque(thread)+{[nil]=view(print)}}");
}

static void expressions_have_their_operands(void **state)
{
    (void)state;
    staged_run(&t, "local log = bus.on('x', print).log\nlocal n = #log + 1\nreturn {log = log, n = n, again "
                   "= bus.on('x', print).log}");
    const struct hp_graph *g = &t.graph;
    const struct hp_expression *index = &g->expressions.items[at("log")->expression];
    assert_int_equal(index->operation, HP_OP_INDEX);
    assert_int_equal(index->line, 1);
    assert_string_equal(hp_graph_node(g, index->operands.items[1])->string.data, "log");
    const struct hp_expression *call =
        &g->expressions.items[hp_graph_node(g, index->operands.items[0])->expression];
    assert_int_equal(call->operation, HP_OP_CALL);
    assert_int_equal(call->operands.count, 3);
    const struct hp_expression *sum = &g->expressions.items[at("n")->expression];
    assert_int_equal(sum->operation, HP_OP_ARITH);
    assert_int_equal(hp_graph_node(g, sum->operands.items[0])->integer, LUA_OPADD);
    assert_true(at("log")->expression != at("again")->expression);
    assert_true(hp_expression_equal(g, at("log")->expression, g, at("again")->expression));
    assert_false(hp_expression_equal(g, at("log")->expression, g, at("n")->expression));
    for (size_t i = 0; i < g->expressions.count; i++) {
        for (size_t j = 0; j < g->expressions.items[i].operands.count; j++) {
            const struct hp_node *n = hp_graph_node(g, g->expressions.items[i].operands.items[j]);
            assert_true(n->kind != HP_NODE_PLACEHOLDER || n->expression < i);
        }
    }
}

static void calls_are_equal_across_graphs(void **state)
{
    (void)state;
    struct hp_graph other;
    staged_run(&t, "local x = 1\nreturn {a = bus.on('x', {1, f = function() return 2 end}), b = bus.on('y'), "
                   "c = bus.on('z', {2})}");
    struct hp_stage *stage = t.stage;
    struct hp_graph graph = t.graph;
    hp_id a = at("a")->expression, b = at("b")->expression, c = at("c")->expression;
    t.stage = NULL;
    hp_graph_init(&t.graph);
    staged_run(&t, "return {c = bus.on('z', {3}),\n b = bus.on('y', nil),\n a = bus.on('x', {f = "
                   "function()\n return 2 end, 1})}");
    other = t.graph;
    assert_true(hp_expression_equal(&graph, a, &other, at("a")->expression));
    assert_false(hp_expression_equal(&graph, b, &other, at("b")->expression));
    assert_false(hp_expression_equal(&graph, c, &other, at("c")->expression));
    assert_false(hp_expression_equal(&graph, a, &other, at("c")->expression));
    hp_stage_close(stage);
    hp_graph_fini(&graph);
}

static void a_chain_of_a_million_tables_is_collected(void **state)
{
    (void)state;
    staged_run(&t, "local t for i = 1, 1000000 do t = {t} end return t");
    assert_true(t.graph.nodes.count > 1000000);
    size_t depth = 0;
    hp_id id = t.graph.modules.items[0].root;
    while (hp_graph_node(&t.graph, id)->entries.count != 0) {
        id = hp_graph_node(&t.graph, id)->entries.items[0].value;
        depth++;
    }
    assert_int_equal(depth, 999999);
    staged_run(
        &t,
        "local t = {} for i = 1, 300000 do t[i] = i end for i = 1, 300000 do t['k' .. i] = i end return t");
    assert_int_equal(hp_graph_node(&t.graph, t.graph.modules.items[0].root)->entries.count, 600000);
    hp_id last = hp_graph_field_str(&t.graph, t.graph.modules.items[0].root, "k299999");
    assert_int_equal(hp_graph_node(&t.graph, last)->integer, 299999);
    staged_run(&t, "local f for i = 1, 100000 do local g = f f = function() return g end end return f");
    staged_run(&t, "local p = bus.on() for i = 1, 100000 do p = p .. i end return p");
}

static void numbers_of_nodes_do_not_change_from_run_to_run(void **state)
{
    (void)state;
    static const char body[] = "local M = {} for w in ('the quick brown fox jumps over the lazy "
                               "dog'):gmatch('%a+') do M[w] = {w, function() return M end} end return M";
    staged_run(&t, body);
    size_t count = t.graph.nodes.count;
    hp_id fox = staged_field(&t.graph, t.graph.modules.items[0].root, "fox"),
          dog = staged_field(&t.graph, t.graph.modules.items[0].root, "dog");
    staged_run(&t, body);
    assert_int_equal(t.graph.nodes.count, count);
    assert_int_equal(staged_field(&t.graph, t.graph.modules.items[0].root, "fox"), fox);
    assert_int_equal(staged_field(&t.graph, t.graph.modules.items[0].root, "dog"), dog);
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(cells_are_shared_as_in_the_body),
        EACH(prototypes_are_told_apart),
        EACH(tables_keep_their_shape),
        EACH(views_have_the_handles_of_the_anchor),
        EACH(light_userdata_is_a_constant),
        EACH(class_libraries_give_placeholders_with_methods),
        EACH(what_cannot_be_translated_is_opaque),
        EACH(expressions_have_their_operands),
        EACH(calls_are_equal_across_graphs),
        EACH(a_chain_of_a_million_tables_is_collected),
        EACH(numbers_of_nodes_do_not_change_from_run_to_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
