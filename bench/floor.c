/* bench: the cheapest walk over a heap; the contract is in floor.h. */
#include "bench/floor.h"

#include <stdbool.h>

#include <lauxlib.h>

#include "agent/engine/visited.h"
#include "bench/sample.h"

#define MAX_DEPTH 32 /* objects that are walked one within the other; what is deeper is listed */

struct walk {
    lua_State *L;
    struct hp_visited seen;
    int list; /* stack index of a table: objects to be walked yet */
    lua_Integer listed;
    int depth;
};

static bool is_new(struct walk *w)
{
    return hp_visited_add(&w->seen, lua_topointer(w->L, -1));
}

static void meet(struct walk *w, int type);

/* The table on top, with the tables in it. [-0, +0, m] */
static void walk_table(struct walk *w)
{
    lua_State *L = w->L;
    int outer = w->depth;
    lua_pushnil(L);
    for (;;) {
        if (lua_next(L, -2)) {
            int key = lua_type(L, -2), value = lua_type(L, -1);
            if (key >= LUA_TTABLE) {
                lua_pushvalue(L, -2);
                meet(w, key);
                lua_pop(L, 1);
            }
            if (value == LUA_TTABLE && w->depth < MAX_DEPTH) {
                if (is_new(w)) {
                    w->depth++;
                    lua_pushnil(L);
                    continue;
                }
            } else if (value >= LUA_TTABLE) {
                meet(w, value);
            }
        } else if (w->depth > outer) {
            w->depth--;
        } else {
            return;
        }
        lua_pop(L, 1);
    }
}

static void walk_function(struct walk *w)
{
    for (int i = 1; lua_getupvalue(w->L, -1, i); i++) {
        int type = lua_type(w->L, -1);
        if (type >= LUA_TTABLE)
            meet(w, type);
        lua_pop(w->L, 1);
    }
}

static void walk_coroutine(struct walk *w)
{
    lua_State *co = lua_tothread(w->L, -1);
    lua_Debug ar;
    for (int level = 0; co != w->L && lua_getstack(co, level, &ar); level++) {
        for (int i = 1; lua_getlocal(co, &ar, i); i++) {
            lua_xmove(co, w->L, 1);
            int type = lua_type(w->L, -1);
            if (type >= LUA_TTABLE)
                meet(w, type);
            lua_pop(w->L, 1);
        }
    }
}

/* The object on top, whatever it is. [-0, +0, m] */
static void walk_object(struct walk *w, int type)
{
    if (type == LUA_TTABLE)
        walk_table(w);
    else if (type == LUA_TFUNCTION)
        walk_function(w);
    else if (type == LUA_TTHREAD)
        walk_coroutine(w);
}

static void meet(struct walk *w, int type)
{
    if (!is_new(w))
        return;
    if (w->depth < MAX_DEPTH) {
        w->depth++;
        walk_object(w, type);
        w->depth--;
    } else {
        lua_pushvalue(w->L, -1);
        lua_rawseti(w->L, w->list, ++w->listed);
    }
}

double floor_us(lua_State *L)
{
    int top = lua_gettop(L);
    double begin = cpu_us();
    lua_gc(L, LUA_GCSTOP);
    luaL_checkstack(L, LUA_MINSTACK + 3 * MAX_DEPTH, "bench");
    lua_newtable(L);
    struct walk w = {.L = L, .list = lua_gettop(L)};
    hp_visited_init(&w.seen);
    is_new(&w);
    lua_pushvalue(L, LUA_REGISTRYINDEX);
    meet(&w, LUA_TTABLE);
    lua_settop(L, w.list);
    while (w.listed > 0) {
        lua_rawgeti(L, w.list, w.listed--);
        walk_object(&w, lua_type(L, -1));
        lua_settop(L, w.list);
    }
    if (w.seen.failed)
        die("no memory", NULL);
    hp_visited_fini(&w.seen);
    lua_settop(L, top);
    lua_gc(L, LUA_GCRESTART);
    return cpu_us() - begin;
}
