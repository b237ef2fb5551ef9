/* bench: what hotpatch costs, as JSON on standard output.
 *
 * bench HOTPATCH PID FOLDER RUNS     (bench/run.sh prepares all of it)
 *
 * push       wall time of `HOTPATCH push` of a module of 50 functions to the process PID, from the start of
 * the command to its end, and from its reports the stop of the Lua thread; FOLDER holds the two editions that
 * are pushed in turn. Beside it: the start of the same command with nothing to do (--version), and loading
 * and running the same file in a Lua state, which is what a plain reload does while the server stands. poll
 * one call of hotpatch_poll with nothing pending against an empty C function, called from C and from Lua.
 *
 * Medians, since a busy machine only ever adds. One thread, except for those that nng starts.
 */
#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <hotpatch/hotpatch.h>
#include <jansson.h>
#include <lauxlib.h>
#include <lualib.h>

#define MAX_RUNS  10000
#define POLLS     2000000
#define POLL_RUNS 9

extern char **environ;

struct samples {
    double values[MAX_RUNS];
    size_t count;
};

static _Noreturn void die(const char *what, const char *detail)
{
    fprintf(stderr, "bench: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
    exit(EXIT_FAILURE);
}

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void add_sample(struct samples *s, double value)
{
    if (s->count < MAX_RUNS) {
        s->values[s->count++] = value;
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Of all samples, the one that `part` of them (0 to 1) do not exceed. Sorts. */
static double quantile(struct samples *s, double part)
{
    if (s->count == 0) {
        die("no samples", NULL);
    }
    qsort(s->values, s->count, sizeof s->values[0], by_value);
    return s->values[(size_t)((double)(s->count - 1) * part + 0.5)];
}

/* { "median", "min", "p95", "max" } in units of `unit` samples. */
static json_t *summary(struct samples *s, double unit)
{
    return json_pack("{s:f, s:f, s:f, s:f}", "median", quantile(s, 0.5) / unit, "min", quantile(s, 0) / unit,
                     "p95", quantile(s, 0.95) / unit, "max", quantile(s, 1) / unit);
}

/* Runs a program with its output into `out` (NUL-terminated, cut at `size`), waits, and returns the wall time
 * in us. Ends the bench if the program fails. */
static double run_program(const char *const argv[], char *out, size_t size)
{
    posix_spawn_file_actions_t actions;
    double start = now_us(), end;
    size_t used = 0;
    ssize_t got;
    pid_t child;
    int ends[2], status;

    if (pipe(ends) != 0) {
        die("pipe", strerror(errno));
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    /* posix_spawn promises not to write to the strings; its type cannot say so. */
    if (posix_spawn(&child, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ) != 0) {
        die("cannot start", argv[0]);
    }
    close(ends[1]);
    while (used + 1 < size && (got = read(ends[0], out + used, size - 1 - used)) > 0) {
        used += (size_t)got;
    }
    out[used] = '\0';
    close(ends[0]);
    if (waitpid(child, &status, 0) != child) {
        die("waitpid", strerror(errno));
    }
    end = now_us();
    posix_spawn_file_actions_destroy(&actions);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        die("the command failed", out);
    }
    return end - start;
}

static double cost_of(const json_t *report, const char *key)
{
    const json_t *value = json_object_get(json_object_get(report, "cost"), key);

    if (!value) {
        die("the report lacks in its cost", key);
    }
    return json_number_value(value);
}

static size_t replaced_in(const json_t *report)
{
    const json_t *module = json_array_get(json_object_get(report, "modules"), 0);
    const json_t *function;
    size_t index, count = 0;

    json_array_foreach(json_object_get(module, "functions"), index, function)
    {
        const char *verdict = json_string_value(json_object_get(function, "verdict"));

        count += verdict && strcmp(verdict, "replaced") == 0;
    }
    return count;
}

static json_t *bench_push(const char *command, const char *pid, const char *folder, int runs)
{
    static struct samples wall, pause_us, total, start;
    static char out[1 << 20];
    char specs[2][4200];
    size_t replaced = 0;

    for (int i = 0; i < 2; i++) {
        snprintf(specs[i], sizeof specs[i], "fifty=%s/edition%d.lua", folder, i + 1);
    }
    for (int i = 0; i < runs + 2; i++) { /* the first two only warm up */
        const char *push[] = {command, "push", "--pid", pid, "--format", "json", specs[(i + 1) % 2], NULL};
        const char *version[] = {command, "--version", NULL};
        double took = run_program(push, out, sizeof out);
        json_error_t error;
        json_t *report = json_loads(out, 0, &error);
        const char *status = json_string_value(json_object_get(report, "status"));

        if (!status || strcmp(status, "applied") != 0) {
            die("a push was not applied", out);
        }
        if (i >= 2) {
            add_sample(&wall, took);
            add_sample(&pause_us, cost_of(report, "pause_us"));
            add_sample(&total, cost_of(report, "total_us"));
            add_sample(&start, run_program(version, out, sizeof out));
        }
        replaced = replaced_in(report);
        json_decref(report);
    }
    return json_pack("{s:i, s:I, s:o, s:o, s:o, s:o}", "runs", runs, "functions_replaced",
                     (json_int_t)replaced, "command_ms", summary(&wall, 1e3), "command_start_ms",
                     summary(&start, 1e3), "pause_us", summary(&pause_us, 1), "agent_total_us",
                     summary(&total, 1));
}

/* Loading and running the module's file in a state, the cost of a reload that loses everything. */
static json_t *bench_reload(const char *folder, int runs)
{
    static struct samples took;
    lua_State *L = luaL_newstate();
    char file[4200];

    if (!L) {
        die("no memory", NULL);
    }
    luaL_openlibs(L);
    snprintf(file, sizeof file, "%s/fifty.lua", folder);
    for (int i = 0; i < runs; i++) {
        double begin = now_us();

        if (luaL_dofile(L, file) != LUA_OK) {
            die("cannot run", file);
        }
        add_sample(&took, now_us() - begin);
        lua_settop(L, 0);
    }
    lua_close(L);
    return summary(&took, 1);
}

static __attribute__((noinline)) int empty(lua_State *L)
{
    __asm__ volatile("" : : "r"(L) : "memory"); /* or the compiler would drop the call */
    return 0;
}

/* Nanoseconds for one call of `f` from C. */
static double time_from_c(lua_State *L, int (*f)(lua_State *))
{
    static struct samples each;

    each.count = 0;
    for (int run = 0; run < POLL_RUNS; run++) {
        double begin = now_us();

        for (int i = 0; i < POLLS; i++) {
            f(L);
        }
        add_sample(&each, (now_us() - begin) * 1e3 / POLLS);
    }
    return quantile(&each, 0.5);
}

/* Nanoseconds for one call of the function on top of the stack from a Lua loop. [-1, +0, e] */
static double time_from_lua(lua_State *L)
{
    static struct samples each;
    int function = lua_gettop(L);

    each.count = 0;
    for (int run = 0; run < POLL_RUNS; run++) {
        double begin;

        if (luaL_loadstring(L, "local f, n = ... for i = 1, n do f() end") != LUA_OK) {
            die("loop", lua_tostring(L, -1));
        }
        lua_pushvalue(L, function);
        lua_pushinteger(L, POLLS);
        begin = now_us();
        if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
            die("loop", lua_tostring(L, -1));
        }
        add_sample(&each, (now_us() - begin) * 1e3 / POLLS);
    }
    lua_settop(L, function - 1);
    return quantile(&each, 0.5);
}

static json_t *bench_poll(void)
{
    struct hotpatch_options options = HOTPATCH_OPTIONS_INIT;
    lua_State *L = luaL_newstate();
    double c_poll, c_empty, lua_poll, lua_empty;

    if (!L) {
        die("no memory", NULL);
    }
    options.name = "bench-poll";
    luaL_openlibs(L);
    luaL_requiref(L, "hotpatch", luaopen_hotpatch, 0);
    if (hotpatch_start(L, &options) != 0) {
        die("hotpatch_start", lua_tostring(L, -1));
    }
    hotpatch_poll(L); /* opens the socket; from now on there is nothing to do */
    c_poll = time_from_c(L, hotpatch_poll);
    c_empty = time_from_c(L, empty);
    lua_getfield(L, -1, "poll");
    lua_poll = time_from_lua(L);
    lua_pushcfunction(L, empty);
    lua_empty = time_from_lua(L);
    hotpatch_stop(L);
    lua_close(L);
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "c_poll_ns", c_poll, "c_empty_ns", c_empty, "c_ratio",
                     c_poll / c_empty, "lua_poll_ns", lua_poll, "lua_empty_ns", lua_empty, "lua_ratio",
                     lua_poll / lua_empty);
}

static double median_in(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(json_object_get(object, key), "median"));
}

int main(int argc, char **argv)
{
    json_t *push, *result, *reload;
    int runs = argc == 5 ? atoi(argv[4]) : 0;

    if (runs < 1 || runs > MAX_RUNS) {
        fprintf(stderr, "usage: bench HOTPATCH PID FOLDER RUNS (1 to %d)\n", MAX_RUNS);
        return 64;
    }
    push = bench_push(argv[1], argv[2], argv[3], runs);
    reload = bench_reload(argv[3], runs);
    result = json_pack("{s:s, s:s, s:I, s:o, s:o, s:o}", "hotpatch", PROJECT_VERSION, "lua", LUA_RELEASE,
                       "cores", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "push", push, "reload_us", reload,
                       "poll", bench_poll());
    json_object_set_new(result, "ratios",
                        json_pack("{s:f, s:f}", "command_to_its_start",
                                  median_in(push, "command_ms") / median_in(push, "command_start_ms"),
                                  "pause_to_reload",
                                  median_in(push, "pause_us") / median_in(result, "reload_us")));
    if (json_dumpf(result, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(4) | JSON_PRESERVE_ORDER) != 0) {
        die("cannot write the result", NULL);
    }
    putchar('\n');
    json_decref(result);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
