/* hotpatch engine: preconditions; the contract is in verify.h. */
#include "agent/engine/verify.h"

#include <string.h>

/* True if the value on top is the live object `expected`. Pops it. [-1, +0, -] */
static bool pop_is_object(lua_State *L, const struct hp_values *values, hp_handle expected)
{
    hp_anchor_push(L, values->anchor, expected);
    bool same = lua_rawequal(L, -1, -2) != 0;
    lua_pop(L, 2);
    return same;
}

static bool check_holds(lua_State *L, const struct hp_values *values, const struct hp_check *check)
{
    bool holds = false;
    hp_anchor_push(L, values->anchor, check->container);
    switch (check->kind) {
    case HP_CHECK_FIELD:
        if (lua_istable(L, -1)) {
            hp_value_push(L, values, &check->key);
            lua_rawget(L, -2);
            holds = pop_is_object(L, values, check->expected);
        }
        break;
    case HP_CHECK_UPVALUE:
        if (lua_isfunction(L, -1) && lua_getupvalue(L, -1, (int)check->upvalue + 1) != NULL)
            holds = pop_is_object(L, values, check->expected);
        break;
    case HP_CHECK_METATABLE:
        if (!lua_getmetatable(L, -1))
            lua_pushnil(L);
        holds = pop_is_object(L, values, check->expected);
        break;
    }
    lua_pop(L, 1);
    return holds;
}

/* True if the value on top is the step's expected one. Pops it. [-1, +0, m] */
static bool pop_is_expected(lua_State *L, const struct hp_values *values, const struct hp_step *step)
{
    hp_value_push(L, values, &step->expected);
    bool same = hp_same_value(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

static bool field_holds(lua_State *L, const struct hp_values *values, const struct hp_step *step)
{
    hp_anchor_push(L, values->anchor, step->target);
    if (!lua_istable(L, -1)) {
        lua_pop(L, 1);
        return false;
    }
    hp_value_push(L, values, &step->key);
    bool absent = lua_rawget(L, -2) == LUA_TNIL;
    bool holds = absent;
    if (step->kind == HP_STEP_ADD_FIELD) {
        lua_pop(L, 1);
    } else if (step->kind == HP_STEP_REMOVE_FIELD && step->expected.kind == HP_VALUE_NIL) {
        holds = !absent; /* whatever it is, it goes */
        lua_pop(L, 1);
    } else {
        holds = pop_is_expected(L, values, step);
    }
    lua_pop(L, 1);
    return holds;
}

static bool cell_holds(lua_State *L, const struct hp_values *values, const struct hp_step *step)
{
    bool holds = false;
    hp_anchor_push(L, values->anchor, step->place.closure);
    if (lua_isfunction(L, -1) && lua_getupvalue(L, -1, (int)step->place.upvalue + 1) != NULL)
        holds = pop_is_expected(L, values, step);
    lua_pop(L, 1);
    return holds;
}

static bool metatable_holds(lua_State *L, const struct hp_values *values, const struct hp_step *step)
{
    bool holds = false;
    hp_anchor_push(L, values->anchor, step->target);
    if (lua_istable(L, -1) || lua_type(L, -1) == LUA_TUSERDATA) {
        if (!lua_getmetatable(L, -1))
            lua_pushnil(L);
        holds = pop_is_expected(L, values, step);
    }
    lua_pop(L, 1);
    return holds;
}

/* Pushes what stands in a place that only the search finds, its container below it. False: there is no such
 * place any more; only the container is pushed. [-0, +(1|2), -] */
static bool push_held(lua_State *L, const struct hp_values *values, const struct hp_step *step)
{
    lua_Debug ar;
    const char *name;
    hp_anchor_push(L, values->anchor, step->target);
    lua_State *co = lua_tothread(L, -1);
    switch (step->kind) {
    case HP_STEP_SET_UPVALUE:
        return lua_iscfunction(L, -1) && lua_getupvalue(L, -1, step->index) != NULL;
    case HP_STEP_SET_USER_VALUE:
        if (lua_type(L, -1) != LUA_TUSERDATA)
            return false;
        lua_getiuservalue(L, -1, step->index);
        return true;
    case HP_STEP_SET_LOCAL:
        if (co == NULL || !lua_checkstack(co, 2) || !lua_getstack(co, step->level, &ar) ||
            (name = lua_getlocal(co, &ar, step->index)) == NULL)
            return false;
        if (strcmp(name, "(for state)") == 0) { /* the frame has moved on: there is a loop's iterator now */
            lua_pop(co, 1);
            return false;
        }
        lua_xmove(co, L, 1);
        return true;
    case HP_STEP_SET_BODY:
        if (co == NULL || !lua_checkstack(co, 2) || lua_status(co) != LUA_OK || lua_getstack(co, 0, &ar) ||
            lua_gettop(co) < step->index)
            return false;
        lua_pushvalue(co, step->index);
        lua_xmove(co, L, 1);
        return true;
    default: /* HP_STEP_REKEY: the key is what is held */
        if (!lua_istable(L, -1))
            return false;
        hp_value_push(L, values, &step->expected);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) == LUA_TNIL) {
            lua_pop(L, 2);
            return false;
        }
        lua_pop(L, 1);
        return true;
    }
}

static bool held_holds(lua_State *L, const struct hp_values *values, const struct hp_step *step)
{
    bool holds = push_held(L, values, step) && pop_is_expected(L, values, step);
    lua_pop(L, 1);
    return holds;
}

bool hp_verify_step(lua_State *L, const struct hp_values *values, const struct hp_step *step)
{
    switch (step->kind) {
    case HP_STEP_SET_FIELD:
    case HP_STEP_ADD_FIELD:
    case HP_STEP_REMOVE_FIELD:
        return field_holds(L, values, step);
    case HP_STEP_SET_CELL:
        return cell_holds(L, values, step);
    case HP_STEP_SET_METATABLE:
        return metatable_holds(L, values, step);
    default:
        return held_holds(L, values, step);
    }
}

bool hp_verify(lua_State *L, const struct hp_values *values, const char **where)
{
    const struct hp_plan *plan = values->plan;
    for (size_t i = 0; i < plan->checks.count; i++) {
        if (!check_holds(L, values, &plan->checks.items[i])) {
            *where = "a place on the way to what the patch changes";
            return false;
        }
    }
    for (size_t i = 0; i < plan->steps.count; i++) {
        const struct hp_step *step = &plan->steps.items[i];
        if (!step->tolerant && !step->held && !hp_verify_step(L, values, step)) {
            *where = step->path != NULL ? step->path : "a place that the patch changes";
            return false;
        }
    }
    return true;
}
