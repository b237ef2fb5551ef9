/* hotpatch: who is at the other end of a connection, as far as the system vouches for it. Plain data; no nng.
 */
#ifndef HP_PEER_H
#define HP_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum hp_transport {
    HP_TRANSPORT_IPC, /* the kernel says which user and process */
    HP_TRANSPORT_TCP, /* loopback: the kernel says which user */
    HP_TRANSPORT_TLS, /* a certificate of an authority that the agent was told to trust */
};

#define HP_PEER_ADDRESS_MAX 64

struct hp_peer {
    enum hp_transport transport;
    bool known;     /* uid is the kernel's word; never with tls */
    uid_t uid;      /* -1: not known */
    bool gid_known; /* ipc: the kernel says which group the process is in, besides */
    gid_t gid;
    pid_t pid;                         /* ipc; else 0 */
    char address[HP_PEER_ADDRESS_MAX]; /* "192.0.2.7:51234", "[::1]:51234"; empty with ipc */
    /* Common name of the peer's certificate. nng 1.5 does not tell it: then empty. */
    char certificate[HP_PEER_ADDRESS_MAX];
};

/* Is it the user of this process, or root, by the kernel's word? Never so over tls. */
bool hp_peer_is_own(const struct hp_peer *peer);

/* A port of a loopback connection, as two ends: what the kernel's table calls local and remote. */
struct hp_peer_end {
    bool six;
    uint8_t address[16]; /* 4 of them where it is not six */
    uint16_t port;       /* as people count */
};

/* Which user has the socket whose own end is `peer` and whose other end is `here`, by /proc/net/tcp or tcp6
 * at `table`. Only an established socket that a process holds counts: the kernel writes 0 for the owner of
 * others. False: not found. */
bool hp_peer_owner(const char *table, const struct hp_peer_end *peer, const struct hp_peer_end *here,
                   uid_t *uid);

#endif
