/* hotpatch engine: base and new, paired with each other. The contract is in match.h.
 *
 *   1. walk both results together: what stands at the same path is a pair; what has other names there, only
 *      after 3 by name
 *   2. effects with the same callee and plain arguments: the functions passed to them are pairs
 *   3. prototypes left over, within paired parents: by the name that the bytecode gives, by equal code, by
 *      alignment (match_prototypes.c). New pairs bring closures, which may bring cells: back to 1 with those
 *   4. cells, by the votes of the function pairs that captured them (match_cells.c)
 */
#include "agent/engine/match_impl.h"

#include <stdlib.h>
#include <string.h>

/* --- small questions -------------------------------------------------------------------------- */

bool hp_is_function(const struct hp_graph *g, hp_id id)
{
    return g && id != HP_NO_ID && hp_graph_node(g, id)->kind == HP_NODE_FUNCTION;
}

struct hp_code hp_code_of(const struct hp_graph *g, hp_id function)
{
    const struct hp_node *n = hp_graph_node(g, function);
    return (struct hp_code){n->function.tree, n->function.prototype};
}

const struct hp_prototype *hp_prototype_at(const struct hp_graph *g, struct hp_code code)
{
    return &g->trees.items[code.tree]->prototypes.items[code.prototype];
}

bool hp_code_is(struct hp_code a, struct hp_code b)
{
    return a.tree == b.tree && a.prototype == b.prototype;
}

bool hp_code_none(struct hp_code a)
{
    return a.tree == HP_NO_ID;
}

int hp_upvalue_named(const struct hp_graph *g, hp_id function, const char *name)
{
    const struct hp_prototype *p = hp_prototype_at(g, hp_code_of(g, function));
    for (size_t i = 0; name && i < p->upvalues.count; i++)
        if (p->upvalues.items[i].name && strcmp(p->upvalues.items[i].name, name) == 0)
            return (int)i;
    return -1;
}

bool hp_is_list(const struct hp_graph *g, hp_id table)
{
    const struct hp_node *n = hp_graph_node(g, table);
    if (n->kind != HP_NODE_TABLE)
        return false;
    for (size_t i = 0; i < n->entries.count; i++) { /* sorted: integers in order, strings before them */
        const struct hp_node *key = hp_graph_node(g, n->entries.items[i].key);
        if (key->kind != HP_NODE_INTEGER || key->integer != (int64_t)i + 1)
            return false;
    }
    return true;
}

bool hp_root_has_base(const struct hp_match *m, uint32_t module)
{
    return m->base && m->roots[module].base != HP_NO_ID;
}

/* --- the tables of the match ------------------------------------------------------------------ */

static const struct hp_code NO_CODE = {HP_NO_ID, HP_NO_PROTOTYPE};

static uint32_t *filled(struct hp_arena *a, size_t count)
{
    uint32_t *array = hp_arena_alloc(a, (count + 1) * sizeof *array);
    for (size_t i = 0; array && i < count; i++)
        array[i] = HP_NO_ID;
    return array;
}

static struct hp_code **code_tables(struct hp_arena *a, const struct hp_graph *g)
{
    size_t count = g ? g->trees.count : 0;
    struct hp_code **tables = hp_arena_alloc(a, (count + 1) * sizeof *tables);
    for (size_t t = 0; tables && t < count; t++) {
        size_t n = g->trees.items[t]->prototypes.count;
        tables[t] = hp_arena_alloc(a, (n + 1) * sizeof **tables);
        for (size_t i = 0; tables[t] && i < n; i++)
            tables[t][i] = NO_CODE;
    }
    return tables;
}

static bool match_init(struct hp_match *m)
{
    struct hp_arena *a = &m->arena;
    size_t bn = m->base ? m->base->nodes.count : 0, bc = m->base ? m->base->cells.count : 0;
    size_t be = m->base ? m->base->effects.count : 0;

    m->fresh_code = code_tables(a, m->fresh);
    m->base_code = code_tables(a, m->base);
    m->base_of = filled(a, m->fresh->nodes.count);
    m->fresh_of = filled(a, bn);
    m->cell_base = filled(a, m->fresh->cells.count);
    m->cell_fresh = filled(a, bc);
    m->effect_paired_base = hp_arena_alloc(a, be + 1);
    m->effect_paired_fresh = hp_arena_alloc(a, m->fresh->effects.count + 1);
    m->live_fresh = filled(a, m->live->graph.nodes.count);
    m->twin = filled(a, m->fresh->nodes.count);
    m->live_code = hp_arena_alloc(a, (m->live->graph.nodes.count + 1) * sizeof *m->live_code);
    for (size_t i = 0; m->live_code && i < m->live->graph.nodes.count; i++)
        m->live_code[i] = NO_CODE;
    hp_map_init(&m->votes, a);
    hp_map_init(&m->placeholder_live, a);
    return !hp_arena_failed(a);
}

