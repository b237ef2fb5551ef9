/* hotpatch client: several targets, as they were named: `--to A --to B`, `--targets FILE`. */
#ifndef HP_TARGET_LIST_H
#define HP_TARGET_LIST_H

#include "client/cli.h"

struct hp_target_name {
    const char *option; /* "--to", "--pid", "--name" */
    const char *value;
    const char *state; /* NULL: none named */
    const char *label; /* as it was written */
};

struct hp_target_list {
    HP_LIST(struct hp_target_name) list; /* in the arena of the invocation */
};

/* Those of the file first, then the --to. A line of the file is "URL", "pid:N" or "name:NAME", then perhaps
 * "state=NAME"; what follows a # is a comment. False with the error recorded: a file that cannot be read, a
 * line that is no target, or none at all. */
bool hp_target_list_read(struct hp_cli *cli, struct hp_target_list *targets);

#endif
