/* hotpatch engine: the walk over the heap, a table's entries; the contract is in walk.h. */
#include "agent/engine/walk.h"

#include "agent/engine/values.h"

/* of one table that the server keeps changing: each time it may be walked for twice as long without a pause
 */
#define MAX_RESTARTS 24

/* While a table is walked, it and an entry's key and value are on top. */
enum { TABLE = -3, KEY, VALUE };

/* The member stands at the key. [-0, +0, m] */
static void note_value(struct hp_walk *w, hp_handle member)
{
    lua_State *L = w->L;
    if (w->successors) {
        if (hp_walk_push_successor(w)) {
            lua_pushvalue(L, KEY - 1);
            lua_insert(L, -2);
            lua_rawset(L, TABLE - 2);
            w->l->replaced++;
        }
        return;
    }
    struct hp_holder *h = hp_walk_add_holder(w, HP_HOLDER_FIELD, TABLE, member);
    if (!h)
        return;
    lua_pushvalue(L, LUA_REGISTRYINDEX);
    h->in_registry = lua_rawequal(L, -1, TABLE - 1);
    lua_pop(L, 1);
    hp_value_from_stack(L, KEY, w->anchor, &w->l->keys, &h->key);
}

/* A key cannot be exchanged while its table is being walked: sweeps note it too. */
static void look_at_key(struct hp_walk *w, int type)
{
    lua_pushvalue(w->L, KEY);
    hp_handle member = hp_walk_meet_object(w, type);
    lua_pop(w->L, 1);
    if (member)
        hp_walk_add_holder(w, HP_HOLDER_KEY, TABLE, member);
}

/* The table has changed: from its beginning again. What was found in it will be found again. */
static void restart(struct hp_locate *l, const void *table)
{
    hp_holders_drop(&l->holders, l->mark, table);
    if (l->restarts < MAX_RESTARTS)
        l->restarts++;
}

/* The walk of the table on top, inside of another object, begins: before its first key. [-0, +1, m] */
static void go_down(struct hp_walk *w)
{
    w->marks[w->nested++] = w->l->holders.count;
    hp_walk_meet_metatable(w, -1);
    lua_pushnil(w->L);
}

/* And ends too early, at the key on top: it cannot be interrupted here, and is listed to be walked anew. [-1,
 * +0, m]
 */
static void give_up(struct hp_walk *w)
{
    lua_pop(w->L, 1);
    hp_holders_drop(&w->l->holders, w->marks[--w->nested], lua_topointer(w->L, -1));
    hp_walk_list(w);
}

/* The value of an entry. True: it is a table, whose walk has begun. [-0, +(0|1), m] */
static bool look_at_value(struct hp_walk *w, int type)
{
    if (type == LUA_TTABLE && hp_walk_may_nest(w)) {
        bool first = hp_visited_add(&w->l->visited, lua_topointer(w->L, -1));
        if (first)
            go_down(w);
        return first;
    }
    hp_handle member = hp_walk_meet_object(w, type);
    if (member)
        note_value(w, member);
    return false;
}

/* Walks the table below the key on top from there on, and the tables in it with it: in one loop, for calls
 * within calls would take longer than most of their walks. False: it got late after at least so many entries;
 * the key that it has come to is on top. [-1, +(0|1), m] */
static bool walk_entries(struct hp_walk *w, size_t least)
{
    lua_State *L = w->L;
    int outer = w->nested;
    for (size_t count = 1;; count++) {
        if (lua_next(L, -2)) {
            int key = lua_type(L, KEY), value = lua_type(L, VALUE);
            if (key >= LUA_TTABLE)
                look_at_key(w, key);
            if (value >= LUA_TTABLE && look_at_value(w, value))
                continue;
        } else if (w->nested > outer) {
            w->nested--; /* the table is the value of the one that goes on */
        } else {
            return true;
        }
        lua_pop(L, 1);
        if (hp_walk_is_late(w) && count >= least) {
            for (; w->nested > outer; lua_pop(L, 1))
                give_up(w);
            return false;
        }
    }
}

void hp_walk_table_nested(struct hp_walk *w)
{
    go_down(w);
    if (walk_entries(w, 0))
        w->nested--;
    else
        give_up(w);
}

/* The part of the table on top that is walked by index, from where that stands. False: it got late.
 * [-0, +0, m] */
static bool walk_array(struct hp_walk *w, struct hp_array *a)
{
    lua_State *L = w->L;
    while (a->next <= a->end && !w->late) {
        lua_pushinteger(L, a->next);
        int value = lua_rawgeti(L, -2, a->next++);
        hp_handle member = value >= LUA_TTABLE ? hp_walk_meet_object(w, value) : 0;
        if (member)
            note_value(w, member);
        lua_pop(L, 2);
        hp_walk_is_late(w);
    }
    return a->next > a->end;
}

/* Pushes the key of the table on top from which `next` goes on: nil at the beginning. [-0, +1, m] */
static void push_key(struct hp_walk *w, int table)
{
    struct hp_locate *l = w->l;
    bool same = true;
    if (l->array.end) {
        same = hp_array_push_end(w->L, &l->array, table);
        hp_place_forget(w->L, &l->place, w->place);
    } else if (l->place.saved) {
        same = hp_place_push_key(w->L, &l->place, w->place, table);
    } else {
        lua_pushnil(w->L);
    }
    if (!same)
        restart(l, lua_topointer(w->L, table));
}

/* The walk of the table on top begins. [-0, +0, m] */
static void begin_table(struct hp_walk *w, int table)
{
    w->l->restarts = 0;
    w->l->mark = w->l->holders.count;
    hp_walk_meet_metatable(w, table);
    hp_array_begin(w->L, &w->l->array, table);
}

void hp_walk_table(struct hp_walk *w)
{
    struct hp_locate *l = w->l;
    int table = lua_gettop(w->L);
    if (!l->place.saved)
        begin_table(w, table);
    if (l->array.end && !walk_array(w, &l->array)) {
        hp_place_save_table(w->L, &l->place, w->place, table);
        return;
    }
    push_key(w, table);
    if (!walk_entries(w, l->restarts ? (size_t)HP_WALK_LOOK << l->restarts : 0))
        hp_place_save(w->L, &l->place, w->place, table);
}
