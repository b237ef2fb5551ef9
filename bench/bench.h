/* bench: the parts of the bench. Each measures one thing side by side with what it is compared to, returns
 * all that it saw as JSON (a new reference), and adds the figures that matter to a list. On failure the bench
 * ends. One thread, except for those that nng starts. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct bench_options {
    const char *self;    /* this program */
    const char *sources; /* bench/: heaps.lua, plain.lua */
    const char *folder; /* what is pushed, in two editions: edition1.lua, one1.lua …; and fifty.lua, which is
                           edition1.lua */
    const char *command; /* the client */
    const char *pid;     /* the server that is pushed to */
    bool quick;
    int runs; /* pushes */
};

/* Adds a line to the list: what, how much, and the aim, which is "at most"; 0: none. */
void add_figure(json_t *figures, const char *what, double value, const char *unit, double aim);

json_t *bench_poll(json_t *figures);
json_t *bench_unused(json_t *figures);
json_t *bench_locate(const struct bench_options *o, json_t *figures);
json_t *bench_pause(const struct bench_options *o, json_t *figures);
json_t *bench_push(const struct bench_options *o, json_t *figures);
json_t *bench_memory(const struct bench_options *o, json_t *figures);

/* Runs a program with its output into `out` (NUL-terminated, cut at `size`), waits, and returns the wall time
 * in us. Ends the bench if the program fails. */
double run_program(const char *const argv[], char *out, size_t size);

/* What a child of the bench does that was started for its memory alone: `bench --resident lua|nng|agent`. */
int bench_resident(const char *what);

#endif
