/* hotpatch: the one clock of the agent, monotonic. Any thread. */
#ifndef HP_CLOCK_H
#define HP_CLOCK_H

#include <stdint.h>
#include <time.h>

#define HP_NEVER INT64_MAX

static inline int64_t hp_clock_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static inline int64_t hp_clock_ms(void)
{
    return hp_clock_ns() / 1000000;
}

#endif
