/* hotpatch agent: joining by names, from Lua; the contract is in joiner.h.
 *
 * Work is kept in queues (Lua arrays), not on the C stack: functions may nest through upvalues to any depth.
 * Raw access only.
 */
#include "joiner.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

/* Fields of P, as people know them. */
#define COLLECTED "collected" /* function -> map of its upvalues */
#define JOINED    "valjoined" /* new function -> true: its upvalues are joined */

/* Pushes t[name], raw; returns its type. [-0, +1, m] */
static int raw_field(lua_State *L, int t, const char *name)
{
    t = lua_absindex(L, t);
    lua_pushstring(L, name);
    return lua_rawget(L, t);
}

/* t[name] = the value on the top, raw. [-1, +0, m] */
static void set_raw_field(lua_State *L, int t, const char *name)
{
    t = lua_absindex(L, t);
    lua_pushstring(L, name);
    lua_insert(L, -2);
    lua_rawset(L, t);
}

static bool is_lua_function(lua_State *L, int idx)
{
    return lua_isfunction(L, idx) && !lua_iscfunction(L, idx);
}

/* Pushes P's table of that name; argument 1 must be a P. */
static int push_own(lua_State *L, const char *name)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argcheck(L, raw_field(L, 1, name) == LUA_TTABLE, 1,
                  "what hotpatch.new() returned is expected: call with a colon");
    return lua_gettop(L);
}

/* --- collecting ------------------------------------------------------------------------------- */

/* Pushes the map of the function's upvalues: the one that P has, else an empty one, and the function into the
 * queue. */
static void push_map(lua_State *L, int function, int collected, int queue)
{
    function = lua_absindex(L, function);
    lua_pushvalue(L, function);
    if (lua_rawget(L, collected) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, function);
    lua_pushvalue(L, -2);
    lua_rawset(L, collected);
    lua_pushvalue(L, function);
    lua_rawseti(L, queue, (lua_Integer)lua_rawlen(L, queue) + 1);
}

/* Fills the map on the top with the function's upvalues; a C function's stays empty: it has none that can be
 * joined. */
static void fill_map(lua_State *L, int function, int collected, int queue)
{
    int map = lua_gettop(L);
    const char *name;
    if (lua_iscfunction(L, function))
        return;
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    for (int i = 1; (name = lua_getupvalue(L, function, i)) != NULL; i++) {
        int value = map + 1;
        if (strcmp(name, "(no name)") == 0 || name[0] == '\0')
            luaL_error(L, "the function has no upvalue names (stripped code): nothing to join by");
        lua_createtable(L, 0, 5);
        lua_pushinteger(L, i);
        set_raw_field(L, value + 1, "idx");
        lua_pushstring(L, luaL_typename(L, value));
        set_raw_field(L, value + 1, "utype");
        lua_pushlightuserdata(L, lua_upvalueid(L, function, i));
        set_raw_field(L, value + 1, "upid");
        if (lua_isfunction(L, value)) {
            push_map(L, value, collected, queue);
            set_raw_field(L, value + 1, "upvals");
        }
        lua_insert(L, value); /* entry below value */
        set_raw_field(L, value, "val");
        set_raw_field(L, map, name);
    }
}

/* Fills the maps of all functions in the queue, which grows meanwhile. */
static void drain(lua_State *L, int collected, int queue)
{
    for (lua_Integer i = 1; lua_rawgeti(L, queue, i) == LUA_TFUNCTION; i++) {
        lua_pushvalue(L, -1);
        lua_rawget(L, collected);
        fill_map(L, lua_gettop(L) - 1, collected, queue);
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
}

/* { [field] = { val = f, upvals = … } } for the fields of the table at `t` that are functions, on the top. */
static void collect_table(lua_State *L, int t, int collected, int queue)
{
    lua_newtable(L);
    int tree = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, t) != 0) {
        int function = tree + 2;
        if (lua_isfunction(L, function)) {
            lua_pushvalue(L, tree + 1);
            lua_createtable(L, 0, 2);
            lua_pushvalue(L, function);
            set_raw_field(L, -2, "val");
            lua_newtable(L);
            fill_map(L, function, collected, queue);
            set_raw_field(L, -2, "upvals");
            lua_rawset(L, tree);
        }
        lua_settop(L, tree + 1);
    }
}

