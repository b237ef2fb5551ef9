/* hotpatch engine: a program as plain C: what a body built (base, new), or what lives (live). No lua.h.
 *
 * Three graphs meet in `match` and `plan`. Nodes, cells, expressions, effects are numbered per graph; number
 * 0 of the nodes is nil. Everything lives in the graph's arena.
 *
 * Live objects are known across the graphs by their *handle* (anchor.h): a view in a staged graph and a table
 * or function in the live graph with equal handles are the same object.
 */
#ifndef HP_GRAPH_H
#define HP_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/engine/prototype.h"
#include "proto/arena.h"
#include "proto/shape.h"

typedef uint32_t hp_id;
#define HP_NIL   ((hp_id)0)
#define HP_NO_ID UINT32_MAX

enum hp_node_kind {
    HP_NODE_NIL,
    HP_NODE_BOOLEAN,
    HP_NODE_INTEGER,
    HP_NODE_FLOAT,
    HP_NODE_STRING,
    HP_NODE_TABLE,       /* staged: made by the body; live: entered */
    HP_NODE_FUNCTION,    /* staged: a closure of the chunk; live: a Lua closure */
    HP_NODE_VIEW,        /* staged: stands for a live object; live: an object that is not entered (C function,
                            userdata …) */
    HP_NODE_PLACEHOLDER, /* staged: the result of a call that was not made, or derived from one */
    /* Staged: made by the body and not translatable (userdata, C closure, function that `load` made, started
     * coroutine); but a coroutine that has not started has one entry, nil -> its function, and can be made
     * anew. */
    HP_NODE_OPAQUE,
};

struct hp_entry {
    hp_id key, value;
};

struct hp_node {
    enum hp_node_kind kind;
    uint32_t handle; /* of the live object; 0 for what is staged and for plain values */
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct hp_bytes string;
        uint32_t expression; /* PLACEHOLDER */
        struct {
            uint32_t tree;      /* in graph->trees */
            uint32_t prototype; /* in that tree */
        } function;
    };
    /* FUNCTION: cells by upvalue index. */
    HP_LIST(uint32_t) cells;
    /* TABLE: its fields (live: those that were walked). VIEW, PLACEHOLDER: what the body wrote into it; a
     * value of nil means that the body set the key to nil. Sorted: strings by bytes, then integers, then the
     * rest in order of number. */
    HP_LIST(struct hp_entry) entries;
    hp_id metatable; /* TABLE: HP_NIL for none. VIEW, PLACEHOLDER: meaningful if has_metatable: the body set
                        it */
    bool has_metatable;
    bool more;     /* live TABLE: has keys besides those in `entries` */
    bool unsorted; /* an entry was added out of order: lookups are linear until hp_graph_sort_entries */
    const char
        *text; /* VIEW, OPAQUE, PLACEHOLDER: for people: "print", "log.info", "userdata", "logger.get(…)" */
    const char *type; /* VIEW, OPAQUE: Lua type name; static string */
};

/* A captured variable: one cell, shared by every closure that captured it. */
struct hp_cell {
    hp_id value;
    hp_id holder;   /* a FUNCTION node that has it (the first met) … */
    uint32_t index; /* … and the upvalue's index there; with the holder's handle: the way to a live cell */
    const char *name; /* as the holder calls it; NULL when stripped */
};

enum hp_operation {
    HP_OP_CALL,    /* operands: callee, arguments… */
    HP_OP_INDEX,   /* object, key */
    HP_OP_REQUIRE, /* module name (a string node): `require` of what can be found but is not loaded */
    HP_OP_CONCAT,  /* left, right */
    HP_OP_ARITH,   /* number of lua_arith's operator as an integer node, left[, right] */
    HP_OP_LENGTH,  /* operand */
    HP_OP_OTHER,   /* anything else: cannot be replayed; `what` names it */
};

/* What a placeholder stands for. Operands that are expressions have lower numbers. Expressions of one graph
 * that derive equally from equal operands have one number; each *call* of foreign code has its own, for two
 * calls give two objects (pure standard functions of equal arguments have one). */
struct hp_expression {
    enum hp_operation operation;
    HP_LIST(hp_id) operands;
    uint32_t module; /* in graph->modules: where it was made */
    int line;
    const char *what; /* for people: "logger.get(\"battle\")" */
};

