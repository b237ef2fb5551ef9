/* A small live program, and plans for it made by hand: what test_prepare, test_history and test_commit_alloc
 * share.
 *
 * All memory, Lua's and ours, goes through one counting allocator that can be told to refuse. Live objects
 * are named by Lua expressions, new code by the text of a chunk and the number of a prototype in it (0 the
 * chunk, then in order of appearance). */
#ifndef HP_PATCH_FIXTURE_H
#define HP_PATCH_FIXTURE_H

#include <lua.h>

#include "agent/engine/execution.h"
#include "agent/engine/lx.h"

struct fixture {
    lua_State *L;
    int anchor; /* stack index */
    struct hp_history *history;
    struct hp_sources *sources;
    struct hp_report report;
    struct hp_plan plan;
    struct hp_graph graph; /* plain values and trees of the plan */
    struct hp_execution_options options;
};

/* How many allocations were made since the last fx_refuse; from the `after`-th on they are refused, -1: none
 * is. */
void fx_refuse(long after);
void fx_refuse_one(long after); /* only that one: Lua then collects garbage and tries again */
long fx_allocations(void);

/* A new state with the libraries, where `program` has run. */
void fx_open(struct fixture *f, const char *program);
void fx_close(struct fixture *f);

/* A new, empty plan, report and anchor for the next request; what the last one used is let go. Its one module
 * is `battle`, with the live object M. */
void fx_begin(struct fixture *f);

/* --- values ----------------------------------------------------------------------------------- */
hp_handle fx_handle(struct fixture *f, const char *expression);
struct hp_value fx_nil(void);
struct hp_value fx_live(struct fixture *f, const char *expression);
struct hp_value fx_string(struct fixture *f, const char *text);
struct hp_value fx_integer(struct fixture *f, int64_t n);
struct hp_value fx_ref(enum hp_value_kind kind, uint32_t index);

/* --- parts of the plan; each gives its number ------------------------------------------------- */
const struct hp_prototype_tree *fx_tree(struct fixture *f, const char *chunk);
struct hp_value fx_function(struct fixture *f, const struct hp_prototype_tree *tree, uint32_t prototype,
                            const char *path, hp_handle replaces);
void fx_join(struct fixture *f, struct hp_value function, hp_handle closure, uint32_t upvalue);
void fx_join_cell(struct fixture *f, struct hp_value function, uint32_t cell);
uint32_t fx_cell(struct fixture *f, struct hp_value first);
struct hp_value fx_table(struct fixture *f, struct hp_value metatable);
void fx_pair(struct fixture *f, struct hp_value table, struct hp_value key, struct hp_value value);
struct hp_value fx_replay(struct fixture *f, enum hp_operation operation, const char *call, size_t count,
                          const struct hp_value *operands);
struct hp_step *fx_step(struct fixture *f, enum hp_step_kind kind, struct hp_value value,
                        struct hp_value expected, const char *path);
struct hp_step *fx_field(struct fixture *f, enum hp_step_kind kind, hp_handle table, const char *key,
                         struct hp_value value, struct hp_value expected);

/* --- the usual -------------------------------------------------------------------------------- */

/* A module M: inc and get share `count`, which is 2; inc has a helper of its own; old, VERSION, list; and a
 * global log(t) that notes its argument in `calls`. The new text gives 100 at each call of the helper (its
 * prototype 1; inc is 2; 3 is a function of one upvalue `step`). The plan replaces helper and inc, each
 * joined to its cells. */
extern const char FX_PROGRAM[], FX_NEW_TEXT[];
void fx_plan_usual(struct fixture *f);

/* --- carrying out ----------------------------------------------------------------------------- */

/* As the engine does: prepare, commit, finish in one protected entry; undone after an error. The status of
 * the first that is not HP_OK, HP_NO_MEMORY for a memory error. */
enum hp_status fx_run(struct fixture *f);
/* Only prepare; the execution stays (its userdata on the stack) for more. */
enum hp_status fx_prepare(struct fixture *f, struct hp_execution **x);

/* Plans the revert of the newest patch into f->plan (after fx_begin) and runs it. */
enum hp_status fx_plan_revert(struct fixture *f);
enum hp_status fx_revert(struct fixture *f);

void fx_check(struct fixture *f, int result); /* of a Lua call: fails the test with its message */

/* Runs Lua in the live state; an assertion of it that fails, fails the test. */
void fx_lua(struct fixture *f, const char *code);

/* Everything reachable from the globals, with identities: equal texts, equal states. For hp free. */
char *fx_snapshot(struct fixture *f);

#endif
