#include "client/options.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/cmd.h"
#include "client/number.h"
#include "proto/suggest.h"
#include "proto/protocol.h"
#include "proto/rule.h"

#define AT(member) offsetof(struct hp_cli, member)

const struct hp_option HP_OPTIONS[] = {
    {"pid", 0, HP_CMD_TARGETED, HP_OPTION_PID, AT(pid), "PID", NULL, "the agent of this process"},
    {"name", 0, HP_CMD_TARGETED, HP_OPTION_STR, AT(name), "NAME", NULL,
     "the agent that was started under this name"},
    {"to", 0, HP_CMD_TARGETED, HP_OPTION_LIST, AT(urls), "URL", NULL,
     "the agent at ipc://PATH, tcp://127.0.0.1:PORT, tls+tcp://HOST:PORT; may repeat"},
    {"targets", 0, HP_CMD_FLEET, HP_OPTION_STR, AT(targets_file), "FILE", NULL,
     "several agents, one a line: URL, pid:N or name:NAME, and perhaps state=NAME"},
    {"canary", 0, HP_CMD_FLEET, HP_OPTION_STR, AT(canary), "N", NULL,
     "of several targets, these first; the others only if all went well"},
    {"batch", 0, HP_CMD_FLEET, HP_OPTION_STR, AT(batch), "N|P%", NULL, "then so many at a time"},
    {"max-fail", 0, HP_CMD_FLEET, HP_OPTION_STR, AT(max_fail), "N|P%", NULL,
     "no further batch when more than these have failed (default 0)"},
    {"state", 0, HP_CMD_TARGETED, HP_OPTION_STR, AT(state), "NAME", NULL,
     "which Lua state, where there are several"},

    {"module", 'm', HP_CMD_READING, HP_OPTION_STR, AT(pending_module), "MODULE", NULL,
     "-m MODULE FILE is the same as MODULE=FILE"},
    {"base", 0, HP_CMD_DECIDING, HP_OPTION_FILE, AT(bases), "[MODULE=]FILE", NULL,
     "the source that runs now"},
    {"git", 0, HP_CMD_READING, HP_OPTION_STR, AT(git), "REV", NULL,
     "the source that runs now is that of this commit; A..B: take all that changed from A to B; verify: "
     "compare with this commit"},
    {"root", 0, HP_CMD_PATCHING | HP_CMD_VERIFY, HP_OPTION_STR, AT(root), "DIR", NULL,
     "where the work tree of --git is on the server, if that cannot be told"},
    {"effects", 0, HP_CMD_DECIDING, HP_OPTION_WORD, AT(options.effects), "none|new", "none|new",
     "perform calls that only the new body makes (default none)"},
    {"merge", 0, HP_CMD_DECIDING, HP_OPTION_WORD, AT(options.merge), "keep|three-way", "keep|three-way",
     "what becomes of plain values that the source changed (default keep)"},
    {"all", 0, HP_CMD_DECIDING, HP_OPTION_FLAG, AT(options.all), NULL, NULL,
     "the source wins on every function field, also where the server put another"},
    {"prune", 0, HP_CMD_DECIDING, HP_OPTION_FLAG, AT(options.prune), NULL, NULL,
     "remove functions and fields that the new source lacks"},
    {"function", 0, HP_CMD_DECIDING, HP_OPTION_LIST, AT(options.functions), "PATH", NULL,
     "change only this function; may repeat"},
    {"refs", 0, HP_CMD_DECIDING, HP_OPTION_WORD, AT(options.refs), "heap|module", "heap|module",
     "where to look for other holders of a function (default heap)"},
    {"strict", 0, HP_CMD_DECIDING, HP_OPTION_FLAG, AT(options.strict), NULL, NULL, "warnings are refusals"},
    {"accept", 0, HP_CMD_CHANGING | HP_CMD_BUNDLE, HP_OPTION_CODES, AT(options.accept), "CODE", NULL,
     "this refusal was read and is accepted: R04, or R04,R12"},
    {"expect-version", 0, HP_CMD_DECIDING, HP_OPTION_STR, AT(options.expect_version), "V", NULL,
     "refuse unless the module's VERSION field equals V"},
    {"atomic", 0, HP_CMD_CHANGING, HP_OPTION_FLAG, AT(options.atomic), NULL, NULL,
     "everything in one stop of the server"},
    {"max-pause", 0, HP_CMD_CHANGING, HP_OPTION_NUM, AT(options.max_pause_ms), "MS", NULL,
     "the longest single stop, in milliseconds"},
    {"message", 0, HP_CMD_CHANGING | HP_CMD_BUNDLE, HP_OPTION_STR, AT(options.message), "TEXT", NULL,
     "why, for the log"},
    {"confirm-within", 0, HP_CMD_PUSH, HP_OPTION_TIME, AT(options.confirm_within_s), "TIME", NULL,
     "the agent reverts it unless `hotpatch confirm` comes in time: 30s, 5m, 1h"},
    {"guard", 0, HP_CMD_PUSH, HP_OPTION_RULE, AT(options.guard), "RULE", NULL,
     "with --confirm-within: the agent also reverts it when calls of its functions raise too many errors: "
     "'errors<1%' (of the calls) or 'errors<5' (in all)"},
    {"signature", 0, HP_CMD_PATCHING, HP_OPTION_LIST, AT(signatures), "FILE", NULL,
     "of a bundle, besides BUNDLE.minisig; may repeat"},
    {"output", 'o', HP_CMD_BUNDLE | HP_CMD_SIGN, HP_OPTION_STR, AT(output), "FILE", NULL, "the file to make"},
    {"series", 0, HP_CMD_BUNDLE, HP_OPTION_STR, AT(series), "NAME", NULL,
     "what the bundle belongs to: a server takes none older than the newest it took of a series"},
    {"created", 0, HP_CMD_BUNDLE, HP_OPTION_STR, AT(created), "TIME", NULL,
     "the time of its making: seconds since 1970, or 2026-11-21T08:00:00Z"},
    {"expires", 0, HP_CMD_BUNDLE, HP_OPTION_TIME, AT(expires_s), "TIME", NULL,
     "no server takes it when this time has passed since its making: 12h, 7d"},
    {"author", 0, HP_CMD_BUNDLE, HP_OPTION_STR, AT(author), "TEXT", NULL, "who made it"},
    {"key", 'k', HP_CMD_SIGN, HP_OPTION_STR, AT(secret_key), "FILE", NULL, "a secret key of minisign"},
    {"password-file", 0, HP_CMD_SIGN, HP_OPTION_STR, AT(password_file), "FILE", NULL,
     "the key's password, on its first line; else the terminal is asked"},
    {"id", 0, HP_CMD_RUNNING, HP_OPTION_ID, AT(id), "ID", NULL, "a repeated id gets the first answer again"},
    {"exit-code", 0, HP_CMD_DIFF, HP_OPTION_FLAG, AT(exit_code), NULL, NULL,
     "end with 2 where there are differences"},
    {"execute", 'e', HP_CMD_EVAL, HP_OPTION_STR, AT(code), "CODE", NULL, "the code to run"},

    {"search-limit", 0, HP_CMD_CHANGING, HP_OPTION_NUM, AT(options.search_limit_s), "SECONDS", NULL,
     "the longest search for other holders"},
    {"timeout", 0, HP_CMD_ALL, HP_OPTION_NUM, AT(timeout_s), "SECONDS", NULL,
     "what has not started by then never starts (default 5)"},
    {"format", 0, HP_CMD_ALL, HP_OPTION_FORMAT, AT(format), "text|json|msgpack", "text|json|msgpack",
     "how to print the report (default text)"},
    {"progress", 0, HP_CMD_RUNNING | HP_CMD_FLEET, HP_OPTION_FLAG, AT(progress), NULL, NULL,
     "lines on standard error tell how it goes; with --format json as JSON"},
    {"quiet", 'q', HP_CMD_ALL, HP_OPTION_FLAG, AT(quiet), NULL, NULL, "print no text where all went well"},
    {"tls-ca", 0, HP_CMD_TARGETED, HP_OPTION_STR, AT(tls_ca), "FILE", NULL,
     "for tls+tcp://: the authority of the agent's certificate"},
    {"tls-cert", 0, HP_CMD_TARGETED, HP_OPTION_STR, AT(tls_cert), "FILE", NULL,
     "for tls+tcp://: your own certificate"},
    {"tls-key", 0, HP_CMD_TARGETED, HP_OPTION_STR, AT(tls_key), "FILE", NULL,
     "for tls+tcp://: the key of your certificate"},
    {"help", 'h', HP_CMD_ALL, HP_OPTION_FLAG, AT(help), NULL, NULL, "this page"},
    {NULL, 0, 0, HP_OPTION_FLAG, 0, NULL, NULL, NULL},
};

