/* hotpatch engine: views; the contract is in view.h. Their metamethods are in viewmeta.c. */
#include "agent/engine/view.h"

#include <string.h>

#include "agent/engine/clone.h"
#include "agent/engine/effect.h"
#include "agent/engine/overlay.h"
#include "agent/engine/placeholder.h"
#include "agent/engine/stage_impl.h"
#include "agent/engine/stagelib.h"

#define MAX_TEXT 200 /* of the way to a view */
#define MAX_HOPS 100 /* along __index, as in Lua's own limit of metamethod chains (2000), but tighter */

/* Naming */

const struct hp_view_info *hp_view_info(lua_State *L, hp_handle handle)
{
    static const struct hp_view_info none = {.text = "?", .type = "nil"};
    struct hp_stage *s = hp_stage_of(L);
    return handle < s->views.count && s->views.items[handle].text != NULL ? &s->views.items[handle] : &none;
}

static struct hp_view_info *new_info(lua_State *L, hp_handle handle)
{
    struct hp_stage *s = hp_stage_of(L);
    while (s->views.count <= handle)
        if (HP_PUSH(&s->arena, &s->views) == NULL)
            hp_stage_fail(L, HP_NO_MEMORY, "no memory for the list of views");
    return &s->views.items[handle];
}

static const char *text_of(lua_State *L, hp_handle parent, const struct hp_peeked *key, const char *name)
{
    struct hp_stage *s = hp_stage_of(L);
    if (parent == 0)
        return hp_stage_keep(L, name);
    const char *before = hp_view_info(L, parent)->text;
    if (parent == s->globals || parent == s->loaded || strlen(before) > MAX_TEXT)
        before = "";
    const char *text;
    if (name != NULL) {
        text = hp_arena_printf(&s->arena, "%s%s", before, name);
    } else if (key->type == LUA_TSTRING) {
        int len = key->string.len < MAX_TEXT ? (int)key->string.len : MAX_TEXT;
        text = hp_arena_printf(&s->arena, "%s%s%.*s", before, before[0] != '\0' ? "." : "", len,
                               key->string.data);
    } else if (key->type == LUA_TNUMBER && key->is_integer) {
        text = hp_arena_printf(&s->arena, "%s[%lld]", before, (long long)key->integer);
    } else {
        text = hp_arena_printf(&s->arena, "%s[%s]", before, lua_typename(L, key->type));
    }
    if (hp_arena_failed(&s->arena))
        hp_stage_fail(L, HP_NO_MEMORY, "no memory for the list of views");
    return text;
}

/* Making */

/* [-0, +1, e] */
static void push_new(lua_State *L, const struct hp_peeked *v, const struct hp_std *std)
{
    switch (v->type) {
    case LUA_TTABLE:
        lua_newtable(L);
        break;
    case LUA_TFUNCTION:
        if (std != NULL && std->kind != HP_STD_EFFECT) {
            hp_stagelib_push(L, std);
        } else {
            lua_pushinteger(L, (lua_Integer)v->handle);
            lua_pushcclosure(L, hp_foreign_function, 1);
        }
        return;
    case LUA_TUSERDATA:
        lua_newuserdatauv(L, 1, 0);
        break;
    case LUA_TTHREAD:
        lua_newthread(L);
        return;
    default:
        lua_pushlightuserdata(L, v->light);
        return;
    }
    hp_slot_push(L, view_mt);
    lua_setmetatable(L, -2);
}

/* Both directions; where two live closures are the same standard function, the first is what its view stands
 * for. */
static void enter(lua_State *L, hp_handle handle)
{
    hp_slot_push(L, views);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, (lua_Integer)handle);
    lua_pop(L, 1);
    if (hp_view_handle(L, -1) == 0) {
        hp_slot_push(L, handles);
        lua_pushvalue(L, -2);
        lua_pushinteger(L, (lua_Integer)handle);
        lua_rawset(L, -3);
        lua_pop(L, 1);
    }
}

static void push_object(lua_State *L, const struct hp_peeked *v, hp_handle parent,
                        const struct hp_peeked *key, const char *name)
{
    hp_slot_push(L, views);
    lua_rawgeti(L, -1, (lua_Integer)v->handle);
    lua_remove(L, -2);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    const struct hp_std *std = v->cfunction != NULL ? hp_stagelib_find(L, v->cfunction) : NULL;
    push_new(L, v, std);
    enter(L, v->handle);
    const char *text = std != NULL ? std->name : text_of(L, parent, key, name);
    *new_info(L, v->handle) = (struct hp_view_info){
        .text = text,
        .type = lua_typename(L, v->type),
        .std = std,
        .lua_function = v->type == LUA_TFUNCTION && v->cfunction == NULL,
    };
}

