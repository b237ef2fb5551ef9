/* hotpatch engine: the hook of a watch. See watch_impl.h. It runs at each call and each return of the
 * program, so what is none of ours must be told cheaply: by the line at which the function is defined.
 */
#include <string.h>

#include "agent/engine/watch_impl.h"

/* --- which function --------------------------------------------------------------------------- */

static bool stands_at(const struct hp_watch_site *site, const lua_Debug *ar)
{
    return site->line == ar->linedefined && site->last_line == ar->lastlinedefined &&
           site->source_len == ar->srclen && memcmp(site->source, ar->source, ar->srclen) == 0;
}

/* The next place from that one on (a number of `sites`, + 1) that the function may be defined at; 0: none. */
static uint32_t next_site(const struct hp_watch *w, uint32_t from, const lua_Debug *ar)
{
    while (from != 0 && !stands_at(&w->sites.items[from - 1], ar))
        from = w->sites.items[from - 1].next;
    return from;
}

static uint32_t first_site(const struct hp_watch *w, const lua_Debug *ar)
{
    return ar->linedefined < 0 ? 0 /* of C */
                               : next_site(w, w->by_line[ar->linedefined & (HP_WATCH_BUCKETS - 1)], ar);
}

/* The number of the function on top if it is a member, + 1; 0. [-1, +0, -] */
static uint32_t member(lua_State *L, const struct hp_watch *w)
{
    hp_watch_push(L, w, HP_WATCH_MEMBERS);
    lua_insert(L, -2);
    lua_rawget(L, -2);
    uint32_t number = (uint32_t)lua_tointeger(L, -1);
    lua_pop(L, 2);
    return number;
}

/* What a watched function made: defined at that place, of the same look, and nothing has taken its place. */
static uint32_t nested(lua_State *L, const struct hp_watch *w, uint32_t from, lua_Debug *ar)
{
    lua_getinfo(L, "fu", ar);
    bool is_old = hp_history_has_heir(w->history, L);
    lua_pop(L, 1);
    for (; from != 0 && !is_old; from = next_site(w, w->sites.items[from - 1].next, ar)) {
        const struct hp_watch_site *site = &w->sites.items[from - 1];
        if (site->nested && site->upvalues == ar->nups && site->parameters == ar->nparams)
            return site->function + 1;
    }
    return 0;
}

/* Which watched function is called? Its number, + 1; 0: none. `ar` has S. [-0, +0, -] */
static uint32_t watched(lua_State *L, const struct hp_watch *w, lua_Debug *ar)
{
    uint32_t site = first_site(w, ar);
    if (site == 0)
        return 0;
    lua_getinfo(L, "f", ar);
    uint32_t number = member(L, w);
    return number ? number : nested(L, w, site, ar);
}

/* --- events ----------------------------------------------------------------------------------- */

/* A coroutine is about to run which may be older than the watch. [-0, +0, -] */
static void reach(lua_State *L, int index)
{
    lua_State *co = lua_tothread(L, index);
    if (co && !lua_gethook(co))
        hp_watch_reach(L, co);
}

/* A call of the C function on top. [-0, +0, -] */
static void call_of_c(struct hp_watch *w, lua_State *L, const lua_Debug *ar, struct hp_watch_thread *t)
{
    lua_CFunction function = lua_tocfunction(L, -1);
    if (function == w->resume) {
        if (lua_getlocal(L, ar, 1)) {
            reach(L, -1);
            lua_pop(L, 1);
        }
    } else if (t && function == w->yield) {
        t->yielding = true;
    } else if (t && function == w->error) {
        w->raised[0] = '\0';
        w->raised_on = L;
        if (lua_getlocal(L, ar, 1)) {
            hp_watch_keep_text(L, w->raised);
            lua_pop(L, 1);
        }
    } else if (lua_getupvalue(L, -1, 1)) { /* coroutine.wrap keeps it there */
        reach(L, -1);
        lua_pop(L, 1);
    }
}

static void call_of_lua(struct hp_watch *w, lua_State *L, lua_Debug *ar, struct hp_watch_thread *t)
{
    bool is_tail = ar->event == LUA_HOOKTAILCALL;
    uint32_t function = watched(L, w, ar);
    if (function == 0 && !(is_tail && t && t->count > 0))
        return;
    int depth = hp_watch_depth(w, L);
    if (t)
        hp_watch_calls_fail(w, L, t, is_tail ? depth : depth - 1);
    struct hp_watch_call *top = t && t->count > 0 ? &t->calls[t->count - 1] : NULL;
    if (is_tail && top && top->depth == depth) {
        top->handed_over = true;
        if (function != 0)
            hp_watch_call_end(w, L, t);
    }
    if (function == 0 || depth > HP_WATCH_DEPTH)
        return;
    if (!t)
        t = hp_watch_thread_get(w, L);
    if (t)
        hp_watch_call_begin(w, L, t, depth, function - 1);
}

/* Of the standard library's pcall: did it catch an error? The text is what it returns. [-0, +0, -] */
static void pcall_returns(struct hp_watch *w, lua_State *L, lua_Debug *ar, struct hp_watch_thread *t)
{
    lua_getinfo(L, "r", ar);
    if (ar->ntransfer < 2 || !lua_getlocal(L, ar, ar->ftransfer))
        return;
    bool caught = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
    lua_pop(L, 1);
    if (!caught)
        return;
    int64_t before = w->tally.errors;
    hp_watch_calls_fail(w, L, t, hp_watch_depth(w, L));
    if (w->tally.errors > before && lua_getlocal(L, ar, ar->ftransfer + 1)) {
        hp_watch_keep_text(L, w->text);
        lua_pop(L, 1);
    }
}

static void on_call(struct hp_watch *w, lua_State *L, lua_Debug *ar, struct hp_watch_thread *t)
{
    lua_getinfo(L, "S", ar);
    if (ar->linedefined >= 0) {
        call_of_lua(w, L, ar, t);
        return;
    }
    lua_getinfo(L, "f", ar);
    call_of_c(w, L, ar, t);
    lua_pop(L, 1);
}

/* There are calls under way. */
static void on_return(struct hp_watch *w, lua_State *L, lua_Debug *ar, struct hp_watch_thread *t)
{
    lua_getinfo(L, "S", ar);
    if (ar->linedefined < 0) {
        lua_getinfo(L, "f", ar);
        lua_CFunction function = lua_tocfunction(L, -1);
        lua_pop(L, 1);
        if (function && (function == w->pcall || function == w->xpcall))
            pcall_returns(w, L, ar, t);
        return;
    }
    if (!t->calls[t->count - 1].handed_over && first_site(w, ar) == 0)
        return;
    int depth = hp_watch_depth(w, L);
    hp_watch_calls_fail(w, L, t, depth);
    if (t->count > 0 && t->calls[t->count - 1].depth == depth)
        hp_watch_call_end(w, L, t);
}

void hp_watch_event(lua_State *L, lua_Debug *ar)
{
    struct hp_watch *w = hp_watch_current(L);
    if (!w) {
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    struct hp_watch_thread *t = w->open > 0 ? hp_watch_thread_find(w, L, L) : NULL;
    if (t && t->count == 0)
        t = NULL;
    if (t)
        hp_watch_thread_hold(w, L, t);
    if (t && t->yielding) {
        t->yielding = false;
        if (ar->event != LUA_HOOKRET) /* not `yield` that returns: it was closed, and serves anew */
            hp_watch_calls_forget(w, L, t);
    }
    if (ar->event != LUA_HOOKRET)
        on_call(w, L, ar, t);
    else if (t && t->count > 0)
        on_return(w, L, ar, t);
}
