/* hp_wire_check and hp_wire_read_head against bytes that nobody honest would send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "faulty.h"
#include "proto/protocol.h"
#include "proto/wire.h"
#include "raw.h"

static enum hp_status check(const struct hp_buf *b)
{
    const char *error = NULL;
    faulty_begin(0, false);
    enum hp_status status = hp_wire_check(b->data, b->len, &error);
    assert_int_equal(faulty_calls(), 0);
    faulty_end();
    assert_int_equal(error != NULL, status != HP_OK);
    return status;
}

static enum hp_status check_hex(const char *hex)
{
    struct hp_buf b;
    raw_begin(&b);
    raw_bytes(&b, hex);
    enum hp_status status = check(&b);
    raw_end(&b);
    return status;
}

static void every_form_of_msgpack_passes(void **unused)
{
    (void)unused;
    const char *values[] = {
        "00",
        "7f",
        "ff",
        "e0", /* small integers */
        "80",
        "81 a0 00",
        "90",
        "92 01 02",
        "a0",
        "a3 61 62 63", /* short map, list, string */
        "c0",
        "c2",
        "c3", /* nil, false, true */
        "c4 00",
        "c4 01 ff",
        "c5 00 01 ff",
        "c6 00 00 00 01 ff", /* bin */
        "c7 00 05",
        "c7 01 05 ff",
        "c8 00 01 05 ff",
        "c9 00 00 00 01 05 ff", /* ext */
        "ca 00 00 00 00",
        "cb 00 00 00 00 00 00 00 00", /* floats */
        "cc ff",
        "cd ff ff",
        "ce ff ff ff ff",
        "cf ff ff ff ff ff ff ff ff",
        "d0 80",
        "d1 80 00",
        "d2 80 00 00 00",
        "d3 80 00 00 00 00 00 00 00",
        "d4 05 01",
        "d5 05 01 02",
        "d6 05 01 02 03 04",
        "d7 05 01 02 03 04 05 06 07 08",
        "d8 05 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10",
        "d9 01 61",
        "da 00 01 61",
        "db 00 00 00 01 61",
        "dc 00 01 c0",
        "dd 00 00 00 01 c0",
        "de 00 01 a1 6b c0",
        "df 00 00 00 01 a1 6b c0",
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct hp_buf b;
        raw_begin(&b);
        raw_bytes(&b, "81 a1 6b");
        raw_bytes(&b, values[i]);
        assert_int_equal(check(&b), HP_OK);
        size_t whole = b.len;
        for (b.len = 0; b.len < whole; b.len++)
            assert_int_equal(check(&b), HP_MALFORMED); /* each prefix */
        raw_repeat(&b, 0, 1);
        assert_int_equal(check(&b), HP_MALFORMED); /* and a byte more */
        raw_end(&b);
    }
}

static void what_is_no_map_is_malformed(void **unused)
{
    (void)unused;
    const char *messages[] = {"", "c0", "90", "a1 61", "c1", "81", "81 c1", "81 a1 6b c1", "80 80", "01"};
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        assert_int_equal(check_hex(messages[i]), HP_MALFORMED);
    const char *error = NULL;
    assert_int_equal(hp_wire_check(NULL, 0, &error), HP_MALFORMED);
}

static void keys_must_be_strings_everywhere(void **unused)
{
    (void)unused;
    assert_int_equal(check_hex("81 01 01"), HP_MALFORMED);
    assert_int_equal(check_hex("81 c4 01 61 01"), HP_MALFORMED);
    assert_int_equal(check_hex("81 c0 01"), HP_MALFORMED);
    assert_int_equal(check_hex("81 80 01"), HP_MALFORMED);
    assert_int_equal(check_hex("81 90 01"), HP_MALFORMED);
    assert_int_equal(check_hex("82 a1 61 01 02 01"), HP_MALFORMED);                   /* the second key */
    assert_int_equal(check_hex("81 a1 61 91 81 01 01"), HP_MALFORMED);                /* further in */
    assert_int_equal(check_hex("82 a1 61 82 a1 62 01 a1 63 01 05 01"), HP_MALFORMED); /* after a map inside */
    assert_int_equal(check_hex("82 a1 61 82 a1 62 01 a1 63 01 a1 64 01"), HP_OK);
}

/* Five bytes that ask for 96 GiB, of each kind; alone and inside. */
static void declared_counts_are_not_believed(void **unused)
{
    (void)unused;
    const char *bombs[] = {
        "df ff ff ff ff",    "dd ff ff ff ff", "db ff ff ff ff", "c6 ff ff ff ff",
        "c9 ff ff ff ff 01", "de ff ff",       "dc ff ff",       "da ff ff",
        "c5 ff ff",          "c8 ff ff 01",    "df 80 00 00 00", /* doubled, this is 0 in 32 bits */
    };
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        assert_int_equal(check_hex(bombs[i]), HP_MALFORMED);
        struct hp_buf b;
        raw_begin(&b);
        raw_bytes(&b, "81 a1 6b");
        raw_bytes(&b, bombs[i]);
        raw_repeat(&b, 0, 1000);
        const char *error = NULL;
        assert_int_equal(check(&b), HP_MALFORMED);
        assert_int_equal(hp_wire_check(b.data, b.len, &error), HP_MALFORMED);
        assert_non_null(strstr(error, "declared longer")); /* at the header, not after a thousand values */
        raw_end(&b);
    }
}

