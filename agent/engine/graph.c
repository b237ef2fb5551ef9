/* hotpatch engine: graphs; the contract is in graph.h. */
#define _GNU_SOURCE /* qsort_r */
#include "agent/engine/graph.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hp_graph_init(struct hp_graph *g)
{
    memset(g, 0, sizeof *g);
    hp_arena_init(&g->arena);
}

void hp_graph_fini(struct hp_graph *g)
{
    for (size_t i = 0; i < g->trees.count; i++) {
        if (g->trees.items[i] != NULL) {
            hp_prototypes_fini(g->trees.items[i]);
            hp_mem_free(g->trees.items[i]);
        }
    }
    hp_arena_fini(&g->arena);
    hp_graph_init(g);
}

bool hp_graph_failed(const struct hp_graph *g)
{
    return hp_arena_failed(&g->arena);
}

/* Building */

/* All zero; NULL: no memory. */
static struct hp_node *new_node(struct hp_graph *g)
{
    struct hp_nodes *nodes = &g->nodes;
    if (nodes->count == nodes->pages.count * HP_NODES_PAGE) {
        struct hp_node **page = HP_PUSH(&g->arena, &nodes->pages);
        if (page == NULL)
            return NULL;
        *page = hp_arena_alloc(&g->arena, HP_NODES_PAGE * sizeof **page);
        if (*page == NULL) {
            nodes->pages.count--;
            return NULL;
        }
    }
    size_t id = nodes->count++;
    return &nodes->pages.items[id / HP_NODES_PAGE][id % HP_NODES_PAGE];
}

hp_id hp_graph_add(struct hp_graph *g, enum hp_node_kind kind)
{
    if (g->nodes.count == 0 && new_node(g) == NULL) /* number 0 is nil, as zeroed */
        return HP_NIL;
    if (kind == HP_NODE_NIL)
        return HP_NIL;
    struct hp_node *n = new_node(g);
    if (n == NULL)
        return HP_NIL;
    n->kind = kind;
    return (hp_id)(g->nodes.count - 1);
}

hp_id hp_graph_add_string(struct hp_graph *g, const char *s, size_t len)
{
    hp_id id = hp_graph_add(g, HP_NODE_STRING);
    if (id != HP_NIL) {
        const char *copy = hp_arena_strn(&g->arena, s, len);
        hp_graph_node(g, id)->string =
            (struct hp_bytes){copy, hp_graph_failed(g) ? 0 : len}; /* "" when memory ran out */
    }
    return id;
}

uint32_t hp_graph_add_cell(struct hp_graph *g, hp_id value, hp_id holder, uint32_t index, const char *name)
{
    struct hp_cell *c = HP_PUSH(&g->arena, &g->cells);
    if (c == NULL)
        return HP_NO_ID;
    *c = (struct hp_cell){
        .value = value, .holder = holder, .index = index, .name = hp_arena_str(&g->arena, name)};
    return (uint32_t)(g->cells.count - 1);
}

static struct hp_node NIL_NODE; /* never written: nobody has a reason to change nil */

struct hp_node *hp_graph_node(const struct hp_graph *g, hp_id id)
{
    return id < g->nodes.count ? &g->nodes.pages.items[id / HP_NODES_PAGE][id % HP_NODES_PAGE] : &NIL_NODE;
}

/* The order of keys */

/* The regions of a sorted list of entries. */
enum region { STRINGS, INTEGERS, BOOLEANS, FLOATS, OBJECTS };

static enum region key_region(const struct hp_node *key)
{
    switch (key->kind) {
    case HP_NODE_STRING:
        return STRINGS;
    case HP_NODE_INTEGER:
        return INTEGERS;
    case HP_NODE_BOOLEAN:
        return BOOLEANS;
    case HP_NODE_FLOAT:
        return FLOATS;
    default:
        return OBJECTS;
    }
}

