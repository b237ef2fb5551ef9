/* hotpatch engine: one state's engine, and the protected entry that every request takes; the contract is in
 * engine.h. */
#include "agent/engine/engine.h"

#include <string.h>

#include "agent/engine/collector.h"
#include "agent/engine/eval.h"
#include "agent/engine/history.h"
#include "agent/engine/inspect.h"
#include "agent/engine/lx.h"
#include "agent/engine/patch.h"
#include "agent/engine/prototype.h"
#include "agent/engine/sources.h"
#include "agent/engine/straggler.h"
#include "agent/engine/target.h"
#include "agent/engine/turn.h"
#include "agent/engine/watch.h"

#define EVAL_INSTRUCTIONS    1000000000 /* a slip must not stop the server for good */
#define DEFAULT_MAX_PAUSE_MS 1.0

/* The request that is under way. The pointers but `patch` are the caller's. */
struct hp_task {
    bool under_way, done;
    const struct hp_request *request;
    struct hp_report *report;
    struct hp_patch *patch; /* NULL: no patch, or it could not be begun */
    lua_State *poller;
    int64_t used_us;
    lua_State *stack; /* NULL: not made yet */
};

struct hp_engine {
    struct hp_arena arena; /* of the options */
    struct hp_task task;
    struct hp_turn *clearing; /* frees what an earlier request left; NULL */
    struct hp_collector collector;
    struct hp_patch_context context;
    struct hp_stragglers *stragglers;
    struct hp_watch *watch; /* of a guard that is on; NULL */
    void (*tell)(void *ud);
    void *tell_ud;
    bool busy;
    bool dump_works; /* the one private format was tried at the start */
};

/* --- options ---------------------------------------------------------------------------------- */

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

bool hp_engine_configure(struct hp_engine *e, const struct hp_engine_options *options)
{
    struct hp_arena arena;
    hp_arena_init(&arena);
    struct hp_policy policy = {.allow = copy_patterns(&arena, options ? options->allow : NULL),
                               .deny = copy_patterns(&arena, options ? options->deny : NULL)};
    if (hp_arena_failed(&arena)) {
        hp_arena_fini(&arena);
        return false;
    }
    hp_arena_fini(&e->arena);
    e->arena = arena;
    e->context.policy = policy;
    e->context.max_pause_ms =
        options && options->max_pause_ms > 0 ? options->max_pause_ms : DEFAULT_MAX_PAUSE_MS;
    return true;
}

static bool open_parts(struct hp_engine *e, const struct hp_engine_options *options)
{
    size_t cap = options && options->source_cap ? options->source_cap : 16u * 1024 * 1024;
    e->context.sources = hp_sources_new(cap);
    return e->context.sources && hp_engine_configure(e, options);
}

/* --- the dump format, tried on a known function ----------------------------------------------- */

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

struct trial {
    struct hp_prototype_tree tree;
    char *dump, *chunk;
    enum hp_status status;
};

static enum hp_status status_of(int lua_status)
{
    return lua_status == LUA_OK ? HP_OK : lua_status == LUA_ERRMEM ? HP_NO_MEMORY : HP_UNSUPPORTED;
}

static enum hp_status load_known(lua_State *L)
{
    struct bytes text = {KNOWN, sizeof KNOWN - 1, false};
    enum hp_status status = status_of(lua_load(L, read_bytes, &text, "=hotpatch", "t"));
    return status == HP_OK ? status_of(lua_pcall(L, 0, 1, 0)) : status;
}

/* Takes the function on top apart and pushes one that is built from the parts. [-0, +1, m] */
static enum hp_status rebuild(lua_State *L, struct trial *t)
{
    size_t dump_len, chunk_len;
    enum hp_status status = hp_lx_dump(L, -1, false, &t->dump, &dump_len);
    if (status == HP_OK)
        status = hp_prototypes_parse(&t->tree, t->dump, dump_len);
    if (status == HP_OK)
        status = hp_prototype_encode(&t->tree, 0, &t->chunk, &chunk_len);
    if (status != HP_OK)
        return status;
    struct bytes bytes = {t->chunk, chunk_len, false};
    status = status_of(lua_load(L, read_bytes, &bytes, "=hotpatch", "b"));
    return status == HP_OK ? status_of(lua_pcall(L, 0, 1, 0)) : status;
}

/* Joins the new function on top to the cell of the old one below it, and calls it. [-1, +1, m] */
static enum hp_status call_joined(lua_State *L)
{
    if (lua_upvalueid(L, -1, 1) == NULL)
        return HP_UNSUPPORTED;
    lua_upvaluejoin(L, -1, 1, -2, 1);
    lua_pushinteger(L, 2);
    enum hp_status status = status_of(lua_pcall(L, 1, 1, 0));
    return status == HP_OK && lua_tointeger(L, -1) != 42 ? HP_UNSUPPORTED : status;
}

