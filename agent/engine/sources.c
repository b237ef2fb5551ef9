/* hotpatch engine: the texts that live modules were loaded from; the contract is in sources.h. The wrapper of
 * the searcher is in searcher.c. */
#include "sources.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/arena.h"

#define MAX_FILE ((size_t)16 * 1024 * 1024)

/* One text, with its names, in one block. Recorded and pushed ones are of one kind. */
struct hp_pushed_text {
    struct hp_pushed_text *next;
    const char *module, *chunk_name, *text; /* in `bytes` */
    size_t len;                             /* of the text; NUL is appended */
    size_t size;                            /* of the block, for the cap */
    uint64_t *codes;                        /* of a pushed one: see hp_sources_had; NULL: none */
    size_t code_count;
    char bytes[];
};

struct hp_sources {
    size_t cap, used;                        /* bytes of recorded texts */
    struct hp_pushed_text *recorded, **last; /* oldest first; where the next one goes */
    struct hp_pushed_text *pushed;           /* in no order, one for each module */
};

struct hp_sources *hp_sources_new(size_t cap)
{
    struct hp_sources *s = hp_mem_calloc(sizeof *s);
    if (s != NULL) {
        s->cap = cap;
        s->last = &s->recorded;
    }
    return s;
}

static void free_all(struct hp_pushed_text *t)
{
    while (t != NULL) {
        struct hp_pushed_text *next = t->next;
        hp_sources_drop(t);
        t = next;
    }
}

void hp_sources_free(struct hp_sources *s)
{
    if (s == NULL)
        return;
    free_all(s->recorded);
    free_all(s->pushed);
    hp_mem_free(s);
}

static struct hp_pushed_text *new_text(const char *module, const char *chunk_name, const char *text,
                                       size_t len)
{
    size_t module_size = strlen(module) + 1, name_size = strlen(chunk_name) + 1;
    size_t names = sizeof(struct hp_pushed_text) + module_size + name_size;
    if (len >= SIZE_MAX - names)
        return NULL;
    struct hp_pushed_text *t = hp_mem_alloc(names + len + 1);
    if (t == NULL)
        return NULL;
    char *at = t->bytes;
    memcpy(at, module, module_size);
    memcpy(at + module_size, chunk_name, name_size);
    if (len != 0)
        memcpy(at + module_size + name_size, text, len);
    at[module_size + name_size + len] = '\0';
    t->next = NULL;
    t->codes = NULL;
    t->code_count = 0;
    t->module = at;
    t->chunk_name = at + module_size;
    t->text = at + module_size + name_size;
    t->len = len;
    t->size = names + len + 1;
    return t;
}

/* The link to the text of that module: where it hangs, or the end of the list. */
static struct hp_pushed_text **find(struct hp_pushed_text **link, const char *module)
{
    while (*link != NULL && strcmp((*link)->module, module) != 0)
        link = &(*link)->next;
    return link;
}

/* --- recorded --------------------------------------------------------------------------------- */

static void forget_recorded(struct hp_sources *s, struct hp_pushed_text **link)
{
    struct hp_pushed_text *t = *link;
    *link = t->next;
    if (t->next == NULL)
        s->last = link;
    s->used -= t->size;
    hp_mem_free(t);
}

bool hp_sources_record(struct hp_sources *s, const char *module, const char *chunk_name, const char *text,
                       size_t len)
{
    struct hp_pushed_text *t = NULL;
    if (len <= s->cap) {
        t = new_text(module, chunk_name, text, len);
        if (t == NULL)
            return false;
    }
    struct hp_pushed_text **old = find(&s->recorded, module);
    if (*old != NULL) /* also where the new one is too large: the old one is not what runs */
        forget_recorded(s, old);
    if (t != NULL && t->size > s->cap) {
        hp_mem_free(t);
        t = NULL;
    }
    if (t == NULL)
        return true;
    while (s->recorded != NULL && s->used > s->cap - t->size)
        forget_recorded(s, &s->recorded);
    *s->last = t;
    s->last = &t->next;
    s->used += t->size;
    return true;
}

/* --- pushed ----------------------------------------------------------------------------------- */

static bool has_code(const struct hp_pushed_text *t, uint64_t code)
{
    for (size_t i = 0; t != NULL && i < t->code_count; i++)
        if (t->codes[i] == code)
            return true;
    return false;
}

