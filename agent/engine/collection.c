/* hotpatch engine: values of the stage as nodes of a graph; the contract is in collection.h. */
#include "agent/engine/collection.h"

#include <string.h>

#include "agent/engine/overlay.h"
#include "agent/engine/placeholder.h"
#include "agent/engine/stage_impl.h"
#include "agent/engine/stagelib.h"
#include "agent/engine/view.h"

_Noreturn void hp_collection_no_memory(lua_State *L)
{
    hp_stage_fail(L, HP_NO_MEMORY, "no memory for the graph of the chunk");
}

/* The number of the address, HP_NO_ID if it is new: then it gets `number`. */
static uint32_t find_or_enter(lua_State *L, struct hp_collection *c, const void *address,
                              enum hp_address_of what, uint32_t number)
{
    bool fresh;
    uint32_t *known = hp_map_put(&c->numbers, (uint64_t)(uintptr_t)address, (uint64_t)what, number, &fresh);
    if (known == NULL)
        hp_collection_no_memory(L);
    return fresh ? HP_NO_ID : *known;
}

static struct hp_node *node(const struct hp_collection *c, hp_id id)
{
    return hp_graph_node(c->g, id);
}

static hp_id add(lua_State *L, struct hp_collection *c, enum hp_node_kind kind)
{
    hp_id id = hp_graph_add(c->g, kind);
    if (id == HP_NIL)
        hp_collection_no_memory(L);
    return id;
}

/* The object at `idx` is to be looked into. [-0, +0, e] */
static void look_later(lua_State *L, struct hp_collection *c, hp_id id, int idx)
{
    if (c->todo_count == c->todo_cap) {
        size_t cap = c->todo_cap != 0 ? c->todo_cap * 2 : 64;
        hp_id *todo = hp_mem_realloc(c->todo, cap * sizeof *todo);
        if (todo == NULL)
            hp_collection_no_memory(L);
        c->todo = todo;
        c->todo_cap = cap;
    }
    c->todo[c->todo_count++] = id;
    lua_pushvalue(L, idx);
    lua_rawseti(L, c->objects, (lua_Integer)c->todo_count);
}

/* Values to nodes */

static void make_view(lua_State *L, struct hp_collection *c, hp_id id, hp_handle handle, int idx)
{
    const struct hp_view_info *info = hp_view_info(L, handle);
    struct hp_node *n = node(c, id);
    n->kind = HP_NODE_VIEW;
    n->handle = handle;
    n->text = hp_arena_str(&c->g->arena, info->text);
    n->type = info->type;
    look_later(L, c, id, idx);
}

static void make_opaque(lua_State *L, struct hp_collection *c, hp_id id, int idx)
{
    struct hp_node *n = node(c, id);
    n->kind = HP_NODE_OPAQUE;
    n->type = luaL_typename(L, idx);
    n->text = n->type;
    if (lua_isthread(L, idx))
        look_later(L, c, id, idx);
}

static void make_object(lua_State *L, struct hp_collection *c, hp_id id, int idx)
{
    hp_handle handle = hp_view_handle(L, idx);
    uint32_t module, prototype;
    if (handle != 0) {
        make_view(L, c, id, handle, idx);
    } else if (hp_is_placeholder(L, idx)) {
        node(c, id)->kind = HP_NODE_PLACEHOLDER;
        look_later(L, c, id, idx);
    } else if (lua_istable(L, idx)) {
        node(c, id)->kind = HP_NODE_TABLE;
        look_later(L, c, id, idx);
    } else if (hp_stage_prototype(L, idx, &module, &prototype)) {
        struct hp_node *n = node(c, id);
        n->kind = HP_NODE_FUNCTION;
        n->function.tree = module;
        n->function.prototype = prototype;
        look_later(L, c, id, idx);
    } else {
        make_opaque(L, c, id, idx);
    }
}

