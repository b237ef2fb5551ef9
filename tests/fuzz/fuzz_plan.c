/* libFuzzer over match and plan: any three graphs (plan_graphs.h) are matched and planned, and what comes out
 * keeps its contracts:
 *
 *   - pairs are one to one, and both ways round
 *   - every number of the plan is in range, replays need earlier ones only, joins name a cell of a live
 * closure
 *   - each place has one step, but for those that the search found
 *   - refusals and HP_REFUSED go together
 *
 * And the same once more with an allocation that fails, which the bytes choose: sticky, no crash, nothing
 * leaks. */
#include <stdlib.h>
#include <string.h>

#include "agent/engine/match.h"
#include "agent/engine/plan.h"
#include "tests/fuzz/plan_graphs.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            abort();                                                                                         \
    } while (0)

/* --- memory ----------------------------------------------------------------------------------- */

static long made, fail_at = -1;

static void *memory(void *ptr, size_t size)
{
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    if (fail_at >= 0 && made++ >= fail_at)
        return NULL;
    return realloc(ptr, size);
}

/* --- the match -------------------------------------------------------------------------------- */

static void check_codes(const struct hp_match *m)
{
    for (uint32_t t = 0; t < m->fresh->trees.count; t++)
        for (uint32_t p = 0; p < m->fresh->trees.items[t]->prototypes.count; p++) {
            struct hp_code base = m->fresh_code[t][p];
            CHECK(hp_code_none(base) ||
                  hp_code_is(m->base_code[base.tree][base.prototype], ((struct hp_code){t, p})));
        }
}

static void check_pairs(const struct hp_match *m)
{
    for (uint32_t c = 0; c < m->fresh->cells.count; c++)
        CHECK(m->cell_base[c] == HP_NO_ID || m->cell_fresh[m->cell_base[c]] == c);
    for (hp_id id = 0; id < m->fresh->nodes.count; id++) {
        hp_id live = m->twin[id];
        CHECK(live == HP_NO_ID || live < m->live->graph.nodes.count);
        if (live != HP_NO_ID && hp_graph_node(m->fresh, id)->kind == HP_NODE_TABLE)
            CHECK(m->live_fresh[live] == id);
        if (hp_is_function(m->fresh, id) && m->base_of[id] != HP_NO_ID)
            CHECK(hp_is_function(m->base, m->base_of[id]));
    }
}

static void check_slots(const struct hp_match *m)
{
    const struct hp_graph *live = &m->live->graph;
    for (size_t i = 0; i < m->slots.count; i++) {
        const struct hp_slot *s = &m->slots.items[i];
        CHECK(s->path && s->module < m->fresh->modules.count);
        CHECK(s->fresh == HP_NO_ID || s->fresh < m->fresh->nodes.count || s->fresh == HP_NIL);
        CHECK(s->base == HP_NO_ID || s->base == HP_NIL || s->base < m->base->nodes.count);
        if (s->kind == HP_SLOT_CELL)
            CHECK(s->cell < live->cells.count && s->live != HP_NO_ID);
        else
            CHECK(s->container < live->nodes.count && (s->live == HP_NO_ID || s->live < live->nodes.count));
    }
}

/* --- the plan --------------------------------------------------------------------------------- */

static void check_value(const struct hp_plan *p, const struct hp_value *v)
{
    switch (v->kind) {
    case HP_VALUE_NIL:
        return;
    case HP_VALUE_PLAIN:
        CHECK(v->graph && v->node < v->graph->nodes.count &&
              hp_node_is_plain(hp_graph_node(v->graph, v->node)));
        return;
    case HP_VALUE_LIVE:
        CHECK(v->index != 0);
        return;
    case HP_VALUE_FUNCTION:
        CHECK(v->index < p->functions.count);
        return;
    case HP_VALUE_TABLE:
        CHECK(v->index < p->tables.count);
        return;
    case HP_VALUE_REPLAY:
        CHECK(v->index < p->replays.count);
        return;
    case HP_VALUE_COROUTINE:
        CHECK(v->index < p->coroutines.count);
        return;
    }
    abort();
}

static void check_place(const struct hp_match *m, const struct hp_cell_place *place)
{
    hp_id holder = hp_live_node(m->live, place->closure);
    CHECK(hp_is_function(&m->live->graph, holder));
    CHECK(place->upvalue < hp_graph_node(&m->live->graph, holder)->cells.count);
}

static void check_functions(const struct hp_match *m, const struct hp_plan *p)
{
    for (size_t i = 0; i < p->functions.count; i++) {
        const struct hp_plan_function *f = &p->functions.items[i];
        CHECK(f->path && f->module < p->modules.count && f->prototype < f->tree->prototypes.count);
        CHECK(f->upvalues.count == f->tree->prototypes.items[f->prototype].upvalues.count);
        for (size_t k = 0; k < f->upvalues.count; k++) {
            const struct hp_plan_upvalue *u = &f->upvalues.items[k];
            if (u->join)
                check_place(m, &u->place);
            else
                CHECK(u->cell < p->cells.count);
        }
    }
}

