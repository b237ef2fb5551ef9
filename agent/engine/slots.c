/* hotpatch engine: live, laid beside base and new: the second pass of the match. The contract is in match.h.
 *
 * A breadth-first walk over triples (base, new, live). Cells are visited before functions, functions before
 * other fields (in the order of the new source), so that a table that two names lead to belongs to the local,
 * and paths read as people would write them. Each place of the live program gives one slot.
 */
#include "agent/engine/slots_walk.h"

#include <stdlib.h>
#include <string.h>

static const struct hp_node *node(const struct hp_graph *g, hp_id id)
{
    return g && id != HP_NO_ID ? hp_graph_node(g, id) : NULL;
}

void hp_slots_visit_later(struct hp_slots_walk *w, enum hp_slots_rank rank, struct hp_triple t)
{
    bool fresh_triple = false;
    if (t.live == HP_NO_ID || t.live == HP_NIL || (t.base == HP_NO_ID && t.fresh == HP_NO_ID))
        return;
    hp_map_put(&w->seen, ((uint64_t)t.base << 32) | t.fresh, ((uint64_t)t.gone << 32) | t.live, 1,
               &fresh_triple);
    struct hp_triple *slot = fresh_triple ? HP_PUSH(&w->m->arena, &w->todo[rank]) : NULL;
    if (slot)
        *slot = t;
}

/* --- whose version is a live function? -------------------------------------------------------- */

static bool equal_code(const struct hp_match *m, struct hp_code base, hp_id live)
{
    struct hp_code code = hp_code_of(&m->live->graph, live);
    return hp_prototype_equal(m->base->trees.items[base.tree], base.prototype,
                              m->live->graph.trees.items[code.tree], code.prototype);
}

static bool equal_lines(const struct hp_match *m, struct hp_code base, hp_id live)
{
    const struct hp_prototype *b = hp_prototype_at(m->base, base);
    const struct hp_prototype *l = hp_prototype_at(&m->live->graph, hp_code_of(&m->live->graph, live));
    return b->line == l->line && b->last_line == l->last_line;
}

/* The only base prototype with that code (and, in the first round, lines); none if there are several. */
static struct hp_code find_code(const struct hp_match *m, hp_id live, bool with_lines)
{
    struct hp_code found = {HP_NO_ID, HP_NO_PROTOTYPE};
    for (uint32_t t = 0; m->base && t < m->base->trees.count; t++)
        for (uint32_t p = 0; p < m->base->trees.items[t]->prototypes.count; p++) {
            struct hp_code code = {t, p};
            if ((with_lines && !equal_lines(m, code, live)) || !equal_code(m, code, live))
                continue;
            if (!hp_code_none(found))
                return (struct hp_code){HP_NO_ID, HP_NO_PROTOTYPE};
            found = code;
        }
    return found;
}

static struct hp_code find_version(const struct hp_match *m, hp_id live)
{
    struct hp_code code = m->live_code[live];
    if (hp_code_none(code))
        code = find_code(m, live, true);
    return hp_code_none(code) ? find_code(m, live, false) : code;
}

struct hp_code hp_slots_classify(struct hp_match *m, hp_id live, hp_id base)
{
    struct hp_code *code = &m->live_code[live];
    if (hp_code_none(*code) && hp_is_function(m->base, base) &&
        equal_code(m, hp_code_of(m->base, base), live))
        *code = hp_code_of(m->base, base);
    if (hp_code_none(*code))
        *code = find_code(m, live, true);
    if (hp_code_none(*code))
        *code = find_code(m, live, false);
    /* of an earlier generation? Then it is a version of what took its place is a version of */
    if (hp_code_none(*code)) {
        const uint32_t *heir = hp_map_find(&m->live->heirs, live, 0);
        if (heir && hp_is_function(&m->live->graph, *heir) && *heir != live)
            *code = find_version(m, *heir);
    }
    return *code;
}

/* --- tables that are each other's ------------------------------------------------------------- */

