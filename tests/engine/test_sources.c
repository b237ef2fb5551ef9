/* sources.h: the store of texts, the file reader, and the wrapped searcher in a real Lua state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

#include "agent/engine/sources.h"
#include "proto/arena.h"

static void expect(const struct hp_sources *s, const char *module, const char *text, const char *origin)
{
    struct hp_source found;
    if (text == NULL) {
        assert_false(hp_sources_find(s, module, &found));
        return;
    }
    assert_true(hp_sources_find(s, module, &found));
    assert_string_equal(found.text, text);
    assert_int_equal(found.len, strlen(text));
    assert_string_equal(found.origin, origin);
    assert_int_equal(found.chunk_name[0], '@');
}

static bool record(struct hp_sources *s, const char *module, const char *text)
{
    return hp_sources_record(s, module, "@file.lua", text, strlen(text));
}

/* --- store ------------------------------------------------------------------------------------ */

static void test_record(void **state)
{
    (void)state;
    struct hp_sources *s = hp_sources_new(10000);
    expect(s, "a", NULL, NULL);
    char text[] = "one";
    assert_true(record(s, "a", text));
    text[0] = 'X'; /* copied */
    expect(s, "a", "one", "recorded");
    assert_true(record(s, "b", ""));
    expect(s, "b", "", "recorded");
    assert_true(record(s, "a", "two"));
    expect(s, "a", "two", "recorded");
    assert_true(hp_sources_record(s, "nul", "@x", "a\0b", 3));
    struct hp_source found;
    assert_true(hp_sources_find(s, "nul", &found));
    assert_int_equal(found.len, 3);
    assert_memory_equal(found.text, "a\0b", 4);
    hp_sources_free(s);
    hp_sources_free(NULL);
}

static void test_cap(void **state)
{
    (void)state;
    struct hp_sources *s = hp_sources_new(3000);
    char big[1001] = {0}, name[16];
    memset(big, 'x', 1000);
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "m%d", i);
        assert_true(record(s, name, big));
    }
    expect(s, "m7", NULL, NULL); /* oldest out */
    expect(s, "m8", big, "recorded");
    expect(s, "m9", big, "recorded");
    /* Recorded again, a module is the youngest. */
    assert_true(record(s, "m8", big));
    assert_true(record(s, "m1", big));
    expect(s, "m9", NULL, NULL);
    expect(s, "m8", big, "recorded");
    /* What is larger than the cap is not kept, nor the text that it replaced. */
    char huge[4001] = {0};
    memset(huge, 'y', 4000);
    assert_true(record(s, "m8", huge));
    expect(s, "m8", NULL, NULL);
    expect(s, "m1", big, "recorded");
    /* The last one gone, the queue goes on. */
    assert_true(record(s, "m1", huge));
    assert_true(record(s, "m2", "again"));
    expect(s, "m2", "again", "recorded");
    hp_sources_free(s);
}

static struct hp_pushed_text *prepare(struct hp_sources *s, const char *module, const char *text)
{
    struct hp_pushed_text *t = hp_sources_prepare(s, module, "@p.lua", text, strlen(text), NULL, 0);
    assert_non_null(t);
    return t;
}

static void test_pushed(void **state)
{
    (void)state;
    struct hp_sources *s = hp_sources_new(100000);
    assert_true(record(s, "a", "recorded text"));
    struct hp_pushed_text *one = prepare(s, "a", "one"), *two = prepare(s, "a", "two"),
                          *other = prepare(s, "b", "b1");
    expect(s, "a", "recorded text", "recorded"); /* prepared is not yet there */
    hp_sources_drop(prepare(s, "a", "never"));
    hp_sources_drop(NULL);
    assert_null(hp_sources_commit(s, one));
    assert_null(hp_sources_commit(s, other));
    expect(s, "a", "one", "pushed");
    assert_ptr_equal(hp_sources_commit(s, two), one);
    expect(s, "a", "two", "pushed");
    expect(s, "b", "b1", "pushed");
    /* Reverted, twice: the first text, then none. */
    hp_sources_restore(s, "a", one);
    expect(s, "a", "one", "pushed");
    hp_sources_restore(s, "a", NULL);
    expect(s, "a", "recorded text", "recorded");
    hp_sources_restore(s, "a", NULL);
    expect(s, "b", "b1", "pushed");
    hp_sources_free(s);
}

