#include "agent/endpoint.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/transport/ipc/ipc.h>

#include "agent/forked.h"
#include "proto/protocol.h"
#include "proto/request.h"

#define CHANNELS        (HP_MAILBOX_SIZE + HP_ENDPOINT_RESERVE)
#define SEND_TIMEOUT_MS 10000 /* for a peer that does not read */
#define REST_MS         50    /* after an error of receiving that may pass */

/* One context of the socket: receives, holds a ticket while the request is answered, sends, receives again. Two aios,
 * because an answer may be sent before the callback of the receiving one has returned. */
struct channel {
    struct hp_endpoint *endpoint;
    uint64_t ticket;
    nng_ctx ctx;
    nng_aio *receive;
    nng_aio *send;
    bool resting; /* `receive` sleeps; only its callback and who starts it look */
};

struct hp_endpoint {
    nng_socket socket;
    hp_frame_fn handler;
    void *context;
    struct channel channels[CHANNELS];
    size_t channel_count;
    atomic_uint held; /* tickets out */
    char paths[HP_ENDPOINT_PATHS][HP_SOCKET_PATH_MAX];
    size_t path_count;
};

/* ---- a channel ---- */

static void receive_next(struct channel *c)
{
    c->resting = false;
    nng_ctx_recv(c->ctx, c->receive);
}

static void rest(struct channel *c)
{
    c->resting = true;
    nng_sleep_aio(REST_MS, c->receive);
}

static struct hp_peer peer_of(nng_msg *msg)
{
    struct hp_peer peer = {false, (uid_t)-1, 0};
    uint64_t uid, pid;
    nng_pipe pipe = nng_msg_get_pipe(msg);
    if (nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid) == 0 &&
        nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_PID, &pid) == 0)
        peer = (struct hp_peer){true, (uid_t)uid, (pid_t)pid};
    return peer;
}

static void on_received(void *arg)
{
    struct channel *c = arg;
    int rv = nng_aio_result(c->receive);
    if (rv == NNG_ECLOSED || rv == NNG_ECANCELED)
        return;
    if (rv != 0) {
        rest(c);
        return;
    }
    if (c->resting) {
        receive_next(c);
        return;
    }
    nng_msg *msg = nng_aio_get_msg(c->receive);
    struct hp_endpoint *endpoint = c->endpoint;
    struct hp_peer peer = peer_of(msg);
    unsigned held = atomic_fetch_add(&endpoint->held, 1) + 1;
    struct hp_frame frame = {&peer, held > CHANNELS - HP_ENDPOINT_RESERVE, c->ticket, nng_msg_body(msg),
                             nng_msg_len(msg)};
    /* Nothing of the channel is touched after this: the answer may be under way already. */
    endpoint->handler(endpoint->context, &frame);
    nng_msg_free(msg);
}

static void on_sent(void *arg)
{
    struct channel *c = arg;
    int rv = nng_aio_result(c->send);
    if (rv != 0) { /* the peer is gone, or does not read: the answer stays remembered under its id */
        nng_msg *msg = nng_aio_get_msg(c->send);
        nng_msg_free(msg);
        nng_aio_set_msg(c->send, NULL);
    }
    atomic_fetch_sub(&c->endpoint->held, 1);
    if (rv != NNG_ECLOSED && rv != NNG_ECANCELED)
        receive_next(c);
}

void hp_endpoint_send(struct hp_endpoint *endpoint, uint64_t ticket, const char *data, size_t len)
{
    struct channel *c = &endpoint->channels[ticket];
    nng_msg *msg = NULL;
    if (nng_msg_alloc(&msg, 0) != 0 || nng_msg_append(msg, data, len) != 0) {
        nng_msg_free(msg); /* no memory even for this: the client will ask again by its id */
        atomic_fetch_sub(&endpoint->held, 1);
        receive_next(c);
        return;
    }
    nng_aio_set_timeout(c->send, SEND_TIMEOUT_MS);
    nng_aio_set_msg(c->send, msg);
    nng_ctx_send(c->ctx, c->send);
}

static int channel_open(struct hp_endpoint *endpoint, struct channel *c, uint64_t ticket)
{
    int rv;
    c->endpoint = endpoint;
    c->ticket = ticket;
    if ((rv = nng_ctx_open(&c->ctx, endpoint->socket)) != 0)
        return rv;
    if ((rv = nng_aio_alloc(&c->receive, on_received, c)) != 0)
        return rv;
    return nng_aio_alloc(&c->send, on_sent, c);
}

