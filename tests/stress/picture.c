/* A picture of a live program; the contract is in picture.h.
 *
 * What is met for the first time goes into a queue, which is a Lua array on the stack. Each object gives a
 * line for itself and one for each thing it holds, with the object's own name in front, so the order of lines
 * means nothing and they can be sorted. */
#include "picture.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINE 1000
#define MAX_TEXT 200 /* of a string; longer ones are told apart by a hash */

struct picture {
    char **lines;
    size_t count, cap;
};

struct walk {
    lua_State *L;
    struct picture *picture;
    const void **met; /* open addressing; NULL: free */
    size_t met_count, met_cap;
    int queue, opaque;
    lua_Integer queued;
    bool identities;
};

static void *grow(void *ptr, size_t size)
{
    void *grown = realloc(ptr, size); /* the C library's: this is no memory under test */
    if (!grown)
        abort();
    return grown;
}

/* --- lines ------------------------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static void add_line(struct walk *w, const char *fmt, ...)
{
    char text[MAX_LINE];
    struct picture *p = w->picture;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (p->count == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 1024;
        p->lines = grow(p->lines, p->cap * sizeof *p->lines);
    }
    size_t size = strlen(text) + 1;
    p->lines[p->count] = grow(NULL, size);
    memcpy(p->lines[p->count++], text, size);
}

static uint64_t hash(uint64_t h, const void *data, size_t len)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < len; i++)
        h = (h ^ bytes[i]) * UINT64_C(1099511628211);
    return h;
}

static int hash_piece(lua_State *L, const void *data, size_t len, void *ud)
{
    (void)L;
    uint64_t *h = ud;
    *h = hash(*h, data, len);
    return 0;
}

/* Appends the name of the Lua function on the top: source, lines and cells. */
static void name_function(lua_State *L, char *out, size_t size)
{
    lua_Debug ar;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">Su", &ar);
    int len = snprintf(out, size, "function %s:%d-%d/%d", ar.short_src, ar.linedefined, ar.lastlinedefined,
                       ar.nparams);
    for (int i = 1; i <= ar.nups && len > 0 && (size_t)len < size; i++)
        len += snprintf(out + len, size - (size_t)len, ",%p", lua_upvalueid(L, -1, i));
}

/* The value on the top, in words. */
static const char *name_value(struct walk *w, char out[MAX_LINE / 3])
{
    lua_State *L = w->L;
    size_t size = MAX_LINE / 3, len = 0;
    int type = lua_type(L, -1);
    if (type == LUA_TSTRING) {
        const char *text = lua_tolstring(L, -1, &len);
        snprintf(out, size, "\"%.*s\" %zu %" PRIx64, len < MAX_TEXT ? (int)len : MAX_TEXT, text, len,
                 hash(0, text, len));
    } else if (type == LUA_TNUMBER && lua_isinteger(L, -1)) {
        snprintf(out, size, LUA_INTEGER_FMT, (LUAI_UACINT)lua_tointeger(L, -1));
    } else if (type == LUA_TNUMBER) {
        snprintf(out, size, "%a", (double)lua_tonumber(L, -1));
    } else if (type == LUA_TBOOLEAN || type == LUA_TNIL) {
        snprintf(out, size, "%s", type == LUA_TNIL ? "nil" : lua_toboolean(L, -1) ? "true" : "false");
    } else if (type == LUA_TFUNCTION && !lua_iscfunction(L, -1) && !w->identities) {
        name_function(L, out, size);
    } else {
        snprintf(out, size, "%s %p", lua_typename(L, type), lua_topointer(L, -1));
    }
    return out;
}

/* --- the queue -------------------------------------------------------------------------------- */

/* True: it is new. */
static bool meet_address(struct walk *w, const void *address)
{
    if (w->met_cap == 0 || 2 * w->met_count >= w->met_cap) {
        const void **old = w->met;
        size_t old_cap = w->met_cap;
        w->met_cap = old_cap ? 2 * old_cap : 4096;
        w->met = grow(NULL, w->met_cap * sizeof *w->met);
        memset(w->met, 0, w->met_cap * sizeof *w->met);
        w->met_count = 0;
        for (size_t i = 0; i < old_cap; i++)
            if (old[i])
                meet_address(w, old[i]);
        free(old);
    }
    size_t i = (size_t)(((uintptr_t)address >> 3) * UINT64_C(0x9e3779b97f4a7c15) % w->met_cap);
    while (w->met[i] && w->met[i] != address)
        i = (i + 1) % w->met_cap;
    bool fresh = !w->met[i];
    w->met[i] = address;
    w->met_count += fresh ? 1 : 0;
    return fresh;
}

/* The value on the top is reachable. [-1] */
static void meet(struct walk *w)
{
    lua_State *L = w->L;
    int type = lua_type(L, -1);
    if (type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TUSERDATA || type == LUA_TTHREAD) {
        lua_pushvalue(L, -1);
        bool entered = lua_rawget(L, w->opaque) == LUA_TNIL && meet_address(w, lua_topointer(L, -2));
        lua_pop(L, 1);
        if (entered) {
            lua_rawseti(L, w->queue, ++w->queued);
            return;
        }
    }
    lua_pop(L, 1);
}

/* The object holds the value on the top, at that place. [-1] */
static void hold(struct walk *w, const char *object, const char *place)
{
    char value[MAX_LINE / 3];
    add_line(w, "%s %s = %s", object, place, name_value(w, value));
    meet(w);
}

