/* Puts the Lua states of a test program under a collector at its most aggressive:
 * HP_TEST_GC=incremental|generational; unset: as Lua starts it. Linked with --wrap for both ways to make a
 * state, so it reaches the states that the engine makes for itself as well as those of the test, and no test
 * needs to know of it. A misspelt mode ends the program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

lua_State *__real_lua_newstate(lua_Alloc f, void *ud);
lua_State *__real_luaL_newstate(void);
lua_State *__wrap_lua_newstate(lua_Alloc f, void *ud);
lua_State *__wrap_luaL_newstate(void);

/* L may be NULL, and comes back. */
static lua_State *under_pressure(lua_State *L)
{
    const char *mode = getenv("HP_TEST_GC");
    if (!L || !mode)
        return L;
    if (strcmp(mode, "incremental") == 0) {
        lua_gc(L, LUA_GCINC, 10, 1000,
               10); /* a new cycle at once, large steps often: as tests/cases/run.lua has it */
    } else if (strcmp(mode, "generational") == 0) {
        lua_gc(L, LUA_GCGEN, 1, 1); /* a young collection after 1 % more memory, a full one after 1 % too */
    } else {
        fprintf(stderr, "HP_TEST_GC=%s: should be incremental or generational\n", mode);
        abort();
    }
    return L;
}

lua_State *__wrap_lua_newstate(lua_Alloc f, void *ud)
{
    return under_pressure(__real_lua_newstate(f, ud));
}

lua_State *__wrap_luaL_newstate(void)
{
    return under_pressure(__real_luaL_newstate());
}
