/* hotpatch: the request's table, its defaults and what makes one valid; the contract is in request.h. */
#include "request.h"

#include <stdarg.h>
#include <string.h>

#include "protocol.h"
#include "rule.h"
#include "wire.h"

/* --- Kinds ------------------------------------------------------------------------------------ */

static const struct {
    const char *word;
    bool needs_lua;
} kinds[HP_KIND_COUNT] = {
    [HP_KIND_STATUS] = {"status", false},     [HP_KIND_LOG] = {"log", false},
    [HP_KIND_PROGRESS] = {"progress", false}, [HP_KIND_CANCEL] = {"cancel", false},
    [HP_KIND_DIFF] = {"diff", true},          [HP_KIND_PUSH] = {"push", true},
    [HP_KIND_REVERT] = {"revert", true},      [HP_KIND_INSPECT] = {"inspect", true},
    [HP_KIND_EVAL] = {"eval", true},          [HP_KIND_VERIFY] = {"verify", true},
    [HP_KIND_MODULES] = {"modules", true},    [HP_KIND_CONFIRM] = {"confirm", false},
};

const char *hp_kind_word(enum hp_kind kind)
{
    return (unsigned)kind < HP_KIND_COUNT ? kinds[kind].word : "unknown";
}

int hp_kind_from_word(const char *word)
{
    for (int i = 0; word != NULL && i < HP_KIND_COUNT; i++)
        if (strcmp(kinds[i].word, word) == 0)
            return i;
    return -1;
}

bool hp_kind_needs_lua(enum hp_kind kind)
{
    return (unsigned)kind < HP_KIND_COUNT && kinds[kind].needs_lua;
}

/* --- The table -------------------------------------------------------------------------------- */

#define KEY(type, name, kind_, sub_, flags_)                                                                 \
    {                                                                                                        \
        .key = #name, .kind = (kind_), .offset = offsetof(type, name), .sub = (sub_), .flags = (flags_)      \
    }
#define SKIP  HP_FLAG_SKIP_EMPTY
#define WRITE HP_FLAG_NONE

#define MODULE(name, kind, flags) KEY(struct hp_request_module, name, kind, NULL, flags)
static const struct hp_field module_fields[] = {
    MODULE(module, HP_FIELD_STR, WRITE),    MODULE(file, HP_FIELD_STR, WRITE),
    MODULE(source, HP_FIELD_BYTES, WRITE),  MODULE(base, HP_FIELD_BYTES, WRITE),
    MODULE(base_label, HP_FIELD_STR, SKIP),
};
const struct hp_shape HP_REQUEST_MODULE_SHAPE = {"request.module", sizeof(struct hp_request_module),
                                                 module_fields, sizeof module_fields / sizeof *module_fields};

#define OPTION(name, kind) KEY(struct hp_options, name, kind, NULL, SKIP)
static const struct hp_field options_fields[] = {
    OPTION(effects, HP_FIELD_STR),        OPTION(merge, HP_FIELD_STR),
    OPTION(refs, HP_FIELD_STR),           OPTION(strict, HP_FIELD_BOOL),
    OPTION(prune, HP_FIELD_BOOL),         OPTION(all, HP_FIELD_BOOL),
    OPTION(atomic, HP_FIELD_BOOL),        OPTION(accept, HP_FIELD_STRS),
    OPTION(functions, HP_FIELD_STRS),     OPTION(max_pause_ms, HP_FIELD_NUM),
    OPTION(search_limit_s, HP_FIELD_NUM), OPTION(expect_version, HP_FIELD_STR),
    OPTION(message, HP_FIELD_STR),        OPTION(confirm_within_s, HP_FIELD_NUM),
    OPTION(guard, HP_FIELD_STR),
};
const struct hp_shape HP_OPTIONS_SHAPE = {"request.options", sizeof(struct hp_options), options_fields,
                                          sizeof options_fields / sizeof *options_fields};

