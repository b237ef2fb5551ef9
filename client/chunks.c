#include "client/chunks.h"

#include <stdlib.h>
#include <string.h>

#include "client/cmd.h"
#include "client/exchange.h"
#include "client/git.h"
#include "client/package.h"
#include "client/present.h"
#include "client/render.h"
#include "client/review.h"
#include "client/revision.h"
#include "client/source.h"
#include "client/target.h"
#include "proto/bundle.h"
#include "proto/protocol.h"

static const char *help_hint(struct hp_cli *cli)
{
    return hp_arena_printf(&cli->arena, "hotpatch help %s", cli->command->name);
}

/* What the command line alone can get wrong. */
static bool check_files(struct hp_cli *cli)
{
    size_t stdin_count = 0;
    if (cli->files.count == 0) {
        return hp_cli_fail(cli, HP_USAGE, help_hint(cli), "%s needs a file: [MODULE=]FILE",
                           cli->command->name);
    }
    if (cli->files.count > HP_MAX_MODULES)
        return hp_cli_fail(cli, HP_LIMIT, NULL, "one request takes at most %d modules", HP_MAX_MODULES);
    if (cli->git != NULL && cli->bases.count > 0)
        return hp_cli_fail(cli, HP_USAGE, help_hint(cli), "--git and --base both name the base: give one");
    for (size_t i = 0; i < cli->files.count; i++) {
        const struct hp_cli_file *file = &cli->files.items[i];
        bool is_stdin = strcmp(file->file, "-") == 0;
        stdin_count += is_stdin ? 1 : 0;
        if (is_stdin && file->module == NULL) {
            return hp_cli_fail(cli, HP_USAGE, "MODULE=-",
                               "standard input has no file name: say which module it replaces");
        }
        if (is_stdin && cli->git != NULL) {
            return hp_cli_fail(cli, HP_USAGE, "MODULE=FILE",
                               "--git needs the name of the file, not standard input");
        }
    }
    for (size_t i = 0; i < cli->bases.count; i++)
        stdin_count += strcmp(cli->bases.items[i].file, "-") == 0 ? 1 : 0;
    if (stdin_count > 1)
        return hp_cli_fail(cli, HP_USAGE, help_hint(cli), "standard input can be read only once");
    return true;
}

/* The --base of one module, or NULL. A base without a module belongs to the only file. */
static const struct hp_cli_file *base_of(const struct hp_cli *cli, const struct hp_cli_file *file)
{
    for (size_t i = 0; i < cli->bases.count; i++) {
        const struct hp_cli_file *base = &cli->bases.items[i];
        if (base->module == NULL || (file->module != NULL && strcmp(base->module, file->module) == 0))
            return base;
    }
    return NULL;
}

static bool check_bases(struct hp_cli *cli)
{
    for (size_t i = 0; i < cli->bases.count; i++) {
        const struct hp_cli_file *base = &cli->bases.items[i];
        if (base->module == NULL && cli->files.count > 1) {
            return hp_cli_fail(cli, HP_USAGE, "--base MODULE=FILE",
                               "--base %s: there are several files, say of which module", base->file);
        }
        bool used = base->module == NULL;
        for (size_t f = 0; f < cli->files.count && !used; f++) {
            used =
                cli->files.items[f].module != NULL && strcmp(cli->files.items[f].module, base->module) == 0;
        }
        for (size_t j = 0; j < i; j++) {
            const char *other = cli->bases.items[j].module;
            if ((other == NULL && base->module == NULL) ||
                (other != NULL && base->module != NULL && strcmp(other, base->module) == 0)) {
                return hp_cli_fail(cli, HP_USAGE, help_hint(cli),
                                   "--base is given twice for the same module");
            }
        }
        if (!used) {
            return hp_cli_fail(cli, HP_USAGE, help_hint(cli), "--base %s=%s: no file is given for module %s",
                               base->module, base->file, base->module);
        }
    }
    return true;
}

/* The name under which the agent knows the file: without a MODULE it looks for it, so it must be absolute. */
static const char *file_name(struct hp_cli *cli, const struct hp_cli_file *file)
{
    if (file->module != NULL)
        return hp_source_label(file->file);
    char *path = realpath(file->file, NULL);
    const char *name = path != NULL ? hp_arena_str(&cli->arena, path) : file->file;
    free(path);
    return name;
}

