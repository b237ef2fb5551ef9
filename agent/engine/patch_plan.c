/* hotpatch engine: the plan of a patch, before and after the search, and of a revert. See patch_impl.h. */
#include <string.h>

#include "agent/engine/patch_impl.h"

/* What a commit takes, roughly, in microseconds (bench/ measures it): to refuse what is far too long, not to
 * promise. */
#define COMMIT_US_FUNCTION 1.5
#define COMMIT_US_STEP     0.4

#define KNOWN_MEMBERS 100 /* that are looked up one by one */

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
    return p->bases[i].len == source->len && p->bases[i].text &&
           memcmp(p->bases[i].text, source->data, source->len) == 0;
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

/* Functions of one of the two graphs that have none in the other. */
static void name_unpaired(struct hp_patch *p, struct hp_plan_module *m, const struct hp_graph *g,
                          uint32_t tree, const struct hp_code *pairs)
{
    const struct hp_prototype_tree *t = g->trees.items[tree];
    for (size_t i = 1; i < t->prototypes.count; i++) {
        uint64_t *code = hp_code_none(pairs[i]) ? HP_PUSH(&p->plan.arena, &m->unpaired) : NULL;
        if (code)
            *code = t->prototypes.items[i].fingerprint;
    }
}

/* The texts that are the base of the next patch. A point fix, or a patch of a few functions, is not what runs
 * as a whole. */
static void name_texts(struct hp_patch *p)
{
    for (size_t i = 0; i < p->plan.modules.count && !p->request->options.functions.count; i++) {
        struct hp_plan_module *m = &p->plan.modules.items[i];
        if (p->roots[i].point)
            continue;
        m->chunk_name = p->targets[i].chunk_name;
        m->text = p->request->modules.items[i].source.data;
        m->text_len = p->request->modules.items[i].source.len;
        if (p->roots[i].base == HP_NO_ID)
            continue;
        uint32_t base = p->base.modules.items[p->roots[i].base].tree, fresh = p->fresh.modules.items[i].tree;
        name_unpaired(p, m, &p->base, base, p->match.base_code[base]);
        name_unpaired(p, m, &p->fresh, fresh, p->match.fresh_code[fresh]);
    }
}

static void copy_stage_warnings(struct hp_patch *p)
{
    for (size_t i = 0; i < p->fresh.warnings.count; i++)
        hp_report_warn(p->report, HP_R09_UNREPLAYABLE, NULL, NULL, "%s", p->fresh.warnings.items[i]);
}

static enum hp_status make_plan(struct hp_patch *p)
{
    hp_turn_leave(p->turn);
    report_modules(p);
    copy_stage_warnings(p);
    enum hp_status status =
        hp_plan_make(&p->plan, &p->match, &p->request->options, p->searched ? &p->found : NULL, p->report);
    name_texts(p);
    if (p->request->kind == HP_KIND_DIFF)
        hp_patch_add_old_lines(p);
    return hp_turn_hold(p->turn) ? status : HP_TIMEOUT;
}

/* R19 refusals that the user has read become warnings. */
static void accept_refusals(struct hp_patch *p)
{
    struct hp_report *r = p->report;
    size_t kept = 0;
    for (size_t i = 0; i < r->refusals.count; i++) {
        struct hp_report_note note = r->refusals.items[i];
        int reason = hp_reason_from_code(note.code);
        if (!hp_patch_accepts(p, reason) || !hp_reason_info(reason)->acceptable) {
            r->refusals.items[kept++] = note;
            continue;
        }
        struct hp_report_note *slot = HP_PUSH(&r->arena, &r->warnings);
        if (slot)
            *slot = note;
    }
    r->refusals.count = kept;
}

enum hp_status hp_patch_check_revert(struct hp_patch *p)
{
    int64_t wanted = p->request->patch;
    if (hp_history_last(p->context.history) == 0)
        return hp_report_fail(p->report, HP_REFUSED,
                              "there is no patch to revert; `hotpatch log` lists what was done");
    if (wanted != 0 && !hp_history_in_force(p->context.history, wanted))
        return hp_report_fail(p->report, HP_REFUSED,
                              "patch %lld is not in force; `hotpatch log` lists those that are",
                              (long long)wanted);
    return HP_OK;
}

/* The stop of the commit grows with the places it writes. */
static double predicted_ms(size_t functions, size_t places)
{
    return ((double)functions * COMMIT_US_FUNCTION + (double)places * COMMIT_US_STEP) / 1000;
}

int64_t hp_patch_predicted_us(const struct hp_patch *p)
{
    return (int64_t)(predicted_ms(p->plan.functions.count, p->plan.steps.count) * 1000);
}

