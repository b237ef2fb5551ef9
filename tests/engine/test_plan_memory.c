/* Match and plan without memory: each allocation in turn is refused, with all after it. Built with an arena
 * that gives each thing a block of its own (HP_ARENA_BLOCK), so that every one counts. */
#include "merge_fixture.h"

#include <stdlib.h>

static long made, fail_at = -1, blocks;

static void *memory(void *ptr, size_t size)
{
    if (size == 0) {
        blocks -= ptr != NULL;
        free(ptr);
        return NULL;
    }
    if (fail_at >= 0 && made++ >= fail_at)
        return NULL;
    blocks += ptr == NULL;
    return realloc(ptr, size);
}

static const char old_text[] =
    "local n, k = 1, { a = 1 }\nlocal M = { t = {}, list = { 1 }, log = print }\n"
    "local function h() return n end\nfunction M.f() return h() end\n"
    "function M.make(a) return function() return a, k end end\nM.one = M.make(1)\n"
    "setmetatable(M.t, { __index = k })\nbus.on('x', function() return n end)\nreturn M";
static const char new_text[] =
    "local n, k, step = 1, { a = 2, b = {} }, 2\nlocal M = { t = { x = {} }, list = { 2 }, log = error }\n"
    "local function h() return n + step end\nfunction M.f() return h(), 1 end\n"
    "function M.make(a) return function() return a, k, 1 end end\nM.one = M.make(1)\n"
    "M.got = bus.get('it')\nfunction M.__hotfix() end\n"
    "setmetatable(M.t, { __index = k })\nbus.on('x', function() return n, 1 end)\nbus.on('y')\nreturn M";

/* The status; refusals of the plan count as having had enough, and always have a reason. */
static enum hp_status run(struct merge *m)
{
    hp_report_fini(&m->report);
    hp_report_init(&m->report);
    hp_plan_init(&m->plan);
    struct hp_report_module *module = HP_PUSH(&m->report.arena, &m->report.modules);
    if (module)
        module->module = "m";
    enum hp_status status = hp_match(&m->match, m->has_base ? &m->base : NULL, &m->fresh, &m->live, &m->root);
    if (status == HP_OK)
        status = hp_plan_make(&m->plan, &m->match, &m->options, NULL, &m->report);
    assert_true(status != HP_REFUSED || m->report.refusals.count || m->report.error);
    hp_plan_fini(&m->plan);
    hp_match_fini(&m->match);
    return status;
}

/* `function`: as in --function, NULL: all. `least`: so many allocations there are to refuse. */
static void refuse_each(const char *base, const char *function, long least)
{
    struct merge m;
    hp_mem_set_allocator(memory);
    fail_at = -1;
    merge_open(&m,
               "bus = { on = print, get = type } local M = { t = {}, list = {} } local n = 1 function M.f() "
               "return n end return M",
               NULL);
    merge_stage(&m, base, new_text, "");
    m.options.effects = "new";
    m.options.prune = true;
    m.options.functions.items = &function;
    m.options.functions.count = function ? 1 : 0;
    enum hp_status whole = run(&m);
    assert_true(whole == HP_OK || whole == HP_REFUSED);
    hp_report_fini(&m.report);
    hp_report_init(&m.report);
    long before = blocks, n = 0;
    enum hp_status status;
    do {
        made = 0;
        fail_at = n++;
        status = run(&m);
        fail_at = -1;
        hp_report_fini(&m.report);
        hp_report_init(&m.report);
        assert_int_equal(blocks, before); /* nothing leaks */
        assert_true(status == whole || status == HP_NO_MEMORY || status == HP_REFUSED);
    } while (status == HP_NO_MEMORY);
    assert_int_equal(status, whole);
    assert_true(n > least);
    merge_close(&m);
    assert_int_equal(blocks, 0);
    hp_mem_set_allocator(NULL);
}

static void with_base(void **state)
{
    (void)state;
    refuse_each(old_text, NULL, 100);
}

static void without_base(void **state)
{
    (void)state;
    refuse_each(NULL, NULL, 100);
}

/* Found by fuzz_plan: a refusal without a reason. */
static void unknown_function(void **state)
{
    (void)state;
    refuse_each(old_text, "no_such_function", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(with_base), cmocka_unit_test(without_base),
                                       cmocka_unit_test(unknown_function)};
    return cmocka_run_group_tests_name("plan without memory", tests, NULL, NULL);
}
