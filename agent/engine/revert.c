/* hotpatch engine: the plan that undoes a patch, made from its record; the contract is
 * hp_history_plan_revert's in history.h.
 */
#include "agent/engine/history_impl.h"

/* What is at work; the ints are absolute stack indices. */
struct reverter {
    lua_State *L;
    const struct hp_record *record;
    struct hp_turn *turn;
    struct hp_graph *plain;
    int anchor, side, lineage;
    int versions; /* table: lineage -> list of the closures that have it */
    struct hp_plan *plan;
    struct hp_report *report;
    size_t first_module; /* in report->modules */
};

/* Does the value on top stand for what the patch put there: the value itself, or a closure of the same
 * lineage? [-0, +0, -] */
static bool is_what_was_put(const struct reverter *r, size_t write)
{
    lua_State *L = r->L;
    const struct hp_record_write *w = &r->record->writes.items[write];
    if (w->put_type == LUA_TNIL)
        return lua_isnil(L, -1);
    if (lua_isnil(L, -1))
        return false;
    if (w->put_lineage != 0) {
        lua_pushvalue(L, -1);
        lua_rawget(L, r->lineage);
        int64_t lineage = (int64_t)lua_tointeger(L, -1);
        lua_pop(L, 1);
        return lineage == w->put_lineage;
    }
    hp_record_push_put(L, r->side, write);
    bool same = hp_same_value(L, -1, -2);
    lua_pop(L, 1);
    return same;
}

/* Pushes what stands now in a place whose target is on top. False: the target is gone, nothing is pushed.
 * [-0, +1, -] */
static bool push_current(const struct reverter *r, size_t write)
{
    lua_State *L = r->L;
    if (lua_isnil(L, -1))
        return false;
    switch (r->record->writes.items[write].kind) {
    case HP_WRITE_CELL:
        return lua_getupvalue(L, -1, 1) != NULL;
    case HP_WRITE_METATABLE:
        if (!lua_getmetatable(L, -1))
            lua_pushnil(L);
        return true;
    default:
        hp_record_push_key(L, r->side, write);
        if (lua_isnil(L, -1)) { /* a key that has died */
            lua_pop(L, 1);
            return false;
        }
        lua_rawget(L, -2);
        return true;
    }
}

static enum hp_step_kind step_kind(enum hp_write_kind kind)
{
    switch (kind) {
    case HP_WRITE_FIELD:
        return HP_STEP_SET_FIELD;
    case HP_WRITE_INSERT:
        return HP_STEP_REMOVE_FIELD;
    case HP_WRITE_REMOVE:
        return HP_STEP_ADD_FIELD;
    case HP_WRITE_CELL:
        return HP_STEP_SET_CELL;
    case HP_WRITE_METATABLE:
        return HP_STEP_SET_METATABLE;
    default: /* only_swap: no step is made */
        return HP_STEP_SET_FIELD;
    }
}

/* Adds the step; the target is below the current value, which is on top. False: no
 * memory (sticky in plan and graph). [-0, +0, m] */
static bool add_step(const struct reverter *r, size_t write)
{
    lua_State *L = r->L;
    const struct hp_record_write *w = &r->record->writes.items[write];
    struct hp_step step = {
        .kind = step_kind(w->kind),
        .target = hp_anchor_add(L, r->anchor, -2),
        .path = hp_arena_str(&r->plan->arena, w->path),
        .tolerant = true,
    };
    bool ok = hp_value_from_stack(L, -1, r->anchor, r->plain, &step.expected);
    if (w->kind == HP_WRITE_CELL) {
        step.place = (struct hp_cell_place){.closure = step.target};
        step.cell = lua_upvalueid(L, -2, 1);
        step.target = 0;
    } else if (w->kind != HP_WRITE_METATABLE) {
        hp_record_push_key(L, r->side, write);
        ok = hp_value_from_stack(L, -1, r->anchor, r->plain, &step.key) && ok;
        lua_pop(L, 1);
    }
    if (w->kind != HP_WRITE_INSERT) {
        hp_record_push_old(L, r->side, write);
        ok = hp_value_from_stack(L, -1, r->anchor, r->plain, &step.value) && ok;
        lua_pop(L, 1);
    }
    struct hp_step *place = ok ? HP_PUSH(&r->plan->arena, &r->plan->steps) : NULL;
    if (place != NULL)
        *place = step;
    return place != NULL;
}