/* R20, where a limit was asked for or is the rule: one stop that was asked for is as long as it is. */
static bool stops_too_long(struct hp_patch *p, size_t functions, size_t places)
{
    const struct hp_options *options = &p->request->options;
    double allowed = options->max_pause_ms > 0 ? options->max_pause_ms : p->context.max_pause_ms;
    double need = predicted_ms(functions, places);
    if (options->atomic || (p->one_stop && options->max_pause_ms <= 0) || need <= allowed)
        return false;
    const char *fmt = "the commit writes %zu places and would stop the server for about %.1f ms, more than "
                      "the %g ms allowed; push again "
                      "with --max-pause %.0f, or with --atomic";
    if (hp_patch_accepts(p, HP_R20_LONG_STOP) || p->undone != 0) { /* too late to stop half-way */
        hp_report_warn(p->report, HP_R20_LONG_STOP, NULL, NULL, fmt, places, need, allowed, need + 1);
        return false;
    }
    hp_report_refuse(p->report, HP_R20_LONG_STOP, NULL, NULL, fmt, places, need, allowed, need + 1);
    return true;
}

/* All that can be refused is refused before the first of several patches is reverted. */
static enum hp_status check_older(struct hp_patch *p)
{
    size_t functions, places, before = p->report->refusals.count;
    if (p->request->patch == 0)
        return HP_OK;
    enum hp_status status =
        hp_history_check_older(p->context.history, p->request->patch, p->report, &functions, &places);
    if (hp_patch_accepts(p, HP_R19_IRREVERSIBLE)) /* its own plan will warn */
        p->report->refusals.count = before;
    if (status == HP_OK && stops_too_long(p, functions, places))
        return HP_REFUSED;
    return status;
}

static enum hp_status plan_revert(lua_State *L, struct hp_patch *p)
{
    hp_plan_fini(&p->plan);
    hp_graph_fini(&p->plain);
    hp_graph_init(&p->plain);
    enum hp_status status =
        hp_history_plan_revert(p->context.history, L, p->anchor, p->turn, &p->plain, &p->plan, p->report);
    accept_refusals(p);
    if (status == HP_OK && p->undone == 0)
        status = check_older(p);
    if (status == HP_OK && p->searched)
        hp_plan_hold(&p->plan, &p->found, NULL, p->report);
    if (status == HP_OK && hp_arena_failed(&p->plan.arena))
        return HP_NO_MEMORY;
    return status == HP_OK && p->report->refusals.count ? HP_REFUSED : status;
}

/* Drops what the report says of a plan that is made again. */
static void forget_plan_report(struct hp_patch *p)
{
    struct hp_report *r = p->report;
    r->refusals.count = r->effects.count = r->coroutines.count = 0;
    r->warnings.count = p->undone_warnings;
    r->references = (struct hp_report_references){0};
    r->instances = 0;
    r->status = HP_OK;
    r->error = NULL;
    if (p->revert)
        r->modules.count = p->undone_modules;
}

enum hp_status hp_patch_plan(lua_State *L, struct hp_patch *p)
{
    forget_plan_report(p);
    if (p->revert)
        return plan_revert(L, p);
    hp_patch_forget_match(p);
    enum hp_status status = hp_patch_match(L, p);
    return status == HP_OK ? make_plan(p) : status;
}

/* Code that changed may be held by others alone. */
static bool code_changed(const struct hp_patch *p)
{
    for (uint32_t t = 0; p->has_base && t < p->fresh.trees.count; t++)
        for (uint32_t i = 1; i < p->fresh.trees.items[t]->prototypes.count; i++) {
            struct hp_code base = p->match.fresh_code[t][i];
            if (!hp_code_none(base) && !hp_prototype_equal(p->base.trees.items[base.tree], base.prototype,
                                                           p->fresh.trees.items[t], i))
                return true;
        }
    return false;
}

/* A local that base and new share, and whose cell the walk did not come by: only closures that others hold
 * know it. */
static bool local_unfound(const struct hp_patch *p)
{
    uint32_t live;
    for (uint32_t cell = 0; p->has_base && cell < p->fresh.cells.count; cell++)
        if (p->match.cell_base[cell] != HP_NO_ID && hp_match_cell(&p->match, cell, HP_NO_ID, &live) == 0)
            return true;
    return false;
}

