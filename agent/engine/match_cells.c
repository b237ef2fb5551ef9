/* hotpatch engine: locals of base and new, paired by the functions that captured them. The contract is in
 * match_impl.h.
 */
#include "agent/engine/match_impl.h"

#include <stdlib.h>

struct ballot {
    uint32_t base, fresh, votes;
    uint32_t declared; /* place of the new local among those of its body */
};

static uint32_t declared_at(const struct hp_graph *g, uint32_t cell)
{
    const struct hp_cell *c = &g->cells.items[cell];
    struct hp_code code = hp_code_of(g, c->holder);
    struct hp_variable v;
    return hp_prototype_variable(g->trees.items[code.tree], code.prototype, c->index, &v) ? v.number
                                                                                          : UINT32_MAX;
}

/* Most votes first, then in the order of the new source. */
static int by_votes(const void *x, const void *y)
{
    const struct ballot *a = x, *b = y;
    if (a->votes != b->votes)
        return a->votes < b->votes ? 1 : -1;
    if (a->declared != b->declared)
        return a->declared < b->declared ? -1 : 1;
    if (a->fresh != b->fresh)
        return a->fresh < b->fresh ? -1 : 1;
    return a->base < b->base ? -1 : a->base > b->base;
}

void hp_match_pair_cells(struct hp_match *m)
{
    HP_LIST(struct ballot) ballots = {0};
    for (uint32_t fc = 0; fc < m->fresh->cells.count; fc++)
        for (uint32_t bc = 0; m->votes.count && bc < m->base->cells.count; bc++) {
            const uint32_t *votes = hp_map_find(&m->votes, bc, fc);
            struct ballot *b = votes ? HP_PUSH(&m->arena, &ballots) : NULL;
            if (b)
                *b = (struct ballot){bc, fc, *votes, declared_at(m->fresh, fc)};
        }
    if (ballots.count)
        qsort(ballots.items, ballots.count, sizeof *ballots.items, by_votes);
    for (size_t i = 0; i < ballots.count; i++) {
        const struct ballot *b = &ballots.items[i];
        if (m->cell_base[b->fresh] == HP_NO_ID && m->cell_fresh[b->base] == HP_NO_ID) {
            m->cell_base[b->fresh] = b->base;
            m->cell_fresh[b->base] = b->fresh;
        }
    }
}
