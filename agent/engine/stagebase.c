/* hotpatch engine: the standard functions that look into values, written for views and placeholders
 * (stagelib.h).
 *
 * On plain values and on what the bodies made, each does what the real one does, mostly by calling it in its
 * own frame. */
#include <string.h>
#include <time.h>

#include "agent/engine/effect.h"
#include "agent/engine/overlay.h"
#include "agent/engine/placeholder.h"
#include "agent/engine/stage_impl.h"
#include "agent/engine/stagelib.h"
#include "agent/engine/view.h"

#define MAX_REPEATED ((size_t)64 << 20)      /* bytes that one string.rep may make */
#define MAX_MOVED    ((lua_Integer)10000000) /* items that one table.move may move */

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
    if (!hp_is_placeholder(L, 1)) {
        return real(L);
    }
    lua_pushstring(L, hp_placeholder_guess(L, 1));
    return 1;
}

static int base_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    if (hp_is_placeholder(L, 1)) {
        return hp_stagelib_placeholder(L);
    }
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
    if (hp_is_placeholder(L, 1)) {
        return hp_overlay_get(L, 1, 2) ? 1 : hp_stagelib_placeholder(L);
    }
    return real(L);
}

static int base_rawset(lua_State *L)
{
    if (!is_overlaid(L, 1)) {
        return real(L);
    }
    luaL_checkany(L, 3);
    luaL_argcheck(L, !lua_isnil(L, 2), 2, "index is nil");
    lua_settop(L, 3);
    hp_overlay_set(L, 1, 2);
    lua_settop(L, 1);
    return 1;
}

static int base_rawlen(lua_State *L)
{
    if (hp_is_placeholder(L, 1)) {
        return hp_stagelib_placeholder(L);
    }
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
    if (hp_is_placeholder(L, 1)) {
        return hp_effect_in_for(L) ? 0 : hp_stagelib_placeholder(L);
    }
    if (!is_view(L, 1)) {
        return real(L);
    }
    if (hp_view_next(L, 1)) {
        return 2;
    }
    lua_pushnil(L);
    return 1;
}

static const struct hp_std *find_std(lua_State *L, const char *name)
{
    const struct hp_stage *s = hp_stage_of(L);
    for (size_t i = 0; i < s->std.count; i++) {
        if (strcmp(s->std.items[i].name, name) == 0) {
            return &s->std.items[i];
        }
    }
    return NULL;
}

static int base_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    if (hp_is_placeholder(L, 1)) {
        return hp_stagebase_no_turns(L);
    }
    if (!is_view(L, 1) || !lua_istable(L, 1)) {
        return real(L);
    }
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
        if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) {
            return luaL_error(L, "cannot change a protected metatable");
        }
    }
    return set_metatable(L);
}

static int base_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (hp_is_placeholder(L, 1)) {
        return hp_overlay_get_metatable(L, 1) ? 1 : hp_stagelib_placeholder(L);
    }
    hp_view_metatable(L, 1);
    hp_view_rawget_str(L, -1, "__metatable");
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
    }
    return 1;
}

static int debug_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (hp_is_placeholder(L, 1)) {
        return hp_overlay_get_metatable(L, 1) ? 1 : hp_stagelib_placeholder(L);
    }
    hp_view_metatable(L, 1);
    return 1;
}

static int debug_setmetatable(lua_State *L)
{
    lua_settop(L, 2);
    bool fine = lua_isnil(L, 2) || lua_istable(L, 2) || hp_is_placeholder(L, 2);
    luaL_argexpected(L, fine, 2, "nil or table");
    if (!is_overlaid(L, 1) && !lua_istable(L, 1)) {
        return hp_stagelib_effect(L); /* a metatable of a basic type, for the whole program */
    }
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
    if (s->failure != HP_OK || s->trial.spoiled) {
        return 1;
    }
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

static int coroutine_of(lua_State *L)
{
    if (hp_is_placeholder(L, 1) || (lua_isthread(L, 1) && is_view(L, 1))) {
        return hp_stagelib_effect(L);
    }
    int n = real(L);
    hp_stage_check(L);
    return n;
}

/* Text only, whatever mode was asked for: a hand-made binary could break the stage. */
static int base_load(lua_State *L)
{
    if (hp_any_placeholder(L, 1, 3)) {
        return hp_stagelib_placeholder(L);
    }
    if (lua_gettop(L) < 3) {
        lua_settop(L, 3);
    }
    lua_pushliteral(L, "t");
    lua_replace(L, 3);
    return base_catching(L); /* it gives errors of its reader as results */
}

/* Frozen for the request: base and new see the same moment. */

static void push_now(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)hp_peek_frozen(L, "hotpatch.time", (lua_Number)time(NULL)));
}

static int os_time(lua_State *L)
{
    if (hp_any_placeholder(L, 1, lua_gettop(L))) {
        return hp_stagelib_placeholder(L);
    }
    if (!lua_isnoneornil(L, 1)) {
        return real(L);
    }
    push_now(L);
    return 1;
}

