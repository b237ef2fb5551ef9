/* Requests: there and back, and every way of not being one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/protocol.h"
#include "proto/request.h"
#include "raw.h"
#include "sample.h"
#include "trace.h"

struct decoded {
    struct hp_request request;
    enum hp_status status;
    const char *error;
};

static void decode(struct decoded *d, const char *data, size_t len)
{
    hp_request_init(&d->request);
    d->error = NULL;
    d->status = hp_request_decode(&d->request, data, len, &d->error);
    assert_int_equal(d->error != NULL, d->status != HP_OK);
}

static void assert_decodes(const struct hp_buf *b, enum hp_status status, const char *part_of_error)
{
    struct decoded d;
    decode(&d, b->data, b->len);
    if (d.status != status) {
        fail_msg("%s instead of %s: %s", hp_status_info(d.status)->word, hp_status_info(status)->word,
                 d.error);
    }
    if (part_of_error != NULL && strstr(d.error, part_of_error) == NULL)
        fail_msg("no \"%s\" in: %s", part_of_error, d.error);
    hp_request_fini(&d.request);
}

/* The sample, encoded, for hp_mem_free. */
static char *encoded_sample(size_t *len)
{
    struct hp_request r;
    char *data = NULL;
    hp_request_init(&r);
    assert_true(sample_request(&r));
    assert_int_equal(hp_request_encode(&r, &data, len), HP_OK);
    hp_request_fini(&r);
    return data;
}

static void a_full_request_comes_back_the_same(void **unused)
{
    (void)unused;
    struct hp_request r;
    hp_request_init(&r);
    assert_true(sample_request(&r));
    char *before = trace_object(&HP_REQUEST_SHAPE, &r);
    char *data = NULL;
    size_t len = 0;
    assert_int_equal(hp_request_encode(&r, &data, &len), HP_OK);
    hp_request_fini(&r);

    struct decoded d;
    decode(&d, data, len);
    memset(data, 0xee, len); /* nothing points into it any more */
    hp_mem_free(data);
    assert_int_equal(d.status, HP_OK);
    assert_int_equal(d.request.kind, HP_KIND_PUSH);
    char *after = trace_object(&HP_REQUEST_SHAPE, &d.request);
    assert_string_equal(after, before);
    free(before);
    free(after);
    hp_request_fini(&d.request);
}

/* By the names of the structs, not by the tables. */
static void fields_land_where_they_belong(void **unused)
{
    (void)unused;
    struct hp_request r;
    hp_request_init(&r);
    r.id = "id-1";
    r.kind = HP_KIND_DIFF;
    r.state = "main";
    r.deadline_ms = 1234;
    r.user = "anna";
    r.options.prune = true;
    r.options.atomic = true;
    r.options.search_limit_s = 2.5;
    struct hp_request_module *m = HP_PUSH(&r.arena, &r.modules);
    assert_non_null(m);
    m->module = "battle";
    m->file = "src/battle.lua";
    m->source = (struct hp_bytes){"return\0{}", 9};
    m->base = (struct hp_bytes){"", 0};
    const char **path = HP_PUSH(&r.arena, &r.options.functions);
    assert_non_null(path);
    *path = "Skill.cast";
    char *data = NULL;
    size_t len = 0;
    assert_int_equal(hp_request_encode(&r, &data, &len), HP_OK);
    hp_request_fini(&r);

    struct decoded d;
    decode(&d, data, len);
    hp_mem_free(data);
    const struct hp_request *q = &d.request;
    assert_int_equal(d.status, HP_OK);
    assert_int_equal(q->kind, HP_KIND_DIFF);
    assert_string_equal(q->kind_word, "diff");
    assert_string_equal(q->id, "id-1");
    assert_string_equal(q->state, "main");
    assert_int_equal(q->deadline_ms, 1234);
    assert_string_equal(q->user, "anna");
    assert_null(q->client);
    assert_int_equal(q->modules.count, 1);
    assert_string_equal(q->modules.items[0].module, "battle");
    assert_string_equal(q->modules.items[0].file, "src/battle.lua");
    assert_int_equal(q->modules.items[0].source.len, 9);
    assert_memory_equal(q->modules.items[0].source.data, "return\0{}", 10);
    assert_non_null(q->modules.items[0].base.data);
    assert_int_equal(q->modules.items[0].base.len, 0);
    assert_true(q->options.prune && q->options.atomic && !q->options.strict && !q->options.all);
    assert_string_equal(q->options.functions.items[0], "Skill.cast");
    assert_string_equal(q->options.effects, "none");
    assert_string_equal(q->options.merge, "keep");
    assert_string_equal(q->options.refs, "heap");
    assert_true(q->options.search_limit_s > 2.4 && q->options.search_limit_s < 2.6);
    hp_request_fini(&d.request);
}

