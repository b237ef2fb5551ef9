/* bench: how fast the search for holders goes over a heap, beside one whole cycle of Lua's collector over the
 * same heap and the cheapest walk there can be (floor.h), in turn and in one process. CPU time; of several
 * runs the fastest, since whatever else runs can only add. */
#include <lauxlib.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/engine/locate.h"
#include "bench/bench.h"
#include "bench/floor.h"
#include "bench/heap.h"
#include "bench/sample.h"

struct search {
    struct hp_locate *locate;
    double us, longest_us;
    size_t bytes; /* the most at the end of a slice */
};

/* One pass, in slices of that many us (0: in one). */
static int run_search(lua_State *L)
{
    struct search *s = lua_touserdata(L, 1);
    int64_t slice_us = lua_tointeger(L, 2);
    bool done = false;
    hp_anchor_push_new(L); /* 3 */
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, 3);
    lua_rawseti(L, 4, 1);
    hp_locate_begin(L, s->locate, 4); /* 5 */
    lua_pushvalue(L, 5);              /* is reached, as that of a real one, and is not to be found */
    lua_setfield(L, LUA_REGISTRYINDEX, "bench");
    s->us = s->longest_us = 0;
    while (!done) {
        double begin = cpu_us();
        struct hp_locate_slice slice = {.side = 5,
                                        .anchor = 3,
                                        .poller = L,
                                        .deadline_us = slice_us ? (int64_t)now_us() + slice_us : INT64_MAX};
        if (hp_locate_step(L, s->locate, &slice, &done) != HP_OK)
            die("the search ran out of memory", NULL);
        double took = cpu_us() - begin;
        s->us += took;
        s->longest_us = took > s->longest_us ? took : s->longest_us;
        size_t bytes = hp_locate_bytes(s->locate);
        s->bytes = bytes > s->bytes ? bytes : s->bytes;
    }
    lua_pushnil(L);
    lua_setfield(L, LUA_REGISTRYINDEX, "bench");
    return 0;
}

static void search(lua_State *L, struct search *s, int64_t slice_us)
{
    lua_gc(L, LUA_GCSTOP); /* as the engine does */
    lua_pushcfunction(L, run_search);
    lua_pushlightuserdata(L, s);
    lua_pushinteger(L, slice_us);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        die("the search failed", lua_tostring(L, -1));
    lua_gc(L, LUA_GCRESTART);
}

static double least(double a, double b)
{
    return b == 0 || a < b ? a : b;
}

static json_t *measure(const char *folder, const char *kind, size_t count, int runs)
{
    struct search s = {.locate = hp_locate_new()};
    double whole = 0, sliced = 0, cycle = 0, floor = 0, longest = 0;
    lua_State *L = heap_open(folder, kind, count);
    if (!s.locate || !hp_locate_source(s.locate, "@no/such/module.lua"))
        die("no memory", NULL);
    for (int i = 0; i < runs; i++) {
        cycle = least(time_collection(L), cycle);
        floor = least(floor_us(L), floor);
        search(L, &s, 0);
        whole = least(s.us, whole);
        search(L, &s, 1000);
        sliced = least(s.us, sliced);
        longest = least(s.longest_us, longest);
    }
    double objects = (double)hp_locate_objects(s.locate);
    hp_locate_free(s.locate);
    lua_close(L);
    return json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "heap", kind, "objects",
                     objects, "cycle_ms", cycle / 1e3, "floor_ms", floor / 1e3, "search_ms", whole / 1e3,
                     "sliced_ms", sliced / 1e3, "floor_ratio", floor / cycle, "ratio", whole / cycle,
                     "sliced_ratio", sliced / cycle, "longest_slice_us", longest, "bytes_per_object",
                     (double)s.bytes / objects);
}

json_t *bench_locate(const struct bench_options *o, json_t *figures)
{
    static const char *const kinds[] = {"tables",  "small",      "keyed", "closures",
                                        "strings", "coroutines", "chain"};
    json_t *all = json_array();
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        json_t *one = measure(o->sources, kinds[i], o->quick ? 200000 : 1000000, o->quick ? 3 : 5);
        char what[100];
        snprintf(what, sizeof what, "search, to a cycle of the collector: %s", kinds[i]);
        add_figure(figures, what, number_in(one, "sliced_ratio"), "x", 2);
        add_figure(figures, "  the least that Lua's interface allows", number_in(one, "floor_ratio"), "x", 0);
        json_array_append_new(all, one);
    }
    return all;
}
