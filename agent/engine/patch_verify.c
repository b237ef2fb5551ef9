/* hotpatch engine: what runs, compared function by function with a source that was sent, and nothing else.
 * See patch_impl.h.
 *
 * The source stands for base and new, so live is laid beside it as for a patch; each place where the source
 * has a function is looked at, and each function that the live module has besides. Nothing is written. */
#include <string.h>

#include "agent/engine/lx.h"
#include "agent/engine/patch_impl.h"

static const char *place_of(struct hp_arena *a, const char *source, int line)
{
    bool named = source && (source[0] == '@' || source[0] == '=');
    return hp_arena_printf(a, "%s:%d", !source ? "?" : named ? source + 1 : "a string", line);
}

static struct hp_report_function *add(struct hp_patch *p, uint32_t module, const char *path,
                                      const char *verdict)
{
    struct hp_report *r = p->report;
    struct hp_report_module *m = module < r->modules.count ? &r->modules.items[module] : NULL;
    struct hp_report_function *f = m ? HP_PUSH(&r->arena, &m->functions) : NULL;
    if (f) {
        f->path = hp_arena_str(&r->arena, path);
        f->verdict = verdict;
    }
    return f;
}

/* Where a live function that is not the source's came from. */
static void tell_origin(struct hp_patch *p, uint32_t module, struct hp_report_function *f, const char *source,
                        int line)
{
    const struct hp_target *t = &p->targets[module];
    f->was = place_of(&p->report->arena, source, line);
    f->patch = hp_history_patch_of(p->context.history, f->path, f->was);
    f->origin = f->patch                                              ? "patch"
                : !source || strcmp(source, "=?") == 0                ? "stripped"
                : t->chunk_name && strcmp(source, t->chunk_name) != 0 ? "runtime"
                                                                      : "version";
}

/* Is the live function the base's, by code? Lines do not count. */
static bool same_code(const struct hp_patch *p, hp_id base, hp_id live)
{
    const struct hp_graph *b = &p->base, *l = &p->live.graph;
    struct hp_code x = hp_code_of(b, base), y = hp_code_of(l, live);
    const struct hp_prototype_tree *xs = b->trees.items[x.tree], *ys = l->trees.items[y.tree];
    return hp_prototype_equal(xs, x.prototype, ys, y.prototype) ||
           (ys->stripped && hp_prototype_equal_unnamed(xs, x.prototype, ys, y.prototype));
}

/* The module whose source has the function; see the planner's module_of. */
static uint32_t module_of(const struct hp_patch *p, const struct hp_slot *s)
{
    uint32_t tree = hp_code_of(&p->base, s->base).tree;
    for (uint32_t i = 0; i < p->count; i++)
        if (p->base.modules.items[p->roots[i].base].tree == tree)
            return i;
    return s->module;
}

static bool compare_slot(struct hp_patch *p, const struct hp_slot *s)
{
    uint32_t module = module_of(p, s);
    const struct hp_graph *live = &p->live.graph;
    bool there = s->live != HP_NO_ID && s->live != HP_NIL;
    bool function = there && hp_is_function(live, s->live);
    bool same = function && same_code(p, s->base, s->live);
    struct hp_report_function *f = add(p, module, s->path, same ? "same" : there ? "differs" : "absent");
    if (!f)
        return same;
    f->line = hp_prototype_at(&p->base, hp_code_of(&p->base, s->base))->line;
    if (function && !same) {
        const struct hp_prototype *l = hp_prototype_at(live, hp_code_of(live, s->live));
        tell_origin(p, module, f, l->source, l->line);
    } else if (there && !same) {
        f->origin = "runtime";
    }
    return same;
}

/* Is the function on top some function of the source, under another name? HP_OK, or no memory. [-0, +0, m] */
static enum hp_status is_of_source(lua_State *L, const struct hp_prototype_tree *tree, bool *of_source)
{
    struct hp_prototype_tree own = {0};
    char *dump = NULL;
    size_t len = 0;
    enum hp_status status = hp_lx_dump(L, -1, false, &dump, &len);
    if (status == HP_OK)
        status = hp_prototypes_parse(&own, dump, len);
    hp_mem_free(dump);
    *of_source = false;
    for (uint32_t i = 0; status == HP_OK && i < tree->prototypes.count && !*of_source; i++)
        *of_source = hp_prototype_equal(&own, 0, tree, i);
    hp_prototypes_fini(&own);
    return status;
}

