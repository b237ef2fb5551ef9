/* bench: clocks, samples, and what becomes of them. One thread. */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <stddef.h>

#include <jansson.h>

#define SAMPLES_MAX 10000

/* Later ones are dropped. Zeroed is empty. */
struct samples {
    double values[SAMPLES_MAX];
    size_t count;
};

double now_us(void); /* of the clock on the wall */
double cpu_us(void); /* of this thread alone: a busy machine adds nothing to it */

void add_sample(struct samples *s, double value);
/* Of all samples, the one that `part` of them (0 to 1) do not exceed. Sorts. Ends the bench if there are
 * none. */
double quantile(struct samples *s, double part);
/* { "median", "min", "p95", "max" } in units of `unit` samples; a new reference. */
json_t *summary(struct samples *s, double unit);

double number_in(const json_t *object, const char *key); /* 0 where it is not there */
double median_in(const json_t *object, const char *key); /* of the summary at that key */

/* Says what is wrong, and ends the bench. `detail` may be NULL. */
_Noreturn void die(const char *what, const char *detail);

#endif
