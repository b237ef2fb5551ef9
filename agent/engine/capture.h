/* hotpatch engine: what a function prints, caught without touching the server's globals.
 *
 * The function's _ENV is joined to a new cell with an environment of its own: `print` collects, everything
 * else is the globals', to read and to write. Afterwards that cell gets the globals themselves, so that
 * closures which the function left behind see nothing unusual, and a `print` that one of them kept prints;
 * the function itself is joined to the cell again that it had. Lua thread only.
 */
#ifndef HP_CAPTURE_H
#define HP_CAPTURE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "proto/report.h"

#define HP_CAPTURE_MAX ((size_t)1024 * 1024)

struct hp_capture {
    char *text; /* hp_mem */
    size_t len, cap;
    bool truncated;
};

void hp_capture_fini(struct hp_capture *c);

/* If the function at `idx` is a Lua closure whose _ENV is the globals: changes its _ENV as said and pushes a
 * handle for hp_capture_stop; else pushes nil. The closure must be nobody else's yet. When it raises, nothing
 * has changed; once it has not, nothing may raise past the stop: until then the environment leads to `c`.
 * [-0, +1, m] */
void hp_capture_start(lua_State *L, struct hp_capture *c, int idx);

/* `handle` is the (positive) stack index of what start pushed. Needs 2 free slots. [-0, +0, -] */
void hp_capture_stop(lua_State *L, int idx, int handle);

/* Collects one line made of the `count` values from stack index `first`. Their tostring may run server code.
 * [-0, +0, e] */
void hp_capture_line(lua_State *L, struct hp_capture *c, int first, int count);

/* Appends what was caught to report->output. */
void hp_capture_report(const struct hp_capture *c, struct hp_report *report);

#endif
