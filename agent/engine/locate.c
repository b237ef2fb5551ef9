/* hotpatch engine: the search for holders; the contract is in locate.h. */
#include "agent/engine/locate.h"

#include <lauxlib.h>
#include <string.h>

#include "agent/engine/walk.h"

/* Places of the Lua side. */
enum { SIDE_LIST = 1, SIDE_PLACE };

struct hp_locate *hp_locate_new(void)
{
    struct hp_locate *l = hp_mem_calloc(sizeof *l);
    if (l) {
        hp_arena_init(&l->sources_arena);
        hp_arena_init(&l->arena);
        hp_graph_init(&l->keys);
    }
    return l;
}

static void forget_pass(struct hp_locate *l)
{
    hp_visited_fini(&l->visited);
    hp_visited_fini(&l->metatables);
    hp_graph_fini(&l->keys);
    hp_arena_fini(&l->arena);
    hp_members_init(&l->members, &l->arena);
    hp_holders_init(&l->holders, &l->arena);
    memset(&l->running, 0, sizeof l->running);
    memset(&l->loops, 0, sizeof l->loops);
    l->replaced = l->deep = 0;
    l->place.saved = l->rooted = false;
    l->array.end = 0;
}

void hp_locate_free(struct hp_locate *l)
{
    if (!l)
        return;
    forget_pass(l);
    hp_arena_fini(&l->sources_arena);
    hp_mem_free(l);
}

bool hp_locate_source(struct hp_locate *l, const char *chunk_name)
{
    for (size_t i = 0; i < l->sources.count; i++)
        if (strcmp(l->sources.items[i], chunk_name) == 0)
            return true;
    const char **slot = HP_PUSH(&l->sources_arena, &l->sources);
    if (slot)
        *slot = hp_arena_str(&l->sources_arena, chunk_name);
    return !hp_arena_failed(&l->sources_arena);
}

void hp_locate_only(struct hp_locate *l, hp_locate_wanted wanted, void *ud)
{
    l->wanted = wanted;
    l->wanted_ud = ud;
}

void hp_locate_begin(lua_State *L, struct hp_locate *l, int hidden)
{
    hidden = lua_absindex(L, hidden);
    forget_pass(l);
    lua_createtable(L, 4, 0);
    hp_worklist_push_new(L, &l->list);
    hp_visited_add(&l->visited, lua_topointer(L, -1)); /* the search does not find itself */
    hp_visited_add(&l->visited, lua_topointer(L, -2));
    lua_rawseti(L, -2, SIDE_LIST);
    hp_place_push_new(L, &l->place);
    hp_visited_add(&l->visited, lua_topointer(L, -1));
    lua_rawseti(L, -2, SIDE_PLACE);
    hp_visited_add(&l->visited, lua_topointer(L, hidden));
    lua_pushnil(L);
    while (lua_next(L, hidden)) {
        hp_visited_add(&l->visited, lua_topointer(L, -1));
        lua_pop(L, 1);
    }
}

/* --- the walk --------------------------------------------------------------------------------- */

static void list_roots(struct hp_walk *w, lua_State *poller)
{
    lua_State *L = w->L;
    w->nested = HP_WALK_NESTED; /* each goes on the list: there it can be interrupted */
    lua_pushvalue(L, LUA_REGISTRYINDEX);
    hp_walk_meet(w);
    lua_pop(L, 1);
    static const char text[] = "";
    lua_pushlstring(L, text, 0); /* the basic types' metatables are roots of their own */
    hp_walk_meet_metatable(w, lua_gettop(L));
    lua_pushinteger(L, 0);
    hp_walk_meet_metatable(w, lua_gettop(L));
    lua_pushboolean(L, 0);
    hp_walk_meet_metatable(w, lua_gettop(L));
    lua_pushnil(L);
    hp_walk_meet_metatable(w, lua_gettop(L));
    lua_pushlightuserdata(L, w);
    hp_walk_meet_metatable(w, lua_gettop(L));
    lua_pushcfunction(L, lua_error); /* any function: it is not called */
    hp_walk_meet_metatable(w, lua_gettop(L));
    lua_pushthread(L);
    hp_visited_add(&w->l->visited, lua_topointer(L, -1)); /* the agent's own coroutine */
    hp_walk_meet_metatable(w, lua_gettop(L));
    lua_pop(L, 7);
    if (poller != L) {
        lua_pushthread(poller);
        lua_xmove(poller, L, 1);
        hp_walk_meet(w);
        lua_pop(L, 1);
    }
    w->nested = 0;
    w->l->rooted = true;
}

