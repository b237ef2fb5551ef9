/* An engine that patches nothing: for tests of what is around it. `eval` really runs its code. */
#ifndef FAKE_ENGINE_H
#define FAKE_ENGINE_H

#include "agent/engine/engine.h"

struct fake_engine {
    int open;            /* engines that are open */
    int runs;            /* requests that were run */
    char order[1024];    /* their ids, each followed by a space */
    char who[256];       /* of the last */
    char options[256];   /* of the last that was opened: "allow a b deny c pause 2" */
    size_t output_bytes; /* of the `output` of the next reports */
    bool fail_open;
};
extern struct fake_engine fake;

void fake_reset(void);

#endif
