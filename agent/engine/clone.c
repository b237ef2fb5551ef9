/* hotpatch engine: trials; the contract is in clone.h. */
#include "agent/engine/clone.h"

#include "agent/engine/effect.h"
#include "agent/engine/placeholder.h"
#include "agent/engine/stage_impl.h"
#include "agent/engine/stagelib.h"
#include "agent/engine/view.h"

#define MAX_ARGUMENT_FIELDS                                                                                  \
    2000                        /* of the tables handed over, all together; beyond, the call is an effect    \
                                 */
#define MAX_RESULT_FIELDS 10000 /* likewise of what came back */

/* The clone */

/* Gives the clone on the top the live function's upvalues and keeps an array of them. [-0, +0, e] */
static void set_upvalues(lua_State *L, hp_handle function)
{
    int clone = lua_gettop(L);
    lua_newtable(L);
    struct hp_peeked v;
    const char *name;
    for (int i = 1; (name = hp_peek_upvalue(L, function, i, &v)) != NULL; i++) {
        hp_view_push(L, &v, 0, NULL, name[0] != '\0' ? name : "upvalue");
        lua_pushvalue(L, -1);
        lua_rawseti(L, clone + 1, i);
        if (lua_setupvalue(L, clone, i) == NULL)
            lua_pop(L, 1);
    }
    hp_slot_push(L, clone_upvalues);
    lua_insert(L, -2);
    lua_rawseti(L, -2, (lua_Integer)function);
    lua_pop(L, 1);
}

/* False (nothing pushed): the function cannot be cloned. [-0, +(0|1), e] */
static bool push_clone(lua_State *L, hp_handle function)
{
    hp_slot_push(L, clones);
    lua_rawgeti(L, -1, (lua_Integer)function);
    lua_remove(L, -2);
    if (!lua_isnil(L, -1))
        return true;
    lua_pop(L, 1);
    hp_peek_push_dump(L, function);
    size_t len;
    const char *dump = lua_tolstring(L, -1, &len);
    if (dump == NULL || luaL_loadbufferx(L, dump, len, "=?", "b") != LUA_OK) {
        lua_pop(L, dump == NULL ? 1 : 2);
        return false;
    }
    lua_remove(L, -2);
    set_upvalues(L, function);
    hp_slot_push(L, clones);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, (lua_Integer)function);
    lua_pop(L, 1);
    return true;
}

static void forget_clone(lua_State *L, hp_handle function)
{
    hp_slot_push(L, clones);
    lua_pushnil(L);
    lua_rawseti(L, -2, (lua_Integer)function);
    lua_pop(L, 1);
}

hp_handle hp_clone_original(lua_State *L, int idx)
{
    int top = lua_gettop(L);
    hp_handle found = 0;
    idx = lua_absindex(L, idx);
    hp_slot_push(L, clones);
    lua_pushnil(L);
    while (found == 0 && lua_next(L, top + 1)) {
        found = lua_rawequal(L, -1, idx) ? (hp_handle)lua_tointeger(L, -2) : 0;
        lua_pop(L, 1);
    }
    lua_settop(L, top);
    return found;
}

static bool upvalues_are_as_before(lua_State *L, int clone, hp_handle function)
{
    int top = lua_gettop(L);
    hp_slot_push(L, clone_upvalues);
    lua_rawgeti(L, -1, (lua_Integer)function);
    bool same = true;
    for (int i = 1; same && lua_getupvalue(L, clone, i) != NULL; i++) {
        lua_rawgeti(L, top + 2, i);
        same = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
    }
    lua_settop(L, top);
    return same;
}

/* The snapshot of what was handed over: two tables of the stage, `copies` (table -> copy of its fields) at
 * `snapshot` and `metatables` (table -> metatable or false) above it. */

static bool is_staged_table(lua_State *L, int idx)
{
    return lua_istable(L, idx) && hp_view_handle(L, idx) == 0;
}

