/* hotpatch client: why an agent could not be reached over tcp or tls. nng tells little ("cryptographic
 * error"), so after it has failed, and only then, this tries again step by step by itself: the name, the
 * connection, the certificates of both sides, the greeting. Nothing is sent beyond the TLS handshake. The
 * client's door to mbed TLS. */
#ifndef HP_DIAGNOSE_H
#define HP_DIAGNOSE_H

#include <stddef.h>

#include "client/connect.h"

/* A sentence goes to `text`. HP_LINK_OK: no fault was found this time, and `text` is empty. */
enum hp_link_result hp_diagnose(const struct hp_remote *to, int timeout_ms, char *text, size_t size);

/* "tls+tcp://[::1]:7071": the host without brackets, and the port. False: it is no such URL. */
bool hp_diagnose_split(const char *url, char *host, size_t host_size, char *port, size_t port_size);

#endif
