/* hotpatch engine: what was committed; the contract is in history.h.
 *
 * The Lua side is one registry entry, a table { sides, lineage, heirs }. `sides` is an array of fixed size,
 * one place for each record that can be reverted and one for the patch being made, so that entering a record
 * needs no memory. */
#include "agent/engine/history.h"

#include <string.h>

#include "agent/engine/history_impl.h"

enum { HISTORY_SIDES = 1, HISTORY_LINEAGE, HISTORY_HEIRS };

#define MAX_HEIRS 256 /* generations of one function that are looked through */

/* Pushes the history's Lua tables. [-0, +1, -] */
static void push_table(lua_State *L, const struct hp_history *h, int which)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, h->key);
    lua_rawgeti(L, -1, which);
    lua_remove(L, -2);
}

/* A table that does not keep its keys alive, nor values that only lead to them. [-0, +1, m] */
static void push_weak(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode"); /* our own new table: no metamethod */
    lua_setmetatable(L, -2);
}

struct hp_history *hp_history_open(lua_State *L)
{
    lua_createtable(L, 3, 0);
    lua_createtable(L, HP_HISTORY_PLACES, 0);
    for (int i = 1; i <= HP_HISTORY_PLACES; i++) {
        lua_pushboolean(L, 0);
        lua_rawseti(L, -2, i);
    }
    lua_rawseti(L, -2, HISTORY_SIDES);
    push_weak(L);
    lua_rawseti(L, -2, HISTORY_LINEAGE);
    push_weak(L);
    lua_rawseti(L, -2, HISTORY_HEIRS);
    const void *key = lua_topointer(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);

    struct hp_history *h = hp_mem_calloc(sizeof *h);
    if (h == NULL) {
        lua_pushnil(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, key);
        return NULL;
    }
    h->key = key;
    return h;
}

void hp_history_close(struct hp_history *h, lua_State *L)
{
    if (h == NULL)
        return;
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, h->key);
    while (h->newest != NULL) {
        struct hp_record *record = h->newest;
        h->newest = record->next;
        hp_record_free(record);
    }
    hp_mem_free(h);
}

/* --- Heirs ------------------------------------------------------------------------------------ */

void hp_history_push_heirs(const struct hp_history *h, lua_State *L)
{
    push_table(L, h, HISTORY_HEIRS);
}

void hp_history_await_heir(const struct hp_history *h, lua_State *L)
{
    push_table(L, h, HISTORY_HEIRS);
    lua_insert(L, -2); /* heirs, function */
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_rawset(L, -3);
        lua_pop(L, 1);
    } else {
        lua_pop(L, 3);
    }
}

void hp_history_inherit(const struct hp_history *h, lua_State *L)
{
    push_table(L, h, HISTORY_HEIRS);
    lua_insert(L, -3); /* heirs, function, heir */
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -4) != LUA_TNIL) { /* it had one itself, and is back: a revert */
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -1);
        lua_rawset(L, -6);
    }
    lua_pop(L, 1);
    lua_rawset(L, -3); /* the key is there */
    lua_pop(L, 1);
}

void hp_history_disinherit(const struct hp_history *h, lua_State *L)
{
    push_table(L, h, HISTORY_HEIRS);
    lua_insert(L, -2); /* heirs, function */
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) != LUA_TNIL) { /* the key is there */
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -1);
        lua_rawset(L, -5);
    }
    lua_pop(L, 3);
}

bool hp_history_has_heir(const struct hp_history *h, lua_State *L)
{
    push_table(L, h, HISTORY_HEIRS);
    lua_pushvalue(L, -2);
    bool has = lua_rawget(L, -2) != LUA_TNIL;
    lua_pop(L, 2);
    return has;
}

void hp_history_push_heir(const struct hp_history *h, lua_State *L)
{
    push_table(L, h, HISTORY_HEIRS);
    lua_insert(L, -2); /* heirs, function */
    for (int i = 0; i < MAX_HEIRS; i++) {
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) == LUA_TNIL || lua_rawequal(L, -1, -2)) {
            lua_pop(L, 1);
            break;
        }
        lua_remove(L, -2);
    }
    lua_remove(L, -2);
}

/* --- Asking ----------------------------------------------------------------------------------- */

int64_t hp_history_generation(const struct hp_history *h)
{
    return h->generation;
}

int64_t hp_history_applied(const struct hp_history *h)
{
    int64_t count = h->forgotten;
    for (const struct hp_record *r = h->newest; r != NULL; r = r->next)
        count += r->reverted ? 0 : 1;
    return count;
}

struct hp_record *hp_history_newest_in_force(const struct hp_history *h)
{
    struct hp_record *record = h->newest;
    while (record != NULL && record->reverted)
        record = record->next;
    return record;
}

int64_t hp_history_last(const struct hp_history *h)
{
    const struct hp_record *record = hp_history_newest_in_force(h);
    return record != NULL ? record->patch : 0;
}

bool hp_history_in_force(const struct hp_history *h, int64_t patch)
{
    for (const struct hp_record *r = h->newest; r != NULL; r = r->next)
        if (r->patch == patch)
            return !r->reverted;
    return false;
}

static bool has_put(const struct hp_record *record, const char *path, const char *place)
{
    for (size_t i = 0; i < record->functions.count; i++) {
        const struct hp_record_function *f = &record->functions.items[i];
        if (strcmp(f->path, path) == 0 && f->was != NULL && strcmp(f->was, place) == 0)
            return true;
    }
    return false;
}

int64_t hp_history_patch_of(const struct hp_history *h, const char *path, const char *place)
{
    for (const struct hp_record *r = h->newest; r != NULL; r = r->next)
        if (!r->reverted && has_put(r, path, place))
            return r->patch;
    return 0;
}

