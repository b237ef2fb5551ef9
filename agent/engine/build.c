/* hotpatch engine: building what a plan brings; the contract is in build.h. */
#include "agent/engine/build.h"

#include "agent/engine/workshop.h"

#include <lauxlib.h>
#include <stdint.h>

enum hp_status hp_build_init(struct hp_build *b, struct hp_arena *arena, const struct hp_plan *plan)
{
    *b = (struct hp_build){
        .filled = hp_arena_alloc(arena, plan->tables.count + 1),
        .has_metatable = hp_arena_alloc(arena, plan->tables.count + 1),
        .replayed = hp_arena_alloc(arena, plan->replays.count + 1),
        .queue = hp_arena_alloc(arena, (plan->tables.count + 1) * sizeof *b->queue),
    };
    return hp_arena_failed(arena) ? HP_NO_MEMORY : HP_OK;
}

void hp_build_tables(lua_State *L, const struct hp_values *values)
{
    const struct hp_plan *plan = values->plan;
    for (uint32_t i = 0; i < plan->tables.count; i++) {
        lua_newtable(L);
        lua_rawseti(L, values->table, hp_values_slot(plan, HP_PART_TABLES, i));
    }
}

/* --- Tables ----------------------------------------------------------------------------------- */

/* Is there something to push for this value yet? */
static bool is_ready(const struct hp_build *b, const struct hp_value *value, bool functions_built)
{
    switch (value->kind) {
    case HP_VALUE_REPLAY:
        return b->replayed[value->index];
    case HP_VALUE_FUNCTION:
    case HP_VALUE_COROUTINE:
        return functions_built;
    default:
        return true;
    }
}

/* Sets the fields of one planned table. HP_OK, HP_FAILED. [-0, +0, m] */
static enum hp_status fill_table(lua_State *L, const struct hp_values *values, struct hp_build *b,
                                 uint32_t index, bool functions_built, struct hp_report *report)
{
    const struct hp_plan_table *table = &values->plan->tables.items[index];
    struct hp_value self = {.kind = HP_VALUE_TABLE, .index = index};
    hp_value_push(L, values, &self);
    for (size_t i = 0; i < table->fields.count; i++) {
        const struct hp_plan_pair *pair = &table->fields.items[i];
        if (!is_ready(b, &pair->key, functions_built) || !is_ready(b, &pair->value, functions_built)) {
            lua_pop(L, 1);
            return hp_report_fail(report, HP_FAILED,
                                  "a call that gives a first value needs a function of the new source");
        }
        hp_value_push(L, values, &pair->key);
        hp_value_push(L, values, &pair->value);
        if (!hp_is_key(L, -2)) {
            lua_pop(L, 3);
            return hp_report_fail(report, HP_FAILED, "the key of a table field came out as nil or NaN");
        }
        lua_rawset(L, -3);
    }
    lua_pop(L, 1);
    b->filled[index] = true;
    return HP_OK;
}

