/* hotpatch client: this same program, run for one target of several, and what it printed. */
#ifndef HP_CHILD_H
#define HP_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define HP_CHILDREN 32 /* at a time */

struct hp_child {
    pid_t pid;
    int pipe; /* of its standard output */
    bool ended;
    int exit;   /* 1 where it could not be run, or was killed */
    char *text; /* what it printed; hp_mem */
    size_t len, cap;
};

/* Starts it; `args` may be NULL (no memory). What it says on standard error is dropped: its report has it. A
 * failure is that of the child: it has ended then. */
void hp_child_start(struct hp_child *child, char *const args[]);
/* Reads what they print until all have ended; `on_end` is called for each that does so meanwhile. */
void hp_children_wait(struct hp_child *const children[], size_t count,
                      void (*on_end)(void *ctx, struct hp_child *child), void *ctx);
void hp_child_fini(struct hp_child *child);

#endif
