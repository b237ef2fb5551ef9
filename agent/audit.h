/* hotpatch: the audit file: who asked for what, what was refused, what was done. One JSON object a line, each
 * with the SHA-256 of the line before, so that what was changed or taken out later shows (`hotpatch audit
 * check`).
 *
 * A line reaches the disk before what it tells of goes on: "asked" before the request is queued, "done"
 * before its answer is sent. Where it cannot be written, the request is refused, and nothing has changed.
 *
 * One writer a file: it is locked. A file that was moved away (rotated) is left, and a new one begun, which
 * goes on with the old one's chain. Any thread; each call waits for the disk. No Lua.
 */
#ifndef HP_AUDIT_H
#define HP_AUDIT_H

#include <stdbool.h>

#include "agent/why.h"
#include "proto/report.h"
#include "proto/request.h"

struct hp_audit;

/* Opens the file, made with mode 0600 if it is not there, and writes the line "start". NULL: see why. `name`
 * is the agent's. */
struct hp_audit *hp_audit_open(const char *path, const char *name, struct hp_why *why);
void hp_audit_close(struct hp_audit *audit); /* writes "stop"; NULL is fine */
/* In a forked child: lets go of the file and writes nothing. */
void hp_audit_forget(struct hp_audit *audit);

/* Requests of these kinds are written down: those that change the program or run code in it. */
bool hp_audit_wants(enum hp_kind kind);

/* False: see why, and let the request go no further. With a NULL audit, true. */
bool hp_audit_asked(struct hp_audit *audit, const struct hp_request *request, const char *who,
                    struct hp_why *why);
/* Somebody was turned away; `request` is NULL where it was before a word was read. */
bool hp_audit_denied(struct hp_audit *audit, const struct hp_request *request, const char *who,
                     const char *error, struct hp_why *why);
/* What became of it; of one that was turned away too. */
bool hp_audit_done(struct hp_audit *audit, const struct hp_request *request, const char *who,
                   enum hp_status status, const struct hp_report *report, struct hp_why *why);

#endif