static bool verifies(const struct hp_cli *cli)
{
    return cli->command->bit == HP_CMD_VERIFY;
}

static bool read_base(struct hp_cli *cli, const struct hp_cli_file *file, struct hp_request_module *module)
{
    const struct hp_cli_file *base = base_of(cli, file);
    if (cli->git != NULL && !verifies(cli)) {
        module->base_label = hp_arena_printf(&cli->arena, "%s:%s", cli->git, file->file);
        return hp_git_show(cli, cli->git, file->file, &module->base);
    }
    if (base != NULL) {
        module->base_label = hp_source_label(base->file);
        return hp_source_read(cli, base->file, &module->base);
    }
    return true;
}

/* The source that is sent: the file; to verify with --git, the file as of that commit. */
static bool read_source(struct hp_cli *cli, const struct hp_cli_file *file, struct hp_request_module *module)
{
    const char *label = hp_source_label(file->file);
    if (cli->git != NULL && verifies(cli)) {
        return hp_git_show(cli, cli->git, file->file, &module->source) &&
               hp_source_check(cli, hp_arena_printf(&cli->arena, "%s:%s", cli->git, label), module->source);
    }
    return hp_source_read(cli, file->file, &module->source) && hp_source_check(cli, label, module->source);
}

static bool read_module(struct hp_cli *cli, const struct hp_cli_file *file, struct hp_request_module *module)
{
    if (!read_source(cli, file, module) || !read_base(cli, file, module))
        return false;
    if (module->base.data != NULL && !hp_source_check(cli, module->base_label, module->base))
        return false;
    module->module = file->module;
    module->file = file_name(cli, file);
    return hp_cli_check_memory(cli);
}

bool hp_chunks_read(struct hp_cli *cli, struct hp_request *request)
{
    bool bundle = false;
    if (cli->command->bit != HP_CMD_BUNDLE && (!hp_package_take(cli, request, &bundle) || bundle))
        return bundle && !hp_cli_failed(cli);
    if (!check_files(cli) || !check_bases(cli) || (cli->git != NULL && !hp_git_check_rev(cli, cli->git)))
        return false;
    request->options = cli->options;
    for (size_t i = 0; i < cli->files.count; i++) {
        struct hp_request_module *module = HP_PUSH(&request->arena, &request->modules);
        if (module == NULL)
            return hp_cli_fail(cli, HP_NO_MEMORY, NULL, "the client is out of memory; nothing was sent");
        if (!read_module(cli, &cli->files.items[i], module))
            return false;
    }
    return true;
}

/* What changed from A to B, as one request; with nothing to send, nothing is. */
static void run_range(struct hp_cli *cli, struct hp_request *request)
{
    struct hp_agent target;
    struct hp_revision_skips skips = {0};
    if (!hp_revision_check_range(cli) || !hp_target_find(cli, &target) ||
        !hp_revision_read_range(cli, &target, request, &skips))
        return;
    if (request->modules.count > 0) {
        hp_exchange(cli, &target, request);
    } else { /* see hp_render_nothing */
        cli->report.status = HP_NO_CHANGE;
        cli->report.id = hp_arena_str(&cli->report.arena, request->id);
    }
    hp_revision_report(cli, &skips);
}

/* For the review: what was sent as a bundle. */
static bool unpack(struct hp_request *request)
{
    const char *error;
    return hp_bundle_unpack(request, 0, &error) == HP_OK;
}

int hp_chunks_run(struct hp_cli *cli, enum hp_kind kind)
{
    struct hp_agent target;
    struct hp_request *request = hp_exchange_new(cli, kind);
    if (request != NULL && hp_revision_is_range(cli))
        run_range(cli, request);
    else if (request != NULL && hp_chunks_read(cli, request) && hp_target_find(cli, &target))
        hp_exchange(cli, &target, request);
    bool loose = request != NULL && request->bundle.data == NULL;
    if (request != NULL && kind == HP_KIND_DIFF && (loose || unpack(request)))
        hp_review_fill(cli, request);
    bool nothing = loose && request->modules.count == 0 && cli->report.status == HP_NO_CHANGE;
    hp_request_free(request);
    return hp_present(cli, nothing ? hp_render_nothing : hp_render_patch);
}
