/* hotpatch: a child closes what it inherited of its parent's endpoint, by number: a server's socket that
 * lives on in its child would be connected to, and never answered. Async-signal-safe: no memory, no locks, no
 * stdio; Linux. */
#ifndef HP_FORKED_H
#define HP_FORKED_H

#include <stddef.h>

/* Closes each descriptor of this process that is a unix socket bound to `path` or, where `port` is not 0, a
 * tcp socket of that local port: the listening one, and those it accepted (they have its name). */
void hp_forked_close_sockets(const char *path, unsigned short port);

#endif
