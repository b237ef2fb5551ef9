/* hotpatch engine: the walk over the live program; the contract is in collect.h. */
#include "agent/engine/collect.h"

#include <string.h>

#include <lauxlib.h>

#include "agent/engine/lx.h"

/* A live node to look into, with the staged nodes beside it (HP_NO_ID: none). */
struct visit {
    hp_id base, fresh, live;
};

struct walk {
    lua_State *L;
    int anchor;
    struct hp_turn *turn;
    const struct hp_graph *base, *fresh;
    struct hp_live *live;
    struct hp_map seen;      /* visits made */
    struct hp_map read;      /* functions whose prototype and cells are in the graph */
    struct hp_map base_code; /* fingerprint -> function node of base */
    struct hp_map fresh_code;
    HP_LIST(struct visit) todo;
    size_t next;
};

static void empty_maps(struct hp_live *live)
{
    hp_map_init(&live->by_handle, &live->graph.arena);
    hp_map_init(&live->cells, &live->graph.arena);
    hp_map_init(&live->heirs, &live->graph.arena);
}

void hp_live_init(struct hp_live *live)
{
    hp_graph_init(&live->graph);
    empty_maps(live);
}

void hp_live_fini(struct hp_live *live)
{
    hp_graph_fini(&live->graph);
    empty_maps(live);
}

hp_id hp_live_node(const struct hp_live *live, hp_handle handle)
{
    const uint32_t *node = hp_map_find(&live->by_handle, handle, 0);
    return node ? *node : HP_NIL;
}

static void visit_later(struct walk *w, hp_id base, hp_id fresh, hp_id live)
{
    bool new_visit = false;
    if (live == HP_NIL || (base == HP_NO_ID && fresh == HP_NO_ID))
        return;
    hp_map_put(&w->seen, ((uint64_t)base << 32) | fresh, live, 1, &new_visit);
    if (!new_visit)
        return;
    struct visit *v = HP_PUSH(&w->live->graph.arena, &w->todo);
    if (v)
        *v = (struct visit){base, fresh, live};
}

/* --- nodes ------------------------------------------------------------------------------------ */

static hp_id add_object(struct walk *w)
{
    lua_State *L = w->L;
    struct hp_graph *g = &w->live->graph;
    hp_handle handle = hp_anchor_add(L, w->anchor, -1);
    uint32_t *known = handle ? hp_map_find(&w->live->by_handle, handle, 0) : NULL;
    if (known)
        return *known;
    bool lua_function = lua_isfunction(L, -1) && !lua_iscfunction(L, -1);
    enum hp_node_kind kind = lua_istable(L, -1) ? HP_NODE_TABLE
                             : lua_function     ? HP_NODE_FUNCTION
                                                : HP_NODE_VIEW;
    hp_id id = hp_graph_add(g, kind);
    if (id == HP_NIL)
        return HP_NIL;
    struct hp_node *n = hp_graph_node(g, id);
    n->handle = handle;
    n->type = lua_typename(L, lua_type(L, -1));
    if (handle)
        hp_map_put(&w->live->by_handle, handle, 0, id, NULL);
    return id;
}

/* The node of the value on top, which is popped. [-1, +0, m] */
static hp_id take_value(struct walk *w)
{
    lua_State *L = w->L;
    struct hp_graph *g = &w->live->graph;
    hp_id id = HP_NIL;
    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        break;
    case LUA_TBOOLEAN:
        id = hp_graph_add(g, HP_NODE_BOOLEAN);
        if (id)
            hp_graph_node(g, id)->boolean = lua_toboolean(L, -1);
        break;
    case LUA_TNUMBER:
        id = hp_graph_add(g, lua_isinteger(L, -1) ? HP_NODE_INTEGER : HP_NODE_FLOAT);
        if (id && lua_isinteger(L, -1))
            hp_graph_node(g, id)->integer = lua_tointeger(L, -1);
        else if (id)
            hp_graph_node(g, id)->number = lua_tonumber(L, -1);
        break;
    case LUA_TSTRING: {
        size_t len;
        const char *s = lua_tolstring(L, -1, &len);
        id = hp_graph_add_string(g, s, len);
        break;
    }
    default:
        id = add_object(w);
    }
    lua_pop(L, 1);
    return id;
}