static int compare_strings(const struct hp_bytes *a, const struct hp_bytes *b)
{
    size_t len = a->len < b->len ? a->len : b->len;
    int order = len != 0 ? memcmp(a->data, b->data, len) : 0;
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/* Objects are all equal here; their order is that of their numbers. */
static int compare_keys(const struct hp_node *a, const struct hp_node *b)
{
    enum region ra = key_region(a), rb = key_region(b);
    if (ra != rb)
        return ra < rb ? -1 : 1;
    switch (ra) {
    case STRINGS:
        return compare_strings(&a->string, &b->string);
    case INTEGERS:
        return (a->integer > b->integer) - (a->integer < b->integer);
    case BOOLEANS:
        return a->boolean - b->boolean;
    case FLOATS:
        return (a->number > b->number) - (a->number < b->number);
    default:
        return 0;
    }
}

static int compare_entries(const void *x, const void *y, void *graph)
{
    const struct hp_entry *a = x, *b = y;
    int order = compare_keys(hp_graph_node(graph, a->key), hp_graph_node(graph, b->key));
    return order != 0 ? order : (a->key > b->key) - (a->key < b->key);
}

void hp_graph_add_entry(struct hp_graph *g, hp_id table, hp_id key, hp_id value)
{
    if (table >= g->nodes.count || table == HP_NIL)
        return; /* memory ran out before: the arena says so */
    struct hp_node *n = hp_graph_node(g, table);
    struct hp_entry entry = {key, value};
    if (n->entries.count != 0 && compare_entries(&n->entries.items[n->entries.count - 1], &entry, g) > 0)
        n->unsorted = true;
    struct hp_entry *e = HP_PUSH(&g->arena, &n->entries);
    if (e != NULL)
        *e = entry;
}

void hp_graph_sort_entries(struct hp_graph *g, hp_id table)
{
    struct hp_node *n = hp_graph_node(g, table);
    if (n->unsorted) {
        qsort_r(n->entries.items, n->entries.count, sizeof *n->entries.items, compare_entries, g);
        n->unsorted = false;
    }
}

/* Looking up */

bool hp_node_is_plain(const struct hp_node *n)
{
    return n->kind <= HP_NODE_STRING;
}

bool hp_node_is_tabular(const struct hp_node *n)
{
    return n->kind == HP_NODE_TABLE || n->kind == HP_NODE_VIEW || n->kind == HP_NODE_PLACEHOLDER;
}

/* The integer that a float is equal to. 2^63 is exact as a double; beyond the range, and for NaN, there is
 * none. */
static bool float_to_integer(double d, int64_t *out)
{
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0) || (double)(int64_t)d != d)
        return false;
    *out = (int64_t)d;
    return true;
}

static bool integer_equals_float(int64_t i, double d)
{
    int64_t n;
    return float_to_integer(d, &n) && n == i;
}

static bool plain_equal(const struct hp_node *a, const struct hp_node *b)
{
    if (a->kind == HP_NODE_INTEGER && b->kind == HP_NODE_FLOAT)
        return integer_equals_float(a->integer, b->number);
    if (a->kind == HP_NODE_FLOAT && b->kind == HP_NODE_INTEGER)
        return integer_equals_float(b->integer, a->number);
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case HP_NODE_NIL:
        return true;
    case HP_NODE_BOOLEAN:
        return a->boolean == b->boolean;
    case HP_NODE_INTEGER:
        return a->integer == b->integer;
    case HP_NODE_FLOAT:
        return a->number == b->number;
    default:
        return compare_strings(&a->string, &b->string) == 0;
    }
}

bool hp_node_equal(const struct hp_graph *a, hp_id x, const struct hp_graph *b, hp_id y)
{
    const struct hp_node *m = hp_graph_node(a, x), *n = hp_graph_node(b, y);
    if (hp_node_is_plain(m) || hp_node_is_plain(n))
        return hp_node_is_plain(m) && hp_node_is_plain(n) && plain_equal(m, n);
    if (m->handle != 0 || n->handle != 0)
        return m->handle == n->handle;
    return a == b && x == y;
}

