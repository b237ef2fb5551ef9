/* hotpatch client: what git knows of a work tree. git itself is run, with an argument vector: no shell, no
 * pager, no filters, and plumbing commands, which no configuration changes.
 *
 * Results live in the arena of the invocation. All functions return false (NULL) with the error recorded: git
 * is not installed, the folder is no repository, the revision or the file in it does not exist. */
#ifndef HP_GIT_H
#define HP_GIT_H

#include "client/cli.h"

/* A file that differs between two commits. Paths are of the top of the work tree. */
struct hp_git_change {
    char status;      /* of git: A added, D deleted, M modified, R renamed, T of another type */
    const char *path; /* in the second commit; of one that is deleted, in the first */
    const char *from; /* R: its path in the first; else NULL */
};
struct hp_git_changes {
    HP_LIST(struct hp_git_change) list;
};

struct hp_git_files {
    HP_LIST(const char *) list; /* paths of the top */
};

/* The text of `file` in commit `rev`: `git cat-file blob REV:./NAME`, run in the file's own folder. */
bool hp_git_show(struct hp_cli *cli, const char *rev, const char *file, struct hp_bytes *text);

/* The same by a path of the top. */
bool hp_git_blob(struct hp_cli *cli, const char *top, const char *rev, const char *path,
                 struct hp_bytes *text);

/* The top of the work tree that the command runs in, absolute, links resolved. */
const char *hp_git_top(struct hp_cli *cli);

/* The full name of the commit that `rev` means. */
const char *hp_git_commit(struct hp_cli *cli, const char *top, const char *rev);

/* What differs between two commits; all files of one. By full names of commits. */
bool hp_git_changes(struct hp_cli *cli, const char *top, const char *a, const char *b,
                    struct hp_git_changes *changes);
bool hp_git_files(struct hp_cli *cli, const char *top, const char *rev, struct hp_git_files *files);

/* Refuses what is no revision: an empty one, one like an option, one with a path, a range. */
bool hp_git_check_rev(struct hp_cli *cli, const char *rev);

#endif
