#define _GNU_SOURCE /* pipe2 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

extern char **environ;

/* `err`: our end and the child's. */
static struct child start(const char *program, char *const argv[], const int err[2])
{
    int in[2];
    int out[2];
    struct child child;
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, err[1], 2);
    assert_int_equal(posix_spawn(&child.pid, program, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    close(err[1]);
    child.in = in[1];
    child.out = out[0];
    child.err = err[0];
    return child;
}

struct child child_start(const char *program, char *const argv[])
{
    int err[2];
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    return start(program, argv, err);
}

/* Both streams to their ends, side by side. */
static void read_both(struct child *child, char *text[2])
{
    struct pollfd fds[2] = {{child->out, POLLIN, 0}, {child->err, POLLIN, 0}};
    size_t len[2] = {0, 0};
    text[0] = calloc(1, 1);
    text[1] = calloc(1, 1);
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        assert_true(poll(fds, 2, 60000) > 0);
        for (int i = 0; i < 2; i++) {
            if (fds[i].fd < 0 || fds[i].revents == 0)
                continue;
            char buf[4096];
            ssize_t got = read(fds[i].fd, buf, sizeof buf);
            if (got <= 0) {
                close(fds[i].fd);
                fds[i].fd = -1;
                continue;
            }
            text[i] = realloc(text[i], len[i] + (size_t)got + 1);
            memcpy(text[i] + len[i], buf, (size_t)got);
            len[i] += (size_t)got;
            text[i][len[i]] = '\0';
        }
    }
}

static int wait_for(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct run child_finish(struct child *child, const char *input)
{
    struct run run;
    char *text[2];
    if (input != NULL)
        assert_int_equal(write(child->in, input, strlen(input)), strlen(input));
    close(child->in);
    read_both(child, text);
    run.out = text[0];
    run.err = text[1];
    run.status = wait_for(child->pid);
    return run;
}

static const char *client_program(void)
{
    const char *program = getenv("HP_TEST_CLIENT");
    assert_non_null(program);
    return program;
}

struct child child_client(char *const argv[])
{
    return child_start(client_program(), argv);
}

struct child child_on_terminal(char *const argv[], int columns)
{
    int err[2];
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    err[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(err[0] >= 0);
    assert_int_equal(grantpt(err[0]) | unlockpt(err[0]), 0);
    err[1] = open(ptsname(err[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(err[1] >= 0);
    assert_int_equal(ioctl(err[1], TIOCSWINSZ, &size), 0);
    return start(client_program(), argv, err);
}

struct run run_client(const char *input, ...)
{
    char *argv[32] = {(char *)"hotpatch"};
    size_t argc = 1;
    va_list ap;
    va_start(ap, input);
    for (char *arg = va_arg(ap, char *); arg != NULL; arg = va_arg(ap, char *)) {
        assert_true(argc < 31);
        argv[argc++] = arg;
    }
    va_end(ap);
    struct child child = child_client(argv);
    return child_finish(&child, input);
}

void run_free(struct run *run)
{
    free(run->out);
    free(run->err);
}

struct child agent_start(const char *pattern, const char *mode)
{
    const char *program = getenv("HP_TEST_AGENT");
    char *argv[] = {(char *)"fake_agent", (char *)pattern, (char *)mode, NULL};
    char ready[6];
    assert_non_null(program);
    struct child child = child_start(program, argv);
    size_t have = 0;
    while (have < sizeof ready) {
        ssize_t got = read(child.out, ready + have, sizeof ready - have);
        assert_true(got > 0);
        have += (size_t)got;
    }
    assert_memory_equal(ready, "ready\n", 6);
    return child;
}

void agent_stop(struct child *agent, char **err)
{
    struct run run = child_finish(agent, NULL);
    if (err != NULL) {
        *err = run.err;
        run.err = NULL;
    }
    run_free(&run);
}