/* Are these two tables, staged and live, each other's? The first pair that asks is served. */
static bool pair_tables(struct hp_match *m, hp_id fresh, hp_id live)
{
    if (m->twin[fresh] == HP_NO_ID && m->live_fresh[live] == HP_NO_ID) {
        m->twin[fresh] = live;
        m->live_fresh[live] = fresh;
    }
    return m->twin[fresh] == live;
}

static bool is_table(const struct hp_graph *g, hp_id id)
{
    const struct hp_node *n = node(g, id);
    return n && n->kind == HP_NODE_TABLE;
}

/* Has the new source another of the module's tables in a place than the base had? */
static bool is_retargeted(const struct hp_match *m, hp_id base, hp_id fresh)
{
    if (!is_table(m->base, base) || !is_table(m->fresh, fresh) || m->base_of[fresh] == base)
        return false;
    return m->base_of[fresh] != HP_NO_ID || m->fresh_of[base] != HP_NO_ID;
}

/* Before a slot's values are looked into: do its new and its live table belong together? */
static void see_if_diverged(struct hp_slots_walk *w, struct hp_slot *s)
{
    if (!is_table(w->m->fresh, s->fresh) || !is_table(hp_slots_live_graph(w), s->live))
        return;
    s->retargeted = is_retargeted(w->m, s->base, s->fresh) && w->m->twin[s->fresh] != s->live;
    s->diverged = s->retargeted || !pair_tables(w->m, s->fresh, s->live);
}

/* --- cells ------------------------------------------------------------------------------------ */

void hp_slots_link_cell(struct hp_slots_walk *w, uint32_t cell, bool fresh, uint32_t live)
{
    bool first = false;
    hp_map_put(&w->links, ((uint64_t)cell << 1) | fresh, live, 1, &first);
    struct hp_cell_link *link = first ? HP_PUSH(&w->m->arena, &w->m->cell_links) : NULL;
    if (link)
        *link = (struct hp_cell_link){cell, fresh, live};
}

int hp_match_own_upvalue(const struct hp_match *m, hp_id fresh, size_t upvalue, hp_id live)
{
    const struct hp_prototype *p = hp_prototype_at(m->fresh, hp_code_of(m->fresh, fresh));
    const char *name = p->upvalues.items[upvalue].name;
    int own = hp_upvalue_named(&m->live->graph, live, name);
    hp_id base = m->base_of[fresh];
    struct hp_code code = hp_code_of(m->fresh, fresh);
    struct hp_variable v;
    if (own < 0 || base == HP_NO_ID)
        return own;
    if (hp_prototype_variable(m->fresh->trees.items[code.tree], code.prototype, (uint32_t)upvalue, &v) &&
        v.owner != 0 && v.owner != HP_NO_PROTOTYPE)
        return own; /* a local of a factory: each instance has its own */
    int in_base = hp_upvalue_named(m->base, base, name);
    if (in_base < 0)
        return -1;
    uint32_t cell = hp_graph_node(m->fresh, fresh)->cells.items[upvalue];
    return m->cell_base[cell] == hp_graph_node(m->base, base)->cells.items[in_base] ? own : -1;
}

/* A local's table is known by the local, if no field knew it before: a new field may hold it, too. */
static void pair_local_tables(struct hp_slots_walk *w, const struct hp_triple *t)
{
    if (is_table(w->m->fresh, t->fresh) && is_table(hp_slots_live_graph(w), t->live) &&
        !is_retargeted(w->m, t->base, t->fresh))
        pair_tables(w->m, t->fresh, t->live);
}

