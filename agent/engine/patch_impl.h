/* hotpatch engine: what the parts of a patch share. Internal to patch*.c; the contract is in patch.h.
 *
 *   patch.c        the list of phases, and a step through them
 *   patch_world.c  targets; base and new loaded inert; live laid beside them
 *   patch_plan.c   the plan, before and after the search; the plan of a revert
 *   patch_search.c who else holds the functions: before the commit, and again after it
 *   patch_lines.c  for a diff, the lines of what is replaced
 *   patch_verify.c what runs, compared with a source, and nothing else
 *   patch_make.c   what the commit needs, made beforehand
 *   patch_commit.c the stop: prepare, commit, finish
 *
 * A phase does some work, moves `phase` on when it has done its part, and returns HP_OK to go on; any other
 * status ends the patch. Lua thread only; each phase finds the stack as `store` and `anchor` say, and may
 * leave values above them. [-0, +n, m] The phases of planning may run on the planner's thread (turn.h): each
 * begins and ends holding the live state.
 */
#ifndef HP_PATCH_IMPL_H
#define HP_PATCH_IMPL_H

#include "agent/engine/base.h"
#include "agent/engine/late.h"
#include "agent/engine/locate.h"
#include "agent/engine/match.h"
#include "agent/engine/patch.h"
#include "agent/engine/plan.h"
#include "agent/engine/record.h"
#include "agent/engine/scratch.h"
#include "agent/engine/stage.h"
#include "agent/engine/turn.h"
#include "agent/engine/watch.h"
#include "agent/engine/wanted.h"

/* What a step goes on with. */
enum hp_patch_phase {
    HP_PATCH_STAGE,
    HP_PATCH_BASE,
    HP_PATCH_FIRST_PLAN,
    HP_PATCH_SEARCH,
    HP_PATCH_PLAN,
    HP_PATCH_MAKE,
    HP_PATCH_COMMIT,
    HP_PATCH_SWEEP,
    HP_PATCH_DONE
};

/* What a patch keeps in the registry between its slices, a table under its own address. */
enum {
    HP_PATCH_STORE_ANCHOR = 1,
    HP_PATCH_STORE_SEARCH,
    HP_PATCH_STORE_SWAPS,
    HP_PATCH_STORE_LATE,
    HP_PATCH_STORE_PLANNER,
    HP_PATCH_STORE_EXECUTION
};

struct hp_patch {
    struct hp_patch_context context;
    const struct hp_request *request;
    const char *who;
    struct hp_report *report;
    bool one_stop, revert;
    bool hurry;  /* the rest in one stop */
    bool verify; /* base and new are the source that was sent */

    enum hp_patch_phase phase;
    bool committed;
    bool sweeping; /* the first pass after the commit has begun */
    int sweeps;
    int replanned;  /* times that a plan was made anew beside the server */
    int64_t undone; /* of a revert over several patches: the last that was, with more to come; 0: none was */
    size_t undone_modules, undone_warnings; /* in the report, of those */
    size_t plan_warnings;                   /* in the report, before those that foretell the commit */
    bool learnt;                            /* `late` knows what to look for */
    lua_State *poller;
    int64_t started_us, slice_us, longest_us, load_us, commit_us; /* CLOCK_MONOTONIC; durations */
    int64_t slices, objects, bytes;
    uint32_t made;                  /* functions of the plan that HP_PATCH_MAKE has done */
    struct hp_record *record;       /* made by it, NULL: none; the execution takes it */
    struct hp_execution *execution; /* made by it too, NULL: none; its userdata is in the store */
    struct hp_scratch scratch;

    /* The thread that the planning phases run on; NULL: none, they run in the step. */
    struct hp_turn *turn;
    lua_State *planner;     /* the coroutine that it works on */
    enum hp_status planned; /* what it came to */
    bool away;              /* it needs nothing of this step */

    /* Stack indices, of one step. The planner's stack has the same: both begin empty. */
    int store, anchor;

    size_t count; /* modules */
    struct hp_target *targets;
    struct hp_root *roots;
    struct hp_base *bases;
    struct hp_stage_chunk *chunks; /* as many, for either world */

