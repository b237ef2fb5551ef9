/* hotpatch client: Ctrl-C and the like (SIGINT, SIGTERM) as a byte in a pipe, so that no wait misses them. */
#ifndef HP_INTERRUPT_H
#define HP_INTERRUPT_H

/* From now on they arrive so; a second one ends the command as it always does. The descriptor that is
 * readable then belongs to the process, for good; -1 where there is none, and they end the command. */
int hp_interrupt_catch(void);

#endif
