/* hotpatch engine: raw reads of the live state; the contract is in peek.h. */
#include "agent/engine/peek.h"

#include <stdio.h>
#include <string.h>

#include "agent/engine/stage_impl.h"

/* One read: what goes in and what comes out. In the protected function, index 1 is the anchor and 2 this, as
 * a pointer. */
struct peek {
    hp_handle object;
    struct hp_peeked key, value;
    lua_Integer length;
    int number; /* of an upvalue; a type */
    bool found, no_memory;
    const char *name;
    char text[64];
    char *dump; /* of hp_mem */
    size_t dump_len, dump_cap;
};

#define ANCHOR 1

static struct peek *argument(lua_State *live)
{
    return lua_touserdata(live, 2);
}

static int read_next(lua_State *live);

static void run(lua_State *L, lua_CFunction read, struct peek *p)
{
    struct hp_stage *s = hp_stage_of(L);
    lua_State *live = s->live;
    if (!hp_turn_hold(s->turn))
        hp_stage_fail(L, HP_TIMEOUT, "the request was given up");
    if (!lua_checkstack(live, LUA_MINSTACK))
        hp_stage_fail(L, HP_NO_MEMORY, "no memory to read the live state");
    lua_pushcfunction(live, read);
    lua_pushvalue(live, s->anchor);
    lua_pushlightuserdata(live, p);
    int status = lua_pcall(live, 2, 0, 0);
    if (status == LUA_OK)
        return;
    lua_pop(live, 1);
    hp_mem_free(p->dump);
    p->dump = NULL;
    if (status == LUA_ERRMEM)
        hp_stage_fail(L, HP_NO_MEMORY, "no memory to read the live state");
    if (s->turn != NULL && read == read_next) { /* the key was there when it was read */
        hp_stage_fail(
            L, HP_CONFLICT,
            "the server changed a table that the chunk was going over while it was loaded; try again, "
            "or with --atomic");
    }
    luaL_error(L, "this read of the live state is not possible");
}

/* [-0, +0, m] on live */
static void describe(lua_State *live, int idx, struct hp_peeked *v)
{
    *v = (struct hp_peeked){.type = lua_type(live, idx)};
    switch (v->type) {
    case LUA_TNIL:
        break;
    case LUA_TBOOLEAN:
        v->boolean = lua_toboolean(live, idx);
        break;
    case LUA_TNUMBER:
        v->is_integer = lua_isinteger(live, idx);
        if (v->is_integer)
            v->integer = lua_tointeger(live, idx);
        else
            v->number = lua_tonumber(live, idx);
        break;
    case LUA_TSTRING:
        v->string.data = lua_tolstring(live, idx, &v->string.len);
        break;
    default:
        if (v->type == LUA_TLIGHTUSERDATA)
            v->light = lua_touserdata(live, idx);
        v->cfunction = lua_tocfunction(live, idx);
        v->handle = hp_anchor_add(live, ANCHOR, idx);
        break;
    }
}

/* [-0, +1, m] on live */
static void push(lua_State *live, const struct hp_peeked *v)
{
    switch (v->type) {
    case LUA_TNIL:
        lua_pushnil(live);
        break;
    case LUA_TBOOLEAN:
        lua_pushboolean(live, v->boolean);
        break;
    case LUA_TNUMBER:
        if (v->is_integer)
            lua_pushinteger(live, v->integer);
        else
            lua_pushnumber(live, v->number);
        break;
    case LUA_TSTRING:
        lua_pushlstring(live, v->string.data, v->string.len);
        break;
    default:
        hp_anchor_push(live, ANCHOR, v->handle);
        break;
    }
}

