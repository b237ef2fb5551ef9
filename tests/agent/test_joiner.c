/* joiner.h: hotpatch.new, exercised from Lua as people use it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

#include "agent/joiner.h"

static int setup(void **state)
{
    lua_State *L = luaL_newstate();
    assert_non_null(L);
    luaL_openlibs(L);
    assert_int_equal(hp_joiner_push(L), 1);
    lua_setglobal(L, "new");
    *state = L;
    return 0;
}

static int teardown(void **state)
{
    lua_close(*state);
    return 0;
}

/* In every script: module(text[, env]) loads a module; same(list, …) compares a list in any order;
 * fails(part, f, …). */
static const char PRELUDE[] =
    "local function module(text, env) return assert(load(text, '=m', 't', env or _G))() end\n"
    "local function same(list, ...)\n"
    "  local expected = {...} table.sort(list) table.sort(expected)\n"
    "  assert(table.concat(list, ' ') == table.concat(expected, ' '), table.concat(list, ' '))\n"
    "end\n"
    "local function fails(part, f, ...)\n"
    "  local ok, e = pcall(f, ...) assert(not ok and e:find(part, 1, true), e)\n"
    "end\n";

static void run(void **state, const char *text)
{
    lua_State *L = *state;
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    luaL_addstring(&b, PRELUDE);
    luaL_addstring(&b, text);
    luaL_pushresult(&b);
    if (luaL_dostring(L, lua_tostring(L, -1)))
        fail_msg("%s", lua_tostring(L, -1));
    lua_settop(L, 0);
}

static void test_collect(void **state)
{
    run(state,
        "local M = module [[local n, h = 3, nil h = function() return n end\n"
        " local M = {version = 1} function M.get() return h(), n end function M.none() end return M]]\n"
        "local P = new()\n"
        "local up = P:collectupval(M)\n"
        "assert(up.version == nil and up.none.val == M.none and next(up.none.upvals) == nil)\n"
        "local get = up.get assert(get.val == M.get)\n"
        "assert(get.upvals.n.idx == 2 and get.upvals.n.utype == 'number' and get.upvals.n.val == 3)\n"
        "assert(get.upvals.n.upid == debug.upvalueid(M.get, 2) and get.upvals.n.upvals == nil)\n"
        "local h = get.upvals.h assert(h.utype == 'function' and h.upvals.n.upid == get.upvals.n.upid)\n"
        "local direct = P:collectupval(M.get) assert(direct.n.idx == 2 and direct.h.upvals == h.upvals)\n");
}

static void test_collect_odd_values(void **state)
{
    run(state, "local f, p = nil, print f = function() return f, p, x end\n"
               "local up = new():collectupval(f)\n"
               "assert(up.f.upvals.f.upvals == up.f.upvals)\n" /* a cycle */
               "assert(up.p.utype == 'function' and next(up.p.upvals) == nil)\n"
               "assert(up._ENV.val == _G)\n"
               "assert(next(new():collectupval(print)) == nil)\n"
               "local t = setmetatable({}, {__index = error, __pairs = error}) "
               "assert(next(new():collectupval(t)) == nil)\n"
               "local P = new()\n"
               "fails('function or a table', P.collectupval, P, 3) fails('colon', P.collectupval, {}, f)\n"
               "fails('table expected', P.collectupval)\n"
               "fails('no upvalue names', P.collectupval, P, load(string.dump(f, true)))\n");
}

/* A chain of functions deeper than any C stack. */
static void test_collect_deep(void **state)
{
    run(state, "local function chain(n, seed) local f = function() return seed end\n"
               " for i = 1, n do local inner = f f = function() return inner() end end return f end\n"
               "local old, new_f = chain(200000, 'old'), chain(200000, 'new')\n"
               "local P = new()\n"
               "local absent = P:join(new_f, P:collectupval(new_f), old, P:collectupval(old))\n"
               "assert(#absent == 0)\n"
               "local f = new_f for i = 1, 200000 do f = select(2, debug.getupvalue(f, 1)) end assert(f() == "
               "'old')\n");
}

