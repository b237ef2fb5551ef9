/* hotpatch engine: `require` in the stage (design, section 6).
 *
 * In this order: what the body itself put into package.loaded; a module of the same request; a loaded module;
 * one that could be found, which is not loaded but stands as a placeholder; else the error that the program
 * would get. Searchers of the program's own are not asked. A module that only they could find is taken as
 * found, unless the body would catch the error: `pcall(require, "x")` in a program where x is not loaded is
 * one that failed before. */
#include <string.h>

#include "agent/engine/effect.h"
#include "agent/engine/overlay.h"
#include "agent/engine/placeholder.h"
#include "agent/engine/stage_impl.h"
#include "agent/engine/stagelib.h"
#include "agent/engine/view.h"

#define STANDARD_SEARCHERS 4

static void push_loaded(lua_State *L)
{
    struct hp_peeked loaded = hp_peek_loaded(L);
    hp_view_push(L, &loaded, 0, NULL, "package.loaded");
}

/* Of the same request: true if it is one that can be had, and pushes its result. [-0, +(0|1), e] */
static bool push_staged(lua_State *L, const char *name)
{
    const struct hp_stage *s = hp_stage_of(L);
    for (uint32_t i = 0; i < s->module_count; i++) {
        const char *module = s->modules[i].chunk->module;
        if (module == NULL || strcmp(module, name) != 0 || s->modules[i].phase == HP_MODULE_LOADING)
            continue;
        if (s->modules[i].phase == HP_MODULE_UNLOADED) {
            hp_trial_spoil(L);
            hp_stage_run_module(L, i);
        } else {
            hp_slot_push(L, results);
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
            lua_remove(L, -2);
        }
        return true;
    }
    return false;
}

static bool is_loading(lua_State *L, const char *name)
{
    const struct hp_stage *s = hp_stage_of(L);
    for (size_t i = 0; i < s->module_count; i++) {
        const char *module = s->modules[i].chunk->module;
        if (module != NULL && strcmp(module, name) == 0 && s->modules[i].phase == HP_MODULE_LOADING)
            return true;
    }
    return false;
}

/* Does the program look for modules in ways of its own? `package` is the view of that table. The agent's
 * wrapper of the second searcher is a C function too. */
static bool has_own_searchers(lua_State *L, int package)
{
    hp_view_rawget_str(L, package, "searchers");
    bool own = false;
    lua_Integer n = lua_istable(L, -1) ? luaL_len(L, -1) : 0;
    for (lua_Integer i = 1; i <= n && !own; i++) {
        lua_geti(L, -1, i);
        hp_handle handle = hp_view_handle(L, -1);
        own = i > STANDARD_SEARCHERS || handle == 0 || hp_view_info(L, handle)->lua_function;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return own;
}

/* Looks for the file with the program's own path. True: found, or the path is not known. Else the complaint
 * is appended to the string on the top. */
static bool find_file(lua_State *L, int package, const char *field, const char *name)
{
    lua_CFunction searchpath = NULL;
    const struct hp_stage *s = hp_stage_of(L);
    for (size_t i = 0; i < s->std.count; i++)
        if (strcmp(s->std.items[i].name, "package.searchpath") == 0)
            searchpath = s->std.items[i].real;
    hp_view_rawget_str(L, package, field);
    if (searchpath == NULL || !lua_isstring(L, -1)) {
        bool unknown = hp_is_placeholder(L, -1);
        lua_pop(L, 1);
        return unknown;
    }
    lua_pushcfunction(L, searchpath);
    lua_pushstring(L, name);
    lua_pushvalue(L, -3);
    lua_call(L, 2, 2);
    if (!lua_isnil(L, -2)) {
        lua_pop(L, 3);
        return true;
    }
    lua_remove(L, -2);
    lua_remove(L, -2);
    lua_pushliteral(L, "\n\t");
    lua_insert(L, -2);
    lua_concat(L, 3);
    return false;
}

/* Pushes the placeholder of a module that could be loaded. */
static int found(lua_State *L, const char *name)
{
    hp_trial_spoil(L);
    lua_pushstring(L, name);
    hp_placeholder_push(L, HP_OP_REQUIRE, 1, NULL, "table");
    return 1;
}

/* Likewise by both paths. */
static bool find_anywhere(lua_State *L, int package, const char *name)
{
    if (find_file(L, package, "path", name) || find_file(L, package, "cpath", name))
        return true;
    const char *dot = strchr(name, '.');
    if (dot == NULL)
        return false;
    lua_pushlstring(L, name, (size_t)(dot - name)); /* a C library may hold all modules below its name */
    lua_insert(L, -2);
    bool there = find_file(L, package, "cpath", lua_tostring(L, -2));
    if (!there)
        lua_remove(L, -2);
    return there;
}

static int search(lua_State *L, const char *name)
{
    push_loaded(L);
    hp_view_rawget_str(L, -1, LUA_LOADLIBNAME);
    int package = lua_gettop(L);
    if (hp_view_handle(L, package) == 0)
        return found(L, name); /* a program without `package` has its own way */
    hp_view_rawget_str(L, package, "preload");
    hp_view_rawget_str(L, -1, name);
    if (lua_isfunction(L, -1) && hp_view_handle(L, -1) == 0) { /* the body's own */
        lua_pushstring(L, name);
        lua_pushliteral(L, ":preload:");
        lua_call(L, 2, 1);
        if (lua_isnil(L, -1))
            lua_pushboolean(L, 1);
        lua_pushstring(L, name);
        lua_pushvalue(L, -2);
        hp_overlay_set(L, package - 1, -2);
        lua_pop(L, 1);
        return 1;
    }
    if (!lua_isnil(L, -1))
        return found(L, name);
    lua_pushfstring(L, "\n\tno field package.preload['%s']", name);
    if (find_anywhere(L, package, name))
        return found(L, name);
    if (has_own_searchers(L, package)) {
        if (!hp_stagebase_catches(L))
            return found(L, name);
        hp_stage_warn(L, "took module \"%s\" as one that cannot be found: it is not loaded", name);
    }
    return luaL_error(L, "module '%s' not found:%s", name, lua_tostring(L, -1));
}

int hp_stage_require(lua_State *L)
{
    if (hp_is_placeholder(L, 1))
        return hp_stagelib_effect(L);
    const char *name = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    push_loaded(L);
    if (hp_overlay_get(L, 2, 1)) {
        if (lua_toboolean(L, -1))
            return 1;
        lua_pop(L, 1);
    }
    if (push_staged(L, name))
        return 1;
    hp_view_rawget(L, 2, 1);
    if (lua_toboolean(L, -1))
        return 1;
    lua_settop(L, 1);
    if (is_loading(L, name))
        return luaL_error(L, "loop or previous error loading module '%s'", name);
    return search(L, name);
}
