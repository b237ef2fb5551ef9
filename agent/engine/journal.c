/* hotpatch engine: the journal; the contract is in journal.h. */
#include "agent/engine/journal.h"

#include <limits.h>

#include "agent/engine/values.h"

#define PARTS 4 /* of enum hp_write_part */

bool hp_journal_init(lua_State *L, struct hp_journal *j, struct hp_arena *arena, size_t count)
{
    *j = (struct hp_journal){0};
    if (count > INT_MAX / PARTS - 1)
        return false;
    j->writes.items = hp_arena_alloc(arena, (count + 1) * sizeof *j->writes.items);
    if (j->writes.items == NULL)
        return false;
    j->writes.cap = count + 1;
    lua_createtable(L, (int)count * PARTS, 0);
    return true;
}

static lua_Integer place(size_t write, enum hp_write_part part)
{
    return (lua_Integer)write * PARTS + (lua_Integer)part + 1;
}

void hp_journal_add(lua_State *L, struct hp_journal *j, int table, enum hp_write_kind kind, int upvalue,
                    uint32_t step)
{
    size_t write = j->writes.count++;
    j->writes.items[write] = (struct hp_write){.kind = kind, .upvalue = upvalue, .step = step};
    for (int part = PARTS - 1; part >= 0; part--)
        lua_rawseti(L, table, place(write, (enum hp_write_part)part)); /* within the array: no memory */
}

void hp_journal_push(lua_State *L, int table, size_t write, enum hp_write_part part)
{
    lua_rawgeti(L, table, place(write, part));
}

