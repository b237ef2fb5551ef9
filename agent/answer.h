/* hotpatch: what the I/O side says to a frame. It decodes, authorises, answers status, log, progress and
 * cancel from snapshots, and posts the rest to a mailbox. I/O threads, under the service's lock; no nng, no
 * Lua. */
#ifndef HP_ANSWER_H
#define HP_ANSWER_H

#include "agent/desk.h"
#include "agent/endpoint.h"
#include "agent/reply.h"

/* The process, as `status` tells it. Owned by the service. */
struct hp_site {
    struct hp_desk *desks;
    struct hp_endpoint *served; /* for what `status` tells of the other places */
    const char *endpoint;       /* "ipc:///…/PID.sock" */
    const char *program;
    const char *user;
};

/* `groups` are the asker's. True: `reply` is made and to be sent now. False: the ticket waits in a mailbox;
 * `reply` is untouched. */
bool hp_answer_frame(const struct hp_site *site, const struct hp_frame *frame, const struct hp_groups *groups,
                     int64_t now, struct hp_reply *reply);

/* The answer of a letter that is done. */
void hp_answer_letter(const struct hp_desk *desk, struct hp_letter *letter, struct hp_reply *reply);

#endif
