/* hotpatch client: the options, as one table, and reading a command line by it. The help pages, the test of
 * the man page and the test of the completions go through the same table. */
#ifndef HP_CLIENT_OPTIONS_H
#define HP_CLIENT_OPTIONS_H

#include "client/cli.h"

/* Commands, as bits: which options belong to which. */
enum hp_command_bit {
    HP_CMD_PS = 1 << 0,
    HP_CMD_STATUS = 1 << 1,
    HP_CMD_DIFF = 1 << 2,
    HP_CMD_PUSH = 1 << 3,
    HP_CMD_REVERT = 1 << 4,
    HP_CMD_LOG = 1 << 5,
    HP_CMD_INSPECT = 1 << 6,
    HP_CMD_EVAL = 1 << 7,
    HP_CMD_EXPLAIN = 1 << 8,
    HP_CMD_HELP = 1 << 9,
    HP_CMD_VERIFY = 1 << 10,
    HP_CMD_CONFIRM = 1 << 11,
    HP_CMD_AUDIT = 1 << 12,
    HP_CMD_BUNDLE = 1 << 13,
    HP_CMD_SIGN = 1 << 14,
    HP_CMD_PATCHING = HP_CMD_DIFF | HP_CMD_PUSH,
    HP_CMD_DECIDING = HP_CMD_PATCHING | HP_CMD_BUNDLE,                /* what a patch does */
    HP_CMD_READING = HP_CMD_PATCHING | HP_CMD_VERIFY | HP_CMD_BUNDLE, /* those that take [MODULE=]FILE */
    HP_CMD_CHANGING = HP_CMD_DIFF | HP_CMD_PUSH | HP_CMD_REVERT,
    HP_CMD_RUNNING = HP_CMD_CHANGING | HP_CMD_EVAL | HP_CMD_INSPECT | HP_CMD_VERIFY,
    HP_CMD_TARGETED = HP_CMD_RUNNING | HP_CMD_STATUS | HP_CMD_LOG | HP_CMD_CONFIRM,
    HP_CMD_FLEET =
        HP_CMD_CHANGING | HP_CMD_STATUS | HP_CMD_VERIFY | HP_CMD_CONFIRM, /* also for several targets */
    HP_CMD_ALL = (1 << 15) - 1,
};

enum hp_option_kind {
    HP_OPTION_FLAG,   /* bool at `offset` */
    HP_OPTION_STR,    /* const char *, not empty */
    HP_OPTION_WORD,   /* const char *, one of `words` */
    HP_OPTION_NUM,    /* double, more than 0 */
    HP_OPTION_TIME,   /* double, seconds: "5m" */
    HP_OPTION_RULE,   /* const char *, a guard's rule (proto/rule.h) */
    HP_OPTION_PID,    /* int64_t, more than 0 */
    HP_OPTION_FORMAT, /* enum hp_format, one of `words` */
    HP_OPTION_LIST,   /* HP_LIST(const char *): may repeat */
    HP_OPTION_CODES,  /* the same, reason codes, each value may hold several between commas */
    HP_OPTION_FILE,   /* HP_LIST(struct hp_cli_file): may repeat */
    HP_OPTION_ID,     /* const char *, 1 to HP_MAX_ID printable characters */
};

struct hp_option {
    const char *name;  /* without the dashes */
    char letter;       /* 0: none */
    unsigned commands; /* bits */
    enum hp_option_kind kind;
    size_t offset;        /* in struct hp_cli */
    const char *argument; /* "FILE"; NULL: takes none */
    const char *words;    /* "none|new" */
    const char *help;
};

extern const struct hp_option HP_OPTIONS[]; /* ends with a NULL name */

/* Reads the arguments that follow the command's name. False: recorded in cli->report as HP_USAGE. `argv` must
 * outlive the invocation. */
bool hp_options_parse(struct hp_cli *cli, int argc, char *const argv[]);

/* What --format says anywhere in the line, for errors that come before it is reached. */
enum hp_format hp_options_format(int argc, char *const argv[]);

/* "[MODULE=]FILE": the text before the first `=` is a module, unless it begins like a path (`/`, `./`,
 * `../`).
 * `@PATH=FILE` gives module "@PATH". */
struct hp_cli_file hp_options_split(struct hp_arena *arena, const char *text);

#endif
