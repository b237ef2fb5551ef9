/* hotpatch engine: what the bodies built, as a graph: hp_stage_collect (stage.h).
 *
 * Values become nodes when they are first met; what is inside them is looked at later, from a worklist, so
 * that no chain of tables is too long. The collector of the stage is stopped meanwhile: addresses stand for
 * objects. */
#include <string.h>

#include "agent/engine/overlay.h"
#include "agent/engine/placeholder.h"
#include "agent/engine/stage_impl.h"
#include "agent/engine/stagelib.h"
#include "agent/engine/view.h"

/* Addresses of objects, strings and cells -> numbers. Open addressing, at most half full. */
struct slot {
    const void *address;
    uint32_t number;
};
struct table {
    struct slot *slots;
    size_t size, used;
};

struct collection {
    struct hp_stage *s;
    struct hp_graph *g;
    struct table nodes, cells;
    uint32_t *expressions; /* number in the stage -> number in the graph, HP_NO_ID: not met */
    hp_id *todo; /* nodes whose insides were not looked at; the objects are in `objects` at the same places */
    size_t todo_count, todo_cap;
    int objects; /* stack index of that table */
};

_Noreturn static void no_memory(lua_State *L)
{
    hp_stage_fail(L, HP_NO_MEMORY, "no memory for the graph of the chunk");
}

static size_t place_of(const struct table *t, const void *address)
{
    size_t at = (size_t)(((uint64_t)(uintptr_t)address * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (t->size - 1);
    while (t->slots[at].address != NULL && t->slots[at].address != address) {
        at = (at + 1) & (t->size - 1);
    }
    return at;
}

static void grow(lua_State *L, struct table *t)
{
    struct table bigger = {.size = t->size != 0 ? t->size * 2 : 256, .used = t->used};
    bigger.slots = hp_mem_calloc(bigger.size * sizeof *bigger.slots);
    if (bigger.slots == NULL) {
        no_memory(L);
    }
    for (size_t i = 0; i < t->size; i++) {
        if (t->slots[i].address != NULL) {
            bigger.slots[place_of(&bigger, t->slots[i].address)] = t->slots[i];
        }
    }
    hp_mem_free(t->slots);
    *t = bigger;
}

/* The number of the address, HP_NO_ID if it is new: then it gets `number`. */
static uint32_t find_or_enter(lua_State *L, struct table *t, const void *address, uint32_t number)
{
    if (t->used * 2 >= t->size) {
        grow(L, t);
    }
    struct slot *slot = &t->slots[place_of(t, address)];
    if (slot->address != NULL) {
        return slot->number;
    }
    *slot = (struct slot){address, number};
    t->used++;
    return HP_NO_ID;
}

static struct hp_node *node(const struct collection *c, hp_id id)
{
    return hp_graph_node(c->g, id);
}

static hp_id add(lua_State *L, struct collection *c, enum hp_node_kind kind)
{
    hp_id id = hp_graph_add(c->g, kind);
    if (id == HP_NIL) {
        no_memory(L);
    }
    return id;
}

/* The object at `idx` is to be looked into. [-0, +0, e] */
static void look_later(lua_State *L, struct collection *c, hp_id id, int idx)
{
    if (c->todo_count == c->todo_cap) {
        size_t cap = c->todo_cap != 0 ? c->todo_cap * 2 : 64;
        hp_id *todo = hp_mem_realloc(c->todo, cap * sizeof *todo);
        if (todo == NULL) {
            no_memory(L);
        }
        c->todo = todo;
        c->todo_cap = cap;
    }
    c->todo[c->todo_count++] = id;
    lua_pushvalue(L, idx);
    lua_rawseti(L, c->objects, (lua_Integer)c->todo_count);
}

/* Values to nodes */

static void make_view(lua_State *L, struct collection *c, hp_id id, hp_handle handle, int idx)
{
    const struct hp_view_info *info = hp_view_info(L, handle);
    struct hp_node *n = node(c, id);
    n->kind = HP_NODE_VIEW;
    n->handle = handle;
    n->text = hp_arena_str(&c->g->arena, info->text);
    n->type = info->type;
    look_later(L, c, id, idx);
}

static void make_opaque(lua_State *L, struct collection *c, hp_id id, int idx)
{
    struct hp_node *n = node(c, id);
    n->kind = HP_NODE_OPAQUE;
    n->type = luaL_typename(L, idx);
    n->text = n->type;
    if (lua_isthread(L, idx)) {
        look_later(L, c, id, idx);
    }
}

static void make_object(lua_State *L, struct collection *c, hp_id id, int idx)
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
static hp_id node_of(lua_State *L, struct collection *c, int idx)
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
        if (type == LUA_TBOOLEAN) {
            node(c, id)->boolean = lua_toboolean(L, idx);
        } else if (integer) {
            node(c, id)->integer = lua_tointeger(L, idx);
        } else {
            node(c, id)->number = lua_tonumber(L, idx);
        }
        return id;
    }
    hp_graph_add(c->g, HP_NODE_NIL); /* so that the next number is known */
    hp_id next = (hp_id)c->g->nodes.count;
    uint32_t known = find_or_enter(L, &c->nodes, lua_topointer(L, idx), next);
    if (known != HP_NO_ID) {
        return known;
    }
    hp_id id = add(L, c, HP_NODE_STRING);
    if (type == LUA_TSTRING) {
        size_t len;
        const char *text = lua_tolstring(L, idx, &len);
        node(c, id)->string = (struct hp_bytes){hp_arena_strn(&c->g->arena, text, len), len};
    } else {
        make_object(L, c, id, idx);
    }
    return id;
}

