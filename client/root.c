#include "client/root.h"

#include <stdlib.h>
#include <string.h>

/* A folder that the tree may be in, and how many loaded modules speak for it. */
struct candidate {
    const char *folder;
    size_t len;
    size_t modules;
};

struct candidates {
    HP_LIST(struct candidate) list;
};

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool has(const struct hp_git_files *sorted, const char *path)
{
    return sorted->list.count > 0 && bsearch(&path, sorted->list.items, sorted->list.count,
                                             sizeof *sorted->list.items, compare) != NULL;
}

static void vote(struct hp_cli *cli, struct candidates *all, const char *file, size_t len)
{
    for (size_t i = 0; i < all->list.count; i++) {
        struct candidate *c = &all->list.items[i];
        if (c->len == len && memcmp(c->folder, file, len) == 0) {
            c->modules++;
            return;
        }
    }
    struct candidate *slot = HP_PUSH(&cli->arena, &all->list);
    if (slot != NULL)
        *slot = (struct candidate){.folder = file, .len = len, .modules = 1};
}

/* Each folder above a loaded file, below which that is a file of the tree. */
static void vote_for_all(struct hp_cli *cli, struct candidates *all, const struct hp_git_files *sorted,
                         const char *file)
{
    for (const char *slash = strchr(file, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
        if (has(sorted, slash + 1))
            vote(cli, all, file, (size_t)(slash - file));
}

static bool is_at(const struct candidate *c, const char *top)
{
    return c->len == strlen(top) && memcmp(c->folder, top, c->len) == 0;
}

/* The one with the most votes; `top` before all others. NULL with the error recorded: there are two. */
static const char *elect(struct hp_cli *cli, const struct candidates *all, const char *top)
{
    const struct candidate *best = NULL, *rival = NULL;
    for (size_t i = 0; i < all->list.count; i++) {
        const struct candidate *c = &all->list.items[i];
        if (is_at(c, top))
            return top;
        if (best == NULL || c->modules > best->modules) {
            best = c;
            rival = NULL;
        } else if (c->modules == best->modules) {
            rival = c;
        }
    }
    if (rival != NULL) {
        hp_cli_fail(cli, HP_USAGE, "say which: --root DIR",
                    "the files of the work tree may be in %.*s on the server, or in %.*s", (int)best->len,
                    best->folder, (int)rival->len, rival->folder);
        return NULL;
    }
    return best == NULL ? top : hp_arena_strn(&cli->arena, best->folder, best->len);
}

/* Without a slash at the end. */
static const char *given(struct hp_cli *cli)
{
    size_t len = strlen(cli->root);
    while (len > 0 && cli->root[len - 1] == '/')
        len--;
    return hp_arena_strn(&cli->arena, cli->root, len);
}

const char *hp_root_find(struct hp_cli *cli, const char *top, const struct hp_git_files *files,
                         const struct hp_report_module *loaded, size_t count)
{
    struct hp_git_files sorted = {0};
    struct candidates all = {0};
    const char *root = NULL;
    if (cli->root != NULL) {
        root = given(cli);
    } else {
        for (size_t i = 0; i < files->list.count; i++) {
            const char **slot = HP_PUSH(&cli->arena, &sorted.list);
            if (slot != NULL)
                *slot = files->list.items[i];
        }
        if (sorted.list.count > 0)
            qsort(sorted.list.items, sorted.list.count, sizeof *sorted.list.items, compare);
        for (size_t i = 0; i < count; i++)
            vote_for_all(cli, &all, &sorted, loaded[i].file);
        root = elect(cli, &all, top);
    }
    return hp_cli_check_memory(cli) ? root : NULL;
}
