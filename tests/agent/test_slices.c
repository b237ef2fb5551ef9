/* Requests that take many polls: one slice each, the server in between; how they are followed, cancelled, and
 * given up when the agent goes. The fake engine says how many slices a request takes. */
#include "support.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_engine.h"
#include "hotpatch/hotpatch.h"

static lua_State *L;
static int a, b; /* connections: the one that asks, the one that looks on */

static int setup(void **state)
{
    (void)state;
    folder_make();
    fake_reset();
    L = new_state();
    /* So short that a slice has always used it up. */
    run_lua(L, "hotpatch.start { name = 'game', max_pause_ms = 1e-6 }");
    assert_int_equal(hotpatch_poll(L), 0);
    a = client_connect(own_socket());
    b = client_connect(own_socket());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(a);
    close(b);
    if (L)
        lua_close(L);
    assert_int_equal(fake.open, 0);
    assert_int_equal(folder_count(), 0);
    folder_remove();
    return 0;
}

static bool has_work(void)
{
    struct pollfd bell = {.fd = hotpatch_fd(L), .events = POLLIN};
    return poll(&bell, 1, 0) == 1;
}

/* Posts a push of so many slices. */
static void push_in(int slices, const char *id)
{
    fake.slices = slices;
    ask(a, HP_KIND_PUSH, id);
    await_pending(b, 1);
}

/* A push that is under way, with `done` slices of `slices` behind it. */
static void push_under_way(int slices, int done)
{
    push_in(slices, "x");
    for (int i = 0; i < done; i++)
        assert_int_equal(hotpatch_poll(L), 0);
    assert_int_equal(fake.steps, done);
}

/* What progress says of "x"; the caller finishes the report. */
static void ask_progress(struct hp_report *report)
{
    struct hp_request *request = request_of(HP_KIND_PROGRESS, "progress");
    request->target = "x";
    client_request(b, request);
    hp_request_free(request);
    assert_true(client_report(b, report));
}

static enum hp_status cancel(void)
{
    struct hp_report report;
    struct hp_request *request = request_of(HP_KIND_CANCEL, "cancel");
    request->target = "x";
    client_request(b, request);
    hp_request_free(request);
    assert_true(client_report(b, &report));
    enum hp_status status = report.status;
    if (status == HP_OK)
        assert_string_equal(report.results.items[0], "running");
    hp_report_fini(&report);
    return status;
}

static void assert_answer(enum hp_status status, const char *part)
{
    struct hp_report report;
    assert_true(client_report(a, &report));
    assert_string_equal(report.id, "x");
    assert_int_equal(report.status, status);
    if (part) {
        assert_non_null(report.error);
        assert_non_null(strstr(report.error->text, part));
    }
    hp_report_fini(&report);
}

/* --- slices ----------------------------------------------------------------------------------- */

static void one_slice_each_poll(void **state)
{
    struct hp_report report;
    (void)state;
    push_in(5, "x");
    for (int i = 1; i < 5; i++) {
        assert_true(has_work());
        assert_int_equal(hotpatch_poll(L), 0);
        assert_int_equal(fake.steps, i);
        assert_int_equal(fake.runs, 0);
    }
    assert_true(has_work());
    assert_int_equal(hotpatch_poll(L), 1);
    assert_false(has_work());
    assert_int_equal(hotpatch_poll(L), 0);
    assert_int_equal(fake.steps, 5);
    assert_true(client_report(a, &report));
    assert_int_equal(report.status, HP_APPLIED);
    assert_true(report.cost.total_us >= report.cost.pause_us);
    hp_report_fini(&report);
}

