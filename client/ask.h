/* hotpatch client: the commands that ask one simple question. */
#ifndef HP_ASK_H
#define HP_ASK_H

#include "client/cli.h"
#include "client/text.h"

/* Finds the agent, asks for `kind` without arguments, presents. For commands that take none: typed ones are
 * HP_USAGE. */
int hp_ask(struct hp_cli *cli, enum hp_kind kind,
           void (*render)(struct hp_text *page, const struct hp_report *report));

#endif
