/* hotpatch engine: the phases of a patch. Read run_phase first, at the end; everything above it is one phase each. */
#include "agent/engine/patch.h"

#include <lauxlib.h>
#include <string.h>
#include <time.h>

#include "agent/engine/base.h"
#include "agent/engine/collect.h"
#include "agent/engine/locate.h"
#include "agent/engine/lx.h"
#include "agent/engine/match.h"
#include "agent/engine/plan.h"
#include "agent/engine/prepare.h"
#include "agent/engine/stage.h"
#include "agent/engine/successor.h"
#include "agent/engine/workshop.h"

#define STACK_ROOM 400 /* slots for all that the phases do, so that none of them has to ask for memory for its stack */
#define MAX_TRIES  3 /* plans made for one request before `conflict` */
/* What a commit takes, roughly, in microseconds (bench/ measures it): to refuse what is far too long, not to promise. */
#define COMMIT_US_FUNCTION 2.5
#define COMMIT_US_STEP     0.6

#define MAX_SWEEPS 8 /* passes after the commit: a server that keeps moving old functions about is left with stragglers */

/* What a step goes on with. */
enum phase { PHASE_STAGE, PHASE_BASE, PHASE_FIRST_PLAN, PHASE_SEARCH, PHASE_PLAN, PHASE_MAKE, PHASE_COMMIT, PHASE_SWEEP, PHASE_DONE };

/* What a patch keeps in the registry between its slices, a table under its own address. */
enum { STORE_ANCHOR = 1, STORE_SEARCH, STORE_SWAPS };

struct hp_patch {
    struct hp_patch_context context;
    const struct hp_request *request;
    const char *who;
    struct hp_report *report;
    bool one_stop, revert;

    enum phase phase;
    bool committed;
    int sweeps;
    lua_State *poller;
    int64_t started_us, slice_us, longest_us, load_us; /* CLOCK_MONOTONIC; durations */
    int64_t slices, objects, bytes;
    uint32_t made; /* functions of the plan that PHASE_MAKE has done */
    struct hp_scratch scratch;

    /* Stack indices, of one step. */
    int store, anchor;

    size_t count; /* modules */
    struct hp_target *targets;
    struct hp_root *roots;
    struct hp_base *bases;
    struct hp_stage_chunk *chunks; /* as many, for either world */

    struct hp_stage *stage;
    struct hp_locate *locate;
    struct hp_found found; /* of `locate` … */
    uint32_t *heirs;       /* … but these, which are ours */
    bool searched;
    struct hp_graph base, fresh;
    bool has_base;
    struct hp_live live;
    struct hp_match match;
    struct hp_plan plan;
};

