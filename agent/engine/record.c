/* hotpatch engine: the record of one patch; the contract is in record.h. */
#include "agent/engine/record.h"

#include <limits.h>
#include <string.h>
#include <time.h>

#include "agent/engine/build.h"
#include "agent/engine/successor.h"
#include "agent/engine/workshop.h"

/* --- Places in the Lua side ------------------------------------------------------------------- */

enum { STRONG_HOLDER, STRONG_OLD, STRONG_PARTS };
enum { WEAK_TARGET, WEAK_KEY, WEAK_PUT, WEAK_OLD, WEAK_PARTS };

static lua_Integer strong_place(size_t write, int part)
{
    return (lua_Integer)write * STRONG_PARTS + part + 1;
}

static lua_Integer weak_place(size_t write, int part)
{
    return (lua_Integer)write * WEAK_PARTS + part + 1;
}

static lua_Integer module_place(const struct hp_record *record, uint32_t module)
{
    return weak_place(record->writes.count, 0) + (lua_Integer)module;
}

static int push_part(lua_State *L, int table, enum hp_record_part part, lua_Integer place)
{
    lua_rawgeti(L, table, part);
    int type = lua_rawgeti(L, -1, place);
    lua_remove(L, -2);
    return type;
}

void hp_record_push_target(lua_State *L, int table, size_t write)
{
    if (push_part(L, table, HP_RECORD_STRONG, strong_place(write, STRONG_HOLDER)) != LUA_TFUNCTION) {
        lua_pop(L, 1);
        push_part(L, table, HP_RECORD_WEAK, weak_place(write, WEAK_TARGET));
    }
}

void hp_record_push_key(lua_State *L, int table, size_t write)
{
    push_part(L, table, HP_RECORD_WEAK, weak_place(write, WEAK_KEY));
}

void hp_record_push_put(lua_State *L, int table, size_t write)
{
    push_part(L, table, HP_RECORD_WEAK, weak_place(write, WEAK_PUT));
}

void hp_record_push_old(lua_State *L, int table, size_t write)
{
    if (push_part(L, table, HP_RECORD_WEAK, weak_place(write, WEAK_OLD)) == LUA_TNIL) {
        lua_pop(L, 1);
        push_part(L, table, HP_RECORD_STRONG, strong_place(write, STRONG_OLD));
    }
}

void hp_record_push_module(lua_State *L, const struct hp_record *record, int table, uint32_t module)
{
    push_part(L, table, HP_RECORD_WEAK, module_place(record, module));
}

void hp_record_push_hotrevert(lua_State *L, int table, uint32_t module)
{
    push_part(L, table, HP_RECORD_HOOKS, (lua_Integer)module + 1);
}

/* --- The C side ------------------------------------------------------------------------------- */

static void set_when(struct hp_record *record)
{
    char text[32] = "";
    struct tm utc;
    time_t now = time(NULL);
    if (gmtime_r(&now, &utc) != NULL)
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    record->when = hp_arena_str(&record->arena, text);
}

/* Why a revert alone would not undo what the patch did in this module; NULL: it would. Static. */
static const char *irreversible(const struct hp_plan *plan, uint32_t module)
{
    if (plan->modules.items[module].hotfix.present)
        return "its __hotfix ran, and what that did is not known";
    if (plan->effects.count != 0)
        return "effects of the new source were performed";
    for (size_t i = 0; i < plan->replays.count; i++) {
        const struct hp_plan_replay *replay = &plan->replays.items[i];
        bool call = replay->operation == HP_OP_CALL || replay->operation == HP_OP_REQUIRE;
        if (call && replay->module == module)
            return "calls were made for its first values";
    }
    return NULL;
}

static void fill_modules(struct hp_record *record, const struct hp_plan *plan)
{
    for (uint32_t i = 0; i < plan->modules.count; i++) {
        const struct hp_plan_module *from = &plan->modules.items[i];
        struct hp_record_module *to = HP_PUSH(&record->arena, &record->modules);
        if (to != NULL) {
            to->name = hp_arena_str(&record->arena, from->name);
            to->has_hotrevert = from->hotrevert.present;
            to->irreversible = irreversible(plan, i);
            to->functions = from->functions;
            to->pushed = from->text != NULL;
        }
    }
}

