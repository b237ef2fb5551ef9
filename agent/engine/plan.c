/* hotpatch engine: phase 7. The contract is in plan.h; the parts are in planner.h. Read hp_plan_make first.
 */
#include "agent/engine/plan.h"

#include <string.h>

#include "agent/engine/holder.h"
#include "agent/engine/planner.h"

bool hp_planner_selects(const struct hp_planner *p, hp_id fresh)
{
    return p->options->functions.count == 0 || hp_map_find(&p->selected, fresh, 0) != NULL;
}

/* --- what was asked for ----------------------------------------------------------------------- */

/* --function PATH: those functions of the new source, and what they need. */
static bool select_functions(struct hp_planner *p)
{
    for (size_t i = 0; i < p->options->functions.count; i++) {
        const char *path = p->options->functions.items[i];
        bool found = false;
        for (size_t j = 0; j < p->match->slots.count; j++) {
            const struct hp_slot *s = &p->match->slots.items[j];
            if (hp_is_function(p->fresh, s->fresh) && strcmp(s->path, path) == 0) {
                hp_map_put(&p->selected, s->fresh, 0, 1, NULL);
                found = true;
            }
        }
        if (!found) {
            hp_report_fail(p->report, HP_REFUSED,
                           "the new source has no function \"%s\"; `hotpatch diff` lists the paths it has",
                           path);
            return false;
        }
    }
    return true;
}

/* Which load each module itself is: that of the first of its functions that has a live predecessor with
 * state. */
static void find_loads(struct hp_planner *p)
{
    for (size_t i = 0; i < p->fresh->modules.count; i++)
        p->loads[i] = HP_NO_ID;
    for (hp_id id = 1; id < p->fresh->nodes.count; id++) {
        if (!hp_is_function(p->fresh, id) || p->match->twin[id] == HP_NO_ID)
            continue;
        for (size_t i = 0; i < p->fresh->modules.count; i++)
            if (p->fresh->modules.items[i].tree == hp_graph_node(p->fresh, id)->function.tree &&
                p->loads[i] == HP_NO_ID)
                p->loads[i] = hp_match_load(p->match, p->match->twin[id]);
    }
    for (size_t i = 0; i < p->fresh->modules.count; i++)
        if (p->loads[i] == HP_NO_ID)
            p->loads[i] = hp_match_own_load(p->match);
}

/* The new source returns nothing and assigns nothing, where a module lives. */
static void note_no_module(struct hp_planner *p, uint32_t module)
{
    const struct hp_graph_module *f = &p->fresh->modules.items[module];
    const struct hp_root *root = &p->match->roots[module];
    enum hp_node_kind live = hp_graph_node(p->live, root->live)->kind;
    bool assigns = hp_graph_node(p->fresh, f->environment)->entries.count > 0 || p->fresh->written.count > 0;
    if (!f->returned && !assigns && (live == HP_NODE_TABLE || live == HP_NODE_FUNCTION))
        hp_planner_refuse(p, HP_R04_KIND_CHANGED, module, root->path,
                          "the new source returns nothing and assigns no global, while the live module is "
                          "%s; does it lack its "
                          "`return`?",
                          hp_planner_short(p, p->live, root->live));
}

static void plan_modules(struct hp_planner *p)
{
    for (size_t i = 0; i < p->fresh->modules.count; i++) {
        struct hp_plan_module *m = HP_PUSH(&p->plan->arena, &p->plan->modules);
        if (!m)
            return;
        m->name = hp_arena_str(&p->plan->arena, p->fresh->modules.items[i].name);
        m->object = hp_value_object(p->match->roots[i].object);
        note_no_module(p, (uint32_t)i);
        if (!hp_root_has_base(p->match, (uint32_t)i) && !p->match->roots[i].point)
            hp_planner_note(p, HP_R03_NO_BASE, (uint32_t)i, NULL,
                            "there is no source of what runs to compare with: matched by names alone; send "
                            "it with --base or --git");
    }
}

