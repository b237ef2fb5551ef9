#include "client/ask.h"

#include "client/cmd.h"
#include "client/exchange.h"
#include "client/present.h"
#include "client/target.h"

int hp_ask(struct hp_cli *cli, enum hp_kind kind,
           void (*render)(struct hp_text *page, const struct hp_report *report))
{
    struct hp_agent target;
    struct hp_request *request = NULL;
    if (cli->args.count > 0) {
        hp_cli_fail(cli, HP_USAGE, hp_arena_printf(&cli->arena, "hotpatch help %s", cli->command->name),
                    "%s takes no \"%s\"", cli->command->name, cli->args.items[0]);
    } else {
        request = hp_exchange_new(cli, kind);
    }
    if (request != NULL && hp_target_find(cli, &target))
        hp_exchange(cli, &target, request);
    hp_request_free(request);
    return hp_present(cli, render);
}