/* Pushes a key of a staged graph as it stands in the live state; false when it has no live counterpart. */
static bool push_key(struct walk *w, const struct hp_graph *g, hp_id key)
{
    const struct hp_node *k = hp_graph_node(g, key);
    switch (k->kind) {
    case HP_NODE_BOOLEAN:
        lua_pushboolean(w->L, k->boolean);
        return true;
    case HP_NODE_INTEGER:
        lua_pushinteger(w->L, k->integer);
        return true;
    case HP_NODE_FLOAT:
        lua_pushnumber(w->L, k->number);
        return true;
    case HP_NODE_STRING:
        lua_pushlstring(w->L, k->string.data, k->string.len);
        return true;
    case HP_NODE_VIEW:
        if (k->handle == 0)
            return false;
        hp_anchor_push(w->L, w->anchor, k->handle);
        return true;
    default:
        return false;
    }
}

/* A key of a staged graph, copied into the live graph. */
static hp_id copy_key(struct walk *w, const struct hp_graph *g, hp_id key)
{
    push_key(w, g, key);
    return take_value(w);
}

/* --- tables ----------------------------------------------------------------------------------- */

static hp_id field_of(const struct hp_graph *g, hp_id table, const struct hp_graph *key_graph, hp_id key)
{
    return g && table != HP_NO_ID ? hp_graph_field(g, table, key_graph, key) : HP_NO_ID;
}

/* The value that the live table holds under a staged key: read once, then found in the graph. */
static hp_id read_field(struct walk *w, hp_id live, const struct hp_graph *g, hp_id key)
{
    struct hp_graph *lg = &w->live->graph;
    hp_id known = hp_graph_field(lg, live, g, key);
    if (known != HP_NO_ID)
        return known;
    hp_anchor_push(w->L, w->anchor, hp_graph_node(lg, live)->handle);
    if (!push_key(w, g, key)) {
        lua_pop(w->L, 1);
        return HP_NIL;
    }
    lua_rawget(w->L, -2);
    hp_id value = take_value(w);
    lua_pop(w->L, 1);
    if (value != HP_NIL)
        hp_graph_add_entry(lg, live, copy_key(w, g, key), value);
    return value;
}

static void walk_fields(struct walk *w, const struct visit *v, const struct hp_graph *guide, hp_id table)
{
    if (!guide || table == HP_NO_ID)
        return;
    for (size_t i = 0; i < hp_graph_node(guide, table)->entries.count && hp_turn_hold(w->turn); i++) {
        hp_id key = hp_graph_node(guide, table)->entries.items[i].key;
        hp_id value = read_field(w, v->live, guide, key);
        visit_later(w, field_of(w->base, v->base, guide, key), field_of(w->fresh, v->fresh, guide, key),
                    value);
    }
}

/* Does the live table have more keys than were walked? Looks at one key more than those, never at all of a
 * large one. */
static void note_other_keys(struct walk *w, hp_id live)
{
    struct hp_node *n = hp_graph_node(&w->live->graph, live);
    size_t count = 0;
    hp_anchor_push(w->L, w->anchor, n->handle);
    lua_pushnil(w->L);
    while (count <= n->entries.count && lua_next(w->L, -2)) {
        lua_pop(w->L, 1);
        count++;
    }
    n->more = count > n->entries.count;
    lua_settop(w->L, w->anchor);
}

static hp_id metatable_of(const struct hp_graph *g, hp_id id)
{
    const struct hp_node *n = g && id != HP_NO_ID ? hp_graph_node(g, id) : NULL;
    return n && n->metatable != HP_NIL ? n->metatable : HP_NO_ID;
}

