/* hotpatch engine: what the files of the stage share. Nobody else includes this.
 *
 *   stage.c        opening and running                       peek.c        raw reads of the live state
 *   stageload.c    filling the state, compiling              view.c        live values as the stage sees them
 *   stagebound.c   memory, instructions, time                viewmeta.c    their metamethods
 *   stageerror.c   errors                                    shadow.c      views as metatables
 *   stagelib.c     which standard function does what         overlay.c     what bodies write into views and
 * placeholders stagebase.c    emulated standard functions               placeholder.c results of calls that
 * were not made stagereq.c     emulated `require`                        effect.c      foreign calls: tried
 * or recorded staged.c       the result as a graph                     clone.c       trying a foreign Lua
 * function collection.c   … values to nodes
 *
 * A lua_State* named L is one of the stage (its main thread or a coroutine that a body made); the live one is
 * only used in peek.c. Functions of these files that take L raise errors of the stage's Lua, unless said
 * otherwise: they run inside the one protected call of hp_stage_run or hp_stage_collect. Two errors cannot be
 * caught by a body (hp_stage_check): `failure`, when a bound was hit or memory ran out, and `trial.spoiled`,
 * when the function tried on a clone did what it must not.
 */
#ifndef HP_STAGE_IMPL_H
#define HP_STAGE_IMPL_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdint.h>

#include "agent/engine/stage.h"

/* Numbers of prototypes stand where last lines do; foreign functions have real lines there, far below. */
#define HP_STAGE_FIRST_OFFSET UINT32_C(0x20000000)

#define HP_STAGE_LINES 4096 /* lines of all modules share these counters */

/* Tables of the stage's registry, each under the address of its name here. */
struct hp_stage_slots {
    char views;          /* handle -> view */
    char handles;        /* view -> handle */
    char overlays;       /* view or placeholder -> table of what was written into it; nil is the tombstone */
    char metatables;     /* view or placeholder -> metatable that a body set; the tombstone for none */
    char written;        /* 1, 2, … -> what was written into, in source order */
    char shadows;        /* view or placeholder that serves as a metatable -> the table that really does */
    char shadowed;       /* … and back */
    char placeholders;   /* expression number -> placeholder */
    char operands;       /* expression number -> array of operands */
    char interned;       /* text of an expression that is no call -> placeholder */
    char effects;        /* effect number -> array: callee, arguments */
    char mains;          /* module number -> main function */
    char results;        /* module number -> what the body returned */
    char clones;         /* handle -> clone */
    char clone_upvalues; /* handle -> array of the clone's upvalues as they were */
    char view_mt, placeholder_mt;
};
extern const struct hp_stage_slots HP_SLOT;

/* Pushes one of them. [-0, +1, -] */
#define hp_slot_push(L, name) lua_rawgetp((L), LUA_REGISTRYINDEX, &HP_SLOT.name)

/* Stands for nil in overlays. */
void hp_tombstone_push(lua_State *L);
bool hp_is_tombstone(lua_State *L, int idx);

struct hp_std; /* stagelib.h */

struct hp_view_info {
    const char *text;         /* how it was first reached: "bus.on"; NULL: there is no view of this handle */
    const char *type;         /* Lua type name */
    const struct hp_std *std; /* the standard function that it is, or NULL */
    bool lua_function;
};

enum hp_module_phase { HP_MODULE_UNLOADED, HP_MODULE_LOADING, HP_MODULE_LOADED };

struct hp_stage_module {
    const struct hp_stage_chunk *chunk;
    struct hp_prototype_tree *tree; /* owned until collected */
    uint32_t offset;                /* of the numbers in `lastlinedefined` */
    enum hp_module_phase phase;
    bool returned;
    int64_t instructions;
    char short_src[LUA_IDSIZE];
};

struct hp_stage_expression {
    enum hp_operation operation;
    uint32_t operands;
    uint32_t module;
    int line;
    uint32_t depth; /* of nesting; bounded, so that `p = p.next` ends */
    const char *what;
    const char *guess; /* what `type` says of it */
};

struct hp_stage_effect {
    uint32_t arguments;
    uint32_t module;
    int line;
    uint32_t expression;
    const char *call, *args;
};

struct hp_stage_trial {
    unsigned depth; /* 0: none is running */
    int64_t budget; /* executed instructions at which it ends */
    bool spoiled;
};

