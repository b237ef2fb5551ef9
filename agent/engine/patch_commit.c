/* hotpatch engine: what can be made beforehand, and the commit. See patch_impl.h. */
#include "agent/engine/lx.h"
#include "agent/engine/patch_impl.h"
#include "agent/engine/prepare.h"
#include "agent/engine/successor.h"
#include "agent/engine/workshop.h"

#define MAX_TRIES  3 /* plans made in the commit's stop before `conflict` */
#define MAX_BESIDE 2 /* plans made anew beside the server, before the commit's stop has to do */

struct preparation {
    struct hp_patch *patch;
    struct hp_execution *execution;
    enum hp_status status;
};

/* The table old -> new that the sweeps work by; weak, so that it keeps no old function alive. [-0, +1, m] */
static void push_swaps(lua_State *L, struct hp_patch *p, const struct hp_execution *x)
{
    lua_createtable(L, 0, (int)p->plan.swaps.count);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    for (size_t i = 0; i < p->plan.swaps.count; i++) {
        hp_execution_push_value(
            L, x, &(struct hp_value){.kind = HP_VALUE_LIVE, .index = p->plan.swaps.items[i].from});
        hp_execution_push_value(L, x, &p->plan.swaps.items[i].to);
        if (lua_isnil(L, -1) || lua_isnil(L, -2)) {
            lua_pop(L, 2);
            continue;
        }
        lua_pushvalue(L, -2);
        hp_history_await_heir(p->context.history, L);
        lua_rawset(L, -3);
    }
}

/* The value is a key of the table on top from now on; nil, one that has died, is none. [-0, +0, m] */
static void mark(lua_State *L, const struct hp_execution *x, const struct hp_value *value)
{
    hp_execution_push_value(L, x, value);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
}

/* The side table of hp_late, with the functions that are not what their code says. What the body of a patch's
 * chunk makes exists once, for patches do not run bodies: another function of the same code, there before the
 * patch or loaded since, is not the patch's, and a revert leaves it alone. And what the patch adds may have
 * the code, lines included, of something that it replaces elsewhere. [-0, +1, m] */
static void push_late_side(lua_State *L, struct hp_patch *p, const struct hp_execution *x)
{
    lua_newtable(L);
    for (size_t i = 0; i < p->plan.swaps.count; i++) {
        const struct hp_plan_swap *swap = &p->plan.swaps.items[i];
        if (swap->of_body)
            mark(L, x, &(struct hp_value){.kind = HP_VALUE_LIVE, .index = swap->from});
    }
    for (uint32_t i = 0; i < p->plan.functions.count; i++) {
        if (p->plan.functions.items[i].replaces == 0)
            mark(L, x, &(struct hp_value){.kind = HP_VALUE_FUNCTION, .index = i});
    }
}

/* Of a push with a guard: all that the watch needs, so that it can start with the commit. HP_OK,
 * HP_NO_MEMORY. [-0, +0, m] */
static enum hp_status make_watch(lua_State *L, struct hp_patch *p, const struct hp_execution *x)
{
    struct hp_rule rule;
    bool ok = true;
    hp_patch_drop_watch(L, p); /* of an earlier try */
    if (!hp_rule_parse(p->request->options.guard, &rule))
        return HP_OK;
    p->watch = hp_watch_new(&rule, p->context.history);
    if (!p->watch)
        return HP_NO_MEMORY;
    hp_watch_prepare(L, p->watch);
    for (uint32_t i = 0; ok && i < p->plan.functions.count; i++) {
        const struct hp_plan_function *f = &p->plan.functions.items[i];
        hp_execution_push_value(L, x, &(struct hp_value){.kind = HP_VALUE_FUNCTION, .index = i});
        if (lua_isfunction(L, -1))
            ok = hp_watch_add(L, p->watch, p->plan.modules.items[f->module].name, f->path, f->tree,
                              f->prototype);
        else
            lua_pop(L, 1);
    }
    return ok ? HP_OK : HP_NO_MEMORY;
}

