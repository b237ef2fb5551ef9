/* hotpatch client: the commands, as one table. A file a command: cmd_push.c and so on define them. */
#ifndef HP_CMD_H
#define HP_CMD_H

#include "client/cli.h"
#include "client/options.h"
#include "client/text.h"

struct hp_command {
    const char *name;
    enum hp_command_bit bit;
    const char *synopsis; /* what follows the name */
    const char *summary;  /* one line of `hotpatch help` */
    const char *about;    /* a paragraph or two of `hotpatch help NAME`, lines of at most 78 columns */
    const char *examples; /* lines, indented by two */
    /* Does it, prints, and returns the exit status. Options have been read. */
    int (*run)(struct hp_cli *cli);
};

extern const struct hp_command hp_cmd_ps, hp_cmd_status, hp_cmd_diff, hp_cmd_push, hp_cmd_revert,
    hp_cmd_confirm, hp_cmd_log, hp_cmd_inspect, hp_cmd_eval, hp_cmd_verify, hp_cmd_audit, hp_cmd_explain,
    hp_cmd_bundle, hp_cmd_sign, hp_cmd_help;
extern const struct hp_command *const HP_COMMANDS[]; /* in the order of the help; ends with NULL */

const struct hp_command *hp_cmd_find(const char *name); /* NULL when unknown */
const char *hp_cmd_closest(const char *name);           /* NULL when none is close */

/* The whole command line, as main gets it. Returns the exit status. */
int hp_cmd_main(int argc, char *const argv[]);

/* `hotpatch help NAME`, onto a page. */
void hp_cmd_help_page(struct hp_text *page, const struct hp_command *command);

#endif
