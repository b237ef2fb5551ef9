/* hotpatch engine: one state's engine, and the protected entry that every request takes; the contract is in engine.h. */
#include "agent/engine/engine.h"

#include <string.h>

#include "agent/engine/eval.h"
#include "agent/engine/history.h"
#include "agent/engine/inspect.h"
#include "agent/engine/lx.h"
#include "agent/engine/patch.h"
#include "agent/engine/prototype.h"
#include "agent/engine/sources.h"

#define EVAL_INSTRUCTIONS 1000000000 /* a slip must not stop the server for good */

struct hp_engine {
    struct hp_arena arena; /* of the options */
    struct hp_patch_context context;
    bool busy;
    bool dump_works; /* the one private format was tried at the start */
};

/* --- options -------------------------------------------------------------------------------------------------------- */

static const char *const *copy_patterns(struct hp_arena *a, const char *const *patterns)
{
    size_t count = 0;
    while (patterns && patterns[count])
        count++;
    const char **copy = patterns ? hp_arena_alloc(a, (count + 1) * sizeof *copy) : NULL;
    for (size_t i = 0; copy && i < count; i++)
        copy[i] = hp_arena_str(a, patterns[i]);
    return copy;
}

static bool open_parts(struct hp_engine *e, const struct hp_engine_options *options)
{
    size_t cap = options && options->source_cap ? options->source_cap : 16u * 1024 * 1024;
    e->context.policy.allow = copy_patterns(&e->arena, options ? options->allow : NULL);
    e->context.policy.deny = copy_patterns(&e->arena, options ? options->deny : NULL);
    e->context.sources = hp_sources_new(cap);
    return e->context.sources && !hp_arena_failed(&e->arena);
}

/* --- the dump format, tried on a known function ----------------------------------------------------------------------- */

static const char KNOWN[] = "local n = 40\n"
                            "local function add(x) n = n + x return n end\n"
                            "return function(x) return add(x) end";

struct bytes {
    const char *data;
    size_t len;
    bool read;
};

static const char *read_bytes(lua_State *L, void *ud, size_t *len)
{
    struct bytes *b = ud;
    (void)L;
    *len = b->read ? 0 : b->len;
    b->read = true;
    return *len ? b->data : NULL;
}

/* Takes the inner function of the known chunk apart, builds it anew, joins it to the old one's cell, and calls it. */
static bool rebuild_and_call(lua_State *L, struct hp_prototype_tree *tree, char **dump, char **chunk)
{
    size_t dump_len, chunk_len;
    if (hp_lx_dump(L, -1, false, dump, &dump_len) != HP_OK || hp_prototypes_parse(tree, *dump, dump_len) != HP_OK ||
        hp_prototype_encode(tree, 0, chunk, &chunk_len) != HP_OK)
        return false;
    struct bytes bytes = {*chunk, chunk_len, false};
    if (lua_load(L, read_bytes, &bytes, "=hotpatch", "b") != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK ||
        lua_upvalueid(L, -1, 1) == NULL)
        return false;
    lua_upvaluejoin(L, -1, 1, -2, 1);
    lua_pushinteger(L, 2);
    return lua_pcall(L, 1, 1, 0) == LUA_OK && lua_tointeger(L, -1) == 42;
}

struct trial {
    struct hp_prototype_tree tree;
    char *dump, *chunk;
    bool works;
};

static int try_dump(lua_State *L)
{
    struct trial *t = lua_touserdata(L, 1);
    struct bytes text = {KNOWN, sizeof KNOWN - 1, false};
    if (lua_load(L, read_bytes, &text, "=hotpatch", "t") == LUA_OK && lua_pcall(L, 0, 1, 0) == LUA_OK)
        t->works = rebuild_and_call(L, &t->tree, &t->dump, &t->chunk);
    return 0;
}

static bool dump_works(lua_State *L, struct hp_arena *a)
{
    struct trial trial = {0};
    struct hp_lx_failure failure;
    hp_lx_protect(L, try_dump, &trial, a, &failure);
    hp_prototypes_fini(&trial.tree);
    hp_mem_free(trial.dump);
    hp_mem_free(trial.chunk);
    return trial.works;
}

/* --- open and close ---------------------------------------------------------------------------------------------------- */

static int open_protected(lua_State *L)
{
    struct hp_engine *e = lua_touserdata(L, 1);
    e->context.history = hp_history_open(L);
    if (e->context.history) /* a host without the package library has nothing to wrap */
        hp_sources_wrap_searcher(L, e->context.sources);
    return 0;
}

static void free_parts(struct hp_engine *e)
{
    hp_sources_free(e->context.sources);
    hp_arena_fini(&e->arena);
    hp_mem_free(e);
}