/* --- functions that slots do not speak of ----------------------------------------------------- */

/* What to call a closure that no path leads to: as its source does. */
static const char *member_path(struct hp_planner *p, hp_id live)
{
    struct hp_code code = p->match->live_code[live];
    const struct hp_prototype *l = hp_prototype_at(p->live, hp_code_of(p->live, live));
    const char *name = hp_code_none(code) ? NULL : hp_prototype_at(p->base, code)->name;
    return name ? name : hp_arena_printf(&p->plan->arena, "function at line %d", l->line);
}

/* Every walked place that holds an old function gets its successor: aliases made at run time, handlers in
 * tables and locals, elements of lists. */
static void replace_held_functions(struct hp_planner *p)
{
    for (hp_id id = 1; id < p->live->nodes.count; id++) {
        const struct hp_node *n = hp_graph_node(p->live, id);
        for (size_t i = 0; i < n->entries.count && n->kind == HP_NODE_TABLE; i++) {
            const struct hp_entry *e = &n->entries.items[i];
            if (!hp_is_function(p->live, e->value))
                continue;
            struct hp_value value = hp_value_successor(p, e->value, 0, member_path(p, e->value));
            struct hp_slot place = {.kind = HP_SLOT_FIELD,
                                    .container = id,
                                    .key_in = p->live,
                                    .key = e->key,
                                    .live = e->value,
                                    .path = "?"};
            if (value.kind == HP_VALUE_FUNCTION)
                hp_planner_set_field(p, &place, value);
        }
    }
    for (uint32_t c = 0; c < p->live->cells.count; c++) {
        hp_id held = p->live->cells.items[c].value;
        struct hp_value value = {0};
        if (hp_is_function(p->live, held))
            value = hp_value_successor(p, held, 0, member_path(p, held));
        if (value.kind == HP_VALUE_FUNCTION)
            hp_planner_set_cell(p, c, value, 0, "?");
    }
    hp_planner_fill(p);
}

/* Closures that something outside the module holds: the handlers it registered, what its factories made. */
static void replace_members(struct hp_planner *p, const struct hp_found *found)
{
    for (size_t i = 0; i < found->member_count; i++) {
        hp_id live = hp_live_node(p->match->live, found->members[i]);
        if (hp_is_function(p->live, live))
            hp_value_successor(p, live, 0, member_path(p, live));
    }
    hp_planner_fill(p);
}

static void plan_swaps(struct hp_planner *p)
{
    for (uint32_t i = 0; i < p->plan->functions.count; i++) {
        struct hp_plan_swap *swap =
            p->plan->functions.items[i].replaces ? HP_PUSH(&p->plan->arena, &p->plan->swaps) : NULL;
        if (swap)
            *swap = (struct hp_plan_swap){.from = p->plan->functions.items[i].replaces,
                                          .to = {.kind = HP_VALUE_FUNCTION, .index = i}};
    }
}

/* Locals of replaced functions that no new function uses. */
static void report_orphans(struct hp_planner *p)
{
    struct hp_map seen;
    hp_map_init(&seen, &p->plan->arena);
    for (size_t i = 0; i < p->plan->functions.count; i++) {
        const struct hp_plan_function *f = &p->plan->functions.items[i];
        hp_id live = f->replaces ? hp_live_node(p->match->live, f->replaces) : HP_NIL;
        struct hp_report_module *m = hp_planner_module(p, f->module);
        for (size_t u = 0; live != HP_NIL && m && u < hp_graph_node(p->live, live)->cells.count; u++) {
            uint32_t cell = hp_graph_node(p->live, live)->cells.items[u];
            const char *name = hp_prototype_at(p->live, hp_code_of(p->live, live))->upvalues.items[u].name;
            bool first = false;
            hp_map_put(&seen, cell, 0, 1, &first);
            if (!first || hp_map_find(&p->joined, cell, 0) || (name && strcmp(name, "_ENV") == 0))
                continue;
            const char **slot = HP_PUSH(&p->report->arena, &m->orphaned);
            if (slot)
                *slot = hp_path_upvalue(&p->report->arena, f->path, name);
        }
    }
}

