/* The whole I/O side over a real socket: requests in, reports out, and everything that is not a request. The
 * client here is one thread with the server, so each step is in order and no test waits for the clock. */
#include "support.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/endpoint.h"
#include "agent/engine/engine.h"
#include "fake_engine.h"
#include "hotpatch/hotpatch.h"

static lua_State *L;

static int setup(void **state)
{
    (void)state;
    folder_make();
    fake_reset();
    L = new_state();
    run_lua(L, "hotpatch.start { name = 'game', max_pause_ms = 60000 }");
    assert_int_equal(hotpatch_poll(L), 0); /* opens the socket */
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lua_close(L);
    assert_int_equal(fake.open, 0);
    assert_int_equal(folder_count(), 0);
    folder_remove();
    return 0;
}

static int dial(void)
{
    return client_connect(own_socket());
}

static void a_push_runs_at_poll(void **state)
{
    struct hp_report report;
    (void)state;
    int fd = dial();
    ask(fd, HP_KIND_PUSH, "p1");
    assert_int_equal(serve(L), 1);
    assert_true(client_report(fd, &report));
    assert_int_equal(report.status, HP_APPLIED);
    assert_string_equal(report.id, "p1");
    assert_int_equal(report.patch, 1);
    assert_string_equal(report.agent.name, "game");
    assert_string_equal(report.agent.state, "main");
    assert_string_equal(report.agent.lua, "Lua 5.4");
    assert_int_equal(report.agent.pid, getpid());
    assert_int_equal(report.modules.count, 1);
    assert_string_equal(report.modules.items[0].source, "return 1");
    hp_report_fini(&report);
    close(fd);
}

static void status_and_log_are_answered_while_a_push_waits(void **state)
{
    struct hp_report report;
    char who[64];
    (void)state;
    int first = dial(), second = dial();
    ask(first, HP_KIND_PUSH, "p1");
    await_pending(second, 1);
    ask(second, HP_KIND_STATUS, "s");
    assert_true(client_report(second, &report));
    assert_int_equal(report.status, HP_OK);
    assert_int_equal(report.agent.pending, 1);
    assert_int_equal(report.agent.patches, 0);
    assert_string_equal(report.agent.safepoint, "poll");
    assert_int_equal(report.agent.states.count, 1);
    assert_non_null(strstr(report.agent.endpoint, own_socket()));
    assert_non_null(report.agent.program);
    hp_report_fini(&report);
    assert_int_equal(ask_and_get(second, HP_KIND_LOG, "l"), HP_OK);
    assert_int_equal(fake.runs, 0);
    serve(L);
    assert_int_equal(get_status(first, "p1"), HP_APPLIED);
    ask(second, HP_KIND_LOG, "l2");
    assert_true(client_report(second, &report));
    assert_int_equal(report.patches.count, 1);
    snprintf(who, sizeof who, "uid %ld, pid %ld", (long)getuid(), (long)getpid());
    assert_string_equal(report.patches.items[0].who, who);
    assert_string_equal(report.patches.items[0].modules.items[0], "m");
    hp_report_fini(&report);
    close(first);
    close(second);
}

static void the_log_names_the_login_as_claimed_and_made_harmless(void **state)
{
    (void)state;
    char who[80];
    int fd = dial();
    struct hp_request *request = request_of(HP_KIND_PUSH, "p");
    request->user = "an\033na";
    client_request(fd, request);
    hp_request_free(request);
    serve(L);
    assert_int_equal(get_status(fd, "p"), HP_APPLIED);
    snprintf(who, sizeof who, "uid %ld (an?na), pid %ld", (long)getuid(), (long)getpid());
    assert_string_equal(fake.who, who);
    close(fd);
}

static void clients_are_served_in_order(void **state)
{
    (void)state;
    int a = dial(), b = dial(), c = dial();
    ask(b, HP_KIND_PUSH, "b");
    await_pending(c, 1);
    ask(a, HP_KIND_PUSH, "a");
    await_pending(c, 2);
    assert_int_equal(serve(L), 2);
    assert_string_equal(fake.order, "b a ");
    assert_int_equal(get_status(a, "a"), HP_APPLIED);
    assert_int_equal(get_status(b, "b"), HP_APPLIED);
    close(a);
    close(b);
    close(c);
}

