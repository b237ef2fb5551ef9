/* hotpatch client: numbers as people type them. */
#ifndef HP_NUMBER_H
#define HP_NUMBER_H

#include "client/cli.h"

/* The number of a patch. False: recorded as HP_USAGE. */
bool hp_number_patch(struct hp_cli *cli, const char *text, int64_t *patch);

/* "300", "30s", "5m", "1.5h", "7d": seconds, more than 0, a year at most. False: it is none. */
bool hp_number_duration(const char *text, double *seconds);

#endif