/* P:collectupval(f_or_t) */
static int collect(lua_State *L)
{
    lua_settop(L, 2);
    int collected = push_own(L, COLLECTED);
    luaL_argcheck(L, lua_isfunction(L, 2) || lua_istable(L, 2), 2,
                  "a function or a table of functions is expected");
    lua_newtable(L);
    int queue = lua_gettop(L);
    if (lua_istable(L, 2)) {
        collect_table(L, 2, collected, queue);
    } else {
        lua_newtable(L);
        fill_map(L, 2, collected, queue);
    }
    drain(L, collected, queue);
    return 1;
}

/* --- joining ---------------------------------------------------------------------------------- */

/* What a join keeps at fixed places of its stack, above the five arguments. */
enum {
    AT_JOINED = 6, /* P's */
    AT_SEEN,       /* new functions met by this join; go into P's at the end */
    AT_QUEUE,      /* pairs to look at: f1, up1, f2, up2, path, … */
    AT_ACTIONS,    /* f1, i1, f2, i2, …; f2 false: set to the globals */
    AT_ABSENT,
    AT_FIRST_FREE
};
#define PAIR   5
#define ACTION 4

/* Appends the `n` values on the top to an array. [-n, +0, m] */
static void append(lua_State *L, int array, int n)
{
    lua_Integer at = (lua_Integer)lua_rawlen(L, array);
    for (int i = n; i >= 1; i--)
        lua_rawseti(L, array, at + i);
}

/* Appends the pair f1, up1, f2, up2, path on the top to the queue, where none of them may be nil. [-5, +0, m]
 */
static void append_pair(lua_State *L)
{
    int pair = lua_gettop(L) - PAIR + 1;
    if (!lua_isfunction(L, pair) || !lua_istable(L, pair + 1) || !lua_isfunction(L, pair + 2) ||
        !lua_istable(L, pair + 3)) {
        luaL_error(L, "%s: no tree of upvalues",
                   lua_istable(L, pair + 4) ? "join" : lua_tostring(L, pair + 4));
    }
    append(L, AT_QUEUE, PAIR);
}

/* A path is kept as a string ("$.field") or as { path, name }, and made a text only where somebody reads it:
 * with functions nested deeply, texts for all would grow with the square of the depth. Pushes the text of
 * path.name. [-0, +1, m] */
static const char *push_path(lua_State *L, int path, const char *name)
{
    int names = lua_gettop(L) + 1;
    lua_newtable(L); /* the last one first */
    lua_pushvalue(L, path);
    while (lua_istable(L, -1)) {
        lua_rawgeti(L, -1, 2);
        append(L, names, 1);
        lua_rawgeti(L, -1, 1);
        lua_replace(L, names + 1);
    }
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    lua_pushvalue(L, names + 1);
    luaL_addvalue(&b);
    for (lua_Integer i = (lua_Integer)lua_rawlen(L, names); i >= 1; i--) {
        luaL_addchar(&b, '.');
        lua_rawgeti(L, names, i);
        luaL_addvalue(&b);
    }
    luaL_addchar(&b, '.');
    luaL_addstring(&b, name);
    luaL_pushresult(&b);
    lua_replace(L, names);
    lua_settop(L, names);
    return lua_tostring(L, names);
}

/* The index of an entry, checked to be one of the function's. */
static int entry_index(lua_State *L, int entry, int function, int path, const char *name)
{
    int is_integer = 0;
    if (lua_istable(L, entry))
        raw_field(L, entry, "idx");
    else
        lua_pushnil(L);
    lua_Integer idx = lua_tointegerx(L, -1, &is_integer);
    lua_pop(L, 1);
    if (!is_integer || idx < 1 || idx > 255 || !is_lua_function(L, function) ||
        lua_getupvalue(L, function, (int)idx) == NULL)
        luaL_error(L, "%s: the tree does not belong to the function", push_path(L, path, name));
    lua_pop(L, 1);
    return (int)idx;
}

