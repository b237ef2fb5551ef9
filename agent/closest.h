/* hotpatch: the word that was meant. Pure C, any thread. */
#ifndef HP_CLOSEST_H
#define HP_CLOSEST_H

#include <stddef.h>

/* The word of the list that differs from `word` in the fewest letters, or NULL when none is near (more than a
 * third of its letters, or 2, differ). */
const char *hp_closest(const char *word, const char *const *list, size_t count);

#endif