static int try_dump(lua_State *L)
{
    struct trial *t = lua_touserdata(L, 1);
    t->status = load_known(L);
    if (t->status == HP_OK)
        t->status = rebuild(L, t);
    if (t->status == HP_OK)
        t->status = call_joined(L);
    return 0;
}

/* HP_OK, HP_UNSUPPORTED, or HP_NO_MEMORY, which says nothing about the format. [-0, +0, -] */
static enum hp_status try_dump_format(lua_State *L, struct hp_arena *a)
{
    struct trial trial = {.status = HP_UNSUPPORTED};
    struct hp_lx_failure failure = {0};
    int result = hp_lx_protect(L, try_dump, &trial, a, &failure);
    hp_prototypes_fini(&trial.tree);
    hp_mem_free(trial.dump);
    hp_mem_free(trial.chunk);
    return result == LUA_OK ? trial.status : status_of(result);
}

/* --- open and close --------------------------------------------------------------------------- */

static int open_protected(lua_State *L)
{
    struct hp_engine *e = lua_touserdata(L, 1);
    e->stragglers = hp_stragglers_open(L);
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
    bool opened = open_parts(e, options) &&
                  hp_lx_protect(L, open_protected, e, &e->arena, &failure) == LUA_OK && e->context.history;
    enum hp_status dump = opened ? try_dump_format(L, &e->arena) : HP_NO_MEMORY;
    if (dump == HP_NO_MEMORY) {
        hp_engine_close(e, L);
        return NULL;
    }
    e->dump_works = dump == HP_OK;
    *error = NULL;
    return e;
}

void hp_engine_close(struct hp_engine *e, lua_State *L)
{
    if (!e)
        return;
    hp_engine_abandon(e, L);
    hp_turn_stop(e->clearing);
    hp_engine_guard_stop(e, L);
    hp_stragglers_close(L, e->stragglers);
    hp_sources_unwrap_searcher(L, e->context.sources);
    hp_history_close(e->context.history, L);
    free_parts(e);
}

/* --- one request ------------------------------------------------------------------------------ */

static void run_other(lua_State *L, struct hp_engine *e)
{
    const struct hp_request *r = e->task.request;
    switch (r->kind) {
    case HP_KIND_INSPECT:
        e->task.report->status = hp_inspect(L, r->target ? r->target : "", e->task.report);
        break;
    case HP_KIND_EVAL:
        e->task.report->status =
            hp_eval(L, r->code.data ? r->code.data : "", r->code.len, r->code_name ? r->code_name : "=eval",
                    EVAL_INSTRUCTIONS, e->task.report);
        break;
    case HP_KIND_MODULES:
        e->task.report->status = hp_target_list(L, e->task.report);
        break;
    default:
        hp_report_fail(e->task.report, HP_UNSUPPORTED, "the engine has no answer to \"%s\"",
                       hp_kind_word(r->kind));
    }
    e->task.done = true;
}

static int step_on_own_stack(lua_State *L)
{
    struct hp_engine *e = lua_touserdata(L, 1);
    lua_settop(L, 0);
    if (e->task.patch)
        e->task.done = hp_patch_step(L, e->task.patch, e->task.poller, e->task.used_us);
    else
        run_other(L, e);
    return 0;
}

/* What an error that came through means: the server is out of memory, or we have a bug. */
static void note_failure(struct hp_engine *e, const struct hp_lx_failure *failure)
{
    struct hp_report *report = e->task.report;
    e->task.done = true;
    if (e->task.patch && hp_patch_committed(e->task.patch))
        hp_patch_give_up_sweeps(e->task.patch, "memory ran out");
    else if (failure->status == LUA_ERRMEM)
        hp_report_fail(report, HP_NO_MEMORY, "the server is out of memory; nothing was changed");
    else
        hp_report_fail(report, HP_FAILED, "%s", failure->text ? failure->text : "an error without a text");
}

/* A coroutine of the agent's own: the hooks of the caller's do not see it, and its stack is ours. In the
 * registry, under the engine's address, until the request ends. */
static int make_stack(lua_State *L)
{
    struct hp_engine *e = lua_touserdata(L, 1);
    lua_State *co = lua_newthread(L);
    hp_lx_set_hook(co, NULL, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, e);
    e->task.stack = co;
    return 0;
}

static void drop_stack(struct hp_engine *e, lua_State *L)
{
    if (!e->task.stack)
        return;
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, e); /* the key is there: no memory is needed */
}

/* The work is called on our own stack directly, not from a function on the caller's: so what a host keeps on
 * a stack with nothing running is within reach of the search. */
