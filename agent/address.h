/* hotpatch: where an agent listens, from a URL of the `listen` option. Pure text: no sockets, no nng. Any
 * thread; everything is in the struct.
 *
 *     ipc:///run/game/agent.sock      a socket in a private directory, or (shared) in one of the admin's
 *     tcp://127.0.0.1:7070            loopback only: nothing on it is encrypted
 *     tls+tcp://0.0.0.0:7071          both sides show certificates
 */
#ifndef HP_ADDRESS_H
#define HP_ADDRESS_H

#include "agent/peer.h"
#include "agent/rundir.h"
#include "agent/why.h"

#define HP_ADDRESS_URL_MAX  320
#define HP_ADDRESS_PATH_MAX 1024

struct hp_address {
    enum hp_transport transport;
    char url[HP_ADDRESS_URL_MAX];  /* as it is given to nng: host names in lower case are kept as they are */
    char path[HP_SOCKET_PATH_MAX]; /* of an ipc one; else empty */
    bool shared;                   /* an ipc one that anybody may connect to: who asks is looked at then */
    char ca[HP_ADDRESS_PATH_MAX];  /* of a tls one, absolute: a program may change its directory */
    char cert[HP_ADDRESS_PATH_MAX];
    char key[HP_ADDRESS_PATH_MAX];
};

/* What `tls = { ca, cert, key }` says; NULLs: nothing. */
struct hp_address_tls {
    const char *ca, *cert, *key;
};

/* False: see why. An ipc socket's directory is checked too (hp_rundir_check, or hp_rundir_check_shared where
 * ipc sockets are to be `shared`); files are not read. */
bool hp_address_read(struct hp_address *address, const char *url, const struct hp_address_tls *tls,
                     bool shared, struct hp_why *why);

/* That of the socket at `path`. */
void hp_address_of_path(struct hp_address *address, const char *path);

#endif