static void a_repeated_id_runs_once(void **state)
{
    (void)state;
    int a = dial(), b = dial();
    ask(a, HP_KIND_PUSH, "same");
    await_pending(b, 1);
    ask(b, HP_KIND_PUSH, "same");
    int c = dial();
    /* Whichever of the two is looked at first: one letter waits. */
    await_pending(c, 1);
    serve(L);
    assert_int_equal(get_status(a, "same"), HP_APPLIED);
    assert_int_equal(get_status(b, "same"), HP_APPLIED);
    assert_int_equal(ask_and_get(c, HP_KIND_PUSH, "same"), HP_APPLIED); /* with no poll at all */
    assert_int_equal(fake.runs, 1);
    close(a);
    close(b);
    close(c);
}

static void a_client_that_dies_leaves_its_answer(void **state)
{
    (void)state;
    int a = dial(), b = dial();
    ask(a, HP_KIND_PUSH, "orphan");
    await_pending(b, 1);
    close(a);
    serve(L);
    assert_int_equal(fake.runs, 1);
    assert_int_equal(ask_and_get(b, HP_KIND_PUSH, "orphan"), HP_APPLIED);
    assert_int_equal(fake.runs, 1);
    close(b);
}

static void what_expired_never_runs(void **state)
{
    (void)state;
    int fd = dial();
    struct hp_request *request = request_of(HP_KIND_PUSH, "late");
    request->deadline_ms = 1;
    client_request(fd, request);
    hp_request_free(request);
    assert_int_equal(get_status(fd, "late"), HP_TIMEOUT); /* answered with no poll */
    hotpatch_poll(L);
    assert_int_equal(fake.runs, 0);
    assert_int_equal(ask_and_get(fd, HP_KIND_PUSH, "late"), HP_TIMEOUT);
    assert_int_equal(fake.runs, 0);
    close(fd);
}

static void ask_about(int fd, enum hp_kind kind, const char *id, const char *word)
{
    struct hp_report report;
    struct hp_request *request = request_of(kind, "about");
    request->target = id;
    client_request(fd, request);
    hp_request_free(request);
    assert_true(client_report(fd, &report));
    assert_int_equal(report.results.count, 1);
    assert_string_equal(report.results.items[0], word);
    hp_report_fini(&report);
}

static void progress_and_cancel(void **state)
{
    (void)state;
    int a = dial(), b = dial();
    ask_about(b, HP_KIND_PROGRESS, "x", "unknown");
    ask(a, HP_KIND_PUSH, "x");
    await_pending(b, 1);
    ask_about(b, HP_KIND_PROGRESS, "x", "waiting");
    ask_about(b, HP_KIND_CANCEL, "x", "waiting");
    assert_int_equal(get_status(a, "x"), HP_TIMEOUT);
    ask_about(b, HP_KIND_PROGRESS, "x", "done");
    hotpatch_poll(L);
    assert_int_equal(fake.runs, 0);
    ask_about(b, HP_KIND_CANCEL, "never came", "unknown");
    assert_int_equal(ask_and_get(a, HP_KIND_PUSH, "never came"), HP_TIMEOUT);
    close(a);
    close(b);
}

static void too_many_are_busy(void **state)
{
    int fds[HP_MAILBOX_SIZE + 1];
    char id[16];
    (void)state;
    int watch = dial();
    for (int i = 0; i < HP_MAILBOX_SIZE; i++) {
        fds[i] = dial();
        snprintf(id, sizeof id, "n%d", i);
        ask(fds[i], HP_KIND_PUSH, id);
    }
    await_pending(watch, HP_MAILBOX_SIZE);
    fds[HP_MAILBOX_SIZE] = dial();
    assert_int_equal(ask_and_get(fds[HP_MAILBOX_SIZE], HP_KIND_PUSH, "more"), HP_BUSY);
    assert_int_equal(ask_and_get(watch, HP_KIND_STATUS, "s"), HP_OK);
    serve(L);
    for (int i = 0; i < HP_MAILBOX_SIZE; i++) {
        snprintf(id, sizeof id, "n%d", i);
        assert_int_equal(get_status(fds[i], id), HP_APPLIED);
        close(fds[i]);
    }
    assert_int_equal(fake.runs, HP_MAILBOX_SIZE);
    close(fds[HP_MAILBOX_SIZE]);
    close(watch);
}

/* --- what is not the protocol ----------------------------------------------------------------- */

static void still_serves(void)
{
    int fd = dial();
    assert_int_equal(ask_and_get(fd, HP_KIND_STATUS, "still"), HP_OK);
    close(fd);
}

