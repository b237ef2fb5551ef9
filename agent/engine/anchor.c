/* hotpatch engine: the anchor; the contract is in anchor.h.
 *
 * For the first objects one table holds both directions: anchor[n] is the n-th object, anchor[object] is n.
 * They cannot collide, for an object is never a number. It would stop the server to let that table grow: so
 * further objects are in *pages* by number, and their numbers in *shards* by address, all of them tables too,
 * which are short, or many. */
#include "agent/engine/anchor.h"

#include <stdbool.h>

#define FIRST  1024 /* in the anchor itself */
#define PAGE   1024
#define SHARDS 256

/* Keys of the anchor that no object and no handle has. */
enum { KEY_PAGES = 0, KEY_SHARDS = -1 };

static bool is_object(lua_State *L, int idx)
{
    switch (lua_type(L, idx)) {
    case LUA_TTABLE:
    case LUA_TFUNCTION:
    case LUA_TUSERDATA:
    case LUA_TTHREAD:
    case LUA_TLIGHTUSERDATA: /* `cjson.null` and its like: constants of the program, known by their address */
        /* A light C function has no identity in the collector, but it is equal to itself, which is all that
         * counts. */
        return true;
    default:
        return false;
    }
}

void hp_anchor_push_new(lua_State *L)
{
    lua_newtable(L);
}

static lua_Integer shard_of(lua_State *L, int idx)
{
    uint64_t hash = (uint64_t)(uintptr_t)lua_topointer(L, idx) * 0x9E3779B97F4A7C15u;
    return (lua_Integer)(hash >> 32) % SHARDS + 1;
}

/* table[key], a new table if there is none. [-0, +1, m] */
static void push_part(lua_State *L, int table, lua_Integer key, int slots)
{
    table = lua_absindex(L, table);
    if (lua_rawgeti(L, table, key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_createtable(L, slots, 0);
    lua_pushvalue(L, -1);
    lua_rawseti(L, table, key);
}

/* --- numbers of objects ----------------------------------------------------------------------- */

/* The value of the object at `idx` in the table on top, 0: none. Pops the table. [-1, +0, -] */
static hp_handle take_handle(lua_State *L, int idx)
{
    lua_pushvalue(L, idx);
    lua_rawget(L, -2);
    hp_handle handle = (hp_handle)lua_tointeger(L, -1); /* nil gives 0 */
    lua_pop(L, 2);
    return handle;
}

hp_handle hp_anchor_find(lua_State *L, int anchor, int idx)
{
    if (!is_object(L, idx))
        return 0;
    int top = lua_gettop(L);
    anchor = lua_absindex(L, anchor);
    idx = lua_absindex(L, idx);
    lua_pushvalue(L, anchor);
    hp_handle handle = take_handle(L, idx);
    if (handle != 0)
        return handle;
    if (lua_rawgeti(L, anchor, KEY_SHARDS) == LUA_TTABLE &&
        lua_rawgeti(L, -1, shard_of(L, idx)) == LUA_TTABLE)
        handle = take_handle(L, idx);
    lua_settop(L, top);
    return handle;
}

/* Notes the number of the object at `idx`. [-0, +0, m] */
static void set_handle(lua_State *L, int anchor, int idx, hp_handle handle)
{
    if (handle <= FIRST) {
        lua_pushvalue(L, anchor);
    } else {
        push_part(L, anchor, KEY_SHARDS, SHARDS);
        push_part(L, -1, shard_of(L, idx), 0);
        lua_remove(L, -2);
    }
    lua_pushvalue(L, idx);
    lua_pushinteger(L, (lua_Integer)handle);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

/* --- objects by number ------------------------------------------------------------------------ */

/* The page that has room for one more. The number before its first one. [-0, +1, m] */
static lua_Integer push_open_page(lua_State *L, int anchor)
{
    push_part(L, anchor, KEY_PAGES, 0);
    lua_Integer page = (lua_Integer)lua_rawlen(L, -1); /* the last */
    lua_rawgeti(L, -1, page);
    if (page == 0 || lua_rawlen(L, -1) == PAGE) {
        lua_pop(L, 1);
        push_part(L, -1, ++page, PAGE);
    }
    lua_remove(L, -2);
    return FIRST + (page - 1) * PAGE;
}

/* The next number, with the object at `idx` under it. [-0, +0, m] */
static hp_handle set_object(lua_State *L, int anchor, int idx)
{
    lua_Integer before = 0;
    if (lua_rawlen(L, anchor) < FIRST)
        lua_pushvalue(L, anchor);
    else
        before = push_open_page(L, anchor);
    lua_Integer next = (lua_Integer)lua_rawlen(L, -1) + 1;
    lua_pushvalue(L, idx);
    lua_rawseti(L, -2, next);
    lua_pop(L, 1);
    return (hp_handle)(before + next);
}

hp_handle hp_anchor_add(lua_State *L, int anchor, int idx)
{
    hp_handle handle = hp_anchor_find(L, anchor, idx);
    if (handle != 0 || !is_object(L, idx))
        return handle;
    anchor = lua_absindex(L, anchor);
    idx = lua_absindex(L, idx);
    /* In this order: if memory ends between the two, a number is lost, which nobody has seen. */
    handle = set_object(L, anchor, idx);
    set_handle(L, anchor, idx, handle);
    return handle;
}

void hp_anchor_push(lua_State *L, int anchor, hp_handle handle)
{
    if (handle == 0) {
        lua_pushnil(L);
        return;
    }
    if (handle <= FIRST) {
        lua_rawgeti(L, anchor, (lua_Integer)handle);
        return;
    }
    lua_Integer at = (lua_Integer)handle - FIRST - 1;
    lua_rawgeti(L, anchor, KEY_PAGES);
    lua_rawgeti(L, -1, at / PAGE + 1);
    lua_replace(L, -2);
    lua_rawgeti(L, -1, at % PAGE + 1);
    lua_replace(L, -2);
}
