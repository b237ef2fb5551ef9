#include "client/chunks.h"
#include "client/cmd.h"

static int run(struct hp_cli *cli)
{
    return hp_chunks_run(cli, HP_KIND_DIFF);
}

const struct hp_command hp_cmd_diff = {
    .name = "diff",
    .bit = HP_CMD_DIFF,
    .synopsis = "[TARGET] [OPTIONS] [MODULE=]FILE...",
    .summary = "what a push would do",
    .about = "Goes the same way as a push and stops before the commit: what diff says is what\n"
             "push does. It writes nothing in the server and calls none of its functions.\n"
             "With --exit-code it ends with 2 where there are differences, 0 where none.\n",
    .examples = "  hotpatch diff battle=src/battle.lua\n"
                "  hotpatch diff --name game --base battle=old/battle.lua battle=src/battle.lua\n"
                "  hotpatch diff --exit-code --quiet src/battle.lua || echo \"not up to date\"\n",
    .run = run,
};
