#include "client/revision.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/exchange.h"
#include "client/git.h"
#include "client/root.h"
#include "client/source.h"
#include "proto/protocol.h"

/* What a revision is laid beside. */
struct revision {
    struct hp_cli *cli;
    struct hp_request *request;
    struct hp_revision_skips *skips;
    const char *top;                         /* of the work tree here */
    const char *root;                        /* where that is on the server */
    HP_LIST(struct hp_report_module) loaded; /* of the agent: module and file */
};

bool hp_revision_is_range(const struct hp_cli *cli)
{
    return cli->git != NULL && strstr(cli->git, "..") != NULL;
}

static void skip(struct revision *r, const char *file, const char *why)
{
    struct hp_report_skipped *slot = HP_PUSH(&r->cli->arena, &r->skips->list);
    if (slot != NULL)
        *slot = (struct hp_report_skipped){file, why};
}

/* Asks the agent which modules are loaded from where. Its answer is not the command's: cli->report is as new
 * afterwards, unless that failed. */
static bool ask_loaded(struct revision *r, const struct hp_agent *target)
{
    struct hp_cli *cli = r->cli;
    const char *id = cli->id;
    cli->id = NULL; /* --id is of the request itself */
    struct hp_request *request = hp_exchange_new(cli, HP_KIND_MODULES);
    bool ok = request != NULL && hp_exchange(cli, target, request) && cli->report.status == HP_OK;
    hp_request_free(request);
    cli->id = id;
    for (size_t i = 0; ok && i < cli->report.modules.count; i++) {
        const struct hp_report_module *m = &cli->report.modules.items[i];
        struct hp_report_module *slot = m->file != NULL ? HP_PUSH(&cli->arena, &r->loaded) : NULL;
        if (slot != NULL) {
            slot->module = hp_arena_str(&cli->arena, m->module);
            slot->file = hp_arena_str(&cli->arena, m->file);
        }
    }
    if (!ok) {
        return hp_cli_fail(cli, cli->report.status != HP_OK ? cli->report.status : HP_FAILED, NULL,
                           "the agent does not say which modules are loaded; nothing was sent");
    }
    hp_report_fini(&cli->report);
    hp_report_init(&cli->report);
    return hp_cli_check_memory(cli);
}

static bool find_root(struct revision *r, const struct hp_git_files *files)
{
    r->root = hp_root_find(r->cli, r->top, files, r->loaded.items, r->loaded.count);
    return r->root != NULL;
}

/* The absolute name of a file, as the agent knows it. */
static const char *absolute(struct hp_cli *cli, const char *file)
{
    char *real = realpath(file, NULL);
    const char *name = real != NULL ? hp_arena_str(&cli->arena, real) : file;
    free(real);
    if (name[0] != '/') { /* of no file that is there: deleted in B, say */
        char *here = getcwd(NULL, 0);
        name = hp_arena_printf(&cli->arena, "%s/%s", here != NULL ? here : ".",
                               strncmp(name, "./", 2) == 0 ? name + 2 : name);
        free(here);
    }
    return name;
}

static const char *in_tree(struct revision *r, const char *path)
{
    return absolute(r->cli, hp_arena_printf(&r->cli->arena, "%s/%s", r->top, path));
}

/* The path in the tree of a file of the server, or NULL. */
static const char *path_of(const struct revision *r, const char *file)
{
    size_t len = strlen(r->root);
    return strncmp(file, r->root, len) == 0 && file[len] == '/' ? file + len + 1 : NULL;
}

/* How many loaded modules come from this file of the tree, and the first of them. `file` is its name here: it
 * differs from that in the tree where links lead to it. */
static size_t find_loaded(const struct revision *r, const char *path, const char *file, const char **module)
{
    size_t count = 0;
    for (size_t i = 0; i < r->loaded.count; i++) {
        const char *loaded = path_of(r, r->loaded.items[i].file);
        bool same =
            (loaded != NULL && strcmp(loaded, path) == 0) || strcmp(r->loaded.items[i].file, file) == 0;
        if (same && count++ == 0)
            *module = r->loaded.items[i].module;
    }
    return count;
}

static bool is_lua(const char *path)
{
    size_t len = strlen(path);
    return len > 4 && strcmp(path + len - 4, ".lua") == 0;
}

