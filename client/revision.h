/* hotpatch client: the modules of a request that come from git alone: all that changed from A to B, or all
 * files of a revision that the server has loaded. Which those are, the agent is asked. */
#ifndef HP_REVISION_H
#define HP_REVISION_H

#include "client/target.h"

/* Files that a request leaves out, and why. Strings of the invocation. */
struct hp_revision_skips {
    HP_LIST(struct hp_report_skipped) list;
};

/* Does --git name a range, A..B? */
bool hp_revision_is_range(const struct hp_cli *cli);

/* Refuses a range that is none. */
bool hp_revision_check_range(struct hp_cli *cli);

/* For push and diff: fills request->modules with each Lua file that was modified from A to B and that a
 * loaded module was loaded from, base as of A, source as of B; with FILEs, only those. Other Lua files that
 * differ go into `skips`. False with the error recorded; nothing but a question was sent then. */
bool hp_revision_read_range(struct hp_cli *cli, const struct hp_agent *target, struct hp_request *request,
                            struct hp_revision_skips *skips);

/* For verify without FILEs: every file of the revision that a loaded module was loaded from. Files of the
 * work tree that are loaded and not in the revision go into `skips`. Refuses where there is none. */
bool hp_revision_read_tree(struct hp_cli *cli, const struct hp_agent *target, struct hp_request *request,
                           struct hp_revision_skips *skips);

/* Puts the skips into cli->report, after the answer has come. */
void hp_revision_report(struct hp_cli *cli, const struct hp_revision_skips *skips);

#endif
