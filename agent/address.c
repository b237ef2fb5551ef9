#include "agent/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IPC_PREFIX "ipc://"
#define TCP_PREFIX "tcp://"
#define TLS_PREFIX "tls+tcp://"

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

void hp_address_of_path(struct hp_address *address, const char *path)
{
    *address = (struct hp_address){.transport = HP_TRANSPORT_IPC};
    snprintf(address->path, sizeof address->path, "%s", path);
    snprintf(address->url, sizeof address->url, IPC_PREFIX "%s", path);
}

static bool read_ipc(struct hp_address *address, const char *url, bool shared, struct hp_why *why)
{
    char dir[HP_SOCKET_PATH_MAX];
    const char *path = url + strlen(IPC_PREFIX);
    const char *slash = strrchr(path, '/');
    if (path[0] != '/' || slash == path || !slash[1] || strlen(path) >= sizeof dir)
        return hp_why_set(
            why,
            "listen: '%s' should be ipc:// and an absolute path of at most %d bytes, in a directory "
            "of its own",
            url, HP_SOCKET_PATH_MAX - 1);
    snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
    hp_address_of_path(address, path);
    address->shared = shared;
    return shared ? hp_rundir_check_shared(dir, why) : hp_rundir_check(dir, why);
}

static bool is_loopback(const char *host)
{
    struct in_addr four;
    struct in6_addr six;
    if (strcmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

/* "host:port" or "[v6]:port" to `host`; false when it is neither. */
static bool split_host(const char *text, char *host, size_t size)
{
    bool bracket = text[0] == '[';
    const char *end = bracket ? strchr(text, ']') : strrchr(text, ':');
    if (!end)
        return false;
    const char *from = bracket ? text + 1 : text;
    const char *colon = bracket ? end + 1 : end;
    size_t len = (size_t)(end - from);
    if (*colon != ':' || len == 0 || len >= size || (!bracket && memchr(from, ':', len)))
        return false;
    char *rest;
    long port = strtol(colon + 1, &rest, 10);
    if (colon[1] < '0' || colon[1] > '9' || *rest || port > 65535)
        return false;
    memcpy(host, from, len);
    host[len] = '\0';
    return true;
}

static bool absolute(char out[HP_ADDRESS_PATH_MAX], const char *what, const char *path, struct hp_why *why)
{
    char here[HP_ADDRESS_PATH_MAX] = "";
    if (path[0] != '/' && !getcwd(here, sizeof here))
        return hp_why_set(why, "tls: %s = '%s': the current directory cannot be had: %s", what, path,
                          strerror(errno));
    int n = snprintf(out, HP_ADDRESS_PATH_MAX, "%s%s%s", here, here[0] ? "/" : "", path);
    return (n > 0 && n < HP_ADDRESS_PATH_MAX) || hp_why_set(why, "tls: %s: the path is too long", what);
}

static bool read_tls(struct hp_address *address, const char *url, const struct hp_address_tls *tls,
                     struct hp_why *why)
{
    const char *lacks = !tls || !tls->ca ? "ca" : !tls->cert ? "cert" : !tls->key ? "key" : NULL;
    if (lacks)
        return hp_why_set(why,
                          "listen: '%s' needs tls = { ca = FILE, cert = FILE, key = FILE }, and there is no "
                          "'%s'; both sides "
                          "show a certificate",
                          url, lacks);
    return absolute(address->ca, "ca", tls->ca, why) && absolute(address->cert, "cert", tls->cert, why) &&
           absolute(address->key, "key", tls->key, why);
}

static bool read_network(struct hp_address *address, const char *url, const char *prefix,
                         const struct hp_address_tls *tls, struct hp_why *why)
{
    char host[256];
    if (!split_host(url + strlen(prefix), host, sizeof host) || strlen(url) >= sizeof address->url)
        return hp_why_set(why, "listen: '%s' should be %sHOST:PORT, or %s[V6]:PORT", url, prefix, prefix);
    snprintf(address->url, sizeof address->url, "%s", url);
    if (address->transport == HP_TRANSPORT_TLS)
        return read_tls(address, url, tls, why);
    return is_loopback(host) ||
           hp_why_set(why,
                      "listen: '%s' is not of this machine alone, and tcp:// has neither encryption nor "
                      "certificates: use tcp://127.0.0.1:PORT, or tls+tcp:// with tls = { ca, cert, key }",
                      url);
}

bool hp_address_read(struct hp_address *address, const char *url, const struct hp_address_tls *tls,
                     bool shared, struct hp_why *why)
{
    *address = (struct hp_address){.transport = HP_TRANSPORT_IPC};
    if (begins(url, IPC_PREFIX))
        return read_ipc(address, url, shared, why);
    if (begins(url, TCP_PREFIX)) {
        address->transport = HP_TRANSPORT_TCP;
        return read_network(address, url, TCP_PREFIX, tls, why);
    }
    if (begins(url, TLS_PREFIX)) {
        address->transport = HP_TRANSPORT_TLS;
        return read_network(address, url, TLS_PREFIX, tls, why);
    }
    return hp_why_set(why, "listen: '%s' is none of ipc://PATH, tcp://127.0.0.1:PORT, tls+tcp://HOST:PORT",
                      url);
}
