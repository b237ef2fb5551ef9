/* hotpatch engine: the inside of an execution, for prepare.c, commit.c and finish.c alone; from outside, see
 * prepare.h.
 *
 * The C side is the userdata itself. The Lua side, the *store*, is a table in the registry under the
 * userdata's address, so that it is reached from every frame, also after an error has unwound the one that
 * made it. It goes when the execution is finished or collected.
 */
#ifndef HP_EXECUTION_H
#define HP_EXECUTION_H

#include "agent/engine/build.h"
#include "agent/engine/capture.h"
#include "agent/engine/journal.h"
#include "agent/engine/prepare.h"
#include "agent/engine/record.h"
#include "agent/engine/replay.h"
#include "agent/engine/scratch.h"

enum hp_execution_phase {
    HP_PHASE_NEW,
    HP_PHASE_PREPARED,
    HP_PHASE_COMMITTED,
    HP_PHASE_OVER /* finished, rolled back or undone */
};

enum hp_store_place { HP_STORE_ANCHOR = 1, HP_STORE_VALUES, HP_STORE_JOURNAL, HP_STORE_BANK, HP_STORE_SIDE };

struct hp_execution {
    const struct hp_plan *plan;
    struct hp_history *history;
    struct hp_sources *sources;
    struct hp_execution_options options;
    struct hp_report *report;
    enum hp_execution_phase phase;
    bool reserved;
    size_t plan_modules;  /* the plan itself may be gone when the execution is collected */
    const char *conflict; /* where a precondition did not hold */

    struct hp_arena arena;
    struct hp_scratch scratch;
    struct hp_build build;
    struct hp_bank bank;
    struct hp_journal journal;
    struct hp_capture capture;
    struct hp_pushed_text **texts; /* one of each module, NULL: none; ours until the commit */
    struct hp_record *record;      /* of a patch: ours until the commit, and again after a roll back */
    struct hp_record *retired;     /* of a revert: the history's */
};

/* Pushes what is at a place of the store. [-0, +1, -] */
void hp_execution_push(lua_State *L, const struct hp_execution *x, enum hp_store_place place);

/* Lets go of the store. Harmless when there is none. [-0, +0, -] */
void hp_execution_release(lua_State *L, const struct hp_execution *x);

#endif
