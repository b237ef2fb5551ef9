/* eval.h and show.h on a real Lua state. */
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

#include "agent/engine/eval.h"
#include "agent/engine/show.h"

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

/* Evaluates with a report made anew. */
static enum hp_status eval(struct fixture *f, const char *code)
{
    hp_report_fini(&f->report);
    hp_report_init(&f->report);
    int top = lua_gettop(f->L);
    enum hp_status status = hp_eval(f->L, code, strlen(code), "=eval", 10000000, &f->report);
    assert_int_equal(lua_gettop(f->L), top);
    assert_int_equal(f->report.error == NULL, status == HP_OK);
    if (f->report.error != NULL)
        assert_int_equal(f->report.status, status);
    return status;
}

/* --- results ---------------------------------------------------------------------------------- */

static void test_results(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *code, *result;
    } CASES[] = {
        {"1 + 1", "2"},
        {"return 1 + 1", "2"},
        {"2^53", "9.007199254741e+15"},
        {"1.0", "1.0"},
        {"-0.5", "-0.5"},
        {"math.huge", "inf"},
        {"nil", "nil"},
        {"false", "false"},
        {"'a\"\\n\\0\\200'", "\"a\\\"\\n\\000\310\""},
        {"'h\xc3\xa9'", "\"h\xc3\xa9\""},
        {"{}", "{}"},
        {"{1, 2, {3}}", "{ 1, 2, table (1 field) }"},
        {"{f = print}", "{ f = function (C) }"},
        {"setmetatable({}, {__tostring = function() touched = true end, __pairs = error, __index = error, "
         "__len = error})",
         "{}"},
        {"print", "function (C)"},
        {"coroutine.create(print)", "coroutine"},
        {"io.stdout", "userdata (FILE*)"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_int_equal(eval(f, CASES[i].code), HP_OK);
        assert_int_equal(f->report.results.count, 1);
        assert_string_equal(f->report.results.items[0], CASES[i].result);
    }
    lua_getglobal(f->L, "touched");
    assert_true(lua_isnil(f->L, -1));
    assert_int_equal(eval(f, "-- a comment"), HP_OK);
    assert_int_equal(f->report.results.count, 0);
    assert_int_equal(eval(f, "function() end"), HP_OK);
    assert_string_equal(f->report.results.items[0], "function (eval:1)");
    assert_int_equal(eval(f, "1, nil, 'x'"), HP_OK);
    assert_int_equal(f->report.results.count, 3);
    assert_string_equal(f->report.results.items[1], "nil");
    assert_string_equal(f->report.results.items[2], "\"x\"");
}

/* Strings first, sorted; then the rest; on lines of their own where they are many. */
static void test_tables(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(eval(f, "{7, b = 1, a = 'x', ['a b'] = true, [10] = 1}"), HP_OK);
    assert_string_equal(f->report.results.items[0], "{ 7, a = \"x\", [\"a b\"] = true, b = 1, [10] = 1 }");
    assert_int_equal(eval(f, "{[{}] = 1}"), HP_OK);
    assert_string_equal(f->report.results.items[0], "{ [table] = 1 }");
    assert_int_equal(eval(f, "{name = ('x'):rep(80), age = 3}"), HP_OK);
    assert_non_null(strstr(f->report.results.items[0], "{\n  age = 3,\n  name = \"xxx"));
    assert_int_equal(eval(f, "local t = {} for i = 1, 5000 do t['k' .. i] = i end return t"), HP_OK);
    assert_non_null(strstr(f->report.results.items[0], "… (4000 more)\n}"));
    assert_int_equal(eval(f, "local t = {} for i = 1, 5000 do t[i] = i end return t"), HP_OK);
    assert_non_null(strstr(f->report.results.items[0], "  999,\n  1000,\n  [1001] = 1001"));
    assert_int_equal(eval(f, "local t = {{}} for i = 1, 100001 do t[1][i] = i end return t"), HP_OK);
    assert_string_equal(f->report.results.items[0], "{ table (more than 100000 fields) }");
}

static void test_large_results(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(eval(f, "('x'):rep(3000000), 1"), HP_OK);
    assert_int_equal(f->report.results.count, 1);
    size_t len = strlen(f->report.results.items[0]);
    assert_true(len > 1000000 && len < 1100000);
    assert_int_equal(eval(f, "table.unpack({}, 1, 100000)"), HP_OK);
    assert_int_equal(f->report.results.count, 100000);
}

/* --- what it does to the server --------------------------------------------------------------- */

static void test_globals(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(eval(f, "x = 41"), HP_OK);
    assert_int_equal(eval(f, "x + 1"), HP_OK);
    assert_string_equal(f->report.results.items[0], "42");
    assert_int_equal(eval(f, "function helper() return x end"), HP_OK);
    assert_int_equal(luaL_dostring(f->L, "assert(x == 41 and helper() == 41 and _G.helper)"), LUA_OK);
}

