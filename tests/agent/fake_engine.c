#include "fake_engine.h"

#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

struct fake_engine fake;

struct hp_engine {
    bool busy;
    int64_t generation;
    int64_t patches;
    struct hp_report log;

    /* Under way. */
    const struct hp_request *request; /* NULL: nothing is */
    const char *who;
    struct hp_report *report;
    int steps;
    bool committed;
};

void fake_reset(void)
{
    int open = fake.open;
    fake = (struct fake_engine){.open = open};
}

static void append(char *text, size_t size, const char *more)
{
    size_t len = strlen(text);
    snprintf(text + len, size - len, "%s", more);
}

static void describe_list(const char *word, const char *const *list)
{
    if (!list)
        return;
    append(fake.options, sizeof fake.options, word);
    for (; *list; list++) {
        append(fake.options, sizeof fake.options, " ");
        append(fake.options, sizeof fake.options, *list);
    }
    append(fake.options, sizeof fake.options, ";");
}

static void describe(const struct hp_engine_options *options)
{
    char pause[32];
    fake.options[0] = '\0';
    describe_list("allow", options->allow);
    describe_list("deny", options->deny);
    snprintf(pause, sizeof pause, "pause %g", options->max_pause_ms);
    append(fake.options, sizeof fake.options, pause);
}

struct hp_engine *hp_engine_open(lua_State *L, const struct hp_engine_options *options, const char **error)
{
    (void)L;
    struct hp_engine *engine = fake.fail_open ? NULL : hp_mem_calloc(sizeof *engine);
    if (!engine) {
        *error = "not enough memory for the engine";
        return NULL;
    }
    hp_report_init(&engine->log);
    fake.open++;
    describe(options);
    return engine;
}

bool hp_engine_configure(struct hp_engine *engine, const struct hp_engine_options *options)
{
    (void)engine;
    if (fake.fail_configure)
        return false;
    describe(options);
    return true;
}

void hp_engine_close(struct hp_engine *engine, lua_State *L)
{
    (void)L;
    hp_report_fini(&engine->log);
    hp_mem_free(engine);
    fake.open--;
}

static void run_push(struct hp_engine *engine, const struct hp_request *request, const char *who,
                     struct hp_report *report)
{
    report->status = HP_APPLIED;
    report->patch = ++engine->generation;
    fake.guard = request->options.guard != NULL;
    engine->patches++;
    struct hp_report_patch *entry = HP_PUSH(&engine->log.arena, &engine->log.patches);
    if (!entry)
        return;
    entry->patch = report->patch;
    entry->status = "applied";
    entry->message = hp_arena_str(&engine->log.arena, request->options.message);
    entry->when = "2026-01-01T00:00:00Z";
    entry->who = hp_arena_str(&engine->log.arena, who);
    for (size_t i = 0; i < request->modules.count; i++) {
        struct hp_report_module *module = HP_PUSH(&report->arena, &report->modules);
        const char **name = HP_PUSH(&engine->log.arena, &entry->modules);
        if (module)
            module->module = hp_arena_str(&report->arena, request->modules.items[i].module);
        if (name)
            *name = hp_arena_str(&engine->log.arena, request->modules.items[i].module);
        if (module)
            module->source = hp_arena_strn(&report->arena, request->modules.items[i].source.data,
                                           request->modules.items[i].source.len);
    }
}

static void run_eval(lua_State *L, const struct hp_request *request, struct hp_report *report)
{
    int top = lua_gettop(L);
    if (luaL_loadbuffer(L, request->code.data, request->code.len, "=eval") != LUA_OK ||
        lua_pcall(L, 0, LUA_MULTRET, 0) != LUA_OK) {
        hp_report_fail(report, HP_FAILED, "%s", lua_tostring(L, -1));
        lua_settop(L, top);
        return;
    }
    for (int i = top + 1; i <= lua_gettop(L); i++) {
        const char **result = HP_PUSH(&report->arena, &report->results);
        if (result)
            *result = hp_arena_str(&report->arena, luaL_tolstring(L, i, NULL));
        lua_pop(L, 1);
    }
    lua_settop(L, top);
}

/* All of a request. */
static void run_whole(struct hp_engine *engine, lua_State *L, const struct hp_request *request,
                      const char *who, struct hp_report *report)
{
    fake.runs++;
    append(fake.order, sizeof fake.order, request->id ? request->id : "-");
    append(fake.order, sizeof fake.order, " ");
    snprintf(fake.who, sizeof fake.who, "%s", who ? who : "");
    switch (request->kind) {
    case HP_KIND_PUSH:
        run_push(engine, request, who, report);
        break;
    case HP_KIND_REVERT:
        report->status = HP_REVERTED;
        report->patch = request->patch;
        engine->generation++;
        engine->patches--;
        break;
    case HP_KIND_EVAL:
        run_eval(L, request, report);
        break;
    case HP_KIND_DIFF:
        report->status = HP_PLANNED;
        break;
    default:
        break;
    }
    report->generation = engine->generation;
    if (fake.output_bytes) {
        char *output = hp_arena_alloc(&report->arena, fake.output_bytes + 1);
        if (output)
            memset(output, 'x', fake.output_bytes);
        report->output = output;
    }
}

