/* hotpatch engine: the live functions of a module, with what they capture. Reads only: raw access, no
 * metamethod, no call of the server's code. Lua thread only.
 */
#ifndef HP_INSPECT_H
#define HP_INSPECT_H

#include <lua.h>

#include "proto/report.h"

/* Fills report->functions, in order of source lines, for MODULE or MODULE.PATH: the longest prefix of the
 * dotted name that is in package.loaded, else the globals. Found are the Lua functions that the module's
 * tables and metatables hold, and its local helpers: what the upvalues of those lead to. Paths as in the
 * contract, section 4: "cast", "Skill.cast", "cast^helper", "Skill@mt.__index.cast".
 *
 * The module's own source is the one that most functions in its tables come from. Functions of another source
 * are listed where a table holds them, but not entered, and not listed behind upvalues. Other modules (values
 * of package.loaded), _G and C functions are never entered. At most 10,000 functions and 200,000 fields are
 * looked at; beyond that the report has a warning.
 *
 * HP_OK; HP_REFUSED (no such module or path, with candidates; or the value has no functions); HP_NO_MEMORY.
 * Failures are in the report. [-0, +0, -] */
enum hp_status hp_inspect(lua_State *L, const char *target, struct hp_report *report);

#endif
