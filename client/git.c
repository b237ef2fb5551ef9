#include "client/git.h"

#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdint.h>
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
    if (rev[0] == '\0' || rev[0] == '-' || strstr(rev, "..") != NULL || strchr(rev, ':') != NULL)
        return hp_cli_fail(cli, HP_USAGE, NULL, "--git takes a commit, a branch or a tag, not \"%s\"", rev);
    return true;
}

/* Starts git with both outputs piped and no input. 0 or an errno. */
static int git_start(struct git_run *run, char *const argv[])
{
    int out[2];
    int err[2];
    if (pipe(out) != 0)
        return errno;
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
    if (got < 0 && errno == EINTR)
        return;
    if (got > 0)
        hp_text_addn(text, buf, (size_t)got);
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
        if (poll(fds, 2, -1) < 0)
            continue; /* EINTR */
        if (run->out >= 0 && fds[0].revents != 0)
            git_drain(&run->out, &run->out_text);
        if (run->err >= 0 && fds[1].revents != 0)
            git_drain(&run->err, &run->err_text);
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

/* Runs git with these arguments (NULL-terminated, argv[0] is "git"); its output is in run->out_text. False
 * with the error recorded: with `what` (printf'd by the caller) before git's own words. */
static bool git_run(struct hp_cli *cli, struct git_run *run, const char *const argv[], const char *what,
                    const char *hint)
{
    *run = (struct git_run){.out = -1, .err = -1};
    hp_text_init(&run->out_text, cli->err);
    hp_text_init(&run->err_text, cli->err);
    if (!hp_cli_check_memory(cli))
        return false;
    int error = git_start(run, (char *const *)(uintptr_t)argv);
    if (error != 0) {
        if (run->out >= 0) {
            close(run->out);
            close(run->err);
        }
        return hp_cli_fail(cli, HP_LOAD_FAILED, "install git, or give the old source with --base FILE",
                           "cannot run git: %s", strerror(error));
    }
    bool ended = git_finish(run);
    if (run->out_text.failed || run->out_text.len > HP_MAX_MESSAGE) /* then git did not end well either */
        return hp_cli_fail(cli, HP_LIMIT, NULL, "--git %s: too large; nothing was sent", what);
    if (!ended) {
        return hp_cli_fail(cli, HP_LOAD_FAILED, hint, "--git %s: %s; nothing was sent", what,
                           git_message(cli, run));
    }
    return true;
}

static void git_end(struct git_run *run)
{
    hp_text_fini(&run->out_text);
    hp_text_fini(&run->err_text);
}

/* The output of git, as it is, into the arena of the invocation. */
static bool git_output(struct hp_cli *cli, const char *const argv[], const char *what, const char *hint,
                       struct hp_bytes *out)
{
    struct git_run run;
    bool ok = git_run(cli, &run, argv, what, hint);
    if (ok) {
        out->data = hp_arena_strn(&cli->arena, hp_text_str(&run.out_text), run.out_text.len);
        out->len = hp_arena_failed(&cli->arena) ? 0 : run.out_text.len;
        ok = hp_cli_check_memory(cli);
    }
    git_end(&run);
    return ok;
}

static const char *without_newline(struct hp_cli *cli, struct hp_bytes text)
{
    size_t len = text.len > 0 && text.data[text.len - 1] == '\n' ? text.len - 1 : text.len;
    return hp_arena_strn(&cli->arena, text.data, len);
}

static bool git_source(struct hp_cli *cli, const char *const argv[], const char *what, struct hp_bytes *text)
{
    if (!git_output(cli, argv, what,
                    "try git -C DIR show REV:./FILE yourself, or give the old source with --base FILE", text))
        return false;
    hp_source_trim(&cli->arena, text);
    return hp_cli_check_memory(cli);
}

bool hp_git_show(struct hp_cli *cli, const char *rev, const char *file, struct hp_bytes *text)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash != NULL ? slash + 1 : file;
    const char *dir = slash == NULL   ? "."
                      : slash == file ? "/"
                                      : hp_arena_strn(&cli->arena, file, (size_t)(slash - file));
    const char *object = hp_arena_printf(&cli->arena, "%s:./%s", rev, name);
    const char *what = hp_arena_printf(&cli->arena, "%s: %s has no such version", rev, file);
    const char *argv[] = {"git", "-C", dir, "cat-file", "blob", object, NULL};
    return git_source(cli, argv, what, text);
}

bool hp_git_blob(struct hp_cli *cli, const char *top, const char *rev, const char *path,
                 struct hp_bytes *text)
{
    const char *object = hp_arena_printf(&cli->arena, "%s:%s", rev, path);
    const char *what = hp_arena_printf(&cli->arena, "%s: %s has no such version", rev, path);
    const char *argv[] = {"git", "-C", top, "cat-file", "blob", object, NULL};
    return git_source(cli, argv, what, text);
}

const char *hp_git_top(struct hp_cli *cli)
{
    struct hp_bytes out = {0};
    const char *argv[] = {"git", "rev-parse", "--show-toplevel", NULL};
    bool ok = git_output(cli, argv, cli->git,
                         "run hotpatch in the work tree that the server's files come from", &out);
    return ok ? without_newline(cli, out) : NULL;
}

const char *hp_git_commit(struct hp_cli *cli, const char *top, const char *rev)
{
    struct hp_bytes out = {0};
    const char *object = hp_arena_printf(&cli->arena, "%s^{commit}", rev);
    const char *what = hp_arena_printf(&cli->arena, "%s: there is no commit \"%s\"", cli->git, rev);
    const char *argv[] = {"git", "-C", top, "rev-parse", "--verify", "--end-of-options", object, NULL};
    return git_output(cli, argv, what, "git log --oneline lists commits, git tag lists tags", &out)
               ? without_newline(cli, out)
               : NULL;
}

/* The next of the strings that NULs end; NULL after the last. */
static const char *next_string(struct hp_bytes text, size_t *at)
{
    if (*at >= text.len)
        return NULL;
    const char *found = text.data + *at;
    *at += strlen(found) + 1; /* the text is followed by a NUL of the arena's */
    return found;
}

bool hp_git_changes(struct hp_cli *cli, const char *top, const char *a, const char *b,
                    struct hp_git_changes *changes)
{
    struct hp_bytes out = {0};
    const char *argv[] = {"git", "-C", top, "diff-tree", "-r", "-z", "-M", "--name-status", a, b, NULL};
    const char *status;
    size_t at = 0;
    if (!git_output(cli, argv, cli->git, NULL, &out))
        return false;
    while ((status = next_string(out, &at)) != NULL) {
        struct hp_git_change change = {.status = status[0]};
        change.from = change.status == 'R' || change.status == 'C' ? next_string(out, &at) : NULL;
        change.path = next_string(out, &at);
        struct hp_git_change *slot = change.path != NULL ? HP_PUSH(&cli->arena, &changes->list) : NULL;
        if (slot != NULL)
            *slot = change;
    }
    return hp_cli_check_memory(cli);
}

bool hp_git_files(struct hp_cli *cli, const char *top, const char *rev, struct hp_git_files *files)
{
    struct hp_bytes out = {0};
    const char *argv[] = {"git", "-C", top, "ls-tree", "-r", "-z", "--full-tree", "--name-only", rev, NULL};
    const char *path;
    size_t at = 0;
    if (!git_output(cli, argv, cli->git, NULL, &out))
        return false;
    while ((path = next_string(out, &at)) != NULL) {
        const char **slot = HP_PUSH(&cli->arena, &files->list);
        if (slot != NULL)
            *slot = path;
    }
    return hp_cli_check_memory(cli);
}