static bool instantiated(const struct hp_graph *g, struct hp_code code)
{
    for (hp_id id = 1; id < g->nodes.count; id++)
        if (hp_is_function(g, id) && hp_code_is(hp_code_of(g, id), code))
            return true;
    return false;
}

/* --- R06: what changed and was not found live ------------------------------------------------- */

static bool has_live_version(const struct hp_planner *p, struct hp_code base)
{
    for (hp_id id = 1; id < p->live->nodes.count; id++)
        if (hp_is_function(p->live, id) && hp_code_is(p->match->live_code[id], base))
            return true;
    return false;
}

static bool changed_code(const struct hp_planner *p, struct hp_code base, struct hp_code fresh)
{
    return !hp_prototype_equal(p->base->trees.items[base.tree], base.prototype,
                               p->fresh->trees.items[fresh.tree], fresh.prototype);
}

/* Functions that a slot speaks of have been decided; these are the others. */
static void index_slots(const struct hp_planner *p, struct hp_map *decided)
{
    for (size_t i = 0; i < p->match->slots.count; i++) {
        hp_id fresh = p->match->slots.items[i].fresh;
        if (!hp_is_function(p->fresh, fresh))
            continue;
        struct hp_code code = hp_code_of(p->fresh, fresh);
        hp_map_put(decided, code.tree, code.prototype, 1, NULL);
    }
}

static void note_unfound(struct hp_planner *p, uint32_t module, const struct hp_prototype *f, bool paired)
{
    const char *name = f->name ? f->name : "a function";
    if (paired)
        hp_planner_note(p, HP_R06_UNPAIRED, module, f->name,
                        "%s (line %d) changed, and no live version of it was found from the module: closures "
                        "that something else holds "
                        "stay as they are; register them again, or call the code through the module",
                        name, f->line);
    else
        hp_planner_note(p, HP_R06_UNPAIRED, module, f->name,
                        "%s (line %d) is made only where the body does not come while it is loaded, and has "
                        "no live counterpart: nothing "
                        "will hold it; make it at the top level",
                        name, f->line);
}

/* The functions that the body itself makes. Inner ones come and go with the functions around them. */
static void note_unpaired(struct hp_planner *p)
{
    struct hp_map decided;
    hp_map_init(&decided, &p->plan->arena);
    index_slots(p, &decided);
    for (uint32_t i = 0; i < p->fresh->modules.count; i++) {
        if (!hp_root_has_base(p->match, i) || p->options->functions.count)
            continue;
        uint32_t tree = p->fresh->modules.items[i].tree;
        const struct hp_prototype *body = &p->fresh->trees.items[tree]->prototypes.items[0];
        for (size_t k = 0; k < body->nested.count; k++) {
            struct hp_code code = {tree, body->nested.items[k]},
                           base = p->match->fresh_code[tree][code.prototype];
            const struct hp_prototype *f = hp_prototype_at(p->fresh, code);
            if (hp_map_find(&decided, tree, code.prototype))
                continue;
            if (!hp_code_none(base) && changed_code(p, base, code) && !has_live_version(p, base))
                note_unfound(p, i, f, true);
            else if (hp_code_none(base) && !instantiated(p->fresh, code))
                note_unfound(p, i, f, false);
        }
    }
}

/* --- effects ---------------------------------------------------------------------------------- */

static struct hp_report_effect *report_effect(struct hp_planner *p, const struct hp_effect *e,
                                              const char *change)
{
    struct hp_report_effect *r = HP_PUSH(&p->report->arena, &p->report->effects);
    if (!r)
        return NULL;
    r->call = hp_arena_str(&p->report->arena, e->call ? e->call : "?");
    r->args = hp_arena_str(&p->report->arena, e->args ? e->args : "");
    r->line = e->line;
    r->change = change;
    return r;
}