/* A function of the module's table that the source does not have there: of that file, it was patched in. What
 * came from other files is the program's own business. [-0, +0, m] */
static enum hp_status compare_extra(lua_State *L, struct hp_patch *p, uint32_t module, bool *same)
{
    const struct hp_graph_module *base = &p->base.modules.items[p->roots[module].base];
    const char *key = lua_tostring(L, -2);
    bool of_source = false;
    lua_Debug ar;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">S", &ar);
    if (hp_graph_field_str(&p->base, base->root, key) != HP_NO_ID ||
        strcmp(ar.source, p->targets[module].chunk_name) != 0)
        return HP_OK;
    enum hp_status status = is_of_source(L, p->base.trees.items[base->tree], &of_source);
    if (status != HP_OK || of_source)
        return status;
    struct hp_report_function *f = add(p, module, key, "extra");
    if (f)
        tell_origin(p, module, f, ar.source, ar.linedefined);
    *same = false;
    return HP_OK;
}

/* [-0, +0, m] */
static enum hp_status compare_extras(lua_State *L, struct hp_patch *p, uint32_t module, bool *same)
{
    enum hp_status status = HP_OK;
    int top = lua_gettop(L);
    if (!p->base.modules.items[p->roots[module].base].returned || p->targets[module].root.object == 0)
        return HP_OK;
    hp_anchor_push(L, p->anchor, p->targets[module].root.object);
    lua_pushnil(L);
    while (lua_istable(L, top + 1) && status == HP_OK && lua_next(L, top + 1)) {
        if (lua_type(L, -2) == LUA_TSTRING && lua_isfunction(L, -1) && !lua_iscfunction(L, -1))
            status = compare_extra(L, p, module, same);
        lua_pop(L, 1);
    }
    lua_settop(L, top);
    return status;
}

/* Only whole modules of the program can be told. */
static enum hp_status check_targets(struct hp_patch *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->roots[i].container == 0)
            return hp_report_fail(p->report, HP_REFUSED,
                                  "%s is a source file and no module: verify compares modules; name one: "
                                  "MODULE=FILE",
                                  p->targets[i].module);
        if (p->roots[i].point)
            return hp_report_fail(
                p->report, HP_REFUSED,
                "\"%s\" is a place in module \"%s\": verify compares whole modules; say %s=FILE",
                p->targets[i].path, p->targets[i].module, p->targets[i].module);
    }
    return HP_OK;
}

static void report_modules(struct hp_patch *p)
{
    struct hp_arena *a = &p->report->arena;
    for (size_t i = 0; i < p->count; i++) {
        struct hp_report_module *m = HP_PUSH(a, &p->report->modules);
        if (!m)
            return;
        m->module = hp_arena_str(a, p->targets[i].module);
        m->source = hp_arena_str(a, p->targets[i].chunk_name);
        m->base = hp_arena_str(a, p->bases[i].label);
    }
}

enum hp_status hp_patch_compare(lua_State *L, struct hp_patch *p)
{
    bool same = true;
    enum hp_status status = check_targets(p);
    if (status == HP_OK)
        status = hp_patch_match(L, p);
    if (status != HP_OK)
        return status;
    report_modules(p);
    hp_turn_leave(p->turn); /* the live graph and the sources are ours: the server may run */
    for (size_t i = 0; i < p->match.slots.count; i++) {
        const struct hp_slot *s = &p->match.slots.items[i];
        if (hp_is_function(&p->base, s->base) && !s->list && !compare_slot(p, s))
            same = false;
    }
    if (!hp_turn_hold(p->turn))
        return HP_TIMEOUT;
    for (uint32_t i = 0; i < p->count && status == HP_OK; i++)
        status = compare_extras(L, p, i, &same);
    if (status != HP_OK)
        return status;
    return same ? HP_NO_CHANGE : HP_DIFFERS;
}
