/* The mailbox alone: order, deadlines, ids, bounds, and what an idle poll sees. */
#include "support.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/mailbox.h"

static struct hp_mailbox box;

static int setup(void **state)
{
    (void)state;
    assert_true(hp_mailbox_init(&box));
    hp_mailbox_answer_knock(&box);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hp_mailbox_fini(&box);
    assert_false(hp_work_any());
    return 0;
}

static enum hp_post post(const char *id, int64_t wait, int64_t now, uint64_t ticket, struct hp_recall *recall)
{
    struct hp_request *request = request_of(HP_KIND_PUSH, id);
    request->deadline_ms = wait;
    enum hp_post result = hp_mailbox_post(&box, request, "uid 1, pid 2", now, ticket, recall);
    if (result != HP_POST_QUEUED)
        hp_request_free(request);
    return result;
}

static void expect_queued(const char *id, int64_t wait, int64_t now, uint64_t ticket)
{
    struct hp_recall recall;
    assert_int_equal(post(id, wait, now, ticket, &recall), HP_POST_QUEUED);
}

static struct hp_report *report_with(enum hp_status status)
{
    struct hp_report *report = hp_report_new();
    report->status = status;
    return report;
}

/* Collects one letter and answers it with its own id. */
static size_t collect(uint64_t tickets[HP_LETTER_TICKETS], enum hp_status *status)
{
    struct hp_letter *letter = hp_mailbox_next_done(&box);
    assert_non_null(letter);
    char data[200];
    snprintf(data, sizeof data, "answer of %s", letter->request->id);
    *status = letter->status;
    return hp_mailbox_remember(&box, letter, letter->status, data, strlen(data), tickets);
}

static bool bell_rings(void)
{
    struct pollfd bell = {.fd = box.bell, .events = POLLIN};
    return poll(&bell, 1, 0) == 1;
}

static void new_one_wants_a_poll(void **state)
{
    struct hp_mailbox fresh;
    (void)state;
    assert_false(hp_work_any());
    assert_true(hp_mailbox_init(&fresh));
    assert_true(hp_work_any());
    assert_true(hp_mailbox_wants_poll(&fresh));
    struct pollfd bell = {.fd = fresh.bell, .events = POLLIN};
    assert_int_equal(poll(&bell, 1, 0), 1);
    hp_mailbox_answer_knock(&fresh);
    assert_int_equal(poll(&bell, 1, 0), 0);
    assert_false(hp_work_any());
    hp_mailbox_fini(&fresh);
}

static void letters_are_taken_in_order(void **state)
{
    (void)state;
    assert_null(hp_mailbox_take(&box, 0));
    expect_queued("a", 100, 0, 1);
    expect_queued("b", 10, 0, 2);
    expect_queued("c", 100, 0, 3);
    assert_true(bell_rings());
    assert_true(hp_work_any());
    struct hp_letter *a = hp_mailbox_take(&box, 5);
    assert_string_equal(a->request->id, "a");
    assert_string_equal(a->who, "uid 1, pid 2");
    struct hp_letter *b = hp_mailbox_take(&box, 5);
    assert_string_equal(b->request->id, "b");
    assert_true(bell_rings());
    struct hp_letter *c = hp_mailbox_take(&box, 5);
    assert_string_equal(c->request->id, "c");
    assert_null(hp_mailbox_take(&box, 5));
    /* What runs over many polls is work for each. */
    hp_mailbox_done(&box, a, report_with(HP_APPLIED));
    hp_mailbox_give_up(&box, b, HP_TIMEOUT, "given up");
    assert_true(bell_rings());
    assert_true(hp_work_any());
    assert_true(hp_mailbox_wants_poll(&box));
    hp_mailbox_done(&box, c, report_with(HP_APPLIED));
    assert_false(bell_rings());
    assert_false(hp_work_any());
    assert_false(hp_mailbox_wants_poll(&box));
}

