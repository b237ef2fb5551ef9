/* hotpatch engine: carrying out a plan, in three parts that keep "nothing or everything" (design, section 3,
 * rows 9 to 14).
 *
 * - hp_prepare may fail, and is undone then, with nothing changed: verify, replay, build, journal, record; if
 *   calls were replayed, verify again; insert new keys.
 * - hp_commit cannot fail and allocates nothing: overwrite.
 * - hp_finish makes bounded calls of server code (effects, __hotfix), whose error rolls back; then removals.
 *
 * All on the Lua thread, inside the engine's protected entry with the collector stopped, one after the other
 * with no return to the server between them. A Lua error (memory) inside hp_prepare may unwind through it:
 * everything it owns hangs on one userdata, so nothing leaks, and `hp_execution_undo` in the caller's error
 * path takes back inserted keys.
 */
#ifndef HP_PREPARE_H
#define HP_PREPARE_H

#include <lua.h>

#include "agent/engine/anchor.h"
#include "agent/engine/history.h"
#include "agent/engine/plan.h"
#include "agent/engine/sources.h"
#include "agent/engine/values.h"
#include "proto/report.h"
#include "proto/request.h"

struct hp_execution;

struct hp_execution_options {
    int64_t replay_instructions; /* bound of each replayed call, effect and hook; 0: 50 million */
    const char *who, *message;   /* for the history */
    bool revert;                 /* this plan undoes the newest patch: its record is retired by the commit */
    const void *workshop;        /* what was made beforehand; NULL: nothing */
    struct hp_record **record;   /* made beforehand; of NULL, or NULL: it is made here. Taken: set to NULL */
    const char *hook;            /* "__hotfix" or "__hotrevert", for messages */
};

/* Pushes a userdata that owns the execution (its __gc frees; undo is NOT done by __gc). The other functions
 * find the anchor and the values by themselves, from any frame, as long as the userdata lives: keep it in a
 * stack slot of a frame that an error of hp_prepare does not unwind, or look at `x` no more after such an
 * error. `plan`, `history`, `sources`, `report` and the strings of `options` outlive it (the plan only until
 * finish or undo). [-0, +1, m] */
struct hp_execution *hp_execution_push_new(lua_State *L, int anchor, const struct hp_plan *plan,
                                           struct hp_history *history, struct hp_sources *sources,
                                           const struct hp_execution_options *options,
                                           struct hp_report *report);

/* Beforehand, and not needed: makes room for what hp_prepare fills, and looks whether the preconditions hold
 * so far. Code of the server may run between this and hp_prepare. HP_OK, HP_CONFLICT, HP_NO_MEMORY. [-0, +0,
 * m] */
enum hp_status hp_execution_reserve(lua_State *L, struct hp_execution *x);

/* HP_OK: ready to commit. HP_CONFLICT: a precondition does not hold, nothing changed, plan again (results of
 * replays that were made are kept by hp_execution_keep_replays for the next try). HP_FAILED: a replayed call
 * raised or ran out of its bound: nothing of ours changed; the report lists the calls made and the error.
 * HP_NO_MEMORY. [-0, +0, m] On any failure the inserted keys have been taken back, unless it raised: then
 * call hp_execution_undo. */
enum hp_status hp_prepare(lua_State *L, struct hp_execution *x);

/* Takes back what hp_prepare inserted. Cannot raise, allocates nothing; harmless when there is nothing to
 * take back, and after the commit. [-0, +0, -] */
void hp_execution_undo(lua_State *L, struct hp_execution *x);

/* Lets go of the live objects that it holds, without waiting for its finalizer: of one that will not be
 * committed. A search would find them there. Harmless twice. [-0, +0, -] */
void hp_execution_forget(lua_State *L, struct hp_execution *x);

/* After HP_CONFLICT: the place whose precondition did not hold, for people; static or the plan's. */
const char *hp_execution_conflict(const struct hp_execution *x);

/* Carries the values of calls already made over to the execution of the next plan: they are matched by
 * `call`, `args`, line and module, in order. No call is made twice in one request. [-0, +0, m] */
void hp_execution_keep_replays(lua_State *L, struct hp_execution *from, struct hp_execution *to);

/* Once prepared: pushes two tables for hp_value_push, which then gives the plan's values as they stand in the
 * live state. [-0, +2, -] */
void hp_execution_push_values(lua_State *L, const struct hp_execution *x, struct hp_values *out);

/* Only after hp_prepare was HP_OK, with no other code run in between. Needs 12 free stack slots.
 * Overwrites. Only calls that neither raise nor allocate. Moves the generation, enters the patch in the
 * history (or retires it, for a revert), swaps in the pushed texts. [-0, +0, -] */
void hp_commit(lua_State *L, struct hp_execution *x);

/* After the commit: effects (if planned), then the modules' hooks with (module, info), each protected and
 * bounded, prints captured into report->output (of hooks that the plan made, whose _ENV is the globals;
 * effects that are `print` itself). HP_OK; HP_ROLLED_BACK: one raised: everything hotpatch changed is
 * restored, the patch is out of the history, report->error tells. Then removals. [-0, +0, -] */
enum hp_status hp_finish(lua_State *L, struct hp_execution *x);

#endif
