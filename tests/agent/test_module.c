/* The Lua interface: specs in, reports out, and the sentences for what is wrong. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/shape_lua.h"
#include "fake_engine.h"

static lua_State *L;

static int setup(void **state)
{
    (void)state;
    folder_make();
    fake_reset();
    L = new_state();
    lua_pushstring(L, folder);
    lua_setglobal(L, "folder");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lua_close(L);
    assert_int_equal(fake.open, 0);
    folder_remove();
    return 0;
}

static void the_functions_of_the_contract_are_there(void **state)
{
    (void)state;
    run_lua(
        L,
        "for _, name in ipairs { 'start', 'poll', 'fd', 'stop', 'patch', 'diff', 'reload', 'revert', 'log',"
        " 'inspect' } do assert(type(hotpatch[name]) == 'function', name) end"
        " assert(hotpatch._VERSION == '" HP_VERSION "')");
}

static void a_patch_gives_the_report(void **state)
{
    (void)state;
    run_lua(
        L,
        "local r = hotpatch.patch { module = 'm', source = 'return 7' }"
        "assert(r.status == 'applied' and r.patch == 1 and r.generation == 1 and r.protocol == 1)"
        "assert(#r.modules == 1 and r.modules[1].module == 'm' and r.modules[1].source == 'return 7')"
        "assert(#r.warnings == 0 and #r.refusals == 0 and r.error == nil)"
        "assert(r.stragglers == 'unknown' or math.type(r.stragglers) == 'integer')"
        "assert(r.agent.lua == 'Lua 5.4' and r.agent.state == 'main' and math.type(r.agent.pid) == 'integer')"
        "assert(math.type(r.cost.total_us) == 'integer')");
    assert_non_null(strstr(fake.who, "the program itself"));
    run_lua(L, "assert(hotpatch.diff { module = 'm', source = '' }.status == 'planned')");
}

static void a_list_of_modules_is_one_request(void **state)
{
    (void)state;
    run_lua(L, "local r = hotpatch.patch { { module = 'a', source = '1' }, { module = 'b', source = '2', "
               "strict = true },"
               " message = 'both', accept = { 'R04', 'R06' } }"
               "assert(#r.modules == 2 and r.modules[2].module == 'b')"
               "assert(hotpatch.log().patches[1].message == 'both')"
               "assert(#hotpatch.log().patches[1].modules == 2)");
    assert_int_equal(fake.runs, 1);
}

static void wrong_specs_say_what_is_wrong(void **state)
{
    (void)state;
    fails_lua(L, "hotpatch.patch()", "table expected");
    fails_lua(L, "hotpatch.patch {}", "'source' (the text) or 'file'");
    fails_lua(L, "hotpatch.patch { source = '' }", "'module' (its name) is needed");
    fails_lua(L, "hotpatch.patch { module = 'm', sorce = '' }", "did you mean 'source'?");
    fails_lua(L, "hotpatch.diff { module = 'm', source = '', prun = true }",
              "hotpatch.diff: there is no field 'prun'; did "
              "you mean 'prune'?");
    fails_lua(L, "hotpatch.patch { module = 'm', source = 1 }",
              "'source' should be a string and is a number");
    fails_lua(L, "hotpatch.patch { module = 'm', source = '', strict = 1 }", "'strict' should be a boolean");
    fails_lua(L, "hotpatch.patch { module = 'm', source = '', accept = { 1 } }",
              "'accept' should be a list of strings");
    fails_lua(L, "hotpatch.patch { module = 'm', source = '', accept = 'R99' }", "no reason code");
    fails_lua(L, "hotpatch.patch { module = 'm\\0', source = '' }", "zero byte");
    fails_lua(L, "hotpatch.patch { module = 'm', source = '', merge = 'two-way' }",
              "\"keep\" or \"three-way\"");
    fails_lua(L, "hotpatch.patch { module = 'm', source = '', max_pause_ms = 1/0 }", "not finite");
    fails_lua(L, "hotpatch.patch { module = 'm', source = '', [print] = 1 }", "a key is a function");
    fails_lua(L, "hotpatch.patch { { module = 'm', source = '' }, 'x' }",
              "item 2 of the list should be a map");
    fails_lua(L, "hotpatch.patch { { module = 'm', source = '' }, source = 'x' }", "no field 'source'");
    fails_lua(L, "hotpatch.revert('x')", "number expected");
    fails_lua(L, "hotpatch.inspect()", "string expected");
    fails_lua(L, "hotpatch.reload()", "string expected");
    assert_int_equal(fake.runs, 0);
    run_lua(L, "hotpatch.patch { module = 'm', source = 'a\\0b', expect_version = 3, accept = 'R04' }");
}

static void files_are_read(void **state)
{
    (void)state;
    run_lua(L,
            "local path = folder .. '/x.lua'"
            "local f = io.open(path, 'wb') f:write(('-- long\\n'):rep(40000), 'return 9') f:close()"
            "local r = hotpatch.patch { file = path }"
            "assert(r.status == 'applied' and r.modules[1].source == ('-- long\\n'):rep(40000) .. 'return 9')"
            "r = hotpatch.patch { module = 'm', file = folder .. '/nope.lua' }"
            "assert(r.status == 'load_failed' and r.error.text:find('nope.lua: No such file', 1, true), "
            "r.error.text)"
            "r = hotpatch.patch { module = 'm', file = folder }"
            "assert(r.status == 'load_failed' and r.error.text:find 'directory', r.error.text)");
    assert_int_equal(fake.runs, 1);
}

static void reload_reads_what_require_would(void **state)
{
    (void)state;
    run_lua(
        L,
        "package.path = folder .. '/?.lua'"
        "local f = io.open(folder .. '/mod.lua', 'wb') f:write 'return 3' f:close()"
        "local r = hotpatch.reload 'mod'"
        "assert(r.status == 'applied' and r.modules[1].module == 'mod' and r.modules[1].source == 'return 3')"
        "assert(hotpatch.reload('mod', { message = 'again' }).status == 'applied')"
        "assert(hotpatch.log().patches[1].message == 'again')"
        "r = hotpatch.reload 'none'"
        "assert(r.status == 'load_failed' and r.error.text:find('none.lua', 1, true), r.error.text)"
        "package.searchpath = nil");
    fails_lua(L, "hotpatch.reload 'mod'", "no package.searchpath");
}

static void revert_log_inspect(void **state)
{
    (void)state;
    run_lua(L, "hotpatch.patch { module = 'm', source = '' } hotpatch.patch { module = 'm', source = '' }"
               "local r = hotpatch.revert(2) assert(r.status == 'reverted' and r.patch == 2)"
               "assert(hotpatch.revert { message = 'oops' }.status == 'reverted')"
               "local log = hotpatch.log()"
               "assert(log.status == 'ok' and #log.patches == 2 and log.patches[1].patch == 2)"
               "assert(hotpatch.inspect('m').status == 'ok')");
}

static void reports_are_seen_by_clients_too(void **state)
{
    struct hp_report report;
    (void)state;
    run_lua(L, "hotpatch.start() hotpatch.poll() hotpatch.patch { module = 'm', source = '' }");
    int fd = client_connect(own_socket());
    ask(fd, HP_KIND_LOG, "l");
    assert_true(client_report(fd, &report));
    assert_int_equal(report.patches.count, 1);
    assert_non_null(strstr(report.patches.items[0].who, "the program itself"));
    hp_report_fini(&report);
    close(fd);
}

/* --- with memory that fails at every point ---------------------------------------------------- */