/* One module more in the request; `base_rev` NULL: without a base. */
static bool add_module(struct revision *r, const char *module, const char *path, const char *base_rev,
                       const char *rev)
{
    struct hp_cli *cli = r->cli;
    if (r->request->modules.count >= HP_MAX_MODULES) {
        return hp_cli_fail(cli, HP_LIMIT, "name some of the files", "one request takes at most %d modules",
                           HP_MAX_MODULES);
    }
    struct hp_request_module *m = HP_PUSH(&r->request->arena, &r->request->modules);
    if (m == NULL)
        return hp_cli_fail(cli, HP_NO_MEMORY, NULL, "the client is out of memory; nothing was sent");
    m->module = module;
    m->file = path;
    if (base_rev != NULL) {
        m->base_label = hp_arena_printf(&cli->arena, "%s:%s", base_rev, path);
        if (!hp_git_blob(cli, r->top, base_rev, path, &m->base) ||
            !hp_source_check(cli, m->base_label, m->base))
            return false;
    }
    return hp_git_blob(cli, r->top, rev, path, &m->source) &&
           hp_source_check(cli, hp_arena_printf(&cli->arena, "%s:%s", rev, path), m->source);
}

static bool is_in(const struct hp_git_files *files, const char *path)
{
    for (size_t i = 0; i < files->list.count; i++)
        if (strcmp(files->list.items[i], path) == 0)
            return true;
    return false;
}

/* --- A..B ------------------------------------------------------------------------------------- */

struct range {
    const char *from, *to; /* as typed, HEAD where nothing was */
    struct hp_git_changes changes;
};

static bool split_range(struct hp_cli *cli, struct range *range)
{
    const char *dots = strstr(cli->git, "..");
    if (dots[2] == '.') {
        return hp_cli_fail(
            cli, HP_USAGE, "--git A..B",
            "--git %s: three dots mean another thing in git; write what runs now, two dots, what "
            "shall run",
            cli->git);
    }
    range->from = dots == cli->git ? "HEAD" : hp_arena_strn(&cli->arena, cli->git, (size_t)(dots - cli->git));
    range->to = dots[2] == '\0' ? "HEAD" : dots + 2;
    return hp_git_check_rev(cli, range->from) && hp_git_check_rev(cli, range->to);
}

bool hp_revision_check_range(struct hp_cli *cli)
{
    struct range range = {0};
    if (cli->bases.count > 0)
        return hp_cli_fail(cli, HP_USAGE, NULL, "--git and --base both name the base: give one");
    return split_range(cli, &range);
}

/* What was typed for the file: NULL if it was not. */
static const struct hp_cli_file *typed(const struct hp_cli *cli, const char *file)
{
    for (size_t i = 0; i < cli->files.count; i++)
        if (strcmp(absolute((struct hp_cli *)(uintptr_t)cli, cli->files.items[i].file), file) == 0)
            return &cli->files.items[i];
    return NULL;
}

/* Why a changed file cannot be patched live; NULL: it can, for all that git says. */
static const char *why_not(struct revision *r, const struct range *range, const struct hp_git_change *c)
{
    struct hp_arena *a = &r->cli->arena;
    switch (c->status) {
    case 'A':
        return hp_arena_printf(
            a, "new in %s: nothing that runs was loaded from it; `require` loads it from the disk",
            range->to);
    case 'D':
        return hp_arena_printf(a, "deleted in %s: what runs of it stays", range->to);
    case 'R':
    case 'C':
        return hp_arena_printf(a,
                               "renamed from %s: say which module it is, MODULE=%s, with --base or --git REV",
                               c->from, c->path);
    case 'M':
        return NULL;
    default:
        return "not a plain file in both";
    }
}

static bool add_change(struct revision *r, const struct range *range, const struct hp_git_change *c)
{
    const char *file = in_tree(r, c->path);
    const struct hp_cli_file *asked = typed(r->cli, file);
    const char *module = asked != NULL ? asked->module : NULL;
    const char *why = why_not(r, range, c);
    size_t loaded = module != NULL ? 1 : find_loaded(r, c->path, file, &module);
    if ((r->cli->files.count > 0 && asked == NULL) || (loaded == 0 && !is_lua(c->path)))
        return true;
    if (why == NULL && loaded == 0) {
        why = hp_arena_printf(
            &r->cli->arena,
            "no loaded module comes from %s/%s; if it runs under another path, say --root DIR or "
            "MODULE=FILE",
            r->root, c->path);
    } else if (why == NULL && loaded > 1) {
        why = hp_arena_printf(&r->cli->arena, "several loaded modules come from it; say which: %s=%s", module,
                              c->path);
    }
    if (why == NULL)
        return add_module(r, module, c->path, range->from, range->to);
    skip(r, c->path, why);
    return true;
}

