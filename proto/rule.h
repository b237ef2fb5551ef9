/* hotpatch: the rule of a guard, when a patch on trial is to be reverted before its time is over.
 *
 *   errors<1%   of the calls, fewer than one of a hundred may end by an error; judged from HP_RULE_CALLS
 * calls on errors<5    in all, fewer than five calls may
 *
 * Written by people, sent as text, read by the client (to say early what is wrong) and by the agent. No
 * memory.
 */
#ifndef HP_RULE_H
#define HP_RULE_H

#include <stdbool.h>
#include <stdint.h>

#define HP_RULE_CALLS 20 /* before that a rate says nothing */
#define HP_RULE_FORM  "'errors<1%' (of the calls) or 'errors<5' (in all)"

struct hp_rule {
    bool is_rate; /* `limit` is per cent of the calls; else a number of errors */
    double limit; /* above 0; a rate is at most 100 */
};

/* False: it is no rule, *rule is not written. Spaces are ignored. */
bool hp_rule_parse(const char *text, struct hp_rule *rule);

/* Is this more than the rule allows? */
bool hp_rule_is_broken(const struct hp_rule *rule, int64_t calls, int64_t errors);

#endif
