/* Arenas: alignment, copies, lists, and failures that stick. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "faulty.h"
#include "proto/arena.h"
#include "proto/buf.h"

static void memory_is_zeroed_and_aligned(void **unused)
{
    (void)unused;
    struct hp_arena a;
    hp_arena_init(&a);
    for (size_t size = 0; size < 9000; size = size * 2 + 1) {
        unsigned char *p = hp_arena_alloc(&a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(p[i], 0);
            p[i] = 0xff; /* so that memory handed out twice would show */
        }
    }
    assert_true(a.used > 0);
    hp_arena_fini(&a);
    assert_null(a.blocks);
    assert_int_equal(a.used, 0);
}

static void a_large_thing_does_not_waste_the_block(void **unused)
{
    (void)unused;
    struct hp_arena a;
    hp_arena_init(&a);
    faulty_begin(0, false);
    hp_arena_alloc(&a, 16);
    hp_arena_alloc(&a, 100000);
    hp_arena_alloc(&a, 16);
    assert_int_equal(faulty_calls(), 2);
    hp_arena_fini(&a);
    assert_int_equal(faulty_live(), 0);
    faulty_end();
}

static void strings_are_copies(void **unused)
{
    (void)unused;
    struct hp_arena a;
    hp_arena_init(&a);
    char text[] = "abc";
    const char *copy = hp_arena_str(&a, text);
    text[0] = 'x';
    assert_string_equal(copy, "abc");
    assert_memory_equal(hp_arena_strn(&a, "a\0b", 3), "a\0b", 4);
    assert_string_equal(hp_arena_strn(&a, "abc", 0), "");
    assert_string_equal(hp_arena_concat(&a, "player", ".", "hp"), "player.hp");
    assert_string_equal(hp_arena_concat(&a, NULL, "", "hp"), "hp");
    assert_string_equal(hp_arena_concat(&a, "a", NULL, NULL), "a");
    assert_string_equal(hp_arena_concat(&a, NULL, NULL, NULL), "");
    assert_string_equal(hp_arena_printf(&a, "%s-%d", "x", 7), "x-7");
    for (int width = 250; width < 260; width++) { /* short and long ones are made differently */
        const char *wide = hp_arena_printf(&a, "%*d", width, 7);
        assert_int_equal(strlen(wide), width);
        assert_int_equal(wide[width - 1], '7');
    }
    assert_null(hp_arena_str(&a, NULL));
    assert_null(hp_arena_strn(&a, NULL, 0));
    assert_false(hp_arena_failed(&a));
    hp_arena_fini(&a);
}

static void lists_keep_their_items(void **unused)
{
    (void)unused;
    struct hp_arena a;
    hp_arena_init(&a);
    HP_LIST(int) list = {NULL, 0, 0};
    for (int i = 0; i < 10000; i++) {
        int *item = HP_PUSH(&a, &list);
        assert_non_null(item);
        assert_int_equal(*item, 0);
        *item = i;
    }
    assert_int_equal(list.count, 10000);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(list.items[i], i);
    hp_arena_fini(&a);
}

static void reserved_room_moves_nothing(void **unused)
{
    (void)unused;
    struct hp_arena a;
    hp_arena_init(&a);
    HP_LIST(int) list = {NULL, 0, 0};
    for (int i = 0; i < 100; i++)
        *(int *)HP_PUSH(&a, &list) = i;
    HP_RESERVE(&a, &list, 1000);
    const int *items = list.items;
    for (int i = 0; i < 100; i++)
        assert_int_equal(items[i], i);
    for (int i = 0; i < 1000; i++)
        assert_non_null(HP_PUSH(&a, &list));
    assert_ptr_equal(list.items, items);
    HP_RESERVE(&a, &list, 0);
    assert_ptr_equal(list.items, items);
    faulty_begin(1, true);
    HP_RESERVE(&a, &list, 100000);
    faulty_end();
    assert_true(hp_arena_failed(&a));
    assert_ptr_equal(list.items, items);
    hp_arena_fini(&a);
}

static void failure_sticks(void **unused)
{
    (void)unused;
    struct hp_arena a;
    hp_arena_init(&a);
    HP_LIST(int) list = {NULL, 0, 0};
    assert_non_null(HP_PUSH(&a, &list));
    faulty_begin(1, false); /* just one fails */
    assert_null(hp_arena_alloc(&a, 100000));
    faulty_end();
    assert_true(hp_arena_failed(&a));
    assert_null(hp_arena_alloc(&a, 1));
    assert_null(HP_PUSH(&a, &list)); /* though there is room in it */
    assert_int_equal(list.count, 1);
    assert_string_equal(hp_arena_str(&a, "abc"), "");
    assert_string_equal(hp_arena_printf(&a, "%d", 1), "");
    assert_string_equal(hp_arena_concat(&a, "a", "b", "c"), "");
    hp_arena_fini(&a);
    assert_false(hp_arena_failed(&a));
}

static void absurd_sizes_fail(void **unused)
{
    (void)unused;
    size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 32};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct hp_arena a;
        hp_arena_init(&a);
        assert_null(hp_arena_alloc(&a, sizes[i]));
        assert_true(hp_arena_failed(&a));
        hp_arena_fini(&a);
    }
}

static void buffers_grow_to_their_limit(void **unused)
{
    (void)unused;
    struct hp_buf b;
    char *data = NULL;
    size_t len = 0;
    hp_buf_init(&b, 1000);
    for (int i = 0; i < 100; i++)
        hp_buf_append(&b, "0123456789", 10);
    assert_int_equal(b.status, HP_OK);
    assert_int_equal(hp_buf_take(&b, &data, &len), HP_OK);
    assert_int_equal(len, 1000);
    assert_memory_equal(data + 990, "0123456789", 10);
    hp_mem_free(data);
    hp_buf_append(&b, "x", 1); /* taken: empty, and usable again */
    assert_int_equal(b.len, 1);
    hp_buf_append(&b, NULL, 0);
    char large[1000] = {0};
    hp_buf_append(&b, large, sizeof large);
    assert_int_equal(b.status, HP_LIMIT);
    assert_int_equal(hp_buf_take(&b, &data, &len), HP_LIMIT);
    assert_null(data);
    hp_buf_fini(&b);
}

static void fixed_buffers_do_not_grow(void **unused)
{
    (void)unused;
    char memory[8];
    struct hp_buf b;
    faulty_begin(1, true);
    hp_buf_init_fixed(&b, memory, sizeof memory);
    hp_buf_append(&b, "12345678", 8);
    assert_int_equal(b.status, HP_OK);
    hp_buf_append(&b, "9", 1);
    assert_int_equal(b.status, HP_LIMIT);
    hp_buf_fini(&b);
    assert_int_equal(faulty_calls(), 0);
    faulty_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(a_large_thing_does_not_waste_the_block),
        cmocka_unit_test(strings_are_copies),
        cmocka_unit_test(lists_keep_their_items),
        cmocka_unit_test(reserved_room_moves_nothing),
        cmocka_unit_test(failure_sticks),
        cmocka_unit_test(absurd_sizes_fail),
        cmocka_unit_test(buffers_grow_to_their_limit),
        cmocka_unit_test(fixed_buffers_do_not_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
