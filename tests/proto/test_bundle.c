/* Bundles: there and back, reproducible, and every way of not being one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/bundle.h"
#include "proto/protocol.h"
#include "sample.h"
#include "trace.h"

static bool sample_bundle(struct hp_bundle *b)
{
    bool filled = sample_fill(&HP_BUNDLE_SHAPE, b, &b->arena);
    b->protocol = HP_PROTOCOL_VERSION;
    b->kind = "bundle";
    b->expires = b->created + 100;
    b->options.effects = "new";
    b->options.merge = "three-way";
    b->options.refs = "module";
    b->options.accept.count = 0;
    return filled;
}

/* For hp_mem_free. */
static char *encoded(const struct hp_bundle *b, size_t *len)
{
    char *data = NULL;
    assert_int_equal(hp_bundle_encode(b, &data, len), HP_OK);
    assert_true(hp_bundle_is(data, *len));
    return data;
}

static void there_and_back(void **state)
{
    (void)state;
    struct hp_bundle b, again;
    size_t len, len_again;
    const char *error = NULL;
    hp_bundle_init(&b);
    hp_bundle_init(&again);
    assert_true(sample_bundle(&b));
    char *data = encoded(&b, &len);
    assert_int_equal(hp_bundle_decode(&again, data, len, &error), HP_OK);
    char *data_again = encoded(&again, &len_again);
    assert_int_equal(len, len_again);
    assert_memory_equal(data, data_again, len);
    hp_mem_free(data);
    hp_mem_free(data_again);
    hp_bundle_fini(&b);
    hp_bundle_fini(&again);
}

static void no_part_of_one_is_one(void **state)
{
    (void)state;
    struct hp_bundle b, part;
    size_t len;
    hp_bundle_init(&b);
    assert_true(sample_bundle(&b));
    char *data = encoded(&b, &len);
    for (size_t cut = 0; cut < len; cut++) {
        const char *error = NULL;
        char *copy = malloc(cut + 1); /* of just this size, for the sanitizer */
        memcpy(copy, data, cut);
        hp_bundle_init(&part);
        (void)hp_bundle_is(copy, cut);
        assert_int_not_equal(hp_bundle_decode(&part, copy, cut, &error), HP_OK);
        assert_non_null(error);
        hp_bundle_fini(&part);
        free(copy);
    }
    assert_false(hp_bundle_is("return {}", 9));
    assert_false(hp_bundle_is("\x1bLua", 4));
    hp_mem_free(data);
    hp_bundle_fini(&b);
}

/* What a request with this bundle becomes. */
static enum hp_status unpack(struct hp_bundle *b, struct hp_request *r, int64_t now, const char **error)
{
    size_t len;
    char *data = encoded(b, &len);
    r->bundle = (struct hp_bytes){hp_arena_strn(&r->arena, data, len), len};
    hp_mem_free(data);
    return hp_bundle_unpack(r, now, error);
}

static void a_request_becomes_what_the_bundle_says(void **state)
{
    (void)state;
    struct hp_bundle b;
    struct hp_request r;
    const char *error = NULL;
    hp_bundle_init(&b);
    hp_request_init(&r);
    assert_true(sample_bundle(&b));
    r.options.atomic = true;
    r.options.max_pause_ms = 7;
    r.options.confirm_within_s = 60;
    r.options.guard = "errors<5";
    assert_int_equal(unpack(&b, &r, b.created, &error), HP_OK);
    assert_int_equal(r.modules.count, 2);
    assert_string_equal(r.modules.items[1].module, b.modules.items[1].module);
    assert_string_equal(r.options.merge, "three-way");
    assert_string_equal(r.series, b.series);
    assert_int_equal(r.created, b.created);
    /* whoever pushes decides how long the server may stop, and whether it is on trial */
    assert_true(r.options.max_pause_ms > 6.9 && r.options.max_pause_ms < 7.1);
    assert_true(r.options.confirm_within_s > 59.9 && r.options.confirm_within_s < 60.1);
    assert_string_equal(r.options.guard, "errors<5");
    hp_request_fini(&r);
    hp_bundle_fini(&b);
}

static void assert_refused(void (*spoil)(struct hp_bundle *b, struct hp_request *r), int64_t late,
                           enum hp_status status, const char *words)
{
    struct hp_bundle b;
    struct hp_request r;
    const char *error = NULL;
    hp_bundle_init(&b);
    hp_request_init(&r);
    assert_true(sample_bundle(&b));
    if (spoil)
        spoil(&b, &r);
    int64_t now = b.created + late;
    assert_int_equal(unpack(&b, &r, now, &error), status);
    if (!strstr(error, words))
        fail_msg("no \"%s\" in: %s", words, error);
    hp_request_fini(&r);
    hp_bundle_fini(&b);
}

static void of_another_kind(struct hp_bundle *b, struct hp_request *r)
{
    (void)r;
    b->kind = "push";
}

static void without_modules(struct hp_bundle *b, struct hp_request *r)
{
    (void)r;
    b->modules.count = 0;
}

static void with_a_strange_word(struct hp_bundle *b, struct hp_request *r)
{
    (void)r;
    b->options.merge = "sometimes";
}

static void of_another_version(struct hp_bundle *b, struct hp_request *r)
{
    (void)r;
    b->protocol = HP_PROTOCOL_VERSION + 1;
}

static void with_an_option_beside_it(struct hp_bundle *b, struct hp_request *r)
{
    (void)b;
    r->options.prune = true;
}

static void with_modules_beside_it(struct hp_bundle *b, struct hp_request *r)
{
    (void)b;
    assert_non_null(HP_PUSH(&r->arena, &r->modules));
}

static void what_is_refused(void **state)
{
    (void)state;
    assert_refused(NULL, 100, HP_REFUSED, "the bundle expired on");
    assert_refused(of_another_kind, 0, HP_MALFORMED, "no bundle");
    assert_refused(without_modules, 0, HP_MALFORMED, "no modules");
    assert_refused(with_a_strange_word, 0, HP_UNSUPPORTED, "sometimes");
    assert_refused(of_another_version, 0, HP_VERSION_MISMATCH, "make it anew");
    assert_refused(with_an_option_beside_it, 0, HP_UNSUPPORTED, "--prune");
    assert_refused(with_modules_beside_it, 0, HP_UNSUPPORTED, "either modules or a bundle");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(no_part_of_one_is_one),
        cmocka_unit_test(a_request_becomes_what_the_bundle_says),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