/* --- 1. the walk over base and new ------------------------------------------------------------ */

struct pair {
    hp_id base, fresh;
};

/* Which locals hold a table: a list of cells for each node. */
struct holders {
    uint32_t *first; /* [node] */
    uint32_t *next;  /* [cell] */
};

struct pairing {
    struct hp_match *m;
    struct hp_map seen;
    HP_LIST(struct pair) todo;
    size_t next;
    /* functions and tables of different names at one path: whoever has the name comes first */
    HP_LIST(struct pair) renamed;
    bool names_are_done;
    /* one made by the body, one by a factory: whoever has the code comes first */
    HP_LIST(struct pair) moved;
    bool codes_are_done;
    struct holders base_holders, fresh_holders;
};

static void pair_later(struct pairing *p, hp_id base, hp_id fresh)
{
    bool new_pair = false;
    if (base == HP_NO_ID || fresh == HP_NO_ID || base == HP_NIL || fresh == HP_NIL)
        return;
    hp_map_put(&p->seen, base, fresh, 1, &new_pair);
    struct pair *pair = new_pair ? HP_PUSH(&p->m->arena, &p->todo) : NULL;
    if (pair)
        *pair = (struct pair){base, fresh};
}

static void vote(struct hp_match *m, uint32_t base_cell, uint32_t fresh_cell)
{
    bool first = false;
    uint32_t *votes = hp_map_put(&m->votes, base_cell, fresh_cell, 1, &first);
    if (votes && !first)
        ++*votes;
}

static void index_holders(struct hp_match *m, const struct hp_graph *g, struct holders *h)
{
    h->first = filled(&m->arena, g->nodes.count);
    h->next = filled(&m->arena, g->cells.count);
    for (uint32_t cell = 0; h->first && h->next && cell < g->cells.count; cell++) {
        hp_id value = g->cells.items[cell].value;
        if (hp_graph_node(g, value)->kind != HP_NODE_TABLE)
            continue;
        h->next[cell] = h->first[value];
        h->first[value] = cell;
    }
}

/* One of them is in a local, but none has both under one name: each may belong to another table. */
static bool is_in_other_local(const struct pairing *p, hp_id base, hp_id fresh)
{
    const struct hp_match *m = p->m;
    const struct holders *b = &p->base_holders, *f = &p->fresh_holders;
    if (!b->first || !b->next || !f->first || !f->next ||
        (b->first[base] == HP_NO_ID && f->first[fresh] == HP_NO_ID))
        return false;
    for (uint32_t x = b->first[base]; x != HP_NO_ID; x = b->next[x])
        for (uint32_t y = f->first[fresh]; y != HP_NO_ID; y = f->next[y]) {
            const char *one = m->base->cells.items[x].name, *other = m->fresh->cells.items[y].name;
            if (one && other && strcmp(one, other) == 0)
                return false;
        }
    return true;
}

/* One to one: the first that asks is served. */
static bool pair_tables(struct hp_match *m, hp_id base, hp_id fresh)
{
    if (m->base_of[fresh] == HP_NO_ID && m->fresh_of[base] == HP_NO_ID) {
        m->base_of[fresh] = base;
        m->fresh_of[base] = fresh;
    }
    return m->base_of[fresh] == base;
}

/* `M.a = one` became `M.a = other`: an alias that changed, unless nobody else is "one" or "other". */
static bool is_renamed(const struct hp_match *m, hp_id base, hp_id fresh)
{
    const char *b = hp_prototype_at(m->base, hp_code_of(m->base, base))->name;
    const char *f = hp_prototype_at(m->fresh, hp_code_of(m->fresh, fresh))->name;
    return b && f && strcmp(b, f) != 0;
}

static void pair_by_name_first(struct pairing *p, hp_id base, hp_id fresh)
{
    struct pair *later = HP_PUSH(&p->m->arena, &p->renamed);
    if (later)
        *later = (struct pair){base, fresh};
}

/* `M.f = helper` became `M.f = make(1)`. */
static bool is_moved(const struct hp_match *m, hp_id base, hp_id fresh)
{
    const struct hp_prototype *b = hp_prototype_at(m->base, hp_code_of(m->base, base));
    const struct hp_prototype *f = hp_prototype_at(m->fresh, hp_code_of(m->fresh, fresh));
    return (b->parent == 0) != (f->parent == 0);
}

