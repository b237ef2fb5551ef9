/* hotpatch engine: running a piece of code in the live state; the contract is in eval.h. */
#include "eval.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "lx.h"
#include "show.h"
#include "sources.h"

#define MAX_TEXT ((size_t)1024 * 1024)

struct eval {
    const char *code;
    size_t len;
    const char *chunk_name;
    struct hp_report *report;
    struct hp_capture capture;
    struct hp_buf text;
};

/* --- loading ---------------------------------------------------------------------------------- */

struct source {
    const char *prefix; /* NULL: read already */
    const char *code;
    size_t len;
};

static const char *read_source(lua_State *L, void *ud, size_t *size)
{
    (void)L;
    struct source *s = ud;
    const char *piece = s->prefix != NULL && s->prefix[0] != '\0' ? s->prefix : s->code;
    *size = piece == s->code ? s->len : strlen(piece);
    if (piece == s->code) {
        s->code = NULL;
        s->len = 0;
    }
    s->prefix = NULL;
    return piece;
}

/* Pushes the chunk or the error. [-0, +1, -] */
static int load_as(lua_State *L, const struct eval *e, const char *prefix)
{
    struct source s = {.prefix = prefix, .code = e->code, .len = e->len};
    return lua_load(L, read_source, &s, e->chunk_name, "t");
}

/* An expression, else statements. [-0, +1, -] */
static int load_chunk(lua_State *L, const struct eval *e)
{
    int status = load_as(L, e, "return ");
    if (status == LUA_ERRSYNTAX) {
        lua_pop(L, 1);
        status = load_as(L, e, "");
    }
    return status;
}

/* --- errors ----------------------------------------------------------------------------------- */

static const char *line_of(struct hp_arena *a, const struct eval *e, int64_t line)
{
    const char *at = e->code, *end = e->code + e->len;
    for (int64_t i = 1; i < line && at != NULL; i++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL || at >= end || line < 1)
        return NULL;
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    return hp_arena_strn(a, at, (size_t)((stop != NULL ? stop : end) - at));
}

/* Where the message says it is ("FILE:LINE: …"): file and line, and the line's text if the file is the chunk
 * itself. */
static void place_error(const struct eval *e, struct hp_report_error *error)
{
    struct hp_arena *a = &e->report->arena;
    const char *text = error->text;
    const char *colon = text;
    char *after = NULL;
    long long line = 0;
    while (after == NULL && (colon = strchr(colon, ':')) != NULL) {
        line = isdigit((unsigned char)colon[1]) ? strtoll(colon + 1, &after, 10) : 0;
        after = line > 0 && *after == ':' ? after : NULL;
        colon += after == NULL;
    }
    if (colon == NULL)
        return;
    error->file = hp_arena_strn(a, text, (size_t)(colon - text));
    error->line = line;
    if (strcmp(error->file, e->chunk_name + 1) == 0)
        error->source_line = line_of(a, e, line);
}

static enum hp_status fail(const struct eval *e, enum hp_status status, const struct hp_lx_failure *failure)
{
    status = failure->status == LUA_ERRMEM ? HP_NO_MEMORY : status;
    hp_report_fail(e->report, status, "%s", failure->text);
    if (e->report->error != NULL) {
        place_error(e, e->report->error);
        e->report->error->traceback = failure->traceback;
    }
    return status;
}

/* --- running ---------------------------------------------------------------------------------- */

/* (eval, chunk) -> handle of the capture. Protected: allocates. */
static int start_capture(lua_State *L)
{
    struct eval *e = lua_touserdata(L, 1);
    hp_capture_start(L, &e->capture, 2);
    return 1;
}

/* (eval, results…): their texts. Protected: allocates. */
static int show_results(lua_State *L)
{
    struct eval *e = lua_touserdata(L, 1);
    struct hp_arena *a = &e->report->arena;
    int last = lua_gettop(L);
    size_t left = MAX_TEXT;
    for (int i = 2; i <= last && left > 0; i++) {
        hp_buf_init(&e->text, left);
        hp_show_result(L, i, &e->text);
        left -= e->text.status == HP_LIMIT ? left : e->text.len;
        const char *text = hp_show_take(&e->text, a), **slot = HP_PUSH(a, &e->report->results);
        if (slot != NULL)
            *slot = text;
    }
    return 0;
}

/* Calls the chunk at `chunk`; leaves its results above it. [-0, +results, -] */
static enum hp_status call_chunk(lua_State *L, const struct eval *e, int chunk, int64_t max_instructions)
{
    struct hp_lx_bound bound;
    struct hp_lx_failure failure;
    lua_pushvalue(L, chunk);
    hp_lx_bound_start(&bound, L, max_instructions);
    int status = hp_lx_pcall(L, 0, LUA_MULTRET, &e->report->arena, &failure);
    bool reached = hp_lx_bound_stop(&bound);
    if (status == LUA_OK)
        return HP_OK;
    return fail(e, reached ? HP_LIMIT : HP_FAILED, &failure);
}

/* The chunk is on the top. [-0, +0, -] beyond what the caller pops */
static enum hp_status run_chunk(lua_State *L, struct eval *e, int64_t max_instructions)
{
    struct hp_arena *a = &e->report->arena;
    struct hp_lx_failure failure;
    int chunk = lua_gettop(L), handle = chunk + 1;
    lua_pushcfunction(L, start_capture);
    lua_pushlightuserdata(L, e);
    lua_pushvalue(L, chunk);
    if (hp_lx_pcall(L, 2, 1, a, &failure) != LUA_OK)
        return fail(e, HP_FAILED, &failure);
    enum hp_status status = call_chunk(L, e, chunk, max_instructions);
    if (!lua_checkstack(L, LUA_MINSTACK)) { /* the results may have filled it */
        lua_settop(L, handle);
        status = hp_report_fail(e->report, HP_LIMIT, "too many results");
    }
    hp_capture_stop(L, chunk, handle);
    hp_capture_report(&e->capture, e->report);
    if (status != HP_OK)
        return status;
    lua_pushcfunction(L, show_results);
    lua_pushlightuserdata(L, e);
    lua_rotate(L, handle + 1, 2);
    if (hp_lx_pcall(L, lua_gettop(L) - handle - 1, 0, a, &failure) != LUA_OK)
        return fail(e, HP_FAILED, &failure);
    return hp_arena_failed(a) ? HP_NO_MEMORY : HP_OK;
}

enum hp_status hp_eval(lua_State *L, const char *code, size_t len, const char *chunk_name,
                       int64_t max_instructions, struct hp_report *report)
{
    struct eval e = {.chunk_name = chunk_name != NULL && chunk_name[0] != '\0' ? chunk_name : "=eval",
                     .report = report};
    e.code = hp_source_skip_header(code, &len);
    e.len = len;
    if (len != 0 && e.code[0] == LUA_SIGNATURE[0])
        return hp_report_fail(report, HP_REFUSED, "this is a precompiled chunk; send the source text");
    if (!lua_checkstack(L, LUA_MINSTACK))
        return hp_report_fail(report, HP_NO_MEMORY, "not enough memory");
    int top = lua_gettop(L);
    enum hp_status status;
    int loaded = load_chunk(L, &e);
    if (loaded == LUA_OK) {
        status = run_chunk(L, &e, max_instructions);
    } else {
        struct hp_lx_failure failure = {.status = loaded, .text = hp_lx_message(L, -1, &report->arena)};
        status = fail(&e, HP_LOAD_FAILED, &failure);
    }
    lua_settop(L, top);
    hp_capture_fini(&e.capture);
    hp_buf_fini(&e.text);
    return status;
}
