/* hotpatch engine: a set of addresses, for one pass over a heap. No lua.h.
 *
 * Objects lie close together, but no two of them begin within 16 bytes, for none is smaller: so one entry
 * stands for a *stretch* of memory, 1 KB long, with a bit for each *grain* of 16 bytes. Heaps of small
 * objects take 1 to 3 bytes an object; never more than 28, though each had a stretch of its own.
 *
 * Many small tables, chosen by hash, each growing on its own: adding an address never stops for longer than
 * it takes to move a few thousand entries, also when there are millions.
 */
#ifndef HP_VISITED_H
#define HP_VISITED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HP_VISITED_SHARDS 256
#define HP_VISITED_GRAIN  16

/* An entry without a bit is free. */
struct hp_visited_stretch {
    uintptr_t number; /* address / (64 * HP_VISITED_GRAIN) */
    uint64_t bits;
};

struct hp_visited_shard {
    struct hp_visited_stretch *stretches;
    uint32_t count, capacity;
};

struct hp_visited {
    struct hp_visited_shard shards[HP_VISITED_SHARDS];
    struct hp_visited_stretch *last; /* added to last: the next address is often in it as well */
    size_t count, bytes;
    bool failed; /* memory ran out: sticky */
};

void hp_visited_init(struct hp_visited *v);
void hp_visited_fini(struct hp_visited *v); /* the set is then empty */

/* Empties the set piece by piece, for freeing millions of entries takes milliseconds: each call frees one
 * shard, and false says that all are free. `count` stays. Between the first call and hp_visited_fini nothing
 * is added or asked. */
bool hp_visited_release(struct hp_visited *v);

/* True: the address was not in the set before. Those of one grain count as one. NULL is never in the set.
 * When memory runs out every address is new no more (false), and `failed` tells. */
bool hp_visited_add(struct hp_visited *v, const void *address);
bool hp_visited_has(const struct hp_visited *v, const void *address);

#endif
