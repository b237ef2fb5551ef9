/* hotpatch engine: the server's collector, stopped and started; the contract is in collector.h. */
#include "agent/engine/collector.h"

#define STEP_KB 8 /* what a program allocates between two steps, unless it sets another pace */

static int64_t count_bytes(lua_State *L)
{
    return (int64_t)lua_gc(L, LUA_GCCOUNT) * 1024 + lua_gc(L, LUA_GCCOUNTB);
}

/* What Lua is told of it: whole kilobytes. 0: a step is due, the next allocation makes it. */
static int told_kb(const struct hp_collector *c)
{
    return c->credit > 0 ? (int)(c->credit / 1024) : 0;
}

/* What the server has allocated since we started the collector, and was a step made for it? It was if it had
 * less credit than that; and where memory was freed. */
static void follow_server(struct hp_collector *c, lua_State *L)
{
    int64_t bytes = count_bytes(L), allocated = bytes - c->bytes;
    bool stepped = allocated < 0 || allocated > (int64_t)told_kb(c) * 1024;
    c->credit = stepped ? STEP_KB * 1024 : c->credit - allocated;
    c->bytes = bytes;
}

void hp_collector_stop(struct hp_collector *c, lua_State *L)
{
    follow_server(c, L);
    c->stopped = lua_gc(L, LUA_GCISRUNNING) > 0;
    if (c->stopped)
        lua_gc(L, LUA_GCSTOP);
}

void hp_collector_start(struct hp_collector *c, lua_State *L)
{
    int64_t bytes = count_bytes(L);
    c->credit -= bytes > c->bytes ? bytes - c->bytes : 0;
    c->bytes = bytes;
    if (!c->stopped)
        return;
    c->stopped = false;
    lua_gc(L, LUA_GCRESTART); /* a step is due now … */
    if (told_kb(c) > 0)       /* … but for one of less than nothing, which only moves that moment */
        lua_gc(L, LUA_GCSTEP, -told_kb(c));
}
