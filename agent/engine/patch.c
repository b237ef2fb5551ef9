/* hotpatch engine: the phases of a patch. Read hp_patch_run first; everything above it is one phase each. */
#include "agent/engine/patch.h"

#include <lauxlib.h>
#include <string.h>
#include <time.h>

#include "agent/engine/base.h"
#include "agent/engine/collect.h"
#include "agent/engine/lx.h"
#include "agent/engine/match.h"
#include "agent/engine/plan.h"
#include "agent/engine/prepare.h"
#include "agent/engine/stage.h"

#define MAX_TRIES 3 /* plans made for one request before `conflict` */

struct hp_patch {
    struct hp_patch_context context;
    const struct hp_request *request;
    const char *who;
    struct hp_report *report;
    int anchor; /* stack index */

    size_t count; /* modules */
    struct hp_target *targets;
    struct hp_root *roots;
    struct hp_base *bases;
    struct hp_stage_chunk *chunks; /* as many, for either world */

    struct hp_stage *stage;
    struct hp_graph base, fresh;
    bool has_base;
    struct hp_live live;
    struct hp_match match;
    struct hp_plan plan;
};

struct hp_patch *hp_patch_new(const struct hp_patch_context *context, const struct hp_request *request, const char *who,
                              struct hp_report *report)
{
    struct hp_patch *p = hp_mem_calloc(sizeof *p);
    if (!p)
        return NULL;
    p->context = *context;
    p->request = request;
    p->who = who;
    p->report = report;
    p->count = request->modules.count;
    hp_graph_init(&p->base);
    hp_graph_init(&p->fresh);
    hp_live_init(&p->live);
    hp_arena_init(&p->match.arena);
    hp_plan_init(&p->plan);
    p->targets = hp_mem_calloc((p->count + 1) * sizeof *p->targets);
    p->roots = hp_mem_calloc((p->count + 1) * sizeof *p->roots);
    p->bases = hp_mem_calloc((p->count + 1) * sizeof *p->bases);
    p->chunks = hp_mem_calloc((p->count + 1) * sizeof *p->chunks);
    if (p->targets && p->roots && p->bases && p->chunks)
        return p;
    p->count = 0;
    hp_patch_free(p);
    return NULL;
}

/* Forgets everything that depends on the bases: they may be chosen again. */
static void forget_match(struct hp_patch *p)
{
    hp_plan_fini(&p->plan);
    hp_match_fini(&p->match);
    hp_live_fini(&p->live);
    hp_graph_fini(&p->base);
    p->has_base = false;
}

