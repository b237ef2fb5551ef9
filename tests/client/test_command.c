/* The program as people run it, against a fake agent that can behave in every way. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/arena.h"
#include "proto/report.h"
#include "run.h"

static char dir[] = "/tmp/hp-cmd-XXXXXX";
static char socket_pattern[64];
static char good[64];
static char bad[64];
static char old[64];

static void write_file(char *path, const char *name, const char *text)
{
    snprintf(path, 64, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL || setenv("HOTPATCH_DIR", dir, 1) != 0 || setenv("HOTPATCH_ONLY", "1", 1) != 0 ||
        unsetenv("XDG_RUNTIME_DIR") != 0 || setenv("LC_ALL", "C", 1) != 0)
        return -1;
    snprintf(socket_pattern, sizeof socket_pattern, "%s/%%d.sock", dir);
    write_file(good, "good.lua", "return 1");
    write_file(bad, "bad.lua", "local a\nreturn = 1\n");
    write_file(old, "old.lua", "return 0");
    return 0;
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

/* A "--pid=N" for an agent, in static memory. */
static char *pid_of(const struct child *agent)
{
    static char text[32];
    snprintf(text, sizeof text, "--pid=%d", (int)agent->pid);
    return text;
}

static void expect(const struct run *run, int status, const char *out, const char *err)
{
    if (run->status != status || (out != NULL && strstr(run->out, out) == NULL) ||
        (err != NULL && strstr(run->err, err) == NULL)) {
        fail_msg("status %d, expected %d\nout: %s\nexpected: %s\nerr: %s\nexpected: %s", run->status, status,
                 run->out, out != NULL ? out : "", run->err, err != NULL ? err : "");
    }
}

#define EXPECT(expected, out, err, ...)                                                                      \
    do {                                                                                                     \
        struct run run_ = run_client(__VA_ARGS__, (char *)NULL);                                             \
        expect(&run_, (expected), (out), (err));                                                             \
        run_free(&run_);                                                                                     \
    } while (0)

static void without_a_server(void **state)
{
    (void)state;
    EXPECT(0, "hotpatch 0.1.0", NULL, NULL, "--version");
    EXPECT(0, "repair a running Lua server", NULL, NULL, "help");
    EXPECT(0, "hotpatch push [TARGET]", NULL, NULL, "help", "push");
    EXPECT(0, "hotpatch push [TARGET]", NULL, NULL, "push", "--help");
    EXPECT(0, "R06  ", NULL, NULL, "explain", "r6");
    EXPECT(0, "exit status 3", NULL, NULL, "explain", "refused");
    EXPECT(0, "\"code\":\"R06\"", NULL, NULL, "explain", "R06", "--format=json");
    EXPECT(64, NULL, "did you mean", NULL, "explain", "R21");
    EXPECT(64, NULL, "did you mean push?", NULL, "psuh");
    EXPECT(64, NULL, "did you mean --effects?", NULL, "push", "--efects");
    EXPECT(64, "\"status\":\"usage\"", "did you mean", NULL, "push", "--efects", "--format=json");
    EXPECT(64, NULL, "needs a file", NULL, "push");
    EXPECT(64, NULL, "-e CODE or one FILE", NULL, "eval");
    EXPECT(64, NULL, "one module", NULL, "inspect");
    EXPECT(64, NULL, "no number", NULL, "revert", "x");
}

static void nobody_there(void **state)
{
    (void)state;
    EXPECT(4, NULL, "there is no process 2000000000", NULL, "status", "--pid=2000000000");
    EXPECT(4, NULL, "runs, but has no agent", NULL, "status", "--pid=1");
    EXPECT(4, NULL, "there is no such socket", NULL, "status", "--to=ipc:///nonexistent/x.sock");
    EXPECT(4, "\"status\":\"unreachable\"", NULL, NULL, "status", "--to=ipc:///nonexistent/x.sock",
           "--format=json");
    EXPECT(64, NULL, "for this machine alone", NULL, "status", "--to=tcp://host:1");
    EXPECT(64, NULL, "lacks a host or a port", NULL, "status", "--to=tls+tcp://host");
    EXPECT(64, NULL, "--tls-ca", NULL, "status", "--to=tls+tcp://host:1");
    EXPECT(64, NULL, "cannot read /none", NULL, "status", "--to=tls+tcp://host:1", "--tls-ca=/none",
           "--tls-cert=/none", "--tls-key=/none");
    EXPECT(64, NULL, "takes a URL", NULL, "status", "--to=/tmp/x.sock");
    EXPECT(4, NULL, "no agent was found", NULL, "status", "--name=nosuch");
}

