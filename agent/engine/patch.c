/* hotpatch engine: the phases of a patch. run_phase is the list of them; the contract is in patch.h, the
 * parts in patch_impl.h. */
#include <lauxlib.h>
#include <time.h>

#include "agent/engine/lx.h"
#include "agent/engine/patch_impl.h"
#include "agent/engine/workshop.h"

/* slots for all that the phases do, so that none of them has to ask for memory for its stack */
#define STACK_ROOM 400
#define LARGE      5000 /* nodes of the live graph, and steps */
#define SLICE_PART 0.88 /* of max_pause: the rest is for what is under way when the clock is looked at */

struct hp_patch *hp_patch_new(const struct hp_patch_context *context, const struct hp_request *request,
                              const char *who, struct hp_report *report, bool one_stop)
{
    struct hp_patch *p = hp_mem_calloc(sizeof *p);
    if (!p)
        return NULL;
    p->context = *context;
    p->request = request;
    p->who = who;
    p->report = report;
    p->revert = request->kind == HP_KIND_REVERT;
    p->verify = request->kind == HP_KIND_VERIFY;
    p->one_stop = one_stop || request->options.atomic;
    p->count = p->revert ? 0 : request->modules.count;
    hp_graph_init(&p->base);
    hp_graph_init(&p->fresh);
    hp_graph_init(&p->plain);
    hp_live_init(&p->live);
    hp_arena_init(&p->match.arena);
    hp_plan_init(&p->plan);
    hp_wanted_init(&p->wanted, context->history);
    p->targets = hp_mem_calloc((p->count + 1) * sizeof *p->targets);
    p->roots = hp_mem_calloc((p->count + 1) * sizeof *p->roots);
    p->bases = hp_mem_calloc((p->count + 1) * sizeof *p->bases);
    p->chunks = hp_mem_calloc((p->count + 1) * sizeof *p->chunks);
    p->locate = hp_locate_new();
    if (p->locate && p->targets && p->roots && p->bases && p->chunks)
        return p;
    p->count = 0;
    hp_patch_free(p);
    return NULL;
}

void hp_patch_free(struct hp_patch *p)
{
    if (!p)
        return;
    hp_stage_close(p->stage);
    hp_record_free(p->record);
    hp_locate_free(p->locate);
    hp_wanted_fini(&p->wanted);
    hp_late_free(p->late);
    hp_mem_free(p->heirs);
    hp_scratch_clear(&p->scratch);
    hp_patch_forget_bases(p);
    hp_graph_fini(&p->fresh);
    hp_graph_fini(&p->plain);
    for (size_t i = 0; i < p->count; i++)
        hp_base_fini(&p->bases[i]);
    hp_mem_free(p->chunks);
    hp_mem_free(p->bases);
    hp_mem_free(p->roots);
    hp_mem_free(p->targets);
    hp_mem_free(p);
}

bool hp_patch_is_large(const struct hp_patch *p)
{
    return p->live.graph.nodes.count + p->plan.steps.count > LARGE;
}

int64_t hp_patch_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

bool hp_patch_accepts(const struct hp_patch *p, int reason)
{
    for (size_t i = 0; i < p->request->options.accept.count; i++)
        if (hp_reason_from_code(p->request->options.accept.items[i]) == reason)
            return true;
    return false;
}

int64_t hp_patch_deadline_us(const struct hp_patch *p)
{
    double ms =
        p->request->options.max_pause_ms > 0 ? p->request->options.max_pause_ms : p->context.max_pause_ms;
    return p->one_stop || p->hurry ? INT64_MAX : p->slice_us + (int64_t)(ms * 1000 * SLICE_PART);
}

bool hp_patch_is_slice_over(const struct hp_patch *p)
{
    return !p->one_stop && !p->hurry && hp_patch_now_us() >= hp_patch_deadline_us(p);
}

/* One phase. */
static enum hp_status run_phase(lua_State *L, struct hp_patch *p)
{
    static enum hp_status (*const phases[])(lua_State *, struct hp_patch *) = {
        [HP_PATCH_STAGE] = hp_patch_phase_stage,
        [HP_PATCH_BASE] = hp_patch_phase_base,
        [HP_PATCH_FIRST_PLAN] = hp_patch_phase_first_plan,
        [HP_PATCH_SEARCH] = hp_patch_phase_search,
        [HP_PATCH_PLAN] = hp_patch_phase_plan,
        [HP_PATCH_MAKE] = hp_patch_phase_make,
        [HP_PATCH_COMMIT] = hp_patch_phase_commit,
        [HP_PATCH_SWEEP] = hp_patch_phase_sweep,
    };
    return phases[p->phase](L, p);
}

