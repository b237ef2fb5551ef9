/* hotpatch engine: the workshop; the contract is in workshop.h. */
#include "agent/engine/workshop.h"

#include <string.h>

enum { PLACE_MAKERS = 1, PLACE_SUCCESSORS };

void hp_workshop_open(lua_State *L, const void *key)
{
    lua_createtable(L, 2, 0);
    lua_newtable(L);
    lua_rawseti(L, -2, PLACE_MAKERS);
    lua_newtable(L);
    lua_rawseti(L, -2, PLACE_SUCCESSORS);
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

void hp_workshop_close(lua_State *L, const void *key)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) != LUA_TNIL) {
        lua_pushnil(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, key); /* the key is there: no memory is needed */
    }
    lua_pop(L, 1);
}

/* Pushes one of the tables. False: there is no workshop, nothing is pushed. */
static bool push_place(lua_State *L, const void *key, int place)
{
    if (!key)
        return false;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) != LUA_TTABLE) {
        lua_pop(L, 1);
        return false;
    }
    lua_rawgeti(L, -1, place);
    lua_remove(L, -2);
    return true;
}

/* A prototype's name in the table of makers: tree and number, as bytes. */
static void push_name(lua_State *L, const struct hp_prototype_tree *tree, uint32_t id)
{
    char name[sizeof tree + sizeof id];
    memcpy(name, &tree, sizeof tree);
    memcpy(name + sizeof tree, &id, sizeof id);
    lua_pushlstring(L, name, sizeof name);
}

enum hp_status hp_workshop_push_maker(lua_State *L, const void *key, const struct hp_prototype_tree *tree,
                                      uint32_t id, struct hp_scratch *scratch)
{
    if (!push_place(L, key, PLACE_MAKERS))
        return hp_scratch_push_maker(L, scratch, tree, id);
    push_name(L, tree, id);
    if (lua_rawget(L, -2) == LUA_TFUNCTION) {
        lua_remove(L, -2);
        return HP_OK;
    }
    lua_pop(L, 1);
    enum hp_status status = hp_scratch_push_maker(L, scratch, tree, id);
    if (status != HP_OK) {
        lua_pop(L, 1);
        return status;
    }
    push_name(L, tree, id);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
    lua_remove(L, -2);
    return HP_OK;
}

void hp_workshop_push_successors(lua_State *L, const void *key)
{
    if (!push_place(L, key, PLACE_SUCCESSORS))
        lua_newtable(L);
}
