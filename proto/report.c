/* hotpatch: the report's table, and how reports are begun, filled and sent; the contract is in report.h. */
#include "report.h"

#include <stdarg.h>

#include "protocol.h"
#include "wire.h"

/* ---- The table, leaves first ----
 *
 * What contract.md shows is always written, so that a script can rely on it; SKIP marks what only some kinds
 * of request have, and line numbers that are not known. */

#define NAMED(type, key_, name, kind_, sub_, flags_)                                                         \
    {                                                                                                        \
        .key = (key_), .kind = (kind_), .offset = offsetof(type, name), .sub = (sub_), .flags = (flags_)     \
    }
#define KEY(type, name, kind, sub, flags) NAMED(type, #name, name, kind, sub, flags)
#define SKIP                              HP_FLAG_SKIP_EMPTY
#define WRITE                             HP_FLAG_NONE
#define SHAPE(name, type, fields)                                                                            \
    {                                                                                                        \
        name, sizeof(type), fields, sizeof(fields) / sizeof *(fields)                                        \
    }

#define AGENT(name, kind, flags) KEY(struct hp_report_agent, name, kind, NULL, flags)
static const struct hp_field agent_fields[] = {
    AGENT(pid, HP_FIELD_INT, WRITE),       AGENT(name, HP_FIELD_STR, WRITE),
    AGENT(state, HP_FIELD_STR, WRITE),     AGENT(lua, HP_FIELD_STR, WRITE),
    AGENT(version, HP_FIELD_STR, WRITE),   AGENT(endpoint, HP_FIELD_STR, SKIP),
    AGENT(safepoint, HP_FIELD_STR, SKIP),  AGENT(program, HP_FIELD_STR, SKIP),
    AGENT(uptime_s, HP_FIELD_NUM, WRITE),  AGENT(patches, HP_FIELD_INT, WRITE),
    AGENT(generation, HP_FIELD_INT, SKIP), AGENT(pending, HP_FIELD_INT, SKIP),
    AGENT(idle_s, HP_FIELD_NUM, SKIP),     AGENT(user, HP_FIELD_STR, SKIP),
    AGENT(states, HP_FIELD_STRS, WRITE),   AGENT(listen, HP_FIELD_STRS, WRITE),
};
const struct hp_shape HP_REPORT_AGENT_SHAPE = SHAPE("report.agent", struct hp_report_agent, agent_fields);

#define FUNCTION(name, kind, flags) KEY(struct hp_report_function, name, kind, NULL, flags)
static const struct hp_field function_fields[] = {
    FUNCTION(path, HP_FIELD_STR, WRITE),     FUNCTION(verdict, HP_FIELD_STR, WRITE),
    FUNCTION(line, HP_FIELD_INT, SKIP),      FUNCTION(was, HP_FIELD_STR, SKIP),
    FUNCTION(last_line, HP_FIELD_INT, SKIP), FUNCTION(old, HP_FIELD_STR, SKIP),
    FUNCTION(diff, HP_FIELD_STR, SKIP),      FUNCTION(origin, HP_FIELD_STR, SKIP),
    FUNCTION(patch, HP_FIELD_INT, SKIP),
};
static const struct hp_shape function_shape =
    SHAPE("report.function", struct hp_report_function, function_fields);

static const struct hp_field field_fields[] = {
    KEY(struct hp_report_field, path, HP_FIELD_STR, NULL, WRITE),
    KEY(struct hp_report_field, action, HP_FIELD_STR, NULL, WRITE),
};
static const struct hp_shape field_shape = SHAPE("report.field", struct hp_report_field, field_fields);

#define MODULE(name, kind, sub) KEY(struct hp_report_module, name, kind, sub, WRITE)
static const struct hp_field module_fields[] = {
    MODULE(module, HP_FIELD_STR, NULL),
    MODULE(source, HP_FIELD_STR, NULL),
    MODULE(base, HP_FIELD_STR, NULL),
    MODULE(functions, HP_FIELD_LIST, &function_shape),
    MODULE(joined, HP_FIELD_STRS, NULL),
    MODULE(absent, HP_FIELD_STRS, NULL),
    MODULE(orphaned, HP_FIELD_STRS, NULL),
    MODULE(fields, HP_FIELD_LIST, &field_shape),
    KEY(struct hp_report_module, file, HP_FIELD_STR, NULL, SKIP),
};
static const struct hp_shape module_shape = SHAPE("report.module", struct hp_report_module, module_fields);

