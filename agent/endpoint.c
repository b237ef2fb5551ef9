#include "agent/endpoint.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>

#include "agent/clock.h"
#include "agent/forked.h"
#include "agent/framer.h"
#include "agent/listener.h"
#include "proto/arena.h"
#include "proto/protocol.h"

/* Twice: those that are answered at once must not make a push busy that the mailbox has room for. */
#define TICKETS     (HP_MAILBOX_SIZE + 2 * HP_ENDPOINT_RESERVE)
#define PATIENCE_MS 10000               /* for a peer that stops in the middle of something */
#define MESSAGE_MS  120000              /* for a whole message, however its bytes come */
#define SPARE       8                   /* places for connections that are kept free, where that can be */
#define MAX_QUEUED  (64u * 1024 * 1024) /* bytes of answers that one peer does not read */

struct outgoing {
    struct outgoing *next;
    size_t len;
    char data[];
};

/* A place for a connection; `stream` NULL: free. Its two aios live as long as the endpoint. A read is under
 * way all the time, but for the turns of its own callback, so that a peer that goes is noticed whatever it
 * waits for. */
struct connection {
    struct hp_endpoint *endpoint;
    nng_stream *stream;
    nng_aio *receive;
    nng_aio *send;
    struct hp_peer peer;
    bool outsider;           /* over the network, or another user of this machine */
    struct hp_framer framer; /* the receiving side's own */
    uint64_t serial;         /* of the stream that is here now: an answer to an earlier one is dropped */
    int64_t due;             /* hp_clock_ms: the greeting or message has to be complete; 0: none is begun */
    bool receiving, sending, failed;
    struct outgoing *queue; /* the first is being sent */
    size_t queued, sent;    /* bytes of all; of the first */
};

struct ticket { /* a request that is being answered; connection NULL: free */
    struct connection *connection;
    uint64_t serial;
    char header[HP_HEADER_MAX];
    size_t header_len;
};

struct listening {
    struct hp_endpoint *endpoint;
    struct hp_listener listener;
    bool waits; /* for a place: no accept is under way; whoever comes meanwhile waits in the kernel's queue */
    uint16_t port; /* of a tcp one, for a forked child */
};

struct hp_endpoint {
    hp_frame_fn handler;
    void *context;
    pthread_mutex_t lock; /* guards all below; never held while the handler runs or an aio is waited for */
    bool closing;
    uint64_t serial;
    struct connection connections[HP_ENDPOINT_CONNECTIONS];
    struct ticket tickets[TICKETS];
    size_t tickets_out;
    struct listening listeners[HP_ENDPOINT_PATHS];
    size_t listener_count; /* grows under the lock */
};

/* --- a connection; all under the lock --------------------------------------------------------- */

static void drop_first(struct connection *c)
{
    struct outgoing *first = c->queue;
    c->queue = first->next;
    c->queued -= first->len;
    c->sent = 0;
    hp_mem_free(first);
}

static size_t free_places(const struct hp_endpoint *endpoint)
{
    size_t n = 0;
    for (size_t i = 0; i < HP_ENDPOINT_CONNECTIONS; i++)
        n += !endpoint->connections[i].stream;
    return n;
}

/* The next one is accepted only once there is a place for it, and for one from each other listener: a
 * connection that is being closed keeps its place for a while, and who comes then must not be turned away. */
static void accept_next(struct listening *l, bool after_error)
{
    l->waits = free_places(l->endpoint) < l->endpoint->listener_count;
    if (!l->endpoint->closing && !l->waits)
        hp_listener_accept(&l->listener, after_error);
}

static void accept_those_who_wait(struct hp_endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->listener_count; i++)
        if (endpoint->listeners[i].waits)
            accept_next(&endpoint->listeners[i], false);
}

/* The place is free again once neither aio is under way. */
static void release_if_done(struct connection *c)
{
    if (!c->failed || c->receiving || c->sending || !c->stream)
        return;
    nng_stream_free(c->stream);
    c->stream = NULL;
    while (c->queue)
        drop_first(c);
    hp_framer_fini(&c->framer);
    accept_those_who_wait(c->endpoint);
}

