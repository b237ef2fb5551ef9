/* hotpatch engine: the work list of a search; the contract is in worklist.h. */
#include "agent/engine/worklist.h"

#define CHUNK    512
#define CAPACITY (2 * CHUNK)

/* Places of the Lua side; the chunks follow. */
enum { SIDE_STACK = 1, SIDE_CHUNKS = SIDE_STACK };

void hp_worklist_push_new(lua_State *L, struct hp_worklist *list)
{
    lua_createtable(L, 4, 0);
    *list = (struct hp_worklist){.stack = lua_newthread(L)};
    lua_rawseti(L, -2, SIDE_STACK);
}

bool hp_worklist_reserve(struct hp_worklist *list)
{
    return lua_checkstack(list->stack, CAPACITY - list->depth + 1);
}

/* Moves the older half of the full stack into a chunk. [-0, +0, m] */
static void spill(lua_State *L, struct hp_worklist *list, int side)
{
    lua_createtable(L, CHUNK, 0);
    int chunk = lua_gettop(L);
    for (int i = 1; i <= CHUNK; i++) {
        lua_pushvalue(list->stack, i);
        lua_xmove(list->stack, L, 1);
        lua_rawseti(L, chunk, i);
    }
    lua_rawseti(L, side, SIDE_CHUNKS + list->chunks + 1);
    list->chunks++;
    for (int i = 1; i <= CAPACITY - CHUNK; i++)
        lua_copy(list->stack, CHUNK + i, i);
    list->depth = CAPACITY - CHUNK;
    lua_settop(list->stack, list->depth);
}

/* Moves the newest chunk onto the empty stack. [-0, +0, -] */
static void refill(lua_State *L, struct hp_worklist *list, int side)
{
    lua_rawgeti(L, side, SIDE_CHUNKS + list->chunks);
    int chunk = lua_gettop(L);
    for (int i = 1; i <= CHUNK; i++) {
        lua_rawgeti(L, chunk, i);
        lua_xmove(L, list->stack, 1);
    }
    list->depth = CHUNK;
    lua_pop(L, 1);
    lua_pushnil(L);
    lua_rawseti(L, side, SIDE_CHUNKS + list->chunks--);
}

void hp_worklist_put(lua_State *L, struct hp_worklist *list, int side)
{
    if (list->depth == CAPACITY)
        spill(L, list, side);
    lua_xmove(L, list->stack, 1);
    list->depth++;
}

bool hp_worklist_take(lua_State *L, struct hp_worklist *list, int side)
{
    if (list->depth == 0 && list->chunks > 0)
        refill(L, list, side);
    if (list->depth == 0)
        return false;
    lua_xmove(list->stack, L, 1);
    list->depth--;
    return true;
}
