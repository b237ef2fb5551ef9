/* hotpatch engine: everything about a plan that may fail; the contract is in prepare.h. */
#include "agent/engine/prepare.h"

#include <lauxlib.h>

#include "agent/engine/execution.h"
#include "agent/engine/verify.h"

#define STACK_ROOM 64 /* slots that any of this needs at most, arguments of calls apart */

/* --- The execution itself --------------------------------------------------------------------- */

static int collect_execution(lua_State *L)
{
    struct hp_execution *x = lua_touserdata(L, 1);
    for (size_t i = 0; x->texts != NULL && i < x->plan_modules; i++)
        hp_sources_drop(x->texts[i]);
    hp_record_free(x->record);
    hp_capture_fini(&x->capture);
    hp_scratch_clear(&x->scratch);
    hp_bank_fini(&x->bank);
    hp_arena_fini(&x->arena);
    x->texts = NULL;
    x->record = NULL;
    hp_execution_release(L, x);
    return 0;
}

struct hp_execution *hp_execution_push_new(lua_State *L, int anchor, const struct hp_plan *plan,
                                           struct hp_history *history, struct hp_sources *sources,
                                           const struct hp_execution_options *options,
                                           struct hp_report *report)
{
    anchor = lua_absindex(L, anchor);
    luaL_checkstack(L, STACK_ROOM, "no room for a patch");
    /* __gc each time: memory may have run out between the making of the metatable and the setting. */
    luaL_newmetatable(L, "hotpatch.execution");
    lua_pushcfunction(L, collect_execution);
    lua_setfield(L, -2, "__gc"); /* our own table: no metamethod */
    /* Nothing is made between the userdata and its metatable: a __gc that is set on the newest object costs
     * nothing. */
    struct hp_execution *x = lua_newuserdatauv(L, sizeof *x, 0);
    *x = (struct hp_execution){
        .plan = plan,
        .plan_modules = plan->modules.count,
        .history = history,
        .sources = sources,
        .options = *options,
        .report = report,
    };
    hp_arena_init(&x->arena);
    hp_bank_init(&x->bank);
    lua_insert(L, -2);
    lua_setmetatable(L, -2);
    lua_createtable(L, HP_STORE_SIDE, 0);
    lua_pushvalue(L, anchor);
    lua_rawseti(L, -2, HP_STORE_ANCHOR);
    lua_newtable(L);
    lua_rawseti(L, -2, HP_STORE_BANK);
    lua_rawsetp(L, LUA_REGISTRYINDEX, x);
    return x;
}

void hp_execution_push(lua_State *L, const struct hp_execution *x, enum hp_store_place place)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, x) == LUA_TTABLE) {
        lua_rawgeti(L, -1, place);
        lua_remove(L, -2);
    }
}

/* Puts the value on top into the store. [-1, +0, -] its places are made with it */
static void store(lua_State *L, const struct hp_execution *x, enum hp_store_place place)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, x);
    lua_insert(L, -2);
    lua_rawseti(L, -2, place);
    lua_pop(L, 1);
}

void hp_execution_release(lua_State *L, const struct hp_execution *x)
{
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, x);
}

void hp_execution_forget(lua_State *L, struct hp_execution *x)
{
    hp_execution_undo(L, x);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, x) != LUA_TNIL)
        hp_execution_release(L, x);
    lua_pop(L, 1);
}

const char *hp_execution_conflict(const struct hp_execution *x)
{
    return x->conflict;
}

void hp_execution_keep_replays(lua_State *L, struct hp_execution *from, struct hp_execution *to)
{
    hp_execution_push(L, from, HP_STORE_BANK);
    hp_execution_push(L, to, HP_STORE_BANK);
    int top = lua_gettop(L);
    if (hp_bank_carry(L, &from->bank, top - 1, &to->bank, top) != HP_OK)
        luaL_error(L, "not enough memory");
    lua_pop(L, 2);
}

/* --- The journal ------------------------------------------------------------------------------ */

