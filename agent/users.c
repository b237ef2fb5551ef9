#define _DEFAULT_SOURCE /* getgrouplist */
#include "agent/users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/arena.h"

#define ENTRY_SIZE     4096 /* of a database's entry, at first … */
#define ENTRY_SIZE_MAX (1024 * 1024)
#define GROUPS         64 /* of a user, at first … */
#define GROUPS_MAX     65536

/* --- an entry, in a buffer that grows until it fits ------------------------------------------- */

struct entry {
    char *text;
    size_t size;
};

/* True: the look-up did not fit and is to be made again. */
static bool entry_grow(struct entry *entry, int error)
{
    if (error != ERANGE || entry->size >= ENTRY_SIZE_MAX)
        return false;
    char *text = hp_mem_realloc(entry->text, entry->size * 4);
    if (!text)
        return false;
    entry->text = text;
    entry->size *= 4;
    return true;
}

static bool entry_begin(struct entry *entry)
{
    entry->text = hp_mem_alloc(ENTRY_SIZE);
    entry->size = entry->text ? ENTRY_SIZE : 0;
    return entry->text != NULL;
}

/* --- names ------------------------------------------------------------------------------------ */

/* -1 is nobody's: the system uses it for "no change". */
static bool read_number(const char *text, uint32_t *number)
{
    char *end;
    size_t len = strlen(text);
    if (len == 0 || len > 10 || strspn(text, "0123456789") != len)
        return false;
    unsigned long long value = strtoull(text, &end, 10);
    *number = (uint32_t)value;
    return value < UINT32_MAX;
}

bool hp_users_uid(const char *name, uid_t *uid)
{
    struct passwd user, *found = NULL;
    struct entry entry;
    int error;
    uint32_t number;
    if (read_number(name, &number)) {
        *uid = number;
        return true;
    }
    if (!entry_begin(&entry))
        return false;
    do
        error = getpwnam_r(name, &user, entry.text, entry.size, &found);
    while (!found && entry_grow(&entry, error));
    if (found)
        *uid = user.pw_uid;
    hp_mem_free(entry.text);
    return found != NULL;
}

bool hp_users_gid(const char *name, gid_t *gid)
{
    struct group group, *found = NULL;
    struct entry entry;
    int error;
    uint32_t number;
    if (read_number(name, &number)) {
        *gid = number;
        return true;
    }
    if (!entry_begin(&entry))
        return false;
    do
        error = getgrnam_r(name, &group, entry.text, entry.size, &found);
    while (!found && entry_grow(&entry, error));
    if (found)
        *gid = group.gr_gid;
    hp_mem_free(entry.text);
    return found != NULL;
}

/* --- groups ----------------------------------------------------------------------------------- */

static void list_groups(const struct passwd *user, struct hp_groups *groups)
{
    int room = GROUPS;
    for (;;) {
        gid_t *ids = hp_mem_realloc(groups->ids, (size_t)room * sizeof *ids);
        if (!ids)
            return;
        groups->ids = ids;
        int count = room;
        if (getgrouplist(user->pw_name, user->pw_gid, ids, &count) >= 0) {
            groups->count = (size_t)count;
            return;
        }
        if (room >= GROUPS_MAX)
            return;
        room = count > room && count <= GROUPS_MAX ? count : GROUPS_MAX;
    }
}

void hp_groups_of(uid_t uid, struct hp_groups *groups)
{
    struct passwd user, *found = NULL;
    struct entry entry;
    int error;
    *groups = (struct hp_groups){0};
    if (!entry_begin(&entry))
        return;
    do
        error = getpwuid_r(uid, &user, entry.text, entry.size, &found);
    while (!found && entry_grow(&entry, error));
    if (found)
        list_groups(&user, groups);
    hp_mem_free(entry.text);
}

void hp_groups_fini(struct hp_groups *groups)
{
    hp_mem_free(groups->ids);
    *groups = (struct hp_groups){0};
}

bool hp_groups_have(const struct hp_groups *groups, gid_t gid)
{
    for (size_t i = 0; i < groups->count; i++)
        if (groups->ids[i] == gid)
            return true;
    return false;
}