struct hp_patch *hp_patch_new(const struct hp_patch_context *context, const struct hp_request *request, const char *who,
                              struct hp_report *report, bool one_stop)
{
    struct hp_patch *p = hp_mem_calloc(sizeof *p);
    if (!p)
        return NULL;
    p->context = *context;
    p->request = request;
    p->who = who;
    p->report = report;
    p->revert = request->kind == HP_KIND_REVERT;
    p->one_stop = one_stop || request->options.atomic;
    p->count = p->revert ? 0 : request->modules.count;
    hp_graph_init(&p->base);
    hp_graph_init(&p->fresh);
    hp_live_init(&p->live);
    hp_arena_init(&p->match.arena);
    hp_plan_init(&p->plan);
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

/* Forgets what depends on the live program, which may have moved on. */
static void forget_match(struct hp_patch *p)
{
    hp_plan_fini(&p->plan);
    hp_match_fini(&p->match);
    hp_live_fini(&p->live);
}

/* And what depends on the bases: they may be chosen again. */
static void forget_bases(struct hp_patch *p)
{
    forget_match(p);
    hp_graph_fini(&p->base);
    p->has_base = false;
}

void hp_patch_free(struct hp_patch *p)
{
    if (!p)
        return;
    hp_stage_close(p->stage);
    hp_locate_free(p->locate);
    hp_mem_free(p->heirs);
    hp_scratch_clear(&p->scratch);
    forget_bases(p);
    hp_graph_fini(&p->fresh);
    for (size_t i = 0; i < p->count; i++)
        hp_base_fini(&p->bases[i]);
    hp_mem_free(p->chunks);
    hp_mem_free(p->bases);
    hp_mem_free(p->roots);
    hp_mem_free(p->targets);
    hp_mem_free(p);
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- targets -------------------------------------------------------------------------------------------------------- */

static bool expected_version(lua_State *L, struct hp_patch *p, const struct hp_target *t)
{
    const char *wanted = p->request->options.expect_version, *found = NULL;
    if (!wanted)
        return true;
    hp_anchor_push(L, p->anchor, t->root.object);
    if (lua_istable(L, -1)) {
        lua_pushstring(L, "VERSION");
        lua_rawget(L, -2);
        if (lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER)
            found = hp_arena_str(&p->report->arena, lua_tostring(L, -1)); /* a copy on the stack is converted, not the field */
    }
    lua_settop(L, p->anchor);
    if (found && strcmp(found, wanted) == 0)
        return true;
    hp_report_fail(p->report, HP_REFUSED, "the live \"%s\" has VERSION %s, not %s; `hotpatch inspect %s` shows what runs", t->module,
                   found ? found : "unset", wanted, t->module);
    return false;
}

static bool duplicate(const struct hp_patch *p, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (p->targets[j].root.container == p->targets[i].root.container &&
            strcmp(p->targets[j].root.key, p->targets[i].root.key) == 0)
            return true;
    return false;
}

static enum hp_status find_targets(lua_State *L, struct hp_patch *p)
{
    if (p->count == 0)
        return hp_report_fail(p->report, HP_REFUSED, "the request names no module; say MODULE=FILE");
    for (size_t i = 0; i < p->count; i++) {
        struct hp_target *t = &p->targets[i];
        enum hp_status status =
            hp_target_find(L, p->anchor, &p->context.policy, &p->request->modules.items[i], t, p->report);
        if (status != HP_OK)
            return status;
        if (duplicate(p, i))
            return hp_report_fail(p->report, HP_REFUSED, "\"%s\" is named twice in one request; name it once", t->module);
        if (!expected_version(L, p, t))
            return HP_REFUSED;
        p->roots[i] = t->root;
        p->roots[i].module = (uint32_t)i;
        p->roots[i].base = HP_NO_ID;
        hp_base_find(&p->bases[i], HP_BASE_CLIENT, &p->request->modules.items[i], t, p->context.sources);
    }
    return HP_OK;
}

/* --- stage ---------------------------------------------------------------------------------------------------------- */

static struct hp_stage_chunk chunk_of(const struct hp_target *t, const char *text, size_t len)
{
    return (struct hp_stage_chunk){.module = t->module,
                                   .chunk_name = t->chunk_name,
                                   .path = t->file,
                                   .text = text,
                                   .len = len,
                                   .environment = t->root.environment,
                                   .with_arguments = true};
}

/* Loads the first `count` of p->chunks inert, as one world, into a graph. */
static enum hp_status stage_world(lua_State *L, struct hp_patch *p, size_t count, struct hp_graph *graph,
                                  struct hp_report *report)
{
    struct hp_stage_limits limits = {0};
    int64_t started = now_us();
    p->stage = hp_stage_open(L, p->anchor, &limits);
    if (!p->stage)
        return HP_NO_MEMORY;
    enum hp_status status = hp_stage_run(p->stage, p->chunks, count, report);
    if (status == HP_OK)
        status = hp_stage_collect(p->stage, graph);
    hp_stage_close(p->stage);
    p->stage = NULL;
    p->load_us += now_us() - started;
    return status;
}

static enum hp_status stage_fresh(lua_State *L, struct hp_patch *p)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct hp_request_module *asked = &p->request->modules.items[i];
        p->chunks[i] = chunk_of(&p->targets[i], asked->source.data ? asked->source.data : "", asked->source.len);
        if (p->roots[i].point) /* its own file, not the module's */
            p->chunks[i].chunk_name =
                hp_arena_printf(&p->report->arena, "@%s", asked->file ? asked->file : p->targets[i].path);
    }
    return stage_world(L, p, p->count, &p->fresh, p->report);
}

/* The next base of that module; false for one that the user named: that it does not do is an answer. */
static bool next_base(struct hp_patch *p, size_t i)
{
    enum hp_base_origin origin = p->bases[i].origin;
    if (origin == HP_BASE_CLIENT || origin == HP_BASE_NONE)
        return false;
    hp_base_find(&p->bases[i], origin + 1, &p->request->modules.items[i], &p->targets[i], p->context.sources);
    return true;
}

/* A base that does not load is none; of one that the user named it is said. */
static enum hp_status skip_bad_base(struct hp_patch *p, const struct hp_report *failure)
{
    bool any = false;
    const char *why = failure->error && failure->error->text ? failure->error->text : "no reason given";
    for (size_t i = 0; i < p->count; i++) {
        const char *module = p->targets[i].module;
        if (failure->error && failure->error->module && strcmp(failure->error->module, module) != 0)
            continue;
        any |= next_base(p, i);
        if (!any && p->bases[i].origin == HP_BASE_CLIENT)
            hp_report_refuse(p->report, HP_R16_NOT_THE_BASE, module, NULL, "the base that was named does not load: %s", why);
    }
    return any ? HP_CONFLICT : HP_REFUSED; /* HP_CONFLICT: again */
}

