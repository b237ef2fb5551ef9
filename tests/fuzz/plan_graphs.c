/* The contract is in plan_graphs.h. */
#include "plan_graphs.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#define HANDLES   12 /* live objects: 1 … HANDLES */
#define MAX_NODES 40

/* --- bytes ------------------------------------------------------------------------------------ */

struct source {
    const uint8_t *at, *end;
};

/* A number below n; 0 when the bytes are at an end. */
static uint32_t take(struct source *s, uint32_t n)
{
    return s->at < s->end && n > 0 ? *s->at++ % n : 0;
}

static bool chance(struct source *s, uint32_t in)
{
    return take(s, in) == in - 1 && in > 1;
}

/* --- the pool: edits of one module, and a few others ------------------------------------------ */

static const char *const texts[] = {
    "local n = 0 local M = {} local function h() return n end function M.f() n = n + 1 return h() end\n"
    "function M.g(x) return n, x end return M",
    "local n = 0 local M = {} local function h() return n, 1 end function M.f() n = n + 1 return h() end\n"
    "local step = 1 function M.g(x) return n, x + step end return M",
    "local M = {} local step, n = 1, 0 function M.g(x) return x, step end local function other() return n "
    "end\n"
    "function M.f() return other() + 1 end return M",
    "local M = {} local t = {} function M.make(a) local b = 0 return function() b = b + a return t, b end "
    "end return M",
    "local M = {} local t = {} function M.make(a) local b, c = 0, 1 return function() b = b + a return t, b, "
    "c end end return M",
    "local n do local n = 1 function f() return n end end n = 2 function g() return n, f end",
    "bus.on('a', function() return 1 end) bus.on('a', function(x) return x end)",
    "return function(...) return ... end",
};
#define TEXTS (sizeof texts / sizeof *texts)

static struct {
    char *data;
    size_t len;
} pool[TEXTS][2]; /* whole, stripped */

static int add_bytes(lua_State *L, const void *p, size_t size, void *ud)
{
    (void)L;
    struct hp_bytes *b = ud;
    char *data = realloc((void *)(uintptr_t)b->data, b->len + size);
    if (!data)
        abort();
    memcpy(data + b->len, p, size);
    b->data = data;
    b->len += size;
    return 0;
}

void pool_compile(void)
{
    lua_State *L = luaL_newstate();
    for (size_t i = 0; L && i < TEXTS; i++)
        for (int strip = 0; strip < 2; strip++) {
            struct hp_bytes dump = {0};
            if (luaL_loadbufferx(L, texts[i], strlen(texts[i]), "@pool.lua", "t") != LUA_OK ||
                lua_dump(L, add_bytes, &dump, strip))
                abort();
            pool[i][strip].data = (char *)(uintptr_t)dump.data;
            pool[i][strip].len = dump.len;
            lua_settop(L, 0);
        }
    if (!L)
        abort();
    lua_close(L);
}

static void add_tree(struct hp_graph *g, uint32_t text, bool strip)
{
    struct hp_prototype_tree *tree = hp_mem_calloc(sizeof *tree);
    if (!tree || hp_prototypes_parse(tree, pool[text][strip].data, pool[text][strip].len) != HP_OK)
        abort();
    struct hp_prototype_tree **slot = HP_PUSH(&g->arena, &g->trees);
    if (!slot)
        abort();
    *slot = tree;
}

/* --- nodes ------------------------------------------------------------------------------------ */

struct builder {
    struct source *s;
    struct hp_graph *g;
    struct hp_live *live;      /* NULL: a staged graph */
    bool handles[HANDLES + 1]; /* given */
    uint32_t placeholders;
};

static const char *const names[] = {"f",       "g",    "h",        "make", "n", "t",
                                    "__index", "__gc", "__hotfix", "a b",  "M", "VERSION"};
#define NAMES (sizeof names / sizeof *names)

static hp_id any_node(struct builder *b)
{
    return take(b->s, (uint32_t)b->g->nodes.count);
}

