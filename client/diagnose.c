#include "client/diagnose.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "proto/pems.h"

/* What is known while it is looked for. */
struct diagnosis {
    const struct hp_remote *to;
    char host[256];
    char port[8];
    int timeout_ms; /* of each step */
    char *text;
    size_t size;
    bool seen;       /* the agent has shown a certificate */
    uint32_t flags;  /* what mbed TLS found wrong with the agent's certificates */
    char names[256]; /* whom its certificate is for */
    char until[32], from[32];
};

#define SAY(d, ...) snprintf((d)->text, (d)->size, __VA_ARGS__)

bool hp_diagnose_split(const char *url, char *host, size_t host_size, char *port, size_t port_size)
{
    const char *start = strstr(url, "://");
    if (start == NULL)
        return false;
    start += 3;
    const char *end = *start == '[' ? strchr(start, ']') : strrchr(start, ':');
    if (end == NULL)
        return false;
    const char *colon = *start == '[' ? end + 1 : end;
    start += *start == '[';
    size_t host_len = (size_t)(end - start);
    size_t port_len = *colon == ':' ? strspn(colon + 1, "0123456789") : 0;
    if (host_len == 0 || host_len >= host_size || port_len == 0 || port_len >= port_size ||
        colon[1 + port_len] != '\0')
        return false;
    memcpy(host, start, host_len);
    host[host_len] = '\0';
    memcpy(port, colon + 1, port_len + 1);
    return true;
}

/* --- the name and the connection -------------------------------------------------------------- */

static int wait_connected(int fd, int timeout_ms)
{
    struct pollfd pollfd = {fd, POLLOUT, 0};
    int error = 0;
    socklen_t len = sizeof error;
    if (poll(&pollfd, 1, timeout_ms) <= 0)
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

/* The descriptor (blocking), or -1 with *error. */
static int connect_to(const struct addrinfo *address, int timeout_ms, int *error)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        *error = errno;
        return -1;
    }
    *error = connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (*error == EINPROGRESS)
        *error = wait_connected(fd, timeout_ms);
    if (*error == 0) {
        fcntl(fd, F_SETFL, 0);
        return fd;
    }
    close(fd);
    return -1;
}

static enum hp_link_result not_connected(struct diagnosis *d, int error)
{
    switch (error) {
    case ECONNREFUSED:
        SAY(d, "%s is there, and nobody listens on port %s (connection refused)", d->host, d->port);
        return HP_LINK_REFUSED;
    case ETIMEDOUT:
        SAY(d, "%s does not answer on port %s: the machine is off, or a firewall drops what is sent", d->host,
            d->port);
        return HP_LINK_TIMEOUT;
    default:
        SAY(d, "there is no route to %s (%s)", d->host, strerror(error));
        return HP_LINK_NO_ROUTE;
    }
}

static enum hp_link_result try_connect(struct diagnosis *d, int *fd)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(d->host, d->port, &hints, &found);
    if (error != 0) {
        SAY(d, "the name %s is not found (%s)", d->host, gai_strerror(error));
        return HP_LINK_NO_NAME;
    }
    *fd = -1;
    for (struct addrinfo *a = found; a != NULL && *fd < 0; a = a->ai_next)
        *fd = connect_to(a, d->timeout_ms, &error);
    freeaddrinfo(found);
    return *fd >= 0 ? HP_LINK_OK : not_connected(d, error);
}

/* --- TLS -------------------------------------------------------------------------------------- */

static void write_date(char out[32], const mbedtls_x509_time *t)
{
    snprintf(out, 32, "%04d-%02d-%02d %02d:%02d UTC", t->year, t->mon, t->day, t->hour, t->min);
}

