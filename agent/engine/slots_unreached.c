/* hotpatch engine: live functions that no path from the module leads to: renamed ones, and those of other
 * loads of the source. The second half of the walk (slots_walk.h).
 */
#include "agent/engine/slots_walk.h"

/* The module that a base function belongs to, as the new graph numbers it. */
static uint32_t module_of_tree(const struct hp_match *m, hp_id base)
{
    uint32_t tree = hp_graph_node(m->base, base)->function.tree;
    for (uint32_t i = 0; i < m->fresh->modules.count; i++)
        if (m->roots[i].base != HP_NO_ID && m->base->modules.items[m->roots[i].base].tree == tree)
            return i;
    return 0;
}

/* Closures of the body's own functions in other loads of the same source: their cells are the same locals
 * there. */
void hp_slots_link_loads(struct hp_slots_walk *w)
{
    struct hp_match *m = w->m;
    struct hp_map instances; /* base code -> a base function */
    hp_map_init(&instances, &m->arena);
    for (hp_id base = 1; m->base && base < m->base->nodes.count; base++) {
        if (!hp_is_function(m->base, base))
            continue;
        struct hp_code code = hp_code_of(m->base, base);
        hp_map_put(&instances, code.tree, code.prototype, base, NULL);
    }
    for (hp_id live = 1; m->base && live < hp_slots_live_graph(w)->nodes.count; live++) {
        if (!hp_is_function(hp_slots_live_graph(w), live) || hp_code_none(m->live_code[live]) ||
            m->live_fresh[live] != HP_NO_ID)
            continue;
        struct hp_code code = m->live_code[live];
        const uint32_t *base = hp_map_find(&instances, code.tree, code.prototype);
        for (size_t i = 0; base && i < hp_graph_node(m->base, *base)->cells.count; i++) {
            struct hp_variable v; /* by name: one of an earlier generation may have other upvalues */
            if (!hp_prototype_variable(m->base->trees.items[code.tree], code.prototype, (uint32_t)i, &v) ||
                v.owner != 0)
                continue;
            int own = hp_upvalue_named(hp_slots_live_graph(w), live,
                                       hp_prototype_at(m->base, code)->upvalues.items[i].name);
            if (own >= 0)
                hp_slots_link_cell(w, hp_graph_node(m->base, *base)->cells.items[i], false,
                                   hp_graph_node(hp_slots_live_graph(w), live)->cells.items[own]);
        }
    }
}

/* What the live function is a version of, if no path has led to it. */
static struct hp_code unreached_version(struct hp_match *m, hp_id live)
{
    if (!hp_is_function(&m->live->graph, live) || m->live_fresh[live] != HP_NO_ID)
        return (struct hp_code){HP_NO_ID, HP_NO_PROTOTYPE};
    return hp_slots_classify(m, live, HP_NO_ID);
}

static void count_candidates(struct hp_slots_walk *w, struct hp_map *candidates)
{
    for (hp_id live = 1; w->m->base && live < hp_slots_live_graph(w)->nodes.count; live++) {
        struct hp_code code = unreached_version(w->m, live);
        bool first = false;
        uint32_t *count =
            hp_code_none(code) ? NULL : hp_map_put(candidates, code.tree, code.prototype, 1, &first);
        if (count && !first)
            ++*count;
    }
}

/* Does it know a local of the body by another cell than the module does? Then another load made it. */
static bool is_of_other_load(const struct hp_slots_walk *w, hp_id base, hp_id live)
{
    const struct hp_match *m = w->m;
    struct hp_code code = hp_code_of(m->base, base);
    bool other = false;
    for (size_t i = 0; i < hp_graph_node(m->base, base)->cells.count; i++) {
        const char *name = hp_prototype_at(m->base, code)->upvalues.items[i].name;
        int own = hp_upvalue_named(hp_slots_live_graph(w), live, name);
        struct hp_variable v;
        if (own < 0 ||
            !hp_prototype_variable(m->base->trees.items[code.tree], code.prototype, (uint32_t)i, &v) ||
            v.owner != 0)
            continue;
        for (size_t k = 0; k < m->cell_links.count; k++) {
            const struct hp_cell_link *link = &m->cell_links.items[k];
            if (link->fresh || link->cell != hp_graph_node(m->base, base)->cells.items[i])
                continue;
            if (link->live == hp_graph_node(hp_slots_live_graph(w), live)->cells.items[own])
                return false;
            other = true;
        }
    }
    return other;
}

/* New functions that no path has led to, but whose base has a live version somewhere in the graph: renamed
 * helpers. Of closures that the body made several of with one code, nobody can tell which is whose. */
void hp_slots_visit_renamed(struct hp_slots_walk *w)
{
    struct hp_match *m = w->m;
    struct hp_map untwinned;  /* base code -> its only base function, whose new version has no live twin */
    struct hp_map candidates; /* base code -> number of live versions that no path has led to */
    hp_map_init(&untwinned, &m->arena);
    hp_map_init(&candidates, &m->arena);
    for (hp_id base = 1; m->base && base < m->base->nodes.count; base++) {
        if (!hp_is_function(m->base, base))
            continue;
        struct hp_code code = hp_code_of(m->base, base);
        hp_id fresh = m->fresh_of[base];
        bool first = false, wanted = fresh != HP_NO_ID && m->twin[fresh] == HP_NO_ID;
        uint32_t *only = hp_map_put(&untwinned, code.tree, code.prototype, wanted ? base : HP_NO_ID, &first);
        if (only && !first)
            *only = HP_NO_ID;
    }
    count_candidates(w, &candidates);
    for (hp_id live = 1; m->base && live < hp_slots_live_graph(w)->nodes.count; live++) {
        struct hp_code code = unreached_version(m, live);
        const uint32_t *base = hp_code_none(code) ? NULL : hp_map_find(&untwinned, code.tree, code.prototype);
        if (!base || *base == HP_NO_ID)
            continue;
        const struct hp_prototype *p = hp_prototype_at(m->base, code);
        const uint32_t *count = hp_map_find(&candidates, code.tree, code.prototype);
        if (p->parent != 0 && (!count || *count != 1))
            continue; /* made by a factory, as others were: the factory's next one is none of them */
        if (is_of_other_load(w, *base, live))
            continue;
        hp_slots_visit_later(w, HP_RANK_CELL,
                             (struct hp_triple){*base, m->fresh_of[*base], live, module_of_tree(m, *base),
                                                p->name ? p->name : "?", false});
    }
    hp_slots_run(w);
}
