/* hotpatch engine: Lua values as text for people (inspect, eval). Raw: no metamethod runs, so `__tostring` is
 * not asked and nothing of the server's is called. Lua thread only.
 */
#ifndef HP_SHOW_H
#define HP_SHOW_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "proto/arena.h"
#include "proto/buf.h"

/* One value in short: nil, true, 42, 1.5, "text", table (12 fields), function (battle.lua:12), function (C),
 * coroutine, userdata (FILE*). A string of more than `max_string` bytes is cut, between characters of UTF-8,
 * and ends in "….
 * [-0, +0, m] */
void hp_show_value(lua_State *L, int idx, size_t max_string, struct hp_buf *out);

/* The same, but a table with what is in it, one level deep: { 1, 2, name = "x" }. Strings are whole. [-0, +0,
 * m] */
void hp_show_result(lua_State *L, int idx, struct hp_buf *out);

/* A key as it stands in a path: ".name" ("name" if `first`), "[3]", `["a b"]`, "[table]". [-0, +0, m] */
void hp_show_key(lua_State *L, int idx, bool first, struct hp_buf *out);

/* What was written, in the arena; the buffer is empty afterwards. With no memory the arena's sticky failure
 * tells. A text beyond the buffer's limit is cut there. */
const char *hp_show_take(struct hp_buf *b, struct hp_arena *arena);

#endif