/* FILEs that do not differ. */
static void skip_unchanged(struct revision *r, const struct range *range, const struct hp_git_files *files)
{
    size_t top = strlen(r->top);
    for (size_t f = 0; f < r->cli->files.count; f++) {
        const char *file = absolute(r->cli, r->cli->files.items[f].file);
        bool found = false;
        for (size_t i = 0; i < range->changes.list.count && !found; i++)
            found = strcmp(in_tree(r, range->changes.list.items[i].path), file) == 0;
        if (!found) {
            bool below = strncmp(file, r->top, top) == 0 && file[top] == '/';
            bool known = below && is_in(files, file + top + 1);
            skip(r, r->cli->files.items[f].file,
                 hp_arena_printf(&r->cli->arena, known ? "the same in %s and %s" : "neither in %s nor in %s",
                                 range->from, range->to));
        }
    }
}

bool hp_revision_read_range(struct hp_cli *cli, const struct hp_agent *target, struct hp_request *request,
                            struct hp_revision_skips *skips)
{
    struct revision r = {.cli = cli, .request = request, .skips = skips};
    struct range range = {0};
    struct hp_git_files files = {0};
    const char *a, *b;
    if (!split_range(cli, &range) || (r.top = hp_git_top(cli)) == NULL ||
        (a = hp_git_commit(cli, r.top, range.from)) == NULL ||
        (b = hp_git_commit(cli, r.top, range.to)) == NULL ||
        !hp_git_changes(cli, r.top, a, b, &range.changes) || !hp_git_files(cli, r.top, b, &files) ||
        !ask_loaded(&r, target) || !find_root(&r, &files))
        return false;
    request->options = cli->options;
    skip_unchanged(&r, &range, &files);
    for (size_t i = 0; i < range.changes.list.count; i++)
        if (!add_change(&r, &range, &range.changes.list.items[i]))
            return false;
    return hp_cli_check_memory(cli);
}

/* --- a whole revision ------------------------------------------------------------------------- */

bool hp_revision_read_tree(struct hp_cli *cli, const struct hp_agent *target, struct hp_request *request,
                           struct hp_revision_skips *skips)
{
    struct revision r = {.cli = cli, .request = request, .skips = skips};
    struct hp_git_files files = {0};
    const char *commit;
    if (!hp_git_check_rev(cli, cli->git) || (r.top = hp_git_top(cli)) == NULL ||
        (commit = hp_git_commit(cli, r.top, cli->git)) == NULL || !hp_git_files(cli, r.top, commit, &files) ||
        !ask_loaded(&r, target) || !find_root(&r, &files))
        return false;
    for (size_t i = 0; i < r.loaded.count; i++) {
        const struct hp_report_module *m = &r.loaded.items[i];
        const char *path = path_of(&r, m->file);
        if (path == NULL)
            continue;
        if (!is_in(&files, path))
            skip(&r, path, hp_arena_printf(&cli->arena, "loaded as %s, and not in %s", m->module, cli->git));
        else if (!add_module(&r, m->module, path, NULL, cli->git))
            return false;
    }
    if (request->modules.count == 0) {
        return hp_cli_fail(
            cli, HP_REFUSED,
            "say where the work tree is on the server, with --root DIR, or name the files: hotpatch verify "
            "--git REV MODULE=FILE",
            "no loaded module comes from a file that is in %s, below %s; nothing was compared", cli->git,
            r.root);
    }
    return hp_cli_check_memory(cli);
}

void hp_revision_report(struct hp_cli *cli, const struct hp_revision_skips *skips)
{
    for (size_t i = 0; i < skips->list.count; i++) {
        struct hp_report_skipped *slot = HP_PUSH(&cli->report.arena, &cli->report.skipped);
        if (slot != NULL)
            *slot = skips->list.items[i];
    }
}
