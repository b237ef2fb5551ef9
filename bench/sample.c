/* bench: clocks and samples; the contract is in sample.h. */
#include "bench/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

_Noreturn void die(const char *what, const char *detail)
{
    fprintf(stderr, "bench: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
    exit(EXIT_FAILURE);
}

static double read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

double now_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double cpu_us(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void add_sample(struct samples *s, double value)
{
    if (s->count < SAMPLES_MAX)
        s->values[s->count++] = value;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double quantile(struct samples *s, double part)
{
    if (s->count == 0)
        die("no samples", NULL);
    qsort(s->values, s->count, sizeof s->values[0], by_value);
    return s->values[(size_t)((double)(s->count - 1) * part + 0.5)];
}

json_t *summary(struct samples *s, double unit)
{
    return json_pack("{s:f, s:f, s:f, s:f}", "median", quantile(s, 0.5) / unit, "min", quantile(s, 0) / unit,
                     "p95", quantile(s, 0.95) / unit, "max", quantile(s, 1) / unit);
}

double number_in(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

double median_in(const json_t *object, const char *key)
{
    return number_in(json_object_get(object, key), "median");
}
