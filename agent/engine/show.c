/* hotpatch engine: Lua values as text for people; the contract is in show.h. */
#include "show.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_COUNTED 100000 /* fields of a table that are counted */
#define MAX_SHOWN   1000   /* fields of a table that are shown */
#define LINE_WIDTH  72     /* a table that is longer gets a line for each field */

static void put(struct hp_buf *out, const char *text)
{
    hp_buf_append(out, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void putf(struct hp_buf *out, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    put(out, text);
}

/* --- strings and numbers ---------------------------------------------------------------------- */

/* Where to cut so that no character of UTF-8 is split. */
static size_t cut_at(const char *s, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max > 0 && ((unsigned char)s[max] & 0xc0) == 0x80)
        max--;
    return max;
}

/* As much as fits, so that of one long string the beginning is seen. */
static void put_bytes(struct hp_buf *out, const char *s, size_t len)
{
    size_t room = out->status == HP_OK ? out->max - out->len : 0;
    hp_buf_append(out, s, cut_at(s, len, room));
    if (len > room)
        hp_buf_append(out, s, len); /* notes the limit */
}

static void put_string(struct hp_buf *out, const char *s, size_t len, size_t max)
{
    size_t shown = cut_at(s, len, max), plain = 0;
    put(out, "\"");
    for (size_t i = 0; i <= shown; i++) {
        unsigned char c = i < shown ? (unsigned char)s[i] : '"';
        if (c >= ' ' && c != '"' && c != '\\' && c != 0x7f)
            continue;
        put_bytes(out, s + plain, i - plain);
        plain = i + 1;
        if (i == shown)
            break;
        if (c == '"' || c == '\\')
            putf(out, "\\%c", c);
        else if (c == '\n' || c == '\t' || c == '\r')
            put(out, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
        else
            putf(out, "\\%03u", c);
    }
    put(out, shown < len ? "…\"" : "\"");
}

static void put_number(lua_State *L, int idx, struct hp_buf *out)
{
    if (lua_isinteger(L, idx)) {
        putf(out, "%" PRId64, (int64_t)lua_tointeger(L, idx));
        return;
    }
    char text[64];
    snprintf(text, sizeof text, "%.14g", lua_tonumber(L, idx));
    put(out, text);
    if (strspn(text, "-0123456789") == strlen(text))
        put(out, ".0"); /* a float, as Lua would write it */
}

static bool is_name(const char *s, size_t len)
{
    if (len == 0 || len > 200 || isdigit((unsigned char)s[0]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)s[i]) && s[i] != '_')
            return false;
    return true;
}

/* --- objects ---------------------------------------------------------------------------------- */

static void put_function(lua_State *L, int idx, struct hp_buf *out)
{
    lua_Debug ar;
    if (lua_iscfunction(L, idx)) {
        put(out, "function (C)");
        return;
    }
    lua_pushvalue(L, idx);
    lua_getinfo(L, ">S", &ar);
    putf(out, "function (%s:%d)", ar.short_src, ar.linedefined);
}

static void put_table(lua_State *L, int idx, struct hp_buf *out)
{
    int count = 0;
    lua_pushnil(L);
    while (lua_next(L, idx) != 0) {
        lua_pop(L, 1);
        if (++count > MAX_COUNTED) {
            lua_pop(L, 1);
            putf(out, "table (more than %d fields)", MAX_COUNTED);
            return;
        }
    }
    if (count == 0)
        put(out, "table (empty)");
    else
        putf(out, "table (%d field%s)", count, count == 1 ? "" : "s");
}

/* "userdata (FILE*)": the name that its metatable has from luaL_newmetatable. */
static void put_userdata(lua_State *L, int idx, struct hp_buf *out)
{
    int top = lua_gettop(L);
    put(out, "userdata");
    if (lua_type(L, idx) == LUA_TUSERDATA && lua_getmetatable(L, idx)) {
        lua_pushliteral(L, "__name");
        if (lua_rawget(L, -2) == LUA_TSTRING)
            putf(out, " (%.100s)", lua_tostring(L, -1));
    }
    lua_settop(L, top);
}

void hp_show_value(lua_State *L, int idx, size_t max_string, struct hp_buf *out)
{
    idx = lua_absindex(L, idx);
    size_t len;
    const char *s;
    switch (lua_type(L, idx)) {
    case LUA_TBOOLEAN:
        put(out, lua_toboolean(L, idx) ? "true" : "false");
        break;
    case LUA_TNUMBER:
        put_number(L, idx, out);
        break;
    case LUA_TSTRING:
        s = lua_tolstring(L, idx, &len);
        put_string(out, s, len, max_string);
        break;
    case LUA_TTABLE:
        put_table(L, idx, out);
        break;
    case LUA_TFUNCTION:
        put_function(L, idx, out);
        break;
    case LUA_TTHREAD:
        put(out, "coroutine");
        break;
    case LUA_TUSERDATA:
    case LUA_TLIGHTUSERDATA:
        put_userdata(L, idx, out);
        break;
    default:
        put(out, "nil");
    }
}

void hp_show_key(lua_State *L, int idx, bool first, struct hp_buf *out)
{
    size_t len = 0;
    const char *s = lua_type(L, idx) == LUA_TSTRING ? lua_tolstring(L, idx, &len) : NULL;
    if (s != NULL && is_name(s, len)) {
        put(out, first ? "" : ".");
        hp_buf_append(out, s, len);
        return;
    }
    put(out, "[");
    if (s != NULL || lua_type(L, idx) == LUA_TNUMBER || lua_type(L, idx) == LUA_TBOOLEAN)
        hp_show_value(L, idx, 200, out);
    else
        put(out, lua_typename(L, lua_type(L, idx)));
    put(out, "]");
}

/* --- tables with what is in them -------------------------------------------------------------- */

/* A key that is not of the list part: its place in an array of Lua's, and what to sort by. */
struct key {
    const char *name; /* NULL: no string; after the strings, as they came */
    size_t len;
    lua_Integer at;
};

static int compare_keys(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    if (x->name != NULL && y->name != NULL) {
        size_t len = x->len < y->len ? x->len : y->len;
        int order = memcmp(x->name, y->name, len);
        return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
    }
    if ((x->name == NULL) != (y->name == NULL))
        return x->name == NULL ? 1 : -1;
    return (x->at > y->at) - (x->at < y->at);
}

/* Puts the keys beyond 1..listed into a new array on the top, sorted in a userdata below it; *more counts
 * those left out. Returns their number. [-0, +2, m] */
static size_t sort_keys(lua_State *L, int idx, lua_Integer listed, struct key **keys, size_t *more)
{
    size_t count = 0;
    *keys = lua_newuserdatauv(L, MAX_SHOWN * sizeof **keys, 0);
    lua_newtable(L);
    int array = lua_gettop(L);
    *more = 0;
    lua_pushnil(L);
    while (lua_next(L, idx) != 0) {
        lua_pop(L, 1);
        if (lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 1 && lua_tointeger(L, -1) <= listed)
            continue;
        if (count == MAX_SHOWN) {
            ++*more;
            continue;
        }
        struct key *k = &(*keys)[count++];
        k->len = 0;
        k->name = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &k->len) : NULL;
        k->at = (lua_Integer)count;
        lua_pushvalue(L, -1);
        lua_rawseti(L, array, k->at);
    }
    qsort(*keys, count, sizeof **keys, compare_keys);
    return count;
}

