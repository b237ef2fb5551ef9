/* hotpatch engine: two numbers that the Lua thread counts and any thread may read. */
#ifndef HP_TALLY_H
#define HP_TALLY_H

#include <stdatomic.h>
#include <stdint.h>

struct hp_tally {
    _Atomic int64_t calls, errors;
};

#endif