static int read_globals(lua_State *live)
{
    lua_rawgeti(live, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    describe(live, -1, &argument(live)->value);
    return 0;
}

static int read_loaded(lua_State *live)
{
    lua_pushstring(live, LUA_LOADED_TABLE);
    lua_rawget(live, LUA_REGISTRYINDEX);
    describe(live, -1, &argument(live)->value);
    return 0;
}

static int read_object(lua_State *live)
{
    struct peek *p = argument(live);
    hp_anchor_push(live, ANCHOR, p->object);
    describe(live, -1, &p->value);
    return 0;
}

static int read_field(lua_State *live)
{
    struct peek *p = argument(live);
    hp_anchor_push(live, ANCHOR, p->object);
    if (lua_istable(live, -1)) {
        push(live, &p->key);
        lua_rawget(live, -2);
        describe(live, -1, &p->value);
    }
    return 0;
}

static int read_metatable(lua_State *live)
{
    struct peek *p = argument(live);
    hp_anchor_push(live, ANCHOR, p->object);
    if (lua_getmetatable(live, -1))
        describe(live, -1, &p->value);
    return 0;
}

static int read_basic_metatable(lua_State *live)
{
    struct peek *p = argument(live);
    switch (p->number) {
    case LUA_TBOOLEAN:
        lua_pushboolean(live, 0);
        break;
    case LUA_TNUMBER:
        lua_pushinteger(live, 0);
        break;
    case LUA_TSTRING:
        lua_pushliteral(live, "");
        break;
    case LUA_TFUNCTION:
        lua_pushcfunction(live, read_basic_metatable);
        break;
    default:
        lua_pushnil(live);
        break;
    }
    if (lua_getmetatable(live, -1))
        describe(live, -1, &p->value);
    return 0;
}

static int read_length(lua_State *live)
{
    struct peek *p = argument(live);
    hp_anchor_push(live, ANCHOR, p->object);
    p->length = lua_istable(live, -1) ? (lua_Integer)lua_rawlen(live, -1) : 0;
    return 0;
}

static int read_next(lua_State *live)
{
    struct peek *p = argument(live);
    hp_anchor_push(live, ANCHOR, p->object);
    push(live, &p->key);
    p->found = lua_istable(live, -2) && lua_next(live, -2);
    if (p->found) {
        describe(live, -2, &p->key);
        describe(live, -1, &p->value);
    }
    return 0;
}

static int read_upvalue(lua_State *live)
{
    struct peek *p = argument(live);
    hp_anchor_push(live, ANCHOR, p->object);
    p->name = lua_getupvalue(live, -1, p->number);
    if (p->name != NULL)
        describe(live, -1, &p->value);
    return 0;
}

static int collect_dump(lua_State *live, const void *data, size_t len, void *arg)
{
    (void)live;
    struct peek *p = arg;
    if (p->dump_cap - p->dump_len < len) {
        size_t cap = (p->dump_len + len) * 2;
        char *dump = hp_mem_realloc(p->dump, cap);
        if (dump == NULL)
            return 1;
        p->dump = dump;
        p->dump_cap = cap;
    }
    if (len != 0) {
        memcpy(p->dump + p->dump_len, data, len);
        p->dump_len += len;
    }
    return 0;
}

static int read_dump(lua_State *live)
{
    struct peek *p = argument(live);
    hp_anchor_push(live, ANCHOR, p->object);
    bool lua_function = lua_isfunction(live, -1) && !lua_iscfunction(live, -1);
    p->found = lua_function && lua_dump(live, collect_dump, p, 0) == 0;
    p->no_memory = lua_function && !p->found;
    return 0;
}

static int read_text(lua_State *live)
{
    struct peek *p = argument(live);
    hp_anchor_push(live, ANCHOR, p->object);
    snprintf(p->text, sizeof p->text, "%s: %p", luaL_typename(live, -1), lua_topointer(live, -1));
    return 0;
}

/* Beside the objects of the anchor, under a string: neither a number nor an object. */
static int read_frozen(lua_State *live)
{
    struct peek *p = argument(live);
    lua_pushstring(live, p->name);
    lua_rawget(live, ANCHOR);
    if (lua_isnil(live, -1)) {
        lua_pushstring(live, p->name);
        lua_pushnumber(live, p->value.number);
        lua_rawset(live, ANCHOR);
    } else {
        p->value.number = lua_tonumber(live, -1);
    }
    return 0;
}

static struct hp_peeked value_of(lua_State *L, lua_CFunction read, struct peek p)
{
    p.value.type = LUA_TNIL;
    run(L, read, &p);
    return p.value;
}

struct hp_peeked hp_peek_globals(lua_State *L)
{
    return value_of(L, read_globals, (struct peek){0});
}

struct hp_peeked hp_peek_loaded(lua_State *L)
{
    return value_of(L, read_loaded, (struct peek){0});
}

struct hp_peeked hp_peek_object(lua_State *L, hp_handle object)
{
    return value_of(L, read_object, (struct peek){.object = object});
}

struct hp_peeked hp_peek_field(lua_State *L, hp_handle table, const struct hp_peeked *key)
{
    return value_of(L, read_field, (struct peek){.object = table, .key = *key});
}

struct hp_peeked hp_peek_field_str(lua_State *L, hp_handle table, const char *key)
{
    struct hp_peeked k = {.type = LUA_TSTRING, .string = {key, strlen(key)}};
    return hp_peek_field(L, table, &k);
}

struct hp_peeked hp_peek_metatable(lua_State *L, hp_handle object)
{
    return value_of(L, read_metatable, (struct peek){.object = object});
}

struct hp_peeked hp_peek_basic_metatable(lua_State *L, int type)
{
    return value_of(L, read_basic_metatable, (struct peek){.number = type});
}

lua_Integer hp_peek_length(lua_State *L, hp_handle table)
{
    struct peek p = {.object = table};
    run(L, read_length, &p);
    return p.length;
}

bool hp_peek_next(lua_State *L, hp_handle table, struct hp_peeked *key, struct hp_peeked *value)
{
    struct peek p = {.object = table, .key = *key};
    run(L, read_next, &p);
    *key = p.key;
    *value = p.value;
    return p.found;
}

const char *hp_peek_upvalue(lua_State *L, hp_handle function, int n, struct hp_peeked *value)
{
    struct peek p = {.object = function, .number = n};
    run(L, read_upvalue, &p);
    *value = p.value;
    return p.name;
}

/* The copy of the dump into the stage may raise: protected, so that the bytes are given back. */
static int push_bytes(lua_State *L)
{
    const struct peek *p = lua_touserdata(L, 1);
    lua_pushlstring(L, p->dump, p->dump_len);
    return 1;
}

void hp_peek_push_dump(lua_State *L, hp_handle function)
{
    struct peek p = {.object = function};
    luaL_checkstack(L, 4, NULL);
    run(L, read_dump, &p);
    if (!p.found) {
        hp_mem_free(p.dump);
        if (p.no_memory)
            hp_stage_fail(L, HP_NO_MEMORY, "no memory to read a function of the live state");
        lua_pushnil(L);
        return;
    }
    lua_pushcfunction(L, push_bytes);
    lua_pushlightuserdata(L, &p);
    int status = lua_pcall(L, 1, 1, 0);
    hp_mem_free(p.dump);
    if (status != LUA_OK)
        lua_error(L);
}

void hp_peek_push_text(lua_State *L, hp_handle object)
{
    struct peek p = {.object = object};
    run(L, read_text, &p);
    lua_pushstring(L, p.text);
}

lua_Number hp_peek_frozen(lua_State *L, const char *name, lua_Number value)
{
    struct peek p = {.name = name};
    p.value.number = value;
    run(L, read_frozen, &p);
    return p.value.number;
}
