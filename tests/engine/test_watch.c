/* watch.h: what counts as a call and as an error, and that nothing of the hook is left, on a real Lua state.
 */
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
#include "agent/engine/watch.h"

struct fixture {
    lua_State *L;
    struct hp_history *history;
    struct hp_watch *watch;
    struct hp_watch_view view;
    int told;
};

static void tell(void *ud)
{
    ((struct fixture *)ud)->told++;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->L = luaL_newstate();
    assert_non_null(f->L);
    luaL_openlibs(f->L);
    f->history = hp_history_open(f->L);
    assert_non_null(f->history);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->watch)
        hp_watch_stop(f->watch, f->L);
    hp_watch_free(f->watch);
    hp_history_close(f->history, f->L);
    lua_close(f->L);
    free(f);
    return 0;
}

static void run(struct fixture *f, const char *text)
{
    if (luaL_loadbuffer(f->L, text, strlen(text), "@run.lua") != LUA_OK || lua_pcall(f->L, 0, 0, 0) != LUA_OK)
        fail_msg("%s", lua_tostring(f->L, -1));
}

/* Watches a global function. */
static void watch(struct fixture *f, const char *name)
{
    static struct hp_prototype_tree trees[3]; /* each function has another */
    struct hp_prototype_tree *tree = &trees[name[0] - 'a'];
    char *dump;
    size_t len;
    assert_int_equal(lua_getglobal(f->L, name), LUA_TFUNCTION);
    assert_int_equal(hp_lx_dump(f->L, -1, false, &dump, &len), HP_OK);
    assert_int_equal(hp_prototypes_parse(tree, dump, len), HP_OK);
    assert_true(hp_watch_add(f->L, f->watch, "m", name, tree, 0));
    hp_prototypes_fini(tree);
    hp_mem_free(dump);
}

/* Runs `before`, and watches the globals a, b and c as far as it has made them functions. */
static void begin(struct fixture *f, const char *rule_text, const char *before)
{
    static const char *const names[] = {"a", "b", "c"};
    struct hp_rule rule;
    run(f, before);
    assert_true(hp_rule_parse(rule_text, &rule));
    assert_true(hp_watch_is_possible(f->L, f->L));
    f->watch = hp_watch_new(&rule, f->history);
    assert_non_null(f->watch);
    hp_watch_prepare(f->L, f->watch);
    for (size_t i = 0; i < 3; i++) {
        bool is_there = lua_getglobal(f->L, names[i]) == LUA_TFUNCTION;
        lua_pop(f->L, 1);
        if (is_there)
            watch(f, names[i]);
    }
    hp_watch_on_news(f->watch, tell, f);
    hp_watch_start(f->watch, f->L, f->L);
}

/* Runs it under the watch, and says how many calls and errors there are by then. */
static void expect(struct fixture *f, const char *text, int calls, int errors)
{
    int top = lua_gettop(f->L);
    run(f, text);
    hp_watch_look(f->watch, f->L, &f->view);
    if (f->view.calls != calls || f->view.errors != errors)
        fail_msg("%s: %d of %d instead of %d of %d", text, (int)f->view.errors, (int)f->view.calls, errors,
                 calls);
    assert_int_equal(lua_gettop(f->L), top);
}

#define RATE "errors<50%"

/* --- calls and errors ------------------------------------------------------------------------- */

static void test_calls(void **state)
{
    struct fixture *f = *state;
    begin(f, RATE, "function a(x) return x end  function other() return #'x' end");
    expect(f, "for i = 1, 10 do a(i) other() end", 10, 0);
    expect(f, "local r = a(1) other() pcall(other) pcall(a)", 12, 0);
    expect(f, "table.sort({ 1 }, a) string.gsub('xyz', '.', a)", 15, 0);
}

static void test_error(void **state)
{
    struct fixture *f = *state;
    begin(f, RATE, "function a(x) return x.y end  function other() error('o') end");
    expect(f, "pcall(a, nil)", 1, 1);
    assert_string_equal(f->view.text, "run.lua:1: attempt to index a nil value (local 'x')");
    expect(f, "pcall(a, {})", 2, 1);
    expect(f, "for i = 1, 10 do pcall(a) end", 12, 11);
    expect(f, "pcall(other) xpcall(other, a)", 13, 11); /* it handles the error */
    expect(f, "xpcall(a, function(m) return m end)", 14, 12);
}

/* With nothing below that could return: the host's own lua_pcall. */
static void test_error_to_host(void **state)
{
    struct fixture *f = *state;
    begin(f, RATE, "function a(x) error(x) end");
    for (int i = 0; i < 2; i++) {
        lua_getglobal(f->L, "a");
        lua_pushstring(f->L, "to the host");
        assert_int_equal(lua_pcall(f->L, 1, 0, 0), LUA_ERRRUN);
        lua_pop(f->L, 1);
    }
    expect(f, "", 2, 2);
    assert_string_equal(f->view.text, "to the host");
}

