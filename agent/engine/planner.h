/* hotpatch engine: what the parts of phase 7 share. Internal to plan*.c; the result's contract is in plan.h.
 * No lua.h. */
#ifndef HP_PLANNER_H
#define HP_PLANNER_H

#include "agent/engine/match.h"
#include "agent/engine/plan.h"
#include "proto/report.h"
#include "proto/request.h"

struct hp_planner {
    const struct hp_match *match;
    const struct hp_graph *base, *fresh, *live; /* the match's */
    const struct hp_options *options;
    struct hp_plan *plan;
    struct hp_report *report;

    /* What has been planned for: node or cell number -> index + 1. */
    struct hp_map functions;  /* new function without a live twin */
    struct hp_map successors; /* live function */
    struct hp_map cells, tables, replays, coroutines;
    struct hp_map reported; /* new functions in the report */
    struct hp_map written;  /* (container, key) and cells that have a step */
    struct hp_map joined;   /* live cells that a new function uses */
    struct hp_map selected; /* --function: new functions that were named */

    uint32_t load;   /* that is being planned for: new cells, functions and tables are made once for each */
    uint32_t *loads; /* of each module: that of its own live functions */

    /* Made, but not filled in yet: filling in is a loop, so that no chain of the user's data is recursed
     * over. */
    HP_LIST(struct hp_pending) pending;
    size_t next_pending;
};

enum hp_pending_kind { HP_PENDING_FUNCTION, HP_PENDING_CELL, HP_PENDING_TABLE };
struct hp_pending {
    enum hp_pending_kind kind;
    uint32_t index; /* in the plan */
    hp_id fresh;    /* new function, or table; new cell */
    hp_id live;     /* function: live twin or HP_NO_ID */
    uint32_t module;
    uint32_t load; /* of the live program, see hp_match_load: each has its own new cells */
    const char *path;
};

/* --- plan_note.c: warnings and refusals, by the options --------------------------------------- */

/* One note of the reason's default severity, moved by --strict and --accept. True: it refuses. */
bool hp_planner_note(struct hp_planner *p, int reason, uint32_t module, const char *path, const char *fmt,
                     ...) __attribute__((format(printf, 5, 6)));
/* The same for reasons with two severities. */
bool hp_planner_warn(struct hp_planner *p, int reason, uint32_t module, const char *path, const char *fmt,
                     ...) __attribute__((format(printf, 5, 6)));
bool hp_planner_refuse(struct hp_planner *p, int reason, uint32_t module, const char *path, const char *fmt,
                       ...) __attribute__((format(printf, 5, 6)));
/* a value for people */
const char *hp_planner_short(struct hp_planner *p, const struct hp_graph *g, hp_id id);
struct hp_report_module *hp_planner_module(struct hp_planner *p, uint32_t module);
void hp_planner_field(struct hp_planner *p, uint32_t module, const char *path, const char *action);
/* Enters a new function into the report, once: verdict, lines, its upvalues as joined or absent, R05. `live`
 * is what it succeeds or takes the place of; HP_NO_ID: nothing. */
void hp_planner_function(struct hp_planner *p, hp_id fresh, hp_id live, const char *verdict, uint32_t module,
                         const char *path);

/* --- plan_value.c: what will stand in the live state ------------------------------------------ */

struct hp_value hp_value_plain(const struct hp_graph *g, hp_id node);
struct hp_value hp_value_object(uint32_t handle);
/* a node of the live graph, as it is */
struct hp_value hp_value_live(const struct hp_planner *p, hp_id live);
struct hp_value hp_value_key(const struct hp_graph *g, hp_id key); /* plain, or a view's object */
/* The translation of a node of the new graph; notes R09 and gives nil where there is none. */
struct hp_value hp_value_fresh(struct hp_planner *p, hp_id fresh, uint32_t module, const char *path);
/* The successor of a live function: a planned function, or itself when it stays. */
struct hp_value hp_value_successor(struct hp_planner *p, hp_id live, uint32_t module, const char *path);
/* Fills in everything that is pending. */
void hp_planner_fill(struct hp_planner *p);

/* How upvalue `i` of a new function gets its cell; `live` is the live function it succeeds (HP_NO_ID: none).
 */
enum hp_binding_kind { HP_BIND_JOIN, HP_BIND_NEW, HP_BIND_AMBIGUOUS, HP_BIND_NONE };
struct hp_binding {
    enum hp_binding_kind kind;
    uint32_t cell; /* JOIN: live cell; NEW: new cell */
};
struct hp_binding hp_planner_bind(struct hp_planner *p, hp_id fresh, size_t upvalue, hp_id live);

/* Does the live function stay, for the source did not change it (or --function did not name it)? */
bool hp_planner_unchanged(struct hp_planner *p, hp_id fresh, hp_id live);

/* --- plan_slot.c: the merge rules ------------------------------------------------------------- */

void hp_planner_slot(struct hp_planner *p, const struct hp_slot *slot);

/* Adds the step that writes a live node's value, unless the place has one already. */
void hp_planner_set_field(struct hp_planner *p, const struct hp_slot *slot, struct hp_value value);
void hp_planner_set_cell(struct hp_planner *p, uint32_t cell, struct hp_value value, uint32_t module,
                         const char *path);

/* true for all where --function was not given */
bool hp_planner_selects(const struct hp_planner *p, hp_id fresh);

#endif
