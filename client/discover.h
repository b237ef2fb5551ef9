/* hotpatch client: the sockets of agents on this machine, found by looking, without connecting to any.
 *
 * Looked at: $HOTPATCH_DIR, $XDG_RUNTIME_DIR/hotpatch, /tmp/hotpatch-UID; then, as rights allow, those
 * folders of other users, and /tmp/hotpatch-* of processes that have a file system of their own (containers).
 * A socket is a file PID.sock.
 *
 * A socket is trusted to be that of process PID only if its folder belongs to the user who runs PID: in /tmp
 * anybody can make a folder. A socket whose process is gone is removed where the folder is ours, and skipped
 * elsewhere. */
#ifndef HP_DISCOVER_H
#define HP_DISCOVER_H

#include <sys/types.h>

#include "proto/arena.h"

struct hp_place {
    const char *path; /* of the socket */
    int64_t pid;      /* as this machine's process table counts, also for containers */
    uid_t user;       /* who runs it */
};

struct hp_places {
    HP_LIST(struct hp_place) list;
};

/* Where to look; a test gives folders of its own. */
struct hp_discover {
    const char *proc;        /* "/proc" */
    const char *tmp;         /* "/tmp": hotpatch-* in it. NULL: only `dirs` */
    const char *run_user;    /* "/run/user": * /hotpatch in it */
    const char *const *dirs; /* our own folders, NULL-terminated */
    int64_t pid;             /* only this process, and no further than its first socket; 0: all */
};

/* Fills `places`, ordered by pid, each socket once. Errors mean "not found". Allocates from `arena`. */
void hp_discover(struct hp_arena *arena, const struct hp_discover *where, struct hp_places *places);

/* The same in the usual places of this machine; with HOTPATCH_ONLY set, in $HOTPATCH_DIR alone (for tests,
 * which must not meet the agents of others). `pid` as above. */
void hp_discover_here(struct hp_arena *arena, int64_t pid, struct hp_places *places);

/* What is known of a process that has no agent. */
enum hp_process { HP_PROCESS_NONE, HP_PROCESS_OURS, HP_PROCESS_OTHERS };
enum hp_process hp_discover_process(const char *proc, int64_t pid, uid_t *user);

#endif
