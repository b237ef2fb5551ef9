/* hotpatch client: one request and one answer over one connection. The client's one door to nng.
 *
 * A link carries one request. It is never sent twice: nng's resending and reconnecting are switched off, so
 * that a lost connection is told as such and the caller can say under which id to ask again. All functions
 * of one link are called from one thread; the answer arrives on one of nng's own and wakes hp_link_wait. */
#ifndef HP_CONNECT_H
#define HP_CONNECT_H

#include <stdbool.h>
#include <stddef.h>

/* Where an agent is. The strings are the caller's. */
struct hp_remote {
    const char *url;                         /* ipc://PATH, tcp://HOST:PORT, tls+tcp://HOST:PORT */
    const char *tls_ca, *tls_cert, *tls_key; /* files; all three, where it is tls */
};

enum hp_link_result {
    HP_LINK_OK,
    HP_LINK_ABSENT,  /* nothing at that path */
    HP_LINK_REFUSED, /* a socket that nobody listens on */
    HP_LINK_DENIED,  /* rights */
    HP_LINK_TIMEOUT, /* somebody listens and does not answer */
    HP_LINK_LOST,    /* the connection was there and is gone */
    HP_LINK_NO_MEMORY,
    HP_LINK_FAILED,    /* anything else */
    HP_LINK_NO_NAME,   /* the host's name is not found */
    HP_LINK_NO_ROUTE,  /* its address cannot be reached from here */
    HP_LINK_STRANGER,  /* something else answers there */
    HP_LINK_UNTRUSTED, /* the agent's certificate is of another authority, or for another name */
    HP_LINK_EXPIRED,   /* a certificate, the agent's or our own, is out of date */
    HP_LINK_REJECTED,  /* the agent does not take our certificate */
    HP_LINK_BARE,      /* it has none to show */
    HP_LINK_OWN_FILES, /* our own files are missing or no good: nothing was tried */
    HP_LINK_WOKEN,     /* hp_link_wait: the other descriptor is readable */
};

#define HP_LINK_WHY_MAX 700

struct hp_link;

/* Opens a socket to the agent and sends `len` bytes, all within `timeout_ms` (finding out why it failed may
 * take two seconds more). On HP_LINK_OK *out is the caller's, for hp_link_close; else it is NULL and the
 * request was not sent: it will not arrive later. `why` may be NULL: a sentence about the failure, or ""
 * where hp_link_sentence says all there is. */
enum hp_link_result hp_link_send(const struct hp_remote *to, const char *data, size_t len, int timeout_ms,
                                 struct hp_link **out, char why[HP_LINK_WHY_MAX]);

/* Waits for the answer. HP_LINK_OK: *data is the caller's, for hp_mem_free. HP_LINK_TIMEOUT: not yet; may be
 * called again. HP_LINK_WOKEN: `wake_fd` (-1: none) is readable. Else the link is finished. */
enum hp_link_result hp_link_wait(struct hp_link *link, int timeout_ms, int wake_fd, char **data, size_t *len);

void hp_link_close(struct hp_link *link); /* NULL is fine */

const char *hp_link_sentence(enum hp_link_result result);

#endif
