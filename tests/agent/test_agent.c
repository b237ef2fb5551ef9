/* The agent in its Lua state: options, starting and stopping, what it leaves behind, and where poll does
 * nothing. */
#include "support.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_engine.h"
#include "hotpatch/hotpatch.h"

static lua_State *L;
static int threads_before,
    descriptors_before; /* of all tests: what nng leaves behind would be there from the second on */

static int setup(void **state)
{
    (void)state;
    folder_make();
    fake_reset();
    unsetenv("HOTPATCH_NAME");
    L = new_state();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (L)
        lua_close(L);
    assert_int_equal(fake.open, 0);
    assert_int_equal(folder_count(), 0);
    folder_remove();
    return 0;
}

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

/* What `status` says of the agent. */
static void ask_status(struct hp_report *report)
{
    int fd = client_connect(own_socket());
    ask(fd, HP_KIND_STATUS, "s");
    assert_true(client_report(fd, report));
    close(fd);
}

static void assert_name(const char *name)
{
    struct hp_report report;
    ask_status(&report);
    assert_string_equal(report.agent.name, name);
    hp_report_fini(&report);
}

/* --- options ---------------------------------------------------------------------------------- */

static void wrong_options_say_what_to_do(void **state)
{
    (void)state;
    fails_lua(L, "hotpatch.start { nme = 'x' }", "did you mean 'name'?");
    fails_lua(L, "hotpatch.start { safe_point = 'poll' }", "did you mean 'safepoint'?");
    fails_lua(L, "hotpatch.start { xyzzyx = 1 }", "no option 'xyzzyx'");
    fails_lua(L, "hotpatch.start { 'game' }", "have names");
    fails_lua(L, "hotpatch.start 'game'", "table expected");
    fails_lua(L, "hotpatch.start { name = 1 }", "'name' should be a string and is a number");
    fails_lua(L, "hotpatch.start { name = '' }", "'name' should have 1 to 64 bytes");
    fails_lua(L, "hotpatch.start { state = 'a\\27b' }", "control character");
    fails_lua(L, "hotpatch.start { deny = { 1 } }", "'deny' should be a list of strings");
    fails_lua(L, "hotpatch.start { deny = true }", "'deny' should be a list of strings");
    fails_lua(L, "hotpatch.start { max_pause_ms = -1 }", "max_pause_ms");
    fails_lua(L, "hotpatch.start { max_pause_ms = 0/0 }", "max_pause_ms");
    fails_lua(L, "hotpatch.start { max_pause_ms = '1' }", "should be a number");
    fails_lua(L, "hotpatch.start { safepoint = 'signal' }", "not in this version");
    fails_lua(L, "hotpatch.start { safepoint = 'hook' }", "not in this version");
    fails_lua(L, "hotpatch.start { safepoint = 'pol' }", "did you mean 'poll'?");
    fails_lua(L, "hotpatch.start { audit = '/nowhere/file' }", "cannot be written: No such file");
    fails_lua(L, "hotpatch.start { listen = { 'tcp://0.0.0.0:1' } }", "is not of this machine alone");
    fails_lua(L, "hotpatch.start { listen = { 'tcp://127.0.0.1' } }", "should be tcp://HOST:PORT");
    fails_lua(L, "hotpatch.start { listen = { 'tcp://::1:7070' } }", "should be tcp://HOST:PORT");
    fails_lua(L, "hotpatch.start { listen = { 'http://127.0.0.1:1' } }", "is none of ipc://PATH");
    fails_lua(L, "hotpatch.start { listen = { 'tls+tcp://0.0.0.0:1' } }", "there is no 'ca'");
    fails_lua(
        L,
        "hotpatch.start { listen = { 'tls+tcp://0.0.0.0:1' }, tls = { ca = '/none', cert = '/none', key = "
        "'/none' } }",
        "cannot read /none");
    fails_lua(L, "hotpatch.start { tls = { crt = 'x' } }", "tls takes ca, cert and key");
    fails_lua(L, "hotpatch.start { tls = 'x' }", "'tls' should be a table");
    fails_lua(L, "hotpatch.start { listen = { 'ipc://relative.sock' } }", "absolute path");
    fails_lua(L, "hotpatch.start { listen = { 'ipc:///tmp/x.sock' } }", "/tmp");
    assert_int_equal(hotpatch_fd(L), -1);
    run_lua(L, "hotpatch.start { safepoint = 'auto', listen = {}, allow = 'game.*' }");
}