/* A call of foreign code that a body made, recorded and not performed. */
struct hp_effect {
    hp_id callee;
    HP_LIST(hp_id) arguments;
    uint32_t module;
    int line;
    const char *call;    /* "bus.on" */
    const char *args;    /* "\"logout\", function" */
    uint32_t expression; /* the placeholder it gave, HP_NO_ID if its result is not one */
};

struct hp_graph_module {
    const char *name;  /* module name as the request calls it */
    uint32_t tree;     /* its prototypes: number 0 is the body */
    bool returned;     /* the chunk returned a value that is not nil */
    hp_id root;        /* that value */
    hp_id environment; /* a VIEW whose entries are the globals that the body assigned (or a TABLE if it is
                          none of live's) */
    int64_t instructions;
};

/* Nodes are many, and stay where they are: in pages of so many. */
#define HP_NODES_PAGE 64

struct hp_nodes {
    HP_LIST(struct hp_node *) pages;
    size_t count;
};

struct hp_graph {
    struct hp_arena arena;
    struct hp_nodes nodes;
    HP_LIST(struct hp_cell) cells;
    HP_LIST(struct hp_expression) expressions;
    HP_LIST(struct hp_effect) effects;
    HP_LIST(struct hp_graph_module) modules;
    HP_LIST(struct hp_prototype_tree *) trees; /* owned: freed by hp_graph_fini */
    HP_LIST(hp_id) written; /* staged: VIEW and PLACEHOLDER nodes that the body wrote into, in source order */
    HP_LIST(const char *) warnings; /* staged: "loop over an unknown value at battle.lua:12 ran no turn" … */
};

void hp_graph_init(struct hp_graph *g); /* node 0 (nil) is made at the first hp_graph_add */
void hp_graph_fini(struct hp_graph *g);
bool hp_graph_failed(const struct hp_graph *g); /* memory ran out; sticky */

/* A new node of that kind; HP_NIL when memory ran out. A node stays where it is. */
hp_id hp_graph_add(struct hp_graph *g, enum hp_node_kind kind);
hp_id hp_graph_add_string(struct hp_graph *g, const char *s, size_t len); /* copied, not interned */
uint32_t hp_graph_add_cell(struct hp_graph *g, hp_id value, hp_id holder, uint32_t index, const char *name);
void hp_graph_add_entry(struct hp_graph *g, hp_id table, hp_id key,
                        hp_id value); /* does not look for the key */
void hp_graph_sort_entries(struct hp_graph *g,
                           hp_id table); /* after the last add: does nothing if they are in order */

struct hp_node *hp_graph_node(const struct hp_graph *g,
                              hp_id id); /* of nil too: a static nil node if there is none yet */

bool hp_node_is_plain(const struct hp_node *n);   /* nil, boolean, number, string */
bool hp_node_is_tabular(const struct hp_node *n); /* has entries: table, view, placeholder */

/* Raw equality of two nodes of one or two graphs as Lua would see it: plain by value (1 and 1.0 are equal
 * keys), objects by handle; staged objects by number (only within one graph). */
bool hp_node_equal(const struct hp_graph *a, hp_id x, const struct hp_graph *b, hp_id y);

/* Equality of what placeholders stand for, across two graphs: same operations on equal operands. Operands
 * that the bodies made are equal if their contents (tables) or code (functions) are. */
bool hp_expression_equal(const struct hp_graph *a, uint32_t x, const struct hp_graph *b, uint32_t y);

/* The value under an equal plain or handle key, HP_NO_ID if the table has none. */
hp_id hp_graph_field(const struct hp_graph *g, hp_id table, const struct hp_graph *key_graph, hp_id key);
hp_id hp_graph_field_str(const struct hp_graph *g, hp_id table, const char *name);

/* Appends ".name", "[3]" or "[\"a b\"]" to a path, in the arena: contract, section 4. An empty path gets
 * "name". */
const char *hp_path_field(struct hp_arena *a, const char *path, const struct hp_graph *g, hp_id key);
const char *hp_path_upvalue(struct hp_arena *a, const char *path, const char *name); /* path^name */
const char *hp_path_metatable(struct hp_arena *a, const char *path);                 /* path@mt */

#endif