static void bad_chunks_stay_here(void **state)
{
    char *err = NULL;
    (void)state;
    struct child agent = agent_start(socket_pattern, "applied");
    EXPECT(1, NULL, "bad.lua:2: unexpected symbol near '='\n     2 | return = 1\n                ^\n", NULL,
           "push", pid_of(&agent), bad);
    EXPECT(1, "\"status\":\"load_failed\"", NULL, NULL, "push", pid_of(&agent), bad, "--format=json");
    EXPECT(1, NULL, "bad.lua:2:", NULL, "push", pid_of(&agent), good, "--base", bad);
    EXPECT(3, NULL, "precompiled", "\x1bLua", "push", pid_of(&agent), "m=-");
    EXPECT(1, NULL, "No such file", NULL, "push", pid_of(&agent), "/nonexistent.lua");
    EXPECT(64, NULL, "two dots", NULL, "push", pid_of(&agent), "--git", "A...B", good);
    EXPECT(64, NULL, "which module", NULL, "push", pid_of(&agent), "-");
    EXPECT(1, NULL, "(eval):1:", NULL, "eval", pid_of(&agent), "-e", "x = = 1");
    agent_stop(&agent, &err);
    assert_string_equal(err, ""); /* nothing was asked */
    free(err);
}

static void a_push(void **state)
{
    char module[96];
    char base[96];
    (void)state;
    struct child agent = agent_start(socket_pattern, "applied");
    EXPECT(0, "applied patch 3: 1 function, 1 upvalue joined, 1 absent, paused 0.18 ms\n", NULL, NULL, "push",
           pid_of(&agent), good);
    snprintf(module, sizeof module, "mymodule=%s", good);
    snprintf(base, sizeof base, "--base=mymodule=%s", old);
    EXPECT(0, "source=return 1 base=return 0 label=", NULL, NULL, "push", pid_of(&agent), module, base);
    EXPECT(0, "strict=1 effects=new message=why\n    accept=R04\n    accept=R12", NULL, NULL, "push",
           pid_of(&agent), module, "--strict", "--effects=new", "--message", "why", "--accept=R04,R12");
    EXPECT(0, "module=m file=stdin source=return 5 ", NULL, "return 5", "push", pid_of(&agent), "m=-");
    EXPECT(0, "state=fight deadline=1500", NULL, NULL, "push", pid_of(&agent), module, "--state=fight",
           "--timeout=1.5");
    EXPECT(0, "\"verdict\":\"replaced\"", NULL, NULL, "push", pid_of(&agent), module, "--format", "json");
    EXPECT(0, "code=return 6*7 name==(eval)\n42\n", NULL, NULL, "eval", pid_of(&agent), "-e", "6*7");
    EXPECT(0, "code=x = 1 name=", NULL, NULL, "eval", pid_of(&agent), "-e", "x = 1");
    EXPECT(0, "no patches", NULL, NULL, "log", pid_of(&agent));
    EXPECT(0, "lua5.4 game.lua", NULL, NULL, "status", pid_of(&agent));
    EXPECT(0, "lua5.4 game.lua", NULL, NULL, "status", "--name=game");
    EXPECT(4, NULL, "did you mean game?", NULL, "status", "--name=gmae");
    agent_stop(&agent, NULL);
}

static void a_module_by_its_file(void **state)
{
    (void)state;
    struct child agent = agent_start(socket_pattern, "plan");
    char *argv[] = {"hotpatch", "diff", pid_of(&agent), "good.lua", NULL};
    char *before = getcwd(NULL, 0);
    assert_int_equal(chdir(dir), 0);
    struct child client = child_client(argv);
    struct run run = child_finish(&client, NULL);
    char expected[128];
    snprintf(expected, sizeof expected, "module=- file=%s ",
             good); /* absolute: the agent has another directory */
    expect(&run, 0, expected, NULL);
    run_free(&run);
    assert_int_equal(chdir(before), 0);
    free(before);
    agent_stop(&agent, NULL);
}

static void exit_code_of_diff(void **state)
{
    (void)state;
    struct child agent = agent_start(socket_pattern, "plan");
    EXPECT(0, "planned, nothing changed", NULL, NULL, "diff", pid_of(&agent), good);
    EXPECT(2, "planned, nothing changed", NULL, NULL, "diff", pid_of(&agent), good, "--exit-code");
    struct run run = run_client(NULL, "diff", pid_of(&agent), good, "--quiet", "--exit-code", (char *)NULL);
    assert_int_equal(run.status, 2);
    assert_string_equal(run.out, "");
    assert_string_equal(run.err, "");
    run_free(&run);
    agent_stop(&agent, NULL);
}