static void the_engine_gets_its_options(void **state)
{
    (void)state;
    assert_string_equal(fake.options, "pause 0"); /* open since require */
    run_lua(L, "hotpatch.start { allow = { 'a', 'b' }, deny = 'c', max_pause_ms = 2 }");
    assert_string_equal(fake.options, "allow a b;deny c;pause 2");
    assert_int_equal(fake.open, 1);
}

/* Each start says all of them; the engine stays, with its texts and its history. */
static void each_start_has_its_own_options(void **state)
{
    (void)state;
    run_lua(L, "assert(hotpatch.patch { module = 'm', source = 'return 1' }.status == 'applied')"
               "hotpatch.start { deny = 'x', max_pause_ms = 3 }");
    assert_string_equal(fake.options, "deny x;pause 3");
    run_lua(L, "hotpatch.stop() hotpatch.start { allow = 'y' }");
    assert_string_equal(fake.options, "allow y;pause 0");
    run_lua(L, "assert(#hotpatch.log().patches == 1)");
    run_lua(L, "hotpatch.stop() hotpatch.start()");
    assert_string_equal(fake.options, "pause 0");
    assert_int_equal(fake.open, 1);
}

static void a_start_that_fails_changes_no_option(void **state)
{
    (void)state;
    run_lua(L, "hotpatch.start { deny = 'x' } hotpatch.stop()");
    fails_lua(L, "hotpatch.start { deny = 'y', dir = '/no/such/dir/at/all' }", "/no/such/dir");
    assert_string_equal(fake.options, "deny x;pause 0");
    fake.fail_configure = true;
    fails_lua(L, "hotpatch.start { deny = 'y' }", "not enough memory");
    assert_int_equal(hotpatch_fd(L), -1);
    fake.fail_configure = false;
    run_lua(L, "hotpatch.start { deny = 'z' }");
    assert_string_equal(fake.options, "deny z;pause 0");
}

/* Sockets that were asked for are not kept for the next start. */
static void a_start_that_was_never_polled_leaves_nothing(void **state)
{
    char code[256];
    (void)state;
    snprintf(code, sizeof code, "hotpatch.start { listen = 'ipc://%s/extra.sock' } hotpatch.stop()", folder);
    run_lua(L, code);
    run_lua(L, "hotpatch.start() assert(hotpatch.poll() == 0)");
    assert_int_equal(folder_count(), 1);
}

static void a_directory_open_to_others_refuses_the_start(void **state)
{
    (void)state;
    chmod(folder, 0755);
    fails_lua(L, "hotpatch.start()", "chmod 700");
    assert_int_equal(hotpatch_fd(L), -1);
    chmod(folder, 0700);
    run_lua(L, "hotpatch.start()");
}

static void names(void **state)
{
    (void)state;
    run_lua(L, "arg = { [0] = 'src/server.lua' } hotpatch.start() hotpatch.poll()");
    assert_name("server");
    setenv("HOTPATCH_NAME", "from-env", 1);
    run_lua(L, "hotpatch.stop() hotpatch.start() hotpatch.poll()");
    assert_name("from-env");
    run_lua(L, "hotpatch.stop() hotpatch.start { name = 'given' } hotpatch.poll()");
    assert_name("given");
    unsetenv("HOTPATCH_NAME");
    run_lua(L, "hotpatch.stop() arg = nil setmetatable(_G, { __index = function() error('strict') end })"
               "hotpatch.start() hotpatch.poll()");
    assert_name("test_agent");
}

/* --- start and stop --------------------------------------------------------------------------- */

static void the_socket_opens_at_the_first_poll(void **state)
{
    (void)state;
    int threads = count_threads();
    run_lua(L, "hotpatch.start()");
    int fd = hotpatch_fd(L);
    assert_true(fd >= 0);
    assert_true(readable(fd));
    assert_int_equal(folder_count(), 0);
    assert_int_equal(count_threads(), threads);
    assert_int_equal(hotpatch_poll(L), 0);
    assert_false(readable(fd));
    assert_int_equal(folder_count(), 1);
    run_lua(L, "assert(hotpatch.fd()) hotpatch.stop() assert(hotpatch.fd() == nil)");
    assert_int_equal(hotpatch_fd(L), -1);
}

static void two_starts_are_one_too_many(void **state)
{
    (void)state;
    run_lua(L, "hotpatch.start { name = 'one' }");
    fails_lua(L, "hotpatch.start { name = 'two' }", "running already (name 'one', state 'main')");
    fails_lua(L, "hotpatch.start { name = 'two' }", "hotpatch.stop()");
    assert_int_not_equal(hotpatch_start(L, NULL), 0);
    assert_non_null(strstr(lua_tostring(L, -1), "running already"));
    lua_settop(L, 0);
    hotpatch_poll(L);
    assert_name("one");
    assert_int_equal(hotpatch_stop(L), 1);
    assert_int_equal(hotpatch_stop(L), 0);
    run_lua(L, "hotpatch.start { name = 'two' } hotpatch.poll()");
    assert_name("two");
}