static void fail(struct connection *c)
{
    if (!c->stream || c->failed)
        return;
    c->failed = true;
    nng_stream_close(c->stream);
    release_if_done(c);
}

/* How long the next bytes may take: a peer that gives one now and then must not hold its place for ever. */
static nng_duration patience(struct connection *c)
{
    if (hp_framer_is_idle(&c->framer)) {
        c->due = 0;
        return NNG_DURATION_INFINITE;
    }
    int64_t now = hp_clock_ms();
    if (c->due == 0)
        c->due = now + (c->framer.phase == HP_FRAMER_GREETING ? PATIENCE_MS : MESSAGE_MS);
    int64_t left = c->due - now;
    return left <= 0 ? 0 : left < PATIENCE_MS ? (nng_duration)left : PATIENCE_MS;
}

static void receive_more(struct connection *c)
{
    nng_iov iov;
    char *where;
    nng_duration within = c->failed ? 0 : patience(c);
    if (within == 0)
        fail(c);
    if (c->failed || !c->stream)
        return;
    iov.iov_len = hp_framer_want(&c->framer, &where);
    iov.iov_buf = where;
    nng_aio_set_timeout(c->receive, within);
    nng_aio_set_iov(c->receive, 1, &iov);
    c->receiving = true;
    nng_stream_recv(c->stream, c->receive);
}

static void send_more(struct connection *c)
{
    if (c->failed || c->sending || !c->queue)
        return;
    nng_iov iov = {.iov_buf = c->queue->data + c->sent, .iov_len = c->queue->len - c->sent};
    nng_aio_set_timeout(c->send, PATIENCE_MS);
    nng_aio_set_iov(c->send, 1, &iov);
    c->sending = true;
    nng_stream_send(c->stream, c->send);
}

/* Takes over the message; NULL (no memory) ends the connection. */
static void enqueue(struct connection *c, struct outgoing *message)
{
    if (!message || c->queued + message->len > MAX_QUEUED) {
        hp_mem_free(message);
        fail(c);
        return;
    }
    struct outgoing **end = &c->queue;
    while (*end)
        end = &(*end)->next;
    *end = message;
    c->queued += message->len;
    send_more(c);
}

static struct outgoing *outgoing_new(size_t len)
{
    struct outgoing *message = hp_mem_alloc(sizeof *message + len);
    if (message) {
        message->next = NULL;
        message->len = len;
    }
    return message;
}

static void greet(struct connection *c)
{
    struct outgoing *message = outgoing_new(HP_GREETING_LEN);
    if (message)
        memcpy(message->data, HP_GREETING, HP_GREETING_LEN);
    enqueue(c, message);
}

/* --- tickets; under the lock ------------------------------------------------------------------ */

static struct ticket *ticket_take(struct connection *c)
{
    for (size_t i = 0; i < TICKETS; i++) {
        struct ticket *t = &c->endpoint->tickets[i];
        if (t->connection)
            continue;
        t->connection = c;
        t->serial = c->serial;
        t->header_len = c->framer.header_len;
        memcpy(t->header, c->framer.header, t->header_len);
        c->endpoint->tickets_out++;
        return t;
    }
    return NULL;
}

static struct outgoing *message_of(const struct connection *c, const struct ticket *t, const char *data,
                                   size_t len)
{
    struct outgoing *message = outgoing_new(HP_LENGTH_LEN + t->header_len + len);
    if (!message)
        return NULL;
    char *at = message->data;
    at += hp_framer_put_length(&c->framer, at, t->header_len + len);
    memcpy(at, t->header, t->header_len);
    at += t->header_len;
    memcpy(at, data, len);
    message->len = (size_t)(at - message->data) + len;
    return message;
}

