/* hotpatch: the system's users and groups, as its databases have them (/etc/passwd, LDAP, whatever NSS asks).
 *
 * A door to NSS. A look-up takes as long as the database does: none under a lock, and on the Lua thread only
 * at start. Any thread; no Lua, no nng.
 */
#ifndef HP_USERS_H
#define HP_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The user, or group, of this name; digits alone are the number itself. False: there is none. */
bool hp_users_uid(const char *name, uid_t *uid);
bool hp_users_gid(const char *name, gid_t *gid);

/* The groups of a user; all 0: none. `ids` is hp_mem's, given back by fini. */
struct hp_groups {
    gid_t *ids;
    size_t count;
};

/* Primary and supplementary ones. None where the user is unknown, or there is no memory. */
void hp_groups_of(uid_t uid, struct hp_groups *groups);
void hp_groups_fini(struct hp_groups *groups);
bool hp_groups_have(const struct hp_groups *groups, gid_t gid);

#endif
