/* Reports: there and back, filled by the helpers, and the short one for when memory is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "faulty.h"
#include "proto/protocol.h"
#include "proto/report.h"
#include "raw.h"
#include "sample.h"
#include "trace.h"

static char *encoded_sample(size_t *len)
{
    struct hp_report r;
    char *data = NULL;
    hp_report_init(&r);
    assert_true(sample_report(&r));
    assert_int_equal(hp_report_encode(&r, &data, len), HP_OK);
    hp_report_fini(&r);
    return data;
}

static void a_full_report_comes_back_the_same(void **unused)
{
    (void)unused;
    struct hp_report r;
    struct hp_report q;
    hp_report_init(&r);
    hp_report_init(&q);
    assert_true(sample_report(&r));
    char *before = trace_object(&HP_REPORT_SHAPE, &r);
    hp_report_fini(&r);
    size_t len = 0;
    char *data = encoded_sample(&len);
    const char *error = NULL;
    assert_int_equal(hp_report_decode(&q, data, len, &error), HP_OK);
    memset(data, 0xee, len);
    hp_mem_free(data);
    char *after = trace_object(&HP_REPORT_SHAPE, &q);
    assert_string_equal(after, before);
    free(before);
    free(after);
    hp_report_fini(&q);
}

static void fields_land_where_they_belong(void **unused)
{
    (void)unused;
    struct hp_report r;
    struct hp_report q;
    hp_report_init(&r);
    hp_report_init(&q);
    r.status = HP_REFUSED;
    r.id = "id-1";
    r.agent.pid = 4121;
    r.agent.idle_s = -1;
    r.stragglers = 3;
    struct hp_report_module *m = HP_PUSH(&r.arena, &r.modules);
    assert_non_null(m);
    m->module = "battle";
    m->base = "disk";
    struct hp_report_function *f = HP_PUSH(&r.arena, &m->functions);
    assert_non_null(f);
    f->path = "cast";
    f->verdict = "replaced";
    f->line = 6;
    f->was = "battle.lua:5";
    const char **orphan = HP_PUSH(&r.arena, &m->orphaned);
    assert_non_null(orphan);
    *orphan = "cast^old";
    struct hp_report_replay *replay = HP_PUSH(&r.arena, &r.replayed);
    assert_non_null(replay);
    replay->for_path = "cast^log";
    hp_report_refuse(&r, HP_R04_KIND_CHANGED, "battle", "online", "live %d", 37);
    hp_report_warn(&r, HP_R12_VALUE_KEPT, NULL, "rate", "kept");
    r.cost.pause_us = 180;
    char *data = NULL;
    size_t len = 0;
    assert_int_equal(hp_report_encode(&r, &data, &len), HP_OK);
    hp_report_fini(&r);

    const char *error = NULL;
    assert_int_equal(hp_report_decode(&q, data, len, &error), HP_OK);
    hp_mem_free(data);
    assert_int_equal(q.status, HP_REFUSED);
    assert_string_equal(q.id, "id-1");
    assert_int_equal(q.agent.pid, 4121);
    assert_true(q.agent.idle_s < 0);
    assert_int_equal(q.stragglers, 3);
    assert_int_equal(q.modules.count, 1);
    assert_string_equal(q.modules.items[0].module, "battle");
    assert_string_equal(q.modules.items[0].base, "disk");
    assert_string_equal(q.modules.items[0].functions.items[0].verdict, "replaced");
    assert_string_equal(q.modules.items[0].functions.items[0].was, "battle.lua:5");
    assert_int_equal(q.modules.items[0].functions.items[0].line, 6);
    assert_string_equal(q.modules.items[0].orphaned.items[0], "cast^old");
    assert_int_equal(q.modules.items[0].absent.count, 0);
    assert_string_equal(q.replayed.items[0].for_path, "cast^log");
    assert_string_equal(q.refusals.items[0].code, "R04");
    assert_string_equal(q.refusals.items[0].module, "battle");
    assert_string_equal(q.refusals.items[0].text, "live 37");
    assert_string_equal(q.warnings.items[0].code, "R12");
    assert_null(q.warnings.items[0].module);
    assert_int_equal(q.cost.pause_us, 180);
    assert_null(q.error);
    hp_report_fini(&q);
}

static void unknown_stragglers_survive_the_wire(void **unused)
{
    (void)unused;
    struct hp_report r;
    struct hp_report q;
    hp_report_init(&r);
    hp_report_init(&q);
    q.stragglers = 5;
    char *data = NULL;
    size_t len = 0;
    assert_int_equal(hp_report_encode(&r, &data, &len), HP_OK);
    const char *error = NULL;
    assert_int_equal(hp_report_decode(&q, data, len, &error), HP_OK);
    assert_true(q.stragglers == HP_UNKNOWN);
    hp_mem_free(data);
    hp_report_fini(&r);
    hp_report_fini(&q);
}

static void the_first_failure_is_kept(void **unused)
{
    (void)unused;
    struct hp_report r;
    hp_report_init(&r);
    assert_int_equal(hp_report_fail(&r, HP_LOAD_FAILED, "line %d", 3), HP_LOAD_FAILED);
    assert_int_equal(hp_report_fail(&r, HP_FAILED, "later"), HP_FAILED);
    assert_int_equal(r.status, HP_LOAD_FAILED);
    assert_string_equal(r.error->text, "line 3");
    hp_report_fini(&r);
    assert_int_equal(r.status, HP_OK);
    assert_null(r.error);
}

static void a_failure_without_memory_is_still_the_first(void **unused)
{
    (void)unused;
    struct hp_report r;
    hp_report_init(&r);
    faulty_begin(1, true);
    hp_report_fail(&r, HP_CONFLICT, "no room for this");
    hp_report_fail(&r, HP_FAILED, "nor for this");
    hp_report_warn(&r, HP_R13_GONE, "m", "p", "nor for this");
    assert_int_equal(r.status, HP_CONFLICT);
    assert_null(r.error);
    assert_int_equal(r.warnings.count, 0);
    assert_true(hp_arena_failed(&r.arena));
    hp_report_fini(&r);
    faulty_end();
}

static void the_fixed_report_needs_no_memory(void **unused)
{
    (void)unused;
    char id[HP_MAX_ID + 1] = {0};
    memset(id, 'i', HP_MAX_ID);
    for (int i = 0; i < HP_STATUS_COUNT; i++) {
        char buf[256];
        enum hp_status status = (enum hp_status)i;
        faulty_begin(1, true);
        size_t len = hp_report_encode_fixed(buf, sizeof buf, status, id);
        assert_int_equal(faulty_calls(), 0);
        faulty_end();
        assert_true(len > 0 && len <= sizeof buf);
        struct hp_report q;
        const char *error = NULL;
        hp_report_init(&q);
        assert_int_equal(hp_report_decode(&q, buf, len, &error), HP_OK);
        assert_int_equal(q.status, status);
        assert_string_equal(q.id, id);
        hp_report_fini(&q);
    }
}

static void the_fixed_report_says_why_where_there_is_room(void **unused)
{
    (void)unused;
    char buf[256];
    struct hp_report q;
    const char *error = NULL;
    hp_report_init(&q);
    size_t len = hp_report_encode_fixed(buf, sizeof buf, HP_NO_MEMORY, NULL);
    assert_int_equal(hp_report_decode(&q, buf, len, &error), HP_OK);
    assert_null(q.id);
    assert_string_equal(q.error->text, hp_status_info(HP_NO_MEMORY)->sentence);
    hp_report_fini(&q);
    assert_int_equal(hp_report_encode_fixed(buf, 10, HP_NO_MEMORY, "x"), 0);
    assert_int_equal(hp_report_encode_fixed(buf, 0, HP_NO_MEMORY, "x"), 0);
}

static void every_prefix_is_malformed(void **unused)
{
    (void)unused;
    size_t len = 0;
    char *data = encoded_sample(&len);
    for (size_t n = 0; n < len; n++) {
        struct hp_report q;
        const char *error = NULL;
        hp_report_init(&q);
        assert_int_equal(hp_report_decode(&q, data, n, &error), HP_MALFORMED);
        assert_int_equal(q.status, HP_MALFORMED);
        assert_non_null(error);
        hp_report_fini(&q);
    }
    hp_mem_free(data);
}

static void flipped_bits_never_crash(void **unused)
{
    (void)unused;
    size_t len = 0;
    char *data = encoded_sample(&len);
    for (size_t i = 0; i < len * 8; i++) {
        data[i / 8] = (char)(data[i / 8] ^ 1 << (i % 8));
        struct hp_report q;
        const char *error = NULL;
        hp_report_init(&q);
        enum hp_status status = hp_report_decode(&q, data, len, &error);
        assert_int_equal(error != NULL, status != HP_OK);
        hp_report_fini(&q);
        data[i / 8] = (char)(data[i / 8] ^ 1 << (i % 8));
    }
    hp_mem_free(data);
}

static enum hp_status decode_with(const char *key, const char *value, const char **error)
{
    struct hp_buf b;
    struct hp_report q;
    raw_begin(&b);
    raw_map(&b, 3);
    raw_str(&b, "protocol");
    raw_int(&b, HP_PROTOCOL_VERSION);
    raw_str(&b, "generation");
    raw_int(&b, 0);
    raw_str(&b, key);
    raw_bytes(&b, value);
    hp_report_init(&q);
    enum hp_status status = hp_report_decode(&q, b.data, b.len, error);
    hp_report_fini(&q);
    raw_end(&b);
    return status;
}

static void a_report_needs_a_status_that_is_known(void **unused)
{
    (void)unused;
    const char *error = NULL;
    assert_int_equal(decode_with("status", "a2 6f 6b", &error), HP_OK);
    assert_int_equal(decode_with("output", "a2 6f 6b", &error), HP_MALFORMED);
    assert_int_equal(decode_with("status", "c0", &error), HP_MALFORMED);
    assert_int_equal(decode_with("status", "a2 6b 6f", &error), HP_MALFORMED);
    assert_int_equal(decode_with("status", "00", &error), HP_MALFORMED);
}

static void other_versions_are_told_who_is_older(void **unused)
{
    (void)unused;
    for (int64_t protocol = 0; protocol <= 2; protocol += 2) {
        struct hp_buf b;
        struct hp_report q;
        const char *error = NULL;
        raw_begin(&b);
        raw_map(&b, 2);
        raw_str(&b, "protocol");
        raw_int(&b, protocol);
        raw_str(&b, "status");
        raw_bytes(&b, "81 01 02");
        hp_report_init(&q);
        assert_int_equal(hp_report_decode(&q, b.data, b.len, &error), HP_VERSION_MISMATCH);
        assert_int_equal(q.status, HP_VERSION_MISMATCH);
        assert_non_null(
            strstr(error, protocol == 0 ? "the agent is the older side" : "this client is the older side"));
        hp_report_fini(&q);
        raw_end(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_report_comes_back_the_same),
        cmocka_unit_test(fields_land_where_they_belong),
        cmocka_unit_test(unknown_stragglers_survive_the_wire),
        cmocka_unit_test(the_first_failure_is_kept),
        cmocka_unit_test(a_failure_without_memory_is_still_the_first),
        cmocka_unit_test(the_fixed_report_needs_no_memory),
        cmocka_unit_test(the_fixed_report_says_why_where_there_is_room),
        cmocka_unit_test(every_prefix_is_malformed),
        cmocka_unit_test(flipped_bits_never_crash),
        cmocka_unit_test(a_report_needs_a_status_that_is_known),
        cmocka_unit_test(other_versions_are_told_who_is_older),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
