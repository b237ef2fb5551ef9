/* hotpatch engine: the inside of a watch; the contract is in watch.h.
 *
 *   watch.c        what is watched; on and off; a look
 *   watch_thread.c the open calls of each coroutine
 *   watch_event.c  the hook
 */
#ifndef HP_WATCH_IMPL_H
#define HP_WATCH_IMPL_H

#include "agent/engine/watch.h"

struct hp_watched { /* a function of the patch, with what is nested in it */
    const char *name;
    int64_t calls, errors;
    const struct hp_prototype_tree *tree; /* only to be compared: it may be gone */
    uint32_t prototype;
};

/* Where a watched function is defined. */
struct hp_watch_site {
    uint32_t function; /* in `functions` */
    int line, last_line;
    const char *source; /* as in lua_Debug */
    size_t source_len;
    bool nested; /* also what is no member counts, if it looks like this: */
    int upvalues, parameters;
    uint32_t next; /* of the same bucket, in `sites`, + 1 */
};

/* A call that is under way. Depths count from the bottom of the coroutine's stack, 1 first. */
struct hp_watch_call {
    int depth;
    bool handed_over; /* its frame is another function's by now */
    uint32_t function;
};

/* A coroutine that has or had such calls. Its number is its slot in the Lua side. */
struct hp_watch_thread {
    lua_State *L; /* NULL: free */
    int slot;
    bool held; /* the Lua side keeps it alive: it has run, with calls open, since the last look */
    bool yielding;
    struct hp_watch_call *calls;
    size_t count, capacity;
    struct hp_watch_thread *next;                 /* of the same bucket, or free */
    struct hp_watch_thread *next_held, **at_held; /* of those, while `held` */
};

/* The Lua side, a table in the registry under the watch's address. */
enum {
    HP_WATCH_MEMBERS = 1, /* function -> number in `functions`, 1 first; weak keys */
    HP_WATCH_THREADS,     /* slot -> coroutine, weak: whether what is at an address is still the same */
    HP_WATCH_HELD         /* slot -> coroutine or false */
};

#define HP_WATCH_BUCKETS 1024 /* a power of two */

struct hp_watch {
    struct hp_arena arena;
    struct hp_rule rule;
    const struct hp_history *history;
    HP_LIST(struct hp_watched) functions;
    HP_LIST(struct hp_watch_site) sites;
    uint32_t by_line[HP_WATCH_BUCKETS]; /* in `sites`, + 1 */

    struct hp_watch_thread **threads; /* of slot i at i - 1 */
    size_t thread_count, thread_capacity, look_next;
    struct hp_watch_thread *by_address[HP_WATCH_BUCKETS];
    struct hp_watch_thread *free, *held;
    size_t open; /* calls under way, in all */
    size_t held_count;
    int depth; /* where the last event was: the next one is not far */

    lua_CFunction yield, resume, pcall, xpcall, error; /* the standard library's; NULL: it is not there */
    lua_State *main;
    struct hp_tally tally;
    bool tripped;
    uint32_t tripped_by;        /* in `functions`, + 1; 0: all together */
    char text[HP_WATCH_TEXT];   /* of the last error */
    char raised[HP_WATCH_TEXT]; /* by a call of `error` … */
    const lua_State *raised_on; /* … there: it may be caught before it ends a call; NULL: none */
    bool told;
    void (*tell)(void *ud);
    void *tell_ud;
};

/* The hook itself, and the watch that it works for: NULL if there is none in this state. [-0, +0, -] */
void hp_watch_event(lua_State *L, lua_Debug *ar);
struct hp_watch *hp_watch_current(lua_State *L);

/* Pushes that part of the Lua side. [-0, +1, -] */
void hp_watch_push(lua_State *L, const struct hp_watch *w, int part);

/* --- watch_thread.c --- */

/* The record of that coroutine, which is L or one that lives. NULL: it has none. */
struct hp_watch_thread *hp_watch_thread_find(struct hp_watch *w, lua_State *L, lua_State *co);
/* The same, made if there is none; NULL: no memory. L is the coroutine. [-0, +0, -] */
struct hp_watch_thread *hp_watch_thread_get(struct hp_watch *w, lua_State *L);
/* Keeps the coroutine L alive until it has no call open, or a look finds it suspended. [-0, +0, -] */
void hp_watch_thread_hold(struct hp_watch *w, lua_State *L, struct hp_watch_thread *t);
void hp_watch_thread_free_all(struct hp_watch *w);

/* How deep `co` is; HP_WATCH_DEPTH + 1 for anything deeper. [-0, +0, -] */
int hp_watch_depth(struct hp_watch *w, lua_State *co);

/* A call begins; one that there is no memory for is not counted. L is the coroutine. [-0, +0, -] */
void hp_watch_call_begin(struct hp_watch *w, lua_State *L, struct hp_watch_thread *t, int depth,
                         uint32_t function);
/* The innermost one has returned. Of this and the next two, L is any coroutine. [-0, +0, -] */
void hp_watch_call_end(struct hp_watch *w, lua_State *L, struct hp_watch_thread *t);
/* Those deeper than that were ended by errors. */
void hp_watch_calls_fail(struct hp_watch *w, lua_State *L, struct hp_watch_thread *t, int depth);
/* Nothing is known of how they end. */
void hp_watch_calls_forget(struct hp_watch *w, lua_State *L, struct hp_watch_thread *t);

/* Looks at coroutines that have run since the last look, and lets go of those that rest. L is the one that
 * runs.
 * [-0, +0, -] */
void hp_watch_threads_look(struct hp_watch *w, lua_State *L);
/* Of every coroutine known that lives: takes the hook off. [-0, +0, -] */
void hp_watch_threads_unhook(struct hp_watch *w, lua_State *L);

/* Remembers the value on top as the text of an error, if it is a string. [-0, +0, -] */
void hp_watch_keep_text(lua_State *L, char *text);

#endif
