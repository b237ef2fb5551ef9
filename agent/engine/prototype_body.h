/* hotpatch engine: what is inside a prototype. Private to prototype*.c and their test.
 *
 *   prototype.c        reads the dump, owns trees
 *   prototype_encode.c writes the dump
 *   prototype_code.c   fingerprints and equality
 *   prototype_scope.c  which local stands in which register, which local an upvalue is
 *   prototype_name.c   what the parent's bytecode calls a closure
 */
#ifndef HP_PROTOTYPE_BODY_H
#define HP_PROTOTYPE_BODY_H

#include "agent/engine/prototype.h"
#include "proto/shape.h"

/* How a dump begins: ESC "Lua", version, format, data that a text conversion would damage, sizes of
 * instruction, integer and float; then an integer and a float, to tell their formats. */
#define HP_DUMP_PROLOGUE                                                                                     \
    {                                                                                                        \
        0x1b, 'L', 'u', 'a', 0x54, 0, 0x19, 0x93, '\r', '\n', 0x1a, '\n', 4, 8, 8                            \
    }
#define HP_DUMP_PROBE_INTEGER ((int64_t)0x5678)
#define HP_DUMP_PROBE_FLOAT   370.5

/* Type tags of constants in the dump. */
enum hp_constant_tag {
    HP_CONSTANT_NIL = 0x00,
    HP_CONSTANT_FALSE = 0x01,
    HP_CONSTANT_INTEGER = 0x03,
    HP_CONSTANT_SHORT = 0x04,
    HP_CONSTANT_TRUE = 0x11,
    HP_CONSTANT_FLOAT = 0x13,
    HP_CONSTANT_LONG = 0x14,
};

struct hp_constant {
    uint8_t tag;
    uint64_t bits;          /* of an integer or float */
    struct hp_bytes string; /* NUL is appended */
};

/* Line `line` at instruction `pc`: the dump's table of absolute lines. */
struct hp_absolute_line {
    uint32_t pc, line;
};

/* A declared local, in order of declaration; active while start <= pc < end. */
struct hp_local {
    const char *name;
    uint32_t start, end;
};

struct hp_prototype_body {
    struct hp_bytes source; /* data NULL: none */
    uint8_t max_stack;
    uint8_t vararg; /* the dump's byte */
    HP_LIST(uint32_t) code;
    HP_LIST(struct hp_constant) constants;
    HP_LIST(uint8_t) line_steps;
    HP_LIST(struct hp_absolute_line) absolute_lines;
    HP_LIST(struct hp_local) locals;
    bool has_upvalue_names;
};

#define HP_NO_LOCAL UINT32_MAX

/* Sets `fingerprint` of every prototype. */
void hp_prototypes_fingerprint(struct hp_prototype_tree *tree);

/* Sets `name` and `created_at` of every prototype but number 0. Memory that runs out is the arena's sticky
 * failure. */
void hp_prototypes_name(struct hp_prototype_tree *tree);

/* The number of the local in register `reg` when `pc` is about to run, HP_NO_LOCAL if that is a temporary.
 * With `starting`, a local counts also if its scope begins and ends right there (`do local function f() end
 * end`). */
uint32_t hp_prototype_local_in(const struct hp_prototype_body *body, unsigned reg, uint32_t pc,
                               bool starting);

#endif
