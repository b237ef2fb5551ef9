/* One module in its three states: what lives, its base, and its new source; matched, planned, and told as
 * text.
 *
 * The graphs come from real sources through the stage and the walk over a real state; what is under test,
 * match and plan, sees only the graphs. The module is "m"; in Lua code it is the global M. Nothing is ever
 * committed. */
#ifndef HP_MERGE_FIXTURE_H
#define HP_MERGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lua.h>

#include "agent/engine/match.h"
#include "agent/engine/plan.h"

struct merge {
    lua_State *L; /* index 1: the anchor */
    struct hp_graph base, fresh;
    struct hp_live live;
    struct hp_root root;
    bool has_base;
    struct hp_match match;
    struct hp_plan plan;
    struct hp_options options;
    struct hp_report report;
    enum hp_status status; /* of the plan */
    char *text;            /* what merge_has looks at */
};

/* Loads `source` as the module, for real, and runs `use` (may be NULL) in the live state. */
void merge_open(struct merge *m, const char *source, const char *use);
void merge_close(struct merge *m);

/* The graphs, in place of any before; `base` NULL: none. `path` "" for the whole module, else the slot of a
 * point fix. */
void merge_stage(struct merge *m, const char *base, const char *fresh, const char *path);
/* Both passes of the match. */
void merge_match(struct merge *m);
/* The plan with m->options. */
void merge_plan(struct merge *m);

/* All at once: opens with `old`, which is also the base. */
void merge_new(struct merge *m, const char *old, const char *use, const char *fresh);
/* The same with no base. */
void merge_without_base(struct merge *m, const char *old, const char *use, const char *fresh);
/* Again, with other options or another match: the report starts anew. */
void merge_plan_again(struct merge *m);

/* Prototypes but the body, by line: "2<1 3<-" says that what is on line 2 of new is what was on line 1 of
 * base, and that what is on line 3 has no counterpart. */
void merge_expect_pairs(struct merge *m, const char *expected);
/* Staged cells but _ENV, by name and first value: "n(0)<count(0) step(1)<-". */
void merge_expect_cells(struct merge *m, const char *expected);
/* Slots in their order, by path: "m ^n f f^n". */
void merge_expect_slots(struct merge *m, const char *expected);

/* Lines of the plan and of the report, each of which has to be there:
 *
 *   set f = function f           also add, cell, metatable; remove f
 *   f^n joins 3 | f^n starts 0   an upvalue of a planned function: what is in its live cell, or its first
 * value function f replaced          verdicts field limit kept             actions joined f^n | absent f^n |
 * orphan f^n R12 limit | refuse R04 f     warnings and refusals effect new bus.on | instances 2
 */
void merge_expect(struct merge *m, const char *lines);
/* No line starts so. */
void merge_expect_no(struct merge *m, const char *start);

#endif