#define REQUEST(name, kind, sub, flags) KEY(struct hp_request, name, kind, sub, flags)
static const struct hp_field request_fields[] = {
    REQUEST(protocol, HP_FIELD_INT, NULL, WRITE), /* first: docs of protocol.h */
    {.key = "kind", .kind = HP_FIELD_STR, .offset = offsetof(struct hp_request, kind_word)},
    REQUEST(id, HP_FIELD_STR, NULL, WRITE),
    REQUEST(state, HP_FIELD_STR, NULL, SKIP),
    REQUEST(deadline_ms, HP_FIELD_INT, NULL, WRITE),
    REQUEST(client, HP_FIELD_STR, NULL, SKIP),
    REQUEST(user, HP_FIELD_STR, NULL, SKIP),
    {.key = "modules",
     .kind = HP_FIELD_LIST,
     .offset = offsetof(struct hp_request, modules),
     .sub = &HP_REQUEST_MODULE_SHAPE,
     .flags = SKIP,
     .max_items = HP_MAX_MODULES},
    REQUEST(options, HP_FIELD_MAP, &HP_OPTIONS_SHAPE, SKIP),
    REQUEST(patch, HP_FIELD_INT, NULL, SKIP),
    REQUEST(target, HP_FIELD_STR, NULL, SKIP),
    REQUEST(code, HP_FIELD_BYTES, NULL, WRITE),
    REQUEST(code_name, HP_FIELD_STR, NULL, SKIP),
    REQUEST(bundle, HP_FIELD_BYTES, NULL, SKIP),
    {.key = "signatures",
     .kind = HP_FIELD_STRS,
     .offset = offsetof(struct hp_request, signatures),
     .flags = SKIP,
     .max_items = HP_MAX_SIGNATURES},
};
const struct hp_shape HP_REQUEST_SHAPE = {"request", sizeof(struct hp_request), request_fields,
                                          sizeof request_fields / sizeof *request_fields};

/* --- Life ------------------------------------------------------------------------------------- */

void hp_request_init(struct hp_request *request)
{
    *request = (struct hp_request){
        .protocol = HP_PROTOCOL_VERSION,
        .options = {.effects = "none", .merge = "keep", .refs = "heap"},
    };
    hp_arena_init(&request->arena);
}

void hp_request_fini(struct hp_request *request)
{
    hp_arena_fini(&request->arena);
    hp_request_init(request);
}

struct hp_request *hp_request_new(void)
{
    struct hp_request *request = hp_mem_alloc(sizeof *request);
    if (request != NULL)
        hp_request_init(request);
    return request;
}

void hp_request_free(struct hp_request *request)
{
    if (request != NULL) {
        hp_request_fini(request);
        hp_mem_free(request);
    }
}

enum hp_status hp_request_encode(const struct hp_request *request, char **data, size_t *len)
{
    struct hp_request filled = *request;
    if (filled.kind_word == NULL)
        filled.kind_word = hp_kind_word(filled.kind);
    return hp_wire_encode(&HP_REQUEST_SHAPE, &filled, data, len);
}

/* --- Validity --------------------------------------------------------------------------------- */

/* Far beyond any use, and far below where sums of times overflow. */
#define MAX_TIME_MS (INT64_C(366) * 24 * 3600 * 1000)

/* Collects the first complaint, as the rest of the decoding does. */
struct complaint {
    struct hp_arena *arena;
    enum hp_status status;
    const char *text;
};