static void stop_leaves_nothing(void **state)
{
    (void)state;
    int threads = threads_before, descriptors = count_descriptors();
    for (int i = 0; i < 5; i++) {
        run_lua(L, "hotpatch.start()");
        hotpatch_poll(L);
        int fd = client_connect(own_socket());
        ask(fd, HP_KIND_PUSH, "x");
        await_pending(fd, 1);
        if (i % 2)
            serve(L);
        assert_true(count_threads() > threads);
        assert_int_equal(hotpatch_stop(L), 1); /* with the client still there */
        close(fd);
        assert_int_equal(count_threads(), threads);
        assert_int_equal(count_descriptors(), descriptors);
        assert_int_equal(folder_count(), 0);
    }
    run_lua(L, "hotpatch.start()"); /* and with no poll at all */
    hotpatch_stop(L);
    assert_int_equal(count_descriptors(), descriptors);
}

static void lua_close_leaves_nothing(void **state)
{
    (void)state;
    int threads = threads_before, descriptors = descriptors_before;
    run_lua(L, "hotpatch.start()");
    hotpatch_poll(L);
    int fd = client_connect(own_socket());
    ask(fd, HP_KIND_PUSH, "x");
    await_pending(fd, 1);
    /* The last finalizers of the state: after the agent's own, so nothing may be found, or made anew. */
    run_lua(L, "late = setmetatable({}, { __gc = function()"
               "  hotpatch.poll() hotpatch.fd() hotpatch.stop() pcall(hotpatch.start) end })");
    lua_close(L);
    L = NULL;
    assert_int_equal(get_status(fd, "x"), HP_NO_AGENT);
    close(fd);
    assert_int_equal(count_threads(), threads);
    assert_int_equal(count_descriptors(), descriptors);
    assert_int_equal(folder_count(), 0);
}

static char last_warning[256];

static void note_warning(void *ud, const char *text, int more)
{
    (void)ud;
    (void)more;
    size_t len = strlen(last_warning);
    snprintf(last_warning + len, sizeof last_warning - len, "%s", text);
}

/* Objects that are older than the agent are finalized after it. An error in a finalizer becomes a warning,
 * and so does the last word of this one. */
static void finalizers_after_the_agents_own(void **state)
{
    (void)state;
    lua_close(L);
    L = luaL_newstate();
    luaL_openlibs(L);
    last_warning[0] = '\0';
    lua_setwarnf(L, note_warning, NULL);
    run_lua(L, "old = setmetatable({}, { __gc = function()"
               "  local polled, descriptor, stopped = hotpatch.poll(), hotpatch.fd(), hotpatch.stop()"
               "  local started, why = pcall(hotpatch.start)"
               "  assert(polled == 0 and not descriptor and not stopped and not started, why)"
               "  assert(why:find 'closing', why) warn 'all was well' end })");
    luaL_requiref(L, "hotpatch", luaopen_hotpatch, 1);
    lua_pop(L, 1);
    run_lua(L, "hotpatch.start() hotpatch.poll()");
    lua_close(L);
    L = NULL;
    assert_string_equal(last_warning, "all was well");
    assert_int_equal(folder_count(), 0);
}

static void threads_of_the_agent_take_no_signals(void **state)
{
    (void)state;
    run_lua(L, "hotpatch.start()");
    hotpatch_poll(L);
    DIR *tasks = opendir("/proc/self/task");
    int others = 0;
    assert_non_null(tasks);
    for (struct dirent *e = readdir(tasks); e; e = readdir(tasks)) {
        char path[300], line[200];
        if (e->d_name[0] == '.' || atol(e->d_name) == (long)getpid())
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", e->d_name);
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        while (fgets(line, sizeof line, file)) {
            unsigned long long blocked;
            if (sscanf(line, "SigBlk: %llx", &blocked) != 1)
                continue;
            others++;
            for (int sig = 1; sig < 32; sig++)
                if (sig != SIGKILL && sig != SIGSTOP)
                    assert_true(blocked >> (sig - 1) & 1);
        }
        fclose(file);
    }
    closedir(tasks);
    assert_true(others > 1);
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    assert_false(sigismember(&now, SIGTERM)); /* the Lua thread takes them as before */
}