static enum hp_status stage_base(lua_State *L, struct hp_patch *p)
{
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++) {
        p->roots[i].base = p->roots[i].guide = HP_NO_ID;
        if (p->bases[i].origin == HP_BASE_NONE)
            continue;
        if (p->roots[i].point) /* matched with what lives in its slot; the base only leads to the module's locals */
            p->roots[i].guide = (uint32_t)count;
        else
            p->roots[i].base = (uint32_t)count;
        p->chunks[count++] = chunk_of(&p->targets[i], p->bases[i].text, p->bases[i].len);
    }
    p->has_base = count > 0;
    if (count == 0)
        return HP_OK;
    struct hp_report failure; /* must not end up in the user's report: another base may do */
    hp_report_init(&failure);
    enum hp_status status = stage_world(L, p, count, &p->base, &failure);
    if (status == HP_LOAD_FAILED || status == HP_LIMIT || status == HP_REFUSED)
        status = skip_bad_base(p, &failure);
    hp_report_fini(&failure);
    return status;
}

/* --- collect and match ---------------------------------------------------------------------------------------------- */

static enum hp_status collect_and_match(lua_State *L, struct hp_patch *p)
{
    const struct hp_graph *base = p->has_base ? &p->base : NULL;
    const struct hp_found *found = p->searched ? &p->found : NULL;
    enum hp_status status = hp_collect(L, p->anchor, base, &p->fresh, p->roots, p->count, found, &p->live);
    return status == HP_OK ? hp_match(&p->match, base, &p->fresh, &p->live, p->roots) : status;
}

static bool accepts(const struct hp_patch *p, int reason)
{
    for (size_t i = 0; i < p->request->options.accept.count; i++)
        if (hp_reason_from_code(p->request->options.accept.items[i]) == reason)
            return true;
    return false;
}

/* The same push again, from a script: its base is not what runs any more, for what runs is what it sends. */
static bool pushed_before(struct hp_patch *p, size_t i)
{
    const struct hp_bytes *source = &p->request->modules.items[i].source;
    struct hp_source stored;
    if (p->bases[i].origin != HP_BASE_CLIENT || !hp_sources_find(p->context.sources, p->targets[i].module, &stored) ||
        stored.len != source->len || memcmp(stored.text, source->data, source->len) != 0)
        return false;
    hp_base_find(&p->bases[i], HP_BASE_STORED, &p->request->modules.items[i], &p->targets[i], p->context.sources);
    return true;
}

/* HP_CONFLICT: a base was not what runs, another is tried. */
static enum hp_status verify_bases(struct hp_patch *p)
{
    enum hp_status status = HP_OK;
    for (size_t i = 0; i < p->count; i++) {
        const char *path = NULL;
        const char *module = p->targets[i].module;
        if (p->roots[i].base == HP_NO_ID ||
            hp_base_runs(&p->bases[i], &p->match, (uint32_t)i, p->targets[i].chunk_name, &path))
            continue;
        if (next_base(p, i) || pushed_before(p, i)) {
            status = HP_CONFLICT;
        } else if (accepts(p, HP_R16_NOT_THE_BASE)) {
            hp_report_warn(p->report, HP_R16_NOT_THE_BASE, module, path, "the live %s is not the one of the base that was named", path);
        } else {
            hp_report_refuse(p->report, HP_R16_NOT_THE_BASE, module, path,
                             "the live %s is not the one of the base that was named; send the source that runs, or leave --base out",
                             path);
            return HP_REFUSED;
        }
    }
    return status;
}

/* Loads the bases inert; one that does not load gives way to the next there is. */
static enum hp_status find_base(lua_State *L, struct hp_patch *p)
{
    enum hp_status status;
    while ((status = stage_base(L, p)) == HP_CONFLICT)
        forget_bases(p);
    return status;
}

/* Lays live beside the bases, and looks whether they are what runs; until they are, or none is left. */
static enum hp_status match(lua_State *L, struct hp_patch *p)
{
    for (;;) {
        enum hp_status status = collect_and_match(L, p);
        if (status == HP_OK)
            status = verify_bases(p);
        if (status != HP_CONFLICT)
            return status;
        forget_bases(p);
        if ((status = find_base(L, p)) != HP_OK)
            return status;
    }
}

/* --- plan ------------------------------------------------------------------------------------------------------------ */

static void report_modules(struct hp_patch *p)
{
    p->report->modules.count = 0;
    for (size_t i = 0; i < p->count; i++) {
        struct hp_report_module *m = HP_PUSH(&p->report->arena, &p->report->modules);
        if (!m)
            return;
        m->module = hp_arena_str(&p->report->arena, p->targets[i].module);
        m->source = hp_arena_str(&p->report->arena, p->targets[i].chunk_name);
        m->base = hp_arena_str(&p->report->arena, p->bases[i].label);
    }
}

