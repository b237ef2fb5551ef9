/* hotpatch engine: what the bytecode of the enclosing function calls a closure. Contract: `name` in
 * prototype.h.
 *
 * Two walks over straight-line code. Forwards from OP_CLOSURE: who takes the register the closure stands in?
 * Backwards from a store into a table: what is the table called? Both give up (no name) at what they do not
 * know, and after a bounded number of instructions. Names are hints for pairing; a wrong one costs a worse
 * match, never a wrong patch.
 */
#include <ctype.h>
#include <string.h>

#include "agent/engine/prototype.h"
#include "opcode.h"
#include "prototype_body.h"

#define MAX_STEPS 256 /* instructions looked at for one name */
#define MAX_CHAIN 16  /* a.b.c… */

struct namer {
    struct hp_prototype_tree *tree;
    const struct hp_prototype *parent;
    const struct hp_prototype_body *body;
};

/* --- texts ------------------------------------------------------------------------------------ */

static bool is_identifier(struct hp_bytes s)
{
    if (s.len == 0 || isdigit((unsigned char)s.data[0]))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!isalnum((unsigned char)s.data[i]) && s.data[i] != '_')
            return false;
    return true;
}

/* `["…"]` with what would not be readable as an escape. */
static const char *quoted_key(struct hp_arena *a, struct hp_bytes s)
{
    const char *text = "[\"";
    size_t plain = 0; /* start of the run that needs no escape */
    for (size_t i = 0; i <= s.len; i++) {
        unsigned char c = i < s.len ? (unsigned char)s.data[i] : 0;
        if (i < s.len && c >= ' ' && c != '"' && c != '\\' && c != 0x7f)
            continue;
        text = hp_arena_printf(a, "%s%.*s", text, (int)(i - plain), s.data + plain);
        if (i < s.len)
            text = hp_arena_printf(a, "%s\\%03u", text, c);
        plain = i + 1;
    }
    return hp_arena_printf(a, "%s\"]", text);
}

/* The key as it follows a table's name: ".f", "[3]", `["a b"]`. */
static const char *string_key(struct hp_arena *a, struct hp_bytes s)
{
    if (s.len > 200) /* no name for people; and the escapes below are quadratic */
        s.len = 200;
    return is_identifier(s) ? hp_arena_printf(a, ".%.*s", (int)s.len, s.data) : quoted_key(a, s);
}

static const char *constant_key(const struct namer *n, uint32_t index)
{
    if (index >= n->body->constants.count)
        return "[?]";
    const struct hp_constant *k = &n->body->constants.items[index];
    double number;
    switch (k->tag) {
    case HP_CONSTANT_SHORT:
    case HP_CONSTANT_LONG:
        return string_key(&n->tree->arena, k->string);
    case HP_CONSTANT_INTEGER:
        return hp_arena_printf(&n->tree->arena, "[%lld]", (long long)k->bits);
    case HP_CONSTANT_FLOAT:
        memcpy(&number, &k->bits, sizeof number);
        return hp_arena_printf(&n->tree->arena, "[%.17g]", number);
    default:
        return "[?]";
    }
}

/* Table and key: a global has no table's name before it, a nameless table leaves the key alone. */
static const char *joined(const struct namer *n, const char *table, const char *key)
{
    if (table != NULL && strcmp(table, "_ENV") == 0)
        return key[0] == '.' ? key + 1 : key;
    return table != NULL ? hp_arena_concat(&n->tree->arena, table, key, NULL) : key;
}

static const char *upvalue_name(const struct namer *n, unsigned index)
{
    return index < n->parent->upvalues.count ? n->parent->upvalues.items[index].name : NULL;
}

/* The local in that register, NULL for a temporary and for the hidden ones: "(for state)". */
static const char *local_name(const struct namer *n, unsigned reg, uint32_t pc, bool starting)
{
    uint32_t local = hp_prototype_local_in(n->body, reg, pc, starting);
    const char *name = local != HP_NO_LOCAL ? n->body->locals.items[local].name : NULL;
    return name != NULL && name[0] != '(' ? name : NULL;
}

/* --- which registers an instruction writes ---------------------------------------------------- */

static bool is_jump(unsigned op)
{
    return op == HP_VM_JMP || (op >= HP_VM_EQ && op <= HP_VM_TESTSET) ||
           (op >= HP_VM_FORLOOP && op <= HP_VM_TFORLOOP);
}

