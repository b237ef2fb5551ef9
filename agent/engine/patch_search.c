/* hotpatch engine: who else holds the functions of a patch: the search before the commit, the sweeps after
 * it. See patch_impl.h. */
#include "agent/engine/patch_impl.h"

/* passes after the commit: a server that keeps moving old functions about is left with stragglers */
#define MAX_SWEEPS 8

/* The sources whose functions are looked for, as the live ones name them; and which of those functions. */
bool hp_patch_name_sources(struct hp_patch *p)
{
    bool ok = hp_wanted_fill(&p->wanted, &p->match, &p->plan);
    for (size_t i = 0; i < p->count; i++)
        ok = hp_locate_source(p->locate, p->targets[i].chunk_name) && ok;
    hp_locate_only(p->locate, hp_wanted_function, &p->wanted);
    return ok;
}

/* The agent's own tables are not entered. [-0, +1, m] */
static void push_hidden(lua_State *L, struct hp_patch *p)
{
    lua_createtable(L, 4, 0);
    lua_pushvalue(L, p->store);
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, p->anchor);
    lua_rawseti(L, -2, 2);
    hp_history_push(p->context.history, L);
    lua_rawseti(L, -2, 3);
    hp_watch_push_side(L);
    lua_rawseti(L, -2, 4);
}

void hp_patch_begin_search(lua_State *L, struct hp_patch *p)
{
    push_hidden(L, p);
    hp_locate_begin(L, p->locate, -1);
    lua_rawseti(L, p->store, HP_PATCH_STORE_SEARCH);
    lua_pop(L, 1);
}

/* The first pass after the commit. HP_OK, HP_NO_MEMORY. [-0, +0, m] */
static enum hp_status begin_sweeps(lua_State *L, struct hp_patch *p)
{
    hp_late_free(p->late);
    p->late = hp_late_new();
    p->sweeps = 0;
    p->learnt = false;
    hp_patch_begin_search(L, p);
    p->sweeping = true;
    return p->late ? HP_OK : HP_NO_MEMORY;
}

/* Functions of earlier generations that somebody still holds: what has taken their place? [-0, +0, m] */
static bool find_heirs(lua_State *L, struct hp_patch *p)
{
    hp_mem_free(p->heirs);
    p->heirs = hp_mem_calloc((p->found.member_count + 1) * sizeof *p->heirs);
    for (size_t i = 0; p->heirs && i < p->found.member_count && hp_turn_hold(p->turn); i++) {
        hp_anchor_push(L, p->anchor, p->found.members[i]);
        hp_history_push_heir(p->context.history, L);
        p->heirs[i] = hp_anchor_add(L, p->anchor, -1);
        lua_pop(L, 1);
    }
    p->found.heirs = p->heirs;
    return p->heirs != NULL;
}

enum hp_status hp_patch_take_found(lua_State *L, struct hp_patch *p)
{
    if (p->taken)
        return HP_OK;
    hp_turn_leave(p->turn);
    bool ok = hp_locate_finish(p->locate);
    p->found.holders = hp_locate_holders(p->locate, &p->found.holder_count);
    p->found.running = hp_locate_running(p->locate, &p->found.running_count);
    p->found.loops = hp_locate_loops(p->locate, &p->found.loop_count);
    p->found.members = hp_locate_members(p->locate, &p->found.member_count);
    p->found.deep = hp_locate_deep(p->locate);
    if (!hp_turn_hold(p->turn))
        return HP_TIMEOUT;
    ok = ok && find_heirs(L, p);
    if (!hp_turn_hold(p->turn))
        return HP_TIMEOUT;
    p->taken = ok;
    return ok ? HP_OK : HP_NO_MEMORY;
}

/* One slice of the pass under way. HP_OK with *done, or not yet. */
static enum hp_status search(lua_State *L, struct hp_patch *p, bool sweep, bool *done)
{
    lua_rawgeti(L, p->store, HP_PATCH_STORE_SEARCH);
    if (sweep) {
        lua_rawgeti(L, p->store, HP_PATCH_STORE_SWAPS);
        lua_rawgeti(L, p->store, HP_PATCH_STORE_LATE);
    }
    struct hp_locate_slice slice = {.side = p->anchor + 1,
                                    .anchor = p->anchor,
                                    .successors = sweep ? p->anchor + 2 : 0,
                                    .latecomers = sweep ? p->late : NULL,
                                    .latecomers_side = p->anchor + 3,
                                    .meet = sweep && p->watch ? hp_watch_reach : NULL,
                                    .poller = p->poller,
                                    .deadline_us = hp_patch_deadline_us(p)};
    enum hp_status status = hp_locate_step(L, p->locate, &slice, done);
    lua_settop(L, p->anchor);
    p->objects = (int64_t)hp_locate_objects(p->locate);
    if ((int64_t)hp_locate_bytes(p->locate) > p->bytes)
        p->bytes = (int64_t)hp_locate_bytes(p->locate);
    return status;
}