static void plan_effect(struct hp_planner *p, const struct hp_effect *e)
{
    const char *path = hp_arena_printf(&p->plan->arena, "line %d", e->line);
    p->load = p->loads[e->module];
    struct hp_plan_effect effect = {.callee = hp_value_fresh(p, e->callee, e->module, path),
                                    .report_index = (uint32_t)p->report->effects.count - 1};
    for (size_t i = 0; i < e->arguments.count; i++) {
        struct hp_value value = hp_value_fresh(p, e->arguments.items[i], e->module, path);
        struct hp_value *slot = HP_PUSH(&p->plan->arena, &effect.arguments);
        if (slot)
            *slot = value;
    }
    struct hp_plan_effect *slot = HP_PUSH(&p->plan->arena, &p->plan->effects);
    if (slot)
        *slot = effect;
    hp_planner_fill(p);
}

/* A call whose result was needed has been planned as a replay: it is not an effect that is left out. */
static bool is_replayed(const struct hp_planner *p, const struct hp_effect *e)
{
    return e->expression != HP_NO_ID && hp_map_find(&p->replays, e->expression, 0);
}

static void plan_effects(struct hp_planner *p)
{
    bool perform = p->options->effects && strcmp(p->options->effects, "new") == 0;
    for (size_t i = 0; i < p->fresh->effects.count; i++) {
        const struct hp_effect *e = &p->fresh->effects.items[i];
        if (p->match->effect_paired_fresh[i] || !hp_root_has_base(p->match, e->module) || is_replayed(p, e) ||
            p->options->functions.count)
            continue;
        report_effect(p, e, "new");
        if (perform)
            plan_effect(p, e);
        else
            hp_planner_note(
                p, HP_R11_EFFECTS, e->module, e->call,
                "the new source calls %s(%s) at line %d, which was not done; --effects new does it", e->call,
                e->args, e->line);
    }
    for (size_t i = 0; p->base && i < p->base->effects.count; i++) {
        const struct hp_effect *e = &p->base->effects.items[i];
        if (p->match->effect_paired_base[i] || p->options->functions.count)
            continue;
        report_effect(p, e, "gone");
        hp_planner_note(p, HP_R11_EFFECTS, 0, e->call,
                        "the new source no longer calls %s(%s); what that call did before stays done",
                        e->call, e->args);
    }
}

/* --- hooks ------------------------------------------------------------------------------------ */

static hp_id hook_named(const struct hp_planner *p, const struct hp_graph_module *m, const char *name)
{
    hp_id id = m->returned && hp_node_is_tabular(hp_graph_node(p->fresh, m->root))
                   ? hp_graph_field_str(p->fresh, m->root, name)
                   : HP_NO_ID;
    if (!hp_is_function(p->fresh, id))
        id = hp_graph_field_str(p->fresh, m->environment, name);
    return hp_is_function(p->fresh, id) ? id : HP_NO_ID;
}

static void plan_hook(struct hp_planner *p, uint32_t module, const char *name, struct hp_plan_hook *hook)
{
    hp_id id = hook_named(p, &p->fresh->modules.items[module], name);
    if (id == HP_NO_ID)
        return;
    p->load = p->loads[module];
    hp_map_put(&p->reported, id, 0, 1, NULL); /* hooks are no functions of the module: not in the report */
    hook->present = true;
    hook->function = hp_value_fresh(p, id, module, name);
    hp_planner_fill(p);
}

static void plan_hooks(struct hp_planner *p)
{
    for (uint32_t i = 0; i < p->fresh->modules.count; i++) {
        struct hp_plan_hook hotfix = {0}, hotrevert = {0};
        plan_hook(p, i, "__hotfix", &hotfix);
        plan_hook(p, i, "__hotrevert", &hotrevert);
        p->plan->modules.items[i].hotfix = hotfix;
        p->plan->modules.items[i].hotrevert = hotrevert;
    }
}

