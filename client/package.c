#define _GNU_SOURCE /* timegm */
#include "client/package.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/chunks.h"
#include "client/revision.h"
#include "client/source.h"
#include "proto/bundle.h"
#include "proto/digest.h"
#include "proto/minisign.h"
#include "proto/protocol.h"

#define SUFFIX ".minisig"

/* --- making ----------------------------------------------------------------------------------- */

bool hp_package_write(struct hp_cli *cli, const char *file, const char *data, size_t len, unsigned mode)
{
    const char *path = hp_arena_printf(&cli->arena, "%s.new%ld", file, (long)getpid());
    FILE *out = fopen(path, "wbxe");
    bool ok = out != NULL && fwrite(data, 1, len, out) == len && fchmod(fileno(out), mode) == 0;
    if (out != NULL)
        ok = fclose(out) == 0 && ok;
    if (ok && rename(path, file) == 0)
        return true;
    int error = errno;
    if (out != NULL)
        unlink(path);
    return hp_cli_fail(cli, HP_FAILED, NULL, "cannot write %s: %s", file, strerror(error));
}

static bool parse_date(const char *text, int64_t *out)
{
    struct tm utc = {0};
    char *end = NULL;
    long long seconds = strtoll(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == '\0') {
        *out = seconds;
        return true;
    }
    end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (end == NULL || *end != '\0')
        return false;
    *out = (int64_t)timegm(&utc);
    return *out >= 0;
}

/* --created, else SOURCE_DATE_EPOCH, as reproducible builds set it, else now. */
static bool find_created(struct hp_cli *cli, int64_t *created)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    const char *given = cli->created != NULL ? cli->created : epoch != NULL && *epoch != '\0' ? epoch : NULL;
    if (given == NULL) {
        *created = (int64_t)time(NULL);
        return true;
    }
    return parse_date(given, created) ||
           hp_cli_fail(cli, HP_USAGE, "hotpatch help bundle",
                       "%s %s: give seconds since 1970, or a time like 2026-11-21T08:00:00Z",
                       cli->created != NULL ? "--created" : "SOURCE_DATE_EPOCH", given);
}

static bool check_making(struct hp_cli *cli)
{
    if (cli->output == NULL) {
        return hp_cli_fail(cli, HP_USAGE, "hotpatch bundle -o fix.hotpatch MODULE=FILE",
                           "bundle needs the name of the file to make");
    }
    if (hp_revision_is_range(cli)) {
        return hp_cli_fail(
            cli, HP_USAGE, "hotpatch bundle --git REV MODULE=FILE...",
            "a bundle is made without a server, so it cannot find out what of %s is loaded: name the "
            "files",
            cli->git);
    }
    for (size_t i = 0; i < cli->files.count; i++) {
        if (cli->files.items[i].module == NULL) {
            return hp_cli_fail(
                cli, HP_USAGE, hp_arena_printf(&cli->arena, "MODULE=%s", cli->files.items[i].file),
                "a bundle travels to where this path means nothing: say which module %s replaces",
                cli->files.items[i].file);
        }
    }
    return true;
}

static bool encode(struct hp_cli *cli, const struct hp_bundle *bundle)
{
    char *data;
    size_t len;
    enum hp_status status = hp_bundle_encode(bundle, &data, &len);
    if (status != HP_OK) {
        return hp_cli_fail(cli, status, NULL, "the bundle %s",
                           status == HP_LIMIT ? "would be larger than a request may be"
                                              : "needs more memory");
    }
    struct hp_bytes bytes = {data, len};
    bool ok = hp_package_write(cli, cli->output, data, len, 0644) &&
              hp_package_describe(cli, bytes, &cli->report.bundle);
    hp_mem_free(data);
    return ok;
}

bool hp_package_make(struct hp_cli *cli)
{
    struct hp_bundle bundle;
    struct hp_request request;
    if (!check_making(cli))
        return false;
    hp_request_init(&request);
    hp_bundle_init(&bundle);
    bool ok = hp_chunks_read(cli, &request) && find_created(cli, &bundle.created);
    if (ok) {
        bundle.series = cli->series;
        bundle.expires = cli->expires_s > 0 ? bundle.created + (int64_t)cli->expires_s : 0;
        bundle.author = cli->author;
        bundle.client = "hotpatch " HP_VERSION;
        bundle.options = request.options;
        memcpy(&bundle.modules, &request.modules, sizeof bundle.modules);
        ok = encode(cli, &bundle);
    }
    hp_request_fini(&request);
    hp_bundle_fini(&bundle);
    return ok;
}

/* --- describing ------------------------------------------------------------------------------- */

static const char *date(struct hp_arena *arena, int64_t seconds)
{
    char text[32] = "";
    time_t when = (time_t)seconds;
    struct tm utc;
    if (gmtime_r(&when, &utc) != NULL)
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return hp_arena_str(arena, text);
}