/* Each call that an error passes through ends by it. */
static void test_error_passes(void **state)
{
    struct fixture *f = *state;
    begin(f, RATE,
          "function c() error('deep', 0) end  local function other() c() end\n"
          "function b() other() return 1 end  function a() pcall(b) return 1 end");
    expect(f, "a()", 3, 2);
    assert_string_equal(f->view.text, "deep");
    expect(f, "a() a()", 9, 6);
    expect(f, "pcall(b)", 11, 8);
}

/* An error that is caught inside is nobody's; one in a recursion is those frames' that it ends. */
static void test_caught(void **state)
{
    struct fixture *f = *state;
    begin(f, RATE,
          "function a() return pcall(error, 'x') end\n"
          "function b(n, last) if n == last then error 'b' end  if n > 0 then pcall(b, n - 1, last) end end\n"
          "function c(n) if n == 0 then error {} end  c(n - 1) return 1 end");
    expect(f, "for i = 1, 5 do a() end", 5, 0);
    expect(f, "b(4, 0)", 10, 1);
    expect(f, "b(4, 2) b(1, 9)", 15, 2);
    expect(f, "pcall(c, 9)", 25, 12);
}

static void test_tail_calls(void **state)
{
    struct fixture *f = *state;
    begin(f, RATE,
          "function other(x) if x then error 'x' end return #'x' end\n"
          "function a(x) return other(x) end\n"
          "function b(x) return a(x) end\n"
          "function c() return error 'c' end");
    expect(f, "a() a() b()", 4, 0);
    expect(f, "pcall(a, true)", 5, 1); /* it goes on in another function, and ends by an error */
    expect(f, "pcall(b, true)", 7, 2); /* b has handed over to a */
    expect(f, "pcall(c)", 8, 3);
    expect(f, "function a(x) return 1 end b()", 9, 3); /* what stands there now is not watched */
}

static void test_deep(void **state)
{
    struct fixture *f = *state;
    begin(f, "errors<1000000",
          "function a(n) if n > 0 then a(n - 1) end return 1 end\n"
          "function b() return 1 + b() end");
    expect(f, "a(100)", 101, 0);
    run(f, "a(10000)"); /* what is deeper than that is not counted */
    run(f, "pcall(b)");
    hp_watch_look(f->watch, f->L, &f->view);
    assert_in_range(f->view.calls, 101 + 2 * (HP_WATCH_DEPTH - 5), 101 + 2 * HP_WATCH_DEPTH);
    assert_in_range(f->view.errors, HP_WATCH_DEPTH - 5, HP_WATCH_DEPTH);
    assert_non_null(strstr(f->view.text, "stack overflow"));
}

/* Closures that a watched function makes count as its own; older ones, and others on the same lines, do not.
 */
static void test_nested(void **state)
{
    struct fixture *f = *state;
    begin(f, RATE, "function a(x) return function() return x.y end end  old = a {}");
    expect(f, "local g = a {} g() g() pcall(a(nil))", 5, 1);
    expect(f, "local others = load('\\n\\nreturn function(q) return q end', '@run.lua')() others(1)", 5, 1);
    lua_State *L = f->L;
    lua_getglobal(L, "old"); /* a patch has replaced this one */
    hp_history_await_heir(f->history, L);
    lua_getglobal(L, "old");
    lua_getglobal(L, "a");
    hp_history_inherit(f->history, L);
    lua_settop(L, 0);
    expect(f, "old() old()", 5, 1);
}

/* --- coroutines ------------------------------------------------------------------------------- */

static void test_yield(void **state)
{
    struct fixture *f = *state;
    begin(f, RATE, "function a(x) coroutine.yield(x) return x end");
    expect(f, "t = {} for i = 1, 5 do t[i] = coroutine.wrap(a) t[i](i) end", 5, 0);
    expect(f, "for i = 1, 5 do t[i]() end t = nil collectgarbage() collectgarbage()", 5, 0);
    expect(f, "co = coroutine.create(a) coroutine.resume(co)", 6, 0);
    expect(f, "coroutine.close(co)", 6, 0); /* left alone while it was suspended */
    expect(f, "co = coroutine.create(a) coroutine.resume(co) co = nil collectgarbage()", 7, 0);
    expect(f, "for i = 1, 200 do local co = coroutine.wrap(a) co(1) end collectgarbage()", 207, 0);
    expect(f, "for i = 1, 200 do local co = coroutine.wrap(a) co(1) end", 407, 0);
    expect(f, "pcall(function() coroutine.wrap(function() a() a() end)() end)", 408, 0);
}