void hp_engine_run(struct hp_engine *engine, lua_State *L, const struct hp_request *request, const char *who,
                   struct hp_report *report)
{
    if (engine->request) {
        hp_report_fail(report, HP_BUSY, "another request is under way");
        return;
    }
    engine->busy = true;
    run_whole(engine, L, request, who, report);
    engine->busy = false;
}

/* --- in slices -------------------------------------------------------------------------------- */

void hp_engine_begin(struct hp_engine *engine, lua_State *L, const struct hp_request *request,
                     const char *who, struct hp_report *report)
{
    (void)L;
    engine->request = request;
    engine->who = who;
    engine->report = report;
    engine->steps = 0;
    engine->committed = false;
}

static bool is_sliced(const struct hp_request *request)
{
    return request->kind != HP_KIND_EVAL && request->kind != HP_KIND_INSPECT;
}

static void commit(struct hp_engine *engine, lua_State *L)
{
    engine->committed = true;
    run_whole(engine, L, engine->request, engine->who, engine->report);
}

bool hp_engine_wants_stop(const struct hp_engine *engine)
{
    (void)engine;
    return false;
}
bool hp_engine_step(struct hp_engine *engine, lua_State *L, int64_t used_us)
{
    fake.used_us = used_us;
    int slices = is_sliced(engine->request) && fake.slices > 0 ? fake.slices : 1;
    int commit_at = fake.commit_at > 0 && fake.commit_at < slices ? fake.commit_at : slices;
    engine->busy = true;
    fake.steps++;
    fake.stepped_on = L;
    if (++engine->steps == commit_at)
        commit(engine, L);
    engine->busy = false;
    if (engine->steps < slices)
        return false;
    engine->request = NULL;
    return true;
}

void hp_engine_abandon(struct hp_engine *engine, lua_State *L)
{
    (void)L;
    if (!engine->request)
        return;
    fake.abandoned++;
    engine->request = NULL;
}

void hp_engine_progress(const struct hp_engine *engine, struct hp_engine_progress *out)
{
    *out = (struct hp_engine_progress){0};
    if (!engine->request)
        return;
    out->under_way = true;
    out->phase = engine->committed ? "sweep" : "search";
    out->slices = engine->steps;
    out->objects = 1000 * engine->steps;
    out->longest_us = 900;
}

void hp_engine_log(const struct hp_engine *engine, struct hp_report *report)
{
    report->generation = engine->generation;
    for (size_t i = engine->log.patches.count; i-- > 0;) {
        struct hp_report_patch *entry = HP_PUSH(&report->arena, &report->patches);
        const struct hp_report_patch *from = &engine->log.patches.items[i];
        if (!entry)
            return;
        entry->patch = from->patch;
        entry->status = from->status;
        entry->when = from->when;
        entry->message = hp_arena_str(&report->arena, from->message);
        entry->who = hp_arena_str(&report->arena, from->who);
        for (size_t k = 0; k < from->modules.count; k++) {
            const char **name = HP_PUSH(&report->arena, &entry->modules);
            if (name)
                *name = hp_arena_str(&report->arena, from->modules.items[k]);
        }
    }
}

int64_t hp_engine_generation(const struct hp_engine *engine)
{
    return engine->generation;
}

int64_t hp_engine_patches(const struct hp_engine *engine)
{
    return engine->patches;
}

bool hp_engine_busy(const struct hp_engine *engine)
{
    return engine->busy;
}

/* The fake does all its work in its steps. */
void hp_engine_hurry(struct hp_engine *engine)
{
    (void)engine;
}

bool hp_engine_is_away(const struct hp_engine *engine)
{
    (void)engine;
    return false;
}

void hp_engine_on_call(struct hp_engine *engine, void (*call)(void *ud), void *ud)
{
    (void)engine;
    (void)call;
    (void)ud;
}
void hp_engine_on_news(struct hp_engine *engine, void (*tell)(void *ud), void *ud)
{
    (void)engine;
    (void)tell;
    (void)ud;
}

void hp_engine_stragglers(struct hp_engine *engine, lua_State *L, struct hp_report *report)
{
    (void)engine;
    (void)L;
    report->stragglers = HP_UNKNOWN;
}

bool hp_engine_guard_look(struct hp_engine *engine, lua_State *L, struct hp_engine_guard *out)
{
    (void)engine;
    (void)L;
    *out = (struct hp_engine_guard){.text = ""};
    fake.looks += fake.guard;
    return fake.guard;
}

const struct hp_tally *hp_engine_guard_tally(const struct hp_engine *engine)
{
    static struct hp_tally tally;
    (void)engine;
    return fake.guard ? &tally : NULL;
}

void hp_engine_guard_stop(struct hp_engine *engine, lua_State *L)
{
    (void)engine;
    (void)L;
    fake.guard = false;
}
