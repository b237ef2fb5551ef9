/* hotpatch engine: a place in the walk of a table; the contract is in place.h. */
#include "agent/engine/place.h"

#include <string.h>

/* of the keys that come after the saved one may be new when the walk goes on: more, and the table was
 * re-hashed */
#define MAX_STRANGE 2

/* Places of the Lua side. */
enum { SIDE_TABLE = 1, SIDE_KEY };

void hp_place_push_new(lua_State *L, struct hp_place *p)
{
    p->saved = false;
    lua_createtable(L, SIDE_KEY, 0);
}

/* Tells keys of one table apart: of the key on top. Numbers may collide with addresses, rarely. [-0, +0, -]
 */
static uintptr_t key_print(lua_State *L)
{
    if (lua_isinteger(L, -1))
        return (uintptr_t)lua_tointeger(L, -1);
    if (lua_type(L, -1) != LUA_TNUMBER)
        return (uintptr_t)lua_topointer(L, -1) ^ (uintptr_t)lua_type(L, -1);
    lua_Number number = lua_tonumber(L, -1);
    uintptr_t print = 0;
    memcpy(&print, &number, sizeof number < sizeof print ? sizeof number : sizeof print);
    return print;
}

void hp_place_save(lua_State *L, struct hp_place *p, int side, int table)
{
    lua_pushvalue(L, -1);
    lua_rawseti(L, side, SIDE_KEY);
    p->count = 0;
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        p->ahead[p->count++] = key_print(L);
        if (p->count == HP_PLACE_AHEAD) {
            lua_pop(L, 1);
            break;
        }
    }
    hp_place_save_table(L, p, side, table);
}

void hp_place_save_table(lua_State *L, struct hp_place *p, int side, int table)
{
    lua_pushvalue(L, table);
    lua_rawseti(L, side, SIDE_TABLE);
    p->saved = true;
}

void hp_place_forget(lua_State *L, struct hp_place *p, int side)
{
    for (int i = SIDE_TABLE; i <= SIDE_KEY; i++) {
        lua_pushnil(L);
        lua_rawseti(L, side, i);
    }
    p->saved = false;
}

void hp_place_push_table(lua_State *L, int side)
{
    lua_rawgeti(L, side, SIDE_TABLE);
}

/* Called with the table, the saved key and the place: are the keys after it those that were? */
static int same_ahead(lua_State *L)
{
    struct hp_place *p = lua_touserdata(L, 3);
    size_t expected = 0, met = 0, strange = 0;
    lua_settop(L, 2);
    while (expected < p->count && strange <= MAX_STRANGE && lua_next(L, 1)) {
        lua_pop(L, 1);
        uintptr_t print = key_print(L);
        size_t i = expected;
        while (i < p->count && p->ahead[i] != print)
            i++;
        if (i < p->count) {
            expected = i + 1;
            met++;
        } else {
            strange++;
        }
    }
    lua_pushboolean(L, strange <= MAX_STRANGE && met >= p->count / 2);
    return 1;
}

bool hp_place_push_key(lua_State *L, struct hp_place *p, int side, int table)
{
    lua_pushcfunction(L, same_ahead); /* `next` raises when the key has gone from the table altogether */
    lua_pushvalue(L, table);
    lua_rawgeti(L, side, SIDE_KEY);
    lua_pushlightuserdata(L, p);
    bool same = lua_pcall(L, 3, 1, 0) == LUA_OK && lua_toboolean(L, -1);
    lua_pop(L, 1);
    if (same)
        lua_rawgeti(L, side, SIDE_KEY);
    else
        lua_pushnil(L);
    hp_place_forget(L, p, side);
    return same;
}