static void every_prefix_is_malformed_and_answered_by_id(void **unused)
{
    (void)unused;
    size_t len = 0;
    char *data = encoded_sample(&len);
    size_t with_id = 0;
    for (size_t n = 0; n < len; n++) {
        char *prefix = malloc(n + 1); /* of its own, so that the sanitizer sees a byte too many */
        assert_non_null(prefix);
        char *exact = realloc(prefix, n != 0 ? n : 1);
        memcpy(exact, data, n);
        struct decoded d;
        decode(&d, exact, n);
        assert_int_equal(d.status, HP_MALFORMED);
        with_id += d.request.id != NULL;
        hp_request_fini(&d.request);
        free(exact);
    }
    assert_true(with_id > len - 100); /* the id stands near the front */
    hp_mem_free(data);
}

static void flipped_bits_never_crash(void **unused)
{
    (void)unused;
    size_t len = 0;
    char *data = encoded_sample(&len);
    for (size_t i = 0; i < len * 8; i++) {
        data[i / 8] = (char)(data[i / 8] ^ 1 << (i % 8));
        struct decoded d;
        decode(&d, data, len);
        if (d.status == HP_OK) { /* then it is one in every respect */
            char *again = NULL;
            size_t again_len = 0;
            assert_int_equal(hp_request_encode(&d.request, &again, &again_len), HP_OK);
            hp_mem_free(again);
        }
        hp_request_fini(&d.request);
        data[i / 8] = (char)(data[i / 8] ^ 1 << (i % 8));
    }
    hp_mem_free(data);
}

/* A valid status request but for what `more` adds: "protocol", "kind", "id" and `extra` pairs to come. */
static void begin(struct hp_buf *b, const char *kind, uint32_t extra)
{
    raw_begin(b);
    raw_map(b, 3 + extra);
    raw_str(b, "protocol");
    raw_int(b, HP_PROTOCOL_VERSION);
    raw_str(b, "kind");
    raw_str(b, kind);
    raw_str(b, "id");
    raw_str(b, "x");
}

static void end(struct hp_buf *b, enum hp_status status, const char *part_of_error)
{
    assert_decodes(b, status, part_of_error);
    raw_end(b);
}

static void unknown_keys_are_ignored(void **unused)
{
    (void)unused;
    struct hp_buf b;
    begin(&b, "status", 2);
    raw_str(&b, "from the future");
    raw_bytes(&b, "92 81 a1 61 c7 01 05 ff c3");
    raw_str(&b, "from the future"); /* twice: not ours to mind */
    raw_bytes(&b, "c0");
    end(&b, HP_OK, NULL);
}

static void nil_is_absence(void **unused)
{
    (void)unused;
    struct hp_buf b;
    begin(&b, "status", 3);
    raw_str(&b, "state");
    raw_bytes(&b, "c0");
    raw_str(&b, "options");
    raw_bytes(&b, "81 a5 6d 65 72 67 65 c0"); /* { "merge": nil } */
    raw_str(&b, "modules");
    raw_bytes(&b, "c0");
    end(&b, HP_OK, NULL);
}