/* The fields of the table, each after `separator` but the first after `opening`. */
static void put_fields(lua_State *L, int idx, const char *opening, const char *separator, struct hp_buf *out)
{
    const char *before = opening;
    lua_Integer listed = 0;
    for (; listed < MAX_SHOWN && lua_rawgeti(L, idx, listed + 1) != LUA_TNIL; listed++) {
        put(out, before);
        hp_show_value(L, -1, SIZE_MAX, out);
        lua_pop(L, 1);
        before = separator;
    }
    lua_settop(L, idx);
    struct key *keys;
    size_t more, count = sort_keys(L, idx, listed, &keys, &more);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, idx + 2, keys[i].at);
        put(out, before);
        hp_show_key(L, -1, true, out);
        put(out, " = ");
        lua_rawget(L, idx);
        hp_show_value(L, -1, SIZE_MAX, out);
        lua_pop(L, 1);
        before = separator;
    }
    if (more != 0)
        putf(out, "%s… (%zu more)", before, more);
    lua_settop(L, idx);
}

void hp_show_result(lua_State *L, int idx, struct hp_buf *out)
{
    if (!lua_istable(L, idx)) {
        hp_show_value(L, idx, SIZE_MAX, out);
        return;
    }
    int top = lua_gettop(L);
    size_t start = out->len;
    lua_pushvalue(L, idx);
    put_fields(L, top + 1, "{ ", ", ", out);
    if (out->len - start > LINE_WIDTH && out->status == HP_OK) {
        out->len = start; /* once more, on lines */
        put_fields(L, top + 1, "{\n  ", ",\n  ", out);
        put(out, "\n}");
    } else {
        put(out, out->len == start ? "{}" : " }");
    }
    lua_settop(L, top);
}

const char *hp_show_take(struct hp_buf *b, struct hp_arena *arena)
{
    const char *text = hp_arena_strn(arena, b->data != NULL ? b->data : "", b->len);
    if (b->status == HP_NO_MEMORY)
        arena->failed = true;
    else if (b->status == HP_LIMIT)
        text = hp_arena_printf(arena, "%s…", text);
    size_t max = b->max;
    hp_buf_fini(b);
    hp_buf_init(b, max);
    return text;
}