/* object[key] = the part `value` of the write. Needs memory only if the key is absent. [-0, +0, m then] */
static void set_field(lua_State *L, int table, size_t write, enum hp_write_part value)
{
    hp_journal_push(L, table, write, HP_WRITE_OBJECT);
    hp_journal_push(L, table, write, HP_WRITE_KEY);
    hp_journal_push(L, table, write, value);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

static void set_nil(lua_State *L, int table, size_t write)
{
    hp_journal_push(L, table, write, HP_WRITE_OBJECT);
    hp_journal_push(L, table, write, HP_WRITE_KEY);
    if (lua_rawget(L, -2) != LUA_TNIL) { /* a key that is not there must not be set, not even to nil */
        lua_pop(L, 1);
        hp_journal_push(L, table, write, HP_WRITE_KEY);
        lua_pushnil(L);
        lua_rawset(L, -3);
        lua_pop(L, 1);
    } else {
        lua_pop(L, 2);
    }
}

static void set_cell(lua_State *L, int table, size_t write, int upvalue, enum hp_write_part value)
{
    hp_journal_push(L, table, write, HP_WRITE_OBJECT);
    hp_journal_push(L, table, write, value);
    if (lua_setupvalue(L, -2, upvalue) == NULL)
        lua_pop(L, 1);
    lua_pop(L, 1);
}

static void set_metatable(lua_State *L, int table, size_t write, enum hp_write_part value)
{
    hp_journal_push(L, table, write, HP_WRITE_OBJECT);
    hp_journal_push(L, table, write, value);
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

void hp_journal_insert(lua_State *L, struct hp_journal *j, int table)
{
    for (size_t i = 0; i < j->writes.count; i++) {
        struct hp_write *write = &j->writes.items[i];
        if (write->kind == HP_WRITE_INSERT) {
            set_field(L, table, i, HP_WRITE_NEW);
            write->done = true;
        }
    }
}

void hp_journal_take_back(lua_State *L, struct hp_journal *j, int table)
{
    for (size_t i = j->writes.count; i-- > 0;) {
        struct hp_write *write = &j->writes.items[i];
        if (write->kind == HP_WRITE_INSERT && write->done) {
            set_nil(L, table, i);
            write->done = false;
        }
    }
}

/* The coroutine has room for one value: prepare saw to it, and nothing ran since. */
static void set_slot(lua_State *L, int table, size_t write, const struct hp_write *w,
                     enum hp_write_part value)
{
    lua_Debug ar;
    hp_journal_push(L, table, write, HP_WRITE_OBJECT);
    lua_State *co = lua_tothread(L, -1);
    lua_pop(L, 1);
    if (w->kind == HP_WRITE_LOCAL && !lua_getstack(co, w->level, &ar))
        return;
    hp_journal_push(L, table, write, value);
    lua_xmove(L, co, 1);
    if (w->kind == HP_WRITE_BODY)
        lua_replace(co, w->upvalue);
    else if (lua_setlocal(co, &ar, w->upvalue) == NULL)
        lua_pop(co, 1);
}

static void set_user_value(lua_State *L, int table, size_t write, int number, enum hp_write_part value)
{
    hp_journal_push(L, table, write, HP_WRITE_OBJECT);
    hp_journal_push(L, table, write, value);
    lua_setiuservalue(L, -2, number);
    lua_pop(L, 1);
}

/* Sets an existing place to the old or the new value; insertions and removals are not its business. */
static void overwrite(lua_State *L, const struct hp_write *write, int table, size_t i,
                      enum hp_write_part value)
{
    switch (write->kind) {
    case HP_WRITE_FIELD:
        set_field(L, table, i, value);
        break;
    case HP_WRITE_CELL:
    case HP_WRITE_UPVALUE:
        set_cell(L, table, i, write->upvalue, value);
        break;
    case HP_WRITE_USER_VALUE:
        set_user_value(L, table, i, write->upvalue, value);
        break;
    case HP_WRITE_LOCAL:
    case HP_WRITE_BODY:
        set_slot(L, table, i, write, value);
        break;
    case HP_WRITE_METATABLE:
        set_metatable(L, table, i, value);
        break;
    case HP_WRITE_INSERT:
    case HP_WRITE_REMOVE:
        break;
    }
}

void hp_journal_overwrite(lua_State *L, struct hp_journal *j, int table)
{
    for (size_t i = 0; i < j->writes.count; i++) {
        struct hp_write *write = &j->writes.items[i];
        if (write->kind != HP_WRITE_INSERT && write->kind != HP_WRITE_REMOVE) {
            overwrite(L, write, table, i, HP_WRITE_NEW);
            write->done = true;
        }
    }
}

/* Does the field of this write still have the value of that part? [-0, +0, -] */
static bool field_is(lua_State *L, int table, size_t write, enum hp_write_part value)
{
    hp_journal_push(L, table, write, HP_WRITE_OBJECT);
    hp_journal_push(L, table, write, HP_WRITE_KEY);
    lua_rawget(L, -2);
    hp_journal_push(L, table, write, value);
    bool same = hp_same_value(L, -1, -2);
    lua_pop(L, 3);
    return same;
}

void hp_journal_remove(lua_State *L, struct hp_journal *j, int table)
{
    for (size_t i = 0; i < j->writes.count; i++) {
        struct hp_write *write = &j->writes.items[i];
        if (write->kind == HP_WRITE_REMOVE && !write->done && field_is(L, table, i, HP_WRITE_OLD)) {
            set_nil(L, table, i);
            write->done = true;
        }
    }
}

/* (table, write number): sets the field to its old value. [-0, +0, m] */
static int set_old_field(lua_State *L)
{
    set_field(L, 1, (size_t)lua_tointeger(L, 2), HP_WRITE_OLD);
    return 0;
}

static bool field_is_absent(lua_State *L, int table, size_t write)
{
    hp_journal_push(L, table, write, HP_WRITE_OBJECT);
    hp_journal_push(L, table, write, HP_WRITE_KEY);
    bool absent = lua_rawget(L, -2) == LUA_TNIL;
    lua_pop(L, 2);
    return absent;
}

/* False: there was no memory to set a key again that server code has removed. */
static bool restore_field(lua_State *L, const struct hp_write *write, int table, size_t i)
{
    if (!field_is_absent(L, table, i)) {
        overwrite(L, write, table, i, HP_WRITE_OLD);
        return true;
    }
    lua_pushcfunction(L, set_old_field);
    lua_pushvalue(L, table);
    lua_pushinteger(L, (lua_Integer)i);
    if (lua_pcall(L, 2, 0, 0) == LUA_OK)
        return true;
    lua_pop(L, 1);
    return false;
}

size_t hp_journal_restore(lua_State *L, struct hp_journal *j, int table)
{
    size_t lost = 0;
    for (size_t i = j->writes.count; i-- > 0;) {
        struct hp_write *write = &j->writes.items[i];
        if (!write->done || write->kind == HP_WRITE_INSERT)
            continue;
        if (write->kind == HP_WRITE_FIELD)
            lost += restore_field(L, write, table, i) ? 0 : 1;
        else
            overwrite(L, write, table, i, HP_WRITE_OLD);
        write->done = false;
    }
    hp_journal_take_back(L, j, table);
    return lost;
}