static void add_cell_slot(struct hp_slots_walk *w, const struct hp_triple *t, size_t upvalue,
                          uint32_t base_cell, uint32_t fresh_cell)
{
    struct hp_match *m = w->m;
    bool first = false;
    uint32_t cell = hp_graph_node(hp_slots_live_graph(w), t->live)->cells.items[upvalue];
    const char *name = hp_prototype_at(hp_slots_live_graph(w), hp_code_of(hp_slots_live_graph(w), t->live))
                           ->upvalues.items[upvalue]
                           .name;
    struct hp_triple child = {HP_NO_ID,
                              HP_NO_ID,
                              hp_slots_live_graph(w)->cells.items[cell].value,
                              t->module,
                              hp_path_upvalue(&m->arena, t->path, name),
                              fresh_cell == HP_NO_ID};
    if (base_cell != HP_NO_ID) {
        child.base = m->base->cells.items[base_cell].value;
        hp_slots_link_cell(w, base_cell, false, cell);
    }
    if (fresh_cell != HP_NO_ID) {
        child.fresh = m->fresh->cells.items[fresh_cell].value;
        pair_local_tables(w, &child);
        hp_slots_link_cell(w, fresh_cell, true, cell);
        hp_map_put(&w->cell_slots, cell, 0, 1, &first);
        struct hp_slot *slot = first ? HP_PUSH(&m->arena, &m->slots) : NULL;
        if (slot)
            *slot = (struct hp_slot){.kind = HP_SLOT_CELL,
                                     .cell = cell,
                                     .base = child.base,
                                     .fresh = child.fresh,
                                     .live = child.live,
                                     .module = t->module,
                                     .path = child.path};
    }
    hp_slots_visit_later(w, HP_RANK_CELL, child);
}

/* The live function's upvalues are locals of the base function it is a version of, or, with no base, of the
 * new function in whose place it stands. */
static void walk_upvalues(struct hp_slots_walk *w, const struct hp_triple *t, bool of_base)
{
    struct hp_match *m = w->m;
    const struct hp_prototype *p =
        hp_prototype_at(hp_slots_live_graph(w), hp_code_of(hp_slots_live_graph(w), t->live));
    for (size_t i = 0; i < p->upvalues.count; i++) {
        uint32_t base_cell = HP_NO_ID, fresh_cell = HP_NO_ID;
        const char *name = p->upvalues.items[i].name;
        int in_base = of_base ? hp_upvalue_named(m->base, t->base, name) : -1;
        int in_fresh = hp_is_function(m->fresh, t->fresh) ? hp_upvalue_named(m->fresh, t->fresh, name) : -1;
        if (in_base >= 0) {
            base_cell = hp_graph_node(m->base, t->base)->cells.items[in_base];
            fresh_cell = m->cell_fresh[base_cell];
        } else if (!of_base && in_fresh >= 0) {
            fresh_cell = hp_graph_node(m->fresh, t->fresh)->cells.items[in_fresh];
        }
        if (base_cell != HP_NO_ID || fresh_cell != HP_NO_ID)
            add_cell_slot(w, t, i, base_cell, fresh_cell);
    }
}

static void visit_function(struct hp_slots_walk *w, struct hp_triple *t)
{
    struct hp_match *m = w->m;
    bool base = hp_is_function(m->base, t->base), fresh = hp_is_function(m->fresh, t->fresh);
    if (!hp_root_has_base(m, t->module)) {
        if (!fresh)
            return;
        if (m->live_fresh[t->live] == HP_NO_ID)
            m->live_fresh[t->live] = t->fresh;
        if (m->twin[t->fresh] == HP_NO_ID)
            m->twin[t->fresh] = t->live;
        /* a point fix speaks of one slot; its locals bind by their own rule */
        if (!m->roots[t->module].point)
            walk_upvalues(w, t, false);
        return;
    }
    struct hp_code code = hp_slots_classify(m, t->live, t->base);
    if (hp_code_none(code))
        return;
    if (!base || !hp_code_is(code, hp_code_of(m->base, t->base)))
        return; /* put there at run time: state; whose version it is has been noted */
    hp_id successor = m->fresh_of[t->base];
    if (successor != HP_NO_ID) {
        if (m->live_fresh[t->live] == HP_NO_ID)
            m->live_fresh[t->live] = successor;
        if (m->twin[successor] == HP_NO_ID)
            m->twin[successor] = t->live;
        t->fresh = successor;
    }
    walk_upvalues(w, t, true);
}

/* --- tables ----------------------------------------------------------------------------------- */

