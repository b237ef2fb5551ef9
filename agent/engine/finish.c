/* hotpatch engine: after the commit: effects, hooks, and the way back; the contract is in prepare.h.
 *
 * Server code runs here, so everything is protected, and what was journalled is put back unless all of it
 * returned. */
#include <lauxlib.h>

#include "agent/engine/execution.h"
#include "agent/engine/guard.h"
#include "agent/engine/lx.h"

/* What the protected part is given and gives back. */
struct finish {
    struct hp_execution *x;
    bool failed;        /* server code raised: the report has the error */
    const char *module; /* whose hook it was, NULL: an effect */
};

static const char *hook_name(const struct hp_execution *x)
{
    if (x->options.hook != NULL)
        return x->options.hook;
    return x->options.revert ? "__hotrevert" : "__hotfix";
}

/* --- Effects ---------------------------------------------------------------------------------- */

/* An effect that is `print` itself prints, and is caught as well. Callee and arguments are on top. [-0, +0,
 * e] */
static void catch_print(lua_State *L, struct hp_execution *x, int nargs)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pushliteral(L, "print");
    lua_rawget(L, -2);
    bool is_print = lua_iscfunction(L, -1) && lua_rawequal(L, -1, -(nargs + 3));
    lua_pop(L, 2);
    if (is_print)
        hp_capture_line(L, &x->capture, lua_gettop(L) - nargs + 1, nargs);
}

/* [-0, +0, m] */
static bool perform_effect(lua_State *L, struct hp_execution *x, const struct hp_values *values,
                           const struct hp_plan_effect *effect)
{
    int nargs = (int)effect->arguments.count;
    luaL_checkstack(L, nargs + LUA_MINSTACK, "too many arguments of an effect");
    hp_value_push(L, values, &effect->callee);
    for (int i = 0; i < nargs; i++)
        hp_value_push(L, values, &effect->arguments.items[i]);
    catch_print(L, x, nargs);
    if (effect->report_index < x->report->effects.count)
        x->report->effects.items[effect->report_index].performed = true;
    return hp_guard_call(L, nargs, 0, x->options.replay_instructions, x->report, HP_ROLLED_BACK);
}

static bool perform_effects(lua_State *L, struct hp_execution *x, const struct hp_values *values)
{
    for (size_t i = 0; i < x->plan->effects.count; i++)
        if (!perform_effect(L, x, values, &x->plan->effects.items[i]))
            return false;
    return true;
}

/* --- Hooks ------------------------------------------------------------------------------------ */

static void set_integer(lua_State *L, const char *key, int64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, key); /* of our own new table, here and below: no metamethod */
}

static void set_string(lua_State *L, const char *key, const char *value)
{
    lua_pushstring(L, value); /* nil for NULL */
    lua_setfield(L, -2, key);
}

/* The second argument of a hook. [-0, +1, m] */
static void push_info(lua_State *L, const struct hp_execution *x, const struct hp_plan_module *module)
{
    int64_t generation = hp_history_generation(x->history);
    lua_createtable(L, 0, 8);
    set_integer(L, "patch", x->report->patch);
    set_integer(L, "generation", generation);
    set_integer(L, "previous_generation", generation - 1);
    set_string(L, "name", module->name);
    set_string(L, "module", module->name);
    set_string(L, "message", x->options.message);
    set_string(L, "who", x->options.who);
    lua_pushboolean(L, x->options.revert);
    lua_setfield(L, -2, "revert");
}

/* The live module; where a chunk only assigns globals, those. [-0, +1, -] */
static void push_module(lua_State *L, const struct hp_values *values, const struct hp_plan_module *module)
{
    if (module->object.kind == HP_VALUE_NIL)
        lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    else
        hp_value_push(L, values, &module->object);
}

/* [-0, +0, m] */
static bool call_hook(lua_State *L, struct hp_execution *x, const struct hp_values *values,
                      const struct hp_plan_module *module, const struct hp_plan_hook *hook)
{
    int function = lua_gettop(L) + 1, object = function + 1, info = function + 2, handle = function + 3;
    hp_value_push(L, values, &hook->function);
    push_module(L, values, module);
    push_info(L, x, module);
    /* Ours to change only if nobody else has it: the plan made it, or the history kept it. From here to the
     * stop nothing raises, or the hook would be left with a way to our memory. */
    if (hook->function.kind == HP_VALUE_FUNCTION || x->options.revert)
        hp_capture_start(L, &x->capture, function);
    else
        lua_pushnil(L);
    lua_pushvalue(L, function);
    lua_pushvalue(L, object);
    lua_pushvalue(L, info);
    bool ok = hp_guard_call(L, 2, 0, x->options.replay_instructions, x->report, HP_ROLLED_BACK);
    hp_capture_stop(L, function, handle);
    lua_settop(L, function - 1);
    return ok;
}

