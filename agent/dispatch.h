/* hotpatch: one request from the mailbox to the engine, slice by slice, and its report back. Lua thread; none
 * of these raises. [-0, +0, -]
 *
 * One request of a desk is under way at a time (`desk->job`). The caller has made sure that this is a safe
 * point.
 */
#ifndef HP_DISPATCH_H
#define HP_DISPATCH_H

#include <lua.h>

#include "agent/desk.h"
#include "agent/engine/engine.h"

enum hp_slice {
    HP_SLICE_NONE, /* nothing is under way and nothing waits */
    HP_SLICE_MORE, /* one was done, and the request goes on */
    HP_SLICE_OVER, /* it goes on, but in another stop */
    HP_SLICE_AWAY, /* it goes on without the Lua thread for the moment */
    HP_SLICE_LAST, /* a request was answered */
};

/* A slice of the request that is under way, or of the oldest that waits. One that was cancelled is given up,
 * unless it has committed. `used_us`: how long this poll has stopped the server already, with whatever. */
enum hp_slice hp_dispatch_slice(lua_State *L, struct hp_engine *engine, struct hp_desk *desk,
                                int64_t used_us);

/* Brings what is under way to its end, in this one stop. At a dead desk: forgets it. */
void hp_dispatch_finish(lua_State *L, struct hp_engine *engine, struct hp_desk *desk);

/* Gives up what is under way: nothing has changed then, and `status` and `text` (static) are the answer. If
 * it has committed, its report is the answer. At a dead desk nobody is answered. */
void hp_dispatch_abandon(lua_State *L, struct hp_engine *engine, struct hp_desk *desk, enum hp_status status,
                         const char *text);

/* Looks at the guard of the patch on trial, if one is on; it goes off when that is confirmed, reverted, or to
 * be reverted, be it for what the guard has seen. `desk` is NULL or dead where there is nobody to tell: off.
 */
void hp_dispatch_guard(lua_State *L, struct hp_engine *engine, struct hp_desk *desk);

/* Whatever it has seen, it is off. */
void hp_dispatch_end_guard(lua_State *L, struct hp_engine *engine, struct hp_desk *desk);

/* Runs a request of the program itself, in one stop; `desk` may be NULL and has nothing under way. The caller
 * owns both structs. */
void hp_dispatch_local(lua_State *L, struct hp_engine *engine, struct hp_desk *desk,
                       const struct hp_request *request, struct hp_report *report);

/* Brings the desk's snapshot up to date. */
void hp_dispatch_publish(lua_State *L, struct hp_engine *engine, struct hp_desk *desk);

#endif
