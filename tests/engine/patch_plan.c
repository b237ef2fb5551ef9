/* Plans made by hand; see patch_fixture.h. */
#include "patch_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>

/* --- Values ----------------------------------------------------------------------------------- */

static void push_expression(struct fixture *f, const char *expression)
{
    lua_pushfstring(f->L, "return %s", expression);
    fx_check(f, luaL_loadstring(f->L, lua_tostring(f->L, -1)));
    lua_remove(f->L, -2);
    fx_check(f, lua_pcall(f->L, 0, 1, 0));
}

hp_handle fx_handle(struct fixture *f, const char *expression)
{
    push_expression(f, expression);
    hp_handle handle = hp_anchor_add(f->L, f->anchor, -1);
    lua_pop(f->L, 1);
    assert_int_not_equal(handle, 0);
    return handle;
}

struct hp_value fx_nil(void)
{
    return (struct hp_value){.kind = HP_VALUE_NIL};
}

struct hp_value fx_live(struct fixture *f, const char *expression)
{
    return (struct hp_value){.kind = HP_VALUE_LIVE, .index = fx_handle(f, expression)};
}

struct hp_value fx_string(struct fixture *f, const char *text)
{
    hp_id node = hp_graph_add_string(&f->graph, text, strlen(text));
    return (struct hp_value){.kind = HP_VALUE_PLAIN, .graph = &f->graph, .node = node};
}

struct hp_value fx_integer(struct fixture *f, int64_t n)
{
    hp_id node = hp_graph_add(&f->graph, HP_NODE_INTEGER);
    hp_graph_node(&f->graph, node)->integer = n;
    return (struct hp_value){.kind = HP_VALUE_PLAIN, .graph = &f->graph, .node = node};
}

struct hp_value fx_ref(enum hp_value_kind kind, uint32_t index)
{
    return (struct hp_value){.kind = kind, .index = index};
}

/* --- Parts of the plan ------------------------------------------------------------------------ */

const struct hp_prototype_tree *fx_tree(struct fixture *f, const char *chunk)
{
    struct hp_prototype_tree *tree = hp_mem_calloc(sizeof *tree);
    assert_non_null(tree);
    lua_State *L = luaL_newstate(); /* not the live one: new text is compiled elsewhere */
    assert_int_equal(luaL_loadbuffer(L, chunk, strlen(chunk), "@battle.lua"), LUA_OK);
    char *data = NULL;
    size_t len = 0;
    assert_int_equal(hp_lx_dump(L, -1, false, &data, &len), HP_OK);
    assert_int_equal(hp_prototypes_parse(tree, data, len), HP_OK);
    hp_mem_free(data);
    lua_close(L);
    struct hp_prototype_tree **place = HP_PUSH(&f->graph.arena, &f->graph.trees);
    *place = tree; /* the graph's: freed with it */
    return tree;
}

struct hp_value fx_function(struct fixture *f, const struct hp_prototype_tree *tree, uint32_t prototype,
                            const char *path, hp_handle replaces)
{
    struct hp_plan_function *function = HP_PUSH(&f->plan.arena, &f->plan.functions);
    *function =
        (struct hp_plan_function){.tree = tree, .prototype = prototype, .path = path, .replaces = replaces};
    if (f->plan.modules.count != 0)
        f->plan.modules.items[0].functions++;
    return fx_ref(HP_VALUE_FUNCTION, (uint32_t)f->plan.functions.count - 1);
}

static struct hp_plan_upvalue *add_upvalue(struct fixture *f, struct hp_value function)
{
    return HP_PUSH(&f->plan.arena, &f->plan.functions.items[function.index].upvalues);
}

void fx_join(struct fixture *f, struct hp_value function, hp_handle closure, uint32_t upvalue)
{
    *add_upvalue(f, function) = (struct hp_plan_upvalue){.join = true, .place = {closure, upvalue}};
}

void fx_join_cell(struct fixture *f, struct hp_value function, uint32_t cell)
{
    *add_upvalue(f, function) = (struct hp_plan_upvalue){.cell = cell};
}