static bool writes_nothing(unsigned op)
{
    return op == HP_VM_SETUPVAL || (op >= HP_VM_SETTABUP && op <= HP_VM_SETFIELD) ||
           (op >= HP_VM_MMBIN && op <= HP_VM_MMBINK) || (op >= HP_VM_CLOSE && op <= HP_VM_TEST) ||
           (op >= HP_VM_RETURN && op <= HP_VM_RETURN1) || op == HP_VM_SETLIST || op >= HP_VM_VARARGPREP;
}

static bool writes(uint32_t i, unsigned reg)
{
    unsigned op = hp_vm_op(i), a = hp_vm_a(i);
    if (writes_nothing(op))
        return false;
    switch (op) {
    case HP_VM_LOADNIL:
        return reg >= a && reg <= a + hp_vm_b(i);
    case HP_VM_SELF:
        return reg == a || reg == a + 1;
    case HP_VM_CALL:
    case HP_VM_TAILCALL:
    case HP_VM_VARARG:
        return reg >= a;
    default:
        return reg == a;
    }
}

/* The last instruction before `pc` that wrote the register, in straight-line code; UINT32_MAX if there is
 * none. */
static uint32_t last_writer(const struct namer *n, unsigned reg, uint32_t pc)
{
    for (uint32_t steps = 0; pc-- > 0 && steps < MAX_STEPS; steps++) {
        uint32_t i = n->body->code.items[pc];
        if (is_jump(hp_vm_op(i)))
            break;
        if (writes(i, reg))
            return pc;
    }
    return UINT32_MAX;
}

/* --- backwards: what is in a register --------------------------------------------------------- */

/* The key in a register: a constant, or the name of a local that holds it. */
static const char *register_key(const struct namer *n, unsigned reg, uint32_t pc)
{
    const char *local = local_name(n, reg, pc, false);
    if (local != NULL)
        return hp_arena_printf(&n->tree->arena, "[%s]", local);
    uint32_t writer = last_writer(n, reg, pc);
    if (writer == UINT32_MAX)
        return "[?]";
    uint32_t i = n->body->code.items[writer];
    switch (hp_vm_op(i)) {
    case HP_VM_LOADK:
        return constant_key(n, hp_vm_bx(i));
    case HP_VM_LOADKX: /* an EXTRAARG follows: at most at `pc` */
        return constant_key(n, hp_vm_ax(n->body->code.items[writer + 1]));
    case HP_VM_LOADI:
        return hp_arena_printf(&n->tree->arena, "[%d]", (int)hp_vm_sbx(i));
    default:
        return "[?]";
    }
}

/* What the value in a register is called just before `pc`; NULL for what has no name. */
static const char *register_name(const struct namer *n, unsigned reg, uint32_t pc)
{
    const char *keys[MAX_CHAIN]; /* met last to first */
    const char *name = NULL;
    int depth = 0;
    bool looking = true;
    while (looking) {
        name = local_name(n, reg, pc, false);
        uint32_t writer = name == NULL ? last_writer(n, reg, pc) : UINT32_MAX;
        if (writer == UINT32_MAX || depth == MAX_CHAIN)
            break;
        uint32_t i = n->body->code.items[writer];
        pc = writer;
        switch (hp_vm_op(i)) {
        case HP_VM_MOVE:
            reg = hp_vm_b(i);
            continue;
        case HP_VM_GETUPVAL:
            name = upvalue_name(n, hp_vm_b(i));
            break;
        case HP_VM_GETTABUP:
            name = upvalue_name(n, hp_vm_b(i));
            keys[depth++] = constant_key(n, hp_vm_c(i));
            break;
        case HP_VM_GETFIELD:
            keys[depth++] = constant_key(n, hp_vm_c(i));
            reg = hp_vm_b(i);
            continue;
        case HP_VM_GETTABLE:
            keys[depth++] = register_key(n, hp_vm_c(i), pc);
            reg = hp_vm_b(i);
            continue;
        case HP_VM_GETI:
            keys[depth++] = hp_arena_printf(&n->tree->arena, "[%u]", hp_vm_c(i));
            reg = hp_vm_b(i);
            continue;
        default:
            break;
        }
        looking = false;
    }
    while (name != NULL && depth > 0)
        name = joined(n, name, keys[--depth]);
    return name;
}

/* --- forwards: who takes the closure ---------------------------------------------------------- */

