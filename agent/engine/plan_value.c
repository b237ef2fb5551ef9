/* hotpatch engine: translation of what the new source built into what will stand in the live state.
 *
 * Nothing of the stage itself goes live: a paired table is the live table, a function its one planned
 * closure, a view its object (or the successor of that object), a placeholder what its slot holds live, or
 * else a call to replay. The contract is in planner.h.
 */
#include <string.h>

#include "agent/engine/planner.h"

#define MAX_REPLAY_DEPTH 64 /* operands within operands; deeper ones are R09 */

/* --- plain and live values -------------------------------------------------------------------- */

static const struct hp_value NIL = {.kind = HP_VALUE_NIL};

struct hp_value hp_value_plain(const struct hp_graph *g, hp_id node)
{
    if (node == HP_NO_ID || node == HP_NIL)
        return NIL;
    return (struct hp_value){.kind = HP_VALUE_PLAIN, .graph = g, .node = node};
}

struct hp_value hp_value_object(uint32_t handle)
{
    return handle ? (struct hp_value){.kind = HP_VALUE_LIVE, .index = handle} : NIL;
}

struct hp_value hp_value_key(const struct hp_graph *g, hp_id key)
{
    const struct hp_node *n = hp_graph_node(g, key);
    return hp_node_is_plain(n) ? hp_value_plain(g, key) : hp_value_object(n->handle);
}

struct hp_value hp_value_live(const struct hp_planner *p, hp_id live)
{
    return live == HP_NO_ID ? NIL : hp_value_key(p->live, live);
}

static struct hp_value value_of(enum hp_value_kind kind, uint32_t index)
{
    return (struct hp_value){.kind = kind, .index = index};
}

/* --- bindings of upvalues --------------------------------------------------------------------- */

static const struct hp_root *root_of(const struct hp_planner *p, hp_id fresh)
{
    uint32_t tree = hp_graph_node(p->fresh, fresh)->function.tree;
    for (size_t i = 0; i < p->fresh->modules.count; i++)
        if (p->fresh->modules.items[i].tree == tree)
            return &p->match->roots[i];
    return NULL;
}

/* The load whose cells a function gets: its predecessor's, else the one that is being planned for. */
static uint32_t load_of(const struct hp_planner *p, hp_id live)
{
    uint32_t load = live == HP_NO_ID ? HP_NO_ID : hp_match_load(p->match, live);
    return load == HP_NO_ID ? p->load : load;
}

/* What is new is made once for the modules of the request, which may share it, and once more for each other
 * load. */
static uint32_t maker_of(const struct hp_planner *p)
{
    for (size_t i = 0; i < p->fresh->modules.count; i++)
        if (p->loads[i] == p->load)
            return HP_NO_ID;
    return p->load;
}

static struct hp_binding join(uint32_t cell)
{
    return (struct hp_binding){HP_BIND_JOIN, cell};
}

static uint32_t live_cell(const struct hp_planner *p, hp_id live, int upvalue)
{
    return hp_graph_node(p->live, live)->cells.items[upvalue];
}

static bool is_chunk_environment(const struct hp_planner *p, hp_id fresh, size_t upvalue)
{
    struct hp_code code = hp_code_of(p->fresh, fresh);
    struct hp_variable v;
    return hp_prototype_variable(p->fresh->trees.items[code.tree], code.prototype, (uint32_t)upvalue, &v) &&
           v.owner == HP_NO_PROTOTYPE;
}

/* Any live cell that live functions know by that name: how many distinct ones, and the first. */
static size_t cells_named(const struct hp_planner *p, const char *name, uint32_t *cell)
{
    size_t count = 0;
    for (hp_id id = 1; id < p->live->nodes.count; id++) {
        int upvalue = hp_is_function(p->live, id) ? hp_upvalue_named(p->live, id, name) : -1;
        if (upvalue < 0 || (count && *cell == live_cell(p, id, upvalue)))
            continue;
        if (count++ == 0)
            *cell = live_cell(p, id, upvalue);
    }
    return count;
}

