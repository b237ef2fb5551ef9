#include "agent/memory.h"

#include <string.h>

#include "proto/arena.h"

#define TEXT_TOO_LONG "this id was answered before, with this status; the answer was too long to keep"

static void forget(struct hp_memory *memory, struct hp_remembered *item)
{
    memory->bytes -= item->data ? item->len : 0;
    hp_mem_free(item->id);
    hp_mem_free(item->data);
    *item = (struct hp_remembered){0};
}

void hp_memory_fini(struct hp_memory *memory)
{
    for (size_t i = 0; i < HP_REMEMBERED_IDS; i++)
        forget(memory, &memory->items[i]);
}

const struct hp_remembered *hp_memory_find(const struct hp_memory *memory, const char *id)
{
    for (size_t i = 0; i < HP_REMEMBERED_IDS; i++)
        if (memory->items[i].id && strcmp(memory->items[i].id, id) == 0)
            return &memory->items[i];
    return NULL;
}

/* Drops the texts of the oldest answers, and keeps their ids, until `len` more bytes fit. */
static bool make_room(struct hp_memory *memory, size_t len)
{
    if (len > HP_REMEMBERED_BYTES)
        return false;
    for (size_t i = 0; i < HP_REMEMBERED_IDS && memory->bytes + len > HP_REMEMBERED_BYTES; i++) {
        struct hp_remembered *oldest = &memory->items[(memory->next + i) % HP_REMEMBERED_IDS];
        if (!oldest->data)
            continue;
        memory->bytes -= oldest->len;
        hp_mem_free(oldest->data);
        oldest->data = NULL;
        oldest->text = TEXT_TOO_LONG;
    }
    return memory->bytes + len <= HP_REMEMBERED_BYTES;
}

static char *copy_bytes(const char *data, size_t len)
{
    char *copy = hp_mem_alloc(len ? len : 1);
    if (copy)
        memcpy(copy, data, len);
    return copy;
}

void hp_memory_add(struct hp_memory *memory, char *id, enum hp_status status, const char *text,
                   const char *data, size_t len)
{
    struct hp_remembered *item = &memory->items[memory->next];
    forget(memory, item);
    memory->next = (memory->next + 1) % HP_REMEMBERED_IDS;
    item->id = id;
    item->status = status;
    item->text = text ? text : TEXT_TOO_LONG;
    if (data && make_room(memory, len) && (item->data = copy_bytes(data, len))) {
        item->len = len;
        memory->bytes += len;
    }
}

bool hp_memory_recall(const struct hp_remembered *remembered, struct hp_recall *recall)
{
    *recall = (struct hp_recall){.status = remembered->status, .text = remembered->text};
    if (!remembered->data)
        return true;
    recall->data = copy_bytes(remembered->data, remembered->len);
    recall->len = remembered->len;
    return recall->data != NULL;
}
