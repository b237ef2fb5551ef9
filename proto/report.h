/* hotpatch: a report, as a plain struct. Everything it points to lives in its arena. Field by field:
 * contract, section 4, and docs/protocol.md. Strings are UTF-8 or arbitrary bytes without NUL; a list that is
 * empty is written as []. */
#ifndef HP_REPORT_H
#define HP_REPORT_H

#include "arena.h"
#include "shape.h"
#include "status.h"

struct hp_report_agent {
    int64_t pid;
    const char *name;
    const char *state;
    const char *lua;      /* "Lua 5.4" */
    const char *version;  /* of hotpatch */
    const char *endpoint; /* ps, status */
    const char *safepoint;
    const char *program; /* ps: what the process is: "lua5.4 server.lua" */
    double uptime_s;
    int64_t patches; /* committed and not reverted */
    int64_t generation;
    int64_t pending;  /* requests waiting for a safe point */
    double idle_s;    /* since the last poll; -1: never polled */
    const char *user; /* owner, "1000" or a name */
    HP_LIST(const char *) states;
    HP_LIST(const char *) listen; /* URLs beside the endpoint */
};

struct hp_report_function {
    const char *path;
    const char *verdict; /* replaced unchanged added kept removed */
    int64_t line;        /* in the new source */
    const char *was;     /* "mymodule.lua:5" */
    int64_t last_line;   /* where it ends in the new source */
    const char *old;     /* diff: the lines of the base's function; the client makes `diff` of them */
    const char
        *diff; /* a unified diff from what runs to the new source, with the lines of each; the client's */
    const char *origin; /* verify: where a function that differs came from: patch runtime version stripped */
    int64_t patch;      /* verify: the patch that put it */
};

struct hp_report_field {
    const char *path;
    const char *action; /* kept added updated conflict removed */
};

struct hp_report_module {
    const char *module;
    const char *source; /* "@mymodule.lua" */
    const char *base;   /* client pushed recorded disk none */
    const char *file;   /* modules: where it was loaded from, absolute where the file is there */
    HP_LIST(struct hp_report_function) functions;
    HP_LIST(const char *) joined;
    HP_LIST(const char *) absent;
    HP_LIST(const char *) orphaned;
    HP_LIST(struct hp_report_field) fields;
};

struct hp_report_skipped { /* a file of a revision that a request leaves out */
    const char *file;
    const char *why; /* a sentence */
};

struct hp_report_references {
    int64_t table, key, upvalue, registry, metatable, userdata, coroutine;
};

struct hp_report_coroutine {
    const char *function;
    const char *at; /* "mymodule.lua:42" */
    int64_t count;
};

struct hp_report_held { /* status: an old function that is still held somewhere */
    const char *at;     /* where it begins: "mymodule.lua:42" */
    int64_t count;
};

struct hp_report_bundled { /* a module of a bundle */
    const char *module, *file;
    int64_t lines;
    const char *base; /* what the base is called; NULL: it has none */
};

struct hp_report_bundle { /* bundle, sign, inspect of a file; times in UTC */
    const char *sha256;
    const char *series, *created, *expires, *author, *client, *message;
    bool expired;
    HP_LIST(const char *) options; /* "--accept R12" */
    HP_LIST(const char *) keys;    /* numbers of those that say they signed it; not checked */
    HP_LIST(struct hp_report_bundled) modules;
};

struct hp_report_guard {   /* of a provisional patch, and in the log of one that it reverted */
    const char *rule;      /* "errors<1%" */
    int64_t calls, errors; /* of the patched functions; calls that ended by an error */
    bool tripped;
    const char *function; /* whose calls broke the rule: "battle.cast"; NULL: those of all together */
    int64_t function_calls, function_errors;
    const char *last_error; /* the text of one, if any was to be had */
};

struct hp_report_provisional { /* push, status: the patch that is on trial */
    int64_t patch;
    double left_s;                 /* until it is reverted */
    struct hp_report_guard *guard; /* NULL: none */
};

struct hp_report_running { /* status: the request that is under way */
    const char *kind;
    const char *id;
    const char *phase; /* "search" */
    int64_t objects, slices, pause_us;
};

struct hp_report_effect {
    const char *call; /* "bus.on" */
    const char *args; /* "\"logout\", function" */
    int64_t line;
    const char *change; /* "new" "gone" */
    bool performed;
};

struct hp_report_replay {
    const char *call;
    const char *args;
    int64_t line;
    const char *for_path; /* "cast^log", key "for" */
};

struct hp_report_note { /* of warnings and refusals */
    const char *code;   /* "R12" */
    const char *path;
    const char *text; /* the sentence for this case, remedy included */
    int64_t line;
    const char *module;
};

