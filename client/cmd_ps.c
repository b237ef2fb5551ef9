#include "client/cmd.h"

#include <inttypes.h>
#include <string.h>

#include "client/present.h"
#include "client/render.h"
#include "client/target.h"

/* The agents' own words, in a list of the shape that json and msgpack want. */
struct answers {
    HP_LIST(struct hp_report_agent) list;
};

static void short_duration(struct hp_text *out, double seconds)
{
    if (seconds >= 86400)
        hp_text_printf(out, "%.0fd", seconds / 86400);
    else if (seconds >= 3600)
        hp_text_printf(out, "%.0fh", seconds / 3600);
    else if (seconds >= 60)
        hp_text_printf(out, "%.0fm", seconds / 60);
    else
        hp_text_printf(out, "%.0fs", seconds);
}

/* The nth column of an agent, as text. False beyond the last. */
static bool cell(struct hp_text *out, const struct hp_report_agent *a, size_t column)
{
    switch (column) {
    case 0:
        hp_text_printf(out, "%" PRId64, a->pid);
        return true;
    case 1:
        hp_text_safe(out, a->name);
        return true;
    case 2:
        for (size_t i = 0; i < a->states.count; i++) {
            hp_text_add(out, i > 0 ? "," : "");
            hp_text_safe(out, a->states.items[i]);
        }
        if (a->states.count == 0)
            hp_text_safe(out, a->state);
        return true;
    case 3:
        hp_text_safe(out, a->user);
        return true;
    case 4:
        hp_text_printf(out, "%" PRId64, a->patches);
        return true;
    case 5:
        short_duration(out, a->uptime_s);
        return true;
    case 6:
        hp_text_safe(out, a->version);
        return true;
    case 7:
        hp_text_safe(out, a->program);
        return true;
    default:
        return false;
    }
}

static const char *const titles[] = {"PID", "NAME", "STATE", "USER", "PATCHES", "UP", "VERSION", "PROGRAM"};
#define PS_COLUMNS (sizeof titles / sizeof *titles)

static size_t cell_width(const struct hp_text *page, const struct hp_report_agent *a, size_t column)
{
    struct hp_text text;
    hp_text_init(&text, page->style);
    cell(&text, a, column);
    size_t width = hp_text_width(page->style, hp_text_str(&text));
    hp_text_fini(&text);
    return width;
}

static void table(struct hp_text *page, const struct answers *answers)
{
    size_t widths[PS_COLUMNS];
    for (size_t c = 0; c < PS_COLUMNS; c++) {
        widths[c] = strlen(titles[c]);
        for (size_t i = 0; i < answers->list.count; i++) {
            size_t width = cell_width(page, &answers->list.items[i], c);
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    hp_text_add(page, hp_style_on(page->style, HP_BOLD));
    for (size_t c = 0; c < PS_COLUMNS; c++)
        hp_text_printf(page, c + 1 < PS_COLUMNS ? "%-*s  " : "%.*s%s", (int)widths[c], titles[c], "");
    hp_text_add(page, hp_style_off(page->style, HP_BOLD));
    hp_text_add(page, "\n");
    for (size_t i = 0; i < answers->list.count; i++) {
        const struct hp_report_agent *a = &answers->list.items[i];
        for (size_t c = 0; c < PS_COLUMNS; c++) {
            cell(page, a, c);
            hp_text_pad(page, c + 1 < PS_COLUMNS ? widths[c] - cell_width(page, a, c) + 2 : 0);
        }
        hp_text_add(page, "\n");
    }
}

/* Sockets that did not answer, on standard error. */
static void silent_ones(struct hp_cli *cli, const struct hp_agents *agents)
{
    struct hp_text err;
    hp_text_init(&err, cli->err);
    for (size_t i = 0; i < agents->list.count; i++) {
        const struct hp_agent *agent = &agents->list.items[i];
        if (!agent->answers) {
            hp_text_printf(&err, "hotpatch: process %" PRId64 " has a socket, but: ", agent->pid);
            hp_text_safe(&err, agent->trouble);
            hp_text_add(&err, "\n");
        }
    }
    hp_text_write(&err, stderr);
    hp_text_fini(&err);
}

static int print(struct hp_cli *cli, const struct answers *answers)
{
    struct hp_text page;
    const struct hp_list *list = (const struct hp_list *)(const void *)&answers->list;
    hp_text_init(&page, cli->out);
    if (cli->format == HP_FORMAT_JSON) {
        hp_render_json_list(&page, &HP_REPORT_AGENT_SHAPE, list);
    } else if (cli->format == HP_FORMAT_MSGPACK) {
        hp_render_msgpack_list(&page, &HP_REPORT_AGENT_SHAPE, list);
    } else if (!cli->quiet && list->count > 0) {
        table(&page, answers);
    } else if (!cli->quiet) {
        hp_text_add(
            &page,
            "no agents on this machine; a server has one when it calls require \"hotpatch\".start() and then "
            "polls\n");
    }
    int status = hp_present_page(&page, 0);
    hp_text_fini(&page);
    return status;
}

static int run(struct hp_cli *cli)
{
    struct hp_agents agents = {0};
    struct answers answers = {0};
    if (cli->args.count > 0) {
        hp_cli_fail(cli, HP_USAGE, "hotpatch status --pid PID shows one", "ps takes no \"%s\"",
                    cli->args.items[0]);
        return hp_present(cli, NULL);
    }
    if (!hp_agents_find(cli, &agents))
        return hp_present(cli, NULL);
    for (size_t i = 0; i < agents.list.count; i++) {
        struct hp_report_agent *slot =
            agents.list.items[i].answers ? HP_PUSH(&cli->arena, &answers.list) : NULL;
        if (slot != NULL)
            *slot = agents.list.items[i].about;
    }
    silent_ones(cli, &agents);
    return print(cli, &answers);
}

const struct hp_command hp_cmd_ps = {
    .name = "ps",
    .bit = HP_CMD_PS,
    .synopsis = "",
    .summary = "the agents of this machine",
    .about = "Lists every agent that answers: of your own servers, of other users and of\n"
             "containers as far as your rights reach. --format json gives a list of maps.\n",
    .examples = "  hotpatch ps\n"
                "  hotpatch ps --format json\n",
    .run = run,
};