static void a_refusal(void **state)
{
    (void)state;
    struct child agent = agent_start(socket_pattern, "refused");
    EXPECT(3, "x R04  mymodule.online\n",
           "hotpatch: refused: 1 edit was refused; nothing changed\n  -> hotpatch explain R04\n", NULL,
           "push", pid_of(&agent), good);
    EXPECT(3, "a table\\x1b[31m", NULL, NULL, "push", pid_of(&agent), good,
           "--quiet"); /* a failure is told all the same */
    agent_stop(&agent, NULL);
}

static void ps_and_the_only_agent(void **state)
{
    char both[64];
    (void)state;
    struct child one = agent_start(socket_pattern, "applied");
    EXPECT(0, "game  main", NULL, NULL, "ps");
    EXPECT(0, "[{\"pid\":", NULL, NULL, "ps", "--format=json");
    EXPECT(0, "applied patch 3", NULL, NULL, "push", good);
    struct child two = agent_start(socket_pattern, "applied");
    snprintf(both, sizeof both, "%d", (int)two.pid);
    EXPECT(0, both, NULL, NULL, "ps");
    EXPECT(64, NULL, "there are 2 agents on this machine", NULL, "push", good);
    snprintf(both, sizeof both, "--pid %d  game  lua5.4 game.lua", (int)two.pid);
    EXPECT(64, NULL, both, NULL, "push", good);
    EXPECT(64, NULL, "2 agents are called \"game\"", NULL, "push", "--name=game", good);
    agent_stop(&one, NULL);
    agent_stop(&two, NULL);
}

static void another_version(void **state)
{
    (void)state;
    struct child agent = agent_start(socket_pattern, "version");
    EXPECT(4, NULL, "version_mismatch", NULL, "push", pid_of(&agent), good);
    EXPECT(4, "\"status\":\"version_mismatch\"", NULL, NULL, "push", pid_of(&agent), good, "--format=json");
    agent_stop(&agent, NULL);
}

static void an_answer_that_is_none(void **state)
{
    (void)state;
    struct child agent = agent_start(socket_pattern, "garbage");
    EXPECT(70, NULL, "uncertain", NULL, "push", pid_of(&agent), good);
    EXPECT(4, NULL, NULL, NULL, "status", pid_of(&agent));
    agent_stop(&agent, NULL);
}

static void the_connection_is_lost(void **state)
{
    (void)state;
    struct child agent = agent_start(socket_pattern, "lost");
    EXPECT(70, NULL, "--id abc123", NULL, "push", pid_of(&agent), good, "--id=abc123");
    agent_stop(&agent, NULL);
}

static void a_process_that_is_stopped(void **state)
{
    (void)state;
    struct child agent = agent_start(socket_pattern, "applied");
    assert_int_equal(kill(agent.pid, SIGSTOP), 0);
    EXPECT(4, NULL, "nothing was sent", NULL, "push", pid_of(&agent), good, "--timeout=0.2");
    EXPECT(4, NULL, "it may be stopped", NULL, "push", good, "--timeout=0.2");
    assert_int_equal(kill(agent.pid, SIGCONT), 0);
    agent_stop(&agent, NULL);
}

static void a_started_request_is_waited_for(void **state)
{
    (void)state;
    struct child agent = agent_start(socket_pattern, "running");
    struct run run = run_client(NULL, "push", pid_of(&agent), good, "--timeout=0.1", (char *)NULL);
    expect(&run, 0, "applied patch 3", NULL);
    assert_string_equal(run.err, ""); /* no terminal, no progress */
    run_free(&run);
    agent_stop(&agent, NULL);
}

/* Starts a push, waits until the agent has it, sends SIGINT. */
static struct run interrupt(const char *mode, char **err)
{
    struct child agent = agent_start(socket_pattern, mode);
    char *argv[] = {"hotpatch", "push", pid_of(&agent), good, "--id=abc123", NULL};
    struct child client = child_client(argv);
    char line[12];
    size_t have = 0;
    while (have < sizeof line) { /* "push abc123\n" on the agent's standard error */
        ssize_t got = read(agent.err, line + have, sizeof line - have);
        assert_true(got > 0);
        have += (size_t)got;
    }
    assert_int_equal(kill(client.pid, SIGINT), 0);
    struct run run = child_finish(&client, NULL);
    agent_stop(&agent, err);
    return run;
}

static void interrupted_before_it_started(void **state)
{
    char *err = NULL;
    (void)state;
    struct run run = interrupt("waiting", &err);
    expect(&run, 6, NULL, "was withdrawn: nothing changed");
    assert_non_null(strstr(err, "cancel "));
    run_free(&run);
    free(err);
}

