#include "client/cmd.h"

#include <string.h>

#include "client/fleet.h"
#include "client/present.h"
#include "proto/suggest.h"
#include "proto/protocol.h"

const struct hp_command *const HP_COMMANDS[] = {
    &hp_cmd_ps,    &hp_cmd_status,  &hp_cmd_diff,   &hp_cmd_push, &hp_cmd_revert, &hp_cmd_confirm,
    &hp_cmd_log,   &hp_cmd_inspect, &hp_cmd_verify, &hp_cmd_eval, &hp_cmd_bundle, &hp_cmd_sign,
    &hp_cmd_audit, &hp_cmd_explain, &hp_cmd_help,   NULL,
};

const struct hp_command *hp_cmd_find(const char *name)
{
    for (size_t i = 0; HP_COMMANDS[i] != NULL; i++)
        if (strcmp(HP_COMMANDS[i]->name, name) == 0)
            return HP_COMMANDS[i];
    return NULL;
}

const char *hp_cmd_closest(const char *name)
{
    struct hp_suggest suggest;
    hp_suggest_init(&suggest, name);
    for (size_t i = 0; HP_COMMANDS[i] != NULL; i++)
        hp_suggest_offer(&suggest, HP_COMMANDS[i]->name);
    return suggest.best;
}

static bool unknown_command(struct hp_cli *cli, const char *name)
{
    if (name[0] == '-') {
        return hp_cli_fail(cli, HP_USAGE, "hotpatch help",
                           "the command comes first, then its options: hotpatch COMMAND %s ...", name);
    }
    const char *closest = hp_cmd_closest(name);
    return closest != NULL ? hp_cli_fail(cli, HP_USAGE, "hotpatch help",
                                         "there is no command \"%s\"; did you mean %s?", name, closest)
                           : hp_cli_fail(cli, HP_USAGE, "hotpatch help", "there is no command \"%s\"", name);
}

static int print_version(struct hp_cli *cli)
{
    struct hp_text page;
    hp_text_init(&page, cli->out);
    hp_text_printf(&page, "hotpatch %s (protocol %d)\n", HP_VERSION, HP_PROTOCOL_VERSION);
    int status = hp_present_page(&page, 0);
    hp_text_fini(&page);
    return status;
}

/* `hotpatch NAME --help`. */
static int print_help(struct hp_cli *cli)
{
    struct hp_text page;
    hp_text_init(&page, cli->out);
    hp_cmd_help_page(&page, cli->command);
    int status = hp_present_page(&page, 0);
    hp_text_fini(&page);
    return status;
}

static int run(struct hp_cli *cli, int argc, char *const argv[])
{
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return print_version(cli);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    cli->format = hp_options_format(argc, argv);
    cli->command = hp_cmd_find(name);
    if (cli->command == NULL) {
        unknown_command(cli, name);
        return hp_present(cli, NULL);
    }
    if (!hp_options_parse(cli, argc > 2 ? argc - 2 : 0, argv + (argc > 2 ? 2 : argc)))
        return hp_present(cli, NULL);
    if (cli->help)
        return print_help(cli);
    bool several = hp_fleet_wanted(cli);
    if (hp_cli_failed(cli))
        return hp_present(cli, NULL);
    return several ? hp_fleet_run(cli, argc, argv) : cli->command->run(cli);
}

int hp_cmd_main(int argc, char *const argv[])
{
    struct hp_cli cli;
    hp_cli_init(&cli);
    int status = run(&cli, argc, argv);
    hp_cli_fini(&cli);
    return status;
}