static const char *action_of(const struct hp_record_write *w)
{
    switch (w->kind) {
    case HP_WRITE_INSERT:
        return "removed";
    case HP_WRITE_REMOVE:
        return "added";
    default:
        return "updated";
    }
}

/* Functions are reported by verdict, unless they stay. */
static void report_field(const struct reverter *r, const struct hp_record_write *w, bool kept)
{
    if (w->path == NULL || w->module >= r->record->modules.count || (w->put_lineage != 0 && !kept))
        return;
    struct hp_report_module *module = &r->report->modules.items[r->first_module + w->module];
    struct hp_report_field *field = HP_PUSH(&r->report->arena, &module->fields);
    if (field != NULL) {
        field->path = hp_arena_str(&r->report->arena, w->path);
        field->action = kept ? "kept" : action_of(w);
    }
}

/* Pushes the table of all closures by lineage. [-0, +1, m] */
static void push_versions(lua_State *L, struct hp_turn *turn, int lineage)
{
    lua_newtable(L);
    int versions = lua_gettop(L);
    lua_pushnil(L);
    while (hp_turn_hold(turn) && lua_next(L, lineage)) {
        if (lua_rawgeti(L, versions, lua_tointeger(L, -1)) != LUA_TTABLE) {
            lua_pop(L, 1);
            lua_newtable(L);
            lua_pushvalue(L, -1);
            lua_rawseti(L, versions, lua_tointeger(L, -3));
        }
        lua_pushvalue(L, -3);
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
        lua_pop(L, 2);
    }
}

/* What the patch put, or what took its place when a later patch was reverted, and what stood there before:
 * the latter is on top. Each lineage is swapped once: its list goes. [-0, +0, m] */