/* Is the new text the base's? */
static bool same_text(const struct hp_patch *p, size_t i)
{
    const struct hp_bytes *source = &p->request->modules.items[i].source;
    return p->bases[i].len == source->len && p->bases[i].text && memcmp(p->bases[i].text, source->data, source->len) == 0;
}

static bool same_texts(const struct hp_patch *p)
{
    bool same = true;
    for (size_t i = 0; i < p->count; i++)
        same = same && same_text(p, i);
    return same;
}

/* A patch that changes nothing but has a new __hotfix to run is a change. */
static bool changes(const struct hp_patch *p)
{
    if (!hp_plan_is_empty(&p->plan))
        return true;
    for (size_t i = 0; i < p->plan.modules.count; i++)
        if (p->plan.modules.items[i].hotfix.present && !same_text(p, i))
            return true;
    return false;
}

/* The texts that are the base of the next patch. A point fix, or a patch of a few functions, is not what runs as a whole. */
static void name_texts(struct hp_patch *p)
{
    for (size_t i = 0; i < p->plan.modules.count && !p->request->options.functions.count; i++) {
        struct hp_plan_module *m = &p->plan.modules.items[i];
        if (p->roots[i].point)
            continue;
        m->chunk_name = p->targets[i].chunk_name;
        m->text = p->request->modules.items[i].source.data;
        m->text_len = p->request->modules.items[i].source.len;
    }
}

static void copy_stage_warnings(struct hp_patch *p)
{
    for (size_t i = 0; i < p->fresh.warnings.count; i++)
        hp_report_warn(p->report, HP_R09_UNREPLAYABLE, NULL, NULL, "%s", p->fresh.warnings.items[i]);
}

static enum hp_status make_plan(struct hp_patch *p)
{
    report_modules(p);
    copy_stage_warnings(p);
    enum hp_status status =
        hp_plan_make(&p->plan, &p->match, &p->request->options, p->searched ? &p->found : NULL, p->report);
    name_texts(p);
    return status;
}

/* --- the search ------------------------------------------------------------------------------------------------------- */

/* The sources whose functions are looked for: the modules', as the live ones name them. */
static bool name_sources(struct hp_patch *p)
{
    bool ok = true;
    for (size_t i = 0; i < p->count; i++)
        ok = hp_locate_source(p->locate, p->targets[i].chunk_name) && ok;
    return ok;
}

/* The agent's own tables are not entered. [-0, +1, m] */
static void push_hidden(lua_State *L, struct hp_patch *p)
{
    lua_createtable(L, 3, 0);
    lua_pushvalue(L, p->store);
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, p->anchor);
    lua_rawseti(L, -2, 2);
    hp_history_push(p->context.history, L);
    lua_rawseti(L, -2, 3);
}

static void begin_search(lua_State *L, struct hp_patch *p)
{
    push_hidden(L, p);
    hp_locate_begin(L, p->locate, -1);
    lua_rawseti(L, p->store, STORE_SEARCH);
    lua_pop(L, 1);
}

/* Functions of earlier generations that somebody still holds: what has taken their place? [-0, +0, m] */
static bool find_heirs(lua_State *L, struct hp_patch *p)
{
    hp_mem_free(p->heirs);
    p->heirs = hp_mem_calloc((p->found.member_count + 1) * sizeof *p->heirs);
    for (size_t i = 0; p->heirs && i < p->found.member_count; i++) {
        hp_anchor_push(L, p->anchor, p->found.members[i]);
        hp_history_push_heir(p->context.history, L);
        p->heirs[i] = hp_anchor_add(L, p->anchor, -1);
        lua_pop(L, 1);
    }
    p->found.heirs = p->heirs;
    return p->heirs != NULL;
}

static void take_found(struct hp_patch *p)
{
    p->found.holders = hp_locate_holders(p->locate, &p->found.holder_count);
    p->found.running = hp_locate_running(p->locate, &p->found.running_count);
    p->found.loops = hp_locate_loops(p->locate, &p->found.loop_count);
    p->found.members = hp_locate_members(p->locate, &p->found.member_count);
    p->found.deep = hp_locate_deep(p->locate);
}

static int64_t deadline_us(const struct hp_patch *p)
{
    double ms = p->request->options.max_pause_ms > 0 ? p->request->options.max_pause_ms : p->context.max_pause_ms;
    return p->one_stop ? INT64_MAX : p->slice_us + (int64_t)(ms * 1000);
}

static bool is_slice_over(const struct hp_patch *p)
{
    return !p->one_stop && now_us() >= deadline_us(p);
}