void hp_history_log(const struct hp_history *h, struct hp_report *report)
{
    struct hp_arena *arena = &report->arena;
    for (const struct hp_record *r = h->newest; r != NULL; r = r->next) {
        struct hp_report_patch *line = HP_PUSH(arena, &report->patches);
        if (line == NULL)
            return;
        line->patch = r->patch;
        line->status = r->reverted ? "reverted" : "applied";
        line->message = hp_arena_str(arena, r->message);
        line->when = hp_arena_str(arena, r->when);
        line->who = hp_arena_str(arena, r->who);
        for (size_t i = 0; i < r->modules.count; i++) {
            const char **name = HP_PUSH(arena, &line->modules);
            if (name != NULL)
                *name = hp_arena_str(arena, r->modules.items[i].name);
            line->functions += r->modules.items[i].functions;
        }
    }
}

/* --- Changing --------------------------------------------------------------------------------- */

/* A free place in `sides`. There is always one: settle keeps at most HP_HISTORY_REVERTIBLE taken. */
static int free_place(const struct hp_history *h)
{
    bool taken[HP_HISTORY_PLACES + 1] = {false};
    for (const struct hp_record *r = h->newest; r != NULL; r = r->next)
        taken[r->slot] = true;
    int place = 1;
    while (place < HP_HISTORY_PLACES && taken[place])
        place++;
    return place;
}

void hp_history_expect(struct hp_history *h, lua_State *L, int old, int fresh, int successor)
{
    push_table(L, h, HISTORY_LINEAGE);
    int lineage = lua_gettop(L);
    lua_pushvalue(L, fresh);
    hp_record_lineage(L, lineage, &h->next_lineage);
    lua_pushvalue(L, successor);
    lua_pushvalue(L, old);
    lua_pushinteger(L, (lua_Integer)hp_record_lineage(L, lineage, &h->next_lineage));
    lua_replace(L, -2);
    lua_rawset(L, lineage);
    lua_settop(L, lineage - 1);
    lua_pushvalue(L, old);
    hp_history_await_heir(h, L);
}

enum hp_status hp_history_prepare(struct hp_history *h, lua_State *L, struct hp_record_source *source,
                                  struct hp_record *record)
{
    push_table(L, h, HISTORY_LINEAGE);
    source->lineage = lua_gettop(L);
    source->next_lineage = &h->next_lineage;
    enum hp_status status = hp_record_fill(L, record, source);
    lua_pop(L, 1);
    return status;
}

static void set_side(lua_State *L, const struct hp_history *h, int place, int side)
{
    push_table(L, h, HISTORY_SIDES);
    if (side != 0)
        lua_pushvalue(L, side);
    else
        lua_pushboolean(L, 0);
    lua_rawseti(L, -2, place); /* an existing key of the array */
    lua_pop(L, 1);
}

void hp_history_enter(struct hp_history *h, lua_State *L, struct hp_record *record, int side)
{
    record->slot = free_place(h);
    set_side(L, h, record->slot, side);
    record->patch = ++h->last_patch;
    record->next = h->newest;
    h->newest = record;
    h->generation++;
}

void hp_history_leave(struct hp_history *h, lua_State *L, struct hp_record *record)
{
    set_side(L, h, record->slot, 0);
    record->slot = 0;
    h->newest = record->next;
    record->next = NULL;
    h->last_patch--;
    h->generation--;
}

struct hp_record *hp_history_retire(struct hp_history *h)
{
    struct hp_record *record = hp_history_newest_in_force(h);
    if (record != NULL) {
        record->reverted = true;
        h->generation++;
    }
    return record;
}

void hp_history_reinstate(struct hp_history *h, struct hp_record *record)
{
    if (record != NULL) {
        record->reverted = false;
        h->generation--;
    }
}

static void drop_side(struct hp_history *h, lua_State *L, struct hp_record *record)
{
    set_side(L, h, record->slot, 0);
    record->slot = 0;
    for (size_t i = 0; i < record->modules.count; i++) {
        hp_sources_drop(record->modules.items[i].previous);
        record->modules.items[i].previous = NULL;
    }
    hp_record_shrink(record);
}

/* The texts that stood there before the patch. Last first: a request may name a module twice. */
static void restore_texts(struct hp_record *record, struct hp_sources *sources)
{
    for (size_t i = record->modules.count; i-- > 0;) {
        struct hp_record_module *module = &record->modules.items[i];
        if (module->pushed) {
            hp_sources_restore(sources, module->name, module->previous);
            module->previous = NULL;
        }
    }
}

void hp_history_settle(struct hp_history *h, lua_State *L, struct hp_sources *sources)
{
    int revertible = 0, logged = 0;
    for (struct hp_record **link = &h->newest; *link != NULL;) {
        struct hp_record *record = *link;
        if (record->slot != 0 && record->reverted) {
            restore_texts(record, sources);
            drop_side(h, L, record);
        } else if (record->slot != 0 && ++revertible > HP_HISTORY_REVERTIBLE) {
            drop_side(h, L, record);
        }
        if (++logged > HP_HISTORY_LOGGED && record->slot == 0) {
            *link = record->next;
            h->forgotten += record->reverted ? 0 : 1;
            hp_record_free(record);
        } else {
            link = &record->next;
        }
    }
}

void hp_history_push_side(const struct hp_history *h, lua_State *L, const struct hp_record *record)
{
    push_table(L, h, HISTORY_SIDES);
    lua_rawgeti(L, -1, record->slot);
    lua_remove(L, -2);
}

void hp_history_push_lineage(const struct hp_history *h, lua_State *L)
{
    push_table(L, h, HISTORY_LINEAGE);
}

void hp_history_push(const struct hp_history *h, lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, h->key);
}
