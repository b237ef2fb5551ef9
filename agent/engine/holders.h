/* hotpatch engine: the places that a search has found so far, a list that grows by the chunk: to move them
 * all into more room would stop the server for as long as there are many. No lua.h. */
#ifndef HP_HOLDERS_H
#define HP_HOLDERS_H

#include "agent/engine/holder.h"

struct hp_holders {
    struct hp_arena *arena;
    HP_LIST(struct hp_holder *) chunks;
    size_t count;
    struct hp_holder *row; /* all of them, once they are in a row */
};

/* The arena is the caller's, and is looked at for failure: it outlives the list, and frees it. */
void hp_holders_init(struct hp_holders *h, struct hp_arena *arena);

/* A new one, all zero, at the end; NULL: no memory. */
struct hp_holder *hp_holders_add(struct hp_holders *h);

/* Valid until that one is dropped. */
struct hp_holder *hp_holders_at(const struct hp_holders *h, size_t i);

/* Drops those from number `mark` on that are in the container at `address`. */
void hp_holders_drop(struct hp_holders *h, size_t mark, const void *address);

/* Puts them in a row, `row`; nothing is added or dropped afterwards. */
void hp_holders_line_up(struct hp_holders *h);

#endif