static int os_clock(lua_State *L)
{
    lua_pushnumber(L, hp_peek_frozen(L, "hotpatch.clock", (lua_Number)clock() / (lua_Number)CLOCKS_PER_SEC));
    return 1;
}

static int os_date(lua_State *L)
{
    lua_settop(L, 2);
    if (hp_any_placeholder(L, 1, 2)) {
        return hp_stagelib_placeholder(L);
    }
    if (lua_isnil(L, 2)) {
        push_now(L);
        lua_replace(L, 2);
    }
    return real(L);
}

/* Strings and tables */

static int string_rep(lua_State *L)
{
    if (hp_any_placeholder(L, 1, lua_gettop(L))) {
        return hp_stagelib_placeholder(L);
    }
    size_t len = 0, separator = 0;
    luaL_checklstring(L, 1, &len);
    lua_Integer n = luaL_checkinteger(L, 2);
    luaL_optlstring(L, 3, "", &separator);
    if (n > 0 && len + separator > 0 && (size_t)n > MAX_REPEATED / (len + separator)) {
        hp_stage_fail(L, HP_LIMIT, "the chunk makes a string of more than 64 MB with string.rep");
    }
    return real(L);
}

/* Functions and coroutines that are views have the text of what they stand for. */
static int string_format(lua_State *L)
{
    int top = lua_gettop(L);
    if (hp_any_placeholder(L, 1, top)) {
        return hp_stagelib_placeholder(L);
    }
    for (int i = 2; i <= top; i++) {
        hp_handle handle = lua_type(L, i) >= LUA_TFUNCTION ? hp_view_handle(L, i) : 0;
        if (handle != 0) {
            hp_peek_push_text(L, handle);
            lua_replace(L, i);
        }
    }
    return real(L);
}

static int table_concat(lua_State *L)
{
    if (hp_any_placeholder(L, 1, lua_gettop(L))) {
        return hp_stagelib_placeholder(L);
    }
    if (lua_istable(L, 1)) {
        lua_Integer first = luaL_optinteger(L, 3, 1),
                    last = luaL_opt(L, luaL_checkinteger, 4, luaL_len(L, 1));
        for (lua_Integer i = first; i <= last; i++) {
            int type = lua_geti(L, 1, i);
            bool unknown = hp_is_placeholder(L, -1);
            lua_pop(L, 1);
            if (unknown) {
                return hp_stagelib_placeholder(L);
            }
            if (type == LUA_TNIL) {
                break; /* the real one says so */
            }
        }
    }
    return real(L);
}

static int table_move(lua_State *L)
{
    if (hp_any_placeholder(L, 1, lua_gettop(L))) {
        return hp_stagelib_effect(L);
    }
    lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3);
    if (last >= first && (lua_Unsigned)last - (lua_Unsigned)first >= (lua_Unsigned)MAX_MOVED) {
        hp_stage_fail(L, HP_LIMIT, "the chunk moves more than ten million items with table.move");
    }
    return real(L);
}

/* Debug */

/* In the stage the last line of a function carries its number; people get the line. */
static int debug_getinfo(lua_State *L)
{
    if (hp_any_placeholder(L, 1, lua_gettop(L)) || (lua_isfunction(L, 1) && is_view(L, 1))) {
        return hp_stagelib_placeholder(L);
    }
    int n = real(L);
    if (n == 1 && lua_istable(L, -1)) {
        lua_getfield(L, -1, "lastlinedefined");
        int line = hp_stage_last_line(L, lua_tointeger(L, -1));
        lua_pop(L, 1);
        if (line >= 0) {
            lua_pushinteger(L, line);
            lua_setfield(L, -2, "lastlinedefined");
        }
    }
    return n;
}

/* Upvalues of the body's own functions are its own business. */
static int debug_upvalue(lua_State *L)
{
    for (int i = lua_gettop(L); i > 0; i--) {
        if (is_overlaid(L, i) && (lua_isfunction(L, i) || i == 1)) {
            return hp_stagelib_effect(L);
        }
    }
    return real(L);
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
        {"debug.getinfo", debug_getinfo},
        {"debug.getmetatable", debug_getmetatable},
        {"debug.setmetatable", debug_setmetatable},
        {"debug.getupvalue", debug_upvalue},
        {"debug.setupvalue", debug_upvalue},
        {"debug.upvalueid", debug_upvalue},
        {"debug.upvaluejoin", debug_upvalue},
        {"os.time", os_time},
        {"os.clock", os_clock},
        {"os.date", os_date},
        {"string.rep", string_rep},
        {"string.format", string_format},
        {"table.concat", table_concat},
        {"table.move", table_move},
        {NULL, NULL},
    };
    for (int i = 0; emulations[i].name != NULL; i++) {
        if (strcmp(emulations[i].name, name) == 0) {
            return emulations[i].func;
        }
    }
    return NULL;
}
