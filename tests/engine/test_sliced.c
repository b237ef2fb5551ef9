/* A request in slices, while the program runs between them: sliced.lua has the programs and what must be
 * true, this file gives it the engine as a table of functions. One cmocka test for each scenario of
 * sliced.lua. */
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
#include "agent/shape_lua.h"
#include "agent/spec.h"

struct fixture {
    lua_State *L;
    struct hp_engine *engine;
    struct hp_request request;
    struct hp_report report;
    bool under_way;
};

static struct fixture *self(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* However small the slices, the commit may be as long as it is. */
static void accept_long_stop(struct hp_request *request)
{
    const char **code = HP_PUSH(&request->arena, &request->options.accept);
    assert_non_null(code);
    *code = "R20";
}

/* engine.begin("push", spec), engine.begin("revert", patch, ms) */
static int lua_begin(lua_State *L)
{
    struct fixture *f = self(L);
    hp_request_init(&f->request);
    hp_report_init(&f->report);
    f->request.kind = (enum hp_kind)hp_kind_from_word(luaL_checkstring(L, 1));
    if (f->request.kind == HP_KIND_REVERT) {
        f->request.patch = luaL_optinteger(L, 2, 0);
        f->request.options.max_pause_ms = luaL_optnumber(L, 3, 0);
        accept_long_stop(&f->request);
    } else {
        hp_spec_read(L, 2, "test", &f->request, &f->report);
    }
    hp_engine_begin(f->engine, L, &f->request, "test", &f->report);
    f->under_way = true;
    return 0;
}

static int end_request(lua_State *L, struct fixture *f)
{
    hp_shape_push(L, &HP_REPORT_SHAPE, &f->report);
    hp_report_fini(&f->report);
    hp_request_fini(&f->request);
    f->under_way = false;
    return 1;
}

/* engine.step(): nil, or the report when it is done. */
static int lua_step(lua_State *L)
{
    struct fixture *f = self(L);
    int top = lua_gettop(L);
    if (!hp_engine_step(f->engine, L, 0))
        return 0;
    if (lua_gettop(L) != top)
        return luaL_error(L, "a step left something on the stack");
    return end_request(L, f);
}

static int lua_abandon(lua_State *L)
{
    struct fixture *f = self(L);
    hp_engine_abandon(f->engine, L);
    return end_request(L, f);
}

/* engine.phase(): the word, objects */
static int lua_phase(lua_State *L)
{
    struct hp_engine_progress progress;
    hp_engine_progress(self(L)->engine, &progress);
    lua_pushstring(L, progress.phase);
    lua_pushinteger(L, progress.objects);
    return 2;
}

/* engine.body(co): the values of a coroutine that has not started, which debug.getlocal cannot reach. */
static int lua_body(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    lua_Debug ar;
    luaL_argcheck(L, co && co != L, 1, "another coroutine");
    if (lua_status(co) != LUA_OK || lua_getstack(co, 0, &ar))
        return 0;
    int count = lua_gettop(co);
    luaL_checkstack(L, count, NULL);
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(co, i);
        lua_xmove(co, L, 1);
    }
    return count;
}

/* engine.box(n): a userdata with n user values, of which stock Lua has none. */
static int lua_box(lua_State *L)
{
    lua_newuserdatauv(L, 1, (int)luaL_checkinteger(L, 1));
    return 1;
}

static int closure(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* engine.wrap(f): a C closure over f. */
static int lua_wrap(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushcclosure(L, closure, 1);
    return 1;
}

static int setup(void **state)
{
    static const luaL_Reg functions[] = {{"begin", lua_begin}, {"step", lua_step}, {"abandon", lua_abandon},
                                         {"phase", lua_phase}, {"body", lua_body}, {"box", lua_box},
                                         {"wrap", lua_wrap},   {NULL, NULL}};
    struct fixture *f = calloc(1, sizeof *f);
    const char *error;
    assert_non_null(f);
    f->L = luaL_newstate();
    luaL_openlibs(f->L);
    f->engine = hp_engine_open(f->L, NULL, &error);
    assert_non_null(f->engine);
    luaL_newlibtable(f->L, functions);
    lua_pushlightuserdata(f->L, f);
    luaL_setfuncs(f->L, functions, 1);
    lua_setglobal(f->L, "engine");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->under_way)
        hp_engine_abandon(f->engine, f->L);
    hp_engine_close(f->engine, f->L);
    lua_close(f->L);
    free(f);
    return 0;
}