static bool call_hooks(lua_State *L, struct finish *f, const struct hp_values *values)
{
    const struct hp_plan *plan = f->x->plan;
    for (size_t i = 0; i < plan->modules.count; i++) {
        const struct hp_plan_module *module = &plan->modules.items[i];
        const struct hp_plan_hook *hook = f->x->options.revert ? &module->hotrevert : &module->hotfix;
        if (!hook->present)
            continue;
        f->module = module->name;
        if (!call_hook(L, f->x, values, module, hook))
            return false;
        f->module = NULL;
    }
    return true;
}

/* (struct finish): everything that may fail. */
static int run(lua_State *L)
{
    struct finish *f = lua_touserdata(L, 1);
    luaL_checkstack(L, 2 * LUA_MINSTACK, "no room for the hooks");
    struct hp_values values = {.plan = f->x->plan};
    hp_execution_push(L, f->x, HP_STORE_VALUES);
    values.table = lua_gettop(L);
    hp_execution_push(L, f->x, HP_STORE_ANCHOR);
    values.anchor = lua_gettop(L);
    f->failed = !perform_effects(L, f->x, &values) || !call_hooks(L, f, &values);
    return 0;
}

/* Without effects and hooks there is nothing to run, and so nothing that might need memory. */
static bool has_something_to_run(const struct hp_execution *x)
{
    bool any = x->plan->effects.count != 0;
    for (size_t i = 0; i < x->plan->modules.count; i++) {
        const struct hp_plan_module *module = &x->plan->modules.items[i];
        any = any || (x->options.revert ? module->hotrevert.present : module->hotfix.present);
    }
    return any;
}

/* --- The way back ----------------------------------------------------------------------------- */

static void restore_texts(struct hp_execution *x)
{
    for (size_t i = x->record->modules.count; i-- > 0;) {
        struct hp_record_module *module = &x->record->modules.items[i];
        if (module->pushed) {
            hp_sources_restore(x->sources, module->name, module->previous);
            module->previous = NULL;
        }
    }
}

/* [-0, +0, -] */
static void roll_back(lua_State *L, struct hp_execution *x, const char *module)
{
    hp_execution_push(L, x, HP_STORE_JOURNAL);
    size_t lost = hp_journal_restore(L, &x->journal, lua_gettop(L));
    lua_pop(L, 1);
    if (x->options.revert) {
        hp_history_reinstate(x->history, x->retired);
        x->retired = NULL;
    } else {
        restore_texts(x);
        hp_history_leave(x->history, L, x->record);
    }
    struct hp_report *report = x->report;
    report->status = HP_ROLLED_BACK;
    report->patch = 0;
    report->generation = hp_history_generation(x->history);
    if (report->error == NULL)
        return;
    report->error->module = hp_arena_str(&report->arena, module);
    report->error->hint = hp_arena_printf(
        &report->arena,
        "%s failed, so what hotpatch changed was put back; what it had done itself by then stays",
        module != NULL ? hook_name(x) : "a performed effect");
    if (lost != 0) {
        report->error->hint = hp_arena_printf(
            &report->arena, "%s; there was no memory to put back %zu keys that were removed meanwhile",
            report->error->hint, lost);
    }
}

/* Nothing can fail any more. [-0, +0, -] */
static void settle(lua_State *L, struct hp_execution *x)
{
    hp_execution_push(L, x, HP_STORE_JOURNAL);
    hp_journal_remove(L, &x->journal, lua_gettop(L));
    lua_pop(L, 1);
    if (!x->options.revert)
        x->record = NULL; /* the history's now */
    hp_history_settle(x->history, L, x->sources);
}

enum hp_status hp_finish(lua_State *L, struct hp_execution *x)
{
    struct finish f = {.x = x};
    struct hp_lx_failure failure;
    if (has_something_to_run(x) && hp_lx_protect(L, run, &f, &x->report->arena, &failure) != LUA_OK) {
        f.failed = true;
        hp_report_fail(x->report, HP_ROLLED_BACK, "%s", failure.text);
    }
    hp_capture_report(&x->capture, x->report);
    if (f.failed)
        roll_back(L, x, f.module);
    else
        settle(L, x);
    x->phase = HP_PHASE_OVER;
    hp_execution_release(L, x);
    return f.failed ? HP_ROLLED_BACK : HP_OK;
}