static void add_swaps(const struct reverter *r, const struct hp_record_write *w)
{
    int64_t lineage = w->put_lineage;
    lua_State *L = r->L;
    if (lua_rawgeti(L, r->versions, (lua_Integer)lineage) != LUA_TTABLE) {
        lua_pop(L, 1);
        return;
    }
    for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
        struct hp_plan_swap *to = lua_rawequal(L, -1, -3) ? NULL : HP_PUSH(&r->plan->arena, &r->plan->swaps);
        if (to != NULL) {
            to->from = hp_anchor_add(L, r->anchor, -1);
            to->of_body = w->of_body;
            hp_value_from_stack(L, -3, r->anchor, r->plain, &to->to);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
    lua_pushboolean(L, 0);
    lua_rawseti(L, r->versions, (lua_Integer)lineage);
}

/* [-0, +0, m] */
static void add_swap(const struct reverter *r, size_t write)
{
    const struct hp_record_write *w = &r->record->writes.items[write];
    if (!w->swap || w->put_lineage == 0 || !w->old_is_closure)
        return;
    hp_record_push_old(r->L, r->side, write);
    if (hp_is_lua_closure(r->L, -1))
        add_swaps(r, w);
    lua_pop(r->L, 1);
}

/* [-0, +0, m] */
static void undo_write(const struct reverter *r, size_t write)
{
    lua_State *L = r->L;
    int top = lua_gettop(L);
    add_swap(r, write);
    if (r->record->writes.items[write].only_swap)
        return;
    hp_record_push_target(L, r->side, write);
    if (push_current(r, write)) {
        bool kept = !is_what_was_put(r, write) || !add_step(r, write);
        report_field(r, &r->record->writes.items[write], kept);
    }
    lua_settop(L, top);
}

/* [-0, +0, m] */
static void plan_modules(const struct reverter *r)
{
    lua_State *L = r->L;
    for (uint32_t i = 0; i < r->record->modules.count; i++) {
        const struct hp_record_module *from = &r->record->modules.items[i];
        struct hp_plan_module *to = HP_PUSH(&r->plan->arena, &r->plan->modules);
        if (to == NULL)
            return;
        to->name = hp_arena_str(&r->plan->arena, from->name);
        to->functions = from->functions;
        hp_record_push_module(L, r->record, r->side, i);
        hp_value_from_stack(L, -1, r->anchor, r->plain, &to->object);
        lua_pop(L, 1);
        if (from->has_hotrevert) {
            hp_record_push_hotrevert(L, r->side, i);
            to->hotrevert.present = hp_value_from_stack(L, -1, r->anchor, r->plain, &to->hotrevert.function);
            lua_pop(L, 1);
        }
    }
}

static void refuse_irreversible(const struct hp_record_module *module, struct hp_report *report)
{
    if (module->irreversible != NULL && !module->has_hotrevert) {
        hp_report_refuse(report, HP_R19_IRREVERSIBLE, module->name, NULL,
                         "%s, so putting the old functions back does not undo it; give the module a "
                         "__hotrevert, or read "
                         "what was done and accept R19",
                         module->irreversible);
    }
}

static void report_modules(const struct reverter *r)
{
    struct hp_report *report = r->report;
    for (size_t i = 0; i < r->record->modules.count; i++) {
        const struct hp_record_module *from = &r->record->modules.items[i];
        struct hp_report_module *to = HP_PUSH(&report->arena, &report->modules);
        if (to == NULL)
            return;
        to->module = hp_arena_str(&report->arena, from->name);
        refuse_irreversible(from, report);
    }
}

static void report_functions(const struct reverter *r)
{
    struct hp_arena *arena = &r->report->arena;
    for (size_t i = 0; i < r->record->functions.count; i++) {
        const struct hp_record_function *from = &r->record->functions.items[i];
        if (from->module >= r->record->modules.count)
            continue;
        struct hp_report_module *module = &r->report->modules.items[r->first_module + from->module];
        struct hp_report_function *to = HP_PUSH(arena, &module->functions);
        if (to == NULL)
            return;
        to->path = hp_arena_str(arena, from->path);
        to->verdict = from->replaced ? "replaced" : "removed";
        to->line = from->line;
        to->was = hp_arena_str(arena, from->was);
    }
}

static enum hp_status refuse_old(const struct hp_record *record, struct hp_report *report)
{
    return hp_report_fail(report, HP_REFUSED, "patch %lld is too old: only the last %d can be reverted",
                          (long long)record->patch, HP_HISTORY_REVERTIBLE);
}

enum hp_status hp_history_check_older(const struct hp_history *h, int64_t down_to, struct hp_report *report,
                                      size_t *functions, size_t *places)
{
    const struct hp_record *newest = hp_history_newest_in_force(h);
    *functions = *places = 0;
    for (const struct hp_record *r = newest ? newest->next : NULL; r != NULL && r->patch >= down_to;
         r = r->next) {
        if (r->reverted)
            continue;
        if (r->slot == 0)
            return refuse_old(r, report);
        for (size_t i = 0; i < r->modules.count; i++)
            refuse_irreversible(&r->modules.items[i], report);
        *functions = r->functions.count > *functions ? r->functions.count : *functions;
        *places = r->writes.count > *places ? r->writes.count : *places;
    }
    return HP_OK;
}

enum hp_status hp_history_plan_revert(struct hp_history *h, lua_State *L, int anchor, struct hp_turn *turn,
                                      struct hp_graph *plain, struct hp_plan *plan, struct hp_report *report)
{
    struct hp_record *record = hp_history_newest_in_force(h);
    if (record == NULL)
        return hp_report_fail(report, HP_REFUSED, "there is no patch in force to revert");
    if (record->slot == 0)
        return refuse_old(record, report);
    report->patch = record->patch;

    anchor = lua_absindex(L, anchor);
    int top = lua_gettop(L);
    hp_history_push_side(h, L, record);
    hp_history_push_lineage(h, L);
    push_versions(L, turn, top + 2);
    struct reverter r = {.L = L,
                         .record = record,
                         .turn = turn,
                         .plain = plain,
                         .anchor = anchor,
                         .side = top + 1,
                         .lineage = top + 2,
                         .versions = top + 3,
                         .plan = plan,
                         .report = report,
                         .first_module = report->modules.count};
    plan_modules(&r);
    report_modules(&r);
    if (!hp_arena_failed(&report->arena)) { /* else there are no modules to add to */
        report_functions(&r);
        for (size_t i = record->writes.count; i-- > 0 && hp_turn_hold(turn);)
            undo_write(&r, i);
    }
    lua_settop(L, top);
    bool failed = hp_arena_failed(&plan->arena) || hp_graph_failed(plain) || hp_arena_failed(&report->arena);
    return failed ? HP_NO_MEMORY : hp_turn_hold(turn) ? HP_OK : HP_TIMEOUT;
}
