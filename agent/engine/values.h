/* hotpatch engine: the values of a plan in the live state.
 *
 * A plan names values by number (hp_value). While it is carried out, what was built for it (functions,
 * tables, cells, replayed results, coroutines) stands in one Lua table, the *values table*, each at its slot;
 * live objects stand in the anchor. Lua thread only.
 */
#ifndef HP_VALUES_H
#define HP_VALUES_H

#include <lua.h>
#include <stdbool.h>

#include "agent/engine/anchor.h"
#include "agent/engine/plan.h"

/* Where to look, as absolute stack indices of the frame that is running; never kept longer. */
struct hp_values {
    const struct hp_plan *plan;
    const void *workshop; /* its key; NULL: none */
    int anchor;
    int table;
};

/* What has a slot in the values table. A cell is stood for by its *holder*, a small closure whose only
 * upvalue it is. */
enum hp_values_part {
    HP_PART_FUNCTIONS,
    HP_PART_TABLES,
    HP_PART_CELLS,
    HP_PART_REPLAYS,
    HP_PART_COROUTINES,
    HP_PART_END
};

/* Place of the index-th value of a part; (HP_PART_END, 0) is one beyond the last slot. */
lua_Integer hp_values_slot(const struct hp_plan *plan, enum hp_values_part part, uint32_t index);

/* An empty values table with room for all slots. False (nothing pushed): the plan has more than a table can
 * hold.
 * [-0, +1 or 0, m] */
bool hp_values_push_new(lua_State *L, const struct hp_plan *plan);

/* The value; nil for what has not been built yet. [-0, +1, m (a string is made), - for other kinds] */
void hp_value_push(lua_State *L, const struct hp_values *values, const struct hp_value *value);

/* A plain node of a graph. [-0, +1, m] */
void hp_plain_push(lua_State *L, const struct hp_node *node);

/* The value at `idx` as plain data: objects are anchored, plain values become nodes of `graph`. False: no
 * memory for the node (hp_graph_failed tells). [-0, +0, m] */
bool hp_value_from_stack(lua_State *L, int idx, int anchor, struct hp_graph *graph, struct hp_value *out);

/* Raw equality in which a NaN is equal to a NaN: "is this still what was there?" [-0, +0, -] */
bool hp_same_value(lua_State *L, int a, int b);

/* True if the value at `idx` may be a key: neither nil nor NaN. [-0, +0, -] */
bool hp_is_key(lua_State *L, int idx);

bool hp_is_lua_closure(lua_State *L, int idx);

#endif