/* The functions that the patch put in are found by the sources they have. */
bool hp_patch_name_swapped_sources(lua_State *L, struct hp_patch *p)
{
    bool ok = true;
    for (size_t i = 0; i < p->plan.swaps.count; i++) {
        lua_Debug ar;
        hp_anchor_push(L, p->anchor, p->plan.swaps.items[i].from);
        if (!lua_isfunction(L, -1)) {
            lua_pop(L, 1);
            continue;
        }
        lua_pushvalue(L, -1);
        lua_getinfo(L, ">S", &ar);
        ok = hp_locate_source(p->locate, ar.source) && ok;
        hp_wanted_add(&p->wanted, L);
    }
    hp_locate_only(p->locate, hp_wanted_function, &p->wanted);
    return ok && !hp_arena_failed(&p->wanted.arena);
}

static enum hp_status check_search_limit(struct hp_patch *p)
{
    double limit = p->request->options.search_limit_s;
    if (limit <= 0 || (double)(hp_patch_now_us() - p->started_us) < limit * 1e6)
        return HP_OK;
    return hp_report_fail(p->report, HP_LIMIT,
                          "the search for old references did not end within %g s (%lld objects so far); "
                          "nothing was changed; give it "
                          "longer with --search-limit, larger slices with --max-pause, or --refs module",
                          limit, (long long)p->objects);
}

enum hp_status hp_patch_phase_search(lua_State *L, struct hp_patch *p)
{
    bool done = false;
    enum hp_status status = search(L, p, false, &done);
    if (status == HP_OK && !done)
        status = check_search_limit(p);
    if (status == HP_OK && p->wanted.failed)
        return HP_NO_MEMORY;
    p->at_once = p->at_once && done;
    if (done) {
        p->searched = true;
        p->taken = false;
        p->phase = HP_PATCH_PLAN;
    }
    return status;
}

/* Keys cannot be exchanged while their table is walked. [-0, +0, m] */
static size_t rekey(lua_State *L, struct hp_patch *p)
{
    size_t written = 0;
    const struct hp_holder *holder;
    lua_rawgeti(L, p->store, HP_PATCH_STORE_SWAPS);
    int swaps = lua_gettop(L);
    for (size_t i = 0; (holder = hp_locate_holder(p->locate, i)); i++, lua_settop(L, swaps)) {
        hp_anchor_push(L, p->anchor, holder->container);
        hp_anchor_push(L, p->anchor, holder->function);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, swaps) != LUA_TFUNCTION || !lua_istable(L, swaps + 1))
            continue;
        lua_pushvalue(L, swaps + 2);
        if (lua_rawget(L, swaps + 1) == LUA_TNIL) /* table, old, new, value */
            continue;
        lua_rawset(L, swaps + 1);
        lua_pushnil(L);
        lua_rawset(L, swaps + 1);
        written++;
    }
    lua_settop(L, p->anchor);
    return written;
}

/* A slice of it; each gets on, however short it is. True: the sweeps may begin. [-0, +0, m] */
static bool learn_late(lua_State *L, struct hp_patch *p)
{
    lua_rawgeti(L, p->store, HP_PATCH_STORE_SWAPS);
    lua_rawgeti(L, p->store, HP_PATCH_STORE_LATE);
    do {
        p->learnt = p->learnt || hp_late_learn(L, p->late, p->anchor + 1, p->anchor + 2);
    } while (!p->learnt && !hp_patch_is_slice_over(p));
    lua_settop(L, p->anchor);
    return p->learnt;
}

enum hp_status hp_patch_phase_sweep(lua_State *L, struct hp_patch *p)
{
    bool done = false;
    enum hp_status status = p->sweeping ? HP_OK : begin_sweeps(L, p);
    if (status != HP_OK)
        return status;
    if (!learn_late(L, p))
        return HP_OK;
    status = search(L, p, true, &done);
    if (status != HP_OK || !done)
        return status;
    size_t written = rekey(L, p) + hp_locate_replaced(p->locate);
    if (written == 0 || ++p->sweeps >= MAX_SWEEPS) {
        p->report->instances += (int64_t)hp_late_made(p->late);
        return p->revert ? HP_REVERTED : HP_APPLIED;
    }
    hp_patch_begin_search(L, p);
    return HP_OK;
}
