/* holders.h: places that a search has found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/engine/holders.h"

#define MANY 1000

static const char tables[3]; /* their addresses */

struct fixture {
    struct hp_arena arena;
    struct hp_holders holders;
};

static int setup(void **state)
{
    static struct fixture f;
    hp_arena_init(&f.arena);
    hp_holders_init(&f.holders, &f.arena);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    hp_arena_fini(&f->arena);
    return 0;
}

static void add(struct fixture *f, int index, int table)
{
    struct hp_holder *h = hp_holders_add(&f->holders);
    assert_non_null(h);
    assert_true(h->index == 0 && !h->address && !h->in_metatable);
    h->index = index;
    h->address = &tables[table];
    h->in_metatable = true;
}

static void they_are_where_they_were(void **state)
{
    struct fixture *f = *state;
    add(f, 0, 0);
    const struct hp_holder *first = hp_holders_at(&f->holders, 0);
    for (int i = 1; i < MANY; i++)
        add(f, i, 0);
    assert_ptr_equal(hp_holders_at(&f->holders, 0), first);
    assert_int_equal(f->holders.count, MANY);
    hp_holders_line_up(&f->holders);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(hp_holders_at(&f->holders, (size_t)i)->index, i);
        assert_int_equal(f->holders.row[i].index, i);
    }
}

static void those_of_one_table_are_dropped(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < MANY; i++)
        add(f, i, i % 3);
    hp_holders_drop(&f->holders, 400, &tables[1]);
    assert_int_equal(f->holders.count, MANY - 200);
    add(f, MANY, 1);
    hp_holders_line_up(&f->holders);
    for (int i = 0, at = 0; i <= MANY; i++)
        if (i < 400 || i % 3 != 1 || i == MANY) {
            assert_int_equal(f->holders.row[at].index, i);
            at++;
        }
}

static void none_make_no_row(void **state)
{
    struct fixture *f = *state;
    hp_holders_line_up(&f->holders);
    assert_null(f->holders.row);
    assert_false(hp_arena_failed(&f->arena));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(they_are_where_they_were, setup, teardown),
        cmocka_unit_test_setup_teardown(those_of_one_table_are_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(none_make_no_row, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
