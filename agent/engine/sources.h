/* hotpatch engine: the texts that live modules were loaded from, kept outside Lua's heap.
 *
 * Two kinds: *recorded* when `require` loaded the module after the agent was there (oldest out beyond the
 * cap), and *pushed* by the last patch of the module (kept until reverted). Lua thread only; copies
 * everything.
 */
#ifndef HP_SOURCES_H
#define HP_SOURCES_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hp_sources;

struct hp_source {
    const char *text; /* the store's; valid until the next put or forget */
    size_t len;
    const char *chunk_name; /* "@battle.lua" */
    const char *origin;     /* "pushed", "recorded", "disk" */
};

struct hp_sources *hp_sources_new(size_t cap); /* NULL: no memory */
void hp_sources_free(struct hp_sources *s);

/* False: no memory; nothing changed. A text larger than the cap is not recorded (true all the same). */
bool hp_sources_record(struct hp_sources *s, const char *module, const char *chunk_name, const char *text,
                       size_t len);

/* Makes room for a pushed text before the commit, so that the commit cannot fail: prepare allocates and keeps
 * the text aside, commit swaps it in and gives back what stood there before (for the history, which owns it
 * from then on; NULL if nothing did), drop forgets a prepared text. */
struct hp_pushed_text;
/* `codes`: of functions that only one of this source and its base has; they join those of the text that is
 * pushed now, the last HP_SOURCES_CODES of all are kept. NULL: no memory. */
#define HP_SOURCES_CODES 4096
struct hp_pushed_text *hp_sources_prepare(struct hp_sources *s, const char *module, const char *chunk_name,
                                          const char *text, size_t len, const uint64_t *codes, size_t count);
struct hp_pushed_text *hp_sources_commit(struct hp_sources *s, struct hp_pushed_text *text);
void hp_sources_drop(struct hp_pushed_text *text); /* NULL is fine */
/* Undoes a commit: `previous` (NULL: none) becomes the pushed text of `module` again. Cannot fail. */
void hp_sources_restore(struct hp_sources *s, const char *module, struct hp_pushed_text *previous);

/* The pushed text, else the recorded one. False: neither. */
bool hp_sources_find(const struct hp_sources *s, const char *module, struct hp_source *out);

/* Of the functions that earlier pushes dropped from the module, or added to it: had one this code? A patch
 * that drops a function leaves the live one to whoever holds it; if the program puts it into the place of
 * another, the module's source is no other for that. */
bool hp_sources_had(const struct hp_sources *s, const char *module, uint64_t code);

/* Reads a file of the disk whole into memory for hp_mem_free. NULL when it cannot be read or is over 16 MB;
 * with *no_memory (may be NULL) when that was why. */
char *hp_source_read_file(const char *path, size_t *len, bool *no_memory);

/* The text as Lua's loader sees a file: without a byte order mark and without a first line that begins with
 * '#' (its line end stays, so that lines keep their numbers). A pointer into the text; *len is adjusted. */
const char *hp_source_skip_header(const char *text, size_t *len);

/* Wraps package.searchers[2] so that the text of each module it finds is recorded; unwrap puts the original
 * back if the wrapper is still in its place, and
 * a wrapper that others still hold passes everything through from then on. False: there is no such searcher
 * (a host without the package library); nothing changed, and nothing is wrong. [-0, +0, m] / [-0, +0, -] */
bool hp_sources_wrap_searcher(lua_State *L, struct hp_sources *s);
void hp_sources_unwrap_searcher(lua_State *L, struct hp_sources *s);

#endif