static bool is_hook(const struct hp_triple *t, const struct hp_graph *g, hp_id key)
{
    const struct hp_node *k = hp_graph_node(g, key);
    if (t->path[0] != '\0' || k->kind != HP_NODE_STRING)
        return false;
    return strcmp(k->string.data, "__hotfix") == 0 || strcmp(k->string.data, "__hotrevert") == 0;
}

static hp_id field(const struct hp_graph *g, hp_id table, const struct hp_graph *key_in, hp_id key)
{
    return g && table != HP_NO_ID ? hp_graph_field(g, table, key_in, key) : HP_NO_ID;
}

static void add_field_slot(struct hp_slots_walk *w, const struct hp_triple *t, const struct hp_graph *key_in,
                           hp_id key, bool list)
{
    struct hp_match *m = w->m;
    hp_id in_live = field(hp_slots_live_graph(w), t->live, key_in, key);
    struct hp_slot unused, *slot = t->gone ? &unused : HP_PUSH(&m->arena, &m->slots);
    if (!slot)
        return;
    *slot = (struct hp_slot){.kind = HP_SLOT_FIELD,
                             .container = t->live,
                             .key_in = key_in,
                             .key = key,
                             .base = field(m->base, t->base, key_in, key),
                             .fresh = field(m->fresh, t->fresh, key_in, key),
                             .live = in_live,
                             .module = t->module,
                             .path = hp_path_field(&m->arena, t->path, key_in, key),
                             .list = list};
    see_if_diverged(w, slot);
    if (slot->diverged)
        return;
    bool function = hp_is_function(m->fresh, slot->fresh) || hp_is_function(m->base, slot->base);
    hp_slots_visit_later(w, function ? HP_RANK_FUNCTION : HP_RANK_OTHER,
                         (struct hp_triple){slot->base, slot->fresh, slot->live, t->module, slot->path,
                                            slot->fresh == HP_NO_ID});
}

struct ordered_key {
    const struct hp_graph *in;
    hp_id key;
    uint32_t source; /* place of the function in its source; the others after all functions */
    uint32_t number;
};

