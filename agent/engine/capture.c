/* hotpatch engine: what a function prints; the contract is in capture.h. */
#include "agent/engine/capture.h"

#include <lauxlib.h>
#include <string.h>

#include "agent/engine/build.h"

void hp_capture_fini(struct hp_capture *c)
{
    hp_mem_free(c->text);
    *c = (struct hp_capture){0};
}

/* A NUL would end the report's string. */
static void append(struct hp_capture *c, const char *text, size_t len)
{
    if (c->truncated || len > HP_CAPTURE_MAX - c->len) {
        c->truncated = true;
        return;
    }
    if (len > c->cap - c->len) {
        size_t cap = c->cap != 0 ? c->cap : 256;
        while (cap - c->len < len)
            cap *= 2;
        char *grown = hp_mem_realloc(c->text, cap);
        if (grown == NULL) {
            c->truncated = true;
            return;
        }
        c->text = grown;
        c->cap = cap;
    }
    for (size_t i = 0; i < len; i++)
        c->text[c->len++] = text[i] != '\0' ? text[i] : ' ';
}

void hp_capture_line(lua_State *L, struct hp_capture *c, int first, int count)
{
    for (int i = 0; i < count; i++) {
        size_t len = 0;
        const char *text = luaL_tolstring(L, first + i, &len);
        if (i > 0)
            append(c, "\t", 1);
        append(c, text, len);
        lua_pop(L, 1);
    }
    append(c, "\n", 1);
}

/* The `print` of the environment. Upvalue: a box with the capture, empty once it is over. */
static int captured_print(lua_State *L)
{
    struct hp_capture **box = lua_touserdata(L, lua_upvalueindex(1));
    int count = lua_gettop(L);
    if (*box != NULL) {
        hp_capture_line(L, *box, 1, count);
        return 0;
    }
    lua_getglobal(L, "print");
    lua_insert(L, 1);
    lua_call(L, count, 0);
    return 0;
}

/* The number of the upvalue _ENV if its value is the globals; 0 if there is none. [-0, +0, -] */
static int find_env(lua_State *L, int idx)
{
    const char *name = NULL;
    if (!lua_isfunction(L, idx) || lua_iscfunction(L, idx))
        return 0;
    for (int i = 1; (name = lua_getupvalue(L, idx, i)) != NULL; i++) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
        bool found = strcmp(name, "_ENV") == 0 && lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
        if (found)
            return i;
    }
    return 0;
}

/* Pushes the box, then the environment. [-0, +2, m] */
static void push_environment(lua_State *L, struct hp_capture *c)
{
    /* user value: a holder of the cell that was there */
    struct hp_capture **box = lua_newuserdatauv(L, sizeof *box, 1);
    *box = c;
    lua_createtable(L, 0, 1);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, captured_print, 1);
    lua_setfield(L, -2, "print"); /* our own new tables, here and below: no metamethods */
    lua_createtable(L, 0, 2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__index");
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, -2);
}

void hp_capture_start(lua_State *L, struct hp_capture *c, int idx)
{
    idx = lua_absindex(L, idx);
    int env = find_env(L, idx);
    if (env == 0) {
        lua_pushnil(L);
        return;
    }
    push_environment(L, c);
    hp_push_holder_maker(L);
    lua_pushvalue(L, -1);
    lua_call(L, 0, 1);
    lua_upvaluejoin(L, -1, 1, idx, env);
    lua_setiuservalue(L, -4, 1);
    lua_call(L, 0, 1); /* box, environment, holder of the new cell */
    lua_insert(L, -2);
    lua_setupvalue(L, -2, 1);
    lua_upvaluejoin(L, idx, env, -1, 1);
    lua_pop(L, 1);
}

/* The number of the upvalue _ENV. */
static int env_number(lua_State *L, int idx)
{
    const char *name = NULL;
    for (int i = 1; (name = lua_getupvalue(L, idx, i)) != NULL; i++) {
        lua_pop(L, 1);
        if (strcmp(name, "_ENV") == 0)
            return i;
    }
    return 0;
}

void hp_capture_stop(lua_State *L, int idx, int handle)
{
    struct hp_capture **box = lua_touserdata(L, handle);
    if (box == NULL)
        return;
    *box = NULL;
    idx = lua_absindex(L, idx);
    int env = env_number(L, idx);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    if (lua_setupvalue(L, idx, env) == NULL)
        lua_pop(L, 1);
    lua_getiuservalue(L, handle, 1);
    lua_upvaluejoin(L, idx, env, -1, 1);
    lua_pop(L, 1);
}

void hp_capture_report(const struct hp_capture *c, struct hp_report *report)
{
    if (c->len == 0 && !c->truncated)
        return;
    report->output = hp_arena_printf(&report->arena, "%s%.*s%s", report->output != NULL ? report->output : "",
                                     (int)c->len, c->text != NULL ? c->text : "", c->truncated ? "…\n" : "");
}
