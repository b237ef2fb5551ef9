/* hotpatch client: which function of a report's module each upvalue belongs to.
 *
 * "login^handlers.on_join^count" belongs to the function whose path is the longest that goes before a ^ of
 * it; to none if there is no such path. What is pointed to is the module's, and outlives all here. One
 * thread.
 */
#ifndef HP_OWNERS_H
#define HP_OWNERS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/report.h"

/* The functions of a module by path. */
struct hp_owners {
    const struct hp_report_function **by_path; /* hp_mem */
    size_t count;
};

bool hp_owners_init(struct hp_owners *o, const struct hp_report_module *m); /* false: no memory */
void hp_owners_fini(struct hp_owners *o);

/* NULL: none. */
const struct hp_report_function *hp_owners_find(const struct hp_owners *o, const char *upvalue);

/* Upvalues in the order of their owners, those of one as they were listed; those of none come first. */
struct hp_owned {
    const struct hp_report_function *owner;
    const char *upvalue;
    size_t number; /* in the report's list */
};

struct hp_owned_list {
    struct hp_owned *items; /* hp_mem */
    size_t count;
};

/* Of a list of upvalues, as the module has them: joined, absent, orphaned. False: no memory. */
bool hp_owned_init(struct hp_owned_list *list, const struct hp_owners *o, const struct hp_list *upvalues);
void hp_owned_fini(struct hp_owned_list *list);

/* Those of that function (NULL: of none), *count of them. */
const struct hp_owned *hp_owned_of(const struct hp_owned_list *list, const struct hp_report_function *owner,
                                   size_t *count);

#endif
