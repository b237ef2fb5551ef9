#include "agent/rights.h"

#include <string.h>

#include "proto/arena.h"

enum whom { WHOM_USER, WHOM_GROUP, WHOM_TLS };

struct grant {
    enum whom whom;
    uid_t uid;
    gid_t gid;
    unsigned rights;
};

struct hp_rights {
    bool listed; /* a list was given: peers over tls may only what they are named for */
    unsigned off;
    bool users, groups; /* are named */
    size_t count;
    struct grant grants[];
};

/* --- reading ---------------------------------------------------------------------------------- */

static size_t length_of(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

static bool no_such(const char *option, const char *kind, const char *name, struct hp_why *why)
{
    return hp_why_set(why,
                      "rights.%s: there is no %s '%s' on this machine; mend the name, or give the number, as "
                      "in \"%s:1001\"",
                      option, kind, name, kind);
}

static bool read_grant(struct hp_rights *rights, const char *option, const char *text, unsigned right,
                       struct hp_why *why)
{
    struct grant grant = {.rights = right | HP_RIGHT_READ};
    if (strcmp(text, "tls") == 0) {
        grant.whom = WHOM_TLS;
    } else if (strncmp(text, "user:", 5) == 0 && text[5]) {
        grant.whom = WHOM_USER;
        rights->users = true;
        if (!hp_users_uid(text + 5, &grant.uid))
            return no_such(option, "user", text + 5, why);
    } else if (strncmp(text, "group:", 6) == 0 && text[6]) {
        grant.whom = WHOM_GROUP;
        rights->groups = true;
        if (!hp_users_gid(text + 6, &grant.gid))
            return no_such(option, "group", text + 6, why);
    } else {
        return hp_why_set(why,
                          "rights.%s: '%s' is none of \"user:NAME\", \"user:UID\", \"group:NAME\", "
                          "\"group:GID\", \"tls\"",
                          option, text);
    }
    rights->grants[rights->count++] = grant;
    return true;
}

static bool read_list(struct hp_rights *rights, const char *const *list, enum hp_right right,
                      struct hp_why *why)
{
    rights->listed = rights->listed || list;
    for (size_t i = 0; list && list[i]; i++)
        if (!read_grant(rights, hp_right_word(right), list[i], right, why))
            return false;
    return true;
}

struct hp_rights *hp_rights_new(const struct hp_rights_spec *spec, struct hp_why *why)
{
    size_t count = length_of(spec->read) + length_of(spec->patch) + length_of(spec->eval);
    struct hp_rights *rights = hp_mem_calloc(sizeof *rights + count * sizeof *rights->grants);
    if (!rights) {
        hp_why_set(why, "not enough memory");
        return NULL;
    }
    rights->off = spec->no_eval ? HP_RIGHT_EVAL : 0;
    bool clash = spec->no_eval && spec->eval;
    if (clash)
        hp_why_set(why, "rights.eval is both switched off and given to somebody; say one of them");
    if (!clash && read_list(rights, spec->read, HP_RIGHT_READ, why) &&
        read_list(rights, spec->patch, HP_RIGHT_PATCH, why) &&
        read_list(rights, spec->eval, HP_RIGHT_EVAL, why))
        return rights;
    hp_rights_free(rights);
    return NULL;
}

void hp_rights_free(struct hp_rights *rights)
{
    hp_mem_free(rights);
}

/* --- asking ----------------------------------------------------------------------------------- */

static bool is_meant(const struct grant *grant, const struct hp_peer *peer, const struct hp_groups *groups)
{
    switch (grant->whom) {
    case WHOM_TLS:
        return peer->transport == HP_TRANSPORT_TLS;
    case WHOM_USER:
        return peer->known && peer->uid == grant->uid;
    default:
        return peer->known &&
               ((peer->gid_known && peer->gid == grant->gid) || hp_groups_have(groups, grant->gid));
    }
}

unsigned hp_rights_of(const struct hp_rights *rights, const struct hp_peer *peer,
                      const struct hp_groups *groups)
{
    bool tls = peer->transport == HP_TRANSPORT_TLS;
    bool all = tls ? !rights || !rights->listed : hp_peer_is_own(peer);
    unsigned set = all ? HP_RIGHT_ALL : HP_RIGHT_NONE;
    for (size_t i = 0; rights && i < rights->count; i++)
        if (is_meant(&rights->grants[i], peer, groups))
            set |= rights->grants[i].rights;
    return rights ? set & ~rights->off : set;
}

bool hp_rights_off(const struct hp_rights *rights, enum hp_right right)
{
    return rights && (rights->off & right) != 0;
}

bool hp_rights_name_others(const struct hp_rights *rights)
{
    return rights && (rights->users || rights->groups);
}

bool hp_rights_name_groups(const struct hp_rights *rights)
{
    return rights && rights->groups;
}

/* --- requests --------------------------------------------------------------------------------- */

enum hp_right hp_right_of_kind(enum hp_kind kind)
{
    switch (kind) {
    case HP_KIND_PUSH:
    case HP_KIND_REVERT:
    case HP_KIND_CONFIRM:
        return HP_RIGHT_PATCH;
    case HP_KIND_EVAL:
        return HP_RIGHT_EVAL;
    default:
        return HP_RIGHT_READ;
    }
}

enum hp_right hp_right_needed(const struct hp_request *request)
{
    bool stops = request->options.atomic || request->options.max_pause_ms > 0;
    enum hp_right right = hp_right_of_kind(request->kind);
    return stops && right == HP_RIGHT_READ ? HP_RIGHT_PATCH : right;
}

const char *hp_right_word(enum hp_right right)
{
    return right == HP_RIGHT_PATCH ? "patch" : right == HP_RIGHT_EVAL ? "eval" : "read";
}
