/* hotpatch client: one line on the terminal that says how a request is getting on. It is written over each
 * time and erased at the end; nothing is shown where standard error is no terminal, or with --quiet. */
#ifndef HP_PROGRESS_H
#define HP_PROGRESS_H

#include "client/cli.h"
#include "client/text.h"

struct hp_progress {
    bool wanted; /* else the calls do nothing */
    bool shown;
    struct hp_style style;
    const char *kind; /* "push" */
};

/* What there is to say; `phase` and the numbers come from the agent. */
struct hp_progress_state {
    const char *doing; /* our own words: "waits for a safe point" */
    const char *phase; /* what it does now, which is told instead; NULL: not known */
    int64_t objects, slices, longest_us;
    double seconds;
};

void hp_progress_init(struct hp_progress *progress, const struct hp_cli *cli, enum hp_kind kind);
void hp_progress_show(struct hp_progress *progress, const struct hp_progress_state *state);
void hp_progress_clear(struct hp_progress *progress);

/* The line itself onto a page, at most `columns` wide. */
void hp_progress_line(struct hp_text *page, const char *kind, const struct hp_progress_state *state,
                      size_t columns);

#endif