/* --- phases ----------------------------------------------------------------------------------- */

/* The store, from the registry: made at the first step. [-0, +2, m] */
static void open_store(lua_State *L, struct hp_patch *p)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, p) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_createtable(L, HP_PATCH_STORE_EXECUTION, 0);
        hp_anchor_push_new(L);
        lua_rawseti(L, -2, HP_PATCH_STORE_ANCHOR);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, p);
    }
    p->store = lua_gettop(L);
    lua_rawgeti(L, p->store, HP_PATCH_STORE_ANCHOR);
    p->anchor = lua_gettop(L);
}

struct hp_watch *hp_patch_take_watch(struct hp_patch *p)
{
    struct hp_watch *watch = p->committed ? p->watch : NULL;
    if (watch)
        p->watch = NULL;
    return watch;
}

void hp_patch_drop_watch(lua_State *L, struct hp_patch *p)
{
    if (p->watch)
        hp_watch_stop(p->watch, L);
    hp_watch_free(p->watch);
    p->watch = NULL;
}

void hp_patch_forget(lua_State *L, struct hp_patch *p)
{
    hp_patch_drop_watch(L, p);
    hp_patch_forget_execution(L, p);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, p) != LUA_TNIL) {
        lua_pushnil(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, p); /* the key is there: no memory is needed */
    }
    lua_pop(L, 1);
    hp_workshop_close(L, &p->made);
}

/* A revert down to an older patch goes on with the next one. */
static bool more_to_revert(struct hp_patch *p, enum hp_status status)
{
    if (status != HP_REVERTED || p->request->patch == 0 ||
        !hp_history_in_force(p->context.history, p->request->patch))
        return false;
    p->undone = p->report->patch;
    p->undone_modules = p->report->modules.count;
    p->undone_warnings = p->report->warnings.count;
    p->committed = false;
    p->phase = HP_PATCH_FIRST_PLAN;
    p->searched = false;
    p->made = 0;
    return true;
}

/* After the commit nothing fails any more: what comes in the way of the sweeps is said, and the patch is
 * applied all the same. */
void hp_patch_give_up_sweeps(struct hp_patch *p, const char *why)
{
    p->report->status = p->revert ? HP_REVERTED : HP_APPLIED;
    hp_report_warn(p->report, HP_R08_STILL_RUNNING, NULL, NULL,
                   "%s while old references that moved were looked for: some may be left; push the same "
                   "again to look once more",
                   why);
}

static bool is_carried_out(enum hp_status status)
{
    return status == HP_APPLIED || status == HP_REVERTED;
}

/* --- the planner ------------------------------------------------------------------------------ */

/* Phases that take long and write nothing. */
static bool is_for_planner(const struct hp_patch *p)
{
    return !p->one_stop && (p->phase <= HP_PATCH_FIRST_PLAN || p->phase == HP_PATCH_PLAN);
}

static int plan_protected(lua_State *L)
{
    struct hp_patch *p = lua_touserdata(L, 1);
    lua_settop(L, 0);
    open_store(L, p);
    do {
        p->planned = run_phase(L, p);
        if (!hp_turn_hold(p->turn))
            p->planned = HP_TIMEOUT;
        lua_settop(L, p->anchor);
    } while (p->planned == HP_OK && is_for_planner(p));
    return 0;
}

/* On the planner's thread. */
static void plan(void *ud)
{
    struct hp_patch *p = ud;
    struct hp_lx_failure failure = {0};
    p->planned = HP_TIMEOUT;
    if (!hp_turn_hold(p->turn) ||
        hp_lx_protect(p->planner, plan_protected, p, &p->report->arena, &failure) == LUA_OK)
        return;
    p->planned = HP_NO_MEMORY;
    if (failure.status != LUA_ERRMEM)
        p->planned =
            hp_report_fail(p->report, HP_FAILED, "%s", failure.text ? failure.text : "planning failed");
}

/* False: there is no thread to be had. [-0, +0, m] */
static bool start_planner(lua_State *L, struct hp_patch *p)
{
    p->planner = lua_newthread(L);
    lua_rawseti(L, p->store, HP_PATCH_STORE_PLANNER);
    return lua_checkstack(p->planner, STACK_ROOM) && hp_turn_start(&p->turn, plan, p, &p->context.bell);
}

/* Lends the planner what is left of the slice. */
static enum hp_status step_planner(lua_State *L, struct hp_patch *p)
{
    if (!p->turn && !start_planner(L, p))
        return run_phase(L, p); /* in one stop, then */
    int64_t deadline = hp_patch_deadline_us(p);
    int64_t patience = deadline == INT64_MAX ? deadline : p->slice_us + (deadline - p->slice_us) / 2;
    enum hp_turn_state state = hp_turn_lend(p->turn, deadline, patience);
    p->away = state == HP_TURN_AWAY;
    if (state != HP_TURN_DONE)
        return HP_OK;
    hp_turn_stop(p->turn);
    p->turn = NULL;
    return p->planned;
}

