/* hotpatch engine: stragglers; the contract is in straggler.h. */
#include "agent/engine/straggler.h"

#include <string.h>
#include <time.h>

#define CYCLES_NEEDED 2
#define MAX_LOOKED_AT 20000
#define MAX_NAMED     16
#define TELL_AFTER    1 /* seconds */

struct hp_stragglers {
    unsigned cycles; /* that have ended since the last commit */
    time_t told;     /* monotonic seconds of the last news */
    bool waiting;    /* an object is left to the collector */
    bool none;       /* as of the last look */
    hp_stragglers_tell *tell;
    void *ud;
};

static const char registry_key = 0; /* its address */

/* --- cycles ----------------------------------------------------------------------------------- */

static bool is_power_of_two(unsigned n)
{
    return (n & (n - 1)) == 0;
}

/* Now and then, if it takes long: a collector in generational mode ends a cycle every moment. */
static void tell_news(struct hp_stragglers *s)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (s->cycles < CYCLES_NEEDED || !s->tell)
        return;
    if (is_power_of_two(s->cycles) || now.tv_sec - s->told > TELL_AFTER) {
        s->told = now.tv_sec;
        s->tell(s->ud);
    }
}

/* __gc. What it finds is in the registry, which outlives it, or nothing any more: the engine was closed. */
static int end_cycle(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_key);
    struct hp_stragglers *s = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!s)
        return 0;
    s->cycles++;
    if (s->none) { /* and so it stays, until something is replaced again */
        s->waiting = false;
        return 0;
    }
    tell_news(s);
    lua_getmetatable(L, 1); /* to the next cycle: the object was just taken out, so it is found at once */
    lua_setmetatable(L, 1);
    return 0;
}

struct hp_stragglers *hp_stragglers_open(lua_State *L)
{
    struct hp_stragglers *s = lua_newuserdatauv(L, sizeof *s, 0);
    memset(s, 0, sizeof *s);
    s->none = true;
    lua_rawsetp(L, LUA_REGISTRYINDEX, &registry_key);
    return s;
}

void hp_stragglers_close(lua_State *L, struct hp_stragglers *s)
{
    if (!s)
        return;
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &registry_key);
}

void hp_stragglers_on_news(struct hp_stragglers *s, hp_stragglers_tell *tell, void *ud)
{
    s->tell = tell;
    s->ud = ud;
}

void hp_stragglers_begin(lua_State *L, struct hp_stragglers *s)
{
    s->cycles = 0;
    s->none = false;
    if (s->waiting)
        return;
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, end_cycle);
    lua_setfield(L, -2, "__gc"); /* our own new table: no metamethod */
    lua_newuserdatauv(L, 0, 0);
    lua_pushvalue(L, -2);
    lua_setmetatable(L, -2); /* right after its making: Lua looks for it from the newest object on */
    lua_pop(L, 2);
    s->waiting = true;
}

/* --- the count -------------------------------------------------------------------------------- */

/* The old function on top: where its code is. [-0, +0, -] */
static void name(lua_State *L, struct hp_report *r)
{
    lua_Debug ar;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">S", &ar);
    const char *source = ar.source[0] == '@' || ar.source[0] == '=' ? ar.source + 1 : ar.short_src;
    const char *at = hp_arena_printf(&r->arena, "%s:%d", source, ar.linedefined);
    for (size_t i = 0; at && i < r->held.count; i++) {
        if (strcmp(r->held.items[i].at, at) == 0) {
            r->held.items[i].count++;
            return;
        }
    }
    struct hp_report_held *slot = at && r->held.count < MAX_NAMED ? HP_PUSH(&r->arena, &r->held) : NULL;
    if (slot)
        *slot = (struct hp_report_held){at, 1};
}

void hp_stragglers_report(lua_State *L, struct hp_stragglers *s, const struct hp_history *history,
                          struct hp_report *report)
{
    int64_t count = 0;
    int looked_at = 0;
    bool settled = s->cycles >= CYCLES_NEEDED;
    int top = lua_gettop(L);
    hp_history_push_heirs(history, L);
    lua_pushnil(L);
    while (looked_at <= MAX_LOOKED_AT && lua_next(L, -2)) {
        bool replaced = !lua_rawequal(L, -1, -2);
        lua_pop(L, 1);
        looked_at++;
        count += replaced;
        if (replaced && settled && count <= 10 * MAX_NAMED)
            name(L, report);
    }
    lua_settop(L, top);
    bool all = looked_at <= MAX_LOOKED_AT;
    s->none = all && count == 0;
    report->stragglers = all && (settled || s->none) ? count : HP_UNKNOWN;
}
