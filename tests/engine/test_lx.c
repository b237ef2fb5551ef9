/* lx.h: dumps, protected calls, and bounds on instructions, on a real Lua state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

#include "agent/engine/lx.h"

struct fixture {
    lua_State *L;
    struct hp_arena arena;
    struct hp_lx_failure failure;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->L = luaL_newstate();
    assert_non_null(f->L);
    luaL_openlibs(f->L);
    hp_arena_init(&f->arena);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    lua_close(f->L);
    hp_arena_fini(&f->arena);
    free(f);
    return 0;
}

static void load(struct fixture *f, const char *text)
{
    if (luaL_loadbuffer(f->L, text, strlen(text), "@t.lua") != LUA_OK)
        fail_msg("%s", lua_tostring(f->L, -1));
}

/* --- dump ------------------------------------------------------------------------------------- */

static void test_dump(void **state)
{
    struct fixture *f = *state;
    char *data, *stripped;
    size_t len, stripped_len;
    load(f, "local a = 1 return function() return a end");
    assert_int_equal(hp_lx_dump(f->L, -1, false, &data, &len), HP_OK);
    assert_int_equal(hp_lx_dump(f->L, 1, true, &stripped, &stripped_len), HP_OK);
    assert_int_equal(lua_gettop(f->L), 1);
    assert_true(stripped_len < len);
    assert_int_equal(luaL_loadbufferx(f->L, data, len, "x", "b"), LUA_OK);
    hp_mem_free(data);
    hp_mem_free(stripped);
    lua_getglobal(f->L, "print");
    assert_int_equal(hp_lx_dump(f->L, -1, false, &data, &len), HP_UNSUPPORTED);
    assert_null(data);
    lua_pushinteger(f->L, 1);
    assert_int_equal(hp_lx_dump(f->L, -1, false, &data, &len), HP_UNSUPPORTED);
}

static void *no_memory(void *ptr, size_t size)
{
    if (size == 0)
        free(ptr);
    return NULL;
}

static void test_dump_no_memory(void **state)
{
    struct fixture *f = *state;
    char *data;
    size_t len;
    load(f, "return 1");
    hp_mem_set_allocator(no_memory);
    enum hp_status status = hp_lx_dump(f->L, -1, false, &data, &len);
    hp_mem_set_allocator(NULL);
    assert_int_equal(status, HP_NO_MEMORY);
    assert_null(data);
    assert_int_equal(lua_gettop(f->L), 1);
}

/* --- protected calls -------------------------------------------------------------------------- */

static void test_pcall(void **state)
{
    struct fixture *f = *state;
    lua_pushliteral(f->L, "below");
    load(f, "return 1, ...");
    lua_pushinteger(f->L, 2);
    assert_int_equal(hp_lx_pcall(f->L, 1, LUA_MULTRET, &f->arena, &f->failure), LUA_OK);
    assert_int_equal(lua_gettop(f->L), 3);
    assert_int_equal(lua_tointeger(f->L, 3), 2);
    assert_null(f->failure.text);
    lua_settop(f->L, 1);

    load(f, "local function g() error('no') end\ng()");
    assert_int_equal(hp_lx_pcall(f->L, 0, 1, &f->arena, &f->failure), LUA_ERRRUN);
    assert_int_equal(lua_gettop(f->L), 1);
    assert_string_equal(f->failure.text, "t.lua:1: no");
    assert_non_null(strstr(f->failure.traceback, "t.lua:1: in "));
    assert_non_null(strstr(f->failure.traceback, "t.lua:2: in main chunk"));
    assert_null(strstr(f->failure.traceback, "no\n"));
    assert_int_equal(hp_lx_pcall((load(f, "error()"), f->L), 0, 0, &f->arena, NULL), LUA_ERRRUN);
    assert_int_equal(lua_gettop(f->L), 1);
}

static void test_error_values(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *message;
    } CASES[] = {
        {"error(setmetatable({}, {__tostring = function() touched = true return 'x' end}))",
         "(error object is a table value)"},
        {"error(nil)", "(error object is a nil value)"},
        {"error(42)", "42"},
        {"error(1.5)", "1.5"},
        {"error('plain', 0)", "plain"},
        {"error(print)", "(error object is a function value)"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        load(f, CASES[i].text);
        assert_int_equal(hp_lx_pcall(f->L, 0, 0, &f->arena, &f->failure), LUA_ERRRUN);
        assert_string_equal(f->failure.text, CASES[i].message);
    }
    lua_getglobal(f->L, "touched");
    assert_true(lua_isnil(f->L, -1));
}

/* A Lua allocator that refuses to grow while *ud. */
static void *refusing(void *ud, void *ptr, size_t old_size, size_t size)
{
    const bool *refuse = ud;
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return *refuse && (ptr == NULL || size > old_size) ? NULL : realloc(ptr, size);
}

static int raise_memory(lua_State *L)
{
    bool *refuse = lua_touserdata(L, 1);
    *refuse = true;
    lua_newtable(L);
    return 0;
}

