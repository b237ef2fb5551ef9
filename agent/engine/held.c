/* hotpatch engine: steps for the places that the search found; the contract is in holder.h. */
#include "agent/engine/holder.h"

#include "agent/engine/map.h"
#include "agent/engine/match.h"

struct holding {
    struct hp_plan *plan;
    const struct hp_live *live; /* may be NULL */
    struct hp_report *report;
    struct hp_map swaps; /* handle -> number in plan->swaps */
    /* (handle, 0): containers that the plan writes into by itself; (handle, 1): functions in cells that it
     * writes */
    struct hp_map own;
    struct hp_map fields; /* (handle, key): fields that it writes or removes */
    struct hp_map cells;  /* number in the live graph, or address (a revert): cells that it writes */
};

/* A key as a number; keys of two graphs that are equal have equal ones. */
static uint64_t hash_key(const struct hp_value *key)
{
    const struct hp_node *k = key->kind == HP_VALUE_PLAIN ? hp_graph_node(key->graph, key->node) : NULL;
    uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)(k ? k->kind : HP_NODE_OPAQUE); /* FNV-1a */
    const char *bytes = (const char *)&key->index;
    size_t len = sizeof key->index;
    if (k && k->kind == HP_NODE_STRING) {
        bytes = k->string.data;
        len = k->string.len;
    } else if (k) {
        bytes = k->kind == HP_NODE_BOOLEAN ? (const char *)&k->boolean : (const char *)&k->integer;
        len = k->kind == HP_NODE_BOOLEAN ? sizeof k->boolean : sizeof k->integer;
    }
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    return hash;
}

/* A cell as a number: the one in the live graph, else (a revert) its address. */
#define NO_CELL UINT64_MAX

static uint64_t planned_cell(const struct holding *h, const struct hp_step *s)
{
    if (!h->live)
        return (uint64_t)(uintptr_t)s->cell;
    const struct hp_node *closure = hp_graph_node(&h->live->graph, hp_live_node(h->live, s->place.closure));
    return s->place.upvalue < closure->cells.count ? closure->cells.items[s->place.upvalue] : NO_CELL;
}

static uint64_t found_cell(const struct holding *h, const struct hp_holder *at)
{
    if (!h->live)
        return (uint64_t)(uintptr_t)at->cell;
    const uint32_t *number = hp_map_find(&h->live->cells, (uintptr_t)at->cell, 0);
    return number ? *number : NO_CELL;
}

static void index_plan(struct holding *h)
{
    for (uint32_t i = 0; i < h->plan->swaps.count; i++)
        hp_map_put(&h->swaps, h->plan->swaps.items[i].from, 0, i, NULL);
    for (size_t i = 0; i < h->plan->steps.count; i++) {
        const struct hp_step *s = &h->plan->steps.items[i];
        if (s->kind == HP_STEP_SET_CELL) {
            hp_map_put(&h->own, s->expected.index, 1, 1, NULL);
            hp_map_put(&h->cells, planned_cell(h, s), 0, 1, NULL);
        } else {
            hp_map_put(&h->own, s->target, 0, 1, NULL);
        }
        if (s->kind == HP_STEP_SET_FIELD || s->kind == HP_STEP_ADD_FIELD || s->kind == HP_STEP_REMOVE_FIELD)
            hp_map_put(&h->fields, s->target, hash_key(&s->key), 1, NULL);
    }
}

/* What the plan says of a place goes before what the search found there: another function may be meant for
 * it, or none. */
static bool is_planned(const struct holding *h, const struct hp_holder *at)
{
    uint64_t cell = at->kind == HP_HOLDER_CELL ? found_cell(h, at) : NO_CELL;
    if (cell != NO_CELL)
        return hp_map_find(&h->cells, cell, 0) != NULL;
    return at->kind == HP_HOLDER_FIELD && hp_map_find(&h->fields, at->container, hash_key(&at->key)) != NULL;
}

static bool is_own(const struct holding *h, const struct hp_holder *at)
{
    hp_id node = h->live ? hp_live_node(h->live, at->container) : HP_NIL;
    /* A cell of a function of the module is the module's, whichever closure the search met it in; a revert
     * knows cells by what is in them. */
    if (at->kind == HP_HOLDER_CELL)
        return h->live ? node != HP_NIL || found_cell(h, at) != NO_CELL
                       : hp_map_find(&h->own, at->function, 1) != NULL;
    return hp_map_find(&h->own, at->container, 0) != NULL ||
           (node != HP_NIL && hp_graph_node(&h->live->graph, node)->entries.count > 0);
}

static void count(struct holding *h, const struct hp_holder *at)
{
    struct hp_report_references *r = &h->report->references;
    if (is_own(h, at))
        return;
    switch (at->kind) {
    case HP_HOLDER_FIELD:
        ++*(at->in_registry ? &r->registry : at->in_metatable ? &r->metatable : &r->table);
        break;
    case HP_HOLDER_KEY:
        r->key++;
        break;
    case HP_HOLDER_CELL:
    case HP_HOLDER_C_UPVALUE:
        r->upvalue++;
        break;
    case HP_HOLDER_USER_VALUE:
        r->userdata++;
        break;
    case HP_HOLDER_LOCAL:
    case HP_HOLDER_BODY:
        r->coroutine++;
        break;
    }
}