void hp_endpoint_send(struct hp_endpoint *endpoint, uint64_t ticket, const char *data, size_t len)
{
    pthread_mutex_lock(&endpoint->lock);
    struct ticket *t = &endpoint->tickets[ticket];
    struct connection *c = t->connection;
    t->connection = NULL;
    endpoint->tickets_out--;
    if (c->stream && !c->failed && c->serial == t->serial)
        enqueue(c, message_of(c, t, data, len));
    pthread_mutex_unlock(&endpoint->lock);
}

/* --- what nng calls --------------------------------------------------------------------------- */

/* A complete request: hands it over, without the lock. False: there is no ticket for it. */
static bool hand_over(struct connection *c)
{
    struct hp_endpoint *endpoint = c->endpoint;
    struct hp_peer peer = c->peer;
    struct ticket *t = ticket_take(c);
    if (!t)
        return false;
    struct hp_frame frame = {
        .peer = &peer,
        .crowded = endpoint->tickets_out > TICKETS - HP_ENDPOINT_RESERVE,
        .ticket = (uint64_t)(t - endpoint->tickets),
        .data = c->framer.discards  ? NULL
                : c->framer.payload ? c->framer.payload
                                    : "",
        .len = (size_t)c->framer.payload_len,
    };
    /* `receiving` is still set, so the place and its framer stay what they are. */
    pthread_mutex_unlock(&endpoint->lock);
    endpoint->handler(endpoint->context, &frame);
    pthread_mutex_lock(&endpoint->lock);
    hp_framer_next(&c->framer);
    return true;
}

/* False: the connection is at its end. */
static bool take_bytes(struct connection *c, size_t n)
{
    switch (hp_framer_got(&c->framer, n)) {
    case HP_FRAMED_MORE:
        return true;
    case HP_FRAMED_MESSAGE:
        return hand_over(c);
    default:
        return false;
    }
}

static void on_received(void *arg)
{
    struct connection *c = arg;
    struct hp_endpoint *endpoint = c->endpoint;
    pthread_mutex_lock(&endpoint->lock);
    bool goes_on =
        nng_aio_result(c->receive) == 0 && !endpoint->closing && take_bytes(c, nng_aio_count(c->receive));
    c->receiving = false;
    if (!goes_on)
        fail(c);
    receive_more(c);
    release_if_done(c);
    pthread_mutex_unlock(&endpoint->lock);
}

static void on_sent(void *arg)
{
    struct connection *c = arg;
    pthread_mutex_lock(&c->endpoint->lock);
    c->sending = false;
    if (nng_aio_result(c->send) != 0) {
        fail(c);
    } else {
        c->sent += nng_aio_count(c->send);
        if (c->sent >= c->queue->len)
            drop_first(c);
        send_more(c);
    }
    release_if_done(c);
    pthread_mutex_unlock(&c->endpoint->lock);
}

static bool awaits_answer(const struct connection *c)
{
    for (size_t i = 0; i < TICKETS; i++) {
        const struct ticket *t = &c->endpoint->tickets[i];
        if (t->connection == c && t->serial == c->serial)
            return true;
    }
    return false;
}

/* It asks nothing, or has not even greeted, and nothing is on its way to it. */
static bool is_idle(const struct connection *c)
{
    bool quiet = c->framer.phase == HP_FRAMER_GREETING || hp_framer_is_idle(&c->framer);
    return c->stream && !c->failed && quiet && !c->queue && !awaits_answer(c);
}

static size_t places_used(const struct hp_endpoint *endpoint, bool only_outsiders)
{
    size_t used = 0;
    for (size_t i = 0; i < HP_ENDPOINT_CONNECTIONS; i++) {
        const struct connection *c = &endpoint->connections[i];
        used += c->stream && !c->failed && (!only_outsiders || c->outsider);
    }
    return used;
}

static void drop_oldest_idle(struct hp_endpoint *endpoint, bool only_outsiders)
{
    struct connection *oldest = NULL;
    for (size_t i = 0; i < HP_ENDPOINT_CONNECTIONS; i++) {
        struct connection *c = &endpoint->connections[i];
        if (is_idle(c) && (!only_outsiders || c->outsider) && (!oldest || c->serial < oldest->serial))
            oldest = c;
    }
    if (oldest)
        fail(oldest);
}

