/* hotpatch engine: calling code of the server: protected, bounded, with what went wrong put into the report.
 * Lua thread only.
 */
#ifndef HP_GUARD_H
#define HP_GUARD_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/report.h"

#define HP_GUARD_INSTRUCTIONS INT64_C(50000000) /* of one call, where nothing else is said */

/* Calls the function below its `nargs` arguments, on L itself, for at most `instructions` (0: the default).
 * True: the results stand in their place. False: nothing does; report->error has text and traceback,
 * report->status is `failed` (a first failure is kept).
 * [-(nargs + 1), +nresults or 0, -]; needs two free slots beyond the arguments. */
bool hp_guard_call(lua_State *L, int nargs, int nresults, int64_t instructions, struct hp_report *report,
                   enum hp_status failed);

#endif
