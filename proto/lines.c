/* hotpatch: lines of a text; the contract is in lines.h. */
#include "proto/lines.h"

#include <string.h>

void hp_lines_init(struct hp_lines *l, struct hp_arena *arena, struct hp_bytes text)
{
    const char *at = text.data;
    const char *end = text.data != NULL ? text.data + text.len : NULL;
    memset(l, 0, sizeof *l);
    for (;;) {
        const char **start = HP_PUSH(arena, &l->starts);
        if (start == NULL) {
            memset(l, 0, sizeof *l);
            return;
        }
        *start = at;
        if (at == end)
            return;
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline != NULL ? newline + 1 : end;
    }
}

struct hp_bytes hp_lines_get(const struct hp_lines *l, int64_t from, int64_t to)
{
    int64_t count = l->starts.count > 0 ? (int64_t)l->starts.count - 1 : 0;
    to = to < count ? to : count;
    if (from < 1 || from > to)
        return (struct hp_bytes){0};
    const char *first = l->starts.items[from - 1];
    return (struct hp_bytes){first, (size_t)(l->starts.items[to] - first)};
}
