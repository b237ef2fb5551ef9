/* hotpatch: the one service of a process: an endpoint and a thread for all its Lua states.
 *
 * Each agent joins with its desk at `start`, and leaves at `stop`. The endpoint opens at the first safe point
 * of any of them and closes when the last one leaves. Calls are made on Lua threads (several, where a process
 * runs several states); each takes the service's locks and calls nothing of Lua.
 *
 * Forks. nng aborts a process that uses it in a forked child, so: once nng was used, it is spent for the
 * children. Of a service that was open at the fork the desks are dead in the child, and its sockets are
 * closed there. One that was not open yet goes on in both.
 */
#ifndef HP_SERVICE_H
#define HP_SERVICE_H

#include "agent/address.h"
#include "agent/desk.h"
#include "agent/why.h"

/* Chooses and checks the directory and lists the desk. `dir` may be NULL; `listen` is NULL or a
 * NULL-terminated list of URLs (agent/address.h), the tls ones with the files of `tls`; where the desk's
 * rights name others, ipc ones are open to them. Opens nothing. False: see why; nothing changed. */
bool hp_service_join(struct hp_desk *desk, const char *dir, const char *const *listen,
                     const struct hp_address_tls *tls, struct hp_why *why);

/* At a safe point of a desk's thread: opens the endpoint if it is not open. False: see why. */
bool hp_service_open(struct hp_why *why);

/* Answers what still waits at the desk, and takes it off the list; the last one closes the endpoint and ends
 * the thread. The desk is the caller's again: to be freed, unless it is dead. */
void hp_service_leave(struct hp_desk *desk);

/* A letter of some desk is done. */
void hp_service_wake(void);

/* Finds out about forks that pthread_atfork did not see. Before anything else of this header or a mailbox is
 * used. */
void hp_service_notice_fork(void);

#endif