static void complain(struct complaint *c, enum hp_status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void complain(struct complaint *c, enum hp_status status, const char *fmt, ...)
{
    if (c->status != HP_OK)
        return;
    va_list ap;
    va_start(ap, fmt);
    c->status = status;
    c->text = hp_arena_vprintf(c->arena, fmt, ap);
    va_end(ap);
}

static void check_word(struct complaint *c, const char *key, const char *word, const char *const *known)
{
    for (size_t i = 0; known[i] != NULL; i++)
        if (strcmp(word, known[i]) == 0)
            return;
    complain(c, HP_UNSUPPORTED, "this agent does not know the %s \"%.40s\" (it knows %s and %s)", key, word,
             known[0], known[1]);
}

static void check_time(struct complaint *c, const char *key, double ms)
{
    if (ms < 0)
        complain(c, HP_MALFORMED, "the key \"%s\" must not be negative", key);
    else if (ms > (double)MAX_TIME_MS)
        complain(c, HP_LIMIT, "the key \"%s\" is longer than a year", key);
}

static void check_guard(struct complaint *c, const struct hp_options *o)
{
    struct hp_rule rule;
    if (o->guard == NULL)
        return;
    if (!hp_rule_parse(o->guard, &rule)) {
        complain(c, HP_UNSUPPORTED, "this agent does not know the guard \"%.40s\" (it knows %s)", o->guard,
                 HP_RULE_FORM);
    }
    if (o->confirm_within_s <= 0)
        complain(c, HP_MALFORMED, "a guard needs \"confirm_within_s\", for how long it is on");
}

static void check_options(struct complaint *c, const struct hp_options *o)
{
    static const char *const effects[] = {"none", "new", NULL};
    static const char *const merge[] = {"keep", "three-way", NULL};
    static const char *const refs[] = {"heap", "module", NULL};
    check_word(c, "effects", o->effects, effects);
    check_word(c, "merge", o->merge, merge);
    check_word(c, "refs", o->refs, refs);
    for (size_t i = 0; i < o->accept.count; i++) {
        if (hp_reason_from_code(o->accept.items[i]) == HP_R00_NONE) {
            complain(c, HP_UNSUPPORTED, "this agent does not know the reason code \"%.40s\"",
                     o->accept.items[i]);
        }
    }
    check_guard(c, o);
    check_time(c, "options.max_pause_ms", o->max_pause_ms);
    check_time(c, "options.search_limit_s", o->search_limit_s * 1000);
    check_time(c, "options.confirm_within_s", o->confirm_within_s * 1000);
}

enum hp_status hp_request_check_options(const struct hp_options *options, struct hp_arena *arena,
                                        const char **error)
{
    struct complaint c = {.arena = arena, .status = HP_OK};
    check_options(&c, options);
    if (c.status != HP_OK)
        *error = c.text;
    return c.status;
}

static void check_id(struct complaint *c, const char *id)
{
    if (id == NULL || id[0] == '\0')
        complain(c, HP_MALFORMED, "the request has no \"id\"");
    else if (strlen(id) > HP_MAX_ID)
        complain(c, HP_LIMIT, "the \"id\" is longer than %d bytes", HP_MAX_ID);
}

/* What each kind cannot do without. */
static void check_kind(struct complaint *c, const struct hp_request *r)
{
    bool patching = r->kind == HP_KIND_DIFF || r->kind == HP_KIND_PUSH || r->kind == HP_KIND_VERIFY;
    if (patching && r->modules.count == 0 && r->bundle.data == NULL)
        complain(c, HP_MALFORMED, "a %s needs \"modules\"", r->kind_word);
    for (size_t i = 0; patching && i < r->modules.count; i++)
        if (r->modules.items[i].source.data == NULL)
            complain(c, HP_MALFORMED, "the key \"modules[%zu].source\" is missing", i);
    if (r->kind == HP_KIND_INSPECT && r->target == NULL)
        complain(c, HP_MALFORMED, "an inspect needs a \"target\"");
    if (r->kind == HP_KIND_EVAL && r->code.data == NULL)
        complain(c, HP_MALFORMED, "an eval needs \"code\"");
    if (r->patch < 0)
        complain(c, HP_MALFORMED, "the key \"patch\" must not be negative");
}

static void validate(struct complaint *c, struct hp_request *r)
{
    check_id(c, r->id);
    int kind = hp_kind_from_word(r->kind_word);
    if (r->kind_word == NULL)
        complain(c, HP_MALFORMED, "the request has no \"kind\"");
    else if (kind < 0)
        complain(c, HP_UNSUPPORTED, "this agent does not know requests of the kind \"%.40s\"", r->kind_word);
    if (c->status != HP_OK)
        return;
    r->kind = (enum hp_kind)kind;
    check_time(c, "deadline_ms", (double)r->deadline_ms);
    check_options(c, &r->options);
    check_kind(c, r);
}

static const char *mismatch_text(struct hp_arena *a, int64_t protocol)
{
    const char *older = protocol < HP_PROTOCOL_VERSION
                            ? "the client is the older side: update the hotpatch command"
                            : "the agent is the older side: update hotpatch in the server";
    return hp_arena_printf(a, "the client speaks protocol %lld, this agent protocol %d; %s",
                           (long long)protocol, HP_PROTOCOL_VERSION, older);
}

enum hp_status hp_request_decode(struct hp_request *request, const char *data, size_t len, const char **error)
{
    struct hp_arena *arena = &request->arena;
    struct complaint c = {.arena = arena, .status = HP_OK};
    int64_t protocol = 0;
    c.status = hp_wire_decode(&HP_REQUEST_SHAPE, request, arena, data, len, &protocol, &c.text);
    if (c.status == HP_VERSION_MISMATCH)
        c.text = mismatch_text(arena, protocol);
    else
        validate(&c, request); /* says nothing after an earlier complaint */
    if (hp_arena_failed(arena)) {
        c.status = HP_NO_MEMORY;
        c.text = "memory is short";
    }
    if (c.status != HP_OK)
        *error = c.text;
    return c.status;
}
