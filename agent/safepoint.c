#include "agent/safepoint.h"

#include "agent/clock.h"
#include "agent/dispatch.h"

bool hp_safepoint_here(lua_State *L, const struct hp_engine *engine)
{
    return lua_checkstack(L, LUA_MINSTACK) && lua_gc(L, LUA_GCCOUNT) >= 0 &&
           !(engine && hp_engine_busy(engine));
}

static double allowed_ms(const struct hp_desk *desk, double pause_ms)
{
    const struct hp_letter *letter = desk->job.letter;
    double own = letter ? letter->request->options.max_pause_ms : 0;
    return own > 0 ? own : pause_ms;
}

int hp_safepoint_run(lua_State *L, struct hp_engine *engine, struct hp_desk *desk, double pause_ms)
{
    int64_t start = hp_clock_ns(), used_ns = 0;
    int count = 0;
    desk->job.stop_ns = 0;
    for (;;) {
        enum hp_slice slice = hp_dispatch_slice(L, engine, desk, used_ns / 1000);
        if (slice == HP_SLICE_LAST)
            count++;
        used_ns = hp_clock_ns() - start;
        bool may_go_on = slice == HP_SLICE_MORE || slice == HP_SLICE_LAST;
        if (!may_go_on || (double)used_ns / 1e6 >= allowed_ms(desk, pause_ms) / 2)
            return count;
    }
}
