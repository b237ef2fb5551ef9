/* hotpatch client: owners of upvalues; the contract is in owners.h. */
#include "client/owners.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/arena.h"

/* Functions are elements of one array: their addresses are their order. */
static int compare_places(const void *a, const void *b)
{
    return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

/* The first of several with one path goes before the others. */
static int compare_functions(const void *a, const void *b)
{
    const struct hp_report_function *const *x = a, *const *y = b;
    int order = strcmp((*x)->path, (*y)->path);
    return order != 0 ? order : compare_places(*x, *y);
}

bool hp_owners_init(struct hp_owners *o, const struct hp_report_module *m)
{
    *o = (struct hp_owners){.by_path = hp_mem_calloc((m->functions.count + 1) * sizeof *o->by_path)};
    if (o->by_path == NULL)
        return false;
    for (size_t i = 0; i < m->functions.count; i++) {
        const char *path = m->functions.items[i].path;
        if (path != NULL && *path != '\0')
            o->by_path[o->count++] = &m->functions.items[i];
    }
    qsort(o->by_path, o->count, sizeof *o->by_path, compare_functions);
    return true;
}

void hp_owners_fini(struct hp_owners *o)
{
    hp_mem_free(o->by_path);
    *o = (struct hp_owners){0};
}

/* The function of that path, which is `len` bytes long. NULL: none. */
static const struct hp_report_function *find(const struct hp_owners *o, const char *path, size_t len)
{
    size_t from = 0, to = o->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (strncmp(o->by_path[middle]->path, path, len) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    /* the shortest of those that begin so goes before the others */
    bool found = from < o->count && strncmp(o->by_path[from]->path, path, len) == 0 &&
                 o->by_path[from]->path[len] == '\0';
    return found ? o->by_path[from] : NULL;
}

const struct hp_report_function *hp_owners_find(const struct hp_owners *o, const char *upvalue)
{
    const struct hp_report_function *owner = NULL;
    for (size_t len = strlen(upvalue); len > 0 && owner == NULL; len--)
        if (upvalue[len] == '^')
            owner = find(o, upvalue, len);
    return owner;
}

static int compare_owned(const void *a, const void *b)
{
    const struct hp_owned *x = a, *y = b;
    int order = compare_places(x->owner, y->owner);
    return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

bool hp_owned_init(struct hp_owned_list *list, const struct hp_owners *o, const struct hp_list *upvalues)
{
    *list = (struct hp_owned_list){.items = hp_mem_calloc((upvalues->count + 1) * sizeof *list->items)};
    if (list->items == NULL)
        return false;
    for (size_t i = 0; i < upvalues->count; i++) {
        const char *upvalue = ((const char *const *)upvalues->items)[i];
        if (upvalue != NULL)
            list->items[list->count++] = (struct hp_owned){hp_owners_find(o, upvalue), upvalue, i};
    }
    qsort(list->items, list->count, sizeof *list->items, compare_owned);
    return true;
}

void hp_owned_fini(struct hp_owned_list *list)
{
    hp_mem_free(list->items);
    *list = (struct hp_owned_list){0};
}

/* How many belong to functions before that one. */
static size_t count_before(const struct hp_owned_list *list, const struct hp_report_function *owner)
{
    size_t from = 0, to = list->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (compare_places(list->items[middle].owner, owner) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

const struct hp_owned *hp_owned_of(const struct hp_owned_list *list, const struct hp_report_function *owner,
                                   size_t *count)
{
    size_t first = count_before(list, owner), end = first;
    while (end < list->count && list->items[end].owner == owner)
        end++;
    *count = end - first;
    return list->items + first;
}