static const struct hp_field skipped_fields[] = {
    KEY(struct hp_report_skipped, file, HP_FIELD_STR, NULL, WRITE),
    KEY(struct hp_report_skipped, why, HP_FIELD_STR, NULL, WRITE),
};
static const struct hp_shape skipped_shape =
    SHAPE("report.skipped", struct hp_report_skipped, skipped_fields);

#define REFERENCE(name) KEY(struct hp_report_references, name, HP_FIELD_INT, NULL, WRITE)
static const struct hp_field references_fields[] = {
    REFERENCE(table),     REFERENCE(key),      REFERENCE(upvalue),   REFERENCE(registry),
    REFERENCE(metatable), REFERENCE(userdata), REFERENCE(coroutine),
};
static const struct hp_shape references_shape =
    SHAPE("report.references", struct hp_report_references, references_fields);

#define COROUTINE(name, kind) KEY(struct hp_report_coroutine, name, kind, NULL, WRITE)
static const struct hp_field coroutine_fields[] = {
    COROUTINE(function, HP_FIELD_STR),
    COROUTINE(at, HP_FIELD_STR),
    COROUTINE(count, HP_FIELD_INT),
};
static const struct hp_shape coroutine_shape =
    SHAPE("report.coroutine", struct hp_report_coroutine, coroutine_fields);

#define HELD(name, kind) KEY(struct hp_report_held, name, kind, NULL, WRITE)
static const struct hp_field held_fields[] = {HELD(at, HP_FIELD_STR), HELD(count, HP_FIELD_INT)};
static const struct hp_shape held_shape = SHAPE("report.held", struct hp_report_held, held_fields);

#define RUNNING(name, kind) KEY(struct hp_report_running, name, kind, NULL, WRITE)
static const struct hp_field running_fields[] = {
    RUNNING(kind, HP_FIELD_STR),    RUNNING(id, HP_FIELD_STR),     RUNNING(phase, HP_FIELD_STR),
    RUNNING(objects, HP_FIELD_INT), RUNNING(slices, HP_FIELD_INT), RUNNING(pause_us, HP_FIELD_INT),
};
static const struct hp_shape running_shape =
    SHAPE("report.running", struct hp_report_running, running_fields);

#define BUNDLED(name, kind, flags) KEY(struct hp_report_bundled, name, kind, NULL, flags)
static const struct hp_field bundled_fields[] = {
    BUNDLED(module, HP_FIELD_STR, WRITE), BUNDLED(file, HP_FIELD_STR, WRITE),
    BUNDLED(lines, HP_FIELD_INT, WRITE), BUNDLED(base, HP_FIELD_STR, SKIP)};
static const struct hp_shape bundled_shape =
    SHAPE("report.bundled", struct hp_report_bundled, bundled_fields);

#define BUNDLE(name, kind, sub, flags) KEY(struct hp_report_bundle, name, kind, sub, flags)
static const struct hp_field bundle_fields[] = {BUNDLE(sha256, HP_FIELD_STR, NULL, WRITE),
                                                BUNDLE(series, HP_FIELD_STR, NULL, SKIP),
                                                BUNDLE(created, HP_FIELD_STR, NULL, WRITE),
                                                BUNDLE(expires, HP_FIELD_STR, NULL, SKIP),
                                                BUNDLE(expired, HP_FIELD_BOOL, NULL, SKIP),
                                                BUNDLE(author, HP_FIELD_STR, NULL, SKIP),
                                                BUNDLE(client, HP_FIELD_STR, NULL, SKIP),
                                                BUNDLE(message, HP_FIELD_STR, NULL, SKIP),
                                                BUNDLE(options, HP_FIELD_STRS, NULL, WRITE),
                                                BUNDLE(keys, HP_FIELD_STRS, NULL, WRITE),
                                                BUNDLE(modules, HP_FIELD_LIST, &bundled_shape, WRITE)};
static const struct hp_shape bundle_shape = SHAPE("report.bundle", struct hp_report_bundle, bundle_fields);

#define GUARD(name, kind, flags) KEY(struct hp_report_guard, name, kind, NULL, flags)
static const struct hp_field guard_fields[] = {
    GUARD(rule, HP_FIELD_STR, WRITE),           GUARD(calls, HP_FIELD_INT, WRITE),
    GUARD(errors, HP_FIELD_INT, WRITE),         GUARD(tripped, HP_FIELD_BOOL, WRITE),
    GUARD(function, HP_FIELD_STR, SKIP),        GUARD(function_calls, HP_FIELD_INT, SKIP),
    GUARD(function_errors, HP_FIELD_INT, SKIP), GUARD(last_error, HP_FIELD_STR, SKIP),
};
static const struct hp_shape guard_shape = SHAPE("report.guard", struct hp_report_guard, guard_fields);

