#include "agent/engine/map.h"

struct hp_map_slot {
    struct hp_map_key key;
    uint32_t value;
    bool used;
};

void hp_map_init(struct hp_map *m, struct hp_arena *arena)
{
    m->arena = arena;
    m->slots = NULL;
    m->count = m->capacity = 0;
}

/* The finaliser of splitmix64 over both halves: keys are addresses and small numbers, so every bit must
 * count. */
static size_t slot_of(const struct hp_map *m, uint64_t a, uint64_t b)
{
    uint64_t h = a * 0x9E3779B97F4A7C15u + b;
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
    return (size_t)(h ^ (h >> 31)) & (m->capacity - 1);
}

static struct hp_map_slot *probe(const struct hp_map *m, uint64_t a, uint64_t b)
{
    size_t i = slot_of(m, a, b);
    while (m->slots[i].used && (m->slots[i].key.a != a || m->slots[i].key.b != b))
        i = (i + 1) & (m->capacity - 1);
    return &m->slots[i];
}

uint32_t *hp_map_find(const struct hp_map *m, uint64_t a, uint64_t b)
{
    if (m->capacity == 0)
        return NULL;
    struct hp_map_slot *slot = probe(m, a, b);
    return slot->used ? &slot->value : NULL;
}

static bool grow(struct hp_map *m)
{
    struct hp_map bigger = {.arena = m->arena, .capacity = m->capacity ? m->capacity * 2 : 64};
    bigger.slots = hp_arena_alloc(m->arena, bigger.capacity * sizeof *bigger.slots);
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < m->capacity; i++)
        if (m->slots[i].used)
            *probe(&bigger, m->slots[i].key.a, m->slots[i].key.b) = m->slots[i];
    bigger.count = m->count;
    *m = bigger;
    return true;
}

size_t hp_map_room(const struct hp_map *m)
{
    return m->capacity / 4 * 3 - m->count;
}

void hp_map_reserve(struct hp_map *m, size_t more)
{
    while (hp_map_room(m) < more && grow(m))
        continue;
}

uint32_t *hp_map_put(struct hp_map *m, uint64_t a, uint64_t b, uint32_t value, bool *fresh)
{
    if (hp_map_room(m) == 0 && !grow(m))
        return NULL;
    struct hp_map_slot *slot = probe(m, a, b);
    if (fresh)
        *fresh = !slot->used;
    if (!slot->used) {
        *slot = (struct hp_map_slot){.key = {a, b}, .value = value, .used = true};
        m->count++;
    }
    return &slot->value;
}
