/* hotpatch client: the modules of a diff or push: what was typed becomes texts in the request. */
#ifndef HP_CHUNKS_H
#define HP_CHUNKS_H

#include "client/cli.h"

/* Reads every FILE and its base (--base, --git), compiles the new ones, and fills request->modules and
 * request->options. Texts live in the arena of the invocation. False with the error recorded; nothing was
 * sent then. */
bool hp_chunks_read(struct hp_cli *cli, struct hp_request *request);

/* Runs a diff or push: read, find the agent, ask, present. The exit status. */
int hp_chunks_run(struct hp_cli *cli, enum hp_kind kind);

#endif
