/* hotpatch engine: the calls of watched functions that are under way, coroutine by coroutine. See
 * watch_impl.h.
 *
 * A coroutine is known by its address, and that it is still the same by a weak table. One that has run
 * and has calls open is kept alive until the next look, or it could be collected before anybody saw that an
 * error ended them.
 */
#include <stdio.h>
#include <string.h>

#include "agent/engine/watch_impl.h"

#define FIRST_CALLS 8
#define HELD_MANY   256 /* coroutines that are kept alive: time for a look */
#define LOOK_STALE  64  /* slots that a look goes through for coroutines that are gone */

/* --- records ---------------------------------------------------------------------------------- */

static void tell(struct hp_watch *w)
{
    if (w->told || !w->tell)
        return;
    w->told = true;
    w->tell(w->tell_ud);
}

static struct hp_watch_thread **bucket(struct hp_watch *w, const lua_State *co)
{
    return &w->by_address[((uintptr_t)co >> 5) & (HP_WATCH_BUCKETS - 1)];
}

/* Is what the record is about still there? Not that its address is in use again. [-0, +0, -] */
static bool is_alive(const struct hp_watch *w, lua_State *L, const struct hp_watch_thread *t)
{
    hp_watch_push(L, w, HP_WATCH_THREADS);
    lua_rawgeti(L, -1, t->slot);
    bool alive = lua_tothread(L, -1) == t->L;
    lua_pop(L, 2);
    return alive;
}

static void release(struct hp_watch *w, lua_State *L, struct hp_watch_thread *t)
{
    struct hp_watch_thread **at = bucket(w, t->L);
    hp_watch_calls_forget(w, L, t);
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    t->L = NULL;
    t->yielding = false;
    t->next = w->free;
    w->free = t;
}

struct hp_watch_thread *hp_watch_thread_find(struct hp_watch *w, lua_State *L, lua_State *co)
{
    struct hp_watch_thread *t = *bucket(w, co);
    while (t && t->L != co)
        t = t->next;
    if (!t || t->held || is_alive(w, L, t))
        return t;
    release(w, L, t);
    return NULL;
}

/* The slot is there: no memory is needed. */
void hp_watch_thread_hold(struct hp_watch *w, lua_State *L, struct hp_watch_thread *t)
{
    if (t->held || L == w->main)
        return;
    hp_watch_push(L, w, HP_WATCH_HELD);
    lua_pushthread(L);
    lua_rawseti(L, -2, t->slot);
    lua_pop(L, 1);
    t->held = true;
    t->next_held = w->held;
    t->at_held = &w->held;
    if (w->held)
        w->held->at_held = &t->next_held;
    w->held = t;
    if (++w->held_count % HELD_MANY == 0)
        tell(w); /* of a program that polls only when it is told to, they would only grow in number */
}

static void let_go(struct hp_watch *w, lua_State *L, struct hp_watch_thread *t)
{
    hp_watch_push(L, w, HP_WATCH_HELD);
    lua_pushboolean(L, 0);
    lua_rawseti(L, -2, t->slot);
    lua_pop(L, 1);
    t->held = false;
    *t->at_held = t->next_held;
    if (t->next_held)
        t->next_held->at_held = t->at_held;
    w->held_count--;
}

/* slot: the coroutine that runs gets it. [-1, +0, m] */
static int take_slot(lua_State *L)
{
    struct hp_watch_thread *t = lua_touserdata(L, 1);
    hp_watch_push(L, hp_watch_current(L), HP_WATCH_HELD);
    lua_pushboolean(L, 0);
    lua_rawseti(L, -2, t->slot);
    hp_watch_push(L, hp_watch_current(L), HP_WATCH_THREADS);
    lua_pushthread(L);
    lua_rawseti(L, -2, t->slot);
    return 0;
}

