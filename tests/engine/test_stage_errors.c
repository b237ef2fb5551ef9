/* The stage: errors with their place, bounds, memory that runs out (stage.h). */
#include "stage_fixture.h"

static struct staged t;

static int open_all(void **state)
{
    (void)state;
    staged_open(&t, "bus = {on = print} function bus.each(f) f() end config = {1, 2, 3}");
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    staged_close(&t);
    return 0;
}

static void failure(const char *text, enum hp_status status, const char *message, int line,
                    const char *source_line)
{
    assert_int_equal(staged_try(&t, text), status);
    assert_int_equal(t.report.status, status);
    assert_non_null(t.report.error);
    if (strstr(t.report.error->text, message) == NULL)
        fail_msg("`%s` is not in `%s`", message, t.report.error->text);
    assert_int_equal(t.report.error->line, line);
    if (source_line != NULL) {
        assert_string_equal(t.report.error->source_line, source_line);
        assert_string_equal(t.report.error->module, "mod");
        assert_string_equal(t.report.error->file, "mod.lua");
    }
}

static void syntax_errors_have_a_place(void **state)
{
    (void)state;
    failure("local x = 1\nlocal function f(\n  return x +\nend\n", HP_LOAD_FAILED, "mod.lua:3:", 3,
            "  return x +");
    failure("#!/usr/bin/lua\nlocal = 2\r\n", HP_LOAD_FAILED, "mod.lua:2:", 2, "local = 2");
    failure("x = 'unfinished", HP_LOAD_FAILED, "unfinished string", 1, "x = 'unfinished");
    failure("\033Lua", HP_REFUSED, "precompiled", 0, NULL);
}

static void errors_of_the_body_have_a_place(void **state)
{
    (void)state;
    failure("local function f()\n  local x = nil\n  return x.y\nend\nf()\n", HP_LOAD_FAILED,
            "attempt to index a nil value (local 'x')", 3, "  return x.y");
    assert_non_null(strstr(t.report.error->traceback, "mod.lua:3: in upvalue 'f'")
                        ? ""
                        : strstr(t.report.error->traceback, "mod.lua:3: in local 'f'"));
    assert_non_null(strstr(t.report.error->traceback, "mod.lua:5: in main chunk"));
    assert_null(strstr(t.report.error->traceback, "[C]: in ?"));
    failure("\nerror('boom')", HP_LOAD_FAILED, "mod.lua:2: boom", 2, "error('boom')");
    failure("\n\nerror({code = 1})", HP_LOAD_FAILED, "the error object is a table value", 3,
            "error({code = 1})");
    failure("error({message = 'told'})", HP_LOAD_FAILED, "told", 1, NULL);
    failure("error(setmetatable({}, {__tostring = function() return 'spoken' end}))", HP_LOAD_FAILED,
            "spoken", 1, NULL);
    failure("error(nil)", HP_LOAD_FAILED, "the error object is nil", 1, NULL);
    failure("error(bus.on('x'))", HP_LOAD_FAILED, "print(\"x\")", 1, NULL);
    failure("local t = setmetatable({}, {__index = function(t, k) error('no ' .. k) end})\nreturn t.a",
            HP_LOAD_FAILED, "no a", 1, NULL);
    failure("coroutine.wrap(function()\n error('inside') end)()", HP_LOAD_FAILED, "mod.lua:2: inside", 1,
            NULL);
    failure("require 'no_such_module'", HP_LOAD_FAILED, "module 'no_such_module' not found", 1, NULL);
    failure("undefined_global()", HP_LOAD_FAILED, "attempt to call a nil value (global 'undefined_global')",
            1, NULL);
    failure("return config + 1", HP_LOAD_FAILED, "attempt to perform arithmetic on a table value", 1, NULL);
    failure("return config()", HP_LOAD_FAILED, "attempt to call a table value", 1, NULL);
    failure("return config < config", HP_LOAD_FAILED, "attempt to compare", 1, NULL);
    failure("config[nil] = 1", HP_LOAD_FAILED, "index is nil", 1, NULL);
    failure("next(config, 'nope')", HP_LOAD_FAILED, "invalid key to 'next'", 1, NULL);
}

