/* hotpatch client: the end of a command: its report printed in the format asked for, and the exit status. */
#ifndef HP_PRESENT_H
#define HP_PRESENT_H

#include "client/cli.h"
#include "client/text.h"

#define HP_EXIT_OUTPUT 74 /* standard output could not be written */

/* Prints cli->report: as json or msgpack, or as text by `render` (NULL: no text but that of an error), with
 * diagnostics on standard error. With --quiet a success prints no text. Returns the exit status: that of the
 * report's status, 2 for `diff --exit-code` with differences, HP_EXIT_OUTPUT if standard output could not be
 * written and nothing worse happened. */
int hp_present(struct hp_cli *cli, void (*render)(struct hp_text *page, const struct hp_report *report));

/* Writes a page to standard output and returns `status`, or HP_EXIT_OUTPUT where that is 0 and it failed
 * (said on standard error, but for a reader that went away). */
int hp_present_page(struct hp_text *page, int status);

#endif
