/* hotpatch engine: the workshop, what can be made before the server is stopped for the commit.
 *
 * Loading code is the dear part of a patch: for each new prototype a function that makes its closures, for
 * each old closure its successor. Neither touches anything that the server holds, so both are made in slices
 * beforehand, and prepare finds them ready. What was not made beforehand is made when it is asked for: the
 * workshop saves time and decides nothing.
 *
 * Its Lua side is a table in the registry under an address that the owner chooses; it keeps old closures
 * alive, so it must not outlive the request. Lua thread only.
 */
#ifndef HP_WORKSHOP_H
#define HP_WORKSHOP_H

#include <lua.h>

#include "agent/engine/scratch.h"

void hp_workshop_open(lua_State *L, const void *key);  /* [-0, +0, m] */
void hp_workshop_close(lua_State *L, const void *key); /* harmless when there is none. [-0, +0, -] */

/* Pushes the function that makes closures of that prototype; `key` may be NULL: there is no workshop. HP_OK,
 * else nothing is pushed: HP_NO_MEMORY, HP_UNSUPPORTED. [-0, +(1|0), m] */
enum hp_status hp_workshop_push_maker(lua_State *L, const void *key, const struct hp_prototype_tree *tree,
                                      uint32_t id, struct hp_scratch *scratch);

/* Pushes the table of successors, for hp_successor_push: the workshop's, or a new one. [-0, +1, m] */
void hp_workshop_push_successors(lua_State *L, const void *key);

#endif
