#include "client/chunks.h"
#include "client/cmd.h"

static int run(struct hp_cli *cli)
{
    return hp_chunks_run(cli, HP_KIND_PUSH);
}

const struct hp_command hp_cmd_push = {
    .name = "push",
    .bit = HP_CMD_PUSH,
    .synopsis = "[TARGET] [OPTIONS] [MODULE=]FILE...",
    .summary = "replace modules, keeping their state",
    .about = "Puts the functions of FILE in the place of those that run, joined to the live\n"
             "state, all files at once or none. A syntax error never reaches the server.\n"
             "\n"
             "FILE may be - (standard input). Without MODULE= the agent looks for the loaded\n"
             "module whose file it is. MODULE may go on below a module (battle.Skill.cast: the\n"
             "file returns the new value of that slot), or be @PATH: all live code that was\n"
             "loaded from the source file PATH. FILEs that hold a = are written ./FILE.\n",
    .examples = "  hotpatch push battle=src/battle.lua\n"
                "  hotpatch push --pid 4121 --git HEAD~1 src/battle.lua src/rooms.lua\n"
                "  hotpatch push -m battle.Skill.cast fix.lua --message \"double damage\"\n"
                "  hotpatch push battle=src/battle.lua --accept R12 --format json\n",
    .run = run,
};
