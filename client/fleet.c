#include "client/fleet.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "client/child.h"
#include "client/cmd.h"
#include "client/present.h"
#include "client/progress.h"
#include "client/target_list.h"

struct member {
    const struct hp_target_name *name;
    struct hp_child child;
    json_t *report; /* NULL: not tried, or it printed none */
};

struct fleet {
    struct hp_cli *cli;
    struct member *members;
    size_t count, tried, ended, failed;
    struct hp_progress progress;
    int argc;
    char *const *argv;
};

static bool refuse_standard_input(struct hp_cli *cli)
{
    for (size_t i = 0; i < cli->files.count; i++) {
        if (strcmp(cli->files.items[i].file, "-") == 0) {
            return hp_cli_fail(cli, HP_USAGE, "write it to a file",
                               "standard input can be read once, not for each target");
        }
    }
    return true;
}

bool hp_fleet_wanted(struct hp_cli *cli)
{
    bool several = cli->urls.count > 1 || cli->targets_file != NULL;
    if (!several) {
        cli->to = cli->urls.count == 1 ? cli->urls.items[0] : NULL;
        bool waves = cli->canary != NULL || cli->batch != NULL || cli->max_fail != NULL;
        return waves && hp_cli_fail(cli, HP_USAGE, "name them with --to A --to B, or --targets FILE",
                                    "--canary, --batch and --max-fail are for several targets");
    }
    if ((cli->command->bit & HP_CMD_FLEET) == 0)
        return hp_cli_fail(cli, HP_USAGE, NULL, "%s asks one server: give one --to", cli->command->name);
    if (cli->pid != 0 || cli->name != NULL) {
        return hp_cli_fail(cli, HP_USAGE, NULL,
                           "--pid and --name stand for one server; list several with --targets FILE");
    }
    if (cli->format == HP_FORMAT_MSGPACK)
        return hp_cli_fail(cli, HP_USAGE, "--format json", "there is no msgpack form for several targets");
    return refuse_standard_input(cli);
}

/* --- one target ------------------------------------------------------------------------------- */

/* Options that are the fleet's, or that each child gets anew. */
static bool is_ours(const char *name, size_t len)
{
    static const char *const ours[] = {"to",       "targets", "canary",   "batch",
                                       "max-fail", "format",  "progress", "state"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strlen(ours[i]) == len && memcmp(ours[i], name, len) == 0)
            return true;
    return false;
}

static bool takes_value(const char *text)
{
    for (const struct hp_option *o = HP_OPTIONS; o->name != NULL; o++) {
        bool same = text[1] == '-' ? strcmp(o->name, text + 2) == 0
                                   : o->letter != 0 && o->letter == text[1] && text[2] == '\0';
        if (same)
            return o->argument != NULL;
    }
    return false;
}

/* The command line of a child, in the invocation's arena: ours without its targets, and that one. */
static char **arguments(const struct fleet *f, const struct member *m)
{
    struct hp_arena *arena = &f->cli->arena;
    const char **args = hp_arena_alloc(arena, ((size_t)f->argc + 10) * sizeof *args);
    size_t n = 0;
    if (args == NULL)
        return NULL;
    args[n++] = f->argv[0];
    args[n++] = f->argv[1];
    args[n++] = m->name->option;
    args[n++] = m->name->value;
    args[n++] = "--format=json";
    if (m->name->state != NULL || f->cli->state != NULL) {
        args[n++] = "--state";
        args[n++] = m->name->state != NULL ? m->name->state : f->cli->state;
    }
    for (int i = 2; i < f->argc; i++) {
        const char *text = f->argv[i];
        if (strcmp(text, "--") == 0) {
            while (i < f->argc)
                args[n++] = f->argv[i++];
            break;
        }
        bool option = text[0] == '-' && text[1] != '\0';
        bool more = option && strchr(text, '=') == NULL && takes_value(text) && i + 1 < f->argc;
        bool ours = option && text[1] == '-' && is_ours(text + 2, strcspn(text + 2, "="));
        if (!ours)
            args[n++] = text;
        if (more) {
            i++;
            if (!ours)
                args[n++] = f->argv[i];
        }
    }
    args[n] = NULL;
    return (char **)(void *)args;
}

static bool succeeded(const struct member *m)
{
    return m->child.exit == 0 || m->child.exit == 2;
}

static const char *word_of(const struct member *m)
{
    const char *word = json_string_value(json_object_get(m->report, "status"));
    return !m->child.ended ? "not tried" : word != NULL ? word : "failed";
}

/* --- waves ------------------------------------------------------------------------------------ */

