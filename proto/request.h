/* hotpatch: a request, as a plain struct. Everything it points to lives in its arena.
 *
 * No Lua value, no nng message: a request may cross threads. Whoever holds it owns it; handing it to a
 * mailbox hands over the arena too. */
#ifndef HP_REQUEST_H
#define HP_REQUEST_H

#include "arena.h"
#include "shape.h"
#include "status.h"

enum hp_kind {
    HP_KIND_STATUS,
    HP_KIND_LOG,
    HP_KIND_PROGRESS,
    HP_KIND_CANCEL,
    HP_KIND_DIFF,
    HP_KIND_PUSH,
    HP_KIND_REVERT,
    HP_KIND_INSPECT,
    HP_KIND_EVAL,
    HP_KIND_VERIFY,  /* is what runs what the sources say? */
    HP_KIND_MODULES, /* which Lua modules are loaded, and from which files */
    HP_KIND_CONFIRM,
    HP_KIND_COUNT
};
const char *hp_kind_word(enum hp_kind kind);
int hp_kind_from_word(const char *word); /* -1 when unknown */
bool hp_kind_needs_lua(enum hp_kind kind);

/* One chunk and what it replaces. */
struct hp_request_module {
    /* The target as written: "battle", "battle.Skill.cast" (a point fix), "@plugins/x.lua" (a source file),
     * "" or NULL (the agent finds the loaded module whose file `file` is). Of a dotted name, the longest
     * prefix that is a loaded module is the module and the rest is the path. */
    const char *module;
    const char *file; /* the client's name of the file: "src/battle.lua"; used for chunk names and messages */
    struct hp_bytes source; /* the new chunk: text */
    struct hp_bytes base;   /* data NULL: none sent */
    const char *base_label; /* how to call the base in messages: a file name or a git revision */
};

struct hp_options {
    const char *effects; /* "none" (default), "new" */
    const char *merge;   /* "keep" (default), "three-way" */
    const char *refs;    /* "heap" (default), "module" */
    bool strict, prune, all, atomic;
    HP_LIST(const char *) accept;    /* reason codes */
    HP_LIST(const char *) functions; /* --function PATH */
    double max_pause_ms;             /* 0: the agent's own */
    double search_limit_s;           /* 0: none */
    double confirm_within_s;         /* push: reverted by the agent unless confirmed in time; 0: for good */
    const char *guard; /* push with confirm_within_s: also when this rule is broken (rule.h); NULL: none */
    const char *expect_version;
    const char *message;
};

struct hp_request {
    struct hp_arena arena;
    int64_t protocol;
    const char *kind_word; /* as on the wire; `kind` is filled in by hp_request_decode */
    enum hp_kind kind;
    const char *id;
    const char *state;   /* which Lua state of the process; NULL: the only one, or "main" */
    int64_t deadline_ms; /* how long to wait for a safe point, from receipt */
    const char *client;  /* "hotpatch 0.1.0" */
    const char *user; /* who: the client's login name; the agent trusts the socket's credentials, not this */
    HP_LIST(struct hp_request_module) modules; /* diff, push, verify */
    struct hp_options options;                 /* diff, push, revert */
    int64_t patch;                             /* revert: 0 is the last; confirm: 0 is the one on trial */
    const char *target;                        /* inspect: "mod" or "mod.path" */
    struct hp_bytes code;                      /* eval */
    const char *code_name;                     /* eval: chunk name */
    struct hp_bytes bundle;                    /* diff, push, verify: instead of modules (bundle.h) */
    HP_LIST(const char *) signatures;          /* of the bundle: texts in minisign's format */

    /* Not on the wire: what the bundle says, once it is unpacked. */
    const char *series;
    int64_t created;
    const char *signed_by; /* names of the keys that counted */
};

extern const struct hp_shape HP_REQUEST_SHAPE;
/* The spec of hotpatch.patch{} is this and HP_OPTIONS_SHAPE, flat. */
extern const struct hp_shape HP_REQUEST_MODULE_SHAPE;
extern const struct hp_shape HP_OPTIONS_SHAPE;

struct hp_request *hp_request_new(void); /* NULL on no memory; heap, for hp_request_free */
void hp_request_free(struct hp_request *request);
/* Protocol set; effects, merge and refs have their defaults (static strings). */
void hp_request_init(struct hp_request *request);
void hp_request_fini(struct hp_request *request);

/* Encodes into a buffer that the caller frees with hp_mem_free. With `kind_word` NULL, `kind` counts. HP_OK
 * or HP_NO_MEMORY or HP_LIMIT (larger than HP_MAX_MESSAGE). */
enum hp_status hp_request_encode(const struct hp_request *request, char **data, size_t *len);

/* Checks the structure against the bytes present, then decodes and validates. `request` must be initialised;
 * on failure `error` gets a sentence (static or in the request's arena) and the result is HP_MALFORMED,
 * HP_LIMIT, HP_VERSION_MISMATCH, HP_UNSUPPORTED (unknown kind or option word) or HP_NO_MEMORY; `request->id`
 * is filled in whenever it could be read. Bytes are copied: `data` may be freed afterwards. */
enum hp_status hp_request_decode(struct hp_request *request, const char *data, size_t len,
                                 const char **error);

/* Are these options' values known and within bounds? HP_OK, or HP_UNSUPPORTED, HP_MALFORMED, HP_LIMIT with a
 * sentence in the arena. */
enum hp_status hp_request_check_options(const struct hp_options *options, struct hp_arena *arena,
                                        const char **error);

#endif
