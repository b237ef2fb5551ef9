/* hotpatch engine: members of a search; the contract is in members.h. */
#include "agent/engine/members.h"

#include <stdlib.h>
#include <string.h>

struct hp_members_group {
    size_t source;
    int line;
    HP_LIST(uint32_t) handles;
};

void hp_members_init(struct hp_members *m, struct hp_arena *arena)
{
    memset(m, 0, sizeof *m);
    m->arena = arena;
    for (size_t i = 0; i < HP_MEMBERS_SHARDS; i++)
        hp_map_init(&m->by_address[i], arena);
    hp_map_init(&m->by_lines, arena);
}

/* Objects lie 16 bytes apart, at least. */
static size_t shard_of(const void *address)
{
    uintptr_t grain = (uintptr_t)address / 16;
    return (grain ^ (grain >> 8) ^ (grain >> 16)) % HP_MEMBERS_SHARDS;
}

/* NULL: no memory. */
static struct hp_members_group *group_of(struct hp_members *m, size_t source, int line)
{
    bool fresh = false;
    const uint32_t *number =
        hp_map_put(&m->by_lines, source, (uint64_t)line, (uint32_t)m->groups.count, &fresh);
    if (!number || !fresh)
        return number ? &m->groups.items[*number] : NULL;
    struct hp_members_group *group = HP_PUSH(m->arena, &m->groups);
    if (group) {
        group->source = source;
        group->line = line;
    }
    return group;
}

void hp_members_add(struct hp_members *m, size_t source, int line, const void *address, uint32_t handle)
{
    hp_map_put(&m->by_address[shard_of(address)], (uintptr_t)address, 0, handle, NULL);
    struct hp_members_group *group = group_of(m, source, line);
    uint32_t *slot = group ? HP_PUSH(m->arena, &group->handles) : NULL;
    if (slot)
        *slot = handle;
}

uint32_t hp_members_find(const struct hp_members *m, const void *address)
{
    const uint32_t *handle = hp_map_find(&m->by_address[shard_of(address)], (uintptr_t)address, 0);
    return handle ? *handle : 0;
}

static int by_source_and_line(const void *a, const void *b)
{
    const struct hp_members_group *x = a, *y = b;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

void hp_members_order(struct hp_members *m)
{
    if (m->groups.count == 0 || hp_arena_failed(m->arena))
        return;
    qsort(m->groups.items, m->groups.count, sizeof *m->groups.items, by_source_and_line);
    for (size_t i = 0; i < m->groups.count; i++)
        m->handles.cap += m->groups.items[i].handles.count;
    m->handles.items = hp_arena_alloc(m->arena, m->handles.cap * sizeof *m->handles.items);
    for (size_t i = 0; m->handles.items && i < m->groups.count; i++) {
        const struct hp_members_group *group = &m->groups.items[i];
        memcpy(m->handles.items + m->handles.count, group->handles.items,
               group->handles.count * sizeof *group->handles.items);
        m->handles.count += group->handles.count;
    }
}
