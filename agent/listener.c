#include "agent/listener.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include <nng/transport/ipc/ipc.h>

#include "proto/pems.h"

#define REST_MS  50   /* after an error of accepting that may pass */
#define WATCH_MS 1000 /* between two looks at the certificates */

/* --- certificates ----------------------------------------------------------------------------- */

static void stamp_file(const char *path, struct hp_stamp *stamp)
{
    struct stat st;
    memset(stamp, 0, sizeof *stamp);
    if (stat(path, &st) == 0)
        *stamp = (struct hp_stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
}

static void stamp_files(const struct hp_address *address, struct hp_stamp stamps[3])
{
    stamp_file(address->ca, &stamps[0]);
    stamp_file(address->cert, &stamps[1]);
    stamp_file(address->key, &stamps[2]);
}

static bool same_stamp(const struct hp_stamp *a, const struct hp_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static int make_config(const struct hp_pems *pems, nng_tls_config **out)
{
    nng_tls_config *config;
    int rv = nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER);
    if (rv != 0)
        return rv;
    if ((rv = nng_tls_config_version(config, NNG_TLS_1_2, NNG_TLS_1_3)) == NNG_ENOTSUP)
        rv = nng_tls_config_version(config, NNG_TLS_1_2, NNG_TLS_1_2);
    if (rv != 0 || (rv = nng_tls_config_ca_chain(config, pems->ca, NULL)) != 0 ||
        (rv = nng_tls_config_own_cert(config, pems->cert, pems->key, NULL)) != 0 ||
        (rv = nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_REQUIRED)) != 0) {
        nng_tls_config_free(config);
        return rv;
    }
    *out = config;
    return 0;
}

static bool use_pems(struct hp_listener *l, const struct hp_pems *pems, struct hp_why *why)
{
    nng_tls_config *config = NULL;
    int rv = make_config(pems, &config);
    if (rv == 0)
        rv = nng_stream_listener_set_ptr(l->stream, NNG_OPT_TLS_CONFIG, config);
    if (config)
        nng_tls_config_free(config); /* the listener has its own hold */
    if (rv != 0)
        return hp_why_set(why, "tls: nng does not take the certificates: %s", nng_strerror(rv));
    l->not_after = pems->not_after;
    return true;
}

/* At the start certificates that are out of date are taken too, and told of: an agent must not keep its
 * server from starting. */
static bool load(struct hp_listener *l, bool first, struct hp_why *why)
{
    struct hp_pems pems;
    const struct hp_pem_paths paths = {l->address.ca, l->address.cert, l->address.key};
    stamp_files(&l->address, l->stamps); /* before they are read: what comes later is a change */
    enum hp_pems_result result = hp_pems_read(&paths, &pems, why->text, sizeof why->text);
    bool loaded = (result == HP_PEMS_OK || (first && result == HP_PEMS_EXPIRED)) && use_pems(l, &pems, why);
    hp_pems_fini(&pems);
    return loaded;
}

static void set_trouble(struct hp_listener *l, const char *text)
{
    pthread_mutex_lock(&l->lock);
    snprintf(l->trouble, sizeof l->trouble, "%s", text);
    pthread_mutex_unlock(&l->lock);
}

static void look_at_files(struct hp_listener *l)
{
    struct hp_stamp now[3];
    struct hp_why why;
    stamp_files(&l->address, now);
    if (same_stamp(&now[0], &l->stamps[0]) && same_stamp(&now[1], &l->stamps[1]) &&
        same_stamp(&now[2], &l->stamps[2]))
        return;
    if (load(l, false, &why)) {
        set_trouble(l, "");
        nng_aio_cancel(l->accept); /* the one under way would still show the old ones */
    } else {
        set_trouble(l, why.text);
    }
}

