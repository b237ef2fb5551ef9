/* anchor.h: numbers for live objects, also for many, and where memory runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>

#include "agent/engine/anchor.h"

#define MANY    5000 /* several pages, and every shard */
#define OBJECTS 1    /* stack index of a list of them … */
#define ANCHOR  2    /* … and of the anchor */

static struct {
    long made, refused; /* from that allocation on they fail, for Lua tries twice; 0: none does */
} memory;

static void *counting(void *ud, void *block, size_t old_size, size_t size)
{
    (void)ud;
    if (size == 0) {
        free(block);
        return NULL;
    }
    bool grows = !block || size > old_size;
    memory.made += grows;
    if (grows && memory.refused && memory.made >= memory.refused)
        return NULL;
    return realloc(block, size);
}

static int setup(void **state)
{
    memory.refused = 0;
    lua_State *L = lua_newstate(counting, NULL);
    assert_non_null(L);
    lua_createtable(L, MANY, 0);
    for (int i = 1; i <= MANY; i++) {
        lua_newtable(L);
        lua_rawseti(L, OBJECTS, i);
    }
    hp_anchor_push_new(L);
    *state = L;
    return 0;
}

static int teardown(void **state)
{
    memory.refused = 0;
    lua_close(*state);
    return 0;
}

static hp_handle add(lua_State *L, int i)
{
    lua_rawgeti(L, OBJECTS, i);
    hp_handle handle = hp_anchor_add(L, ANCHOR, -1);
    lua_pop(L, 1);
    return handle;
}

static hp_handle find(lua_State *L, int i)
{
    lua_rawgeti(L, OBJECTS, i);
    hp_handle handle = hp_anchor_find(L, ANCHOR, -1);
    lua_pop(L, 1);
    return handle;
}

static bool leads_to(lua_State *L, hp_handle handle, int i)
{
    int top = lua_gettop(L);
    lua_rawgeti(L, OBJECTS, i);
    hp_anchor_push(L, ANCHOR, handle);
    assert_int_equal(lua_gettop(L), top + 2);
    bool same = lua_rawequal(L, -1, -2);
    lua_settop(L, top);
    return same;
}

static void objects_have_a_number_each(void **state)
{
    lua_State *L = *state;
    for (int i = 1; i <= MANY; i++) {
        assert_int_equal(find(L, i), 0);
        assert_int_equal(add(L, i), i);
    }
    for (int i = 1; i <= MANY; i++) {
        assert_int_equal(find(L, i), i);
        assert_int_equal(add(L, i), i); /* no second one */
        assert_true(leads_to(L, (hp_handle)i, i));
    }
    assert_int_equal(lua_gettop(L), ANCHOR);
}

/* A light userdata may hold the address of an object: it is another value. */
static void an_address_is_not_the_object(void **state)
{
    lua_State *L = *state;
    for (int i = 1; i <= MANY; i += 1000) {
        add(L, i);
        lua_rawgeti(L, OBJECTS, i);
        lua_pushlightuserdata(L, (void *)(uintptr_t)lua_topointer(L, -1));
        hp_handle light = hp_anchor_add(L, ANCHOR, -1);
        assert_int_not_equal(light, 0);
        assert_int_not_equal(light, find(L, i));
        hp_anchor_push(L, ANCHOR, light);
        assert_true(lua_rawequal(L, -1, -2));
        lua_pop(L, 3);
    }
}

static void what_is_no_object_has_none(void **state)
{
    lua_State *L = *state;
    lua_pushinteger(L, 1); /* … not even one that is a number of an object */
    add(L, 1);
    assert_int_equal(hp_anchor_add(L, ANCHOR, -1), 0);
    assert_int_equal(hp_anchor_find(L, ANCHOR, -1), 0);
    lua_pushinteger(L, -1);
    assert_int_equal(hp_anchor_add(L, ANCHOR, -1), 0);
    hp_anchor_push(L, ANCHOR, 0);
    assert_true(lua_isnil(L, -1));
}

static int add_one(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)hp_anchor_add(L, 1, 2));
    return 1;
}

/* As an engine does it, protected. 0: no memory. */
static hp_handle try_to_add(lua_State *L, int i)
{
    lua_pushcfunction(L, add_one);
    lua_pushvalue(L, ANCHOR);
    lua_rawgeti(L, OBJECTS, i);
    hp_handle handle = lua_pcall(L, 2, 1, 0) == LUA_OK ? (hp_handle)lua_tointeger(L, -1) : 0;
    lua_pop(L, 1);
    return handle;
}

static void memory_that_runs_out_leaves_it_sound(void **state)
{
    lua_State *L = *state;
    static hp_handle handles[MANY + 1];
    int failures = 0;
    lua_gc(L, LUA_GCSTOP);
    for (int i = 1; i <= MANY; i++)
        for (long n = 1; !handles[i]; n++) { /* from the n-th allocation of this call on */
            memory.refused = memory.made + n;
            handles[i] = try_to_add(L, i);
            memory.refused = 0;
            failures += handles[i] == 0;
            assert_true(handles[i] != 0 || find(L, i) == 0);
        }
    for (int i = 1; i <= MANY; i++) {
        assert_int_equal(find(L, i), handles[i]);
        assert_true(leads_to(L, handles[i], i));
    }
    assert_true(failures > MANY / 1024 * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(objects_have_a_number_each, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_is_not_the_object, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_object_has_none, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_that_runs_out_leaves_it_sound, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