/* A function that would be made anew, though others may hold the live one. */
static bool function_unfound(const struct hp_patch *p)
{
    for (size_t i = 0; i < p->plan.functions.count; i++)
        if (p->plan.functions.items[i].unfound != HP_NIL)
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

/* May anything outside of what the module leads to matter to the patch? */
static bool others_matter(const struct hp_patch *p)
{
    return code_changed(p) || local_unfound(p) || function_unfound(p) || adds_keys(p);
}

/* What a revert would have to ask a person about. NULL: nothing. */
static const char *irreversible(const struct hp_patch *p)
{
    if (p->plan.replays.count > 0)
        return "it makes calls for first values";
    if (p->plan.effects.count > 0)
        return "it performs effects";
    for (size_t i = 0; i < p->plan.modules.count; i++)
        if (p->plan.modules.items[i].hotfix.present && !p->plan.modules.items[i].hotrevert.present)
            return "it has a __hotfix and no __hotrevert";
    return NULL;
}

/* R19 beforehand: the agent can undo by itself only what a revert undoes. */
static bool refuse_trial(struct hp_patch *p)
{
    const char *why = p->request->options.confirm_within_s > 0 ? irreversible(p) : NULL;
    if (!why)
        return false;
    const char *fmt =
        "if nobody confirms it in time, the patch is reverted, and %s, which a revert does not undo; "
        "give the module a __hotrevert, leave --confirm-within out, or accept R19";
    if (hp_patch_accepts(p, HP_R19_IRREVERSIBLE)) {
        hp_report_warn(p->report, HP_R19_IRREVERSIBLE, NULL, NULL, fmt, why);
        return false;
    }
    hp_report_refuse(p->report, HP_R19_IRREVERSIBLE, NULL, NULL, fmt, why);
    return true;
}

static bool plan_stops_too_long(struct hp_patch *p)
{
    return stops_too_long(p, p->plan.functions.count, p->plan.steps.count);
}

/* What the search came back with tells before the plan is made, which itself takes its time for a million
 * closures. */
static bool found_stops_too_long(struct hp_patch *p)
{
    return p->searched && !p->wanted.everything &&
           stops_too_long(p, p->found.member_count, p->found.holder_count);
}

/* Code of a source file is found by its source and told apart by its base: there is no table to walk. */
static enum hp_status check_source_files(struct hp_patch *p)
{
    for (size_t i = 0; i < p->count; i++) {
        const char *module = p->targets[i].module;
        if (p->roots[i].container != 0)
            continue;
        if (p->bases[i].origin == HP_BASE_NONE)
            return hp_report_fail(p->report, HP_REFUSED,
                                  "what runs of %s can only be told by the source it was loaded from; send "
                                  "that with --base or --git",
                                  module + 1);
        if (p->searched && p->found.member_count == 0)
            return hp_report_fail(
                p->report, HP_REFUSED,
                "no live function comes from %s; `hotpatch inspect MODULE` shows how sources are named here",
                module);
    }
    return HP_OK;
}

/* A plan before the search: it refuses early, and tells whether there is anything to look for. */
enum hp_status hp_patch_phase_first_plan(lua_State *L, struct hp_patch *p)
{
    if (p->verify)
        return hp_patch_compare(L, p);
    bool module_only = p->request->options.refs && strcmp(p->request->options.refs, "module") == 0;
    enum hp_status status = check_source_files(p);
    if (status == HP_OK)
        status = hp_patch_plan(L, p);
    p->phase = HP_PATCH_MAKE;
    if (status != HP_OK)
        return status;
    if (!p->revert && !changes(p) && !code_changed(p) && (same_texts(p) || !local_unfound(p)))
        return HP_NO_CHANGE;
    p->plan_warnings = p->report->warnings.count;
    if (refuse_trial(p) || plan_stops_too_long(p))
        return HP_REFUSED;
    if (module_only || (p->plan.swaps.count == 0 && (p->revert || !others_matter(p))))
        return p->request->kind == HP_KIND_DIFF ? HP_PLANNED : HP_OK;
    p->wanted.everything = !p->revert && local_unfound(p);
    if (!(p->revert ? hp_patch_name_swapped_sources(L, p) : hp_patch_name_sources(p)))
        return HP_NO_MEMORY;
    hp_patch_begin_search(L, p);
    p->at_once = true;
    p->phase = HP_PATCH_SEARCH;
    return HP_OK;
}

static bool is_swapped(const struct hp_patch *p, uint32_t function)
{
    for (size_t i = 0; i < p->plan.swaps.count; i++)
        if (p->plan.swaps.items[i].from == function)
            return true;
    return false;
}

/* Has the search met only what the first plan replaces anyhow, and no time passed? Then a plan made anew
 * would be the same one, but for the places that hold these functions. */
static bool knew_all(const struct hp_patch *p)
{
    bool knew = p->at_once && p->found.member_count <= KNOWN_MEMBERS;
    for (size_t i = 0; knew && i < p->found.member_count; i++) {
        hp_handle heir = p->found.heirs[i];
        knew = is_swapped(p, p->found.members[i]) && (heir == 0 || heir == p->found.members[i]);
    }
    return knew;
}

static enum hp_status keep_plan(struct hp_patch *p)
{
    p->report->warnings.count = p->plan_warnings; /* the commit is foretold anew */
    hp_plan_hold(&p->plan, &p->found, p->revert ? NULL : &p->live, p->report);
    return hp_arena_failed(&p->plan.arena) || hp_arena_failed(&p->report->arena) ? HP_NO_MEMORY : HP_OK;
}

enum hp_status hp_patch_phase_plan(lua_State *L, struct hp_patch *p)
{
    enum hp_status status = hp_patch_take_found(L, p);
    if (status == HP_OK)
        status = check_source_files(p);
    if (status == HP_OK && found_stops_too_long(p))
        return HP_REFUSED;
    if (status == HP_OK)
        status = knew_all(p) ? keep_plan(p) : hp_patch_plan(L, p);
    p->at_once = false; /* should it be made once more */
    p->phase = HP_PATCH_MAKE;
    if (status != HP_OK)
        return status;
    if (!p->revert && !changes(p))
        return HP_NO_CHANGE;
    if (refuse_trial(p) || plan_stops_too_long(p))
        return HP_REFUSED;
    return p->request->kind == HP_KIND_DIFF ? HP_PLANNED : HP_OK;
}
