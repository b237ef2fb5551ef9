#define _GNU_SOURCE /* pipe2 */
#include "client/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/arena.h"

#define MOST (64u << 20) /* bytes that one may print */

extern char **environ;

static void give_up(struct hp_child *c)
{
    c->ended = true;
    c->exit = 1;
    c->pipe = -1;
}

void hp_child_start(struct hp_child *c, char *const args[])
{
    int ends[2];
    posix_spawn_file_actions_t actions;
    if (args == NULL || pipe2(ends, O_CLOEXEC) != 0) {
        give_up(c);
        return;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    int error = posix_spawn(&c->pid, "/proc/self/exe", &actions, NULL, args, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error != 0) {
        close(ends[0]);
        give_up(c);
        return;
    }
    c->pipe = ends[0];
}

static bool make_room(struct hp_child *c)
{
    size_t cap = c->cap == 0 ? 4096 : c->cap * 2;
    char *text = c->len < MOST ? hp_mem_realloc(c->text, cap) : NULL;
    if (text != NULL) {
        c->text = text;
        c->cap = cap;
    }
    return text != NULL;
}

static void end(struct hp_child *c)
{
    int status = 0;
    close(c->pipe);
    c->pipe = -1;
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) { /* interrupted: again */
    }
    c->ended = true;
    c->exit = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void read_some(struct hp_child *c)
{
    if (c->cap - c->len < 1024 && !make_room(c)) {
        end(c); /* it gets a broken pipe */
        return;
    }
    ssize_t n = read(c->pipe, c->text + c->len, c->cap - c->len);
    if (n > 0)
        c->len += (size_t)n;
    else if (n == 0 || errno != EINTR)
        end(c);
}

void hp_children_wait(struct hp_child *const children[], size_t count,
                      void (*on_end)(void *ctx, struct hp_child *child), void *ctx)
{
    for (;;) {
        struct pollfd fds[HP_CHILDREN];
        size_t open = 0;
        for (size_t i = 0; i < count; i++) {
            fds[i] = (struct pollfd){.fd = children[i]->ended ? -1 : children[i]->pipe, .events = POLLIN};
            open += !children[i]->ended;
        }
        if (open == 0)
            return;
        if (poll(fds, (nfds_t)count, -1) < 0)
            continue;
        for (size_t i = 0; i < count; i++) {
            if (fds[i].revents != 0)
                read_some(children[i]);
            if (fds[i].fd >= 0 && children[i]->ended)
                on_end(ctx, children[i]);
        }
    }
}

void hp_child_fini(struct hp_child *c)
{
    hp_mem_free(c->text);
    *c = (struct hp_child){.pipe = -1};
}