static void pair_functions(struct pairing *p, hp_id base, hp_id fresh)
{
    struct hp_match *m = p->m;
    if (!p->codes_are_done && is_moved(m, base, fresh)) {
        struct pair *later = HP_PUSH(&m->arena, &p->moved);
        if (later)
            *later = (struct pair){base, fresh};
        return;
    }
    if (!p->names_are_done && is_renamed(m, base, fresh)) {
        pair_by_name_first(p, base, fresh);
        return;
    }
    if (!hp_match_pair_codes(m, hp_code_of(m->base, base), hp_code_of(m->fresh, fresh)))
        return;
    if (m->base_of[fresh] == HP_NO_ID)
        m->base_of[fresh] = base;
    if (m->fresh_of[base] == HP_NO_ID)
        m->fresh_of[base] = fresh;
    const struct hp_prototype *proto = hp_prototype_at(m->fresh, hp_code_of(m->fresh, fresh));
    for (size_t i = 0; i < proto->upvalues.count; i++) {
        int j = hp_upvalue_named(m->base, base, proto->upvalues.items[i].name);
        if (j < 0)
            continue;
        uint32_t fc = hp_graph_node(m->fresh, fresh)->cells.items[i];
        uint32_t bc = hp_graph_node(m->base, base)->cells.items[j];
        vote(m, bc, fc);
        pair_later(p, m->base->cells.items[bc].value, m->fresh->cells.items[fc].value);
    }
}

/* Where a new body first mentions the name; its tables are filled in that order, more or less. */
static uint32_t mentioned_at(const struct hp_graph *fresh, hp_id key)
{
    const struct hp_node *k = hp_graph_node(fresh, key);
    for (size_t i = 0; k->kind == HP_NODE_STRING && i < fresh->modules.count; i++) {
        const struct hp_prototype_tree *tree = fresh->trees.items[fresh->modules.items[i].tree];
        uint32_t place = hp_prototype_constant(tree, 0, k->string.data, k->string.len);
        if (place != UINT32_MAX)
            return place;
    }
    return UINT32_MAX;
}

struct placed_entry {
    struct hp_entry entry;
    uint32_t place, number;
};

