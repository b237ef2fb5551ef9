/* hotpatch engine: the workshop; the contract is in workshop.h. */
#include "agent/engine/workshop.h"

#include "agent/engine/build.h"

#include <string.h>

enum { PLACE_MAKERS = 1, PLACE_SUCCESSORS, PLACE_CLOSURES, PLACE_HOLDER_MAKER };

void hp_workshop_open(lua_State *L, const void *key)
{
    lua_createtable(L, PLACE_HOLDER_MAKER, 0);
    for (int place = PLACE_MAKERS; place <= PLACE_CLOSURES; place++) {
        lua_newtable(L);
        lua_rawseti(L, -2, place);
    }
    hp_push_holder_maker(L);
    lua_rawseti(L, -2, PLACE_HOLDER_MAKER);
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

/* Pushes the function that makes closures of that prototype. HP_OK, else nothing is pushed. [-0, +(1|0), m]
 */
static enum hp_status push_maker(lua_State *L, const void *key, const struct hp_prototype_tree *tree,
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

/* [-0, +(1|0), m] */
static enum hp_status push_new_closure(lua_State *L, const void *key, const struct hp_plan_function *f,
                                       struct hp_scratch *scratch)
{
    enum hp_status status = push_maker(L, key, f->tree, f->prototype, scratch);
    if (status == HP_OK)
        lua_call(L, 0, 1); /* runs nothing but the making of the closure */
    return status;
}

enum hp_status hp_workshop_push_closure(lua_State *L, const void *key, const struct hp_plan *plan,
                                        uint32_t function, struct hp_scratch *scratch)
{
    const struct hp_plan_function *f = &plan->functions.items[function];
    if (!push_place(L, key, PLACE_CLOSURES))
        return push_new_closure(L, key, f, scratch);
    enum hp_status status = HP_OK;
    if (lua_rawgeti(L, -1, (lua_Integer)function + 1) == LUA_TNIL) {
        lua_pop(L, 1);
        status = push_new_closure(L, key, f, scratch);
        if (status == HP_OK) {
            lua_pushvalue(L, -1);
            lua_rawseti(L, -3, (lua_Integer)function + 1);
        }
    }
    lua_remove(L, status == HP_OK ? -2 : -1);
    return status;
}

void hp_workshop_forget_closures(lua_State *L, const void *key)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) == LUA_TTABLE) {
        lua_newtable(L);
        lua_rawseti(L, -2, PLACE_CLOSURES);
    }
    lua_pop(L, 1);
}

void hp_workshop_push_holder_maker(lua_State *L, const void *key)
{
    if (!push_place(L, key, PLACE_HOLDER_MAKER))
        hp_push_holder_maker(L);
}