/* Whatever a poll has done before: the next request has what is left of its time. */
static void one_poll_has_one_time(void **state)
{
    static const char busy[] = "for i = 1, 10000000 do end";
    (void)state;
    run_lua(L, "hotpatch.stop() hotpatch.start { max_pause_ms = 60000 } hotpatch.poll()");
    close(a);
    close(b);
    a = client_connect(own_socket());
    b = client_connect(own_socket());
    struct hp_request *request = request_of(HP_KIND_EVAL, "e");
    request->code = (struct hp_bytes){busy, sizeof busy - 1};
    client_request(b, request);
    hp_request_free(request);
    int watch = client_connect(own_socket());
    await_pending(watch, 1);
    ask(a, HP_KIND_PUSH, "x");
    await_pending(watch, 2);
    assert_int_equal(hotpatch_poll(L), 2);
    assert_true(fake.used_us >= 1000); /* ten million turns take longer than that anywhere */
    assert_answer(HP_APPLIED, NULL);
    assert_int_equal(get_status(b, "e"), HP_OK);
    close(watch);
}

static void more_slices_in_a_poll_that_has_time(void **state)
{
    (void)state;
    run_lua(L, "hotpatch.stop() hotpatch.start { max_pause_ms = 60000 } hotpatch.poll()");
    close(a);
    close(b);
    a = client_connect(own_socket());
    b = client_connect(own_socket());
    push_in(5, "x");
    assert_int_equal(hotpatch_poll(L), 1);
    assert_int_equal(fake.steps, 5);
    assert_answer(HP_APPLIED, NULL);

    /* The request may ask for shorter stops than the agent makes. */
    struct hp_request *request = request_of(HP_KIND_PUSH, "y");
    request->options.max_pause_ms = 1e-6;
    client_request(a, request);
    hp_request_free(request);
    await_pending(b, 1);
    assert_int_equal(hotpatch_poll(L), 0);
    assert_int_equal(fake.steps, 6);
    assert_int_equal(serve(L), 1);
    assert_int_equal(get_status(a, "y"), HP_APPLIED);
}

static void the_request_may_allow_longer_stops(void **state)
{
    (void)state;
    struct hp_request *request = request_of(HP_KIND_PUSH, "x");
    request->options.max_pause_ms = 60000;
    fake.slices = 5;
    client_request(a, request);
    hp_request_free(request);
    await_pending(b, 1);
    assert_int_equal(hotpatch_poll(L), 1);
    assert_answer(HP_APPLIED, NULL);
}

static void the_next_request_waits_for_the_end(void **state)
{
    (void)state;
    push_under_way(3, 1);
    int c = client_connect(own_socket());
    ask(c, HP_KIND_PUSH, "y");
    await_pending(b, 1);
    assert_int_equal(hotpatch_poll(L), 0);
    assert_int_equal(hotpatch_poll(L), 1);
    assert_string_equal(fake.order, "x ");
    assert_int_equal(serve(L), 1);
    assert_string_equal(fake.order, "x y ");
    assert_answer(HP_APPLIED, NULL);
    assert_int_equal(get_status(c, "y"), HP_APPLIED);
    close(c);
}

static void each_slice_may_come_from_another_coroutine(void **state)
{
    (void)state;
    push_under_way(3, 1);
    assert_ptr_equal(fake.stepped_on, L);
    run_lua(L, "assert(coroutine.wrap(function() return hotpatch.poll() end)() == 0)");
    assert_ptr_not_equal(fake.stepped_on, L);
    assert_int_equal(hotpatch_poll(L), 1);
    assert_answer(HP_APPLIED, NULL);
}

static void no_slice_in_a_finalizer(void **state)
{
    (void)state;
    push_under_way(3, 1);
    run_lua(L, "setmetatable({}, { __gc = function() polled = hotpatch.poll() end }) collectgarbage()"
               "assert(polled == 0)");
    assert_int_equal(fake.steps, 1);
    assert_int_equal(serve(L), 1);
    assert_answer(HP_APPLIED, NULL);
}

/* --- following it ----------------------------------------------------------------------------- */

