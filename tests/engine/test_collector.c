/* collector.h: what a server's collector does that is stopped and started again and again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "agent/engine/collector.h"

/* A heap whose cycle takes dozens of steps, some garbage, and turns that allocate a number of bytes. */
static const char server[] = "heap = {} for i = 1, 20000 do heap[i] = { i } end\n"
                             "collectgarbage()\n"
                             "dropped = setmetatable({ {} }, { __mode = 'v' })\n"
                             "function turn(bytes) return ('x'):rep(bytes - 40) .. #heap end\n";

struct fixture {
    lua_State *L;
    struct hp_collector collector;
};

static int setup_mode(void **state, int mode)
{
    static struct fixture f;
    f.L = luaL_newstate();
    assert_non_null(f.L);
    luaL_openlibs(f.L);
    if (mode == LUA_GCGEN)
        lua_gc(f.L, LUA_GCGEN, 0, 0);
    assert_int_equal(luaL_dostring(f.L, server), LUA_OK);
    f.collector = (struct hp_collector){0};
    *state = &f;
    return 0;
}

static int setup(void **state)
{
    return setup_mode(state, LUA_GCINC);
}

static int setup_generational(void **state)
{
    return setup_mode(state, LUA_GCGEN);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    lua_close(f->L);
    return 0;
}

static void take_turn(lua_State *L, int bytes)
{
    lua_getglobal(L, "turn");
    lua_pushinteger(L, bytes);
    lua_call(L, 1, 0);
}

static bool garbage_is_there(lua_State *L)
{
    lua_getglobal(L, "dropped");
    bool there = lua_rawgeti(L, -1, 1) == LUA_TTABLE;
    lua_pop(L, 2);
    return there;
}

static void work(struct fixture *f, int turns, int bytes)
{
    for (int i = 0; i < turns; i++) {
        hp_collector_stop(&f->collector, f->L);
        assert_int_equal(lua_gc(f->L, LUA_GCISRUNNING), 0);
        hp_collector_start(&f->collector, f->L);
        assert_int_equal(lua_gc(f->L, LUA_GCISRUNNING), 1);
        take_turn(f->L, bytes);
    }
}

/* Each start by itself makes a step due: thirty of them are more than a cycle. */
static void a_turn_costs_the_server_no_step(void **state)
{
    struct fixture *f = *state;
    work(f, 30, 100);
    assert_true(garbage_is_there(f->L));
}

static void what_is_allocated_between_is_collected_for(void **state)
{
    struct fixture *f = *state;
    work(f, 2000, 600); /* each less than a step's worth */
    assert_false(garbage_is_there(f->L));
}

/* Turns of ours that allocate more than a step's worth, each followed by so many that do nothing; the server
 * itself allocates less than that in all of its turns together. */
static void allocate_in_turns(struct fixture *f, int idle)
{
    for (int i = 0; i < 30; i++) {
        hp_collector_stop(&f->collector, f->L);
        take_turn(f->L, 20000);
        hp_collector_start(&f->collector, f->L);
        for (int more = 0; more < idle; more++) {
            hp_collector_stop(&f->collector, f->L);
            hp_collector_start(&f->collector, f->L);
        }
        take_turn(f->L, 100);
    }
}

static void what_is_allocated_in_the_turns_counts(void **state)
{
    struct fixture *f = *state;
    allocate_in_turns(f, 0);
    assert_false(garbage_is_there(f->L));
}

/* A step that is due before another turn of ours begins. */
static void a_step_that_is_due_is_not_lost(void **state)
{
    struct fixture *f = *state;
    allocate_in_turns(f, 3);
    assert_false(garbage_is_there(f->L));
}

static void one_that_was_stopped_stays_so(void **state)
{
    struct fixture *f = *state;
    lua_gc(f->L, LUA_GCSTOP);
    hp_collector_stop(&f->collector, f->L);
    hp_collector_start(&f->collector, f->L);
    assert_int_equal(lua_gc(f->L, LUA_GCISRUNNING), 0);
}

#define BOTH(test)                                                                                           \
    {#test, test, setup, teardown, NULL},                                                                    \
    {                                                                                                        \
#test ".generational", test, setup_generational, teardown, NULL                                      \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_turn_costs_the_server_no_step),       BOTH(what_is_allocated_between_is_collected_for),
        BOTH(what_is_allocated_in_the_turns_counts), BOTH(a_step_that_is_due_is_not_lost),
        BOTH(one_that_was_stopped_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
