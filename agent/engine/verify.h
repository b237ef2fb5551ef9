/* hotpatch engine: do the plan's preconditions hold? Raw access only; nothing is written. Lua thread only. */
#ifndef HP_VERIFY_H
#define HP_VERIFY_H

#include "agent/engine/values.h"

/* False when a walked edge leads elsewhere, or a slot no longer has the value that was planned with; *where
 * then gets what to call the place (static, or the plan's). Steps that are `tolerant` are not looked at. [-0,
 * +0, m] */
bool hp_verify(lua_State *L, const struct hp_values *values, const char **where);

/* Does the slot of this step have its `expected` value, and can it be written at all? [-0, +0, m] */
bool hp_verify_step(lua_State *L, const struct hp_values *values, const struct hp_step *step);

#endif
