/* hotpatch engine: overlays; the contract is in overlay.h. */
#include "agent/engine/overlay.h"

#include "agent/engine/effect.h"
#include "agent/engine/stage_impl.h"
#include "agent/engine/view.h"

static char tombstone;

void hp_tombstone_push(lua_State *L)
{
    lua_pushlightuserdata(L, &tombstone);
}

bool hp_is_tombstone(lua_State *L, int idx)
{
    return lua_type(L, idx) == LUA_TLIGHTUSERDATA && lua_touserdata(L, idx) == &tombstone;
}

void hp_overlay_push(lua_State *L, int object)
{
    object = lua_absindex(L, object);
    hp_slot_push(L, overlays);
    lua_pushvalue(L, object);
    lua_rawget(L, -2);
    lua_remove(L, -2);
}

/* Replaces the value on the top: nil is popped (false), a tombstone becomes nil. */
static bool settle(lua_State *L)
{
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return false;
    }
    if (hp_is_tombstone(L, -1)) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
    return true;
}

bool hp_overlay_get(lua_State *L, int object, int key)
{
    luaL_checkstack(L, 4, NULL);
    key = lua_absindex(L, key);
    hp_overlay_push(L, object);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return false;
    }
    lua_pushvalue(L, key);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    return settle(L);
}

/* Enters the object in the list of what was written into. Both maps together know whether it is there. */
static void note_written(lua_State *L, int object)
{
    struct hp_stage *s = hp_stage_of(L);
    hp_slot_push(L, overlays);
    lua_pushvalue(L, object);
    lua_rawget(L, -2);
    hp_slot_push(L, metatables);
    lua_pushvalue(L, object);
    lua_rawget(L, -2);
    bool known = !lua_isnil(L, -1) || !lua_isnil(L, -3);
    lua_pop(L, 4);
    if (!known) {
        hp_slot_push(L, written);
        lua_pushvalue(L, object);
        lua_rawseti(L, -2, s->written + 1);
        s->written++;
        lua_pop(L, 1);
    }
}

void hp_overlay_set(lua_State *L, int object, int key)
{
    luaL_checkstack(L, 6, NULL);
    hp_trial_spoil(L);
    object = lua_absindex(L, object);
    key = lua_absindex(L, key);
    note_written(L, object);
    hp_overlay_push(L, object);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
        hp_slot_push(L, overlays);
        lua_pushvalue(L, object);
        lua_pushvalue(L, -3);
        lua_rawset(L, -3);
        lua_pop(L, 1);
    }
    lua_pushvalue(L, key);
    if (lua_isnil(L, -3))
        hp_tombstone_push(L);
    else
        lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 1);
    hp_shadow_update(L, object, key); /* with the value on the top */
    lua_pop(L, 1);
}

bool hp_overlay_get_metatable(lua_State *L, int object)
{
    luaL_checkstack(L, 4, NULL);
    object = lua_absindex(L, object);
    hp_slot_push(L, metatables);
    lua_pushvalue(L, object);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    return settle(L);
}

void hp_overlay_set_metatable(lua_State *L, int object)
{
    luaL_checkstack(L, 6, NULL);
    hp_trial_spoil(L);
    object = lua_absindex(L, object);
    note_written(L, object);
    hp_slot_push(L, metatables);
    lua_pushvalue(L, object);
    if (lua_isnil(L, -3))
        hp_tombstone_push(L);
    else
        lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 2);
}
