#include "client/chunks.h"
#include "client/cmd.h"
#include "client/exchange.h"
#include "client/present.h"
#include "client/render.h"
#include "client/revision.h"

/* A whole revision has to be laid beside what is loaded; named files are read like those of a diff. */
static void verify(struct hp_cli *cli, struct hp_request *request)
{
    struct hp_agent target;
    struct hp_revision_skips skips = {0};
    bool whole = cli->git != NULL && cli->files.count == 0;
    bool ok = whole ? hp_target_find(cli, &target) && hp_revision_read_tree(cli, &target, request, &skips)
                    : hp_chunks_read(cli, request) && hp_target_find(cli, &target);
    if (ok) {
        hp_exchange(cli, &target, request);
        hp_revision_report(cli, &skips);
    }
}

static int run(struct hp_cli *cli)
{
    struct hp_request *request = hp_exchange_new(cli, HP_KIND_VERIFY);
    if (request != NULL)
        verify(cli, request);
    hp_request_free(request);
    return hp_present(cli, hp_render_verify);
}

const struct hp_command hp_cmd_verify = {
    .name = "verify",
    .bit = HP_CMD_VERIFY,
    .synopsis = "[TARGET] [--git REV] [[MODULE=]FILE...]",
    .summary = "compare what runs with a source",
    .about = "Compares the code of the live functions with that of the source, function by\n"
             "function, and says of each that differs where it came from. With --git the\n"
             "source is that of the commit; without FILE, all its files that are loaded.\n"
             "It ends with 0 if all is as the source says, with 2 if not. It changes nothing.\n",
    .examples = "  hotpatch verify --git v1.2.2\n"
                "  hotpatch verify --git HEAD src/battle.lua\n"
                "  hotpatch verify battle=src/battle.lua\n",
    .run = run,
};
