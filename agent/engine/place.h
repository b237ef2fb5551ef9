/* hotpatch engine: where the walk of a table was interrupted, while the server runs and may change the table.
 *
 * `next` goes on from a key even when the table was re-hashed meanwhile, and then passes by what has moved to
 * the other side of that key. So the keys that come next are remembered, by a print of each: on going on,
 * they must still come in that order. That some have gone is ordinary, and a few new ones may stand among
 * them.
 *
 * The table and the key are in the Lua side, a table that the caller keeps for as long as the place is used;
 * `side` is its absolute index. Raw access only. Lua thread only.
 */
#ifndef HP_PLACE_H
#define HP_PLACE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HP_PLACE_AHEAD 256

struct hp_place {
    bool saved;
    uintptr_t ahead[HP_PLACE_AHEAD]; /* prints of the keys after the saved one, in the order of `next` */
    size_t count;
};

/* Pushes a new Lua side, and nothing is saved. [-0, +1, m] */
void hp_place_push_new(lua_State *L, struct hp_place *p);

/* Saves where the walk of the table at that index stands: the key on top, which is popped. [-1, +0, m] */
void hp_place_save(lua_State *L, struct hp_place *p, int side, int table);

/* Saves the table only: where in it the walk stands is known elsewhere. [-0, +0, m] */
void hp_place_save_table(lua_State *L, struct hp_place *p, int side, int table);

/* Nothing is saved any more. [-0, +0, -] */
void hp_place_forget(lua_State *L, struct hp_place *p, int side);

/* Pushes the table of the saved place. [-0, +1, -] */
void hp_place_push_table(lua_State *L, int side);

/* Forgets the place, and pushes the key to go on from, in that table. False: the table was re-hashed, and
 * what was pushed is nil, to begin anew. [-0, +1, m] */
bool hp_place_push_key(lua_State *L, struct hp_place *p, int side, int table);

#endif
