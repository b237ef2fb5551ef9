/* hotpatch engine: the parts of the first pass of the match (match.c), base and new. For nobody else. No
 * lua.h.
 */
#ifndef HP_MATCH_IMPL_H
#define HP_MATCH_IMPL_H

#include "agent/engine/match.h"

/* One to one: the first that asks is served. True if the two are a pair now. */
bool hp_match_pair_codes(struct hp_match *m, struct hp_code base, struct hp_code fresh);

/* Pairs what is still free within paired parents, in that way; they are tried in this order. True if any was
 * paired. */
enum hp_match_way { HP_BY_NAME, HP_BY_CODE, HP_BY_ALIGNMENT };
bool hp_match_pair_prototypes(struct hp_match *m, enum hp_match_way way);

/* Pairs the cells one to one, by m->votes; at the end. */
void hp_match_pair_cells(struct hp_match *m);

#endif
