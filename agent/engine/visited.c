/* hotpatch engine: the set of visited addresses; the contract is in visited.h. */
#include "agent/engine/visited.h"

#include <string.h>

#include "proto/arena.h"

#define FIRST_CAPACITY 16

void hp_visited_init(struct hp_visited *v)
{
    memset(v, 0, sizeof *v);
}

void hp_visited_fini(struct hp_visited *v)
{
    for (size_t i = 0; i < HP_VISITED_SHARDS; i++)
        hp_mem_free(v->shards[i].slots);
    hp_visited_init(v);
}

/* Addresses are multiples of 8 or 16 and lie close together; Fibonacci hashing spreads them. */
static uint64_t hash(uintptr_t address)
{
    uint64_t h = (uint64_t)address * 0x9E3779B97F4A7C15u;
    return h ^ (h >> 29);
}

static struct hp_visited_shard *shard_of(const struct hp_visited *v, uint64_t h)
{
    return (struct hp_visited_shard *)&v->shards[h >> 54];
}

/* The slot of the address, or the free one where it belongs. The shard has room. */
static uintptr_t *probe(const struct hp_visited_shard *s, uintptr_t address, uint64_t h)
{
    uint32_t at = (uint32_t)h & (s->capacity - 1);
    while (s->slots[at] != 0 && s->slots[at] != address)
        at = (at + 1) & (s->capacity - 1);
    return &s->slots[at];
}

static bool grow(struct hp_visited *v, struct hp_visited_shard *s)
{
    struct hp_visited_shard bigger = {.count = s->count, .capacity = s->capacity ? s->capacity * 2 : FIRST_CAPACITY};
    bigger.slots = hp_mem_calloc(bigger.capacity * sizeof *bigger.slots);
    if (!bigger.slots) {
        v->failed = true;
        return false;
    }
    for (uint32_t i = 0; i < s->capacity; i++)
        if (s->slots[i] != 0)
            *probe(&bigger, s->slots[i], hash(s->slots[i])) = s->slots[i];
    v->bytes += (bigger.capacity - s->capacity) * sizeof *bigger.slots;
    hp_mem_free(s->slots);
    *s = bigger;
    return true;
}

bool hp_visited_add(struct hp_visited *v, const void *address)
{
    uintptr_t a = (uintptr_t)address;
    uint64_t h = hash(a);
    struct hp_visited_shard *s = shard_of(v, h);
    if (a == 0 || v->failed || (s->count * 4 >= s->capacity * 3 && !grow(v, s)))
        return false;
    uintptr_t *slot = probe(s, a, h);
    if (*slot != 0)
        return false;
    *slot = a;
    s->count++;
    v->count++;
    return true;
}

bool hp_visited_has(const struct hp_visited *v, const void *address)
{
    uintptr_t a = (uintptr_t)address;
    uint64_t h = hash(a);
    const struct hp_visited_shard *s = shard_of(v, h);
    return a != 0 && s->capacity != 0 && *probe(s, a, h) != 0;
}
