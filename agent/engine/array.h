/* hotpatch engine: the array part of a large table, walked by index.
 *
 * `next` looks for the next entry and passes by the empty slots before it in one call: 1.7 ns each, and half
 * of a part that has just doubled is empty, so that a table of five million entries would stop the server for
 * 5 ms at the end of them. An index can be read one at a time. What is beyond the part `next` gives, when it
 * is asked to go on from the part's last slot.
 *
 * Where that is Lua does not say, but it made the part's size a power of two, and of an index that is neither
 * in the part nor a key `next` raises. An index that a key of the hash part once had is taken as well: so
 * some more indices below the end must be fit to go on from. Only a table with all of these in its hash part,
 * which Lua would have made the array part as large for, could deceive us.
 *
 * Raw access only. Lua thread only.
 */
#ifndef HP_ARRAY_H
#define HP_ARRAY_H

#include <lua.h>
#include <stdbool.h>

struct hp_array {
    lua_Integer next; /* index to be looked at next */
    lua_Integer end;  /* the part's last; 0: the table is not walked by index */
};

/* Looks at the table at that index before its walk: is its array part so large that it is to be walked by
 * index, from 1 to a->end? [-0, +0, -] */
bool hp_array_begin(lua_State *L, struct hp_array *a, int table);

/* All indices have been looked at: the walk by index is over. Pushes the last one, for `next` to go on from.
 * False: it cannot any more, for the part has shrunk, and what was pushed is nil, to begin anew. [-0, +1, -]
 */
bool hp_array_push_end(lua_State *L, struct hp_array *a, int table);

#endif
