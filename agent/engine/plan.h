/* hotpatch engine: the plan, what a patch will do, as ordered plain data. No lua.h.
 *
 * `plan.c` makes it from the matched graphs; a dry run stops there and reports it. `prepare` builds its
 * values in the live state, `commit` carries out its steps, `history` keeps what undoes them. Live objects
 * are named by handle (anchor.h). Everything lives in the plan's arena, except nodes and trees, which belong
 * to the graphs it was made from.
 */
#ifndef HP_PLAN_H
#define HP_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/engine/graph.h"
#include "proto/arena.h"
#include "proto/report.h"
#include "proto/request.h"

struct hp_match;

/* A value as it will stand in the live state. */
enum hp_value_kind {
    HP_VALUE_NIL,
    HP_VALUE_PLAIN,    /* `node` of `graph`: boolean, number or string */
    HP_VALUE_LIVE,     /* the live object `index` (a handle) */
    HP_VALUE_FUNCTION, /* plan->functions[index] */
    HP_VALUE_TABLE,    /* plan->tables[index] */
    HP_VALUE_REPLAY,   /* plan->replays[index] */
    HP_VALUE_COROUTINE /* plan->coroutines[index]: an unstarted coroutine over a function */
};
struct hp_value {
    enum hp_value_kind kind;
    uint32_t index;
    const struct hp_graph *graph;
    hp_id node;
};

/* Where a cell is to be found in the live state. */
struct hp_cell_place {
    uint32_t closure; /* handle of a live Lua closure */
    uint32_t upvalue; /* 0-based */
};

struct hp_plan_upvalue {
    bool join; /* true: share the live cell at `place`; false: the new cell `cell` */
    struct hp_cell_place place;
    uint32_t cell; /* in plan->cells */
};

/* A closure to build. */
struct hp_plan_function {
    const struct hp_prototype_tree *tree;
    uint32_t prototype;
    uint32_t replaces; /* handle of the live closure whose successor it is; 0: it is new */
    HP_LIST(struct hp_plan_upvalue) upvalues;
    const char *path;
    uint32_t module; /* in plan->modules */
    /* what it is a version of, where it is new only because no path led to the live one (a function that the
     * body makes); else HP_NIL */
    hp_id unfound;
};

/* A new cell, shared by every planned upvalue that names it. */
struct hp_plan_cell {
    struct hp_value first;
};

struct hp_plan_pair {
    struct hp_value key, value;
};
struct hp_plan_table {
    HP_LIST(struct hp_plan_pair) fields;
    struct hp_value metatable; /* NIL: none */
};

/* One operation to perform for the value it gives (hp_operation): in order, operands refer to earlier ones
 * only. */
struct hp_plan_replay {
    enum hp_operation operation; /* never HP_OP_OTHER */
    HP_LIST(struct hp_value) operands;
    const char *call, *args; /* for the report */
    const char *for_path;
    int line;
    uint32_t module;
};

enum hp_step_kind {
    HP_STEP_SET_FIELD,    /* table[key] = value; the key is there; `expected` is its value now */
    HP_STEP_ADD_FIELD,    /* table[key] = value; the key is absent */
    HP_STEP_REMOVE_FIELD, /* table[key] = nil; after everything that may fail */
    HP_STEP_SET_CELL,     /* the cell at `place` = value; `expected` is its value now */
    /* of the live table or userdata `target` = value (a table or nil); `expected` likewise */
    HP_STEP_SET_METATABLE,
    /* What only the search finds: */
    HP_STEP_SET_UPVALUE,    /* upvalue `index` of the C closure `target` */
    HP_STEP_SET_USER_VALUE, /* user value `index` of the userdata `target` */
    HP_STEP_SET_LOCAL,      /* local `index` of frame `level` of the coroutine `target` */
    HP_STEP_SET_BODY,       /* stack slot `index` of the coroutine `target`, which has not started */
    HP_STEP_REKEY,          /* what stands under the key `expected` of table `target` goes under `value` */
};
struct hp_step {
    enum hp_step_kind kind;
    uint32_t target; /* handle of a live table (or userdata, for the metatable) */
    struct hp_value key;
    struct hp_cell_place place;
    const void *cell; /* SET_CELL of a revert: its address, to be compared only */
    struct hp_value value;
    struct hp_value expected; /* LIVE, PLAIN or NIL: verified before the commit */
    const char *path;
    int index, level;
    uint32_t module; /* in plan->modules */
    bool held;       /* found by the search: where `expected` no longer holds it is left to the sweep */
    /* of a revert: where `expected` no longer holds, leave it and count it, instead of planning again */
    bool tolerant;
};

/* An edge that was walked to reach what is written or joined: still the same, or plan again. */
enum hp_check_kind { HP_CHECK_FIELD, HP_CHECK_UPVALUE, HP_CHECK_METATABLE };
struct hp_check {
    enum hp_check_kind kind;
    uint32_t container;  /* handle */
    struct hp_value key; /* FIELD */
    uint32_t upvalue;    /* UPVALUE, 0-based */
    uint32_t expected;   /* handle of the object that is found there; 0 for METATABLE: none */
};

/* An effect of the new body to perform after the commit (--effects new). */
struct hp_plan_effect {
    struct hp_value callee;
    HP_LIST(struct hp_value) arguments;
    uint32_t report_index; /* in report->effects, to mark it performed */
};

/* A function to call after the commit or when reverting. */
struct hp_plan_hook {
    bool present;
    struct hp_value function;
};

struct hp_plan_module {
    const char *name;
    /* the live module, passed to hooks: LIVE, or NIL where globals are the module */
    struct hp_value object;
    struct hp_plan_hook hotfix, hotrevert;
    uint32_t functions; /* replaced and added, for the log */
    /* Text to remember as pushed; NULL: none (a point fix). */
    const char *chunk_name, *text;
    size_t text_len;
    /* of functions that only one of base and that text has: for `sources` */
    HP_LIST(uint64_t) unpaired;
};

/* A function and what takes its place wherever it is held. */
struct hp_plan_swap {
    uint32_t from; /* handle */
    bool of_body;  /* of a revert: see hp_record_write */
    struct hp_value to;
};

struct hp_plan {
    struct hp_arena arena;
    HP_LIST(struct hp_plan_swap) swaps;
    HP_LIST(struct hp_plan_module) modules;
    HP_LIST(struct hp_plan_replay) replays;
    HP_LIST(struct hp_plan_function) functions;
    HP_LIST(struct hp_plan_cell) cells;
    HP_LIST(struct hp_plan_table) tables;
    HP_LIST(struct hp_value) coroutines; /* the function each is made over */
    HP_LIST(struct hp_step) steps;
    HP_LIST(struct hp_check) checks;
    HP_LIST(struct hp_plan_effect) effects;
};

void hp_plan_init(struct hp_plan *plan);
void hp_plan_fini(struct hp_plan *plan);
bool hp_plan_is_empty(const struct hp_plan *plan); /* no steps, no effects */

/* Phase 7: decides every slot of the match by the merge rules, and says in the report what it decided:
 * modules with their functions, upvalues and fields, effects, warnings, refusals. `plan` is initialised by
 * the caller. HP_OK; HP_REFUSED (the report has refusals; the plan is not to be carried out); HP_NO_MEMORY.
 * The texts of plan->modules are the caller's. `found` is what a search found, NULL where none was made. */
struct hp_found;
enum hp_status hp_plan_make(struct hp_plan *plan, const struct hp_match *match,
                            const struct hp_options *options, const struct hp_found *found,
                            struct hp_report *report);

#endif
