/* hotpatch engine: the inside of the history, for history.c and revert.c alone. */
#ifndef HP_HISTORY_IMPL_H
#define HP_HISTORY_IMPL_H

#include "agent/engine/history.h"
#include "agent/engine/record.h"

#define HP_HISTORY_PLACES (HP_HISTORY_REVERTIBLE + 1)

struct hp_history {
    const void *key; /* in the registry: address of the Lua side, which cannot move while it is there */
    struct hp_record *newest;
    int64_t generation, last_patch, next_lineage;
    int64_t forgotten; /* patches in force whose records are beyond the log's limit */
};

struct hp_record *hp_history_newest_in_force(const struct hp_history *h); /* NULL: none */

/* [-0, +1, -] */
void hp_history_push_side(const struct hp_history *h, lua_State *L, const struct hp_record *record);
void hp_history_push_lineage(const struct hp_history *h, lua_State *L);

#endif