static bool add_slot(struct hp_watch *w)
{
    if (w->thread_count == w->thread_capacity) {
        size_t capacity = w->thread_capacity ? w->thread_capacity * 2 : 16;
        struct hp_watch_thread **threads = hp_mem_realloc(w->threads, capacity * sizeof *threads);
        if (!threads)
            return false;
        w->threads = threads;
        w->thread_capacity = capacity;
    }
    struct hp_watch_thread *t = hp_mem_calloc(sizeof *t);
    if (!t)
        return false;
    w->threads[w->thread_count++] = t;
    t->slot = (int)w->thread_count;
    t->next = w->free;
    w->free = t;
    return true;
}

/* The collector takes coroutines away; their records are found in turn. [-0, +0, -] */
static void find_stale(struct hp_watch *w, lua_State *L, size_t count)
{
    for (; count > 0 && w->thread_count > 0; count--) {
        struct hp_watch_thread *t = w->threads[w->look_next++ % w->thread_count];
        if (t->L && !t->held && !is_alive(w, L, t))
            release(w, L, t);
    }
}

struct hp_watch_thread *hp_watch_thread_get(struct hp_watch *w, lua_State *L)
{
    struct hp_watch_thread *t = hp_watch_thread_find(w, L, L);
    if (t)
        return t;
    find_stale(w, L, 2); /* more than one is made of */
    if (!w->free && !add_slot(w))
        return NULL;
    t = w->free;
    lua_pushcfunction(L, take_slot);
    lua_pushlightuserdata(L, t);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        lua_pop(L, 1);
        return NULL;
    }
    w->free = t->next;
    t->L = L;
    t->next = *bucket(w, L);
    *bucket(w, L) = t;
    return t;
}

void hp_watch_thread_free_all(struct hp_watch *w)
{
    for (size_t i = 0; i < w->thread_count; i++) {
        hp_mem_free(w->threads[i]->calls);
        hp_mem_free(w->threads[i]);
    }
    hp_mem_free(w->threads);
}

/* --- depth ------------------------------------------------------------------------------------ */

static bool has_depth(lua_State *co, int depth)
{
    lua_Debug ar;
    return depth <= 0 || lua_getstack(co, depth - 1, &ar);
}

/* Public Lua counts from the top only, so this asks for frames until it has found the last. It begins where
 * the last event was, which is seldom far. */
int hp_watch_depth(struct hp_watch *w, lua_State *co)
{
    int low = w->depth, high = w->depth, step = 1; /* low is there, high is not */
    if (has_depth(co, low)) {
        for (high = low + 1; has_depth(co, high); step *= 2) {
            low = high;
            high += step;
            if (low > HP_WATCH_DEPTH)
                return HP_WATCH_DEPTH + 1;
        }
    } else {
        for (low = high - 1; !has_depth(co, low); step *= 2) {
            high = low;
            low -= step;
        }
        low = low < 0 ? 0 : low;
    }
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (has_depth(co, middle))
            low = middle;
        else
            high = middle;
    }
    w->depth = low > HP_WATCH_DEPTH ? HP_WATCH_DEPTH : low;
    return low > HP_WATCH_DEPTH ? HP_WATCH_DEPTH + 1 : low;
}

/* --- calls ------------------------------------------------------------------------------------ */

static void look_at_rule(struct hp_watch *w, uint32_t function)
{
    const struct hp_watched *f = &w->functions.items[function];
    if (w->tripped)
        return;
    if (w->rule.is_rate && hp_rule_is_broken(&w->rule, f->calls, f->errors)) {
        w->tripped = true;
        w->tripped_by = function + 1;
    } else if (hp_rule_is_broken(&w->rule, w->tally.calls, w->tally.errors)) {
        w->tripped = true;
    }
    if (w->tripped)
        w->told = false; /* this is news in any case */
}

