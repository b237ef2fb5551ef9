/* hotpatch engine: which live cells belong together, because one run of the source made them. The contract is
 * in match.h. */
#include "agent/engine/match.h"

#include <string.h>

static bool is_environment(const struct hp_graph *g, hp_id function, size_t upvalue)
{
    const char *name = hp_prototype_at(g, hp_code_of(g, function))->upvalues.items[upvalue].name;
    return !name || strcmp(name, "_ENV") == 0;
}

static uint32_t load_of_cell(const struct hp_match *m, uint32_t cell)
{
    while (m->cell_load[cell] != cell)
        cell = m->cell_load[cell] = m->cell_load[m->cell_load[cell]]; /* halving keeps the ways short */
    return cell;
}

/* Cells that one closure captured are of one load: united, pair by pair. */
void hp_match_unite_cells(struct hp_match *m)
{
    const struct hp_graph *g = &m->live->graph;
    m->cell_load = hp_arena_alloc(&m->arena, (g->cells.count + 1) * sizeof *m->cell_load);
    for (uint32_t i = 0; m->cell_load && i < g->cells.count; i++)
        m->cell_load[i] = i;
    for (hp_id id = 1; m->cell_load && id < g->nodes.count; id++) {
        uint32_t first = HP_NO_ID;
        for (size_t i = 0; hp_is_function(g, id) && i < hp_graph_node(g, id)->cells.count; i++) {
            if (is_environment(g, id, i))
                continue;
            uint32_t load = load_of_cell(m, hp_graph_node(g, id)->cells.items[i]);
            first = first == HP_NO_ID ? load : first;
            m->cell_load[load] = first;
        }
    }
}

static void unite(struct hp_match *m, uint32_t a, uint32_t b)
{
    if (a != HP_NO_ID)
        m->cell_load[load_of_cell(m, b)] = load_of_cell(m, a);
}

/* What the walk from the module came by is one load, the module's own, whatever its functions capture. */
void hp_match_unite_own(struct hp_match *m)
{
    const struct hp_graph *g = &m->live->graph;
    for (hp_id id = 1; id < g->nodes.count; id++) {
        if (!hp_is_function(g, id) || !hp_is_function(m->fresh, m->live_fresh[id]))
            continue;
        uint32_t load = hp_match_load(m, id);
        if (load == HP_NO_ID)
            continue;
        unite(m, m->own_load, load);
        m->own_load = m->own_load == HP_NO_ID ? load : m->own_load;
    }
}

/* Another load shows in another cell for a local that is known already. What shows no such sign (a closure
 * with variables of its own alone, say) belongs to the module: its new locals must not be split between
 * functions that share nothing else. */
void hp_match_unite_unmarked(struct hp_match *m)
{
    /* staged local -> its first live cell + 1; live cell that is of another load */
    struct hp_map first_of, other;
    hp_map_init(&first_of, &m->arena);
    hp_map_init(&other, &m->arena);
    for (size_t i = 0; i < m->cell_links.count; i++) {
        const struct hp_cell_link *link = &m->cell_links.items[i];
        uint32_t base = link->fresh ? m->cell_base[link->cell] : link->cell;
        uint32_t *first = base == HP_NO_ID ? NULL : hp_map_put(&first_of, base, 0, link->live, NULL);
        if (!first || load_of_cell(m, *first) == load_of_cell(m, link->live))
            continue;
        hp_map_put(&other, load_of_cell(m, *first), 0, 1, NULL);
        hp_map_put(&other, load_of_cell(m, link->live), 0, 1, NULL);
    }
    for (uint32_t cell = 0; cell < m->live->graph.cells.count; cell++) {
        if (hp_map_find(&other, load_of_cell(m, cell), 0))
            continue;
        unite(m, m->own_load, cell);
        m->own_load = m->own_load == HP_NO_ID ? cell : m->own_load;
    }
}

uint32_t hp_match_own_load(const struct hp_match *m)
{
    return m->own_load == HP_NO_ID ? HP_NO_ID : load_of_cell(m, m->own_load);
}

uint32_t hp_match_load(const struct hp_match *m, hp_id live)
{
    const struct hp_graph *g = &m->live->graph;
    for (size_t i = 0; live != HP_NO_ID && i < hp_graph_node(g, live)->cells.count; i++)
        if (!is_environment(g, live, i))
            return load_of_cell(m, hp_graph_node(g, live)->cells.items[i]);
    return HP_NO_ID;
}

/* Cells of one new local among the links that `load` lets through (HP_NO_ID: all): none, one, or 2 for more.
 */
static size_t linked_cells(const struct hp_match *m, uint32_t fresh_cell, uint32_t load, uint32_t *cell)
{
    size_t count = 0;
    for (size_t i = 0; i < m->cell_links.count && count < 2; i++) {
        const struct hp_cell_link *link = &m->cell_links.items[i];
        if (link->fresh ? link->cell != fresh_cell : link->cell != m->cell_base[fresh_cell])
            continue;
        if (load != HP_NO_ID && load_of_cell(m, link->live) != load)
            continue;
        if (count == 0)
            *cell = link->live;
        if (count == 0 || link->live != *cell)
            count++;
    }
    return count;
}

size_t hp_match_cell(const struct hp_match *m, uint32_t fresh_cell, uint32_t load, uint32_t *cell)
{
    size_t count = linked_cells(m, fresh_cell, HP_NO_ID, cell);
    return count < 2 || load == HP_NO_ID ? count : linked_cells(m, fresh_cell, load, cell);
}