/* When few places are left, the one who came first of those that do nothing has to go; among those of
 * others (over the network, other users), where they are the many. */
static void keep_spare(struct hp_endpoint *endpoint)
{
    if (places_used(endpoint, true) > HP_ENDPOINT_NETWORK - SPARE)
        drop_oldest_idle(endpoint, true);
    else if (places_used(endpoint, false) > HP_ENDPOINT_CONNECTIONS - SPARE)
        drop_oldest_idle(endpoint, false);
}

static struct connection *free_place(struct hp_endpoint *endpoint, bool outsider)
{
    if (endpoint->closing || (outsider && places_used(endpoint, true) >= HP_ENDPOINT_NETWORK))
        return NULL;
    for (size_t i = 0; i < HP_ENDPOINT_CONNECTIONS; i++)
        if (!endpoint->connections[i].stream)
            return &endpoint->connections[i];
    return NULL;
}

static void adopt(struct hp_endpoint *endpoint, nng_stream *stream, const struct hp_peer *peer)
{
    bool outsider = peer->transport != HP_TRANSPORT_IPC || !hp_peer_is_own(peer);
    struct connection *c = free_place(endpoint, outsider);
    if (!c) {
        nng_stream_free(stream);
        return;
    }
    c->stream = stream;
    c->serial = ++endpoint->serial;
    c->failed = false;
    c->due = 0;
    c->peer = *peer;
    c->outsider = outsider;
    c->framer.bare = peer->transport != HP_TRANSPORT_IPC;
    receive_more(c);
    greet(c);
    keep_spare(endpoint);
}

/* Whatever the error: as long as the endpoint is not closing, it goes on. */
static void on_accepted(void *arg)
{
    struct listening *l = arg;
    struct hp_endpoint *endpoint = l->endpoint;
    struct hp_peer peer;
    bool failed;
    nng_stream *stream = hp_listener_take(&l->listener, &failed);
    if (stream)
        hp_listener_peer(&l->listener, stream, &peer);
    pthread_mutex_lock(&endpoint->lock);
    if (stream)
        adopt(endpoint, stream, &peer);
    accept_next(l, failed);
    pthread_mutex_unlock(&endpoint->lock);
}

/* --- opening and closing ---------------------------------------------------------------------- */

/* Threads inherit the mask of their maker: what nng starts must never take a signal meant for the program. */
static void block_signals(sigset_t *old)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, old);
}

static void restore_signals(const sigset_t *old)
{
    pthread_sigmask(SIG_SETMASK, old, NULL);
}

static bool others_use_nng(void)
{
    nng_stat *stats;
    if (nng_stats_get(&stats) != 0)
        return true; /* not known: then leave it alone */
    bool used = nng_stat_child(stats) != NULL;
    nng_stats_free(stats);
    return used;
}

/* Waits for its callback. Each is made once and may be missing, where memory was. */
static void aio_end(nng_aio *aio)
{
    if (!aio)
        return;
    nng_aio_stop(aio);
    nng_aio_free(aio);
}

static uint16_t port_of(const char *url)
{
    const char *colon = strrchr(url, ':');
    return colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
}

bool hp_endpoint_listen(struct hp_endpoint *endpoint, const struct hp_address *address, struct hp_why *why)
{
    char url[HP_ADDRESS_URL_MAX];
    sigset_t old;
    if (endpoint->listener_count == HP_ENDPOINT_PATHS)
        return hp_why_set(why, "too many sockets: %d at most in one process", HP_ENDPOINT_PATHS);
    struct listening *l = &endpoint->listeners[endpoint->listener_count];
    *l = (struct listening){.endpoint = endpoint};
    block_signals(&old);
    bool opened = hp_listener_open(&l->listener, address, on_accepted, l, why);
    restore_signals(&old);
    if (!opened)
        return false;
    hp_listener_url(&l->listener, url);
    l->port = address->transport == HP_TRANSPORT_IPC ? 0 : port_of(url);
    pthread_mutex_lock(&endpoint->lock);
    endpoint->listener_count++;
    accept_next(l, false);
    pthread_mutex_unlock(&endpoint->lock);
    return true;
}