/* The place of an option's value in the invocation. */
static void *value_at(struct hp_cli *cli, const struct hp_option *option)
{
    return (char *)cli + option->offset;
}

static const char *help_hint(struct hp_cli *cli)
{
    return hp_arena_printf(&cli->arena, "hotpatch help %s", cli->command->name);
}

static const struct hp_option *find_long(const char *name, size_t len)
{
    for (const struct hp_option *o = HP_OPTIONS; o->name != NULL; o++)
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static const struct hp_option *find_letter(char letter)
{
    for (const struct hp_option *o = HP_OPTIONS; o->name != NULL; o++)
        if (o->letter == letter)
            return o;
    return NULL;
}

static bool unknown_option(struct hp_cli *cli, const char *name)
{
    struct hp_suggest suggest;
    hp_suggest_init(&suggest, name);
    for (const struct hp_option *o = HP_OPTIONS; o->name != NULL; o++)
        if ((o->commands & (unsigned)cli->command->bit) != 0)
            hp_suggest_offer(&suggest, o->name);
    if (suggest.best != NULL) {
        return hp_cli_fail(cli, HP_USAGE, help_hint(cli), "%s has no option --%s; did you mean --%s?",
                           cli->command->name, name, suggest.best);
    }
    return hp_cli_fail(cli, HP_USAGE, help_hint(cli), "%s has no option --%s", cli->command->name, name);
}

/* An option that exists, but for other commands. */
static bool misplaced_option(struct hp_cli *cli, const struct hp_option *option)
{
    const char *names = "";
    for (size_t i = 0; HP_COMMANDS[i] != NULL; i++) {
        if ((option->commands & (unsigned)HP_COMMANDS[i]->bit) != 0) {
            names = hp_arena_printf(&cli->arena, "%s%s%s", names, *names == '\0' ? "" : ", ",
                                    HP_COMMANDS[i]->name);
        }
    }
    return hp_cli_fail(cli, HP_USAGE, help_hint(cli), "%s takes no --%s; it belongs to: %s",
                       cli->command->name, option->name, names);
}

static int word_index(const char *words, const char *value)
{
    size_t len = strlen(value);
    for (int index = 0;; index++) {
        size_t word = strcspn(words, "|");
        if (word == len && memcmp(words, value, len) == 0)
            return index;
        if (words[word] == '\0')
            return -1;
        words += word + 1;
    }
}

static bool bad_value(struct hp_cli *cli, const struct hp_option *option, const char *value)
{
    return hp_cli_fail(cli, HP_USAGE, help_hint(cli), "--%s takes %s, not \"%s\"", option->name,
                       option->kind == HP_OPTION_PID    ? "a process id"
                       : option->kind == HP_OPTION_NUM  ? "a number greater than 0"
                       : option->kind == HP_OPTION_RULE ? "a rule: " HP_RULE_FORM
                       : option->kind == HP_OPTION_TIME ? "a time of at most a week, as in 30s, 5m, 1h"
                                                        : option->argument,
                       value);
}

static bool set_number(struct hp_cli *cli, const struct hp_option *option, const char *value)
{
    char *end = NULL;
    errno = 0;
    double number = strtod(value, &end);
    if (end == value || *end != '\0' || errno != 0 || !isfinite(number) || number <= 0 || number > 1e9 ||
        isspace((unsigned char)*value))
        return bad_value(cli, option, value);
    *(double *)value_at(cli, option) = number;
    return true;
}

static bool set_rule(struct hp_cli *cli, const struct hp_option *option, const char *value)
{
    struct hp_rule rule;
    if (!hp_rule_parse(value, &rule))
        return bad_value(cli, option, value);
    *(const char **)value_at(cli, option) = value;
    return true;
}

static bool set_pid(struct hp_cli *cli, const struct hp_option *option, const char *value)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (!isdigit((unsigned char)*value) || *end != '\0' || errno != 0 || number <= 0 || number > INT32_MAX)
        return bad_value(cli, option, value);
    *(int64_t *)value_at(cli, option) = number;
    return true;
}

