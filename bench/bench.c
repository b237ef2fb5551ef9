/* bench: what hotpatch costs. JSON goes to standard output, a table of the figures to standard error.
 *
 * bench SOURCES FOLDER HOTPATCH PID RUNS quick|full     (bench/run.sh prepares all of it; see bench.h)
 *
 * Every figure is measured beside what it is compared to, in one run; CPU time where nothing has to be waited
 * for, and the least or the median of several runs, since a busy machine only ever adds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lua.h>

#include "bench/bench.h"
#include "bench/sample.h"

void add_figure(json_t *figures, const char *what, double value, const char *unit, double aim)
{
    json_t *figure = json_pack("{s:s, s:f, s:s}", "figure", what, "value", value, "unit", unit);
    if (aim > 0) {
        json_object_set_new(figure, "aim", json_real(aim));
        json_object_set_new(figure, "met", json_boolean(value <= aim));
    }
    json_array_append_new(figures, figure);
}

static void print_table(const json_t *figures)
{
    const json_t *figure;
    size_t index;
    fprintf(stderr, "\n%-74s %10s      %s\n", "figure", "measured", "at most");
    json_array_foreach(figures, index, figure)
    {
        const json_t *aim = json_object_get(figure, "aim");
        fprintf(stderr, "%-74s %10.2f %-4s", json_string_value(json_object_get(figure, "figure")),
                number_in(figure, "value"), json_string_value(json_object_get(figure, "unit")));
        if (aim)
            fprintf(stderr, " %g%s", json_number_value(aim),
                    json_is_true(json_object_get(figure, "met")) ? "" : "  missed");
        fputc('\n', stderr);
    }
}

static json_t *measure_all(const struct bench_options *o)
{
    json_t *figures = json_array();
    json_t *result = json_pack("{s:s, s:s, s:s, s:I, s:o}", "hotpatch", PROJECT_VERSION, "lua", LUA_RELEASE,
                               "mode", o->quick ? "quick" : "full", "cores",
                               (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "figures", figures);
    json_object_set_new(result, "poll", bench_poll(figures));
    json_object_set_new(result, "unused", bench_unused(figures));
    fputs("bench: push\n", stderr);
    json_object_set_new(result, "push", bench_push(o, figures));
    json_object_set_new(result, "memory", bench_memory(o, figures));
    fputs("bench: search\n", stderr);
    json_object_set_new(result, "locate", bench_locate(o, figures));
    fputs("bench: pause\n", stderr);
    json_object_set_new(result, "pause", bench_pause(o, figures));
    print_table(figures);
    return result;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--resident") == 0)
        return bench_resident(argv[2]);
    int runs = argc == 7 ? atoi(argv[5]) : 0;
    if (runs < 1 || runs > SAMPLES_MAX) {
        fprintf(stderr, "usage: bench SOURCES FOLDER HOTPATCH PID RUNS quick|full (RUNS: 1 to %d)\n",
                SAMPLES_MAX);
        return 64;
    }
    struct bench_options options = {.self = argv[0],
                                    .sources = argv[1],
                                    .folder = argv[2],
                                    .command = argv[3],
                                    .pid = argv[4],
                                    .quick = strcmp(argv[6], "quick") == 0,
                                    .runs = runs};
    json_t *result = measure_all(&options);
    if (json_dumpf(result, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(4) | JSON_PRESERVE_ORDER) != 0)
        die("cannot write the result", NULL);
    putchar('\n');
    json_decref(result);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
