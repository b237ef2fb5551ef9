/* hotpatch engine: placeholders, the results of calls that were not made, and whatever is made of them.
 *
 * A placeholder is a full userdata with every metamethod. It stands for an expression: an operation on
 * operands, which are any values of the stage. Equal derived expressions (index, arithmetic, …) are one
 * placeholder; a call gives one of its own each time, for two calls give two objects. All functions raise.
 */
#ifndef HP_PLACEHOLDER_H
#define HP_PLACEHOLDER_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/engine/graph.h"

void hp_placeholder_open(lua_State *L); /* makes the metatable. [-0, +0, e] */

/* The expression of the placeholder at `idx`, HP_NO_ID if it is none. [-0, +0, -] */
uint32_t hp_placeholder_expression(lua_State *L, int idx);
bool hp_is_placeholder(lua_State *L, int idx);
bool hp_any_placeholder(lua_State *L, int first, int last);

/* Makes an expression of the `n` operands on the top and replaces them by its placeholder (or by 0 where a
 * numeric `for` needs a number, or by nil at a nesting that only an endless loop makes). `what` is for
 * people, `guess` what `type` is to say; both static or kept. [-n, +1, e] */
void hp_placeholder_push(lua_State *L, enum hp_operation operation, int n, const char *what,
                         const char *guess);

/* What `type` says of the placeholder at `idx`. */
const char *hp_placeholder_guess(lua_State *L, int idx);

/* A short text of any value of the stage, for people: `"login"`, `bus`, `function`, `logger.get("x")`. Pushes
 * it as a string of the stage. [-0, +1, e] */
void hp_text_push(lua_State *L, int idx);
/* The texts of the values from `first` to `last`, separated by ", ". Kept in the arena. [-0, +0, e] */
const char *hp_text_list(lua_State *L, int first, int last);

#endif