bool hp_listener_trouble(struct hp_listener *l, char *out, size_t size)
{
    char date[32];
    if (l->address.transport != HP_TRANSPORT_TLS)
        return false;
    pthread_mutex_lock(&l->lock);
    bool bad = l->trouble[0] != '\0';
    bool expired = l->not_after < (int64_t)time(NULL);
    hp_pems_date(l->not_after, date);
    if (bad)
        snprintf(out, size, "%s: the new certificates are not used, and the ones before still are: %s",
                 l->address.url, l->trouble);
    else if (expired)
        snprintf(out, size, "%s: the certificate in %s expired on %s; put a new one there", l->address.url,
                 l->address.cert, date);
    pthread_mutex_unlock(&l->lock);
    return bad || expired;
}

static void on_watch(void *arg)
{
    struct hp_listener *l = arg;
    if (nng_aio_result(l->watch) != 0)
        return; /* stopped */
    look_at_files(l);
    pthread_mutex_lock(&l->lock);
    if (!l->closing)
        nng_sleep_aio(WATCH_MS, l->watch);
    pthread_mutex_unlock(&l->lock);
}

/* --- opening and closing ---------------------------------------------------------------------- */

/* Without the first, a handshake waits 40 ms for the other side's late acknowledgement; the second finds out
 * about peers that are gone without a word. Neither is worth a failure. */
static void set_tcp_options(struct hp_listener *l)
{
    nng_stream_listener_set_bool(l->stream, NNG_OPT_TCP_NODELAY, true);
    nng_stream_listener_set_bool(l->stream, NNG_OPT_TCP_KEEPALIVE, true);
}

static bool prepare(struct hp_listener *l, struct hp_why *why)
{
    int rv = 0;
    if (l->address.transport != HP_TRANSPORT_IPC)
        set_tcp_options(l);
    if (l->address.transport == HP_TRANSPORT_IPC)
        rv = nng_stream_listener_set_int(l->stream, NNG_OPT_IPC_PERMISSIONS, l->address.shared ? 0666 : 0600);
    else if (l->address.transport == HP_TRANSPORT_TLS && (!load(l, true, why)))
        return false;
    return rv == 0 || hp_why_set(why, "cannot listen at %s: %s", l->address.url, nng_strerror(rv));
}

static bool listen_there(struct hp_listener *l, void (*accepted)(void *), void *context, struct hp_why *why)
{
    int rv;
    const char *url = l->address.url;
    if ((rv = nng_aio_alloc(&l->accept, accepted, context)) != 0 ||
        (rv = nng_aio_alloc(&l->watch, on_watch, l)) != 0 ||
        (rv = nng_stream_listener_alloc(&l->stream, url)) != 0)
        return hp_why_set(why, "cannot listen at %s: %s", url, nng_strerror(rv));
    if (!prepare(l, why))
        return false;
    if ((rv = nng_stream_listener_listen(l->stream)) != 0)
        return hp_why_set(why, "cannot listen at %s: %s", url, nng_strerror(rv));
    if (l->address.transport == HP_TRANSPORT_TLS)
        nng_sleep_aio(WATCH_MS, l->watch);
    return true;
}

bool hp_listener_open(struct hp_listener *l, const struct hp_address *address, void (*accepted)(void *),
                      void *context, struct hp_why *why)
{
    memset(l, 0, sizeof *l);
    l->address = *address;
    pthread_mutex_init(&l->lock, NULL);
    if (listen_there(l, accepted, context, why))
        return true;
    hp_listener_close(l);
    return false;
}

static void end_aio(nng_aio *aio)
{
    if (!aio)
        return;
    nng_aio_stop(aio); /* waits for its callback */
    nng_aio_free(aio);
}

void hp_listener_close(struct hp_listener *l)
{
    pthread_mutex_lock(&l->lock);
    l->closing = true;
    pthread_mutex_unlock(&l->lock);
    end_aio(l->watch);
    if (l->stream)
        nng_stream_listener_close(l->stream);
    end_aio(l->accept);
    if (l->stream)
        nng_stream_listener_free(l->stream);
    pthread_mutex_destroy(&l->lock);
}