struct hp_record *hp_record_new(const struct hp_plan *plan, const char *message, const char *who)
{
    struct hp_record *record = hp_mem_calloc(sizeof *record);
    if (record == NULL)
        return NULL;
    hp_arena_init(&record->arena);
    record->message = hp_arena_str(&record->arena, message);
    record->who = hp_arena_str(&record->arena, who);
    set_when(record);
    fill_modules(record, plan);
    return record;
}

/* The new function's place, as people write it. */
static const char *place_of(struct hp_arena *arena, const struct hp_plan_function *f)
{
    const struct hp_prototype *p = &f->tree->prototypes.items[f->prototype];
    const char *source = p->source != NULL ? p->source : "=?";
    if (source[0] == '@' || source[0] == '=')
        source++;
    return hp_arena_printf(arena, "%s:%d", source, p->line);
}

static bool is_hook(const struct hp_plan *plan, uint32_t function)
{
    for (size_t i = 0; i < plan->modules.count; i++) {
        const struct hp_plan_hook *hooks[] = {&plan->modules.items[i].hotfix,
                                              &plan->modules.items[i].hotrevert};
        for (int h = 0; h < 2; h++) {
            const struct hp_value *value = &hooks[h]->function;
            if (hooks[h]->present && value->kind == HP_VALUE_FUNCTION && value->index == function)
                return true;
        }
    }
    return false;
}

void hp_record_add_function(lua_State *L, struct hp_record *record, const struct hp_values *values,
                            uint32_t function)
{
    const struct hp_plan_function *from = &values->plan->functions.items[function];
    bool listed = from->path != NULL && !is_hook(values->plan, function);
    struct hp_record_function *to = listed ? HP_PUSH(&record->arena, &record->functions) : NULL;
    if (to == NULL)
        return;
    to->path = hp_arena_str(&record->arena, from->path);
    to->module = from->module;
    to->was = place_of(&record->arena, from);
    to->replaced = from->replaces != 0;
    hp_anchor_push(L, values->anchor, from->replaces);
    if (hp_is_lua_closure(L, -1)) {
        lua_Debug ar;
        lua_pushvalue(L, -1);
        lua_getinfo(L, ">S", &ar);
        to->line = ar.linedefined;
    }
    lua_pop(L, 1);
}

/* --- Writes ----------------------------------------------------------------------------------- */

/* An alias that changed is no successor: the function it named before lives on elsewhere. */
static bool is_swap(const struct hp_plan *plan, const struct hp_step *step)
{
    return step->value.kind == HP_VALUE_FUNCTION && step->expected.kind == HP_VALUE_LIVE &&
           plan->functions.items[step->value.index].replaces == step->expected.index;
}

/* Is the function that the step puts one that only the body of its chunk makes? */
static bool is_of_body(const struct hp_plan *plan, const struct hp_step *step)
{
    if (step->value.kind != HP_VALUE_FUNCTION)
        return false;
    const struct hp_plan_function *f = &plan->functions.items[step->value.index];
    return f->tree->prototypes.items[f->prototype].parent == 0;
}

/* The Lua side while it is made, as stack indices. */
struct sides {
    int strong, weak, memo, maker;
};

int64_t hp_record_lineage(lua_State *L, int lineage, int64_t *next)
{
    lua_pushvalue(L, -1);
    lua_rawget(L, lineage);
    int64_t number = (int64_t)lua_tointeger(L, -1);
    lua_pop(L, 1);
    if (number == 0) {
        number = ++*next;
        lua_pushvalue(L, -1);
        lua_pushinteger(L, (lua_Integer)number);
        lua_rawset(L, lineage);
    }
    return number;
}

