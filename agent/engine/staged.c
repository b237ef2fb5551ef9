/* hotpatch engine: what the bodies built, as a graph: hp_stage_collect (stage.h). */
#include <string.h>

#include "agent/engine/collection.h"
#include "agent/engine/stage_impl.h"
#include "agent/engine/view.h"

/* The roots, in source order */

static void collect_module(lua_State *L, struct hp_collection *c, uint32_t number)
{
    struct hp_stage_module *m = &c->s->modules[number];
    struct hp_prototype_tree **tree = HP_PUSH(&c->g->arena, &c->g->trees);
    struct hp_graph_module *made = HP_PUSH(&c->g->arena, &c->g->modules);
    if (tree == NULL || made == NULL)
        hp_collection_no_memory(L);
    *tree = m->tree; /* still the stage's, until everything is collected: hand_over_trees */
    made->name = hp_arena_str(&c->g->arena, m->chunk->module);
    made->tree = number;
    made->returned = m->returned;
    made->instructions = m->instructions;
    if (m->returned) {
        hp_slot_push(L, results);
        lua_rawgeti(L, -1, (lua_Integer)number + 1);
        hp_id root = hp_collection_node_pop(L, c);
        lua_pop(L, 1);
        c->g->modules.items[number].root = root;
    }
    struct hp_peeked env =
        m->chunk->environment != 0 ? hp_peek_object(L, m->chunk->environment) : hp_peek_globals(L);
    hp_view_push(L, &env, 0, NULL, "_ENV");
    hp_id environment = hp_collection_node_pop(L, c);
    c->g->modules.items[number].environment = environment;
    hp_collection_look(L, c);
}

static void collect_written(lua_State *L, struct hp_collection *c)
{
    hp_slot_push(L, written);
    for (lua_Integer i = 1; i <= c->s->written; i++) {
        lua_rawgeti(L, -1, i);
        hp_id id = hp_collection_node_pop(L, c);
        hp_id *item = HP_PUSH(&c->g->arena, &c->g->written);
        if (item == NULL)
            hp_collection_no_memory(L);
        *item = id;
        hp_collection_look(L, c);
    }
    lua_pop(L, 1);
}

static void collect_effect(lua_State *L, struct hp_collection *c, uint32_t number)
{
    const struct hp_stage_effect *from = &c->s->effects.items[number];
    struct hp_effect *e = HP_PUSH(&c->g->arena, &c->g->effects);
    if (e == NULL)
        hp_collection_no_memory(L);
    *e = (struct hp_effect){.module = from->module, .line = from->line, .expression = HP_NO_ID};
    e->call = hp_arena_str(&c->g->arena, from->call);
    e->args = hp_arena_str(&c->g->arena, from->args);
    hp_slot_push(L, effects);
    lua_rawgeti(L, -1, (lua_Integer)number + 1);
    lua_rawgeti(L, -1, 1);
    hp_id callee = hp_collection_node_pop(L, c);
    c->g->effects.items[number].callee = callee;
    for (uint32_t i = 0; i < from->arguments; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 2);
        hp_id argument = hp_collection_node_pop(L, c);
        hp_id *item = HP_PUSH(&c->g->arena, &c->g->effects.items[number].arguments);
        if (item == NULL)
            hp_collection_no_memory(L);
        *item = argument;
    }
    lua_pop(L, 2);
    if (from->expression != HP_NO_ID) {
        uint32_t expression = hp_collection_expression(L, c, from->expression);
        c->g->effects.items[number].expression = expression;
    }
    hp_collection_look(L, c);
}

/* Renumbers the expressions in the order in which they were made, so that operands come before what is made
 * of them. */
static void order_expressions(lua_State *L, struct hp_collection *c)
{
    struct hp_graph *g = c->g;
    size_t count = g->expressions.count;
    struct hp_expression *ordered = hp_arena_alloc(&g->arena, (count + 1) * sizeof *ordered);
    uint32_t *renamed = hp_arena_alloc(&g->arena, (count + 1) * sizeof *renamed);
    if (ordered == NULL || renamed == NULL)
        hp_collection_no_memory(L);
    uint32_t next = 0;
    for (size_t i = 0; i < c->s->expressions.count; i++) {
        uint32_t old = c->expressions[i];
        if (old != HP_NO_ID) {
            renamed[old] = next;
            ordered[next++] = g->expressions.items[old];
        }
    }
    g->expressions.items = ordered;
    g->expressions.cap = count + 1;
    for (size_t i = 0; i < g->nodes.count; i++) {
        struct hp_node *node = hp_graph_node(g, (hp_id)i);
        if (node->kind == HP_NODE_PLACEHOLDER)
            node->expression = renamed[node->expression];
    }
    for (size_t i = 0; i < g->effects.count; i++)
        if (g->effects.items[i].expression != HP_NO_ID)
            g->effects.items[i].expression = renamed[g->effects.items[i].expression];
}

static int collect_all(lua_State *L)
{
    struct hp_collection *c = lua_touserdata(L, 1);
    luaL_checkstack(L, 30, NULL);
    lua_newtable(L);
    c->objects = lua_gettop(L);
    hp_graph_add(c->g, HP_NODE_NIL);
    for (uint32_t i = 0; i < c->s->module_count; i++)
        collect_module(L, c, i);
    collect_written(L, c);
    for (uint32_t i = 0; i < c->s->effects.count; i++)
        collect_effect(L, c, i);
    order_expressions(L, c);
    for (size_t i = 0; i < c->s->warnings.count; i++) {
        const char **item = HP_PUSH(&c->g->arena, &c->g->warnings);
        if (item != NULL)
            *item = hp_arena_str(&c->g->arena, c->s->warnings.items[i]);
    }
    if (hp_graph_failed(c->g))
        hp_collection_no_memory(L);
    return 0;
}

/* From here on the trees are the graph's. Or, after a failure, they stay the stage's. */
static void hand_over_trees(struct hp_stage *s, struct hp_graph *g, bool success)
{
    if (!success) {
        g->trees.count = 0;
        return;
    }
    for (size_t i = 0; i < s->module_count; i++)
        s->modules[i].tree = NULL;
}

enum hp_status hp_stage_collect(struct hp_stage *s, struct hp_graph *g)
{
    if (!s->ran)
        return HP_FAILED;
    struct hp_collection c = {.s = s, .g = g};
    hp_arena_init(&c.arena);
    hp_map_init(&c.numbers, &c.arena);
    size_t expressions = s->expressions.count;
    c.expressions = hp_mem_alloc((expressions + 1) * sizeof *c.expressions);
    int status = LUA_ERRMEM;
    if (c.expressions != NULL) {
        for (size_t i = 0; i < expressions; i++)
            c.expressions[i] = HP_NO_ID;
        lua_gc(s->L, LUA_GCSTOP);
        lua_settop(s->L, 0);
        lua_pushcfunction(s->L, collect_all);
        lua_pushlightuserdata(s->L, &c);
        status = lua_pcall(s->L, 1, 0, 0);
        lua_settop(s->L, 0);
    } else {
        s->starved = true;
    }
    if (status == LUA_ERRMEM)
        hp_stage_note_memory(s);
    hp_mem_free(c.expressions);
    hp_arena_fini(&c.arena);
    hp_mem_free(c.todo);
    hand_over_trees(s, g, status == LUA_OK);
    return status == LUA_OK ? HP_OK : s->failure != HP_OK ? s->failure : HP_FAILED;
}
