/* hp_lua: a small lua(1) for the tests, to be built with the sanitizers of the preset.
 *
 * hp_lua [-e CODE | -l MODULE]... [FILE | -] [ARGUMENTS]
 *
 * It does what tests need of the stock interpreter: LUA_INIT, `arg`, `...`, tracebacks, exit status 1 on an
 * error, and a closed state at the end, so that finalizers run and a leak is a leak. Its Lua is liblua5.4.so;
 * the stock one has Lua inside: so both ways in which hotpatch.so finds Lua's functions get tested.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

struct hp_arguments {
    int argc;
    char **argv;
};

/* The handler of errors: a string gets a traceback, anything else stays. [-1, +1, m] */
static int add_traceback(lua_State *L)
{
    const char *text = lua_tostring(L, 1);

    if (text)
        luaL_traceback(L, L, text, 1);
    return 1;
}

/* Calls the function below its `count` arguments, dropping results; an error goes on up. [-(count+1), +0, e]
 */
static void call(lua_State *L, int count)
{
    int base = lua_gettop(L) - count;

    lua_pushcfunction(L, add_traceback);
    lua_insert(L, base);
    if (lua_pcall(L, count, 0, base) != LUA_OK)
        lua_error(L);
    lua_remove(L, base);
}

static void run_string(lua_State *L, const char *code, const char *name)
{
    if (luaL_loadbuffer(L, code, strlen(code), name) != LUA_OK)
        lua_error(L);
    call(L, 0);
}

static void run_init(lua_State *L)
{
    const char *init = getenv("LUA_INIT_5_4");

    if (!init)
        init = getenv("LUA_INIT");
    if (!init)
        return;
    if (init[0] == '@') {
        if (luaL_loadfile(L, init + 1) != LUA_OK)
            lua_error(L);
        call(L, 0);
    } else {
        run_string(L, init, "=LUA_INIT");
    }
}

static void set_arg(lua_State *L, const struct hp_arguments *args, int script)
{
    lua_createtable(L, 0, 0);
    for (int i = 0; i < args->argc; i++) {
        lua_pushstring(L, args->argv[i]);
        lua_rawseti(L, -2, i - script);
    }
    lua_setglobal(L, "arg");
}

static int run(lua_State *L)
{
    const struct hp_arguments *args = lua_touserdata(L, 1);
    int script = 1;

    while (script + 1 < args->argc &&
           (strcmp(args->argv[script], "-e") == 0 || strcmp(args->argv[script], "-l") == 0))
        script += 2;
    luaL_openlibs(L);
    set_arg(L, args, script < args->argc ? script : 0);
    run_init(L);
    for (int i = 1; i < script; i += 2) {
        if (strcmp(args->argv[i], "-e") == 0) {
            run_string(L, args->argv[i + 1], "=(command line)");
        } else {
            lua_getglobal(L, "require");
            lua_pushstring(L, args->argv[i + 1]);
            call(L, 1);
        }
    }
    if (script < args->argc) {
        const char *file = args->argv[script];

        if (luaL_loadfile(L, strcmp(file, "-") == 0 ? NULL : file) != LUA_OK)
            lua_error(L);
        luaL_checkstack(L, args->argc, "too many arguments");
        for (int i = script + 1; i < args->argc; i++)
            lua_pushstring(L, args->argv[i]);
        call(L, args->argc - script - 1);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct hp_arguments args = {argc, argv};
    lua_State *L = luaL_newstate();
    int status;

    if (!L) {
        fprintf(stderr, "hp_lua: no memory\n");
        return 1;
    }
    lua_gc(L, LUA_GCGEN, 0, 0); /* as the stock interpreter does */
    lua_pushcfunction(L, run);
    lua_pushlightuserdata(L, &args);
    status = lua_pcall(L, 1, 0, 0);
    if (status != LUA_OK) {
        const char *text = lua_tostring(L, -1);

        fprintf(stderr, "hp_lua: %s\n", text ? text : "(error object is no string)");
    }
    lua_close(L);
    return status == LUA_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
