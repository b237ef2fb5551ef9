/* hotpatch engine: building what a plan brings: tables, functions with their cells, coroutines. All of it is
 * new: nothing that the server holds is written, so a failure leaves garbage for the collector and nothing
 * else. Lua thread only.
 */
#ifndef HP_BUILD_H
#define HP_BUILD_H

#include "agent/engine/scratch.h"
#include "agent/engine/values.h"
#include "proto/report.h"

/* What is known while building; lives in the execution, its memory in the execution's arena. */
struct hp_build {
    bool *filled;        /* of each planned table: its fields are set */
    bool *has_metatable; /* of each planned table: its metatable is set (those a replayed call has seen) */
    bool *replayed;      /* of each planned replay: its value stands in the values table */
    uint32_t *queue;     /* room for one number of each table */
};

/* HP_OK or HP_NO_MEMORY. */
enum hp_status hp_build_init(struct hp_build *b, struct hp_arena *arena, const struct hp_plan *plan);

/* Makes the planned tables, empty, so that cycles need no special care. [-0, +0, m] */
void hp_build_tables(lua_State *L, const struct hp_values *values);

/* Makes the value ready to be handed to server code now, before the functions are built: a planned table is
 * filled, with the tables in it, and gets its metatable. HP_OK; HP_FAILED with the report's error (it needs
 * what is not there yet, or a key is nil). [-0, +0, m] */
enum hp_status hp_build_ready(lua_State *L, const struct hp_values *values, struct hp_build *b,
                              const struct hp_value *value, struct hp_report *report);

/* Builds all functions, joins their upvalues, fills cells, the remaining tables and coroutines. HP_OK;
 * HP_NO_MEMORY; HP_CONFLICT (what is to be joined is no Lua closure with such an upvalue); HP_FAILED with the
 * report's error. [-0, +0, m] */
enum hp_status hp_build_all(lua_State *L, const struct hp_values *values, struct hp_build *b,
                            struct hp_scratch *scratch, struct hp_report *report);

/* Pushes a function that returns, each time it is called without arguments, a new holder: a closure with one
 * upvalue, whose cell is its own. [-0, +1, m] */
void hp_push_holder_maker(lua_State *L);

#endif
