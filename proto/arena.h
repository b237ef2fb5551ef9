/* hotpatch: memory that is given back all at once.
 *
 * A request, a report, a graph and a plan each own one arena; everything they point to lives in it. So
 * ownership is one sentence: whoever owns the arena owns the lot, and nothing inside is ever freed alone.
 *
 * Errors are sticky: after one failed allocation every later one fails too, and `hp_arena_failed` tells. Code
 * that builds a large structure may therefore check once, at the end; until then it gets NULL (or, from the
 * string functions, "") and must not write through NULL.
 *
 * Any thread may use an arena, one at a time. No Lua, no locks.
 */
#ifndef HP_ARENA_H
#define HP_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct hp_arena {
    struct hp_arena_block *blocks; /* newest first */
    size_t used;                   /* bytes handed out */
    bool failed;
};

/* The process-wide allocator of all agent and client C memory: `realloc` by default. Tests replace it to make
 * the n-th allocation fail. `size` 0 frees. Set it before any thread starts. */
typedef void *(*hp_realloc_fn)(void *ptr, size_t size);
void hp_mem_set_allocator(hp_realloc_fn fn);
void *hp_mem_alloc(size_t size);              /* NULL on failure; not zeroed */
void *hp_mem_calloc(size_t size);             /* NULL on failure; zeroed */
void *hp_mem_realloc(void *ptr, size_t size); /* NULL on failure; `ptr` stays valid then */
void hp_mem_free(void *ptr);                  /* NULL is fine */

void hp_arena_init(struct hp_arena *a);
void hp_arena_fini(struct hp_arena *a); /* frees everything; the arena is as after init */
bool hp_arena_failed(const struct hp_arena *a);

/* Zeroed memory, aligned for any type. NULL when the arena has failed. */
void *hp_arena_alloc(struct hp_arena *a, size_t size);

/* Copies; NUL is appended. Never NULL: "" when the arena has failed. `s` NULL gives NULL. */
const char *hp_arena_str(struct hp_arena *a, const char *s);
const char *hp_arena_strn(struct hp_arena *a, const char *s, size_t len);
/* The three, one after the other; NULL stands for "". Paths are made of it, by the thousand. */
const char *hp_arena_concat(struct hp_arena *a, const char *x, const char *y, const char *z);
const char *hp_arena_printf(struct hp_arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *hp_arena_vprintf(struct hp_arena *a, const char *fmt, va_list ap);

/* A growing array of one type: { items, count, cap } with the items in an arena. Declared as HP_LIST(struct
 * hp_x) name; every such list has the layout of struct hp_list, which the shape tables (shape.h) rely on. */
struct hp_list {
    void *items;
    size_t count;
    size_t cap;
};
#define HP_LIST(type)                                                                                        \
    struct {                                                                                                 \
        type *items;                                                                                         \
        size_t count;                                                                                        \
        size_t cap;                                                                                          \
    }

/* A zeroed new last item of `item_size` bytes, or NULL when the arena has failed (the list is then
 * unchanged). Earlier items may move: keep indices, not pointers, across a push. */
void *hp_list_push(struct hp_arena *a, struct hp_list *list, size_t item_size);
#define HP_PUSH(arena, list) hp_list_push((arena), (struct hp_list *)(void *)(list), sizeof *(list)->items)

/* Room for so many more items: the next pushes move nothing. Where memory runs out the arena has failed. */
void hp_list_reserve(struct hp_arena *a, struct hp_list *list, size_t item_size, size_t more);
#define HP_RESERVE(arena, list, more)                                                                        \
    hp_list_reserve((arena), (struct hp_list *)(void *)(list), sizeof *(list)->items, (more))

#endif