static struct hp_listener *listener_at(struct hp_endpoint *endpoint, size_t i)
{
    pthread_mutex_lock(&endpoint->lock);
    size_t count = endpoint->listener_count;
    pthread_mutex_unlock(&endpoint->lock);
    return i + 1 < count ? &endpoint->listeners[i + 1].listener : NULL;
}

bool hp_endpoint_url(struct hp_endpoint *endpoint, size_t i, char out[HP_ADDRESS_URL_MAX])
{
    struct hp_listener *l = listener_at(endpoint, i);
    if (l)
        hp_listener_url(l, out);
    return l != NULL;
}

bool hp_endpoint_trouble(struct hp_endpoint *endpoint, size_t i, char *out, size_t size)
{
    struct hp_listener *l = listener_at(endpoint, i);
    return l && hp_listener_trouble(l, out, size);
}

static int open_connections(struct hp_endpoint *endpoint)
{
    for (size_t i = 0; i < HP_ENDPOINT_CONNECTIONS; i++) {
        struct connection *c = &endpoint->connections[i];
        int rv;
        c->endpoint = endpoint;
        hp_framer_init(&c->framer);
        if ((rv = nng_aio_alloc(&c->receive, on_received, c)) != 0 ||
            (rv = nng_aio_alloc(&c->send, on_sent, c)) != 0)
            return rv;
    }
    return 0;
}

static void close_connections(struct hp_endpoint *endpoint)
{
    pthread_mutex_lock(&endpoint->lock);
    for (size_t i = 0; i < HP_ENDPOINT_CONNECTIONS; i++)
        fail(&endpoint->connections[i]);
    pthread_mutex_unlock(&endpoint->lock);
    for (size_t i = 0; i < HP_ENDPOINT_CONNECTIONS; i++) {
        struct connection *c = &endpoint->connections[i];
        aio_end(c->receive);
        aio_end(c->send);
        /* Their callbacks have been, or never will be. */
        c->receiving = c->sending = false;
        release_if_done(c);
    }
}

static void close_all(struct hp_endpoint *endpoint)
{
    pthread_mutex_lock(&endpoint->lock);
    endpoint->closing = true;
    pthread_mutex_unlock(&endpoint->lock);
    for (size_t i = 0; i < endpoint->listener_count; i++)
        hp_listener_close(&endpoint->listeners[i].listener);
    close_connections(endpoint);
    pthread_mutex_destroy(&endpoint->lock);
    hp_mem_free(endpoint);
    if (!others_use_nng())
        nng_fini();
}

struct hp_endpoint *hp_endpoint_open(const char *path, hp_frame_fn handler, void *context, struct hp_why *why)
{
    sigset_t old;
    struct hp_address address;
    struct hp_endpoint *endpoint = hp_mem_calloc(sizeof *endpoint);
    if (!endpoint) {
        hp_why_set(why, "not enough memory");
        return NULL;
    }
    endpoint->handler = handler;
    endpoint->context = context;
    pthread_mutex_init(&endpoint->lock, NULL);
    block_signals(&old);
    int rv = open_connections(endpoint);
    if (rv != 0)
        hp_why_set(why, "cannot start nng: %s", nng_strerror(rv));
    hp_address_of_path(&address, path);
    if (rv != 0 || !hp_endpoint_listen(endpoint, &address, why)) {
        close_all(endpoint);
        endpoint = NULL;
    }
    restore_signals(&old);
    return endpoint;
}

void hp_endpoint_close(struct hp_endpoint *endpoint)
{
    sigset_t old;
    block_signals(&old);
    close_all(endpoint);
    restore_signals(&old);
}

void hp_endpoint_forked(const struct hp_endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->listener_count; i++)
        hp_forked_close_sockets(endpoint->listeners[i].listener.address.path, endpoint->listeners[i].port);
}
