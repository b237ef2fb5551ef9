/* hotpatch client: which agent a command talks to, from what was typed and what is found. */
#ifndef HP_TARGET_H
#define HP_TARGET_H

#include "client/cli.h"
#include "client/connect.h"

/* A socket that was found, and what answered on it. */
struct hp_agent {
    struct hp_remote remote;
    int64_t pid; /* as this machine counts; 0: not known (--to) */
    uint32_t user;
    bool answers;
    const char *trouble;          /* why not, a sentence */
    struct hp_report_agent about; /* its own words; strings in the arena of the invocation */
};

struct hp_agents {
    HP_LIST(struct hp_agent) list;
};

/* Looks for sockets and asks each for its status, a second each at most. False only without memory. */
bool hp_agents_find(struct hp_cli *cli, struct hp_agents *agents);

/* The agent meant by --pid, --name, --to or, with none of these, the only one of the machine. False with the
 * error recorded: HP_USAGE, HP_NO_AGENT, HP_UNREACHABLE or HP_DENIED. */
bool hp_target_find(struct hp_cli *cli, struct hp_agent *target);

/* "game (pid 4121)", for messages. */
const char *hp_target_title(struct hp_cli *cli, const struct hp_agent *agent);

#endif