/* Nobody is woken for what runs elsewhere; but polls that come all the same are not passed by. */
static void what_rests_wakes_nobody(void **state)
{
    (void)state;
    hp_mailbox_rest(&box); /* nothing runs: nothing rests */
    expect_queued("a", 100, 0, 1);
    assert_true(bell_rings());
    struct hp_letter *a = hp_mailbox_take(&box, 5);
    hp_mailbox_rest(&box);
    assert_false(bell_rings());
    assert_true(hp_work_any());
    assert_true(hp_mailbox_wants_poll(&box));
    expect_queued("b", 100, 0, 2);
    assert_false(bell_rings()); /* it has to wait for the other anyway */
    hp_mailbox_knock(&box);
    assert_true(bell_rings());
    assert_true(hp_mailbox_answer_knock(&box));
    assert_false(bell_rings());
    hp_mailbox_call(&box);
    assert_true(bell_rings());
    hp_mailbox_rest(&box);
    assert_int_equal(hp_mailbox_cancel(&box, "a", HP_RIGHT_ALL), HP_FOUND_RUNNING);
    assert_true(bell_rings());
    hp_mailbox_rest(&box);
    hp_mailbox_done(&box, a, report_with(HP_APPLIED));
    assert_true(bell_rings()); /* the rest was of that letter */
    struct hp_letter *b = hp_mailbox_take(&box, 5);
    assert_true(bell_rings());
    hp_mailbox_done(&box, b, report_with(HP_APPLIED));
    assert_false(bell_rings());
}

static void progress_is_that_of_the_letter(void **state)
{
    const struct hp_letter_progress told = {"search", 1000, 3, 950};
    struct hp_letter_progress progress = told;
    (void)state;
    assert_int_equal(hp_mailbox_find(&box, "x", HP_RIGHT_ALL, &progress), HP_FOUND_UNKNOWN);
    assert_null(progress.phase);
    expect_queued("x", 100, 0, 1);
    expect_queued("y", 100, 0, 2);
    struct hp_letter *x = hp_mailbox_take(&box, 0);
    assert_int_equal(hp_mailbox_find(&box, "x", HP_RIGHT_ALL, &progress), HP_FOUND_RUNNING);
    assert_null(progress.phase);
    hp_mailbox_tell(&box, x, &told);
    assert_int_equal(hp_mailbox_find(&box, "x", HP_RIGHT_ALL, &progress), HP_FOUND_RUNNING);
    assert_string_equal(progress.phase, "search");
    assert_int_equal(progress.objects, 1000);
    assert_int_equal(progress.slices, 3);
    assert_int_equal(progress.longest_us, 950);
    hp_mailbox_done(&box, x, report_with(HP_APPLIED));
    hp_mailbox_take(&box, 0);
    assert_int_equal(hp_mailbox_find(&box, "x", HP_RIGHT_ALL, &progress), HP_FOUND_DONE);
    assert_null(progress.phase);
    assert_int_equal(hp_mailbox_find(&box, "y", HP_RIGHT_ALL, &progress), HP_FOUND_RUNNING);
    assert_null(progress.phase); /* the one before does not count */
}

static void expired_is_never_taken(void **state)
{
    uint64_t tickets[HP_LETTER_TICKETS];
    enum hp_status status;
    (void)state;
    expect_queued("late", 100, 1000, 7);
    expect_queued("later", 500, 1000, 8);
    assert_int_equal(hp_mailbox_expire(&box, 1050), 1100);
    assert_null(hp_mailbox_next_done(&box));
    struct hp_letter *letter = hp_mailbox_take(&box, 1100); /* the boundary counts as over */
    assert_string_equal(letter->request->id, "later");
    assert_int_equal(collect(tickets, &status), 1);
    assert_int_equal(status, HP_TIMEOUT);
    assert_int_equal(tickets[0], 7);
    assert_int_equal(hp_mailbox_expire(&box, 1000000), HP_NEVER); /* what runs does not expire */
    struct hp_recall recall;
    assert_int_equal(post("late", 100, 2000, 9, &recall), HP_POST_RECALLED);
    assert_int_equal(recall.status, HP_TIMEOUT);
    hp_mem_free(recall.data);
}

static void no_wait_means_the_default(void **state)
{
    (void)state;
    expect_queued("a", 0, 1000, 1);
    assert_int_equal(hp_mailbox_expire(&box, 1000), 1000 + HP_DEFAULT_WAIT_MS);
    expect_queued("b", INT64_MAX, 1000, 1);
    hp_mailbox_expire(&box, 1000 + HP_DEFAULT_WAIT_MS);
    assert_int_equal(hp_mailbox_expire(&box, 1000), 1000 + HP_MAX_WAIT_MS);
}