/* The node of the value at `idx`; each object and string has one. [-0, +0, e] */
hp_id hp_collection_node(lua_State *L, struct hp_collection *c, int idx)
{
    idx = lua_absindex(L, idx);
    int type = lua_type(L, idx);
    if (type == LUA_TNIL || hp_is_tombstone(L, idx)) {
        hp_graph_add(c->g, HP_NODE_NIL);
        return HP_NIL;
    }
    if (type == LUA_TBOOLEAN || type == LUA_TNUMBER) {
        bool integer = lua_isinteger(L, idx);
        hp_id id = add(L, c,
                       type == LUA_TBOOLEAN ? HP_NODE_BOOLEAN
                       : integer            ? HP_NODE_INTEGER
                                            : HP_NODE_FLOAT);
        if (type == LUA_TBOOLEAN)
            node(c, id)->boolean = lua_toboolean(L, idx);
        else if (integer)
            node(c, id)->integer = lua_tointeger(L, idx);
        else
            node(c, id)->number = lua_tonumber(L, idx);
        return id;
    }
    hp_graph_add(c->g, HP_NODE_NIL); /* so that the next number is known */
    hp_id next = (hp_id)c->g->nodes.count;
    uint32_t known = find_or_enter(L, c, lua_topointer(L, idx), HP_ADDRESS_OF_VALUE, next);
    if (known != HP_NO_ID)
        return known;
    hp_id id = add(L, c, HP_NODE_STRING);
    if (type == LUA_TSTRING) {
        size_t len;
        const char *text = lua_tolstring(L, idx, &len);
        const char *copy = hp_arena_strn(&c->g->arena, text, len);
        if (hp_graph_failed(c->g))
            hp_collection_no_memory(L);
        node(c, id)->string = (struct hp_bytes){copy, len};
    } else {
        make_object(L, c, id, idx);
    }
    return id;
}

hp_id hp_collection_node_pop(lua_State *L, struct hp_collection *c)
{
    hp_id id = hp_collection_node(L, c, -1);
    lua_pop(L, 1);
    return id;
}

/* Looking into objects */

static void push_key(lua_State *L, const struct hp_node *key)
{
    switch (key->kind) {
    case HP_NODE_STRING:
        lua_pushlstring(L, key->string.data, key->string.len);
        break;
    case HP_NODE_BOOLEAN:
        lua_pushboolean(L, key->boolean);
        break;
    case HP_NODE_FLOAT:
        lua_pushnumber(L, key->number);
        break;
    default:
        lua_pushinteger(L, key->integer);
    }
}

/* The fields of the table on the top. Keys first, then sorted, then the values in that order: so that the
 * numbers of nodes do not depend on how Lua hashes strings. [-0, +0, e] */
static void look_into_fields(lua_State *L, struct hp_collection *c, hp_id id)
{
    int table = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, table)) {
        bool plain = lua_type(L, -2) == LUA_TSTRING || lua_type(L, -2) == LUA_TNUMBER || lua_isboolean(L, -2);
        hp_id key = hp_collection_node(L, c, -2);
        hp_graph_add_entry(c->g, id, key, plain ? HP_NO_ID : hp_collection_node(L, c, -1));
        lua_pop(L, 1);
    }
    if (hp_graph_failed(c->g))
        hp_collection_no_memory(L);
    hp_graph_sort_entries(c->g, id);
    for (size_t i = 0; i < node(c, id)->entries.count; i++) {
        struct hp_entry e = node(c, id)->entries.items[i];
        if (e.value == HP_NO_ID) {
            push_key(L, node(c, e.key));
            lua_rawget(L, table);
            hp_id value = hp_collection_node_pop(L, c);
            node(c, id)->entries.items[i].value = value;
        }
    }
}

static void look_into_table(lua_State *L, struct hp_collection *c, hp_id id)
{
    int table = lua_gettop(L);
    if (lua_getmetatable(L, table)) {
        if (!hp_shadow_origin(L, -1))
            lua_pushvalue(L, -1);
        hp_id metatable = hp_collection_node_pop(L, c);
        lua_pop(L, 1);
        node(c, id)->metatable = metatable;
        node(c, id)->has_metatable = true;
    }
    look_into_fields(L, c, id);
}

static void look_into_overlay(lua_State *L, struct hp_collection *c, hp_id id)
{
    int object = lua_gettop(L);
    if (hp_overlay_get_metatable(L, object)) {
        hp_id metatable = hp_collection_node_pop(L, c);
        node(c, id)->metatable = metatable;
        node(c, id)->has_metatable = true;
    }
    hp_overlay_push(L, object);
    if (lua_istable(L, -1))
        look_into_fields(L, c, id);
    lua_settop(L, object);
}