static struct hp_binding bind_environment(const struct hp_planner *p, hp_id live, uint32_t fresh_cell)
{
    uint32_t cell;
    int own = live == HP_NO_ID ? -1 : hp_upvalue_named(p->live, live, "_ENV");
    if (own >= 0)
        return join(live_cell(p, live, own));
    return hp_match_cell(p->match, fresh_cell, load_of(p, live), &cell)
               ? join(cell)
               : (struct hp_binding){HP_BIND_NEW, fresh_cell};
}

static bool same_code_live(const struct hp_planner *p, struct hp_code fresh, hp_id live)
{
    struct hp_code code = hp_code_of(p->live, live);
    return hp_prototype_equal(p->fresh->trees.items[fresh.tree], fresh.prototype,
                              p->live->trees.items[code.tree], code.prototype);
}

/* A point fix declares the live locals that it wants: `local count` without a value. */
static struct hp_binding bind_declared(const struct hp_planner *p, hp_id fresh, size_t upvalue, hp_id live)
{
    const char *name = hp_prototype_at(p->fresh, hp_code_of(p->fresh, fresh))->upvalues.items[upvalue].name;
    uint32_t cell, fresh_cell = hp_graph_node(p->fresh, fresh)->cells.items[upvalue];
    int own = live == HP_NO_ID ? -1 : hp_upvalue_named(p->live, live, name);
    /* the same fix again */
    bool same = live != HP_NO_ID && same_code_live(p, hp_code_of(p->fresh, fresh), live);
    if (p->fresh->cells.items[fresh_cell].value != HP_NIL && !same)
        return (struct hp_binding){HP_BIND_NEW, fresh_cell};
    if (own >= 0)
        return join(live_cell(p, live, own));
    size_t count = cells_named(p, name, &cell);
    if (count == 0)
        return (struct hp_binding){HP_BIND_NONE, fresh_cell};
    return count == 1 ? join(cell) : (struct hp_binding){HP_BIND_AMBIGUOUS, cell};
}

struct hp_binding hp_planner_bind(struct hp_planner *p, hp_id fresh, size_t upvalue, hp_id live)
{
    uint32_t cell, fresh_cell = hp_graph_node(p->fresh, fresh)->cells.items[upvalue];
    const struct hp_root *root = root_of(p, fresh);
    if (is_chunk_environment(p, fresh, upvalue))
        return bind_environment(p, live, fresh_cell);
    if (root && root->point)
        return bind_declared(p, fresh, upvalue, live);
    int own = live == HP_NO_ID ? -1 : hp_match_own_upvalue(p->match, fresh, upvalue, live);
    if (own >= 0)
        return join(live_cell(p, live, own));
    size_t count = hp_match_cell(p->match, fresh_cell, load_of(p, live), &cell);
    if (count == 0)
        return (struct hp_binding){HP_BIND_NEW, fresh_cell};
    return count == 1 ? join(cell) : (struct hp_binding){HP_BIND_AMBIGUOUS, cell};
}

/* The cell of a local that the body declares, found through any staged function that captured it. */
static bool cell_of_variable(const struct hp_planner *p, uint32_t tree, const struct hp_variable *v,
                             uint32_t *cell)
{
    for (hp_id id = 1; id < p->fresh->nodes.count; id++) {
        if (!hp_is_function(p->fresh, id) || hp_graph_node(p->fresh, id)->function.tree != tree)
            continue;
        const struct hp_node *n = hp_graph_node(p->fresh, id);
        for (size_t i = 0; i < n->cells.count; i++) {
            struct hp_variable other;
            if (hp_prototype_variable(p->fresh->trees.items[tree], n->function.prototype, (uint32_t)i,
                                      &other) &&
                other.owner == v->owner && other.number == v->number) {
                *cell = n->cells.items[i];
                return true;
            }
        }
    }
    return false;
}

/* An upvalue of a closure that a factory made earlier: its own cell; or a local of the body; a local of the
 * factory that was not captured then has no value anywhere. */
