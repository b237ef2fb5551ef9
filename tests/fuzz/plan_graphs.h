/* Three graphs that bytes choose: base, new and live, with roots and what a search found. Everything that the
 * contracts of graph.h and live.h promise holds of them (numbers are in range, closures have a cell for each
 * upvalue, keys are unique, operands that are expressions come first, each live object has one node), and
 * nothing else does: whatever can be built, is.
 *
 * Prototypes come from a small pool of real dumps. No stage and no live state is involved. */
#ifndef HP_PLAN_GRAPHS_H
#define HP_PLAN_GRAPHS_H

#include <stdint.h>

#include "agent/engine/holder.h"
#include "agent/engine/live.h"
#include "proto/request.h"

#define GRAPH_MODULES 2

struct plan_graphs {
    struct hp_graph base, fresh;
    struct hp_live live;
    struct hp_root roots[GRAPH_MODULES];
    bool has_base, has_found;
    struct hp_options options;
    struct hp_found found;
    struct hp_arena arena; /* of options and found */
};

void pool_compile(void); /* once */

/* False: no memory, or too few bytes; plan_graphs_fini either way. */
bool plan_graphs_build(struct plan_graphs *g, const uint8_t *data, size_t size);
void plan_graphs_fini(struct plan_graphs *g);

#endif
