/* Forks. nng aborts a process that uses it in a forked child, and a child that keeps the parent's socket open
 * makes clients wait for ever: so each child here does what a server might, and must end by itself with
 * status 0. */
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_engine.h"
#include "hotpatch/hotpatch.h"

static lua_State *L;

static int setup(void **state)
{
    (void)state;
    folder_make();
    fake_reset();
    L = new_state();
    run_lua(L, "hotpatch.start { name = 'parent', listen = { 'tcp://127.0.0.1:0' } }");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lua_close(L);
    assert_int_equal(folder_count(), 0);
    folder_remove();
    return 0;
}

/* cmocka's asserts would go on with the parent's tests: in a child, a failed one ends it here. */
#define CHILD_ASSERT(condition)                                                                              \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "in the child, line %d: %s\n", __LINE__, #condition);                            \
            _exit(1);                                                                                        \
        }                                                                                                    \
    } while (0)

static void in_child(void (*body)(void))
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(60);
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the child ended with status %#x", (unsigned)status);
}

/* Of the agent: unix ones in its folder, and tcp ones. */
static int agent_sockets(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        struct sockaddr_un address;
        socklen_t len = sizeof address;
        memset(&address, 0, sizeof address);
        if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
            continue;
        bool own = address.sun_family == AF_UNIX && strstr(address.sun_path, folder);
        count += own || address.sun_family == AF_INET;
    }
    return count;
}

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

/* What a child of an open agent does. */
static void live_as_a_child(void)
{
    CHILD_ASSERT(hotpatch_poll(L) == 0);
    CHILD_ASSERT(!readable(hotpatch_fd(L)));
    CHILD_ASSERT(agent_sockets() == 0);
    CHILD_ASSERT(hotpatch_start(L, NULL) != 0);
    CHILD_ASSERT(strstr(lua_tostring(L, -1), "forked"));
    lua_settop(L, 0);
    /* The engine itself needs no thread and goes on. */
    CHILD_ASSERT(luaL_dostring(L, "assert(hotpatch.patch{module='m', source=''}.status == 'applied')") ==
                 LUA_OK);
    CHILD_ASSERT(hotpatch_stop(L) == 1);
    CHILD_ASSERT(hotpatch_start(L, NULL) != 0);
    CHILD_ASSERT(strstr(lua_tostring(L, -1), "forked"));
    lua_settop(L, 0);
    CHILD_ASSERT(hotpatch_poll(L) == 0);
    lua_close(L);
    CHILD_ASSERT(folder_count() == 1); /* the parent's socket is not the child's to remove */
}

static void collect_as_a_child(void)
{
    lua_close(L);
    CHILD_ASSERT(folder_count() == 1);
}

static void lose_the_guard(void)
{
    CHILD_ASSERT(hotpatch_poll(L) == 0);
    CHILD_ASSERT(!fake.guard);
}

/* A patch on trial with a guard: each poll looks. In the child nobody could revert it, so it goes off. */
static void a_guard_is_the_parents(void **state)
{
    (void)state;
    hotpatch_poll(L);
    run_lua(
        L, "assert(hotpatch.patch { module = 'm', source = '', confirm_within_s = 3600, guard = 'errors<1%' }"
           ".provisional.guard.rule == 'errors<1%')");
    assert_true(fake.guard);
    int looks = fake.looks;
    hotpatch_poll(L);
    assert_int_equal(fake.looks, looks + 1);
    in_child(lose_the_guard);
    hotpatch_poll(L);
    assert_int_equal(fake.looks, looks + 2);
    run_lua(L, "assert(hotpatch.confirm().status == 'ok')");
    hotpatch_poll(L);
    assert_false(fake.guard);
}

static void the_child_of_an_open_agent_is_dead(void **state)
{
    (void)state;
    hotpatch_poll(L);
    int fd = client_connect(own_socket());
    ask(fd, HP_KIND_PUSH, "x");
    int watch = client_connect(own_socket());
    await_pending(watch, 1); /* so the child's poll finds a request that is not its own */
    in_child(live_as_a_child);
    in_child(collect_as_a_child);
    assert_int_equal(fake.runs, 0);
    assert_int_equal(serve(L), 1); /* and the parent never noticed */
    assert_int_equal(get_status(fd, "x"), HP_APPLIED);
    close(fd);
    close(watch);
}

static void give_up_as_a_child(void)
{
    CHILD_ASSERT(hotpatch_poll(L) == 0);
    CHILD_ASSERT(fake.steps == 1);
    CHILD_ASSERT(luaL_dostring(L, "assert(hotpatch.patch{module='m', source=''}.patch == 1)") == LUA_OK);
    CHILD_ASSERT(fake.abandoned == 1);
    CHILD_ASSERT(fake.steps == 1);
    CHILD_ASSERT(hotpatch_stop(L) == 1);
    lua_close(L);
    CHILD_ASSERT(fake.abandoned == 1);
}

static void stop_as_a_child(void)
{
    CHILD_ASSERT(hotpatch_stop(L) == 1);
    CHILD_ASSERT(fake.abandoned == 1);
    CHILD_ASSERT(fake.runs == 0);
}

static void close_as_a_child(void)
{
    lua_close(L);
    CHILD_ASSERT(fake.abandoned == 1);
    CHILD_ASSERT(fake.runs == 0);
}