static struct hp_binding bind_instance(const struct hp_planner *p, struct hp_code code, size_t upvalue,
                                       hp_id live)
{
    const struct hp_prototype *proto = hp_prototype_at(p->fresh, code);
    int own = hp_upvalue_named(p->live, live, proto->upvalues.items[upvalue].name);
    struct hp_variable v;
    uint32_t fresh_cell, cell;
    if (own >= 0)
        return join(live_cell(p, live, own));
    if (!hp_prototype_variable(p->fresh->trees.items[code.tree], code.prototype, (uint32_t)upvalue, &v) ||
        (v.owner != 0 && v.owner != HP_NO_PROTOTYPE) || !cell_of_variable(p, code.tree, &v, &fresh_cell))
        return (struct hp_binding){HP_BIND_NONE, 0};
    return hp_match_cell(p->match, fresh_cell, load_of(p, live), &cell)
               ? join(cell)
               : (struct hp_binding){HP_BIND_NEW, fresh_cell};
}

/* --- functions -------------------------------------------------------------------------------- */

bool hp_planner_unchanged(struct hp_planner *p, hp_id fresh, hp_id live)
{
    struct hp_code code = hp_code_of(p->fresh, fresh);
    const struct hp_prototype *proto = hp_prototype_at(p->fresh, code);
    if (!same_code_live(p, code, live))
        return false;
    for (size_t i = 0; i < proto->upvalues.count; i++) { /* equal code: the same upvalues in the same order */
        struct hp_binding b = hp_planner_bind(p, fresh, i, live);
        if (b.kind != HP_BIND_JOIN || b.cell != live_cell(p, live, (int)i))
            return false;
    }
    return true;
}

static void pend(struct hp_planner *p, struct hp_pending pending)
{
    struct hp_pending *slot = HP_PUSH(&p->plan->arena, &p->pending);
    if (slot)
        *slot = pending;
}

/* A function of the base that lives nowhere on the way from the module: others may hold it. Of what factories
 * make there may be any number, and which is meant, nobody could tell. */
static hp_id unfound_base(const struct hp_planner *p, hp_id fresh, hp_id live)
{
    hp_id base = fresh == HP_NO_ID || live != HP_NO_ID ? HP_NO_ID : p->match->base_of[fresh];
    if (base == HP_NO_ID || p->match->twin[fresh] != HP_NO_ID)
        return HP_NIL;
    return hp_prototype_at(p->base, hp_code_of(p->base, base))->parent == 0 ? base : HP_NIL;
}

static struct hp_value plan_function(struct hp_planner *p, struct hp_code code, hp_id fresh, hp_id live,
                                     uint32_t module, const char *path)
{
    struct hp_plan_function *f = HP_PUSH(&p->plan->arena, &p->plan->functions);
    uint32_t index = (uint32_t)p->plan->functions.count - 1;
    if (!f)
        return NIL;
    *f = (struct hp_plan_function){.tree = p->fresh->trees.items[code.tree],
                                   .prototype = code.prototype,
                                   .replaces = live == HP_NO_ID ? 0 : hp_graph_node(p->live, live)->handle,
                                   .path = path,
                                   .module = module,
                                   .unfound = unfound_base(p, fresh, live)};
    pend(p, (struct hp_pending){HP_PENDING_FUNCTION, index, fresh, live, module, load_of(p, live), path});
    return value_of(HP_VALUE_FUNCTION, index);
}

/* A local function of the body that nothing of the new source holds: its locals have no cells, and nobody but
 * old code can call it. It stays as it is. */
static bool instance_binds(struct hp_planner *p, struct hp_code code, hp_id live, uint32_t module,
                           const char *path)
{
    const struct hp_prototype *proto = hp_prototype_at(p->fresh, code);
    for (size_t i = 0; i < proto->upvalues.count; i++) {
        struct hp_variable v;
        if (bind_instance(p, code, i, live).kind != HP_BIND_NONE ||
            (hp_prototype_variable(p->fresh->trees.items[code.tree], code.prototype, (uint32_t)i, &v) &&
             v.owner != 0))
            continue;
        hp_planner_note(
            p, HP_R06_UNPAIRED, module, path,
            "%s changed, and nothing of the new source uses it: the old one stays where something holds it",
            path);
        return false;
    }
    return true;
}

