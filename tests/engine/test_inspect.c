/* inspect.h on live modules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

#include "agent/engine/inspect.h"

struct fixture {
    lua_State *L;
    struct hp_report report;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->L = luaL_newstate();
    assert_non_null(f->L);
    luaL_openlibs(f->L);
    hp_report_init(&f->report);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    hp_report_fini(&f->report);
    lua_close(f->L);
    free(f);
    return 0;
}

/* Loads a module as `require` would have. */
static void module(struct fixture *f, const char *name, const char *text)
{
    char chunk_name[64];
    snprintf(chunk_name, sizeof chunk_name, "@%s.lua", name);
    luaL_getsubtable(f->L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    if (luaL_loadbuffer(f->L, text, strlen(text), chunk_name) != LUA_OK || lua_pcall(f->L, 0, 1, 0) != LUA_OK)
        fail_msg("%s", lua_tostring(f->L, -1));
    lua_setfield(f->L, -2, name);
    lua_settop(f->L, 0);
}

static enum hp_status inspect(struct fixture *f, const char *target)
{
    hp_report_fini(&f->report);
    hp_report_init(&f->report);
    enum hp_status status = hp_inspect(f->L, target, &f->report);
    assert_int_equal(lua_gettop(f->L), 0);
    assert_int_equal(status == HP_OK, f->report.error == NULL);
    return status;
}

/* The paths found, in order, with a blank between. */
static void expect_paths(struct fixture *f, const char *target, const char *paths)
{
    char found[4096] = "";
    assert_int_equal(inspect(f, target), HP_OK);
    for (size_t i = 0; i < f->report.functions.count; i++) {
        size_t len = strlen(found);
        snprintf(found + len, sizeof found - len, "%s%s", i != 0 ? " " : "",
                 f->report.functions.items[i].path);
    }
    assert_string_equal(found, paths);
}

static const struct hp_report_inspected *function(struct fixture *f, const char *path)
{
    for (size_t i = 0; i < f->report.functions.count; i++)
        if (strcmp(f->report.functions.items[i].path, path) == 0)
            return &f->report.functions.items[i];
    fail_msg("no function at %s", path);
    return NULL;
}

static const struct hp_report_upvalue *upvalue(struct fixture *f, const char *path, const char *name)
{
    const struct hp_report_inspected *found = function(f, path);
    for (size_t i = 0; i < found->upvalues.count; i++)
        if (strcmp(found->upvalues.items[i].name, name) == 0)
            return &found->upvalues.items[i];
    fail_msg("no upvalue %s of %s", name, path);
    return NULL;
}

/* --- what is found ---------------------------------------------------------------------------- */

static void test_counter(void **state)
{
    struct fixture *f = *state;
    module(f, "counter",
           "local count, name, rates = 3, 'gold', {1, 2}\n"
           "local function log(s) return s, name end\n"
           "local M = {VERSION = 1}\n"
           "function M.increment() count = count + 1 log(rates) end\n"
           "function M.get() return count, print end\n"
           "return M");
    expect_paths(f, "counter", "increment^log increment get");
    const struct hp_report_inspected *get = function(f, "get");
    assert_string_equal(get->source, "counter.lua");
    assert_int_equal(get->line, 5);
    const struct hp_report_upvalue *count = upvalue(f, "get", "count");
    assert_int_equal(count->index, 1);
    assert_string_equal(count->type, "number");
    assert_string_equal(count->value, "3");
    assert_int_equal(strncmp(count->cell, "0x", 2), 0);
    assert_string_equal(count->cell, upvalue(f, "increment", "count")->cell);
    assert_int_equal(count->shared_with.count, 1);
    assert_string_equal(count->shared_with.items[0], "increment");
    assert_string_equal(upvalue(f, "increment", "rates")->value, "table (2 fields)");
    assert_int_equal(upvalue(f, "increment", "rates")->shared_with.count, 0);
    assert_string_equal(upvalue(f, "increment", "log")->value, "function (counter.lua:2)");
    assert_string_equal(upvalue(f, "increment^log", "name")->value, "\"gold\"");
    assert_string_equal(upvalue(f, "get", "_ENV")->value, "_G");
    assert_int_equal(upvalue(f, "get", "_ENV")->shared_with.count, 0);
}

static void test_tables_and_metatables(void **state)
{
    struct fixture *f = *state;
    module(f, "battle",
           "local M, Skill = {}, {} Skill.__index = Skill\n"
           "function Skill.cast() end\n"
           "M.Skill = setmetatable({}, {__index = Skill,\n"
           " __call = function() end})\n"
           "M.list = {function() end,\n"
           " {deep = function() end}}\n"
           "M['a b'] = function() end\n"
           "local handlers = {\n"
           " join = function() return M end}\n"
           "function M.run() return handlers end\n"
           "M[M] = 1 M.self = M\n"
           "return M");
    expect_paths(
        f, "battle",
        "Skill@mt.__index.cast Skill@mt.__call list[1] list[2].deep [\"a b\"] run^handlers.join run");
    expect_paths(f, "battle.Skill", "Skill@mt.__index.cast Skill@mt.__call");
    expect_paths(f, "battle.list.2", "list.2.deep");
    expect_paths(f, "battle.run", "run^handlers.join run");
    assert_int_equal(inspect(f, "battle.VERSION"), HP_REFUSED);
}

static void test_other_modules_are_not_entered(void **state)
{
    struct fixture *f = *state;
    module(f, "util", "local function deep() end return {trim = function() return deep() end}");
    module(f, "app",
           "local util = package.loaded.util\n"
           "local trim, state = util.trim, {owner = _G, util = util}\n"
           "local M = {util = util, alias = util.trim, print = print, string = string}\n"
           "function M.a() return util, trim, state end\n"
           "function M.b() return string, coroutine.wrap(print) end\n"
           "return M");
    expect_paths(f, "app", "a b alias");
    assert_string_equal(function(f, "alias")->source, "util.lua");
    /* A module is entered where it is the target itself, also the globals. */
    expect_paths(f, "util", "trim trim^deep");
    assert_int_equal(luaL_dostring(f->L, "function global_one() end Table = {f = function() end}"), LUA_OK);
    expect_paths(f, "_G", "Table.f global_one");
    expect_paths(f, "Table", "Table.f");
    expect_paths(f, "global_one", "global_one");
}

static void test_function_module(void **state)
{
    struct fixture *f = *state;
    module(
        f, "handler",
        "local n = 0\nlocal function helper() return n end\nreturn function() n = n + 1 return helper() end");
    expect_paths(f, "handler", "handler^helper handler");
    module(f, "a", "return {own = 1}");
    module(f, "a.b", "return {f = function() end}");
    expect_paths(f, "a.b", "f"); /* the longest prefix */
    expect_paths(f, "a", "");
}

/* Aliases: the shortest path, else the first by name, whatever the order of the table. */
static void test_aliases(void **state)
{
    struct fixture *f = *state;
    module(f, "m",
           "local M = {} function M.zz() end M.aa = M.zz M.longer = M.zz M.t = {x = M.zz}\n"
           "local function helper() end function M.f() return helper end M.g = M.f return M");
    expect_paths(f, "m", "aa f f^helper");
}

/* --- raw -------------------------------------------------------------------------------------- */

static void test_metamethods_are_not_run(void **state)
{
    struct fixture *f = *state;
    module(f, "m",
           "local trap = setmetatable({}, {__index = error, __pairs = error, __tostring = error, __len = "
           "error,\n"
           " __name = 'Trap', __metatable = false})\n"
           "local M = setmetatable({}, {__index = error, __pairs = error})\n"
           "rawset(M, 'f', function() return trap end) return M");
    expect_paths(f, "m", "f");
    assert_string_equal(upvalue(f, "f", "trap")->value, "table (empty)");
    assert_int_equal(luaL_dostring(f->L, "setmetatable(_G, {__index = error})"), LUA_OK);
    assert_int_equal(inspect(f, "absent"), HP_REFUSED);
}

static void test_stripped(void **state)
{
    struct fixture *f = *state;
    module(f, "m", "local n = 1 return {f = load(string.dump(function() return n end, true))}");
    expect_paths(f, "m", "f");
    assert_int_equal(function(f, "f")->upvalues.count, 1);
}

/* --- refusals and limits ---------------------------------------------------------------------- */

static void test_refused(void **state)
{
    struct fixture *f = *state;
    module(f, "battle", "return {n = 1, f = function() end}");
    assert_int_equal(inspect(f, "batle"), HP_REFUSED);
    assert_int_equal(f->report.candidates.count, 1);
    assert_string_equal(f->report.candidates.items[0], "battle");
    assert_non_null(strstr(f->report.error->text, "did you mean \"battle\"?"));
    assert_int_equal(inspect(f, "nothing_like_it_at_all"), HP_REFUSED);
    assert_int_equal(f->report.candidates.count, 0);
    assert_int_equal(inspect(f, "battle.g.h"), HP_REFUSED);
    assert_string_equal(f->report.error->text, "\"battle\" is loaded, but there is nothing at \"g.h\" in it");
    assert_int_equal(inspect(f, "battle.n"), HP_REFUSED);
    assert_non_null(strstr(f->report.error->text, "is a number"));
    assert_int_equal(inspect(f, "print"), HP_REFUSED);
    assert_non_null(strstr(f->report.error->text, "is a C function"));
    assert_int_equal(inspect(f, ""), HP_REFUSED);
    assert_int_equal(inspect(f, "..."), HP_REFUSED);
}

static void test_limits(void **state)
{
    struct fixture *f = *state;
    module(f, "many", "local M, n = {}, 0 for i = 1, 12000 do M[i] = function() n = i end end return M");
    assert_int_equal(inspect(f, "many"), HP_OK);
    assert_int_equal(f->report.functions.count, 10000);
    assert_int_equal(f->report.warnings.count, 1);
    assert_true(upvalue(f, f->report.functions.items[0].path, "n")->shared_with.count <= 51);
    module(f, "data", "local M = {rows = {}} for i = 1, 300000 do M.rows[i] = i end return M");
    assert_int_equal(inspect(f, "data"), HP_OK);
    assert_int_equal(f->report.warnings.count, 1);
    /* A chain is no recursion. */
    module(f, "chain",
           "local M = {} local t = M for i = 1, 3000 do t.x = {} t = t.x end t.f = function() end return M");
    assert_int_equal(inspect(f, "chain"), HP_OK);
    assert_int_equal(f->report.functions.count, 1);
}

static int allowed;

static void *failing_realloc(void *ptr, size_t size)
{
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return allowed-- > 0 ? realloc(ptr, size) : NULL;
}

static void *failing_lua_alloc(void *ud, void *ptr, size_t old_size, size_t size)
{
    (void)ud;
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return ptr != NULL && size <= old_size ? realloc(ptr, size) : failing_realloc(ptr, size);
}

static void test_no_memory(void **state)
{
    struct fixture *f = *state;
    module(f, "m",
           "local n = {} local function h() return n end local M = {} for i = 1, 40 do M['f' .. i] = "
           "function() return n, h, i end end return M");
    void *ud;
    lua_Alloc old = lua_getallocf(f->L, &ud);
    for (int kind = 0; kind < 2; kind++) {
        enum hp_status status = HP_NO_MEMORY;
        for (int n = 0; status != HP_OK && n < 3000; n++) {
            hp_report_fini(&f->report);
            hp_report_init(&f->report);
            allowed = n;
            if (kind == 0)
                hp_mem_set_allocator(failing_realloc);
            else
                lua_setallocf(f->L, failing_lua_alloc, NULL);
            status = hp_inspect(f->L, "m", &f->report);
            hp_mem_set_allocator(NULL);
            lua_setallocf(f->L, old, ud);
            assert_true(status == HP_OK || status == HP_NO_MEMORY);
            assert_int_equal(lua_gettop(f->L), 0);
        }
        assert_int_equal(status, HP_OK);
        assert_int_equal(f->report.functions.count, 41);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_counter),
        TEST(test_tables_and_metatables),
        TEST(test_other_modules_are_not_entered),
        TEST(test_function_module),
        TEST(test_aliases),
        TEST(test_metamethods_are_not_run),
        TEST(test_stripped),
        TEST(test_refused),
        TEST(test_limits),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