static void add_plain(struct builder *b)
{
    static const double floats[] = {0.5, -0.0, 1e300, 1e300 * 1e300, 2.0};
    static const enum hp_node_kind kinds[] = {HP_NODE_STRING, HP_NODE_INTEGER, HP_NODE_FLOAT,
                                              HP_NODE_BOOLEAN};
    enum hp_node_kind kind = kinds[take(b->s, 4)];
    if (kind == HP_NODE_STRING) {
        const char *name = names[take(b->s, NAMES)];
        hp_graph_add_string(b->g, name, strlen(name));
        return;
    }
    struct hp_node *n = hp_graph_node(b->g, hp_graph_add(b->g, kind));
    uint32_t value = take(b->s, 8);
    if (kind == HP_NODE_INTEGER)
        n->integer = (int64_t)value - 1;
    else if (kind == HP_NODE_FLOAT)
        n->number = value < 5 ? floats[value] : value == 5 ? floats[3] - floats[3] : 3.25;
    else
        n->boolean = value & 1;
}

/* A handle that no node of this graph has; 0: that one is taken. */
static uint32_t new_handle(struct builder *b)
{
    uint32_t handle = 1 + take(b->s, HANDLES);
    bool taken = b->handles[handle];
    b->handles[handle] = true;
    return taken ? 0 : handle;
}

static void add_object(struct builder *b, enum hp_node_kind kind)
{
    static const char *const types[] = {"function", "table", "userdata", "thread"};
    bool of_live = b->live || kind == HP_NODE_VIEW;
    uint32_t handle = of_live ? new_handle(b) : 0;
    if (of_live && handle == 0) {
        add_plain(b);
        return;
    }
    hp_id id = hp_graph_add(b->g, kind);
    struct hp_node *n = hp_graph_node(b->g, id);
    n->handle = handle;
    n->type = kind == HP_NODE_TABLE ? "table" : kind == HP_NODE_FUNCTION ? "function" : types[take(b->s, 4)];
    n->text = chance(b->s, 4) ? NULL : "thing";
    if (kind == HP_NODE_PLACEHOLDER)
        n->expression = b->placeholders++;
    if (kind == HP_NODE_FUNCTION) {
        n->function.tree = take(b->s, (uint32_t)b->g->trees.count);
        n->function.prototype = take(b->s, (uint32_t)b->g->trees.items[n->function.tree]->prototypes.count);
    }
    if (b->live)
        hp_map_put(&b->live->by_handle, handle, 0, id, NULL);
}

static void add_nodes(struct builder *b)
{
    static const enum hp_node_kind staged[] = {HP_NODE_STRING,   HP_NODE_TABLE,  HP_NODE_FUNCTION,
                                               HP_NODE_FUNCTION, HP_NODE_VIEW,   HP_NODE_PLACEHOLDER,
                                               HP_NODE_OPAQUE,   HP_NODE_INTEGER};
    static const enum hp_node_kind live[] = {HP_NODE_STRING, HP_NODE_TABLE, HP_NODE_FUNCTION, HP_NODE_VIEW};
    uint32_t count = 1 + take(b->s, MAX_NODES);
    add_object(b, HP_NODE_TABLE); /* something to be a root */
    for (uint32_t i = 0; i < count; i++) {
        enum hp_node_kind kind = b->live ? live[take(b->s, 4)] : staged[take(b->s, 8)];
        if (kind == HP_NODE_STRING || kind == HP_NODE_INTEGER)
            add_plain(b);
        else
            add_object(b, kind);
    }
}

/* --- what is in them -------------------------------------------------------------------------- */

static uint32_t choose_cell(struct builder *b, hp_id holder, uint32_t index, const char *name)
{
    uint32_t known = take(b->s, (uint32_t)b->g->cells.count + 1);
    if (known < b->g->cells.count &&
        (take(b->s, 4) || !name ||
         (b->g->cells.items[known].name && strcmp(b->g->cells.items[known].name, name) == 0)))
        return known;
    return hp_graph_add_cell(b->g, any_node(b), holder, index, name);
}

static void fill_function(struct builder *b, hp_id id)
{
    const struct hp_node *n = hp_graph_node(b->g, id);
    const struct hp_prototype *p =
        &b->g->trees.items[n->function.tree]->prototypes.items[n->function.prototype];
    for (uint32_t i = 0; i < p->upvalues.count; i++) {
        uint32_t cell = choose_cell(b, id, i, p->upvalues.items[i].name);
        uint32_t *slot = HP_PUSH(&b->g->arena, &hp_graph_node(b->g, id)->cells);
        if (slot)
            *slot = cell;
    }
}