struct hp_value hp_value_successor(struct hp_planner *p, hp_id live, uint32_t module, const char *path)
{
    const uint32_t *known = hp_map_find(&p->successors, live, 0);
    struct hp_value value = hp_value_live(p, live);
    if (known)
        return *known ? value_of(HP_VALUE_FUNCTION, *known - 1) : value;

    hp_id fresh = p->match->live_fresh[live];
    struct hp_code base = p->match->live_code[live];
    if (hp_is_function(p->fresh, fresh)) {
        if (hp_planner_selects(p, fresh) && !hp_planner_unchanged(p, fresh, live))
            value = plan_function(p, hp_code_of(p->fresh, fresh), fresh, live, module, path);
    } else if (!hp_code_none(base)) {
        struct hp_code code = p->match->base_code[base.tree][base.prototype];
        if (!hp_code_none(code) && p->selected.count == 0 && !same_code_live(p, code, live) &&
            instance_binds(p, code, live, module, path)) {
            value = plan_function(p, code, HP_NO_ID, live, module, path);
            p->report->instances++;
        }
    }
    hp_map_put(&p->successors, live, 0, value.kind == HP_VALUE_FUNCTION ? value.index + 1 : 0, NULL);
    return value;
}

static struct hp_value function_value(struct hp_planner *p, hp_id fresh, uint32_t module, const char *path)
{
    hp_id live = p->match->twin[fresh];
    if (live != HP_NO_ID && p->match->live_fresh[live] == fresh)
        return hp_value_successor(p, live, module, path);
    const uint32_t *known = hp_map_find(&p->functions, fresh, maker_of(p));
    if (known)
        return value_of(HP_VALUE_FUNCTION, *known);
    struct hp_value value = plan_function(p, hp_code_of(p->fresh, fresh), fresh, HP_NO_ID, module, path);
    hp_map_put(&p->functions, fresh, maker_of(p), value.index, NULL);
    return value;
}

static uint32_t plan_cell(struct hp_planner *p, uint32_t fresh_cell, uint32_t module, const char *path)
{
    bool first = false;
    uint32_t *known = hp_map_put(&p->cells, fresh_cell, maker_of(p), (uint32_t)p->plan->cells.count, &first);
    if (!known || !first)
        return known ? *known : 0;
    uint32_t index = *known;
    HP_PUSH(&p->plan->arena, &p->plan->cells);
    if (fresh_cell != HP_NO_ID) /* HP_NO_ID: a cell that starts as nil */
        pend(p, (struct hp_pending){HP_PENDING_CELL, index, fresh_cell, HP_NO_ID, module, p->load, path});
    return index;
}

static void say_unbound(struct hp_planner *p, const struct hp_binding *b, const struct hp_pending *f,
                        const char *name, const char *path)
{
    if (b->kind == HP_BIND_AMBIGUOUS)
        hp_planner_note(p, HP_R02_AMBIGUOUS, f->module, path,
                        "\"%s\" stands for more than one live local, and nothing tells which one %s means; "
                        "send the source "
                        "that runs with --base, or rename the local",
                        name, f->path);
    else
        hp_planner_note(p, HP_R07_NO_VALUE, f->module, path,
                        "%s uses the local \"%s\", which exists nowhere in the live program and has no first "
                        "value; give it "
                        "one, or pass it as an argument",
                        f->path, name);
}