static void test_print(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        eval(f,
             "print('a', 1, nil) print() print(setmetatable({}, {__tostring = function() return 'T' end}))"),
        HP_OK);
    assert_string_equal(f->report.output, "a\t1\tnil\n\nT\n");
    assert_int_equal(eval(f, "1"), HP_OK);
    assert_null(f->report.output);
    /* What it printed before it failed is there too. */
    assert_int_equal(eval(f, "print('before') error('no')"), HP_FAILED);
    assert_string_equal(f->report.output, "before\n");
    /* The server's print is its own again. */
    assert_int_equal(luaL_dostring(f->L, "assert(print == _G.print and debug.getinfo(print).what == 'C')"),
                     LUA_OK);
}

/* --- failures --------------------------------------------------------------------------------- */

static void test_syntax(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(eval(f, "x = 1\nlocal y = = 2\n"), HP_LOAD_FAILED);
    assert_string_equal(f->report.error->text, "eval:2: unexpected symbol near '='");
    assert_string_equal(f->report.error->file, "eval");
    assert_int_equal(f->report.error->line, 2);
    assert_string_equal(f->report.error->source_line, "local y = = 2");
    assert_int_equal(luaL_dostring(f->L, "assert(x == nil)"), LUA_OK);
    assert_int_equal(eval(f, "\033Lua"), HP_REFUSED);
    assert_int_equal(eval(f, "#!/usr/bin/lua\nreturn 5 +"), HP_LOAD_FAILED);
    assert_int_equal(f->report.error->line, 2);
}

static void test_error(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(eval(f, "local function g()\n  local t = nil\n  return t.x\nend\ng()"), HP_FAILED);
    assert_int_equal(f->report.error->line, 3);
    assert_string_equal(f->report.error->source_line, "  return t.x");
    assert_non_null(strstr(f->report.error->text, "attempt to index a nil value (local 't')"));
    assert_non_null(strstr(f->report.error->traceback, "eval:5: in "));
    /* In other code of the server: no line of the chunk's. */
    assert_int_equal(luaL_loadbuffer(f->L, "function boom() error('deep') end", 33, "@server.lua"), LUA_OK);
    lua_call(f->L, 0, 0);
    assert_int_equal(eval(f, "boom()"), HP_FAILED);
    assert_string_equal(f->report.error->file, "server.lua");
    assert_int_equal(f->report.error->line, 1);
    assert_null(f->report.error->source_line);
    assert_int_equal(eval(f, "error({})"), HP_FAILED);
    assert_string_equal(f->report.error->text, "(error object is a table value)");
    assert_null(f->report.error->file);
    assert_int_equal(eval(f, "error('no place: here', 0)"), HP_FAILED);
    assert_null(f->report.error->file);
}

static void test_bound(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(eval(f, "while true do end"), HP_LIMIT);
    assert_non_null(strstr(f->report.error->text, "instruction limit of 10000000 reached"));
    assert_int_equal(eval(f, "while true do pcall(error) end"), HP_LIMIT);
    assert_null(lua_gethook(f->L));
    assert_int_equal(eval(f, "1"), HP_OK);
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

/* A Lua allocator that refuses the growth after `allowed` ones. */
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
    static const char code[] = "print('text', {}) return {a = {}, b = 'x'}, 5";
    void *ud;
    lua_Alloc old = lua_getallocf(f->L, &ud);
    for (int kind = 0; kind < 2; kind++) {
        enum hp_status status = HP_NO_MEMORY;
        for (int n = 0; status != HP_OK && n < 2000; n++) {
            hp_report_fini(&f->report);
            hp_report_init(&f->report);
            allowed = n;
            if (kind == 0)
                hp_mem_set_allocator(failing_realloc);
            else
                lua_setallocf(f->L, failing_lua_alloc, NULL);
            status = hp_eval(f->L, code, sizeof code - 1, NULL, 100000, &f->report);
            bool cut = f->report.output == NULL || strstr(f->report.output, "text") == NULL;
            hp_mem_set_allocator(NULL);
            lua_setallocf(f->L, old, ud);
            assert_true(status == HP_OK || status == HP_NO_MEMORY);
            if (status == HP_OK && cut) /* what print caught may be lost; the rest may not */
                status = HP_NO_MEMORY;
            assert_int_equal(lua_gettop(f->L), 0);
        }
        assert_int_equal(status, HP_OK);
        assert_string_equal(f->report.results.items[1], "5");
    }
}

/* --- short values ----------------------------------------------------------------------------- */

static void test_show(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *code, *text;
    } CASES[] = {
        {"return 'short'", "\"short\""},
        {"return '123456789\xc3\xa9'", "\"123456789…\""}, /* not in the middle of a character */
        {"return '1234567890'", "\"1234567890\""},
        {"return '12345678901'", "\"1234567890…\""},
        {"return {}", "table (empty)"},
        {"return {1, x = 2}", "table (2 fields)"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct hp_buf b;
        hp_buf_init(&b, 1000);
        assert_int_equal(luaL_dostring(f->L, CASES[i].code), LUA_OK);
        hp_show_value(f->L, -1, 10, &b);
        assert_string_equal(hp_show_take(&b, &f->report.arena), CASES[i].text);
        lua_settop(f->L, 0);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_results),   TEST(test_tables), TEST(test_large_results), TEST(test_globals),
        TEST(test_print),     TEST(test_syntax), TEST(test_error),         TEST(test_bound),
        TEST(test_no_memory), TEST(test_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
