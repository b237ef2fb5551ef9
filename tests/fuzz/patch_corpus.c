/* The contract is in patch_corpus.h. */
#include "patch_corpus.h"

#include <ctype.h>
#include <glob.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EDIT_SIZE  5 /* bytes of one edit */
#define MAX_EDITS  24
#define MAX_LENGTH 20000 /* of a mutant */

struct piece {
    const char *text;
    size_t len;
};

struct pieces {
    struct piece *items;
    size_t count, cap;
};

static struct corpus_case *cases;
static size_t count;
static struct pieces all_lines, all_words;

static void *checked(void *p)
{
    if (!p)
        abort();
    return p;
}

static void add(struct pieces *list, const char *text, size_t len)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 64;
        list->items = checked(realloc(list->items, list->cap * sizeof *list->items));
    }
    list->items[list->count++] = (struct piece){text, len};
}

static void split_lines(struct pieces *list, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        len += text[len] == '\n';
        add(list, text, len);
        text += len;
    }
}

static size_t word_length(const char *s)
{
    size_t len = 0;
    if (isalnum((unsigned char)*s) || *s == '_') {
        while (isalnum((unsigned char)s[len]) || s[len] == '_')
            len++;
        return len;
    }
    if (*s == '"' || *s == '\'') {
        const char *end = strchr(s + 1, *s);
        return end ? (size_t)(end - s) + 1 : 1;
    }
    return 1;
}

/* Words are names, numbers, strings and single signs. */
static void split_words(struct pieces *list, const char *text)
{
    while (*text) {
        size_t len = isspace((unsigned char)*text) ? 0 : word_length(text);
        if (len)
            add(list, text, len);
        text += len ? len : 1;
    }
}

static char *read_file(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *text = checked(calloc(1, MAX_LENGTH + 1));
    size_t len = fread(text, 1, MAX_LENGTH, f);
    fclose(f);
    if (len < MAX_LENGTH && strlen(text) == len)
        return text;
    free(text); /* too long, or no text */
    return NULL;
}

static void load_case(const char *folder)
{
    struct corpus_case c = {.old = read_file(folder, "old.lua"), .fresh = read_file(folder, "new.lua")};
    if (!c.old || !c.fresh) { /* of several modules, or with files of its own */
        free(c.old);
        free(c.fresh);
        return;
    }
    c.name = checked(strdup(strrchr(folder, '/') + 1));
    cases = checked(realloc(cases, (count + 1) * sizeof *cases));
    cases[count++] = c;
    split_lines(&all_lines, c.old);
    split_lines(&all_lines, c.fresh);
    split_words(&all_words, c.old);
    split_words(&all_words, c.fresh);
}

void corpus_load(const char *folder)
{
    char pattern[4096];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/*/case.lua", folder);
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            *strrchr(found.gl_pathv[i], '/') = '\0';
            load_case(found.gl_pathv[i]);
        }
        globfree(&found);
    }
    if (count == 0) {
        fprintf(stderr, "no cases in %s\n", folder);
        exit(2);
    }
}

size_t corpus_count(void)
{
    return count;
}

const struct corpus_case *corpus_case(size_t i)
{
    return &cases[i];
}

/* --- edits ------------------------------------------------------------------------------------ */

enum edit {
    EDIT_DELETE_LINE,
    EDIT_REPEAT_LINE,
    EDIT_MOVE_LINE,
    EDIT_REPLACE_LINE,
    EDIT_INSERT_LINE,
    EDIT_DELETE_WORD,
    EDIT_REPLACE_WORD,
    EDIT_SWAP_WORDS,
    EDITS
};

/* text with [at, at + len) replaced; for free(). */
static char *splice(const char *text, size_t at, size_t len, const struct piece *with, const char *between)
{
    size_t total = strlen(text) - len + with->len + strlen(between) + 1;
    char *out = checked(malloc(total));
    snprintf(out, total, "%.*s%.*s%s%s", (int)at, text, (int)with->len, with->text, between, text + at + len);
    return out;
}

static char *move_line(const char *text, const struct piece *line, const struct piece *before)
{
    const struct piece nothing = {"", 0};
    size_t from = (size_t)(line->text - text), to = (size_t)(before->text - text);
    char *without = splice(text, from, line->len, &nothing, "");
    char *out = splice(without, to > from ? to - line->len : to, 0, line, "");
    free(without);
    return out;
}

static char *edit_line(enum edit edit, const char *text, size_t where, size_t what)
{
    struct pieces lines = {0};
    const struct piece nothing = {"", 0};
    split_lines(&lines, text);
    const struct piece *line = lines.count ? &lines.items[where % lines.count] : NULL;
    const struct piece *other = &all_lines.items[what % all_lines.count];
    size_t at = line ? (size_t)(line->text - text) : 0;
    char *out = NULL;
    if (line && edit == EDIT_DELETE_LINE)
        out = splice(text, at, line->len, &nothing, "");
    else if (line && edit == EDIT_REPEAT_LINE)
        out = splice(text, at, 0, line, "");
    else if (line && edit == EDIT_MOVE_LINE && &lines.items[what % lines.count] != line)
        out = move_line(text, line, &lines.items[what % lines.count]);
    else if (line && edit == EDIT_REPLACE_LINE)
        out = splice(text, at, line->len, other, "\n");
    else if (edit == EDIT_INSERT_LINE)
        out = splice(text, at, 0, other, "\n");
    free(lines.items);
    return out;
}

static char *edit_word(enum edit edit, const char *text, size_t where, size_t what)
{
    struct pieces words = {0};
    const struct piece nothing = {"", 0};
    char *out = NULL;
    split_words(&words, text);
    if (words.count) {
        const struct piece *word = &words.items[where % words.count];
        const struct piece *other = edit == EDIT_SWAP_WORDS ? &words.items[what % words.count]
                                                            : &all_words.items[what % all_words.count];
        out = splice(text, (size_t)(word->text - text), word->len,
                     edit == EDIT_DELETE_WORD ? &nothing : other, " ");
    }
    free(words.items);
    return out;
}

static int compiles(lua_State *L, const char *text)
{
    int ok = luaL_loadbufferx(L, text, strlen(text), "=mutant", "t") == LUA_OK;
    lua_settop(L, 0);
    return ok;
}

char *corpus_mutate(lua_State *L, const char *text, const uint8_t *data, size_t size)
{
    char *now = checked(strdup(text));
    for (size_t i = 0; i < MAX_EDITS && size >= EDIT_SIZE; i++, data += EDIT_SIZE, size -= EDIT_SIZE) {
        enum edit edit = (enum edit)(data[0] % EDITS);
        size_t where = (size_t)data[1] << 8 | data[2], what = (size_t)data[3] << 8 | data[4];
        char *next =
            edit <= EDIT_INSERT_LINE ? edit_line(edit, now, where, what) : edit_word(edit, now, where, what);
        if (next && strlen(next) < MAX_LENGTH && compiles(L, next)) {
            free(now);
            now = next;
        } else {
            free(next);
        }
    }
    return now;
}
