/* hotpatch engine: the stage, a Lua state of the agent's own in which chunks are loaded inert (design,
 * section 6).
 *
 * One stage is one *world*: all modules of a request in their base text, or all in their new text. `require`
 * of one of them from another gives its staged result. Foreign calls are recorded as effects; live values are
 * seen through views; nothing of the live state is written, and none of its functions is called, except that
 * side-effect-free Lua functions are tried on a clone inside the stage.
 *
 * On the Lua thread, or on the planner's (turn.h): then the live state is held for each look at it, and the
 * rest runs without. The stage reads the live state with raw access through protected calls of its own; an
 * allocation that fails there, or in the stage beyond its cap, makes the result HP_NO_MEMORY or HP_LIMIT. No
 * function raises.
 */
#ifndef HP_STAGE_H
#define HP_STAGE_H

#include <lua.h>

#include "agent/engine/anchor.h"
#include "agent/engine/graph.h"
#include "agent/engine/turn.h"
#include "proto/report.h"

struct hp_stage;

struct hp_stage_limits {
    size_t memory;        /* bytes of the stage's Lua state; 0: 256 MB */
    int64_t instructions; /* of all bodies together; 0: 200 million */
    double seconds;       /* 0: 10 */
};

/* One chunk to load. Strings are the caller's and must outlive the stage. */
struct hp_stage_chunk {
    const char *module;     /* name under which `require` finds it, and first of `...` */
    const char *chunk_name; /* "@battle.lua" */
    const char *path;       /* second of `...`; may be NULL */
    const char *text;
    size_t len;
    hp_handle environment; /* live table that is to be its _ENV; 0: the globals */
    bool with_arguments;   /* pass `...` = module, path */
};

/* `anchor` is an absolute index in `live` and stays there while the stage is open. NULL: no memory. [-0, +0,
 * -] on live */
struct hp_stage *hp_stage_open(lua_State *live, int anchor, const struct hp_stage_limits *limits);
void hp_stage_close(struct hp_stage *stage); /* NULL is fine */
/* Before hp_stage_run: by whose turn the live state is looked at; NULL, as without this call: always ours. */
void hp_stage_take_turns(struct hp_stage *stage, struct hp_turn *turn);

/* Before hp_stage_run, for tests and measurements (tests/inert): `line` is called for each line of a chunk's
 * body, not of the functions in it, that is about to run; with line 0, the load begins again and what was
 * told does not count. It must not touch the stage. It slows the load. */
typedef void hp_stage_watcher(void *context, uint32_t chunk, int line);
void hp_stage_watch(struct hp_stage *stage, hp_stage_watcher *line, void *context);

/* Compiles all chunks as text, then runs each body once, inert, in order (or when required by an earlier
 * one). HP_OK; HP_LOAD_FAILED (syntax error or error in a body), HP_LIMIT, HP_NO_MEMORY, HP_CONFLICT (the
 * server changed a table that a body was going over), HP_TIMEOUT (the turn was given up): then report->error
 * says what, where (file, line, source line, module) with the traceback. Precompiled chunks are HP_REFUSED
 * (text only). */
enum hp_status hp_stage_run(struct hp_stage *stage, const struct hp_stage_chunk *chunks, size_t count,
                            struct hp_report *report);

/* Turns what the bodies built into a graph: everything reachable from the modules' results, assigned globals,
 * writes into views and placeholders, arguments of effects and operands of expressions. `graph` must be
 * initialised; it takes the prototype trees. No recursion over the data. HP_OK, HP_NO_MEMORY, HP_LIMIT. */
enum hp_status hp_stage_collect(struct hp_stage *stage, struct hp_graph *graph);

#endif
