#include "agent/trust.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/bundle.h"
#include "proto/minisign.h"
#include "proto/protocol.h"

#define MAX_KEYS   64
#define MAX_SERIES 1024
#define MAX_NAME   200 /* of a series */

struct key {
    struct hp_public_key key;
    const char *name;
    HP_LIST(const char *) modules; /* none: all */
};

struct series {
    const char *name;
    int64_t created; /* of the newest bundle that was taken */
};

struct hp_trust {
    struct hp_arena arena;
    HP_LIST(struct key) keys;
    size_t need;
    bool eval;
    const char *file; /* absolute; NULL: what was taken is known as long as the process lives */
    pthread_mutex_t lock;
    HP_LIST(struct series) series;
    bool dirty;
};

/* --- keys ------------------------------------------------------------------------------------- */

/* A file, or the key itself, in base64. */
static bool read_key(const char *text, struct hp_public_key *out, struct hp_why *why)
{
    char content[HP_MINISIGN_TEXT_MAX];
    if (hp_public_key_read(text, strlen(text), out))
        return true;
    FILE *file = fopen(text, "rbe");
    if (!file)
        return hp_why_set(why,
                          "trust: %s is neither a public key of minisign nor a file that can be read (%s)",
                          text, strerror(errno));
    size_t len = fread(content, 1, sizeof content, file);
    fclose(file);
    return hp_public_key_read(content, len, out) ||
           hp_why_set(why, "trust: %s has no public key of minisign; `minisign -G` makes one", text);
}

static const struct key *key_numbered(const struct hp_trust *t, const uint8_t number[8])
{
    for (size_t i = 0; i < t->keys.count; i++)
        if (memcmp(t->keys.items[i].key.number, number, 8) == 0)
            return &t->keys.items[i];
    return NULL;
}

static bool add_key(struct hp_trust *t, const struct hotpatch_trust_key *given, struct hp_why *why)
{
    char id[HP_MINISIGN_ID_SIZE];
    struct hp_public_key public;
    if (!given->key)
        return hp_why_set(why, "trust: a key has no 'key'");
    if (!read_key(given->key, &public, why))
        return false;
    hp_minisign_id(public.number, id);
    if (key_numbered(t, public.number))
        return hp_why_set(why, "trust: the key %s is listed twice", id);
    struct key *key = HP_PUSH(&t->arena, &t->keys);
    if (!key)
        return hp_why_set(why, "not enough memory");
    key->key = public;
    key->name = hp_arena_str(&t->arena, given->name && *given->name ? given->name : id);
    for (const char *const *m = given->modules; m && *m; m++) {
        const char **pattern = HP_PUSH(&t->arena, &key->modules);
        if (pattern)
            *pattern = hp_arena_str(&t->arena, *m);
    }
    return true;
}

/* --- series ----------------------------------------------------------------------------------- */

/* Under the lock, or before anybody else knows the trust. */
static struct series *find_series(struct hp_trust *t, const char *name)
{
    for (size_t i = 0; i < t->series.count; i++)
        if (strcmp(t->series.items[i].name, name) == 0)
            return &t->series.items[i];
    return NULL;
}

static void remember(struct hp_trust *t, const char *name, int64_t created)
{
    struct series *s = find_series(t, name);
    if (!s && t->series.count < MAX_SERIES && (s = HP_PUSH(&t->arena, &t->series)) != NULL)
        *s = (struct series){hp_arena_str(&t->arena, name), created};
    if (s && created > s->created)
        s->created = created;
}

/* Lines "CREATED SERIES". */
static bool read_state(struct hp_trust *t, struct hp_why *why)
{
    char line[MAX_NAME + 32];
    FILE *file = fopen(t->file, "re");
    if (!file)
        return errno == ENOENT ||
               hp_why_set(why, "trust: the state file %s cannot be read: %s", t->file, strerror(errno));
    while (fgets(line, sizeof line, file)) {
        char *name;
        long long created = strtoll(line, &name, 10);
        line[strcspn(line, "\n")] = '\0';
        if (name == line || *name != ' ') {
            fclose(file);
            return hp_why_set(why, "trust: %s is no state file of hotpatch; name another, or mend it",
                              t->file);
        }
        remember(t, name + 1, created);
    }
    fclose(file);
    return true;
}