static void walk_metatable(struct walk *w, const struct visit *v)
{
    struct hp_graph *lg = &w->live->graph;
    hp_anchor_push(w->L, w->anchor, hp_graph_node(lg, v->live)->handle);
    hp_id metatable = lua_getmetatable(w->L, -1) ? take_value(w) : HP_NIL;
    lua_pop(w->L, 1);
    struct hp_node *n = hp_graph_node(lg, v->live);
    n->metatable = metatable;
    n->has_metatable = metatable != HP_NIL;
    visit_later(w, metatable_of(w->base, v->base), metatable_of(w->fresh, v->fresh), metatable);
}

static void walk_table(struct walk *w, const struct visit *v)
{
    walk_fields(w, v, w->base, v->base);
    walk_fields(w, v, w->fresh, v->fresh);
    note_other_keys(w, v->live);
    walk_metatable(w, v);
}

/* --- functions -------------------------------------------------------------------------------- */

/* Reads the prototypes of the live closure on top of the stack into the graph. False: no memory. [-0, +0, m]
 */
static bool read_prototype(struct walk *w, hp_id live)
{
    struct hp_graph *g = &w->live->graph;
    char *dump = NULL;
    size_t len = 0;
    struct hp_prototype_tree *tree = hp_mem_calloc(sizeof *tree);
    struct hp_prototype_tree **slot = tree ? HP_PUSH(&g->arena, &g->trees) : NULL;
    if (!slot) {
        hp_mem_free(tree);
        return false;
    }
    *slot = tree;
    hp_graph_node(g, live)->function.tree = (uint32_t)(g->trees.count - 1);
    if (hp_lx_dump(w->L, -1, false, &dump, &len) != HP_OK)
        return false;
    enum hp_status status = hp_prototypes_parse(tree, dump, len);
    hp_mem_free(dump);
    return status == HP_OK;
}

/* The number of the live cell; its value becomes a node when it is met first. [-0, +0, m] */
static uint32_t read_cell(struct walk *w, hp_id live, int upvalue)
{
    struct hp_graph *g = &w->live->graph;
    bool new_cell = false;
    uint64_t address = (uint64_t)(uintptr_t)lua_upvalueid(w->L, -1, upvalue);
    uint32_t *number = hp_map_put(&w->live->cells, address, 0, (uint32_t)g->cells.count, &new_cell);
    if (!number || !new_cell)
        return number ? *number : HP_NO_ID;
    const char *name = lua_getupvalue(w->L, -1, upvalue);
    hp_id value = take_value(w);
    return hp_graph_add_cell(g, value, live, (uint32_t)(upvalue - 1), name);
}

static bool read_function(struct walk *w, hp_id live)
{
    struct hp_graph *g = &w->live->graph;
    bool unread = false;
    hp_map_put(&w->read, live, 0, 1, &unread);
    if (!unread)
        return true;
    hp_anchor_push(w->L, w->anchor, hp_graph_node(g, live)->handle);
    bool ok = read_prototype(w, live);
    for (int i = 1; ok && lua_upvalueid(w->L, -1, i) != NULL; i++) {
        uint32_t cell = read_cell(w, live, i);
        uint32_t *slot = HP_PUSH(&g->arena, &hp_graph_node(g, live)->cells);
        if (slot)
            *slot = cell;
    }
    lua_pop(w->L, 1);
    return ok;
}

static const struct hp_prototype *prototype_of(const struct hp_graph *g, hp_id function)
{
    const struct hp_node *n = hp_graph_node(g, function);
    return &g->trees.items[n->function.tree]->prototypes.items[n->function.prototype];
}