/* One slice of the pass under way. HP_OK with *done, or not yet. */
static enum hp_status search(lua_State *L, struct hp_patch *p, bool sweep, bool *done)
{
    lua_rawgeti(L, p->store, STORE_SEARCH);
    if (sweep)
        lua_rawgeti(L, p->store, STORE_SWAPS);
    struct hp_locate_slice slice = {.side = p->anchor + 1,
                                    .anchor = p->anchor,
                                    .successors = sweep ? p->anchor + 2 : 0,
                                    .poller = p->poller,
                                    .deadline_us = deadline_us(p)};
    enum hp_status status = hp_locate_step(L, p->locate, &slice, done);
    lua_settop(L, p->anchor);
    p->objects = (int64_t)hp_locate_objects(p->locate);
    if ((int64_t)hp_locate_bytes(p->locate) > p->bytes)
        p->bytes = (int64_t)hp_locate_bytes(p->locate);
    return status;
}

/* --- prepare, commit, finish ------------------------------------------------------------------------------------------- */

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
        hp_execution_push_value(L, x, &(struct hp_value){.kind = HP_VALUE_LIVE, .index = p->plan.swaps.items[i].from});
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

static int prepare_protected(lua_State *L)
{
    struct preparation *work = lua_touserdata(L, 1);
    lua_settop(L, 0);
    work->status = hp_prepare(L, work->execution);
    if (work->status != HP_OK)
        return 0;
    work->status = HP_NO_MEMORY; /* unless what follows comes to its end */
    lua_rawgetp(L, LUA_REGISTRYINDEX, work->patch);
    push_swaps(L, work->patch, work->execution);
    lua_rawseti(L, -2, STORE_SWAPS);
    work->status = HP_OK;
    return 0;
}

/* hp_prepare may raise for Lua's memory: what it inserted is taken back here, where the stack is whole. */
static enum hp_status prepare(lua_State *L, struct hp_patch *p, struct hp_execution *x)
{
    struct preparation work = {p, x, HP_NO_MEMORY};
    struct hp_lx_failure failure = {0};
    if (hp_lx_protect(L, prepare_protected, &work, &p->report->arena, &failure) == LUA_OK) {
        bool cut = work.status == HP_OK && hp_arena_failed(&p->report->arena); /* before anything is changed: not at all */
        if (cut)
            hp_execution_undo(L, x);
        return cut ? HP_NO_MEMORY : work.status;
    }
    hp_execution_undo(L, x);
    if (failure.status == LUA_ERRMEM)
        return HP_NO_MEMORY;
    return hp_report_fail(p->report, HP_FAILED, "%s", failure.text ? failure.text : "the patch could not be prepared");
}

static struct hp_execution *new_execution(lua_State *L, struct hp_patch *p)
{
    struct hp_execution_options options = {.who = p->who,
                                           .message = p->request->options.message,
                                           .revert = p->revert,
                                           .workshop = &p->made,
                                           .hook = p->revert ? "__hotrevert" : "__hotfix"};
    return hp_execution_push_new(L, p->anchor, &p->plan, p->context.history, p->context.sources, &options, p->report);
}

/* --- revert -------------------------------------------------------------------------------------------------------------- */

/* R19 refusals that the user has read become warnings. */
static void accept_refusals(struct hp_patch *p)
{
    struct hp_report *r = p->report;
    size_t kept = 0;
    for (size_t i = 0; i < r->refusals.count; i++) {
        struct hp_report_note note = r->refusals.items[i];
        int reason = hp_reason_from_code(note.code);
        if (!accepts(p, reason) || !hp_reason_info(reason)->acceptable) {
            r->refusals.items[kept++] = note;
            continue;
        }
        struct hp_report_note *slot = HP_PUSH(&r->arena, &r->warnings);
        if (slot)
            *slot = note;
    }
    r->refusals.count = kept;
}

static enum hp_status check_revert(struct hp_patch *p)
{
    int64_t wanted = p->request->patch;
    if (hp_history_last(p->context.history) == 0)
        return hp_report_fail(p->report, HP_REFUSED, "there is no patch to revert; `hotpatch log` lists what was done");
    if (wanted != 0 && !hp_history_in_force(p->context.history, wanted))
        return hp_report_fail(p->report, HP_REFUSED, "patch %lld is not in force; `hotpatch log` lists those that are",
                              (long long)wanted);
    return HP_OK;
}

static enum hp_status plan_revert(lua_State *L, struct hp_patch *p)
{
    hp_plan_fini(&p->plan);
    enum hp_status status = hp_history_plan_revert(p->context.history, L, p->anchor, &p->plan, p->report);
    accept_refusals(p);
    if (status == HP_OK && p->searched)
        hp_plan_hold(&p->plan, &p->found, NULL, p->report);
    if (status == HP_OK && hp_arena_failed(&p->plan.arena))
        return HP_NO_MEMORY;
    return status == HP_OK && p->report->refusals.count ? HP_REFUSED : status;
}

