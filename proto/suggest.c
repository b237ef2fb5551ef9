#include "proto/suggest.h"

#include <ctype.h>
#include <string.h>

#define SUGGEST_MAX 63

static size_t min2(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

size_t hp_suggest_distance(const char *a, const char *b)
{
    size_t la = strnlen(a, SUGGEST_MAX);
    size_t lb = strnlen(b, SUGGEST_MAX);
    size_t rows[3][SUGGEST_MAX + 1]; /* of the row before last, the last and this one */
    size_t *older = rows[0];
    size_t *last = rows[1];
    size_t *row = rows[2];
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *spare = older;
        older = last;
        last = row;
        row = spare;
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            row[j] = min2(min2(last[j], row[j - 1]) + 1, last[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1));
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                row[j] = min2(row[j], older[j - 2] + 1);
        }
    }
    return row[lb];
}

void hp_suggest_init(struct hp_suggest *s, const char *word)
{
    s->word = word;
    s->best = NULL;
    s->distance = strnlen(word, SUGGEST_MAX) / 3 + 1; /* the most that still counts as close */
}

void hp_suggest_offer(struct hp_suggest *s, const char *candidate)
{
    size_t distance = hp_suggest_distance(s->word, candidate);
    size_t prefix = strlen(s->word);
    if (prefix >= 2 && strncmp(candidate, s->word, prefix) == 0)
        distance = 0; /* an abbreviation */
    if (distance < s->distance || (s->best == NULL && distance == s->distance)) {
        s->best = candidate;
        s->distance = distance;
    }
}