/* The cell of a staged function under an upvalue name; its value, or HP_NO_ID. */
static hp_id captured(const struct hp_graph *g, hp_id function, const char *name)
{
    if (!g || function == HP_NO_ID || !name || hp_graph_node(g, function)->kind != HP_NODE_FUNCTION)
        return HP_NO_ID;
    const struct hp_prototype *p = prototype_of(g, function);
    for (size_t i = 0; i < p->upvalues.count; i++)
        if (p->upvalues.items[i].name && strcmp(p->upvalues.items[i].name, name) == 0)
            return g->cells.items[hp_graph_node(g, function)->cells.items[i]].value;
    return HP_NO_ID;
}

/* A live function may stand where the sources have none: one that was renamed, or moved by the server. Its
 * code tells whose variables it has. */
static hp_id by_code(const struct hp_graph *g, const struct hp_map *codes, hp_id beside, uint64_t fingerprint)
{
    bool function = g && beside != HP_NO_ID && hp_graph_node(g, beside)->kind == HP_NODE_FUNCTION;
    const uint32_t *found = g ? hp_map_find(codes, fingerprint, 0) : NULL;
    if (function && (!found || prototype_of(g, beside)->fingerprint == fingerprint))
        return beside;
    return found ? *found : HP_NO_ID;
}

/* Stripped code has no names of its own; those of the base function beside it, if the code is the same.
 * False: no memory. */
static bool name_upvalues(struct walk *w, const struct visit *v)
{
    struct hp_graph *lg = &w->live->graph;
    struct hp_prototype_tree *tree = lg->trees.items[hp_graph_node(lg, v->live)->function.tree];
    if (!tree->stripped || !w->base || v->base == HP_NO_ID ||
        hp_graph_node(w->base, v->base)->kind != HP_NODE_FUNCTION)
        return true;
    const struct hp_node *base = hp_graph_node(w->base, v->base);
    hp_prototypes_adopt_names(tree, w->base->trees.items[base->function.tree], base->function.prototype);
    return !hp_arena_failed(&tree->arena);
}

static bool walk_function(struct walk *w, const struct visit *v)
{
    struct hp_graph *lg = &w->live->graph;
    /* what follows takes its tree and cells for granted */
    if (!read_function(w, v->live) || hp_graph_failed(lg))
        return false;
    if (!name_upvalues(w, v))
        return false;
    uint64_t code = prototype_of(lg, v->live)->fingerprint;
    hp_id base = by_code(w->base, &w->base_code, v->base, code);
    hp_id fresh = by_code(w->fresh, &w->fresh_code, v->fresh, code);
    for (size_t i = 0; i < hp_graph_node(lg, v->live)->cells.count; i++) {
        const struct hp_cell *cell = &lg->cells.items[hp_graph_node(lg, v->live)->cells.items[i]];
        const char *name = prototype_of(lg, v->live)->upvalues.items[i].name;
        hp_id b = captured(w->base, base, name), f = captured(w->fresh, fresh, name);
        hp_id value = cell->value;
        if (b == HP_NO_ID && f == HP_NO_ID && hp_graph_node(lg, value)->kind == HP_NODE_FUNCTION)
            /* read it all the same: it may be a handler put there live */
            b = w->base ? HP_NIL : HP_NO_ID, f = HP_NIL;
        visit_later(w, b, f, value);
    }
    return true;
}

/* --- the walk --------------------------------------------------------------------------------- */

static void index_code(struct hp_map *codes, const struct hp_graph *g)
{
    for (hp_id id = 1; g && id < g->nodes.count; id++)
        if (hp_graph_node(g, id)->kind == HP_NODE_FUNCTION)
            hp_map_put(codes, prototype_of(g, id)->fingerprint, 0, id, NULL);
}