static enum hp_status get_answer_to(const char *payload, size_t len)
{
    int fd = dial();
    client_send(fd, payload, len);
    enum hp_status status = get_status(fd, NULL);
    close(fd);
    return status;
}

static void frames_that_are_no_requests_are_malformed(void **state)
{
    (void)state;
    assert_int_equal(get_answer_to("", 0), HP_MALFORMED);
    assert_int_equal(get_answer_to("hello", 5), HP_MALFORMED);
    assert_int_equal(get_answer_to("GET / HTTP/1.1\r\n\r\n", 18), HP_MALFORMED);
    assert_int_equal(get_answer_to("\xdf\xff\xff\xff\xff", 5), HP_MALFORMED); /* a map of 4 G entries */
    assert_int_equal(get_answer_to("\xc1", 1), HP_MALFORMED);
    char nested[4096];
    memset(nested, '\x91', sizeof nested);
    assert_int_equal(get_answer_to(nested, sizeof nested), HP_LIMIT);
    still_serves();
}

static void truncated_requests_are_malformed(void **state)
{
    char *data = NULL;
    size_t len = 0;
    (void)state;
    struct hp_request *request = request_of(HP_KIND_PUSH, "cut");
    assert_int_equal(hp_request_encode(request, &data, &len), HP_OK);
    int fd = dial();
    for (size_t i = 0; i < len; i++) {
        client_send(fd, data, i);
        enum hp_status status = get_status(fd, NULL);
        assert_int_equal(status, HP_MALFORMED);
    }
    close(fd);
    hp_mem_free(data);
    hp_request_free(request);
    assert_int_equal(fake.runs, 0);
    still_serves();
}

static void another_version_is_told_so(void **state)
{
    char *data = NULL;
    size_t len = 0;
    struct hp_report report;
    (void)state;
    struct hp_request *request = request_of(HP_KIND_STATUS, "v");
    request->protocol = 99;
    assert_int_equal(hp_request_encode(request, &data, &len), HP_OK);
    hp_request_free(request);
    int fd = dial();
    client_send(fd, data, len);
    hp_mem_free(data);
    assert_true(client_report(fd, &report));
    assert_int_equal(report.status, HP_VERSION_MISMATCH);
    assert_non_null(report.error);
    assert_non_null(strstr(report.error->text, "old"));
    hp_report_fini(&report);
    close(fd);
}

static void an_unknown_kind_is_unsupported(void **state)
{
    (void)state;
    static const char request[] = "\x84\xa8protocol\x01\xa4kind\xa5"
                                  "dance\xa2id\xa1x\xab"
                                  "deadline_ms\x01";
    assert_int_equal(get_answer_to(request, sizeof request - 1), HP_UNSUPPORTED);
}

static void a_huge_message_gets_limit(void **state)
{
    (void)state;
    size_t len = HP_MAX_MESSAGE + 1;
    char *data = hp_mem_calloc(len);
    assert_non_null(data);
    assert_int_equal(get_answer_to(data, len), HP_LIMIT);
    hp_mem_free(data);
    still_serves();
}

/* Beyond nng's own limit the connection is dropped: by then nobody knows what it was. */
static void a_monstrous_length_ends_the_connection_only(void **state)
{
    static const char head[] = "\x01\x00\x00\x00\xff\xff\xff\xff\xff";
    char byte;
    (void)state;
    int fd = dial();
    client_send_bytes(fd, head, sizeof head - 1);
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
    still_serves();
}

static void garbage_before_the_handshake(void **state)
{
    (void)state;
    int fd = dial();
    client_send_bytes(fd, "this is not a length", 20);
    int slow = dial();
    client_send_bytes(slow, "\x01\x00\x00\x00\x00\x00\x00\x10\x00", 9); /* 4096 bytes are announced … */
    client_send_bytes(slow, "\x80\x00\x00\x01 only the first", 20);     /* … and never come */
    still_serves();
    close(slow);
    still_serves();
    close(fd);
}

/* nng 1.5.2's own listener stops accepting after this (its issue 1518). */
static void a_peer_that_goes_at_once_stops_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof address.sun_path, "%s", own_socket());
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
        if (i % 3 == 1)
            client_send_bytes(fd, "\0SP", 3);
        else if (i % 3 == 2)
            client_send_bytes(fd, "GET / HTTP/1.1\r\n\r\n", 18);
        close(fd);
        if (i % 50 == 0)
            still_serves();
    }
    still_serves();
}

