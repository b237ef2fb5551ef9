#include "client/cli.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "client/cmd.h"

#define CLI_TIMEOUT_S 5.0

void hp_cli_init(struct hp_cli *cli)
{
    memset(cli, 0, sizeof *cli);
    hp_arena_init(&cli->arena);
    hp_report_init(&cli->report);
    cli->timeout_s = CLI_TIMEOUT_S;
    cli->out = hp_style_of(STDOUT_FILENO);
    cli->err = hp_style_of(STDERR_FILENO);
}

void hp_cli_fini(struct hp_cli *cli)
{
    hp_report_fini(&cli->report);
    hp_arena_fini(&cli->arena);
}

bool hp_cli_failed(const struct hp_cli *cli)
{
    return cli->report.error != NULL;
}

bool hp_cli_fail(struct hp_cli *cli, enum hp_status status, const char *hint, const char *fmt, ...)
{
    if (hp_cli_failed(cli))
        return false;
    va_list ap;
    va_start(ap, fmt);
    const char *text = hp_arena_vprintf(&cli->arena, fmt, ap);
    va_end(ap);
    hp_report_fail(&cli->report, status, "%s", text);
    if (cli->report.error != NULL && hint != NULL)
        cli->report.error->hint = hp_arena_str(&cli->report.arena, hint);
    return false;
}

bool hp_cli_check_memory(struct hp_cli *cli)
{
    if (hp_arena_failed(&cli->arena) || hp_arena_failed(&cli->report.arena))
        return hp_cli_fail(cli, HP_NO_MEMORY, NULL, "the client is out of memory; nothing was sent");
    return true;
}

const char *hp_cli_again(struct hp_cli *cli)
{
    const char *command = cli->command != NULL ? cli->command->name : "help";
    const char *target = "";
    if (cli->pid != 0) {
        target = hp_arena_printf(&cli->arena, " --pid %" PRId64, cli->pid);
    } else if (cli->name != NULL) {
        target = hp_arena_printf(&cli->arena, " --name %s", cli->name);
    } else if (cli->to != NULL) {
        target = hp_arena_printf(
            &cli->arena, " --to %s%s%s%s%s%s%s", cli->to, cli->tls_ca != NULL ? " --tls-ca " : "",
            cli->tls_ca != NULL ? cli->tls_ca : "", cli->tls_cert != NULL ? " --tls-cert " : "",
            cli->tls_cert != NULL ? cli->tls_cert : "", cli->tls_key != NULL ? " --tls-key " : "",
            cli->tls_key != NULL ? cli->tls_key : "");
    }
    const char *state = cli->state != NULL ? hp_arena_printf(&cli->arena, " --state %s", cli->state) : "";
    return hp_arena_printf(&cli->arena, "hotpatch %s%s%s", command, target, state);
}