struct hp_engine *hp_engine_open(lua_State *L, const struct hp_engine_options *options, const char **error)
{
    struct hp_lx_failure failure = {0};
    struct hp_engine *e = hp_mem_calloc(sizeof *e);
    *error = "not enough memory to start the agent";
    if (!e)
        return NULL;
    hp_arena_init(&e->arena);
    if (open_parts(e, options))
        hp_lx_protect(L, open_protected, e, &e->arena, &failure);
    if (!e->context.history) {
        free_parts(e);
        return NULL;
    }
    e->dump_works = dump_works(L, &e->arena);
    *error = NULL;
    return e;
}

void hp_engine_close(struct hp_engine *e, lua_State *L)
{
    if (!e)
        return;
    hp_sources_unwrap_searcher(L, e->context.sources);
    hp_history_close(e->context.history, L);
    free_parts(e);
}

/* --- one request ------------------------------------------------------------------------------------------------------- */

struct entry {
    struct hp_engine *engine;
    const struct hp_request *request;
    const char *who;
    struct hp_report *report;
    struct hp_patch *patch;
};

static void run_patch(lua_State *L, struct entry *e)
{
    if (!e->engine->dump_works) {
        hp_report_fail(e->report, HP_UNSUPPORTED,
                       "this Lua does not read its own dump as Lua 5.4 does: functions cannot be rebuilt; use a Lua 5.4 of Debian's or "
                       "lua.org's");
        return;
    }
    e->patch = hp_patch_new(&e->engine->context, e->request, e->who, e->report);
    if (!e->patch)
        e->report->status = HP_NO_MEMORY;
    else if (e->request->kind == HP_KIND_REVERT)
        hp_patch_revert(L, e->patch);
    else
        hp_patch_run(L, e->patch);
}

static void dispatch(lua_State *L, struct entry *e)
{
    const struct hp_request *r = e->request;
    switch (r->kind) {
    case HP_KIND_DIFF:
    case HP_KIND_PUSH:
    case HP_KIND_REVERT:
        run_patch(L, e);
        break;
    case HP_KIND_INSPECT:
        e->report->status = hp_inspect(L, r->target ? r->target : "", e->report);
        break;
    case HP_KIND_EVAL:
        e->report->status = hp_eval(L, r->code.data ? r->code.data : "", r->code.len, r->code_name ? r->code_name : "=eval",
                                    EVAL_INSTRUCTIONS, e->report);
        break;
    default:
        hp_report_fail(e->report, HP_UNSUPPORTED, "the engine has no answer to \"%s\"", hp_kind_word(r->kind));
    }
}

static int run_on_own_stack(lua_State *L)
{
    struct entry *e = lua_touserdata(L, 1);
    lua_settop(L, 0);
    dispatch(L, e);
    return 0;
}

/* A coroutine of the agent's own: the hooks of the caller's do not see it, and its stack is ours. */
static int run_protected(lua_State *L)
{
    struct entry *e = lua_touserdata(L, 1);
    struct hp_lx_failure failure = {0};
    lua_State *co = lua_newthread(L);
    hp_lx_set_hook(co, NULL, 0);
    int status = hp_lx_protect(co, run_on_own_stack, e, &e->report->arena, &failure);
    if (status == LUA_ERRMEM)
        hp_report_fail(e->report, HP_NO_MEMORY, "the server is out of memory; nothing was changed");
    else if (status != LUA_OK)
        hp_report_fail(e->report, HP_FAILED, "%s", failure.text ? failure.text : "an error without a text");
    return 0;
}

void hp_engine_run(struct hp_engine *engine, lua_State *L, const struct hp_request *request, const char *who,
                   struct hp_report *report)
{
    struct entry entry = {engine, request, who, report, NULL};
    struct hp_lx_failure failure = {0};
    int collecting = lua_gc(L, LUA_GCISRUNNING);

    engine->busy = true;
    if (collecting > 0)
        lua_gc(L, LUA_GCSTOP);
    if (hp_lx_protect(L, run_protected, &entry, &report->arena, &failure) != LUA_OK)
        hp_report_fail(report, HP_NO_MEMORY, "the server is out of memory; nothing was changed");
    hp_patch_free(entry.patch);
    if (collecting > 0)
        lua_gc(L, LUA_GCRESTART);
    engine->busy = false;

    if (report->status == HP_NO_MEMORY && !report->error)
        hp_report_fail(report, HP_NO_MEMORY, "the server is out of memory; nothing was changed");
    report->generation = hp_history_generation(engine->context.history);
}

void hp_engine_log(const struct hp_engine *engine, struct hp_report *report)
{
    hp_history_log(engine->context.history, report);
    report->generation = hp_history_generation(engine->context.history);
}

int64_t hp_engine_generation(const struct hp_engine *engine)
{
    return hp_history_generation(engine->context.history);
}

int64_t hp_engine_patches(const struct hp_engine *engine)
{
    return hp_history_applied(engine->context.history);
}

bool hp_engine_busy(const struct hp_engine *engine)
{
    return engine->busy;
}