/* What stood there before, into both sides. HP_OK, HP_NO_MEMORY, HP_UNSUPPORTED. [-0, +0, m] */
static enum hp_status keep_old(lua_State *L, struct hp_record_write *to, size_t write,
                               const struct hp_record_source *source, const struct sides *sides)
{
    hp_journal_push(L, source->journal_table, write, HP_WRITE_OLD);
    to->old_is_closure = hp_is_lua_closure(L, -1);
    if (!to->old_is_closure) {
        lua_rawseti(L, sides->strong, strong_place(write, STRONG_OLD));
        return HP_OK;
    }
    int64_t lineage = hp_record_lineage(L, source->lineage, source->next_lineage);
    enum hp_status status = hp_successor_push(L, sides->memo, -1, source->scratch);
    if (status != HP_OK) {
        lua_pop(L, 1);
        return status;
    }
    lua_pushvalue(L, -1);
    lua_pushinteger(L, (lua_Integer)lineage);
    lua_rawset(L, source->lineage);
    lua_rawseti(L, sides->strong, strong_place(write, STRONG_OLD));
    lua_rawseti(L, sides->weak, weak_place(write, WEAK_OLD));
    return HP_OK;
}

/* The place itself. [-0, +0, m] */
static void keep_target(lua_State *L, const struct hp_write *from, size_t write,
                        const struct hp_record_source *source, const struct sides *sides)
{
    if (from->kind == HP_WRITE_CELL) {
        lua_pushvalue(L, sides->maker);
        lua_call(L, 0, 1);
        hp_journal_push(L, source->journal_table, write, HP_WRITE_OBJECT);
        lua_upvaluejoin(L, -2, 1, -1, from->upvalue);
        lua_pop(L, 1);
        lua_rawseti(L, sides->strong, strong_place(write, STRONG_HOLDER));
        return;
    }
    hp_journal_push(L, source->journal_table, write, HP_WRITE_OBJECT);
    lua_rawseti(L, sides->weak, weak_place(write, WEAK_TARGET));
    hp_journal_push(L, source->journal_table, write, HP_WRITE_KEY);
    lua_rawseti(L, sides->weak, weak_place(write, WEAK_KEY));
}

static enum hp_status fill_writes(lua_State *L, struct hp_record *record,
                                  const struct hp_record_source *source, const struct sides *sides)
{
    const struct hp_plan *plan = source->values->plan;
    for (size_t i = 0; i < source->journal->writes.count; i++) {
        const struct hp_write *from = &source->journal->writes.items[i];
        if (from->step == UINT32_MAX)
            continue; /* metatables of new tables, behind all steps: they go with the tables */
        const struct hp_step *step = &plan->steps.items[from->step];
        struct hp_record_write *to = &record->writes.items[i];
        to->kind = from->kind;
        to->path = hp_arena_str(&record->arena, step->path);
        to->module = step->module;
        to->only_swap = step->kind > HP_STEP_SET_METATABLE;
        to->swap = is_swap(plan, step);
        to->of_body = is_of_body(plan, step);
        keep_target(L, from, i, source, sides);
        hp_journal_push(L, source->journal_table, i, HP_WRITE_NEW);
        to->put_type = lua_type(L, -1);
        to->put_lineage =
            hp_is_lua_closure(L, -1) ? hp_record_lineage(L, source->lineage, source->next_lineage) : 0;
        lua_rawseti(L, sides->weak, weak_place(i, WEAK_PUT));
        enum hp_status status = keep_old(L, to, i, source, sides);
        if (status != HP_OK)
            return status;
    }
    return HP_OK;
}

/* How many of the journal's writes are steps of the plan: the first ones. */
static size_t count_writes(const struct hp_journal *journal)
{
    size_t count = 0;
    while (count < journal->writes.count && journal->writes.items[count].step != UINT32_MAX)
        count++;
    return count;
}

static void push_weak(lua_State *L, size_t count)
{
    lua_createtable(L, (int)count, 0);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "v");
    lua_setfield(L, -2, "__mode"); /* our own new table: no metamethod */
    lua_setmetatable(L, -2);
}

