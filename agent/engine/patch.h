/* hotpatch engine: a patch, from request to report: the phases of the design's section 3, in order. */
#ifndef HP_PATCH_H
#define HP_PATCH_H

#include <lua.h>

#include "agent/engine/history.h"
#include "agent/engine/sources.h"
#include "agent/engine/target.h"
#include "proto/report.h"
#include "proto/request.h"

/* What a patch works with; the engine's, borrowed. */
struct hp_patch_context {
    struct hp_policy policy;
    struct hp_sources *sources;
    struct hp_history *history;
};

struct hp_patch;

struct hp_patch *hp_patch_new(const struct hp_patch_context *context, const struct hp_request *request, const char *who,
                              struct hp_report *report); /* NULL: no memory */
void hp_patch_free(struct hp_patch *patch); /* NULL is fine; touches no Lua state */

/* Runs a diff or push, or a revert, to its end on a stack of its own. Raises only for Lua's memory, and never after
 * anything has changed in the server: then the patch is freed and the report is HP_NO_MEMORY. [-0, +0, m] */
void hp_patch_run(lua_State *L, struct hp_patch *patch);
void hp_patch_revert(lua_State *L, struct hp_patch *patch);

#endif
