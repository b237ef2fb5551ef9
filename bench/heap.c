/* bench: states with large heaps; the contract is in heap.h. */
#include "bench/heap.h"

#include <stdio.h>

#include <lauxlib.h>
#include <lualib.h>

#include "bench/sample.h"

void run_file(lua_State *L, const char *folder, const char *file)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (luaL_loadfile(L, path) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK)
        die("cannot run", lua_tostring(L, -1));
}

lua_State *heap_open(const char *folder, const char *kind, size_t count)
{
    lua_State *L = luaL_newstate();
    if (!L)
        die("no memory", NULL);
    luaL_openlibs(L);
    lua_gc(L, LUA_GCSTOP);
    run_file(L, folder, "heaps.lua");
    if (lua_getfield(L, -1, kind) != LUA_TFUNCTION)
        die("no such heap", kind);
    lua_pushinteger(L, (lua_Integer)count);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK)
        die("cannot make the heap", lua_tostring(L, -1));
    lua_setglobal(L, "heap");
    lua_settop(L, 0);
    lua_gc(L, LUA_GCRESTART);
    lua_gc(L, LUA_GCCOLLECT);
    return L;
}

double time_collection(lua_State *L)
{
    double begin = cpu_us();
    lua_gc(L, LUA_GCCOLLECT);
    return cpu_us() - begin;
}