static void progress_tells_how_far_it_is(void **state)
{
    struct hp_report report;
    (void)state;
    push_in(4, "x");
    ask_progress(&report);
    assert_string_equal(report.results.items[0], "waiting");
    assert_int_equal(report.results.count, 1);
    hp_report_fini(&report);
    fake.commit_at = 3;
    hotpatch_poll(L);
    hotpatch_poll(L);
    ask_progress(&report);
    assert_int_equal(report.status, HP_OK);
    assert_int_equal(report.results.count, 2);
    assert_string_equal(report.results.items[0], "running");
    assert_string_equal(report.results.items[1], "search");
    assert_int_equal(report.cost.objects, 2000);
    assert_int_equal(report.cost.slices, 2);
    assert_true(report.cost.pause_us >= 900);
    hp_report_fini(&report);
    assert_int_equal(ask_and_get(b, HP_KIND_STATUS, "s"), HP_OK);
    hotpatch_poll(L);
    ask_progress(&report);
    assert_string_equal(report.results.items[1], "sweep");
    hp_report_fini(&report);
    assert_int_equal(hotpatch_poll(L), 1);
    assert_answer(HP_APPLIED, NULL);
    ask_progress(&report);
    assert_string_equal(report.results.items[0], "done");
    assert_int_equal(report.results.count, 1);
    assert_int_equal(report.cost.objects, 0);
    hp_report_fini(&report);
}

static size_t patches_in_the_log(void)
{
    struct hp_report report;
    ask(b, HP_KIND_LOG, "log");
    assert_true(client_report(b, &report));
    size_t count = report.patches.count;
    hp_report_fini(&report);
    return count;
}

static void the_log_tells_from_the_commit_on(void **state)
{
    (void)state;
    fake.commit_at = 2;
    push_under_way(4, 1);
    assert_int_equal(patches_in_the_log(), 0);
    hotpatch_poll(L);
    assert_int_equal(patches_in_the_log(), 1);
    assert_int_equal(serve(L), 1);
    assert_int_equal(patches_in_the_log(), 1);
    assert_answer(HP_APPLIED, NULL);
}

/* --- cancelling ------------------------------------------------------------------------------- */

static void cancelled_in_the_middle(void **state)
{
    (void)state;
    push_under_way(5, 2);
    assert_int_equal(cancel(), HP_OK);
    assert_int_equal(fake.abandoned, 0); /* not by the thread that was asked */
    assert_true(has_work());
    assert_int_equal(hotpatch_poll(L), 1);
    assert_int_equal(fake.abandoned, 1);
    assert_int_equal(fake.steps, 2);
    assert_int_equal(fake.runs, 0);
    assert_false(has_work());
    assert_answer(HP_TIMEOUT, "nothing changed");
    assert_int_equal(cancel(), HP_NO_CHANGE);
    assert_int_equal(ask_and_get(a, HP_KIND_PUSH, "x"), HP_TIMEOUT); /* it will not run later */
    /* The next one is not affected. */
    push_in(2, "y");
    assert_int_equal(serve(L), 1);
    assert_int_equal(get_status(a, "y"), HP_APPLIED);
}

static void cancelled_too_late(void **state)
{
    (void)state;
    fake.commit_at = 2;
    push_under_way(5, 2);
    assert_int_equal(cancel(), HP_OK);
    assert_int_equal(hotpatch_poll(L), 1);
    assert_int_equal(fake.abandoned, 1);
    assert_answer(HP_APPLIED, NULL);
    assert_int_equal(patches_in_the_log(), 1);
}

static void a_client_that_goes_cancels_nothing(void **state)
{
    (void)state;
    push_under_way(3, 1);
    close(a);
    a = client_connect(own_socket());
    assert_int_equal(serve(L), 1);
    assert_int_equal(fake.abandoned, 0);
    assert_int_equal(ask_and_get(a, HP_KIND_PUSH, "x"), HP_APPLIED);
    assert_int_equal(fake.runs, 1);
}

/* --- requests of the program itself ----------------------------------------------------------- */

static void a_patch_of_the_program_lets_it_end_first(void **state)
{
    (void)state;
    push_under_way(5, 2);
    run_lua(L, "local r = hotpatch.patch { module = 'm', source = '' }"
               "assert(r.status == 'applied' and r.patch == 2, r.status)");
    assert_string_equal(fake.order, "x - ");
    assert_int_equal(fake.steps, 5);
    assert_answer(HP_APPLIED, NULL);
    assert_false(has_work());
    assert_int_equal(patches_in_the_log(), 2);
}