static void step_protected(struct hp_engine *e, lua_State *L)
{
    struct hp_lx_failure failure = {0};
    struct hp_arena *arena = &e->task.report->arena;
    int status = e->task.stack ? LUA_OK : hp_lx_protect(L, make_stack, e, arena, &failure);
    if (status == LUA_OK)
        status = hp_lx_protect(e->task.stack, step_on_own_stack, e, arena, &failure);
    if (status != LUA_OK)
        note_failure(e, &failure);
}

static bool has_changed(enum hp_status status)
{
    return status == HP_APPLIED || status == HP_REVERTED || status == HP_PARTIAL || status == HP_ROLLED_BACK;
}

/* Before the task ends; the collector is stopped. In a forked child the patch may have to be leaked. */
static void stop_patch(struct hp_engine *e)
{
    if (e->task.patch && !hp_patch_stop(e->task.patch))
        e->task.patch = NULL;
}

static void take_watch(struct hp_engine *e, lua_State *L)
{
    struct hp_watch *watch = hp_patch_take_watch(e->task.patch);
    if (!watch)
        return;
    hp_engine_guard_stop(e, L); /* of a patch that is on trial no more */
    e->watch = watch;
    hp_watch_on_news(watch, e->tell, e->tell_ud);
}

static void clear(void *patch)
{
    hp_patch_free(patch);
}

/* Beside the server where it takes long, one at a time. In a forked child what its parent was clearing is
 * left alone. */
static void free_patch(struct hp_engine *e, struct hp_patch *patch)
{
    if (e->clearing && hp_turn_is_done(e->clearing)) {
        hp_turn_stop(e->clearing);
        e->clearing = NULL;
    }
    if (e->clearing || !hp_patch_is_large(patch) || !hp_turn_start(&e->clearing, clear, patch, NULL))
        hp_patch_free(patch);
}

static void end_task(struct hp_engine *e, lua_State *L)
{
    struct hp_report *report = e->task.report;
    drop_stack(e, L);
    if (e->task.patch) {
        take_watch(e, L);
        hp_patch_forget(L, e->task.patch);
        hp_patch_settle(e->task.patch);
        free_patch(e, e->task.patch);
    }
    if (hp_arena_failed(&report->arena) && !has_changed(report->status))
        report->status = HP_NO_MEMORY; /* what it says otherwise may lack what matters */
    if (report->status == HP_NO_MEMORY && !report->error)
        hp_report_fail(report, HP_NO_MEMORY, "the server is out of memory; nothing was changed");
    report->generation = hp_history_generation(e->context.history);
    e->task = (struct hp_task){0};
}

static int begin_stragglers(lua_State *L)
{
    struct hp_engine *e = lua_touserdata(L, 1);
    hp_stragglers_begin(L, e->stragglers);
    return 0;
}

/* Something was replaced: who still holds it? Without memory for that it stays unknown. [-0, +0, -] */
static void await_stragglers(struct hp_engine *e, lua_State *L, struct hp_report *report)
{
    hp_lx_protect(L, begin_stragglers, e, &report->arena, NULL);
}

static bool is_patch(const struct hp_request *request)
{
    return request->kind == HP_KIND_DIFF || request->kind == HP_KIND_PUSH ||
           request->kind == HP_KIND_REVERT || request->kind == HP_KIND_VERIFY;
}

static void begin(struct hp_engine *e, const struct hp_request *request, const char *who,
                  struct hp_report *report, bool one_stop)
{
    e->task = (struct hp_task){.under_way = true, .request = request, .report = report};
    if (!is_patch(request))
        return;
    if (e->dump_works)
        e->task.patch = hp_patch_new(&e->context, request, who, report, one_stop);
    else
        hp_report_fail(report, HP_UNSUPPORTED,
                       "this Lua does not read its own dump as Lua 5.4 does: functions cannot be rebuilt; "
                       "use a Lua 5.4 of Debian's or "
                       "lua.org's");
    if (e->dump_works && !e->task.patch)
        report->status = HP_NO_MEMORY;
    e->task.done = e->task.patch == NULL;
}

static bool refuse_second(const struct hp_engine *e, struct hp_report *report)
{
    if (e->task.under_way)
        hp_report_fail(report, HP_BUSY, "another request is under way; nothing was changed, ask again");
    return e->task.under_way;
}

void hp_engine_begin(struct hp_engine *e, lua_State *L, const struct hp_request *request, const char *who,
                     struct hp_report *report)
{
    (void)L;
    if (!refuse_second(e, report))
        begin(e, request, who, report, false);
}