/* The object on top, not inside of another, or the rest of it. [-0, +0, m] */
static void walk_object(struct hp_walk *w)
{
    int type = lua_type(w->L, -1);
    if (type == LUA_TTABLE)
        hp_walk_table(w);
    else
        hp_walk_nested(w, type);
}

/* Pushes what is next: the table under way, else the newest of the list. False: nothing. [-0, +(0|1), -] */
static bool push_next(struct hp_walk *w)
{
    if (w->l->place.saved) {
        hp_place_push_table(w->L, w->place);
        return true;
    }
    return hp_worklist_take(w->L, &w->l->list, w->list);
}

enum hp_status hp_locate_step(lua_State *L, struct hp_locate *l, const struct hp_locate_slice *slice,
                              bool *done)
{
    int top = lua_gettop(L);
    struct hp_walk w = {.L = L,
                        .l = l,
                        .anchor = lua_absindex(L, slice->anchor),
                        .successors = slice->successors ? lua_absindex(L, slice->successors) : 0,
                        .latecomers = slice->latecomers,
                        .latecomers_side = slice->latecomers ? lua_absindex(L, slice->latecomers_side) : 0,
                        .meet = slice->meet,
                        .deadline_us = slice->deadline_us};
    luaL_checkstack(L, LUA_MINSTACK + 3 * HP_WALK_NESTED, "hotpatch");
    int side = lua_absindex(L, slice->side);
    lua_rawgeti(L, side, SIDE_PLACE);
    lua_rawgeti(L, side, SIDE_LIST);
    w.list = lua_gettop(L);
    w.place = w.list - 1;
    if (!hp_worklist_reserve(&l->list))
        return HP_NO_MEMORY;
    if (!l->rooted)
        list_roots(&w, slice->poller);
    *done = false;
    while (!w.late && !*done) {
        if (push_next(&w)) {
            walk_object(&w);
            lua_settop(L, w.list);
            hp_walk_is_late(&w);
        } else if (hp_visited_release(&l->visited)) { /* here, and not in the stop that forgets the pass */
            w.late = hp_walk_now_us() >= w.deadline_us;
        } else {
            *done = true;
        }
    }
    lua_settop(L, top);
    bool failed =
        l->visited.failed || l->metatables.failed || hp_arena_failed(&l->arena) || hp_graph_failed(&l->keys);
    return failed ? HP_NO_MEMORY : HP_OK;
}

/* --- results ---------------------------------------------------------------------------------- */

/* Which tables are metatables is known when all has been seen. */
static void mark_metatables(struct hp_locate *l)
{
    for (size_t i = 0; i < l->holders.count; i++) {
        struct hp_holder *holder = hp_holders_at(&l->holders, i);
        holder->in_metatable = hp_visited_has(&l->metatables, holder->address);
    }
}

bool hp_locate_finish(struct hp_locate *l)
{
    mark_metatables(l);
    hp_holders_line_up(&l->holders);
    hp_members_order(&l->members);
    return !hp_arena_failed(&l->arena);
}

size_t hp_locate_objects(const struct hp_locate *l)
{
    return l->visited.count;
}

size_t hp_locate_bytes(const struct hp_locate *l)
{
    return sizeof *l + l->visited.bytes + l->arena.used + l->keys.arena.used;
}

size_t hp_locate_replaced(const struct hp_locate *l)
{
    return l->replaced;
}

size_t hp_locate_deep(const struct hp_locate *l)
{
    return l->deep;
}

const struct hp_holder *hp_locate_holders(const struct hp_locate *l, size_t *count)
{
    *count = l->holders.count;
    return l->holders.row;
}

const struct hp_holder *hp_locate_holder(const struct hp_locate *l, size_t i)
{
    return i < l->holders.count ? hp_holders_at(&l->holders, i) : NULL;
}

const struct hp_running *hp_locate_running(const struct hp_locate *l, size_t *count)
{
    *count = l->running.count;
    return l->running.items;
}

const hp_handle *hp_locate_members(const struct hp_locate *l, size_t *count)
{
    *count = l->members.handles.count;
    return l->members.handles.items;
}

const struct hp_loop *hp_locate_loops(const struct hp_locate *l, size_t *count)
{
    *count = l->loops.count;
    return l->loops.items;
}