static void what_is_under_way_goes_on_in_the_parent_only(void **state)
{
    (void)state;
    hotpatch_poll(L);
    int fd = client_connect(own_socket());
    int watch = client_connect(own_socket());
    struct hp_request *request = request_of(HP_KIND_PUSH, "x");
    request->options.max_pause_ms = 1e-6; /* one slice each poll */
    fake.slices = 3;
    client_request(fd, request);
    hp_request_free(request);
    await_pending(watch, 1);
    assert_int_equal(hotpatch_poll(L), 0);
    in_child(give_up_as_a_child);
    in_child(stop_as_a_child);
    in_child(close_as_a_child);
    assert_int_equal(hotpatch_poll(L), 0);
    assert_int_equal(hotpatch_poll(L), 1);
    assert_int_equal(get_status(fd, "x"), HP_APPLIED);
    close(fd);
    close(watch);
}

/* A server that has a child and is killed: what clients find must be a stale socket and not one that the
 * child holds open. */
static void die_with_a_child(void)
{
    int ready[2];
    char byte;
    CHILD_ASSERT(pipe(ready) == 0);
    CHILD_ASSERT(hotpatch_poll(L) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ready[0]);
        CHILD_ASSERT(write(ready[1], "!", 1) == 1);
        alarm(20); /* outlives its parent until it is told to go */
        for (;;)
            pause();
    }
    CHILD_ASSERT(read(ready[0], &byte, 1) == 1);
    char path[100];
    snprintf(path, sizeof path, "%s/child", folder);
    FILE *file = fopen(path, "w");
    CHILD_ASSERT(file && fprintf(file, "%ld", (long)pid) > 0 && fclose(file) == 0);
    raise(SIGKILL);
}

static void nobody_connects_to_a_dead_servers_socket(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[100];
    long child = 0;
    int status;
    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        die_with_a_child();
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    snprintf(path, sizeof path, "%s/child", folder);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &child), 1);
    fclose(file);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/%ld.sock", folder, (long)pid);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);
    kill((pid_t)child, SIGKILL);
    unlink(path);
    /* The next agent tidies up. */
    assert_int_equal(folder_count(), 1);
    hotpatch_poll(L);
    assert_int_equal(folder_count(), 1);
    fd = client_connect(own_socket());
    assert_int_equal(ask_and_get(fd, HP_KIND_STATUS, "s"), HP_OK);
    close(fd);
}

/* Started, not polled, forked: whoever polls is served. Two asks and answers in one process: as in the other
 * tests. */
static void serve_as_a_child(void)
{
    CHILD_ASSERT(readable(hotpatch_fd(L)));
    CHILD_ASSERT(hotpatch_poll(L) == 0);
    CHILD_ASSERT(!readable(hotpatch_fd(L)));
    int fd = client_connect(own_socket());
    ask(fd, HP_KIND_PUSH, "x");
    CHILD_ASSERT(serve(L) == 1);
    CHILD_ASSERT(get_status(fd, "x") == HP_APPLIED);
    close(fd);
    lua_close(L);
    CHILD_ASSERT(folder_count() == 0);
}

static void an_agent_that_is_forked_before_its_first_poll_is_two(void **state)
{
    (void)state;
    in_child(serve_as_a_child);
    in_child(serve_as_a_child); /* pre-forking: each has its own */
    assert_true(readable(hotpatch_fd(L)));
}

static void start_as_a_child(void)
{
    CHILD_ASSERT(hotpatch_start(L, NULL) != 0);
    CHILD_ASSERT(strstr(lua_tostring(L, -1), "forked"));
    lua_settop(L, 0);
    lua_close(L);
}

static void nng_is_spent_even_after_stop(void **state)
{
    (void)state;
    hotpatch_poll(L);
    hotpatch_stop(L);
    in_child(start_as_a_child);
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

/* A fork that libc did not see: no handler of pthread_atfork has run. The thread sanitizer does not see it
 * either, and takes parent and child for one process. */
static void a_raw_fork_is_noticed(void **state)
{
    int status;
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip();
#endif
    hotpatch_poll(L);
    int fd = client_connect(own_socket());
    ask(fd, HP_KIND_PUSH, "x");
    int watch = client_connect(own_socket());
    await_pending(watch, 1);
    fflush(NULL);
    long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        alarm(60);
        CHILD_ASSERT(hotpatch_poll(L) == 0);
        CHILD_ASSERT(hotpatch_poll(L) == 0);
        CHILD_ASSERT(hotpatch_stop(L) == 1);
        _exit(0);
    }
    assert_int_equal(waitpid((pid_t)pid, &status, 0), (pid_t)pid);
    assert_int_equal(status, 0);
    serve(L);
    assert_int_equal(get_status(fd, "x"), HP_APPLIED);
    close(fd);
    close(watch);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    /* Those that fork before nng was ever used come first: afterwards it is spent in every child of this
     * process. */
    const struct CMUnitTest tests[] = {
        T(an_agent_that_is_forked_before_its_first_poll_is_two),
        T(nobody_connects_to_a_dead_servers_socket),
        T(the_child_of_an_open_agent_is_dead),
        T(a_guard_is_the_parents),
        T(what_is_under_way_goes_on_in_the_parent_only),
        T(nng_is_spent_even_after_stop),
        T(a_raw_fork_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
