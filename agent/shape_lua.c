#include "agent/shape_lua.h"

#include <lauxlib.h>

#include "proto/suggest.h"

/* --- pushing ---------------------------------------------------------------------------------- */

#define DEPTH 12

/* Each open table is on the Lua stack; a level says where it goes when it ends, and counts its items. */
struct pusher {
    lua_State *L;
    int depth;
    struct {
        const char *key;
        lua_Integer items;
    } level[DEPTH];
};

/* Puts the value on top into the open table. [-1, +0, m] */
static void store(struct pusher *p, const char *key)
{
    if (p->depth == 0)
        return; /* the object itself: it stays on the stack */
    if (key)
        lua_setfield(p->L, -2, key);
    else
        lua_rawseti(p->L, -2, ++p->level[p->depth - 1].items);
}

static void begin(struct pusher *p, const char *key, int items, int keys)
{
    if (p->depth == DEPTH)
        luaL_error(p->L, "report nested too deep");
    luaL_checkstack(p->L, 4, NULL);
    lua_createtable(p->L, items, keys);
    p->level[p->depth].key = key;
    p->level[p->depth].items = 0;
    p->depth++;
}

static void push_map(void *ctx, const char *key, size_t count)
{
    begin(ctx, key, 0, (int)count);
}

static void push_list(void *ctx, const char *key, size_t count)
{
    begin(ctx, key, (int)count, 0);
}

static void push_end(void *ctx)
{
    struct pusher *p = ctx;
    p->depth--;
    store(p, p->level[p->depth].key);
}

static void push_string(void *ctx, const char *key, const char *s, size_t len)
{
    struct pusher *p = ctx;
    lua_pushlstring(p->L, s, len);
    store(p, key);
}

static void push_integer(void *ctx, const char *key, int64_t value)
{
    struct pusher *p = ctx;
    lua_pushinteger(p->L, (lua_Integer)value);
    store(p, key);
}

static void push_number(void *ctx, const char *key, double value)
{
    struct pusher *p = ctx;
    lua_pushnumber(p->L, (lua_Number)value);
    store(p, key);
}

static void push_boolean(void *ctx, const char *key, bool value)
{
    struct pusher *p = ctx;
    lua_pushboolean(p->L, value);
    store(p, key);
}

void hp_shape_push(lua_State *L, const struct hp_shape *shape, const void *object)
{
    static const struct hp_sink sink = {
        .map = push_map,
        .list = push_list,
        .end = push_end,
        .string = push_string,
        .integer = push_integer,
        .number = push_number,
        .boolean = push_boolean,
    };
    struct pusher pusher = {.L = L};
    hp_shape_walk(shape, object, &sink, &pusher);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct reader {
    lua_State *L;
    const char *what;
    const struct hp_shape_into *into;
    size_t count;
    struct hp_arena *arena;
};

static void unknown_key(const struct reader *r, const char *key)
{
    struct hp_suggest suggest;
    hp_suggest_init(&suggest, key);
    for (size_t i = 0; i < r->count; i++)
        for (size_t k = 0; k < r->into[i].shape->count; k++)
            hp_suggest_offer(&suggest, r->into[i].shape->fields[k].key);
    if (suggest.best)
        luaL_error(r->L, "%s: there is no field '%s'; did you mean '%s'?", r->what, key, suggest.best);
    luaL_error(r->L, "%s: there is no field '%s'", r->what, key);
}

/* The value is on top of the stack. */
static enum hp_put put_strings(const struct reader *r, const struct hp_field *field, void *object)
{
    lua_State *L = r->L;
    size_t len;
    if (lua_type(L, -1) == LUA_TSTRING) {
        const char *s = lua_tolstring(L, -1, &len);
        return hp_field_put_item(field, object, r->arena, s, len);
    }
    lua_Unsigned count = lua_rawlen(L, -1);
    for (lua_Unsigned i = 1; i <= count; i++) {
        if (lua_rawgeti(L, -1, (lua_Integer)i) != LUA_TSTRING) {
            lua_pop(L, 1);
            return HP_PUT_TYPE;
        }
        const char *s = lua_tolstring(L, -1, &len);
        enum hp_put put = hp_field_put_item(field, object, r->arena, s, len);
        lua_pop(L, 1);
        if (put != HP_PUT_OK)
            return put;
    }
    return HP_PUT_OK;
}

static enum hp_put put_number(const struct reader *r, const struct hp_field *field, void *object)
{
    lua_State *L = r->L;
    int exact;
    lua_Integer integer = lua_tointegerx(L, -1, &exact);
    if (field->kind == HP_FIELD_STR) { /* expect_version = 3: as it would be printed */
        size_t len;
        lua_pushvalue(L, -1);
        const char *s = lua_tolstring(L, -1, &len);
        enum hp_put put = hp_field_put_string(field, object, r->arena, s, len);
        lua_pop(L, 1);
        return put;
    }
    return exact ? hp_field_put_integer(field, object, integer)
                 : hp_field_put_number(field, object, (double)lua_tonumber(L, -1));
}

static enum hp_put put_value(const struct reader *r, const struct hp_field *field, void *object)
{
    lua_State *L = r->L;
    size_t len;
    bool strings = field->kind == HP_FIELD_STRS;
    switch (lua_type(L, -1)) {
    case LUA_TSTRING: {
        if (strings)
            return put_strings(r, field, object);
        const char *s = lua_tolstring(L, -1, &len);
        return hp_field_put_string(field, object, r->arena, s, len);
    }
    case LUA_TNUMBER:
        return put_number(r, field, object);
    case LUA_TBOOLEAN:
        return hp_field_put_boolean(field, object, lua_toboolean(L, -1));
    case LUA_TTABLE:
        return strings ? put_strings(r, field, object) : HP_PUT_TYPE;
    default:
        return HP_PUT_TYPE;
    }
}

/* The key is below the value, both on top. */
static void read_pair(const struct reader *r)
{
    lua_State *L = r->L;
    size_t len;
    if (lua_type(L, -2) != LUA_TSTRING)
        luaL_error(L, "%s: a key is a %s and not a name", r->what, luaL_typename(L, -2));
    const char *key = lua_tolstring(L, -2, &len);
    for (size_t i = 0; i < r->count; i++) {
        const struct hp_field *field = hp_shape_field(r->into[i].shape, key, len);
        if (!field)
            continue;
        enum hp_put put = put_value(r, field, r->into[i].object);
        if (put == HP_PUT_TYPE)
            luaL_error(L, "%s: '%s' should be %s and is a %s", r->what, key, hp_field_wants(field),
                       luaL_typename(L, -1));
        if (put == HP_PUT_VALUE)
            luaL_error(
                L, "%s: '%s' has a value that cannot be used (a zero byte, or a number that is not finite)",
                r->what, key);
        return;
    }
    unknown_key(r, key);
}

void hp_shape_read(lua_State *L, int index, const char *what, const struct hp_shape_into *into, size_t count,
                   struct hp_arena *arena)
{
    struct reader reader = {L, what, into, count, arena};
    index = lua_absindex(L, index);
    luaL_checkstack(L, 6, NULL);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (!lua_isinteger(L, -2))
            read_pair(&reader);
        lua_pop(L, 1);
    }
}