/* --- checks ----------------------------------------------------------------------------------- */

/* The edges that were walked to what may be written or joined. */
static void add_check(struct hp_planner *p, struct hp_check check)
{
    struct hp_check *slot = check.container ? HP_PUSH(&p->plan->arena, &p->plan->checks) : NULL;
    if (slot)
        *slot = check;
}

static void plan_checks(struct hp_planner *p)
{
    for (size_t i = 0; i < p->match->slots.count; i++) {
        const struct hp_slot *s = &p->match->slots.items[i];
        uint32_t expected = s->live == HP_NO_ID ? 0 : hp_graph_node(p->live, s->live)->handle;
        if (expected == 0)
            continue;
        if (s->kind == HP_SLOT_CELL) {
            const struct hp_cell *c = &p->live->cells.items[s->cell];
            add_check(p, (struct hp_check){.kind = HP_CHECK_UPVALUE,
                                           .container = hp_graph_node(p->live, c->holder)->handle,
                                           .upvalue = c->index,
                                           .expected = expected});
            continue;
        }
        struct hp_check check = {.kind = s->kind == HP_SLOT_FIELD ? HP_CHECK_FIELD : HP_CHECK_METATABLE,
                                 .container = hp_graph_node(p->live, s->container)->handle,
                                 .expected = expected};
        if (s->kind == HP_SLOT_FIELD)
            check.key = hp_value_key(s->key_in, s->key);
        add_check(p, check);
    }
}

static void count_functions(struct hp_planner *p)
{
    for (size_t i = 0; i < p->plan->functions.count; i++)
        p->plan->modules.items[p->plan->functions.items[i].module].functions++;
}

/* --- together --------------------------------------------------------------------------------- */

static void planner_init(struct hp_planner *p, struct hp_plan *plan, const struct hp_match *match,
                         const struct hp_options *options, struct hp_report *report)
{
    struct hp_arena *a = &plan->arena;
    *p = (struct hp_planner){.match = match,
                             .base = match->base,
                             .fresh = match->fresh,
                             .live = &match->live->graph,
                             .options = options,
                             .plan = plan,
                             .report = report};
    struct hp_map *maps[] = {&p->functions,  &p->successors, &p->cells,   &p->tables, &p->replays,
                             &p->coroutines, &p->reported,   &p->written, &p->joined, &p->selected};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        hp_map_init(maps[i], a);
    p->load = HP_NO_ID;
    p->loads = hp_arena_alloc(a, (match->fresh->modules.count + 1) * sizeof *p->loads);
}

enum hp_status hp_plan_make(struct hp_plan *plan, const struct hp_match *match,
                            const struct hp_options *options, const struct hp_found *found,
                            struct hp_report *report)
{
    struct hp_planner p;
    planner_init(&p, plan, match, options, report);
    if (!p.loads)
        return HP_NO_MEMORY;
    if (!select_functions(&p)) /* the reason may not have found room */
        return hp_arena_failed(&report->arena) || hp_arena_failed(&plan->arena) ? HP_NO_MEMORY : HP_REFUSED;

    find_loads(&p);
    plan_modules(&p);
    if (hp_arena_failed(&plan->arena)) /* what follows takes the modules for granted */
        return HP_NO_MEMORY;
    for (size_t i = 0; i < match->slots.count; i++) {
        p.load = p.loads[match->slots.items[i].module];
        hp_planner_slot(&p, &match->slots.items[i]);
    }
    replace_held_functions(&p);
    if (found)
        replace_members(&p, found);
    plan_hooks(&p);
    plan_effects(&p);
    plan_checks(&p);
    count_functions(&p);
    report_orphans(&p);
    note_unpaired(&p);
    plan_swaps(&p);
    if (found)
        hp_plan_hold(plan, found, match->live, report);

    if (hp_arena_failed(&plan->arena) || hp_arena_failed(&report->arena))
        return HP_NO_MEMORY;
    return report->refusals.count ? HP_REFUSED : HP_OK;
}