static void check_parts(const struct hp_plan *p)
{
    for (size_t i = 0; i < p->cells.count; i++)
        check_value(p, &p->cells.items[i].first);
    for (size_t i = 0; i < p->coroutines.count; i++)
        check_value(p, &p->coroutines.items[i]);
    for (size_t i = 0; i < p->tables.count; i++) {
        const struct hp_plan_table *t = &p->tables.items[i];
        check_value(p, &t->metatable);
        for (size_t k = 0; k < t->fields.count; k++) {
            check_value(p, &t->fields.items[k].key);
            check_value(p, &t->fields.items[k].value);
        }
    }
    for (size_t i = 0; i < p->replays.count; i++) {
        CHECK(p->replays.items[i].operation != HP_OP_OTHER && p->replays.items[i].call);
        for (size_t k = 0; k < p->replays.items[i].operands.count; k++) {
            const struct hp_value *v = &p->replays.items[i].operands.items[k];
            check_value(p, v);
            CHECK(v->kind != HP_VALUE_REPLAY || v->index < i);
        }
    }
    for (size_t i = 0; i < p->effects.count; i++) {
        check_value(p, &p->effects.items[i].callee);
        for (size_t k = 0; k < p->effects.items[i].arguments.count; k++)
            check_value(p, &p->effects.items[i].arguments.items[k]);
    }
}

static bool same_key(const struct hp_value *a, const struct hp_value *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == HP_VALUE_PLAIN ? hp_node_equal(a->graph, a->node, b->graph, b->node)
                                     : a->index == b->index;
}

static enum hp_slot_kind place_kind(const struct hp_step *s)
{
    return s->kind == HP_STEP_SET_CELL        ? HP_SLOT_CELL
           : s->kind == HP_STEP_SET_METATABLE ? HP_SLOT_METATABLE
                                              : HP_SLOT_FIELD;
}

static bool same_place(const struct hp_step *a, const struct hp_step *b)
{
    if (place_kind(a) != place_kind(b))
        return false;
    if (place_kind(a) == HP_SLOT_CELL)
        return a->place.closure == b->place.closure && a->place.upvalue == b->place.upvalue;
    return a->target == b->target && (place_kind(a) == HP_SLOT_METATABLE || same_key(&a->key, &b->key));
}

static void check_steps(const struct hp_match *m, const struct hp_plan *p)
{
    for (size_t i = 0; i < p->steps.count; i++) {
        const struct hp_step *s = &p->steps.items[i];
        check_value(p, &s->value);
        check_value(p, &s->expected);
        if (s->held)
            continue;
        CHECK(s->path && s->module < p->modules.count);
        if (s->kind == HP_STEP_SET_CELL)
            check_place(m, &s->place);
        else
            CHECK(s->target != 0);
        if (place_kind(s) == HP_SLOT_FIELD)
            CHECK(s->key.kind != HP_VALUE_NIL);
        CHECK(s->kind != HP_STEP_ADD_FIELD || s->expected.kind == HP_VALUE_NIL);
        for (size_t k = 0; k < i; k++)
            CHECK(p->steps.items[k].held || !same_place(&p->steps.items[k], s));
    }
    for (size_t i = 0; i < p->checks.count; i++)
        CHECK(p->checks.items[i].container != 0);
    for (size_t i = 0; i < p->swaps.count; i++) {
        CHECK(p->swaps.items[i].from != 0);
        check_value(p, &p->swaps.items[i].to);
    }
}

/* --- one input -------------------------------------------------------------------------------- */

static void name_modules(const struct hp_graph *fresh, struct hp_report *report)
{
    for (size_t i = 0; i < fresh->modules.count; i++) {
        struct hp_report_module *m = HP_PUSH(&report->arena, &report->modules);
        if (m)
            m->module = fresh->modules.items[i].name;
    }
}

static enum hp_status run(const struct plan_graphs *g, bool check)
{
    struct hp_match match;
    struct hp_plan plan;
    struct hp_report report;
    hp_report_init(&report);
    hp_plan_init(&plan);
    name_modules(&g->fresh, &report);
    enum hp_status status = hp_arena_failed(&report.arena) ? HP_NO_MEMORY : HP_OK;
    if (status == HP_OK) /* each match is ended, also one that failed */
        status = hp_match(&match, g->has_base ? &g->base : NULL, &g->fresh, &g->live, g->roots);
    else
        memset(&match, 0, sizeof match);
    if (status == HP_OK) {
        if (check) {
            check_codes(&match);
            check_pairs(&match);
            check_slots(&match);
        }
        status = hp_plan_make(&plan, &match, &g->options, g->has_found ? &g->found : NULL, &report);
    }
    if (check && status == HP_OK) {
        check_functions(&match, &plan);
        check_parts(&plan);
        check_steps(&match, &plan);
        CHECK(report.refusals.count == 0);
    }
    CHECK(status == HP_OK || status == HP_NO_MEMORY ||
          (status == HP_REFUSED && (report.refusals.count || report.error)));
    CHECK(!check || status != HP_NO_MEMORY);
    hp_plan_fini(&plan);
    hp_match_fini(&match);
    hp_report_fini(&report);
    return status;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    pool_compile();
    hp_mem_set_allocator(memory);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plan_graphs g;
    if (size < 2)
        return 0;
    long fail = (long)(data[0] << 8 | data[1]) % 4096;
    fail_at = -1;
    if (plan_graphs_build(&g, data + 2, size - 2)) {
        enum hp_status status = run(&g, true);
        made = 0;
        fail_at = fail;
        enum hp_status without = run(&g, false);
        CHECK(made <= fail ? without == status : without == HP_NO_MEMORY || status == HP_REFUSED);
        fail_at = -1;
    }
    plan_graphs_fini(&g);
    return 0;
}