struct hp_report_error {
    const char *text;
    const char *traceback;
    const char *module;
    const char *file;
    int64_t line;
    const char *source_line; /* the text of that line */
    const char *hint;        /* what to do next */
};

struct hp_report_cost {
    int64_t objects, slices, load_us, commit_us, pause_us, total_us, memory;
};

struct hp_report_patch { /* log */
    int64_t patch;
    const char *status; /* applied reverted */
    const char *trial;  /* provisional confirmed expired guard stuck; NULL: it was on none */
    HP_LIST(const char *) modules;
    const char *message;
    const char *when; /* ISO 8601, UTC */
    const char *who;  /* "uid 1000 (anna), pid 4121" */
    int64_t functions;
    struct hp_report_guard *guard; /* what it saw, while it is on and where it reverted the patch; NULL */
};

struct hp_report_upvalue {
    const char *name;
    int64_t index;
    const char *type;
    const char *value; /* short */
    const char *cell;  /* "0x55…": equal for shared cells */
    HP_LIST(const char *) shared_with;
};

struct hp_report_inspected {
    const char *path;
    const char *source;
    int64_t line;
    HP_LIST(struct hp_report_upvalue) upvalues;
};

struct hp_report {
    struct hp_arena arena;
    int64_t protocol;
    enum hp_status status;
    const char *id;
    int64_t patch;
    int64_t generation;
    struct hp_report_agent agent;
    HP_LIST(struct hp_report_module) modules;
    struct hp_report_references references;
    const char *searched; /* how far other holders were looked for: "heap", "module", "none" */
    int64_t instances;
    int64_t stragglers; /* HP_UNKNOWN until a collector cycle has passed */
    HP_LIST(struct hp_report_coroutine) coroutines;
    HP_LIST(struct hp_report_effect) effects;
    HP_LIST(struct hp_report_replay) replayed;
    HP_LIST(struct hp_report_note) warnings;
    HP_LIST(struct hp_report_note) refusals;
    struct hp_report_error *error; /* NULL: none */
    const char *output;
    HP_LIST(const char *) results;
    struct hp_report_cost cost;
    HP_LIST(struct hp_report_held) held;           /* status */
    struct hp_report_running *running;             /* status; NULL: none */
    struct hp_report_provisional *provisional;     /* push, status; NULL: none */
    struct hp_report_bundle *bundle;               /* of the client alone */
    const char *signed_by;                         /* push of a bundle: the keys that counted */
    HP_LIST(struct hp_report_patch) patches;       /* log */
    HP_LIST(struct hp_report_inspected) functions; /* inspect */
    HP_LIST(struct hp_report_skipped) skipped;     /* --git A..B, verify: files left out; the client's */
    HP_LIST(const char *) candidates;              /* names offered instead of an unknown or ambiguous one */
};

extern const struct hp_shape HP_REPORT_SHAPE;
extern const struct hp_shape HP_REPORT_AGENT_SHAPE;

struct hp_report *hp_report_new(void); /* NULL on no memory */
void hp_report_free(struct hp_report *report);
void hp_report_init(struct hp_report *report); /* status HP_OK, protocol set, stragglers unknown */
void hp_report_fini(struct hp_report *report);

/* Adding: copies all strings into the report's arena; with no memory the arena's sticky failure tells, later.
 */
void hp_report_warn(struct hp_report *r, int reason, const char *module, const char *path, const char *fmt,
                    ...) __attribute__((format(printf, 5, 6)));
void hp_report_refuse(struct hp_report *r, int reason, const char *module, const char *path, const char *fmt,
                      ...) __attribute__((format(printf, 5, 6)));
/* A warning without a code. */
void hp_report_note_text(struct hp_report *r, const char *text);
/* Sets status and error.text, once: a second failure keeps the first. Returns `status`. */
enum hp_status hp_report_fail(struct hp_report *r, enum hp_status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Encodes into a buffer that the caller frees with hp_mem_free. HP_OK, HP_NO_MEMORY, HP_LIMIT. */
enum hp_status hp_report_encode(const struct hp_report *report, char **data, size_t *len);

/* A short fixed report that needs no memory of the heap, for when there is none: writes at most `size` bytes
 * (256 are enough for any id) and returns the length, 0 if it does not fit. */
size_t hp_report_encode_fixed(char *buf, size_t size, enum hp_status status, const char *id);

/* As hp_request_decode: HP_OK, HP_MALFORMED (also: no status), HP_LIMIT, HP_VERSION_MISMATCH, HP_NO_MEMORY.
 * After a failure `report->status` is what is returned. */
enum hp_status hp_report_decode(struct hp_report *report, const char *data, size_t len, const char **error);

#endif
