#include "client/ask.h"
#include "client/cmd.h"
#include "client/render.h"

static int run(struct hp_cli *cli)
{
    return hp_ask(cli, HP_KIND_STATUS, hp_render_status);
}

const struct hp_command hp_cmd_status = {
    .name = "status",
    .bit = HP_CMD_STATUS,
    .synopsis = "[TARGET]",
    .summary = "one agent, and when it last polled",
    .about = "Is answered also while the server's Lua code is busy.\n",
    .examples = "  hotpatch status\n"
                "  hotpatch status --pid 4121 --format json\n",
    .run = run,
};
