/* hotpatch: the answers that were given, by the ids of their requests: what makes a repeated id harmless. A
 * ring of the last HP_REMEMBERED_IDS, with the texts of at most HP_REMEMBERED_BYTES; of an answer whose text
 * is gone the status is known. Plain memory of its owner, who sees that one thread at a time is in here. */
#ifndef HP_MEMORY_H
#define HP_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/protocol.h"
#include "proto/status.h"

#define HP_REMEMBERED_BYTES (8u * 1024 * 1024)

struct hp_remembered {
    char *id;   /* NULL: this place is free */
    char *data; /* encoded; NULL when it was too long to keep, or there never was one */
    size_t len;
    enum hp_status status;
    const char *text; /* static: the answer when data is NULL */
};

struct hp_memory {
    struct hp_remembered items[HP_REMEMBERED_IDS];
    size_t next;  /* the oldest, which is the next to go */
    size_t bytes; /* of all `data` */
};

/* An answer from memory. `data` is a copy that the caller frees with hp_mem_free; NULL: `status` and `text`
 * are it. */
struct hp_recall {
    char *data;
    size_t len;
    enum hp_status status;
    const char *text;
};

/* All 0 is an empty one. */
void hp_memory_fini(struct hp_memory *memory);

/* NULL: unknown. The memory's, until the next hp_memory_add. */
const struct hp_remembered *hp_memory_find(const struct hp_memory *memory, const char *id);

/* Owns `id` (hp_mem) afterwards and copies `data` (NULL: there is none). Without memory for the copy, and
 * when it goes later, `text` (static) is the answer; NULL: that it was too long to keep. Cannot fail. */
void hp_memory_add(struct hp_memory *memory, char *id, enum hp_status status, const char *text,
                   const char *data, size_t len);

/* False: no memory for the copy. */
bool hp_memory_recall(const struct hp_remembered *remembered, struct hp_recall *recall);

#endif
