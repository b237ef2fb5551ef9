/* hotpatch engine: the objects that a search still has to look into; last in, first out.
 *
 * The newest are on the stack of a coroutine that never runs, which costs one lua_xmove each way; when it is
 * full, the older half goes into a table, a *chunk*, and comes back when the stack is empty. So no table ever
 * grows large: one table for millions of objects would stop the server for some milliseconds each time it
 * doubles.
 *
 * What is on the list is kept alive by its Lua side, a table that the caller keeps for as long as the list is
 * used. Lua thread only.
 */
#ifndef HP_WORKLIST_H
#define HP_WORKLIST_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct hp_worklist {
    lua_State *stack; /* the Lua side's */
    int depth;        /* of the stack */
    int chunks;
};

/* Empties the list and pushes a new Lua side: { the coroutine, the chunks … }. [-0, +1, m] */
void hp_worklist_push_new(lua_State *L, struct hp_worklist *list);

/* Before each stretch of work. False: no memory. [-0, +0, -] */
bool hp_worklist_reserve(struct hp_worklist *list);

/* Puts the object on top on the list; `side` is the absolute index of the Lua side, here and below. Needs 2
 * slots. [-1, +0, m] */
void hp_worklist_put(lua_State *L, struct hp_worklist *list, int side);

/* Takes the newest object off. False: there is none. Needs 2 slots. [-0, +(0|1), -] */
bool hp_worklist_take(lua_State *L, struct hp_worklist *list, int side);

#endif
