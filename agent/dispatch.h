/* hotpatch: one request from the mailbox to the engine and its report back. Lua thread; none of these raises.
 * [-0, +0, -] */
#ifndef HP_DISPATCH_H
#define HP_DISPATCH_H

#include <lua.h>

#include "agent/desk.h"
#include "agent/engine/engine.h"

/* Runs the oldest request that waits at the desk. False: none did. The caller has made sure that this is a
 * safe point. */
bool hp_dispatch_next(lua_State *L, struct hp_engine *engine, struct hp_desk *desk);

/* Runs a request of the program itself; `desk` may be NULL. The caller owns both structs. */
void hp_dispatch_local(lua_State *L, struct hp_engine *engine, struct hp_desk *desk,
                       const struct hp_request *request, struct hp_report *report);

/* Brings the desk's snapshot up to date. */
void hp_dispatch_publish(const struct hp_engine *engine, struct hp_desk *desk);

#endif