static void bind_upvalue(struct hp_planner *p, const struct hp_pending *f, struct hp_code code, size_t i,
                         struct hp_plan_upvalue *out)
{
    const char *name = hp_prototype_at(p->fresh, code)->upvalues.items[i].name;
    const char *path = hp_path_upvalue(&p->plan->arena, f->path, name);
    struct hp_binding b =
        f->fresh == HP_NO_ID ? bind_instance(p, code, i, f->live) : hp_planner_bind(p, f->fresh, i, f->live);
    if (b.kind == HP_BIND_AMBIGUOUS || b.kind == HP_BIND_NONE)
        say_unbound(p, &b, f, name, path);
    if (b.kind == HP_BIND_JOIN || b.kind == HP_BIND_AMBIGUOUS) {
        const struct hp_cell *cell = &p->live->cells.items[b.cell];
        *out = (struct hp_plan_upvalue){.join = true,
                                        .place = {hp_graph_node(p->live, cell->holder)->handle, cell->index}};
        hp_map_put(&p->joined, b.cell, 0, 1, NULL);
    } else {
        *out = (struct hp_plan_upvalue){
            .cell = plan_cell(p, b.kind == HP_BIND_NEW ? b.cell : HP_NO_ID, f->module, path)};
    }
}

static void fill_function(struct hp_planner *p, const struct hp_pending *f)
{
    struct hp_plan_function *planned = &p->plan->functions.items[f->index];
    struct hp_code code = {0, planned->prototype};
    while (p->fresh->trees.items[code.tree] != planned->tree)
        code.tree++;
    size_t count = hp_prototype_at(p->fresh, code)->upvalues.count;
    for (size_t i = 0; i < count; i++) {
        struct hp_plan_upvalue upvalue = {0};
        bind_upvalue(p, f, code, i, &upvalue);
        struct hp_plan_upvalue *slot = HP_PUSH(&p->plan->arena, &p->plan->functions.items[f->index].upvalues);
        if (slot)
            *slot = upvalue;
    }
    if (f->fresh != HP_NO_ID)
        hp_planner_function(p, f->fresh, f->live, f->live == HP_NO_ID ? "added" : "replaced", f->module,
                            f->path);
}

/* --- tables ----------------------------------------------------------------------------------- */

static struct hp_value table_value(struct hp_planner *p, hp_id fresh, uint32_t module, const char *path)
{
    hp_id live = p->match->twin[fresh];
    if (live != HP_NO_ID)
        return hp_value_live(p, live);
    bool first = false;
    uint32_t *known = hp_map_put(&p->tables, fresh, maker_of(p), (uint32_t)p->plan->tables.count, &first);
    uint32_t index = known ? *known : 0;
    if (first) {
        HP_PUSH(&p->plan->arena, &p->plan->tables);
        pend(p, (struct hp_pending){HP_PENDING_TABLE, index, fresh, HP_NO_ID, module, p->load, path});
    }
    return value_of(HP_VALUE_TABLE, index);
}

static void fill_table(struct hp_planner *p, const struct hp_pending *t)
{
    struct hp_arena *a = &p->plan->arena;
    const struct hp_node *n = hp_graph_node(p->fresh, t->fresh);
    for (size_t i = 0; i < n->entries.count; i++) {
        const struct hp_entry *e = &n->entries.items[i];
        const char *path = hp_path_field(a, t->path, p->fresh, e->key);
        struct hp_plan_pair pair = {hp_value_fresh(p, e->key, t->module, path),
                                    hp_value_fresh(p, e->value, t->module, path)};
        struct hp_plan_pair *slot = HP_PUSH(a, &p->plan->tables.items[t->index].fields);
        if (slot)
            *slot = pair;
    }
    if (n->metatable != HP_NIL) {
        struct hp_value metatable = hp_value_fresh(p, n->metatable, t->module, hp_path_metatable(a, t->path));
        p->plan->tables.items[t->index].metatable = metatable;
    }
}

/* A plain first value from a line that also made a call which was not made may have been chosen by its
 * unknown result. */
