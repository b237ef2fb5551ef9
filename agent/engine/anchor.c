/* hotpatch engine: the anchor; the contract is in anchor.h.
 *
 * One table holds both directions: anchor[n] is the n-th object, anchor[object] is n. They cannot collide,
 * for an object is never a number. */
#include "agent/engine/anchor.h"

#include <stdbool.h>

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

hp_handle hp_anchor_find(lua_State *L, int anchor, int idx)
{
    if (!is_object(L, idx)) {
        return 0;
    }
    anchor = lua_absindex(L, anchor);
    lua_pushvalue(L, idx);
    lua_rawget(L, anchor);
    hp_handle handle = (hp_handle)lua_tointeger(L, -1); /* nil gives 0 */
    lua_pop(L, 1);
    return handle;
}

hp_handle hp_anchor_add(lua_State *L, int anchor, int idx)
{
    hp_handle handle = hp_anchor_find(L, anchor, idx);
    if (handle != 0 || !is_object(L, idx)) {
        return handle;
    }
    anchor = lua_absindex(L, anchor);
    idx = lua_absindex(L, idx);
    handle = (hp_handle)lua_rawlen(L, anchor) + 1;
    /* In this order: if memory ends between the two, a number is lost, which nobody has seen. */
    lua_pushvalue(L, idx);
    lua_rawseti(L, anchor, (lua_Integer)handle);
    lua_pushvalue(L, idx);
    lua_pushinteger(L, (lua_Integer)handle);
    lua_rawset(L, anchor);
    return handle;
}

void hp_anchor_push(lua_State *L, int anchor, hp_handle handle)
{
    if (handle == 0) {
        lua_pushnil(L);
    } else {
        lua_rawgeti(L, anchor, (lua_Integer)handle);
    }
}
