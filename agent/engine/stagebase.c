/* hotpatch engine: the standard functions that look into values, written for views and placeholders
 * (stagelib.h).
 *
 * On plain values and on what the bodies made, each does what the real one does, mostly by calling it in its
 * own frame. */
#include <string.h>

#include "agent/engine/effect.h"
#include "agent/engine/overlay.h"
#include "agent/engine/placeholder.h"
#include "agent/engine/stage_impl.h"
#include "agent/engine/stagelib.h"
#include "agent/engine/view.h"

#define MAX_CATCH_LEVEL 200 /* frames between a call and who catches its error */

static int real(lua_State *L)
{
    return hp_stagelib_self(L)->real(L);
}

static bool is_view(lua_State *L, int idx)
{
    return hp_view_handle(L, idx) != 0;
}

static bool is_overlaid(lua_State *L, int idx)
{
    return is_view(L, idx) || hp_is_placeholder(L, idx);
}

/* Looking */

static int base_type(lua_State *L)
{
    luaL_checkany(L, 1);
    if (!hp_is_placeholder(L, 1))
        return real(L);
    lua_pushstring(L, hp_placeholder_guess(L, 1));
    return 1;
}

static int base_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    if (hp_is_placeholder(L, 1))
        return hp_stagelib_placeholder(L);
    hp_handle handle = hp_view_handle(L, 1);
    if (handle != 0) {
        hp_peek_push_text(L, handle);
        return 1;
    }
    return real(L);
}

static int base_rawget(lua_State *L)
{
    lua_settop(L, 2);
    if (is_view(L, 1)) {
        hp_view_rawget(L, 1, 2);
        return 1;
    }
    if (hp_is_placeholder(L, 1))
        return hp_overlay_get(L, 1, 2) ? 1 : hp_stagelib_placeholder(L);
    return real(L);
}

static int base_rawset(lua_State *L)
{
    if (!is_overlaid(L, 1))
        return real(L);
    luaL_checkany(L, 3);
    luaL_argcheck(L, !lua_isnil(L, 2), 2, "index is nil");
    lua_settop(L, 3);
    hp_overlay_set(L, 1, 2);
    lua_settop(L, 1);
    return 1;
}

static int base_rawlen(lua_State *L)
{
    if (hp_is_placeholder(L, 1))
        return hp_stagelib_placeholder(L);
    if (lua_istable(L, 1) && is_view(L, 1)) {
        lua_pushinteger(L, hp_view_length(L, 1));
        return 1;
    }
    return real(L);
}

/* Iterating */

static int no_pair(lua_State *L)
{
    (void)L;
    return 0;
}

int hp_stagebase_no_turns(lua_State *L)
{
    hp_stage_warn(L, "loop over an unknown value at %s ran no turn", NULL);
    lua_settop(L, 1);
    lua_pushcfunction(L, no_pair);
    lua_insert(L, 1);
    lua_pushnil(L);
    return 3;
}

static int base_next(lua_State *L)
{
    lua_settop(L, 2);
    if (hp_is_placeholder(L, 1))
        return hp_effect_in_for(L) ? 0 : hp_stagelib_placeholder(L);
    if (!is_view(L, 1))
        return real(L);
    if (hp_view_next(L, 1))
        return 2;
    lua_pushnil(L);
    return 1;
}

static const struct hp_std *find_std(lua_State *L, const char *name)
{
    const struct hp_stage *s = hp_stage_of(L);
    for (size_t i = 0; i < s->std.count; i++)
        if (strcmp(s->std.items[i].name, name) == 0)
            return &s->std.items[i];
    return NULL;
}

static int base_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    if (hp_is_placeholder(L, 1))
        return hp_stagebase_no_turns(L);
    if (!is_view(L, 1) || !lua_istable(L, 1))
        return real(L);
    hp_stagelib_push(L, find_std(L, "next"));
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

static int base_ipairs(lua_State *L)
{
    return hp_is_placeholder(L, 1) ? hp_stagebase_no_turns(L) : real(L);
}

/* Metatables */

static int set_metatable(lua_State *L)
{
    if (is_overlaid(L, 1)) {
        lua_pushvalue(L, 2);
        hp_overlay_set_metatable(L, 1);
    } else if (lua_isnil(L, 2)) {
        lua_pushnil(L);
        hp_stage_set_metatable(L, 1);
    } else {
        hp_shadow_push(L, 2);
        hp_stage_set_metatable(L, 1);
    }
    lua_settop(L, 1);
    return 1;
}

static int base_setmetatable(lua_State *L)
{
    lua_settop(L, 2);
    bool fine = lua_isnil(L, 2) || lua_istable(L, 2) || hp_is_placeholder(L, 2);
    luaL_argexpected(L, fine, 2, "nil or table");
    if (!is_overlaid(L, 1)) {
        luaL_checktype(L, 1, LUA_TTABLE);
        if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
            return luaL_error(L, "cannot change a protected metatable");
    }
    return set_metatable(L);
}

