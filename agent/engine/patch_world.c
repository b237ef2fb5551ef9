/* hotpatch engine: what meets in a patch: targets, base and new loaded inert, live laid beside them. See
 * patch_impl.h. */
#include <string.h>

#include "agent/engine/collect.h"
#include "agent/engine/patch_impl.h"

/* Forgets what depends on the live program, which may have moved on. */
void hp_patch_forget_match(struct hp_patch *p)
{
    hp_plan_fini(&p->plan);
    hp_match_fini(&p->match);
    hp_live_fini(&p->live);
}

/* And what depends on the bases: they may be chosen again. */
void hp_patch_forget_bases(struct hp_patch *p)
{
    hp_patch_forget_match(p);
    hp_graph_fini(&p->base);
    p->has_base = false;
}

static bool expected_version(lua_State *L, struct hp_patch *p, const struct hp_target *t)
{
    const char *wanted = p->request->options.expect_version, *found = NULL;
    if (!wanted)
        return true;
    hp_anchor_push(L, p->anchor, t->root.object);
    if (lua_istable(L, -1)) {
        lua_pushstring(L, "VERSION");
        lua_rawget(L, -2);
        if (lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER)
            /* a copy on the stack is converted, not the field */
            found = hp_arena_str(&p->report->arena, lua_tostring(L, -1));
    }
    lua_settop(L, p->anchor);
    if (found && strcmp(found, wanted) == 0)
        return true;
    hp_report_fail(p->report, HP_REFUSED,
                   "the live \"%s\" has VERSION %s, not %s; `hotpatch inspect %s` shows what runs", t->module,
                   found ? found : "unset", wanted, t->module);
    return false;
}

static bool duplicate(const struct hp_patch *p, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (p->targets[j].root.container == p->targets[i].root.container &&
            strcmp(p->targets[j].root.key, p->targets[i].root.key) == 0)
            return true;
    return false;
}

static enum hp_status find_targets(lua_State *L, struct hp_patch *p)
{
    if (p->count == 0)
        return hp_report_fail(p->report, HP_REFUSED, "the request names no module; say MODULE=FILE");
    for (size_t i = 0; i < p->count; i++) {
        struct hp_target *t = &p->targets[i];
        enum hp_status status =
            hp_target_find(L, p->anchor, &p->context.policy, &p->request->modules.items[i], t, p->report);
        if (status != HP_OK)
            return status;
        if (duplicate(p, i))
            return hp_report_fail(p->report, HP_REFUSED, "\"%s\" is named twice in one request; name it once",
                                  t->module);
        if (!expected_version(L, p, t))
            return HP_REFUSED;
        p->roots[i] = t->root;
        p->roots[i].module = (uint32_t)i;
        p->roots[i].base = HP_NO_ID;
        if (p->verify)
            hp_base_take(&p->bases[i], &p->request->modules.items[i].source);
        else
            hp_base_find(&p->bases[i], HP_BASE_CLIENT, &p->request->modules.items[i], t, p->context.sources);
    }
    return HP_OK;
}

static struct hp_stage_chunk chunk_of(const struct hp_target *t, const char *text, size_t len)
{
    return (struct hp_stage_chunk){.module = t->module,
                                   .chunk_name = t->chunk_name,
                                   .path = t->file,
                                   .text = text,
                                   .len = len,
                                   .environment = t->root.environment,
                                   .with_arguments = true};
}

/* Loads the first `count` of p->chunks inert, as one world, into a graph. */
static enum hp_status stage_world(lua_State *L, struct hp_patch *p, size_t count, struct hp_graph *graph,
                                  struct hp_report *report)
{
    struct hp_stage_limits limits = {0};
    int64_t started = hp_patch_now_us() - hp_turn_waited_us(p->turn);
    p->stage = hp_stage_open(L, p->anchor, &limits);
    if (!p->stage)
        return HP_NO_MEMORY;
    hp_stage_take_turns(p->stage, p->turn);
    enum hp_status status = hp_stage_run(p->stage, p->chunks, count, report);
    hp_turn_leave(p->turn);
    if (status == HP_OK)
        status = hp_stage_collect(p->stage, graph);
    hp_turn_leave(p->turn);
    hp_stage_close(p->stage);
    p->stage = NULL;
    p->load_us += hp_patch_now_us() - hp_turn_waited_us(p->turn) - started;
    return hp_turn_hold(p->turn) ? status : HP_TIMEOUT;
}

static enum hp_status stage_fresh(lua_State *L, struct hp_patch *p)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct hp_request_module *asked = &p->request->modules.items[i];
        p->chunks[i] =
            chunk_of(&p->targets[i], asked->source.data ? asked->source.data : "", asked->source.len);
        if (p->roots[i].point) /* its own file, not the module's */
            p->chunks[i].chunk_name =
                hp_arena_printf(&p->report->arena, "@%s", asked->file ? asked->file : p->targets[i].path);
    }
    return stage_world(L, p, p->count, &p->fresh, p->report);
}

/* The next base of that module; false for one that the user named: that it does not do is an answer. */
static bool next_base(struct hp_patch *p, size_t i)
{
    enum hp_base_origin origin = p->bases[i].origin;
    if (origin == HP_BASE_CLIENT || origin == HP_BASE_NONE)
        return false;
    hp_base_find(&p->bases[i], origin + 1, &p->request->modules.items[i], &p->targets[i], p->context.sources);
    return true;
}

