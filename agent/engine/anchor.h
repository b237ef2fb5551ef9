/* hotpatch engine: the anchor, a Lua table of the live state that gives live objects numbers for the time of
 * a request.
 *
 * C structures (graphs, plans) cannot hold Lua values, so they hold *handles*: the n-th object that was asked
 * for. The anchor keeps those objects alive until the request ends; equal objects have equal handles; 0 is no
 * object. Only tables, functions, userdata (light ones too) and threads are anchored. No call takes longer
 * than it takes to move a few thousand entries, also when there are millions. Lua thread only.
 */
#ifndef HP_ANCHOR_H
#define HP_ANCHOR_H

#include <lua.h>
#include <stdint.h>

typedef uint32_t hp_handle;

/* Pushes a new, empty anchor table. [-0, +1, m] */
void hp_anchor_push_new(lua_State *L);

/* The handle of the object at `idx`, given one if it has none yet. 0 for a value that is no object. [-0, +0,
 * m] */
hp_handle hp_anchor_add(lua_State *L, int anchor, int idx);

/* The handle of the object at `idx`, 0 if it has none. [-0, +0, -] */
hp_handle hp_anchor_find(lua_State *L, int anchor, int idx);

/* Pushes the object, nil for 0. [-0, +1, -] (lua_checkstack is the caller's: for two) */
void hp_anchor_push(lua_State *L, int anchor, hp_handle handle);

#endif