static void fill_hooks(lua_State *L, const struct hp_record *record, const struct hp_values *values,
                       int hooks, int weak)
{
    const struct hp_plan *plan = values->plan;
    for (uint32_t i = 0; i < plan->modules.count; i++) {
        const struct hp_plan_module *module = &plan->modules.items[i];
        hp_value_push(L, values, &module->object);
        lua_rawseti(L, weak, module_place(record, i));
        if (module->hotrevert.present) {
            hp_value_push(L, values, &module->hotrevert.function);
            lua_rawseti(L, hooks, (lua_Integer)i + 1);
        }
    }
}

bool hp_record_push_side(lua_State *L, const struct hp_plan *plan, size_t writes)
{
    if (writes > INT_MAX / WEAK_PARTS - plan->modules.count)
        return false;
    lua_createtable(L, HP_RECORD_HOOKS, 0);
    lua_createtable(L, (int)writes * STRONG_PARTS, 0);
    lua_rawseti(L, -2, HP_RECORD_STRONG);
    push_weak(L, writes * WEAK_PARTS + plan->modules.count);
    lua_rawseti(L, -2, HP_RECORD_WEAK);
    lua_createtable(L, (int)plan->modules.count, 0);
    lua_rawseti(L, -2, HP_RECORD_HOOKS);
    return true;
}

enum hp_status hp_record_fill(lua_State *L, struct hp_record *record, const struct hp_record_source *source)
{
    size_t count = count_writes(source->journal);
    record->writes.items = hp_arena_alloc(&record->arena, (count + 1) * sizeof *record->writes.items);
    if (record->writes.items == NULL)
        return HP_NO_MEMORY;
    record->writes.count = count;
    int top = lua_gettop(L);
    struct sides sides = {.strong = top + 1, .weak = top + 2, .memo = top + 4, .maker = top + 5};
    lua_rawgeti(L, source->side, HP_RECORD_STRONG);
    lua_rawgeti(L, source->side, HP_RECORD_WEAK);
    lua_rawgeti(L, source->side, HP_RECORD_HOOKS);
    hp_workshop_push_successors(L, source->values->workshop);
    hp_workshop_push_holder_maker(L, source->values->workshop);
    enum hp_status status = fill_writes(L, record, source, &sides);
    fill_hooks(L, record, source->values, top + 3, sides.weak);
    lua_settop(L, top);
    return status == HP_OK && hp_arena_failed(&record->arena) ? HP_NO_MEMORY : status;
}

void hp_record_free(struct hp_record *record)
{
    if (record == NULL)
        return;
    for (size_t i = 0; i < record->modules.count; i++)
        hp_sources_drop(record->modules.items[i].previous);
    hp_arena_fini(&record->arena);
    hp_mem_free(record->logged);
    hp_mem_free(record);
}

static size_t size_of(const char *s)
{
    return s != NULL ? strlen(s) + 1 : 0;
}

/* Copies a string to where *at points. */
static const char *move_string(char **at, const char *s)
{
    if (s == NULL)
        return NULL;
    char *copy = memcpy(*at, s, strlen(s) + 1);
    *at += strlen(s) + 1;
    return copy;
}

void hp_record_shrink(struct hp_record *record)
{
    size_t count = record->modules.count, modules_size = count * sizeof *record->modules.items;
    size_t size = modules_size + size_of(record->message) + size_of(record->who) + size_of(record->when);
    for (size_t i = 0; i < count; i++)
        size += size_of(record->modules.items[i].name);
    char *block = record->logged == NULL ? hp_mem_alloc(size) : NULL;
    if (block == NULL)
        return;
    char *at = block + modules_size;
    struct hp_record_module *modules = (void *)block;
    for (size_t i = 0; i < count; i++) {
        modules[i] = record->modules.items[i];
        modules[i].name = move_string(&at, modules[i].name);
        modules[i].irreversible = NULL;
    }
    record->message = move_string(&at, record->message);
    record->who = move_string(&at, record->who);
    record->when = move_string(&at, record->when);
    record->modules.items = modules;
    record->modules.cap = count;
    memset(&record->writes, 0, sizeof record->writes);
    memset(&record->functions, 0, sizeof record->functions);
    hp_arena_fini(&record->arena);
    record->logged = block;
}