static void repeated_id_gets_the_first_answer(void **state)
{
    uint64_t tickets[HP_LETTER_TICKETS];
    struct hp_recall recall;
    enum hp_status status;
    (void)state;
    expect_queued("x", 100, 0, 1);
    assert_int_equal(post("x", 100, 0, 2, &recall), HP_POST_JOINED); /* while it waits */
    struct hp_letter *letter = hp_mailbox_take(&box, 0);
    assert_int_equal(post("x", 100, 0, 3, &recall), HP_POST_JOINED); /* while it runs */
    assert_null(hp_mailbox_take(&box, 0));
    hp_mailbox_done(&box, letter, report_with(HP_APPLIED));
    assert_int_equal(post("x", 100, 0, 4, &recall), HP_POST_JOINED); /* before its answer is made */
    assert_int_equal(collect(tickets, &status), 4);
    assert_int_equal(status, HP_APPLIED);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(tickets[i], i + 1);
    assert_int_equal(post("x", 100, 0, 5, &recall), HP_POST_RECALLED); /* afterwards */
    assert_int_equal(recall.status, HP_APPLIED);
    assert_int_equal(recall.len, strlen("answer of x"));
    assert_memory_equal(recall.data, "answer of x", recall.len);
    hp_mem_free(recall.data);
    assert_null(hp_mailbox_take(&box, 0));
}

static void full_is_busy_and_forgotten(void **state)
{
    struct hp_recall recall;
    char id[16];
    (void)state;
    for (int i = 0; i < HP_MAILBOX_SIZE; i++) {
        snprintf(id, sizeof id, "n%d", i);
        expect_queued(id, 1000, 0, (uint64_t)i);
    }
    assert_int_equal(post("one more", 1000, 0, 99, &recall), HP_POST_BUSY);
    assert_int_equal(post("n3", 1000, 0, 99, &recall), HP_POST_BUSY); /* a ticket too many, too */
    struct hp_letter *letter = hp_mailbox_take(&box, 0);
    assert_int_equal(post("one more", 1000, 0, 99, &recall), HP_POST_BUSY); /* what runs counts */
    uint64_t tickets[HP_LETTER_TICKETS];
    enum hp_status status;
    hp_mailbox_done(&box, letter, report_with(HP_APPLIED));
    collect(tickets, &status);
    expect_queued("one more", 1000, 0, 99); /* it was not remembered as refused */
}

static void tickets_of_one_id_are_bounded(void **state)
{
    struct hp_recall recall;
    (void)state;
    expect_queued("x", 100, 0, 0);
    for (uint64_t i = 1; i < HP_LETTER_TICKETS; i++)
        assert_int_equal(post("x", 100, 0, i, &recall), HP_POST_JOINED);
    assert_int_equal(post("x", 100, 0, 99, &recall), HP_POST_BUSY);
}

static void answer_once(const char *id, const char *data, size_t len)
{
    uint64_t tickets[HP_LETTER_TICKETS];
    expect_queued(id, 100, 0, 1);
    struct hp_letter *letter = hp_mailbox_take(&box, 0);
    hp_mailbox_done(&box, letter, report_with(HP_APPLIED));
    letter = hp_mailbox_next_done(&box);
    hp_mailbox_remember(&box, letter, HP_APPLIED, data, len, tickets);
}

static void long_answers_lose_their_text_and_keep_their_id(void **state)
{
    struct hp_recall recall;
    size_t third = HP_REMEMBERED_BYTES / 3;
    char *data = hp_mem_calloc(HP_REMEMBERED_BYTES + 1);
    (void)state;
    answer_once("too long", data, HP_REMEMBERED_BYTES + 1);
    assert_int_equal(post("too long", 100, 0, 1, &recall), HP_POST_RECALLED);
    assert_null(recall.data);
    assert_int_equal(recall.status, HP_APPLIED);
    assert_non_null(recall.text);
    answer_once("a", data, third);
    answer_once("b", data, third);
    answer_once("c", data, third);
    answer_once("d", data, third); /* pushes out the text of a */
    assert_true(box.memory[1].bytes <= HP_REMEMBERED_BYTES);
    assert_int_equal(post("a", 100, 0, 1, &recall), HP_POST_RECALLED);
    assert_null(recall.data);
    assert_int_equal(post("b", 100, 0, 1, &recall), HP_POST_RECALLED);
    assert_non_null(recall.data);
    hp_mem_free(recall.data);
    hp_mem_free(data);
}

