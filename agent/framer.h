/* hotpatch: the bytes of nng's REQ/REP over a stream, as docs/protocol.md tells them: the greeting, then
 * messages, each with its length and the header that REQ put before it. Pure C on a connection's own memory:
 * no nng, no descriptors, any one thread at a time.
 *
 *     char *where;
 *     size_t want = hp_framer_want(f, &where);   read at most so much to there
 *     switch (hp_framer_got(f, n)) …             until there is a message; then hp_framer_next
 */
#ifndef HP_FRAMER_H
#define HP_FRAMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HP_GREETING_LEN 8
#define HP_HEADER_MAX   64 /* of REQ: one word of 4 bytes for each hop */
#define HP_LENGTH_LEN   9  /* 01, which ipc alone has, and the length */

/* What the agent says first. */
extern const char HP_GREETING[HP_GREETING_LEN];

enum hp_framer_phase { HP_FRAMER_GREETING, HP_FRAMER_LENGTH, HP_FRAMER_HEADER, HP_FRAMER_PAYLOAD };

struct hp_framer {
    bool bare; /* tcp, tls: no 01 before the length. Set after init */
    enum hp_framer_phase phase;
    size_t have; /* bytes of the present phase */
    char greeting[HP_GREETING_LEN];
    char length[HP_LENGTH_LEN];
    uint64_t left; /* of the message, beyond the present phase's bytes */
    char header[HP_HEADER_MAX];
    size_t header_len;
    char *payload; /* hp_mem; grows as bytes come, not as they are announced */
    size_t payload_cap;
    uint64_t payload_len;
    bool discards; /* the payload is longer than any message may be: it is read and dropped */
};

enum hp_framed {
    HP_FRAMED_MORE,
    HP_FRAMED_MESSAGE, /* header and payload are complete */
    HP_FRAMED_BAD,     /* not the protocol, or beyond all limits: close */
    HP_FRAMED_NO_MEMORY,
};

void hp_framer_init(struct hp_framer *f);
void hp_framer_fini(struct hp_framer *f); /* as after init */

/* Never 0. */
size_t hp_framer_want(struct hp_framer *f, char **where);
enum hp_framed hp_framer_got(struct hp_framer *f, size_t n);

/* The message is done with. */
void hp_framer_next(struct hp_framer *f);

/* Between messages: nothing is owed by the other side. */
bool hp_framer_is_idle(const struct hp_framer *f);

/* The 9 or 8 bytes before a message of `len` bytes, its header included: how many. */
size_t hp_framer_put_length(const struct hp_framer *f, char out[HP_LENGTH_LEN], uint64_t len);

#endif