static hp_id node_of_pop(lua_State *L, struct collection *c)
{
    hp_id id = node_of(L, c, -1);
    lua_pop(L, 1);
    return id;
}

/* Looking into objects */

static void push_key(lua_State *L, const struct hp_node *key)
{
    if (key->kind == HP_NODE_STRING) {
        lua_pushlstring(L, key->string.data, key->string.len);
    } else {
        lua_pushinteger(L, key->integer);
    }
}

/* The fields of the table on the top. Keys first, then sorted, then the values in that order: so that the
 * numbers of nodes do not depend on how Lua hashes strings. [-0, +0, e] */
static void look_into_fields(lua_State *L, struct collection *c, hp_id id)
{
    int table = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, table)) {
        bool by_name = lua_type(L, -2) == LUA_TSTRING || lua_isinteger(L, -2);
        hp_id key = node_of(L, c, -2);
        hp_graph_add_entry(c->g, id, key, by_name ? HP_NO_ID : node_of(L, c, -1));
        lua_pop(L, 1);
    }
    if (hp_graph_failed(c->g)) {
        no_memory(L);
    }
    hp_graph_sort_entries(c->g, id);
    for (size_t i = 0; i < node(c, id)->entries.count; i++) {
        struct hp_entry e = node(c, id)->entries.items[i];
        if (e.value == HP_NO_ID) {
            push_key(L, node(c, e.key));
            lua_rawget(L, table);
            hp_id value = node_of_pop(L, c);
            node(c, id)->entries.items[i].value = value;
        }
    }
}

static void look_into_table(lua_State *L, struct collection *c, hp_id id)
{
    int table = lua_gettop(L);
    if (lua_getmetatable(L, table)) {
        if (!hp_shadow_origin(L, -1)) {
            lua_pushvalue(L, -1);
        }
        hp_id metatable = node_of_pop(L, c);
        lua_pop(L, 1);
        node(c, id)->metatable = metatable;
        node(c, id)->has_metatable = true;
    }
    look_into_fields(L, c, id);
}

static void look_into_overlay(lua_State *L, struct collection *c, hp_id id)
{
    int object = lua_gettop(L);
    if (hp_overlay_get_metatable(L, object)) {
        hp_id metatable = node_of_pop(L, c);
        node(c, id)->metatable = metatable;
        node(c, id)->has_metatable = true;
    }
    hp_overlay_push(L, object);
    if (lua_istable(L, -1)) {
        look_into_fields(L, c, id);
    }
    lua_settop(L, object);
}

static void look_into_function(lua_State *L, struct collection *c, hp_id id)
{
    int function = lua_gettop(L);
    const char *name;
    for (int i = 1; (name = lua_getupvalue(L, function, i)) != NULL; i++) {
        uint32_t next = (uint32_t)c->g->cells.count;
        uint32_t cell = find_or_enter(L, &c->cells, lua_upvalueid(L, function, i), next);
        if (cell == HP_NO_ID) {
            const char *known = name[0] != '\0' && strcmp(name, "(no name)") != 0 ? name : NULL;
            cell = hp_graph_add_cell(c->g, HP_NIL, id, (uint32_t)i - 1, known);
            if (cell == HP_NO_ID) {
                no_memory(L);
            }
            hp_id value = node_of(L, c, -1);
            c->g->cells.items[cell].value = value;
        }
        lua_pop(L, 1);
        uint32_t *item = HP_PUSH(&c->g->arena, &node(c, id)->cells);
        if (item == NULL) {
            no_memory(L);
        }
        *item = cell;
    }
}

