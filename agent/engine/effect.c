/* hotpatch engine: foreign calls; the contract is in effect.h. */
#include "agent/engine/effect.h"

#include <string.h>

#include "agent/engine/clone.h"
#include "agent/engine/placeholder.h"
#include "agent/engine/stage_impl.h"
#include "agent/engine/stagelib.h"
#include "agent/engine/view.h"

#define MAX_EFFECTS       200000u
#define MAX_CALLS_AT_LINE 10000u /* after so many a call gives nil: `while read() do … end` ends */

void hp_trial_spoil(lua_State *L)
{
    struct hp_stage *s = hp_stage_of(L);
    if (s->trial.depth != 0) {
        s->trial.spoiled = true;
        lua_pushnil(L);
        lua_error(L);
    }
}

bool hp_effect_in_for(lua_State *L)
{
    lua_Debug ar;
    if (!lua_getstack(L, 0, &ar) || !lua_getinfo(L, "n", &ar) || strcmp(ar.namewhat, "for iterator") != 0)
        return false;
    hp_stage_warn(L, "loop over an unknown value at %s ran no turn", NULL);
    return true;
}

/* The live Lua function that a call of the view at 1 would run, and where its arguments start; 0 if there is
 * none. */
static hp_handle lua_callee(lua_State *L, int *first)
{
    hp_handle handle = hp_view_handle(L, 1);
    if (handle == 0 || hp_view_info(L, handle)->lua_function) {
        *first = 2;
        return handle;
    }
    *first = 1;
    if (lua_isfunction(L, 1))
        return 0;
    hp_view_metatable(L, 1);
    hp_view_rawget_str(L, -1, "__call");
    handle = hp_view_handle(L, -1);
    lua_pop(L, 2);
    return handle != 0 && hp_view_info(L, handle)->lua_function ? handle : 0;
}

static bool is_handed_a_function(lua_State *L)
{
    for (int i = lua_gettop(L); i > 1; i--)
        if (lua_isfunction(L, i) && !lua_iscfunction(L, i)) /* views of functions are C functions */
            return true;
    return false;
}

int hp_foreign_call(lua_State *L)
{
    int top = lua_gettop(L), first;
    luaL_checkstack(L, 8, NULL);
    hp_handle function = hp_is_placeholder(L, 1) ? 0 : lua_callee(L, &first);
    if (function != 0 && !is_handed_a_function(L) && hp_clone_try(L, function, first))
        return lua_gettop(L) - top;
    if (hp_effect_in_for(L))
        return 0;
    return hp_effect_record(L);
}

int hp_foreign_function(lua_State *L)
{
    hp_slot_push(L, views);
    lua_rawgeti(L, -1, lua_tointeger(L, lua_upvalueindex(1)));
    lua_insert(L, 1);
    lua_pop(L, 1);
    return hp_foreign_call(L);
}

/* Callee and arguments, from 1 to the top, kept under the number of the effect. [-0, +0, e] */
static void keep(lua_State *L, uint32_t number)
{
    int top = lua_gettop(L);
    hp_slot_push(L, effects);
    lua_createtable(L, top, 0);
    for (int i = 1; i <= top; i++) {
        lua_pushvalue(L, i);
        lua_rawseti(L, -2, i);
    }
    lua_rawseti(L, -2, (lua_Integer)number + 1);
    lua_settop(L, top);
}

int hp_effect_record(lua_State *L)
{
    struct hp_stage *s = hp_stage_of(L);
    hp_trial_spoil(L);
    luaL_checkstack(L, 8, NULL);
    struct hp_stage_effect made = {.arguments = (uint32_t)lua_gettop(L) - 1, .expression = HP_NO_ID};
    hp_stage_where(L, &made.module, &made.line);
    uint32_t *calls = &s->calls_at[((uint32_t)made.line + made.module * 769u) % HP_STAGE_LINES];
    if (++*calls > MAX_CALLS_AT_LINE) {
        if (*calls == MAX_CALLS_AT_LINE + 1) {
            hp_stage_warn(L, "the call at %s was met more than 10000 times: no more of them were recorded",
                          NULL);
        }
        lua_pushnil(L);
        return 1;
    }
    if (s->effects.count >= MAX_EFFECTS)
        hp_stage_fail(L, HP_LIMIT, "the chunk makes more than 200000 calls of code outside itself");
    hp_text_push(L, 1);
    made.call = hp_stage_keep(L, lua_tostring(L, -1));
    lua_pop(L, 1);
    made.args = hp_text_list(L, 2, lua_gettop(L));
    uint32_t number = (uint32_t)s->effects.count;
    keep(L, number);
    struct hp_stage_effect *e = HP_PUSH(&s->arena, &s->effects);
    if (e == NULL)
        hp_stage_fail(L, HP_NO_MEMORY, "no memory for the list of effects");
    *e = made; /* in the list before its placeholder, so that both stay in step */
    const struct hp_std *std = hp_view_info(L, hp_view_handle(L, 1))->std;
    hp_placeholder_push(L, HP_OP_CALL, lua_gettop(L), NULL,
                        std != NULL && std->guess != NULL ? std->guess : "table");
    s->effects.items[number].expression = hp_placeholder_expression(L, -1);
    return 1;
}

int hp_effect_pure(lua_State *L, const char *guess)
{
    hp_placeholder_push(L, HP_OP_CALL, lua_gettop(L), NULL, guess);
    return 1;
}