/* As a new file in the place of the old one, whole or not at all. */
static bool write_state(const struct hp_trust *t, struct hp_why *why)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s.new", t->file);
    FILE *file = fopen(path, "we");
    bool ok = file && fchmod(fileno(file), 0600) == 0;
    for (size_t i = 0; ok && i < t->series.count; i++)
        ok = fprintf(file, "%lld %s\n", (long long)t->series.items[i].created, t->series.items[i].name) > 0;
    ok = ok && fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (file)
        ok = fclose(file) == 0 && ok;
    ok = ok && rename(path, t->file) == 0;
    return ok || hp_why_set(why, "trust: the state file %s cannot be written: %s", t->file, strerror(errno));
}

bool hp_trust_is_newest(struct hp_trust *t, const struct hp_request *request)
{
    if (!t || !request->series)
        return true;
    pthread_mutex_lock(&t->lock);
    const struct series *s = find_series(t, request->series);
    bool newest = !s || request->created >= s->created;
    pthread_mutex_unlock(&t->lock);
    return newest;
}

void hp_trust_took(struct hp_trust *t, const struct hp_request *request)
{
    if (!t || !request->series)
        return;
    pthread_mutex_lock(&t->lock);
    remember(t, request->series, request->created);
    t->dirty = true;
    pthread_mutex_unlock(&t->lock);
}

bool hp_trust_save(struct hp_trust *t, struct hp_why *why)
{
    if (!t || !t->file)
        return true;
    pthread_mutex_lock(&t->lock);
    bool saved = !t->dirty || write_state(t, why);
    t->dirty = t->dirty && !saved;
    pthread_mutex_unlock(&t->lock);
    return saved;
}

/* --- life ------------------------------------------------------------------------------------- */

/* A program may change its directory later. The file need not be there yet; its folder must. */
static bool take_file(struct hp_trust *t, const char *given, struct hp_why *why)
{
    char folder[PATH_MAX], real[PATH_MAX];
    const char *slash = strrchr(given, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - given + 1) : 1, slash ? given : ".");
    if (!realpath(folder, real))
        return hp_why_set(why, "trust: the folder of the state file %s: %s", given, strerror(errno));
    t->file = hp_arena_printf(&t->arena, "%s/%s", real, slash ? slash + 1 : given);
    return read_state(t, why) && write_state(t, why);
}

static bool fill(struct hp_trust *t, const struct hotpatch_trust *options, struct hp_why *why)
{
    if (options->key_count == 0 || options->key_count > MAX_KEYS)
        return hp_why_set(
            why, "trust: list 1 to %d keys, as in trust = { keys = { \"/etc/hotpatch/release.pub\" } }",
            MAX_KEYS);
    for (size_t i = 0; i < options->key_count; i++)
        if (!add_key(t, &options->keys[i], why))
            return false;
    if (options->need < 0 || (size_t)options->need > options->key_count)
        return hp_why_set(why, "trust: need = %d, and there are %zu keys", options->need, options->key_count);
    t->need = options->need > 0 ? (size_t)options->need : 1;
    t->eval = options->eval != 0;
    if (options->state && !take_file(t, options->state, why))
        return false;
    return !hp_arena_failed(&t->arena) || hp_why_set(why, "not enough memory");
}

struct hp_trust *hp_trust_open(const struct hotpatch_trust *options, struct hp_why *why)
{
    struct hp_trust *t = hp_mem_calloc(sizeof *t);
    if (!t) {
        hp_why_set(why, "not enough memory");
        return NULL;
    }
    hp_arena_init(&t->arena);
    pthread_mutex_init(&t->lock, NULL);
    if (fill(t, options, why))
        return t;
    hp_trust_close(t);
    return NULL;
}

void hp_trust_close(struct hp_trust *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    hp_arena_fini(&t->arena);
    hp_mem_free(t);
}

/* --- admission -------------------------------------------------------------------------------- */