static bool is_key(const struct hp_graph *g, hp_id id)
{
    const struct hp_node *n = hp_graph_node(g, id);
    return n->kind != HP_NODE_NIL &&
           !(n->kind == HP_NODE_FLOAT && (n->number != n->number || n->number == 2.0 || n->number == 0));
}

static void fill_entries(struct builder *b, hp_id id)
{
    bool nil_too = hp_graph_node(b->g, id)->kind != HP_NODE_TABLE;
    uint32_t count = take(b->s, 6);
    for (uint32_t i = 0; i < count; i++) {
        hp_id key = any_node(b), value = any_node(b);
        if (is_key(b->g, key) && (value != HP_NIL || nil_too) &&
            hp_graph_field(b->g, id, b->g, key) == HP_NO_ID)
            hp_graph_add_entry(b->g, id, key, value);
        hp_graph_sort_entries(b->g, id);
    }
}

static void fill_metatable(struct builder *b, hp_id id)
{
    hp_id metatable = any_node(b);
    struct hp_node *n = hp_graph_node(b->g, id);
    enum hp_node_kind kind = hp_graph_node(b->g, metatable)->kind;
    if (kind != HP_NODE_TABLE && kind != HP_NODE_NIL && (b->live || kind != HP_NODE_VIEW))
        return;
    n->metatable = metatable;
    n->has_metatable = n->kind == HP_NODE_TABLE ? metatable != HP_NIL : true;
}

static void fill_nodes(struct builder *b)
{
    for (hp_id id = 1; id < b->g->nodes.count; id++) {
        enum hp_node_kind kind = hp_graph_node(b->g, id)->kind;
        bool writable =
            kind == HP_NODE_TABLE || (!b->live && (kind == HP_NODE_VIEW || kind == HP_NODE_PLACEHOLDER));
        if (kind == HP_NODE_FUNCTION)
            fill_function(b, id);
        if (kind == HP_NODE_OPAQUE && chance(b->s, 2))
            for (hp_id f = 1; f < b->g->nodes.count; f++) /* a coroutine over the first function there is */
                if (hp_graph_node(b->g, f)->kind == HP_NODE_FUNCTION) {
                    hp_graph_node(b->g, id)->type = "thread";
                    hp_graph_add_entry(b->g, id, HP_NIL, f);
                    break;
                }
        if (!writable || (kind != HP_NODE_TABLE && !chance(b->s, 3)))
            continue;
        fill_entries(b, id);
        if (chance(b->s, 3))
            fill_metatable(b, id);
        if (b->live)
            hp_graph_node(b->g, id)->more = chance(b->s, 3);
        hp_id *slot = kind == HP_NODE_TABLE ? NULL : HP_PUSH(&b->g->arena, &b->g->written);
        if (slot)
            *slot = id;
    }
}

/* Operands that are placeholders stand for earlier expressions; tables may hold any. */
static void add_expressions(struct builder *b)
{
    for (uint32_t i = 0; i < b->placeholders; i++) {
        struct hp_expression *e = HP_PUSH(&b->g->arena, &b->g->expressions);
        if (!e)
            return;
        e->operation = (enum hp_operation)take(b->s, HP_OP_OTHER + 1);
        e->module = take(b->s, (uint32_t)b->g->modules.count);
        e->line = (int)take(b->s, 4);
        e->what = chance(b->s, 4) ? NULL : "call(…)";
        uint32_t count =
            e->operation == HP_OP_REQUIRE || e->operation == HP_OP_LENGTH ? 1 : 1 + take(b->s, 3);
        for (uint32_t k = 0; k < count; k++) {
            hp_id operand = any_node(b);
            const struct hp_node *n = hp_graph_node(b->g, operand);
            if (n->kind == HP_NODE_PLACEHOLDER && n->expression >= i)
                operand = HP_NIL;
            if (e->operation == HP_OP_REQUIRE && n->kind != HP_NODE_STRING)
                e->operation = HP_OP_LENGTH;
            hp_id *slot = HP_PUSH(&b->g->arena, &e->operands);
            if (slot)
                *slot = operand;
        }
    }
}

