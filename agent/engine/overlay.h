/* hotpatch engine: what bodies write into views and placeholders: definitions to be merged, kept beside the
 * object.
 *
 * An overlay is a table of the stage, made at the first write; the tombstone in it stands for nil. While a
 * foreign function is tried on a clone, a write spoils the trial at once, so that there is never anything to
 * take back. */
#ifndef HP_OVERLAY_H
#define HP_OVERLAY_H

#include <lua.h>
#include <stdbool.h>

/* True and pushes the value if the body wrote under that key (nil for a tombstone); else pushes nothing.
 * [-0, +(0|1), e] */
bool hp_overlay_get(lua_State *L, int object, int key);

/* Pushes the overlay, nil if nothing was written. [-0, +1, -] */
void hp_overlay_push(lua_State *L, int object);

/* object[key] = the value on the top. [-1, +0, e] */
void hp_overlay_set(lua_State *L, int object, int key);

/* The metatable that the body gave to a view or placeholder: true and pushes it (nil for none), else pushes
 * nothing. */
bool hp_overlay_get_metatable(lua_State *L, int object); /* [-0, +(0|1), e] */
void hp_overlay_set_metatable(lua_State *L, int object); /* the table or nil on the top. [-1, +0, e] */

#endif
