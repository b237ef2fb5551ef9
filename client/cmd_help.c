#include "client/cmd.h"

#include <string.h>

#include "client/present.h"

#define HELP_COLUMN 32

static void option_line(struct hp_text *page, const struct hp_option *o)
{
    struct hp_text name;
    hp_text_init(&name, page->style);
    if (o->letter != 0)
        hp_text_printf(&name, "-%c, ", o->letter);
    else
        hp_text_add(&name, "    ");
    hp_text_printf(&name, "--%s%s%s", o->name, o->argument != NULL ? " " : "",
                   o->argument != NULL ? o->argument : "");
    hp_text_printf(page, "  %-*s", HELP_COLUMN - 2, hp_text_str(&name));
    if (name.len > HELP_COLUMN - 4) {
        hp_text_add(page, "\n");
        hp_text_pad(page, HELP_COLUMN);
    }
    hp_text_wrap(page, o->help, HELP_COLUMN);
    hp_text_fini(&name);
}

void hp_cmd_help_page(struct hp_text *page, const struct hp_command *c)
{
    hp_text_paint(page, HP_BOLD, "hotpatch ");
    hp_text_paint(page, HP_BOLD, c->name);
    hp_text_printf(page, "%s%s\n\n", *c->synopsis != '\0' ? " " : "", c->synopsis);
    hp_text_add(page, c->about);
    hp_text_add(page, "\nExamples:\n");
    hp_text_add(page, c->examples);
    hp_text_add(page, "\nOptions:\n");
    for (const struct hp_option *o = HP_OPTIONS; o->name != NULL; o++)
        if ((o->commands & (unsigned)c->bit) != 0)
            option_line(page, o);
}

static void overview(struct hp_text *page)
{
    hp_text_add(page, "hotpatch: repair a running Lua server without losing its state\n\n");
    for (size_t i = 0; HP_COMMANDS[i] != NULL; i++) {
        const struct hp_command *c = HP_COMMANDS[i];
        struct hp_text usage;
        hp_text_init(&usage, page->style);
        hp_text_printf(&usage, "%s %s", c->name, c->synopsis);
        hp_text_printf(page, "  %-41s %s\n", hp_text_str(&usage), c->summary);
        hp_text_fini(&usage);
    }
    hp_text_add(page, "\n"
                      "TARGET:     --pid PID | --name NAME | --to ipc://PATH, and --state NAME\n"
                      "            (without one: the only agent of this machine)\n"
                      "Everywhere: --format text|json|msgpack, --timeout SECONDS, --quiet\n"
                      "\n"
                      "First look, then push:  hotpatch diff battle=src/battle.lua\n"
                      "                        hotpatch push battle=src/battle.lua\n");
}

static int run(struct hp_cli *cli)
{
    if (cli->args.count > 1) {
        hp_cli_fail(cli, HP_USAGE, "hotpatch help", "help takes one command");
        return hp_present(cli, NULL);
    }
    const struct hp_command *command = NULL;
    if (cli->args.count == 1) {
        const char *name = cli->args.items[0];
        command = hp_cmd_find(name);
        if (command == NULL) {
            const char *closest = hp_cmd_closest(name);
            hp_cli_fail(cli, HP_USAGE, "hotpatch help", "there is no command \"%s\"%s%s%s", name,
                        closest != NULL ? "; did you mean " : "", closest != NULL ? closest : "",
                        closest != NULL ? "?" : "");
            return hp_present(cli, NULL);
        }
    }
    struct hp_text page;
    hp_text_init(&page, cli->out);
    if (command != NULL)
        hp_cmd_help_page(&page, command);
    else
        overview(&page);
    int status = hp_present_page(&page, 0);
    hp_text_fini(&page);
    return status;
}

const struct hp_command hp_cmd_help = {
    .name = "help",
    .bit = HP_CMD_HELP,
    .synopsis = "[COMMAND]",
    .summary = "one command; all: man hotpatch",
    .about = "Says what the command does, how it is called, with examples.\n",
    .examples = "  hotpatch help\n"
                "  hotpatch help push\n",
    .run = run,
};
