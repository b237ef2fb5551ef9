/* hotpatch: "did you mean": the closest of some known words. Pure; allocates nothing. */
#ifndef HP_SUGGEST_H
#define HP_SUGGEST_H

#include <stddef.h>

/* Edits (insert, delete, replace, swap of neighbours) that turn one word into the other, case ignored; words
 * of more than 63 bytes are compared by their first 63. */
size_t hp_suggest_distance(const char *a, const char *b);

struct hp_suggest {
    const char *word; /* the one that was typed; not owned */
    const char *best; /* NULL: nothing is close */
    size_t distance;
};

void hp_suggest_init(struct hp_suggest *s, const char *word);
void hp_suggest_offer(struct hp_suggest *s,
                      const char *candidate); /* kept by pointer; the first of equals wins */

#endif