static void loops_end(void **state)
{
    (void)state;
    t.limits.instructions = 1000000;
    failure("local x = 0\n\nwhile true do x = x + 1 end", HP_LIMIT, "endless loop", 3,
            "while true do x = x + 1 end");
    t.limits.instructions = 0;
    t.limits.seconds = 0.05;
    failure("\nwhile true do end", HP_LIMIT, "too long", 2, "while true do end");
}

static void bounds_cannot_be_caught(void **state)
{
    (void)state;
    t.limits.instructions = 1000000;
    static const char *const bodies[] = {
        "while true do pcall(function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function(e) while true do end end) end",
        "local function f() while true do end end while true do coroutine.resume(coroutine.create(f)) end",
        "local c = coroutine.wrap(function() while true do end end) while true do pcall(c) end",
        "for i = 1, 1e18 do bus.each(function() end) end",
        ("local t = setmetatable({}, {__close = function() while true do end end}) while true do "
         "pcall(function() local c <close> = t error() end) end"),
        "string.gsub(('x'):rep(100), '.', function() while true do end end)",
        "table.sort({3, 2, 1}, function() while true do end end)",
        "return load(function() while true do end end)",
        "goto a ::a:: ::b:: goto b",
        ("local t = setmetatable({}, {__close = function() while true do end end}) "
         "coroutine.wrap(function() local c <close> = t while true do end end)()"),
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        staged_try(&t, bodies[i]);
        if (t.status != HP_LIMIT) {
            fail_msg("%s: %s: %s", bodies[i], hp_status_info(t.status)->word,
                     t.report.error != NULL ? t.report.error->text : "");
        }
    }
}

static void memory_is_bounded(void **state)
{
    (void)state;
    t.limits.memory = 8 << 20;
    static const char *const bodies[] = {
        "local t = {} while true do t[#t + 1] = {} end",
        "local s = 'x' while true do s = s .. s end",
        "while true do pcall(function() local s = 'x' while true do s = s .. s end end) end",
        "return ('x'):rep(1e10)",
        "return pcall(string.rep, 'x', 1e9, 'y')",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "table.move({}, 1, 1 << 60, 2)",
        "return ('a'):rep(5 << 20):find('b')",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        staged_try(&t, bodies[i]);
        if (t.status != HP_LIMIT || t.report.error == NULL || t.report.error->text == NULL) {
            fail_msg("%s: %s: %s", bodies[i], hp_status_info(t.status)->word,
                     t.report.error != NULL ? t.report.error->text : "");
        }
    }
    t.limits.memory = 64 << 20;
    staged_returns(
        &t,
        "local n = 0 for i = 1, 200 do local t = {} for j = 1, 1000 do t[j] = {} end n = n + #t end return n",
        "200000");
}

static void recursion_is_bounded(void **state)
{
    (void)state;
    failure("local function f() return 1 + f() end\nf()", HP_LOAD_FAILED, "stack overflow", 1, NULL);
    failure("local t = {} setmetatable(t, {__index = function(t, k) return t[k] end}) return t.x",
            HP_LOAD_FAILED, "stack overflow", 1, NULL);
    failure("local s = ('('):rep(300) .. ')' local f, e = load('return ' .. s) error(e)", HP_LOAD_FAILED, "",
            1, NULL);
    staged_returns(&t, "local function f(n) return n == 0 and 'done' or f(n - 1) end return f(1e5)",
                   "\"done\"");
}

static void a_module_that_fails_fails_the_request(void **state)
{
    (void)state;
    const struct hp_stage_chunk chunks[] = {
        {.module = "a", .chunk_name = "@a.lua", .text = "return {}", .len = sizeof "return {}" - 1},
        {.module = "b",
         .chunk_name = "@b.lua",
         .text = "\nlocal x <const> = 1\nx = 2",
         .len = sizeof "\nlocal x <const> = 1\nx = 2" - 1},
        {.module = "c",
         .chunk_name = "@c.lua",
         .text = "pcall(require, 'd')",
         .len = sizeof "pcall(require, 'd')" - 1},
        {.module = "d", .chunk_name = "@d.lua", .text = "error 'd'", .len = sizeof "error 'd'" - 1},
    };
    assert_int_equal(staged_try_all(&t, chunks, 2), HP_LOAD_FAILED);
    assert_string_equal(t.report.error->module, "b");
    assert_int_equal(t.report.error->line, 3);
    assert_string_equal(t.report.error->source_line, "x = 2");
    const struct hp_stage_chunk caught[] = {chunks[2], chunks[3]};
    assert_int_equal(staged_try_all(&t, caught, 2), HP_LOAD_FAILED);
    assert_string_equal(t.report.error->module, "d");
}

