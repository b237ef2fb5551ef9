/* hotpatch engine: the walk that lays live beside base and new, shared by its two halves: slots.c, what paths
 * lead to; slots_unreached.c, what none leads to. For nobody else.
 */
#ifndef HP_SLOTS_WALK_H
#define HP_SLOTS_WALK_H

#include "agent/engine/match.h"

struct hp_triple {
    hp_id base, fresh, live;
    uint32_t module;
    const char *path;
    /* the new source has nothing where this hangs: its functions are looked at, no slot speaks of what is in
     * it */
    bool gone;
};

/* What a child is hung on decides when it is visited. */
enum hp_slots_rank { HP_RANK_CELL, HP_RANK_FUNCTION, HP_RANK_OTHER, HP_RANKS };

struct hp_slots_walk {
    struct hp_match *m;
    HP_LIST(struct hp_triple) todo[HP_RANKS];
    size_t next[HP_RANKS];
    struct hp_map seen;       /* triples visited */
    struct hp_map cell_slots; /* live cells that have their slot */
    struct hp_map links;      /* cell links made */
};

static inline const struct hp_graph *hp_slots_live_graph(const struct hp_slots_walk *w)
{
    return &w->m->live->graph;
}

/* The triple will be visited, if it was not yet and if there is anything to see. */
void hp_slots_visit_later(struct hp_slots_walk *w, enum hp_slots_rank rank, struct hp_triple t);
/* Until nothing is left to visit. */
void hp_slots_run(struct hp_slots_walk *w);

/* The base code that a live function is a version of, found out once; none: its code is no function's of the
 * base. `base`: the function whose place it has, or HP_NO_ID. */
struct hp_code hp_slots_classify(struct hp_match *m, hp_id live, hp_id base);
/* That live cell is the local of the staged cell. */
void hp_slots_link_cell(struct hp_slots_walk *w, uint32_t cell, bool fresh, uint32_t live);

/* slots_unreached.c, in that order, after all paths were walked: */
void hp_slots_visit_renamed(struct hp_slots_walk *w);
void hp_slots_link_loads(struct hp_slots_walk *w);

#endif