static void test_codes(void **state)
{
    (void)state;
    static uint64_t many[HP_SOURCES_CODES + 10];
    const uint64_t codes[] = {7, 8}, more[] = {8, 9};
    for (size_t i = 0; i < sizeof many / sizeof *many; i++)
        many[i] = 1000 + i;
    struct hp_sources *s = hp_sources_new(100000);
    struct hp_pushed_text *first = hp_sources_prepare(s, "a", "@x", "1", 1, codes, 2);
    assert_false(hp_sources_had(s, "a", 7)); /* prepared is not yet there */
    assert_null(hp_sources_commit(s, first));
    assert_true(hp_sources_had(s, "a", 7));
    assert_false(hp_sources_had(s, "b", 7));
    struct hp_pushed_text *second = hp_sources_prepare(s, "a", "@x", "2", 1, more, 2);
    assert_ptr_equal(hp_sources_commit(s, second), first);
    assert_true(hp_sources_had(s, "a", 7) && hp_sources_had(s, "a", 8) && hp_sources_had(s, "a", 9));
    struct hp_pushed_text *third = hp_sources_prepare(s, "a", "@x", "3", 1, many, sizeof many / sizeof *many);
    assert_ptr_equal(hp_sources_commit(s, third), second);
    assert_true(hp_sources_had(s, "a", many[0]));
    assert_false(hp_sources_had(s, "a", 7)); /* too many: the oldest go */
    hp_sources_restore(s, "a", second);
    assert_true(hp_sources_had(s, "a", 9));
    hp_sources_restore(s, "a", first);
    assert_false(hp_sources_had(s, "a", 9));
    hp_sources_free(s);
}

static void *no_memory(void *ptr, size_t size)
{
    if (size == 0)
        free(ptr);
    return NULL;
}

static void test_no_memory(void **state)
{
    (void)state;
    struct hp_sources *s = hp_sources_new(10000);
    assert_true(record(s, "a", "old"));
    struct hp_pushed_text *ready = prepare(s, "a", "ready");
    hp_mem_set_allocator(no_memory);
    assert_null(hp_sources_new(1));
    assert_false(record(s, "a", "new"));
    assert_null(hp_sources_prepare(s, "a", "@x", "t", 1, NULL, 0));
    assert_null(hp_sources_commit(s, ready)); /* needs none */
    hp_mem_set_allocator(NULL);
    expect(s, "a", "ready", "pushed");
    hp_sources_restore(s, "a", NULL);
    expect(s, "a", "old", "recorded");
    hp_sources_free(s);
}

/* --- files ------------------------------------------------------------------------------------ */

static char folder[] = "/tmp/hotpatch-sources-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"t.lua", "empty.lua", "huge.lua", "pipe", "plain.lua", "broken.lua"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        unlink(path_of(NAMES[i]));
    return rmdir(folder);
}

static void test_read_file(void **state)
{
    (void)state;
    size_t len;
    write_file("t.lua", "return 1\n");
    char *text = hp_source_read_file(path_of("t.lua"), &len, NULL);
    assert_string_equal(text, "return 1\n");
    assert_int_equal(len, 9);
    hp_mem_free(text);
    write_file("empty.lua", "");
    text = hp_source_read_file(path_of("empty.lua"), &len, NULL);
    assert_non_null(text);
    assert_int_equal(len, 0);
    hp_mem_free(text);
    assert_null(hp_source_read_file(path_of("absent.lua"), &len, NULL));
    assert_null(hp_source_read_file(folder, &len, NULL));
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    assert_null(hp_source_read_file(path_of("pipe"), &len, NULL)); /* at once */
    write_file("huge.lua", "");
    assert_int_equal(truncate(path_of("huge.lua"), 16 * 1024 * 1024 + 1), 0);
    assert_null(hp_source_read_file(path_of("huge.lua"), &len, NULL));
    assert_int_equal(truncate(path_of("huge.lua"), 16 * 1024 * 1024), 0);
    text = hp_source_read_file(path_of("huge.lua"), &len, NULL);
    assert_non_null(text);
    assert_int_equal(len, 16 * 1024 * 1024);
    hp_mem_free(text);
}