#define PROVISIONAL(name, kind) KEY(struct hp_report_provisional, name, kind, NULL, WRITE)
static const struct hp_field provisional_fields[] = {
    PROVISIONAL(patch, HP_FIELD_INT), PROVISIONAL(left_s, HP_FIELD_NUM),
    KEY(struct hp_report_provisional, guard, HP_FIELD_OPT_MAP, &guard_shape, SKIP)};
static const struct hp_shape provisional_shape =
    SHAPE("report.provisional", struct hp_report_provisional, provisional_fields);

#define EFFECT(name, kind, flags) KEY(struct hp_report_effect, name, kind, NULL, flags)
static const struct hp_field effect_fields[] = {
    EFFECT(call, HP_FIELD_STR, WRITE),       EFFECT(args, HP_FIELD_STR, WRITE),
    EFFECT(line, HP_FIELD_INT, SKIP),        EFFECT(change, HP_FIELD_STR, WRITE),
    EFFECT(performed, HP_FIELD_BOOL, WRITE),
};
static const struct hp_shape effect_shape = SHAPE("report.effect", struct hp_report_effect, effect_fields);

#define REPLAY(key, name, kind, flags) NAMED(struct hp_report_replay, key, name, kind, NULL, flags)
static const struct hp_field replay_fields[] = {
    REPLAY("call", call, HP_FIELD_STR, WRITE),
    REPLAY("args", args, HP_FIELD_STR, WRITE),
    REPLAY("line", line, HP_FIELD_INT, SKIP),
    REPLAY("for", for_path, HP_FIELD_STR, WRITE),
};
static const struct hp_shape replay_shape = SHAPE("report.replay", struct hp_report_replay, replay_fields);

#define NOTE(name, kind, flags) KEY(struct hp_report_note, name, kind, NULL, flags)
static const struct hp_field note_fields[] = {
    NOTE(code, HP_FIELD_STR, WRITE), NOTE(path, HP_FIELD_STR, WRITE),   NOTE(text, HP_FIELD_STR, WRITE),
    NOTE(line, HP_FIELD_INT, SKIP),  NOTE(module, HP_FIELD_STR, WRITE),
};
static const struct hp_shape note_shape = SHAPE("report.note", struct hp_report_note, note_fields);

#define ERROR(name, kind, flags) KEY(struct hp_report_error, name, kind, NULL, flags)
static const struct hp_field error_fields[] = {
    ERROR(text, HP_FIELD_STR, WRITE),  ERROR(traceback, HP_FIELD_STR, SKIP),
    ERROR(module, HP_FIELD_STR, SKIP), ERROR(file, HP_FIELD_STR, SKIP),
    ERROR(line, HP_FIELD_INT, SKIP),   ERROR(source_line, HP_FIELD_STR, WRITE),
    ERROR(hint, HP_FIELD_STR, SKIP),
};
static const struct hp_shape error_shape = SHAPE("report.error", struct hp_report_error, error_fields);

#define COST(name) KEY(struct hp_report_cost, name, HP_FIELD_INT, NULL, WRITE)
static const struct hp_field cost_fields[] = {
    COST(objects), COST(slices), COST(load_us), COST(commit_us), COST(pause_us), COST(total_us), COST(memory),
};
static const struct hp_shape cost_shape = SHAPE("report.cost", struct hp_report_cost, cost_fields);

#define PATCH(name, kind) KEY(struct hp_report_patch, name, kind, NULL, WRITE)
static const struct hp_field patch_fields[] = {
    PATCH(patch, HP_FIELD_INT),
    PATCH(status, HP_FIELD_STR),
    PATCH(modules, HP_FIELD_STRS),
    PATCH(message, HP_FIELD_STR),
    PATCH(when, HP_FIELD_STR),
    PATCH(who, HP_FIELD_STR),
    PATCH(functions, HP_FIELD_INT),
    KEY(struct hp_report_patch, trial, HP_FIELD_STR, NULL, SKIP),
    KEY(struct hp_report_patch, guard, HP_FIELD_OPT_MAP, &guard_shape, SKIP),
};
static const struct hp_shape patch_shape = SHAPE("report.patch", struct hp_report_patch, patch_fields);

#define UPVALUE(name, kind) KEY(struct hp_report_upvalue, name, kind, NULL, WRITE)
static const struct hp_field upvalue_fields[] = {
    UPVALUE(name, HP_FIELD_STR),  UPVALUE(index, HP_FIELD_INT), UPVALUE(type, HP_FIELD_STR),
    UPVALUE(value, HP_FIELD_STR), UPVALUE(cell, HP_FIELD_STR),  UPVALUE(shared_with, HP_FIELD_STRS),
};
static const struct hp_shape upvalue_shape =
    SHAPE("report.upvalue", struct hp_report_upvalue, upvalue_fields);

