/* hotpatch engine: which closures of a module's source a search is after: those whose code changes. A server
 * may hold a million closures of a factory that stays as it is; they must not become members, each of which
 * is read, compared and planned for.
 *
 * Lines tell most of them apart; where they do not (an unchanged function keeps the lines of the source it
 * was loaded from) the code does. Lua thread only.
 */
#ifndef HP_WANTED_H
#define HP_WANTED_H

#include "agent/engine/history.h"
#include "agent/engine/match.h"

struct hp_wanted {
    struct hp_arena arena;
    struct hp_map codes; /* fingerprints of what changes */
    struct hp_map lines; /* (first, last) of what is known to change */
    struct hp_map tried; /* (first, last) of what is not -> how many were looked into */
    const struct hp_history *history;
    /* memory ran out while a function was looked into: sticky; what was said of it is not to be relied on */
    bool failed;
    bool everything; /* code of a source file: nothing is known of what lives */
};

void hp_wanted_init(struct hp_wanted *w, const struct hp_history *history);
void hp_wanted_fini(struct hp_wanted *w);

/* From the first plan: base prototypes whose new version differs, the live functions that are replaced,
 * and those that no path led to.
 * False: no memory. */
bool hp_wanted_fill(struct hp_wanted *w, const struct hp_match *match, const struct hp_plan *plan);

/* The function on top, and all of its lines: for a revert, what the patch put in. Pops it. [-1, +0, -] */
void hp_wanted_add(struct hp_wanted *w, lua_State *L);

/* For hp_locate_only, with the struct as `ud`. [-0, +0, -] */
bool hp_wanted_function(lua_State *L, void *ud);

#endif