static void test_protect(void **state)
{
    struct fixture *f = *state;
    bool refuse = false;
    void *old_ud;
    lua_Alloc old = lua_getallocf(f->L, &old_ud);
    lua_setallocf(f->L, refusing, &refuse);
    int status = hp_lx_protect(f->L, raise_memory, &refuse, &f->arena, &f->failure);
    lua_setallocf(f->L, old, old_ud);
    assert_true(refuse);
    assert_int_equal(status, LUA_ERRMEM);
    assert_int_equal(f->failure.status, LUA_ERRMEM);
    assert_string_equal(f->failure.text, "not enough memory");
    assert_int_equal(lua_gettop(f->L), 0);
}

/* --- bounds ----------------------------------------------------------------------------------- */

/* Runs the text under a bound; true if the bound was reached. */
static bool reaches(struct fixture *f, const char *text, int64_t limit)
{
    struct hp_lx_bound b;
    load(f, text);
    hp_lx_bound_start(&b, f->L, limit);
    hp_lx_pcall(f->L, 0, 0, &f->arena, &f->failure);
    return hp_lx_bound_stop(&b);
}

static void test_bound(void **state)
{
    struct fixture *f = *state;
    assert_true(reaches(f, "while true do end", 5000));
    assert_int_equal(f->failure.status, LUA_ERRRUN);
    assert_string_equal(f->failure.text, "t.lua:1: instruction limit of 5000 reached");
    assert_null(lua_gethook(f->L));
    assert_false(reaches(f, "for i = 1, 1000 do end", 5000));
    assert_int_equal(f->failure.status, LUA_OK);
    assert_true(reaches(f, "for i = 1, 1000 do end", 500));
    assert_true(reaches(f, "local x = 1 x = x + 1 return x", 2));
    /* What catches errors ends too. */
    assert_true(reaches(f, "while true do pcall(function() while true do end end) end", 5000));
    assert_true(reaches(
        f, "while true do xpcall(function() while true do end end, function(m) return m end) end", 5000));
    /* Coroutines that it makes. */
    assert_true(reaches(f, "local co = coroutine.wrap(function() while true do end end) co()", 5000));
    assert_true(reaches(
        f, "while true do coroutine.resume(coroutine.create(function() while true do end end)) end", 5000));
    assert_int_not_equal(f->failure.status, LUA_OK);
}

static void test_bound_leaves_coroutines_alone(void **state)
{
    struct fixture *f = *state;
    assert_false(reaches(f,
                         "co = coroutine.create(function() coroutine.yield() local n = 0 for i = 1, 1e5 do n "
                         "= n + 1 end return n end) "
                         "coroutine.resume(co)",
                         20000));
    load(f, "return coroutine.resume(co)");
    assert_int_equal(lua_pcall(f->L, 0, 2, 0), LUA_OK);
    assert_true(lua_toboolean(f->L, -2));
    assert_int_equal(lua_tointeger(f->L, -1), 100000);
    lua_getglobal(f->L, "co");
    assert_null(lua_gethook(lua_tothread(f->L, -1)));
}

static int hook_calls;

static void counting_hook(lua_State *L, lua_Debug *ar)
{
    (void)L;
    (void)ar;
    hook_calls++;
}

static void test_bound_gives_the_hook_back(void **state)
{
    struct fixture *f = *state;
    hook_calls = 0;
    lua_sethook(f->L, counting_hook, LUA_MASKCALL, 0);
    assert_true(reaches(f, "while true do end", 5000));
    assert_true(lua_gethook(f->L) == counting_hook);
    assert_int_equal(lua_gethookmask(f->L), LUA_MASKCALL);
    int before = hook_calls;
    load(f, "local function g() end g()");
    lua_call(f->L, 0, 0);
    assert_int_equal(hook_calls, before + 2);
    lua_sethook(f->L, NULL, 0, 0);
}

static int run_bounded(lua_State *L)
{
    struct hp_lx_bound b;
    struct hp_arena arena;
    hp_arena_init(&arena);
    int64_t limit = lua_tointeger(L, 1);
    lua_settop(L, 2);
    hp_lx_bound_start(&b, L, limit);
    hp_lx_pcall(L, 0, 0, &arena, NULL);
    lua_pushboolean(L, hp_lx_bound_stop(&b));
    hp_arena_fini(&arena);
    return 1;
}

static void test_bounds_nest(void **state)
{
    struct fixture *f = *state;
    lua_register(f->L, "bounded", run_bounded);
    assert_false(reaches(f, "inner = bounded(2000, function() while true do end end)", 100000));
    lua_getglobal(f->L, "inner");
    assert_true(lua_toboolean(f->L, -1));
    assert_int_equal(f->failure.status, LUA_OK);
    /* The inner one's instructions count for the outer one. */
    assert_true(reaches(f, "while true do bounded(2000, function() while true do end end) end", 20000));
    assert_non_null(strstr(f->failure.text, "instruction limit of 20000 reached"));
    /* And cannot be more than it. */
    assert_true(
        reaches(f, "bounded(1000000000, function() while true do end end) for i = 1, 10 do end", 20000));
    assert_null(lua_gethook(f->L));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_dump, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dump_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pcall, setup, teardown),
        cmocka_unit_test_setup_teardown(test_error_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_protect, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bound_leaves_coroutines_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bound_gives_the_hook_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds_nest, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
