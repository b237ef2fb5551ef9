/* Lines by number, against a walk through the text; short memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/lines.h"
#include "tests/proto/faulty.h"

static void expect(const char *text, int64_t from, int64_t to, const char *wanted)
{
    struct hp_arena arena;
    struct hp_lines lines;
    hp_arena_init(&arena);
    hp_lines_init(&lines, &arena, (struct hp_bytes){text, text ? strlen(text) : 0});
    struct hp_bytes got = hp_lines_get(&lines, from, to);
    if (wanted) {
        assert_non_null(got.data);
        assert_int_equal(got.len, strlen(wanted));
        assert_memory_equal(got.data, wanted, got.len);
    } else {
        assert_null(got.data);
        assert_int_equal(got.len, 0);
    }
    hp_arena_fini(&arena);
}

static void pieces(void **state)
{
    (void)state;
    expect("a\nbb\nccc\n", 1, 1, "a\n");
    expect("a\nbb\nccc\n", 2, 3, "bb\nccc\n");
    expect("a\nbb\nccc", 3, 3, "ccc");
    expect("a\nbb\nccc", 2, 99, "bb\nccc");
    expect("\n\n", 2, 2, "\n");
    expect("a", 1, 1, "a");
}

/* The text ends where its length says. */
static void with_zeros(void **state)
{
    (void)state;
    static const char text[] = "a\0b\nc\n";
    struct hp_arena arena;
    struct hp_lines lines;
    hp_arena_init(&arena);
    hp_lines_init(&lines, &arena, (struct hp_bytes){text, 5});
    assert_int_equal(hp_lines_get(&lines, 1, 1).len, 4);
    struct hp_bytes second = hp_lines_get(&lines, 2, 9);
    assert_ptr_equal(second.data, text + 4);
    assert_int_equal(second.len, 1);
    hp_arena_fini(&arena);
}

static void none(void **state)
{
    (void)state;
    expect(NULL, 1, 1, NULL);
    expect("", 1, 1, NULL);
    expect("a\n", 2, 2, NULL);
    expect("a\nb\n", 2, 1, NULL);
    expect("a\n", 0, 1, NULL);
    expect("a\n", -5, INT64_MAX, NULL);
    expect("a\n", INT64_MAX, INT64_MAX, NULL);
}

static void many(void **state)
{
    (void)state;
    static char text[40000];
    struct hp_arena arena;
    struct hp_lines lines;
    hp_arena_init(&arena);
    size_t len = 0;
    for (int i = 0; len + 60 < sizeof text; i++) {
        memset(text + len, 'a' + i % 26, (size_t)(i % 50));
        len += (size_t)(i % 50);
        text[len++] = '\n';
    }
    hp_lines_init(&lines, &arena, (struct hp_bytes){text, len});
    const char *at = text;
    for (int64_t line = 1; at < text + len; line++) {
        struct hp_bytes got = hp_lines_get(&lines, line, line);
        assert_ptr_equal(got.data, at);
        assert_int_equal(got.len, (line - 1) % 50 + 1);
        at += got.len;
    }
    hp_arena_fini(&arena);
}

static void short_memory(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 2; n++) {
        struct hp_arena arena;
        struct hp_lines lines;
        hp_arena_init(&arena);
        faulty_begin(n, true);
        hp_lines_init(&lines, &arena, (struct hp_bytes){"a\nb\n", 4});
        faulty_end();
        assert_int_equal(hp_arena_failed(&arena), n == 1);
        assert_int_equal(hp_lines_get(&lines, 1, 1).len, n == 1 ? 0 : 2);
        hp_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces), cmocka_unit_test(with_zeros),   cmocka_unit_test(none),
        cmocka_unit_test(many),   cmocka_unit_test(short_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