/* [-0, +0, -] but for a metatable whose __gc makes Lua search its list of objects. HP_OK, HP_FAILED. */
static enum hp_status set_metatable(lua_State *L, const struct hp_values *values, struct hp_build *b,
                                    uint32_t index, struct hp_report *report)
{
    const struct hp_value *metatable = &values->plan->tables.items[index].metatable;
    if (metatable->kind == HP_VALUE_NIL)
        return HP_OK;
    struct hp_value self = {.kind = HP_VALUE_TABLE, .index = index};
    hp_value_push(L, values, &self);
    hp_value_push(L, values, metatable);
    bool fits = lua_istable(L, -1) || lua_isnil(L, -1);
    if (fits) {
        lua_setmetatable(L, -2);
        b->has_metatable[index] = true;
    } else {
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return fits ? HP_OK
                : hp_report_fail(report, HP_FAILED, "a metatable came out as something that is no table");
}

/* Puts a planned table into the queue unless it is filled, or there already (then its `filled` was set
 * beforehand). */
static void enqueue(struct hp_build *b, const struct hp_value *value, size_t *tail)
{
    if (value->kind == HP_VALUE_TABLE && !b->filled[value->index]) {
        b->filled[value->index] = true;
        b->queue[(*tail)++] = value->index;
    }
}

enum hp_status hp_build_ready(lua_State *L, const struct hp_values *values, struct hp_build *b,
                              const struct hp_value *value, struct hp_report *report)
{
    size_t tail = 0;
    enqueue(b, value, &tail);
    for (size_t head = 0; head < tail; head++) {
        const struct hp_plan_table *table = &values->plan->tables.items[b->queue[head]];
        for (size_t i = 0; i < table->fields.count; i++) {
            enqueue(b, &table->fields.items[i].key, &tail);
            enqueue(b, &table->fields.items[i].value, &tail);
        }
        enqueue(b, &table->metatable, &tail);
        enum hp_status status = fill_table(L, values, b, b->queue[head], false, report);
        if (status != HP_OK)
            return status;
    }
    /* Metatables last: a __gc counts only if it is there when the metatable is set. */
    for (size_t i = 0; i < tail; i++) {
        const struct hp_value *metatable = &values->plan->tables.items[b->queue[i]].metatable;
        if (!is_ready(b, metatable, false)) {
            return hp_report_fail(report, HP_FAILED,
                                  "a call that gives a first value needs a metatable that is not there yet");
        }
        enum hp_status status = set_metatable(L, values, b, b->queue[i], report);
        if (status != HP_OK)
            return status;
    }
    return is_ready(b, value, false)
               ? HP_OK
               : hp_report_fail(report, HP_FAILED,
                                "a call that gives a first value needs a function of the new source");
}

/* --- Functions and cells ---------------------------------------------------------------------- */

void hp_push_holder_maker(lua_State *L)
{
    static const char text[] = "local v return function() return v end";
    if (luaL_loadbufferx(L, text, sizeof text - 1, "=hotpatch", "t") != LUA_OK)
        lua_error(L); /* no memory */
}

static void build_holders(lua_State *L, const struct hp_values *values)
{
    const struct hp_plan *plan = values->plan;
    if (plan->cells.count == 0)
        return;
    hp_workshop_push_holder_maker(L, values->workshop);
    for (uint32_t i = 0; i < plan->cells.count; i++) {
        lua_pushvalue(L, -1);
        lua_call(L, 0, 1);
        lua_rawseti(L, values->table, hp_values_slot(plan, HP_PART_CELLS, i));
    }
    lua_pop(L, 1);
}

static unsigned upvalue_count(lua_State *L, int idx)
{
    lua_Debug ar;
    lua_pushvalue(L, idx);
    lua_getinfo(L, ">u", &ar);
    return ar.nups;
}

/* Makes the closures, not yet joined. [-0, +0, m] */
static enum hp_status make_closures(lua_State *L, const struct hp_values *values, struct hp_scratch *scratch,
                                    struct hp_report *report)
{
    const struct hp_plan *plan = values->plan;
    for (uint32_t i = 0; i < plan->functions.count; i++) {
        const struct hp_plan_function *f = &plan->functions.items[i];
        enum hp_status status = hp_workshop_push_closure(L, values->workshop, plan, i, scratch);
        if (status == HP_NO_MEMORY)
            return status;
        if (status != HP_OK)
            return hp_report_fail(report, HP_FAILED, "the new code of %s could not be loaded", f->path);
        if (!hp_is_lua_closure(L, -1) || upvalue_count(L, -1) != f->upvalues.count) {
            lua_pop(L, 1);
            return hp_report_fail(report, HP_FAILED,
                                  "the new code of %s has other upvalues than were planned", f->path);
        }
        lua_rawseti(L, values->table, hp_values_slot(plan, HP_PART_FUNCTIONS, i));
    }
    return HP_OK;
}

/* Joins one upvalue of the function on top. False: there is no such live upvalue. [-0, +0, -] */
static bool join_upvalue(lua_State *L, const struct hp_values *values, int index,
                         const struct hp_plan_upvalue *upvalue)
{
    int other = 1;
    if (upvalue->join) {
        hp_anchor_push(L, values->anchor, upvalue->place.closure);
        other = (int)upvalue->place.upvalue + 1;
    } else {
        lua_rawgeti(L, values->table, hp_values_slot(values->plan, HP_PART_CELLS, upvalue->cell));
    }
    bool fits = hp_is_lua_closure(L, -1) && lua_getupvalue(L, -1, other) != NULL;
    if (fits) {
        lua_pop(L, 1);
        lua_upvaluejoin(L, -2, index, -1, other);
    }
    lua_pop(L, 1);
    return fits;
}

static enum hp_status join_functions(lua_State *L, const struct hp_values *values)
{
    const struct hp_plan *plan = values->plan;
    for (uint32_t i = 0; i < plan->functions.count; i++) {
        const struct hp_plan_function *f = &plan->functions.items[i];
        lua_rawgeti(L, values->table, hp_values_slot(plan, HP_PART_FUNCTIONS, i));
        bool fits = true;
        for (size_t u = 0; fits && u < f->upvalues.count; u++)
            fits = join_upvalue(L, values, (int)u + 1, &f->upvalues.items[u]);
        lua_pop(L, 1);
        if (!fits)
            return HP_CONFLICT;
    }
    return HP_OK;
}

static void fill_cells(lua_State *L, const struct hp_values *values)
{
    const struct hp_plan *plan = values->plan;
    for (uint32_t i = 0; i < plan->cells.count; i++) {
        lua_rawgeti(L, values->table, hp_values_slot(plan, HP_PART_CELLS, i));
        hp_value_push(L, values, &plan->cells.items[i].first);
        lua_setupvalue(L, -2, 1);
        lua_pop(L, 1);
    }
}

static enum hp_status build_coroutines(lua_State *L, const struct hp_values *values, struct hp_report *report)
{
    const struct hp_plan *plan = values->plan;
    for (uint32_t i = 0; i < plan->coroutines.count; i++) {
        lua_State *co = lua_newthread(L);
        hp_value_push(L, values, &plan->coroutines.items[i]);
        if (!lua_isfunction(L, -1)) {
            lua_pop(L, 2);
            return hp_report_fail(report, HP_FAILED,
                                  "the body of a coroutine came out as something that is no function");
        }
        lua_xmove(L, co, 1);
        lua_rawseti(L, values->table, hp_values_slot(plan, HP_PART_COROUTINES, i));
    }
    return HP_OK;
}

enum hp_status hp_build_all(lua_State *L, const struct hp_values *values, struct hp_build *b,
                            struct hp_scratch *scratch, struct hp_report *report)
{
    build_holders(L, values);
    enum hp_status status = make_closures(L, values, scratch, report);
    if (status == HP_OK)
        status = join_functions(L, values);
    if (status == HP_OK)
        status = build_coroutines(L, values, report);
    if (status != HP_OK)
        return status;
    fill_cells(L, values);
    for (uint32_t i = 0; status == HP_OK && i < values->plan->tables.count; i++)
        if (!b->filled[i])
            status = fill_table(L, values, b, i, true, report);
    return status;
}
