/* hotpatch client: how a request is getting on, on standard error.
 *
 * On a terminal it is one line, written over each time and erased at the end. With --progress it is a line
 * for each news: with --format text where standard error is no terminal, plain words; with json and msgpack
 * an object (docs/report.schema.json, `progress`), so that a program can read it while it waits.
 */
#ifndef HP_PROGRESS_H
#define HP_PROGRESS_H

#include "client/cli.h"
#include "client/text.h"

enum hp_progress_form {
    HP_PROGRESS_NONE, /* the calls do nothing */
    HP_PROGRESS_TERMINAL,
    HP_PROGRESS_LINES,
    HP_PROGRESS_JSON,
};

struct hp_progress {
    enum hp_progress_form form;
    bool shown; /* a line stands on the terminal */
    struct hp_style style;
    const char *kind; /* "push" */
    const char *id;   /* of the request; NULL: of several targets */
};

/* What there is to say of a request; `phase` and the numbers come from the agent. */
struct hp_progress_state {
    const char *step;  /* "sent", "waiting", "running", "done", "unknown", "silent": for programs */
    const char *doing; /* the same in words: "waits for a safe point" */
    const char *phase; /* what it does now, which is told instead; NULL: not known */
    int64_t objects, slices, longest_us;
    double seconds;
};

/* What there is to say of one target of several. */
struct hp_progress_target {
    const char *label;
    const char *status;  /* the word it ended with; NULL: it begins */
    int exit;            /* its exit status */
    size_t ended, count; /* of all targets */
};

/* `kind` and `id` must outlive it. */
void hp_progress_init(struct hp_progress *progress, const struct hp_cli *cli, const char *kind,
                      const char *id);
/* How often there is something to show, in milliseconds; 0: never. */
int hp_progress_interval(const struct hp_progress *progress);
void hp_progress_show(struct hp_progress *progress, const struct hp_progress_state *state);
void hp_progress_show_target(struct hp_progress *progress, const struct hp_progress_target *target);
void hp_progress_clear(struct hp_progress *progress);

/* The words of the line onto a page, at most `columns` wide. */
void hp_progress_line(struct hp_text *page, const char *kind, const struct hp_progress_state *state,
                      size_t columns);

#endif