static enum hp_step_kind step_kind(enum hp_holder_kind kind)
{
    switch (kind) {
    case HP_HOLDER_FIELD:
        return HP_STEP_SET_FIELD;
    case HP_HOLDER_KEY:
        return HP_STEP_REKEY;
    case HP_HOLDER_CELL:
        return HP_STEP_SET_CELL;
    case HP_HOLDER_C_UPVALUE:
        return HP_STEP_SET_UPVALUE;
    case HP_HOLDER_USER_VALUE:
        return HP_STEP_SET_USER_VALUE;
    case HP_HOLDER_LOCAL:
        return HP_STEP_SET_LOCAL;
    case HP_HOLDER_BODY:
        return HP_STEP_SET_BODY;
    }
    return HP_STEP_SET_FIELD;
}

static void add_step(struct holding *h, const struct hp_holder *at, const struct hp_plan_swap *swap)
{
    struct hp_step *step = HP_PUSH(&h->plan->arena, &h->plan->steps);
    if (!step)
        return;
    *step = (struct hp_step){.kind = step_kind(at->kind),
                             .target = at->container,
                             .key = at->key,
                             .value = swap->to,
                             .expected = {.kind = HP_VALUE_LIVE, .index = swap->from},
                             .index = at->index,
                             .level = at->level,
                             .held = true};
    if (at->kind == HP_HOLDER_CELL) {
        step->place = (struct hp_cell_place){at->container, (uint32_t)at->index - 1};
        step->target = 0;
    }
}

/* The value under a key that goes: it moves with the key. */
static bool moves_with_key(const struct holding *h, const struct hp_holder *at)
{
    return at->kind == HP_HOLDER_FIELD && at->key.kind == HP_VALUE_LIVE &&
           hp_map_find(&h->swaps, at->key.index, 0) != NULL;
}

/* --- frames ----------------------------------------------------------------------------------- */

static void report_running(struct holding *h, const struct hp_running *running)
{
    const uint32_t *number = hp_map_find(&h->swaps, running->function, 0);
    if (!number)
        return;
    const struct hp_value *to = &h->plan->swaps.items[*number].to;
    const char *path = to->kind == HP_VALUE_FUNCTION ? h->plan->functions.items[to->index].path : "?";
    struct hp_report_coroutine *c = HP_PUSH(&h->report->arena, &h->report->coroutines);
    if (!c)
        return;
    c->function = hp_arena_str(&h->report->arena, path);
    c->at = hp_arena_str(&h->report->arena, running->at);
    c->count = running->count;
    if (running->iterator)
        hp_report_warn(h->report, HP_R08_STILL_RUNNING, NULL, path,
                       "a loop at %s goes on with the old %s as its iterator (%lld)", c->at, path,
                       (long long)running->count);
    else
        hp_report_warn(
            h->report, HP_R08_STILL_RUNNING, NULL, path,
            "the old %s is still running at %s (%lld): it finishes in the old code, on the shared state",
            path, c->at, (long long)running->count);
}

/* --- loops ------------------------------------------------------------------------------------ */

/* `next` over a table that gets a key may skip or repeat entries. */
static void report_loops(struct holding *h, const struct hp_found *found)
{
    struct hp_map tables; /* handle -> number in found->loops */
    hp_map_init(&tables, &h->plan->arena);
    for (uint32_t i = 0; i < found->loop_count; i++)
        hp_map_put(&tables, found->loops[i].table, 0, i, NULL);
    for (size_t i = 0; i < h->plan->steps.count; i++) {
        const struct hp_step *s = &h->plan->steps.items[i];
        bool adds = s->kind == HP_STEP_ADD_FIELD || s->kind == HP_STEP_REKEY;
        const uint32_t *loop = adds ? hp_map_find(&tables, s->target, 0) : NULL;
        if (loop)
            hp_report_warn(h->report, HP_R18_LOOP_TABLE, NULL, s->path,
                           "a loop at %s goes over the table that gets %s: it may skip or repeat entries; "
                           "push again when it is over, or "
                           "add the key in __hotfix",
                           found->loops[*loop].at, s->path ? s->path : "a key");
    }
}

void hp_plan_hold(struct hp_plan *plan, const struct hp_found *found, const struct hp_live *live,
                  struct hp_report *report)
{
    struct holding h = {.plan = plan, .live = live, .report = report};
    hp_map_init(&h.swaps, &plan->arena);
    hp_map_init(&h.own, &plan->arena);
    hp_map_init(&h.fields, &plan->arena);
    hp_map_init(&h.cells, &plan->arena);
    index_plan(&h);
    for (size_t i = 0; i < found->holder_count; i++) {
        const struct hp_holder *at = &found->holders[i];
        const uint32_t *number = hp_map_find(&h.swaps, at->function, 0);
        if (!number || is_planned(&h, at))
            continue;
        count(&h, at);
        if (!moves_with_key(&h, at))
            add_step(&h, at, &plan->swaps.items[*number]);
    }
    for (size_t i = 0; i < found->running_count; i++)
        report_running(&h, &found->running[i]);
    report_loops(&h, found);
    if (found->deep)
        hp_report_warn(report, HP_R08_STILL_RUNNING, NULL, NULL, "%zu stacks were too deep to look at whole",
                       found->deep);
}