static bool refuse_guard(lua_State *L, struct hp_patch *p)
{
    if (!p->request->options.guard || hp_watch_is_possible(L, p->poller))
        return false;
    hp_report_fail(
        p->report, HP_REFUSED,
        "the program has a debug hook of its own (a debugger, a profiler, a time limit), and a guard "
        "cannot count calls beside it; push without a guard, or when the hook is off");
    return true;
}

static int prepare_protected(lua_State *L)
{
    struct preparation *work = lua_touserdata(L, 1);
    lua_settop(L, 0);
    if (refuse_guard(L, work->patch)) {
        work->status = HP_REFUSED;
        return 0;
    }
    work->status = hp_prepare(L, work->execution);
    if (work->status != HP_OK)
        return 0;
    work->status = HP_NO_MEMORY; /* unless what follows comes to its end */
    lua_rawgetp(L, LUA_REGISTRYINDEX, work->patch);
    push_swaps(L, work->patch, work->execution);
    lua_rawseti(L, -2, HP_PATCH_STORE_SWAPS);
    push_late_side(L, work->patch, work->execution);
    lua_rawseti(L, -2, HP_PATCH_STORE_LATE);
    work->status = make_watch(L, work->patch, work->execution);
    return 0;
}

/* hp_prepare may raise for Lua's memory: what it inserted is taken back here, where the stack is whole. */
static enum hp_status prepare(lua_State *L, struct hp_patch *p, struct hp_execution *x)
{
    struct preparation work = {p, x, HP_NO_MEMORY};
    struct hp_lx_failure failure = {0};
    if (hp_lx_protect(L, prepare_protected, &work, &p->report->arena, &failure) == LUA_OK) {
        /* before anything is changed: not at all */
        if (work.status == HP_OK && hp_arena_failed(&p->report->arena))
            work.status = HP_NO_MEMORY;
        if (work.status != HP_OK)
            hp_execution_undo(L, x);
        return work.status;
    }
    hp_execution_undo(L, x);
    if (failure.status == LUA_ERRMEM)
        return HP_NO_MEMORY;
    return hp_report_fail(p->report, HP_FAILED, "%s",
                          failure.text ? failure.text : "the patch could not be prepared");
}

static struct hp_execution *new_execution(lua_State *L, struct hp_patch *p)
{
    struct hp_execution_options options = {.who = p->who,
                                           .message = p->request->options.message,
                                           .revert = p->revert,
                                           .workshop = &p->made,
                                           .hook = p->revert ? "__hotrevert" : "__hotfix"};
    return hp_execution_push_new(L, p->anchor, &p->plan, p->context.history, p->context.sources, &options,
                                 p->report);
}

/* Loads what the commit will need: the new functions' code and the old ones' successors, one function after
 * the other. */
static enum hp_status make_one(lua_State *L, struct hp_patch *p, const struct hp_plan_function *f)
{
    enum hp_status status = hp_workshop_push_maker(L, &p->made, f->tree, f->prototype, &p->scratch);
    if (status != HP_OK || f->replaces == 0)
        return status == HP_UNSUPPORTED ? HP_OK : status; /* prepare will say so */
    hp_anchor_push(L, p->anchor, f->replaces);
    int old = lua_gettop(L);
    hp_workshop_push_successors(L, &p->made);
    status = hp_successor_push(L, old + 1, old, &p->scratch);
    return status == HP_NO_MEMORY ? status : HP_OK;
}

enum hp_status hp_patch_phase_make(lua_State *L, struct hp_patch *p)
{
    if (p->made == 0)
        hp_workshop_open(L, &p->made);
    while (p->made < p->plan.functions.count) {
        enum hp_status status = make_one(L, p, &p->plan.functions.items[p->made++]);
        lua_settop(L, p->anchor);
        if (status != HP_OK)
            return status;
        if (hp_patch_is_slice_over(p))
            return HP_OK;
    }
    p->phase = HP_PATCH_COMMIT;
    return HP_OK;
}

