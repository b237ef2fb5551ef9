/* hotpatch client: what changes in each function of a diff, line by line. */
#ifndef HP_REVIEW_H
#define HP_REVIEW_H

#include "client/cli.h"

/* Fills in `diff` of the functions in cli->report that the request replaces or adds: from the lines that the
 * agent returned of what runs (`old`, which goes) and those of the request's sources. Where the agent has
 * none (no base), there is no diff. Memory that runs out leaves the rest without. */
void hp_review_fill(struct hp_cli *cli, const struct hp_request *request);

/* Adds hunks to a page, in colours, indented. */
struct hp_text;
void hp_review_render(struct hp_text *page, const char *diff);

#endif
