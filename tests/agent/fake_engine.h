/* An engine that patches nothing: for tests of what is around it. `eval` really runs its code. */
#ifndef FAKE_ENGINE_H
#define FAKE_ENGINE_H

#include "agent/engine/engine.h"

struct fake_engine {
    int open;            /* engines that are open */
    int runs;            /* requests that were run; of one in slices, it counts at its commit */
    char order[1024];    /* their ids, each followed by a space */
    char who[256];       /* of the last */
    char options[256];   /* of the last that was opened or configured: "allow a b;deny c;pause 2" */
    size_t output_bytes; /* of the `output` of the next reports */
    bool fail_open;
    bool fail_configure;

    int slices;    /* that the next push, diff or revert takes; 0: one */
    int commit_at; /* in which of them it commits; 0: in the last */
    int steps;     /* that were made */
    int abandoned; /* requests that were given up in time, or too late */
    lua_State *stepped_on;
    int64_t used_us; /* that the last step was told of */

    bool guard; /* is on: since a push with one */
    int looks;  /* at it */
};
extern struct fake_engine fake;

void fake_reset(void);

#endif
