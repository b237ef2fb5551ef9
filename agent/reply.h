/* hotpatch: an encoded answer on its way out. There always is one: where memory is short, or the report too
 * long to send, a shorter one says so. I/O side; no nng, no Lua. */
#ifndef HP_REPLY_H
#define HP_REPLY_H

#include "proto/report.h"

struct hp_reply {
    enum hp_status status;
    const char *data; /* of `owned` or `fixed` */
    size_t len;
    char *owned;
    char fixed[256];
};

/* Encodes the report, or as much as can be. `reply` needs no initialising before and hp_reply_fini after. */
void hp_reply_encode(struct hp_reply *reply, const struct hp_report *report);

/* Takes over bytes that were encoded before (hp_mem). */
void hp_reply_adopt(struct hp_reply *reply, enum hp_status status, char *data, size_t len);

void hp_reply_fini(struct hp_reply *reply);

#endif