/* The frame of hp_prepare: what its parts find where. */
struct frame {
    struct hp_values values;
    int journal, bank;
};

/* Pushes what stands now where the step writes; the object is below the key on top. [-0, +1, -] */
static void push_current(lua_State *L, const struct hp_step *step)
{
    switch (step->kind) {
    case HP_STEP_SET_CELL:
        if (lua_getupvalue(L, -2, (int)step->place.upvalue + 1) == NULL)
            lua_pushnil(L);
        break;
    case HP_STEP_SET_METATABLE:
        if (!lua_getmetatable(L, -2))
            lua_pushnil(L);
        break;
    default:
        lua_pushvalue(L, -1);
        lua_rawget(L, -3);
        break;
    }
}

static enum hp_write_kind held_kind(enum hp_step_kind kind)
{
    switch (kind) {
    case HP_STEP_SET_UPVALUE:
        return HP_WRITE_UPVALUE;
    case HP_STEP_SET_USER_VALUE:
        return HP_WRITE_USER_VALUE;
    case HP_STEP_SET_LOCAL:
        return HP_WRITE_LOCAL;
    default:
        return HP_WRITE_BODY;
    }
}

/* Decided by what is there, not by what was planned: overwriting what is absent would need memory in the
 * commit. */
static enum hp_write_kind write_kind(lua_State *L, const struct hp_step *step, int new_value, int old_value)
{
    if (step->kind == HP_STEP_SET_CELL)
        return HP_WRITE_CELL;
    if (step->kind == HP_STEP_SET_METATABLE)
        return HP_WRITE_METATABLE;
    if (lua_isnil(L, new_value))
        return HP_WRITE_REMOVE;
    return lua_isnil(L, old_value) ? HP_WRITE_INSERT : HP_WRITE_FIELD;
}

static void push_object_and_key(lua_State *L, const struct frame *f, const struct hp_step *step)
{
    bool cell = step->kind == HP_STEP_SET_CELL;
    hp_anchor_push(L, f->values.anchor, cell ? step->place.closure : step->target);
    if (cell || step->kind == HP_STEP_SET_METATABLE)
        lua_pushnil(L);
    else
        hp_value_push(L, &f->values, &step->key);
}

/* Is what the step needs of the kind that it needs? Object, key and new value are on top. [-0, +0, -] */
static bool is_sound(lua_State *L, const struct hp_step *step)
{
    switch (step->kind) {
    case HP_STEP_SET_CELL:
        return hp_is_lua_closure(L, -3);
    case HP_STEP_SET_METATABLE:
        return (lua_istable(L, -3) || lua_type(L, -3) == LUA_TUSERDATA) &&
               (lua_istable(L, -1) || lua_isnil(L, -1));
    default:
        return lua_istable(L, -3) && hp_is_key(L, -2);
    }
}

/* A step of a revert, or of the search, that no longer fits is left out: the server has put something else
 * there. */
static bool is_left_out(lua_State *L, struct hp_execution *x, const struct frame *f,
                        const struct hp_step *step)
{
    if (!(step->tolerant || step->held) || hp_verify_step(L, &f->values, step))
        return false;
    if (step->held)
        return true; /* the sweep will look for it */
    hp_report_warn(x->report, HP_R12_VALUE_KEPT, NULL, step->path,
                   "it has changed since the patch, so it stays as it is");
    return true;
}

/* A place that only the search finds. It holds `expected`: that was looked at just now. [-0, +0, m] */
static enum hp_status journal_held(lua_State *L, struct hp_execution *x, const struct frame *f,
                                   uint32_t index)
{
    const struct hp_step *step = &x->plan->steps.items[index];
    hp_anchor_push(L, f->values.anchor, step->target);
    lua_pushnil(L);
    hp_value_push(L, &f->values, &step->value);
    hp_value_push(L, &f->values, &step->expected);
    hp_journal_add(L, &x->journal, f->journal, held_kind(step->kind), step->index, index);
    x->journal.writes.items[x->journal.writes.count - 1].level = step->level;
    return HP_OK;
}