static void test_coroutine_errors(void **state)
{
    struct fixture *f = *state;
    begin(f, RATE,
          "function a(x) coroutine.yield(x) error('late') end\n"
          "function b() error('early') end");
    expect(f, "co = coroutine.create(b) coroutine.resume(co)", 1, 1);
    assert_string_equal(f->view.text, "run.lua:2: early");
    expect(f, "coroutine.resume(coroutine.create(b)) collectgarbage() collectgarbage()", 2, 2);
    expect(f, "pcall(coroutine.wrap(b)) collectgarbage() collectgarbage()", 3, 3);
    expect(f, "co = coroutine.wrap(a) co(1)", 4, 3);
    expect(f, "pcall(co) co = nil collectgarbage()", 4, 4);
    assert_string_equal(f->view.text, "late");
    expect(f, "for i = 1, 500 do coroutine.resume(coroutine.create(b)) end", 504, 504);
    expect(f, "coroutine.wrap(function() pcall(b) coroutine.yield() end)()", 505, 505);
}

/* Coroutines live no longer for having called a watched function, but for those that wait for a look. */
static void test_coroutines_go(void **state)
{
    struct fixture *f = *state;
    begin(f, RATE,
          "function a(x) if x then coroutine.yield() end end\n"
          "seen = setmetatable({}, { __mode = 'k' })\n"
          "function go(n, x) for i = 1, n do local co = coroutine.create(a) seen[co] = true\n"
          "    coroutine.resume(co, x) end end\n"
          "function alive() collectgarbage() collectgarbage() return next(seen) ~= nil end");
    run(f, "go(100) assert(not alive())");
    assert_int_equal(f->told, 0);
    run(f, "go(100, true) assert(alive())");
    assert_int_equal(f->told, 0);
    run(f, "go(200, true)");
    assert_int_equal(f->told, 1);
    expect(f, "", 400, 0);
    run(f, "assert(not alive())");
}

/* A coroutine that is older than the watch is reached when it is resumed. */
static void test_older_coroutines(void **state)
{
    struct fixture *f = *state;
    begin(f, RATE,
          "function a(x) if x then error(x) end end\n"
          "local function loop() local x while true do x = coroutine.yield() a(x) end end\n"
          "one, two = coroutine.create(loop), coroutine.wrap(loop)  coroutine.resume(one) two()\n"
          "own = coroutine.create(loop) coroutine.resume(own) debug.sethook(own, print, '', 1 << 30)");
    expect(f, "coroutine.resume(one) two()", 2, 0);
    expect(f, "coroutine.resume(one, 'x') pcall(two, 'y')", 4, 2);
    expect(f, "coroutine.resume(own) coroutine.resume(own)", 4, 2); /* it has a hook of its own */
    run(f, "assert(debug.gethook(own) == print)");
}

/* One that the host resumes itself is reached when a search finds it. */
static void test_found_coroutine(void **state)
{
    struct fixture *f = *state;
    int results;
    begin(f, RATE,
          "function a(x) end\n"
          "co = coroutine.create(function() while true do a() coroutine.yield() a() end end)");
    lua_getglobal(f->L, "co");
    lua_State *co = lua_tothread(f->L, -1);
    lua_sethook(co, NULL, 0, 0); /* it is older */
    assert_int_equal(lua_resume(co, f->L, 0, &results), LUA_YIELD);
    expect(f, "", 0, 0);
    hp_watch_reach(f->L, co);
    assert_int_equal(lua_resume(co, f->L, 0, &results), LUA_YIELD);
    expect(f, "", 2, 0);
    lua_pop(f->L, 1);
    hp_watch_push_side(f->L);
    assert_int_equal(lua_type(f->L, -1), LUA_TTABLE);
    hp_watch_stop(f->watch, f->L);
    hp_watch_push_side(f->L);
    assert_int_equal(lua_type(f->L, -1), LUA_TNIL);
    hp_watch_reach(f->L, co); /* none is on */
    assert_null(lua_gethook(co));
}

/* --- the hook --------------------------------------------------------------------------------- */

static void own_hook(lua_State *L, lua_Debug *ar)
{
    (void)L;
    (void)ar;
}

