/* hotpatch engine: replay; the contract is in replay.h. */
#include "agent/engine/replay.h"

#include <string.h>

#include "agent/engine/guard.h"

void hp_bank_init(struct hp_bank *bank)
{
    *bank = (struct hp_bank){0};
    hp_arena_init(&bank->arena);
}

void hp_bank_fini(struct hp_bank *bank)
{
    hp_arena_fini(&bank->arena);
    hp_bank_init(bank);
}

/* The bank's Lua table has two values of each call: its result, and the list of its operands. */
static lua_Integer result_place(size_t call)
{
    return (lua_Integer)call * 2 + 1;
}

/* Adds a call, strings copied; result and operands are set by the caller. NULL: no memory. */
static struct hp_made_call *bank_add(struct hp_bank *bank, const struct hp_made_call *made)
{
    struct hp_made_call *call = HP_PUSH(&bank->arena, &bank->calls);
    if (call == NULL)
        return NULL;
    *call = (struct hp_made_call){
        .operation = made->operation,
        .call = hp_arena_str(&bank->arena, made->call),
        .args = hp_arena_str(&bank->arena, made->args),
        .module = hp_arena_str(&bank->arena, made->module),
        .line = made->line,
    };
    return hp_arena_failed(&bank->arena) ? NULL : call;
}

