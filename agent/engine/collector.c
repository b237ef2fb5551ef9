/* hotpatch engine: the server's collector, stopped and started; the contract is in collector.h. */
#include "agent/engine/collector.h"

#define STEP_KB 8 /* what a program allocates between two steps, unless it sets another pace */

static int64_t count_bytes(lua_State *L)
{
    return (int64_t)lua_gc(L, LUA_GCCOUNT) * 1024 + lua_gc(L, LUA_GCCOUNTB);
}

/* What was freed meanwhile, by steps of the server's, earns no credit. */
static void spend(struct hp_collector *c, lua_State *L)
{
    int64_t bytes = count_bytes(L);
    c->credit -= bytes > c->bytes ? bytes - c->bytes : 0;
    c->bytes = bytes;
}

void hp_collector_init(struct hp_collector *c, lua_State *L)
{
    *c = (struct hp_collector){.credit = STEP_KB * 1024, .bytes = count_bytes(L)};
}

void hp_collector_stop(struct hp_collector *c, lua_State *L)
{
    spend(c, L);
    c->stopped = lua_gc(L, LUA_GCISRUNNING) > 0;
    if (c->stopped)
        lua_gc(L, LUA_GCSTOP);
}

void hp_collector_start(struct hp_collector *c, lua_State *L)
{
    spend(c, L);
    if (!c->stopped)
        return;
    c->stopped = false;
    lua_gc(L, LUA_GCRESTART); /* a step is due now */
    if (c->credit > 0)        /* … but for a step of less than nothing, which only moves that moment */
        lua_gc(L, LUA_GCSTEP, -(int)((c->credit + 1023) / 1024));
    else
        c->credit = STEP_KB * 1024; /* after that one */
}
