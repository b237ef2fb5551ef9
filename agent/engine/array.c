/* hotpatch engine: the array part of a large table; the contract is in array.h. */
#include "agent/engine/array.h"

#include <stdint.h>

#define LEAST  (1 << 16) /* entries: with fewer, half a part of empty slots takes 0.1 ms */
#define SLOT   16        /* bytes that Lua takes for one, at the least */
#define PROBES 16        /* indices that must be fit to go on from, besides the last … */
#define RANGE  (1 << 14) /* … among so many before it: each is a call that passes by the slots up to there */

/* Called with a table and a key. */
static int go_on_from(lua_State *L)
{
    lua_next(L, 1);
    return 0;
}

/* [-0, +0, -] */
static bool is_fit(lua_State *L, int table, lua_Integer index)
{
    lua_pushcfunction(L, go_on_from);
    lua_pushvalue(L, table);
    lua_pushinteger(L, index);
    if (lua_pcall(L, 2, 0, 0) == LUA_OK)
        return true;
    lua_pop(L, 1);
    return false;
}

/* Can `next` go on from there and from so many indices before it? [-0, +0, -] */
static bool leads_on(lua_State *L, lua_Integer end, int table)
{
    bool fit = is_fit(L, table, end);
    /* the offsets have no rhythm, as the keys of a program have */
    for (uint32_t i = 1; fit && i <= PROBES; i++)
        fit = is_fit(L, table, end - (lua_Integer)(i * 40503u % RANGE));
    return fit;
}

/* Empty, and a slot: the part goes on. [-0, +0, -] */
static bool is_empty_slot(lua_State *L, int table, lua_Integer index)
{
    bool empty = lua_rawgeti(L, table, index) == LUA_TNIL;
    lua_pop(L, 1);
    return empty && is_fit(L, table, index);
}

/* The power of two that no array part can be larger than, with the memory that the state has. */
static lua_Integer largest(lua_State *L)
{
    lua_Integer slots = (lua_Integer)lua_gc(L, LUA_GCCOUNT) * (1024 / SLOT), end = LEAST;
    while (end <= slots / 2)
        end *= 2;
    return end;
}

bool hp_array_begin(lua_State *L, struct hp_array *a, int table)
{
    *a = (struct hp_array){.next = 1};
    if (lua_rawlen(L, table) < LEAST)
        return false;
    /* from above: below the end, one call would pass by all the slots up to it */
    lua_Integer end = largest(L);
    while (end >= LEAST && !is_fit(L, table, end))
        end /= 2;
    if (is_empty_slot(L, table, end + 1))
        return false; /* a size that somebody chose: what follows would pass by a gap many times */
    while (end >= LEAST && !leads_on(L, end, table))
        end /= 2;
    if (end >= LEAST)
        a->end = end;
    return a->end != 0;
}

bool hp_array_push_end(lua_State *L, struct hp_array *a, int table)
{
    bool same = leads_on(L, a->end, table);
    if (same)
        lua_pushinteger(L, a->end);
    else
        lua_pushnil(L);
    a->end = 0;
    return same;
}
