#include "client/cmd.h"

#include "client/exchange.h"
#include "client/number.h"
#include "client/present.h"
#include "client/render.h"
#include "client/target.h"

static bool fill(struct hp_cli *cli, struct hp_request *request)
{
    if (cli->args.count > 1) {
        return hp_cli_fail(cli, HP_USAGE, "hotpatch help revert",
                           "revert takes one patch; it undoes all down to that one");
    }
    if (cli->args.count == 1 && !hp_number_patch(cli, cli->args.items[0], &request->patch))
        return false;
    request->options = cli->options;
    return true;
}

static int run(struct hp_cli *cli)
{
    struct hp_agent target;
    struct hp_request *request = hp_exchange_new(cli, HP_KIND_REVERT);
    if (request != NULL && fill(cli, request) && hp_target_find(cli, &target))
        hp_exchange(cli, &target, request);
    hp_request_free(request);
    return hp_present(cli, hp_render_patch);
}

const struct hp_command hp_cmd_revert = {
    .name = "revert",
    .bit = HP_CMD_REVERT,
    .synopsis = "[TARGET] [PATCH]",
    .summary = "undo the last patch, or several",
    .about = "Puts back what the last patch replaced and keeps the state that has come up\n"
             "since. With PATCH, undoes all patches down to that one, that one included.\n",
    .examples = "  hotpatch revert\n"
                "  hotpatch revert --pid 4121 3\n",
    .run = run,
};
