/* hotpatch client: bundles: made of files, read from files, described. The format is proto/bundle.h's.
 *
 * Texts live in the arena of the invocation. Functions that return bool record the error in cli->report when
 * it is false; nothing was sent then. */
#ifndef HP_PACKAGE_H
#define HP_PACKAGE_H

#include "client/cli.h"
#include "client/text.h"

/* Makes cli->output from the files and options of the command line. */
bool hp_package_make(struct hp_cli *cli);

/* Is the only file of a diff, push or verify a bundle? Then it is read, with the signatures beside it
 * (FILE.minisig) and those of --signature, into the request, and *found is true. Options that belong into a
 * bundle are refused. */
bool hp_package_take(struct hp_cli *cli, struct hp_request *request, bool *found);

/* Does this name a file that holds a bundle? Then it is described in cli->report, with the numbers of the
 * keys that say they signed it. *found false: it is something else, and nothing was recorded. */
bool hp_package_inspect(struct hp_cli *cli, const char *file, bool *found);

/* Puts what the bundle says into the report. */
bool hp_package_describe(struct hp_cli *cli, struct hp_bytes bundle, struct hp_report_bundle **out);

/* For people. */
void hp_package_render(struct hp_text *page, const struct hp_report *report);

/* Writes a file whole or not at all. `mode` as of chmod. */
bool hp_package_write(struct hp_cli *cli, const char *file, const char *data, size_t len, unsigned mode);

#endif