/* Notes the table on the top, which is popped, unless it was. [-1, +0, e] */
static void note_table(lua_State *L, int snapshot, int queue)
{
    lua_pushvalue(L, -1);
    lua_rawget(L, snapshot);
    bool known = !lua_isnil(L, -1);
    lua_pop(L, 1);
    if (known || !is_staged_table(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    lua_pushvalue(L, -1);
    lua_newtable(L);
    lua_rawset(L, snapshot);
    lua_rawseti(L, queue, (lua_Integer)lua_rawlen(L, queue) + 1);
}

/* Copies the fields of the table on the top. False: too many, or a function of the chunk among them. [-0, +0,
 * e] */
static bool copy_fields(lua_State *L, int snapshot, int queue, int *left)
{
    int table = lua_gettop(L);
    lua_pushvalue(L, table);
    lua_rawget(L, snapshot);
    int copy = lua_gettop(L);
    bool fine = true;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        if (--*left < 0 || (lua_isfunction(L, -1) && !lua_iscfunction(L, -1))) {
            fine = false;
            break;
        }
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, copy);
        note_table(L, snapshot, queue); /* pops the value */
    }
    lua_pushvalue(L, table);
    if (!lua_getmetatable(L, table))
        lua_pushboolean(L, 0);
    lua_rawset(L, snapshot + 1);
    lua_settop(L, table);
    return fine;
}

/* Pushes the two tables; false when the arguments are not to be handed to a clone. [-0, +2, e] */
static bool push_snapshot(lua_State *L, int first, int last)
{
    lua_newtable(L);
    lua_newtable(L);
    int snapshot = lua_gettop(L) - 1, queue = snapshot + 2, left = MAX_ARGUMENT_FIELDS;
    lua_newtable(L);
    for (int i = first; i <= last; i++) {
        if (lua_istable(L, i)) {
            lua_pushvalue(L, i);
            note_table(L, snapshot, queue);
        }
    }
    bool fine = true;
    for (lua_Integer i = 1; fine && lua_rawgeti(L, queue, i) != LUA_TNIL; i++) {
        fine = copy_fields(L, snapshot, queue, &left);
        lua_pop(L, 1);
    }
    lua_settop(L, snapshot + 1);
    return fine;
}

static lua_Integer count_fields(lua_State *L, int table)
{
    lua_Integer n = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        n++;
    }
    return n;
}

/* The table at `table` against its copy on the top. */
static bool is_unchanged(lua_State *L, int snapshot, int table)
{
    int copy = lua_gettop(L);
    lua_pushvalue(L, table);
    lua_rawget(L, snapshot + 1);
    if (!lua_getmetatable(L, table))
        lua_pushboolean(L, 0);
    bool same = lua_rawequal(L, -1, -2) && count_fields(L, table) == count_fields(L, copy);
    lua_pushnil(L);
    while (same && lua_next(L, copy)) {
        lua_pushvalue(L, -2);
        lua_rawget(L, table);
        same = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
    }
    lua_settop(L, copy);
    return same;
}

static bool arguments_are_as_before(lua_State *L, int snapshot)
{
    int top = lua_gettop(L);
    bool same = true;
    lua_pushnil(L);
    while (same && lua_next(L, snapshot)) {
        same = is_unchanged(L, snapshot, lua_gettop(L) - 1);
        lua_pop(L, 1);
    }
    lua_settop(L, top);
    return same;
}

/* Gives the table at `table` the fields of the copy on the top and its metatable back. */
static void restore_table(lua_State *L, int snapshot, int table)
{
    int copy = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, table)) { /* clearing fields is allowed while they are walked */
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushnil(L);
        lua_rawset(L, table);
    }
    lua_pushnil(L);
    while (lua_next(L, copy)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, table);
    }
    lua_pushvalue(L, table);
    lua_rawget(L, snapshot + 1);
    if (!lua_istable(L, -1)) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
    hp_stage_set_metatable(L, table);
    lua_settop(L, copy);
}

static void restore_arguments(lua_State *L, int snapshot)
{
    int top = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, snapshot)) {
        restore_table(L, snapshot, lua_gettop(L) - 1);
        lua_pop(L, 1);
    }
    lua_settop(L, top);
}

/* Results */

/* May the value on the top be part of a result? Tables of the stage are queued. [-1, +0, e] */
static bool accept_value(lua_State *L, int seen, int queue)
{
    bool fine = true;
    uint32_t module, prototype;
    if (is_staged_table(L, -1)) {
        lua_pushvalue(L, -1);
        lua_rawget(L, seen);
        bool known = !lua_isnil(L, -1);
        lua_pop(L, 1);
        if (!known && !hp_shadow_origin(L, -1)) {
            lua_pushvalue(L, -1);
            lua_pushboolean(L, 1);
            lua_rawset(L, seen);
            lua_rawseti(L, queue, (lua_Integer)lua_rawlen(L, queue) + 1);
            return true;
        }
        lua_settop(L, known ? lua_gettop(L) : lua_gettop(L) - 1);
    } else if (lua_type(L, -1) >= LUA_TTABLE || lua_type(L, -1) == LUA_TLIGHTUSERDATA) {
        fine = hp_view_handle(L, -1) != 0 || hp_is_placeholder(L, -1) ||
               hp_stage_prototype(L, -1, &module, &prototype);
    }
    lua_pop(L, 1);
    return fine;
}