void hp_patch_free(struct hp_patch *p)
{
    if (!p)
        return;
    hp_stage_close(p->stage);
    forget_match(p);
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
    p->stage = hp_stage_open(L, p->anchor, &limits);
    if (!p->stage)
        return HP_NO_MEMORY;
    enum hp_status status = hp_stage_run(p->stage, p->chunks, count, report);
    if (status == HP_OK)
        status = hp_stage_collect(p->stage, graph);
    hp_stage_close(p->stage);
    p->stage = NULL;
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
    enum hp_status status = hp_collect(L, p->anchor, base, &p->fresh, p->roots, p->count, &p->live);
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

/* Stages the bases, lays live beside them, and looks whether they are what runs; until they are, or none is left. */
static enum hp_status find_base_and_match(lua_State *L, struct hp_patch *p)
{
    for (;;) {
        enum hp_status status = stage_base(L, p);
        if (status == HP_OK)
            status = collect_and_match(L, p);
        if (status == HP_OK)
            status = verify_bases(p);
        if (status != HP_CONFLICT)
            return status;
        forget_match(p);
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

/* A patch that changes nothing but has a new __hotfix to run is a change. */
static bool changes(const struct hp_patch *p)
{
    if (!hp_plan_is_empty(&p->plan))
        return true;
    for (size_t i = 0; i < p->plan.modules.count; i++) {
        const struct hp_bytes *source = &p->request->modules.items[i].source;
        bool same = p->bases[i].len == source->len && p->bases[i].text && memcmp(p->bases[i].text, source->data, source->len) == 0;
        if (p->plan.modules.items[i].hotfix.present && !same)
            return true;
    }
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
    enum hp_status status = hp_plan_make(&p->plan, &p->match, &p->request->options, p->report);
    name_texts(p);
    p->report->cost.objects = (int64_t)p->live.graph.nodes.count;
    return status;
}

/* --- prepare, commit, finish ----------------------------------------------------------------------------------------- */

struct preparation {
    struct hp_execution *execution;
    enum hp_status status;
};

static int prepare_protected(lua_State *L)
{
    struct preparation *work = lua_touserdata(L, 1);
    lua_settop(L, 0);
    work->status = hp_prepare(L, work->execution);
    return 0;
}

/* hp_prepare may raise for Lua's memory: what it inserted is taken back here, where the stack is whole. */
static enum hp_status prepare(lua_State *L, struct hp_patch *p, struct hp_execution *x)
{
    struct preparation work = {x, HP_NO_MEMORY};
    struct hp_lx_failure failure = {0};
    if (hp_lx_protect(L, prepare_protected, &work, &p->report->arena, &failure) == LUA_OK)
        return work.status;
    hp_execution_undo(L, x);
    if (failure.status == LUA_ERRMEM)
        return HP_NO_MEMORY;
    return hp_report_fail(p->report, HP_FAILED, "%s", failure.text ? failure.text : "the patch could not be prepared");
}

static struct hp_execution *new_execution(lua_State *L, struct hp_patch *p, bool revert)
{
    struct hp_execution_options options = {.who = p->who,
                                           .message = p->request->options.message,
                                           .revert = revert,
                                           .hook = revert ? "__hotrevert" : "__hotfix"};
    return hp_execution_push_new(L, p->anchor, &p->plan, p->context.history, p->context.sources, &options, p->report);
}

/* Drops what the report says of a plan that is made again. */
static void forget_plan_report(struct hp_report *r)
{
    r->warnings.count = r->refusals.count = r->effects.count = 0;
    r->instances = 0;
    r->status = HP_OK;
    r->error = NULL;
}

static enum hp_status plan_again(lua_State *L, struct hp_patch *p)
{
    forget_plan_report(p->report);
    forget_match(p);
    enum hp_status status = find_base_and_match(L, p);
    return status == HP_OK ? make_plan(p) : status;
}

static enum hp_status carry_out(lua_State *L, struct hp_patch *p)
{
    enum hp_status status = HP_CONFLICT;
    struct hp_execution *x = NULL;
    for (int tries = 0; status == HP_CONFLICT && tries < MAX_TRIES; tries++) {
        if (tries > 0 && (status = plan_again(L, p)) != HP_OK)
            return status;
        struct hp_execution *previous = x;
        x = new_execution(L, p, false);
        if (previous)
            hp_execution_keep_replays(L, previous, x);
        status = prepare(L, p, x);
    }
    if (status != HP_OK)
        return status;
    hp_commit(L, x);
    status = hp_finish(L, x);
    return status == HP_OK ? HP_APPLIED : status;
}

/* --- the phases ------------------------------------------------------------------------------------------------------ */

static enum hp_status run_phases(lua_State *L, struct hp_patch *p)
{
    enum hp_status status = find_targets(L, p);
    if (status == HP_OK)
        status = stage_fresh(L, p);
    if (status == HP_OK)
        status = find_base_and_match(L, p);
    if (status == HP_OK)
        status = make_plan(p);
    if (status != HP_OK)
        return status;
    if (!changes(p))
        return HP_NO_CHANGE;
    if (p->request->kind == HP_KIND_DIFF)
        return HP_PLANNED;
    /* Phase 8, locate, has its place here: who else holds the old functions. Not looked for yet; the report says so. */
    return carry_out(L, p);
}

static void settle(struct hp_patch *p, enum hp_status status, int64_t started)
{
    struct hp_report *r = p->report;
    r->searched = "module";
    r->stragglers = HP_UNKNOWN;
    r->status = status;
    r->cost.total_us = now_us() - started;
    r->cost.pause_us = r->cost.total_us; /* one stop */
    r->cost.slices = 1;
    r->generation = hp_history_generation(p->context.history);
}

void hp_patch_run(lua_State *L, struct hp_patch *p)
{
    int64_t started = now_us();
    luaL_checkstack(L, LUA_MINSTACK * 2, "hotpatch");
    hp_anchor_push_new(L);
    p->anchor = lua_gettop(L);
    enum hp_status status = run_phases(L, p);
    lua_settop(L, p->anchor - 1);
    settle(p, status, started);
}

/* --- revert ---------------------------------------------------------------------------------------------------------- */

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

/* Undoes the newest patch. */
static enum hp_status revert_last(lua_State *L, struct hp_patch *p)
{
    hp_plan_fini(&p->plan);
    hp_plan_init(&p->plan);
    enum hp_status status = hp_history_plan_revert(p->context.history, L, p->anchor, &p->plan, p->report);
    accept_refusals(p);
    if (status != HP_OK)
        return status;
    if (p->report->refusals.count)
        return HP_REFUSED;
    struct hp_execution *x = new_execution(L, p, true);
    status = prepare(L, p, x);
    if (status != HP_OK)
        return status;
    hp_commit(L, x);
    status = hp_finish(L, x);
    return status == HP_OK ? HP_REVERTED : status;
}

static enum hp_status revert_phases(lua_State *L, struct hp_patch *p)
{
    int64_t wanted = p->request->patch;
    int64_t last = hp_history_last(p->context.history);
    enum hp_status status;
    if (last == 0)
        return hp_report_fail(p->report, HP_REFUSED, "there is no patch to revert; `hotpatch log` lists what was done");
    if (wanted != 0 && !hp_history_in_force(p->context.history, wanted))
        return hp_report_fail(p->report, HP_REFUSED, "patch %lld is not in force; `hotpatch log` lists those that are",
                              (long long)wanted);
    do {
        last = hp_history_last(p->context.history);
        status = revert_last(L, p);
    } while (status == HP_REVERTED && wanted != 0 && last != wanted);
    return status;
}

void hp_patch_revert(lua_State *L, struct hp_patch *p)
{
    int64_t started = now_us();
    luaL_checkstack(L, LUA_MINSTACK * 2, "hotpatch");
    hp_anchor_push_new(L);
    p->anchor = lua_gettop(L);
    enum hp_status status = revert_phases(L, p);
    lua_settop(L, p->anchor - 1);
    settle(p, status, started);
}
