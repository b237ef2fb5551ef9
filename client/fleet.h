/* hotpatch client: one command for several servers: `--to A --to B`, `--targets FILE`.
 *
 * Each target gets a process of its own, this same program with that one target, so that a server that hangs
 * or a connection that breaks is nobody else's trouble. They go in waves: the canaries first, then batches; a
 * wave begins only when the one before has ended with no more failures than are allowed.
 */
#ifndef HP_FLEET_H
#define HP_FLEET_H

#include "client/cli.h"

/* Has the invocation several targets? With one `--to` alone, that is moved to cli->to. False with an error
 * recorded in cli->report where what was typed makes no sense. */
bool hp_fleet_wanted(struct hp_cli *cli);

/* Does it: `argv` is the command line of this process. Prints the summary; the exit status. */
int hp_fleet_run(struct hp_cli *cli, int argc, char *const argv[]);

#endif