/* The value on top may be swapped itself, as in `set[f] = f`: it gives way to what takes its place. There are
 * few keys of that kind, so the list is looked through. [-1, +1, -] */
static void take_successor(lua_State *L, const struct hp_execution *x, const struct frame *f)
{
    uint32_t handle = hp_anchor_find(L, f->values.anchor, -1);
    for (size_t i = 0; handle != 0 && i < x->plan->swaps.count; i++) {
        if (x->plan->swaps.items[i].from == handle) {
            lua_pop(L, 1);
            hp_value_push(L, &f->values, &x->plan->swaps.items[i].to);
            return;
        }
    }
}

/* One key goes and another comes, with the value that stands there now. [-0, +0, m] */
static enum hp_status journal_rekey(lua_State *L, struct hp_execution *x, const struct frame *f,
                                    uint32_t index)
{
    const struct hp_step *step = &x->plan->steps.items[index];
    hp_anchor_push(L, f->values.anchor, step->target);
    hp_value_push(L, &f->values, &step->value);
    hp_value_push(L, &f->values, &step->expected);
    lua_rawget(L, -3); /* table, new key, value */
    take_successor(L, x, f);
    lua_pushnil(L);
    hp_journal_add(L, &x->journal, f->journal, HP_WRITE_INSERT, 0, index);
    hp_anchor_push(L, f->values.anchor, step->target);
    hp_value_push(L, &f->values, &step->expected);
    lua_pushnil(L);
    lua_pushvalue(L, -2);
    lua_rawget(L, -4); /* table, old key, nil, value */
    hp_journal_add(L, &x->journal, f->journal, HP_WRITE_REMOVE, 0, index);
    return HP_OK;
}

/* [-0, +0, m] */
static enum hp_status journal_step(lua_State *L, struct hp_execution *x, const struct frame *f,
                                   uint32_t index)
{
    const struct hp_step *step = &x->plan->steps.items[index];
    if (is_left_out(L, x, f, step))
        return HP_OK;
    if (step->kind == HP_STEP_REKEY)
        return journal_rekey(L, x, f, index);
    if (step->kind > HP_STEP_SET_METATABLE)
        return journal_held(L, x, f, index);
    push_object_and_key(L, f, step);
    if (step->kind == HP_STEP_REMOVE_FIELD)
        lua_pushnil(L);
    else
        hp_value_push(L, &f->values, &step->value);
    if (!is_sound(L, step)) {
        lua_pop(L, 3);
        return hp_report_fail(x->report, HP_FAILED,
                              "what %s would get came out as something that cannot stand there",
                              step->path != NULL ? step->path : "a place of the module");
    }
    lua_insert(L, -3); /* new, object, key */
    push_current(L, step);
    enum hp_write_kind kind = write_kind(L, step, -4, -1);
    if (kind == HP_WRITE_REMOVE && lua_isnil(L, -1)) {
        lua_pop(L, 4); /* nil over nil */
        return HP_OK;
    }
    lua_rotate(L, -4, -1); /* object, key, old, new */
    lua_insert(L, -2);     /* object, key, new, old */
    hp_journal_add(L, &x->journal, f->journal, kind, (int)step->place.upvalue + 1, index);
    return HP_OK;
}

/* The new tables' metatables are set in the commit, so that a failure leaves no object behind whose __gc
 * would run. */
static enum hp_status journal_metatable(lua_State *L, struct hp_execution *x, const struct frame *f,
                                        uint32_t index)
{
    const struct hp_plan_table *table = &x->plan->tables.items[index];
    if (table->metatable.kind == HP_VALUE_NIL || x->build.has_metatable[index])
        return HP_OK;
    struct hp_value self = {.kind = HP_VALUE_TABLE, .index = index};
    hp_value_push(L, &f->values, &self);
    lua_pushnil(L);
    hp_value_push(L, &f->values, &table->metatable);
    if (!lua_istable(L, -1) && !lua_isnil(L, -1)) {
        lua_pop(L, 3);
        return hp_report_fail(x->report, HP_FAILED, "a metatable came out as something that is no table");
    }
    lua_pushnil(L);
    hp_journal_add(L, &x->journal, f->journal, HP_WRITE_METATABLE, 0, UINT32_MAX);
    return HP_OK;
}

