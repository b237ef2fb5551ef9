/* hotpatch engine: the metamethods of views (view.h).
 *
 * Only events that the live object's metatable has work, as in the program: its handler is a foreign
 * function, tried or replaced by a placeholder; a handler of a metatable that the body set itself is called.
 */
#include <string.h>

#include "agent/engine/clone.h"
#include "agent/engine/effect.h"
#include "agent/engine/overlay.h"
#include "agent/engine/placeholder.h"
#include "agent/engine/stage_impl.h"
#include "agent/engine/view.h"

static int view_index(lua_State *L)
{
    hp_view_get(L, 1, 2);
    return 1;
}

/* Writes go into the overlay. Only a metatable of the body's own may catch them. */
static int view_newindex(lua_State *L)
{
    if (hp_overlay_get_metatable(L, 1)) {
        hp_view_rawget_str(L, -1, "__newindex");
        hp_view_rawget(L, 1, 2);
        bool absent = lua_isnil(L, -1);
        lua_pop(L, 1);
        if (absent && lua_isfunction(L, -1) && hp_view_handle(L, -1) == 0) {
            lua_insert(L, 1);
            lua_settop(L, 4);
            lua_call(L, 3, 0);
            return 0;
        }
    }
    if (lua_isnil(L, 2))
        return luaL_error(L, "index is nil");
    lua_settop(L, 3);
    hp_overlay_set(L, 1, 2);
    return 0;
}

static int view_len(lua_State *L)
{
    lua_pushinteger(L, hp_view_length(L, 1));
    return 1;
}

static int view_call(lua_State *L)
{
    hp_view_metatable(L, 1);
    hp_view_rawget_str(L, -1, "__call");
    lua_remove(L, -2);
    if (lua_isnil(L, -1))
        return luaL_error(L, "attempt to call a %s value", luaL_typename(L, 1));
    if (hp_view_handle(L, -1) == 0) {
        lua_insert(L, 1);
        lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
        return lua_gettop(L);
    }
    lua_pop(L, 1);
    return hp_foreign_call(L);
}

static int view_tostring(lua_State *L)
{
    hp_peek_push_text(L, hp_view_handle(L, 1));
    return 1;
}

static int view_close(lua_State *L)
{
    (void)L;
    return 0;
}

struct event {
    const char *name;
    int operator; /* of lua_arith; or one of the below */
    const char *error;
};
#define CONCAT  (-1)
#define COMPARE (-2)

static const struct event EVENTS[] = {
    {"__add", LUA_OPADD, "perform arithmetic on"},
    {"__sub", LUA_OPSUB, "perform arithmetic on"},
    {"__mul", LUA_OPMUL, "perform arithmetic on"},
    {"__mod", LUA_OPMOD, "perform arithmetic on"},
    {"__pow", LUA_OPPOW, "perform arithmetic on"},
    {"__div", LUA_OPDIV, "perform arithmetic on"},
    {"__idiv", LUA_OPIDIV, "perform arithmetic on"},
    {"__unm", LUA_OPUNM, "perform arithmetic on"},
    {"__band", LUA_OPBAND, "perform bitwise operation on"},
    {"__bor", LUA_OPBOR, "perform bitwise operation on"},
    {"__bxor", LUA_OPBXOR, "perform bitwise operation on"},
    {"__shl", LUA_OPSHL, "perform bitwise operation on"},
    {"__shr", LUA_OPSHR, "perform bitwise operation on"},
    {"__bnot", LUA_OPBNOT, "perform bitwise operation on"},
    {"__concat", CONCAT, "concatenate"},
    {"__lt", COMPARE, "compare"},
    {"__le", COMPARE, "compare"},
};

/* Pushes the handler of the event of one of the two operands, or nil. */
static void push_handler(lua_State *L, const char *event)
{
    for (int operand = 1; operand <= 2; operand++) {
        hp_view_metatable(L, operand);
        hp_view_rawget_str(L, -1, event);
        lua_remove(L, -2);
        if (!lua_isnil(L, -1) || operand == 2)
            return;
        lua_pop(L, 1);
    }
}

static int placeholder_result(lua_State *L, int operator)
{
    lua_settop(L, 2);
    if (operator== COMPARE) {
        lua_pushboolean(L, 0);
    } else if (operator== CONCAT) {
        hp_placeholder_push(L, HP_OP_CONCAT, 2, NULL, "string");
    } else {
        bool unary = operator== LUA_OPUNM || operator== LUA_OPBNOT;
        lua_pushinteger(L, operator);
        lua_insert(L, 1);
        lua_settop(L, unary ? 2 : 3);
        hp_placeholder_push(L, HP_OP_ARITH, unary ? 2 : 3, NULL, "number");
    }
    return 1;
}

/* Any operator. Upvalue 1: number of the event. */
static int view_operator(lua_State *L)
{
    const struct event *e = &EVENTS[lua_tointeger(L, lua_upvalueindex(1))];
    lua_settop(L, 2);
    if (hp_is_placeholder(L, 1) || hp_is_placeholder(L, 2))
        return placeholder_result(L, e->operator);
    push_handler(L, e->name);
    if (lua_isnil(L, -1)) {
        return luaL_error(L, "attempt to %s a %s value", e->error,
                          luaL_typename(L, hp_view_handle(L, 1) != 0 ? 1 : 2));
    }
    hp_handle handler = hp_view_handle(L, -1);
    if (handler == 0 && lua_isfunction(L, -1)) {
        lua_insert(L, 1);
        lua_call(L, 2, 1);
        return 1;
    }
    lua_settop(L, 2);
    if (handler != 0 && hp_view_info(L, handler)->lua_function && hp_clone_try(L, handler, 1)) {
        lua_settop(L, 3);
        return 1;
    }
    return placeholder_result(L, e->operator);
}

void hp_view_set_operators(lua_State *L)
{
    for (size_t i = 0; i < sizeof EVENTS / sizeof *EVENTS; i++) {
        lua_pushinteger(L, (lua_Integer)i);
        lua_pushcclosure(L, view_operator, 1);
        lua_setfield(L, -2, EVENTS[i].name);
    }
}

void hp_view_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"__index", view_index},
        {"__newindex", view_newindex},
        {"__len", view_len},
        {"__call", view_call},
        {"__tostring", view_tostring},
        {"__close", view_close},
        {NULL, NULL},
    };
    hp_slot_push(L, view_mt);
    luaL_setfuncs(L, functions, 0);
    hp_view_set_operators(L);
    lua_pop(L, 1);
}
