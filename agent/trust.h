/* hotpatch: whose patches an agent takes. With `trust` set, a push has to be a bundle that enough of the
 * listed keys have signed; one that is out of date, or older than the newest that was taken of its series, is
 * refused.
 *
 * Made on the Lua thread at start, constant afterwards but for the series, which have a lock. Admission is
 * the I/O side's: nothing of a bundle is looked into before its signatures have been checked.
 */
#ifndef HP_TRUST_H
#define HP_TRUST_H

#include "agent/why.h"
#include "hotpatch/hotpatch.h"
#include "proto/report.h"
#include "proto/request.h"

struct hp_trust;

/* Reads the keys and the state file. NULL: see why. */
struct hp_trust *hp_trust_open(const struct hotpatch_trust *options, struct hp_why *why);
void hp_trust_close(struct hp_trust *trust); /* NULL is fine */

/* I/O side. May this request go on? Unpacks its bundle. With a NULL trust, only that. False: the report says
 * why not. `signers` gets the names of the keys that counted, or "". Kinds that change nothing need no
 * signature: diff, verify; revert and confirm need none either, for an emergency must not wait for a second
 * key; eval is denied unless the options say otherwise. */
#define HP_TRUST_SIGNERS_MAX 256
bool hp_trust_admit(struct hp_trust *trust, struct hp_request *request, int64_t now_s,
                    struct hp_report *report, char signers[HP_TRUST_SIGNERS_MAX]);

/* Lua side, when the request's turn has come: has a newer bundle of its series been taken meanwhile? */
bool hp_trust_is_newest(struct hp_trust *trust, const struct hp_request *request);
/* Lua side: it was applied. */
void hp_trust_took(struct hp_trust *trust, const struct hp_request *request);
/* I/O side: what was taken reaches the state file, if there is one and it has changed. False: see why. */
bool hp_trust_save(struct hp_trust *trust, struct hp_why *why);

#endif
