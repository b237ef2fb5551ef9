/* hotpatch: what `hotpatch.patch`, `diff`, `reload` and `revert` take, as a request. Lua thread.
 *
 * A spec is one map (module, source or file, base, base_label, and options), or a list of such; a list may
 * carry options for all beside its items. A file is read here, once. Misuse raises; a file that cannot be
 * read fails the report.
 */
#ifndef HP_SPEC_H
#define HP_SPEC_H

#include <lua.h>

#include "proto/report.h"
#include "proto/request.h"

/* [-0, +0, raises] */
void hp_spec_read(lua_State *L, int index, const char *what, struct hp_request *request,
                  struct hp_report *report);

/* Options alone; nothing when the value is none or nil. [-0, +0, raises] */
void hp_spec_read_options(lua_State *L, int index, const char *what, struct hp_request *request);

/* The module `name` from the file that `require` would load now. [-0, +0, raises] */
void hp_spec_find_module(lua_State *L, const char *name, struct hp_request *request,
                         struct hp_report *report);

#endif