/* --- steps ------------------------------------------------------------------------------------ */

bool hp_patch_wants_stop(const struct hp_patch *p)
{
    if (p->phase != HP_PATCH_COMMIT || p->one_stop || p->hurry)
        return false;
    return hp_patch_now_us() + hp_patch_predicted_us(p) > hp_patch_deadline_us(p);
}

bool hp_patch_step(lua_State *L, struct hp_patch *p, lua_State *poller, int64_t used_us)
{
    p->poller = poller;
    p->slice_us = hp_patch_now_us() - used_us;
    if (p->started_us == 0)
        p->started_us = p->slice_us;
    if (!lua_checkstack(L, STACK_ROOM)) {
        p->report->status = HP_NO_MEMORY;
        return true;
    }
    int top = lua_gettop(L);
    open_store(L, p);
    enum hp_status status = HP_OK;
    p->away = false;
    do {
        status = p->turn || is_for_planner(p) ? step_planner(L, p) : run_phase(L, p);
        lua_settop(L, p->anchor);
        if (more_to_revert(p, status))
            status = HP_OK;
    } while (status == HP_OK && !p->away && !hp_patch_is_slice_over(p) && !hp_patch_wants_stop(p));
    lua_settop(L, top);

    int64_t pause = hp_patch_now_us() - p->slice_us;
    p->longest_us = pause > p->longest_us ? pause : p->longest_us;
    p->slices += !p->away;
    if (status == HP_OK)
        return false;
    p->report->status = status;
    if (p->phase == HP_PATCH_SWEEP && !is_carried_out(status))
        hp_patch_give_up_sweeps(p, "memory ran out");
    return true;
}

bool hp_patch_stop(struct hp_patch *p)
{
    bool stopped = hp_turn_stop(p->turn);
    p->turn = NULL;
    return stopped;
}

void hp_patch_hurry(struct hp_patch *p)
{
    p->hurry = true;
}

bool hp_patch_is_away(const struct hp_patch *p)
{
    return p->away && p->turn && hp_turn_is_away(p->turn);
}

bool hp_patch_committed(const struct hp_patch *p)
{
    return p->committed;
}

/* Some of several patches are reverted, and the next could not be. */
static void tell_part(struct hp_patch *p)
{
    struct hp_report *r = p->report;
    const char *why = r->error            ? r->error->text
                      : r->refusals.count ? r->refusals.items[0].text
                                          : hp_status_info(r->status)->sentence;
    r->patch = p->undone;
    r->modules.count = p->undone_modules;
    r->error = NULL;
    hp_report_fail(r, HP_PARTIAL, "the patches down to %lld are reverted, and the next is not: %s",
                   (long long)p->undone, why);
    if (r->error)
        r->error->hint = "hotpatch log shows what is in force; revert goes on from there";
}

void hp_patch_settle(struct hp_patch *p)
{
    struct hp_report *r = p->report;
    if (p->undone != 0 && r->status != HP_REVERTED)
        tell_part(p);
    r->searched = p->searched ? "heap" : "module";
    r->stragglers = HP_UNKNOWN;
    r->cost.total_us = p->started_us ? hp_patch_now_us() - p->started_us : 0;
    r->cost.pause_us = p->longest_us;
    r->cost.slices = p->slices;
    r->cost.objects = p->objects + (int64_t)p->live.graph.nodes.count;
    r->cost.memory = p->bytes;
    r->cost.load_us = p->load_us;
    r->cost.commit_us = p->commit_us;
    r->generation = hp_history_generation(p->context.history);
}

const char *hp_patch_phase(const struct hp_patch *p)
{
    static const char *const names[] = {
        [HP_PATCH_STAGE] = "stage",   [HP_PATCH_BASE] = "stage",  [HP_PATCH_FIRST_PLAN] = "plan",
        [HP_PATCH_SEARCH] = "search", [HP_PATCH_PLAN] = "plan",   [HP_PATCH_MAKE] = "make",
        [HP_PATCH_COMMIT] = "commit", [HP_PATCH_SWEEP] = "sweep", [HP_PATCH_DONE] = "done"};
    return names[p->phase];
}

int64_t hp_patch_objects(const struct hp_patch *p)
{
    return p->objects;
}

int64_t hp_patch_slices(const struct hp_patch *p)
{
    return p->slices;
}

int64_t hp_patch_longest_us(const struct hp_patch *p)
{
    return p->longest_us;
}