static int by_place(const void *x, const void *y)
{
    const struct placed_entry *a = x, *b = y;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* Of a table's fields those that hold tables come in the order of the source, for the first name a table has
 * is its own. */
static struct placed_entry *in_source_order(struct hp_match *m, const struct hp_node *table)
{
    size_t count = table->entries.count;
    struct placed_entry *list = hp_arena_alloc(&m->arena, (count + 1) * sizeof *list);
    for (size_t i = 0; list && i < count; i++) {
        const struct hp_entry *e = &table->entries.items[i];
        bool is_table = hp_graph_node(m->fresh, e->value)->kind == HP_NODE_TABLE;
        list[i] = (struct placed_entry){*e, is_table ? mentioned_at(m->fresh, e->key) : 0, (uint32_t)i};
    }
    if (list && count)
        qsort(list, count, sizeof *list, by_place);
    return list;
}

/* Lists are not walked by index: an element inserted in front would make pairs of strangers. What is in them
 * is left to the prototypes' own ways. */
static void pair_fields(struct pairing *p, hp_id base, hp_id fresh)
{
    struct hp_match *m = p->m;
    if (hp_is_list(m->fresh, fresh) && hp_is_list(m->base, base))
        return;
    if (hp_graph_node(m->fresh, fresh)->kind == HP_NODE_TABLE &&
        hp_graph_node(m->base, base)->kind == HP_NODE_TABLE) {
        if (m->base_of[fresh] != base && !p->names_are_done && is_in_other_local(p, base, fresh)) {
            pair_by_name_first(p, base, fresh);
            return;
        }
        if (!pair_tables(m, base, fresh))
            return;
    }
    struct placed_entry *entries = in_source_order(m, hp_graph_node(m->fresh, fresh));
    for (size_t i = 0; entries && i < hp_graph_node(m->fresh, fresh)->entries.count; i++)
        pair_later(p, hp_graph_field(m->base, base, m->fresh, entries[i].entry.key), entries[i].entry.value);
    const struct hp_node *f = hp_graph_node(m->fresh, fresh), *b = hp_graph_node(m->base, base);
    pair_later(p, b->metatable, f->metatable);
}

static void pair_values(struct pairing *p, struct pair pair)
{
    struct hp_match *m = p->m;
    const struct hp_node *b = hp_graph_node(m->base, pair.base), *f = hp_graph_node(m->fresh, pair.fresh);
    if (b->kind == HP_NODE_FUNCTION && f->kind == HP_NODE_FUNCTION)
        pair_functions(p, pair.base, pair.fresh);
    else if (hp_node_is_tabular(b) && hp_node_is_tabular(f))
        pair_fields(p, pair.base, pair.fresh);
}

static void run_pairs(struct pairing *p)
{
    while (p->next < p->todo.count && !hp_arena_failed(&p->m->arena))
        pair_values(p, p->todo.items[p->next++]);
}

/* The module is the module, whatever its local is called. */
static void pair_root(struct pairing *p, hp_id base, hp_id fresh)
{
    if (base != HP_NO_ID && fresh != HP_NO_ID && hp_graph_node(p->m->base, base)->kind == HP_NODE_TABLE &&
        hp_graph_node(p->m->fresh, fresh)->kind == HP_NODE_TABLE)
        pair_tables(p->m, base, fresh);
    pair_later(p, base, fresh);
}

static void pair_roots(struct pairing *p)
{
    struct hp_match *m = p->m;
    for (uint32_t i = 0; i < m->fresh->modules.count; i++) {
        if (!hp_root_has_base(m, i))
            continue;
        const struct hp_graph_module *f = &m->fresh->modules.items[i],
                                     *b = &m->base->modules.items[m->roots[i].base];
        hp_match_pair_codes(m, (struct hp_code){b->tree, 0}, (struct hp_code){f->tree, 0});
        pair_root(p, b->root, f->root);
        pair_later(p, b->environment, f->environment);
    }
    for (size_t i = 0; i < m->fresh->written.count; i++) { /* views into which both wrote: one live object */
        hp_id f = m->fresh->written.items[i];
        for (size_t j = 0; j < m->base->written.count && hp_graph_node(m->fresh, f)->handle; j++)
            if (hp_graph_node(m->base, m->base->written.items[j])->handle ==
                hp_graph_node(m->fresh, f)->handle)
                pair_later(p, m->base->written.items[j], f);
    }
    run_pairs(p);
}

/* --- 2. effects ------------------------------------------------------------------------------- */

static bool same_value(const struct hp_match *m, hp_id base, hp_id fresh)
{
    const struct hp_node *b = hp_graph_node(m->base, base), *f = hp_graph_node(m->fresh, fresh);
    if (b->kind == HP_NODE_PLACEHOLDER && f->kind == HP_NODE_PLACEHOLDER)
        return hp_expression_equal(m->base, b->expression, m->fresh, f->expression);
    if (b->kind == HP_NODE_FUNCTION || f->kind == HP_NODE_FUNCTION || b->kind == HP_NODE_TABLE ||
        f->kind == HP_NODE_TABLE)
        return b->kind == f->kind; /* made by the bodies: they do not tell effects apart */
    return hp_node_equal(m->base, base, m->fresh, fresh);
}

static bool same_effect(const struct hp_match *m, const struct hp_effect *b, const struct hp_effect *f)
{
    if (b->arguments.count != f->arguments.count || !same_value(m, b->callee, f->callee))
        return false;
    for (size_t i = 0; i < b->arguments.count; i++)
        if (!same_value(m, b->arguments.items[i], f->arguments.items[i]))
            return false;
    return true;
}

/* Functions that an effect was handed have equal code in both? Then the effects are a surer pair. */
static bool same_functions(const struct hp_match *m, const struct hp_effect *b, const struct hp_effect *f)
{
    for (size_t i = 0; i < b->arguments.count; i++) {
        hp_id x = b->arguments.items[i], y = f->arguments.items[i];
        if (!hp_is_function(m->base, x))
            continue;
        struct hp_code cx = hp_code_of(m->base, x), cy = hp_code_of(m->fresh, y);
        if (!hp_prototype_equal(m->base->trees.items[cx.tree], cx.prototype, m->fresh->trees.items[cy.tree],
                                cy.prototype))
            return false;
    }
    return true;
}

static void pair_effect(struct pairing *p, size_t base, size_t fresh)
{
    struct hp_match *m = p->m;
    const struct hp_effect *b = &m->base->effects.items[base], *f = &m->fresh->effects.items[fresh];
    m->effect_paired_base[base] = m->effect_paired_fresh[fresh] = true;
    for (size_t i = 0; i < b->arguments.count; i++)
        pair_later(p, b->arguments.items[i], f->arguments.items[i]);
}

static void pair_effects_where(struct pairing *p, bool equal_code)
{
    struct hp_match *m = p->m;
    for (size_t i = 0; i < m->fresh->effects.count; i++) {
        const struct hp_effect *f = &m->fresh->effects.items[i];
        if (m->effect_paired_fresh[i] || !hp_root_has_base(m, f->module))
            continue;
        for (size_t j = 0; j < m->base->effects.count; j++) {
            const struct hp_effect *b = &m->base->effects.items[j];
            if (m->effect_paired_base[j] || b->module != m->roots[f->module].base || !same_effect(m, b, f))
                continue;
            if (equal_code && !same_functions(m, b, f))
                continue;
            pair_effect(p, j, i);
            break;
        }
    }
}

static void pair_effects(struct pairing *p)
{
    pair_effects_where(p, true);
    pair_effects_where(p, false);
    run_pairs(p);
}

/* --- 3. prototypes within paired parents ------------------------------------------------------ */

/* The only staged closure of each prototype; HP_NO_ID where the body made several: which is whose, nobody can
 * tell. */
static void index_instances(struct hp_map *instances, const struct hp_graph *g)
{
    for (hp_id id = 1; id < g->nodes.count; id++) {
        bool first = false;
        if (!hp_is_function(g, id))
            continue;
        struct hp_code code = hp_code_of(g, id);
        uint32_t *slot = hp_map_put(instances, code.tree, code.prototype, id, &first);
        if (slot && !first)
            *slot = HP_NO_ID;
    }
}

/* Staged closures of paired prototypes that no path has brought together: a renamed helper, a function in a
 * local that nothing exported captures. */
static void pair_instances(struct pairing *p)
{
    struct hp_match *m = p->m;
    struct hp_map in_base, in_fresh;
    hp_map_init(&in_base, &m->arena);
    hp_map_init(&in_fresh, &m->arena);
    index_instances(&in_base, m->base);
    index_instances(&in_fresh, m->fresh);
    for (hp_id id = 1; id < m->fresh->nodes.count; id++) {
        if (!hp_is_function(m->fresh, id) || m->base_of[id] != HP_NO_ID)
            continue;
        struct hp_code code = hp_code_of(m->fresh, id), base = m->fresh_code[code.tree][code.prototype];
        const uint32_t *found = hp_code_none(base) ? NULL : hp_map_find(&in_base, base.tree, base.prototype);
        const uint32_t *own = hp_map_find(&in_fresh, code.tree, code.prototype);
        if (found && own && *own == id && *found != HP_NO_ID && m->fresh_of[*found] == HP_NO_ID)
            pair_later(p, *found, id);
    }
    run_pairs(p);
}

/* --- together --------------------------------------------------------------------------------- */

static void pair_renamed(struct pairing *p)
{
    p->names_are_done = true;
    for (size_t i = 0; i < p->renamed.count; i++)
        pair_values(p, p->renamed.items[i]);
    run_pairs(p);
}

static void pair_moved(struct pairing *p)
{
    p->codes_are_done = true;
    for (size_t i = 0; i < p->moved.count; i++)
        pair_values(p, p->moved.items[i]);
    run_pairs(p);
}

static void pair_base_and_new(struct hp_match *m)
{
    struct pairing p = {.m = m};
    hp_map_init(&p.seen, &m->arena);
    index_holders(m, m->base, &p.base_holders);
    index_holders(m, m->fresh, &p.fresh_holders);
    pair_roots(&p);
    pair_effects(&p);
    for (enum hp_match_way way = HP_BY_NAME; way <= HP_BY_ALIGNMENT; way++) {
        while (hp_match_pair_prototypes(m, way) && !hp_arena_failed(&m->arena))
            pair_instances(&p);
        if (way == HP_BY_NAME)
            pair_renamed(&p);
        if (way == HP_BY_CODE)
            pair_moved(&p);
    }
    hp_match_pair_cells(m);
}

enum hp_status hp_match(struct hp_match *m, const struct hp_graph *base, const struct hp_graph *fresh,
                        const struct hp_live *live, const struct hp_root *roots)
{
    memset(m, 0, sizeof *m);
    hp_arena_init(&m->arena);
    m->base = base;
    m->fresh = fresh;
    m->live = live;
    m->roots = roots;
    if (!match_init(m))
        return HP_NO_MEMORY;
    if (base)
        pair_base_and_new(m);
    if (!hp_arena_failed(&m->arena))
        hp_match_slots(m);
    return hp_arena_failed(&m->arena) ? HP_NO_MEMORY : HP_OK;
}

void hp_match_fini(struct hp_match *m)
{
    hp_arena_fini(&m->arena);
    memset(m, 0, sizeof *m);
}
