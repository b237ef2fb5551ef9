/* hotpatch engine: the journal, every write of a patch with the value that stood there before.
 *
 * Made by `prepare`, which may fail; from then on writing (`insert` excepted) and undoing take their values
 * from the journal's Lua table, so they allocate nothing and cannot raise: overwriting an existing key,
 * setting an upvalue and setting a metatable need no memory in Lua 5.4 once the values are on the stack, and
 * lua_rawgeti puts them there.
 *
 * The C side is in the arena that hp_journal_init was given; the Lua side is one table, whose absolute stack
 * index every function takes as `table`. Each needs 5 free stack slots. Lua thread only.
 */
#ifndef HP_JOURNAL_H
#define HP_JOURNAL_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/arena.h"

enum hp_write_kind {
    HP_WRITE_FIELD,     /* a key that is there gets a new value */
    HP_WRITE_INSERT,    /* a key that is absent gets its first value: at the end of prepare, for this may need
                           memory */
    HP_WRITE_REMOVE,    /* a key goes: after everything that may fail, for a key set to nil does not stay
                           reserved */
    HP_WRITE_CELL,      /* object: a closure; its upvalue number `upvalue`, 1-based */
    HP_WRITE_METATABLE, /* object: a table or userdata */
    HP_WRITE_UPVALUE,   /* object: a C closure; its upvalue number `upvalue` */
    HP_WRITE_USER_VALUE, /* object: a userdata; its user value number `upvalue` */
    HP_WRITE_LOCAL,      /* object: a coroutine; local number `upvalue` of its frame `level` */
    HP_WRITE_BODY        /* object: a coroutine that has not started; its stack slot `upvalue` */
};

struct hp_write {
    enum hp_write_kind kind;
    int upvalue;   /* CELL and what follows METATABLE */
    int level;     /* LOCAL */
    uint32_t step; /* in plan->steps, UINT32_MAX for a metatable of a new table */
    bool done;
};

struct hp_journal {
    HP_LIST(struct hp_write) writes;
};

/* What the Lua table has of each write. */
enum hp_write_part { HP_WRITE_OBJECT, HP_WRITE_KEY, HP_WRITE_NEW, HP_WRITE_OLD };

/* Makes room for `count` writes and pushes the table. False (nothing pushed): no memory, or too many. [-0, +1
 * or 0, m] */
bool hp_journal_init(lua_State *L, struct hp_journal *j, struct hp_arena *arena, size_t count);

/* Adds a write (room was made by init); pops old, new, key, object, in this order: object was pushed first.
 * [-4, +0, -] */
void hp_journal_add(lua_State *L, struct hp_journal *j, int table, enum hp_write_kind kind, int upvalue,
                    uint32_t step);

/* Pushes one part of a write. [-0, +1, -] */
void hp_journal_push(lua_State *L, int table, size_t write, enum hp_write_part part);

/* Inserts the absent keys. When it raises, those inserted so far are marked, for hp_journal_take_back. [-0,
 * +0, m] */
void hp_journal_insert(lua_State *L, struct hp_journal *j, int table);
void hp_journal_take_back(lua_State *L, struct hp_journal *j, int table); /* [-0, +0, -] */

/* All but insertions and removals. [-0, +0, -] */
void hp_journal_overwrite(lua_State *L, struct hp_journal *j, int table);

/* Removes the keys that are to go and still have the value they had in prepare. [-0, +0, -] */
void hp_journal_remove(lua_State *L, struct hp_journal *j, int table);

/* Puts back everything that was written, last first. Server code may have run meanwhile and removed a key
 * that is to get its old value back: setting it again needs memory, so it is done protected; the result is
 * the number of places that could not be restored for want of it, normally 0. [-0, +0, -] */
size_t hp_journal_restore(lua_State *L, struct hp_journal *j, int table);

#endif