/* The name that a store at `pc` gives to what stands in `reg`; false when the instruction is no store of it.
 */
static bool stored_as(const struct namer *n, uint32_t pc, unsigned reg, const char **name)
{
    uint32_t i = n->body->code.items[pc];
    unsigned a = hp_vm_a(i), b = hp_vm_b(i);
    bool stores = hp_vm_c(i) == reg && !hp_vm_k(i);
    switch (hp_vm_op(i)) {
    case HP_VM_MOVE:
        *name = local_name(n, a, pc, false);
        return b == reg;
    case HP_VM_SETUPVAL:
        *name = upvalue_name(n, b);
        return a == reg;
    case HP_VM_SETTABUP:
        *name = stores ? joined(n, upvalue_name(n, a), constant_key(n, b)) : NULL;
        return stores;
    case HP_VM_SETFIELD:
        *name = stores ? joined(n, register_name(n, a, pc), constant_key(n, b)) : NULL;
        return stores;
    case HP_VM_SETI:
        *name =
            stores ? joined(n, register_name(n, a, pc), hp_arena_printf(&n->tree->arena, "[%u]", b)) : NULL;
        return stores;
    case HP_VM_SETTABLE:
        *name = stores ? joined(n, register_name(n, a, pc), register_key(n, b, pc)) : NULL;
        return stores;
    default:
        return false;
    }
}

/* `f = c and function … end or g`: a test of the closure, which is true, is followed. Returns the next pc,
 * UINT32_MAX when the instruction is a jump of another kind; a TESTSET moves the closure to another register.
 */
static uint32_t next_pc(const struct namer *n, uint32_t pc, unsigned *reg)
{
    uint32_t i = n->body->code.items[pc];
    unsigned op = hp_vm_op(i);
    if (!is_jump(op))
        return pc + 1;
    bool tested = (op == HP_VM_TEST && hp_vm_a(i) == *reg) || (op == HP_VM_TESTSET && hp_vm_b(i) == *reg);
    if (!tested || pc + 1 >= n->body->code.count)
        return UINT32_MAX;
    if (!hp_vm_k(i))
        return pc + 2;
    uint32_t jump = n->body->code.items[pc + 1];
    if (hp_vm_op(jump) != HP_VM_JMP || hp_vm_sj(jump) < 0)
        return UINT32_MAX;
    if (op == HP_VM_TESTSET)
        *reg = hp_vm_a(i);
    return pc + 2 + (uint32_t)hp_vm_sj(jump);
}

static const char *closure_name(const struct namer *n, uint32_t created_at)
{
    unsigned reg = hp_vm_a(n->body->code.items[created_at]);
    uint32_t pc = created_at + 1;
    for (uint32_t steps = 0; pc < n->body->code.count && steps < MAX_STEPS; steps++) {
        uint32_t local = hp_prototype_local_in(n->body, reg, pc, true);
        if (local != HP_NO_LOCAL && n->body->locals.items[local].start > created_at)
            return local_name(n, reg, pc, true);
        uint32_t i = n->body->code.items[pc];
        const char *name;
        if (stored_as(n, pc, reg, &name))
            return name;
        bool listed = hp_vm_op(i) == HP_VM_SETLIST && hp_vm_a(i) < reg;
        if (listed || writes(i, reg) || (hp_vm_op(i) >= HP_VM_RETURN && hp_vm_op(i) <= HP_VM_RETURN1))
            return NULL;
        pc = next_pc(n, pc, &reg);
    }
    return NULL;
}

static void name_nested(struct hp_prototype_tree *tree, uint32_t id)
{
    const struct hp_prototype *parent = &tree->prototypes.items[id];
    struct namer n = {.tree = tree, .parent = parent, .body = parent->body};
    for (uint32_t pc = 0; pc < n.body->code.count; pc++) {
        uint32_t i = n.body->code.items[pc];
        if (hp_vm_op(i) != HP_VM_CLOSURE || hp_vm_bx(i) >= parent->nested.count)
            continue;
        struct hp_prototype *p = &tree->prototypes.items[parent->nested.items[hp_vm_bx(i)]];
        if (p->created_at == UINT32_MAX) {
            p->created_at = pc;
            p->name = closure_name(&n, pc);
        }
    }
}

void hp_prototypes_name(struct hp_prototype_tree *tree)
{
    for (uint32_t id = 0; id < tree->prototypes.count; id++)
        name_nested(tree, id);
}
