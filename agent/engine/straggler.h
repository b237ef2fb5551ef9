/* hotpatch engine: stragglers, old functions that somebody still holds after a commit: a frame that runs one,
 * a place that the search does not reach. They are counted among the functions of which the history knows
 * that another took their place; it keeps none of them alive.
 *
 * Whether nobody holds one is known only when the collector has gone round. So after a commit an object of
 * ours is left to the collector, whose finalizer tells that a cycle has ended, and leaves itself to the next
 * one as long as there is something to wait for. The first cycle may have been under way at the commit; after
 * the second the number is told. It is an upper bound, and none is none: in generational mode what is old may
 * stay until the next major cycle.
 *
 * Lua thread only.
 */
#ifndef HP_STRAGGLER_H
#define HP_STRAGGLER_H

#include <lua.h>

#include "agent/engine/history.h"
#include "proto/report.h"

struct hp_stragglers; /* a userdata in the registry */

struct hp_stragglers *hp_stragglers_open(lua_State *L); /* [-0, +0, m] */
/* From here on no finalizer of ours does anything. NULL is fine. [-0, +0, -] */
void hp_stragglers_close(lua_State *L, struct hp_stragglers *s);

/* `tell` is called when there may be news, from within a finalizer: it must not use the Lua state. NULL:
 * nobody. */
typedef void hp_stragglers_tell(void *ud);
void hp_stragglers_on_news(struct hp_stragglers *s, hp_stragglers_tell *tell, void *ud);

/* After a commit: what is held is unknown from now on, until two cycles have passed. [-0, +0, m] */
void hp_stragglers_begin(lua_State *L, struct hp_stragglers *s);

/* Sets report->stragglers, and `held` to where the code of those is. Where there are more than 20,000 it
 * looks at no more of them, and the number stays unknown. [-0, +0, m] */
void hp_stragglers_report(lua_State *L, struct hp_stragglers *s, const struct hp_history *history,
                          struct hp_report *report);

#endif
