/* hotpatch engine: the walk over the heap, a coroutine's frames; the contract is in walk.h. */
#include "agent/engine/walk.h"

#include <string.h>

#define MAX_LEVELS 400  /* of a stack: asking for level n costs n steps */
#define MAX_LOOPS  4096 /* noted in a pass: they are for warnings only */

/* The value on top of L came from a stack slot. [-1, +0, m] True: a sweep wants the successor there, which is
 * pushed on `co`. */
static bool look_at_slot(struct hp_walk *w, lua_State *co, int thread, enum hp_holder_kind kind, int level,
                         int index)
{
    lua_State *L = w->L;
    bool replace = false;
    hp_handle member = hp_walk_meet(w);
    if (member && !w->successors) {
        struct hp_holder *h = hp_walk_add_holder(w, kind, thread, member);
        if (h) {
            h->index = index;
            h->level = level;
        }
    } else if (member && hp_walk_push_successor(w)) {
        lua_xmove(L, co, 1);
        replace = true;
        w->l->replaced++;
    }
    lua_pop(L, 1);
    return replace;
}

/* "battle.lua:42" */
static const char *where(struct hp_walk *w, const lua_Debug *ar)
{
    const char *source = ar->source[0] == '@' || ar->source[0] == '=' ? ar->source + 1 : ar->short_src;
    return hp_arena_printf(&w->l->arena, "%s:%d", source, ar->currentline);
}

/* The table on top is what a `for` of that frame goes over. [-0, +0, m] */
static void note_loop(struct hp_walk *w, const lua_Debug *ar)
{
    struct hp_loop *loop = w->l->loops.count < MAX_LOOPS ? HP_PUSH(&w->l->arena, &w->l->loops) : NULL;
    if (!loop)
        return;
    loop->table = hp_anchor_add(w->L, w->anchor, -1);
    loop->at = where(w, ar);
}

static void note_running(struct hp_walk *w, hp_handle function, const lua_Debug *ar, bool iterator)
{
    const char *at = where(w, ar);
    for (size_t i = 0; i < w->l->running.count; i++) {
        struct hp_running *r = &w->l->running.items[i];
        if (r->function == function && r->iterator == iterator && strcmp(r->at, at) == 0) {
            r->count++;
            return;
        }
    }
    struct hp_running *r = HP_PUSH(&w->l->arena, &w->l->running);
    if (r)
        *r = (struct hp_running){function, at, iterator, 1};
}

/* A hidden slot of a loop, on top: the iterator under way must not be exchanged. [-0, +0, m] */
static void look_at_loop(struct hp_walk *w, const lua_Debug *ar, bool alive)
{
    hp_handle member = hp_walk_meet(w);
    if (alive && member)
        note_running(w, member, ar, true);
    else if (alive && lua_istable(w->L, -1))
        note_loop(w, ar);
}

/* Might be one. In stripped code all slots have one name. */
static bool is_loop_slot(const char *name, const lua_Debug *ar)
{
    return strcmp(name, "(for state)") == 0 || (ar->currentline < 0 && strcmp(name, "(temporary)") == 0);
}

/* One stack, while it is looked at. */
struct stack {
    lua_State *co;
    int thread; /* its stack index */
    bool alive; /* else an error has ended it: what it held can still be seen, and will not run */
};

static void walk_locals(struct hp_walk *w, const struct stack *s, lua_Debug *ar, int level, int step)
{
    const char *name;
    for (int i = step; (name = lua_getlocal(s->co, ar, i)) != NULL; i += step) {
        if (s->co != w->L)
            lua_xmove(s->co, w->L, 1);
        if (is_loop_slot(name, ar)) {
            look_at_loop(w, ar, s->alive);
            lua_pop(w->L, 1);
        } else if (look_at_slot(w, s->co, s->thread, HP_HOLDER_LOCAL, level, i)) {
            lua_setlocal(s->co, ar, i);
        }
    }
}

static void walk_frame(struct hp_walk *w, const struct stack *s, lua_Debug *ar, int level)
{
    lua_getinfo(s->co, "fSl", ar);
    if (s->co != w->L)
        lua_xmove(s->co, w->L, 1);
    hp_handle member = hp_walk_meet(w);
    lua_pop(w->L, 1);
    if (member && s->alive)
        note_running(w, member, ar, false);
    walk_locals(w, s, ar, level, 1);
    walk_locals(w, s, ar, level, -1); /* varargs */
}

/* A coroutine that has not started has its function and arguments at the bottom of its stack, and no frame.
 */
static void walk_unstarted(struct hp_walk *w, lua_State *co, int thread)
{
    int count = lua_gettop(co);
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(co, i);
        lua_xmove(co, w->L, 1);
        if (look_at_slot(w, co, thread, HP_HOLDER_BODY, 0, i))
            lua_replace(co, i);
    }
}

/* The coroutine on top. [-0, +0, m] */
void hp_walk_thread(struct hp_walk *w)
{
    int thread = lua_gettop(w->L);
    lua_State *co = lua_tothread(w->L, thread);
    lua_Debug ar;
    int level = 0;
    if (co != w->L && w->meet)
        w->meet(w->L, co);
    if (co == w->L || !lua_checkstack(co, 4))
        return; /* our own stack; or no room to look at this one: a sweep may have it */
    struct stack s = {co, thread, lua_status(co) == LUA_OK || lua_status(co) == LUA_YIELD};
    for (; level < MAX_LEVELS && lua_getstack(co, level, &ar); level++) {
        walk_frame(w, &s, &ar, level);
        hp_walk_is_late(w);
    }
    if (level == 0 && lua_status(co) == LUA_OK)
        walk_unstarted(w, co, thread);
    if (level == MAX_LEVELS)
        w->l->deep++;
    hp_walk_is_late(w);
}
