/* hotpatch engine: the workshop, what can be made before the server is stopped for the commit.
 *
 * Loading code is the dear part of a patch: for each new prototype a function that makes its closures, for
 * each old closure its successor. Neither touches anything that the server holds, so both are made in slices
 * beforehand, and so are the plan's closures themselves, not joined to anything yet; prepare finds them
 * ready. What was not made beforehand is made when it is asked for: the workshop saves time and decides
 * nothing.
 *
 * Its Lua side is a table in the registry under an address that the owner chooses; it keeps old closures
 * alive, so it must not outlive the request. Lua thread only.
 */
#ifndef HP_WORKSHOP_H
#define HP_WORKSHOP_H

#include <lua.h>

#include "agent/engine/plan.h"
#include "agent/engine/scratch.h"

void hp_workshop_open(lua_State *L, const void *key);  /* [-0, +0, m] */
void hp_workshop_close(lua_State *L, const void *key); /* harmless when there is none. [-0, +0, -] */

/* Pushes the closure of that function of the plan, joined to nothing yet; `key` may be NULL: there is no
 * workshop. Those of one prototype share one loaded copy of it, in a workshop. HP_OK, else nothing is pushed:
 * HP_NO_MEMORY, HP_UNSUPPORTED. [-0, +(1|0), m] */
enum hp_status hp_workshop_push_closure(lua_State *L, const void *key, const struct hp_plan *plan,
                                        uint32_t function, struct hp_scratch *scratch);

/* There is another plan now, with other functions. [-0, +0, m] */
void hp_workshop_forget_closures(lua_State *L, const void *key);

/* Pushes the function that makes holders of cells (build.h). [-0, +1, m] */
void hp_workshop_push_holder_maker(lua_State *L, const void *key);

/* Pushes the table of successors, for hp_successor_push: the workshop's, or a new one. [-0, +1, m] */
void hp_workshop_push_successors(lua_State *L, const void *key);

#endif