static void interrupted_while_it_runs(void **state)
{
    (void)state;
    struct run run = interrupt("sliced", NULL);
    expect(&run, 6, NULL, "given up; nothing changed");
    run_free(&run);
}

static void interrupted_while_it_does_not_listen(void **state)
{
    (void)state;
    struct run run = interrupt("running", NULL);
    expect(&run, 70, NULL, "was asked to give it up");
    expect(&run, 70, NULL, "--id abc123");
    run_free(&run);
}

/* --- on a terminal ---------------------------------------------------------------------------- */

/* A push that is answered after its third question how it goes. */
static struct run push_on_terminal(int columns, const char *option)
{
    struct child agent = agent_start(socket_pattern, "running");
    char *argv[] = {"hotpatch", "push", pid_of(&agent), good, (char *)option, NULL};
    struct child client = child_on_terminal(argv, columns);
    struct run run = child_finish(&client, NULL);
    agent_stop(&agent, NULL);
    return run;
}

static void progress_on_a_terminal(void **state)
{
    (void)state;
    struct run run = push_on_terminal(200, NULL);
    expect(&run, 0, "applied patch 3",
           "push: search\\x1b[2J, 1,234,567 objects in 42 slices, longest stop 0.98 ms, ");
    size_t len = strlen(run.err);
    assert_true(len > 4);
    assert_string_equal(run.err + len - 4, "\r\033[K"); /* erased */
    assert_null(strchr(run.err, '\n'));
    run_free(&run);
}

static void progress_on_a_narrow_terminal(void **state)
{
    (void)state;
    struct run run = push_on_terminal(20, NULL);
    expect(&run, 0, "applied patch 3", "\r\033[Kpush: search\\x1b[2J\r\033[K");
    run_free(&run);
}

static void no_progress_when_quiet(void **state)
{
    (void)state;
    struct run run = push_on_terminal(80, "--quiet");
    expect(&run, 0, NULL, NULL);
    assert_string_equal(run.err, "");
    run_free(&run);
}

static void a_request_that_is_too_large(void **state)
{
    char path[64];
    char *err = NULL;
    (void)state;
    struct child agent = agent_start(socket_pattern, "applied");
    char *text = malloc((16u << 20) + 1);
    memset(text, '-', 16u << 20); /* one long comment */
    text[16u << 20] = '\0';
    write_file(path, "large.lua", text);
    free(text);
    EXPECT(1, NULL, "nothing was sent", NULL, "push", pid_of(&agent), path);
    agent_stop(&agent, &err);
    assert_string_equal(err, "");
    free(err);
}

static void standard_output_is_full(void **state)
{
    char *argv[] = {"sh", "-c", "\"$HP_TEST_CLIENT\" help > /dev/full", NULL};
    (void)state;
    struct child child = child_start("/bin/sh", argv);
    struct run run = child_finish(&child, NULL);
    expect(&run, 74, NULL, "cannot write to standard output");
    run_free(&run);
}

static void ids_differ(void **state)
{
    char *err = NULL;
    (void)state;
    struct child agent = agent_start(socket_pattern, "applied");
    EXPECT(0, NULL, NULL, NULL, "push", pid_of(&agent), good);
    EXPECT(0, NULL, NULL, NULL, "push", pid_of(&agent), good);
    agent_stop(&agent, &err);
    char a[64] = "";
    char b[64] = "";
    assert_int_equal(sscanf(err, "push %63s push %63s", a, b), 2);
    assert_int_equal(strlen(a), 32);
    assert_string_not_equal(a, b);
    free(err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_server),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(bad_chunks_stay_here),
        cmocka_unit_test(a_push),
        cmocka_unit_test(a_module_by_its_file),
        cmocka_unit_test(exit_code_of_diff),
        cmocka_unit_test(a_refusal),
        cmocka_unit_test(ps_and_the_only_agent),
        cmocka_unit_test(another_version),
        cmocka_unit_test(an_answer_that_is_none),
        cmocka_unit_test(the_connection_is_lost),
        cmocka_unit_test(a_process_that_is_stopped),
        cmocka_unit_test(a_started_request_is_waited_for),
        cmocka_unit_test(interrupted_before_it_started),
        cmocka_unit_test(interrupted_while_it_runs),
        cmocka_unit_test(interrupted_while_it_does_not_listen),
        cmocka_unit_test(progress_on_a_terminal),
        cmocka_unit_test(progress_on_a_narrow_terminal),
        cmocka_unit_test(no_progress_when_quiet),
        cmocka_unit_test(a_request_that_is_too_large),
        cmocka_unit_test(standard_output_is_full),
        cmocka_unit_test(ids_differ),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
