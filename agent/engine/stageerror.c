/* hotpatch engine: errors of the stage: noted where they are raised, told in the report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/placeholder.h"
#include "agent/engine/stage_impl.h"

const char *hp_stage_format(struct hp_arena *a, const char *fmt, const char *what)
{
    const char *hole = strstr(fmt, "%s");
    if (hole == NULL)
        return hp_arena_str(a, fmt);
    return hp_arena_printf(a, "%.*s%s%s", (int)(hole - fmt), fmt, what, hole + 2);
}

/* Pushes a text for the error object at 1, which may be anything. */
static const char *push_text(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING || lua_type(L, 1) == LUA_TNUMBER) {
        lua_pushvalue(L, 1);
    } else if (hp_is_placeholder(L, 1)) {
        hp_text_push(L, 1);
    } else if (lua_isnil(L, 1)) {
        lua_pushliteral(L, "error with no message (the error object is nil)");
    } else if (!luaL_callmeta(L, 1, "__tostring") || lua_type(L, -1) != LUA_TSTRING) {
        lua_getfield(L, lua_istable(L, 1) ? 1 : LUA_REGISTRYINDEX,
                     "message"); /* {message = "…"} is a common shape */
        if (!lua_istable(L, 1) || lua_type(L, -1) != LUA_TSTRING)
            lua_pushfstring(L, "the error object is a %s value", luaL_typename(L, 1));
    }
    return lua_tostring(L, -1);
}

/* The traceback without our own frames: what called the body is no business of anybody's. */
static const char *push_traceback(lua_State *L)
{
    luaL_traceback(L, L, NULL, 1);
    const char *text = lua_tostring(L, -1);
    const char *rest = strstr(text, "\n\t[C]: in ?");
    if (rest != NULL && strchr(rest + 2, '\n') == NULL)
        lua_pushlstring(L, text, (size_t)(rest - text));
    return lua_tostring(L, -1);
}

/* A numeric `for` got a placeholder: it stands among the temporaries of the frame. Lengths are likelier than
 * anything else. */
static void find_zeros(lua_State *L)
{
    struct hp_stage *s = hp_stage_of(L);
    lua_Debug ar;
    if (!lua_getstack(L, 1, &ar))
        return;
    for (int pass = 0; pass < 2 && s->found_zero_count == 0; pass++) {
        const char *name;
        for (int i = 1; (name = lua_getlocal(L, &ar, i)) != NULL; i++) {
            uint32_t e = name[0] == '(' ? hp_placeholder_expression(L, -1) : HP_NO_ID;
            lua_pop(L, 1);
            if (e != HP_NO_ID && s->found_zero_count < sizeof s->found_zeros / sizeof *s->found_zeros &&
                (pass == 1 || s->expressions.items[e].operation == HP_OP_LENGTH))
                s->found_zeros[s->found_zero_count++] = e;
        }
    }
}

/* Reads "name:12:" at the start of the text. */
static int line_in(const char *text, const char *short_src)
{
    size_t len = strlen(short_src);
    if (len == 0 || strncmp(text, short_src, len) != 0 || text[len] != ':')
        return 0;
    char *end;
    long line = strtol(text + len + 1, &end, 10);
    return *end == ':' && line > 0 && line < 1 << 30 ? (int)line : 0;
}

/* The text itself says where, if the error is one of Lua's; else the innermost frame of a body. */
static void locate(lua_State *L, const char *text)
{
    struct hp_stage *s = hp_stage_of(L);
    for (uint32_t i = 0; i < s->module_count; i++) {
        int line = line_in(text, s->modules[i].short_src);
        if (line != 0) {
            s->error.module = i;
            s->error.line = line;
            return;
        }
    }
    hp_stage_where(L, &s->error.module, &s->error.line);
}

int hp_stage_on_error(lua_State *L)
{
    struct hp_stage *s = hp_stage_of(L);
    lua_settop(L, 1);
    luaL_checkstack(L, 20, NULL);
    if (s->failure != HP_OK) {
        locate(L, "");
        s->error.text = s->failure_text;
    } else {
        const char *text = push_text(L);
        if (strstr(text, "'for' ") != NULL &&
            strstr(text, "number") != NULL) /* its wording differs among 5.4.x */
            find_zeros(L);
        locate(L, text);
        s->error.text = hp_arena_str(&s->arena, text);
    }
    s->error.traceback = hp_arena_str(&s->arena, push_traceback(L));
    lua_settop(L, 1);
    return 1;
}

static const char *source_line(struct hp_arena *a, const struct hp_stage_chunk *chunk, int line)
{
    const char *at = chunk->text, *end = chunk->text + chunk->len;
    for (int i = 1; i < line && at != NULL; i++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL || at >= end || line <= 0)
        return NULL;
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    size_t len = (size_t)((stop != NULL ? stop : end) - at);
    if (len > 0 && at[len - 1] == '\r')
        len--;
    return memchr(at, '\0', len) == NULL ? hp_arena_strn(a, at, len) : NULL;
}

static const char *file_of(const struct hp_stage_chunk *chunk)
{
    const char *name = chunk->chunk_name;
    return name != NULL && (name[0] == '@' || name[0] == '=') ? name + 1 : name;
}

enum hp_status hp_stage_report(struct hp_stage *s, int lua_status, struct hp_report *report)
{
    if (hp_arena_failed(&s->arena)) { /* what went wrong in the chunk may be lost */
        s->starved = true;
        hp_stage_note_memory(s);
    }
    if (lua_status == LUA_ERRMEM)
        hp_stage_note_memory(s);
    enum hp_status status = s->failure != HP_OK ? s->failure : HP_LOAD_FAILED;
    const char *text = s->failure != HP_OK ? s->failure_text : s->error.text;
    hp_report_fail(report, status, "%s", text != NULL ? text : "an error in the handling of an error");
    if (report->error != NULL && s->error.text != NULL && s->error.module != HP_NO_ID &&
        s->error.module < s->module_count) {
        const struct hp_stage_chunk *chunk = s->modules[s->error.module].chunk;
        report->error->module = hp_arena_str(&report->arena, chunk->module);
        report->error->file = hp_arena_str(&report->arena, file_of(chunk));
        report->error->line = s->error.line;
        report->error->source_line = source_line(&report->arena, chunk, s->error.line);
        report->error->traceback = hp_arena_str(&report->arena, s->error.traceback);
    }
    return status;
}