static void start_at_root(struct walk *w, struct hp_root *r)
{
    lua_State *L = w->L;
    const struct hp_graph_module *fresh = &w->fresh->modules.items[r->module];
    const struct hp_graph_module *base = r->base != HP_NO_ID ? &w->base->modules.items[r->base] : NULL;

    r->live = r->live_key = r->live_container = HP_NIL;
    if (r->container) {
        hp_anchor_push(L, w->anchor, r->container);
        lua_pushstring(L, r->key);
        lua_pushvalue(L, -1);
        lua_rawget(L, -3);
        r->live = take_value(w);
        r->live_key = take_value(w);
        r->live_container = take_value(w);
    }
    if (r->live != HP_NIL && hp_graph_field_str(&w->live->graph, r->live_container, r->key) == HP_NO_ID)
        hp_graph_add_entry(&w->live->graph, r->live_container, r->live_key, r->live);

    hp_anchor_push(L, w->anchor, r->environment);
    r->live_environment = take_value(w);

    visit_later(w, base && base->returned ? base->root : HP_NO_ID, fresh->returned ? fresh->root : HP_NO_ID,
                r->live);
    visit_later(w, base ? base->environment : HP_NO_ID, fresh->environment, r->live_environment);
}

/* A point fix may declare any local of its module: walk the module along with its base, and read at least its
 * functions and those in their upvalues. */
static void start_at_functions(struct walk *w, const struct hp_root *r)
{
    lua_State *L = w->L;
    if (!r->point || !r->object)
        return;
    hp_anchor_push(L, w->anchor, r->object);
    if (w->base && r->guide != HP_NO_ID && w->base->modules.items[r->guide].returned) {
        lua_pushvalue(L, -1);
        visit_later(w, w->base->modules.items[r->guide].root, HP_NO_ID, take_value(w));
    }
    lua_pushnil(L);
    while (lua_istable(L, w->anchor + 1) && lua_next(L, w->anchor + 1))
        if (lua_isfunction(L, -1) && !lua_iscfunction(L, -1))
            visit_later(w, HP_NO_ID, HP_NIL, take_value(w));
        else
            lua_pop(L, 1);
    lua_settop(L, w->anchor);
}

/* Functions that nothing has led into, such as keys, are foreign objects: without their code and cells they
 * are no functions to match and plan. */
static void close_unread(struct walk *w)
{
    struct hp_graph *lg = &w->live->graph;
    for (hp_id id = 1; id < lg->nodes.count; id++)
        if (hp_graph_node(lg, id)->kind == HP_NODE_FUNCTION && !hp_map_find(&w->read, id, 0))
            hp_graph_node(lg, id)->kind = HP_NODE_VIEW;
}

/* Views that a body wrote into are roots too: the live objects they stand for. */
static void start_at_written(struct walk *w, const struct hp_graph *g)
{
    for (size_t i = 0; g && i < g->written.count; i++) {
        hp_id id = g->written.items[i];
        hp_handle handle = hp_graph_node(g, id)->handle;
        if (hp_graph_node(g, id)->kind != HP_NODE_VIEW || handle == 0)
            continue;
        hp_anchor_push(w->L, w->anchor, handle);
        hp_id live = take_value(w);
        visit_later(w, g == w->base ? id : HP_NO_ID, g == w->fresh ? id : HP_NO_ID, live);
    }
}

/* --- room ------------------------------------------------------------------------------------- */

#define MANY 4096 /* below that, to grow is nothing */
#define ROOM 1024 /* what a visit comes to, but for very large tables */

#define GROWING 5 /* maps */

static struct hp_map *growing(struct walk *w, int i)
{
    struct hp_map *const maps[GROWING] = {&w->seen, &w->read, &w->live->by_handle, &w->live->cells,
                                          &w->live->heirs};
    return maps[i];
}

static bool lacks_room(struct walk *w)
{
    const struct hp_graph *g = &w->live->graph;
    bool lacks = (g->cells.count > MANY && g->cells.cap - g->cells.count < ROOM) ||
                 (w->todo.count > MANY && w->todo.cap - w->todo.count < ROOM);
    for (int i = 0; i < GROWING; i++)
        lacks = lacks || (growing(w, i)->count > MANY && hp_map_room(growing(w, i)) < ROOM);
    return lacks;
}

