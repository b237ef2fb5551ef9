/* hotpatch: what `hotpatch.start { … }` takes, as struct hotpatch_options. Lua thread. */
#ifndef HP_START_OPTIONS_H
#define HP_START_OPTIONS_H

#include <lua.h>

#include "agent/why.h"
#include "hotpatch/hotpatch.h"

/* Fills `options` from the table at `index`, or leaves the defaults where there is none or nil. Pushes one
 * value that keeps the lists alive; the strings are the table's. Unknown keys and wrong types raise. [-0, +1,
 * raises] */
void hp_start_options_read(lua_State *L, int index, struct hotpatch_options *options);

/* The options as this version knows them, from a struct of any version; and what is wrong with them. False:
 * see why. */
bool hp_start_options_check(const struct hotpatch_options *given, struct hotpatch_options *out,
                            struct hp_why *why);

#endif