static const char COUNTERS[] =
    "local old = module [[local count = 10 local M = {} function M.inc() count = count + 1 return count end\n"
    " function M.get() return count end return M]]\n"
    "local fix = module [[local count, step = 0, 2 local M = {} function M.inc() count = count + step return "
    "count end\n"
    " function M.get() return count end function M.set(s) step = s end return M]]\n";

static void test_join_tables(void **state)
{
    lua_State *L = *state;
    lua_pushstring(L, COUNTERS);
    lua_setglobal(L, "COUNTERS");
    static const char *const FORMS[] = {
        "local absent = P:join(up_new, up_old)\n",
        "local absent = P:join(fix, up_new, old, up_old)\n",
    };
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
        luaL_Buffer b;
        luaL_buffinit(L, &b);
        luaL_addstring(&b, COUNTERS);
        luaL_addstring(&b,
                       "local P = new() local up_old, up_new = P:collectupval(old), P:collectupval(fix)\n");
        luaL_addstring(&b, FORMS[i]);
        /* `set` is only in the new table: left alone, and so is its step. */
        luaL_addstring(&b, "same(absent, '$.inc.step')\n"
                           "assert(fix.inc() == 12 and old.get() == 12 and fix.get() == 12) fix.set(5) "
                           "assert(fix.inc() == 17)\n");
        luaL_pushresult(&b);
        run(state, lua_tostring(L, -1));
    }
}

static void test_join_functions(void **state)
{
    run(state, "local function make(start, extra) local n, e = start, extra\n"
               " if extra then return function() return n, e end end return function() return n end end\n"
               "local old, fix = make(1), make(2, 3)\n"
               "local P = new()\n"
               "same(P:join(fix, P:collectupval(fix), old, P:collectupval(old)), '$.#.e')\n"
               "local n, e = fix() assert(n == 1 and e == 3)\n");
}

/* An upvalue that holds a function keeps the new one; its upvalues are joined, in depth. */
static void test_join_helpers(void **state)
{
    run(state,
        "local old = module [[local log, n = {}, 1 local function deep() return n end\n"
        " local function helper() log[#log + 1] = 'old' return deep() end\n"
        " local M = {} function M.f() return helper(), #log end function M.bump() n = n + 1 end return M]]\n"
        "old.f() old.bump()\n"
        "local fix = module [[local log, n, more = {}, 0, 7 local function deep() return n, more end\n"
        " local function helper() log[#log + 1] = 'new' local a, b = deep() return a + b end\n"
        " local M = {} function M.f() return helper(), #log end function M.bump() n = n + 1 end return M]]\n"
        "local P = new()\n"
        "same(P:join(P:collectupval(fix), P:collectupval(old)), '$.f.helper.deep.more')\n"
        "local a, b = fix.f() assert(a == 2 + 7 and b == 2) fix.bump() assert(fix.f() == 3 + 7 and old.f() "
        "== 3)\n");
}

static void test_join_recursion(void **state)
{
    run(state, "local src = [[local n = %d local a, b local function c() return c, b end\n"
               " function a() return b, n end function b() return a, n, c end local M = {} function M.f() "
               "return a, b end return M]]\n"
               "local old, fix = module(src:format(1)), module(src:format(2))\n"
               "local P = new()\n"
               "assert(#P:join(P:collectupval(fix), P:collectupval(old)) == 0)\n"
               "local a, b = fix.f() assert(select(2, a()) == 1 and select(2, b()) == 1)\n"
               "local oa = old.f() assert(a ~= oa)\n");
}