/* The codes of `before` (NULL: none) and those, each once; the last of them. False: no memory. */
static bool join_codes(struct hp_pushed_text *t, const struct hp_pushed_text *before, const uint64_t *codes,
                       size_t count)
{
    size_t old = before != NULL ? before->code_count : 0;
    count = count < HP_SOURCES_CODES ? count : HP_SOURCES_CODES;
    size_t skip = old + count > HP_SOURCES_CODES ? old + count - HP_SOURCES_CODES : 0;
    if (old + count == 0)
        return true;
    t->codes = hp_mem_alloc((old + count) * sizeof *t->codes);
    if (t->codes == NULL)
        return false;
    for (size_t i = skip; i < old; i++)
        t->codes[t->code_count++] = before->codes[i];
    for (size_t i = 0; i < count; i++)
        if (!has_code(t, codes[i]))
            t->codes[t->code_count++] = codes[i];
    return true;
}

struct hp_pushed_text *hp_sources_prepare(struct hp_sources *s, const char *module, const char *chunk_name,
                                          const char *text, size_t len, const uint64_t *codes, size_t count)
{
    struct hp_pushed_text *t = new_text(module, chunk_name, text, len);
    if (t != NULL && !join_codes(t, *find(&s->pushed, module), codes, count)) {
        hp_sources_drop(t);
        return NULL;
    }
    return t;
}

bool hp_sources_had(const struct hp_sources *s, const char *module, uint64_t code)
{
    const struct hp_pushed_text *t = s->pushed;
    while (t != NULL && strcmp(t->module, module) != 0)
        t = t->next;
    return has_code(t, code);
}

static struct hp_pushed_text *take_pushed(struct hp_sources *s, const char *module)
{
    struct hp_pushed_text **link = find(&s->pushed, module);
    struct hp_pushed_text *t = *link;
    if (t != NULL) {
        *link = t->next;
        t->next = NULL;
    }
    return t;
}

struct hp_pushed_text *hp_sources_commit(struct hp_sources *s, struct hp_pushed_text *text)
{
    struct hp_pushed_text *before = take_pushed(s, text->module);
    text->next = s->pushed;
    s->pushed = text;
    return before;
}

void hp_sources_drop(struct hp_pushed_text *text)
{
    if (text != NULL)
        hp_mem_free(text->codes);
    hp_mem_free(text);
}

void hp_sources_restore(struct hp_sources *s, const char *module, struct hp_pushed_text *previous)
{
    struct hp_pushed_text *current = take_pushed(s, module);
    if (previous != NULL) {
        previous->next = s->pushed;
        s->pushed = previous;
    }
    hp_sources_drop(current); /* last: `module` may be its own */
}

/* --- finding ---------------------------------------------------------------------------------- */

bool hp_sources_find(const struct hp_sources *s, const char *module, struct hp_source *out)
{
    const char *origin = "pushed";
    const struct hp_pushed_text *t = s->pushed;
    while (t != NULL && strcmp(t->module, module) != 0)
        t = t->next;
    if (t == NULL) {
        origin = "recorded";
        t = s->recorded;
        while (t != NULL && strcmp(t->module, module) != 0)
            t = t->next;
    }
    if (t == NULL)
        return false;
    *out = (struct hp_source){.text = t->text, .len = t->len, .chunk_name = t->chunk_name, .origin = origin};
    return true;
}

/* --- the disk --------------------------------------------------------------------------------- */

/* All bytes of a regular file; NULL if it is something else, too large, or cannot be read. */
static char *read_all(int fd, size_t *len, bool *no_memory)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0 || (uintmax_t)st.st_size > MAX_FILE)
        return NULL;
    size_t size = (size_t)st.st_size, got = 0;
    char *data = hp_mem_alloc(size + 1);
    *no_memory = data == NULL;
    while (data != NULL && got < size) {
        ssize_t n = read(fd, data + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) { /* an error, or cut short meanwhile: not the file as it was */
            hp_mem_free(data);
            return NULL;
        }
        got += (size_t)n;
    }
    if (data != NULL) {
        data[size] = '\0';
        *len = size;
    }
    return data;
}

char *hp_source_read_file(const char *path, size_t *len, bool *no_memory)
{
    bool ignored;
    *len = 0;
    no_memory = no_memory != NULL ? no_memory : &ignored;
    *no_memory = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe by that name must not stop the server */
    if (fd < 0)
        return NULL;
    char *data = read_all(fd, len, no_memory);
    close(fd);
    return data;
}

const char *hp_source_skip_header(const char *text, size_t *len)
{
    static const char BOM[] = "\xef\xbb\xbf";
    if (*len >= 3 && memcmp(text, BOM, 3) == 0) {
        text += 3;
        *len -= 3;
    }
    if (*len != 0 && text[0] == '#') {
        const char *end = memchr(text, '\n', *len);
        size_t skipped = end != NULL ? (size_t)(end - text) : *len;
        text += skipped;
        *len -= skipped;
    }
    return text;
}
