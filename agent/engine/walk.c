/* hotpatch engine: the walk over the heap, an object at a time; the contract is in walk.h. */
#include "agent/engine/walk.h"

#include <string.h>
#include <time.h>

/* what lies at the least before the address that a userdata has for Lua, which may be the next object's: an
 * empty one ends there */
#define USERDATA_HEADER 16

int64_t hp_walk_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- objects ---------------------------------------------------------------------------------- */

/* Sweep: a member without a successor may be of old code all the same. [-0, +0, m] */
static void meet_late(struct hp_walk *w)
{
    lua_pushvalue(w->L, -1);
    bool known = lua_rawget(w->L, w->successors) != LUA_TNIL;
    lua_pop(w->L, 1);
    if (known || !w->latecomers)
        return;
    if (hp_late_push(w->L, w->latecomers, w->successors, w->latecomers_side))
        lua_pop(w->L, 1);
    w->ticks = HP_WALK_LOOK; /* that took as long as many entries */
}

/* Is the Lua function on top, which was not met before, a member? `ar` says where it is from. [-0, +0, m] */
static hp_handle meet_function(struct hp_walk *w, const lua_Debug *ar)
{
    lua_State *L = w->L;
    if (ar->source == w->stranger)
        return 0;
    for (size_t i = 0; i < w->l->sources.count; i++) {
        if (strcmp(ar->source, w->l->sources.items[i]) != 0)
            continue;
        if (w->l->wanted && !w->l->wanted(L, w->l->wanted_ud))
            return 0;
        hp_handle handle = hp_anchor_add(L, w->anchor, -1);
        hp_members_add(&w->l->members, i, ar->linedefined, lua_topointer(L, -1), handle);
        if (w->successors)
            meet_late(w);
        return handle;
    }
    w->stranger = ar->source; /* the collector is stopped during a slice: the string stays where it is */
    return 0;
}

void hp_walk_list(struct hp_walk *w)
{
    lua_pushvalue(w->L, -1);
    hp_worklist_put(w->L, &w->l->list, w->list);
}

static void walk_upvalues(struct hp_walk *w, int count, bool c);

/* The handle of a member, else 0. [-0, +0, m] */
static hp_handle enter_function(struct hp_walk *w)
{
    lua_Debug ar;
    lua_pushvalue(w->L, -1);
    lua_getinfo(w->L, ">Su", &ar);
    bool c = *ar.what == 'C';
    hp_handle member = c ? 0 : meet_function(w, &ar);
    if (ar.nups > 0 && hp_walk_may_nest(w)) {
        w->nested++;
        walk_upvalues(w, ar.nups, c);
        w->nested--;
    } else if (ar.nups > 0) {
        hp_walk_list(w);
    }
    return member;
}

hp_handle hp_walk_meet_object(struct hp_walk *w, int type)
{
    const void *address = lua_topointer(w->L, -1);
    if (type == LUA_TUSERDATA)
        address = (const char *)address - USERDATA_HEADER;
    if (!hp_visited_add(&w->l->visited, address))
        return type == LUA_TFUNCTION ? hp_members_find(&w->l->members, address) : 0;
    if (type == LUA_TFUNCTION)
        return enter_function(w);
    if (hp_walk_may_nest(w))
        hp_walk_nested(w, type);
    else
        hp_walk_list(w);
    return 0;
}

bool hp_walk_push_successor(struct hp_walk *w)
{
    lua_pushvalue(w->L, -1);
    if (lua_rawget(w->L, w->successors) == LUA_TFUNCTION)
        return true;
    lua_pop(w->L, 1);
    return false;
}

struct hp_holder *hp_walk_add_holder(struct hp_walk *w, enum hp_holder_kind kind, int container,
                                     hp_handle member)
{
    struct hp_holder *h = hp_holders_add(&w->l->holders);
    if (!h)
        return NULL;
    container = lua_absindex(w->L, container);
    *h = (struct hp_holder){
        .kind = kind, .container = hp_anchor_add(w->L, w->anchor, container), .function = member};
    h->address = lua_topointer(w->L, container);
    return h;
}

void hp_walk_meet_metatable(struct hp_walk *w, int object)
{
    if (!lua_getmetatable(w->L, object))
        return;
    if (hp_visited_add(&w->l->metatables, lua_topointer(w->L, -1)))
        hp_walk_meet_object(w, LUA_TTABLE);
    lua_pop(w->L, 1);
}

/* --- functions and userdata ------------------------------------------------------------------- */

/* The member on top is that upvalue of the function below it. [-0, +0, m] */
static void note_upvalue(struct hp_walk *w, hp_handle member, int index, bool c)
{
    lua_State *L = w->L;
    if (w->successors) {
        if (hp_walk_push_successor(w)) {
            lua_setupvalue(L, -3, index);
            w->l->replaced++;
        }
        return;
    }
    const void *cell = c ? NULL : lua_upvalueid(L, -2, index);
    if (cell && !hp_visited_add(&w->l->visited, cell))
        return; /* several closures share it: it is noted once */
    struct hp_holder *h = hp_walk_add_holder(w, c ? HP_HOLDER_C_UPVALUE : HP_HOLDER_CELL, -2, member);
    if (h) {
        h->index = index;
        h->cell = cell;
    }
}

/* Of the function on top. [-0, +0, m] */
static void walk_upvalues(struct hp_walk *w, int count, bool c)
{
    lua_State *L = w->L;
    for (int i = 1; i <= count; i++) {
        lua_getupvalue(L, -1, i);
        int type = lua_type(L, -1);
        hp_handle member = type >= LUA_TTABLE ? hp_walk_meet_object(w, type) : 0;
        if (member)
            note_upvalue(w, member, i, c);
        lua_pop(L, 1);
        hp_walk_is_late(w);
    }
}

/* The function on top. [-0, +0, m] */
static void walk_function(struct hp_walk *w)
{
    lua_Debug ar;
    lua_pushvalue(w->L, -1);
    lua_getinfo(w->L, ">u", &ar);
    walk_upvalues(w, ar.nups, lua_iscfunction(w->L, -1));
}

/* The userdata on top. [-0, +0, m] */
static void walk_userdata(struct hp_walk *w)
{
    lua_State *L = w->L;
    int userdata = lua_gettop(L);
    hp_walk_meet_metatable(w, userdata);
    for (int i = 1; lua_getiuservalue(L, userdata, i) != LUA_TNONE; i++) {
        hp_handle member = hp_walk_meet(w);
        if (member && !w->successors) {
            struct hp_holder *h = hp_walk_add_holder(w, HP_HOLDER_USER_VALUE, userdata, member);
            if (h)
                h->index = i;
        } else if (member && hp_walk_push_successor(w)) {
            lua_setiuservalue(L, userdata, i);
            w->l->replaced++;
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1); /* the nil of the user value that is none */
}

void hp_walk_nested(struct hp_walk *w, int type)
{
    if (type == LUA_TTABLE) {
        hp_walk_table_nested(w);
        return;
    }
    w->nested++;
    if (type == LUA_TFUNCTION)
        walk_function(w);
    else if (type == LUA_TUSERDATA)
        walk_userdata(w);
    else
        hp_walk_thread(w);
    w->nested--;
}