/* "3" or "25%" of all. 0: it is neither. */
static size_t share(const struct fleet *f, const char *text)
{
    char *end = NULL;
    unsigned long number = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;
    if (number == 0 || number > 1000000 || end == NULL || (*end != '\0' && strcmp(end, "%") != 0))
        return 0;
    size_t size = *end == '%' ? (f->count * number + 99) / 100 : number;
    return *end == '%' && number > 100 ? 0 : size;
}

/* The number that an option says; `otherwise` where it was not given. False: it says none. */
static bool read_share(struct fleet *f, const char *option, const char *text, size_t otherwise, size_t *out)
{
    *out = text != NULL ? share(f, text) : otherwise;
    return *out > 0 || text == NULL || strcmp(text, "0") == 0 ||
           hp_cli_fail(f->cli, HP_USAGE, NULL, "--%s takes a number or a percentage, not \"%s\"", option,
                       text);
}

static void show(struct fleet *f, const struct member *m)
{
    const struct hp_progress_target state = {.label = m->name->label,
                                             .status = m->child.ended ? word_of(m) : NULL,
                                             .exit = m->child.exit,
                                             .ended = f->ended,
                                             .count = f->count};
    hp_progress_show_target(&f->progress, &state);
}

static void on_end(void *fleet, struct hp_child *child)
{
    struct fleet *f = fleet;
    struct member *m = f->members;
    while (&m->child != child)
        m++;
    m->report = child->text != NULL ? json_loadb(child->text, child->len, 0, NULL) : NULL;
    f->failed += !succeeded(m);
    f->ended++;
    show(f, m);
}

static void begin(struct fleet *f, struct member *m)
{
    show(f, m);
    hp_child_start(&m->child, arguments(f, m));
    if (m->child.ended)
        on_end(f, &m->child);
}

static void run_wave(struct fleet *f, size_t size)
{
    size_t first = f->tried, last = first + size < f->count ? first + size : f->count;
    for (size_t begun = first; begun < last;) { /* at most HP_CHILDREN at a time */
        struct hp_child *running[HP_CHILDREN];
        size_t n = 0;
        for (; begun < last && n < HP_CHILDREN; begun++, n++) {
            running[n] = &f->members[begun].child;
            begin(f, &f->members[begun]);
        }
        hp_children_wait(running, n, on_end, f);
    }
    f->tried = last;
}

/* The canaries must all do well; after that, as many may fail in all as --max-fail allows. */
static bool run_waves(struct fleet *f)
{
    size_t canary, batch, allowed;
    if (!read_share(f, "canary", f->cli->canary, 0, &canary) ||
        !read_share(f, "batch", f->cli->batch, f->count, &batch) ||
        !read_share(f, "max-fail", f->cli->max_fail, 0, &allowed))
        return false;
    if (canary > 0)
        run_wave(f, canary);
    bool go_on = f->failed == 0;
    while (go_on && f->tried < f->count) {
        run_wave(f, batch > 0 ? batch : f->count);
        go_on = f->failed <= allowed;
    }
    return true;
}

/* --- what came of it -------------------------------------------------------------------------- */

/* The exit status and its word: those of all where they agree. */
static int verdict(const struct fleet *f, const char **word)
{
    size_t done = f->tried - f->failed;
    const struct member *first = &f->members[0];
    bool alike = true, differs = false;
    for (size_t i = 0; i < f->tried; i++) {
        const struct member *m = &f->members[i];
        alike = alike && m->child.exit == first->child.exit && strcmp(word_of(m), word_of(first)) == 0;
        differs = differs || m->child.exit == 2;
    }
    if (done > 0 && done < f->count) {
        *word = "partial";
        return hp_status_info(HP_PARTIAL)->exit;
    }
    *word = alike ? word_of(first) : done > 0 ? "ok" : "failed";
    if (done > 0)
        return differs ? 2 : 0;
    return alike ? first->child.exit : 1;
}

static json_int_t functions_of(const json_t *report)
{
    size_t i, j;
    json_t *module, *function;
    json_int_t count = 0;
    json_array_foreach(json_object_get(report, "modules"), i, module)
    {
        json_array_foreach(json_object_get(module, "functions"), j, function)
        {
            const char *verdict = json_string_value(json_object_get(function, "verdict"));
            count += verdict != NULL && (strcmp(verdict, "replaced") == 0 || strcmp(verdict, "added") == 0 ||
                                         strcmp(verdict, "removed") == 0 || strcmp(verdict, "differs") == 0);
        }
    }
    return count;
}

static const char *reason_of(const json_t *report)
{
    const char *text = json_string_value(json_object_get(json_object_get(report, "error"), "text"));
    const json_t *refusal = json_array_get(json_object_get(report, "refusals"), 0);
    return text != NULL ? text : json_string_value(json_object_get(refusal, "text"));
}