/* One code of an --accept list. */
static bool add_code(struct hp_cli *cli, const char *code)
{
    int reason = hp_reason_from_code(code);
    const struct hp_reason_info *info = hp_reason_info(reason);
    if (reason == HP_R00_NONE || info == NULL) {
        struct hp_suggest suggest;
        hp_suggest_init(&suggest, code);
        for (int i = 1; i <= HP_REASON_MAX; i++)
            if (hp_reason_info(i) != NULL)
                hp_suggest_offer(&suggest, hp_reason_info(i)->code);
        return suggest.best != NULL
                   ? hp_cli_fail(cli, HP_USAGE, "hotpatch explain",
                                 "--accept: there is no code \"%s\"; did you mean %s?", code, suggest.best)
                   : hp_cli_fail(cli, HP_USAGE, "hotpatch explain", "--accept: there is no code \"%s\"",
                                 code);
    }
    if (!info->acceptable) {
        return hp_cli_fail(cli, HP_USAGE, hp_arena_printf(&cli->arena, "hotpatch explain %s", info->code),
                           "%s cannot be accepted: %s", info->code, info->title);
    }
    const char **slot = HP_PUSH(&cli->arena, &cli->options.accept);
    if (slot != NULL)
        *slot = info->code;
    return true;
}

static bool set_codes(struct hp_cli *cli, const char *value)
{
    for (;;) {
        size_t len = strcspn(value, ",");
        if (!add_code(cli, hp_arena_strn(&cli->arena, value, len)))
            return false;
        if (value[len] == '\0')
            return true;
        value += len + 1;
    }
}