static int64_t count_lines(struct hp_bytes text)
{
    int64_t lines = text.len > 0 && text.data[text.len - 1] != '\n';
    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    return lines;
}

static void add_option(struct hp_arena *arena, struct hp_report_bundle *to, const char *option,
                       const char *value)
{
    const char **place = value != NULL ? HP_PUSH(arena, &to->options) : NULL;
    if (place != NULL)
        *place = hp_arena_printf(arena, "%s%s%s", option, *value != '\0' ? " " : "", value);
}

static void describe_options(struct hp_arena *arena, struct hp_report_bundle *to, const struct hp_options *o)
{
    add_option(arena, to, "--effects", strcmp(o->effects, "none") != 0 ? o->effects : NULL);
    add_option(arena, to, "--merge", strcmp(o->merge, "keep") != 0 ? o->merge : NULL);
    add_option(arena, to, "--refs", strcmp(o->refs, "heap") != 0 ? o->refs : NULL);
    add_option(arena, to, "--strict", o->strict ? "" : NULL);
    add_option(arena, to, "--prune", o->prune ? "" : NULL);
    add_option(arena, to, "--all", o->all ? "" : NULL);
    add_option(arena, to, "--expect-version", o->expect_version);
    for (size_t i = 0; i < o->accept.count; i++)
        add_option(arena, to, "--accept", o->accept.items[i]);
    for (size_t i = 0; i < o->functions.count; i++)
        add_option(arena, to, "--function", o->functions.items[i]);
}

static void fill(struct hp_arena *arena, struct hp_report_bundle *to, const struct hp_bundle *from)
{
    to->series = hp_arena_str(arena, from->series);
    to->created = date(arena, from->created);
    to->expires = from->expires != 0 ? date(arena, from->expires) : NULL;
    to->expired = from->expires != 0 && (int64_t)time(NULL) >= from->expires;
    to->author = hp_arena_str(arena, from->author);
    to->client = hp_arena_str(arena, from->client);
    to->message = hp_arena_str(arena, from->options.message);
    describe_options(arena, to, &from->options);
    for (size_t i = 0; i < from->modules.count; i++) {
        const struct hp_request_module *m = &from->modules.items[i];
        struct hp_report_bundled *bundled = HP_PUSH(arena, &to->modules);
        if (bundled != NULL) {
            bundled->module = hp_arena_str(arena, m->module);
            bundled->file = hp_arena_str(arena, m->file);
            bundled->lines = count_lines(m->source);
            bundled->base = m->base.data != NULL ? hp_arena_str(arena, m->base_label) : NULL;
        }
    }
}

bool hp_package_describe(struct hp_cli *cli, struct hp_bytes bytes, struct hp_report_bundle **out)
{
    struct hp_bundle bundle;
    struct hp_arena *arena = &cli->report.arena;
    const char *error = NULL;
    char digest[HP_DIGEST_SIZE];
    hp_bundle_init(&bundle);
    enum hp_status status = hp_bundle_decode(&bundle, bytes.data, bytes.len, &error);
    *out = status == HP_OK ? hp_arena_alloc(arena, sizeof **out) : NULL;
    if (*out != NULL) {
        hp_digest(bytes.data, bytes.len, digest);
        (*out)->sha256 = hp_arena_str(arena, digest);
        fill(arena, *out, &bundle);
    } else if (status != HP_OK) {
        hp_cli_fail(cli, status, "make it anew with hotpatch bundle", "the bundle cannot be read: %s", error);
    }
    hp_bundle_fini(&bundle);
    return status == HP_OK && hp_cli_check_memory(cli);
}

/* --- signatures ------------------------------------------------------------------------------- */

/* A signature file into the request. */
static bool add_signature(struct hp_cli *cli, const char *file, struct hp_request *request)
{
    struct hp_bytes text;
    uint8_t number[8];
    if (!hp_source_read(cli, file, &text))
        return false;
    if (strlen(text.data) != text.len || !hp_signature_key(text.data, text.len, number)) {
        return hp_cli_fail(cli, HP_USAGE, "hotpatch sign -k KEY BUNDLE",
                           "%s is no signature file of minisign", file);
    }
    const char **place =
        request->signatures.count < HP_MAX_SIGNATURES ? HP_PUSH(&request->arena, &request->signatures) : NULL;
    if (place == NULL)
        return hp_cli_fail(cli, HP_LIMIT, NULL, "there are more than %d signatures", HP_MAX_SIGNATURES);
    *place = text.data;
    return true;
}