static void test_skip_header(void **state)
{
    (void)state;
    static const struct {
        const char *text, *rest;
    } CASES[] = {
        {"return 1", "return 1"},
        {"", ""},
        {"#!/usr/bin/lua\nreturn 1", "\nreturn 1"},
        {"\xef\xbb\xbfreturn", "return"},
        {"\xef\xbb\xbf#x\ny", "\ny"},
        {"#only", ""},
        {"\xef\xbb", "\xef\xbb"},
        {"\n#x", "\n#x"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        size_t len = strlen(CASES[i].text);
        const char *rest = hp_source_skip_header(CASES[i].text, &len);
        assert_int_equal(len, strlen(CASES[i].rest));
        assert_memory_equal(rest, CASES[i].rest, len);
    }
}

/* --- searcher --------------------------------------------------------------------------------- */

static void run(lua_State *L, const char *text)
{
    if (luaL_dostring(L, text))
        fail_msg("%s", lua_tostring(L, -1));
    assert_int_equal(lua_gettop(L), 0);
}

static lua_State *new_state(void)
{
    lua_State *L = luaL_newstate();
    assert_non_null(L);
    luaL_openlibs(L);
    lua_pushfstring(L, "package.path = '%s/?.lua' original = package.searchers[2]", folder);
    char *text = strdup(lua_tostring(L, -1));
    lua_settop(L, 0);
    run(L, text);
    free(text);
    return L;
}

static void test_searcher(void **state)
{
    (void)state;
    lua_State *L = new_state();
    struct hp_sources *s = hp_sources_new(100000);
    write_file("plain.lua", "return { name = ..., path = select(2, ...) }");
    write_file("broken.lua", "return )");
    assert_true(hp_sources_wrap_searcher(L, s));
    assert_int_equal(lua_gettop(L), 0);
    run(L, "assert(package.searchers[2] ~= original)"
           "local m, where = require 'plain' assert(m.name == 'plain' and m.path == where and "
           "where:find('plain.lua', 1, true))"
           "local ok, e = pcall(require, 'absent') assert(not ok and e:find(\"no file '\", 1, true), e)"
           "local ok, e = pcall(require, 'broken') assert(not ok and e:find('unexpected symbol', 1, true), e)"
           "assert(require 'string' == string)");
    expect(s, "plain", "return { name = ..., path = select(2, ...) }", "recorded");
    struct hp_source found;
    assert_true(hp_sources_find(s, "plain", &found));
    assert_non_null(strstr(found.chunk_name, "/plain.lua"));
    expect(s, "absent", NULL, NULL);
    expect(s, "broken", NULL, NULL);
    hp_sources_unwrap_searcher(L, s);
    run(L, "assert(package.searchers[2] == original) package.loaded.plain = nil require 'plain'");
    hp_sources_unwrap_searcher(L, s); /* harmless */
    hp_sources_free(s);
    lua_close(L);
}

/* Wrapped by somebody else meanwhile, ours stays in use after unwrapping, and after the store is gone. */
static void test_searcher_held_by_others(void **state)
{
    (void)state;
    lua_State *L = new_state();
    struct hp_sources *s = hp_sources_new(100000);
    write_file("plain.lua", "return {}");
    assert_true(hp_sources_wrap_searcher(L, s));
    run(L, "local ours = package.searchers[2] theirs = function(...) return ours(...) end "
           "package.searchers[2] = theirs");
    hp_sources_unwrap_searcher(L, s);
    expect(s, "plain", NULL, NULL);
    hp_sources_free(s);
    run(L, "assert(package.searchers[2] == theirs) assert(require 'plain')");
    lua_close(L);
}

static void test_searcher_twice(void **state)
{
    (void)state;
    lua_State *L = new_state();
    struct hp_sources *first = hp_sources_new(100000), *second = hp_sources_new(100000);
    write_file("plain.lua", "return {}");
    assert_true(hp_sources_wrap_searcher(L, first));
    assert_true(hp_sources_wrap_searcher(L, second));
    run(L, "require 'plain'");
    expect(first, "plain", NULL, NULL);
    expect(second, "plain", "return {}", "recorded");
    hp_sources_unwrap_searcher(L, second);
    run(L, "assert(package.searchers[2] == original)");
    hp_sources_free(first);
    hp_sources_free(second);
    lua_close(L);
}

static void test_no_package_library(void **state)
{
    (void)state;
    lua_State *L = luaL_newstate();
    struct hp_sources *s = hp_sources_new(1000);
    assert_false(hp_sources_wrap_searcher(L, s));
    hp_sources_unwrap_searcher(L, s);
    luaL_openlibs(L);
    run(L, "package.searchers = setmetatable({}, {__index = error})");
    assert_false(hp_sources_wrap_searcher(L, s));
    run(L, "setmetatable(package, {__index = error}) package.searchers = nil");
    assert_false(hp_sources_wrap_searcher(L, s));
    assert_int_equal(lua_gettop(L), 0);
    hp_sources_free(s);
    lua_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_pushed),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_read_file),
        cmocka_unit_test(test_skip_header),
        cmocka_unit_test(test_searcher),
        cmocka_unit_test(test_searcher_held_by_others),
        cmocka_unit_test(test_searcher_twice),
        cmocka_unit_test(test_no_package_library),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
