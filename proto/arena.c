/* hotpatch: arenas and the allocator under them; the contract is in arena.h. */
#include "arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Small things share a block; a thing of more than half a block gets one of its own, so that little is
 * wasted. */
#ifndef HP_ARENA_BLOCK /* tests make it 1: then each thing has a block, and the sanitizers see its bounds */
#define HP_ARENA_BLOCK 4096
#endif
#define BLOCK_SIZE ((size_t)HP_ARENA_BLOCK)
#define ALIGNMENT  alignof(max_align_t)

struct hp_arena_block {
    struct hp_arena_block *next;
    size_t size; /* of data, in bytes */
    size_t used;
    max_align_t data[]; /* bytes, really; of this type for its alignment */
};

static void *system_realloc(void *ptr, size_t size)
{
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, size);
}

static hp_realloc_fn allocator = system_realloc;

void hp_mem_set_allocator(hp_realloc_fn fn)
{
    allocator = fn != NULL ? fn : system_realloc;
}

void *hp_mem_alloc(size_t size)
{
    return allocator(NULL, size != 0 ? size : 1);
}

void *hp_mem_calloc(size_t size)
{
    void *ptr = hp_mem_alloc(size);
    if (ptr != NULL)
        memset(ptr, 0, size);
    return ptr;
}

void *hp_mem_realloc(void *ptr, size_t size)
{
    return allocator(ptr, size != 0 ? size : 1);
}

void hp_mem_free(void *ptr)
{
    if (ptr != NULL)
        allocator(ptr, 0);
}

void hp_arena_init(struct hp_arena *a)
{
    *a = (struct hp_arena){0};
}

void hp_arena_fini(struct hp_arena *a)
{
    struct hp_arena_block *block = a->blocks;
    while (block != NULL) {
        struct hp_arena_block *next = block->next;
        hp_mem_free(block);
        block = next;
    }
    hp_arena_init(a);
}

bool hp_arena_failed(const struct hp_arena *a)
{
    return a->failed;
}

/* A block of at least `size` bytes, in the arena's list, or NULL. Blocks of the usual size become the first,
 * from which later things are cut; larger ones go behind it, so that what is left of the first stays usable.
 */
static struct hp_arena_block *add_block(struct hp_arena *a, size_t size)
{
    bool own = size > BLOCK_SIZE / 2;
    size_t data_size = own ? size : BLOCK_SIZE;
    struct hp_arena_block *block = hp_mem_alloc(sizeof *block + data_size);
    if (block == NULL)
        return NULL;
    block->size = data_size;
    block->used = 0;
    if (own && a->blocks != NULL) {
        block->next = a->blocks->next;
        a->blocks->next = block;
    } else {
        block->next = a->blocks;
        a->blocks = block;
    }
    return block;
}

/* Memory that is not zeroed. */
static void *take(struct hp_arena *a, size_t size)
{
    if (a->failed)
        return NULL;
    if (size > SIZE_MAX - sizeof(struct hp_arena_block) - ALIGNMENT) {
        a->failed = true;
        return NULL;
    }
    size_t rounded = size != 0 ? (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    struct hp_arena_block *block = a->blocks;
    if (block == NULL || block->size - block->used < rounded) {
        block = add_block(a, rounded);
        if (block == NULL) {
            a->failed = true;
            return NULL;
        }
    }
    void *ptr = (char *)block->data + block->used;
    block->used += rounded;
    a->used += rounded;
    return ptr;
}

void *hp_arena_alloc(struct hp_arena *a, size_t size)
{
    void *ptr = take(a, size);
    if (ptr != NULL)
        memset(ptr, 0, size);
    return ptr;
}

const char *hp_arena_strn(struct hp_arena *a, const char *s, size_t len)
{
    if (s == NULL)
        return NULL;
    char *copy = len < SIZE_MAX ? take(a, len + 1) : NULL;
    if (copy == NULL) {
        a->failed = true;
        return "";
    }
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

const char *hp_arena_str(struct hp_arena *a, const char *s)
{
    return s != NULL ? hp_arena_strn(a, s, strlen(s)) : NULL;
}

const char *hp_arena_vprintf(struct hp_arena *a, const char *fmt, va_list ap)
{
    char shorter[256]; /* nearly all are: formatted once */
    va_list again;
    va_copy(again, ap);
    int len = vsnprintf(shorter, sizeof shorter, fmt, ap);
    char *text = len >= 0 ? take(a, (size_t)len + 1) : NULL;
    if (text != NULL && (size_t)len < sizeof shorter)
        memcpy(text, shorter, (size_t)len + 1);
    else if (text != NULL)
        vsnprintf(text, (size_t)len + 1, fmt, again);
    else
        a->failed = true;
    va_end(again);
    return text != NULL ? text : "";
}

const char *hp_arena_concat(struct hp_arena *a, const char *x, const char *y, const char *z)
{
    const char *const parts[] = {x != NULL ? x : "", y != NULL ? y : "", z != NULL ? z : ""};
    size_t lens[3], len = 0, at = 0;
    for (int i = 0; i < 3; i++) {
        lens[i] = strlen(parts[i]);
        len += lens[i];
    }
    char *text = take(a, len + 1);
    if (text == NULL)
        return "";
    for (int i = 0; i < 3; at += lens[i++])
        memcpy(text + at, parts[i], lens[i]);
    text[len] = '\0';
    return text;
}

const char *hp_arena_printf(struct hp_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = hp_arena_vprintf(a, fmt, ap);
    va_end(ap);
    return text;
}

/* Lists are read and written by memcpy: each is one of HP_LIST's many types, not really a struct hp_list, and
 * a compiler may assume that two struct types do not overlap. */

/* False: no memory, and the list is as it was. */
static bool list_grow(struct hp_arena *a, struct hp_list *l, size_t item_size)
{
    size_t cap = l->cap != 0 ? l->cap * 2 : 4;
    if (l->cap > SIZE_MAX / 2 || cap > SIZE_MAX / item_size) {
        a->failed = true;
        return false;
    }
    void *items = take(a, cap * item_size);
    if (items == NULL)
        return false;
    if (l->count != 0)
        memcpy(items, l->items, l->count * item_size);
    l->items = items;
    l->cap = cap;
    return true;
}

void hp_list_reserve(struct hp_arena *a, struct hp_list *list, size_t item_size, size_t more)
{
    struct hp_list l;
    memcpy(&l, list, sizeof l);
    bool room = !a->failed;
    while (room && l.cap - l.count < more)
        room = list_grow(a, &l, item_size);
    memcpy(list, &l, sizeof l);
}

void *hp_list_push(struct hp_arena *a, struct hp_list *list, size_t item_size)
{
    if (a->failed)
        return NULL;
    struct hp_list l;
    memcpy(&l, list, sizeof l);
    if (l.count == l.cap && !list_grow(a, &l, item_size))
        return NULL;
    void *item = (char *)l.items + l.count * item_size;
    memset(item, 0, item_size);
    l.count++;
    memcpy(list, &l, sizeof l);
    return item;
}
