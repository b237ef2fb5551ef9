/* hotpatch engine: running a piece of code in the live state, and what it printed and returned as text.
 *
 * The chunk is text; it is tried as an expression first (`return …`). Its globals are the server's, but for
 * `print`, whose output goes into the report (capture.h). It runs protected and bounded (lx.h says what a
 * bound covers); what it did to the server by then stays done. Lua thread only.
 */
#ifndef HP_EVAL_H
#define HP_EVAL_H

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/report.h"

/* Fills report->output and report->results (each at most 1 MB; hp_show_result). `chunk_name` NULL: "=eval".
 * Returns HP_OK, or with report->error: HP_LOAD_FAILED (syntax), HP_REFUSED (precompiled), HP_FAILED (it
 * raised), HP_LIMIT (instructions), HP_NO_MEMORY.
 * [-0, +0, -] */
enum hp_status hp_eval(lua_State *L, const char *code, size_t len, const char *chunk_name,
                       int64_t max_instructions, struct hp_report *report);

#endif
