/* hotpatch engine: the live graph and the roots it hangs from. No lua.h: `collect` fills it, `match` and
 * `plan` read it. */
#ifndef HP_LIVE_H
#define HP_LIVE_H

#include "agent/engine/graph.h"
#include "agent/engine/map.h"

/* The roots of one module: where its values hang in the live program, and the staged nodes beside them. */
struct hp_root {
    uint32_t module; /* in the new graph */
    uint32_t base;   /* module number in the base graph, HP_NO_ID without a base */
    /* point fix: module number in the base graph, for finding its locals; else HP_NO_ID */
    uint32_t guide;
    /* handle of the live table that holds the root value (0: there is none: code of a source file) … */
    uint32_t container;
    /* … under this name: package.loaded and the module's name, or the parent of a point fix's slot */
    const char *key;
    uint32_t environment; /* handle of the live table that is the module's _ENV */
    const char *path;     /* point fix: path of the slot within the module; "" for a whole module */
    bool point;
    /* handle of the live module itself, for hooks and for finding its locals; 0: it is no object */
    uint32_t object;
    /* Filled in by collect: */
    hp_id live;     /* node of the root value */
    hp_id live_key; /* node of `key` */
    hp_id live_container;
    hp_id live_environment;
};

struct hp_live {
    struct hp_graph graph;
    struct hp_map by_handle; /* handle -> node */
    struct hp_map cells;     /* address of a cell of the module's functions -> number in graph.cells */
    struct hp_map heirs;     /* function of an earlier generation -> the one that took its place */
};

void hp_live_init(struct hp_live *live);
void hp_live_fini(struct hp_live *live);

/* The node of a live object; HP_NIL when it was not met. */
hp_id hp_live_node(const struct hp_live *live, uint32_t handle);

#endif
