/* hotpatch engine: the making of a graph from what the bodies built. Of the stage alone.
 *
 * Values become nodes when they are first met; what is inside them is looked at later, from a worklist, so
 * that no chain of tables is too long. The collector of the stage is stopped meanwhile: addresses stand for
 * objects. All functions raise in the stage when memory runs out; the collection is the caller's, who gives
 * its memory back. */
#ifndef HP_COLLECTION_H
#define HP_COLLECTION_H

#include <lua.h>

#include "agent/engine/graph.h"
#include "agent/engine/map.h"

struct hp_stage;

enum hp_address_of { HP_ADDRESS_OF_VALUE, HP_ADDRESS_OF_CELL };

struct hp_collection {
    struct hp_stage *s;
    struct hp_graph *g;
    struct hp_arena arena; /* of the map */
    struct hp_map numbers; /* (address, what it is of) -> number of the node or cell */
    uint32_t *expressions; /* hp_mem: number in the stage -> number in the graph, HP_NO_ID: not met */
    hp_id *todo; /* hp_mem: nodes not looked into yet; the objects are in `objects` at the same places */
    size_t todo_count, todo_cap;
    int objects; /* stack index of that table */
};

_Noreturn void hp_collection_no_memory(lua_State *L);

/* The node of the value at `idx`; each object and string has one. [-0, +0, e] */
hp_id hp_collection_node(lua_State *L, struct hp_collection *c, int idx);
hp_id hp_collection_node_pop(lua_State *L, struct hp_collection *c); /* of the top. [-1, +0, e] */

/* The number in the graph of an expression of the stage; its operands get nodes. [-0, +0, e] */
uint32_t hp_collection_expression(lua_State *L, struct hp_collection *c, uint32_t number);

/* Looks into everything that was met. [-0, +0, e] */
void hp_collection_look(lua_State *L, struct hp_collection *c);

#endif
