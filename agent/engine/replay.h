/* hotpatch engine: replay, the performing of calls that first values ask for (design, section 3, row 10).
 *
 * Server code runs here, before anything of the server was changed: protected and bounded, one call after the
 * other. What was called is kept in the *bank*, which goes from one execution to the next of the same
 * request, so that no call is made twice. Lua thread only.
 */
#ifndef HP_REPLAY_H
#define HP_REPLAY_H

#include "agent/engine/build.h"
#include "agent/engine/values.h"

/* A call that was made; its result and its operands stand in the bank's Lua table. */
struct hp_made_call {
    enum hp_operation operation;
    const char *call, *args, *module;
    int line;
    bool taken; /* by a replay of the present plan */
};

struct hp_bank {
    struct hp_arena arena;
    HP_LIST(struct hp_made_call) calls;
};

void hp_bank_init(struct hp_bank *bank);
void hp_bank_fini(struct hp_bank *bank);

/* Copies all calls and results of one bank behind those of another, free to be taken; `from_table` and
 * `to_table` are the stack indices of their Lua tables. HP_OK, HP_NO_MEMORY. [-0, +0, m] */
enum hp_status hp_bank_carry(lua_State *L, const struct hp_bank *from, int from_table, struct hp_bank *to,
                             int to_table);

/* Performs the plan's replays in order, or takes them from the bank, and puts their values into the values
 * table. Lists those performed in report->replayed. HP_OK, HP_FAILED (the report has the error),
 * HP_NO_MEMORY. [-0, +0, m] */
enum hp_status hp_replay_all(lua_State *L, const struct hp_values *values, struct hp_build *b,
                             struct hp_bank *bank, int bank_table, int64_t instructions,
                             struct hp_report *report);

#endif