static enum hp_status write_journal(lua_State *L, struct hp_execution *x, const struct frame *f)
{
    const struct hp_plan *plan = x->plan;
    enum hp_status status = HP_OK;
    for (uint32_t i = 0; status == HP_OK && i < plan->steps.count; i++)
        status = journal_step(L, x, f, i);
    for (uint32_t i = 0; status == HP_OK && i < plan->tables.count; i++)
        status = journal_metatable(L, x, f, i);
    return status;
}

/* --- What the commit will hand over ----------------------------------------------------------- */

static enum hp_status prepare_texts(struct hp_execution *x)
{
    const struct hp_plan *plan = x->plan;
    x->texts = hp_arena_alloc(&x->arena, (plan->modules.count + 1) * sizeof *x->texts);
    if (x->texts == NULL)
        return HP_NO_MEMORY;
    for (size_t i = 0; i < plan->modules.count; i++) {
        const struct hp_plan_module *module = &plan->modules.items[i];
        if (module->text == NULL)
            continue;
        x->texts[i] = hp_sources_prepare(x->sources, module->name, module->chunk_name, module->text,
                                         module->text_len, module->unpaired.items, module->unpaired.count);
        if (x->texts[i] == NULL)
            return HP_NO_MEMORY;
    }
    return HP_OK;
}

static enum hp_status prepare_record(lua_State *L, struct hp_execution *x, const struct frame *f)
{
    struct hp_record **ready = x->options.record;
    if (ready != NULL) {
        x->record = *ready;
        *ready = NULL;
    }
    if (x->record == NULL) {
        x->record = hp_record_new(x->plan, x->options.message, x->options.who);
        for (uint32_t i = 0; x->record != NULL && i < x->plan->functions.count; i++)
            hp_record_add_function(L, x->record, &f->values, i);
    }
    if (x->record == NULL)
        return HP_NO_MEMORY;
    hp_execution_push(L, x, HP_STORE_SIDE);
    struct hp_record_source source = {
        .values = &f->values,
        .journal = &x->journal,
        .journal_table = f->journal,
        .side = lua_gettop(L),
        .scratch = &x->scratch,
    };
    enum hp_status status = hp_history_prepare(x->history, L, &source, x->record);
    lua_pop(L, 1);
    return status != HP_UNSUPPORTED
               ? status
               : hp_report_fail(x->report, HP_FAILED, "an old function could not be kept for a revert");
}

/* --- The phases, in order --------------------------------------------------------------------- */

static enum hp_status verify(lua_State *L, struct hp_execution *x, const struct frame *f)
{
    return hp_verify(L, &f->values, &x->conflict) ? HP_OK : HP_CONFLICT;
}

/* How many writes the steps come to at the most: a new key is two. */
static size_t count_writes(const struct hp_plan *plan)
{
    size_t count = plan->steps.count;
    for (size_t i = 0; i < plan->steps.count; i++)
        count += plan->steps.items[i].kind == HP_STEP_REKEY;
    return count;
}

/* Room for everything that the plan comes to. HP_OK, HP_NO_MEMORY. [-0, +0, m] */
static enum hp_status reserve(lua_State *L, struct hp_execution *x)
{
    size_t writes = count_writes(x->plan);
    if (hp_build_init(&x->build, &x->arena, x->plan) != HP_OK || !hp_values_push_new(L, x->plan))
        return HP_NO_MEMORY;
    store(L, x, HP_STORE_VALUES);
    if (!hp_journal_init(L, &x->journal, &x->arena, writes + x->plan->tables.count))
        return HP_NO_MEMORY;
    store(L, x, HP_STORE_JOURNAL);
    if (!x->options.revert) {
        if (!hp_record_push_side(L, x->plan, writes))
            return HP_NO_MEMORY;
        store(L, x, HP_STORE_SIDE);
    }
    x->reserved = true;
    return HP_OK;
}

