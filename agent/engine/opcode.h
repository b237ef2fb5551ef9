/* hotpatch engine: instructions of Lua 5.4, as far as names and scopes need them. No lua.h.
 *
 * The numbers are those of 5.4.0 to 5.4.6. They are private to Lua: hp_selftest and
 * tests/engine/test_prototype.c compile known sources and check that they still mean what is written here.
 */
#ifndef HP_OPCODE_H
#define HP_OPCODE_H

#include <stdbool.h>
#include <stdint.h>

enum hp_opcode {
    HP_VM_MOVE = 0,
    HP_VM_LOADI = 1,
    HP_VM_LOADK = 3,
    HP_VM_LOADKX = 4,
    HP_VM_LOADNIL = 8,
    HP_VM_GETUPVAL = 9,
    HP_VM_SETUPVAL = 10,
    HP_VM_GETTABUP = 11,
    HP_VM_GETTABLE = 12,
    HP_VM_GETI = 13,
    HP_VM_GETFIELD = 14,
    HP_VM_SETTABUP = 15,
    HP_VM_SETTABLE = 16,
    HP_VM_SETI = 17,
    HP_VM_SETFIELD = 18,
    HP_VM_NEWTABLE = 19,
    HP_VM_SELF = 20,
    HP_VM_MMBIN = 46, /* and MMBINI, MMBINK */
    HP_VM_MMBINK = 48,
    HP_VM_CLOSE = 54, /* and TBC, JMP, and the comparisons up to TEST */
    HP_VM_JMP = 56,
    HP_VM_EQ = 57,
    HP_VM_TEST = 66,
    HP_VM_TESTSET = 67,
    HP_VM_CALL = 68,
    HP_VM_TAILCALL = 69,
    HP_VM_RETURN = 70, /* and RETURN0, RETURN1 */
    HP_VM_RETURN1 = 72,
    HP_VM_FORLOOP = 73, /* and FORPREP, TFORPREP, TFORCALL, TFORLOOP */
    HP_VM_TFORLOOP = 77,
    HP_VM_SETLIST = 78,
    HP_VM_CLOSURE = 79,
    HP_VM_VARARG = 80,
    HP_VM_VARARGPREP = 81,
    HP_VM_EXTRAARG = 82,
};

/* Fields of an instruction: 7 bits opcode, then A (8), k (1), B (8), C (8); or A (8), Bx (17); or Ax, sJ
 * (25). */
static inline unsigned hp_vm_op(uint32_t i)
{
    return i & 0x7f;
}

static inline unsigned hp_vm_a(uint32_t i)
{
    return (i >> 7) & 0xff;
}

static inline bool hp_vm_k(uint32_t i)
{
    return ((i >> 15) & 1) != 0;
}

static inline unsigned hp_vm_b(uint32_t i)
{
    return (i >> 16) & 0xff;
}

static inline unsigned hp_vm_c(uint32_t i)
{
    return i >> 24;
}

static inline uint32_t hp_vm_bx(uint32_t i)
{
    return i >> 15;
}

static inline int32_t hp_vm_sbx(uint32_t i)
{
    return (int32_t)(i >> 15) - 0xffff;
}

static inline int32_t hp_vm_sj(uint32_t i)
{
    return (int32_t)(i >> 7) - 0xffffff;
}

static inline uint32_t hp_vm_ax(uint32_t i)
{
    return i >> 7;
}

static inline uint32_t hp_vm_make_abc(unsigned op, unsigned a, unsigned b, unsigned c)
{
    return op | a << 7 | b << 16 | c << 24;
}

static inline uint32_t hp_vm_make_abx(unsigned op, unsigned a, uint32_t bx)
{
    return op | a << 7 | bx << 15;
}

#endif
