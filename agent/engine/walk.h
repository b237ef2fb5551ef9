/* hotpatch engine: the walk over the heap, as the parts of the search share it. locate.c leads it over its
 * slices, walk.c looks at an object, walk_table.c at a table's entries, walk_stack.c at a coroutine's frames.
 * Nobody else includes this; what a search promises is in locate.h.
 *
 * Each function here may raise for Lua's memory, unless its mark says that it cannot.
 */
#ifndef HP_WALK_H
#define HP_WALK_H

#include "agent/engine/array.h"
#include "agent/engine/holders.h"
#include "agent/engine/locate.h"
#include "agent/engine/members.h"
#include "agent/engine/place.h"
#include "agent/engine/visited.h"
#include "agent/engine/worklist.h"

#define HP_WALK_NESTED 32 /* objects that are walked where they are met, one within the other */
#define HP_WALK_LOOK   64 /* entries between two looks at the clock */

/* What lasts from slice to slice. */
struct hp_locate {
    struct hp_arena sources_arena;
    HP_LIST(const char *) sources;
    hp_locate_wanted wanted;
    void *wanted_ud;

    struct hp_arena arena; /* of one pass */
    struct hp_visited visited;
    struct hp_visited metatables;
    struct hp_members members;
    struct hp_holders holders;
    HP_LIST(struct hp_running) running;
    HP_LIST(struct hp_loop) loops;
    struct hp_graph keys; /* plain keys of holders */
    struct hp_worklist list;
    size_t replaced, deep;
    struct hp_place place; /* in the table under way, if it was interrupted */
    struct hp_array array; /* the part of it that is walked by index */
    int restarts;          /* of that table … */
    size_t mark;           /* … and how many holders there were before it */
    bool rooted;
};

/* What lasts for one slice; stack indices are absolute. */
struct hp_walk {
    lua_State *L;
    struct hp_locate *l;
    int anchor, successors, list, place;
    struct hp_late *latecomers;
    int latecomers_side;
    void (*meet)(lua_State *L, lua_State *co);
    int64_t deadline_us;
    unsigned ticks;
    int nested;                   /* objects under way inside of the outermost one */
    size_t marks[HP_WALK_NESTED]; /* those that are tables: how many holders there were before */
    bool late;
    const char *stranger; /* a source that is no member's: nearly all functions of a stretch have the same */
};

/* --- time ------------------------------------------------------------------------------------- */

int64_t hp_walk_now_us(void); /* CLOCK_MONOTONIC */

/* One more entry has been looked at: is the slice over? The clock is asked now and then only. */
static inline bool hp_walk_is_late(struct hp_walk *w)
{
    if (!w->late && ++w->ticks >= HP_WALK_LOOK) {
        w->ticks = 0;
        w->late = hp_walk_now_us() >= w->deadline_us;
    }
    return w->late;
}

/* --- walk.c: objects -------------------------------------------------------------------------- */

/* May the object on top be walked where it is met, inside of the one that holds it? Its way over the work
 * list would take as long as looking at a few entries. */
static inline bool hp_walk_may_nest(const struct hp_walk *w)
{
    return !w->late && w->nested < HP_WALK_NESTED;
}

/* Looks at the object on top, which is of that type: it is walked or listed, once. The handle of a member,
 * else 0. [-0, +0, m] */
hp_handle hp_walk_meet_object(struct hp_walk *w, int type);

/* The same for any value. [-0, +0, m] */
static inline hp_handle hp_walk_meet(struct hp_walk *w)
{
    int type = lua_type(w->L, -1);
    return type >= LUA_TTABLE ? hp_walk_meet_object(w, type) : 0;
}

/* Of the object at that index. [-0, +0, m] */
void hp_walk_meet_metatable(struct hp_walk *w, int object);

/* The object on top, which is of that type, inside of another. [-0, +0, m] */
void hp_walk_nested(struct hp_walk *w, int type);

/* Puts the object on top on the work list. [-0, +0, m] */
void hp_walk_list(struct hp_walk *w);

/* Notes that the container at that index holds the member. What is returned is filled in further, and is
 * valid until the next call; NULL: no memory, which the arena tells. [-0, +0, m] */
struct hp_holder *hp_walk_add_holder(struct hp_walk *w, enum hp_holder_kind kind, int container,
                                     hp_handle member);

/* Sweep: pushes the successor of the member on top, if it has one. [-0, +(0|1), -] */
bool hp_walk_push_successor(struct hp_walk *w);

/* --- walk_table.c ----------------------------------------------------------------------------- */

/* The table on top, or the rest of it: it can be interrupted, and the place is saved. [-0, +0, m] */
void hp_walk_table(struct hp_walk *w);

/* The same inside of another object: interrupted, it is listed to be walked anew. [-0, +0, m] */
void hp_walk_table_nested(struct hp_walk *w);

/* --- walk_stack.c ----------------------------------------------------------------------------- */

/* The stack of the coroutine on top. [-0, +0, m] */
void hp_walk_thread(struct hp_walk *w);

#endif
