/* hotpatch client: what a file was in a commit. */
#ifndef HP_GIT_H
#define HP_GIT_H

#include "client/cli.h"

/* The text of `file` in commit `rev`, as `git cat-file blob REV:./NAME` run in the file's own folder gives
 * it: no shell, no pager, no filters. Into the arena of the invocation. False with the error recorded: git is
 * not installed, the folder is no repository, the revision or the file in it does not exist. */
bool hp_git_show(struct hp_cli *cli, const char *rev, const char *file, struct hp_bytes *text);

/* Refuses what --git does not take: an empty revision, one like an option, and (in this version) a range
 * A..B. */
bool hp_git_check_rev(struct hp_cli *cli, const char *rev);

#endif