static void run(void **state, const char *scenario, int seed)
{
    struct fixture *f = *state;
    if (luaL_loadfile(f->L, HP_TEST_FOLDER "/sliced.lua") != LUA_OK)
        fail_msg("%s", lua_tostring(f->L, -1));
    lua_pushstring(f->L, scenario);
    lua_pushinteger(f->L, seed);
    if (lua_pcall(f->L, 2, 0, 0) != LUA_OK)
        fail_msg("%s, seed %d: %s", scenario, seed, luaL_tolstring(f->L, -1, NULL));
    lua_settop(f->L, 0);
}

static void many_seeds(void **state, const char *scenario, int count)
{
    const char *more = getenv("HP_SEEDS"); /* by hand: HP_SEEDS=5000, HP_SEED=17 */
    const char *only = getenv("HP_SEED");
    int first = only ? atoi(only) : 1;
    int last = only ? first : more ? atoi(more) : count;
    for (int seed = first; seed <= last; seed++) {
        run(state, scenario, seed);
        teardown(state);
        setup(state);
    }
}

static void test_holders_move(void **state)
{
    many_seeds(state, "holders_move", 12);
}

static void test_instances_are_born(void **state)
{
    many_seeds(state, "instances_are_born", 12);
}

static void test_abandoned(void **state)
{
    many_seeds(state, "abandoned", 8);
}

static void test_one_table_that_changes(void **state)
{
    many_seeds(state, "one_table_that_changes", 3);
}

static void test_twins(void **state)
{
    many_seeds(state, "twins", 1);
}

static void test_ground_moves(void **state)
{
    many_seeds(state, "ground_moves", 1);
}

static void test_base_level(void **state)
{
    /* A host that keeps a function on the stack that it polls from, with nothing running. */
    struct fixture *f = *state;
    lua_State *L = f->L;
    run(state, "load_simple", 1);
    lua_getglobal(L, "simple");
    lua_getfield(L, -1, "f");
    lua_remove(L, -2);
    hp_request_init(&f->request);
    hp_report_init(&f->report);
    f->request.kind = HP_KIND_PUSH;
    struct hp_request_module *m = HP_PUSH(&f->request.arena, &f->request.modules);
    const char *text = "local M = {} function M.f() return 'new' end return M";
    *m = (struct hp_request_module){.module = "simple", .source = {text, strlen(text)}};
    f->request.options.max_pause_ms = 0.001;
    accept_long_stop(&f->request);
    hp_engine_begin(f->engine, L, &f->request, "test", &f->report);
    int64_t generation = hp_engine_generation(f->engine);
    bool done = false, wanted = false;
    while (!done) {
        done = hp_engine_step(f->engine, L, 0);
        assert_int_equal(lua_gettop(L), 1);
        if (hp_engine_generation(f->engine) != generation)
            assert_true(wanted); /* no slice this short has room for a commit: it has a stop of its own */
        else
            wanted = hp_engine_wants_stop(f->engine);
    }
    assert_int_equal(f->report.status, HP_APPLIED);
    assert_int_equal(lua_gettop(L), 1);
    lua_pushvalue(L, 1);
    lua_call(L, 0, 1);
    assert_string_equal(lua_tostring(L, -1), "new");
    lua_settop(L, 0);
    hp_report_fini(&f->report);
    hp_request_fini(&f->request);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_holders_move, setup, teardown),
        cmocka_unit_test_setup_teardown(test_instances_are_born, setup, teardown),
        cmocka_unit_test_setup_teardown(test_abandoned, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_table_that_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_twins, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ground_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_base_level, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
