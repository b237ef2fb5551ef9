/* hotpatch engine: a watch on the functions of one patch: how many calls of them there were, and how many
 * ended by an error.
 *
 * A hook on calls and returns (the only means of public Lua that changes nothing for the program) sits on
 * every coroutine that runs while the watch is on: on the main one and the poller's from the start; on what
 * they create, for hooks are inherited; on what they resume; on what a search finds. It comes off from each
 * when the watch ends, at the latest with that coroutine's next call. It is never set where the program has a
 * hook of its own.
 *
 * What counts. Each call of a watched function, once; and as an error each call that did not return, because
 * an error was raised in it or passed through it. A yield is no error, neither is a coroutine that is left or
 * closed while suspended. A tail call hands its frame over: to a watched function, and the caller counts as
 * returned; to another, and the call goes on until that returns. Not counted: calls that were under way when
 * the watch began; those HP_WATCH_DEPTH frames deep in their coroutine's stack; those of the agent's own
 * (eval, hooks).
 *
 * A call that an error ended is noticed at the next call or return of a watched function on its coroutine,
 * when a `pcall` returns there, or when somebody looks.
 *
 * The watched functions are those that a patch made, known by identity, and those that they nest, known by
 * where they are defined. The watch keeps none alive.
 *
 * Lua thread only, but for the tally. The hook raises nothing and allocates no memory that it could not do
 * without: a call that it has no room for is not counted.
 */
#ifndef HP_WATCH_H
#define HP_WATCH_H

#include <lua.h>

#include "agent/engine/history.h"
#include "agent/engine/tally.h"
#include "proto/rule.h"

#define HP_WATCH_DEPTH 200
#define HP_WATCH_TEXT  200

struct hp_watch;

/* NULL: no memory. `history` outlives the watch. */
struct hp_watch *hp_watch_new(const struct hp_rule *rule, const struct hp_history *history);
/* NULL is fine. Off before (hp_watch_stop). */
void hp_watch_free(struct hp_watch *watch);

/* May the hook be set, on the main coroutine and on that one? Not where the program has its own.
 * [-0, +0, -] */
bool hp_watch_is_possible(lua_State *L, lua_State *poller);

/* Makes the Lua side, in the registry. If it raises, hp_watch_stop takes it back. [-0, +0, m] */
void hp_watch_prepare(lua_State *L, struct hp_watch *watch);
/* Watches the function on top, a closure of that prototype, and what is nested in it. `path` and `module` are
 * copied. False: no memory. [-1, +0, m] */
bool hp_watch_add(lua_State *L, struct hp_watch *watch, const char *module, const char *path,
                  const struct hp_prototype_tree *tree, uint32_t prototype);

/* Sets the hook on the main coroutine and on that one. [-0, +0, -] */
void hp_watch_start(struct hp_watch *watch, lua_State *L, lua_State *poller);
/* Takes it off again; also after hp_watch_prepare alone, and twice. [-0, +0, -] */
void hp_watch_stop(struct hp_watch *watch, lua_State *L);

/* Pushes what the watch that is on keeps in this state, for a search that must not enter it; nil: none is on.
 * [-0, +1, -] */
void hp_watch_push_side(lua_State *L);
/* A coroutine was found: it gets the hook of the watch that is on, if it has none. [-0, +0, -] */
void hp_watch_reach(lua_State *L, lua_State *co);

/* `tell` is called from within the hook, once between two looks, when there was an error; it must not use the
 * Lua state. */
void hp_watch_on_news(struct hp_watch *watch, void (*tell)(void *ud), void *ud);

struct hp_watch_view {
    int64_t calls, errors;
    bool tripped; /* the rule was broken, by … */
    /* … that function alone ("battle.cast"), of whose calls so many; NULL: by all together */
    const char *function;
    int64_t function_calls, function_errors;
    const char *text; /* of the last error that had one; "" */
};
/* Looks at what goes on in all coroutines, and puts the hook back where the program took it off. L is the one
 * that runs. Strings are the watch's, until the next look. [-0, +0, -] */
void hp_watch_look(struct hp_watch *watch, lua_State *L, struct hp_watch_view *out);
/* As long as the watch lives. */
const struct hp_tally *hp_watch_tally(const struct hp_watch *watch);

#endif
