/* hotpatch engine: patching of one Lua state family. No I/O, no nng, no msgpack: requests and reports are
 * plain structs.
 *
 * All calls are made on the Lua thread. Between the steps of a request a thread of the engine's own may be at
 * work, which reads the live state only during a step (turn.h). None raises a Lua error, none leaves anything
 * on the stack, none needs more than LUA_MINSTACK slots: each takes one protected entry on a coroutine of its
 * own, with the hooks cleared and the collector stopped (and restored only if it was running).
 */
#ifndef HP_ENGINE_H
#define HP_ENGINE_H

#include <lua.h>

#include "agent/engine/tally.h"
#include "proto/report.h"
#include "proto/request.h"

struct hp_engine;

struct hp_engine_options {
    /* module patterns (Lua patterns, whole name), NULL-terminated; NULL: everything */
    const char *const *allow;
    const char *const *deny; /* likewise; deny wins; NULL: nothing besides what is always denied */
    double max_pause_ms;     /* of one slice; 0: 1 ms */
    size_t source_cap;       /* bytes of recorded source texts; 0: 16 MB */
};

/* Opens the engine on L's state: copies the options, makes its registry entries, wraps the Lua searcher of
 * `require` so that texts are recorded, and tries the dump format on a known function. [-0, +0, -] NULL with
 * *error a static sentence when memory is short; nothing has changed in the state then. */
struct hp_engine *hp_engine_open(lua_State *L, const struct hp_engine_options *options, const char **error);

/* Gives back everything: searcher unwrapped if it is still ours, registry entries cleared, history gone. Safe
 * from a finalizer (lua_close). [-0, +0, -] */
void hp_engine_close(struct hp_engine *engine, lua_State *L);

/* Takes other options from now on; texts, history and everything else stay. False: no memory, the old ones
 * stay. Touches no Lua state. */
bool hp_engine_configure(struct hp_engine *engine, const struct hp_engine_options *options);

/* ---- A request in slices ----
 *
 * begin takes a request; each step does one slice of it, of about `max_pause` (the request's, else the
 * engine's); between steps the server runs. One request at a time: while one is under way, begin and
 * hp_engine_run refuse with HP_BUSY. The request, `who` and the report stay the caller's and must stay where
 * they are until step has said that it is done, or abandon was called.
 */
void hp_engine_begin(struct hp_engine *engine, lua_State *L, const struct hp_request *request,
                     const char *who, struct hp_report *report); /* [-0, +0, -] */
/* True: done, the report is filled. L may be another coroutine of the family each time: its stack is
 * searched, too. `used_us`: how long the server has been stopped already; the slice is the shorter. [-0, +0,
 * -] */
bool hp_engine_step(struct hp_engine *engine, lua_State *L, int64_t used_us);
/* After a step: the next one is the commit, which would make this stop too long; so in a stop of its own. */
bool hp_engine_wants_stop(const struct hp_engine *engine);
/* The next step brings the request to its end. */
void hp_engine_hurry(struct hp_engine *engine);
/* After a step: it found nothing to do, for the planner is at work beside the server (turn.h), and still is.
 */
bool hp_engine_is_away(const struct hp_engine *engine);
/* Whom to call when it is no longer away: on the planner's thread, and the engine must not be called from
 * there. NULL: nobody. Set while no request is under way. */
void hp_engine_on_call(struct hp_engine *engine, void (*call)(void *ud), void *ud);
/* Forgets the request that is under way, if any: nothing has changed then. After the commit it is too late,
 * and the rest is done first; the report tells. [-0, +0, -] */
void hp_engine_abandon(struct hp_engine *engine, lua_State *L);

struct hp_engine_progress {
    bool under_way;
    const char *phase; /* static: "stage", "search", "plan", "commit", "sweep" */
    int64_t objects;   /* looked at so far */
    int64_t slices;
    int64_t longest_us; /* longest stop of the Lua thread so far */
};
void hp_engine_progress(const struct hp_engine *engine, struct hp_engine_progress *out); /* Lua thread */

/* Runs one request of kind diff, push, revert, inspect or eval to its end, in one stop, on L or any coroutine
 * of its family, and fills the report: status, modules, warnings, cost, error. `who` (may be NULL) goes into
 * the log: "uid 1000, pid 4121". Ids, deadlines and agent fields are the caller's. [-0, +0, -] */
void hp_engine_run(struct hp_engine *engine, lua_State *L, const struct hp_request *request, const char *who,
                   struct hp_report *report);

/* Fills `report->patches`, newest first, and `report->generation`. Touches no Lua state. The I/O side never
 * calls this: the Lua side takes a snapshot after each run. */
void hp_engine_log(const struct hp_engine *engine, struct hp_report *report);

/* Old functions that are still held: report->stragglers and `held`. `tell` is called when there may be news,
 * of them or of the guard, from within a finalizer or a hook, and must not use the Lua state; NULL: nobody.
 * Lua thread. [-0, +0, -] */
void hp_engine_stragglers(struct hp_engine *engine, lua_State *L, struct hp_report *report);
void hp_engine_on_news(struct hp_engine *engine, void (*tell)(void *ud), void *ud);

/* ---- The guard of a patch (push with `guard`) ----
 *
 * On from the commit of such a patch until it is stopped; there is one at most, the newest patch's. */
struct hp_engine_guard {
    int64_t calls, errors; /* of the patched functions; those that ended by an error */
    bool tripped;          /* its rule was broken, by all together … */
    const char *function;  /* … or by the calls of this one; NULL */
    int64_t function_calls, function_errors;
    const char *text; /* of the last error; "" */
};
/* Looks what has become of the calls that are under way. False: there is no guard. L is the coroutine that
 * runs. Strings are good until the next call. [-0, +0, -] */
bool hp_engine_guard_look(struct hp_engine *engine, lua_State *L, struct hp_engine_guard *out);
/* NULL: there is no guard. */
const struct hp_tally *hp_engine_guard_tally(const struct hp_engine *engine);
void hp_engine_guard_stop(struct hp_engine *engine, lua_State *L); /* the hook is off. [-0, +0, -] */

int64_t hp_engine_generation(const struct hp_engine *engine);
int64_t hp_engine_patches(const struct hp_engine *engine); /* applied and not reverted */

/* True while a call of the engine is active in this state (not between steps): `poll` then returns 0 at once.
 */
bool hp_engine_busy(const struct hp_engine *engine);

#endif
