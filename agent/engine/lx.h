/* hotpatch engine: small helpers over Lua's C interface that several parts need. A leaf: knows no other part
 * of the engine.
 *
 * The only file of the engine that calls lua_sethook. Lua thread only.
 */
#ifndef HP_LX_H
#define HP_LX_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/arena.h"
#include "proto/status.h"

/* --- dump ------------------------------------------------------------------------------------- */

/* Dumps the Lua function at `idx` into memory for hp_mem_free. HP_OK; HP_UNSUPPORTED (no Lua function);
 * HP_NO_MEMORY. *data is NULL on failure. Needs one free stack slot; allocates nothing of Lua. [-0, +0, -] */
enum hp_status hp_lx_dump(lua_State *L, int idx, bool strip, char **data, size_t *len);

/* --- protected calls -------------------------------------------------------------------------- */

/* What went wrong in a call. Texts live in the arena that was given. */
struct hp_lx_failure {
    int status;       /* LUA_OK, LUA_ERRRUN, LUA_ERRMEM, LUA_ERRERR, LUA_ERRSYNTAX */
    const char *text; /* the message; for a value that is no string: what it is, never by its __tostring */
    const char *traceback; /* "stack traceback:…" without the message; NULL if there is none */
};

/* lua_pcall with a traceback taken where the error was raised. On failure nothing is left of function,
 * arguments and error; *failure (may be NULL) tells. Returns failure->status. Memory that runs out before the
 * call is LUA_ERRMEM too. Needs two free slots. [-(args + 1), +(results|0), -] */
int hp_lx_pcall(lua_State *L, int args, int results, struct hp_arena *arena, struct hp_lx_failure *failure);

/* Runs `fn` with `ud` (a light userdata) as its argument, protected: for blocks of our own code that may
 * raise for memory.
 * [-0, +0, -] */
int hp_lx_protect(lua_State *L, lua_CFunction fn, void *ud, struct hp_arena *arena,
                  struct hp_lx_failure *failure);

/* The message of an error value, by the rules of hp_lx_failure.text, copied to the arena. [-0, +0, -] */
const char *hp_lx_message(lua_State *L, int idx, struct hp_arena *arena);

/* luaL_traceback of `co` from `level`, copied to the arena. [-0, +0, m] on L */
const char *hp_lx_traceback(lua_State *L, lua_State *co, int level, struct hp_arena *arena);

/* --- bounds ----------------------------------------------------------------------------------- */

/* Bounds what runs on a coroutine to a number of instructions (counted in steps of up to 1000). At the bound
 * an error "instruction limit of N reached" is raised, and again at every instruction after that, so that a
 * pcall in a loop ends too.
 *
 * Covered: `co` and the coroutines created by what runs on it (they inherit the hook; it removes itself from
 * those that live on). Not covered: coroutines that existed before and are resumed by it; a single long C
 * call (string.rep, a pattern); time spent waiting. A count hook is all that public Lua has for this.
 *
 * Bounds nest: the inner one's instructions (and 1000 more) count for the outer one too, which also caps it.
 * The struct is the caller's and stays put; between start and stop nothing may raise past the caller, so run
 * what is bounded through hp_lx_pcall. The hook that `co` had comes back at stop. One bound a Lua thread at
 * its innermost: start and stop like parentheses. */
struct hp_lx_bound {
    lua_State *co;
    struct hp_lx_bound *outer;
    int64_t limit, left;
    lua_Hook old_hook;
    int old_mask, old_count;
};

void hp_lx_bound_start(struct hp_lx_bound *b, lua_State *co, int64_t instructions); /* [-0, +0, -] */
bool hp_lx_bound_stop(struct hp_lx_bound *b); /* true: the bound was reached. [-0, +0, -] */

/* Installs a count hook of that period; NULL: no hook of any kind. [-0, +0, -] */
void hp_lx_set_hook(lua_State *co, lua_Hook hook, int period);

#endif