/* Names of the certificate, as it will be compared: alternative names, else the common name. */
static void write_names(struct diagnosis *d, const mbedtls_x509_crt *crt)
{
    size_t at = 0;
    d->names[0] = '\0';
    for (const mbedtls_x509_sequence *s = &crt->subject_alt_names; s != NULL && s->buf.p != NULL;
         s = s->next) {
        int n = snprintf(d->names + at, sizeof d->names - at, "%s%.*s", at > 0 ? ", " : "", (int)s->buf.len,
                         (const char *)s->buf.p);
        at += n > 0 && (size_t)n < sizeof d->names - at ? (size_t)n : 0;
    }
    if (at == 0)
        mbedtls_x509_dn_gets(d->names, sizeof d->names, &crt->subject);
    for (char *c = d->names; *c != '\0'; c++)
        *c = (unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f ? *c : '?';
}

/* For each certificate of the chain; they are all taken, and what is wrong is remembered. */
static int on_certificate(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    struct diagnosis *d = arg;
    d->seen = true;
    d->flags |= *flags;
    if (depth == 0) {
        write_names(d, crt);
        write_date(d->until, &crt->valid_to);
        write_date(d->from, &crt->valid_from);
    }
    *flags = 0;
    return 0;
}

static enum hp_link_result judge_agent(struct diagnosis *d)
{
    if ((d->flags & MBEDTLS_X509_BADCERT_EXPIRED) != 0) {
        SAY(d, "the agent's certificate expired on %s", d->until);
        return HP_LINK_EXPIRED;
    }
    if ((d->flags & MBEDTLS_X509_BADCERT_FUTURE) != 0) {
        SAY(d, "the agent's certificate is valid only from %s", d->from);
        return HP_LINK_EXPIRED;
    }
    if ((d->flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0) {
        SAY(d, "the agent's certificate is not from the authority in %s", d->to->tls_ca);
        return HP_LINK_UNTRUSTED;
    }
    if ((d->flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0) {
        SAY(d, "the agent's certificate is for %s and not for %s", d->names, d->host);
        return HP_LINK_UNTRUSTED;
    }
    if (d->flags != 0) {
        SAY(d, "the agent's certificate is not accepted (flags 0x%x of mbed TLS)", (unsigned)d->flags);
        return HP_LINK_UNTRUSTED;
    }
    return HP_LINK_OK;
}

static bool is_end(int rv)
{
    return rv == MBEDTLS_ERR_SSL_CONN_EOF || rv == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY ||
           rv == MBEDTLS_ERR_NET_CONN_RESET || rv == MBEDTLS_ERR_NET_RECV_FAILED ||
           rv == MBEDTLS_ERR_NET_SEND_FAILED;
}

static enum hp_link_result judge_handshake(struct diagnosis *d, int rv)
{
    enum hp_link_result agent = judge_agent(d);
    if (agent != HP_LINK_OK || rv == 0)
        return agent;
    /* It showed its certificate, saw ours, and ended: nng closes before its alert is sent, mostly. */
    bool saw_ours = d->seen && (rv == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE || is_end(rv));
    if (!d->seen && rv == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        SAY(d,
            "the agent shows no certificate: its own is not made for servers (extendedKeyUsage), or the two "
            "sides have no TLS in common");
        return HP_LINK_BARE;
    }
    if (saw_ours) {
        SAY(d,
            "the agent does not accept the certificate in %s: it is not from the authority that the agent "
            "trusts, or out of date, or not made for clients (extendedKeyUsage)",
            d->to->tls_cert);
        return HP_LINK_REJECTED;
    }
    if (is_end(rv)) {
        SAY(d, "%s port %s ends the connection during the TLS handshake: no agent, or one that is full",
            d->host, d->port);
        return HP_LINK_LOST;
    }
    switch (rv) {
    case MBEDTLS_ERR_SSL_TIMEOUT:
        SAY(d, "%s port %s accepts the connection and says nothing", d->host, d->port);
        return HP_LINK_TIMEOUT;
    default:
        SAY(d, "%s port %s does not speak TLS", d->host, d->port);
        return HP_LINK_STRANGER;
    }
}

static enum hp_link_result judge_greeting(struct diagnosis *d, const unsigned char *bytes, int n)
{
    static const unsigned char wanted[] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};
    if (n == MBEDTLS_ERR_SSL_TIMEOUT) {
        SAY(d, "%s port %s accepts the connection and says nothing", d->host, d->port);
        return HP_LINK_TIMEOUT;
    }
    if (n == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) /* TLS 1.3 tells only now */
        return judge_handshake(d, n);
    if (n <= 0) {
        SAY(d, "%s port %s ends the connection at once", d->host, d->port);
        return HP_LINK_LOST;
    }
    if (memcmp(bytes, wanted, (size_t)n < sizeof wanted ? (size_t)n : sizeof wanted) != 0) {
        SAY(d, "something else than an agent answers at %s port %s", d->host, d->port);
        return HP_LINK_STRANGER;
    }
    return HP_LINK_OK;
}

/* All that a handshake needs; mbed TLS ties it together by pointers. */
struct tls {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_x509_crt ca, own;
    mbedtls_pk_context key;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    mbedtls_net_context net;
};

static bool tls_prepare(struct tls *t, struct diagnosis *d, const struct hp_pems *pems)
{
    const unsigned char *ca = (const unsigned char *)pems->ca;
    const unsigned char *own = (const unsigned char *)pems->cert;
    const unsigned char *key = (const unsigned char *)pems->key;
    if (mbedtls_ctr_drbg_seed(&t->random, mbedtls_entropy_func, &t->entropy, NULL, 0) != 0 ||
        mbedtls_x509_crt_parse(&t->ca, ca, strlen(pems->ca) + 1) != 0 ||
        mbedtls_x509_crt_parse(&t->own, own, strlen(pems->cert) + 1) != 0 ||
#if MBEDTLS_VERSION_MAJOR >= 3
        mbedtls_pk_parse_key(&t->key, key, strlen(pems->key) + 1, NULL, 0, mbedtls_ctr_drbg_random,
                             &t->random) != 0 ||
#else
        mbedtls_pk_parse_key(&t->key, key, strlen(pems->key) + 1, NULL, 0) != 0 ||
#endif
        mbedtls_ssl_config_defaults(&t->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0 ||
        mbedtls_ssl_conf_own_cert(&t->config, &t->own, &t->key) != 0) {
        return false;
    }
    mbedtls_ssl_conf_ca_chain(&t->config, &t->ca, NULL);
    mbedtls_ssl_conf_authmode(&t->config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_verify(&t->config, on_certificate, d);
    mbedtls_ssl_conf_rng(&t->config, mbedtls_ctr_drbg_random, &t->random);
    mbedtls_ssl_conf_read_timeout(&t->config, (uint32_t)d->timeout_ms);
    if (mbedtls_ssl_setup(&t->ssl, &t->config) != 0 || mbedtls_ssl_set_hostname(&t->ssl, d->host) != 0)
        return false;
    mbedtls_ssl_set_bio(&t->ssl, &t->net, mbedtls_net_send, NULL, mbedtls_net_recv_timeout);
    return true;
}

static enum hp_link_result try_tls(struct diagnosis *d, int fd, const struct hp_pems *pems)
{
    struct tls t;
    unsigned char greeting[8];
    mbedtls_entropy_init(&t.entropy);
    mbedtls_ctr_drbg_init(&t.random);
    mbedtls_x509_crt_init(&t.ca);
    mbedtls_x509_crt_init(&t.own);
    mbedtls_pk_init(&t.key);
    mbedtls_ssl_config_init(&t.config);
    mbedtls_ssl_init(&t.ssl);
    mbedtls_net_init(&t.net);
    t.net.fd = fd;
    enum hp_link_result result = HP_LINK_FAILED;
    if (tls_prepare(&t, d, pems)) {
        result = judge_handshake(d, mbedtls_ssl_handshake(&t.ssl));
        if (result == HP_LINK_OK)
            result = judge_greeting(d, greeting, mbedtls_ssl_read(&t.ssl, greeting, sizeof greeting));
    } else {
        SAY(d, "TLS could not be set up here");
    }
    mbedtls_ssl_free(&t.ssl);
    mbedtls_ssl_config_free(&t.config);
    mbedtls_pk_free(&t.key);
    mbedtls_x509_crt_free(&t.own);
    mbedtls_x509_crt_free(&t.ca);
    mbedtls_ctr_drbg_free(&t.random);
    mbedtls_entropy_free(&t.entropy);
    return result;
}

static enum hp_link_result look_at_tls(struct diagnosis *d, int fd)
{
    struct hp_pems pems;
    const struct hp_pem_paths paths = {d->to->tls_ca, d->to->tls_cert, d->to->tls_key};
    enum hp_pems_result read = hp_pems_read(&paths, &pems, d->text, d->size);
    enum hp_link_result result = read == HP_PEMS_OK ? try_tls(d, fd, &pems) : HP_LINK_OWN_FILES;
    hp_pems_fini(&pems);
    return result;
}

static enum hp_link_result look_at_greeting(struct diagnosis *d, int fd)
{
    struct pollfd pollfd = {fd, POLLIN, 0};
    unsigned char bytes[8];
    if (poll(&pollfd, 1, d->timeout_ms) <= 0)
        return judge_greeting(d, bytes, MBEDTLS_ERR_SSL_TIMEOUT);
    return judge_greeting(d, bytes, (int)recv(fd, bytes, sizeof bytes, 0));
}

enum hp_link_result hp_diagnose(const struct hp_remote *to, int timeout_ms, char *text, size_t size)
{
    struct diagnosis d = {.to = to, .timeout_ms = timeout_ms, .text = text, .size = size};
    int fd = -1;
    *text = '\0';
    if (!hp_diagnose_split(to->url, d.host, sizeof d.host, d.port, sizeof d.port)) {
        SAY(&d, "%s is no address", to->url);
        return HP_LINK_FAILED;
    }
    enum hp_link_result result = try_connect(&d, &fd);
    if (result == HP_LINK_OK) {
        bool tls = strncmp(to->url, "tls+", 4) == 0;
        result = tls ? look_at_tls(&d, fd) : look_at_greeting(&d, fd);
        close(fd);
    }
    return result;
}
