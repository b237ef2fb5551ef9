#include "client/number.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool hp_number_patch(struct hp_cli *cli, const char *text, int64_t *patch)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    bool ok = isdigit((unsigned char)*text) && *end == '\0' && errno == 0 && number > 0;
    *patch = ok ? number : 0;
    return ok ||
           hp_cli_fail(cli, HP_USAGE, "hotpatch log lists them", "\"%s\" is no number of a patch", text);
}

bool hp_number_duration(const char *text, double *seconds)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    char *end = NULL;
    errno = 0;
    double number = strtod(text, &end);
    if (!isdigit((unsigned char)*text) || errno != 0 || !isfinite(number) || number <= 0)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].unit) == 0) {
            *seconds = number * units[i].seconds;
            return *seconds <= 366.0 * 24 * 3600;
        }
    }
    return false;
}
