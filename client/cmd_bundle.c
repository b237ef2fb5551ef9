#include "client/cmd.h"
#include "client/package.h"
#include "client/present.h"

static void render(struct hp_text *page, const struct hp_report *report)
{
    hp_package_render(page, report);
    hp_text_add(page,
                report->bundle == NULL
                    ? ""
                    : "\nsign it with: hotpatch sign -k KEY FILE; look at it with: hotpatch diff FILE\n");
}

static int run(struct hp_cli *cli)
{
    if (hp_package_make(cli))
        cli->report.status = HP_OK;
    return hp_present(cli, render);
}

const struct hp_command hp_cmd_bundle = {
    .name = "bundle",
    .bit = HP_CMD_BUNDLE,
    .synopsis = "-o BUNDLE [OPTIONS] MODULE=FILE...",
    .summary = "make one file of a patch",
    .about = "Puts the modules, their bases and the options of the patch into one file, which\n"
             "diff, push and inspect take instead of files. No server is asked. With the same\n"
             "time (--created, or SOURCE_DATE_EPOCH) the same input gives the same bytes.\n"
             "\n"
             "A server that was started with trust = { keys = { ... } } takes signed bundles\n"
             "only; of one --series it takes none that is older than the newest it took.\n",
    .examples = "  hotpatch bundle -o fix.hotpatch --git v1.2.2 battle=src/battle.lua\n"
                "  hotpatch bundle -o fix.hotpatch --expires 7d battle=src/battle.lua\n"
                "  hotpatch sign -k release.key fix.hotpatch\n"
                "  hotpatch push --to tls+tcp://game1:7071 fix.hotpatch\n",
    .run = run,
};
