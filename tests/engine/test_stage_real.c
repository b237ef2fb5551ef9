/* The stage: what programs that exist do while they load (tests/inert measures them): a `require` of their
 * own, searchers of their own, a look at who calls; and the lines that a body ran (stage.h). */
#include "stage_fixture.h"

#include <stdio.h>

static struct staged t;

static int open_all(void **state)
{
    (void)state;
    staged_open(&t, "function caller() return debug.getinfo(2, 'S').what end\n"
                    "function through() return (caller()) end\n"
                    "function me() return debug.getinfo(1, 'f').func end\n"
                    "local secret, list = 7, {x = 1}\n"
                    "function reader() return secret, list end\n"
                    "function upvalue_of_caller() return (debug.getupvalue(debug.getinfo(2).func, 1)) end\n"
                    "function asks() local s = secret return (upvalue_of_caller()) end\n"
                    "function fails(text) error(text, 0) end\n"
                    "function writes_and_fails() list.y = 1 error('never seen', 0) end\n"
                    "local real = require\n"
                    "function wrapped(name) return real(name) end\n"
                    "function guarded(name) return (pcall(real, name)) end\n");
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    staged_close(&t);
    return 0;
}

static void frames_are_those_of_the_program(void **state)
{
    (void)state;
    staged_returns(&t, "return caller()", "\"main\"");
    staged_returns(&t, "local function f() return (caller()) end return f()", "\"Lua\"");
    staged_returns(&t, "return through()", "\"Lua\"");
    staged_returns(&t, "return asks()", "\"secret\"");
    staged_returns(&t, "return me() == me", "true");
    staged_returns(&t, "return debug.getinfo(100) == nil", "true");
}

static void upvalues_of_live_functions_can_be_read(void **state)
{
    (void)state;
    staged_returns(&t, "return {debug.getupvalue(reader, 1)}", "{[1]=\"secret\",[2]=7}");
    staged_returns(&t, "local _, list = debug.getupvalue(reader, 2) return list.x", "1");
    staged_returns(&t, "return select('#', debug.getupvalue(reader, 3))", "0");
    staged_returns(&t, "return select('#', debug.getupvalue(reader, 1 << 40))", "0");
    staged_returns(&t, "debug.setupvalue(reader, 1, 8) return (reader())", "7");
    char *effects = staged_effects(&t.graph);
    assert_non_null(strstr(effects, "debug.setupvalue(reader, 1, 8):1"));
    free(effects);
}

static void own_searchers_and_modules_that_are_not_loaded(void **state)
{
    (void)state;
    staged_returns(&t, "return (pcall(require, 'no.such'))", "false");
    assert_int_equal(
        luaL_dostring(t.live, "table.insert(package.searchers, 2, function() return 'none' end)"), LUA_OK);
    staged_returns(&t, "return (require 'no.such')", "?(require(\"no.such\"))");
    assert_int_equal(t.graph.warnings.count, 0);
    staged_returns(&t, "return (pcall(require, 'no.such'))",
                   "false"); /* it would be loaded if it could be found */
    assert_int_equal(t.graph.warnings.count, 1);
    staged_returns(&t, "return (pcall(function() return require 'no.such' end))", "false");
    staged_returns(&t, "return (pcall(require, 'string'))", "true");
}

static void a_require_of_the_programs_own(void **state)
{
    (void)state;
    staged_returns(&t, "return wrapped 'string' == string", "true");
    staged_returns(&t, "return (pcall(wrapped, 'no.such'))", "false");
    staged_returns(&t, "return guarded 'no.such'", "false");
    staged_returns(&t, "wrapped 'no.such' return 1", "1"); /* not caught: a call that was not made */
    assert_int_equal(t.graph.effects.count, 1);
    assert_int_equal(
        luaL_dostring(t.live, "table.insert(package.searchers, 2, function() return 'none' end)"), LUA_OK);
    staged_returns(&t, "return (pcall(wrapped, 'no.such'))", "false");
}

static void errors_of_foreign_functions_where_the_body_catches_them(void **state)
{
    (void)state;
    staged_returns(&t, "return {pcall(fails, 'no')}", "{[1]=false,[2]=\"no\"}");
    staged_returns(&t, "return (pcall(function() fails('no') end))", "false");
    assert_int_equal(t.graph.effects.count, 0);
    staged_returns(&t, "fails('no') return 1", "1");
    assert_int_equal(t.graph.effects.count, 1);
    staged_returns(&t, "return (pcall(fails, print('x')))",
                   "true"); /* of what is not known nothing is known */
    staged_returns(&t, "return (pcall(writes_and_fails))", "true");
    assert_int_equal(luaL_dostring(t.live, "assert(select(2, reader()).y == nil)"), LUA_OK);
}

static void note_line(void *context, uint32_t chunk, int line)
{
    char *text = context;
    assert_int_equal(chunk, 0);
    if (line == 0)
        text[0] = '\0';
    assert_true(strlen(text) < 80);
    snprintf(text + strlen(text), 10, "%d ", line);
}

static void lines_of_the_body_are_told(void **state)
{
    (void)state;
    static const char text[] =
        "local n = #list_of_nobody()\n" /* a length that a `for` insists on: two tries */
        "local function f()\n"
        "  n = n\n"
        "end\n"
        "f()\n"
        "for i = 1, n do\n"
        "  f()\n"
        "end\n"
        "return f\n";
    const struct hp_stage_chunk chunk = {
        .module = "mod", .chunk_name = "@mod.lua", .text = text, .len = sizeof text - 1};
    assert_int_equal(luaL_dostring(t.live, "list_of_nobody = print"), LUA_OK);
    char told[128] = "";
    struct hp_stage *stage = hp_stage_open(t.live, 1, NULL);
    hp_stage_watch(stage, note_line, told);
    enum hp_status status = hp_stage_run(stage, &chunk, 1, &t.report);
    hp_stage_close(stage);
    assert_int_equal(status, HP_OK);
    assert_string_equal(told, "0 1 4 5 6 9 ");
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(frames_are_those_of_the_program),
        EACH(upvalues_of_live_functions_can_be_read),
        EACH(own_searchers_and_modules_that_are_not_loaded),
        EACH(a_require_of_the_programs_own),
        EACH(errors_of_foreign_functions_where_the_body_catches_them),
        EACH(lines_of_the_body_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
