/* The loan of the live state between the Lua thread and the planner: who has it when, that no loan is too
 * short for any progress, and that the planner goes when it is told to. The "live state" is a plain counter
 * that either side changes without a lock: the thread sanitizer sees whoever touches it out of turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/engine/turn.h"

struct fixture {
    struct hp_turn *turn;
    int live;  /* of whoever has the turn */
    int looks; /* that the planner is to make */
    int made;
    bool given_up;
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Looks at the live state, works a little without it, and so on. */
static void look(void *ud)
{
    struct fixture *f = ud;
    for (int i = 0; i < f->looks && !f->given_up; i++) {
        f->given_up = !hp_turn_hold(f->turn);
        if (!f->given_up) {
            f->live++;
            f->made++;
        }
        if (i % 3 == 0)
            hp_turn_leave(f->turn);
        else
            hp_turn_yield(f->turn);
    }
}

static enum hp_turn_state lend(struct fixture *f, int64_t us)
{
    int64_t start = now_us();
    f->live++; /* ours until here … */
    enum hp_turn_state state = hp_turn_lend(f->turn, start + us, start + us / 2);
    f->live++; /* … and again */
    return state;
}

/* Loans that are over before they begin serve all the same. */
static void every_loan_is_of_use(void **state)
{
    (void)state;
    struct fixture f = {.looks = 500};
    int loans = 0;
    assert_true(hp_turn_start(&f.turn, look, &f, NULL));
    while (lend(&f, 0) != HP_TURN_DONE)
        loans++;
    assert_int_equal(f.made, 500);
    assert_in_range(loans, 1, INT32_MAX);
    assert_true(hp_turn_stop(f.turn));
    assert_false(f.given_up);
}

static void one_long_loan_is_enough(void **state)
{
    (void)state;
    struct fixture f = {.looks = 500};
    assert_true(hp_turn_start(&f.turn, look, &f, NULL));
    assert_int_equal(hp_turn_lend(f.turn, INT64_MAX, INT64_MAX), HP_TURN_DONE);
    assert_int_equal(f.live, 500);
    assert_true(hp_turn_stop(f.turn));
}

/* Told to give up wherever it is: before its first look, in the middle, at the end. */
static void gives_up(void **state)
{
    (void)state;
    for (int loans = 0; loans < 60; loans++) {
        struct fixture f = {.looks = 40};
        enum hp_turn_state last = HP_TURN_USED;
        assert_true(hp_turn_start(&f.turn, look, &f, NULL));
        for (int i = 0; i < loans && last != HP_TURN_DONE; i++)
            last = lend(&f, 0);
        assert_true(hp_turn_stop(f.turn));
        assert_true(f.given_up || f.made == 40);
        assert_false(last == HP_TURN_DONE && f.given_up);
    }
}

struct elsewhere {
    struct hp_turn *turn;
    int ends[2];
    atomic_int rung;
};

static void ring(void *ud)
{
    struct elsewhere *e = ud;
    atomic_fetch_add(&e->rung, 1);
}

/* Looks once, and then works without the live state until the test lets it go. */
static void work_elsewhere(void *ud)
{
    struct elsewhere *e = ud;
    char byte;
    hp_turn_hold(e->turn);
    hp_turn_leave(e->turn);
    (void)!read(e->ends[0], &byte, 1);
    hp_turn_hold(e->turn);
}

static void nobody_waits_for_who_is_away(void **state)
{
    (void)state;
    struct elsewhere e = {0};
    assert_int_equal(pipe(e.ends), 0);
    const struct hp_turn_bell bell = {ring, &e};
    assert_true(hp_turn_start(&e.turn, work_elsewhere, &e, &bell));
    assert_int_equal(hp_turn_lend(e.turn, 0, 0), HP_TURN_USED);
    int before = atomic_load(&e.rung); /* perhaps for the first hold */
    assert_in_range(before, 0, 1);
    assert_int_equal(hp_turn_lend(e.turn, INT64_MAX - 1, INT64_MAX - 1), HP_TURN_AWAY);
    assert_true(hp_turn_is_away(e.turn));
    assert_int_equal(atomic_load(&e.rung), before);
    assert_true(write(e.ends[1], "", 1) == 1);
    while (atomic_load(&e.rung) == before) /* it rings when it wants the state again … */
        sched_yield();
    assert_false(hp_turn_is_away(e.turn));
    before = atomic_load(&e.rung);
    assert_int_equal(hp_turn_lend(e.turn, INT64_MAX, INT64_MAX), HP_TURN_DONE);
    assert_int_equal(atomic_load(&e.rung), before); /* … and to whoever waits for it anyway not at all */
    assert_false(hp_turn_is_away(e.turn));
    assert_true(hp_turn_stop(e.turn));
    close(e.ends[0]);
    close(e.ends[1]);
}

static void without_a_turn(void **state)
{
    (void)state;
    assert_true(hp_turn_hold(NULL));
    assert_true(hp_turn_yield(NULL));
    hp_turn_leave(NULL);
    assert_int_equal(hp_turn_waited_us(NULL), 0);
    assert_true(hp_turn_stop(NULL));
}

static void finish(void *ud)
{
    struct elsewhere *e = ud;
    char byte;
    (void)!read(e->ends[0], &byte, 1);
}

/* Work that never holds is not lent to, and can be asked whether it is done. */
static void done_without_a_loan(void **state)
{
    (void)state;
    struct elsewhere e = {0};
    assert_int_equal(pipe(e.ends), 0);
    assert_true(hp_turn_start(&e.turn, finish, &e, NULL));
    assert_false(hp_turn_is_done(e.turn));
    pid_t child = fork();
    if (child == 0)
        _exit(hp_turn_is_done(e.turn) && !hp_turn_stop(e.turn) ? 0 : 1); /* it has vanished */
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(write(e.ends[1], "", 1) == 1);
    while (!hp_turn_is_done(e.turn))
        sched_yield();
    assert_true(hp_turn_stop(e.turn));
    close(e.ends[0]);
    close(e.ends[1]);
}

/* In a forked child the planner is gone in the middle of its work: that is told, and nothing is waited for.
 */
static void forked(void **state)
{
    (void)state;
    struct fixture f = {.looks = 100};
    assert_true(hp_turn_start(&f.turn, look, &f, NULL));
    lend(&f, 0);
    pid_t child = fork();
    if (child == 0)
        _exit(hp_turn_stop(f.turn) ? 1 : 0);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    while (lend(&f, 1000) != HP_TURN_DONE)
        continue;
    assert_int_equal(f.made, 100);
    assert_true(hp_turn_stop(f.turn));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_loan_is_of_use),
        cmocka_unit_test(one_long_loan_is_enough),
        cmocka_unit_test(gives_up),
        cmocka_unit_test(nobody_waits_for_who_is_away),
        cmocka_unit_test(without_a_turn),
        cmocka_unit_test(done_without_a_loan),
        cmocka_unit_test(forked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