static void the_last_ids_are_remembered(void **state)
{
    struct hp_recall recall;
    char id[16];
    (void)state;
    for (int i = 0; i < HP_REMEMBERED_IDS + 1; i++) {
        snprintf(id, sizeof id, "n%d", i);
        answer_once(id, "x", 1);
    }
    assert_int_equal(post("n1", 100, 0, 1, &recall), HP_POST_RECALLED);
    hp_mem_free(recall.data);
    expect_queued("n0", 100, 0, 1);
}

static void requests_without_id_are_not_remembered(void **state)
{
    (void)state;
    expect_queued(NULL, 100, 0, 1);
    expect_queued(NULL, 100, 0, 2);
    expect_queued("", 100, 0, 3);
    expect_queued("", 100, 0, 4);
}

static void cancel_withdraws_what_waits(void **state)
{
    uint64_t tickets[HP_LETTER_TICKETS];
    struct hp_letter_progress progress;
    struct hp_recall recall;
    enum hp_status status;
    (void)state;
    expect_queued("x", 100, 0, 5);
    assert_int_equal(hp_mailbox_find(&box, "x", HP_RIGHT_ALL, &progress), HP_FOUND_WAITING);
    assert_int_equal(hp_mailbox_cancel(&box, "x", HP_RIGHT_ALL), HP_FOUND_WAITING);
    assert_false(bell_rings());
    assert_null(hp_mailbox_take(&box, 0));
    assert_int_equal(collect(tickets, &status), 1);
    assert_int_equal(status, HP_TIMEOUT);
    assert_int_equal(hp_mailbox_find(&box, "x", HP_RIGHT_ALL, &progress), HP_FOUND_DONE);

    expect_queued("y", 100, 0, 6);
    struct hp_letter *letter = hp_mailbox_take(&box, 0);
    assert_false(hp_mailbox_is_cancelled(&box, letter));
    assert_int_equal(hp_mailbox_cancel(&box, "y", HP_RIGHT_ALL), HP_FOUND_RUNNING);
    assert_true(hp_mailbox_is_cancelled(&box, letter)); /* its own thread sees to it */
    assert_null(hp_mailbox_next_done(&box));
    hp_mailbox_give_up(&box, letter, HP_TIMEOUT, "given up");
    struct hp_letter *given_up = hp_mailbox_next_done(&box);
    assert_ptr_equal(given_up, letter);
    assert_null(given_up->report);
    assert_int_equal(given_up->status, HP_TIMEOUT);
    assert_string_equal(given_up->text, "given up");
    hp_mailbox_remember(&box, given_up, HP_TIMEOUT, "x", 1, tickets);

    assert_int_equal(hp_mailbox_cancel(&box, "overtaken", HP_RIGHT_ALL), HP_FOUND_UNKNOWN);
    assert_int_equal(post("overtaken", 100, 0, 1, &recall), HP_POST_RECALLED);
    assert_int_equal(recall.status, HP_TIMEOUT);
    assert_null(recall.data);
}

