/* hotpatch engine: what counts as code of a prototype: its fingerprint, and equality. Contract: prototype.h.
 *
 * Both go over the same things: parameters, instructions, constants, upvalue names, and the nested prototypes
 * with what they capture. A prototype's own captures, lines, local names and source are left out.
 */
#include <string.h>

#include "agent/engine/prototype.h"
#include "prototype_body.h"

/* --- fingerprint ------------------------------------------------------------------------------ */

/* One step of a 64-bit hash: absorb, then mix so that each input bit reaches all bits (MurmurHash3's
 * finalizer). */
static uint64_t mix(uint64_t h, uint64_t x)
{
    h ^= x + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53u;
    h ^= h >> 33;
    return h;
}

static uint64_t mix_bytes(uint64_t h, const void *data, size_t len)
{
    const char *at = data;
    h = mix(h, len);
    while (len != 0) {
        uint64_t word = 0;
        size_t n = len < sizeof word ? len : sizeof word;
        memcpy(&word, at, n);
        h = mix(h, word);
        at += n;
        len -= n;
    }
    return h;
}

static uint64_t mix_constant(uint64_t h, const struct hp_constant *k)
{
    h = mix(h, k->tag);
    return k->string.data != NULL ? mix_bytes(h, k->string.data, k->string.len) : mix(h, k->bits);
}

static uint64_t fingerprint(const struct hp_prototype_tree *tree, const struct hp_prototype *p)
{
    const struct hp_prototype_body *body = p->body;
    uint64_t h = mix(0, (uint64_t)p->parameters << 1 | (p->vararg ? 1 : 0));
    h = mix_bytes(h, body->code.items, body->code.count * sizeof *body->code.items);
    h = mix(h, body->constants.count);
    for (size_t i = 0; i < body->constants.count; i++)
        h = mix_constant(h, &body->constants.items[i]);
    h = mix(h, p->upvalues.count);
    for (size_t i = 0; i < p->upvalues.count; i++) {
        const char *name = p->upvalues.items[i].name;
        h = name != NULL ? mix_bytes(h, name, strlen(name)) : mix(h, 1);
    }
    h = mix(h, p->nested.count);
    for (size_t i = 0; i < p->nested.count; i++) {
        const struct hp_prototype *n = &tree->prototypes.items[p->nested.items[i]];
        h = mix(h, n->fingerprint);
        for (size_t j = 0; j < n->upvalues.count; j++)
            h = mix(h, (uint64_t)n->upvalues.items[j].instack << 8 | n->upvalues.items[j].index);
    }
    return h;
}

/* Backwards, for in preorder what is nested comes after. */
void hp_prototypes_fingerprint(struct hp_prototype_tree *tree)
{
    for (size_t i = tree->prototypes.count; i-- > 0;) {
        struct hp_prototype *p = &tree->prototypes.items[i];
        p->fingerprint = fingerprint(tree, p);
    }
}

/* --- equality --------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Floats by their bits: 0.0 and -0.0 are different code. */
static bool same_constant(const struct hp_constant *a, const struct hp_constant *b)
{
    return a->tag == b->tag && a->bits == b->bits && a->string.len == b->string.len &&
           (a->string.len == 0 || memcmp(a->string.data, b->string.data, a->string.len) == 0);
}

static bool same_body(const struct hp_prototype *p, const struct hp_prototype *q)
{
    const struct hp_prototype_body *a = p->body, *b = q->body;
    if (p->parameters != q->parameters || p->vararg != q->vararg || a->code.count != b->code.count ||
        a->constants.count != b->constants.count || p->upvalues.count != q->upvalues.count ||
        p->nested.count != q->nested.count)
        return false;
    if (a->code.count != 0 &&
        memcmp(a->code.items, b->code.items, a->code.count * sizeof *a->code.items) != 0)
        return false;
    for (size_t i = 0; i < a->constants.count; i++)
        if (!same_constant(&a->constants.items[i], &b->constants.items[i]))
            return false;
    return true;
}

static bool same_upvalue_names(const struct hp_prototype *p, const struct hp_prototype *q)
{
    for (size_t i = 0; i < p->upvalues.count; i++)
        if (!same_text(p->upvalues.items[i].name, q->upvalues.items[i].name))
            return false;
    return true;
}

static bool same_captures(const struct hp_prototype *p, const struct hp_prototype *q)
{
    for (size_t i = 0; i < p->upvalues.count; i++)
        if (p->upvalues.items[i].instack != q->upvalues.items[i].instack ||
            p->upvalues.items[i].index != q->upvalues.items[i].index)
            return false;
    return true;
}

/* Recursion is as deep as functions nest, which parsing bounds. */
static bool same_code(const struct hp_prototype_tree *a, uint32_t x, const struct hp_prototype_tree *b,
                      uint32_t y, bool named)
{
    const struct hp_prototype *p = &a->prototypes.items[x], *q = &b->prototypes.items[y];
    if ((named && p->fingerprint != q->fingerprint) || !same_body(p, q) ||
        (named && !same_upvalue_names(p, q)))
        return false;
    for (size_t i = 0; i < p->nested.count; i++) {
        uint32_t m = p->nested.items[i], n = q->nested.items[i];
        if (!same_code(a, m, b, n, named) || !same_captures(&a->prototypes.items[m], &b->prototypes.items[n]))
            return false;
    }
    return true;
}

bool hp_prototype_equal(const struct hp_prototype_tree *a, uint32_t x, const struct hp_prototype_tree *b,
                        uint32_t y)
{
    return same_code(a, x, b, y, true);
}

bool hp_prototype_equal_unnamed(const struct hp_prototype_tree *a, uint32_t x,
                                const struct hp_prototype_tree *b, uint32_t y)
{
    return same_code(a, x, b, y, false);
}

/* Recursion is as deep as functions nest, which parsing bounds. */
static void adopt_names(struct hp_prototype_tree *tree, uint32_t x, const struct hp_prototype_tree *from,
                        uint32_t y)
{
    struct hp_prototype *p = &tree->prototypes.items[x];
    const struct hp_prototype *q = &from->prototypes.items[y];
    for (size_t i = 0; i < p->upvalues.count; i++)
        p->upvalues.items[i].name = hp_arena_str(&tree->arena, q->upvalues.items[i].name);
    for (size_t i = 0; i < p->nested.count; i++)
        adopt_names(tree, p->nested.items[i], from, q->nested.items[i]);
}

bool hp_prototypes_adopt_names(struct hp_prototype_tree *stripped, const struct hp_prototype_tree *from,
                               uint32_t id)
{
    if (!hp_prototype_equal_unnamed(stripped, 0, from, id))
        return false;
    adopt_names(stripped, 0, from, id);
    hp_prototypes_fingerprint(stripped);
    return true;
}
