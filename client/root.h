/* hotpatch client: where the files of a work tree are on the server, which may run a copy of it in another
 * place. */
#ifndef HP_ROOT_H
#define HP_ROOT_H

#include "client/cli.h"
#include "client/git.h"

/* The folder whose files are those of the work tree `top`, as the agent names files. That is --root, if it
 * was given; else `top` itself, if a loaded module comes from a file of the tree there; else the folder below
 * which most of the loaded modules have the path of a file of the tree; where there is none, `top`. `loaded`
 * has `file` set in each. NULL with the error recorded: two folders are equally likely, or memory is short.
 */
const char *hp_root_find(struct hp_cli *cli, const char *top, const struct hp_git_files *files,
                         const struct hp_report_module *loaded, size_t count);

#endif
