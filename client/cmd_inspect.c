#include "client/cmd.h"
#include "client/exchange.h"
#include "client/package.h"
#include "client/present.h"
#include "client/render.h"
#include "client/target.h"

static int run(struct hp_cli *cli)
{
    struct hp_agent target;
    struct hp_request *request = NULL;
    bool bundle = false;
    if (cli->args.count == 1 && (!hp_package_inspect(cli, cli->args.items[0], &bundle) || bundle))
        return hp_present(cli, hp_package_render);
    if (cli->args.count != 1) {
        hp_cli_fail(cli, HP_USAGE, "hotpatch help inspect",
                    "inspect takes one module: MODULE or MODULE.PATH");
    } else {
        request = hp_exchange_new(cli, HP_KIND_INSPECT);
    }
    if (request != NULL) {
        request->target = cli->args.items[0];
        if (hp_target_find(cli, &target))
            hp_exchange(cli, &target, request);
    }
    hp_request_free(request);
    return hp_present(cli, hp_render_inspect);
}

const struct hp_command hp_cmd_inspect = {
    .name = "inspect",
    .bit = HP_CMD_INSPECT,
    .synopsis = "[TARGET] MODULE[.PATH] | BUNDLE",
    .summary = "live functions and their upvalues",
    .about = "Shows each function with the variables that it captured: names, types, short\n"
             "values, and which other functions share the same variable.\n"
             "With the file of a bundle: what is in it; no server is asked.\n",
    .examples = "  hotpatch inspect battle\n"
                "  hotpatch inspect --pid 4121 battle.Skill.cast\n",
    .run = run,
};
