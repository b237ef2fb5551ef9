/* hotpatch agent: `hotpatch.new`, for people who come from silly.patch. Joining by names alone, by hand, from
 * Lua: no base, no plan, no report; hotpatch.patch() does better.
 *
 *   P = hotpatch.new()
 *   P:collectupval(f)     { [upvalue name] = entry }
 *   P:collectupval(t)     { [field] = { val = f, upvals = … } }   of the fields that are functions
 *   entry                 { idx, utype, val, upid } and, for a function, upvals: its own upvalues, one map
 * for each function P:join(new, up_new, old, up_old)      two functions or two module tables P:join(up_new,
 * up_old)                the trees of two module tables
 *
 * join works by name: an upvalue that the old side has is joined to its cell; one that holds a function is
 * not, its function's upvalues are joined instead (once for each new function and P). It returns the paths
 * that the old side lacks, "$.field.up.up" or "$.#.up.up"; a lacking _ENV is set to the globals too. Fields
 * that only the new table has are left alone.
 *
 * Other than there: everything is checked before anything is joined, so an error (values of different types,
 * functions without upvalue names) changes nothing; fields that are no functions are passed over.
 */
#ifndef HP_JOINER_H
#define HP_JOINER_H

#include <lua.h>

/* Pushes the function `new`; returns 1. [-0, +1, m] */
int hp_joiner_push(lua_State *L);

#endif
