/* bench: the command from start to end, and what it does to the server.
 *
 * push of all 50 functions of a module and of one function of it, to another process over ipc; beside it the
 * start of the same command with nothing to do (--version), and loading and running the same file in a Lua
 * state, which is what a plain reload does while the server stands; and the same over tls.
 */
#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

#include "bench/bench.h"
#include "bench/sample.h"

extern char **environ;

/* Runs a program with its output into `out` (NUL-terminated, cut at `size`), waits, and returns the wall time
 * in us. Ends the bench if the program fails. */
double run_program(const char *const argv[], char *out, size_t size)
{
    posix_spawn_file_actions_t actions;
    double start = now_us(), end;
    size_t used = 0;
    ssize_t got;
    pid_t child;
    int ends[2], status;

    if (pipe(ends) != 0)
        die("pipe", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    /* posix_spawn promises not to write to the strings; its type cannot say so. */
    if (posix_spawn(&child, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ) != 0)
        die("cannot start", argv[0]);
    close(ends[1]);
    while (used + 1 < size && (got = read(ends[0], out + used, size - 1 - used)) > 0)
        used += (size_t)got;
    out[used] = '\0';
    close(ends[0]);
    if (waitpid(child, &status, 0) != child)
        die("waitpid", strerror(errno));
    end = now_us();
    posix_spawn_file_actions_destroy(&actions);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die("the command failed", out);
    return end - start;
}

static double cost_of(const json_t *report, const char *key)
{
    const json_t *value = json_object_get(json_object_get(report, "cost"), key);

    if (!value)
        die("the report lacks in its cost", key);
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

/* Where a push goes: "--pid", "4121", or "--to", URL. */
struct target {
    const char *option, *value;
};

/* What many pushes took. */
struct pushes {
    struct samples wall, pause_us, total;
    size_t replaced;
};

/* One push of FOLDER/NAME EDITION.lua; its samples are added unless it only warms up. */
static void push_once(const struct bench_options *o, const struct target *target, const char *name,
                      int edition, bool warm_up, struct pushes *pushes)
{
    static char out[1 << 20];
    char spec[4200];
    snprintf(spec, sizeof spec, "fifty=%s/%s%d.lua", o->folder, name, edition);
    const char *push[] = {o->command, "push", target->option, target->value, "--format", "json", spec, NULL};
    double took = run_program(push, out, sizeof out);
    json_error_t error;
    json_t *report = json_loads(out, 0, &error);
    const char *status = json_string_value(json_object_get(report, "status"));

    if (!status || (!warm_up && strcmp(status, "applied") != 0)) /* the first may be there already */
        die("a push was not applied", out);
    if (!warm_up) {
        add_sample(&pushes->wall, took);
        add_sample(&pushes->pause_us, cost_of(report, "pause_us"));
        add_sample(&pushes->total, cost_of(report, "total_us"));
    }
    pushes->replaced = replaced_in(report);
    json_decref(report);
}

/* Pushes the two editions of that name in turn. */
static json_t *push_editions(const struct bench_options *o, const char *name)
{
    static struct pushes pushes;
    static struct samples start;
    static char out[1 << 20];
    const struct target target = {"--pid", o->pid};
    const char *version[] = {o->command, "--version", NULL};

    memset(&pushes, 0, sizeof pushes);
    start.count = 0;
    for (int i = 0; i < o->runs + 2; i++) { /* the first two only warm up */
        push_once(o, &target, name, (i + 1) % 2 + 1, i < 2, &pushes);
        if (i >= 2)
            add_sample(&start, run_program(version, out, sizeof out));
    }
    return json_pack("{s:i, s:I, s:o, s:o, s:o, s:o}", "runs", o->runs, "functions_replaced",
                     (json_int_t)pushes.replaced, "command_ms", summary(&pushes.wall, 1e3),
                     "command_start_ms", summary(&start, 1e3), "pause_us", summary(&pushes.pause_us, 1),
                     "agent_total_us", summary(&pushes.total, 1));
}

/* The same push over ipc and over tls, in turn; certificates come from the environment. Null where the server
 * does not listen. */
static json_t *push_over_tls(const struct bench_options *o, json_t *figures)
{
    static struct pushes ipc, tls;
    const struct target near = {"--pid", o->pid}, far = {"--to", getenv("BENCH_TLS")};

    if (!far.value)
        return json_null();
    for (int i = 0; i < o->runs + 2; i++) {
        push_once(o, &near, "one", 1, i < 2, &ipc);
        push_once(o, &far, "one", 2, i < 2, &tls);
    }
    json_t *result = json_pack("{s:i, s:o, s:o, s:o, s:o}", "runs", o->runs, "ipc_ms",
                               summary(&ipc.wall, 1e3), "tls_ms", summary(&tls.wall, 1e3), "ipc_pause_us",
                               summary(&ipc.pause_us, 1), "tls_pause_us", summary(&tls.pause_us, 1));
    add_figure(figures, "push of one function over tls, certificates on both sides (median)",
               median_in(result, "tls_ms"), "ms", 0);
    add_figure(figures, "  beside it over ipc, in turn (median)", median_in(result, "ipc_ms"), "ms", 0);
    return result;
}

/* Loading and running the module's file in a state, the cost of a reload that loses everything. */
static json_t *bench_reload(const char *folder, int runs)
{
    static struct samples took;
    lua_State *L = luaL_newstate();
    char file[4200];

    if (!L)
        die("no memory", NULL);
    luaL_openlibs(L);
    snprintf(file, sizeof file, "%s/fifty.lua", folder);
    for (int i = 0; i < runs; i++) {
        double begin = now_us();

        if (luaL_dofile(L, file) != LUA_OK)
            die("cannot run", file);
        add_sample(&took, now_us() - begin);
        lua_settop(L, 0);
    }
    lua_close(L);
    return summary(&took, 1);
}

json_t *bench_push(const struct bench_options *o, json_t *figures)
{
    json_t *fifty = push_editions(o, "edition"), *one = push_editions(o, "one"),
           *reload = bench_reload(o->folder, o->runs);
    double own = median_in(one, "command_ms") - median_in(one, "command_start_ms");
    add_figure(figures, "push of one function, process start to exit (median)", median_in(one, "command_ms"),
               "ms", 5);
    add_figure(figures, "  the same, beyond the start of the command", own, "ms", 0);
    add_figure(figures, "  longest stop of the server (median)", median_in(one, "pause_us"), "us", 1000);
    add_figure(figures, "push of 50 functions, process start to exit (median)",
               median_in(fifty, "command_ms"), "ms", 0);
    add_figure(figures, "  longest stop of the server (median)", median_in(fifty, "pause_us"), "us", 1000);
    add_figure(figures, "  the stop, to a reload that loses all state",
               median_in(fifty, "pause_us") / number_in(reload, "median"), "x", 0);
    return json_pack("{s:o, s:o, s:o, s:o}", "fifty", fifty, "one", one, "reload_us", reload, "tls",
                     push_over_tls(o, figures));
}
