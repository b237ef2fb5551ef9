/* hotpatch client: one request and one answer over one connection. The client's one door to nng.
 *
 * A link carries one request. It is never sent twice: nng's resending and reconnecting are switched off, so
 * that a lost connection is told as such and the caller can say under which id to ask again. All functions
 * are called from the main thread; the answer arrives on one of nng's own and wakes hp_link_wait. Only ipc://
 * URLs. */
#ifndef HP_CONNECT_H
#define HP_CONNECT_H

#include <stddef.h>

enum hp_link_result {
    HP_LINK_OK,
    HP_LINK_ABSENT,  /* nothing at that path */
    HP_LINK_REFUSED, /* a socket that nobody listens on */
    HP_LINK_DENIED,  /* rights */
    HP_LINK_TIMEOUT, /* somebody listens and does not answer */
    HP_LINK_LOST,    /* the connection was there and is gone */
    HP_LINK_NO_MEMORY,
    HP_LINK_FAILED, /* anything else */
    HP_LINK_WOKEN,  /* hp_link_wait: the other descriptor is readable */
};

struct hp_link;

/* Checks that somebody listens at `path`, opens a socket and sends `len` bytes, all within `timeout_ms`. On
 * HP_LINK_OK *out is the caller's, for hp_link_close; else it is NULL and the request was not sent: it will
 * not arrive later. */
enum hp_link_result hp_link_send(const char *path, const char *data, size_t len, int timeout_ms,
                                 struct hp_link **out);

/* Waits for the answer. HP_LINK_OK: *data is the caller's, for hp_mem_free. HP_LINK_TIMEOUT: not yet; may be
 * called again. HP_LINK_WOKEN: `wake_fd` (-1: none) is readable. Else the link is finished. */
enum hp_link_result hp_link_wait(struct hp_link *link, int timeout_ms, int wake_fd, char **data, size_t *len);

void hp_link_close(struct hp_link *link); /* NULL is fine */

const char *hp_link_sentence(enum hp_link_result result);

#endif
