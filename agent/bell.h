/* hotpatch: a descriptor that is readable while something waits. Level, not edge: rung stays rung until it is
 * quieted. Any thread; whoever keeps the bell serialises its calls. */
#ifndef HP_BELL_H
#define HP_BELL_H

#include <stdbool.h>

int hp_bell_open(void); /* close-on-exec, quiet; -1 with errno */
void hp_bell_close(int bell);
void hp_bell_ring(int bell);
void hp_bell_quiet(int bell);

/* In a forked child: puts a bell of the child's own under the same number, for the inherited one is shared
 * with the parent. Async-signal-safe. */
void hp_bell_renew(int bell, bool rung);

#endif
