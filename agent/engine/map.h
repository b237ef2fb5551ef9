/* hotpatch engine: a map from pairs of numbers to numbers, in an arena. No lua.h. */
#ifndef HP_MAP_H
#define HP_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/arena.h"

struct hp_map_key {
    uint64_t a, b;
};

struct hp_map {
    struct hp_arena *arena; /* its owner outlives the map; old tables stay in it until it goes */
    struct hp_map_slot *slots;
    size_t count, capacity;
};

void hp_map_init(struct hp_map *m, struct hp_arena *arena);

/* NULL when the key is not there. Valid until the next put. */
uint32_t *hp_map_find(const struct hp_map *m, uint64_t a, uint64_t b);

/* How many keys there is room for before the map grows. */
size_t hp_map_room(const struct hp_map *m);

/* Room for so many more keys: the next puts move nothing. Where memory runs out the arena has failed. */
void hp_map_reserve(struct hp_map *m, size_t more);

/* The value of the key, made (with `value`) if it was not there: *fresh tells. NULL when memory ran out. */
uint32_t *hp_map_put(struct hp_map *m, uint64_t a, uint64_t b, uint32_t value, bool *fresh);

#endif