static void test_join_environment(void **state)
{
    run(state,
        "local old = module [[local n = 1 return {f = function() return n end}]]\n"
        "local env = {}\n"
        "local fix = module([[local n = 0 return {f = function() return n, marker end}]], env)\n"
        "marker = 'global'\n"
        "local P = new()\n"
        "same(P:join(P:collectupval(fix), P:collectupval(old)), '$.f._ENV')\n"
        "local n, m = fix.f() assert(n == 1 and m == 'global')\n"
        /* Where the old side has one, it is joined as any other. */
        "local env2 = {marker = 'env'}\n"
        "local old2 = module([[return {f = function() return marker end}]], env2)\n"
        "local fix2 = module([[return {f = function() return marker end}]])\n"
        "P = new() assert(#P:join(P:collectupval(fix2), P:collectupval(old2)) == 0 and fix2.f() == 'env')\n");
}

static void test_types(void **state)
{
    run(state,
        /* nil and false go with anything but a function. */
        "local old = module [[local a, b = nil, false return {f = function() return a, b end}]]\n"
        "local fix = module [[local a, b = 1, {} return {f = function() return a, b end}]]\n"
        "local P = new() assert(#P:join(P:collectupval(fix), P:collectupval(old)) == 0)\n"
        "local a, b = fix.f() assert(a == nil and b == false)\n"
        /* Any other difference is an error, before anything is joined, also in another function. */
        "old = module [[local a, t, z = 1, {}, 5 return {e = function() return z end, f = function() return "
        "a, t end}]]\n"
        "fix = module [[local a, t, z = 2, 'text', 6 return {e = function() return z end, f = function() "
        "return a, t end}]]\n"
        "P = new()\n"
        "local un, uo = P:collectupval(fix), P:collectupval(old)\n"
        "fails('$.f.t: a string in the new code, a table in the old', P.join, P, un, uo)\n"
        "assert(fix.f() == 2 and fix.e() == 6)\n"
        "old = module [[local h return {f = function() return h end}]]\n"
        "fix = module [[local function h() end return {f = function() return h end}]]\n"
        "P = new() fails('$.f.h: a function in the new code, a nil in the old', P.join, P, "
        "P:collectupval(fix), P:collectupval(old))\n");
}

/* What failed once is not taken for joined. */
static void test_again_after_error(void **state)
{
    run(state, "local old = module [[local n, t = 1, {} local function h() return n end return {f = "
               "function() return h(), t end}]]\n"
               "local fix = module [[local n, t = 2, 3 local function h() return n end return {f = "
               "function() return h(), t end}]]\n"
               "local P = new() local un, uo = P:collectupval(fix), P:collectupval(old)\n"
               "assert(not pcall(P.join, P, un, uo))\n"
               "un.f.upvals.t = nil\n"
               "assert(#P:join(un, uo) == 0 and fix.f() == 1)\n");
}

static void test_wrong_use(void **state)
{
    run(state,
        "local f, g = function() return f end, function() return g end\n"
        "local n = 1 f = function() return n end g = function() return n end\n"
        "local P = new() local up = P:collectupval(f)\n"
        "fails('function or a table', P.join, P)\n"
        "fails('function expected', P.join, P, f, up)\n"
        "fails('old table', P.join, P, {}, nil)\n"
        "fails('colon', P.join, {}, {}, {})\n"
        "fails('does not belong', P.join, P, f, {n = {idx = 9, val = 1}}, g, {n = {idx = 1, val = 1}})\n"
        "fails('does not belong', P.join, P, f, {n = 3}, g, {n = {idx = 1, val = 1}})\n"
        "fails('does not belong', P.join, P, f, up, print, {n = {idx = 1, val = 1}})\n"
        "fails('no tree', P.join, P, {x = {}}, {x = {}})\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_collect),           TEST(test_collect_odd_values), TEST(test_collect_deep),
        TEST(test_join_tables),       TEST(test_join_functions),     TEST(test_join_helpers),
        TEST(test_join_recursion),    TEST(test_join_environment),   TEST(test_types),
        TEST(test_again_after_error), TEST(test_wrong_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