struct hp_stage {
    lua_State *live;
    struct hp_turn *turn; /* NULL: the live state is ours */
    int anchor;
    lua_State *L;
    struct hp_stage_limits limits;

    size_t memory;        /* of the stage's state, now */
    unsigned refused;     /* allocations refused in a row: 2 are an error of Lua */
    char memory_text[96]; /* what is said when it runs out */
    bool starved;         /* one was refused because the process has no memory, not because of the cap */
    int64_t executed;     /* instructions, in steps of the hook */
    double deadline;      /* monotonic seconds */

    enum hp_status failure; /* HP_OK: none; sticky */
    const char *failure_text;

    struct hp_arena arena;              /* of one run: texts, and the lists below */
    HP_LIST(struct hp_view_info) views; /* by handle */
    HP_LIST(struct hp_stage_expression) expressions;
    HP_LIST(struct hp_stage_effect) effects;
    HP_LIST(const char *) warnings;
    HP_LIST(struct hp_std) std;
    lua_Integer written;
    hp_handle globals, loaded; /* live _G and package.loaded */
    struct hp_stage_trial trial;
    uint32_t calls_at[HP_STAGE_LINES]; /* effects by line, to end loops that wait for an answer */

    struct hp_stage_module *modules;
    size_t module_count;
    uint32_t current; /* module whose body runs; HP_NO_ID: none */
    bool ran;

    hp_stage_watcher *watcher; /* NULL: nobody wants to know the lines */
    void *watcher_context;

    /* Expressions that are to be 0, because a numeric `for` insisted: by number, which is the same in every
     * try. */
    uint32_t zeros[16];
    size_t zero_count;
    uint32_t found_zeros[16]; /* by the error handler of this try */
    size_t found_zero_count;

    /* The first error of this try. */
    struct {
        const char *text, *traceback;
        uint32_t module;
        int line;
    } error;
};

struct hp_stage *hp_stage_of(lua_State *L);

/* Ends everything: the sticky failure is set (once) and an error raised that no body can catch. */
_Noreturn void hp_stage_fail(lua_State *L, enum hp_status status, const char *text);
/* Raises again if there is a failure or the trial is spoiled. Every emulated function that may have caught an
 * error calls it. */
void hp_stage_check(lua_State *L);

/* Where the chunk stands: the innermost frame of a body. HP_NO_ID and 0 when there is none. */
void hp_stage_where(lua_State *L, uint32_t *module, int *line);
/* The module and prototype of the Lua function at `idx`; false for any other value. [-0, +0, -] */
bool hp_stage_prototype(lua_State *L, int idx, uint32_t *module, uint32_t *prototype);

/* The real last line of the function whose `lastlinedefined` says `tag`, -1 if that is no number of ours. */
int hp_stage_last_line(lua_State *L, lua_Integer tag);

/* As lua_setmetatable, without `__gc`: nothing of the stage is ever finalised. [-1, +0, e] */
void hp_stage_set_metatable(lua_State *L, int object);

void hp_stage_warn(lua_State *L, const char *fmt, const char *what);

/* Runs the body of a module that has not run, leaves its result (true if it gave none). [-0, +1, e] */
void hp_stage_run_module(lua_State *L, uint32_t number);

/* Arena strings that fail the stage when memory is short. */
const char *hp_stage_keep(lua_State *L, const char *text);

/* stage.c: the module and prototype that a numbered `lastlinedefined` stands for. */
bool hp_stage_find_tag(const struct hp_stage *s, lua_Integer tag, uint32_t *module, uint32_t *prototype);

/* stageload.c */
int hp_stage_fill(lua_State *L); /* a lua_CFunction: libraries, metatables, the globals */
void hp_stage_compile(lua_State *L, uint32_t number); /* the main function goes into its slot. [-0, +0, e] */

/* stagebound.c */
double hp_stage_now(void); /* monotonic seconds */
void *hp_stage_alloc(void *arg, void *ptr, size_t old_size, size_t size);
void hp_stage_note_memory(struct hp_stage *s); /* an error of memory happened: makes it the failure */
void hp_stage_hook(lua_State *L);
void hp_stage_unhook(lua_State *L);

/* stageerror.c */
int hp_stage_on_error(lua_State *L); /* message handler */
enum hp_status hp_stage_report(struct hp_stage *s, int lua_status, struct hp_report *report);
/* `fmt` with its one %s replaced. */
const char *hp_stage_format(struct hp_arena *a, const char *fmt, const char *what);

#endif
