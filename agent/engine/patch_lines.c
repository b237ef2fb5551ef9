/* hotpatch engine: for a diff, the lines that a replaced function has in the base. See patch_impl.h. */
#include <string.h>

#include "agent/engine/map.h"
#include "agent/engine/patch_impl.h"
#include "proto/lines.h"

/* Of all functions of a report together: what is beyond is left out, and the diff is shown without it. */
#define MAX_OLD_LINES (1024 * 1024)

/* What is known of one module while it is gone through; in the report's arena. */
struct texts {
    struct hp_map prototypes; /* (first line, last line) of the new source -> prototype there */
    struct hp_lines base;
};

static void texts_init(struct texts *t, struct hp_patch *p, size_t module)
{
    uint32_t tree = p->fresh.modules.items[module].tree;
    uint32_t base_tree = p->base.modules.items[p->roots[module].base].tree;
    const struct hp_prototype_tree *fresh = p->fresh.trees.items[tree];
    hp_map_init(&t->prototypes, &p->report->arena);
    hp_lines_init(&t->base, &p->report->arena,
                  (struct hp_bytes){p->bases[module].text, p->bases[module].len});
    for (uint32_t i = 1; i < fresh->prototypes.count; i++) {
        const struct hp_prototype *n = &fresh->prototypes.items[i];
        struct hp_code base = p->match.fresh_code[tree][i];
        if (!hp_code_none(base) && base.tree == base_tree)
            hp_map_put(&t->prototypes, (uint64_t)n->line, (uint64_t)n->last_line, i, NULL);
    }
}

/* The prototype of the base whose place the function has that stands on those lines of the new source; NULL:
 * none. Of several on the same lines any will do: it is lines that are shown. */
static const struct hp_prototype *base_of(const struct hp_patch *p, const struct texts *t, size_t module,
                                          const struct hp_report_function *f)
{
    uint32_t tree = p->fresh.modules.items[module].tree;
    const uint32_t *i = hp_map_find(&t->prototypes, (uint64_t)f->line, (uint64_t)f->last_line);
    return i ? hp_prototype_at(&p->base, p->match.fresh_code[tree][*i]) : NULL;
}

void hp_patch_add_old_lines(struct hp_patch *p)
{
    size_t total = 0;
    for (size_t m = 0; p->has_base && m < p->count && m < p->report->modules.count; m++) {
        struct hp_report_module *module = &p->report->modules.items[m];
        if (p->roots[m].base == HP_NO_ID)
            continue;
        struct texts texts;
        texts_init(&texts, p, m);
        for (size_t i = 0; i < module->functions.count; i++) {
            struct hp_report_function *f = &module->functions.items[i];
            bool replaced = strcmp(f->verdict, "replaced") == 0;
            const struct hp_prototype *base = replaced ? base_of(p, &texts, m, f) : NULL;
            if (!base)
                continue;
            struct hp_bytes old = hp_lines_get(&texts.base, base->line, base->last_line);
            total += old.len;
            if (old.data && total <= MAX_OLD_LINES)
                f->old = hp_arena_strn(&p->report->arena, old.data, old.len);
        }
    }
}
