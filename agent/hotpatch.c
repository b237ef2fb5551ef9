/* hotpatch: the C interface; its contract is in hotpatch/hotpatch.h. */
#include "hotpatch/hotpatch.h"

#include "agent/agent.h"

/* [-1, +0, raises], under lua_pcall */
static int start_protected(lua_State *L)
{
    hp_agent_start(L, lua_touserdata(L, 1));
    return 0;
}

int hotpatch_start(lua_State *L, const struct hotpatch_options *options)
{
    if (!lua_checkstack(L, LUA_MINSTACK)) {
        lua_pushnil(L); /* a string might need the memory that there is not */
        return -1;
    }
    lua_pushcfunction(L, start_protected);
    lua_pushlightuserdata(L, (void *)(size_t)options);
    return lua_pcall(L, 1, 0, 0) == LUA_OK ? 0 : -1;
}

int hotpatch_poll(lua_State *L)
{
    return hp_work_any() ? hp_agent_poll(L) : 0;
}

int hotpatch_fd(lua_State *L)
{
    return hp_agent_fd(L);
}

int hotpatch_stop(lua_State *L)
{
    return hp_agent_stop(L);
}