/* A base that does not load is none; of one that the user named it is said. */
static enum hp_status skip_bad_base(struct hp_patch *p, const struct hp_report *failure)
{
    bool any = false;
    const char *why = failure->error && failure->error->text ? failure->error->text : "no reason given";
    for (size_t i = 0; i < p->count; i++) {
        const char *module = p->targets[i].module;
        if (failure->error && failure->error->module && strcmp(failure->error->module, module) != 0)
            continue;
        any |= next_base(p, i);
        if (!any && p->bases[i].origin == HP_BASE_CLIENT)
            hp_report_refuse(p->report, HP_R16_NOT_THE_BASE, module, NULL,
                             "the base that was named does not load: %s", why);
    }
    return any ? HP_CONFLICT : HP_REFUSED; /* HP_CONFLICT: again */
}

static enum hp_status stage_base(lua_State *L, struct hp_patch *p)
{
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++) {
        p->roots[i].base = p->roots[i].guide = HP_NO_ID;
        if (p->bases[i].no_memory)
            return HP_NO_MEMORY;
        if (p->bases[i].origin == HP_BASE_NONE)
            continue;
        /* matched with what lives in its slot; the base only leads to the module's locals */
        if (p->roots[i].point)
            p->roots[i].guide = (uint32_t)count;
        else
            p->roots[i].base = (uint32_t)count;
        p->chunks[count++] = chunk_of(&p->targets[i], p->bases[i].text, p->bases[i].len);
    }
    p->has_base = count > 0;
    if (count == 0)
        return HP_OK;
    struct hp_report failure; /* must not end up in the user's report: another base may do */
    hp_report_init(&failure);
    enum hp_status status = stage_world(L, p, count, &p->base, &failure);
    if (status == HP_LOAD_FAILED || status == HP_LIMIT || status == HP_REFUSED)
        status = skip_bad_base(p, &failure);
    hp_report_fini(&failure);
    return status;
}

static enum hp_status collect_and_match(lua_State *L, struct hp_patch *p)
{
    const struct hp_graph *base = p->has_base ? &p->base : NULL;
    const struct hp_found *found = p->searched ? &p->found : NULL;
    enum hp_status status =
        hp_collect(L, p->anchor, base, &p->fresh, p->roots, p->count, found, p->turn, &p->live);
    if (status != HP_OK)
        return status;
    hp_turn_leave(p->turn);
    status = hp_match(&p->match, base, &p->fresh, &p->live, p->roots);
    return hp_turn_hold(p->turn) ? status : HP_TIMEOUT;
}

/* The same push again, from a script: its base is not what runs any more, for what runs is what it sends. */
static bool pushed_before(struct hp_patch *p, size_t i)
{
    const struct hp_bytes *source = &p->request->modules.items[i].source;
    struct hp_source stored;
    if (p->bases[i].origin != HP_BASE_CLIENT ||
        !hp_sources_find(p->context.sources, p->targets[i].module, &stored) || stored.len != source->len ||
        memcmp(stored.text, source->data, source->len) != 0)
        return false;
    hp_base_find(&p->bases[i], HP_BASE_STORED, &p->request->modules.items[i], &p->targets[i],
                 p->context.sources);
    return true;
}

/* HP_CONFLICT: a base was not what runs, another is tried. */
static enum hp_status verify_bases(struct hp_patch *p)
{
    enum hp_status status = HP_OK;
    for (size_t i = 0; i < p->count; i++) {
        const char *path = NULL;
        const char *module = p->targets[i].module;
        if (p->roots[i].base == HP_NO_ID ||
            hp_base_runs(&p->bases[i], &p->match, (uint32_t)i, &p->targets[i], p->context.sources, &path))
            continue;
        if (next_base(p, i) || pushed_before(p, i)) {
            status = HP_CONFLICT;
        } else if (hp_patch_accepts(p, HP_R16_NOT_THE_BASE)) {
            hp_report_warn(p->report, HP_R16_NOT_THE_BASE, module, path,
                           "the live %s is not the one of the base that was named", path);
        } else {
            hp_report_refuse(p->report, HP_R16_NOT_THE_BASE, module, path,
                             "the live %s is not the one of the base that was named; send the source that "
                             "runs, or leave --base out",
                             path);
            return HP_REFUSED;
        }
    }
    return status;
}

/* Loads the bases inert; one that does not load gives way to the next there is. */
static enum hp_status find_base(lua_State *L, struct hp_patch *p)
{
    enum hp_status status;
    while ((status = stage_base(L, p)) == HP_CONFLICT)
        hp_patch_forget_bases(p);
    return status;
}

/* Lays live beside the bases, and looks whether they are what runs; until they are, or none is left. */
enum hp_status hp_patch_match(lua_State *L, struct hp_patch *p)
{
    for (;;) {
        enum hp_status status = collect_and_match(L, p);
        if (status == HP_OK && !p->verify)
            status = verify_bases(p);
        if (status != HP_CONFLICT)
            return status;
        hp_patch_forget_bases(p);
        if ((status = find_base(L, p)) != HP_OK)
            return status;
    }
}

enum hp_status hp_patch_phase_stage(lua_State *L, struct hp_patch *p)
{
    p->phase = HP_PATCH_BASE;
    if (p->revert)
        return hp_patch_check_revert(p);
    enum hp_status status = find_targets(L, p);
    return status == HP_OK ? stage_fresh(L, p) : status;
}

enum hp_status hp_patch_phase_base(lua_State *L, struct hp_patch *p)
{
    p->phase = HP_PATCH_FIRST_PLAN;
    return p->revert ? HP_OK : find_base(L, p);
}
