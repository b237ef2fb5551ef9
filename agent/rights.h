/* hotpatch: who may do what, as `start { rights = … }` says.
 *
 *     rights = { read = { "group:ops" }, patch = { "user:deploy", "tls" }, eval = false }
 *
 * The process's own user and root may do all, for they could take the process over anyway. Peers over tls,
 * of whom no more is known than that they have a certificate, may do all too, until one of the lists is
 * given: from then on they may what "tls" is named for. Others may what they are named for. Each right has
 * that to read in it. What is switched off is taken from everybody.
 *
 * Made on the Lua thread, at start; constant from then on, so any thread may ask. No Lua, no nng.
 */
#ifndef HP_RIGHTS_H
#define HP_RIGHTS_H

#include "agent/peer.h"
#include "agent/users.h"
#include "agent/why.h"
#include "proto/request.h"

enum hp_right {
    HP_RIGHT_NONE = 0,
    HP_RIGHT_READ = 1,
    HP_RIGHT_PATCH = 2,
    HP_RIGHT_EVAL = 4,
    HP_RIGHT_ALL = 7,
};
#define HP_RIGHT_COUNT 3 /* bits */

/* Lists of "user:NAME", "user:UID", "group:NAME", "group:GID", "tls", NULL-terminated; NULL: not given. */
struct hp_rights_spec {
    const char *const *read;
    const char *const *patch;
    const char *const *eval;
    bool no_eval; /* switched off */
};

struct hp_rights;

/* Looks names up. NULL: see why; nothing is left. For hp_rights_free. */
struct hp_rights *hp_rights_new(const struct hp_rights_spec *spec, struct hp_why *why);
void hp_rights_free(struct hp_rights *rights); /* NULL is fine */

/* The rights (a set) of this peer. `groups` are its user's, needed only where groups are named. With NULL
 * rights, as if none had been given. */
unsigned hp_rights_of(const struct hp_rights *rights, const struct hp_peer *peer,
                      const struct hp_groups *groups);

/* Is the right switched off, so that nobody can be given it? */
bool hp_rights_off(const struct hp_rights *rights, enum hp_right right);
/* Are users or groups named? Then a socket has to be open to them. */
bool hp_rights_name_others(const struct hp_rights *rights);
bool hp_rights_name_groups(const struct hp_rights *rights);

/* What a request of this kind needs; and what this one does: whoever may only read must not stop the program
 * for as long as he likes either. */
enum hp_right hp_right_of_kind(enum hp_kind kind);
enum hp_right hp_right_needed(const struct hp_request *request);
const char *hp_right_word(enum hp_right right); /* of a single one */

#endif
