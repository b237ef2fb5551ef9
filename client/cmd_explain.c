#include "client/cmd.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "client/present.h"
#include "proto/suggest.h"

/* One thing that can be explained: a reason code or a status word. */
static const char *default_word(enum hp_reason_default by_default)
{
    return by_default == HP_REASON_REFUSE ? "refused"
           : by_default == HP_REASON_WARN ? "a warning"
                                          : "reported";
}

static void explain_reason(struct hp_text *page, const struct hp_reason_info *info)
{
    hp_text_paint(page, HP_BOLD, info->code);
    hp_text_printf(page, "  %s\n\n  ", info->title);
    hp_text_wrap(page, info->meaning, 2);
    hp_text_printf(page, "\n  By default: %s.", default_word(info->by_default));
    if (info->acceptable)
        hp_text_printf(page, " Once you have read it: --accept %s.\n", info->code);
    else
        hp_text_add(page, " It cannot be accepted.\n");
    hp_text_add(page, "\nExample:\n\n");
    hp_text_safe_lines(page, info->example, 4);
    hp_text_add(page, "\nWhat to do:\n\n  ");
    hp_text_wrap(page, info->remedy, 2);
}

static void explain_status(struct hp_text *page, const struct hp_status_info *info)
{
    hp_text_paint(page, HP_BOLD, info->word);
    hp_text_printf(page, "  exit status %d\n\n  ", info->exit);
    hp_text_wrap(page, info->sentence, 2);
    hp_text_printf(page, "\n  %s%s\n",
                   info->nothing_changed ? "Nothing has changed in the server."
                                         : "The server may have changed.",
                   info->retry ? " The same request may succeed later." : "");
}

static void list_all(struct hp_text *page)
{
    hp_text_paint(page, HP_BOLD, "Reasons");
    hp_text_add(page, "\n");
    for (int i = 1; i <= HP_REASON_MAX; i++) {
        const struct hp_reason_info *info = hp_reason_info(i);
        if (info != NULL) {
            hp_text_printf(page, "  %-4s %-10s ", info->code, default_word(info->by_default));
            hp_text_wrap(page, info->title, 18);
        }
    }
    hp_text_add(page, "\n");
    hp_text_paint(page, HP_BOLD, "Statuses");
    hp_text_add(page, "\n");
    for (int i = 0; i < HP_STATUS_COUNT; i++) {
        const struct hp_status_info *info = hp_status_info((enum hp_status)i);
        hp_text_printf(page, "  %-17s exit %-3d ", info->word, info->exit);
        hp_text_wrap(page, info->sentence, 29);
    }
}

static json_t *reason_json(const struct hp_reason_info *info)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:s}", "code", info->code, "title", info->title,
                     "default", default_word(info->by_default), "acceptable", info->acceptable, "meaning",
                     info->meaning, "example", info->example, "remedy", info->remedy);
}

static json_t *status_json(const struct hp_status_info *info)
{
    return json_pack("{s:s, s:i, s:b, s:b, s:s}", "status", info->word, "exit", info->exit, "retry",
                     info->retry, "nothing_changed", info->nothing_changed, "sentence", info->sentence);
}

/* A map for one thing, a list for several or all. Takes the reference. */
static void print_json(struct hp_text *page, json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    hp_text_printf(page, "%s\n", text != NULL ? text : "null");
    page->failed = page->failed || text == NULL;
    free(text);
    json_decref(value);
}

static json_t *all_json(void)
{
    json_t *list = json_array();
    for (int i = 1; i <= HP_REASON_MAX; i++)
        if (hp_reason_info(i) != NULL)
            json_array_append_new(list, reason_json(hp_reason_info(i)));
    for (int i = 0; i < HP_STATUS_COUNT; i++)
        json_array_append_new(list, status_json(hp_status_info((enum hp_status)i)));
    return list;
}

static bool unknown(struct hp_cli *cli, const char *word)
{
    struct hp_suggest suggest;
    hp_suggest_init(&suggest, word);
    for (int i = 1; i <= HP_REASON_MAX; i++)
        if (hp_reason_info(i) != NULL)
            hp_suggest_offer(&suggest, hp_reason_info(i)->code);
    for (int i = 0; i < HP_STATUS_COUNT; i++)
        hp_suggest_offer(&suggest, hp_status_info((enum hp_status)i)->word);
    return hp_cli_fail(cli, HP_USAGE, "hotpatch explain lists them all",
                       "there is no code or status \"%s\"%s%s%s", word,
                       suggest.best != NULL ? "; did you mean " : "",
                       suggest.best != NULL ? suggest.best : "", suggest.best != NULL ? "?" : "");
}

/* One of what was asked for, onto the page, or for json into the list. */
static bool explain(struct hp_cli *cli, struct hp_text *page, json_t *list, const char *word)
{
    const struct hp_reason_info *reason = hp_reason_info(hp_reason_from_code(word));
    int status = hp_status_from_word(word);
    if (reason == NULL && status < 0)
        return unknown(cli, word);
    bool json = cli->format == HP_FORMAT_JSON;
    if (reason != NULL && json)
        json_array_append_new(list, reason_json(reason));
    else if (reason != NULL)
        explain_reason(page, reason);
    else if (json)
        json_array_append_new(list, status_json(hp_status_info((enum hp_status)status)));
    else
        explain_status(page, hp_status_info((enum hp_status)status));
    return true;
}

static bool explain_each(struct hp_cli *cli, struct hp_text *page)
{
    json_t *list = json_array();
    bool ok = true;
    for (size_t i = 0; ok && i < cli->args.count; i++) {
        hp_text_add(page, i > 0 && cli->format == HP_FORMAT_TEXT ? "\n" : "");
        ok = explain(cli, page, list, cli->args.items[i]);
    }
    if (ok && cli->format == HP_FORMAT_JSON) {
        bool whole = json_array_size(list) == cli->args.count; /* else memory was short */
        json_t *value = cli->args.count == 1 ? json_array_get(list, 0) : list;
        print_json(page, whole ? json_incref(value) : NULL);
    }
    json_decref(list);
    return ok;
}

static int run(struct hp_cli *cli)
{
    struct hp_text page;
    hp_text_init(&page, cli->out);
    bool ok = true;
    if (cli->format == HP_FORMAT_MSGPACK)
        ok = hp_cli_fail(cli, HP_USAGE, "--format json", "explain knows text and json");
    else if (cli->args.count == 0 && cli->format == HP_FORMAT_JSON)
        print_json(&page, all_json());
    else if (cli->args.count == 0)
        list_all(&page);
    else
        ok = explain_each(cli, &page);
    int status = ok ? hp_present_page(&page, 0) : hp_present(cli, NULL);
    hp_text_fini(&page);
    return status;
}

const struct hp_command hp_cmd_explain = {
    .name = "explain",
    .bit = HP_CMD_EXPLAIN,
    .synopsis = "[CODE...]",
    .summary = "what R06 means, and what to do",
    .about = "Explains a reason code (R02 to R20) or a status word; without one, lists them all.\n"
             "Needs no server.\n",
    .examples = "  hotpatch explain R06\n"
                "  hotpatch explain refused\n",
    .run = run,
};