static long allocations_left;

static void *failing_realloc(void *ptr, size_t size)
{
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return allocations_left-- > 0 ? realloc(ptr, size) : NULL;
}

static void *failing_lua(void *ud, void *ptr, size_t old_size, size_t size)
{
    (void)ud;
    (void)old_size;
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return allocations_left-- > 0 ? realloc(ptr, size) : NULL;
}

static bool succeeds(const char *call)
{
    char code[200];
    snprintf(code, sizeof code, "local ok, r = pcall(%s) return ok and r.status == 'applied'", call);
    bool ok = luaL_dostring(L, code) == LUA_OK && lua_toboolean(L, -1);
    lua_settop(L, 0);
    return ok;
}

#define PATCH  "hotpatch.patch, spec"
#define RELOAD "hotpatch.reload, 'mod', { message = 'x' }"

static void prepare_calls(void)
{
    run_lua(L, "spec = { module = 'm', source = 'return 1', message = 'x', accept = { 'R04' } }"
               "package.path = folder .. '/?.lua'"
               "local f = io.open(folder .. '/mod.lua', 'wb') f:write 'return 3' f:close()");
}

static void c_memory_fails_anywhere(void **state)
{
    static const char *const calls[] = {PATCH, RELOAD};
    (void)state;
    prepare_calls();
    for (size_t i = 0; i < 2; i++) {
        bool done = false;
        for (long n = 0; !done; n++) {
            assert_true(n < 1000);
            allocations_left = n;
            hp_mem_set_allocator(failing_realloc);
            done = succeeds(calls[i]);
            hp_mem_set_allocator(NULL);
        }
    }
}

static void lua_memory_fails_anywhere(void **state)
{
    static const char *const calls[] = {PATCH, RELOAD};
    void *ud;
    (void)state;
    prepare_calls();
    lua_Alloc original = lua_getallocf(L, &ud);
    for (size_t i = 0; i < 2; i++) {
        bool done = false;
        for (long n = 0; !done; n++) {
            assert_true(n < 5000);
            allocations_left = n;
            lua_setallocf(L, failing_lua, NULL);
            done = succeeds(calls[i]);
            lua_setallocf(L, original, ud);
        }
    }
}

/* With a collector that is at work at every allocation, what is in use and not anchored goes, finalizers and
 * all. */
static void nothing_in_use_is_collected(void **state)
{
    (void)state;
    prepare_calls();
    run_lua(L, "collectgarbage('incremental', 1, 1000, 1)"
               "for i = 1, 50 do"
               "  assert(hotpatch.patch(spec).modules[1].source == 'return 1')"
               "  assert(hotpatch.reload('mod', { message = 'x' }).modules[1].source == 'return 3')"
               "  assert(hotpatch.diff(spec).status == 'planned')"
               "  assert(#hotpatch.log().patches == 2 * i)"
               "  assert(hotpatch.inspect('m').status == 'ok')"
               "  hotpatch.start { listen = {}, name = 'n' .. i } hotpatch.stop()"
               "end");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_functions_of_the_contract_are_there),
        T(a_patch_gives_the_report),
        T(a_list_of_modules_is_one_request),
        T(wrong_specs_say_what_is_wrong),
        T(files_are_read),
        T(reload_reads_what_require_would),
        T(revert_log_inspect),
        T(reports_are_seen_by_clients_too),
        T(c_memory_fails_anywhere),
        T(lua_memory_fails_anywhere),
        T(nothing_in_use_is_collected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
