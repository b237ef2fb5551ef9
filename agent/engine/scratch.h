/* hotpatch engine: C memory in use across calls that may raise. It hangs on a userdata (the execution) whose
 * finalizer gives it back, so that an error thrown across the C frames leaks nothing. */
#ifndef HP_SCRATCH_H
#define HP_SCRATCH_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/engine/prototype.h"

struct hp_scratch {
    char *dump, *chunk; /* hp_mem; NULL: none */
    size_t dump_len, chunk_len;
    struct hp_prototype_tree tree;
    bool has_tree;
};

/* Gives back what is held; the scratch is then empty. NULLs are fine. */
void hp_scratch_clear(struct hp_scratch *s);

/* Encodes a prototype and pushes the function that makes closures of it (hp_prototype_encode). HP_OK, else
 * nothing is pushed: HP_NO_MEMORY; HP_UNSUPPORTED (Lua did not take the chunk). [-0, +1, m] */
enum hp_status hp_scratch_push_maker(lua_State *L, struct hp_scratch *s, const struct hp_prototype_tree *tree,
                                     uint32_t id);

#endif