/* What grows is moved as a whole: not while the server waits. Called where the state may be left. False: the
 * request was given up. */
static bool make_room(struct walk *w)
{
    if (!lacks_room(w))
        return true;
    hp_turn_leave(w->turn);
    for (int i = 0; i < GROWING; i++)
        hp_map_reserve(growing(w, i), ROOM);
    HP_RESERVE(&w->live->graph.arena, &w->live->graph.cells, ROOM);
    HP_RESERVE(&w->live->graph.arena, &w->todo, ROOM);
    return hp_turn_hold(w->turn);
}

static bool visit(struct walk *w, const struct visit *v)
{
    switch (hp_graph_node(&w->live->graph, v->live)->kind) {
    case HP_NODE_TABLE:
        walk_table(w, v);
        return true;
    case HP_NODE_FUNCTION:
        return walk_function(w, v);
    case HP_NODE_VIEW:
        if (hp_graph_node(&w->live->graph, v->live)->handle)
            walk_metatable(w, v);
        return true;
    default:
        return true;
    }
}

static void start_at_member(struct walk *w, const struct hp_found *found, size_t i)
{
    hp_anchor_push(w->L, w->anchor, found->members[i]);
    hp_id member = take_value(w);
    visit_later(w, HP_NO_ID, HP_NIL, member);
    if (!found->heirs || found->heirs[i] == 0 || found->heirs[i] == found->members[i])
        return;
    hp_anchor_push(w->L, w->anchor, found->heirs[i]);
    hp_id heir = take_value(w);
    visit_later(w, HP_NO_ID, HP_NIL, heir);
    hp_map_put(&w->live->heirs, member, 0, heir, NULL);
}

enum hp_status hp_collect(lua_State *L, int anchor, const struct hp_graph *base, const struct hp_graph *fresh,
                          struct hp_root *roots, size_t count, const struct hp_found *found,
                          struct hp_turn *turn, struct hp_live *live)
{
    struct walk w = {
        .L = L, .anchor = lua_absindex(L, anchor), .turn = turn, .base = base, .fresh = fresh, .live = live};
    struct hp_arena *arena = &live->graph.arena;
    int top = lua_gettop(L);

    hp_map_init(&w.seen, arena);
    hp_map_init(&w.read, arena);
    hp_map_init(&w.base_code, arena);
    hp_map_init(&w.fresh_code, arena);
    luaL_checkstack(L, LUA_MINSTACK, "hotpatch");
    lua_pushvalue(L, w.anchor); /* the walk leaves the stack as deep as its anchor */
    w.anchor = lua_gettop(L);

    hp_turn_leave(turn);
    index_code(&w.base_code, base);
    index_code(&w.fresh_code, fresh);
    if (!hp_turn_hold(turn))
        return HP_TIMEOUT;
    for (size_t i = 0; i < count; i++)
        start_at_root(&w, &roots[i]);
    for (size_t i = 0; i < count; i++)
        start_at_functions(&w, &roots[i]);
    for (size_t i = 0; found && i < found->member_count && hp_turn_hold(turn) && make_room(&w); i++)
        start_at_member(&w, found, i);
    start_at_written(&w, base);
    start_at_written(&w, fresh);

    bool ok = true;
    while (ok && w.next < w.todo.count && !hp_graph_failed(&live->graph) && hp_turn_hold(turn) &&
           make_room(&w)) {
        struct visit v = w.todo.items[w.next++];
        ok = visit(&w, &v);
    }
    lua_settop(L, top);
    hp_turn_leave(turn);
    close_unread(&w);
    bool given_up = !hp_turn_hold(turn);
    if (given_up)
        return HP_TIMEOUT;
    return ok && !hp_graph_failed(&live->graph) ? HP_OK : HP_NO_MEMORY;
}
