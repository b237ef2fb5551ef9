/* hotpatch engine: phases 8 and 14, who holds the functions of a module: a walk over everything that is
 * reachable from the registry, in slices, while the server runs between them.
 *
 * What is looked for are *members*: live Lua closures whose source is one of the module's chunk names. The
 * search notes each place that holds one; or, as a *sweep* after the commit, puts the successor there at
 * once.
 *
 * The server may change anything between two slices. Tables are walked with `next`, which cannot tell that a
 * table was re-hashed: on going on, the keys after the saved one must still come in their order, else the
 * table is walked again. A single key that moved past the saved one is missed by the pass. Addresses of the
 * dead may come back: what was born during the pass may be missed, which is what further sweeps are for.
 *
 * What is met is walked where it is met, a few objects deep; the rest goes on a work list, which keeps it
 * alive until the pass ends, and nothing longer. A table that is being walked inside of another when the
 * slice ends is listed and walked anew: only the outermost has a place that is saved.
 *
 * Raw access only; no function of the server is called. Lua thread only.
 */
#ifndef HP_LOCATE_H
#define HP_LOCATE_H

#include <lua.h>

#include "agent/engine/anchor.h"
#include "agent/engine/holder.h"
#include "agent/engine/late.h"

struct hp_locate;

struct hp_locate *hp_locate_new(void);    /* NULL: no memory */
void hp_locate_free(struct hp_locate *l); /* NULL is fine; touches no Lua state */

/* Functions of that source are members. The string is copied. False: no memory. */
bool hp_locate_source(struct hp_locate *l, const char *chunk_name);

/* Of those, only the ones that `wanted` says yes to; it is asked once for each function, which is on top of
 * the stack, and may raise for Lua's memory. Until then, or with NULL: all. */
typedef bool (*hp_locate_wanted)(lua_State *L, void *ud);
void hp_locate_only(struct hp_locate *l, hp_locate_wanted wanted, void *ud);

/* Begins a pass, forgetting the last one's holders. With `successors` (stack index of a table old -> new; 0:
 * none) the pass is a sweep. `hidden` is a table whose values are not entered: the agent's own. Pushes the
 * pass's Lua side, a table that the caller keeps (at any stack index, or in the registry) and gives back to
 * each slice. [-0, +1, m] */
void hp_locate_begin(lua_State *L, struct hp_locate *l, int hidden);

struct hp_locate_slice {
    int side; /* stack index of the pass's Lua side */
    int anchor;
    int successors;             /* sweep: old -> new, false: has none; else 0 */
    struct hp_late *latecomers; /* sweep: for members that have no entry there, may be NULL; its side table */
    int latecomers_side;
    void (*meet)(lua_State *L,
                 lua_State *co); /* NULL, or called for each coroutine but our own; raises nothing */
    lua_State *poller;           /* whose stack is looked at as well: the coroutine that called `poll` */
    int64_t deadline_us;         /* CLOCK_MONOTONIC */
};

/* Does some of the work. *done: the pass is over. HP_OK, HP_NO_MEMORY; raises for Lua's memory: the pass is
 * then to be given up. [-0, +0, m] */
enum hp_status hp_locate_step(lua_State *L, struct hp_locate *l, const struct hp_locate_slice *slice,
                              bool *done);

/* Once the pass is over, and once: puts what was found in order, which takes its time for a million holders.
 * False: no memory. Touches no Lua state: any thread. A sweep does without. */
bool hp_locate_finish(struct hp_locate *l);

size_t hp_locate_objects(const struct hp_locate *l);  /* visited in this pass */
size_t hp_locate_bytes(const struct hp_locate *l);    /* C memory of the pass */
size_t hp_locate_replaced(const struct hp_locate *l); /* sweep: places written in this pass */
size_t hp_locate_deep(const struct hp_locate *l);     /* stacks that were too deep to look at whole */

/* The i-th place of a pass that is over, finished or not; NULL: there are no more. Valid until the next
 * begin.
 */
const struct hp_holder *hp_locate_holder(const struct hp_locate *l, size_t i);

/* Of the last pass, finished. Valid until the next begin. */
const struct hp_holder *hp_locate_holders(const struct hp_locate *l, size_t *count);
const struct hp_running *hp_locate_running(const struct hp_locate *l, size_t *count);
const struct hp_loop *hp_locate_loops(const struct hp_locate *l, size_t *count);
/* Handles of all members that were met, in the order of the source. */
const hp_handle *hp_locate_members(const struct hp_locate *l, size_t *count);

#endif
