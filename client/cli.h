/* hotpatch client: one invocation of the command.
 *
 * main owns it; everything its fields point to lives in its arena or in argv. Commands read what was typed,
 * fill `report` and present it; an error found by the client itself is a report too, so that --format json
 * has one form for all that can happen.
 */
#ifndef HP_CLI_H
#define HP_CLI_H

#include "client/style.h"
#include "proto/arena.h"
#include "proto/report.h"
#include "proto/request.h"

enum hp_format { HP_FORMAT_TEXT, HP_FORMAT_JSON, HP_FORMAT_MSGPACK };

/* [MODULE=]FILE, as typed. */
struct hp_cli_file {
    const char *module; /* NULL: not named */
    const char *file;   /* "-": standard input */
};

struct hp_command;

struct hp_cli {
    struct hp_arena arena;
    const struct hp_command *command;
    struct hp_report report; /* of this invocation; initialised from the start */
    struct hp_style out;
    struct hp_style err;

    /* TARGET */
    int64_t pid; /* 0: not given */
    const char *name;
    const char *to;
    HP_LIST(const char *) urls; /* --to, as typed; one alone becomes `to` (fleet.h) */
    const char *targets_file, *canary, *batch, *max_fail;
    const char *state;
    const char *tls_ca, *tls_cert, *tls_key;

    /* everywhere */
    enum hp_format format;
    double timeout_s;
    bool quiet;
    bool progress;
    bool help;

    /* of some commands */
    struct hp_options options;
    const char *id; /* always set once the request exists */
    const char *git;
    const char *root;           /* where the work tree is on the server */
    const char *code;           /* eval -e */
    const char *pending_module; /* -m MODULE, until its FILE comes */
    bool exit_code;
    const char *output; /* bundle, sign: -o */
    const char *series, *created, *author;
    double expires_s; /* after `created`; 0: never */
    const char *secret_key, *password_file;
    HP_LIST(const char *) signatures;  /* files */
    HP_LIST(struct hp_cli_file) files; /* diff, push */
    HP_LIST(struct hp_cli_file) bases;
    HP_LIST(const char *) args; /* other positional arguments */
};

void hp_cli_init(struct hp_cli *cli);
void hp_cli_fini(struct hp_cli *cli);

/* Records the first error: status, sentence and what to do next (`hint` may be NULL; printed on a line of its
 * own). Always false, to be returned. A second error keeps the first. */
bool hp_cli_fail(struct hp_cli *cli, enum hp_status status, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
bool hp_cli_failed(const struct hp_cli *cli);

/* False, with HP_NO_MEMORY recorded, if the arena of the invocation has failed. */
bool hp_cli_check_memory(struct hp_cli *cli);

/* What is shown of the next thing to type: "hotpatch push --pid 4121": the command with the target as it was
 * typed. */
const char *hp_cli_again(struct hp_cli *cli);

#endif