static void add_member_line(struct hp_text *page, const struct member *m, size_t width)
{
    size_t own = hp_text_width(page->style, m->name->label);
    hp_text_safe(page, m->name->label);
    hp_text_pad(page, width - own + 2);
    hp_text_paint(page, !m->child.ended ? HP_DIM : succeeded(m) ? HP_GREEN : HP_RED, word_of(m));
    json_int_t patch = json_integer_value(json_object_get(m->report, "patch")),
               functions = functions_of(m->report);
    if (succeeded(m) && m->child.ended) {
        if (patch > 0)
            hp_text_printf(page, "  patch %lld", (long long)patch);
        if (functions > 0)
            hp_text_printf(page, "  %lld function%s", (long long)functions, functions == 1 ? "" : "s");
    } else if (m->child.ended) {
        hp_text_add(page, "  ");
        hp_text_safe(page, reason_of(m->report) != NULL ? reason_of(m->report) : "it printed no report");
    }
    hp_text_add(page, "\n");
}

static void add_summary(struct hp_text *page, const struct fleet *f)
{
    size_t width = 0;
    for (size_t i = 0; i < f->count; i++) {
        size_t own = hp_text_width(page->style, f->members[i].name->label);
        width = own > width ? own : width;
    }
    for (size_t i = 0; i < f->count; i++)
        add_member_line(page, &f->members[i], width);
    hp_text_printf(page, "%zu of %zu done", f->tried - f->failed, f->count);
    if (f->failed > 0)
        hp_text_printf(page, ", %zu failed", f->failed);
    if (f->tried < f->count)
        hp_text_printf(page, ", %zu not tried", f->count - f->tried);
    hp_text_add(page, "\n");
}

static bool add_json(struct hp_text *page, const struct fleet *f, const char *word)
{
    json_t *targets = json_array();
    for (size_t i = 0; i < f->count; i++) {
        const struct member *m = &f->members[i];
        json_t *entry = json_pack("{s:s, s:s}", "target", m->name->label, "status",
                                  m->child.ended ? word_of(m) : "not_tried");
        if (m->child.ended)
            json_object_set_new(entry, "exit", json_integer(m->child.exit));
        if (m->report != NULL)
            json_object_set(entry, "report", m->report);
        json_array_append_new(targets, entry);
    }
    json_t *all = json_pack("{s:i, s:s, s:o}", "protocol", 1, "status", word, "targets", targets);
    char *text = all != NULL ? json_dumps(all, JSON_COMPACT) : NULL;
    json_decref(all);
    if (text == NULL)
        return false;
    hp_text_add(page, text);
    hp_text_add(page, "\n");
    free(text);
    return true;
}

static int present(const struct fleet *f)
{
    struct hp_text page;
    const char *word;
    int status = verdict(f, &word);
    hp_text_init(&page, f->cli->out);
    if (f->cli->format == HP_FORMAT_JSON)
        page.failed = !add_json(&page, f, word) || page.failed;
    else if (!f->cli->quiet || f->failed > 0)
        add_summary(&page, f);
    status = hp_present_page(&page, status);
    if (f->failed > 0) {
        fprintf(
            stderr,
            "hotpatch: %zu of %zu targets failed\n  -> hotpatch %s --to TARGET ... shows why, one by one\n",
            f->failed, f->count, f->cli->command->name);
    }
    hp_text_fini(&page);
    return status;
}

/* One for each target. False with the error recorded. */
static bool make_members(struct fleet *f, const struct hp_target_list *targets)
{
    f->members = hp_mem_calloc(targets->list.count * sizeof *f->members);
    if (f->members == NULL)
        return hp_cli_fail(f->cli, HP_NO_MEMORY, NULL, "not enough memory");
    for (; f->count < targets->list.count; f->count++)
        f->members[f->count].name = &targets->list.items[f->count];
    return true;
}

int hp_fleet_run(struct hp_cli *cli, int argc, char *const argv[])
{
    struct fleet f = {.cli = cli, .argc = argc, .argv = argv};
    struct hp_target_list targets = {0};
    hp_progress_init(&f.progress, cli, cli->command->name, NULL);
    bool ok = hp_target_list_read(cli, &targets) && make_members(&f, &targets) && run_waves(&f);
    hp_progress_clear(&f.progress);
    int status = ok ? present(&f) : hp_present(cli, NULL);
    for (size_t i = 0; i < f.count; i++) {
        json_decref(f.members[i].report);
        hp_child_fini(&f.members[i].child);
    }
    hp_mem_free(f.members);
    return status;
}