static void wrong_types_are_named(void **unused)
{
    (void)unused;
    const struct {
        const char *key;
        const char *value;
        const char *part_of_error;
    } cases[] = {
        {"state", "01", "\"state\" must be a string"},
        {"state", "c4 01 61", "\"state\" must be a string"},
        {"state", "a3 61 00 62", "\"state\" has a value"},
        {"deadline_ms", "a1 31", "\"deadline_ms\" must be an integer"},
        {"deadline_ms", "cb 3f f0 00 00 00 00 00 00", "\"deadline_ms\" must be an integer"},
        {"deadline_ms", "cf ff ff ff ff ff ff ff ff", "\"deadline_ms\" must be an integer"},
        {"deadline_ms", "ff", "negative"},
        {"options", "90", "\"options\" must be a map"},
        {"options", "81 a6 73 74 72 69 63 74 01", "\"options.strict\" must be a boolean"},
        {"options", "81 a6 61 63 63 65 70 74 a1 78", "\"options.accept\" must be a list of strings"},
        {"options", "81 a6 61 63 63 65 70 74 92 a3 52 30 34 01", "\"options.accept[1]\" must be a string"},
        {"options", "81 ac 6d 61 78 5f 70 61 75 73 65 5f 6d 73 cb 7f f8 00 00 00 00 00 00", "max_pause_ms"},
        {"options", "81 ac 6d 61 78 5f 70 61 75 73 65 5f 6d 73 cb 7f f0 00 00 00 00 00 00", "max_pause_ms"},
        {"options", "81 ac 6d 61 78 5f 70 61 75 73 65 5f 6d 73 ff", "max_pause_ms"},
        {"modules", "80", "\"modules\" must be a list of maps"},
        {"modules", "91 01", "\"modules[0]\" must be a map"},
        {"modules", "92 80 81 a6 73 6f 75 72 63 65 01", "\"modules[1].source\" must be a string"},
        {"patch", "ff", "\"patch\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hp_buf b;
        begin(&b, "status", 1);
        raw_str(&b, cases[i].key);
        raw_bytes(&b, cases[i].value);
        end(&b, HP_MALFORMED, cases[i].part_of_error);
    }
}

static void a_key_that_comes_twice_is_malformed(void **unused)
{
    (void)unused;
    struct hp_buf b;
    begin(&b, "status", 1);
    raw_str(&b, "kind");
    raw_str(&b, "push");
    end(&b, HP_MALFORMED, "\"kind\" comes twice");
    begin(&b, "status", 1);
    raw_str(&b, "options");
    raw_bytes(&b, "82 a3 61 6c 6c c2 a3 61 6c 6c c3");
    end(&b, HP_MALFORMED, "\"options.all\" comes twice");
}

static void what_a_request_cannot_do_without(void **unused)
{
    (void)unused;
    struct hp_buf b;
    raw_begin(&b);
    raw_bytes(&b, "80");
    end(&b, HP_MALFORMED, "no protocol number");
    raw_begin(&b);
    raw_map(&b, 1);
    raw_str(&b, "protocol");
    raw_int(&b, HP_PROTOCOL_VERSION);
    end(&b, HP_MALFORMED, "\"id\"");
    begin(&b, "push", 0);
    end(&b, HP_MALFORMED, "\"modules\"");
    begin(&b, "diff", 1);
    raw_str(&b, "modules");
    raw_bytes(&b, "91 80");
    end(&b, HP_MALFORMED, "\"modules[0].source\" is missing");
    begin(&b, "inspect", 0);
    end(&b, HP_MALFORMED, "\"target\"");
    begin(&b, "eval", 0);
    end(&b, HP_MALFORMED, "\"code\"");
    const char *bare[] = {"status", "log", "progress", "cancel", "revert"};
    for (size_t i = 0; i < sizeof bare / sizeof *bare; i++) {
        begin(&b, bare[i], 0);
        end(&b, HP_OK, NULL);
    }
}

static void unknown_words_are_unsupported(void **unused)
{
    (void)unused;
    struct hp_buf b;
    begin(&b, "reboot", 0);
    end(&b, HP_UNSUPPORTED, "\"reboot\"");
    const char *words[] = {"effects", "merge", "refs"};
    for (size_t i = 0; i < 3; i++) {
        begin(&b, "status", 1);
        raw_str(&b, "options");
        raw_map(&b, 1);
        raw_str(&b, words[i]);
        raw_str(&b, "sometimes");
        end(&b, HP_UNSUPPORTED, "\"sometimes\"");
    }
    begin(&b, "status", 1);
    raw_str(&b, "options");
    raw_map(&b, 1);
    raw_str(&b, "accept");
    raw_list(&b, 1);
    raw_str(&b, "R99");
    end(&b, HP_UNSUPPORTED, "\"R99\"");
}

static void guards_are_rules_with_a_time(void **unused)
{
    (void)unused;
    struct hp_buf b;
    begin(&b, "status", 1);
    raw_str(&b, "options");
    raw_map(&b, 1);
    raw_str(&b, "guard");
    raw_str(&b, "never");
    end(&b, HP_UNSUPPORTED, "\"never\"");
    begin(&b, "status", 1);
    raw_str(&b, "options");
    raw_map(&b, 1);
    raw_str(&b, "guard");
    raw_str(&b, "errors<1%");
    end(&b, HP_MALFORMED, "confirm_within_s");
}

static void limits_hold(void **unused)
{
    (void)unused;
    struct hp_buf b;
    char id[HP_MAX_ID + 2] = {0};
    for (size_t len = HP_MAX_ID; len <= HP_MAX_ID + 1; len++) {
        memset(id, 'x', len);
        raw_begin(&b);
        raw_map(&b, 3);
        raw_str(&b, "protocol");
        raw_int(&b, HP_PROTOCOL_VERSION);
        raw_str(&b, "kind");
        raw_str(&b, "status");
        raw_str(&b, "id");
        raw_str(&b, id);
        end(&b, len == HP_MAX_ID ? HP_OK : HP_LIMIT, NULL);
    }
    for (uint32_t count = HP_MAX_MODULES; count <= HP_MAX_MODULES + 1; count++) {
        begin(&b, "status", 1);
        raw_str(&b, "modules");
        raw_list(&b, count);
        raw_repeat(&b, 0x80, count);
        end(&b, count == HP_MAX_MODULES ? HP_OK : HP_LIMIT, NULL);
    }
    begin(&b, "status", 1);
    raw_str(&b, "deadline_ms");
    raw_int(&b, INT64_MAX);
    end(&b, HP_LIMIT, "\"deadline_ms\"");
}

static void a_request_that_is_too_large_is_not_sent(void **unused)
{
    (void)unused;
    size_t size = (size_t)HP_MAX_MESSAGE;
    char *source = calloc(1, size);
    assert_non_null(source);
    struct hp_request r;
    hp_request_init(&r);
    r.id = "x";
    r.kind = HP_KIND_EVAL;
    r.code = (struct hp_bytes){source, size};
    char *data = source;
    size_t len = 0;
    assert_int_equal(hp_request_encode(&r, &data, &len), HP_LIMIT);
    assert_null(data);
    r.code.len = size - 1000;
    assert_int_equal(hp_request_encode(&r, &data, &len), HP_OK);
    struct decoded d;
    decode(&d, data, len);
    assert_int_equal(d.status, HP_OK);
    assert_int_equal(d.request.code.len, size - 1000);
    hp_request_fini(&d.request);
    hp_mem_free(data);
    hp_request_fini(&r);
    free(source);
}

static void other_versions_are_told_who_is_older(void **unused)
{
    (void)unused;
    const struct {
        int64_t protocol;
        const char *older;
    } cases[] = {
        {0, "the client is the older side"},
        {-1, "the client is the older side"},
        {2, "the agent is the older side"},
        {INT64_MAX, "the agent is the older side"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hp_buf b;
        raw_begin(&b);
        raw_map(&b, 3);
        raw_str(&b, "protocol");
        raw_int(&b, cases[i].protocol);
        raw_str(&b, "id");
        raw_str(&b, "abc");
        raw_bytes(&b, "05"); /* from here on it is no message that we could read */
        raw_repeat(&b, 0xc1, 100);
        struct decoded d;
        decode(&d, b.data, b.len);
        assert_int_equal(d.status, HP_VERSION_MISMATCH);
        assert_non_null(strstr(d.error, cases[i].older));
        assert_string_equal(d.request.id, "abc");
        hp_request_fini(&d.request);
        raw_end(&b);
    }
}

static void the_protocol_need_not_come_first(void **unused)
{
    (void)unused;
    struct hp_buf b;
    raw_begin(&b);
    raw_map(&b, 3);
    raw_str(&b, "id");
    raw_str(&b, "x");
    raw_str(&b, "kind");
    raw_str(&b, "log");
    raw_str(&b, "protocol");
    raw_int(&b, HP_PROTOCOL_VERSION);
    end(&b, HP_OK, NULL);
}

static void kinds_have_words(void **unused)
{
    (void)unused;
    for (int i = 0; i < HP_KIND_COUNT; i++)
        assert_int_equal(hp_kind_from_word(hp_kind_word((enum hp_kind)i)), i);
    assert_int_equal(hp_kind_from_word("Push"), -1);
    assert_int_equal(hp_kind_from_word(NULL), -1);
    assert_true(hp_kind_needs_lua(HP_KIND_PUSH) && hp_kind_needs_lua(HP_KIND_DIFF) &&
                hp_kind_needs_lua(HP_KIND_EVAL));
    assert_true(hp_kind_needs_lua(HP_KIND_REVERT) && hp_kind_needs_lua(HP_KIND_INSPECT));
    assert_false(hp_kind_needs_lua(HP_KIND_STATUS) || hp_kind_needs_lua(HP_KIND_LOG));
    assert_false(hp_kind_needs_lua(HP_KIND_PROGRESS) || hp_kind_needs_lua(HP_KIND_CANCEL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_request_comes_back_the_same),
        cmocka_unit_test(fields_land_where_they_belong),
        cmocka_unit_test(every_prefix_is_malformed_and_answered_by_id),
        cmocka_unit_test(flipped_bits_never_crash),
        cmocka_unit_test(unknown_keys_are_ignored),
        cmocka_unit_test(nil_is_absence),
        cmocka_unit_test(wrong_types_are_named),
        cmocka_unit_test(a_key_that_comes_twice_is_malformed),
        cmocka_unit_test(what_a_request_cannot_do_without),
        cmocka_unit_test(unknown_words_are_unsupported),
        cmocka_unit_test(guards_are_rules_with_a_time),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(a_request_that_is_too_large_is_not_sent),
        cmocka_unit_test(other_versions_are_told_who_is_older),
        cmocka_unit_test(the_protocol_need_not_come_first),
        cmocka_unit_test(kinds_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
