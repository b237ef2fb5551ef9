#include "client/cmd.h"

#include "client/exchange.h"
#include "client/number.h"
#include "client/present.h"
#include "client/render.h"
#include "client/target.h"

static bool fill(struct hp_cli *cli, struct hp_request *request)
{
    if (cli->args.count > 1)
        return hp_cli_fail(cli, HP_USAGE, "hotpatch help confirm", "confirm takes one patch at most");
    return cli->args.count == 0 || hp_number_patch(cli, cli->args.items[0], &request->patch);
}

static int run(struct hp_cli *cli)
{
    struct hp_agent target;
    struct hp_request *request = hp_exchange_new(cli, HP_KIND_CONFIRM);
    if (request != NULL && fill(cli, request) && hp_target_find(cli, &target))
        hp_exchange(cli, &target, request);
    hp_request_free(request);
    return hp_present(cli, hp_render_confirm);
}

const struct hp_command hp_cmd_confirm = {
    .name = "confirm",
    .bit = HP_CMD_CONFIRM,
    .synopsis = "[TARGET] [PATCH]",
    .summary = "keep a provisional patch",
    .about = "A patch that was pushed with --confirm-within is reverted by the agent itself\n"
             "unless this comes in time. With PATCH, only if it is that one.\n",
    .examples = "  hotpatch push --confirm-within 5m battle=src/battle.lua\n"
                "  hotpatch confirm\n",
    .run = run,
};
