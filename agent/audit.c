#include "agent/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/arena.h"
#include "proto/digest.h"

#define TAIL (64 * 1024) /* of an existing file: its last line is looked for in that */

struct hp_audit {
    pthread_mutex_t lock;
    char *path;
    int file;
    long long number; /* of the last line */
    char last[HP_DIGEST_SIZE];
};

/* --- a line ----------------------------------------------------------------------------------- */

/* Grows; a failed allocation is sticky. */
struct line {
    char *text;
    size_t len, cap;
    bool failed;
};

static void add_bytes(struct line *l, const char *bytes, size_t len)
{
    if (l->cap - l->len <= len && !l->failed) {
        size_t cap = (l->len + len + 1) * 2;
        char *text = hp_mem_realloc(l->text, cap);
        l->failed = text == NULL;
        l->text = text ? text : l->text;
        l->cap = text ? cap : l->cap;
    }
    if (l->failed)
        return;
    memcpy(l->text + l->len, bytes, len);
    l->len += len;
    l->text[l->len] = '\0';
}

static void add(struct line *l, const char *text)
{
    add_bytes(l, text, strlen(text));
}

/* How many bytes the character of UTF-8 has that begins here; 0: it is none. */
static size_t character(const unsigned char *s)
{
    size_t len = *s < 0x80                 ? 1
                 : *s >= 0xc2 && *s < 0xe0 ? 2
                 : *s >= 0xe0 && *s < 0xf0 ? 3
                 : *s >= 0xf0 && *s < 0xf5 ? 4
                                           : 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool odd = len == 3 && ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] >= 0xa0));
    odd = odd || (len == 4 && ((*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] >= 0x90)));
    return odd ? 0 : len;
}

static void add_string(struct line *l, const char *value)
{
    add(l, "\"");
    for (const unsigned char *s = (const unsigned char *)value; *s;) {
        char escaped[8];
        size_t len = character(s);
        if (*s == '"' || *s == '\\') {
            snprintf(escaped, sizeof escaped, "\\%c", *s);
            add(l, escaped);
        } else if (len == 0 || *s < 0x20 || *s == 0x7f) {
            snprintf(escaped, sizeof escaped, "\\u%04x", len == 0 ? 0xfffdu : *s);
            add(l, escaped);
        } else {
            add_bytes(l, (const char *)s, len);
        }
        s += len ? len : 1;
    }
    add(l, "\"");
}

static void add_key(struct line *l, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    add(l, ",\"");
    add(l, key);
    add(l, "\":");
    add_string(l, value);
}

static void add_number(struct line *l, const char *key, long long value)
{
    char text[64];
    snprintf(text, sizeof text, ",\"%s\":%lld", key, value);
    add(l, text);
}

static void begin_line(struct line *l, const struct hp_audit *a, const char *event)
{
    char when[40], head[128];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(head, sizeof head, "{\"line\":%lld,\"when\":\"%s.%03ldZ\"", a->number + 1, when,
             now.tv_nsec / 1000000);
    add(l, head);
    add_key(l, "event", event);
    add_number(l, "pid", (long long)getpid());
}

/* --- the file --------------------------------------------------------------------------------- */

static bool cannot(const struct hp_audit *a, struct hp_why *why)
{
    return hp_why_set(why, "the audit file %s cannot be written: %s", a->path, strerror(errno));
}

