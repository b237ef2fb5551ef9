/* straggler.h through the engine: when the number of old functions that are still held is told, and that it
 * is told at all, however the request ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/engine.h"

struct fixture {
    lua_State *L;
    struct hp_engine *engine;
    struct hp_request request;
    struct hp_report report;
    int news;
};

static void count_news(void *ud)
{
    ++*(int *)ud;
}

static void run(struct fixture *f, const char *code)
{
    if (luaL_dostring(f->L, code) != LUA_OK)
        fail_msg("%s", lua_tostring(f->L, -1));
    lua_settop(f->L, 0);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const char *error = NULL;
    assert_non_null(f);
    f->L = luaL_newstate();
    assert_non_null(f->L);
    luaL_openlibs(f->L);
    f->engine = hp_engine_open(f->L, NULL, &error);
    assert_non_null(f->engine);
    hp_engine_on_news(f->engine, count_news, &f->news);
    run(f, "package.preload.m = load([[local M = {}\n"
           "function M.loop() while coroutine.yield() ~= 'end' do end end\n"
           "function M.name() return 0 end\n"
           "return M]], '@m.lua')\n"
           "m = require 'm' co = coroutine.create(m.loop) coroutine.resume(co)");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    hp_engine_close(f->engine, f->L);
    lua_close(f->L);
    free(f);
    return 0;
}

/* Both functions get new code, `version` being the number in it. */
static void begin_push(struct fixture *f, int version)
{
    hp_request_init(&f->request);
    hp_report_init(&f->report);
    f->request.kind = HP_KIND_PUSH;
    const char *text =
        hp_arena_printf(&f->request.arena,
                        "local M = {}\n"
                        "function M.loop() while coroutine.yield() ~= 'end' do return %d end end\n"
                        "function M.name() return %d end\n"
                        "return M",
                        version, version);
    assert_non_null(text);
    struct hp_request_module *m = HP_PUSH(&f->request.arena, &f->request.modules);
    assert_non_null(m);
    *m = (struct hp_request_module){.module = "m", .source = {text, strlen(text)}};
    const char **code = HP_PUSH(&f->request.arena, &f->request.options.accept);
    assert_non_null(code);
    *code = "R20";
    f->request.options.max_pause_ms = 0.001;
    hp_engine_begin(f->engine, f->L, &f->request, "test", &f->report);
}

static void end_push(struct fixture *f)
{
    assert_int_equal(f->report.status, HP_APPLIED);
    hp_report_fini(&f->report);
    hp_request_fini(&f->request);
}

static void push(struct fixture *f, int version)
{
    begin_push(f, version);
    while (!hp_engine_step(f->engine, f->L, 0))
        continue;
    end_push(f);
}

/* Begins a push and leaves it where it has committed, the sweeps still to come. */
static void push_halfway(struct fixture *f, int version)
{
    int64_t before = hp_engine_generation(f->engine);
    begin_push(f, version);
    while (hp_engine_generation(f->engine) == before)
        assert_false(hp_engine_step(f->engine, f->L, 0));
}

static int64_t stragglers(struct fixture *f)
{
    struct hp_report report;
    hp_report_init(&report);
    hp_engine_stragglers(f->engine, f->L, &report);
    int64_t count = report.stragglers;
    assert_int_equal(report.held.count, count > 0 ? 1 : 0); /* always a loop */
    hp_report_fini(&report);
    return count;
}

static void collect(struct fixture *f, int cycles)
{
    for (int i = 0; i < cycles; i++)
        lua_gc(f->L, LUA_GCCOLLECT);
}

static void told_when_the_collector_went_round(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(stragglers(f), 0);
    push(f, 1);
    assert_int_equal(stragglers(f), HP_UNKNOWN);
    collect(f, 4);
    assert_in_range(f->news, 1, 4);
    assert_int_equal(stragglers(f), 1);
    run(f, "coroutine.resume(co, 'end') co = nil");
    collect(f, 2);
    assert_int_equal(stragglers(f), 0);
    int news = f->news;
    collect(f, 20); /* nothing is waited for any more */
    assert_int_equal(f->news, news);
}

static void not_told_by_the_cycles_of_the_patch_before(void **state)
{
    struct fixture *f = *state;
    push(f, 1);
    collect(f, 4);
    assert_int_equal(stragglers(f), 1);
    push_halfway(f, 2);
    assert_int_equal(stragglers(f), HP_UNKNOWN);
    while (!hp_engine_step(f->engine, f->L, 0))
        continue;
    end_push(f);
    assert_int_equal(stragglers(f), HP_UNKNOWN);
    collect(f, 4);
    assert_int_equal(stragglers(f), 1);
}

static void told_also_when_the_sweeps_were_given_up(void **state)
{
    struct fixture *f = *state;
    push_halfway(f, 1);
    hp_engine_abandon(f->engine, f->L);
    end_push(f);
    assert_int_equal(stragglers(f), HP_UNKNOWN);
    collect(f, 4);
    assert_in_range(f->news, 1, 4);
    assert_int_equal(stragglers(f), 1);
}

/* The state is closed while an object waits for the collector: its finalizer finds nothing to do. */
static void closed_while_waiting(void **state)
{
    struct fixture *f = *state;
    push(f, 1);
    collect(f, 1);
    hp_engine_on_news(f->engine, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(told_when_the_collector_went_round, setup, teardown),
        cmocka_unit_test_setup_teardown(not_told_by_the_cycles_of_the_patch_before, setup, teardown),
        cmocka_unit_test_setup_teardown(told_also_when_the_sweeps_were_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(closed_while_waiting, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
