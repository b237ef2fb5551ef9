#include "agent/closest.h"

#include <string.h>

#define LONGEST 40

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Edit distance, row by row; `b` is at most LONGEST letters. */
static size_t distance(const char *a, const char *b)
{
    size_t row[LONGEST + 1];
    size_t width = strlen(b);
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[width];
}

const char *hp_closest(const char *word, const char *const *list, size_t count)
{
    const char *best = NULL;
    size_t len = strlen(word);
    size_t limit = len / 3 > 2 ? len / 3 : 2;
    if (len > LONGEST)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(list[i]) > LONGEST)
            continue;
        size_t d = distance(word, list[i]);
        if (d <= limit && d < len) {
            best = list[i];
            limit = d ? d - 1 : 0;
            if (d == 0)
                break;
        }
    }
    return best;
}