/* The functions that the patch put in are found by the sources they have. */
static bool name_swapped_sources(lua_State *L, struct hp_patch *p)
{
    bool ok = true;
    for (size_t i = 0; i < p->plan.swaps.count; i++) {
        lua_Debug ar;
        hp_anchor_push(L, p->anchor, p->plan.swaps.items[i].from);
        if (lua_isfunction(L, -1)) {
            lua_getinfo(L, ">S", &ar);
            ok = hp_locate_source(p->locate, ar.source) && ok;
        } else {
            lua_pop(L, 1);
        }
    }
    return ok;
}

/* --- the phases ------------------------------------------------------------------------------------------------------------ */

/* Drops what the report says of a plan that is made again. */
static void forget_plan_report(struct hp_patch *p)
{
    struct hp_report *r = p->report;
    r->warnings.count = r->refusals.count = r->effects.count = r->coroutines.count = 0;
    r->references = (struct hp_report_references){0};
    r->instances = 0;
    r->status = HP_OK;
    r->error = NULL;
    if (p->revert)
        r->modules.count = 0;
}

static enum hp_status plan(lua_State *L, struct hp_patch *p)
{
    forget_plan_report(p);
    if (p->revert)
        return plan_revert(L, p);
    forget_match(p);
    enum hp_status status = match(L, p);
    return status == HP_OK ? make_plan(p) : status;
}

static enum hp_status phase_stage(lua_State *L, struct hp_patch *p)
{
    p->phase = PHASE_BASE;
    if (p->revert)
        return check_revert(p);
    enum hp_status status = find_targets(L, p);
    return status == HP_OK ? stage_fresh(L, p) : status;
}

static enum hp_status phase_base(lua_State *L, struct hp_patch *p)
{
    p->phase = PHASE_FIRST_PLAN;
    return p->revert ? HP_OK : find_base(L, p);
}

/* Code that changed may be held by others alone. */
static bool code_changed(const struct hp_patch *p)
{
    for (uint32_t t = 0; p->has_base && t < p->fresh.trees.count; t++)
        for (uint32_t i = 1; i < p->fresh.trees.items[t]->prototypes.count; i++) {
            struct hp_code base = p->match.fresh_code[t][i];
            if (!hp_code_none(base) &&
                !hp_prototype_equal(p->base.trees.items[base.tree], base.prototype, p->fresh.trees.items[t], i))
                return true;
        }
    return false;
}

/* A local that base and new share, and whose cell the walk did not come by: only closures that others hold know it. */
static bool local_unfound(const struct hp_patch *p)
{
    uint32_t live;
    for (uint32_t cell = 0; p->has_base && cell < p->fresh.cells.count; cell++)
        if (p->match.cell_base[cell] != HP_NO_ID && hp_match_cell(&p->match, cell, HP_NO_ID, &live) == 0)
            return true;
    return false;
}

/* A loop somewhere may be going over a table that gets a key. */
static bool adds_keys(const struct hp_patch *p)
{
    for (size_t i = 0; i < p->plan.steps.count; i++)
        if (p->plan.steps.items[i].kind == HP_STEP_ADD_FIELD)
            return true;
    return false;
}

/* The stop of the commit grows with the places it writes. */
static double predicted_ms(const struct hp_patch *p)
{
    return ((double)p->plan.functions.count * COMMIT_US_FUNCTION + (double)p->plan.steps.count * COMMIT_US_STEP) / 1000;
}

/* R20, where a limit was asked for or is the rule: one stop that was asked for is as long as it is. */
static bool stops_too_long(struct hp_patch *p)
{
    const struct hp_options *options = &p->request->options;
    double allowed = options->max_pause_ms > 0 ? options->max_pause_ms : p->context.max_pause_ms;
    if (options->atomic || (p->one_stop && options->max_pause_ms <= 0) || predicted_ms(p) <= allowed)
        return false;
    const char *fmt = "the commit writes %zu places and would stop the server for about %.1f ms, more than the %g ms allowed; push again "
                      "with --max-pause %.0f";
    double need = predicted_ms(p) + 1;
    if (accepts(p, HP_R20_LONG_STOP)) {
        hp_report_warn(p->report, HP_R20_LONG_STOP, NULL, NULL, fmt, p->plan.steps.count, predicted_ms(p), allowed, need);
        return false;
    }
    hp_report_refuse(p->report, HP_R20_LONG_STOP, NULL, NULL, fmt, p->plan.steps.count, predicted_ms(p), allowed, need);
    return true;
}

/* A plan before the search: it refuses early, and tells whether there is anything to look for. */
/* Code of a source file is found by its source and told apart by its base: there is no table to walk. */
static enum hp_status check_source_files(struct hp_patch *p)
{
    for (size_t i = 0; i < p->count; i++) {
        const char *module = p->targets[i].module;
        if (p->roots[i].container != 0)
            continue;
        if (p->bases[i].origin == HP_BASE_NONE)
            return hp_report_fail(p->report, HP_REFUSED,
                                  "what runs of %s can only be told by the source it was loaded from; send that with --base or --git",
                                  module + 1);
        if (p->searched && p->found.member_count == 0)
            return hp_report_fail(p->report, HP_REFUSED,
                                  "no live function comes from %s; `hotpatch inspect MODULE` shows how sources are named here", module);
    }
    return HP_OK;
}

