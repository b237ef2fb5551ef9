/* The walk of a large array by index: where its end is found, that nothing is passed by, and that changes are
 * noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <string.h>

#include "agent/engine/array.h"

static int setup(void **state)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    *state = L;
    return 0;
}

static int teardown(void **state)
{
    lua_close(*state);
    return 0;
}

/* Leaves what the code returns alone on the stack. */
static void make(lua_State *L, const char *code)
{
    lua_settop(L, 0);
    if (luaL_loadstring(L, code) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
}

/* Walks the table at index 1 as the search does, and takes away from it what it meets: nothing is left. */
static void check_nothing_is_left(lua_State *L, struct hp_array *a)
{
    for (; a->next <= a->end; a->next++) {
        lua_pushnil(L);
        lua_rawseti(L, 1, a->next);
    }
    assert_true(hp_array_push_end(L, a, 1));
    assert_int_equal(a->end, 0);
    while (lua_next(L, 1)) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushnil(L);
        lua_rawset(L, 1);
    }
    lua_pushnil(L);
    assert_false(lua_next(L, 1));
    assert_int_equal(lua_gettop(L), 1);
}

static void check_end(lua_State *L, lua_Integer end)
{
    struct hp_array a;
    assert_true(hp_array_begin(L, &a, 1));
    assert_int_equal(lua_gettop(L), 1);
    assert_int_equal(a.next, 1);
    assert_int_equal(a.end, end);
    check_nothing_is_left(L, &a);
}

static void check_none(lua_State *L)
{
    struct hp_array a;
    assert_false(hp_array_begin(L, &a, 1));
    assert_int_equal(a.end, 0);
    assert_int_equal(lua_gettop(L), 1);
}

static void half_empty(void **state)
{
    make(*state, "local t = {} for i = 1, 140000 do t[i] = i end return t");
    check_end(*state, 262144);
}

static void full(void **state)
{
    make(*state, "local t = {} for i = 1, 131072 do t[i] = i end return t");
    check_end(*state, 131072);
}

static void with_other_keys(void **state)
{
    make(*state,
         "local t = {} for i = 1, 1000 do t[-i] = i t['k' .. i] = i t[i + 0.5] = i t[i << 20] = i end\n"
         "for i = 1, 140000 do t[i] = i end return t");
    check_end(*state, 262144);
}

/* `#` gives an end before the gap; the part goes on behind it. */
static void gap_in_the_middle(void **state)
{
    lua_State *L = *state;
    make(L, "local t = {} for i = 1, 1 << 19 do t[i] = i end\n"
            "for i = 100000, 500000 do t[i] = nil end return t");
    assert_int_equal(lua_rawlen(L, 1), 1 << 19);
    check_end(L, 1 << 19);
    make(L, "local t = {} for i = 1, 1 << 19 do t[i] = i end\n"
            "for i = 100000, 500000 do t[i] = nil end t[1 << 19] = nil return t");
    check_end(L, 1 << 19);
}

static void small_tables(void **state)
{
    make(*state, "local t = {} for i = 1, 40000 do t[i] = i end return t");
    check_none(*state);
    make(*state, "local t = {} for i = 1, 100000 do t['k' .. i] = i end return t");
    check_none(*state);
    make(*state, "return {}");
    check_none(*state);
}

static void push_array(lua_State *L, int slots, int others, int entries)
{
    lua_settop(L, 0);
    lua_createtable(L, slots, others);
    for (int i = 1; i <= entries; i++) {
        lua_pushinteger(L, i);
        lua_rawseti(L, 1, i);
    }
}

/* Somebody chose the size of the array part. What is beyond a power of two `next` gives; it has no gap … */
static void exact(void **state)
{
    push_array(*state, 100000, 0, 100000);
    check_end(*state, 65536);
}

/* … or one, which nothing can be done about. */
static void exact_and_half_empty(void **state)
{
    push_array(*state, 250000, 0, 120000);
    check_none(*state);
}

/* `#` counts on in the hash part. */
static void newest_in_the_hash_part(void **state)
{
    push_array(*state, 65536, 8192, 70000);
    assert_int_equal(lua_rawlen(*state, 1), 70000);
    check_end(*state, 65536);
}

/* Indices that were keys of the hash part once are taken by `next` as well. */
static void dead_keys(void **state)
{
    lua_State *L = *state;
    push_array(L, 100000, 16384, 100000);
    for (int i = 0; i < 10000; i++) {
        lua_pushinteger(L, i);
        lua_rawseti(L, 1, 131072 - i);
    }
    for (int i = 0; i < 10000; i++) {
        lua_pushnil(L);
        lua_rawseti(L, 1, 131072 - i);
    }
    lua_pushinteger(L, 131072);
    assert_false(lua_next(L, 1)); /* it raises nothing */
    check_end(L, 65536);
}

static void change(lua_State *L, const char *code)
{
    if (luaL_loadstring(L, code) != LUA_OK || lua_pcall(L, 0, 0, 0) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
}

static void shrinks(void **state)
{
    lua_State *L = *state;
    struct hp_array a;
    make(L, "t = {} for i = 1, 140000 do t[i] = i end return t");
    assert_true(hp_array_begin(L, &a, 1));
    change(L, "for i = 100, 140000 do t[i] = nil end for i = 1, 1000 do t['k' .. i] = i end");
    assert_false(hp_array_push_end(L, &a, 1));
    assert_true(lua_isnil(L, -1));
    assert_int_equal(lua_gettop(L), 2);
    assert_int_equal(a.end, 0);
}

/* What is beyond the old end comes by `next`. */
static void grows(void **state)
{
    lua_State *L = *state;
    struct hp_array a;
    make(L, "t = {} for i = 1, 140000 do t[i] = i end return t");
    assert_true(hp_array_begin(L, &a, 1));
    change(L, "for i = 140001, 300000 do t[i] = i end t.k = 1");
    check_nothing_is_left(L, &a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(half_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(full, setup, teardown),
        cmocka_unit_test_setup_teardown(with_other_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(newest_in_the_hash_part, setup, teardown),
        cmocka_unit_test_setup_teardown(gap_in_the_middle, setup, teardown),
        cmocka_unit_test_setup_teardown(small_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(exact, setup, teardown),
        cmocka_unit_test_setup_teardown(exact_and_half_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(dead_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(shrinks, setup, teardown),
        cmocka_unit_test_setup_teardown(grows, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
