/* A picture of a live program, kept outside its heap: every table, function, upvalue cell, userdata and
 * coroutine that is reachable from given roots, as lines of text. Equal pictures, equal programs. Being no
 * part of the program, it is neither found nor changed by what looks for holders of functions. Raw access
 * only; nothing of the program runs. */
#ifndef HP_STRESS_PICTURE_H
#define HP_STRESS_PICTURE_H

#include <lua.h>
#include <stdbool.h>

struct picture;

/* `roots` is the stack index of a table whose values are the roots, `opaque` of one whose keys are objects
 * that are not entered. `identities`: Lua functions are told apart by address and code; else by source, lines
 * and cells, so that another function may stand where one stood. The stack is as before; garbage is left in
 * the state. */
struct picture *picture_take(lua_State *L, int roots, int opaque, bool identities);
void picture_free(struct picture *p);

/* NULL, or the first line that one has and the other lacks; static. */
const char *picture_compare(const struct picture *was, const struct picture *is);

#endif
