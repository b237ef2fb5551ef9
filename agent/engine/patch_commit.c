/* hotpatch engine: the stop of the commit. See patch_impl.h. */
#include "agent/engine/lx.h"
#include "agent/engine/patch_impl.h"
#include "agent/engine/prepare.h"
#include "agent/engine/workshop.h"

#define MAX_TRIES 3 /* plans made in the stop before `conflict` */

struct preparation {
    struct hp_patch *patch;
    struct hp_execution *execution;
    enum hp_status status;
};

/* The table old -> new that the sweeps work by; weak, so that it keeps no old function alive. [-0, +1, m] */
static void push_swaps(lua_State *L, struct hp_patch *p, const struct hp_values *values)
{
    lua_createtable(L, 0, (int)p->plan.swaps.count);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    for (size_t i = 0; i < p->plan.swaps.count; i++) {
        hp_anchor_push(L, values->anchor, p->plan.swaps.items[i].from);
        hp_value_push(L, values, &p->plan.swaps.items[i].to);
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
static void mark(lua_State *L, const struct hp_values *values, const struct hp_value *value)
{
    hp_value_push(L, values, value);
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
static void push_late_side(lua_State *L, struct hp_patch *p, const struct hp_values *values)
{
    lua_newtable(L);
    for (size_t i = 0; i < p->plan.swaps.count; i++) {
        const struct hp_plan_swap *swap = &p->plan.swaps.items[i];
        if (swap->of_body)
            mark(L, values, &(struct hp_value){.kind = HP_VALUE_LIVE, .index = swap->from});
    }
    for (uint32_t i = 0; i < p->plan.functions.count; i++)
        if (p->plan.functions.items[i].replaces == 0)
            mark(L, values, &(struct hp_value){.kind = HP_VALUE_FUNCTION, .index = i});
}

/* Of a push with a guard: all that the watch needs, so that it can start with the commit. HP_OK,
 * HP_NO_MEMORY. [-0, +0, m] */
static enum hp_status make_watch(lua_State *L, struct hp_patch *p, const struct hp_values *values)
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
        hp_value_push(L, values, &(struct hp_value){.kind = HP_VALUE_FUNCTION, .index = i});
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
    struct hp_values values;
    hp_execution_push_values(L, work->execution, &values);
    lua_rawgetp(L, LUA_REGISTRYINDEX, work->patch);
    push_swaps(L, work->patch, &values);
    lua_rawseti(L, -2, HP_PATCH_STORE_SWAPS);
    push_late_side(L, work->patch, &values);
    lua_rawseti(L, -2, HP_PATCH_STORE_LATE);
    work->status = make_watch(L, work->patch, &values);
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

/* Prepares the plan; made anew, a few times, when the server changed what it is about. The execution, ready
 * to commit; or NULL, with HP_OK where another plan is to come. */
static struct hp_execution *prepare_plan(lua_State *L, struct hp_patch *p, enum hp_status *status)
{
    struct hp_execution *x = NULL;
    *status = HP_CONFLICT;
    for (int tries = 0; *status == HP_CONFLICT && tries < MAX_TRIES; tries++) {
        if (tries > 0) {
            hp_patch_forget_made(L, p);
            if ((*status = hp_patch_plan(L, p)) != HP_OK)
                break;
        }
        struct hp_execution *previous = x;
        x = hp_patch_push_execution(L, p);
        if (previous) {
            hp_execution_keep_replays(L, previous, x);
            hp_execution_forget(L, previous);
        }
        *status = prepare(L, p, x);
        if (*status == HP_CONFLICT && hp_patch_may_plan_beside(p))
            break;
    }
    if (*status == HP_OK)
        return x;
    if (*status == HP_CONFLICT && hp_patch_may_plan_beside(p)) {
        hp_patch_plan_beside(L, p);
        *status = HP_OK;
    } else if (*status == HP_CONFLICT) {
        hp_report_fail(p->report, HP_CONFLICT,
                       "the server keeps changing %s while it is to be patched; try again, or with --atomic",
                       hp_execution_conflict(x) ? hp_execution_conflict(x) : "what is to be patched");
    }
    hp_execution_forget(L, x);
    return NULL;
}

static void note_time(struct hp_patch *p, int64_t since_us)
{
    int64_t us = hp_patch_now_us() - since_us;
    p->commit_us = us > p->commit_us ? us : p->commit_us;
}

enum hp_status hp_patch_phase_commit(lua_State *L, struct hp_patch *p)
{
    enum hp_status status;
    int64_t began_us = hp_patch_now_us();
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
    p->sweeping = false;
    note_time(p, began_us);
    if (!has_more(p))
        return p->revert ? HP_REVERTED : HP_APPLIED;
    return HP_OK;
}
