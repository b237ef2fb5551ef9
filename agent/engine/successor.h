/* hotpatch engine: successors. A successor of a Lua closure is another closure of the same code, joined to
 * the same cells: it does what the old one did, on today's state, without keeping the old one alive. Made by
 * dumping the prototype and loading it again. Lua thread only.
 */
#ifndef HP_SUCCESSOR_H
#define HP_SUCCESSOR_H

#include "agent/engine/scratch.h"
#include "proto/status.h"

/* Pushes the successor of the Lua closure at `idx`. `memo` is the stack index of a table that is empty at
 * first and thrown away at the end: it gives one closure one successor, and closures of equal code one copy
 * of it. HP_OK; else nothing is pushed: HP_NO_MEMORY; HP_UNSUPPORTED: the code could not be loaded again.
 * [-0, +1, m] */
enum hp_status hp_successor_push(lua_State *L, int memo, int idx, struct hp_scratch *scratch);

#endif
