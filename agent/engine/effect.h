/* hotpatch engine: calls of foreign code. None is made: a Lua function may be tried on a clone (clone.h), any
 * other call is recorded as an effect and gives a placeholder. All functions raise. */
#ifndef HP_EFFECT_H
#define HP_EFFECT_H

#include <lua.h>
#include <stdbool.h>

/* Ends the trial that is running, if one is, for the function did what must be undone; does not return then.
 */
void hp_trial_spoil(lua_State *L);

/* The calls below take the callee at index 1 and the arguments from 2 to the top; they return the number of
 * results, which are on the top, as a lua_CFunction does. */

/* Calls a view (function or callable) or a placeholder: tries or records. */
int hp_foreign_call(lua_State *L);
/* Records only. */
int hp_effect_record(lua_State *L);
/* Neither: the result of a pure standard function of arguments that are not known. */
int hp_effect_pure(lua_State *L, const char *guess);

/* The view of a foreign function is hp_foreign_function with its handle as the only upvalue. */
int hp_foreign_function(lua_State *L);

/* True if the running C function was called as the iterator of a `for`: then a warning was added, for the
 * loop runs no turn. */
bool hp_effect_in_for(lua_State *L);

#endif
