#define _GNU_SOURCE /* pipe2 */
#include "client/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/supplemental/util/platform.h>

#include "client/diagnose.h"
#include "proto/arena.h"
#include "proto/pems.h"
#include "proto/protocol.h"

#define IPC_PREFIX  "ipc://"
#define TLS_PREFIX  "tls+tcp://"
#define DIAGNOSE_MS 2000 /* each step of finding out why it failed */
#define CROWD_MS    20   /* between two tries where a crowd waits to be accepted */

struct hp_link {
    nng_socket socket;
    nng_aio *aio; /* of the one receive */
    int bell[2];  /* written by nng's thread when the receive has ended */
};

const char *hp_link_sentence(enum hp_link_result result)
{
    switch (result) {
    case HP_LINK_OK:
        return "connected";
    case HP_LINK_ABSENT:
        return "there is no such socket";
    case HP_LINK_REFUSED:
        return "nobody listens on this socket";
    case HP_LINK_DENIED:
        return "permission denied";
    case HP_LINK_TIMEOUT:
        return "it does not answer";
    case HP_LINK_LOST:
        return "the connection was lost";
    case HP_LINK_NO_MEMORY:
        return "out of memory";
    case HP_LINK_NO_NAME:
        return "the host's name is not found";
    case HP_LINK_NO_ROUTE:
        return "there is no route to the host";
    case HP_LINK_STRANGER:
        return "something else than an agent answers there";
    case HP_LINK_UNTRUSTED:
        return "the agent's certificate is not to be trusted";
    case HP_LINK_EXPIRED:
        return "a certificate is out of date";
    case HP_LINK_BARE:
        return "the agent shows no certificate";
    case HP_LINK_REJECTED:
        return "the agent does not accept this side's certificate";
    case HP_LINK_OWN_FILES:
        return "the certificate, its key or the authority's file cannot be used";
    case HP_LINK_FAILED:
    case HP_LINK_WOKEN:
        break;
    }
    return "the connection failed";
}

static enum hp_link_result result_of_access(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return HP_LINK_ABSENT;
    case EACCES:
    case EPERM:
        return HP_LINK_DENIED;
    default:
        return HP_LINK_FAILED;
    }
}

static enum hp_link_result result_of_nng(int error)
{
    switch (error) {
    case 0:
        return HP_LINK_OK;
    case NNG_ETIMEDOUT:
        return HP_LINK_TIMEOUT;
    case NNG_ENOMEM:
        return HP_LINK_NO_MEMORY;
    case NNG_ENOENT:
        return HP_LINK_ABSENT;
    case NNG_ECONNREFUSED:
        return HP_LINK_REFUSED;
    case NNG_EPERM:
        return HP_LINK_DENIED;
    case NNG_ECLOSED:
    case NNG_ECONNRESET:
    case NNG_ECONNABORTED:
    case NNG_ECONNSHUT:
    case NNG_ECANCELED:
        return HP_LINK_LOST;
    default:
        return HP_LINK_FAILED;
    }
}

/* --- dialling --------------------------------------------------------------------------------- */

/* nng's dialling has two ways: one tells why it fails, but waits without a limit for a process that is
 * stopped; the other does not tell. So the first one runs on a thread of its own, and closing the socket ends
 * it when time is up. (Asking with a connection of our own beforehand will not do: a peer that connects and
 * says nothing makes the ipc listener of nng 1.5 stop accepting for good.) */
struct dial {
    nng_dialer dialer;
    int result;
    atomic_bool given_up;
    int done[2]; /* written at the end */
};

/* An ipc socket whose queue of peers not yet accepted is full refuses with NNG_EAGAIN: the agent is alive,
 * and a crowd came at once. Trying again is then all there is; nothing has been sent. */
static void *dial_thread(void *arg)
{
    struct dial *dial = arg;
    while ((dial->result = nng_dialer_start(dial->dialer, 0)) == NNG_EAGAIN && !dial->given_up)
        nng_msleep(CROWD_MS);
    ssize_t written = write(dial->done[1], "!", 1);
    (void)written; /* the pipe is empty: one byte always fits */
    return NULL;
}

/* True: readable within the time. Signals cut no wait short. */
static bool readable_within(int fd, int timeout_ms)
{
    struct pollfd pollfd = {fd, POLLIN, 0};
    struct timespec start;
    struct timespec now;
    int left = timeout_ms;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        int ready = poll(&pollfd, 1, left);
        if (ready >= 0 || errno != EINTR)
            return ready > 0;
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t passed =
            (int64_t)(now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
        left = passed < timeout_ms ? (int)(timeout_ms - passed) : 0;
    }
}