/* The first entry that is not below `key`; the entries are sorted. */
static size_t lower_bound(const struct hp_graph *g, const struct hp_node *n, const struct hp_node *key)
{
    size_t low = 0, high = n->entries.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_keys(hp_graph_node(g, n->entries.items[middle].key), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

hp_id hp_graph_field(const struct hp_graph *g, hp_id table, const struct hp_graph *key_graph, hp_id key)
{
    const struct hp_node *n = hp_graph_node(g, table);
    const struct hp_node *k = hp_graph_node(key_graph, key);
    struct hp_node normal; /* a float with the value of an integer is that integer, as a key */
    int64_t integer;
    if (k->kind == HP_NODE_FLOAT && float_to_integer(k->number, &integer)) {
        normal = (struct hp_node){.kind = HP_NODE_INTEGER, .integer = integer};
        k = &normal;
    }
    size_t start = n->unsorted ? 0 : lower_bound(g, n, k);
    bool many = n->unsorted || key_region(k) == OBJECTS; /* else the bound is the only candidate */
    for (size_t i = start; i < n->entries.count && (many || i == start); i++) {
        hp_id at = n->entries.items[i].key;
        if (hp_node_equal(g, at, key_graph, key))
            return n->entries.items[i].value;
    }
    return HP_NO_ID;
}

hp_id hp_graph_field_str(const struct hp_graph *g, hp_id table, const char *name)
{
    struct hp_node key = {.kind = HP_NODE_STRING, .string = {name, strlen(name)}};
    struct hp_graph keys = {0}; /* a graph of one string, on the C stack */
    struct hp_node nodes[2] = {{0}, key}, *page = nodes;
    keys.nodes.pages.items = &page;
    keys.nodes.pages.count = 1;
    keys.nodes.count = 2;
    return hp_graph_field(g, table, &keys, 1);
}

/* Equality of expressions */

/* Pairs of nodes or expressions still to be compared, and those that were: expressions share parts (`e = e ..
 * e` doubles them each time) and tables may be cyclic, so every pair is looked at once. Of its own arena, one
 * comparison long. */
struct comparison {
    const struct hp_graph *a, *b;
    struct hp_arena arena;
    HP_LIST(uint64_t) todo; /* also what was done: items before `next` */
    size_t next;
    uint64_t *set; /* open addressing; 0 is free: pairs are stored plus one */
    size_t set_size;
};

static bool set_insert(uint64_t *set, size_t size, uint64_t pair)
{
    size_t at = (size_t)((pair * UINT64_C(0x9e3779b97f4a7c15)) >> 17) & (size - 1);
    while (set[at] != 0) {
        if (set[at] == pair)
            return false;
        at = (at + 1) & (size - 1);
    }
    set[at] = pair;
    return true;
}

static bool grow_set(struct comparison *c)
{
    size_t size = c->set_size != 0 ? c->set_size * 4 : 64;
    uint64_t *set = hp_arena_alloc(&c->arena, size * sizeof *set);
    if (set == NULL)
        return false;
    for (size_t i = 0; i < c->todo.count; i++)
        set_insert(set, size, c->todo.items[i] + 1);
    c->set = set;
    c->set_size = size;
    return true;
}

/* Bit 63 tells expressions from nodes. False: no memory. */
static bool compare_later(struct comparison *c, bool expression, uint32_t x, uint32_t y)
{
    uint64_t pair = (expression ? UINT64_C(1) << 63 : 0) | (uint64_t)(x & 0x7fffffffu) << 32 | y;
    if (c->todo.count * 2 >= c->set_size && !grow_set(c))
        return false;
    if (!set_insert(c->set, c->set_size, pair + 1))
        return true;
    uint64_t *item = HP_PUSH(&c->arena, &c->todo);
    if (item == NULL)
        return false;
    *item = pair;
    return true;
}

static bool compare_expressions(struct comparison *c, uint32_t x, uint32_t y)
{
    const struct hp_expression *e = &c->a->expressions.items[x], *f = &c->b->expressions.items[y];
    if (e->operation != f->operation || e->operands.count != f->operands.count)
        return false;
    if (e->operation == HP_OP_OTHER && (e->what == NULL || f->what == NULL || strcmp(e->what, f->what) != 0))
        return false;
    for (size_t i = 0; i < e->operands.count; i++)
        if (!compare_later(c, false, e->operands.items[i], f->operands.items[i]))
            return false;
    return true;
}

/* Tables that the bodies made are equal here if their contents are: an argument `{host = "a"}` is the same
 * argument. */
static bool compare_tables(struct comparison *c, const struct hp_node *m, const struct hp_node *n)
{
    if (m->entries.count != n->entries.count || !compare_later(c, false, m->metatable, n->metatable))
        return false;
    for (size_t i = 0; i < m->entries.count; i++)
        if (!compare_later(c, false, m->entries.items[i].key, n->entries.items[i].key) ||
            !compare_later(c, false, m->entries.items[i].value, n->entries.items[i].value))
            return false;
    return true;
}

static bool compare_functions(const struct comparison *c, const struct hp_node *m, const struct hp_node *n)
{
    return m->function.tree < c->a->trees.count && n->function.tree < c->b->trees.count &&
           hp_prototype_equal(c->a->trees.items[m->function.tree], m->function.prototype,
                              c->b->trees.items[n->function.tree], n->function.prototype);
}

static bool compare_nodes(struct comparison *c, hp_id x, hp_id y)
{
    const struct hp_node *m = hp_graph_node(c->a, x), *n = hp_graph_node(c->b, y);
    if (hp_node_equal(c->a, x, c->b, y))
        return true;
    if (m->kind != n->kind || m->handle != n->handle)
        return false;
    switch (m->kind) {
    case HP_NODE_FLOAT: /* not a number is the same constant as not a number */
        return m->number != m->number && n->number != n->number;
    case HP_NODE_PLACEHOLDER:
        return compare_later(c, true, m->expression, n->expression);
    case HP_NODE_TABLE:
        return compare_tables(c, m, n);
    case HP_NODE_FUNCTION:
        return compare_functions(c, m, n);
    default:
        return false;
    }
}

bool hp_expression_equal(const struct hp_graph *a, uint32_t x, const struct hp_graph *b, uint32_t y)
{
    if (x >= a->expressions.count || y >= b->expressions.count)
        return false;
    if (a == b && x == y)
        return true;
    struct comparison c = {.a = a, .b = b};
    hp_arena_init(&c.arena);
    bool equal = compare_later(&c, true, x, y);
    while (equal && c.next < c.todo.count) {
        uint64_t pair = c.todo.items[c.next++];
        uint32_t left = (uint32_t)(pair >> 32) & 0x7fffffffu, right = (uint32_t)pair;
        equal = pair >> 63 ? compare_expressions(&c, left, right) : compare_nodes(&c, left, right);
    }
    hp_arena_fini(&c.arena);
    return equal;
}

/* Paths */

static bool is_name(const struct hp_bytes *s)
{
    static const char *const keywords[] = {
        "and",   "break", "do",  "else", "elseif", "end",    "false", "for",  "function", "goto",  "if", "in",
        "local", "nil",   "not", "or",   "repeat", "return", "then",  "true", "until",    "while", NULL};
    if (s->len == 0 || strchr("0123456789", s->data[0]) != NULL)
        return false;
    for (size_t i = 0; i < s->len; i++) {
        char ch = s->data[i];
        if (!(ch == '_' || (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')))
            return false;
    }
    for (int i = 0; keywords[i] != NULL; i++)
        if (strlen(keywords[i]) == s->len && memcmp(keywords[i], s->data, s->len) == 0)
            return false;
    return true;
}

/* The string as Lua source would have it, quotes included. */
static const char *quoted(struct hp_arena *a, const struct hp_bytes *s)
{
    char *text = hp_arena_alloc(a, s->len * 4 + 3);
    if (text == NULL)
        return "";
    char *p = text;
    *p++ = '"';
    for (size_t i = 0; i < s->len; i++) {
        unsigned char ch = (unsigned char)s->data[i];
        if (ch == '"' || ch == '\\') {
            *p++ = '\\';
            *p++ = (char)ch;
        } else if (ch < 32 || ch == 127) {
            p += snprintf(p, 5, "\\%03u", ch);
        } else {
            *p++ = (char)ch;
        }
    }
    *p++ = '"';
    *p = '\0';
    return text;
}

/* Paths are for people. A chain of a million tables would give paths of millions of bytes each: what lies
 * beyond this length keeps the path of where it hangs. */
#define PATH_LENGTH 400

static bool too_long(const char *path)
{
    return strnlen(path, PATH_LENGTH) == PATH_LENGTH;
}

const char *hp_path_field(struct hp_arena *a, const char *path, const struct hp_graph *g, hp_id key)
{
    if (too_long(path))
        return path;
    const struct hp_node *k = hp_graph_node(g, key);
    switch (k->kind) {
    case HP_NODE_STRING:
        if (is_name(&k->string))
            return hp_arena_concat(a, path, path[0] != '\0' ? "." : "", k->string.data);
        return hp_arena_printf(a, "%s[%s]", path, quoted(a, &k->string));
    case HP_NODE_INTEGER:
        return hp_arena_printf(a, "%s[%" PRId64 "]", path, k->integer);
    case HP_NODE_FLOAT:
        return hp_arena_printf(a, "%s[%.14g]", path, k->number);
    case HP_NODE_BOOLEAN:
        return hp_arena_printf(a, "%s[%s]", path, k->boolean ? "true" : "false");
    case HP_NODE_TABLE:
        return hp_arena_concat(a, path, "[table]", NULL);
    case HP_NODE_FUNCTION:
        return hp_arena_concat(a, path, "[function]", NULL);
    default:
        return hp_arena_printf(a, "%s[%s]", path, k->text != NULL ? k->text : "nil");
    }
}

const char *hp_path_upvalue(struct hp_arena *a, const char *path, const char *name)
{
    return too_long(path) ? path : hp_arena_concat(a, path, "^", name != NULL ? name : "?");
}

const char *hp_path_metatable(struct hp_arena *a, const char *path)
{
    return too_long(path) ? path : hp_arena_concat(a, path, "@mt", NULL);
}