    struct hp_stage *stage;
    struct hp_locate *locate;
    struct hp_late *late;    /* of the sweeps; NULL before */
    struct hp_wanted wanted; /* what `locate` is after */
    struct hp_found found;   /* of `locate` … */
    uint32_t *heirs;         /* … but these, which are ours */
    bool searched;
    bool at_once; /* the search took a single slice */
    bool taken;   /* `found` and `heirs` have been filled in since */
    struct hp_graph base, fresh;
    struct hp_graph plain; /* plain values of a revert's plan */
    bool has_base;
    struct hp_live live;
    struct hp_match match;
    struct hp_plan plan;
    struct hp_watch *watch; /* of a guard, made before the commit; NULL: none */
};

/* CLOCK_MONOTONIC, in microseconds. */
int64_t hp_patch_now_us(void);
/* Did the user accept that reason? */
bool hp_patch_accepts(const struct hp_patch *p, int reason);
int64_t hp_patch_deadline_us(const struct hp_patch *p);
/* What the commit of the plan will take, on the safe side; microseconds. */
int64_t hp_patch_predicted_us(const struct hp_patch *p);
/* Has the slice under way had its time? */
bool hp_patch_is_slice_over(const struct hp_patch *p);
/* Forgets what depends on the live program, which may have moved on; and what depends on the bases, which may
 * be chosen again. */
void hp_patch_forget_match(struct hp_patch *p);
void hp_patch_forget_bases(struct hp_patch *p);
/* Lays live beside base and new. HP_REFUSED: the base that was named is not what runs. [-0, +0, m] */
enum hp_status hp_patch_match(lua_State *L, struct hp_patch *p);
/* Is there a patch to revert? */
enum hp_status hp_patch_check_revert(struct hp_patch *p);
/* The plan, anew, from what lives now; a revert's from the history. [-0, +0, m] */
enum hp_status hp_patch_plan(lua_State *L, struct hp_patch *p);
/* What to look for: the functions of the modules' sources, or of those that a revert takes out. False: no
 * memory. [-0, +0, m] */
bool hp_patch_name_sources(struct hp_patch *p);
bool hp_patch_name_swapped_sources(lua_State *L, struct hp_patch *p);
/* What the search came back with, into `found`: before the plan that follows it. HP_OK, HP_NO_MEMORY,
 * HP_TIMEOUT. [-0, +0, m] */
enum hp_status hp_patch_take_found(lua_State *L, struct hp_patch *p);
/* Begins a pass over the heap. [-0, +0, m] */
void hp_patch_begin_search(lua_State *L, struct hp_patch *p);

/* Of a diff: the lines that replaced functions have in the base, into the report. Touches no Lua state. */
void hp_patch_add_old_lines(struct hp_patch *p);
/* Of a verify, in the place of a plan: lays what lives beside the sources that were sent, and says of each
 * function whether it is theirs. HP_OK is never returned: HP_NO_CHANGE, HP_DIFFERS, or why not. [-0, +n, m]
 */
enum hp_status hp_patch_compare(lua_State *L, struct hp_patch *p);

/* Pushes the execution of the plan: what was made beforehand, once, else a new one. [-0, +1, m] */
struct hp_execution *hp_patch_push_execution(lua_State *L, struct hp_patch *p);
void hp_patch_forget_execution(lua_State *L, struct hp_patch *p); /* harmless without one. [-0, +0, -] */
/* The plan is another one now, made in the stop: what fits it is made as it is asked for. [-0, +0, m] */
void hp_patch_forget_made(lua_State *L, struct hp_patch *p);
/* A plan that the server's changes have outdated is made anew beside it; but what was replayed is known to
 * the execution, and a server that never rests would have it made for ever. */
bool hp_patch_may_plan_beside(const struct hp_patch *p);
void hp_patch_plan_beside(lua_State *L, struct hp_patch *p); /* [-0, +0, -] */

/* Forgets the watch that was made, if any. [-0, +0, -] */
void hp_patch_drop_watch(lua_State *L, struct hp_patch *p);

/* The phases, in order. */
enum hp_status hp_patch_phase_stage(lua_State *L, struct hp_patch *p);
enum hp_status hp_patch_phase_base(lua_State *L, struct hp_patch *p);
enum hp_status hp_patch_phase_first_plan(lua_State *L, struct hp_patch *p);
enum hp_status hp_patch_phase_search(lua_State *L, struct hp_patch *p);
enum hp_status hp_patch_phase_plan(lua_State *L, struct hp_patch *p);
enum hp_status hp_patch_phase_make(lua_State *L, struct hp_patch *p);
enum hp_status hp_patch_phase_commit(lua_State *L, struct hp_patch *p);
enum hp_status hp_patch_phase_sweep(lua_State *L, struct hp_patch *p);

#endif