static void add_effects(struct builder *b)
{
    uint32_t count = take(b->s, 6);
    for (uint32_t i = 0; i < count; i++) {
        struct hp_effect *e = HP_PUSH(&b->g->arena, &b->g->effects);
        if (!e)
            return;
        e->callee = any_node(b);
        e->module = take(b->s, (uint32_t)b->g->modules.count);
        e->line = (int)take(b->s, 4);
        e->call = "call";
        e->args = "…";
        e->expression = b->placeholders && chance(b->s, 2) ? take(b->s, b->placeholders) : HP_NO_ID;
        for (uint32_t k = take(b->s, 4); k > 0; k--) {
            hp_id argument = any_node(b);
            hp_id *slot = HP_PUSH(&b->g->arena, &e->arguments);
            if (slot)
                *slot = argument;
        }
    }
}

static hp_id first_table(const struct hp_graph *g)
{
    for (hp_id id = 1; id < g->nodes.count; id++)
        if (hp_node_is_tabular(hp_graph_node(g, id)))
            return id;
    return HP_NIL;
}

static void finish_modules(struct builder *b)
{
    for (size_t i = 0; i < b->g->modules.count; i++) {
        struct hp_graph_module *m = &b->g->modules.items[i];
        m->root = chance(b->s, 3) ? any_node(b) : first_table(b->g);
        m->returned = m->root != HP_NIL && !chance(b->s, 4);
        m->environment = any_node(b);
        if (!hp_node_is_tabular(hp_graph_node(b->g, m->environment)))
            m->environment = first_table(b->g);
    }
}

static void build_staged(struct source *s, struct hp_graph *g, uint32_t modules)
{
    struct builder b = {.s = s, .g = g};
    for (uint32_t i = 0; i < modules; i++) {
        struct hp_graph_module *m = HP_PUSH(&g->arena, &g->modules);
        if (m)
            *m = (struct hp_graph_module){.name = i ? "n" : "m", .tree = i};
        add_tree(g, take(s, TEXTS), false);
    }
    add_nodes(&b);
    fill_nodes(&b);
    add_expressions(&b);
    add_effects(&b);
    finish_modules(&b);
}

/* --- live ------------------------------------------------------------------------------------- */

static void build_live(struct source *s, struct hp_live *live)
{
    struct builder b = {.s = s, .g = &live->graph, .live = live};
    uint32_t trees = 1 + take(s, 4);
    for (uint32_t i = 0; i < trees; i++) {
        uint32_t text = take(s, TEXTS);
        add_tree(b.g, text, chance(s, 6));
    }
    add_nodes(&b);
    fill_nodes(&b);
    for (hp_id id = 1; id < b.g->nodes.count; id++)
        if (hp_graph_node(b.g, id)->kind == HP_NODE_FUNCTION && chance(s, 5)) {
            hp_id heir = any_node(&b);
            if (hp_graph_node(b.g, heir)->kind == HP_NODE_FUNCTION)
                hp_map_put(&live->heirs, id, 0, heir, NULL);
        }
}

static void build_root(struct source *s, struct plan_graphs *g, uint32_t module)
{
    struct hp_graph *lg = &g->live.graph;
    struct builder b = {.s = s, .g = lg, .live = &g->live};
    struct hp_root *r = &g->roots[module];
    hp_id table = first_table(lg);
    *r = (struct hp_root){
        .module = module, .base = HP_NO_ID, .guide = HP_NO_ID, .key = module ? "n" : "m", .path = ""};
    r->point = chance(s, 5);
    if (g->has_base && module < g->base.modules.count && !chance(s, 5)) {
        if (r->point)
            r->guide = module;
        else
            r->base = module;
    }
    r->live_key = hp_graph_add_string(lg, r->key, 1);
    if (r->point)
        r->path = "f.g";
    if (table != HP_NIL && hp_graph_node(lg, table)->kind == HP_NODE_TABLE && !chance(s, 8)) {
        r->live_container = table;
        r->container = hp_graph_node(lg, table)->handle;
        r->live = any_node(&b);
        if (r->live != HP_NIL && hp_graph_field(lg, table, lg, r->live_key) == HP_NO_ID) {
            hp_graph_add_entry(lg, table, r->live_key, r->live);
            hp_graph_sort_entries(lg, table);
        } else {
            r->live = HP_NIL;
        }
    }
    r->live_environment = table;
    r->environment = hp_graph_node(lg, table)->handle;
    r->object = hp_graph_node(lg, r->live)->handle;
}

