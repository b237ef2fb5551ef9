/* hotpatch engine: phase 5, the live graph: the live program walked along with base and new, never beyond
 * them.
 *
 * Guided by the keys and upvalue names that the staged graphs have, so that the work is bounded by the
 * sources and not by the heap: a live table of a million players is entered only under the keys that the
 * sources mention. Raw access only; nothing is written; no function of the server is called.
 */
#ifndef HP_COLLECT_H
#define HP_COLLECT_H

#include <lua.h>

#include "agent/engine/anchor.h"
#include "agent/engine/holder.h"
#include "agent/engine/turn.h"

/* On the planner's thread, `turn` says when the live state is ours (turn.h); it is held when this is called
 * and when it returns HP_OK. Fills `live` and the live fields of the roots. `base` may be NULL; so may
 * `found`, whose members are walked as well. HP_OK, HP_NO_MEMORY, HP_TIMEOUT (given up); raises on Lua's own
 * memory errors, with everything owned by `live`. [-0, +0, m] */
enum hp_status hp_collect(lua_State *L, int anchor, const struct hp_graph *base, const struct hp_graph *fresh,
                          struct hp_root *roots, size_t count, const struct hp_found *found,
                          struct hp_turn *turn, struct hp_live *live);

#endif
