/* hotpatch engine: phase 6, what of the new source is the successor of what. Plain C: no lua.h.
 *
 * Two passes. First base and new are paired with each other (`match.c`): prototypes, staged functions, cells,
 * effects. Then live is laid beside them (`slots.c`): which live function is a version of which base
 * function, which live cell is which local, and the list of *slots*, the places where the three meet. With no
 * base, live and new are paired directly, by key and upvalue name.
 *
 * The graphs are read, never written, and must outlive the match. Everything here lives in the match's arena.
 */
#ifndef HP_MATCH_H
#define HP_MATCH_H

#include "agent/engine/live.h"
#include "agent/engine/graph.h"
#include "agent/engine/map.h"

struct hp_code {
    uint32_t tree, prototype; /* HP_NO_ID, HP_NO_PROTOTYPE: none */
};

enum hp_slot_kind { HP_SLOT_FIELD, HP_SLOT_CELL, HP_SLOT_METATABLE };

/* A place of the live program that a source speaks of, and the three values that meet there. */
struct hp_slot {
    enum hp_slot_kind kind;
    hp_id container;               /* FIELD, METATABLE: live node */
    const struct hp_graph *key_in; /* FIELD: the graph of … */
    hp_id key;                     /* … this key node */
    uint32_t cell;                 /* CELL: live cell */
    /* HP_NO_ID: absent. A live cell always has a value, which may be nil (HP_NIL) */
    hp_id base, fresh, live;
    uint32_t module; /* in the new graph */
    const char *path;
    bool list;       /* an element of a list in base and new: data */
    bool diverged;   /* the server has made two names of one table differ, or the other way round: state */
    bool retargeted; /* diverged: the source has another of its tables there now */
    bool root;       /* the module itself */
    bool point;      /* the slot that a point fix is for: its value was asked for */
};

struct hp_match {
    struct hp_arena arena;
    const struct hp_graph *base; /* NULL: none for any module */
    const struct hp_graph *fresh;
    const struct hp_live *live;
    const struct hp_root *roots; /* one for each module of the new graph, in its order */

    struct hp_code **fresh_code; /* [fresh tree][prototype] -> base code */
    struct hp_code **base_code;  /* [base tree][prototype] -> new code */

    hp_id *base_of;       /* new function or table -> that of the base; tables are paired one to one */
    hp_id *fresh_of;      /* base function or table -> the new one */
    uint32_t *cell_base;  /* new cell -> base cell */
    uint32_t *cell_fresh; /* base cell -> new cell */
    struct hp_map votes;  /* (base cell, new cell) -> function pairs that say so */

    bool *effect_paired_base, *effect_paired_fresh;

    struct hp_code *live_code; /* live function -> base code it is a version of */
    hp_id *live_fresh;         /* live function or table -> the new node whose place it has */
    hp_id *twin;               /* new function, table or placeholder -> live node */
    uint32_t *cell_load;       /* live cell -> a cell that stands for its load; see hp_match_load */
    /* a cell of the load that the module is; HP_NO_ID: no function of it captured anything */
    uint32_t own_load;
    HP_LIST(struct hp_cell_link) cell_links; /* which live cells a staged cell has, see hp_match_cell */
    struct hp_map placeholder_live;          /* expression -> live node + 1 */
    HP_LIST(struct hp_slot) slots;
};

/* Pairs everything. HP_OK or HP_NO_MEMORY. `match` is initialised here and wants hp_match_fini either way. */
enum hp_status hp_match(struct hp_match *match, const struct hp_graph *base, const struct hp_graph *fresh,
                        const struct hp_live *live, const struct hp_root *roots);
void hp_match_fini(struct hp_match *match);

/* Second pass; called by hp_match. */
void hp_match_slots(struct hp_match *match);

/* Loads (loads.c), found out during the second pass in this order: cells that one closure captured; what the
 * walk from the module came by; what shows no sign of another load. */
void hp_match_unite_cells(struct hp_match *match);
void hp_match_unite_own(struct hp_match *match);
void hp_match_unite_unmarked(struct hp_match *match);

/* A *load* is one run of a source: its closures share its cells. The same file may have been loaded several
 * times (a plugin, once for each host). The load that a live function belongs to, HP_NO_ID if it captured
 * nothing that would tell. */
uint32_t hp_match_load(const struct hp_match *match, hp_id live_function);
/* that of the module itself, and of all that shows no sign of another */
uint32_t hp_match_own_load(const struct hp_match *match);

/* The live cells known to be the local of a new cell, within a load if there are several and `load` is one:
 * none, one (in *cell), or more: then nothing tells which is meant. */
size_t hp_match_cell(const struct hp_match *match, uint32_t fresh_cell, uint32_t load, uint32_t *cell);

/* Helpers for both passes and the plan. */
struct hp_code hp_code_of(const struct hp_graph *g, hp_id function);
const struct hp_prototype *hp_prototype_at(const struct hp_graph *g, struct hp_code code);
bool hp_code_is(struct hp_code a, struct hp_code b);
bool hp_code_none(struct hp_code a);
/* Index of the upvalue of that name, -1 when there is none. */
int hp_upvalue_named(const struct hp_graph *g, hp_id function, const char *name);
/* The same variable of new source and live function? With a base both must be the base's cell; else the name
 * decides. */
int hp_match_own_upvalue(const struct hp_match *match, hp_id fresh_function, size_t upvalue,
                         hp_id live_function);
bool hp_is_function(const struct hp_graph *g, hp_id id); /* a closure of Lua code; false for HP_NO_ID */
bool hp_is_list(const struct hp_graph *g, hp_id table);  /* keys exactly 1..n */
bool hp_root_has_base(const struct hp_match *match, uint32_t module);

/* A pair of staged functions whose variables have the same names: votes for their cells. */
struct hp_cell_link {
    uint32_t cell; /* staged: base's where the module has one, else new's, see `fresh` */
    bool fresh;
    uint32_t live;
};

#endif