enum hp_status hp_bank_carry(lua_State *L, const struct hp_bank *from, int from_table, struct hp_bank *to,
                             int to_table)
{
    for (size_t i = 0; i < from->calls.count; i++) {
        size_t place = to->calls.count;
        if (bank_add(to, &from->calls.items[i]) == NULL)
            return HP_NO_MEMORY;
        for (lua_Integer part = 0; part < 2; part++) {
            lua_rawgeti(L, from_table, result_place(i) + part);
            lua_rawseti(L, to_table, result_place(place) + part);
        }
    }
    return HP_OK;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Calls are what server code can see; the other operations are derived anew each time. */
static bool is_call(const struct hp_plan_replay *replay)
{
    return replay->operation == HP_OP_CALL || replay->operation == HP_OP_REQUIRE;
}

static const char *module_name(const struct hp_plan *plan, const struct hp_plan_replay *replay)
{
    return replay->module < plan->modules.count ? plan->modules.items[replay->module].name : NULL;
}

/* The first free call of the bank that is this one; the number of calls if there is none. */
static size_t bank_find(const struct hp_bank *bank, const struct hp_plan *plan,
                        const struct hp_plan_replay *replay)
{
    size_t i = 0;
    for (; i < bank->calls.count; i++) {
        const struct hp_made_call *made = &bank->calls.items[i];
        if (!made->taken && made->operation == replay->operation && made->line == replay->line &&
            same_text(made->call, replay->call) && same_text(made->args, replay->args) &&
            same_text(made->module, module_name(plan, replay)))
            break;
    }
    return i;
}

/* --- Taking from the bank --------------------------------------------------------------------- */

/* Lets a planned table be the one on top of the stack. [-1, +0, -] */
static void adopt(lua_State *L, const struct hp_values *values, struct hp_build *b, uint32_t index)
{
    lua_rawseti(L, values->table, hp_values_slot(values->plan, HP_PART_TABLES, index));
    b->filled[index] = true;
    b->has_metatable[index] = true;
}

/* The planned table was handed to a call that was made for an earlier plan: what that call got, the table on
 * top, is what the new code must get too, with the tables in it. [-1, +0, m] */
static void adopt_with_contents(lua_State *L, const struct hp_values *values, struct hp_build *b,
                                uint32_t index)
{
    size_t tail = 0;
    b->queue[tail++] = index;
    adopt(L, values, b, index);
    for (size_t head = 0; head < tail; head++) {
        const struct hp_plan_table *table = &values->plan->tables.items[b->queue[head]];
        lua_rawgeti(L, values->table, hp_values_slot(values->plan, HP_PART_TABLES, b->queue[head]));
        for (size_t i = 0; i < table->fields.count; i++) {
            const struct hp_plan_pair *pair = &table->fields.items[i];
            if (pair->value.kind != HP_VALUE_TABLE || b->filled[pair->value.index])
                continue;
            hp_value_push(L, values, &pair->key);
            lua_rawget(L, -2);
            if (lua_istable(L, -1)) {
                b->queue[tail++] = pair->value.index;
                adopt(L, values, b, pair->value.index);
            } else {
                lua_pop(L, 1);
            }
        }
        lua_pop(L, 1);
    }
}

/* Leaves the result on the stack. [-0, +1, m] */
static void bank_take(lua_State *L, const struct hp_values *values, struct hp_build *b, struct hp_bank *bank,
                      int bank_table, size_t call, const struct hp_plan_replay *replay)
{
    bank->calls.items[call].taken = true;
    lua_rawgeti(L, bank_table, result_place(call) + 1);
    for (size_t i = 0; i < replay->operands.count; i++) {
        const struct hp_value *operand = &replay->operands.items[i];
        if (operand->kind == HP_VALUE_TABLE && !b->filled[operand->index]) {
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
            adopt_with_contents(L, values, b, operand->index);
        }
    }
    lua_pop(L, 1);
    lua_rawgeti(L, bank_table, result_place(call));
}

/* --- Performing ------------------------------------------------------------------------------- */

static int op_index(lua_State *L)
{
    lua_gettable(L, 1);
    return 1;
}

static int op_concat(lua_State *L)
{
    lua_concat(L, 2);
    return 1;
}

static int op_arith(lua_State *L)
{
    int op = (int)lua_tointeger(L, 1);
    lua_remove(L, 1);
    lua_arith(L, op);
    return 1;
}

static int op_length(lua_State *L)
{
    lua_len(L, 1);
    return 1;
}

/* Pushes what to call for the operation; false when the plan is not a sound one. [-0, +1, m] */
static bool push_function(lua_State *L, const struct hp_plan_replay *replay)
{
    size_t count = replay->operands.count;
    switch (replay->operation) {
    case HP_OP_CALL: /* the callee is the first operand */
        return count >= 1;
    case HP_OP_REQUIRE:
        lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
        lua_pushliteral(L, "require");
        lua_rawget(L, -2);
        lua_remove(L, -2);
        return count == 1;
    case HP_OP_INDEX:
        lua_pushcfunction(L, op_index);
        return count == 2;
    case HP_OP_CONCAT:
        lua_pushcfunction(L, op_concat);
        return count == 2;
    case HP_OP_ARITH:
        lua_pushcfunction(L, op_arith);
        return count == 2 || count == 3;
    case HP_OP_LENGTH:
        lua_pushcfunction(L, op_length);
        return count == 1;
    case HP_OP_OTHER:
        break;
    }
    return false;
}

/* lua_arith takes one operand for these two, and must not be called with another number of them. */
static bool arith_fits(lua_State *L, int op_index_on_stack, size_t operands)
{
    lua_Integer op = lua_tointeger(L, op_index_on_stack);
    bool unary = op == LUA_OPUNM || op == LUA_OPBNOT;
    return op >= LUA_OPADD && op <= LUA_OPBNOT && operands == (unary ? 2u : 3u);
}

/* Function and operands onto the stack; *nargs is how many of them are arguments. HP_OK, else the stack is as
 * it was. [-0, +n, m]
 */
static enum hp_status push_call(lua_State *L, const struct hp_values *values, struct hp_build *b,
                                const struct hp_plan_replay *replay, int *nargs, struct hp_report *report)
{
    int top = lua_gettop(L);
    if (replay->operands.count > 200 || !lua_checkstack(L, (int)replay->operands.count + LUA_MINSTACK))
        return hp_report_fail(report, HP_FAILED, "the call %s has too many arguments", replay->call);
    bool sound = push_function(L, replay);
    for (size_t i = 0; sound && i < replay->operands.count; i++) {
        enum hp_status status = hp_build_ready(L, values, b, &replay->operands.items[i], report);
        if (status != HP_OK) {
            lua_settop(L, top);
            return status;
        }
        hp_value_push(L, values, &replay->operands.items[i]);
    }
    if (sound && replay->operation == HP_OP_ARITH)
        sound = arith_fits(L, top + 2, replay->operands.count);
    if (!sound) {
        lua_settop(L, top);
        return hp_report_fail(report, HP_FAILED, "the value of %s cannot be worked out",
                              replay->call != NULL ? replay->call : "an expression");
    }
    *nargs = lua_gettop(L) - top - 1;
    return HP_OK;
}

/* The operands as a list, for the bank. [-0, +1, m] */
static void push_operands(lua_State *L, const struct hp_values *values, const struct hp_plan_replay *replay)
{
    lua_createtable(L, (int)replay->operands.count, 0);
    for (size_t i = 0; i < replay->operands.count; i++) {
        hp_value_push(L, values, &replay->operands.items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void list_replay(const struct hp_plan_replay *replay, struct hp_report *report)
{
    struct hp_report_replay *line = HP_PUSH(&report->arena, &report->replayed);
    if (line != NULL) {
        line->call = hp_arena_str(&report->arena, replay->call);
        line->args = hp_arena_str(&report->arena, replay->args);
        line->line = replay->line;
        line->for_path = hp_arena_str(&report->arena, replay->for_path);
    }
}

/* Room in the bank comes before the call: a call that was made must not be forgotten for want of memory.
 * NULL: none. */
static struct hp_made_call *reserve(lua_State *L, const struct hp_values *values, struct hp_bank *bank,
                                    int bank_table, const struct hp_plan_replay *replay)
{
    struct hp_made_call made = {.operation = replay->operation,
                                .call = replay->call,
                                .args = replay->args,
                                .module = module_name(values->plan, replay),
                                .line = replay->line};
    struct hp_made_call *call = bank_add(bank, &made);
    if (call != NULL) {
        lua_Integer place = result_place(bank->calls.count - 1);
        call->taken = true;
        lua_pushboolean(L, 0);
        lua_rawseti(L, bank_table, place);
        push_operands(L, values, replay);
        lua_rawseti(L, bank_table, place + 1);
    }
    return call;
}

/* Performs one operation and leaves its value on the stack. HP_OK, else nothing is left. [-0, +1, m] */
static enum hp_status perform(lua_State *L, const struct hp_values *values, struct hp_build *b,
                              struct hp_bank *bank, int bank_table, const struct hp_plan_replay *replay,
                              int64_t instructions, struct hp_report *report)
{
    int nargs = 0;
    enum hp_status status = push_call(L, values, b, replay, &nargs, report);
    if (status != HP_OK)
        return status;
    size_t call = bank->calls.count;
    if (is_call(replay)) {
        if (reserve(L, values, bank, bank_table, replay) == NULL) {
            lua_pop(L, nargs + 1);
            return HP_NO_MEMORY;
        }
        list_replay(replay, report);
    }
    if (!hp_guard_call(L, nargs, 1, instructions, report, HP_FAILED)) {
        if (report->error != NULL && report->error->line == 0) {
            report->error->line = replay->line;
            report->error->module = hp_arena_str(&report->arena, module_name(values->plan, replay));
        }
        bank->calls.count = call; /* it gave nothing that a later plan could take */
        return HP_FAILED;
    }
    if (is_call(replay)) {
        lua_pushvalue(L, -1);
        lua_rawseti(L, bank_table, result_place(call));
    }
    return HP_OK;
}

enum hp_status hp_replay_all(lua_State *L, const struct hp_values *values, struct hp_build *b,
                             struct hp_bank *bank, int bank_table, int64_t instructions,
                             struct hp_report *report)
{
    const struct hp_plan *plan = values->plan;
    for (uint32_t i = 0; i < plan->replays.count; i++) {
        const struct hp_plan_replay *replay = &plan->replays.items[i];
        size_t made = is_call(replay) ? bank_find(bank, plan, replay) : bank->calls.count;
        if (made < bank->calls.count) {
            bank_take(L, values, b, bank, bank_table, made, replay);
        } else {
            enum hp_status status = perform(L, values, b, bank, bank_table, replay, instructions, report);
            if (status != HP_OK)
                return status;
        }
        lua_rawseti(L, values->table, hp_values_slot(plan, HP_PART_REPLAYS, i));
        b->replayed[i] = true;
    }
    return HP_OK;
}