/* A coroutine that has not started has its function alone on its stack. */
static void look_into_thread(lua_State *L, struct collection *c, hp_id id)
{
    lua_State *co = lua_tothread(L, -1);
    lua_Debug ar;
    if (lua_status(co) != LUA_OK || lua_gettop(co) != 1 || lua_getstack(co, 0, &ar) ||
        !lua_isfunction(co, 1)) {
        return;
    }
    lua_pushvalue(co, 1);
    lua_xmove(co, L, 1);
    hp_id function = node_of_pop(L, c);
    hp_graph_add_entry(c->g, id, HP_NIL, function);
}

/* The number in the graph of an expression of the stage; its operands get nodes. [-0, +0, e] */
static uint32_t expression_of(lua_State *L, struct collection *c, uint32_t number)
{
    if (c->expressions[number] != HP_NO_ID) {
        return c->expressions[number];
    }
    const struct hp_stage_expression *from = &c->s->expressions.items[number];
    struct hp_expression *e = HP_PUSH(&c->g->arena, &c->g->expressions);
    if (e == NULL) {
        no_memory(L);
    }
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
        hp_id operand = node_of_pop(L, c);
        hp_id *item = HP_PUSH(&c->g->arena, &c->g->expressions.items[made].operands);
        if (item == NULL) {
            no_memory(L);
        }
        *item = operand;
    }
    lua_pop(L, 2);
    return made;
}

static void look_into_placeholder(lua_State *L, struct collection *c, hp_id id)
{
    uint32_t expression = expression_of(L, c, hp_placeholder_expression(L, -1));
    node(c, id)->expression = expression;
    node(c, id)->text = c->g->expressions.items[expression].what;
    look_into_overlay(L, c, id);
}

/* Empties the worklist. [-0, +0, e] */
static void look(lua_State *L, struct collection *c)
{
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
        if (hp_graph_failed(c->g)) {
            no_memory(L);
        }
    }
}

/* The roots, in source order */

static void collect_module(lua_State *L, struct collection *c, uint32_t number)
{
    struct hp_stage_module *m = &c->s->modules[number];
    struct hp_prototype_tree **tree = HP_PUSH(&c->g->arena, &c->g->trees);
    struct hp_graph_module *made = HP_PUSH(&c->g->arena, &c->g->modules);
    if (tree == NULL || made == NULL) {
        no_memory(L);
    }
    *tree = m->tree; /* still the stage's, until everything is collected: hand_over_trees */
    made->name = hp_arena_str(&c->g->arena, m->chunk->module);
    made->tree = number;
    made->returned = m->returned;
    made->instructions = m->instructions;
    if (m->returned) {
        hp_slot_push(L, results);
        lua_rawgeti(L, -1, (lua_Integer)number + 1);
        hp_id root = node_of_pop(L, c);
        lua_pop(L, 1);
        c->g->modules.items[number].root = root;
    }
    struct hp_peeked env =
        m->chunk->environment != 0 ? hp_peek_object(L, m->chunk->environment) : hp_peek_globals(L);
    hp_view_push(L, &env, 0, NULL, "_ENV");
    hp_id environment = node_of_pop(L, c);
    c->g->modules.items[number].environment = environment;
    look(L, c);
}

static void collect_written(lua_State *L, struct collection *c)
{
    hp_slot_push(L, written);
    for (lua_Integer i = 1; i <= c->s->written; i++) {
        lua_rawgeti(L, -1, i);
        hp_id id = node_of_pop(L, c);
        hp_id *item = HP_PUSH(&c->g->arena, &c->g->written);
        if (item == NULL) {
            no_memory(L);
        }
        *item = id;
        look(L, c);
    }
    lua_pop(L, 1);
}

static void collect_effect(lua_State *L, struct collection *c, uint32_t number)
{
    const struct hp_stage_effect *from = &c->s->effects.items[number];
    struct hp_effect *e = HP_PUSH(&c->g->arena, &c->g->effects);
    if (e == NULL) {
        no_memory(L);
    }
    *e = (struct hp_effect){.module = from->module, .line = from->line, .expression = HP_NO_ID};
    e->call = hp_arena_str(&c->g->arena, from->call);
    e->args = hp_arena_str(&c->g->arena, from->args);
    hp_slot_push(L, effects);
    lua_rawgeti(L, -1, (lua_Integer)number + 1);
    lua_rawgeti(L, -1, 1);
    hp_id callee = node_of_pop(L, c);
    c->g->effects.items[number].callee = callee;
    for (uint32_t i = 0; i < from->arguments; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 2);
        hp_id argument = node_of_pop(L, c);
        hp_id *item = HP_PUSH(&c->g->arena, &c->g->effects.items[number].arguments);
        if (item == NULL) {
            no_memory(L);
        }
        *item = argument;
    }
    lua_pop(L, 2);
    if (from->expression != HP_NO_ID) {
        uint32_t expression = expression_of(L, c, from->expression);
        c->g->effects.items[number].expression = expression;
    }
    look(L, c);
}

