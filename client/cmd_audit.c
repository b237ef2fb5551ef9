#include "client/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "client/present.h"
#include "proto/digest.h"

/* A file, line by line. */
struct reader {
    const char *path;
    FILE *file;
    char *text;
    size_t cap;
    long long number;          /* of the line in the file */
    long long counted;         /* what the last one called itself */
    char last[HP_DIGEST_SIZE]; /* hash of the last one */
    char from[40], until[40];
    bool older; /* the first goes on with another file */
};

static bool broken(struct hp_cli *cli, const struct reader *r, const char *what)
{
    return hp_cli_fail(cli, HP_FAILED, "keep the file as it is, and find out who could write to it",
                       "%s, line %lld: %s", r->path, r->number, what);
}

static bool follows(struct hp_cli *cli, struct reader *r, json_t *entry)
{
    const char *previous = json_string_value(json_object_get(entry, "previous"));
    long long counted = json_integer_value(json_object_get(entry, "line"));
    if (previous == NULL || counted <= 0)
        return broken(cli, r, "this is no line of an audit file");
    if (r->number == 1) {
        r->older = strspn(previous, "0") != HP_DIGEST_SIZE - 1;
    } else if (strcmp(previous, r->last) != 0) {
        return broken(
            cli, r,
            "it does not follow the line before: one of the two was changed, or something between was "
            "taken out or put in");
    } else if (counted != r->counted + 1) {
        return broken(cli, r, "its number does not follow that of the line before");
    }
    r->counted = counted;
    return true;
}

static bool check_line(struct hp_cli *cli, struct reader *r, size_t len)
{
    if (r->text[len - 1] != '\n') {
        return broken(
            cli, r,
            "it was cut off: the agent or its machine stopped while writing it; all before it is whole");
    }
    json_t *entry = json_loadb(r->text, len, JSON_REJECT_DUPLICATES, NULL);
    if (entry == NULL)
        return broken(cli, r, "this is no line of an audit file, or it was cut off when the agent stopped");
    const char *when = json_string_value(json_object_get(entry, "when"));
    snprintf(r->number == 1 ? r->from : r->until, sizeof r->from, "%s", when != NULL ? when : "?");
    bool ok = follows(cli, r, entry);
    json_decref(entry);
    hp_digest(r->text, len - 1, r->last);
    return ok;
}

static bool check(struct hp_cli *cli, struct reader *r)
{
    ssize_t len;
    while ((len = getline(&r->text, &r->cap, r->file)) > 0) {
        r->number++;
        if (!check_line(cli, r, (size_t)len))
            return false;
    }
    return !ferror(r->file) ||
           hp_cli_fail(cli, HP_FAILED, NULL, "%s cannot be read: %s", r->path, strerror(errno));
}

static int present(struct hp_cli *cli, const struct reader *r)
{
    struct hp_text page;
    if (hp_cli_failed(cli) || cli->quiet || cli->format != HP_FORMAT_TEXT)
        return hp_present(cli, NULL);
    hp_text_init(&page, cli->out);
    hp_text_printf(&page, "%lld line%s, the chain is whole", r->number, r->number == 1 ? "" : "s");
    if (r->number > 0) {
        hp_text_printf(&page, "; from %s", r->from);
        hp_text_printf(&page, " to %s", r->number > 1 ? r->until : r->from);
    }
    hp_text_add(&page, "\n");
    if (r->older) {
        hp_text_printf(&page, "it goes on with an older file, whose last line has the number %lld\n",
                       r->counted - r->number);
    }
    int status = hp_present_page(&page, 0);
    hp_text_fini(&page);
    return status;
}

static int run(struct hp_cli *cli)
{
    struct reader r = {0};
    if (cli->args.count != 2 || strcmp(cli->args.items[0], "check") != 0) {
        hp_cli_fail(cli, HP_USAGE, "hotpatch help audit", "audit wants `check` and one file");
        return hp_present(cli, NULL);
    }
    r.path = cli->args.items[1];
    r.file = fopen(r.path, "r");
    if (r.file == NULL) {
        hp_cli_fail(cli, HP_FAILED, NULL, "%s cannot be opened: %s", r.path, strerror(errno));
        return hp_present(cli, NULL);
    }
    check(cli, &r);
    fclose(r.file);
    free(r.text);
    return present(cli, &r);
}

const struct hp_command hp_cmd_audit = {
    .name = "audit",
    .bit = HP_CMD_AUDIT,
    .synopsis = "check FILE",
    .summary = "is an audit file whole?",
    .about = "Each line of the file that an agent keeps (start { audit = FILE }) has the hash\n"
             "of the line before. Ends with 1 at the first line that does not follow. Who can\n"
             "write to the file can also make it anew from a place on: keep copies, or the\n"
             "last line, elsewhere.\n",
    .examples = "  hotpatch audit check /var/log/game/hotpatch.audit\n",
    .run = run,
};