static void note_doubtful(struct hp_planner *p, const struct hp_pending *c)
{
    const struct hp_cell *cell = &p->fresh->cells.items[c->fresh];
    struct hp_code code = hp_code_of(p->fresh, cell->holder);
    const struct hp_prototype_tree *tree = p->fresh->trees.items[code.tree];
    struct hp_variable v;
    if (!hp_node_is_plain(hp_graph_node(p->fresh, cell->value)) || cell->value == HP_NIL ||
        !hp_prototype_variable(tree, code.prototype, cell->index, &v) || v.owner != 0)
        return;
    int line = hp_prototype_local_line(tree, 0, v.number);
    for (size_t i = 0; line && i < p->fresh->expressions.count; i++) {
        const struct hp_expression *e = &p->fresh->expressions.items[i];
        if (e->line != line || p->fresh->modules.items[e->module].tree != code.tree)
            continue;
        hp_planner_warn(p, HP_R09_UNREPLAYABLE, c->module, c->path,
                        "the first value of %s was computed beside %s (line %d), which was not called: it "
                        "may have been another; set it "
                        "in __hotfix",
                        c->path, e->what ? e->what : "a call", line);
        return;
    }
}

void hp_planner_fill(struct hp_planner *p)
{
    while (p->next_pending < p->pending.count && !hp_arena_failed(&p->plan->arena)) {
        struct hp_pending pending = p->pending.items[p->next_pending++];
        p->load = pending.load;
        switch (pending.kind) {
        case HP_PENDING_FUNCTION:
            fill_function(p, &pending);
            break;
        case HP_PENDING_CELL: {
            note_doubtful(p, &pending);
            struct hp_value first =
                hp_value_fresh(p, p->fresh->cells.items[pending.fresh].value, pending.module, pending.path);
            p->plan->cells.items[pending.index].first = first;
            break;
        }
        case HP_PENDING_TABLE:
            fill_table(p, &pending);
            break;
        }
    }
}

/* --- placeholders ----------------------------------------------------------------------------- */

static struct hp_value placeholder_value(struct hp_planner *p, hp_id fresh, uint32_t module, const char *path,
                                         int depth);

/* An operand of a call to replay. Functions of the chunk are no operands: the call would register them. */
static bool operand(struct hp_planner *p, hp_id fresh, uint32_t module, const char *path, int depth,
                    struct hp_value *out)
{
    const struct hp_node *n = hp_graph_node(p->fresh, fresh);
    if (n->kind == HP_NODE_FUNCTION || n->kind == HP_NODE_OPAQUE || depth >= MAX_REPLAY_DEPTH)
        return false;
    *out = n->kind == HP_NODE_PLACEHOLDER ? placeholder_value(p, fresh, module, path, depth + 1)
                                          : hp_value_fresh(p, fresh, module, path);
    return out->kind != HP_VALUE_NIL || n->kind == HP_NODE_NIL;
}

static const char *find_call(const struct hp_planner *p, uint32_t expression, const char **args)
{
    const struct hp_expression *e = &p->fresh->expressions.items[expression];
    if (e->operation == HP_OP_REQUIRE && e->operands.count == 1) {
        *args = hp_arena_printf(&p->plan->arena, "\"%s\"",
                                hp_graph_node(p->fresh, e->operands.items[0])->string.data);
        return "require";
    }
    for (size_t i = 0; i < p->fresh->effects.count; i++)
        if (p->fresh->effects.items[i].expression == expression) {
            *args = p->fresh->effects.items[i].args;
            return p->fresh->effects.items[i].call;
        }
    *args = "";
    return e->what ? e->what : "?";
}

static bool plan_replay(struct hp_planner *p, uint32_t expression, uint32_t module, const char *path,
                        int depth, uint32_t *index)
{
    const struct hp_expression *e = &p->fresh->expressions.items[expression];
    const uint32_t *known = hp_map_find(&p->replays, expression, 0);
    struct hp_plan_replay replay = {
        .operation = e->operation, .for_path = path, .line = e->line, .module = module};
    if (known) {
        *index = *known;
        return true;
    }
    if (e->operation == HP_OP_OTHER)
        return false;
    for (size_t i = 0; i < e->operands.count; i++) {
        struct hp_value value;
        if (!operand(p, e->operands.items[i], module, path, depth, &value))
            return false;
        struct hp_value *slot = HP_PUSH(&p->plan->arena, &replay.operands);
        if (slot)
            *slot = value;
    }
    replay.call = find_call(p, expression, &replay.args);
    *index = (uint32_t)p->plan->replays.count;
    struct hp_plan_replay *slot = HP_PUSH(&p->plan->arena, &p->plan->replays);
    if (slot)
        *slot = replay;
    hp_map_put(&p->replays, expression, 0, *index, NULL);
    return true;
}

