/* hotpatch engine: places that a search has found; the contract is in holders.h. */
#include "agent/engine/holders.h"

#include <string.h>

#define CHUNK 64

void hp_holders_init(struct hp_holders *h, struct hp_arena *arena)
{
    *h = (struct hp_holders){.arena = arena};
}

struct hp_holder *hp_holders_at(const struct hp_holders *h, size_t i)
{
    return &h->chunks.items[i / CHUNK][i % CHUNK];
}

/* Room for one more: a chunk that was dropped empty is used again. */
static bool make_room(struct hp_holders *h)
{
    if (h->count < h->chunks.count * CHUNK)
        return true;
    struct hp_holder **chunk = HP_PUSH(h->arena, &h->chunks);
    if (!chunk)
        return false;
    *chunk = hp_arena_alloc(h->arena, CHUNK * sizeof **chunk);
    h->chunks.count -= *chunk == NULL;
    return *chunk != NULL;
}

struct hp_holder *hp_holders_add(struct hp_holders *h)
{
    if (!make_room(h))
        return NULL;
    struct hp_holder *new = hp_holders_at(h, h->count++);
    *new = (struct hp_holder){0};
    return new;
}

void hp_holders_drop(struct hp_holders *h, size_t mark, const void *address)
{
    size_t kept = mark;
    for (size_t i = mark; i < h->count; i++) {
        const struct hp_holder *holder = hp_holders_at(h, i);
        if (holder->address != address)
            *hp_holders_at(h, kept++) = *holder;
    }
    h->count = kept;
}

void hp_holders_line_up(struct hp_holders *h)
{
    if (h->count == 0)
        return;
    h->row = hp_arena_alloc(h->arena, h->count * sizeof *h->row);
    for (size_t i = 0; h->row && i < h->count; i += CHUNK) {
        size_t n = h->count - i < CHUNK ? h->count - i : CHUNK;
        memcpy(h->row + i, hp_holders_at(h, i), n * sizeof *h->row);
    }
}
