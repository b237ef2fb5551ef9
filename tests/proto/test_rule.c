/* rule.h: what people may write, and when it is broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/rule.h"

static void test_parse(void **state)
{
    (void)state;
    struct hp_rule rule;
    assert_true(hp_rule_parse("errors<1%", &rule));
    assert_true(rule.is_rate && rule.limit == 1);
    assert_true(hp_rule_parse(" errors < 2.25 % ", &rule));
    assert_true(rule.is_rate && rule.limit == 2.25);
    assert_true(hp_rule_parse("errors<5", &rule));
    assert_true(!rule.is_rate && rule.limit == 5);

    static const char *const wrong[] = {
        "",           "errors",      "errors<",    "errors<%",  "errors<0",   "errors<0%",
        "errors<1%%", "errors<101%", "errors<-1",  "errors>1%", "error<1%",   "errors<1.5",
        "errors<1 2", "errors<5x",   "errors<1e3", "errors<=5", "calls<5",    "errors<99999999999999999999",
        "5",          "1%",          "errors<.5%", "Errors<1%", "errors<nan",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (hp_rule_parse(wrong[i], &rule))
            fail_msg("\"%s\" is no rule", wrong[i]);
    assert_false(hp_rule_parse(NULL, &rule));
}

static void test_broken(void **state)
{
    (void)state;
    struct hp_rule rule;
    assert_true(hp_rule_parse("errors<1%", &rule));
    assert_false(hp_rule_is_broken(&rule, 0, 0));
    assert_false(hp_rule_is_broken(&rule, 1000, 0));
    assert_false(hp_rule_is_broken(&rule, HP_RULE_CALLS - 1, HP_RULE_CALLS - 1));
    assert_true(hp_rule_is_broken(&rule, HP_RULE_CALLS, 1));
    assert_true(hp_rule_is_broken(&rule, 100, 1));
    assert_false(hp_rule_is_broken(&rule, 101, 1));
    assert_true(hp_rule_parse("errors<5", &rule));
    assert_false(hp_rule_is_broken(&rule, 4, 4));
    assert_true(hp_rule_is_broken(&rule, 1000000, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