static bool set_id(struct hp_cli *cli, const struct hp_option *option, const char *value)
{
    size_t len = strlen(value);
    for (size_t i = 0; i < len; i++)
        if (!isgraph((unsigned char)value[i]))
            len = 0;
    if (len == 0 || len > HP_MAX_ID) {
        return hp_cli_fail(cli, HP_USAGE, help_hint(cli),
                           "--id takes 1 to %d printable ASCII characters without spaces", HP_MAX_ID);
    }
    *(const char **)value_at(cli, option) = value;
    return true;
}

static void add_string(struct hp_cli *cli, struct hp_list *list, const char *value)
{
    const char **slot = hp_list_push(&cli->arena, list, sizeof *slot);
    if (slot != NULL)
        *slot = value;
}

static bool add_file(struct hp_cli *cli, struct hp_list *list, struct hp_cli_file file)
{
    if (*file.file == '\0' || (file.module != NULL && *file.module == '\0'))
        return hp_cli_fail(cli, HP_USAGE, help_hint(cli), "MODULE=FILE needs text on both sides of the =");
    struct hp_cli_file *slot = hp_list_push(&cli->arena, list, sizeof *slot);
    if (slot != NULL)
        *slot = file;
    return true;
}

static bool set_option(struct hp_cli *cli, const struct hp_option *option, const char *value)
{
    void *at = value_at(cli, option);
    switch (option->kind) {
    case HP_OPTION_FLAG:
        *(bool *)at = true;
        return true;
    case HP_OPTION_NUM:
        return set_number(cli, option, value);
    case HP_OPTION_TIME:
        return hp_number_duration(value, value_at(cli, option)) || bad_value(cli, option, value);
    case HP_OPTION_RULE:
        return set_rule(cli, option, value);
    case HP_OPTION_PID:
        return set_pid(cli, option, value);
    case HP_OPTION_CODES:
        return set_codes(cli, value);
    case HP_OPTION_ID:
        return set_id(cli, option, value);
    case HP_OPTION_FILE:
        return add_file(cli, at, hp_options_split(&cli->arena, value));
    case HP_OPTION_LIST:
    case HP_OPTION_STR:
        if (*value == '\0')
            return hp_cli_fail(cli, HP_USAGE, help_hint(cli), "--%s must not be empty", option->name);
        if (option->kind == HP_OPTION_LIST)
            add_string(cli, at, value);
        else
            *(const char **)at = value;
        return true;
    case HP_OPTION_WORD:
    case HP_OPTION_FORMAT:
        break;
    }
    int index = word_index(option->words, value);
    if (index < 0)
        return bad_value(cli, option, value);
    if (option->kind == HP_OPTION_FORMAT)
        *(enum hp_format *)at = (enum hp_format)index;
    else
        *(const char **)at = value;
    return true;
}

static bool add_positional(struct hp_cli *cli, const char *text)
{
    if ((cli->command->bit & HP_CMD_READING) == 0) {
        add_string(cli, (struct hp_list *)(void *)&cli->args, text);
        return true;
    }
    struct hp_cli_file file = {cli->pending_module, text};
    if (cli->pending_module == NULL)
        file = hp_options_split(&cli->arena, text);
    cli->pending_module = NULL;
    return add_file(cli, (struct hp_list *)(void *)&cli->files, file);
}