/* What took whose place, now that it did. [-0, +0, -] */
static void name_heirs(lua_State *L, struct hp_patch *p)
{
    lua_rawgeti(L, p->store, HP_PATCH_STORE_SWAPS);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2); /* old, old, new */
        hp_history_inherit(p->context.history, L);
    }
    lua_pop(L, 1);
    for (size_t i = 0; p->revert && i < p->plan.steps.count; i++) {
        const struct hp_value *back = &p->plan.steps.items[i].value;
        if (back->kind != HP_VALUE_LIVE)
            continue;
        hp_anchor_push(L, p->anchor, back->index);
        hp_history_disinherit(p->context.history, L);
    }
}

/* Is there more to find than the search has seen? Between slices the server ran; calls that were replayed are
 * its code too. A revert may put tables back that nothing held meanwhile, and takes back closures that the
 * patch's own factories made since. */
static bool has_more(const struct hp_patch *p)
{
    return p->searched && (!p->one_stop || p->revert || p->plan.replays.count > 0);
}

/* A plan that the server's changes have outdated is made anew beside it; but what was replayed is known to
 * the execution, and a server that never rests would have it made for ever. */
static bool may_plan_beside(const struct hp_patch *p)
{
    return !p->one_stop && !p->hurry && p->plan.replays.count == 0 && p->replanned < MAX_BESIDE;
}

static void plan_beside(lua_State *L, struct hp_patch *p)
{
    hp_workshop_close(L, &p->made);
    p->made = 0;
    p->replanned++;
    p->phase = HP_PATCH_PLAN;
}

/* Prepares the plan; made anew, a few times, when the server changed what it is about. The execution, ready
 * to commit; or NULL, with HP_OK where another plan is to come. */
static struct hp_execution *prepare_plan(lua_State *L, struct hp_patch *p, enum hp_status *status)
{
    struct hp_execution *x = NULL;
    *status = HP_CONFLICT;
    for (int tries = 0; *status == HP_CONFLICT && tries < MAX_TRIES; tries++) {
        if (tries > 0 && (*status = hp_patch_plan(L, p)) != HP_OK)
            break;
        struct hp_execution *previous = x;
        x = new_execution(L, p);
        if (previous) {
            hp_execution_keep_replays(L, previous, x);
            hp_execution_forget(L, previous);
        }
        *status = prepare(L, p, x);
        if (*status == HP_CONFLICT && may_plan_beside(p))
            break;
    }
    if (*status == HP_OK)
        return x;
    if (*status == HP_CONFLICT && may_plan_beside(p)) {
        plan_beside(L, p);
        *status = HP_OK;
    } else if (*status == HP_CONFLICT) {
        hp_report_fail(p->report, HP_CONFLICT,
                       "the server keeps changing %s while it is to be patched; try again, or with --atomic",
                       hp_execution_conflict(x) ? hp_execution_conflict(x) : "what is to be patched");
    }
    hp_execution_forget(L, x);
    return NULL;
}

enum hp_status hp_patch_phase_commit(lua_State *L, struct hp_patch *p)
{
    enum hp_status status;
    struct hp_execution *x = prepare_plan(L, p, &status);
    if (!x)
        return status;
    hp_workshop_close(L, &p->made); /* its tables have old functions: the sweeps need not find them */
    hp_commit(L, x);
    status = hp_finish(L, x);
    if (status != HP_OK)
        return status;
    p->committed = true;
    name_heirs(L, p);
    if (p->watch)
        hp_watch_start(p->watch, L, p->poller);
    p->phase = HP_PATCH_SWEEP;
    if (!has_more(p))
        return p->revert ? HP_REVERTED : HP_APPLIED;
    return hp_patch_begin_sweeps(L, p);
}