/* --- what was asked, and what was found ------------------------------------------------------- */

static void build_options(struct source *s, struct plan_graphs *g)
{
    static const char *const codes[] = {"R02", "R04", "R06", "R07", "R09", "R10", "R14", "R99"};
    struct hp_options *o = &g->options;
    o->strict = chance(s, 4);
    o->prune = chance(s, 3);
    o->all = chance(s, 4);
    o->merge = chance(s, 3) ? "three-way" : "keep";
    o->effects = chance(s, 3) ? "new" : "none";
    for (uint32_t k = take(s, 3); k > 0; k--) {
        const char **slot = HP_PUSH(&g->arena, &o->accept);
        if (slot)
            *slot = codes[take(s, 8)];
    }
    if (chance(s, 8)) {
        const char **slot = HP_PUSH(&g->arena, &o->functions);
        if (slot)
            *slot = names[take(s, NAMES)];
    }
}

static void build_found(struct source *s, struct plan_graphs *g)
{
    uint32_t members = take(s, 6), holders = take(s, 8), running = take(s, 3), loops = take(s, 3);
    uint32_t *handles = hp_arena_alloc(&g->arena, (members + 1) * sizeof *handles);
    uint32_t *heirs = hp_arena_alloc(&g->arena, (members + 1) * sizeof *heirs);
    struct hp_holder *h = hp_arena_alloc(&g->arena, (holders + 1) * sizeof *h);
    struct hp_running *r = hp_arena_alloc(&g->arena, (running + 1) * sizeof *r);
    struct hp_loop *l = hp_arena_alloc(&g->arena, (loops + 1) * sizeof *l);
    if (!handles || !heirs || !h || !r || !l)
        return;
    for (uint32_t i = 0; i < members; i++)
        handles[i] = heirs[i] = 1 + take(s, HANDLES);
    for (uint32_t i = 0; i < holders; i++)
        h[i] = (struct hp_holder){
            .kind = (enum hp_holder_kind)take(s, HP_HOLDER_BODY + 1),
            .container = 1 + take(s, HANDLES + 4),
            .key = {.kind = HP_VALUE_PLAIN, .graph = &g->live.graph, .node = g->roots[0].live_key},
            .index = 1 + (int)take(s, 3),
            .function = 1 + take(s, HANDLES),
            .in_registry = chance(s, 4),
            .in_metatable = chance(s, 4)};
    for (uint32_t i = 0; i < running; i++)
        r[i] = (struct hp_running){.function = 1 + take(s, HANDLES), .at = "m.lua:2", .count = 1};
    for (uint32_t i = 0; i < loops; i++)
        l[i] = (struct hp_loop){.table = 1 + take(s, HANDLES), .at = "m.lua:1"};
    g->found = (struct hp_found){.holders = h,
                                 .holder_count = holders,
                                 .running = r,
                                 .running_count = running,
                                 .members = handles,
                                 .member_count = members,
                                 .heirs = heirs,
                                 .loops = l,
                                 .loop_count = loops,
                                 .deep = take(s, 2)};
}

bool plan_graphs_build(struct plan_graphs *g, const uint8_t *data, size_t size)
{
    struct source s = {data, data + size};
    memset(g, 0, sizeof *g);
    hp_graph_init(&g->base);
    hp_graph_init(&g->fresh);
    hp_live_init(&g->live);
    hp_arena_init(&g->arena);
    if (size < 16)
        return false;
    uint32_t modules = chance(&s, 3) ? 2 : 1;
    g->has_base = !chance(&s, 4);
    g->has_found = chance(&s, 2);
    build_options(&s, g);
    if (g->has_base)
        build_staged(&s, &g->base, modules);
    build_staged(&s, &g->fresh, modules);
    build_live(&s, &g->live);
    for (uint32_t i = 0; i < modules; i++)
        build_root(&s, g, i);
    if (g->has_found)
        build_found(&s, g);
    return !hp_graph_failed(&g->base) && !hp_graph_failed(&g->fresh) && !hp_graph_failed(&g->live.graph) &&
           !hp_arena_failed(&g->arena);
}

void plan_graphs_fini(struct plan_graphs *g)
{
    hp_graph_fini(&g->base);
    hp_graph_fini(&g->fresh);
    hp_live_fini(&g->live);
    hp_arena_fini(&g->arena);
}