/* Renumbers the expressions in the order in which they were made, so that operands come before what is made
 * of them. */
static void order_expressions(lua_State *L, struct collection *c)
{
    struct hp_graph *g = c->g;
    size_t count = g->expressions.count;
    struct hp_expression *ordered = hp_arena_alloc(&g->arena, (count + 1) * sizeof *ordered);
    uint32_t *renamed = hp_arena_alloc(&g->arena, (count + 1) * sizeof *renamed);
    if (ordered == NULL || renamed == NULL) {
        no_memory(L);
    }
    uint32_t next = 0;
    for (size_t i = 0; i < c->s->expressions.count; i++) {
        uint32_t old = c->expressions[i];
        if (old != HP_NO_ID) {
            renamed[old] = next;
            ordered[next++] = g->expressions.items[old];
        }
    }
    g->expressions.items = ordered;
    g->expressions.cap = count + 1;
    for (size_t i = 0; i < g->nodes.count; i++) {
        if (g->nodes.items[i].kind == HP_NODE_PLACEHOLDER) {
            g->nodes.items[i].expression = renamed[g->nodes.items[i].expression];
        }
    }
    for (size_t i = 0; i < g->effects.count; i++) {
        if (g->effects.items[i].expression != HP_NO_ID) {
            g->effects.items[i].expression = renamed[g->effects.items[i].expression];
        }
    }
}

static int collect_all(lua_State *L)
{
    struct collection *c = lua_touserdata(L, 1);
    luaL_checkstack(L, 30, NULL);
    lua_newtable(L);
    c->objects = lua_gettop(L);
    hp_graph_add(c->g, HP_NODE_NIL);
    for (uint32_t i = 0; i < c->s->module_count; i++) {
        collect_module(L, c, i);
    }
    collect_written(L, c);
    for (uint32_t i = 0; i < c->s->effects.count; i++) {
        collect_effect(L, c, i);
    }
    order_expressions(L, c);
    for (size_t i = 0; i < c->s->warnings.count; i++) {
        const char **item = HP_PUSH(&c->g->arena, &c->g->warnings);
        if (item != NULL) {
            *item = hp_arena_str(&c->g->arena, c->s->warnings.items[i]);
        }
    }
    if (hp_graph_failed(c->g)) {
        no_memory(L);
    }
    return 0;
}

/* From here on the trees are the graph's. Or, after a failure, they stay the stage's. */
static void hand_over_trees(struct hp_stage *s, struct hp_graph *g, bool success)
{
    if (!success) {
        g->trees.count = 0;
        return;
    }
    for (size_t i = 0; i < s->module_count; i++) {
        s->modules[i].tree = NULL;
    }
}

enum hp_status hp_stage_collect(struct hp_stage *s, struct hp_graph *g)
{
    if (!s->ran) {
        return HP_FAILED;
    }
    struct collection c = {.s = s, .g = g};
    size_t expressions = s->expressions.count;
    c.expressions = hp_mem_alloc((expressions + 1) * sizeof *c.expressions);
    int status = LUA_ERRMEM;
    if (c.expressions != NULL) {
        for (size_t i = 0; i < expressions; i++) {
            c.expressions[i] = HP_NO_ID;
        }
        lua_gc(s->L, LUA_GCSTOP);
        lua_settop(s->L, 0);
        lua_pushcfunction(s->L, collect_all);
        lua_pushlightuserdata(s->L, &c);
        status = lua_pcall(s->L, 1, 0, 0);
        lua_settop(s->L, 0);
    } else {
        s->starved = true;
    }
    if (status == LUA_ERRMEM) {
        hp_stage_note_memory(s);
    }
    hp_mem_free(c.expressions);
    hp_mem_free(c.nodes.slots);
    hp_mem_free(c.cells.slots);
    hp_mem_free(c.todo);
    hand_over_trees(s, g, status == LUA_OK);
    return status == LUA_OK ? HP_OK : s->failure != HP_OK ? s->failure : HP_FAILED;
}
