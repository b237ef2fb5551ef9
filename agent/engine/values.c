/* hotpatch engine: the values of a plan in the live state; the contract is in values.h. */
#include "agent/engine/values.h"

#include <limits.h>
#include <stdint.h>

static size_t part_count(const struct hp_plan *plan, enum hp_values_part part)
{
    switch (part) {
    case HP_PART_FUNCTIONS:
        return plan->functions.count;
    case HP_PART_TABLES:
        return plan->tables.count;
    case HP_PART_CELLS:
        return plan->cells.count;
    case HP_PART_REPLAYS:
        return plan->replays.count;
    case HP_PART_COROUTINES:
        return plan->coroutines.count;
    case HP_PART_END:
        break;
    }
    return 0;
}

lua_Integer hp_values_slot(const struct hp_plan *plan, enum hp_values_part part, uint32_t index)
{
    lua_Integer slot = 1 + (lua_Integer)index;
    for (int before = 0; before < (int)part; before++)
        slot += (lua_Integer)part_count(plan, (enum hp_values_part)before);
    return slot;
}

bool hp_values_push_new(lua_State *L, const struct hp_plan *plan)
{
    lua_Integer end = hp_values_slot(plan, HP_PART_END, 0);
    if (end > INT_MAX / 4)
        return false;
    lua_createtable(L, (int)end, 0);
    return true;
}

void hp_plain_push(lua_State *L, const struct hp_node *node)
{
    switch (node->kind) {
    case HP_NODE_BOOLEAN:
        lua_pushboolean(L, node->boolean);
        return;
    case HP_NODE_INTEGER:
        lua_pushinteger(L, (lua_Integer)node->integer);
        return;
    case HP_NODE_FLOAT:
        lua_pushnumber(L, (lua_Number)node->number);
        return;
    case HP_NODE_STRING:
        lua_pushlstring(L, node->string.data != NULL ? node->string.data : "", node->string.len);
        return;
    default:
        lua_pushnil(L);
        return;
    }
}

void hp_value_push(lua_State *L, const struct hp_values *values, const struct hp_value *value)
{
    enum hp_values_part part = HP_PART_END;
    switch (value->kind) {
    case HP_VALUE_NIL:
        lua_pushnil(L);
        return;
    case HP_VALUE_PLAIN:
        hp_plain_push(L, hp_graph_node(value->graph, value->node));
        return;
    case HP_VALUE_LIVE:
        hp_anchor_push(L, values->anchor, value->index);
        return;
    case HP_VALUE_FUNCTION:
        part = HP_PART_FUNCTIONS;
        break;
    case HP_VALUE_TABLE:
        part = HP_PART_TABLES;
        break;
    case HP_VALUE_REPLAY:
        part = HP_PART_REPLAYS;
        break;
    case HP_VALUE_COROUTINE:
        part = HP_PART_COROUTINES;
        break;
    }
    lua_rawgeti(L, values->table, hp_values_slot(values->plan, part, value->index));
}

/* A node for the plain value at `idx`; false when memory ran out. */
static bool plain_node(lua_State *L, int idx, struct hp_graph *graph, hp_id *out)
{
    if (lua_type(L, idx) == LUA_TSTRING) {
        size_t len = 0;
        const char *text = lua_tolstring(L, idx, &len);
        *out = hp_graph_add_string(graph, text, len);
        return *out != HP_NIL;
    }
    enum hp_node_kind kind = lua_isboolean(L, idx)   ? HP_NODE_BOOLEAN
                             : lua_isinteger(L, idx) ? HP_NODE_INTEGER
                                                     : HP_NODE_FLOAT;
    *out = hp_graph_add(graph, kind);
    if (*out == HP_NIL)
        return false;
    struct hp_node *node = hp_graph_node(graph, *out);
    if (kind == HP_NODE_BOOLEAN)
        node->boolean = lua_toboolean(L, idx) != 0;
    else if (kind == HP_NODE_INTEGER)
        node->integer = (int64_t)lua_tointeger(L, idx);
    else
        node->number = (double)lua_tonumber(L, idx);
    return true;
}

bool hp_value_from_stack(lua_State *L, int idx, int anchor, struct hp_graph *graph, struct hp_value *out)
{
    *out = (struct hp_value){.kind = HP_VALUE_NIL};
    switch (lua_type(L, idx)) {
    case LUA_TNIL:
        return true;
    case LUA_TBOOLEAN:
    case LUA_TNUMBER:
    case LUA_TSTRING:
        out->kind = HP_VALUE_PLAIN;
        out->graph = graph;
        return plain_node(L, idx, graph, &out->node);
    default:
        out->kind = HP_VALUE_LIVE;
        out->index = hp_anchor_add(L, anchor, idx);
        return out->index != 0;
    }
}

static bool is_nan(lua_State *L, int idx)
{
    if (lua_type(L, idx) != LUA_TNUMBER)
        return false;
    lua_Number n = lua_tonumber(L, idx);
    return n != n;
}

bool hp_same_value(lua_State *L, int a, int b)
{
    return lua_rawequal(L, a, b) || (is_nan(L, a) && is_nan(L, b));
}

bool hp_is_key(lua_State *L, int idx)
{
    return !lua_isnoneornil(L, idx) && !is_nan(L, idx);
}

bool hp_is_lua_closure(lua_State *L, int idx)
{
    return lua_isfunction(L, idx) && !lua_iscfunction(L, idx);
}