static void a_cancelled_one_does_not_end_first(void **state)
{
    (void)state;
    push_under_way(5, 2);
    assert_int_equal(cancel(), HP_OK);
    run_lua(L, "assert(hotpatch.diff { module = 'm', source = '' }.status == 'planned')");
    assert_string_equal(fake.order, "- ");
    assert_answer(HP_TIMEOUT, "nothing changed");
}

/* --- the agent goes --------------------------------------------------------------------------- */

static void stop_gives_it_up(void **state)
{
    (void)state;
    push_under_way(5, 2);
    assert_int_equal(hotpatch_stop(L), 1);
    assert_int_equal(fake.abandoned, 1);
    assert_int_equal(fake.runs, 0);
    assert_answer(HP_NO_AGENT, "nothing changed");
    run_lua(L, "hotpatch.start() assert(hotpatch.poll() == 0)");
    run_lua(L, "assert(hotpatch.patch { module = 'm', source = '' }.patch == 1)");
}

static void stop_after_the_commit(void **state)
{
    (void)state;
    fake.commit_at = 1;
    push_under_way(5, 2);
    run_lua(L, "assert(hotpatch.stop())");
    assert_int_equal(fake.abandoned, 1);
    assert_answer(HP_APPLIED, NULL);
}

static void stop_with_a_full_stack(void **state)
{
    (void)state;
    push_under_way(5, 2);
    int filled = 0;
    while (lua_checkstack(L, 1)) {
        lua_pushnil(L);
        filled++;
    }
    assert_int_equal(hotpatch_stop(L), 0);
    lua_pop(L, filled);
    assert_int_equal(fake.abandoned, 0);
    assert_int_equal(serve(L), 1);
    assert_answer(HP_APPLIED, NULL);
}

static void lua_close_gives_it_up(void **state)
{
    (void)state;
    push_under_way(5, 2);
    lua_close(L);
    L = NULL;
    assert_int_equal(fake.abandoned, 1);
    assert_int_equal(fake.runs, 0);
    assert_answer(HP_NO_AGENT, "nothing changed");
}

/* --- without memory --------------------------------------------------------------------------- */

static _Thread_local bool refuses; /* on this thread only: the I/O side goes on */

static void *refusing_realloc(void *ptr, size_t size)
{
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return refuses ? NULL : realloc(ptr, size);
}

static void without_memory_for_a_report(void **state)
{
    (void)state;
    push_in(3, "x");
    hp_mem_set_allocator(refusing_realloc);
    refuses = true;
    int answered = hotpatch_poll(L);
    refuses = false;
    hp_mem_set_allocator(NULL);
    assert_int_equal(answered, 1);
    assert_int_equal(fake.steps, 0);
    assert_false(has_work());
    assert_answer(HP_NO_MEMORY, "nothing changed");
}

static void given_up_without_memory(void **state)
{
    (void)state;
    push_under_way(3, 1);
    assert_int_equal(cancel(), HP_OK);
    hp_mem_set_allocator(refusing_realloc);
    refuses = true;
    int answered = hotpatch_poll(L);
    refuses = false;
    hp_mem_set_allocator(NULL);
    assert_int_equal(answered, 1);
    assert_answer(HP_TIMEOUT, "nothing changed");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(one_slice_each_poll),
        T(one_poll_has_one_time),
        T(more_slices_in_a_poll_that_has_time),
        T(the_request_may_allow_longer_stops),
        T(the_next_request_waits_for_the_end),
        T(each_slice_may_come_from_another_coroutine),
        T(no_slice_in_a_finalizer),
        T(progress_tells_how_far_it_is),
        T(the_log_tells_from_the_commit_on),
        T(cancelled_in_the_middle),
        T(cancelled_too_late),
        T(a_client_that_goes_cancels_nothing),
        T(a_patch_of_the_program_lets_it_end_first),
        T(a_cancelled_one_does_not_end_first),
        T(stop_gives_it_up),
        T(stop_after_the_commit),
        T(stop_with_a_full_stack),
        T(lua_close_gives_it_up),
        T(without_memory_for_a_report),
        T(given_up_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