/* The n-th allocation of C memory fails, for every n: a status each time, nothing lost (the sanitizers see).
 */
static long allocations, fail_at;

static void *failing_realloc(void *ptr, size_t size)
{
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    if (fail_at != 0 && ++allocations >= fail_at)
        return NULL;
    return realloc(ptr, size);
}

#define BODY                                                                                                 \
    "local M = {list = {1, 2, 3}, sub = {}} local n = 0 function M.f() n = n + 1 end M.sub.g = function() "  \
    "return n end\n"                                                                                         \
    "config.x = M bus.on('x', M.f) local p = bus.on('y') M.p = p.a .. 'x' M.q = p.b(1) + 2 setmetatable(M, " \
    "{__index = config})\n"                                                                                  \
    "bus.each(M.f) M.t = pcall(require, 'no.such') for k in pairs(p) do end M.s = ('%d'):format(3) M.c = "   \
    "coroutine.create(M.f)\n"                                                                                \
    "pcall(error, 'x') return M"

static void any_allocation_may_fail(void **state)
{
    (void)state;
    staged_run(&t, BODY);
    hp_mem_set_allocator(failing_realloc);
    enum hp_status status = HP_NO_MEMORY;
    int limits = 0;
    for (fail_at = 1; status != HP_OK; fail_at += 1 + fail_at / 40) {
        allocations = 0;
        struct hp_graph graph;
        struct hp_report report;
        hp_graph_init(&graph);
        hp_report_init(&report);
        const struct hp_stage_chunk chunk = {
            .module = "mod", .chunk_name = "@mod.lua", .text = BODY, .len = strlen(BODY)};
        struct hp_stage *stage = hp_stage_open(t.live, 1, NULL);
        status = HP_NO_MEMORY;
        if (stage != NULL) {
            status = hp_stage_run(stage, &chunk, 1, &report);
            if (status == HP_OK)
                status = hp_stage_collect(stage, &graph);
        }
        limits += status != HP_OK;
        if (status != HP_OK && status != HP_NO_MEMORY) {
            hp_mem_set_allocator(NULL);
            fail_msg("%ld: %s %s", fail_at, hp_status_info(status)->word,
                     report.error != NULL ? report.error->text : "");
        }
        hp_stage_close(stage);
        hp_graph_fini(&graph);
        hp_report_fini(&report);
        assert_int_equal(lua_gettop(t.live), 1);
    }
    fail_at = 0;
    hp_mem_set_allocator(NULL);
    assert_true(limits > 50);
}

/* The live state has no memory: reading it fails, the stage ends, and the state is as it was. */
static lua_Alloc live_alloc;
static void *live_alloc_arg;
static long live_left;

static void *failing_live_alloc(void *arg, void *ptr, size_t old_size, size_t size)
{
    (void)arg;
    bool grows = size > (ptr != NULL ? old_size : 0);
    return grows && live_left-- <= 0 ? NULL : live_alloc(live_alloc_arg, ptr, old_size, size);
}

static void the_live_state_may_have_no_memory(void **state)
{
    (void)state;
    live_alloc = lua_getallocf(t.live, &live_alloc_arg);
    int failures = 0;
    for (long n = 0; n == 0 || t.status != HP_OK; n++) {
        live_left = n;
        lua_setallocf(t.live, failing_live_alloc, NULL);
        staged_try(&t, BODY);
        lua_setallocf(t.live, live_alloc, live_alloc_arg);
        if (t.status != HP_OK) {
            assert_int_equal(t.status, HP_NO_MEMORY);
            failures++;
        }
        assert_int_equal(lua_gettop(t.live), 1);
        assert_int_equal(luaL_dostring(t.live, "assert(config[1] == 1 and config.x == nil)"), LUA_OK);
    }
    assert_true(failures > 0);
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(syntax_errors_have_a_place),
        EACH(errors_of_the_body_have_a_place),
        EACH(loops_end),
        EACH(bounds_cannot_be_caught),
        EACH(memory_is_bounded),
        EACH(recursion_is_bounded),
        EACH(any_allocation_may_fail),
        EACH(the_live_state_may_have_no_memory),
        EACH(a_module_that_fails_fails_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
