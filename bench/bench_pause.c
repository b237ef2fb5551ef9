/* bench: for how long a patch of 50 functions stops a server that has a large heap and polls in a loop.
 *
 * The engine is called as `poll` calls it, one step a turn of the server, which changes its heap in between.
 * Two ways: at the default max_pause, which gives the longest stop, and in it the commit, as the report tells
 * it; and all in one stop. Beside them: a walk in plain Lua (plain.lua) on the same heap, and a whole cycle
 * of the collector. The longest stop is the longest CPU time of a step, for on the clock on the wall other
 * processes add to it; that one is in the JSON, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "agent/engine/engine.h"
#include "bench/bench.h"
#include "bench/heap.h"
#include "bench/sample.h"

static const char server_code[] =
    "local turns = 0\n"
    "fifty = require 'fifty'\n"
    "keep = { f1 = fifty.f1, on = { [fifty.f2] = true }, call = function() return fifty.f3(1) end }\n"
    "held = (function(f) return function() return f end end)(fifty.f4)\n"
    "function turn()\n"
    "  turns = turns + 1\n"
    "  keep[turns % 100] = { turns }\n"
    "  fifty.f1(1)\n"
    "end\n";

struct server {
    lua_State *L;
    struct hp_engine *engine;
    char *editions[2];
    int pushed;
};

static char *read_file(const char *folder, const char *name)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);
    if (!f || !text || fread(text, 1, (1 << 20) - 1, f) == 0)
        die("cannot read", path);
    fclose(f);
    return text;
}

static void open_server(struct server *s, const struct bench_options *o, const char *kind, size_t tables)
{
    const char *error = NULL;
    s->L = heap_open(o->sources, kind, tables);
    s->engine = hp_engine_open(s->L, NULL, &error);
    if (!s->engine)
        die("hp_engine_open", error);
    lua_pushfstring(s->L, "package.path = '%s/?.lua'", o->folder);
    if (luaL_dostring(s->L, lua_tostring(s->L, -1)) != LUA_OK || luaL_dostring(s->L, server_code) != LUA_OK)
        die("server", lua_tostring(s->L, -1));
    lua_settop(s->L, 0);
    s->editions[0] = read_file(o->folder, "edition1.lua");
    s->editions[1] = read_file(o->folder, "edition2.lua");
    s->pushed = 0;
}

static void close_server(struct server *s)
{
    hp_engine_close(s->engine, s->L);
    lua_close(s->L);
    free(s->editions[0]);
    free(s->editions[1]);
}

static void take_turn(lua_State *L)
{
    lua_getglobal(L, "turn");
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
        die("turn", lua_tostring(L, -1));
}

enum way { SLICED, ONE_STOP };

static void make_request(struct server *s, struct hp_request *request, enum way way)
{
    hp_request_init(request);
    struct hp_request_module *module = HP_PUSH(&request->arena, &request->modules);
    const char **accept = HP_PUSH(&request->arena, &request->options.accept);
    if (!module || !accept)
        die("no memory", NULL);
    request->kind = HP_KIND_PUSH;
    module->module = "fifty";
    module->file = "fifty.lua";
    module->source.data = s->editions[++s->pushed % 2];
    module->source.len = strlen(module->source.data);
    *accept = "R20"; /* the commit is as long as it is */
    request->options.atomic = way == ONE_STOP;
}

/* The longest of the steps that began in a phase. */
struct longest {
    const char *phase;
    double us;
};

struct push {
    struct longest phases[16];
    double longest_us, wall_us;                  /* of one step: CPU time, and the clock on the wall */
    double all_us;                               /* all steps together */
    double commit_us, pause_us, objects, memory; /* as the report has them */
    long steps;
};

static void note_step(struct push *p, const char *phase, double us)
{
    struct longest *at = p->phases;
    while (at->phase && strcmp(at->phase, phase) != 0)
        at++;
    at->phase = phase;
    at->us = us > at->us ? us : at->us;
}

static void push(struct server *s, enum way way, struct push *p)
{
    struct hp_request request;
    struct hp_report report;
    bool done = false;
    *p = (struct push){0};
    hp_report_init(&report);
    make_request(s, &request, way);
    hp_engine_begin(s->engine, s->L, &request, "bench", &report);
    while (!done) {
        struct hp_engine_progress progress;
        hp_engine_progress(s->engine, &progress);
        double wall = now_us(), cpu = cpu_us();
        done = hp_engine_step(s->engine, s->L, 0);
        cpu = cpu_us() - cpu;
        wall = now_us() - wall;
        note_step(p, progress.phase, cpu);
        p->longest_us = cpu > p->longest_us ? cpu : p->longest_us;
        p->wall_us = wall > p->wall_us ? wall : p->wall_us;
        p->all_us += cpu;
        p->steps++;
        take_turn(s->L);
    }
    if (report.status != HP_APPLIED)
        die("a push was not applied",
            report.error ? report.error->text : hp_status_info(report.status)->word);
    p->commit_us = (double)report.cost.commit_us;
    p->pause_us = (double)report.cost.pause_us;
    p->objects = (double)report.cost.objects;
    p->memory = (double)report.cost.memory;
    hp_report_fini(&report);
    hp_request_fini(&request);
}