#define INSPECTED(name, kind, sub, flags) KEY(struct hp_report_inspected, name, kind, sub, flags)
static const struct hp_field inspected_fields[] = {
    INSPECTED(path, HP_FIELD_STR, NULL, WRITE),
    INSPECTED(source, HP_FIELD_STR, NULL, WRITE),
    INSPECTED(line, HP_FIELD_INT, NULL, SKIP),
    INSPECTED(upvalues, HP_FIELD_LIST, &upvalue_shape, WRITE),
};
static const struct hp_shape inspected_shape =
    SHAPE("report.inspected", struct hp_report_inspected, inspected_fields);

#define REPORT(name, kind, sub, flags) KEY(struct hp_report, name, kind, sub, flags)
static const struct hp_field report_fields[] = {
    REPORT(protocol, HP_FIELD_INT, NULL, WRITE), /* first: see protocol.h */
    REPORT(status, HP_FIELD_STATUS, NULL, WRITE),
    REPORT(id, HP_FIELD_STR, NULL, WRITE),
    REPORT(patch, HP_FIELD_INT, NULL, SKIP),
    REPORT(generation, HP_FIELD_INT, NULL, WRITE),
    REPORT(agent, HP_FIELD_MAP, &HP_REPORT_AGENT_SHAPE, SKIP),
    REPORT(modules, HP_FIELD_LIST, &module_shape, WRITE),
    REPORT(references, HP_FIELD_MAP, &references_shape, WRITE),
    REPORT(searched, HP_FIELD_STR, NULL, SKIP),
    REPORT(instances, HP_FIELD_INT, NULL, WRITE),
    REPORT(stragglers, HP_FIELD_COUNT, NULL, WRITE),
    REPORT(coroutines, HP_FIELD_LIST, &coroutine_shape, WRITE),
    REPORT(effects, HP_FIELD_LIST, &effect_shape, WRITE),
    REPORT(replayed, HP_FIELD_LIST, &replay_shape, WRITE),
    REPORT(warnings, HP_FIELD_LIST, &note_shape, WRITE),
    REPORT(refusals, HP_FIELD_LIST, &note_shape, WRITE),
    REPORT(error, HP_FIELD_OPT_MAP, &error_shape, SKIP),
    REPORT(output, HP_FIELD_STR, NULL, SKIP),
    REPORT(results, HP_FIELD_STRS, NULL, SKIP),
    REPORT(cost, HP_FIELD_MAP, &cost_shape, WRITE),
    REPORT(held, HP_FIELD_LIST, &held_shape, SKIP),
    REPORT(running, HP_FIELD_OPT_MAP, &running_shape, SKIP),
    REPORT(provisional, HP_FIELD_OPT_MAP, &provisional_shape, SKIP),
    REPORT(bundle, HP_FIELD_OPT_MAP, &bundle_shape, SKIP),
    REPORT(signed_by, HP_FIELD_STR, NULL, SKIP),
    REPORT(patches, HP_FIELD_LIST, &patch_shape, SKIP),
    REPORT(functions, HP_FIELD_LIST, &inspected_shape, SKIP),
    REPORT(skipped, HP_FIELD_LIST, &skipped_shape, SKIP),
    REPORT(candidates, HP_FIELD_STRS, NULL, SKIP),
};
const struct hp_shape HP_REPORT_SHAPE = SHAPE("report", struct hp_report, report_fields);

/* --- Life ------------------------------------------------------------------------------------- */

void hp_report_init(struct hp_report *report)
{
    *report = (struct hp_report){.protocol = HP_PROTOCOL_VERSION, .status = HP_OK, .stragglers = HP_UNKNOWN};
    hp_arena_init(&report->arena);
}

void hp_report_fini(struct hp_report *report)
{
    hp_arena_fini(&report->arena);
    hp_report_init(report);
}

struct hp_report *hp_report_new(void)
{
    struct hp_report *report = hp_mem_alloc(sizeof *report);
    if (report != NULL)
        hp_report_init(report);
    return report;
}

void hp_report_free(struct hp_report *report)
{
    if (report != NULL) {
        hp_report_fini(report);
        hp_mem_free(report);
    }
}

/* --- Filling ---------------------------------------------------------------------------------- */

