/* hotpatch: structs of proto as Lua tables and back, by their shapes. Lua thread. */
#ifndef HP_SHAPE_LUA_H
#define HP_SHAPE_LUA_H

#include <lua.h>

#include "proto/shape.h"

/* Pushes the object as a table: lists are sequences, what is empty is left out as on the wire, "unknown" is a
 * string.
 * [-0, +1, memory] */
void hp_shape_push(lua_State *L, const struct hp_shape *shape, const void *object);

/* A struct to be filled from the keys of a table. */
struct hp_shape_into {
    const struct hp_shape *shape;
    void *object;
};

/* Fills the structs from the table at `index`: each key goes to the first that has such a field. A list of
 * strings may be given as one string. Integer keys are skipped (a list of maps carries options beside them).
 * Anything else raises a sentence that names `what`, the key, and the closest one that exists. Strings are
 * copied into the arena; raw access.
 * [-0, +0, raises] */
void hp_shape_read(lua_State *L, int index, const char *what, const struct hp_shape_into *into, size_t count,
                   struct hp_arena *arena);

#endif
