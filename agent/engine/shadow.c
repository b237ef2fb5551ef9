/* hotpatch engine: views and placeholders as metatables (view.h).
 *
 * The table that a view is has no fields, so Lua would find no metamethods in it. Where one serves as the
 * metatable of a value of the stage, a shadow with its events does so in its stead. */
#include <string.h>

#include "agent/engine/clone.h"
#include "agent/engine/placeholder.h"
#include "agent/engine/stage_impl.h"
#include "agent/engine/view.h"

bool hp_shadow_origin(lua_State *L, int idx)
{
    idx = lua_absindex(L, idx);
    hp_slot_push(L, shadowed);
    lua_pushvalue(L, idx);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return false;
    }
    return true;
}

/* `__index` of a shadow where the real one is a foreign function. Upvalue 1: that function's view. */
static int shadow_index(lua_State *L)
{
    hp_handle handler = hp_view_handle(L, lua_upvalueindex(1));
    lua_settop(L, 2);
    if (!hp_view_info(L, handler)->lua_function || !hp_clone_try(L, handler, 1))
        return 0;
    lua_settop(L, 3);
    return 1;
}

/* shadow[event] = the value on the top, made harmless: writes to objects of the stage stay raw, and are
 * theirs. [-1, +0, e] */
static void set_event(lua_State *L, int shadow, const char *event)
{
    bool foreign = lua_isfunction(L, -1) && hp_view_handle(L, -1) != 0;
    if (strcmp(event, "__gc") == 0 || strcmp(event, "__mode") == 0 || strcmp(event, "__metatable") == 0 ||
        (foreign && strcmp(event, "__newindex") == 0)) {
        lua_pop(L, 1);
        return;
    }
    if (foreign && strcmp(event, "__index") == 0)
        lua_pushcclosure(L, shadow_index, 1);
    lua_pushstring(L, event);
    lua_insert(L, -2);
    lua_rawset(L, shadow);
}

void hp_shadow_push(lua_State *L, int metatable)
{
    static const char *const events[] = {
        "__index", "__newindex", "__call", "__tostring", "__len",  "__eq",    "__lt",    "__le",   "__concat",
        "__unm",   "__add",      "__sub",  "__mul",      "__div",  "__idiv",  "__mod",   "__pow",  "__band",
        "__bor",   "__bxor",     "__shl",  "__shr",      "__bnot", "__pairs", "__close", "__name", NULL};
    luaL_checkstack(L, 10, NULL);
    metatable = lua_absindex(L, metatable);
    bool placeholder = hp_is_placeholder(L, metatable);
    if (hp_view_handle(L, metatable) == 0 && !placeholder) {
        lua_pushvalue(L, metatable);
        return;
    }
    hp_slot_push(L, shadows);
    lua_pushvalue(L, metatable);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    int shadow = lua_gettop(L);
    for (int i = 0; events[i] != NULL; i++) {
        hp_view_rawget_str(L, metatable, events[i]);
        if (placeholder && i == 0 && lua_isnil(L, -1)) {
            lua_pushvalue(L, metatable);
            lua_pushstring(L, events[i]);
            hp_placeholder_push(L, HP_OP_INDEX, 2, NULL, "table");
        }
        set_event(L, shadow, events[i]);
    }
    hp_slot_push(L, shadows);
    lua_pushvalue(L, metatable);
    lua_pushvalue(L, shadow);
    lua_rawset(L, -3);
    hp_slot_push(L, shadowed);
    lua_pushvalue(L, shadow);
    lua_pushvalue(L, metatable);
    lua_rawset(L, -3);
    lua_settop(L, shadow);
}

void hp_shadow_update(lua_State *L, int object, int key)
{
    if (lua_type(L, key) != LUA_TSTRING || strncmp(lua_tostring(L, key), "__", 2) != 0)
        return;
    luaL_checkstack(L, 6, NULL);
    object = lua_absindex(L, object);
    key = lua_absindex(L, key);
    hp_slot_push(L, shadows);
    lua_pushvalue(L, object);
    lua_rawget(L, -2);
    if (!lua_isnil(L, -1)) {
        lua_pushvalue(L, -3);
        set_event(L, lua_gettop(L) - 1, lua_tostring(L, key));
    }
    lua_pop(L, 2);
}