static enum hp_status phase_first_plan(lua_State *L, struct hp_patch *p)
{
    bool module_only = p->request->options.refs && strcmp(p->request->options.refs, "module") == 0;
    enum hp_status status = check_source_files(p);
    if (status == HP_OK)
        status = plan(L, p);
    p->phase = PHASE_MAKE;
    if (status != HP_OK)
        return status;
    if (!p->revert && !changes(p) && !code_changed(p) && (same_texts(p) || !local_unfound(p)))
        return HP_NO_CHANGE;
    if (stops_too_long(p))
        return HP_REFUSED;
    if (module_only || p->request->options.functions.count ||
        (p->plan.swaps.count == 0 && (p->revert || (!code_changed(p) && !local_unfound(p) && !adds_keys(p)))))
        return p->request->kind == HP_KIND_DIFF ? HP_PLANNED : HP_OK;
    if (!(p->revert ? name_swapped_sources(L, p) : name_sources(p)))
        return HP_NO_MEMORY;
    begin_search(L, p);
    p->phase = PHASE_SEARCH;
    return HP_OK;
}

static enum hp_status check_search_limit(struct hp_patch *p)
{
    double limit = p->request->options.search_limit_s;
    if (limit <= 0 || (double)(now_us() - p->started_us) < limit * 1e6)
        return HP_OK;
    return hp_report_fail(p->report, HP_LIMIT,
                          "the search for old references did not end within %g s (%lld objects so far); nothing was changed; give it "
                          "longer with --search-limit, larger slices with --max-pause, or --refs module",
                          limit, (long long)p->objects);
}

static enum hp_status phase_search(lua_State *L, struct hp_patch *p)
{
    bool done = false;
    enum hp_status status = search(L, p, false, &done);
    if (status == HP_OK && !done)
        status = check_search_limit(p);
    if (done) {
        take_found(p);
        if (!find_heirs(L, p))
            return HP_NO_MEMORY;
        p->searched = true;
        p->phase = PHASE_PLAN;
    }
    return status;
}

static enum hp_status phase_plan(lua_State *L, struct hp_patch *p)
{
    enum hp_status status = check_source_files(p);
    if (status == HP_OK)
        status = plan(L, p);
    p->phase = PHASE_MAKE;
    if (status != HP_OK)
        return status;
    if (!p->revert && !changes(p))
        return HP_NO_CHANGE;
    if (stops_too_long(p))
        return HP_REFUSED;
    return p->request->kind == HP_KIND_DIFF ? HP_PLANNED : HP_OK;
}

/* Loads what the commit will need: the new functions' code and the old ones' successors, one function after the other. */
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

static enum hp_status phase_make(lua_State *L, struct hp_patch *p)
{
    if (p->made == 0)
        hp_workshop_open(L, &p->made);
    while (p->made < p->plan.functions.count) {
        enum hp_status status = make_one(L, p, &p->plan.functions.items[p->made++]);
        lua_settop(L, p->anchor);
        if (status != HP_OK)
            return status;
        if (is_slice_over(p))
            return HP_OK;
    }
    p->phase = PHASE_COMMIT;
    return HP_OK;
}

/* What took whose place, now that it did. [-0, +0, -] */
static void name_heirs(lua_State *L, struct hp_patch *p)
{
    lua_rawgeti(L, p->store, STORE_SWAPS);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2); /* old, old, new */
        hp_history_inherit(p->context.history, L);
    }
    lua_pop(L, 1);
}

static enum hp_status phase_commit(lua_State *L, struct hp_patch *p)
{
    enum hp_status status = HP_CONFLICT;
    struct hp_execution *x = NULL;
    for (int tries = 0; status == HP_CONFLICT && tries < MAX_TRIES; tries++) {
        if (tries > 0 && (status = plan(L, p)) != HP_OK)
            return status;
        struct hp_execution *previous = x;
        x = new_execution(L, p);
        if (previous)
            hp_execution_keep_replays(L, previous, x);
        status = prepare(L, p, x);
    }
    if (status == HP_CONFLICT)
        return hp_report_fail(p->report, HP_CONFLICT, "the server keeps changing %s while it is to be patched; try again, or with --atomic",
                              hp_execution_conflict(x) ? hp_execution_conflict(x) : "what is to be patched");
    if (status != HP_OK)
        return status;
    hp_commit(L, x);
    status = hp_finish(L, x);
    if (status != HP_OK)
        return status;
    p->committed = true;
    name_heirs(L, p);
    p->phase = PHASE_SWEEP;
    if (!p->searched || p->one_stop)
        return p->revert ? HP_REVERTED : HP_APPLIED; /* nothing ran since the search: nothing can have moved */
    begin_search(L, p);
    return HP_OK;
}

