/* bench: what the agent costs while there is nothing to do: a call of poll beside a call of an empty C
 * function, from C and from Lua; and a benchmark of many calls in a state with the agent beside the same in
 * one without. */
#include <lauxlib.h>
#include <lualib.h>

#include <hotpatch/hotpatch.h>

#include "bench/bench.h"
#include "bench/sample.h"

#define POLLS     2000000
#define POLL_RUNS 9

static __attribute__((noinline)) int empty(lua_State *L)
{
    __asm__ volatile("" : : "r"(L) : "memory"); /* or the compiler would drop the call */
    return 0;
}

/* Nanoseconds for one call of `f` from C. */
static double time_from_c(lua_State *L, int (*f)(lua_State *))
{
    static struct samples each;

    each.count = 0;
    for (int run = 0; run < POLL_RUNS; run++) {
        double begin = cpu_us();

        for (int i = 0; i < POLLS; i++)
            f(L);
        add_sample(&each, (cpu_us() - begin) * 1e3 / POLLS);
    }
    return quantile(&each, 0);
}

/* Nanoseconds for one call of the function on top of the stack from a Lua loop. [-1, +0, e] */
static double time_from_lua(lua_State *L)
{
    static struct samples each;
    int function = lua_gettop(L);

    each.count = 0;
    for (int run = 0; run < POLL_RUNS; run++) {
        double begin;

        if (luaL_loadstring(L, "local f, n = ... for i = 1, n do f() end") != LUA_OK)
            die("loop", lua_tostring(L, -1));
        lua_pushvalue(L, function);
        lua_pushinteger(L, POLLS);
        begin = cpu_us();
        if (lua_pcall(L, 2, 0, 0) != LUA_OK)
            die("loop", lua_tostring(L, -1));
        add_sample(&each, (cpu_us() - begin) * 1e3 / POLLS);
    }
    lua_settop(L, function - 1);
    return quantile(&each, 0);
}

static lua_State *state_with_agent(void)
{
    struct hotpatch_options options = HOTPATCH_OPTIONS_INIT;
    lua_State *L = luaL_newstate();
    if (!L)
        die("no memory", NULL);
    options.name = "bench-poll";
    luaL_openlibs(L);
    luaL_requiref(L, "hotpatch", luaopen_hotpatch, 0);
    if (hotpatch_start(L, &options) != 0)
        die("hotpatch_start", lua_tostring(L, -1));
    hotpatch_poll(L); /* opens the socket; from now on there is nothing to do */
    return L;
}

json_t *bench_poll(json_t *figures)
{
    lua_State *L = state_with_agent();
    double c_poll = time_from_c(L, hotpatch_poll), c_empty = time_from_c(L, empty);
    lua_getfield(L, -1, "poll");
    double lua_poll = time_from_lua(L);
    lua_pushcfunction(L, empty);
    double lua_empty = time_from_lua(L);
    hotpatch_stop(L);
    lua_close(L);
    add_figure(figures, "poll with nothing to do, to an empty C function, both called from Lua",
               lua_poll / lua_empty, "x", 1.5);
    add_figure(figures, "  the same, both called from C", c_poll / c_empty, "x", 0);
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "c_poll_ns", c_poll, "c_empty_ns", c_empty, "c_ratio",
                     c_poll / c_empty, "lua_poll_ns", lua_poll, "lua_empty_ns", lua_empty, "lua_ratio",
                     lua_poll / lua_empty);
}

/* Calls, and tables that the collector has to take away. */
static const char busy[] =
    "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end\n"
    "for i = 1, 1000 do local t = { i, fib(10) } end fib(24)";

static double time_busy(lua_State *L)
{
    double begin = cpu_us();
    if (luaL_dostring(L, busy) != LUA_OK)
        die("busy", lua_tostring(L, -1));
    return cpu_us() - begin;
}

json_t *bench_unused(json_t *figures)
{
    static struct samples with, without;
    lua_State *agent = state_with_agent(), *bare = luaL_newstate();
    if (!bare)
        die("no memory", NULL);
    luaL_openlibs(bare);
    for (int i = 0; i < 40; i++) {
        add_sample(&with, time_busy(agent));
        add_sample(&without, time_busy(bare));
    }
    lua_close(agent);
    lua_close(bare);
    double ratio = quantile(&with, 0) / quantile(&without, 0);
    add_figure(figures, "a program of many calls with an agent that is not used, to without", ratio, "x",
               1.02);
    return json_pack("{s:o, s:o, s:f}", "with_us", summary(&with, 1), "without_us", summary(&without, 1),
                     "ratio", ratio);
}