static bool add_signatures(struct hp_cli *cli, const char *file, struct hp_request *request)
{
    const char *beside = hp_arena_printf(&cli->arena, "%s" SUFFIX, file);
    if (access(beside, F_OK) == 0 && !add_signature(cli, beside, request))
        return false;
    for (size_t i = 0; i < cli->signatures.count; i++)
        if (strcmp(cli->signatures.items[i], beside) != 0 &&
            !add_signature(cli, cli->signatures.items[i], request))
            return false;
    return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* True with *bundle NULL: this is no bundle; nothing was recorded. */
static bool read_bundle(struct hp_cli *cli, const char *file, struct hp_bytes *bundle)
{
    struct stat info;
    char head[16];
    *bundle = (struct hp_bytes){NULL, 0};
    FILE *in = stat(file, &info) == 0 && S_ISREG(info.st_mode) ? fopen(file, "rbe") : NULL;
    if (in == NULL)
        return true;
    size_t len = fread(head, 1, sizeof head, in);
    fclose(in);
    return !hp_bundle_is(head, len) || hp_source_read(cli, file, bundle);
}

static bool check_taking(struct hp_cli *cli, const char *file)
{
    const char *option = hp_bundle_foreign_option(&cli->options);
    option = cli->bases.count > 0 ? "--base" : cli->git != NULL ? "--git" : option;
    if (option == NULL)
        return true;
    return hp_cli_fail(cli, HP_USAGE, hp_arena_printf(&cli->arena, "hotpatch inspect %s", file),
                       "%s is a bundle, in which %s was decided when it was made", file, option);
}

bool hp_package_take(struct hp_cli *cli, struct hp_request *request, bool *found)
{
    const char *file =
        cli->files.count == 1 && cli->files.items[0].module == NULL ? cli->files.items[0].file : NULL;
    struct hp_report_bundle *described;
    struct hp_bytes bundle = {NULL, 0};
    *found = false;
    if (file != NULL && !read_bundle(cli, file, &bundle))
        return false;
    if (bundle.data == NULL) {
        return cli->signatures.count == 0 ||
               hp_cli_fail(cli, HP_USAGE, "hotpatch help bundle",
                           "--signature belongs to a bundle, and there is none");
    }
    *found = true;
    if (!check_taking(cli, file) || !hp_package_describe(cli, bundle, &described) ||
        !add_signatures(cli, file, request))
        return false;
    request->options = cli->options;
    request->bundle = bundle;
    return true;
}

static void add_signer(struct hp_arena *arena, struct hp_report_bundle *to, const char *signature)
{
    uint8_t number[8];
    char id[HP_MINISIGN_ID_SIZE];
    const char **place =
        hp_signature_key(signature, strlen(signature), number) ? HP_PUSH(arena, &to->keys) : NULL;
    if (place != NULL) {
        hp_minisign_id(number, id);
        *place = hp_arena_str(arena, id);
    }
}

bool hp_package_inspect(struct hp_cli *cli, const char *file, bool *found)
{
    struct hp_request request;
    struct hp_bytes bundle;
    if (!read_bundle(cli, file, &bundle)) {
        *found = true;
        return false;
    }
    *found = bundle.data != NULL;
    if (!*found)
        return true;
    hp_request_init(&request);
    bool ok = hp_package_describe(cli, bundle, &cli->report.bundle) && add_signatures(cli, file, &request);
    for (size_t i = 0; ok && i < request.signatures.count; i++)
        add_signer(&cli->report.arena, cli->report.bundle, request.signatures.items[i]);
    hp_request_fini(&request);
    return ok;
}

/* --- for people ------------------------------------------------------------------------------- */

static void line(struct hp_text *page, const char *name, const char *value)
{
    if (value != NULL) {
        hp_text_printf(page, "  %-9s", name);
        hp_text_safe(page, value);
        hp_text_add(page, "\n");
    }
}

void hp_package_render(struct hp_text *page, const struct hp_report *report)
{
    const struct hp_report_bundle *b = report->bundle;
    if (b == NULL)
        return;
    hp_text_add(page, "bundle of ");
    hp_text_printf(page, "%zu module%s\n", b->modules.count, b->modules.count == 1 ? "" : "s");
    line(page, "message", b->message);
    line(page, "author", b->author);
    line(page, "series", b->series);
    line(page, "created", b->created);
    line(page, b->expired ? "EXPIRED" : "expires", b->expires);
    line(page, "made by", b->client);
    line(page, "sha256", b->sha256);
    for (size_t i = 0; i < b->options.count; i++)
        line(page, i == 0 ? "options" : "", b->options.items[i]);
    for (size_t i = 0; i < b->keys.count; i++)
        line(page, i == 0 ? "keys" : "", b->keys.items[i]);
    for (size_t i = 0; i < b->modules.count; i++) {
        const struct hp_report_bundled *m = &b->modules.items[i];
        hp_text_add(page, "\n");
        hp_text_paint_safe(page, HP_BOLD, m->module);
        hp_text_printf(page, "  %lld lines of ", (long long)m->lines);
        hp_text_safe(page, m->file);
        if (m->base != NULL) {
            hp_text_add(page, ", base ");
            hp_text_safe(page, m->base);
        }
    }
    hp_text_add(page, "\n");
}
