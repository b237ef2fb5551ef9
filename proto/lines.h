/* hotpatch: the lines of a text, by number. Made once for a text of which many pieces are asked for. No Lua,
 * no locks. */
#ifndef HP_LINES_H
#define HP_LINES_H

#include <stdint.h>

#include "proto/arena.h"
#include "proto/shape.h"

struct hp_lines {
    HP_LIST(const char *) starts; /* of each line; then the end of the text */
};

/* The text outlives the lines; the list is in the arena, which tells when memory was short: there are no
 * lines then. `data` may be NULL. */
void hp_lines_init(struct hp_lines *l, struct hp_arena *arena, struct hp_bytes text);

/* Lines `from` to `to`, counted from 1, with their ends, as far as there are such lines; data NULL: there is
 * none. Part of the text. */
struct hp_bytes hp_lines_get(const struct hp_lines *l, int64_t from, int64_t to);

#endif