static int by_source(const void *x, const void *y)
{
    const struct ordered_key *a = x, *b = y;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* Where the new body first mentions a name; its tables are filled in that order, more or less. */
static uint32_t mentioned_at(const struct hp_slots_walk *w, uint32_t module, const struct hp_graph *g,
                             hp_id key)
{
    const struct hp_node *k = hp_graph_node(g, key);
    const struct hp_graph *fresh = w->m->fresh;
    if (k->kind != HP_NODE_STRING)
        return k->kind == HP_NODE_INTEGER && k->integer >= 0 && k->integer < INT32_MAX ? (uint32_t)k->integer
                                                                                       : UINT32_MAX;
    return hp_prototype_constant(fresh->trees.items[fresh->modules.items[module].tree], 0, k->string.data,
                                 k->string.len);
}

struct key_list {
    HP_LIST(struct ordered_key) keys;
};

static void add_key(struct hp_slots_walk *w, struct key_list *list, const struct hp_triple *t,
                    const struct hp_graph *g, const struct hp_entry *e)
{
    const struct hp_node *key = hp_graph_node(g, e->key);
    if (is_hook(t, g, e->key) || (!hp_node_is_plain(key) && key->handle == 0))
        return; /* keys that the body made (functions, tables): found by `locate`, not from here */
    struct ordered_key *k = HP_PUSH(&w->m->arena, &list->keys);
    if (!k)
        return;
    *k = (struct ordered_key){g, e->key, UINT32_MAX, mentioned_at(w, t->module, g, e->key)};
    if (hp_is_function(g, e->value))
        k->source = hp_code_of(g, e->value).prototype;
}

/* The keys of new, then those of base that new lacks; functions first, in source order. */
static void walk_fields(struct hp_slots_walk *w, const struct hp_triple *t)
{
    struct hp_match *m = w->m;
    struct key_list list = {0};
    const struct hp_node *f = node(m->fresh, t->fresh), *b = node(m->base, t->base);
    bool data = f && b && hp_is_list(m->fresh, t->fresh) && hp_is_list(m->base, t->base);

    for (size_t i = 0; f && i < f->entries.count; i++)
        add_key(w, &list, t, m->fresh, &f->entries.items[i]);
    for (size_t i = 0; b && i < b->entries.count; i++)
        if (field(m->fresh, t->fresh, m->base, b->entries.items[i].key) == HP_NO_ID)
            add_key(w, &list, t, m->base, &b->entries.items[i]);
    if (list.keys.count)
        qsort(list.keys.items, list.keys.count, sizeof *list.keys.items, by_source);
    for (size_t i = 0; i < list.keys.count; i++)
        add_field_slot(w, t, list.keys.items[i].in, list.keys.items[i].key, data);
}

static hp_id staged_metatable(const struct hp_graph *g, hp_id id)
{
    const struct hp_node *n = node(g, id);
    if (!n || (n->kind == HP_NODE_TABLE ? n->metatable == HP_NIL : !n->has_metatable))
        return HP_NO_ID;
    return n->metatable;
}

static void walk_metatable(struct hp_slots_walk *w, const struct hp_triple *t)
{
    struct hp_match *m = w->m;
    hp_id live = hp_graph_node(hp_slots_live_graph(w), t->live)->metatable;
    struct hp_triple child = {staged_metatable(m->base, t->base),    staged_metatable(m->fresh, t->fresh),
                              live == HP_NIL ? HP_NO_ID : live,      t->module,
                              hp_path_metatable(&m->arena, t->path), false};
    child.gone = child.fresh == HP_NO_ID;
    if (child.base == HP_NO_ID && child.fresh == HP_NO_ID)
        return;
    struct hp_slot unused, *slot = t->gone ? &unused : HP_PUSH(&m->arena, &m->slots);
    if (!slot)
        return;
    *slot = (struct hp_slot){.kind = HP_SLOT_METATABLE,
                             .container = t->live,
                             .base = child.base,
                             .fresh = child.fresh,
                             .live = child.live,
                             .module = t->module,
                             .path = child.path};
    see_if_diverged(w, slot);
    if (!slot->diverged)
        hp_slots_visit_later(w, HP_RANK_OTHER, child);
}

static void visit_table(struct hp_slots_walk *w, const struct hp_triple *t)
{
    struct hp_match *m = w->m;
    const struct hp_node *f = node(m->fresh, t->fresh), *b = node(m->base, t->base);
    if (f && f->kind == HP_NODE_PLACEHOLDER)
        pair_tables(m, t->fresh, t->live);
    if ((f && hp_node_is_tabular(f)) || (!f && b && hp_node_is_tabular(b))) {
        walk_fields(w, t);
        walk_metatable(w, t);
    }
}

/* --- the walk --------------------------------------------------------------------------------- */

/* The same call in base and new stands for what lives in its slot. */
static void note_placeholder(struct hp_slots_walk *w, const struct hp_triple *t)
{
    struct hp_match *m = w->m;
    const struct hp_node *f = node(m->fresh, t->fresh), *b = node(m->base, t->base);
    if (!f || f->kind != HP_NODE_PLACEHOLDER)
        return;
    bool same = !hp_root_has_base(m, t->module) ||
                (b && b->kind == HP_NODE_PLACEHOLDER &&
                 hp_expression_equal(m->base, b->expression, m->fresh, f->expression));
    if (same)
        hp_map_put(&m->placeholder_live, f->expression, 0, t->live + 1, NULL);
}

static void visit(struct hp_slots_walk *w, struct hp_triple *t)
{
    note_placeholder(w, t);
    switch (hp_graph_node(hp_slots_live_graph(w), t->live)->kind) {
    case HP_NODE_FUNCTION:
        visit_function(w, t);
        break;
    case HP_NODE_TABLE:
        visit_table(w, t);
        break;
    default:
        break; /* plain values and foreign objects: the slot says it all */
    }
}

void hp_slots_run(struct hp_slots_walk *w)
{
    for (;;) {
        int rank = HP_RANK_CELL;
        while (rank < HP_RANKS && w->next[rank] >= w->todo[rank].count)
            rank++;
        if (rank == HP_RANKS || hp_arena_failed(&w->m->arena))
            return;
        struct hp_triple t = w->todo[rank].items[w->next[rank]++];
        visit(w, &t);
    }
}

static void start_module(struct hp_slots_walk *w, const struct hp_root *r)
{
    struct hp_match *m = w->m;
    const struct hp_graph_module *f = &m->fresh->modules.items[r->module];
    const struct hp_graph_module *b =
        hp_root_has_base(m, r->module) ? &m->base->modules.items[r->base] : NULL;
    const char *path = r->point ? r->path : "";

    if (f->returned && r->container) {
        struct hp_slot *slot = HP_PUSH(&m->arena, &m->slots);
        if (!slot)
            return;
        *slot = (struct hp_slot){.kind = HP_SLOT_FIELD,
                                 .container = r->live_container,
                                 .key_in = hp_slots_live_graph(w),
                                 .key = r->live_key,
                                 .base = b && b->returned ? b->root : HP_NO_ID,
                                 .fresh = f->root,
                                 .live = r->live == HP_NIL ? HP_NO_ID : r->live,
                                 .module = r->module,
                                 .path = path,
                                 .root = !r->point,
                                 .point = r->point};
        see_if_diverged(w, slot);
        if (hp_is_function(m->fresh, slot->fresh) && slot->root)
            slot->path = r->key;
        hp_slots_visit_later(
            w, HP_RANK_CELL,
            (struct hp_triple){slot->base, slot->fresh, slot->live, r->module, slot->path, false});
    }
    hp_slots_visit_later(w, HP_RANK_FUNCTION,
                         (struct hp_triple){b ? b->environment : HP_NO_ID, f->environment,
                                            r->live_environment, r->module, "", false});
}

static hp_id written_view(const struct hp_graph *g, uint32_t handle)
{
    for (size_t i = 0; g && i < g->written.count; i++)
        if (hp_graph_node(g, g->written.items[i])->kind == HP_NODE_VIEW &&
            hp_graph_node(g, g->written.items[i])->handle == handle)
            return g->written.items[i];
    return HP_NO_ID;
}

static bool is_environment(const struct hp_match *m, hp_id live)
{
    for (size_t i = 0; i < m->fresh->modules.count; i++)
        if (m->roots[i].live_environment == live)
            return true;
    return false;
}

/* Live objects that the bodies wrote into through views; environments had their turn with their modules. */
static void start_written(struct hp_slots_walk *w, const struct hp_graph *g)
{
    struct hp_match *m = w->m;
    for (size_t i = 0; g && i < g->written.count; i++) {
        const struct hp_node *n = hp_graph_node(g, g->written.items[i]);
        if (n->kind != HP_NODE_VIEW || n->handle == 0 || is_environment(m, hp_live_node(m->live, n->handle)))
            continue;
        hp_slots_visit_later(
            w, HP_RANK_OTHER,
            (struct hp_triple){written_view(m->base, n->handle), written_view(m->fresh, n->handle),
                               hp_live_node(m->live, n->handle), 0, n->text ? n->text : "?", false});
    }
}

void hp_match_slots(struct hp_match *m)
{
    struct hp_slots_walk w = {.m = m};
    hp_map_init(&w.seen, &m->arena);
    hp_map_init(&w.cell_slots, &m->arena);
    hp_map_init(&w.links, &m->arena);
    hp_match_unite_cells(m);
    m->own_load = HP_NO_ID;
    if (hp_arena_failed(&m->arena))
        return;
    for (size_t i = 0; i < m->fresh->modules.count; i++)
        start_module(&w, &m->roots[i]);
    hp_slots_run(&w);
    start_written(&w, m->fresh);
    start_written(&w, m->base);
    hp_slots_run(&w);
    hp_match_unite_own(m);
    hp_slots_visit_renamed(&w);
    hp_slots_link_loads(&w);
    hp_match_unite_unmarked(m);
}
