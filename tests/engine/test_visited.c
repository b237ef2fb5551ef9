/* The set of visited addresses: against a plain model, its memory for heaps of several kinds, and what it
 * does without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/visited.h"
#include "proto/arena.h"

static struct hp_visited set;

static int setup(void **state)
{
    (void)state;
    hp_visited_init(&set);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hp_mem_set_allocator(NULL);
    hp_visited_fini(&set);
    return 0;
}

static const void *at(uintptr_t address)
{
    return (const void *)address;
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void each_address_is_new_once(void **state)
{
    (void)state;
    assert_false(hp_visited_has(&set, at(64)));
    assert_true(hp_visited_add(&set, at(64)));
    assert_false(hp_visited_add(&set, at(64)));
    assert_true(hp_visited_has(&set, at(64)));
    assert_true(hp_visited_has(&set, at(64 + HP_VISITED_GRAIN - 1)));
    assert_false(hp_visited_has(&set, at(64 + HP_VISITED_GRAIN)));
    assert_true(hp_visited_add(&set, at(64 + HP_VISITED_GRAIN)));
    assert_false(hp_visited_add(&set, NULL));
    assert_false(hp_visited_has(&set, NULL));
    assert_int_equal(set.count, 2);
    hp_visited_fini(&set);
    assert_false(hp_visited_has(&set, at(64)));
    assert_true(hp_visited_add(&set, at(64)));
}

/* A window of memory, a bit for each place in it. */
static void agrees_with_a_bitmap(void **state)
{
    (void)state;
    enum { PLACES = 1 << 20, TURNS = 400000 };
    const uintptr_t base = (uintptr_t)0x7f1234000000;
    unsigned char *model = calloc(PLACES, 1);
    uint64_t seed = 88172645463325252u;
    size_t count = 0;
    assert_non_null(model);
    for (int i = 0; i < TURNS; i++) {
        size_t place = next_random(&seed) % PLACES;
        const void *address = at(base + place * HP_VISITED_GRAIN);
        assert_int_equal(hp_visited_has(&set, address), model[place]);
        assert_int_equal(hp_visited_add(&set, address), !model[place]);
        count += !model[place];
        model[place] = 1;
    }
    assert_int_equal(set.count, count);
    for (size_t place = 0; place < PLACES; place++)
        assert_int_equal(hp_visited_has(&set, at(base + place * HP_VISITED_GRAIN)), model[place]);
    free(model);
}

/* Addresses from all over: far apart, near the ends. */
static void far_addresses(void **state)
{
    (void)state;
    const uintptr_t ends[] = {HP_VISITED_GRAIN, UINTPTR_MAX & ~(uintptr_t)15, (uintptr_t)1 << 46,
                              ((uintptr_t)1 << 47) - 16};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        assert_true(hp_visited_add(&set, at(ends[i])));
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        assert_false(hp_visited_add(&set, at(ends[i])));
    for (uintptr_t i = 1; i < 100000; i++)
        assert_true(hp_visited_add(&set, at(i << 20)));
    for (uintptr_t i = 1; i < 100000; i++)
        assert_false(hp_visited_add(&set, at(i << 20)));
}

/* Bytes an address, with addresses `apart` bytes from one another. */
static double bytes_each(size_t count, size_t apart)
{
    hp_visited_fini(&set);
    for (size_t i = 1; i <= count; i++)
        assert_true(hp_visited_add(&set, at((uintptr_t)0x5500000000 + i * apart)));
    return (double)set.bytes / (double)count;
}

static void memory_an_object(void **state)
{
    (void)state;
    double closures = bytes_each(1000000, 48), tables = bytes_each(1000000, 128);
    double worst = 0;
    for (size_t count = 300000; count < 700000;
         count += 25000) { /* anywhere between two doublings, one object in each stretch */
        double each = bytes_each(count, 4096);
        worst = each > worst ? each : worst;
    }
    print_message("bytes an object: closures %.1f, tables %.1f, far apart at worst %.1f\n", closures, tables,
                  worst);
    assert_true(closures <= 2);
    assert_true(tables <= 4);
    assert_true(worst <= 28);
}

/* --- without memory --------------------------------------------------------------------------- */

static int allowed;

static void *failing(void *p, size_t size)
{
    if (size && allowed-- <= 0)
        return NULL;
    if (size)
        return realloc(p, size);
    free(p);
    return NULL;
}

static void failure_is_sticky_and_safe(void **state)
{
    (void)state;
    for (int n = 0; n < 300; n++) {
        hp_visited_fini(&set);
        hp_mem_set_allocator(failing);
        allowed = n;
        size_t added = 0;
        for (uintptr_t i = 1; i < 20000 && !set.failed; i++)
            added += hp_visited_add(&set, at(i * 4096));
        if (set.failed)
            assert_false(hp_visited_add(&set, at(HP_VISITED_GRAIN)));
        assert_int_equal(set.count, added);
        for (uintptr_t i = 1; i <= added; i++)
            assert_true(hp_visited_has(&set, at(i * 4096)));
        hp_visited_fini(&set);
        hp_mem_set_allocator(NULL);
        assert_false(set.failed);
    }
}

static void released_piece_by_piece(void **state)
{
    size_t calls = 0, before;
    (void)state;
    for (uintptr_t i = 1; i <= 20000; i++)
        hp_visited_add(&set, at(i * 4096));
    before = set.bytes;
    assert_true(hp_visited_release(&set));
    assert_in_range(set.bytes, before - before / 16, before - 1); /* a small part at a time */
    while (hp_visited_release(&set))
        calls++;
    assert_in_range(calls, 100, HP_VISITED_SHARDS);
    assert_int_equal(set.bytes, 0);
    assert_int_equal(set.count, 20000);
    hp_visited_fini(&set);
    assert_true(hp_visited_add(&set, at(4096)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_address_is_new_once, setup, teardown),
        cmocka_unit_test_setup_teardown(agrees_with_a_bitmap, setup, teardown),
        cmocka_unit_test_setup_teardown(far_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_an_object, setup, teardown),
        cmocka_unit_test_setup_teardown(failure_is_sticky_and_safe, setup, teardown),
        cmocka_unit_test_setup_teardown(released_piece_by_piece, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
