/* hotpatch engine: a set of addresses, for one pass over a heap. No lua.h.
 *
 * Many small tables, chosen by hash, each growing on its own: adding an address never stops for longer than it takes to move
 * a few thousand, also when there are millions. About 14 bytes an address.
 */
#ifndef HP_VISITED_H
#define HP_VISITED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HP_VISITED_SHARDS 1024

struct hp_visited_shard {
    uintptr_t *slots;
    uint32_t count, capacity;
};

struct hp_visited {
    struct hp_visited_shard shards[HP_VISITED_SHARDS];
    size_t count, bytes;
    bool failed; /* memory ran out: sticky */
};

void hp_visited_init(struct hp_visited *v);
void hp_visited_fini(struct hp_visited *v); /* the set is then empty */

/* True: the address was not in the set before. 0 is never. When memory runs out every address is new no more (false), and
 * `failed` tells. */
bool hp_visited_add(struct hp_visited *v, const void *address);
bool hp_visited_has(const struct hp_visited *v, const void *address);

#endif
