#include "client/present.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/cmd.h"
#include "client/render.h"

int hp_present_page(struct hp_text *page, int status)
{
    if (hp_text_write(page, stdout))
        return status;
    if (errno != EPIPE)
        fprintf(stderr, "hotpatch: cannot write to standard output: %s\n", strerror(errno));
    return status == 0 ? HP_EXIT_OUTPUT : status;
}

static int exit_of(const struct hp_cli *cli)
{
    if (cli->exit_code && cli->report.status == HP_PLANNED)
        return 2;
    return hp_status_info(cli->report.status)->exit;
}

int hp_present(struct hp_cli *cli, void (*render)(struct hp_text *page, const struct hp_report *report))
{
    struct hp_text out;
    struct hp_text err;
    bool success = hp_status_info(cli->report.status)->exit == 0 || cli->report.status == HP_DIFFERS;
    hp_text_init(&out, cli->out);
    hp_text_init(&err, cli->err);
    if (cli->format == HP_FORMAT_JSON)
        hp_render_json(&out, &HP_REPORT_SHAPE, &cli->report);
    else if (cli->format == HP_FORMAT_MSGPACK)
        hp_render_msgpack(&out, &HP_REPORT_SHAPE, &cli->report);
    else if (render != NULL && !(cli->quiet && success))
        render(&out, &cli->report);
    int status = hp_present_page(&out, exit_of(cli));
    if (!success) {
        hp_render_trouble(&err, &cli->report);
        hp_text_write(&err, stderr);
    }
    hp_text_fini(&out);
    hp_text_fini(&err);
    return status;
}
