/* hotpatch: the sentence of an error that is found where nothing may be allocated. It says what is wrong and
 * what to do, without a full stop and without a prefix. Owned by the caller, usually on its stack. */
#ifndef HP_WHY_H
#define HP_WHY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

struct hp_why {
    char text[640];
    bool no_memory; /* that is all that was wrong */
};

/* Always false, so that a check reads `return hp_why_set(why, …)`. */
__attribute__((format(printf, 2, 3))) static inline bool hp_why_set(struct hp_why *why, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why->text, sizeof why->text, fmt, ap);
    va_end(ap);
    why->no_memory = false;
    return false;
}

static inline bool hp_why_no_memory(struct hp_why *why, const char *what_for)
{
    hp_why_set(why, "not enough memory%s", what_for);
    why->no_memory = true;
    return false;
}

#endif