static void a_socket_in_the_way_is_said_once(void **state)
{
    (void)state;
    FILE *file = fopen(own_socket(), "w");
    fclose(file);
    run_lua(L, "hotpatch.start()"
               "local n, why = hotpatch.poll() assert(n == 0 and why:find 'in the way', why)");
    assert_false(readable(hotpatch_fd(L)));
    assert_int_equal(hotpatch_poll(L), 0);
    unlink(own_socket());
    run_lua(L, "hotpatch.stop() hotpatch.start()");
    hotpatch_poll(L);
    assert_int_equal(folder_count(), 1);
}

static void a_stale_socket_of_this_pid_is_replaced(void **state)
{
    (void)state;
    run_lua(L, "hotpatch.start()");
    hotpatch_poll(L);
    char kept[128];
    snprintf(kept, sizeof kept, "%s/kept", folder);
    assert_int_equal(rename(own_socket(), kept), 0);
    hotpatch_stop(L);
    assert_int_equal(rename(kept, own_socket()), 0);
    run_lua(L, "hotpatch.start()");
    hotpatch_poll(L);
    int fd = client_connect(own_socket());
    assert_int_equal(ask_and_get(fd, HP_KIND_STATUS, "s"), HP_OK);
    close(fd);
}

/* --- where poll does nothing ------------------------------------------------------------------ */

static void eval(int fd, const char *id, const char *code)
{
    struct hp_request *request = request_of(HP_KIND_EVAL, id);
    request->code = (struct hp_bytes){code, strlen(code)};
    client_request(fd, request);
    hp_request_free(request);
}

static void poll_inside_a_request_returns_at_once(void **state)
{
    struct hp_report report;
    (void)state;
    run_lua(L, "hotpatch.start { max_pause_ms = 60000 }");
    hotpatch_poll(L);
    int a = client_connect(own_socket()), b = client_connect(own_socket());
    eval(a, "outer",
         "local s = hotpatch.stop()"
         "return hotpatch.poll(), s, hotpatch.patch{module='m', source=''}.status, pcall(hotpatch.start)");
    await_pending(b, 1);
    ask(b, HP_KIND_PUSH, "inner");
    int watch = client_connect(own_socket());
    await_pending(watch, 2);
    assert_int_equal(serve(L), 2);
    assert_string_equal(fake.order, "outer inner ");
    assert_true(client_report(a, &report));
    assert_int_equal(report.results.count, 5);
    assert_string_equal(report.results.items[0], "0");
    assert_string_equal(report.results.items[1], "false");
    assert_string_equal(report.results.items[2], "busy");
    assert_string_equal(report.results.items[3], "false");
    hp_report_fini(&report);
    assert_int_equal(get_status(b, "inner"), HP_APPLIED);
    close(a);
    close(b);
    close(watch);
}

static void poll_in_a_finalizer_returns_at_once(void **state)
{
    (void)state;
    run_lua(L, "hotpatch.start() hotpatch.poll()");
    int fd = client_connect(own_socket());
    ask(fd, HP_KIND_PUSH, "x");
    int watch = client_connect(own_socket());
    await_pending(watch, 1);
    run_lua(L, "setmetatable({}, { __gc = function() polled = hotpatch.poll() "
               " patched = hotpatch.patch{module='m', source=''}.status end }) collectgarbage()"
               "assert(polled == 0 and patched == 'busy')");
    assert_int_equal(fake.runs, 0);
    assert_int_equal(serve(L), 1);
    assert_int_equal(get_status(fd, "x"), HP_APPLIED);
    close(fd);
    close(watch);
}

static void poll_with_a_full_stack_returns_at_once(void **state)
{
    (void)state;
    run_lua(L, "hotpatch.start() hotpatch.poll()");
    int fd = client_connect(own_socket());
    ask(fd, HP_KIND_PUSH, "x");
    int watch = client_connect(own_socket());
    await_pending(watch, 1);
    int filled = 0;
    while (lua_checkstack(L, 1)) {
        lua_pushnil(L);
        filled++;
    }
    assert_int_equal(hotpatch_poll(L), 0);
    lua_pop(L, filled);
    assert_int_equal(fake.runs, 0);
    assert_int_equal(serve(L), 1);
    assert_int_equal(get_status(fd, "x"), HP_APPLIED);
    close(fd);
    close(watch);
}