static struct hp_value cannot_translate(struct hp_planner *p, const char *what, int line, uint32_t module,
                                        const char *path)
{
    if (line > 0)
        hp_planner_note(p, HP_R09_UNREPLAYABLE, module, path,
                        "the first value of %s depends on %s (line %d), which was not called and cannot be "
                        "replayed; set it in "
                        "__hotfix, or compute it when it is first needed",
                        path, what, line);
    else
        hp_planner_note(p, HP_R09_UNREPLAYABLE, module, path,
                        "the first value of %s is %s made while the chunk was loaded, which cannot be "
                        "carried over; set it in "
                        "__hotfix, or make it when it is first needed",
                        path, what);
    return NIL;
}

static struct hp_value placeholder_value(struct hp_planner *p, hp_id fresh, uint32_t module, const char *path,
                                         int depth)
{
    uint32_t expression = hp_graph_node(p->fresh, fresh)->expression, index;
    const struct hp_expression *e = &p->fresh->expressions.items[expression];
    const uint32_t *live = hp_map_find(&p->match->placeholder_live, expression, 0);
    if (live)
        return hp_value_live(p, *live - 1);
    bool written =
        hp_graph_node(p->fresh, fresh)->entries.count > 0 || hp_graph_node(p->fresh, fresh)->has_metatable;
    if (written || !plan_replay(p, expression, module, path, depth, &index))
        return cannot_translate(p, e->what ? e->what : "a call", e->line, module, path);
    return value_of(HP_VALUE_REPLAY, index);
}

/* --- any value -------------------------------------------------------------------------------- */

/* An unstarted coroutine is one entry: the function it is over (see stage.h); anything else cannot be carried
 * over. */
static struct hp_value opaque_value(struct hp_planner *p, hp_id fresh, uint32_t module, const char *path)
{
    const struct hp_node *n = hp_graph_node(p->fresh, fresh);
    bool first = false;
    if (!n->type || strcmp(n->type, "thread") != 0 || n->entries.count != 1)
        return cannot_translate(p, n->text ? n->text : "a value", 0, module, path);
    uint32_t *index = hp_map_put(&p->coroutines, fresh, 0, (uint32_t)p->plan->coroutines.count, &first);
    uint32_t number = index ? *index : 0;
    if (first) {
        struct hp_value over = hp_value_fresh(p, n->entries.items[0].value, module, path);
        struct hp_value *slot = HP_PUSH(&p->plan->arena, &p->plan->coroutines);
        if (slot)
            *slot = over;
    }
    return value_of(HP_VALUE_COROUTINE, number);
}

static struct hp_value view_value(struct hp_planner *p, hp_id fresh, uint32_t module, const char *path)
{
    uint32_t handle = hp_graph_node(p->fresh, fresh)->handle;
    hp_id live = hp_live_node(p->match->live, handle);
    return live != HP_NIL && hp_is_function(p->live, live) ? hp_value_successor(p, live, module, path)
                                                           : hp_value_object(handle);
}

struct hp_value hp_value_fresh(struct hp_planner *p, hp_id fresh, uint32_t module, const char *path)
{
    switch (hp_graph_node(p->fresh, fresh)->kind) {
    case HP_NODE_TABLE:
        return table_value(p, fresh, module, path);
    case HP_NODE_FUNCTION:
        return function_value(p, fresh, module, path);
    case HP_NODE_VIEW:
        return view_value(p, fresh, module, path);
    case HP_NODE_PLACEHOLDER:
        return placeholder_value(p, fresh, module, path, 0);
    case HP_NODE_OPAQUE:
        return opaque_value(p, fresh, module, path);
    default:
        return hp_value_plain(p->fresh, fresh);
    }
}
