/* A small live program, a stage over it, and questions about the graph that came out. */
#ifndef STAGE_FIXTURE_H
#define STAGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/stage.h"

struct staged {
    lua_State *live; /* index 1: the anchor */
    struct hp_stage *stage;
    struct hp_graph graph;
    struct hp_report report;
    struct hp_stage_limits limits;
    enum hp_status status; /* of run, else of collect */
};

/* Opens a live state and runs `program` in it for real. */
void staged_open(struct staged *t, const char *program);
void staged_close(struct staged *t);

/* Stages `text` as module "mod" from "@mod.lua", in place of what was staged before; asserts nothing. */
enum hp_status staged_try(struct staged *t, const char *text);
enum hp_status staged_try_all(struct staged *t, const struct hp_stage_chunk *chunks, size_t count);
/* Likewise; fails the test, with the error, unless it is HP_OK. */
void staged_run(struct staged *t, const char *text);

/* Asserts that the value that the body returned, as text, is this: a graph written down in short (see
 * staged_text). */
#define staged_returns(t, text, expected)                                                                    \
    do {                                                                                                     \
        staged_run((t), (text));                                                                             \
        char *staged_got = staged_text(&(t)->graph, (t)->graph.modules.items[0].root);                       \
        assert_string_equal(staged_got, (expected));                                                         \
        free(staged_got);                                                                                    \
    } while (0)

/* nil true 1 1.5 "s" {a=1,[1]=2} function:LINE view(print) ?(logger.get("x")) opaque(userdata); @{…} after a
 * table: its metatable;
 * +{…} after a view or placeholder: what was written into it. Nested at most six deep. For free(). */
char *staged_text(const struct hp_graph *g, hp_id id);

/* The field under a path of names: "a.b". HP_NO_ID when missing. */
hp_id staged_field(const struct hp_graph *g, hp_id id, const char *path);

/* Effects as "bus.on("x", function):3; …". For free(). */
char *staged_effects(const struct hp_graph *g);

#endif