static bool lock_file(const struct hp_audit *a, int file, struct hp_why *why)
{
    if (flock(file, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        return hp_why_set(why, "the audit file %s is being written by another agent; give each its own",
                          a->path);
    return cannot(a, why);
}

/* Finds out how the chain goes on, and ends a last line that was cut off. */
static bool read_tail(struct hp_audit *a, int file, struct hp_why *why)
{
    struct stat info;
    char *tail = hp_mem_alloc(TAIL + 1);
    if (!tail)
        return hp_why_no_memory(why, "");
    bool ok = fstat(file, &info) == 0;
    off_t from = ok && info.st_size > TAIL ? info.st_size - TAIL : 0;
    ssize_t len = ok ? pread(file, tail, TAIL, from) : -1;
    if (len > 0) {
        bool cut = tail[len - 1] != '\n';
        size_t end = (size_t)len - (cut ? 0 : 1), start = end;
        while (start > 0 && tail[start - 1] != '\n')
            start--;
        tail[end] = '\0';
        hp_digest(tail + start, end - start, a->last);
        if (sscanf(tail + start, "{\"line\":%lld,", &a->number) != 1)
            a->number++;
        ok = !cut || write(file, "\n", 1) == 1;
    }
    hp_mem_free(tail);
    return (ok && len >= 0) || cannot(a, why);
}

static bool open_file(struct hp_audit *a, struct hp_why *why)
{
    int file = open(a->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return cannot(a, why);
    if (!lock_file(a, file, why) || !read_tail(a, file, why)) {
        close(file);
        return false;
    }
    if (a->file >= 0)
        close(a->file);
    a->file = file;
    return true;
}

/* Was the file moved away, or deleted? */
static bool is_elsewhere(const struct hp_audit *a)
{
    struct stat ours, there;
    return fstat(a->file, &ours) != 0 || stat(a->path, &there) != 0 || ours.st_ino != there.st_ino ||
           ours.st_dev != there.st_dev;
}

/* Takes back what a write has left of a line that did not fit. */
static bool give_up_line(const struct hp_audit *a, off_t before, struct hp_why *why)
{
    int error = errno;
    if (ftruncate(a->file, before) != 0) { /* then the next line begins after a cut one: `check` tells */
    }
    errno = error;
    return cannot(a, why);
}

/* Under the lock. Ends the line with the hash of the one before, and waits until it is on the disk. */
static bool put_line(struct hp_audit *a, struct line *l, struct hp_why *why)
{
    struct stat info;
    add_key(l, "previous", a->last);
    add(l, "}\n");
    if (l->failed)
        return hp_why_no_memory(why, " for the audit file's line");
    if (fstat(a->file, &info) != 0)
        return cannot(a, why);
    errno = ENOSPC; /* of a short write */
    if (write(a->file, l->text, l->len) != (ssize_t)l->len || fdatasync(a->file) != 0)
        return give_up_line(a, info.st_size, why);
    a->number++;
    hp_digest(l->text, l->len - 1, a->last);
    return true;
}

/* --- open and close --------------------------------------------------------------------------- */

static bool put_event(struct hp_audit *a, const char *event, const char *name, struct hp_why *why)
{
    struct line l = {0};
    begin_line(&l, a, event);
    add_key(&l, "name", name);
    bool ok = put_line(a, &l, why);
    hp_mem_free(l.text);
    return ok;
}

static void free_audit(struct hp_audit *a)
{
    if (a->file >= 0)
        close(a->file);
    pthread_mutex_destroy(&a->lock);
    hp_mem_free(a->path);
    hp_mem_free(a);
}

struct hp_audit *hp_audit_open(const char *path, const char *name, struct hp_why *why)
{
    struct hp_audit *a = hp_mem_calloc(sizeof *a);
    size_t size = strlen(path) + 1;
    char *copy = hp_mem_alloc(size);
    if (!a || !copy) {
        hp_mem_free(a);
        hp_mem_free(copy);
        hp_why_no_memory(why, "");
        return NULL;
    }
    a->path = memcpy(copy, path, size);
    a->file = -1;
    memset(a->last, '0', HP_DIGEST_SIZE - 1);
    pthread_mutex_init(&a->lock, NULL);
    if (open_file(a, why) && put_event(a, "start", name, why))
        return a;
    free_audit(a);
    return NULL;
}

void hp_audit_close(struct hp_audit *a)
{
    struct hp_why ignored;
    if (!a)
        return;
    put_event(a, "stop", NULL, &ignored);
    free_audit(a);
}

void hp_audit_forget(struct hp_audit *a)
{
    if (a)
        free_audit(a);
}

/* --- requests --------------------------------------------------------------------------------- */

bool hp_audit_wants(enum hp_kind kind)
{
    return kind == HP_KIND_PUSH || kind == HP_KIND_REVERT || kind == HP_KIND_EVAL || kind == HP_KIND_CONFIRM;
}

static void add_source(struct line *l, const struct hp_bytes *source)
{
    char digest[HP_DIGEST_SIZE];
    if (!source->data)
        return;
    hp_digest(source->data, source->len, digest);
    add_key(l, "sha256", digest);
}

static void add_modules(struct line *l, const struct hp_request *request)
{
    if (request->modules.count == 0)
        return;
    add(l, ",\"modules\":[");
    for (size_t i = 0; i < request->modules.count; i++) {
        const struct hp_request_module *m = &request->modules.items[i];
        add(l, i ? ",{\"module\":" : "{\"module\":");
        add_string(l, m->module ? m->module : "");
        add_key(l, "file", m->file);
        add_source(l, &m->source);
        add(l, "}");
    }
    add(l, "]");
}

static void begin_request(struct line *l, const struct hp_audit *a, const char *event,
                          const struct hp_request *request, const char *who)
{
    begin_line(l, a, event);
    add_key(l, "kind", hp_kind_word(request->kind));
    add_key(l, "id", request->id);
    add_key(l, "who", who);
}

/* Under the lock; opens the file anew where that is needed. */
static bool write_line(struct hp_audit *a, struct line *l, struct hp_why *why)
{
    bool ok = put_line(a, l, why);
    hp_mem_free(l->text);
    return ok;
}

static bool ready(struct hp_audit *a, struct hp_why *why)
{
    return !is_elsewhere(a) || (open_file(a, why) && put_event(a, "continued", NULL, why));
}

bool hp_audit_asked(struct hp_audit *a, const struct hp_request *request, const char *who, struct hp_why *why)
{
    struct line l = {0};
    if (!a || !hp_audit_wants(request->kind))
        return true;
    pthread_mutex_lock(&a->lock);
    bool ok = ready(a, why);
    if (ok) {
        begin_request(&l, a, "asked", request, who);
        add_modules(&l, request);
        add_source(&l, &request->code);
        if (request->patch)
            add_number(&l, "patch", request->patch);
        add_key(&l, "message", request->options.message);
        ok = write_line(a, &l, why);
    }
    pthread_mutex_unlock(&a->lock);
    return ok;
}

bool hp_audit_denied(struct hp_audit *a, const struct hp_request *request, const char *who, const char *error,
                     struct hp_why *why)
{
    struct line l = {0};
    pthread_mutex_lock(&a->lock);
    bool ok = ready(a, why);
    if (ok) {
        begin_line(&l, a, "denied");
        add_key(&l, "kind", request ? hp_kind_word(request->kind) : NULL);
        add_key(&l, "id", request ? request->id : NULL);
        add_key(&l, "who", who);
        add_key(&l, "error", error);
        ok = write_line(a, &l, why);
    }
    pthread_mutex_unlock(&a->lock);
    return ok;
}

static long long functions_changed(const struct hp_report *report)
{
    long long count = 0;
    for (size_t m = 0; m < report->modules.count; m++) {
        for (size_t i = 0; i < report->modules.items[m].functions.count; i++) {
            const char *verdict = report->modules.items[m].functions.items[i].verdict;
            count += strcmp(verdict, "replaced") == 0 || strcmp(verdict, "added") == 0 ||
                     strcmp(verdict, "removed") == 0;
        }
    }
    return count;
}

static void add_outcome(struct line *l, const struct hp_report *report)
{
    if (report->patch)
        add_number(l, "patch", report->patch);
    add_number(l, "functions", functions_changed(report));
    for (size_t i = 0; i < report->refusals.count; i++) {
        add(l, i ? "," : ",\"refusals\":[");
        add_string(l, report->refusals.items[i].code ? report->refusals.items[i].code : "");
    }
    if (report->refusals.count)
        add(l, "]");
    if (report->error)
        add_key(l, "error", report->error->text);
}

bool hp_audit_done(struct hp_audit *a, const struct hp_request *request, const char *who,
                   enum hp_status status, const struct hp_report *report, struct hp_why *why)
{
    struct line l = {0};
    if (!a || !hp_audit_wants(request->kind))
        return true;
    pthread_mutex_lock(&a->lock);
    bool ok = ready(a, why);
    if (ok) {
        begin_request(&l, a, "done", request, who);
        add_key(&l, "status", hp_status_info(status)->word);
        if (report)
            add_outcome(&l, report);
        ok = write_line(a, &l, why);
    }
    pthread_mutex_unlock(&a->lock);
    return ok;
}
