/* hotpatch: the nng side of the agent: it listens, reads requests and writes answers, and knows nothing of
 * what they say.
 *
 * It speaks REQ/REP, as any nng REQ socket expects, over nng's byte streams and not over an nng REP socket.
 * The reason is nng 1.5.2, which Debian 12 has: a peer that connects and goes before the greetings are
 * exchanged makes a listener of an nng socket stop accepting for good (nng issue 1518), and so would anything
 * that looks whether the socket is alive. The framing is in framer.c; here are connections, and tickets for
 * requests under way.
 *
 * A request is given to the handler, on a thread of nng, with a ticket. Each ticket is answered once, by
 * hp_endpoint_send, from any thread, during the handler or later; an answer to a client that is gone is
 * dropped. HP_ENDPOINT_RESERVE tickets are kept for requests that are answered at once: when no more are free
 * the handler is told that the endpoint is crowded.
 *
 * Threads that nng starts have all signals blocked. No Lua.
 */
#ifndef HP_ENDPOINT_H
#define HP_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/address.h"
#include "agent/peer.h"
#include "agent/why.h"

#define HP_ENDPOINT_RESERVE 16
#define HP_ENDPOINT_PATHS   8
/* At a time; further ones wait to be accepted. When nearly all are taken, those that ask nothing and await no
 * answer are closed, the oldest first. */
#define HP_ENDPOINT_CONNECTIONS 128
/* Of these, how many may have come over tcp and tls, or belong to other users: a flood of theirs leaves
 * places for the server's user and root on this machine. */
#define HP_ENDPOINT_NETWORK 96

struct hp_endpoint;

struct hp_frame {
    const struct hp_peer *peer;
    bool crowded;
    uint64_t ticket;
    const char *data; /* the endpoint's, until the handler returns; NULL where len is beyond HP_MAX_MESSAGE */
    size_t len;
};
typedef void (*hp_frame_fn)(void *context, const struct hp_frame *frame);

/* Starts nng, listens at `path` (an ipc socket's; claimed by the caller), and begins to receive: the handler
 * may be called before this returns. Never in a process that was forked from one that had used nng: nng would
 * abort it. NULL: see why. */
struct hp_endpoint *hp_endpoint_open(const char *path, hp_frame_fn handler, void *context,
                                     struct hp_why *why);

/* One more place; the path of an ipc one is claimed by the caller. False: see why. */
bool hp_endpoint_listen(struct hp_endpoint *endpoint, const struct hp_address *address, struct hp_why *why);

/* The URL of each place but the first, i from 0, with its real port; false: there are no more. Any thread. */
bool hp_endpoint_url(struct hp_endpoint *endpoint, size_t i, char out[HP_ADDRESS_URL_MAX]);
/* What is wrong there, a sentence; false: nothing. Any thread. */
bool hp_endpoint_trouble(struct hp_endpoint *endpoint, size_t i, char *out, size_t size);

/* Copies the answer and returns at once. Without memory for that the connection is closed: its client knows
 * how to ask again. */
void hp_endpoint_send(struct hp_endpoint *endpoint, uint64_t ticket, const char *data, size_t len);

/* Waits for the handler to return, drops the connections (short answers are with the system by then), removes
 * the sockets from the directory, and ends nng in this process unless somebody else has nng sockets here. No
 * ticket is valid afterwards. */
void hp_endpoint_close(struct hp_endpoint *endpoint);

/* In a forked child: closes the inherited sockets by number (unix ones by their path, tcp ones by the ports
 * that the endpoint listened at) and touches no nng; the endpoint stays allocated.
 * Async-signal-safe. */
void hp_endpoint_forked(const struct hp_endpoint *endpoint);

#endif
