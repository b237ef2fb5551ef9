/* hotpatch engine: whose turn it is. Planning a large patch takes far longer than one stop of the server may:
 * loading the sources inert, comparing functions, ordering steps. So that work runs on a thread of its own,
 * the *planner*, and nearly all of it while the server runs.
 *
 * The live state is lent, never shared. At most one thread has it: the Lua thread, which lends it in a slice
 * until a deadline; or the planner, which holds it from when it first needs it until the deadline has passed
 * and it comes by a place where it may be without. Whoever needs what it has not waits. The planner therefore
 *
 *     hp_turn_hold    before it reads the live state, and wherever it may lose it in between;
 *     hp_turn_yield   in work that is without the live state: gives it back if the time is over;
 *     hp_turn_leave   before work of that kind that takes long.
 *
 * What it read may have changed whenever it held the state anew: objects stay where they are because they are
 * anchored, strings do not; and what was planned from them is verified before the commit.
 *
 * The planner runs no code of the server, and no code that the server's could see: no finalizer (the
 * collector is stopped while the state is lent), no call, no metamethod. All signals are blocked in it.
 *
 * With a NULL turn, hold, yield and leave do nothing: then everything is one stop. The engine's only use of
 * threads.
 */
#ifndef HP_TURN_H
#define HP_TURN_H

#include <stdbool.h>
#include <stdint.h>

struct hp_turn;

/* ---- The Lua thread's side ---- */

/* Starts a planner that does `work`, whose first act must be to hold; or work that never holds, and is not
 * lent to. *turn is set before the work begins. False: no thread can be had; *turn is NULL. */
typedef void hp_turn_work(void *ud);
/* Rung by the planner, on its thread, when it wants the live state or is done, and nobody lends: a server
 * need not ask over and over meanwhile. Copied; `ring` may be NULL. It must not call into the turn. */
struct hp_turn_bell {
    void (*ring)(void *ud);
    void *ud;
};
bool hp_turn_start(struct hp_turn **turn, hp_turn_work *work, void *ud, const struct hp_turn_bell *bell);

enum hp_turn_state {
    HP_TURN_DONE, /* the work has returned */
    HP_TURN_USED, /* the slice is over */
    HP_TURN_AWAY, /* the planner works without the live state: there was nothing to wait for */
};
/* Lends the live state until `deadline_us` (CLOCK_MONOTONIC; INT64_MAX: until the work is done), and has it
 * again when this returns. While the planner can do without it, it might want it again in a moment, and a
 * server that polls seldom is served well by waiting; but no longer than until `patience_us`. */
enum hp_turn_state hp_turn_lend(struct hp_turn *turn, int64_t deadline_us, int64_t patience_us);

/* Does the planner work without the live state, now? If so the bell is rung afterwards. */
bool hp_turn_is_away(struct hp_turn *turn);

/* Has the work returned, or, in a forked child, vanished? hp_turn_stop does not wait then. */
bool hp_turn_is_done(struct hp_turn *turn);

/* Ends the planner: it is told to give up, and waited for. False: this is a forked child, where the planner
 * has vanished in the middle of its work; whatever it used must be left alone for good. NULL is fine. */
bool hp_turn_stop(struct hp_turn *turn);

/* ---- The planner's side ---- */

/* Has the live state when this returns. False: the request was given up; only what cleans up may follow. */
bool hp_turn_hold(struct hp_turn *turn);
/* False: given up. */
bool hp_turn_yield(struct hp_turn *turn);
void hp_turn_leave(struct hp_turn *turn);

/* How long the planner has waited for the live state so far. */
int64_t hp_turn_waited_us(const struct hp_turn *turn);

#endif