/* Keys cannot be exchanged while their table is walked. [-0, +0, m] */
static size_t rekey(lua_State *L, struct hp_patch *p)
{
    size_t count, written = 0;
    const struct hp_holder *holders = hp_locate_holders(p->locate, &count);
    lua_rawgeti(L, p->store, STORE_SWAPS);
    int swaps = lua_gettop(L);
    for (size_t i = 0; i < count; i++, lua_settop(L, swaps)) {
        hp_anchor_push(L, p->anchor, holders[i].container);
        hp_anchor_push(L, p->anchor, holders[i].function);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, swaps) == LUA_TNIL || !lua_istable(L, swaps + 1))
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

static enum hp_status phase_sweep(lua_State *L, struct hp_patch *p)
{
    bool done = false;
    enum hp_status status = search(L, p, true, &done);
    if (status != HP_OK || !done)
        return status;
    size_t written = rekey(L, p) + hp_locate_replaced(p->locate);
    if (written == 0 || ++p->sweeps >= MAX_SWEEPS)
        return p->revert ? HP_REVERTED : HP_APPLIED;
    begin_search(L, p);
    return HP_OK;
}

static enum hp_status run_phase(lua_State *L, struct hp_patch *p)
{
    static enum hp_status (*const phases[])(lua_State *, struct hp_patch *) = {
        [PHASE_STAGE] = phase_stage,   [PHASE_BASE] = phase_base, [PHASE_FIRST_PLAN] = phase_first_plan,
        [PHASE_SEARCH] = phase_search, [PHASE_PLAN] = phase_plan, [PHASE_MAKE] = phase_make,
        [PHASE_COMMIT] = phase_commit, [PHASE_SWEEP] = phase_sweep,
    };
    return phases[p->phase](L, p);
}

/* --- one step ---------------------------------------------------------------------------------------------------------------- */

/* The store, from the registry: made at the first step. [-0, +2, m] */
static void open_store(lua_State *L, struct hp_patch *p)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, p) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_createtable(L, 3, 0);
        hp_anchor_push_new(L);
        lua_rawseti(L, -2, STORE_ANCHOR);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, p);
    }
    p->store = lua_gettop(L);
    lua_rawgeti(L, p->store, STORE_ANCHOR);
    p->anchor = lua_gettop(L);
}

void hp_patch_forget(lua_State *L, const struct hp_patch *p)
{
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
    if (status != HP_REVERTED || p->request->patch == 0 || !hp_history_in_force(p->context.history, p->request->patch))
        return false;
    p->phase = PHASE_FIRST_PLAN;
    p->searched = false;
    p->made = 0;
    return true;
}

bool hp_patch_step(lua_State *L, struct hp_patch *p, lua_State *poller)
{
    p->poller = poller;
    p->slice_us = now_us();
    if (p->started_us == 0)
        p->started_us = p->slice_us;
    if (!lua_checkstack(L, STACK_ROOM)) {
        p->report->status = HP_NO_MEMORY;
        return true;
    }
    int top = lua_gettop(L);
    open_store(L, p);
    enum hp_status status = HP_OK;
    do {
        status = run_phase(L, p);
        lua_settop(L, p->anchor);
        if (more_to_revert(p, status))
            status = HP_OK;
    } while (status == HP_OK && !is_slice_over(p));
    lua_settop(L, top);

    int64_t pause = now_us() - p->slice_us;
    p->longest_us = pause > p->longest_us ? pause : p->longest_us;
    p->slices++;
    if (status == HP_OK)
        return false;
    p->report->status = status;
    return true;
}

bool hp_patch_committed(const struct hp_patch *p)
{
    return p->committed;
}

void hp_patch_settle(struct hp_patch *p)
{
    struct hp_report *r = p->report;
    r->searched = p->searched ? "heap" : "module";
    r->stragglers = HP_UNKNOWN;
    r->cost.total_us = p->started_us ? now_us() - p->started_us : 0;
    r->cost.pause_us = p->longest_us;
    r->cost.slices = p->slices;
    r->cost.objects = p->objects + (int64_t)p->live.graph.nodes.count;
    r->cost.memory = p->bytes;
    r->cost.load_us = p->load_us;
    r->generation = hp_history_generation(p->context.history);
}

const char *hp_patch_phase(const struct hp_patch *p)
{
    static const char *const names[] = {[PHASE_STAGE] = "stage",   [PHASE_BASE] = "stage",    [PHASE_FIRST_PLAN] = "plan",
                                        [PHASE_SEARCH] = "search", [PHASE_PLAN] = "plan",     [PHASE_MAKE] = "make",       [PHASE_COMMIT] = "commit",
                                        [PHASE_SWEEP] = "sweep",   [PHASE_DONE] = "done"};
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
