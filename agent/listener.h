/* hotpatch: one place where the agent listens: nng's byte-stream listener for it, and for tls the
 * certificates, which are looked at every second and read again when they were replaced. New ones are used
 * from the next connection on; where they are bad, the old ones stay, and hp_listener_trouble tells.
 *
 * A door to nng. In place, inside the endpoint. Opened and closed on a Lua thread; callbacks on nng's.
 */
#ifndef HP_LISTENER_H
#define HP_LISTENER_H

#include <pthread.h>
#include <sys/stat.h>

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>

#include "agent/address.h"
#include "agent/why.h"

struct hp_stamp { /* when a file is another one */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct hp_listener {
    nng_stream_listener *stream;
    nng_aio *accept;
    bool resting; /* the accept is a pause, after an error */
    struct hp_address address;

    /* tls; the watch's own but for `lock`'s */
    nng_aio *watch;
    struct hp_stamp stamps[3];
    int64_t not_after;
    pthread_mutex_t lock;
    bool closing;
    char trouble[sizeof((struct hp_why *)0)->text];
};

/* Listens. `accepted(context)` is called when the accept that hp_listener_accept began has ended. False: see
 * why; nothing is left to close. */
bool hp_listener_open(struct hp_listener *l, const struct hp_address *address, void (*accepted)(void *),
                      void *context, struct hp_why *why);
/* Waits for the callbacks. */
void hp_listener_close(struct hp_listener *l);

/* Begins the next accept, or a pause before it. */
void hp_listener_accept(struct hp_listener *l, bool rest);

/* After the callback: the new connection, or NULL, with *failed where it was an error and no pause. */
nng_stream *hp_listener_take(struct hp_listener *l, bool *failed);

/* Who is at the other end. Reads /proc for tcp. */
void hp_listener_peer(const struct hp_listener *l, nng_stream *stream, struct hp_peer *peer);

/* The URL with the port that it really has. */
void hp_listener_url(struct hp_listener *l, char out[HP_ADDRESS_URL_MAX]);

/* What is wrong with its certificates; false: nothing. */
bool hp_listener_trouble(struct hp_listener *l, char *out, size_t size);

#endif