static bool deny(struct hp_report *report, enum hp_status status, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static bool deny(struct hp_report *report, enum hp_status status, const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    hp_report_fail(report, status, "%s", hp_arena_vprintf(&report->arena, fmt, ap));
    va_end(ap);
    if (report->error)
        report->error->hint = hint;
    return false;
}

static bool is_listed(const struct key *key, const struct hp_request_module *module)
{
    for (size_t i = 0; i < key->modules.count; i++)
        if (module->module && fnmatch(key->modules.items[i], module->module, 0) == 0)
            return true;
    return false;
}

/* The first module that the key may not sign for; NULL: none. */
static const struct hp_request_module *beyond_scope(const struct key *key, const struct hp_request *r)
{
    for (size_t i = 0; key->modules.count > 0 && i < r->modules.count; i++)
        if (!is_listed(key, &r->modules.items[i]))
            return &r->modules.items[i];
    return NULL;
}

static void add_signer(char signers[HP_TRUST_SIGNERS_MAX], const char *name)
{
    size_t len = strlen(signers);
    snprintf(signers + len, HP_TRUST_SIGNERS_MAX - len, "%s%s", len ? ", " : "", name);
}

/* The keys that have signed these bytes, each once. */
static size_t find_signers(const struct hp_trust *t, const struct hp_request *r,
                           const struct key *out[HP_MAX_SIGNATURES])
{
    size_t count = 0;
    for (size_t i = 0; i < r->signatures.count && count < HP_MAX_SIGNATURES; i++) {
        const char *text = r->signatures.items[i];
        uint8_t number[8];
        const struct key *key = hp_signature_key(text, strlen(text), number) ? key_numbered(t, number) : NULL;
        bool again = false;
        for (size_t k = 0; k < count; k++)
            again = again || out[k] == key;
        if (key && !again &&
            hp_signature_check(text, strlen(text), &key->key, r->bundle.data, r->bundle.len, NULL))
            out[count++] = key;
    }
    return count;
}

/* Do enough of them cover all that is in the bundle? */
static bool check_scopes(const struct hp_trust *t, const struct hp_request *r,
                         const struct key *const found[HP_MAX_SIGNATURES], size_t count,
                         struct hp_report *report, char signers[HP_TRUST_SIGNERS_MAX])
{
    size_t within = 0;
    for (size_t i = 0; i < count; i++) {
        if (!beyond_scope(found[i], r)) {
            within++;
            add_signer(signers, found[i]->name);
        }
    }
    for (size_t i = 0; within < t->need && r->kind == HP_KIND_PUSH && i < count; i++) {
        const struct hp_request_module *beyond = beyond_scope(found[i], r);
        if (beyond)
            return deny(report, HP_DENIED, "have it signed by a key that covers all its modules",
                        "the key %s may not sign for %s", found[i]->name,
                        beyond->module ? beyond->module : "modules that are not named");
    }
    return true;
}

static bool admit_bundle(struct hp_trust *t, struct hp_request *r, int64_t now_s, struct hp_report *report,
                         char signers[HP_TRUST_SIGNERS_MAX])
{
    const struct key *found[HP_MAX_SIGNATURES];
    size_t count = t ? find_signers(t, r, found) : 0;
    const char *error = NULL;
    if (t && r->kind == HP_KIND_PUSH && count < t->need)
        return deny(report, HP_DENIED, "hotpatch sign -k KEY BUNDLE, with a key that the server lists",
                    "%zu of the keys that this agent trusts %s signed the bundle, and %zu must", count,
                    count == 1 ? "has" : "have", t->need);
    enum hp_status status = hp_bundle_unpack(r, now_s, &error);
    if (status != HP_OK)
        return deny(report, status, NULL, "%s", error);
    return !t || check_scopes(t, r, found, count, report, signers);
}

bool hp_trust_admit(struct hp_trust *t, struct hp_request *r, int64_t now_s, struct hp_report *report,
                    char signers[HP_TRUST_SIGNERS_MAX])
{
    signers[0] = '\0';
    if (r->bundle.data)
        return admit_bundle(t, r, now_s, report, signers);
    if (t && r->kind == HP_KIND_PUSH)
        return deny(report, HP_DENIED,
                    "hotpatch bundle -o fix.hotpatch …; hotpatch sign -k KEY fix.hotpatch; hotpatch push "
                    "fix.hotpatch",
                    "this agent takes signed bundles only");
    if (t && !t->eval && r->kind == HP_KIND_EVAL)
        return deny(report, HP_DENIED, "hotpatch inspect",
                    "this agent takes signed bundles only, and so runs no code with eval");
    return true;
}
