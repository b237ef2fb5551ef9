/* hotpatch engine: what a search is after; the contract is in wanted.h. */
#include "agent/engine/wanted.h"

#include "agent/engine/lx.h"

/* closures of the same lines that are looked into before the rest is taken for the same code */
#define MAX_LOOKS 16

void hp_wanted_init(struct hp_wanted *w, const struct hp_history *history)
{
    *w = (struct hp_wanted){.history = history};
    hp_arena_init(&w->arena);
    hp_map_init(&w->codes, &w->arena);
    hp_map_init(&w->lines, &w->arena);
    hp_map_init(&w->tried, &w->arena);
}

void hp_wanted_fini(struct hp_wanted *w)
{
    hp_arena_fini(&w->arena);
    hp_wanted_init(w, w->history);
}

static void want(struct hp_wanted *w, const struct hp_prototype *p)
{
    hp_map_put(&w->codes, p->fingerprint, 0, 1, NULL);
    hp_map_put(&w->lines, (uint64_t)p->line, (uint64_t)p->last_line, 1, NULL);
}

static void want_changed(struct hp_wanted *w, const struct hp_match *m)
{
    for (uint32_t t = 0; m->base && t < m->base->trees.count; t++)
        for (uint32_t i = 1; i < m->base->trees.items[t]->prototypes.count; i++) {
            struct hp_code fresh = m->base_code[t][i];
            if (!hp_code_none(fresh) &&
                !hp_prototype_equal(m->base->trees.items[t], i, m->fresh->trees.items[fresh.tree],
                                    fresh.prototype))
                want(w, &m->base->trees.items[t]->prototypes.items[i]);
        }
}

/* Live functions that are replaced, and those that would be made anew. */
static void want_planned(struct hp_wanted *w, const struct hp_match *m, const struct hp_plan *plan)
{
    for (size_t i = 0; i < plan->functions.count; i++) {
        hp_id live = plan->functions.items[i].replaces
                         ? hp_live_node(m->live, plan->functions.items[i].replaces)
                         : HP_NIL;
        if (hp_is_function(&m->live->graph, live))
            want(w, hp_prototype_at(&m->live->graph, hp_code_of(&m->live->graph, live)));
        hp_id unfound = plan->functions.items[i].unfound;
        if (unfound != HP_NIL)
            want(w, hp_prototype_at(m->base, hp_code_of(m->base, unfound)));
    }
}

bool hp_wanted_fill(struct hp_wanted *w, const struct hp_match *match, const struct hp_plan *plan)
{
    for (size_t i = 0; i < match->fresh->modules.count; i++)
        w->everything |= match->roots[i].container == 0;
    want_changed(w, match);
    want_planned(w, match, plan);
    return !hp_arena_failed(&w->arena);
}

void hp_wanted_add(struct hp_wanted *w, lua_State *L)
{
    lua_Debug ar;
    lua_getinfo(L, ">S", &ar);
    hp_map_put(&w->lines, (uint64_t)ar.linedefined, (uint64_t)ar.lastlinedefined, 1, NULL);
}

/* By its code; what cannot be read is wanted: the plan will tell. */
static bool code_is_wanted(struct hp_wanted *w, lua_State *L)
{
    char *dump = NULL;
    size_t len = 0;
    struct hp_prototype_tree tree = {0};
    bool wanted = true;
    enum hp_status status = hp_lx_dump(L, -1, false, &dump, &len);
    if (status == HP_OK)
        status = hp_prototypes_parse(&tree, dump, len);
    w->failed |= status == HP_NO_MEMORY;
    if (status == HP_OK)
        wanted = tree.stripped || hp_map_find(&w->codes, tree.prototypes.items[0].fingerprint, 0) != NULL;
    hp_prototypes_fini(&tree);
    hp_mem_free(dump);
    return wanted;
}

bool hp_wanted_function(lua_State *L, void *ud)
{
    struct hp_wanted *w = ud;
    lua_Debug ar;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">S", &ar);
    uint64_t first = (uint64_t)ar.linedefined, last = (uint64_t)ar.lastlinedefined;
    if (w->everything || hp_map_find(&w->lines, first, last) || hp_history_has_heir(w->history, L))
        return true;
    uint32_t *looks = hp_map_put(&w->tried, first, last, 0, NULL);
    w->failed |= hp_arena_failed(&w->arena);
    if (!looks || *looks >= MAX_LOOKS)
        return looks == NULL;
    ++*looks;
    if (!code_is_wanted(w, L))
        return false;
    hp_map_put(&w->lines, first, last, 1, NULL);
    return true;
}