/* { "k": [[[…]]] } with `depth` lists, closed properly. */
static enum hp_status check_nested(size_t depth)
{
    struct hp_buf b;
    raw_begin(&b);
    raw_bytes(&b, "81 a1 6b");
    raw_repeat(&b, 0x91, depth - 1);
    raw_repeat(&b, 0x90, 1);
    enum hp_status status = check(&b);
    raw_end(&b);
    return status;
}

static void nesting_has_a_limit(void **unused)
{
    (void)unused;
    assert_int_equal(check_nested(1), HP_OK);
    assert_int_equal(check_nested(HP_MAX_DEPTH - 1), HP_OK); /* and the message itself */
    assert_int_equal(check_nested(HP_MAX_DEPTH), HP_LIMIT);
    assert_int_equal(check_nested(33), HP_LIMIT);
    assert_int_equal(check_nested(1000000), HP_LIMIT);
    struct hp_buf b;
    raw_begin(&b);
    for (int i = 0; i < 100000; i++)
        raw_bytes(&b, "81 a1 6b");
    assert_int_equal(check(&b), HP_LIMIT);
    raw_end(&b);
}

static void size_and_number_of_values_have_limits(void **unused)
{
    (void)unused;
    struct hp_buf b;
    raw_begin(&b);
    raw_map(&b, 1);
    raw_str(&b, "k");
    raw_list(&b, HP_MAX_VALUES - 3);
    raw_repeat(&b, 0xc0, HP_MAX_VALUES - 3);
    assert_int_equal(check(&b), HP_OK);
    raw_end(&b);

    raw_begin(&b);
    raw_map(&b, 1);
    raw_str(&b, "k");
    raw_list(&b, HP_MAX_VALUES - 2);
    raw_repeat(&b, 0xc0, HP_MAX_VALUES - 2);
    assert_int_equal(check(&b), HP_LIMIT);
    raw_end(&b);

    raw_begin(&b);
    raw_repeat(&b, 0xc0, (size_t)HP_MAX_MESSAGE + 1);
    assert_int_equal(check(&b), HP_LIMIT);
    raw_end(&b);
}

static struct hp_wire_head head_of(const struct hp_buf *b)
{
    struct hp_wire_head head;
    faulty_begin(0, false);
    hp_wire_read_head(b->data, b->len, &head);
    assert_int_equal(faulty_calls(), 0);
    faulty_end();
    return head;
}

static void the_head_is_read_from_broken_messages(void **unused)
{
    (void)unused;
    struct hp_buf b;
    raw_begin(&b);
    raw_map(&b, 5);
    raw_str(&b, "unknown");
    raw_bytes(&b, "92 81 a1 61 01 c3");
    raw_str(&b, "id");
    raw_str(&b, "abc");
    size_t id_end = b.len;
    raw_str(&b, "protocol");
    raw_int(&b, -7);
    size_t protocol_end = b.len;
    raw_str(&b, "bad");
    raw_bytes(&b, "c1");
    for (b.len = 0; b.len <= protocol_end + 5; b.len++) {
        struct hp_wire_head head = head_of(&b);
        assert_int_equal(head.id != NULL, b.len >= id_end);
        assert_int_equal(head.has_protocol, b.len >= protocol_end);
        if (head.id != NULL) {
            assert_int_equal(head.id_len, 3);
            assert_memory_equal(head.id, "abc", 3);
        }
        if (head.has_protocol)
            assert_int_equal(head.protocol, -7);
    }
    raw_end(&b);
}

static void the_head_takes_only_a_good_id(void **unused)
{
    (void)unused;
    const struct {
        const char *hex; /* of the value */
        bool good;
    } ids[] = {
        {"a1 78", true}, {"a0", false}, {"a3 61 00 62", false},
        {"01", false},   {"c0", false}, {"c4 01 61", false},
    };
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct hp_buf b;
        raw_begin(&b);
        raw_bytes(&b, "81 a2 69 64");
        raw_bytes(&b, ids[i].hex);
        assert_int_equal(head_of(&b).id != NULL, ids[i].good);
        raw_end(&b);
    }
    for (size_t len = HP_MAX_ID; len <= HP_MAX_ID + 1; len++) {
        struct hp_buf b;
        char id[HP_MAX_ID + 2] = {0};
        memset(id, 'x', len);
        raw_begin(&b);
        raw_map(&b, 1);
        raw_str(&b, "id");
        raw_str(&b, id);
        assert_int_equal(head_of(&b).id != NULL, len == HP_MAX_ID);
        raw_end(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_msgpack_passes),
        cmocka_unit_test(what_is_no_map_is_malformed),
        cmocka_unit_test(keys_must_be_strings_everywhere),
        cmocka_unit_test(declared_counts_are_not_believed),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(size_and_number_of_values_have_limits),
        cmocka_unit_test(the_head_is_read_from_broken_messages),
        cmocka_unit_test(the_head_takes_only_a_good_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