static bool results_are_fine(lua_State *L, int first)
{
    int top = lua_gettop(L), seen = top + 1, queue = top + 2, left = MAX_RESULT_FIELDS;
    luaL_checkstack(L, 10, NULL);
    lua_newtable(L);
    lua_newtable(L);
    bool fine = true;
    for (int i = first; fine && i <= top; i++) {
        lua_pushvalue(L, i);
        fine = accept_value(L, seen, queue);
    }
    for (lua_Integer i = 1; fine && lua_rawgeti(L, queue, i) != LUA_TNIL; i++) {
        int table = lua_gettop(L);
        if (lua_getmetatable(L, table))
            fine = accept_value(L, seen, queue);
        lua_pushnil(L);
        while (fine && lua_next(L, table)) {
            lua_pushvalue(L, -2);
            fine = --left >= 0 && accept_value(L, seen, queue) && accept_value(L, seen, queue);
        }
        lua_settop(L, table - 1);
    }
    lua_settop(L, top);
    return fine;
}

/* The trial */

/* Calls the clone at `clone` with n values from `first`; results are left on the top. */
static int run(lua_State *L, int clone, int first, int n)
{
    struct hp_stage *s = hp_stage_of(L);
    lua_pushvalue(L, clone);
    for (int i = 0; i < n; i++)
        lua_pushvalue(L, first + i);
    if (s->trial.depth++ == 0) {
        s->trial.budget = s->executed + HP_TRIAL_INSTRUCTIONS;
        s->trial.spoiled = false;
    }
    int status = lua_pcall(L, n, LUA_MULTRET, 0);
    s->trial.depth--;
    return status;
}

/* Inside another trial, whose arguments are the ones that count: what this one may change was made by that
 * one. An error of the function is the caller's to catch. */
static bool try_nested(lua_State *L, hp_handle function, int first, int n, int clone)
{
    struct hp_stage *s = hp_stage_of(L);
    int status = run(L, clone, first, n);
    if (s->failure != HP_OK || s->trial.spoiled || !upvalues_are_as_before(L, clone, function)) {
        forget_clone(L, function);
        hp_stage_check(L);
        hp_trial_spoil(L);
    }
    if (status != LUA_OK)
        lua_error(L);
    lua_remove(L, clone);
    return true;
}

/* Does the error on the top count as the answer? Only where the body is ready for one: elsewhere a call that
 * was not made serves better than a load that fails, for the clone may know less than the function does. */
static bool is_expected_error(lua_State *L, int first, int n)
{
    return lua_type(L, -1) == LUA_TSTRING && hp_stagebase_catches(L) &&
           !hp_any_placeholder(L, first, first + n - 1);
}

static bool try_outer(lua_State *L, hp_handle function, int first, int n, int clone)
{
    struct hp_stage *s = hp_stage_of(L);
    if (!push_snapshot(L, first, first + n - 1)) {
        lua_settop(L, clone - 1);
        return false;
    }
    int snapshot = clone + 1, results = clone + 3;
    int status = run(L, clone, first, n);
    bool spoiled = s->trial.spoiled;
    s->trial.spoiled = false;
    hp_stage_check(L);
    luaL_checkstack(L, 12, NULL);
    bool clean =
        !spoiled && upvalues_are_as_before(L, clone, function) && arguments_are_as_before(L, snapshot);
    if (clean && status != LUA_OK && is_expected_error(L, first, n))
        lua_error(L);
    if (clean && status == LUA_OK && results_are_fine(L, results)) {
        for (int i = clone; i < results; i++)
            lua_remove(L, clone);
        return true;
    }
    restore_arguments(L, snapshot);
    forget_clone(L, function);
    lua_settop(L, clone - 1);
    return false;
}

bool hp_clone_try(lua_State *L, hp_handle function, int first)
{
    struct hp_stage *s = hp_stage_of(L);
    int n = lua_gettop(L) - first + 1, clone = lua_gettop(L) + 1;
    luaL_checkstack(L, n + 16, NULL);
    if (s->trial.depth >= HP_TRIAL_DEPTH || !push_clone(L, function)) {
        hp_trial_spoil(L);
        return false;
    }
    return s->trial.depth != 0 ? try_nested(L, function, first, n, clone)
                               : try_outer(L, function, first, n, clone);
}