/* One option at argv[*i], its value included; moves *i to the last argument used. */
static bool read_option(struct hp_cli *cli, int argc, char *const argv[], int *i)
{
    const char *text = argv[*i];
    const char *value = NULL;
    const struct hp_option *option = NULL;
    if (text[1] == '-') {
        size_t len = strcspn(text + 2, "=");
        option = find_long(text + 2, len);
        value = text[2 + len] == '=' ? text + 2 + len + 1 : NULL;
        if (option == NULL)
            return unknown_option(cli, hp_arena_strn(&cli->arena, text + 2, len));
    } else {
        option = find_letter(text[1]);
        value = option != NULL && option->argument != NULL && text[2] != '\0' ? text + 2 : NULL;
        if (option == NULL || (option->argument == NULL && text[2] != '\0')) {
            return hp_cli_fail(cli, HP_USAGE, help_hint(cli), "%s has no option %s", cli->command->name,
                               text);
        }
    }
    if ((option->commands & (unsigned)cli->command->bit) == 0)
        return misplaced_option(cli, option);
    if (option->argument == NULL && value != NULL)
        return hp_cli_fail(cli, HP_USAGE, help_hint(cli), "--%s takes no value", option->name);
    if (option->argument != NULL && value == NULL) {
        if (*i + 1 >= argc) {
            return hp_cli_fail(cli, HP_USAGE, help_hint(cli), "--%s needs a value: %s", option->name,
                               option->argument);
        }
        value = argv[++*i];
    }
    if (option->letter == 'm' && cli->pending_module != NULL)
        return hp_cli_fail(cli, HP_USAGE, help_hint(cli), "-m %s has no FILE after it", cli->pending_module);
    return set_option(cli, option, value != NULL ? value : ""); /* a flag has none */
}

static bool check_target(struct hp_cli *cli)
{
    int given = (cli->pid != 0) + (cli->name != NULL) + (cli->urls.count > 0);
    if (given > 1) {
        return hp_cli_fail(cli, HP_USAGE, help_hint(cli),
                           "--pid, --name and --to exclude one another: give one");
    }
    return true;
}

static bool check_guard(struct hp_cli *cli)
{
    if (cli->options.guard != NULL && cli->options.confirm_within_s <= 0) {
        return hp_cli_fail(cli, HP_USAGE, help_hint(cli),
                           "--guard needs --confirm-within TIME, for how long it is on");
    }
    return true;
}

bool hp_options_parse(struct hp_cli *cli, int argc, char *const argv[])
{
    bool only_files = false;
    for (int i = 0; i < argc; i++) {
        const char *text = argv[i];
        if (!only_files && strcmp(text, "--") == 0) {
            only_files = true;
        } else if (only_files || text[0] != '-' || text[1] == '\0') {
            if (!add_positional(cli, text))
                return false;
        } else if (!read_option(cli, argc, argv, &i)) {
            return false;
        }
    }
    if (cli->pending_module != NULL)
        return hp_cli_fail(cli, HP_USAGE, help_hint(cli), "-m %s has no FILE after it", cli->pending_module);
    return check_target(cli) && check_guard(cli) && hp_cli_check_memory(cli);
}

enum hp_format hp_options_format(int argc, char *const argv[])
{
    const struct hp_option *option = find_long("format", 6);
    int format = HP_FORMAT_TEXT;
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *value;
        if (strncmp(argv[i], "--format=", 9) == 0)
            value = argv[i] + 9;
        else if (strcmp(argv[i], "--format") == 0 && i + 1 < argc)
            value = argv[i + 1];
        else
            continue;
        int index = word_index(option->words, value);
        format = index >= 0 ? index : format;
    }
    return (enum hp_format)format;
}

struct hp_cli_file hp_options_split(struct hp_arena *arena, const char *text)
{
    const char *equals = strchr(text, '=');
    bool path = text[0] == '/' || strncmp(text, "./", 2) == 0 || strncmp(text, "../", 3) == 0;
    if (equals == NULL || path)
        return (struct hp_cli_file){NULL, text};
    return (struct hp_cli_file){hp_arena_strn(arena, text, (size_t)(equals - text)), equals + 1};
}