void hp_view_push(lua_State *L, const struct hp_peeked *v, hp_handle parent, const struct hp_peeked *key,
                  const char *name)
{
    luaL_checkstack(L, 6, NULL);
    switch (v->type) {
    case LUA_TNIL:
        lua_pushnil(L);
        break;
    case LUA_TBOOLEAN:
        lua_pushboolean(L, v->boolean);
        break;
    case LUA_TNUMBER:
        if (v->is_integer)
            lua_pushinteger(L, v->integer);
        else
            lua_pushnumber(L, v->number);
        break;
    case LUA_TSTRING:
        lua_pushlstring(L, v->string.data, v->string.len);
        break;
    default:
        push_object(L, v, parent, key, name);
        break;
    }
}

/* Asking */

hp_handle hp_view_handle(lua_State *L, int idx)
{
    if (lua_type(L, idx) < LUA_TTABLE && lua_type(L, idx) != LUA_TLIGHTUSERDATA)
        return 0; /* plain values are no keys of the map */
    idx = lua_absindex(L, idx);
    hp_slot_push(L, handles);
    lua_pushvalue(L, idx);
    lua_rawget(L, -2);
    hp_handle handle = (hp_handle)lua_tointeger(L, -1);
    lua_pop(L, 2);
    return handle;
}

bool hp_view_peeked(lua_State *L, int idx, struct hp_peeked *out)
{
    *out = (struct hp_peeked){.type = lua_type(L, idx)};
    switch (out->type) {
    case LUA_TNIL:
        return true;
    case LUA_TBOOLEAN:
        out->boolean = lua_toboolean(L, idx);
        return true;
    case LUA_TNUMBER:
        out->is_integer = lua_isinteger(L, idx);
        if (out->is_integer)
            out->integer = lua_tointeger(L, idx);
        else
            out->number = lua_tonumber(L, idx);
        return true;
    case LUA_TSTRING:
        out->string.data = lua_tolstring(L, idx, &out->string.len);
        return true;
    default:
        out->handle = hp_view_handle(L, idx);
        return out->handle != 0;
    }
}

/* Raw access */

/* A field of the live object itself, as a value of the stage. */
static void push_live_field(lua_State *L, hp_handle handle, int key)
{
    struct hp_peeked k;
    if (!hp_view_peeked(L, key, &k)) {
        lua_pushnil(L); /* what the body made itself is no key of a live table */
        return;
    }
    struct hp_peeked v = hp_peek_field(L, handle, &k);
    hp_view_push(L, &v, handle, &k, NULL);
}

void hp_view_rawget(lua_State *L, int object, int key)
{
    luaL_checkstack(L, 6, NULL);
    object = lua_absindex(L, object);
    key = lua_absindex(L, key);
    hp_handle handle = hp_view_handle(L, object);
    if (handle != 0 || hp_is_placeholder(L, object)) {
        if (!hp_overlay_get(L, object, key)) {
            if (handle != 0)
                push_live_field(L, handle, key);
            else
                lua_pushnil(L);
        }
    } else if (lua_istable(L, object)) {
        lua_pushvalue(L, key);
        lua_rawget(L, object);
    } else {
        lua_pushnil(L);
    }
}

void hp_view_rawget_str(lua_State *L, int object, const char *key)
{
    object = lua_absindex(L, object);
    lua_pushstring(L, key);
    hp_view_rawget(L, object, -1);
    lua_remove(L, -2);
}

lua_Integer hp_view_length(lua_State *L, int view)
{
    view = lua_absindex(L, view);
    hp_handle handle = hp_view_handle(L, view);
    lua_Integer n = handle != 0 ? hp_peek_length(L, handle) : 0;
    hp_overlay_push(L, view);
    bool written = !lua_isnil(L, -1);
    lua_pop(L, 1);
    while (written && n > 0) { /* a border of both together: down over what was removed … */
        lua_pushinteger(L, n);
        hp_view_rawget(L, view, -1);
        bool present = !lua_isnil(L, -1);
        lua_pop(L, 2);
        if (present)
            break;
        n--;
    }
    while (written) { /* … and up over what was added */
        lua_pushinteger(L, n + 1);
        hp_view_rawget(L, view, -1);
        bool present = !lua_isnil(L, -1);
        lua_pop(L, 2);
        if (!present)
            break;
        n++;
    }
    return n;
}

static bool live_has(lua_State *L, hp_handle handle, int key)
{
    struct hp_peeked k;
    return handle != 0 && !lua_isnil(L, key) && hp_view_peeked(L, key, &k) &&
           hp_peek_field(L, handle, &k).type != LUA_TNIL;
}

