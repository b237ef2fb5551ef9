/* Unified diffs: known ones, and that the hunks lead from old to new, whatever the texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/unified.h"

#define MAX_LINES 40

static char *diff_of(const char *old, int64_t old_line, const char *now, int64_t now_line)
{
    struct hp_text page;
    struct hp_style plain = {false, false, true};
    hp_text_init(&page, plain);
    assert_true(hp_unified(&page, (struct hp_unified_side){{old, strlen(old)}, old_line},
                           (struct hp_unified_side){{now, strlen(now)}, now_line}, "f"));
    char *copy = strdup(hp_text_str(&page));
    hp_text_fini(&page);
    return copy;
}

static void expect(const char *old, const char *now, const char *wanted)
{
    char *diff = diff_of(old, 5, now, 6);
    assert_string_equal(diff, wanted);
    free(diff);
}

static void known_ones(void **state)
{
    (void)state;
    expect("a\nb\n", "a\nb\n", "");
    expect("", "", "");
    expect("a\nb\nc\n", "a\nx\nc\n", "@@ -5,3 +6,3 @@ f\n a\n-b\n+x\n c\n");
    expect("a", "a\nb", "@@ -5,1 +6,2 @@ f\n a\n+b\n");
    expect("", "a\nb\n", "@@ -4,0 +6,2 @@ f\n+a\n+b\n");
    expect("a\nb\n", "", "@@ -5,2 +5,0 @@ f\n-a\n-b\n");
    /* six lines between two edits are context of both; seven are not */
    expect("x\n1\n2\n3\n4\n5\n6\ny\n", "1\n2\n3\n4\n5\n6\n",
           "@@ -5,8 +6,6 @@ f\n-x\n 1\n 2\n 3\n 4\n 5\n 6\n-y\n");
    expect("x\n1\n2\n3\n4\n5\n6\n7\ny\n", "1\n2\n3\n4\n5\n6\n7\n",
           "@@ -5,4 +6,3 @@ f\n-x\n 1\n 2\n 3\n@@ -10,4 +10,3 @@ f\n 5\n 6\n 7\n-y\n");
}

static size_t random_text(char *text, unsigned *seed)
{
    size_t len = 0;
    int count = rand_r(seed) % MAX_LINES;
    for (int i = 0; i < count; i++)
        len += (size_t)sprintf(text + len, "%c\n", 'a' + rand_r(seed) % 4);
    text[len] = '\0';
    return len;
}

/* Lines have two bytes each here, so a line's number is its place. */
static void apply(const char *old, const char *diff, char *result, int *edits)
{
    size_t at = 0;
    *result = '\0';
    for (const char *line = diff; *line != '\0'; line = strchr(line, '\n') + 1) {
        long from, count;
        if (sscanf(line, "@@ -%ld,%ld", &from, &count) == 2) {
            size_t to = (size_t)(count > 0 ? from - 1 : from) * 2;
            strncat(result, old + at, to - at);
            at = to;
            continue;
        }
        if (*line != '+') {
            assert_memory_equal(old + at, line + 1, 2);
            at += 2;
        }
        if (*line != '-')
            strncat(result, line + 1, 2);
        *edits += *line != ' ';
    }
    strcat(result, old + at);
}

/* The length of the longest common subsequence, the slow way. */
static int common(const char *a, const char *b)
{
    static int best[MAX_LINES + 1][MAX_LINES + 1];
    size_t n = strlen(a) / 2, m = strlen(b) / 2;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            int longer = best[i - 1][j] > best[i][j - 1] ? best[i - 1][j] : best[i][j - 1];
            best[i][j] = a[2 * i - 2] == b[2 * j - 2] ? best[i - 1][j - 1] + 1 : longer;
        }
    }
    return best[n][m];
}

static void hunks_lead_from_old_to_new_and_are_shortest(void **state)
{
    (void)state;
    unsigned seed = 7;
    for (int round = 0; round < 3000; round++) {
        char old[2 * MAX_LINES + 1], now[2 * MAX_LINES + 1], result[4 * MAX_LINES + 1];
        size_t n = random_text(old, &seed), m = random_text(now, &seed);
        int edits = 0;
        char *diff = diff_of(old, 1, now, 1);
        apply(old, diff, result, &edits);
        assert_string_equal(result, now);
        assert_int_equal(edits, (int)(n / 2 + m / 2) - 2 * common(old, now));
        free(diff);
    }
}

static void texts_with_nothing_in_common_are_shown_whole(void **state)
{
    (void)state;
    enum { LINES = 1500 };
    char *old = calloc(1, LINES * 8), *now = calloc(1, LINES * 8);
    for (int i = 0; i < LINES; i++) {
        sprintf(old + strlen(old), "a%d\n", i);
        sprintf(now + strlen(now), "b%d\n", i);
    }
    char *diff = diff_of(old, 1, now, 1);
    assert_int_equal(strncmp(diff, "@@ -1,1500 +1,1500 @@ f\n-a0\n-a1\n", 32), 0);
    free(diff);
    free(old);
    free(now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_ones),
        cmocka_unit_test(hunks_lead_from_old_to_new_and_are_shortest),
        cmocka_unit_test(texts_with_nothing_in_common_are_shown_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
