/* Memory that runs out on purpose: two allocators, one for the live Lua state (a lua_Alloc), one for the
 * agent's own memory (hp_mem_set_allocator; the stage's Lua state lives on it too), which count what they
 * hold and can refuse.
 *
 * Only growth counts and is refused: a new block, or an old one made larger. Lua assumes that shrinking
 * cannot fail. One process, one thread. */
#ifndef HP_STRESS_FAULTS_H
#define HP_STRESS_FAULTS_H

#include <stddef.h>

enum faults_side { FAULTS_LIVE = 1, FAULTS_AGENT = 2 }; /* or both */

/* From now on, of the allocations on these sides, counted from 0, those of numbers first <= n < first + count
 * are refused. `sides` 0: none is. */
void faults_start(int sides, long first, long count);
void faults_stop(void); /* what was counted stays */

long faults_made(void); /* allocations on the watched sides since the start, refused ones included */
long faults_refused(void);

struct faults_held {
    size_t blocks, bytes;
};
struct faults_held faults_held(enum faults_side side);

void *faults_live_alloc(void *ud, void *ptr, size_t old_size, size_t size); /* lua_Alloc */
void *faults_agent_alloc(void *ptr, size_t size);                           /* hp_realloc_fn */

#endif