/* True the first time that this P meets a new function. */
static bool first_met(lua_State *L, int function)
{
    lua_pushvalue(L, function);
    lua_rawget(L, AT_JOINED);
    lua_pushvalue(L, function);
    lua_rawget(L, AT_SEEN);
    bool met = lua_toboolean(L, -1) || lua_toboolean(L, -2);
    lua_pop(L, 2);
    if (!met) {
        lua_pushvalue(L, function);
        lua_pushboolean(L, 1);
        lua_rawset(L, AT_SEEN);
    }
    return !met;
}

/* An upvalue that both sides have. `pair` is where f1, up1, f2, up2, path stand; `uv1` and `uv2` its entries.
 */
static void join_upvalue(lua_State *L, int pair, int uv1, int uv2, const char *name)
{
    int path = pair + 4;
    int i1 = entry_index(L, uv1, pair, path, name), i2 = entry_index(L, uv2, pair + 2, path, name);
    int v1 = lua_gettop(L) + 1, v2 = v1 + 1;
    raw_field(L, uv1, "val");
    raw_field(L, uv2, "val");
    bool is_function = lua_isfunction(L, v1);
    bool same_type = lua_type(L, v1) == lua_type(L, v2);
    if (!same_type && (is_function || (lua_toboolean(L, v1) && lua_toboolean(L, v2)))) {
        luaL_error(L, "%s: a %s in the new code, a %s in the old; nothing was joined",
                   push_path(L, path, name), luaL_typename(L, v1), luaL_typename(L, v2));
    }
    if (!is_function) {
        lua_pushvalue(L, pair);
        lua_pushinteger(L, i1);
        lua_pushvalue(L, pair + 2);
        lua_pushinteger(L, i2);
        append(L, AT_ACTIONS, ACTION);
    } else if (first_met(L, v1)) {
        lua_pushvalue(L, v1);
        raw_field(L, uv1, "upvals");
        lua_pushvalue(L, v2);
        raw_field(L, uv2, "upvals");
        lua_createtable(L, 2, 0);
        lua_pushvalue(L, path);
        lua_rawseti(L, -2, 1);
        lua_pushstring(L, name);
        lua_rawseti(L, -2, 2);
        append_pair(L);
    }
    lua_settop(L, v1 - 1);
}

/* An upvalue that the old side lacks. */
static void note_absent(lua_State *L, int pair, int uv1, const char *name)
{
    push_path(L, pair + 4, name);
    append(L, AT_ABSENT, 1);
    if (strcmp(name, "_ENV") == 0) {
        lua_pushvalue(L, pair);
        lua_pushinteger(L, entry_index(L, uv1, pair, pair + 4, name));
        lua_pushboolean(L, 0);
        lua_pushinteger(L, 0);
        append(L, AT_ACTIONS, ACTION);
    }
}

/* The pair of functions at `pair`: each upvalue of the new one by name. */
static void join_pair(lua_State *L, int pair)
{
    int key = pair + PAIR, uv1 = key + 1;
    lua_pushnil(L);
    while (lua_next(L, pair + 1) != 0) {
        if (lua_type(L, key) == LUA_TSTRING) {
            const char *name = lua_tostring(L, key);
            int uv2 = lua_gettop(L) + 1;
            if (raw_field(L, pair + 3, name) == LUA_TTABLE)
                join_upvalue(L, pair, uv1, uv2, name);
            else
                note_absent(L, pair, uv1, name);
        }
        lua_settop(L, key);
    }
}

/* Puts f1, up1, f2, up2, path into the queue for the entry of a function in both trees of tables. */
static void queue_field(lua_State *L, int entry1, int entry2, const char *name)
{
    raw_field(L, entry1, "val");
    raw_field(L, entry1, "upvals");
    raw_field(L, entry2, "val");
    raw_field(L, entry2, "upvals");
    lua_pushfstring(L, "$.%s", name);
    append_pair(L);
}

