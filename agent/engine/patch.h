/* hotpatch engine: a patch, from request to report: the phases of the design's section 3, in order, in
 * slices. */
#ifndef HP_PATCH_H
#define HP_PATCH_H

#include <lua.h>

#include "agent/engine/history.h"
#include "agent/engine/sources.h"
#include "agent/engine/target.h"
#include "agent/engine/turn.h"
#include "proto/report.h"
#include "proto/request.h"

/* What a patch works with; the engine's, borrowed. */
struct hp_patch_context {
    struct hp_policy policy;
    struct hp_sources *sources;
    struct hp_history *history;
    double max_pause_ms;      /* of one slice */
    struct hp_turn_bell bell; /* for planners */
};

struct hp_patch;

/* NULL: no memory. With `one_stop` there is no pause between slices, and the first step does everything. The
 * pointers stay the caller's and outlive the patch. */
struct hp_patch *hp_patch_new(const struct hp_patch_context *context, const struct hp_request *request,
                              const char *who, struct hp_report *report, bool one_stop);

/* Ends the planning that goes on beside the server, if any: before the patch is forgotten and freed. The live
 * state is open, its collector stopped. False: this is a forked child in the middle of it; the patch must be
 * leaked. [-0, +0, -] */
bool hp_patch_stop(struct hp_patch *patch);

/* NULL is fine; stopped before. Touches no Lua state: what the patch keeps in the registry goes with
 * hp_patch_forget. */
void hp_patch_free(struct hp_patch *patch);
/* Would that take long enough to be done on another thread? */
bool hp_patch_is_large(const struct hp_patch *patch);
void hp_patch_forget(lua_State *L, struct hp_patch *patch); /* [-0, +0, -] */

/* The watch of a patch with a guard, which goes over to the caller: it is on since the commit. NULL: the
 * patch has none, or was not committed. */
struct hp_watch;
struct hp_watch *hp_patch_take_watch(struct hp_patch *patch);

/* One slice of a diff, push or revert, on a stack of its own; `poller` is the coroutine whose safe point this
 * is, and the server has been stopped for `used_us` already. True: done, the report is filled. Raises only
 * for Lua's memory: nothing has changed then if hp_patch_committed is false; and if it is true, the patch is
 * applied, and only the sweep is given up. [-0, +0, m] */
bool hp_patch_step(lua_State *L, struct hp_patch *patch, lua_State *poller, int64_t used_us);
bool hp_patch_committed(const struct hp_patch *patch);
/* The commit is one stop: a new one, where it would not fit into what is left of the last step's. */
bool hp_patch_wants_stop(const struct hp_patch *patch);
/* From now on each step goes on to the end. */
void hp_patch_hurry(struct hp_patch *patch);
/* Did the last step find nothing to do, because the planner is at work without the live state; and is it
 * still? If so, the context's bell is rung afterwards. */
bool hp_patch_is_away(const struct hp_patch *patch);

/* Of a committed patch: the status of success, and a note of why the sweeps did not come to their end. */
void hp_patch_give_up_sweeps(struct hp_patch *patch, const char *why);

/* Fills in what the report says at the end, however it came: costs, generation. Touches no Lua state. */
void hp_patch_settle(struct hp_patch *patch);

/* For progress: static phase name, objects looked at, slices so far, the longest of them. */
const char *hp_patch_phase(const struct hp_patch *patch);
int64_t hp_patch_objects(const struct hp_patch *patch);
int64_t hp_patch_slices(const struct hp_patch *patch);
int64_t hp_patch_longest_us(const struct hp_patch *patch);

#endif
