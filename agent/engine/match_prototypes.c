/* hotpatch engine: prototypes of base and new that no closure has brought together, within paired parents.
 * The contract is in match_impl.h.
 */
#include "agent/engine/match_impl.h"

#include <string.h>

/* One to one: the first that asks is served. */
bool hp_match_pair_codes(struct hp_match *m, struct hp_code base, struct hp_code fresh)
{
    struct hp_code *of_fresh = &m->fresh_code[fresh.tree][fresh.prototype];
    struct hp_code *of_base = &m->base_code[base.tree][base.prototype];
    if (hp_code_none(*of_fresh) && hp_code_none(*of_base)) {
        *of_fresh = base;
        *of_base = fresh;
    }
    return hp_code_is(*of_fresh, base);
}

static bool overlap(const struct hp_prototype *a, const struct hp_prototype *b)
{
    size_t common = 0, most = a->upvalues.count > b->upvalues.count ? a->upvalues.count : b->upvalues.count;
    for (size_t i = 0; i < a->upvalues.count; i++)
        for (size_t j = 0; j < b->upvalues.count; j++)
            common += a->upvalues.items[i].name && b->upvalues.items[j].name &&
                      strcmp(a->upvalues.items[i].name, b->upvalues.items[j].name) == 0;
    return common * 2 >= most;
}

static bool same_name(const struct hp_prototype *a, const struct hp_prototype *b)
{
    return a->name && b->name ? strcmp(a->name, b->name) == 0 : a->name == b->name;
}

/* Was the function handed to a call? Then the call says what it is for, and an unpaired call says that it is
 * another one. */
static bool handed_over(const struct hp_graph *g, struct hp_code code)
{
    for (size_t i = 0; i < g->effects.count; i++)
        for (size_t k = 0; k < g->effects.items[i].arguments.count; k++) {
            hp_id argument = g->effects.items[i].arguments.items[k];
            if (hp_is_function(g, argument) && hp_code_is(hp_code_of(g, argument), code))
                return true;
        }
    return false;
}

/* May these two be one function that was edited? Only what lies between the same neighbours is asked (see
 * align). */
static bool alike(const struct hp_prototype *a, const struct hp_prototype *b)
{
    return same_name(a, b) && a->parameters == b->parameters && a->vararg == b->vararg && overlap(a, b);
}

/* Is this the only child of its parent with its name? ".f" in a list of tables, say, names many. */
static bool only_name(const struct hp_graph *g, struct hp_code child)
{
    const struct hp_prototype *p = hp_prototype_at(g, child);
    const struct hp_prototype *parent = hp_prototype_at(g, (struct hp_code){child.tree, p->parent});
    size_t count = 0;
    for (size_t i = 0; i < parent->nested.count; i++)
        count += same_name(p, hp_prototype_at(g, (struct hp_code){child.tree, parent->nested.items[i]}));
    return count == 1;
}

static bool agrees(const struct hp_match *m, enum hp_match_way way, struct hp_code base, struct hp_code fresh)
{
    const struct hp_prototype *b = hp_prototype_at(m->base, base), *f = hp_prototype_at(m->fresh, fresh);
    if (way == HP_BY_NAME)
        return b->name && same_name(b, f) && only_name(m->base, base) && only_name(m->fresh, fresh);
    return b->fingerprint == f->fingerprint &&
           hp_prototype_equal(m->base->trees.items[base.tree], base.prototype,
                              m->fresh->trees.items[fresh.tree], fresh.prototype);
}

/* Children of two paired parents that agree and are still free, in order. */
static bool pair_children(struct hp_match *m, enum hp_match_way way, struct hp_code base,
                          struct hp_code fresh)
{
    const struct hp_prototype *b = hp_prototype_at(m->base, base), *f = hp_prototype_at(m->fresh, fresh);
    bool any = false;
    for (size_t i = 0; i < f->nested.count; i++) {
        struct hp_code child = {fresh.tree, f->nested.items[i]};
        for (size_t j = 0; j < b->nested.count && hp_code_none(m->fresh_code[child.tree][child.prototype]);
             j++) {
            struct hp_code other = {base.tree, b->nested.items[j]};
            if (hp_code_none(m->base_code[other.tree][other.prototype]) && agrees(m, way, other, child))
                any |= hp_match_pair_codes(m, other, child);
        }
    }
    return any;
}

/* The free child that follows child number `from`, up to the next paired one. */
static size_t next_free(const struct hp_prototype *p, struct hp_code *pairs, size_t from)
{
    return from < p->nested.count && hp_code_none(pairs[p->nested.items[from]]) ? from : p->nested.count;
}

/* Free children that follow the same paired neighbour (or the beginning), one by one, while they are alike.
 */
static bool align_children(struct hp_match *m, struct hp_code base, struct hp_code fresh)
{
    const struct hp_prototype *b = hp_prototype_at(m->base, base), *f = hp_prototype_at(m->fresh, fresh);
    struct hp_code *of_base = m->base_code[base.tree], *of_fresh = m->fresh_code[fresh.tree];
    bool any = false;
    size_t i = 0, j = 0;
    for (;;) {
        size_t fi = next_free(f, of_fresh, i), bj = next_free(b, of_base, j);
        if (fi < f->nested.count && bj < b->nested.count) {
            struct hp_code x = {base.tree, b->nested.items[bj]}, y = {fresh.tree, f->nested.items[fi]};
            if (alike(hp_prototype_at(m->base, x), hp_prototype_at(m->fresh, y)) &&
                !handed_over(m->base, x) && !handed_over(m->fresh, y))
                any |= hp_match_pair_codes(m, x, y);
        }
        /* On to the neighbour: the next paired child of new, and its twin in base. */
        while (i < f->nested.count && hp_code_none(of_fresh[f->nested.items[i]]))
            i++;
        if (i >= f->nested.count)
            return any;
        uint32_t twin = of_fresh[f->nested.items[i]].prototype;
        i++;
        for (j = 0; j < b->nested.count && b->nested.items[j] != twin; j++)
            continue;
        j++;
    }
}

bool hp_match_pair_prototypes(struct hp_match *m, enum hp_match_way way)
{
    bool any = false;
    for (uint32_t t = 0; t < m->fresh->trees.count; t++) {
        size_t count = m->fresh->trees.items[t]->prototypes.count;
        for (uint32_t id = 0; id < count; id++) { /* preorder: parents before children */
            struct hp_code fresh = {t, id}, base = m->fresh_code[t][id];
            if (hp_code_none(base))
                continue;
            any |=
                way == HP_BY_ALIGNMENT ? align_children(m, base, fresh) : pair_children(m, way, base, fresh);
        }
    }
    return any;
}
