/* hotpatch engine: for a diff, the lines that a replaced function has in the base. See patch_impl.h. */
#include <string.h>

#include "agent/engine/patch_impl.h"

/* Of all functions of a report together: what is beyond is left out, and the diff is shown without it. */
#define MAX_OLD_LINES (1024 * 1024)

/* Lines `from` to `to`, counted from 1, with their ends. */
static struct hp_bytes lines_of(const char *text, size_t len, int from, int to)
{
    const char *at = text, *end = text + len, *first = NULL;
    for (int line = 1; at < end && line <= to; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (line == from)
            first = at;
        at = newline ? newline + 1 : end;
    }
    return (struct hp_bytes){first, first ? (size_t)(at - first) : 0};
}

/* The prototype of the base whose place the function has that stands on those lines of the new source; NULL:
 * none. Of several on the same lines any will do: it is lines that are shown. */
static const struct hp_prototype *base_of(const struct hp_patch *p, size_t module,
                                          const struct hp_report_function *f)
{
    uint32_t tree = p->fresh.modules.items[module].tree;
    uint32_t base_tree = p->base.modules.items[p->roots[module].base].tree;
    const struct hp_prototype_tree *t = p->fresh.trees.items[tree];
    for (uint32_t i = 1; i < t->prototypes.count; i++) {
        const struct hp_prototype *n = &t->prototypes.items[i];
        struct hp_code base = p->match.fresh_code[tree][i];
        if (n->line == f->line && n->last_line == f->last_line && !hp_code_none(base) &&
            base.tree == base_tree)
            return hp_prototype_at(&p->base, base);
    }
    return NULL;
}

void hp_patch_add_old_lines(struct hp_patch *p)
{
    size_t total = 0;
    for (size_t m = 0; p->has_base && m < p->count && m < p->report->modules.count; m++) {
        struct hp_report_module *module = &p->report->modules.items[m];
        for (size_t i = 0; p->roots[m].base != HP_NO_ID && i < module->functions.count; i++) {
            struct hp_report_function *f = &module->functions.items[i];
            const struct hp_prototype *base = strcmp(f->verdict, "replaced") == 0 ? base_of(p, m, f) : NULL;
            if (!base)
                continue;
            struct hp_bytes old = lines_of(p->bases[m].text, p->bases[m].len, base->line, base->last_line);
            total += old.len;
            if (old.data && total <= MAX_OLD_LINES)
                f->old = hp_arena_strn(&p->report->arena, old.data, old.len);
        }
    }
}
