/* hotpatch engine: the server's collector, which stands still while the agent works in the state: any
 * allocation might else run finalizers, which are the server's code.
 *
 * Lua forgets how far off the next step of the collector was when it is started again: the server's very next
 * allocation would pay for one, which over a large heap takes about a millisecond; in a search, one for each
 * slice. So the server gets a credit, and steps go on at the pace that Lua itself has within a cycle: one for
 * so many bytes, whoever allocates them. A credit is given anew only when a step was made; else a server that
 * allocates little between two slices would never be collected.
 *
 * Lua thread only. Nothing here allocates, raises, or runs a step. */
#ifndef HP_COLLECTOR_H
#define HP_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

/* All zero to begin with. */
struct hp_collector {
    bool stopped;   /* by us: it ran before */
    int64_t credit; /* bytes that may yet be allocated before a step is due, as of … */
    int64_t bytes;  /* … when the state had so many */
};

/* Around each of the agent's turns; one that was stopped already stays so. [-0, +0, -] */
void hp_collector_stop(struct hp_collector *c, lua_State *L);
void hp_collector_start(struct hp_collector *c, lua_State *L);

#endif
