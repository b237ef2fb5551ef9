/* hotpatch engine: reading the live state from the stage: raw, one value at a time, nothing written, no code
 * of it run.
 *
 * Each read is a protected call on the live state, so that an error there (memory) never unwinds through
 * frames of the stage; it becomes a failure of the stage. Objects are anchored and named by handle. Strings
 * that a read gives point into the live state and stay valid until the next read, for the turn may change
 * there (turn.h), or until a body runs.
 */
#ifndef HP_PEEK_H
#define HP_PEEK_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/engine/anchor.h"

struct hp_stage;

/* A value of the live state. */
struct hp_peeked {
    int type; /* LUA_T… */
    bool is_integer;
    union {
        bool boolean;
        lua_Integer integer;
        lua_Number number;
        struct {
            const char *data;
            size_t len;
        } string;
        void *light;
    };
    hp_handle handle;        /* of an object (light userdata too) */
    lua_CFunction cfunction; /* of a function: NULL for a Lua function */
};

/* All [-0, +0, e] on L, a state of the stage. */
struct hp_peeked hp_peek_globals(lua_State *L);
struct hp_peeked hp_peek_loaded(lua_State *L);
struct hp_peeked hp_peek_object(lua_State *L, hp_handle object); /* itself */
struct hp_peeked hp_peek_field(lua_State *L, hp_handle table, const struct hp_peeked *key);
struct hp_peeked hp_peek_field_str(lua_State *L, hp_handle table, const char *key);
struct hp_peeked hp_peek_metatable(lua_State *L, hp_handle object);
struct hp_peeked hp_peek_basic_metatable(lua_State *L,
                                         int type); /* of nil, boolean, number, string, function */
lua_Integer hp_peek_length(lua_State *L, hp_handle table);
/* The pair after `key`; false at the end. A key that is not there is an error of Lua. */
bool hp_peek_next(lua_State *L, hp_handle table, struct hp_peeked *key, struct hp_peeked *value);
/* Upvalue n (from 1) of a function: its name, or NULL when there is none. */
const char *hp_peek_upvalue(lua_State *L, hp_handle function, int n, struct hp_peeked *value);
/* The dump of a Lua function as a string of the stage, nil when it cannot be had. [-0, +1, e] */
void hp_peek_push_dump(lua_State *L, hp_handle function);
/* What plain `tostring` gives ("table: 0x55…"), as a string of the stage. [-0, +1, e] */
void hp_peek_push_text(lua_State *L, hp_handle object);
/* A number kept beside the anchor, the same for all stages of a request: the first call's `value`. */
lua_Number hp_peek_frozen(lua_State *L, const char *name, lua_Number value);

#endif
