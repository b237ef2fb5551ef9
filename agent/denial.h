/* hotpatch: what is said to somebody who may not: the status, a sentence, and what would help. Any thread;
 * the texts are the report's or static. No Lua, no nng.
 */
#ifndef HP_DENIAL_H
#define HP_DENIAL_H

#include "agent/rights.h"
#include "proto/report.h"

/* To a peer that has no right at all. */
void hp_denial_stranger(struct hp_report *report, const struct hp_peer *peer);

/* To one that lacks what this request needs. `rights` are those of the state that was asked. */
void hp_denial_right(struct hp_report *report, const struct hp_peer *peer, const struct hp_request *request,
                     const struct hp_rights *rights);

#endif
