/* hotpatch engine: prototypes, read from and written as Lua 5.4's binary dump. Plain C: no lua.h.
 *
 * The dump is the one private format hotpatch relies on; this file is its only door. Words: a *prototype* is
 * a compiled function body; a *tree* holds the prototypes of one dumped function in preorder, number 0 being
 * the dumped function itself (for a chunk: its main function).
 *
 * What counts as code: instructions, constants, parameters, upvalue names, and nested prototypes with what
 * they capture. What does not: lines, the source name, and which registers the function itself captures (they
 * shift when an enclosing function gets a local). Two prototypes with equal code have equal fingerprints.
 */
#ifndef HP_PROTOTYPE_H
#define HP_PROTOTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/arena.h"
#include "proto/status.h"

#define HP_NO_PROTOTYPE UINT32_MAX

struct hp_upvalue {
    const char *name; /* NULL in stripped code */
    uint8_t instack;  /* 1: a register of the enclosing function; 0: an upvalue of it */
    uint8_t index;
    uint8_t kind;
};

struct hp_prototype {
    uint32_t id;        /* place in the tree */
    uint32_t parent;    /* HP_NO_PROTOTYPE for number 0 */
    const char *source; /* as in the dump, inherited from the parent where left out; NULL when stripped */
    int line, last_line;
    int parameters;
    bool vararg;
    HP_LIST(struct hp_upvalue) upvalues;
    HP_LIST(uint32_t) nested; /* ids, in the order of the parent's list */
    uint64_t fingerprint;
    /* What the parent's bytecode calls the closure: "f" (local or upvalue or global), "M.f" or "a.b.f" (field
     * f of what the local or upvalue or global M holds), ".f" (field of something without a name, such as a
     * table constructor), NULL (passed, returned, a list item, or used at once). Keys that are no
     * identifiers: `M["a b"]`, `M[3]`; a key that a local holds: `M[key]`; any other computed key: `M[?]`. A
     * hint, not an identity: several may have one name. */
    const char *name;
    uint32_t created_at;            /* pc of the parent's OP_CLOSURE, UINT32_MAX if there is none */
    struct hp_prototype_body *body; /* code, constants, lines, locals: private to prototype.c */
};

struct hp_prototype_tree {
    struct hp_arena arena;
    HP_LIST(struct hp_prototype) prototypes;
    bool stripped;
};

/* Parses a dump (of text that was compiled, or of a live function). Copies: `data` may be freed afterwards.
 * HP_OK; HP_UNSUPPORTED (not the 5.4 format, or another size of numbers); HP_MALFORMED (truncated, or counts
 * beyond the bytes present); HP_NO_MEMORY. On failure the tree is as after init of an empty one. */
enum hp_status hp_prototypes_parse(struct hp_prototype_tree *tree, const void *data, size_t len);
void hp_prototypes_fini(struct hp_prototype_tree *tree);

/* Deep equality of code, as defined above. */
bool hp_prototype_equal(const struct hp_prototype_tree *a, uint32_t x, const struct hp_prototype_tree *b,
                        uint32_t y);

/* The same, but upvalue names do not count: for code that was stripped. */
bool hp_prototype_equal_unnamed(const struct hp_prototype_tree *a, uint32_t x,
                                const struct hp_prototype_tree *b, uint32_t y);

/* A local variable of a source: which prototype declares it, and its number among that prototype's declared
 * locals (parameters first). Two captured upvalues are the same variable exactly if both numbers are equal.
 */
struct hp_variable {
    uint32_t owner; /* HP_NO_PROTOTYPE: an upvalue of number 0 itself (such as the chunk's _ENV): `number` is
                       its index */
    uint32_t number;
    const char *name;
};

/* Follows upvalue `index` of prototype `id` through the enclosing functions to the local it stands for. False
 * when the code is stripped or the scopes do not tell. */
bool hp_prototype_variable(const struct hp_prototype_tree *tree, uint32_t id, uint32_t index,
                           struct hp_variable *out);

/* Where a name first stands among the constants of prototype `id`, which the compiler numbers in the order of
 * the source; UINT32_MAX if it does not. A hint for the order in which a body fills its tables. */
uint32_t hp_prototype_constant(const struct hp_prototype_tree *tree, uint32_t id, const char *string,
                               size_t len);

/* The line at which local `number` of prototype `id` gets its first value; 0 when the code is stripped. */
int hp_prototype_local_line(const struct hp_prototype_tree *tree, uint32_t id, uint32_t number);

/* Gives stripped code the upvalue names of prototype `id` of `from`, whose code it is
 * (hp_prototype_equal_unnamed). Names are copied. False: the code is not equal, nothing was changed; memory
 * that runs out is the tree's arena's sticky failure. */
bool hp_prototypes_adopt_names(struct hp_prototype_tree *stripped, const struct hp_prototype_tree *from,
                               uint32_t id);

/* A local of prototype `id` by its number; NULL when out of range. */
const char *hp_prototype_local(const struct hp_prototype_tree *tree, uint32_t id, uint32_t number);

/* Encodes a binary chunk whose main function, called n times, returns n closures of one shared copy of
 * prototype `id` (with everything nested in it), each of whose upvalues is the main function's upvalue of the
 * same index. The caller joins them to the cells they belong to. The bytes are for hp_mem_free. HP_OK or
 * HP_NO_MEMORY. */
enum hp_status hp_prototype_encode(const struct hp_prototype_tree *tree, uint32_t id, char **data,
                                   size_t *len);

/* Encodes the whole tree again, with each prototype's last line replaced by offset + its id, so that
 * `lastlinedefined` of lua_getinfo(">S") names the prototype of a closure made by the chunk. For the stage
 * alone; the bytes are for hp_mem_free. HP_OK, HP_NO_MEMORY, or HP_LIMIT when a number does not fit. */
enum hp_status hp_prototypes_encode_tagged(const struct hp_prototype_tree *tree, uint32_t offset, char **data,
                                           size_t *len);

#endif