/* The better of two runs, phase by phase. */
static void keep_least(struct push *best, const struct push *p, bool first)
{
    if (first) {
        *best = *p;
        return;
    }
    for (int i = 0; i < 16 && p->phases[i].phase; i++)
        for (int j = 0; j < 16 && best->phases[j].phase; j++)
            if (strcmp(best->phases[j].phase, p->phases[i].phase) == 0 &&
                p->phases[i].us < best->phases[j].us)
                best->phases[j].us = p->phases[i].us;
    best->commit_us = p->commit_us < best->commit_us ? p->commit_us : best->commit_us;
    best->longest_us = p->longest_us < best->longest_us ? p->longest_us : best->longest_us;
    best->wall_us = p->wall_us < best->wall_us ? p->wall_us : best->wall_us;
    best->all_us = p->all_us < best->all_us ? p->all_us : best->all_us;
}

static void push_several(struct server *s, enum way way, int runs, struct push *best)
{
    for (int i = 0; i < runs; i++) {
        struct push p;
        push(s, way, &p);
        keep_least(best, &p, i == 0);
        lua_gc(s->L, LUA_GCCOLLECT);
    }
}

static json_t *phases_of(const struct push *p)
{
    json_t *phases = json_object();
    for (int i = 0; i < 16 && p->phases[i].phase; i++)
        json_object_set_new(phases, p->phases[i].phase, json_real(p->phases[i].us));
    return phases;
}

static double time_plain(struct server *s, const struct bench_options *o)
{
    run_file(s->L, o->sources, "plain.lua");
    lua_getglobal(s->L, "fifty");
    const char *text = s->editions[++s->pushed % 2];
    if (luaL_loadbuffer(s->L, text, strlen(text), "@fifty.lua") != LUA_OK)
        die("plain", lua_tostring(s->L, -1));
    double begin = cpu_us();
    if (lua_pcall(s->L, 2, 0, 0) != LUA_OK)
        die("plain", lua_tostring(s->L, -1));
    return cpu_us() - begin;
}

static json_t *measure(const struct bench_options *o, const char *kind, size_t tables)
{
    struct server s;
    struct push sliced, one_stop;
    int runs = o->quick ? 3 : 5; /* for all the same: the least of more runs is less */
    open_server(&s, o, kind, tables);
    push_several(&s, SLICED, runs, &sliced);
    push_several(&s, ONE_STOP, runs, &one_stop);
    double cycle = time_collection(s.L), plain = time_plain(&s, o);
    close_server(&s);
    return json_pack("{s:s, s:I, s:f, s:f, s:I, s:f, s:o, s:f, s:f, s:f, s:f, s:f}", "kind", kind, "tables",
                     (json_int_t)tables, "longest_us", sliced.longest_us, "longest_wall_us", sliced.wall_us,
                     "steps", (json_int_t)sliced.steps, "all_steps_us", sliced.all_us, "longest_by_phase_us",
                     phases_of(&sliced), "commit_us", sliced.commit_us, "memory_per_object",
                     sliced.objects > 0 ? sliced.memory / sliced.objects : 0, "one_stop_us",
                     one_stop.longest_us, "cycle_us", cycle, "plain_us", plain);
}

static void add_figures(json_t *figures, const json_t *one, const json_t *first)
{
    char what[100];
    double tables = number_in(one, "tables"), longest = number_in(one, "longest_us");
    bool spread = strcmp(json_string_value(json_object_get(one, "kind")), "spread") == 0;
    snprintf(what, sizeof what, "longest stop, 50 functions, heap of %.0f tables%s", tables,
             spread ? ", in tables of 1,000" : "");
    add_figure(figures, what, longest, "us", 1000);
    add_figure(figures, "  the commit by itself", number_in(one, "commit_us"), "us", 1000);
    add_figure(figures, "  the commit, to that with the smallest heap",
               number_in(one, "commit_us") / number_in(first, "commit_us"), "x", 1.5);
    add_figure(figures, "  a walk in plain Lua, to the longest stop", number_in(one, "plain_us") / longest,
               "x", 0);
    add_figure(figures, "  a walk in plain Lua, to all in one stop",
               number_in(one, "plain_us") / number_in(one, "one_stop_us"), "x", 0);
}

json_t *bench_pause(const struct bench_options *o, json_t *figures)
{
    /* All but the last are one array each: that of five million has three million empty slots. */
    static const struct {
        size_t tables;
        const char *kind;
    } heaps[] = {
        {1000, "small"}, {100000, "small"}, {1000000, "small"}, {5000000, "small"}, {5000000, "spread"}};
    json_t *all = json_array();
    for (size_t i = 0; i < sizeof heaps / sizeof heaps[0] - (o->quick ? 3 : 0); i++) {
        json_array_append_new(all, measure(o, heaps[i].kind, heaps[i].tables));
        add_figures(figures, json_array_get(all, i), json_array_get(all, 0));
    }
    return all;
}
