/* Every allocation fails once, alone and with all that follow: the answer is no_memory, and nothing leaks.
 *
 * Not covered: what msgpack-c takes from malloc for its zone; its failure is a return code that wire.c maps
 * to the same status. */
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
#include "proto/request.h"
#include "proto/wire.h"
#include "raw.h"
#include "sample.h"

/* A piece of work that cleans up after itself and says how it went. */
typedef enum hp_status (*work_fn)(const char *data, size_t len);

static void sweep(work_fn work, const char *data, size_t len, enum hp_status without_failures)
{
    for (int from_then_on = 0; from_then_on <= 1; from_then_on++) {
        for (size_t n = 1;; n++) {
            faulty_begin(n, from_then_on != 0);
            enum hp_status status = work(data, len);
            bool failed = faulty_failed();
            assert_int_equal(faulty_live(), 0);
            faulty_end();
            assert_int_equal(status, failed ? HP_NO_MEMORY : without_failures);
            if (!failed) {
                assert_true(n > 1); /* something was allocated, so the sweep tested something */
                break;
            }
        }
    }
}

static enum hp_status build_and_encode_request(const char *data, size_t len)
{
    (void)data;
    (void)len;
    struct hp_request *r = hp_request_new();
    enum hp_status status = HP_NO_MEMORY;
    char *out = NULL;
    size_t out_len = 0;
    if (r != NULL && sample_request(r)) {
        status = hp_request_encode(r, &out, &out_len);
        assert_int_equal(out != NULL, status == HP_OK);
    }
    hp_mem_free(out);
    hp_request_free(r);
    return status;
}

static enum hp_status decode_request(const char *data, size_t len)
{
    struct hp_request *r = hp_request_new();
    enum hp_status status = HP_NO_MEMORY;
    const char *error = NULL;
    if (r != NULL) {
        status = hp_request_decode(r, data, len, &error);
        assert_int_equal(error != NULL, status != HP_OK);
        assert_true(error == NULL || error[0] != '\0');
    }
    hp_request_free(r);
    return status;
}

/* One layer below, where nobody looks at the arena a second time. */
static enum hp_status decode_wire(const char *data, size_t len)
{
    struct hp_request r;
    const char *error = NULL;
    int64_t protocol = 0;
    hp_request_init(&r);
    enum hp_status status = hp_wire_decode(&HP_REQUEST_SHAPE, &r, &r.arena, data, len, &protocol, &error);
    hp_request_fini(&r);
    return status;
}

static enum hp_status build_and_encode_report(const char *data, size_t len)
{
    (void)data;
    (void)len;
    struct hp_report *r = hp_report_new();
    enum hp_status status = HP_NO_MEMORY;
    char *out = NULL;
    size_t out_len = 0;
    if (r != NULL && sample_report(r)) {
        hp_report_warn(r, HP_R12_VALUE_KEPT, "module", "path", "%0*d", 6000, 1);
        hp_report_refuse(r, HP_R12_VALUE_KEPT, "module", "path", "%0*d", 6000, 1);
        hp_report_fail(r, HP_REFUSED, "%0*d", 6000, 1);
        status = hp_arena_failed(&r->arena) ? HP_NO_MEMORY : hp_report_encode(r, &out, &out_len);
    }
    hp_mem_free(out);
    hp_report_free(r);
    return status;
}

static enum hp_status decode_report(const char *data, size_t len)
{
    struct hp_report *r = hp_report_new();
    enum hp_status status = HP_NO_MEMORY;
    const char *error = NULL;
    if (r != NULL) {
        status = hp_report_decode(r, data, len, &error);
        assert_true(error == NULL || error[0] != '\0');
    }
    hp_report_free(r);
    return status;
}

static void requests_survive_every_failure(void **unused)
{
    (void)unused;
    sweep(build_and_encode_request, NULL, 0, HP_OK);
    struct hp_request r;
    char *data = NULL;
    size_t len = 0;
    hp_request_init(&r);
    assert_true(sample_request(&r));
    assert_int_equal(hp_request_encode(&r, &data, &len), HP_OK);
    hp_request_fini(&r);
    sweep(decode_request, data, len, HP_OK);
    sweep(decode_wire, data, len, HP_OK);
    hp_mem_free(data);
}

static void reports_survive_every_failure(void **unused)
{
    (void)unused;
    sweep(build_and_encode_report, NULL, 0, HP_OK);
    struct hp_report r;
    char *data = NULL;
    size_t len = 0;
    hp_report_init(&r);
    assert_true(sample_report(&r));
    assert_int_equal(hp_report_encode(&r, &data, &len), HP_OK);
    hp_report_fini(&r);
    sweep(decode_report, data, len, HP_OK);
    hp_mem_free(data);
}

/* The sentence of an error needs memory too. */
static void complaints_survive_every_failure(void **unused)
{
    (void)unused;
    struct hp_buf b;
    raw_begin(&b);
    raw_map(&b, 3);
    raw_str(&b, "protocol");
    raw_int(&b, HP_PROTOCOL_VERSION);
    raw_str(&b, "id");
    raw_str(&b, "x");
    raw_str(&b, "options");
    raw_bytes(&b, "90");
    sweep(decode_request, b.data, b.len, HP_MALFORMED);
    raw_end(&b);

    raw_begin(&b);
    raw_map(&b, 1);
    raw_str(&b, "protocol");
    raw_int(&b, HP_PROTOCOL_VERSION + 1);
    sweep(decode_request, b.data, b.len, HP_VERSION_MISMATCH);
    sweep(decode_report, b.data, b.len, HP_VERSION_MISMATCH);
    raw_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_survive_every_failure),
        cmocka_unit_test(reports_survive_every_failure),
        cmocka_unit_test(complaints_survive_every_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
