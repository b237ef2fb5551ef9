/* hotpatch engine: the live functions of the module's source that a search met, its *members*. No lua.h.
 *
 * In which order a search meets them differs from run to run, as the order of `next` does. What is told of
 * them is in the order of the source: by its number, by their first line, those of one line as they were met.
 */
#ifndef HP_MEMBERS_H
#define HP_MEMBERS_H

#include <stdint.h>

#include "agent/engine/map.h"
#include "proto/arena.h"

struct hp_members_group; /* of one source and line */

#define HP_MEMBERS_SHARDS 64 /* chosen by address: each grows on its own, or the search would stop for it */

struct hp_members {
    struct hp_arena *arena;
    struct hp_map by_address[HP_MEMBERS_SHARDS]; /* -> handle */
    struct hp_map by_lines;                      /* -> number of the group */
    HP_LIST(struct hp_members_group) groups;
    HP_LIST(uint32_t) handles; /* once they are in order */
};

/* The arena is the caller's, and is looked at for failure: it outlives the members, and frees them. */
void hp_members_init(struct hp_members *m, struct hp_arena *arena);

/* `source` is a number that the caller gives to each source. */
void hp_members_add(struct hp_members *m, size_t source, int line, const void *address, uint32_t handle);

/* The handle; 0: it is none. */
uint32_t hp_members_find(const struct hp_members *m, const void *address);

/* Fills `handles`; nothing is added afterwards. */
void hp_members_order(struct hp_members *m);

#endif