static void fill_note(struct hp_arena *a, struct hp_report_note *note, int reason, const char *module,
                      const char *path, const char *fmt, va_list ap)
{
    const struct hp_reason_info *info = hp_reason_info(reason);
    if (note == NULL)
        return; /* no memory: the arena's flag says so */
    note->code = info != NULL ? info->code : NULL;
    note->module = hp_arena_str(a, module);
    note->path = hp_arena_str(a, path);
    note->text = hp_arena_vprintf(a, fmt, ap);
}

void hp_report_warn(struct hp_report *r, int reason, const char *module, const char *path, const char *fmt,
                    ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill_note(&r->arena, HP_PUSH(&r->arena, &r->warnings), reason, module, path, fmt, ap);
    va_end(ap);
}

void hp_report_note_text(struct hp_report *r, const char *text)
{
    struct hp_report_note *note = HP_PUSH(&r->arena, &r->warnings);
    if (note != NULL)
        note->text = hp_arena_str(&r->arena, text);
}

void hp_report_refuse(struct hp_report *r, int reason, const char *module, const char *path, const char *fmt,
                      ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill_note(&r->arena, HP_PUSH(&r->arena, &r->refusals), reason, module, path, fmt, ap);
    va_end(ap);
}

/* The first failure is the one with an error; when there was no memory for it, the arena's flag stands for
 * it. */
enum hp_status hp_report_fail(struct hp_report *r, enum hp_status status, const char *fmt, ...)
{
    bool again = r->error != NULL || (hp_arena_failed(&r->arena) && hp_status_info(r->status)->exit != 0);
    if (again)
        return status;
    r->status = status;
    r->error = hp_arena_alloc(&r->arena, sizeof *r->error);
    if (r->error != NULL) {
        va_list ap;
        va_start(ap, fmt);
        r->error->text = hp_arena_vprintf(&r->arena, fmt, ap);
        va_end(ap);
    }
    return status;
}

/* --- Sending ---------------------------------------------------------------------------------- */

enum hp_status hp_report_encode(const struct hp_report *report, char **data, size_t *len)
{
    return hp_wire_encode(&HP_REPORT_SHAPE, report, data, len);
}

/* A report of four keys, by tables of its own: the full one is longer than the fixed buffers that callers
 * have. */
struct fixed_report {
    int64_t protocol;
    enum hp_status status;
    const char *id;
    struct hp_report_error *error;
};

static const struct hp_field fixed_fields[] = {
    KEY(struct fixed_report, protocol, HP_FIELD_INT, NULL, WRITE),
    KEY(struct fixed_report, status, HP_FIELD_STATUS, NULL, WRITE),
    KEY(struct fixed_report, id, HP_FIELD_STR, NULL, WRITE),
    KEY(struct fixed_report, error, HP_FIELD_OPT_MAP, &error_shape, WRITE),
};
static const struct hp_shape fixed_shape = SHAPE("report.fixed", struct fixed_report, fixed_fields);

size_t hp_report_encode_fixed(char *buf, size_t size, enum hp_status status, const char *id)
{
    struct hp_report_error error = {.text = hp_status_info(status)->sentence};
    struct fixed_report report = {HP_PROTOCOL_VERSION, status, id, &error};
    size_t len = hp_wire_encode_fixed(&fixed_shape, &report, buf, size);
    if (len == 0) {
        report.error = NULL; /* the status word alone has to do */
        len = hp_wire_encode_fixed(&fixed_shape, &report, buf, size);
    }
    return len;
}

/* --- Receiving -------------------------------------------------------------------------------- */

static const char *mismatch_text(struct hp_arena *a, int64_t protocol)
{
    const char *older = protocol < HP_PROTOCOL_VERSION
                            ? "the agent is the older side: update hotpatch in the server"
                            : "this client is the older side: update the hotpatch command";
    return hp_arena_printf(a, "the agent speaks protocol %lld, this client protocol %d; %s",
                           (long long)protocol, HP_PROTOCOL_VERSION, older);
}

enum hp_status hp_report_decode(struct hp_report *report, const char *data, size_t len, const char **error)
{
    int64_t protocol = 0;
    report->status = HP_STATUS_COUNT; /* no word for it, so still there means: none came */
    enum hp_status result =
        hp_wire_decode(&HP_REPORT_SHAPE, report, &report->arena, data, len, &protocol, error);
    if (result == HP_VERSION_MISMATCH) {
        *error = mismatch_text(&report->arena, protocol);
    } else if (result == HP_OK && report->status == HP_STATUS_COUNT) {
        result = HP_MALFORMED;
        *error = "the report has no \"status\"";
    }
    if (hp_arena_failed(&report->arena)) {
        result = HP_NO_MEMORY;
        *error = "memory is short";
    }
    if (result != HP_OK)
        report->status = result;
    return result;
}