/* The live pair after the key on the top, with the overlay's value where it has one. [-1, +(2|0), e] */
static bool next_live(lua_State *L, int view, hp_handle handle)
{
    struct hp_peeked key, value;
    hp_view_peeked(L, -1, &key);
    while (hp_peek_next(L, handle, &key, &value)) {
        /* The old key stays on the stack until here: `key` may have pointed into it. From here on it points
         * into the new one, which outlives the read. */
        hp_view_push(L, &key, handle, NULL, "[key]");
        lua_replace(L, -2);
        hp_view_peeked(L, -1, &key);
        if (!hp_overlay_get(L, view, -1)) {
            hp_view_push(L, &value, handle, &key, NULL);
            return true;
        }
        if (!lua_isnil(L, -1))
            return true;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return false;
}

bool hp_view_next(lua_State *L, int view)
{
    luaL_checkstack(L, 8, NULL);
    view = lua_absindex(L, view);
    hp_handle handle = hp_view_handle(L, view);
    if (lua_isnil(L, -1) || live_has(L, handle, -1)) {
        if (handle != 0 && next_live(L, view, handle))
            return true;
        if (handle == 0)
            lua_pop(L, 1);
        lua_pushnil(L);
    }
    hp_overlay_push(L, view);
    lua_insert(L, -2);
    if (lua_isnil(L, -2)) {
        if (!lua_isnil(L, -1))
            luaL_error(L, "invalid key to 'next'");
        lua_pop(L, 2);
        return false;
    }
    while (lua_next(L, -2)) {
        if (!hp_is_tombstone(L, -1) && !live_has(L, handle, -2)) {
            lua_remove(L, -3);
            return true;
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return false;
}

/* Metatables */

void hp_view_metatable(lua_State *L, int object)
{
    luaL_checkstack(L, 6, NULL);
    object = lua_absindex(L, object);
    hp_handle handle = hp_view_handle(L, object);
    if (hp_overlay_get_metatable(L, object))
        return;
    if (handle != 0) {
        struct hp_peeked mt = hp_peek_metatable(L, handle);
        hp_view_push(L, &mt, handle, NULL, "@mt");
    } else if (hp_is_placeholder(L, object)) {
        lua_pushnil(L);
    } else if (lua_istable(L, object)) {
        if (!lua_getmetatable(L, object))
            lua_pushnil(L);
        else if (hp_shadow_origin(L, -1))
            lua_remove(L, -2);
    } else {
        struct hp_peeked mt = hp_peek_basic_metatable(L, lua_type(L, object));
        hp_view_push(L, &mt, 0, NULL, lua_typename(L, lua_type(L, object)));
    }
}

/* One step along `__index`: the handler is on the top, `cur` below it has it. True: the value is there, in
 * place of the handler. */
static bool follow(lua_State *L, int view, int cur, int key)
{
    hp_handle handler = hp_view_handle(L, -1);
    if (lua_isfunction(L, -1) && handler != 0) {
        if (lua_type(L, view) == LUA_TUSERDATA) {
            lua_pop(L, 1);
            lua_pushvalue(L, view);
            lua_pushvalue(L, key);
            hp_placeholder_push(L, HP_OP_INDEX, 2, NULL, "table");
            return true;
        }
        int top = lua_gettop(L);
        lua_pushvalue(L, cur);
        lua_pushvalue(L, key);
        if (hp_view_info(L, handler)->lua_function && hp_clone_try(L, handler, top + 1)) {
            lua_settop(L, top + 3); /* the first result, nil if there was none */
            lua_replace(L, top);
        } else {
            lua_pushnil(L);
            lua_replace(L, top);
        }
        lua_settop(L, top);
        return true;
    }
    if (lua_isfunction(L, -1)) { /* of the body's own metatable */
        lua_pushvalue(L, cur);
        lua_pushvalue(L, key);
        lua_call(L, 2, 1);
        return true;
    }
    if (handler == 0) { /* a table of the stage, or a placeholder */
        lua_pushvalue(L, key);
        lua_gettable(L, -2);
        lua_remove(L, -2);
        return true;
    }
    return false;
}

void hp_view_get(lua_State *L, int view, int key)
{
    luaL_checkstack(L, 10, NULL);
    view = lua_absindex(L, view);
    key = lua_absindex(L, key);
    lua_pushvalue(L, view);
    int cur = lua_gettop(L);
    for (int hop = 0; hop < MAX_HOPS; hop++) {
        hp_view_rawget(L, cur, key);
        if (!lua_isnil(L, -1))
            break;
        hp_view_metatable(L, cur);
        hp_view_rawget_str(L, -1, "__index");
        if (lua_isnil(L, -1) || follow(L, view, cur, key))
            break;
        lua_replace(L, cur);
        lua_settop(L, cur);
    }
    lua_replace(L, cur); /* the value, or the nil that was the last thing found */
    lua_settop(L, cur);
}
