/* hotpatch: the moments at which the agent may touch the state, and how much it does in one. Lua thread; none
 * of these raises. [-0, +0, -] */
#ifndef HP_SAFEPOINT_H
#define HP_SAFEPOINT_H

#include <lua.h>

#include "agent/desk.h"
#include "agent/engine/engine.h"

/* False in a finalizer, inside a request, and where L's stack has no room. (`lua_gc` tells finalizers
 * from 5.4.4 on.) */
bool hp_safepoint_here(lua_State *L, const struct hp_engine *engine);

/* One slice of what is under way at the desk, or of what waits there. Further slices and requests follow as
 * long as less than half of the stop is used that is allowed: what is under way may say so itself
 * (`--max-pause`), else it is `pause_ms`. A slice takes about that long, so one slice each poll is the rule.
 * The rest keeps the bell rung: a program that waits on the descriptor comes back at once, after a turn of
 * its own. The number of requests that were answered. */
int hp_safepoint_run(lua_State *L, struct hp_engine *engine, struct hp_desk *desk, double pause_ms);

#endif