static void test_off(void **state)
{
    struct fixture *f = *state;
    begin(f, RATE,
          "function a() coroutine.yield() end\n"
          "asleep = coroutine.create(function() coroutine.yield() end)");
    expect(f, "co = coroutine.create(a) coroutine.resume(co) coroutine.resume(asleep)", 1, 0);
    hp_watch_stop(f->watch, f->L);
    assert_null(lua_gethook(f->L));
    assert_int_equal(lua_gethookmask(f->L), 0);
    lua_getglobal(f->L, "co");
    assert_null(lua_gethook(lua_tothread(f->L, -1)));
    lua_getglobal(f->L, "asleep"); /* none of its calls was watched: it lets go of the hook when it runs */
    assert_non_null(lua_gethook(lua_tothread(f->L, -1)));
    lua_pop(f->L, 2);
    run(f, "coroutine.resume(asleep) assert(debug.gethook(asleep) == nil)");
    hp_watch_stop(f->watch, f->L);
    run(f, "coroutine.wrap(a)()");
    assert_int_equal(atomic_load(&hp_watch_tally(f->watch)->calls), 1);
}

static void test_hook_of_the_program(void **state)
{
    struct fixture *f = *state;
    lua_State *co = lua_newthread(f->L);
    lua_sethook(f->L, own_hook, LUA_MASKCOUNT, 1000);
    assert_false(hp_watch_is_possible(f->L, f->L));
    assert_false(hp_watch_is_possible(co, co));
    lua_sethook(f->L, NULL, 0, 0);
    assert_true(hp_watch_is_possible(co, co));
    lua_sethook(co, own_hook, LUA_MASKCOUNT, 1000);
    assert_false(hp_watch_is_possible(f->L, co));
    lua_pop(f->L, 1);

    /* One that is set meanwhile stays; what was under way then is not judged. */
    begin(f, RATE, "function a(x) if x then debug.sethook() end return 1 end  function b(f) pcall(f) end");
    expect(f, "a()", 1, 0);
    run(f, "a(true)");
    assert_null(lua_gethook(f->L));
    expect(f, "a()", 2, 0);
    expect(f, "a()", 3, 0);
    run(f, "debug.sethook(print, '', 1 << 30)");
    expect(f, "a()", 3, 0);
    hp_watch_stop(f->watch, f->L);
    run(f, "assert(debug.gethook() == print) debug.sethook()");
}

/* --- the rule --------------------------------------------------------------------------------- */

static void test_rate(void **state)
{
    struct fixture *f = *state;
    begin(f, "errors<10%", "function a(x) if x then error 'a' end end  function b() end");
    expect(f, "pcall(a, 1) pcall(a, 1) for i = 1, 1000 do b() end for i = 1, 17 do a() end", 1019, 2);
    assert_false(f->view.tripped); /* few calls say nothing */
    assert_int_equal(f->told, 1);
    expect(f, "a()", 1020, 2); /* the twentieth of that function */
    assert_true(f->view.tripped);
    assert_string_equal(f->view.function, "m.a");
    assert_int_equal(f->view.function_calls, 20);
    assert_int_equal(f->view.function_errors, 2);
    assert_int_equal(f->told, 2);
}

static void test_number(void **state)
{
    struct fixture *f = *state;
    begin(f, "errors<3", "function a(x) error 'a' end  function b() error 'b' end");
    expect(f, "pcall(a) pcall(b)", 2, 2);
    assert_false(f->view.tripped);
    expect(f, "pcall(a)", 3, 3);
    assert_true(f->view.tripped);
    assert_null(f->view.function);
}

/* --- memory ----------------------------------------------------------------------------------- */

static long allocations_left = -1;

static void *failing_realloc(void *ptr, size_t size)
{
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    if (allocations_left == 0)
        return NULL;
    if (allocations_left > 0)
        allocations_left--;
    return realloc(ptr, size);
}

/* Memory that fails in the hook costs a count and nothing else. */
static void test_no_memory(void **state)
{
    struct fixture *f = *state;
    begin(f, RATE,
          "function a(n) if n > 0 then return 1 + a(n - 1) end return 1 end\n"
          "function go() for i = 1, 40 do coroutine.wrap(a)(20) end end");
    hp_mem_set_allocator(failing_realloc);
    for (long left = 0; left < 60; left++) {
        allocations_left = left;
        run(f, "go()");
    }
    hp_mem_set_allocator(NULL);
    hp_watch_look(f->watch, f->L, &f->view);
    assert_true(f->view.calls > 0 && f->view.calls < 60 * 40 * 21);
    assert_int_equal(f->view.errors, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_error_to_host, setup, teardown),
        cmocka_unit_test_setup_teardown(test_error_passes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_caught, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tail_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nested, setup, teardown),
        cmocka_unit_test_setup_teardown(test_yield, setup, teardown),
        cmocka_unit_test_setup_teardown(test_coroutine_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_coroutines_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_older_coroutines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_found_coroutine, setup, teardown),
        cmocka_unit_test_setup_teardown(test_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hook_of_the_program, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_number, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
