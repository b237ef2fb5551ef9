#include "client/cmd.h"

#include <string.h>

#include "client/exchange.h"
#include "client/present.h"
#include "client/render.h"
#include "client/source.h"
#include "client/target.h"

/* -e CODE: an expression gives its values, as in Lua's own prompt. */
static bool code_of_option(struct hp_cli *cli, struct hp_request *request)
{
    const char *as_return = hp_arena_printf(&cli->arena, "return %s", cli->code);
    struct hp_bytes code = {as_return, strlen(as_return)};
    request->code_name = "=(eval)";
    if (!hp_source_compiles(code))
        code = (struct hp_bytes){cli->code, strlen(cli->code)};
    request->code = code;
    return hp_source_check(cli, "(eval)", code);
}

static bool code_of_file(struct hp_cli *cli, struct hp_request *request)
{
    const char *file = cli->args.items[0];
    const char *label = hp_source_label(file);
    request->code_name = hp_arena_printf(&cli->arena, strcmp(file, "-") == 0 ? "=%s" : "@%s", label);
    return hp_source_read(cli, file, &request->code) && hp_source_check(cli, label, request->code);
}

static int run(struct hp_cli *cli)
{
    struct hp_agent target;
    struct hp_request *request = NULL;
    if ((cli->code != NULL) + cli->args.count != 1)
        hp_cli_fail(cli, HP_USAGE, "hotpatch help eval", "eval takes either -e CODE or one FILE");
    else
        request = hp_exchange_new(cli, HP_KIND_EVAL);
    if (request != NULL && (cli->code != NULL ? code_of_option(cli, request) : code_of_file(cli, request)) &&
        hp_target_find(cli, &target))
        hp_exchange(cli, &target, request);
    hp_request_free(request);
    return hp_present(cli, hp_render_eval);
}

const struct hp_command hp_cmd_eval = {
    .name = "eval",
    .bit = HP_CMD_EVAL,
    .synopsis = "[TARGET] (-e CODE | FILE)",
    .summary = "run code in the server",
    .about = "Runs the code at a safe point of the server's Lua thread. What it prints comes\n"
             "back, then its results, one a line. It can change the server like any code of it;\n"
             "nothing of that is undone by revert.\n",
    .examples = "  hotpatch eval -e 'require(\"rooms\").count()'\n"
                "  hotpatch eval --pid 4121 report.lua\n",
    .run = run,
};
