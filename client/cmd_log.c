#include "client/ask.h"
#include "client/cmd.h"
#include "client/render.h"

static int run(struct hp_cli *cli)
{
    return hp_ask(cli, HP_KIND_LOG, hp_render_log);
}

const struct hp_command hp_cmd_log = {
    .name = "log",
    .bit = HP_CMD_LOG,
    .synopsis = "[TARGET]",
    .summary = "patches applied and reverted",
    .about = "Is answered also while the server's Lua code is busy.\n",
    .examples = "  hotpatch log\n"
                "  hotpatch log --name game --format json\n",
    .run = run,
};
