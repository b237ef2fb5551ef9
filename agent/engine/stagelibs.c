/* hotpatch engine: standard functions of the other libraries, written for views and placeholders, bounded, or
 * frozen (stagelib.h). */
#include <string.h>
#include <time.h>

#include "agent/engine/clone.h"
#include "agent/engine/effect.h"
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

/* Frozen for the request: base and new see the same moment. */

static void push_now(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)hp_peek_frozen(L, "hotpatch.time", (lua_Number)time(NULL)));
}

static int os_time(lua_State *L)
{
    if (hp_any_placeholder(L, 1, lua_gettop(L)))
        return hp_stagelib_placeholder(L);
    if (!lua_isnoneornil(L, 1))
        return real(L);
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
    if (hp_any_placeholder(L, 1, 2))
        return hp_stagelib_placeholder(L);
    if (lua_isnil(L, 2)) {
        push_now(L);
        lua_replace(L, 2);
    }
    return real(L);
}

/* Strings and tables */

static int string_rep(lua_State *L)
{
    if (hp_any_placeholder(L, 1, lua_gettop(L)))
        return hp_stagelib_placeholder(L);
    size_t len = 0, separator = 0;
    luaL_checklstring(L, 1, &len);
    lua_Integer n = luaL_checkinteger(L, 2);
    luaL_optlstring(L, 3, "", &separator);
    if (n > 0 && len + separator > 0 && (size_t)n > MAX_REPEATED / (len + separator))
        hp_stage_fail(L, HP_LIMIT, "the chunk makes a string of more than 64 MB with string.rep");
    return real(L);
}

/* Functions and coroutines that are views have the text of what they stand for. */
static int string_format(lua_State *L)
{
    int top = lua_gettop(L);
    if (hp_any_placeholder(L, 1, top))
        return hp_stagelib_placeholder(L);
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
    if (hp_any_placeholder(L, 1, lua_gettop(L)))
        return hp_stagelib_placeholder(L);
    if (lua_istable(L, 1)) {
        lua_Integer first = luaL_optinteger(L, 3, 1),
                    last = luaL_opt(L, luaL_checkinteger, 4, luaL_len(L, 1));
        for (lua_Integer i = first; i <= last; i++) {
            int type = lua_geti(L, 1, i);
            bool unknown = hp_is_placeholder(L, -1);
            lua_pop(L, 1);
            if (unknown)
                return hp_stagelib_placeholder(L);
            if (type == LUA_TNIL)
                break; /* the real one says so */
        }
    }
    return real(L);
}

static int table_move(lua_State *L)
{
    if (hp_any_placeholder(L, 1, lua_gettop(L)))
        return hp_stagelib_effect(L);
    lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3);
    if (last >= first && (lua_Unsigned)last - (lua_Unsigned)first >= (lua_Unsigned)MAX_MOVED)
        hp_stage_fail(L, HP_LIMIT, "the chunk moves more than ten million items with table.move");
    return real(L);
}

/* Debug */

#define MAX_UPVALUES 255
#define MAX_LEVEL    1000 /* finding a level takes time in proportion to it */

/* A foreign function on trial is called through its view, which is a frame of C that the program does not
 * have. Levels are counted without it. */
static void skip_views(lua_State *L)
{
    lua_Integer wanted = lua_tointeger(L, 1);
    lua_Debug ar;
    for (int level = 1; level <= wanted && level < MAX_LEVEL && lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "f", &ar);
        wanted += lua_tocfunction(L, -1) == hp_foreign_function;
        lua_pop(L, 1);
    }
    lua_pushinteger(L, wanted);
    lua_replace(L, 1);
}

/* A clone on the top is replaced by the view of the function that it is of. */
static void original_of(lua_State *L)
{
    hp_handle function = lua_isfunction(L, -1) ? hp_clone_original(L, lua_gettop(L)) : 0;
    if (function != 0) {
        struct hp_peeked v = hp_peek_object(L, function);
        lua_pop(L, 1);
        hp_view_push(L, &v, 0, NULL, "function");
    }
}

/* In the stage the last line of a function carries its number; people get the line. */
static int debug_getinfo(lua_State *L)
{
    if (lua_isinteger(L, 1)) {
        luaL_checkstack(L, 4, NULL);
        skip_views(L);
    }
    if (hp_any_placeholder(L, 1, lua_gettop(L)) || (lua_isfunction(L, 1) && hp_view_handle(L, 1) != 0))
        return hp_stagelib_placeholder(L);
    int n = real(L);
    if (n == 1 && lua_istable(L, -1)) {
        lua_getfield(L, -1, "lastlinedefined");
        int line = hp_stage_last_line(L, lua_tointeger(L, -1));
        lua_pop(L, 1);
        if (line >= 0) {
            lua_pushinteger(L, line);
            lua_setfield(L, -2, "lastlinedefined");
        }
        if (lua_getfield(L, -1, "func") == LUA_TFUNCTION) {
            original_of(L);
            lua_setfield(L, -2, "func");
        } else {
            lua_pop(L, 1);
        }
    }
    return n;
}

/* Upvalues of the body's own functions are its own business. */
static int debug_upvalue(lua_State *L)
{
    for (int i = lua_gettop(L); i > 0; i--)
        if ((hp_view_handle(L, i) != 0 || hp_is_placeholder(L, i)) && (lua_isfunction(L, i) || i == 1))
            return hp_stagelib_effect(L);
    return real(L);
}

/* Reading what a foreign function captures does no harm. */
static int debug_getupvalue(lua_State *L)
{
    hp_handle function = lua_isfunction(L, 1) ? hp_view_handle(L, 1) : 0;
    if (function == 0 || !hp_view_info(L, function)->lua_function || !lua_isinteger(L, 2))
        return debug_upvalue(L);
    lua_Integer n = lua_tointeger(L, 2);
    struct hp_peeked v;
    const char *name = n >= 1 && n <= MAX_UPVALUES ? hp_peek_upvalue(L, function, (int)n, &v) : NULL;
    if (name == NULL)
        return 0;
    lua_pushstring(L, name);
    hp_view_push(L, &v, 0, NULL, name[0] != '\0' ? name : "upvalue");
    return 2;
}

lua_CFunction hp_stagelibs_find(const char *name)
{
    static const luaL_Reg emulations[] = {
        {"debug.getinfo", debug_getinfo},
        {"debug.getupvalue", debug_getupvalue},
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
    for (int i = 0; emulations[i].name != NULL; i++)
        if (*emulations[i].name == *name && strcmp(emulations[i].name, name) == 0)
            return emulations[i].func;
    return NULL;
}