static void look_into_function(lua_State *L, struct hp_collection *c, hp_id id)
{
    int function = lua_gettop(L);
    const char *name;
    for (int i = 1; (name = lua_getupvalue(L, function, i)) != NULL; i++) {
        uint32_t next = (uint32_t)c->g->cells.count;
        uint32_t cell = find_or_enter(L, c, lua_upvalueid(L, function, i), HP_ADDRESS_OF_CELL, next);
        if (cell == HP_NO_ID) {
            const char *known = name[0] != '\0' && strcmp(name, "(no name)") != 0 ? name : NULL;
            cell = hp_graph_add_cell(c->g, HP_NIL, id, (uint32_t)i - 1, known);
            if (cell == HP_NO_ID)
                hp_collection_no_memory(L);
            hp_id value = hp_collection_node(L, c, -1);
            c->g->cells.items[cell].value = value;
        }
        lua_pop(L, 1);
        uint32_t *item = HP_PUSH(&c->g->arena, &node(c, id)->cells);
        if (item == NULL)
            hp_collection_no_memory(L);
        *item = cell;
    }
}

/* A coroutine that has not started has its function alone on its stack. */
static void look_into_thread(lua_State *L, struct hp_collection *c, hp_id id)
{
    lua_State *co = lua_tothread(L, -1);
    lua_Debug ar;
    if (lua_status(co) != LUA_OK || lua_gettop(co) != 1 || lua_getstack(co, 0, &ar) || !lua_isfunction(co, 1))
        return;
    lua_pushvalue(co, 1);
    lua_xmove(co, L, 1);
    hp_id function = hp_collection_node_pop(L, c);
    hp_graph_add_entry(c->g, id, HP_NIL, function);
}

/* The number in the graph of an expression of the stage; its operands get nodes. [-0, +0, e] */
uint32_t hp_collection_expression(lua_State *L, struct hp_collection *c, uint32_t number)
{
    if (c->expressions[number] != HP_NO_ID)
        return c->expressions[number];
    const struct hp_stage_expression *from = &c->s->expressions.items[number];
    struct hp_expression *e = HP_PUSH(&c->g->arena, &c->g->expressions);
    if (e == NULL)
        hp_collection_no_memory(L);
    uint32_t made = (uint32_t)(c->g->expressions.count - 1);
    e->operation = from->operation;
    e->module = from->module;
    e->line = from->line;
    e->what = hp_arena_str(&c->g->arena, from->what);
    c->expressions[number] = made;
    hp_slot_push(L, operands);
    lua_rawgeti(L, -1, (lua_Integer)number + 1);
    for (uint32_t i = 0; i < from->operands; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        hp_id operand = hp_collection_node_pop(L, c);
        hp_id *item = HP_PUSH(&c->g->arena, &c->g->expressions.items[made].operands);
        if (item == NULL)
            hp_collection_no_memory(L);
        *item = operand;
    }
    lua_pop(L, 2);
    return made;
}

static void look_into_placeholder(lua_State *L, struct hp_collection *c, hp_id id)
{
    uint32_t expression = hp_collection_expression(L, c, hp_placeholder_expression(L, -1));
    node(c, id)->expression = expression;
    node(c, id)->text = c->g->expressions.items[expression].what;
    look_into_overlay(L, c, id);
}

/* Empties the worklist. [-0, +0, e] */
void hp_collection_look(lua_State *L, struct hp_collection *c)
{
    hp_turn_leave(c->s->turn); /* what is looked into is the stage's */
    while (c->todo_count != 0) {
        hp_id id = c->todo[c->todo_count - 1];
        lua_rawgeti(L, c->objects, (lua_Integer)c->todo_count);
        lua_pushnil(L);
        lua_rawseti(L, c->objects, (lua_Integer)c->todo_count);
        c->todo_count--;
        switch (node(c, id)->kind) {
        case HP_NODE_TABLE:
            look_into_table(L, c, id);
            break;
        case HP_NODE_FUNCTION:
            look_into_function(L, c, id);
            break;
        case HP_NODE_PLACEHOLDER:
            look_into_placeholder(L, c, id);
            break;
        case HP_NODE_VIEW:
            look_into_overlay(L, c, id);
            break;
        default:
            look_into_thread(L, c, id);
            break;
        }
        lua_pop(L, 1);
        if (hp_graph_failed(c->g))
            hp_collection_no_memory(L);
    }
}