void hp_watch_call_begin(struct hp_watch *w, lua_State *L, struct hp_watch_thread *t, int depth,
                         uint32_t function)
{
    if (t->count == t->capacity) {
        size_t capacity = t->capacity ? t->capacity * 2 : FIRST_CALLS;
        struct hp_watch_call *calls = hp_mem_realloc(t->calls, capacity * sizeof *calls);
        if (!calls)
            return;
        t->calls = calls;
        t->capacity = capacity;
    }
    hp_watch_thread_hold(w, L, t);
    t->calls[t->count++] = (struct hp_watch_call){.depth = depth, .function = function};
    w->open++;
    w->functions.items[function].calls++;
    atomic_fetch_add_explicit(&w->tally.calls, 1, memory_order_relaxed);
    if (w->functions.items[function].errors > 0) { /* there may be enough calls now to judge */
        look_at_rule(w, function);
        if (w->tripped)
            tell(w);
    }
}

void hp_watch_call_end(struct hp_watch *w, lua_State *L, struct hp_watch_thread *t)
{
    t->count--;
    w->open--;
    if (t->count == 0 && t->held)
        let_go(w, L, t);
}

void hp_watch_calls_fail(struct hp_watch *w, lua_State *L, struct hp_watch_thread *t, int depth)
{
    while (t->count > 0 && t->calls[t->count - 1].depth > depth) {
        uint32_t function = t->calls[t->count - 1].function;
        if (w->raised_on == t->L)
            memcpy(w->text, w->raised, sizeof w->text);
        w->raised_on = NULL;
        w->functions.items[function].errors++;
        atomic_fetch_add_explicit(&w->tally.errors, 1, memory_order_relaxed);
        look_at_rule(w, function);
        hp_watch_call_end(w, L, t);
        tell(w);
    }
}

void hp_watch_calls_forget(struct hp_watch *w, lua_State *L, struct hp_watch_thread *t)
{
    w->open -= t->count;
    t->count = 0;
    if (t->held)
        let_go(w, L, t);
}

void hp_watch_keep_text(lua_State *L, char *text)
{
    if (lua_type(L, -1) == LUA_TSTRING)
        snprintf(text, HP_WATCH_TEXT, "%s", lua_tostring(L, -1));
}

/* --- a look ----------------------------------------------------------------------------------- */

/* The calls of a coroutine that has stopped, or is the one that runs. [-0, +0, -] */
static void look_at(struct hp_watch *w, lua_State *L, struct hp_watch_thread *t)
{
    lua_State *co = t->L;
    int status = lua_status(co);
    if (t->count == 0)
        return;
    if (lua_gethook(co) != hp_watch_event) {
        hp_watch_calls_forget(w, L, t); /* the program's own: we have not seen how they ended */
        return;
    }
    if (status != LUA_OK && status != LUA_YIELD) {
        hp_watch_calls_fail(w, L, t, 0);
        if (lua_gettop(co) > 0) /* what it died of is on top */
            hp_watch_keep_text(co, w->text);
        return;
    }
    int depth = hp_watch_depth(w, co);
    if (depth == 0 && t->yielding)
        hp_watch_calls_forget(w, L, t); /* closed while it was suspended */
    else
        hp_watch_calls_fail(w, L, t, depth);
}

void hp_watch_threads_look(struct hp_watch *w, lua_State *L)
{
    struct hp_watch_thread *main = hp_watch_thread_find(w, L, w->main), *next;
    for (struct hp_watch_thread *t = w->held; t; t = next) {
        next = t->next_held;
        look_at(w, L, t);
        if (t->held && lua_status(t->L) != LUA_OK)
            let_go(w, L, t); /* suspended, not in the middle of a call */
    }
    if (main)
        look_at(w, L, main);
    find_stale(w, L, LOOK_STALE);
}

void hp_watch_threads_unhook(struct hp_watch *w, lua_State *L)
{
    for (size_t i = 0; i < w->thread_count; i++) {
        struct hp_watch_thread *t = w->threads[i];
        if (t->L && (t->held || is_alive(w, L, t)) && lua_gethook(t->L) == hp_watch_event)
            lua_sethook(t->L, NULL, 0, 0);
    }
}