/* On a result other than HP_LINK_OK the socket may be closed already; closing it again does no harm. */
static enum hp_link_result dial_within(nng_socket socket, nng_dialer dialer, int timeout_ms)
{
    struct dial dial = {.dialer = dialer};
    pthread_t thread;
    if (pipe2(dial.done, O_CLOEXEC) != 0)
        return HP_LINK_FAILED;
    enum hp_link_result result = HP_LINK_NO_MEMORY;
    if (pthread_create(&thread, NULL, dial_thread, &dial) == 0) {
        bool in_time = readable_within(dial.done[0], timeout_ms);
        if (!in_time) {
            dial.given_up = true;
            nng_close(socket);
        }
        pthread_join(thread, NULL);
        result = in_time || dial.result == 0 ? result_of_nng(dial.result) : HP_LINK_TIMEOUT;
        result = !in_time && result == HP_LINK_OK ? HP_LINK_TIMEOUT : result;
    }
    close(dial.done[0]);
    close(dial.done[1]);
    return result;
}

static int make_config(const struct hp_pems *pems, const char *host, nng_tls_config **out)
{
    nng_tls_config *config;
    int error = nng_tls_config_alloc(&config, NNG_TLS_MODE_CLIENT);
    if (error != 0)
        return error;
    if ((error = nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_REQUIRED)) != 0 ||
        (error = nng_tls_config_server_name(config, host)) != 0 ||
        (error = nng_tls_config_ca_chain(config, pems->ca, NULL)) != 0 ||
        (error = nng_tls_config_own_cert(config, pems->cert, pems->key, NULL)) != 0) {
        nng_tls_config_free(config);
        return error;
    }
    *out = config;
    return 0;
}

/* The agent's name is checked: it is the host of the URL. */
static enum hp_link_result set_tls(nng_dialer dialer, const struct hp_remote *to, char why[HP_LINK_WHY_MAX])
{
    struct hp_pems pems;
    char host[256];
    char port[8];
    nng_tls_config *config = NULL;
    const struct hp_pem_paths paths = {to->tls_ca, to->tls_cert, to->tls_key};
    enum hp_pems_result read = hp_pems_read(&paths, &pems, why, HP_LINK_WHY_MAX);
    if (read != HP_PEMS_OK) {
        hp_pems_fini(&pems);
        return read == HP_PEMS_EXPIRED     ? HP_LINK_EXPIRED
               : read == HP_PEMS_NO_MEMORY ? HP_LINK_NO_MEMORY
                                           : HP_LINK_OWN_FILES;
    }
    int error = hp_diagnose_split(to->url, host, sizeof host, port, sizeof port) ? 0 : NNG_EADDRINVAL;
    if (error == 0)
        error = make_config(&pems, host, &config);
    hp_pems_fini(&pems);
    if (error == 0)
        error = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config);
    if (config != NULL)
        nng_tls_config_free(config); /* the dialer has its own hold */
    return result_of_nng(error);
}

/* nng has failed to reach a host: which of the many reasons it was. What nng says stands where a second try
 * meets no obstacle. */
static enum hp_link_result find_out(const struct hp_remote *to, enum hp_link_result result, int timeout_ms,
                                    char why[HP_LINK_WHY_MAX])
{
    int within = timeout_ms < DIAGNOSE_MS ? timeout_ms : DIAGNOSE_MS;
    enum hp_link_result found = hp_diagnose(to, within, why, HP_LINK_WHY_MAX);
    return found == HP_LINK_OK ? result : found;
}

static enum hp_link_result dial(nng_socket socket, const struct hp_remote *to, int timeout_ms,
                                char why[HP_LINK_WHY_MAX])
{
    nng_dialer dialer;
    int error = nng_dialer_create(&dialer, socket, to->url);
    if (error != 0)
        return result_of_nng(error);
    if (strncmp(to->url, TLS_PREFIX, strlen(TLS_PREFIX)) == 0) {
        enum hp_link_result result = set_tls(dialer, to, why);
        if (result != HP_LINK_OK)
            return result;
    }
    enum hp_link_result result = dial_within(socket, dialer, timeout_ms);
    bool local = strncmp(to->url, IPC_PREFIX, strlen(IPC_PREFIX)) == 0;
    bool unclear = result != HP_LINK_OK && result != HP_LINK_NO_MEMORY;
    return unclear && !local ? find_out(to, result, timeout_ms, why) : result;
}

/* --- the link --------------------------------------------------------------------------------- */

/* On one of nng's threads: the receive has ended, well or not. */
static void on_received(void *arg)
{
    struct hp_link *link = arg;
    ssize_t written = write(link->bell[1], "!", 1);
    (void)written; /* the pipe is empty: one byte always fits */
}

