/* hotpatch engine: views, the live values as the stage sees them: one for each live object, so that equal
 * objects are equal views, also as keys.
 *
 *   live table         an empty table whose metatable reads live raw, follows `__index` tables, and overlays
 * writes live function      a C function that records or tries the call (effect.h); a standard one: the
 * stage's own (stagelib.h) live userdata      a userdata with the same behaviour as a table view; a light
 * one: itself live coroutine     a coroutine that never runs
 *
 * In the stage, `raw` means: the overlay first, then the live object, no metamethods. All functions here
 * raise.
 */
#ifndef HP_VIEW_H
#define HP_VIEW_H

#include <lua.h>
#include <stdbool.h>

#include "agent/engine/anchor.h"
#include "agent/engine/peek.h"

struct hp_view_info;

void hp_view_open(lua_State *L); /* fills in their metatable. [-0, +0, e] */
/* Sets the arithmetic, concatenation and comparison events, which do for placeholders too, in the table on
 * the top.
 * [-0, +0, e] */
void hp_view_set_operators(lua_State *L);

/* Pushes a live value: plain ones by value, objects as their view. A view made now is called after the way to
 * it: the field `key` of `parent`, or `name` where parent is 0. [-0, +1, e] */
void hp_view_push(lua_State *L, const struct hp_peeked *v, hp_handle parent, const struct hp_peeked *key,
                  const char *name);

/* The handle of the view at `idx`, 0 if it is none. [-0, +0, -] */
hp_handle hp_view_handle(lua_State *L, int idx);
const struct hp_view_info *hp_view_info(lua_State *L, hp_handle handle);

/* True if the value at `idx` can be a key of a live table; fills `out`. Strings stay on the stage's side.
 * [-0, +0, -] */
bool hp_view_peeked(lua_State *L, int idx, struct hp_peeked *out);

/* Pushes the raw field of a view, a placeholder (its overlay) or a table of the stage. [-0, +1, e] */
void hp_view_rawget(lua_State *L, int object, int key);
void hp_view_rawget_str(lua_State *L, int object, const char *key);
/* Pushes the raw value under `key`, following `__index` tables, as Lua code that indexes the view sees it.
 * [-0, +1, e] */
void hp_view_get(lua_State *L, int view, int key);
lua_Integer hp_view_length(lua_State *L, int view);
/* As lua_next: replaces the key on the top by the next pair, or pops it. [-1, +(2|0), e] */
bool hp_view_next(lua_State *L, int view);

/* Pushes the metatable of any value as the program would see it raw: a view for that of a live object, nil
 * for none.
 * [-0, +1, e] */
void hp_view_metatable(lua_State *L, int object);

/* Pushes the table that can really serve as the metatable of a value of the stage: a table of the stage
 * itself; for a view or a placeholder, a shadow of it that has its metamethods. [-0, +1, e] */
void hp_shadow_push(lua_State *L, int metatable);
/* After a write into `object` under `key`, value on the top: keeps its shadow up to date. [-0, +0, e] */
void hp_shadow_update(lua_State *L, int object, int key);
/* The view or placeholder that the table at `idx` is a shadow of: true and pushes it. [-0, +(0|1), -] */
bool hp_shadow_origin(lua_State *L, int idx);

#endif
