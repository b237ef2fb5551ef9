/* hotpatch engine: closures of old code that the search did not meet: they were made while it went on, or
 * moved behind its back, or (when a patch is reverted) made by the patch's own factories. The sweep meets
 * them; this gives them their successors.
 *
 * A closure that was met shows the way: where a *model* of the same code has a successor, the late one gets a
 * closure of the successor's code. An upvalue that the model's successor shares with the model is joined to
 * the late closure's own cell of that place; any other to the cell that the model's successor has. What has
 * no model stays as it is.
 *
 * Lua thread only. All late closures of one model share one prototype.
 */
#ifndef HP_LATE_H
#define HP_LATE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct hp_late;

struct hp_late *hp_late_new(void);    /* NULL: no memory */
void hp_late_free(struct hp_late *l); /* NULL is fine; touches no Lua state */

/* Looks at the next functions of the table `successors` (stack index of the commit's, old -> new); true once
 * it has seen them all. Has to come to its end before the first hp_late_push. `side` is a table that the
 * caller keeps as long as `l`; a function that is a key of it is neither
 * model nor late. [-0, +0, m] */
bool hp_late_learn(lua_State *L, struct hp_late *l, int successors, int side);

/* Pushes the successor of the Lua function on top, which has none in `successors`, and enters it there.
 * False, and nothing is pushed: it is not of old code, or no model is known, or C memory is short;
 * `successors` then has false for it.
 * [-0, +(0|1), m] */
bool hp_late_push(lua_State *L, struct hp_late *l, int successors, int side);

size_t hp_late_made(const struct hp_late *l);

#endif