/* The socket with its options; REQ never resends and never reconnects within the life of a command. */
static int open_socket(struct hp_link *link)
{
    int error = nng_req0_open(&link->socket);
    if (error != 0)
        return error;
    const nng_duration hour = 3600 * 1000;
    if ((error = nng_socket_set_ms(link->socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE)) != 0 ||
        (error = nng_socket_set_ms(link->socket, NNG_OPT_RECONNMINT, hour)) != 0 ||
        (error = nng_socket_set_ms(link->socket, NNG_OPT_RECONNMAXT, hour)) != 0 ||
        (error = nng_socket_set_size(link->socket, NNG_OPT_RECVMAXSZ, 2 * (size_t)HP_MAX_MESSAGE)) != 0)
        nng_close(link->socket);
    return error;
}

static enum hp_link_result dial_and_send(struct hp_link *link, const struct hp_remote *to, const char *data,
                                         size_t len, int timeout_ms, char why[HP_LINK_WHY_MAX])
{
    nng_msg *msg = NULL;
    enum hp_link_result result = dial(link->socket, to, timeout_ms, why);
    if (result != HP_LINK_OK)
        return result;
    int error = nng_socket_set_ms(link->socket, NNG_OPT_SENDTIMEO, timeout_ms);
    if (error == 0)
        error = nng_msg_alloc(&msg, 0);
    if (error == 0)
        error = nng_msg_append(msg, data, len);
    if (error == 0)
        error = nng_sendmsg(link->socket, msg, 0);
    if (error != 0 && msg != NULL)
        nng_msg_free(msg); /* nng takes it only if it sends it */
    return result_of_nng(error);
}

enum hp_link_result hp_link_send(const struct hp_remote *to, const char *data, size_t len, int timeout_ms,
                                 struct hp_link **out, char why[HP_LINK_WHY_MAX])
{
    char unasked[HP_LINK_WHY_MAX];
    *out = NULL;
    why = why != NULL ? why : unasked;
    *why = '\0';
    if (strncmp(to->url, IPC_PREFIX, strlen(IPC_PREFIX)) == 0 &&
        access(to->url + strlen(IPC_PREFIX), W_OK) != 0)
        return result_of_access(errno);
    struct hp_link *link = hp_mem_calloc(sizeof *link);
    if (link == NULL)
        return HP_LINK_NO_MEMORY;
    if (pipe2(link->bell, O_CLOEXEC | O_NONBLOCK) != 0) {
        hp_mem_free(link);
        return HP_LINK_FAILED;
    }
    /* Signals are for the main thread: the threads that nng starts here inherit this mask. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = nng_aio_alloc(&link->aio, on_received, link);
    int opened = error == 0 ? open_socket(link) : error;
    enum hp_link_result result =
        opened == 0 ? dial_and_send(link, to, data, len, timeout_ms, why) : result_of_nng(opened);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != HP_LINK_OK) {
        if (opened == 0)
            nng_close(link->socket);
        if (link->aio != NULL)
            nng_aio_free(link->aio);
        close(link->bell[0]);
        close(link->bell[1]);
        hp_mem_free(link);
        return result;
    }
    nng_aio_set_timeout(link->aio, NNG_DURATION_INFINITE);
    nng_recv_aio(link->socket, link->aio);
    *out = link;
    return HP_LINK_OK;
}

/* The receive has ended: take the message out. */
static enum hp_link_result take_answer(struct hp_link *link, char **data, size_t *len)
{
    nng_aio_wait(link->aio);
    int error = nng_aio_result(link->aio);
    if (error != 0)
        return result_of_nng(error);
    nng_msg *msg = nng_aio_get_msg(link->aio);
    nng_aio_set_msg(link->aio, NULL);
    *len = nng_msg_len(msg);
    *data = hp_mem_alloc(*len + 1);
    if (*data != NULL)
        memcpy(*data, nng_msg_body(msg), *len);
    nng_msg_free(msg);
    return *data != NULL ? HP_LINK_OK : HP_LINK_NO_MEMORY;
}

enum hp_link_result hp_link_wait(struct hp_link *link, int timeout_ms, int wake_fd, char **data, size_t *len)
{
    struct pollfd fds[2] = {{link->bell[0], POLLIN, 0}, {wake_fd, POLLIN, 0}};
    *data = NULL;
    *len = 0;
    int ready = poll(fds, 2, timeout_ms);
    if (ready < 0 && errno != EINTR)
        return HP_LINK_FAILED;
    if (ready > 0 && fds[0].revents != 0)
        return take_answer(link, data, len);
    return ready > 0 && fds[1].revents != 0 ? HP_LINK_WOKEN : HP_LINK_TIMEOUT;
}

void hp_link_close(struct hp_link *link)
{
    if (link == NULL)
        return;
    nng_aio_stop(link->aio); /* the callback does not run after this */
    nng_close(link->socket);
    nng_aio_free(link->aio);
    close(link->bell[0]);
    close(link->bell[1]);
    hp_mem_free(link);
}
