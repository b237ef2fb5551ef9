/* hotpatch: the private directory of the sockets, and what may lie in it.
 *
 * Rights of an ipc socket are set only after it exists, so what protects it is its directory: 0700 and ours,
 * or nothing is opened there. Any thread; no Lua, no nng; paths are written into the caller's buffers.
 */
#ifndef HP_RUNDIR_H
#define HP_RUNDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "agent/why.h"

#define HP_SOCKET_PATH_MAX 108 /* sun_path, with its NUL */

/* Chooses DIR (the option, else HOTPATCH_DIR, else $XDG_RUNTIME_DIR/hotpatch, else /tmp/hotpatch-UID), makes
 * it if it is not there, and checks it. The absolute path goes to `out`. False: see why; at most the
 * directory has been made. */
bool hp_rundir_choose(const char *option, char *out, size_t size, struct hp_why *why);

/* Is it a directory (no link), ours, and closed to everybody else? */
bool hp_rundir_check(const char *dir, struct hp_why *why);

/* For a socket that others may connect to: a directory that the admin made. Nobody but its owner, who is root
 * or ours, and the group that it is open to may put another socket in the place of ours. */
bool hp_rundir_check_shared(const char *dir, struct hp_why *why);

/* DIR/PID.sock, if that fits into a socket address. */
bool hp_rundir_socket(const char *dir, pid_t pid, char out[HP_SOCKET_PATH_MAX], struct hp_why *why);

/* Makes sure that a socket can be bound at `path`: a socket left by a dead process is removed; a live one, or
 * anything that is no socket, is left alone and refused. */
bool hp_rundir_claim(const char *path, struct hp_why *why);

/* Removes PID.sock of each process that is dead and whose socket nobody answers. Both: a live process of
 * another pid namespace looks dead, and one that has bound and not yet listened does not answer. */
void hp_rundir_sweep(const char *dir);

#endif