uint32_t fx_cell(struct fixture *f, struct hp_value first)
{
    struct hp_plan_cell *cell = HP_PUSH(&f->plan.arena, &f->plan.cells);
    cell->first = first;
    return (uint32_t)f->plan.cells.count - 1;
}

struct hp_value fx_table(struct fixture *f, struct hp_value metatable)
{
    struct hp_plan_table *table = HP_PUSH(&f->plan.arena, &f->plan.tables);
    table->metatable = metatable;
    return fx_ref(HP_VALUE_TABLE, (uint32_t)f->plan.tables.count - 1);
}

void fx_pair(struct fixture *f, struct hp_value table, struct hp_value key, struct hp_value value)
{
    struct hp_plan_pair *pair = HP_PUSH(&f->plan.arena, &f->plan.tables.items[table.index].fields);
    *pair = (struct hp_plan_pair){.key = key, .value = value};
}

struct hp_value fx_replay(struct fixture *f, enum hp_operation operation, const char *call, size_t count,
                          const struct hp_value *operands)
{
    struct hp_plan_replay *replay = HP_PUSH(&f->plan.arena, &f->plan.replays);
    *replay = (struct hp_plan_replay){.operation = operation,
                                      .call = call,
                                      .args = "",
                                      .for_path = "inc^new",
                                      .line = 1 + (int)f->plan.replays.count};
    for (size_t i = 0; i < count; i++) {
        struct hp_value *operand = HP_PUSH(&f->plan.arena, &replay->operands);
        *operand = operands[i];
    }
    return fx_ref(HP_VALUE_REPLAY, (uint32_t)f->plan.replays.count - 1);
}

struct hp_step *fx_step(struct fixture *f, enum hp_step_kind kind, struct hp_value value,
                        struct hp_value expected, const char *path)
{
    struct hp_step *step = HP_PUSH(&f->plan.arena, &f->plan.steps);
    *step = (struct hp_step){.kind = kind, .value = value, .expected = expected, .path = path};
    return step;
}

struct hp_step *fx_field(struct fixture *f, enum hp_step_kind kind, hp_handle table, const char *key,
                         struct hp_value value, struct hp_value expected)
{
    struct hp_step *step = fx_step(f, kind, value, expected, hp_arena_str(&f->plan.arena, key));
    step->target = table;
    step->key = fx_string(f, key);
    return step;
}

/* --- The usual -------------------------------------------------------------------------------- */

const char FX_PROGRAM[] = "local count = 0\n"
                          "local function helper() return 1 end\n"
                          "M = { VERSION = '1', list = { 1, 2 } }\n"
                          "function M.inc() count = count + helper() return count end\n"
                          "function M.get() return count end\n"
                          "function M.old() return 'old' end\n"
                          "calls = {}\n"
                          "function log(t) calls[#calls + 1] = t return { name = t } end\n"
                          "M.inc() M.inc()\n"; /* count is 2 */

/* helper is number 1, inc number 2 (upvalues: count, helper), step number 3 (upvalue: step). */
const char FX_NEW_TEXT[] = "local count, step = 0, 5\n"
                           "local function helper() return 100 end\n"
                           "local function inc() count = count + helper() return count end\n"
                           "return function() step = step + 1 return step end\n";

/* The usual patch: helper and inc replaced, joined to their cells. */
void fx_plan_usual(struct fixture *f)
{
    const struct hp_prototype_tree *tree = fx_tree(f, FX_NEW_TEXT);
    hp_handle old_inc = fx_handle(f, "M.inc");
    struct hp_value old_helper = fx_live(f, "select(2, debug.getupvalue(M.inc, 2))");
    struct hp_value helper = fx_function(f, tree, 1, "inc^helper", old_helper.index);
    struct hp_value inc = fx_function(f, tree, 2, "inc", old_inc);
    fx_join(f, inc, old_inc, 0);
    fx_join(f, inc, old_inc, 1);
    fx_field(f, HP_STEP_SET_FIELD, fx_handle(f, "M"), "inc", inc, fx_live(f, "M.inc"));
    fx_step(f, HP_STEP_SET_CELL, helper, old_helper, "inc^helper")->place =
        (struct hp_cell_place){old_inc, 1};
}