static void queue_tables(lua_State *L, int tree1, int tree2)
{
    luaL_argcheck(L, lua_istable(L, tree1), tree1, "the upvalues of the new table are expected");
    luaL_argcheck(L, lua_istable(L, tree2), tree2, "the upvalues of the old table are expected");
    int key = AT_FIRST_FREE;
    lua_settop(L, AT_ABSENT);
    lua_pushnil(L);
    while (lua_next(L, tree1) != 0) {
        lua_pushvalue(L, key);
        if (lua_rawget(L, tree2) == LUA_TTABLE && lua_istable(L, key + 1))
            queue_field(L, key + 1, key + 2, luaL_tolstring(L, key, NULL));
        lua_settop(L, key);
    }
}

static void queue_functions(lua_State *L)
{
    luaL_checktype(L, 3, LUA_TTABLE);
    luaL_checktype(L, 4, LUA_TFUNCTION);
    luaL_checktype(L, 5, LUA_TTABLE);
    for (int i = 2; i <= 5; i++)
        lua_pushvalue(L, i);
    lua_pushliteral(L, "$.#");
    append_pair(L);
}

static void walk_pairs(lua_State *L)
{
    for (lua_Integer at = 0; at < (lua_Integer)lua_rawlen(L, AT_QUEUE); at += PAIR) {
        lua_settop(L, AT_ABSENT);
        for (int i = 1; i <= PAIR; i++)
            lua_rawgeti(L, AT_QUEUE, at + i);
        join_pair(L, AT_FIRST_FREE);
    }
    lua_settop(L, AT_ABSENT);
}

/* Everything was checked: none of these fails. */
static void carry_out(lua_State *L)
{
    int f1 = AT_FIRST_FREE, f2 = f1 + 2;
    for (lua_Integer at = 0; at < (lua_Integer)lua_rawlen(L, AT_ACTIONS); at += ACTION) {
        lua_settop(L, AT_ABSENT);
        for (int i = 1; i <= ACTION; i++)
            lua_rawgeti(L, AT_ACTIONS, at + i);
        int i1 = (int)lua_tointeger(L, f1 + 1), i2 = (int)lua_tointeger(L, f2 + 1);
        if (lua_isfunction(L, f2)) {
            lua_upvaluejoin(L, f1, i1, f2, i2);
        } else {
            lua_pushglobaltable(L);
            lua_setupvalue(L, f1, i1);
        }
    }
    lua_settop(L, AT_ABSENT);
}

/* What this join met is joined now, for the next ones of this P. */
static void keep_seen(lua_State *L)
{
    lua_pushnil(L);
    while (lua_next(L, AT_SEEN) != 0) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, AT_JOINED);
    }
}

/* P:join(new, up_new, old, up_old) or P:join(up_new, up_old) -> absent */
static int join(lua_State *L)
{
    lua_settop(L, 5);
    push_own(L, JOINED);
    for (int i = AT_SEEN; i <= AT_ABSENT; i++)
        lua_newtable(L);
    if (lua_isfunction(L, 2)) {
        queue_functions(L);
    } else {
        luaL_argcheck(L, lua_istable(L, 2), 2, "a function or a table is expected");
        bool four = !lua_isnoneornil(L, 4);
        queue_tables(L, four ? 3 : 2, four ? 5 : 3);
    }
    walk_pairs(L);
    keep_seen(L);
    carry_out(L);
    return 1;
}

/* --- making one ------------------------------------------------------------------------------- */

/* hotpatch.new() */
static int new_joiner(lua_State *L)
{
    lua_createtable(L, 0, 2);
    lua_newtable(L);
    set_raw_field(L, -2, COLLECTED);
    lua_newtable(L);
    set_raw_field(L, -2, JOINED);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_setmetatable(L, -2);
    return 1;
}

int hp_joiner_push(lua_State *L)
{
    static const luaL_Reg methods[] = {{"collectupval", collect}, {"join", join}, {NULL, NULL}};
    luaL_checkstack(L, 4, NULL);
    lua_createtable(L, 0, 1);
    luaL_newlib(L, methods);
    set_raw_field(L, -2, "__index");
    lua_pushcclosure(L, new_joiner, 1);
    return 1;
}