bool hp_engine_step(struct hp_engine *e, lua_State *L, int64_t used_us)
{
    if (!e->task.under_way)
        return true;
    bool patches = e->task.patch != NULL; /* else the server's own code is what runs */
    e->busy = true;
    if (patches)
        hp_collector_stop(&e->collector, L);
    e->task.poller = L;
    e->task.used_us = used_us;
    struct hp_report *report = e->task.report;
    int64_t generation = hp_history_generation(e->context.history);
    if (!e->task.done)
        step_protected(e, L);
    bool done = e->task.done;
    if (done) {
        stop_patch(e);
        end_task(e, L);
    }
    /* From the commit on, for the sweeps may be given up; and again when they are through. */
    if (hp_history_generation(e->context.history) != generation || (done && has_changed(report->status)))
        await_stragglers(e, L, report);
    if (patches)
        hp_collector_start(&e->collector, L);
    e->busy = false;
    return done;
}

void hp_engine_abandon(struct hp_engine *e, lua_State *L)
{
    if (!e->task.under_way)
        return;
    hp_collector_stop(&e->collector, L);
    stop_patch(e);
    hp_collector_start(&e->collector, L);
    e->task.report->error = NULL;                           /* of what was given up */
    if (e->task.patch && hp_patch_committed(e->task.patch)) /* too late: only the sweep is given up */
        hp_patch_give_up_sweeps(e->task.patch, "the request was given up");
    else
        hp_report_fail(e->task.report, HP_TIMEOUT, "the request was given up before anything was changed");
    end_task(e, L);
}

void hp_engine_run(struct hp_engine *e, lua_State *L, const struct hp_request *request, const char *who,
                   struct hp_report *report)
{
    if (refuse_second(e, report))
        return;
    begin(e, request, who, report, true);
    while (!hp_engine_step(e, L, 0))
        continue;
}

void hp_engine_hurry(struct hp_engine *e)
{
    if (e->task.patch)
        hp_patch_hurry(e->task.patch);
}

bool hp_engine_is_away(const struct hp_engine *e)
{
    return e->task.patch && hp_patch_is_away(e->task.patch);
}

bool hp_engine_wants_stop(const struct hp_engine *e)
{
    return e->task.patch && hp_patch_wants_stop(e->task.patch);
}

void hp_engine_on_call(struct hp_engine *e, void (*call)(void *ud), void *ud)
{
    e->context.bell = (struct hp_turn_bell){call, ud};
}

void hp_engine_progress(const struct hp_engine *e, struct hp_engine_progress *out)
{
    *out = (struct hp_engine_progress){.under_way = e->task.under_way, .phase = "run"};
    if (!e->task.patch)
        return;
    out->phase = hp_patch_phase(e->task.patch);
    out->objects = hp_patch_objects(e->task.patch);
    out->slices = hp_patch_slices(e->task.patch);
    out->longest_us = hp_patch_longest_us(e->task.patch);
}

void hp_engine_log(const struct hp_engine *engine, struct hp_report *report)
{
    hp_history_log(engine->context.history, report);
    report->generation = hp_history_generation(engine->context.history);
}

void hp_engine_on_news(struct hp_engine *e, void (*tell)(void *ud), void *ud)
{
    e->tell = tell;
    e->tell_ud = ud;
    hp_stragglers_on_news(e->stragglers, tell, ud);
    if (e->watch)
        hp_watch_on_news(e->watch, tell, ud);
}

bool hp_engine_guard_look(struct hp_engine *e, lua_State *L, struct hp_engine_guard *out)
{
    struct hp_watch_view view;
    *out = (struct hp_engine_guard){.text = ""};
    if (!e->watch)
        return false;
    hp_watch_look(e->watch, L, &view);
    *out = (struct hp_engine_guard){.calls = view.calls,
                                    .errors = view.errors,
                                    .tripped = view.tripped,
                                    .function = view.function,
                                    .function_calls = view.function_calls,
                                    .function_errors = view.function_errors,
                                    .text = view.text};
    return true;
}

const struct hp_tally *hp_engine_guard_tally(const struct hp_engine *e)
{
    return e->watch ? hp_watch_tally(e->watch) : NULL;
}

void hp_engine_guard_stop(struct hp_engine *e, lua_State *L)
{
    if (e->watch)
        hp_watch_stop(e->watch, L);
    hp_watch_free(e->watch);
    e->watch = NULL;
}

struct census {
    struct hp_engine *engine;
    struct hp_report *report;
};

static int count_stragglers(lua_State *L)
{
    struct census *c = lua_touserdata(L, 1);
    hp_stragglers_report(L, c->engine->stragglers, c->engine->context.history, c->report);
    return 0;
}

void hp_engine_stragglers(struct hp_engine *e, lua_State *L, struct hp_report *report)
{
    struct census census = {e, report};
    report->stragglers = HP_UNKNOWN;
    hp_collector_stop(&e->collector, L);
    hp_lx_protect(L, count_stragglers, &census, &report->arena, NULL);
    hp_collector_start(&e->collector, L);
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
