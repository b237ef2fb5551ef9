/* hotpatch engine: a place that holds a function of the module, as the search found it. No lua.h. */
#ifndef HP_HOLDER_H
#define HP_HOLDER_H

#include "agent/engine/live.h"
#include "agent/engine/plan.h"

enum hp_holder_kind {
    HP_HOLDER_FIELD,      /* container[key] */
    HP_HOLDER_KEY,        /* container[the member] */
    HP_HOLDER_CELL,       /* upvalue `index` of a Lua closure */
    HP_HOLDER_C_UPVALUE,  /* upvalue `index` of a C closure */
    HP_HOLDER_USER_VALUE, /* user value `index` of a userdata */
    HP_HOLDER_LOCAL,      /* local `index` of frame `level` of a coroutine */
    HP_HOLDER_BODY,       /* stack slot `index` of a coroutine that has not started */
};

struct hp_holder {
    enum hp_holder_kind kind;
    uint32_t container;
    struct hp_value key; /* FIELD; its graph is the search's */
    int index, level;
    uint32_t function;   /* the member that is held */
    const void *address; /* of the container: for the search's own use */
    const void *cell;    /* CELL: its address; several closures may have it, and any may be met first */
    bool in_registry, in_metatable;
};

/* A frame that runs a member: it finishes in the old code. Or one in a `for` whose iterator is a member: it
 * goes on with that. */
struct hp_running {
    uint32_t function;
    const char *at; /* "battle.lua:42" */
    bool iterator;
    int64_t count;
};

/* A frame that is in a generic `for` over a table. */
struct hp_loop {
    uint32_t table; /* handle */
    const char *at; /* "battle.lua:42" */
};

/* What a search came back with; borrowed from it. */
struct hp_found {
    const struct hp_holder *holders;
    size_t holder_count;
    const struct hp_running *running;
    size_t running_count;
    const struct hp_loop *loops;
    size_t loop_count;
    const uint32_t *members; /* handles of all functions of the module's source that were met */
    size_t member_count;
    /* of each member, the function that took its place in an earlier patch (itself: none did); may be NULL */
    const uint32_t *heirs;
    size_t deep; /* stacks that were too deep to look at whole */
};

/* Adds a step for each place that holds a function which the plan swaps (plan->swaps), and says in the report
 * how many there are, by kind, outside the module's own tables (`live`, or else the targets of the plan's
 * other steps), and which frames still run an old function. */
void hp_plan_hold(struct hp_plan *plan, const struct hp_found *found, const struct hp_live *live,
                  struct hp_report *report);

#endif