/* --- objects: each is on the top -------------------------------------------------------------- */

static void enter_table(struct walk *w, const char *object)
{
    lua_State *L = w->L;
    char place[MAX_LINE / 3], key[MAX_LINE / 3];
    int table = lua_gettop(L);
    if (lua_getmetatable(L, table))
        hold(w, object, "metatable");
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pushvalue(L, -2);
        snprintf(place, sizeof place, "[%s]", name_value(w, key));
        meet(w);
        hold(w, object, place);
    }
}

static void enter_lua_function(struct walk *w, const char *object)
{
    lua_State *L = w->L;
    char place[64];
    uint64_t code = 0;
    if (w->identities) {
        lua_dump(L, hash_piece, &code, 0);
        add_line(w, "%s code %" PRIx64, object, code);
    }
    for (int i = 1; lua_getupvalue(L, -1, i); i++) {
        void *cell = lua_upvalueid(L, -2, i);
        snprintf(place, sizeof place, "upvalue %d", i);
        add_line(w, "%s %s in %p", object, place, cell);
        snprintf(place, sizeof place, "cell %p", cell);
        if (meet_address(w, cell))
            hold(w, place, "");
        else
            lua_pop(L, 1);
    }
}

static void enter_c_function(struct walk *w, const char *object)
{
    char place[64];
    for (int i = 1; lua_getupvalue(w->L, -1, i); i++) {
        snprintf(place, sizeof place, "upvalue %d", i);
        hold(w, object, place);
    }
}

static void enter_userdata(struct walk *w, const char *object)
{
    char place[64];
    if (lua_getmetatable(w->L, -1))
        hold(w, object, "metatable");
    for (int i = 1; lua_getiuservalue(w->L, -1, i) != LUA_TNONE; i++) {
        snprintf(place, sizeof place, "user value %d", i);
        hold(w, object, place);
    }
    lua_pop(w->L, 1);
}

/* Values of the coroutine's stack; those of the one that takes the picture are its own. */
static void enter_thread(struct walk *w, const char *object)
{
    lua_State *L = w->L, *co = lua_tothread(L, -1);
    lua_Debug ar;
    char place[64];
    add_line(w, "%s status %d", object, lua_status(co));
    if (co == L || !lua_checkstack(co, 4))
        return;
    if (lua_status(co) == LUA_OK && !lua_getstack(co, 0, &ar)) {
        for (int i = 1; i <= lua_gettop(co); i++) {
            lua_pushvalue(co, i);
            lua_xmove(co, L, 1);
            snprintf(place, sizeof place, "slot %d", i);
            hold(w, object, place);
        }
    }
    for (int level = 0; lua_getstack(co, level, &ar); level++) {
        lua_getinfo(co, "fl", &ar);
        lua_xmove(co, L, 1);
        snprintf(place, sizeof place, "level %d line %d", level, ar.currentline);
        hold(w, object, place);
        for (int i = 1; lua_getlocal(co, &ar, i); i++) {
            lua_xmove(co, L, 1);
            snprintf(place, sizeof place, "level %d local %d", level, i);
            hold(w, object, place);
        }
    }
}

static void enter(struct walk *w)
{
    char object[MAX_LINE / 3];
    name_value(w, object);
    switch (lua_type(w->L, -1)) {
    case LUA_TTABLE:
        enter_table(w, object);
        break;
    case LUA_TFUNCTION:
        if (lua_iscfunction(w->L, -1))
            enter_c_function(w, object);
        else
            enter_lua_function(w, object);
        break;
    case LUA_TUSERDATA:
        enter_userdata(w, object);
        break;
    default:
        enter_thread(w, object);
    }
}

/* --- the picture ------------------------------------------------------------------------------ */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct picture *picture_take(lua_State *L, int roots, int opaque, bool identities)
{
    struct walk w = {.L = L, .opaque = lua_absindex(L, opaque), .identities = identities};
    roots = lua_absindex(L, roots);
    int top = lua_gettop(L);
    luaL_checkstack(L, 20, NULL);
    w.picture = grow(NULL, sizeof *w.picture);
    *w.picture = (struct picture){0};
    lua_newtable(L);
    w.queue = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, roots))
        meet(&w);
    for (lua_Integer i = 1; i <= w.queued; i++) {
        lua_rawgeti(L, w.queue, i);
        enter(&w);
        lua_settop(L, w.queue);
    }
    lua_settop(L, top);
    free(w.met);
    qsort(w.picture->lines, w.picture->count, sizeof *w.picture->lines, by_text);
    return w.picture;
}

void picture_free(struct picture *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++)
        free(p->lines[i]);
    free(p->lines);
    free(p);
}

const char *picture_compare(const struct picture *was, const struct picture *is)
{
    static char text[MAX_LINE + 32];
    size_t i = 0;
    while (i < was->count && i < is->count && strcmp(was->lines[i], is->lines[i]) == 0)
        i++;
    if (i == was->count && i == is->count)
        return NULL;
    bool gone = i == is->count || (i < was->count && strcmp(was->lines[i], is->lines[i]) < 0);
    snprintf(text, sizeof text, "%s: %s", gone ? "was there" : "is new", gone ? was->lines[i] : is->lines[i]);
    return text;
}
