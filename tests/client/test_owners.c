/* Which function an upvalue belongs to, against the plain way: a look at all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/owners.h"

static struct hp_report report;
static struct hp_report_module *module;

static int setup(void **state)
{
    (void)state;
    hp_report_init(&report);
    module = HP_PUSH(&report.arena, &report.modules);
    return module == NULL;
}

static int teardown(void **state)
{
    (void)state;
    hp_report_fini(&report);
    return 0;
}

static void add_function(const char *path)
{
    struct hp_report_function *f = HP_PUSH(&report.arena, &module->functions);
    assert_non_null(f);
    f->path = hp_arena_str(&report.arena, path);
}

static void add_upvalue(const char *path)
{
    const char **upvalue = HP_PUSH(&report.arena, &module->joined);
    assert_non_null(upvalue);
    *upvalue = hp_arena_str(&report.arena, path);
}

static const struct hp_list *joined(void)
{
    return (const struct hp_list *)(const void *)&module->joined;
}

/* The number of the function; -1: none. */
static long owner_of(const char *upvalue)
{
    struct hp_owners owners;
    assert_true(hp_owners_init(&owners, module));
    const struct hp_report_function *f = hp_owners_find(&owners, upvalue);
    hp_owners_fini(&owners);
    return f ? (long)(f - module->functions.items) : -1;
}

static long plain_owner_of(const char *upvalue)
{
    long best = -1;
    size_t best_len = 0;
    for (size_t i = 0; i < module->functions.count; i++) {
        const char *path = module->functions.items[i].path;
        size_t len = path ? strlen(path) : 0;
        if (len > best_len && strncmp(upvalue, path, len) == 0 && upvalue[len] == '^') {
            best = (long)i;
            best_len = len;
        }
    }
    return best;
}

static void known_ones(void **state)
{
    (void)state;
    add_function("login");
    add_function("login^handlers.on_join");
    add_function("log");
    add_function(NULL);
    add_function("");
    add_function("log"); /* the first of one path has them */
    assert_int_equal(owner_of("login^count"), 0);
    assert_int_equal(owner_of("login^handlers.on_join^count"), 1);
    assert_int_equal(owner_of("login^handlers.on_leave^count"), 0);
    assert_int_equal(owner_of("log^count"), 2);
    assert_int_equal(owner_of("lo^count"), -1);
    assert_int_equal(owner_of("logi^count"), -1);
    assert_int_equal(owner_of("count"), -1);
    assert_int_equal(owner_of("^count"), -1);
    assert_int_equal(owner_of(""), -1);
}

static void no_functions(void **state)
{
    (void)state;
    struct hp_owners owners;
    struct hp_owned_list list;
    size_t count = 7;
    add_upvalue("a^b");
    assert_true(hp_owners_init(&owners, module));
    assert_true(hp_owned_init(&list, &owners, joined()));
    assert_string_equal(hp_owned_of(&list, NULL, &count)->upvalue, "a^b");
    assert_int_equal(count, 1);
    hp_owned_fini(&list);
    hp_owners_fini(&owners);
}

/* A path of up to four of three letters, so that many are prefixes of others. */
static void random_path(char *out)
{
    int parts = 1 + rand() % 4;
    for (int i = 0; i < parts; i++) {
        *out++ = "^."[i == 0 || rand() % 3 == 0];
        for (int letters = 1 + rand() % 2; letters > 0; letters--)
            *out++ = "abc"[rand() % 3];
    }
    *out = '\0';
}

static void any(void **state)
{
    (void)state;
    char path[32];
    srand(1);
    for (int i = 0; i < 400; i++) {
        random_path(path);
        add_function(path + 1);
    }
    for (int i = 0; i < 3000; i++) {
        random_path(path);
        add_upvalue(path + 1);
        assert_int_equal(owner_of(path + 1), plain_owner_of(path + 1));
    }
    struct hp_owners owners;
    struct hp_owned_list list;
    size_t met = 0;
    assert_true(hp_owners_init(&owners, module));
    assert_true(hp_owned_init(&list, &owners, joined()));
    for (long f = -1; f < (long)module->functions.count; f++) {
        size_t count;
        const struct hp_report_function *owner = f < 0 ? NULL : &module->functions.items[f];
        const struct hp_owned *owned = hp_owned_of(&list, owner, &count);
        for (size_t i = 0; i < count; i++, met++) {
            assert_int_equal(plain_owner_of(owned[i].upvalue), f);
            assert_true(i == 0 || owned[i].number > owned[i - 1].number);
        }
    }
    assert_int_equal(met, 3000);
    hp_owned_fini(&list);
    hp_owners_fini(&owners);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(known_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(no_functions, setup, teardown),
        cmocka_unit_test_setup_teardown(any, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
