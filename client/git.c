#include "client/git.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/source.h"
#include "client/text.h"
#include "proto/protocol.h"

extern char **environ;

struct git_run {
    int out; /* our ends of the pipes; -1: closed */
    int err;
    pid_t pid;
    struct hp_text out_text;
    struct hp_text err_text;
};

bool hp_git_check_rev(struct hp_cli *cli, const char *rev)
{
    if (strstr(rev, "..") != NULL) {
        return hp_cli_fail(cli, HP_USAGE, "give the commit that runs now: --git REV, and the new files",
                           "--git %s: a range of commits is not supported in this version", rev);
    }
    if (rev[0] == '-' || strchr(rev, ':') != NULL) {
        return hp_cli_fail(cli, HP_USAGE, NULL, "--git takes a commit, a branch or a tag, not \"%s\"", rev);
    }
    return true;
}

/* Starts git with both outputs piped and no input. 0 or an errno. */
static int git_start(struct git_run *run, char *const argv[])
{
    int out[2];
    int err[2];
    if (pipe(out) != 0) {
        return errno;
    }
    if (pipe(err) != 0) {
        int error = errno;
        close(out[0]);
        close(out[1]);
        return error;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", 0, 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
    for (int i = 0; i < 2; i++) {
        posix_spawn_file_actions_addclose(&actions, out[i]);
        posix_spawn_file_actions_addclose(&actions, err[i]);
    }
    int error = posix_spawnp(&run->pid, "git", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(err[1]);
    run->out = out[0];
    run->err = err[0];
    return error;
}

/* One read; the descriptor is closed and set to -1 at the end of its input, or when there is too much of it.
 */
static void git_drain(int *fd, struct hp_text *text)
{
    char buf[16384];
    ssize_t got = read(*fd, buf, sizeof buf);
    if (got < 0 && errno == EINTR) {
        return;
    }
    if (got > 0) {
        hp_text_addn(text, buf, (size_t)got);
    }
    if (got <= 0 || text->len > HP_MAX_MESSAGE || text->failed) {
        close(*fd);
        *fd = -1;
    }
}

/* Reads both outputs to their ends and reaps. True: git ended well. */
static bool git_finish(struct git_run *run)
{
    while (run->out >= 0 || run->err >= 0) {
        struct pollfd fds[2] = {{run->out, POLLIN, 0}, {run->err, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0) {
            continue; /* EINTR */
        }
        if (run->out >= 0 && fds[0].revents != 0) {
            git_drain(&run->out, &run->out_text);
        }
        if (run->err >= 0 && fds[1].revents != 0) {
            git_drain(&run->err, &run->err_text);
        }
    }
    int status = 0;
    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* git's own message, its first line without "fatal: ". */
static const char *git_message(struct hp_cli *cli, struct git_run *run)
{
    const char *text = hp_text_str(&run->err_text);
    text = strncmp(text, "fatal: ", 7) == 0 ? text + 7 : text;
    size_t len = strcspn(text, "\n");
    return len > 0 ? hp_arena_strn(&cli->arena, text, len) : "git failed";
}

bool hp_git_show(struct hp_cli *cli, const char *rev, const char *file, struct hp_bytes *text)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash != NULL ? slash + 1 : file;
    const char *dir = slash == NULL   ? "."
                      : slash == file ? "/"
                                      : hp_arena_strn(&cli->arena, file, (size_t)(slash - file));
    const char *object = hp_arena_printf(&cli->arena, "%s:./%s", rev, name);
    if (!hp_cli_check_memory(cli)) {
        return false;
    }
    char *argv[] = {(char *)"git",  (char *)"-C",   (char *)dir, (char *)"cat-file",
                    (char *)"blob", (char *)object, NULL};
    struct git_run run = {.out = -1, .err = -1};
    hp_text_init(&run.out_text, cli->err);
    hp_text_init(&run.err_text, cli->err);
    int error = git_start(&run, argv);
    bool ok = false;
    if (error != 0) {
        if (run.out >= 0) {
            close(run.out);
            close(run.err);
        }
        hp_cli_fail(cli, HP_LOAD_FAILED, "install git, or give the old source with --base FILE",
                    "cannot run git: %s", strerror(error));
    } else if (!git_finish(&run)) {
        hp_cli_fail(cli, HP_LOAD_FAILED,
                    "try git -C DIR show REV:./FILE yourself, or give the old source with --base FILE",
                    "--git %s: %s has no such version: %s; nothing was sent", rev, file,
                    git_message(cli, &run));
    } else if (run.out_text.failed || run.out_text.len > HP_MAX_MESSAGE) {
        hp_cli_fail(cli, HP_LIMIT, NULL, "--git %s: %s is too large; nothing was sent", rev, file);
    } else {
        text->data = hp_arena_strn(&cli->arena, hp_text_str(&run.out_text), run.out_text.len);
        text->len = hp_arena_failed(&cli->arena) ? 0 : run.out_text.len;
        hp_source_trim(&cli->arena, text);
        ok = hp_cli_check_memory(cli);
    }
    hp_text_fini(&run.out_text);
    hp_text_fini(&run.err_text);
    return ok;
}