static int connect_only(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", own_socket());
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* A connection that was greeted by the agent, or -1: it was closed with no greeting. */
static int dial_if_there_is_a_place(void)
{
    static const char hello[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    char greeting[8];
    int fd = connect_only();
    if (recv(fd, greeting, sizeof greeting, MSG_WAITALL) == sizeof greeting) {
        client_send_bytes(fd, hello, sizeof hello);
        return fd;
    }
    close(fd);
    return -1;
}

/* Places come free as the agent notices that somebody has gone. */
static int dial_at_last(void)
{
    for (int tries = 0; tries < 10000; tries++) {
        int fd = dial_if_there_is_a_place();
        if (fd >= 0)
            return fd;
    }
    fail_msg("no place came free");
    return -1;
}

/* Sends the first byte of a request and waits until the agent has taken it: from then on the connection is
 * not idle. */
static void begin_request(int fd)
{
    int unread = 1;
    client_send_bytes(fd, "\1", 1);
    for (int tries = 0; unread > 0 && tries < 100000; tries++) {
        assert_int_equal(ioctl(fd, SIOCOUTQ, &unread), 0);
        sched_yield();
    }
}

/* Those in the middle of a request keep their places; who comes next waits until one of them has gone. */
static void more_connections_than_places(void **state)
{
    int fds[HP_ENDPOINT_CONNECTIONS];
    char greeting[8];
    (void)state;
    for (int i = 0; i < HP_ENDPOINT_CONNECTIONS; i++) {
        fds[i] = dial_at_last();
        begin_request(fds[i]);
    }
    int next = connect_only();
    struct pollfd greeted = {.fd = next, .events = POLLIN};
    assert_int_equal(poll(&greeted, 1, 100), 0); /* long enough to be greeted, were there a place */
    close(fds[0]);
    assert_int_equal(recv(next, greeting, sizeof greeting, MSG_WAITALL), sizeof greeting);
    for (int i = 1; i < HP_ENDPOINT_CONNECTIONS; i++)
        close(fds[i]);
    close(next);
    close(dial_at_last());
}

/* Who asks nothing has to go when others come; who awaits an answer stays. */
static void idle_connections_make_room(void **state)
{
    enum { MANY = 2 * HP_ENDPOINT_CONNECTIONS };
    int fds[MANY];
    char byte;
    (void)state;
    int waits = dial_at_last();
    ask(waits, HP_KIND_PUSH, "waits");
    fds[0] = dial_at_last();
    await_pending(fds[0], 1);
    for (int i = 1; i < MANY; i++)
        fds[i] = dial_at_last();
    assert_int_equal(recv(fds[0], &byte, 1, 0), 0);
    assert_int_equal(ask_and_get(fds[MANY - 1], HP_KIND_STATUS, "s"), HP_OK);
    assert_int_equal(serve(L), 1);
    assert_int_equal(get_status(waits, "waits"), HP_APPLIED);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    close(waits);
}

/* The answer to a client that is gone must not go to the one that came in its place. */
static void an_answer_goes_to_nobody_else(void **state)
{
    enum { MANY = 2 * HP_ENDPOINT_CONNECTIONS, ASKED = HP_ENDPOINT_CONNECTIONS / 2 };
    int fds[MANY];
    (void)state;
    int gone = dial_at_last();
    ask(gone, HP_KIND_PUSH, "gone");
    int other = dial_at_last();
    await_pending(other, 1);
    close(gone);
    close(other);
    for (int i = 0; i < MANY; i++)
        fds[i] = dial_at_last(); /* each place is taken again, the oldest idle ones making room */
    int last = fds[MANY - 1];
    assert_int_equal(serve(L), 1);
    await_pending(last, 0);
    assert_int_equal(ask_and_get(last, HP_KIND_PUSH, "gone"), HP_APPLIED); /* so it has been sent */
    for (int i = MANY - ASKED; i < MANY; i++)
        assert_int_equal(ask_and_get(fds[i], HP_KIND_STATUS, "after"), HP_OK);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
}

static void requests_may_follow_without_waiting(void **state)
{
    (void)state;
    int fd = dial();
    ask(fd, HP_KIND_PUSH, "1");
    ask(fd, HP_KIND_PUSH, "2");
    ask(fd, HP_KIND_STATUS, "3");
    assert_int_equal(get_status(fd, "3"), HP_OK);
    assert_int_equal(serve(L), 2);
    assert_int_equal(get_status(fd, "1"), HP_APPLIED);
    assert_int_equal(get_status(fd, "2"), HP_APPLIED);
    close(fd);
}

static void a_client_that_never_reads_blocks_nobody(void **state)
{
    (void)state;
    int deaf = dial();
    fake.output_bytes = 4 * 1024 * 1024;
    for (int i = 0; i < 4; i++) {
        char id[16];
        snprintf(id, sizeof id, "deaf%d", i);
        ask(deaf, HP_KIND_PUSH, id);
    }
    int fd = dial();
    await_pending(fd, 4);
    serve(L);
    fake.output_bytes = 0;
    ask(fd, HP_KIND_PUSH, "other");
    serve(L);
    assert_int_equal(get_status(fd, "other"), HP_APPLIED);
    close(fd);
    close(deaf);
}

static void a_report_too_long_keeps_its_status(void **state)
{
    struct hp_report report;
    (void)state;
    fake.output_bytes = HP_MAX_MESSAGE + 1;
    int fd = dial();
    ask(fd, HP_KIND_PUSH, "long");
    serve(L);
    assert_true(client_report(fd, &report));
    assert_int_equal(report.status, HP_APPLIED);
    assert_int_equal(report.patch, 1);
    assert_non_null(report.error);
    hp_report_fini(&report);
    close(fd);
}

/* --- who -------------------------------------------------------------------------------------- */

/* A process of another user's, made before there are threads: a child of a program with threads may find the
 * allocator locked, for ever. It is told the socket's path, asks for the status, and says what it was told.
 */
static struct {
    pid_t pid; /* 0: only root can be others */
    int paths[2], answers[2];
} stranger;

static _Noreturn void be_a_stranger(void)
{
    char path[128];
    close(stranger.paths[1]);
    if (read(stranger.paths[0], path, sizeof path) != sizeof path)
        _exit(0); /* nobody asks */
    if (setuid(12345) != 0)
        _exit(2);
    unsigned char status = (unsigned char)ask_and_get(client_connect(path), HP_KIND_STATUS, NULL);
    _exit(write(stranger.answers[1], &status, 1) == 1 ? 0 : 3);
}

static void make_a_stranger(void)
{
    if (geteuid() != 0 || pipe(stranger.paths) != 0 || pipe(stranger.answers) != 0)
        return;
    stranger.pid = fork();
    if (stranger.pid == 0)
        be_a_stranger();
    close(stranger.answers[1]);
}

static void another_user_is_denied(void **state)
{
    char path[128] = "";
    unsigned char answer;
    int status;
    (void)state;
    if (stranger.pid <= 0)
        skip();
    chmod(folder, 0711); /* the directory would have kept it out; the agent looks for itself */
    chmod(own_socket(), 0666);
    snprintf(path, sizeof path, "%s", own_socket());
    assert_int_equal(write(stranger.paths[1], path, sizeof path), sizeof path);
    assert_int_equal(read(stranger.answers[0], &answer, 1), 1);
    assert_int_equal(answer, HP_DENIED);
    assert_int_equal(waitpid(stranger.pid, &status, 0), stranger.pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    chmod(folder, 0700);
    still_serves();
}

static void the_socket_is_private(void **state)
{
    struct stat st;
    (void)state;
    assert_int_equal(stat(own_socket(), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* --- stopping --------------------------------------------------------------------------------- */

static void stop_answers_what_waits(void **state)
{
    (void)state;
    int a = dial(), b = dial();
    ask(a, HP_KIND_PUSH, "x");
    await_pending(b, 1);
    assert_int_equal(hotpatch_stop(L), 1);
    assert_int_equal(get_status(a, "x"), HP_NO_AGENT);
    assert_int_equal(fake.runs, 0);
    struct hp_report report;
    assert_false(client_report(b, &report)); /* closed */
    hp_report_fini(&report);
    close(a);
    close(b);
}

static void history_outlives_stop(void **state)
{
    struct hp_report report;
    (void)state;
    int fd = dial();
    ask(fd, HP_KIND_PUSH, "x");
    serve(L);
    assert_int_equal(get_status(fd, "x"), HP_APPLIED);
    close(fd);
    hotpatch_stop(L);
    run_lua(L, "hotpatch.start { name = 'game' }");
    hotpatch_poll(L);
    fd = dial();
    ask(fd, HP_KIND_LOG, "l");
    assert_true(client_report(fd, &report));
    assert_int_equal(report.patches.count, 1);
    hp_report_fini(&report);
    close(fd);
}

/* --- several states --------------------------------------------------------------------------- */

static enum hp_status push_to(int fd, const char *state, const char *id)
{
    struct hp_request *request = request_of(HP_KIND_PUSH, id);
    request->state = state;
    client_request(fd, request);
    hp_request_free(request);
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    while (poll(&answer, 1, 1) == 0) /* whichever it went to runs it */
        hotpatch_poll(L);
    return get_status(fd, id);
}

static void one_process_serves_several_states(void **state)
{
    struct hp_report report;
    (void)state;
    lua_State *other = new_state();
    fails_lua(other, "hotpatch.start { name = 'second' }", "already called 'main'");
    run_lua(other, "hotpatch.start { name = 'second', state = 'ai' }");
    hotpatch_poll(other);
    assert_int_equal(folder_count(), 1);
    int fd = dial();
    ask(fd, HP_KIND_STATUS, "s");
    assert_true(client_report(fd, &report));
    assert_int_equal(report.agent.states.count, 2);
    assert_string_equal(report.agent.states.items[1], "ai");
    assert_string_equal(report.agent.state, "main");
    hp_report_fini(&report);
    assert_int_equal(push_to(fd, "main", "1"), HP_APPLIED);
    assert_int_equal(push_to(fd, NULL, "2"), HP_APPLIED);
    struct hp_request *request = request_of(HP_KIND_PUSH, "3");
    request->state = "ai";
    client_request(fd, request);
    hp_request_free(request);
    assert_int_equal(serve(other), 1);
    assert_true(client_report(fd, &report));
    assert_string_equal(report.agent.name, "second");
    hp_report_fini(&report);
    request = request_of(HP_KIND_PUSH, "4");
    request->state = "nope";
    client_request(fd, request);
    hp_request_free(request);
    assert_true(client_report(fd, &report));
    assert_int_equal(report.status, HP_NO_AGENT);
    assert_int_equal(report.candidates.count, 2);
    hp_report_fini(&report);
    /* The first to start may be the first to go. */
    hotpatch_stop(L);
    assert_int_equal(ask_and_get(fd, HP_KIND_STATUS, "5"), HP_OK);
    close(fd);
    lua_close(other);
    assert_int_equal(folder_count(), 0);
}

static void a_further_socket(void **state)
{
    char code[256], path[128];
    (void)state;
    hotpatch_stop(L);
    snprintf(path, sizeof path, "%s/extra.sock", folder);
    snprintf(code, sizeof code, "hotpatch.start { listen = 'ipc://%s' }", path);
    run_lua(L, code);
    hotpatch_poll(L);
    assert_int_equal(folder_count(), 2);
    int fd = client_connect(path);
    assert_int_equal(ask_and_get(fd, HP_KIND_STATUS, "s"), HP_OK);
    close(fd);
}

int main(void)
{
    make_a_stranger();
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_push_runs_at_poll),
        T(status_and_log_are_answered_while_a_push_waits),
        T(the_log_names_the_login_as_claimed_and_made_harmless),
        T(clients_are_served_in_order),
        T(a_repeated_id_runs_once),
        T(a_client_that_dies_leaves_its_answer),
        T(what_expired_never_runs),
        T(progress_and_cancel),
        T(too_many_are_busy),
        T(frames_that_are_no_requests_are_malformed),
        T(truncated_requests_are_malformed),
        T(another_version_is_told_so),
        T(an_unknown_kind_is_unsupported),
        T(a_huge_message_gets_limit),
        T(a_monstrous_length_ends_the_connection_only),
        T(garbage_before_the_handshake),
        T(a_peer_that_goes_at_once_stops_nothing),
        T(more_connections_than_places),
        T(idle_connections_make_room),
        T(an_answer_goes_to_nobody_else),
        T(requests_may_follow_without_waiting),
        T(a_client_that_never_reads_blocks_nobody),
        T(a_report_too_long_keeps_its_status),
        T(another_user_is_denied),
        T(the_socket_is_private),
        T(stop_answers_what_waits),
        T(history_outlives_stop),
        T(one_process_serves_several_states),
        T(a_further_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