/* --- accepting -------------------------------------------------------------------------------- */

void hp_listener_accept(struct hp_listener *l, bool rest)
{
    l->resting = rest;
    if (rest)
        nng_sleep_aio(REST_MS, l->accept);
    else
        nng_stream_listener_accept(l->stream, l->accept);
}

nng_stream *hp_listener_take(struct hp_listener *l, bool *failed)
{
    int rv = nng_aio_result(l->accept);
    *failed = rv != 0 && rv != NNG_ECANCELED;
    return rv == 0 && !l->resting ? nng_aio_get_output(l->accept, 0) : NULL;
}

/* --- who -------------------------------------------------------------------------------------- */

static bool end_of(nng_stream *stream, const char *option, struct hp_peer_end *end)
{
    nng_sockaddr address;
    memset(&address, 0, sizeof address);
    memset(end, 0, sizeof *end);
    if (nng_stream_get_addr(stream, option, &address) != 0)
        return false;
    if (address.s_family == NNG_AF_INET) {
        memcpy(end->address, &address.s_in.sa_addr, 4);
        end->port = ntohs(address.s_in.sa_port);
        return true;
    }
    if (address.s_family != NNG_AF_INET6)
        return false;
    end->six = true;
    memcpy(end->address, address.s_in6.sa_addr, 16);
    end->port = ntohs(address.s_in6.sa_port);
    return true;
}

static void write_end(const struct hp_peer_end *end, char out[HP_PEER_ADDRESS_MAX])
{
    char text[INET6_ADDRSTRLEN] = "?";
    inet_ntop(end->six ? AF_INET6 : AF_INET, end->address, text, sizeof text);
    snprintf(out, HP_PEER_ADDRESS_MAX, end->six ? "[%s]:%u" : "%s:%u", text, (unsigned)end->port);
}

void hp_listener_peer(const struct hp_listener *l, nng_stream *stream, struct hp_peer *peer)
{
    uint64_t uid, pid, gid;
    struct hp_peer_end there, here;
    *peer = (struct hp_peer){.transport = l->address.transport, .uid = (uid_t)-1};
    if (peer->transport == HP_TRANSPORT_IPC) {
        peer->known = nng_stream_get_uint64(stream, NNG_OPT_IPC_PEER_UID, &uid) == 0 &&
                      nng_stream_get_uint64(stream, NNG_OPT_IPC_PEER_PID, &pid) == 0;
        peer->uid = peer->known ? (uid_t)uid : (uid_t)-1;
        peer->pid = peer->known ? (pid_t)pid : 0;
        peer->gid_known = peer->known && nng_stream_get_uint64(stream, NNG_OPT_IPC_PEER_GID, &gid) == 0;
        peer->gid = peer->gid_known ? (gid_t)gid : (gid_t)-1;
        return;
    }
    if (!end_of(stream, NNG_OPT_REMADDR, &there) || !end_of(stream, NNG_OPT_LOCADDR, &here))
        return;
    write_end(&there, peer->address);
    if (peer->transport == HP_TRANSPORT_TCP)
        peer->known =
            hp_peer_owner(there.six ? "/proc/net/tcp6" : "/proc/net/tcp", &there, &here, &peer->uid);
}

void hp_listener_url(struct hp_listener *l, char out[HP_ADDRESS_URL_MAX])
{
    int port;
    const char *colon = strrchr(l->address.url, ':');
    if (l->address.transport != HP_TRANSPORT_IPC &&
        nng_stream_listener_get_int(l->stream, NNG_OPT_TCP_BOUND_PORT, &port) == 0)
        snprintf(out, HP_ADDRESS_URL_MAX, "%.*s:%d", (int)(colon - l->address.url), l->address.url, port);
    else
        snprintf(out, HP_ADDRESS_URL_MAX, "%s", l->address.url);
}