/* [-0, +4, m] */
static enum hp_status begin(lua_State *L, struct hp_execution *x, struct frame *f)
{
    enum hp_status status = x->reserved ? HP_OK : reserve(L, x);
    hp_execution_push_values(L, x, &f->values);
    f->values.workshop = x->options.workshop;
    hp_execution_push(L, x, HP_STORE_BANK);
    f->bank = lua_gettop(L);
    hp_execution_push(L, x, HP_STORE_JOURNAL);
    f->journal = lua_gettop(L);
    return status;
}

static enum hp_status replay(lua_State *L, struct hp_execution *x, const struct frame *f)
{
    hp_build_tables(L, &f->values);
    return hp_replay_all(L, &f->values, &x->build, &x->bank, f->bank, x->options.replay_instructions,
                         x->report);
}

static enum hp_status prepare(lua_State *L, struct hp_execution *x)
{
    struct frame f = {0};
    enum hp_status status = begin(L, x, &f);
    if (status == HP_OK)
        status = verify(L, x, &f);
    if (status == HP_OK)
        status = replay(L, x, &f);
    /* From here on no code of the server runs before hp_finish. */
    if (status == HP_OK)
        status = hp_build_all(L, &f.values, &x->build, &x->scratch, x->report);
    if (status == HP_OK)
        status = write_journal(L, x, &f);
    if (status == HP_OK)
        status = prepare_texts(x);
    if (status == HP_OK && !x->options.revert)
        status = prepare_record(L, x, &f);
    if (status == HP_OK && x->plan->replays.count > 0)
        status = verify(L, x, &f); /* what was replayed may have moved the ground */
    if (status == HP_OK) {
        hp_journal_insert(L, &x->journal, f.journal);
        x->phase = HP_PHASE_PREPARED;
    }
    return status;
}

enum hp_status hp_execution_reserve(lua_State *L, struct hp_execution *x)
{
    struct frame f = {0};
    int top = lua_gettop(L);
    enum hp_status status = lua_checkstack(L, STACK_ROOM) ? begin(L, x, &f) : HP_NO_MEMORY;
    if (status == HP_OK)
        status = verify(L, x, &f);
    lua_settop(L, top);
    return status;
}

enum hp_status hp_prepare(lua_State *L, struct hp_execution *x)
{
    int top = lua_gettop(L);
    enum hp_status status = lua_checkstack(L, STACK_ROOM) ? prepare(L, x) : HP_NO_MEMORY;
    lua_settop(L, top);
    if (status == HP_CONFLICT && x->conflict == NULL)
        x->conflict = "a function that the new code shares its locals with";
    if (status == HP_NO_MEMORY)
        hp_report_fail(x->report, HP_NO_MEMORY, "not enough memory to prepare the patch");
    return status;
}

void hp_execution_undo(lua_State *L, struct hp_execution *x)
{
    if (x->phase == HP_PHASE_COMMITTED || x->phase == HP_PHASE_OVER)
        return;
    hp_execution_push(L, x, HP_STORE_JOURNAL);
    if (lua_istable(L, -1))
        hp_journal_take_back(L, &x->journal, lua_gettop(L));
    lua_pop(L, 1);
    x->phase = HP_PHASE_NEW;
}

void hp_execution_push_values(lua_State *L, const struct hp_execution *x, struct hp_values *out)
{
    *out = (struct hp_values){.plan = x->plan};
    hp_execution_push(L, x, HP_STORE_ANCHOR);
    out->anchor = lua_gettop(L);
    hp_execution_push(L, x, HP_STORE_VALUES);
    out->table = lua_gettop(L);
}