static int base_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (hp_is_placeholder(L, 1))
        return hp_overlay_get_metatable(L, 1) ? 1 : hp_stagelib_placeholder(L);
    hp_view_metatable(L, 1);
    hp_view_rawget_str(L, -1, "__metatable");
    if (lua_isnil(L, -1))
        lua_pop(L, 1);
    return 1;
}

static int debug_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (hp_is_placeholder(L, 1))
        return hp_overlay_get_metatable(L, 1) ? 1 : hp_stagelib_placeholder(L);
    hp_view_metatable(L, 1);
    return 1;
}

static int debug_setmetatable(lua_State *L)
{
    lua_settop(L, 2);
    bool fine = lua_isnil(L, 2) || lua_istable(L, 2) || hp_is_placeholder(L, 2);
    luaL_argexpected(L, fine, 2, "nil or table");
    if (!is_overlaid(L, 1) && !lua_istable(L, 1))
        return hp_stagelib_effect(L); /* a metatable of a basic type, for the whole program */
    return set_metatable(L);
}

/* Calling */

/* These catch errors: two kinds of them are not for the body to catch. */
static int base_catching(lua_State *L)
{
    int n = real(L);
    hp_stage_check(L);
    return n;
}

/* The body's message handler, upvalue 1, unless the error is none of its business. Lua runs no hooks inside a
 * handler of an error that a hook raised: there an endless loop would be endless indeed. */
static int guarded_handler(lua_State *L)
{
    const struct hp_stage *s = hp_stage_of(L);
    if (s->failure != HP_OK || s->trial.spoiled)
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int base_xpcall(lua_State *L)
{
    luaL_checkany(L, 2);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, guarded_handler, 1);
    lua_replace(L, 2);
    return base_catching(L);
}

bool hp_stagebase_catches(lua_State *L)
{
    bool catches = false;
    lua_Debug ar;
    luaL_checkstack(L, 1, NULL);
    for (int level = 0; level < MAX_CATCH_LEVEL && lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "f", &ar);
        lua_CFunction f = lua_tocfunction(L, -1);
        catches = f == hp_foreign_function ? false : catches || f == base_catching || f == base_xpcall;
        lua_pop(L, 1);
    }
    return catches;
}

static int coroutine_of(lua_State *L)
{
    if (hp_is_placeholder(L, 1) || (lua_isthread(L, 1) && is_view(L, 1)))
        return hp_stagelib_effect(L);
    int n = real(L);
    hp_stage_check(L);
    return n;
}

/* What coroutine.wrap gives. The real one closes the coroutine's variables after any error; after one that a
 * hook raised, Lua runs no hooks in it any more, and its `__close` could go on for ever. Upvalue 1: the
 * coroutine. */
static int call_wrapped(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    int n = lua_gettop(L), results;
    if (!lua_checkstack(co, n))
        return luaL_error(L, "too many arguments to resume");
    lua_xmove(L, co, n);
    int status = lua_resume(co, L, n, &results);
    hp_stage_check(L);
    if (status == LUA_OK || status == LUA_YIELD) {
        luaL_checkstack(L, results, "too many results to resume");
        lua_xmove(co, L, results);
        return results;
    }
    if (lua_status(co) != LUA_OK) /* it failed while it ran, rather than that it could not run */
        lua_resetthread(co);
    lua_xmove(co, L, 1);
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int coroutine_wrap(lua_State *L)
{
    if (hp_is_placeholder(L, 1))
        return hp_stagelib_placeholder(L);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushcclosure(L, call_wrapped, 1);
    return 1;
}

/* Text only, whatever mode was asked for: a hand-made binary could break the stage. */
static int base_load(lua_State *L)
{
    if (hp_any_placeholder(L, 1, 3))
        return hp_stagelib_placeholder(L);
    if (lua_gettop(L) < 3)
        lua_settop(L, 3);
    lua_pushliteral(L, "t");
    lua_replace(L, 3);
    return base_catching(L); /* it gives errors of its reader as results */
}

lua_CFunction hp_stagebase_find(const char *name)
{
    static const luaL_Reg emulations[] = {
        {"type", base_type},
        {"tostring", base_tostring},
        {"rawget", base_rawget},
        {"rawset", base_rawset},
        {"rawlen", base_rawlen},
        {"next", base_next},
        {"pairs", base_pairs},
        {"ipairs", base_ipairs},
        {"setmetatable", base_setmetatable},
        {"getmetatable", base_getmetatable},
        {"pcall", base_catching},
        {"xpcall", base_xpcall},
        {"load", base_load},
        {"require", hp_stage_require},
        {"coroutine.close", coroutine_of},
        {"coroutine.resume", coroutine_of},
        {"coroutine.status", coroutine_of},
        {"coroutine.wrap", coroutine_wrap},
        {"debug.getmetatable", debug_getmetatable},
        {"debug.setmetatable", debug_setmetatable},
        {NULL, NULL},
    };
    for (int i = 0; emulations[i].name != NULL; i++)
        if (*emulations[i].name == *name && strcmp(emulations[i].name, name) == 0)
            return emulations[i].func;
    return NULL;
}
