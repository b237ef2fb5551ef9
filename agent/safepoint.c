#include "agent/safepoint.h"

#include "agent/clock.h"
#include "agent/dispatch.h"

bool hp_safepoint_here(lua_State *L, const struct hp_engine *engine)
{
    return lua_checkstack(L, LUA_MINSTACK) && lua_gc(L, LUA_GCCOUNT) >= 0 &&
           !(engine && hp_engine_busy(engine));
}

int hp_safepoint_run(lua_State *L, struct hp_engine *engine, struct hp_desk *desk, double budget_ms)
{
    int64_t start = hp_clock_ms();
    int count = 0;
    do {
        if (!hp_dispatch_next(L, engine, desk))
            break;
        count++;
    } while ((double)(hp_clock_ms() - start) < budget_ms);
    return count;
}
