/* hotpatch engine: scopes of a prototype: which local stands in which register, and which local an upvalue
 * is. Contract: prototype.h.
 *
 * Locals take registers in order of declaration, so the n-th active one stands in register n (this is how
 * Lua's own debug interface names them; compile-time constants have no entry, and the hidden "(for state)"
 * ones do).
 */
#include <string.h>

#include "agent/engine/prototype.h"
#include "prototype_body.h"

uint32_t hp_prototype_local_in(const struct hp_prototype_body *body, unsigned reg, uint32_t pc, bool starting)
{
    unsigned at = 0;
    for (uint32_t i = 0; i < body->locals.count && body->locals.items[i].start <= pc; i++) {
        const struct hp_local *local = &body->locals.items[i];
        bool active = pc < local->end || (starting && local->start == pc && local->end == pc);
        if (active && at++ == reg)
            return i;
    }
    return HP_NO_LOCAL;
}

const char *hp_prototype_local(const struct hp_prototype_tree *tree, uint32_t id, uint32_t number)
{
    const struct hp_prototype_body *body = tree->prototypes.items[id].body;
    return number < body->locals.count ? body->locals.items[number].name : NULL;
}

static bool is_named(const struct hp_prototype_body *body, uint32_t local, const char *name)
{
    return local != HP_NO_LOCAL && body->locals.items[local].name != NULL &&
           strcmp(body->locals.items[local].name, name) == 0;
}

/* The local of `parent` that nested prototype `p` captured from register `reg`. A `local function` that names
 * itself captures a local whose scope begins only after the closure is made, so the moment after is tried
 * first. */
static uint32_t captured_local(const struct hp_prototype *parent, const struct hp_prototype *p, unsigned reg,
                               const char *name)
{
    uint32_t after = hp_prototype_local_in(parent->body, reg, p->created_at + 1, true);
    if (is_named(parent->body, after, name))
        return after;
    uint32_t then = hp_prototype_local_in(parent->body, reg, p->created_at, false);
    return is_named(parent->body, then, name) ? then : HP_NO_LOCAL;
}

bool hp_prototype_variable(const struct hp_prototype_tree *tree, uint32_t id, uint32_t index,
                           struct hp_variable *out)
{
    const struct hp_prototype *p = &tree->prototypes.items[id];
    if (index >= p->upvalues.count || p->upvalues.items[index].name == NULL)
        return false;
    const char *name = p->upvalues.items[index].name;
    while (p->parent != HP_NO_PROTOTYPE) {
        const struct hp_prototype *parent = &tree->prototypes.items[p->parent];
        const struct hp_upvalue *u = &p->upvalues.items[index];
        if (p->created_at == UINT32_MAX)
            return false;
        if (u->instack != 0) {
            uint32_t local = captured_local(parent, p, u->index, name);
            *out = (struct hp_variable){.owner = parent->id, .number = local, .name = name};
            return local != HP_NO_LOCAL;
        }
        if (u->index >= parent->upvalues.count)
            return false;
        index = u->index;
        p = parent;
    }
    *out = (struct hp_variable){.owner = HP_NO_PROTOTYPE, .number = index, .name = name};
    return true;
}

uint32_t hp_prototype_constant(const struct hp_prototype_tree *tree, uint32_t id, const char *string,
                               size_t len)
{
    const struct hp_prototype_body *body = tree->prototypes.items[id].body;
    for (size_t i = 0; i < body->constants.count; i++) {
        const struct hp_bytes *s = &body->constants.items[i].string;
        if (s->data != NULL && s->len == len && memcmp(s->data, string, len) == 0)
            return (uint32_t)i;
    }
    return UINT32_MAX;
}

/* The line of an instruction: steps from the first line, or an absolute line where a step was too large. */
static int line_of(const struct hp_prototype *p, uint32_t pc)
{
    const struct hp_prototype_body *body = p->body;
    int64_t line = p->line;
    size_t absolute = 0;
    for (uint32_t at = 0; at <= pc && at < body->line_steps.count; at++) {
        int8_t step = (int8_t)body->line_steps.items[at];
        if (step != INT8_MIN) {
            line += step;
            continue;
        }
        while (absolute < body->absolute_lines.count && body->absolute_lines.items[absolute].pc < at)
            absolute++;
        if (absolute < body->absolute_lines.count)
            line = body->absolute_lines.items[absolute].line;
    }
    return (int)line;
}

int hp_prototype_local_line(const struct hp_prototype_tree *tree, uint32_t id, uint32_t number)
{
    const struct hp_prototype *p = &tree->prototypes.items[id];
    if (number >= p->body->locals.count || p->body->line_steps.count == 0)
        return 0;
    uint32_t start =
        p->body->locals.items[number].start; /* the instruction after the one that gave the value */
    return line_of(p, start > 0 ? start - 1 : 0);
}