static void channel_close(struct channel *c)
{
    nng_aio_stop(c->receive);
    nng_aio_stop(c->send);
    nng_aio_free(c->receive);
    nng_aio_free(c->send);
}

/* ---- the socket ---- */

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
    bool used = false;
    if (nng_stats_get(&stats) != 0)
        return true; /* not known: then leave it alone */
    for (nng_stat *s = nng_stat_child(stats); s; s = nng_stat_next(s))
        used = true;
    nng_stats_free(stats);
    return used;
}

static void end_nng(void)
{
    if (!others_use_nng())
        nng_fini();
}

static int listen_at(struct hp_endpoint *endpoint, const char *path)
{
    char url[HP_SOCKET_PATH_MAX + 8];
    nng_listener listener;
    int rv;
    snprintf(url, sizeof url, "ipc://%s", path);
    if ((rv = nng_listener_create(&listener, endpoint->socket, url)) != 0)
        return rv;
    if ((rv = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600)) == 0)
        rv = nng_listener_start(listener, 0);
    if (rv != 0)
        nng_listener_close(listener);
    return rv;
}

bool hp_endpoint_listen(struct hp_endpoint *endpoint, const char *path, struct hp_why *why)
{
    if (endpoint->path_count == HP_ENDPOINT_PATHS)
        return hp_why_set(why, "too many sockets: %d at most in one process", HP_ENDPOINT_PATHS);
    int rv = listen_at(endpoint, path);
    if (rv != 0)
        return hp_why_set(why, "cannot listen at %s: %s", path, nng_strerror(rv));
    snprintf(endpoint->paths[endpoint->path_count++], HP_SOCKET_PATH_MAX, "%s", path);
    return true;
}

static int open_channels(struct hp_endpoint *endpoint)
{
    for (size_t i = 0; i < CHANNELS; i++) {
        endpoint->channel_count = i + 1;
        int rv = channel_open(endpoint, &endpoint->channels[i], i);
        if (rv != 0)
            return rv;
    }
    return 0;
}

static bool open_socket(struct hp_endpoint *endpoint, const char *path, struct hp_why *why)
{
    int rv = nng_rep0_open(&endpoint->socket);
    if (rv != 0)
        return hp_why_set(why, "cannot open an nng socket: %s", nng_strerror(rv));
    if ((rv = nng_socket_set_size(endpoint->socket, NNG_OPT_RECVMAXSZ, 2 * (size_t)HP_MAX_MESSAGE)) != 0 ||
        (rv = open_channels(endpoint)) != 0)
        hp_why_set(why, "cannot set up an nng socket: %s", nng_strerror(rv));
    else if (hp_endpoint_listen(endpoint, path, why))
        return true;
    nng_close(endpoint->socket);
    for (size_t i = 0; i < endpoint->channel_count; i++)
        channel_close(&endpoint->channels[i]);
    return false;
}

struct hp_endpoint *hp_endpoint_open(const char *path, hp_frame_fn handler, void *context, struct hp_why *why)
{
    struct hp_endpoint *endpoint = hp_mem_calloc(sizeof *endpoint);
    if (!endpoint) {
        hp_why_set(why, "not enough memory");
        return NULL;
    }
    endpoint->handler = handler;
    endpoint->context = context;
    sigset_t old;
    block_signals(&old);
    bool opened = open_socket(endpoint, path, why);
    if (opened) {
        for (size_t i = 0; i < CHANNELS; i++)
            receive_next(&endpoint->channels[i]);
    } else {
        end_nng();
    }
    restore_signals(&old);
    if (opened)
        return endpoint;
    hp_mem_free(endpoint);
    return NULL;
}

void hp_endpoint_close(struct hp_endpoint *endpoint)
{
    sigset_t old;
    block_signals(&old);
    nng_close(endpoint->socket);
    for (size_t i = 0; i < CHANNELS; i++)
        channel_close(&endpoint->channels[i]);
    end_nng();
    restore_signals(&old);
    hp_mem_free(endpoint);
}

void hp_endpoint_forked(const struct hp_endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->path_count; i++)
        hp_forked_close_sockets(endpoint->paths[i]);
}
