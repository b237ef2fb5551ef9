/* hotpatch engine: what was committed, and how to undo it.
 *
 * A record keeps, for each place the patch wrote, what it put there and what stood there before. Old
 * functions are not kept themselves (a collector must be able to tell that none is left): the record keeps a
 * *successor*, a closure of the old prototype joined to the old closure's own cells; so a revert gives the
 * old code on today's state. Targets are held weakly. The Lua side of all records hangs on one registry
 * entry; the C side is owned by the history.
 *
 * Lua thread only.
 */
#ifndef HP_HISTORY_H
#define HP_HISTORY_H

#include <lua.h>

#include "agent/engine/anchor.h"
#include "agent/engine/plan.h"
#include "agent/engine/turn.h"
#include "proto/report.h"

#define HP_HISTORY_REVERTIBLE 64
#define HP_HISTORY_LOGGED     1024

struct hp_sources;

struct hp_history;

/* Pushes the history's Lua side, for a search that must not enter it. [-0, +1, -] */
void hp_history_push(const struct hp_history *h, lua_State *L);

/* Of a function, another takes the place: remembered as long as the old one lives, so that one of an earlier
 * generation that somebody still holds can be told. In two parts, so that a patch that fails leaves nothing
 * untrue: before the commit, room is made for the function on top (until then it is its own heir); [-1, +0,
 * m] */
void hp_history_await_heir(const struct hp_history *h, lua_State *L);
/* after it, what is on top becomes the heir of the function below, for which there is room. [-2, +0, -] */
void hp_history_inherit(const struct hp_history *h, lua_State *L);
/* The function on top is back in its place, by a revert: nothing has taken it. Pops it. [-1, +0, -] */
void hp_history_disinherit(const struct hp_history *h, lua_State *L);
/* The table function -> heir; weak. [-0, +1, -] */
void hp_history_push_heirs(const struct hp_history *h, lua_State *L);
/* Has something taken the place of the function on top? [-0, +0, -] Needs 3 slots. */
bool hp_history_has_heir(const struct hp_history *h, lua_State *L);
/* Replaces the function on top by what has taken its place in the end; itself if nothing has. Needs 3 slots.
 * [-1, +1, -] */
void hp_history_push_heir(const struct hp_history *h, lua_State *L);

struct hp_history *hp_history_open(lua_State *L);          /* NULL: no memory. [-0, +0, m] */
void hp_history_close(struct hp_history *h, lua_State *L); /* [-0, +0, -] */

int64_t hp_history_generation(const struct hp_history *h); /* commits, reverts included */
int64_t hp_history_applied(const struct hp_history *h);    /* patches in force */
int64_t hp_history_last(const struct hp_history *h);       /* id of the newest patch in force; 0: none */
bool hp_history_in_force(const struct hp_history *h, int64_t patch);
void hp_history_log(const struct hp_history *h, struct hp_report *report); /* newest first */

/* The newest patch in force that put a function into that path, one that stands at `place` ("battle.lua:12");
 * 0: none that is remembered. */
int64_t hp_history_patch_of(const struct hp_history *h, const char *path, const char *place);

/* Makes the plan that undoes the newest patch in force: steps whose `expected` is what the patch put there
 * and that still stands there; where the server has put something else, there is no step (the report's fields
 * say `kept`). Keys that the patch added are removed; hooks: `__hotrevert` of the modules. Objects go into
 * the anchor; plain values are nodes of `plain`, which must live as long as the plan. Holds `turn` and loses
 * it in between. `report` gets modules, functions (verdict replaced/removed) and fields, and R19 refusals for
 * what cannot be undone: modules with __hotfix, performed effects or replays that have no __hotrevert
 * (acceptance by --accept is the caller's, by hp_report notes), and report->patch. `plan` and `plain` must be
 * initialised. HP_OK; HP_REFUSED (nothing to revert, or too old: report->error says); HP_NO_MEMORY;
 * HP_TIMEOUT (given up). [-0, +0, m] */
enum hp_status hp_history_plan_revert(struct hp_history *h, lua_State *L, int anchor, struct hp_turn *turn,
                                      struct hp_graph *plain, struct hp_plan *plan, struct hp_report *report);

/* Before the newest is reverted on the way down to that patch: may the older ones be as well? Adds what
 * stands against it to `report` (R19), and tells of the largest of them how many functions and places it has.
 * HP_OK; HP_REFUSED (one is too old: report->error says). */
enum hp_status hp_history_check_older(const struct hp_history *h, int64_t down_to, struct hp_report *report,
                                      size_t *functions, size_t *places);

/* ---- For prepare, commit and finish ----
 *
 * A patch: prepare (may fail) makes a record that the caller owns; enter makes it the newest patch in force
 * and the history's; leave undoes that and gives it back; settle, when nothing can fail any more, lets go of
 * what is beyond the limits. A revert: retire, then either reinstate, or settle. */
struct hp_record;
struct hp_record_source;

/* `fresh` is to take the place of the Lua closure `old`, which a revert would put back as `successor` (stack
 * indices): the history's tables get their keys now, for they would grow in the stop of the commit. Harmless
 * when nothing comes of it, for the keys are weak. [-0, +0, m] */
void hp_history_expect(struct hp_history *h, lua_State *L, int old, int fresh, int successor);

/* Completes the record of the patch that the source describes (source->lineage and next_lineage are filled in
 * here). The record stays the caller's, who frees it when this raises. HP_OK, HP_NO_MEMORY, HP_UNSUPPORTED.
 * [-0, +0, m] */
enum hp_status hp_history_prepare(struct hp_history *h, lua_State *L, struct hp_record_source *source,
                                  struct hp_record *record);

/* `side` is the stack index of the record's Lua side. Numbers the patch, moves the generation. [-0, +0, -] */
void hp_history_enter(struct hp_history *h, lua_State *L, struct hp_record *record, int side);
void hp_history_leave(struct hp_history *h, lua_State *L,
                      struct hp_record *record); /* it must be the newest. [-0, +0, -] */

/* The newest patch in force is one no more; the generation moves. Returns its record (the history's), for
 * reinstate. NULL: there is none. [-0, +0, -] */
struct hp_record *hp_history_retire(struct hp_history *h);
void hp_history_reinstate(struct hp_history *h, struct hp_record *record);

/* Drops the Lua sides of reverted records and of those beyond HP_HISTORY_REVERTIBLE, and records beyond
 * HP_HISTORY_LOGGED. Of reverted records, restores the modules' pushed texts. [-0, +0, -] */
void hp_history_settle(struct hp_history *h, lua_State *L, struct hp_sources *sources);

#endif
