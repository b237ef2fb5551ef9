/* map.h: a map from pairs of numbers to numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/engine/map.h"

#define MANY 10000

static void keys_are_pairs(void **unused)
{
    (void)unused;
    struct hp_arena a;
    struct hp_map m;
    bool fresh = false;
    hp_arena_init(&a);
    hp_map_init(&m, &a);
    assert_null(hp_map_find(&m, 1, 2));
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(*hp_map_put(&m, i, i % 7, i, &fresh), i);
        assert_true(fresh);
    }
    assert_int_equal(*hp_map_put(&m, 5, 5, 99, &fresh), 5); /* there already */
    assert_false(fresh);
    assert_int_equal(m.count, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(*hp_map_find(&m, i, i % 7), i);
        assert_null(hp_map_find(&m, i, 7));
    }
    hp_arena_fini(&a);
}

static void reserved_room_moves_nothing(void **unused)
{
    (void)unused;
    struct hp_arena a;
    struct hp_map m;
    hp_arena_init(&a);
    hp_map_init(&m, &a);
    assert_int_equal(hp_map_room(&m), 0);
    for (uint32_t i = 0; i < 100; i++)
        hp_map_put(&m, i, 0, i, NULL);
    hp_map_reserve(&m, MANY);
    assert_true(hp_map_room(&m) >= MANY);
    const struct hp_map_slot *slots = m.slots;
    for (uint32_t i = 100; i < 100 + MANY; i++)
        hp_map_put(&m, i, 0, i, NULL);
    assert_ptr_equal(m.slots, slots);
    for (uint32_t i = 0; i < 100 + MANY; i++)
        assert_int_equal(*hp_map_find(&m, i, 0), i);
    while (hp_map_room(&m) > 0)
        hp_map_put(&m, m.count, 1, 0, NULL);
    assert_ptr_equal(m.slots, slots);
    hp_map_put(&m, 0, 2, 0, NULL);
    assert_ptr_not_equal(m.slots, slots);
    hp_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_pairs),
        cmocka_unit_test(reserved_room_moves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