/* Whoever may only read cannot keep a patch from running by its id, nor see or crowd out its answer. */
static void ids_belong_to_a_right(void **state)
{
    struct hp_letter_progress progress;
    struct hp_recall recall;
    uint64_t tickets[HP_LETTER_TICKETS];
    enum hp_status status;
    char id[16];
    (void)state;
    assert_int_equal(hp_mailbox_cancel(&box, "deploy", HP_RIGHT_READ), HP_FOUND_UNKNOWN);
    expect_queued("deploy", 100, 0, 1);
    assert_int_equal(hp_mailbox_find(&box, "deploy", HP_RIGHT_READ, &progress), HP_FOUND_DONE); /* barred */
    assert_int_equal(hp_mailbox_cancel(&box, "deploy", HP_RIGHT_READ), HP_FOUND_DONE);
    assert_int_equal(hp_mailbox_find(&box, "deploy", HP_RIGHT_PATCH, &progress), HP_FOUND_WAITING);
    struct hp_letter *letter = hp_mailbox_take(&box, 0);
    hp_mailbox_give_up(&box, letter, HP_APPLIED, "the patch");
    assert_int_equal(collect(tickets, &status), 1);

    for (int i = 0; i <= HP_REMEMBERED_IDS; i++) {
        snprintf(id, sizeof id, "n%d", i);
        hp_mailbox_cancel(&box, id, HP_RIGHT_READ);
    }
    assert_int_equal(hp_mailbox_find(&box, "deploy", HP_RIGHT_READ, &progress), HP_FOUND_UNKNOWN);
    assert_int_equal(post("deploy", 100, 0, 1, &recall), HP_POST_RECALLED);
    assert_int_equal(recall.status, HP_APPLIED);
    hp_mem_free(recall.data);
}

static void close_ends_what_waits(void **state)
{
    uint64_t tickets[HP_LETTER_TICKETS];
    struct hp_recall recall;
    enum hp_status status;
    (void)state;
    expect_queued("running", 100, 0, 1);
    struct hp_letter *running = hp_mailbox_take(&box, 0);
    expect_queued("waiting", 100, 0, 2);
    hp_mailbox_close(&box, HP_NO_AGENT, "stopped");
    assert_int_equal(post("new", 100, 0, 3, &recall), HP_POST_CLOSED);
    assert_null(hp_mailbox_take(&box, 0));
    assert_false(bell_rings());
    assert_int_equal(collect(tickets, &status), 1);
    assert_int_equal(status, HP_NO_AGENT);
    assert_int_equal(tickets[0], 2);
    hp_mailbox_done(&box, running, NULL); /* no memory for a report */
    collect(tickets, &status);
    assert_int_equal(status, HP_NO_MEMORY);
}

/* --- memory ----------------------------------------------------------------------------------- */

static long allocations_left;

static void *failing_realloc(void *ptr, size_t size)
{
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return allocations_left-- > 0 ? realloc(ptr, size) : NULL;
}

static void a_post_without_memory_changes_nothing(void **state)
{
    struct hp_recall recall;
    (void)state;
    bool queued = false;
    for (long n = 0; !queued; n++) {
        struct hp_request *request = request_of(HP_KIND_PUSH, "x");
        allocations_left = n;
        hp_mem_set_allocator(failing_realloc);
        enum hp_post result = hp_mailbox_post(&box, request, "who", 0, 1, &recall);
        hp_mem_set_allocator(NULL);
        queued = result == HP_POST_QUEUED;
        assert_true(queued || result == HP_POST_NO_MEMORY);
        assert_int_equal(hp_mailbox_waiting(&box), queued ? 1 : 0);
        if (!queued)
            hp_request_free(request);
    }
    struct hp_letter *letter = hp_mailbox_take(&box, 0);
    hp_mailbox_done(&box, letter, NULL);
    letter = hp_mailbox_next_done(&box);
    uint64_t tickets[HP_LETTER_TICKETS];
    allocations_left = 0;
    hp_mem_set_allocator(failing_realloc);
    assert_int_equal(hp_mailbox_remember(&box, letter, HP_APPLIED, "x", 1, tickets), 1);
    hp_mem_set_allocator(NULL);
    assert_int_equal(post("x", 100, 0, 2, &recall),
                     HP_POST_RECALLED); /* its id was remembered all the same */
    assert_int_equal(recall.status, HP_APPLIED);
    assert_null(recall.data);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(new_one_wants_a_poll),
        T(letters_are_taken_in_order),
        T(what_rests_wakes_nobody),
        T(progress_is_that_of_the_letter),
        T(expired_is_never_taken),
        T(no_wait_means_the_default),
        T(repeated_id_gets_the_first_answer),
        T(full_is_busy_and_forgotten),
        T(tickets_of_one_id_are_bounded),
        T(long_answers_lose_their_text_and_keep_their_id),
        T(the_last_ids_are_remembered),
        T(requests_without_id_are_not_remembered),
        T(cancel_withdraws_what_waits),
        T(ids_belong_to_a_right),
        T(close_ends_what_waits),
        T(a_post_without_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