static void any_coroutine_may_poll(void **state)
{
    (void)state;
    run_lua(L, "hotpatch.start() hotpatch.poll()");
    int fd = client_connect(own_socket());
    ask(fd, HP_KIND_PUSH, "x");
    int watch = client_connect(own_socket());
    await_pending(watch, 1);
    run_lua(L, "assert(coroutine.wrap(function() return hotpatch.poll() end)() == 1)");
    assert_int_equal(get_status(fd, "x"), HP_APPLIED);
    close(fd);
    close(watch);
}

/* --- off -------------------------------------------------------------------------------------- */

static void disabled_is_harmless(void **state)
{
    (void)state;
    lua_close(L);
    setenv("HOTPATCH_DISABLE", "1", 1);
    int threads = count_threads(), descriptors = count_descriptors();
    L = new_state();
    assert_int_equal(fake.open, 0);
    run_lua(L, "hotpatch.start { name = 'x' } hotpatch.start()"
               "assert(hotpatch.poll() == 0)"
               "assert(math.type(hotpatch.fd()) == 'integer')"
               "assert(hotpatch.patch { module = 'm', source = '' }.status == 'denied')");
    assert_false(readable(hotpatch_fd(L)));
    assert_int_equal(folder_count(), 0);
    assert_int_equal(count_threads(), threads);
    run_lua(L, "assert(hotpatch.stop())");
    assert_int_equal(count_descriptors(), descriptors);
    assert_int_equal(fake.open, 0);
    unsetenv("HOTPATCH_DISABLE");
}

/* --- the C interface -------------------------------------------------------------------------- */

static void the_c_interface(void **state)
{
    struct hotpatch_options options = HOTPATCH_OPTIONS_INIT;
    (void)state;
    options.name = "c-host";
    options.size = 0;
    assert_int_not_equal(hotpatch_start(L, &options), 0);
    assert_non_null(strstr(lua_tostring(L, -1), "HOTPATCH_OPTIONS_INIT"));
    lua_settop(L, 0);
    options.size = offsetof(struct hotpatch_options, dir); /* an older host */
    options.dir = "/no/such/dir/at/all";
    assert_int_equal(hotpatch_start(L, &options), 0);
    assert_int_equal(lua_gettop(L), 0);
    hotpatch_poll(L);
    assert_name("c-host");
    hotpatch_stop(L);
    options.size = sizeof options;
    assert_int_not_equal(hotpatch_start(L, &options), 0);
    assert_non_null(strstr(lua_tostring(L, -1), "/no/such/dir"));
    lua_settop(L, 0);
}

static void without_the_module(void **state)
{
    (void)state;
    lua_close(L);
    L = luaL_newstate();
    assert_int_equal(hotpatch_fd(L), -1);
    assert_int_equal(hotpatch_poll(L), 0);
    assert_int_equal(hotpatch_stop(L), 0);
    assert_int_equal(hotpatch_start(L, NULL), 0);
    hotpatch_poll(L);
    assert_name("test_agent");
}

static void no_memory_for_the_engine(void **state)
{
    (void)state;
    lua_close(L);
    fake.fail_open = true;
    L = new_state();
    fails_lua(L, "hotpatch.start()", "not enough memory");
    run_lua(L, "assert(hotpatch.patch { module = 'm', source = '' }.status == 'no_memory')");
    fake.fail_open = false;
    run_lua(L, "hotpatch.start()");
}

static void *do_nothing(void *arg)
{
    return arg;
}

/* The thread sanitizer starts a thread of its own with the first one of the program. */
static void start_threads_once(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, do_nothing, NULL) == 0)
        pthread_join(thread, NULL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(wrong_options_say_what_to_do),
        T(the_engine_gets_its_options),
        T(each_start_has_its_own_options),
        T(a_start_that_fails_changes_no_option),
        T(a_start_that_was_never_polled_leaves_nothing),
        T(a_directory_open_to_others_refuses_the_start),
        T(names),
        T(the_socket_opens_at_the_first_poll),
        T(two_starts_are_one_too_many),
        T(stop_leaves_nothing),
        T(lua_close_leaves_nothing),
        T(finalizers_after_the_agents_own),
        T(threads_of_the_agent_take_no_signals),
        T(a_socket_in_the_way_is_said_once),
        T(a_stale_socket_of_this_pid_is_replaced),
        T(poll_inside_a_request_returns_at_once),
        T(poll_in_a_finalizer_returns_at_once),
        T(poll_with_a_full_stack_returns_at_once),
        T(any_coroutine_may_poll),
        T(disabled_is_harmless),
        T(the_c_interface),
        T(without_the_module),
        T(no_memory_for_the_engine),
    };
    start_threads_once();
    threads_before = count_threads();
    descriptors_before = count_descriptors();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
