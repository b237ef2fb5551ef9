/* hotpatch engine: the set of visited addresses; the contract is in visited.h. */
#include "agent/engine/visited.h"

#include <string.h>

#include "proto/arena.h"

#define FIRST_CAPACITY 16
/* stretches that follow each other in memory stand side by side: one cache line has them */
#define NEIGHBOURS   4
#define FULL_EIGHTHS 7

/* Where an address is in the set. */
struct place {
    uintptr_t number;
    uint64_t bit;
};

void hp_visited_init(struct hp_visited *v)
{
    memset(v, 0, sizeof *v);
}

void hp_visited_fini(struct hp_visited *v)
{
    for (size_t i = 0; i < HP_VISITED_SHARDS; i++)
        hp_mem_free(v->shards[i].stretches);
    hp_visited_init(v);
}

bool hp_visited_release(struct hp_visited *v)
{
    for (size_t i = 0; i < HP_VISITED_SHARDS; i++) {
        struct hp_visited_shard *s = &v->shards[i];
        if (s->stretches) {
            v->last = NULL;
            v->bytes -= s->capacity * sizeof *s->stretches;
            hp_mem_free(s->stretches);
            *s = (struct hp_visited_shard){0};
            return true;
        }
    }
    return false;
}

/* Fibonacci hashing: the high bits of the product are spread well. */
static uint64_t hash(uintptr_t number)
{
    return (uint64_t)(number / NEIGHBOURS) * 0x9E3779B97F4A7C15u;
}

static struct place place_of(const void *address)
{
    uintptr_t unit = (uintptr_t)address / HP_VISITED_GRAIN;
    return (struct place){.number = unit / 64, .bit = (uint64_t)1 << (unit % 64)};
}

static struct hp_visited_shard *shard_of(const struct hp_visited *v, uint64_t h)
{
    return (struct hp_visited_shard *)&v->shards[h >> 56];
}

/* The entry of the stretch, or the free one where it belongs. The shard has room. */
static struct hp_visited_stretch *probe(const struct hp_visited_shard *s, uintptr_t number, uint64_t h)
{
    /* The 32 bits below those that chose the shard, scaled to the capacity, which is no power of 2. */
    uint32_t group = (uint32_t)((((h >> 24) & 0xFFFFFFFFu) * (s->capacity / NEIGHBOURS)) >> 32);
    uint32_t at = group * NEIGHBOURS + (uint32_t)(number % NEIGHBOURS);
    while (s->stretches[at].bits != 0 && s->stretches[at].number != number)
        at = at + 1 < s->capacity ? at + 1 : 0;
    return &s->stretches[at];
}

/* By half, not twofold, for the sake of memory. */
static bool grow(struct hp_visited *v, struct hp_visited_shard *s)
{
    struct hp_visited_shard bigger = {.count = s->count, .capacity = FIRST_CAPACITY};
    if (s->capacity)
        bigger.capacity = (s->capacity + s->capacity / 2 + NEIGHBOURS - 1) / NEIGHBOURS * NEIGHBOURS;
    bigger.stretches = hp_mem_calloc(bigger.capacity * sizeof *bigger.stretches);
    if (!bigger.stretches) {
        v->failed = true;
        return false;
    }
    for (uint32_t i = 0; i < s->capacity; i++) {
        const struct hp_visited_stretch *old = &s->stretches[i];
        if (old->bits != 0)
            *probe(&bigger, old->number, hash(old->number)) = *old;
    }
    v->bytes += (bigger.capacity - s->capacity) * sizeof *bigger.stretches;
    hp_mem_free(s->stretches);
    *s = bigger;
    return true;
}

/* The entry of the stretch, made if there was none. NULL: no memory. */
static struct hp_visited_stretch *put_stretch(struct hp_visited *v, const struct place *p)
{
    uint64_t h = hash(p->number);
    struct hp_visited_shard *s = shard_of(v, h);
    if ((uint64_t)s->count * 8 >= (uint64_t)s->capacity * FULL_EIGHTHS && !grow(v, s))
        return NULL;
    struct hp_visited_stretch *stretch = probe(s, p->number, h);
    if (stretch->bits == 0) {
        stretch->number = p->number;
        s->count++;
    }
    return stretch;
}

bool hp_visited_add(struct hp_visited *v, const void *address)
{
    struct place p = place_of(address);
    if (!address)
        return false;
    if (!v->last || v->last->number != p.number)
        v->last = v->failed ? NULL : put_stretch(v, &p);
    if (!v->last)
        return false;
    if (v->last->bits & p.bit)
        return false;
    v->last->bits |= p.bit;
    v->count++;
    return true;
}

bool hp_visited_has(const struct hp_visited *v, const void *address)
{
    struct place p = place_of(address);
    uint64_t h = hash(p.number);
    const struct hp_visited_shard *s = shard_of(v, h);
    return address && s->capacity != 0 && (probe(s, p.number, h)->bits & p.bit) != 0;
}
