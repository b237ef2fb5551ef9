/* The framing alone: whole, in pieces of every size, wrong, and random. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "agent/framer.h"

static const char greeting[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};

/* Feeds the bytes, at most `piece` at a time; the result of the last step. The bytes that are left go to
 * *rest. */
static enum hp_framed feed(struct hp_framer *f, const char *data, size_t len, size_t piece, size_t *rest)
{
    enum hp_framed result = HP_FRAMED_MORE;
    while (len > 0 && result == HP_FRAMED_MORE) {
        char *where = NULL;
        size_t n = hp_framer_want(f, &where);
        assert_true(n > 0);
        n = n < piece ? n : piece;
        n = n < len ? n : len;
        memcpy(where, data, n);
        result = hp_framer_got(f, n);
        data += n;
        len -= n;
    }
    if (rest)
        *rest = len;
    return result;
}

static void greeted(struct hp_framer *f)
{
    hp_framer_init(f);
    assert_int_equal(feed(f, greeting, 8, 8, NULL), HP_FRAMED_MORE);
    assert_true(hp_framer_is_idle(f));
}

static const struct hp_framer ipc; /* all 0 */

static size_t make_message(char *out, const char *header, size_t header_len, const char *payload, size_t len)
{
    hp_framer_put_length(&ipc, out, header_len + len);
    memcpy(out + 9, header, header_len);
    memcpy(out + 9 + header_len, payload, len);
    return 9 + header_len + len;
}

static void messages_in_pieces_of_every_size(void **state)
{
    char stream[300];
    (void)state;
    size_t len = make_message(stream, "\x80\0\0\1", 4, "hello", 5);
    len += make_message(stream + len, "\0\0\0\7\x81\0\0\2", 8, "", 0);
    len += make_message(stream + len, "\xff\xff\xff\xff", 4, "0123456789", 10);
    for (size_t piece = 1; piece <= len; piece++) {
        struct hp_framer f;
        size_t rest = len;
        greeted(&f);
        assert_int_equal(feed(&f, stream + len - rest, rest, piece, &rest), HP_FRAMED_MESSAGE);
        assert_int_equal(f.header_len, 4);
        assert_int_equal(f.payload_len, 5);
        assert_memory_equal(f.payload, "hello", 5);
        hp_framer_next(&f);
        assert_int_equal(feed(&f, stream + len - rest, rest, piece, &rest), HP_FRAMED_MESSAGE);
        assert_int_equal(f.header_len, 8);
        assert_int_equal(f.payload_len, 0);
        hp_framer_next(&f);
        assert_int_equal(feed(&f, stream + len - rest, rest, piece, &rest), HP_FRAMED_MESSAGE);
        assert_memory_equal(f.payload, "0123456789", 10);
        assert_int_equal(rest, 0);
        hp_framer_fini(&f);
    }
}

static void long_payloads_arrive_whole(void **state)
{
    struct hp_framer f;
    size_t len = 1000003;
    char *payload = hp_mem_alloc(len), *stream = hp_mem_alloc(len + 20);
    (void)state;
    for (size_t i = 0; i < len; i++)
        payload[i] = (char)(i * 31 >> 3);
    size_t total = make_message(stream, "\x80\0\0\1", 4, payload, len);
    greeted(&f);
    assert_int_equal(feed(&f, stream, total, 70001, NULL), HP_FRAMED_MESSAGE);
    assert_int_equal(f.payload_len, len);
    assert_memory_equal(f.payload, payload, len);
    hp_framer_fini(&f);
    hp_mem_free(payload);
    hp_mem_free(stream);
}

static enum hp_framed feed_head(struct hp_framer *f, uint64_t len)
{
    char head[9];
    greeted(f);
    hp_framer_put_length(&ipc, head, len);
    return feed(f, head, 9, 9, NULL);
}

static void memory_follows_what_came_not_what_was_announced(void **state)
{
    struct hp_framer f;
    char kilobyte[1024] = {(char)0x80};
    (void)state;
    assert_int_equal(feed_head(&f, HP_MAX_MESSAGE), HP_FRAMED_MORE);
    assert_int_equal(feed(&f, kilobyte, sizeof kilobyte, 1024, NULL), HP_FRAMED_MORE);
    assert_true(f.payload_cap <= 64 * 1024);
    hp_framer_fini(&f);
}

static void too_long_is_read_and_dropped(void **state)
{
    struct hp_framer f;
    char *chunk = hp_mem_calloc(1 << 20);
    (void)state;
    assert_int_equal(feed_head(&f, (uint64_t)HP_MAX_MESSAGE + 5), HP_FRAMED_MORE);
    chunk[0] = (char)0x80;
    assert_int_equal(feed(&f, chunk, 4, 4, NULL), HP_FRAMED_MORE);
    for (int i = 0; i < 16; i++)
        assert_int_equal(feed(&f, chunk, 1 << 20, 1 << 20, NULL), HP_FRAMED_MORE);
    assert_int_equal(feed(&f, chunk, 1, 1, NULL), HP_FRAMED_MESSAGE);
    assert_true(f.discards);
    assert_int_equal(f.payload_len, (uint64_t)HP_MAX_MESSAGE + 1);
    assert_true(f.payload_cap <= 64 * 1024);
    hp_framer_next(&f);
    char small[20];
    size_t len = make_message(small, "\x80\0\0\1", 4, "ok", 2);
    assert_int_equal(feed(&f, small, len, len, NULL), HP_FRAMED_MESSAGE); /* and goes on as before */
    assert_false(f.discards);
    assert_memory_equal(f.payload, "ok", 2);
    hp_framer_fini(&f);
    hp_mem_free(chunk);
}

static void what_is_wrong_ends_it(void **state)
{
    struct hp_framer f;
    char many_hops[80] = {0};
    (void)state;
    hp_framer_init(&f);
    assert_int_equal(feed(&f, "G", 1, 1, NULL), HP_FRAMED_BAD);
    hp_framer_init(&f);
    assert_int_equal(feed(&f, "\0SP\0\0\x10\0\0", 8, 8, NULL), HP_FRAMED_BAD); /* not REQ */
    assert_int_equal(feed_head(&f, 3), HP_FRAMED_BAD);
    assert_int_equal(feed_head(&f, 0), HP_FRAMED_BAD);
    assert_int_equal(feed_head(&f, 2 * (uint64_t)HP_MAX_MESSAGE + 1), HP_FRAMED_BAD);
    assert_int_equal(feed_head(&f, UINT64_MAX), HP_FRAMED_BAD);
    greeted(&f);
    assert_int_equal(feed(&f, "\2\0\0\0\0\0\0\0\5", 9, 9, NULL), HP_FRAMED_BAD);
    assert_int_equal(feed_head(&f, 6), HP_FRAMED_MORE); /* a header that does not end in the message */
    assert_int_equal(feed(&f, many_hops, 4, 4, NULL), HP_FRAMED_BAD);
    assert_int_equal(feed_head(&f, 4000), HP_FRAMED_MORE); /* or never */
    size_t rest;
    assert_int_equal(feed(&f, many_hops, sizeof many_hops, 80, &rest), HP_FRAMED_BAD);
    assert_int_equal(rest, sizeof many_hops - HP_HEADER_MAX);
    hp_framer_fini(&f);
}

static void *no_memory(void *ptr, size_t size)
{
    if (size == 0)
        free(ptr);
    return NULL;
}

static void no_memory_is_said(void **state)
{
    struct hp_framer f;
    (void)state;
    assert_int_equal(feed_head(&f, 100), HP_FRAMED_MORE);
    hp_mem_set_allocator(no_memory);
    enum hp_framed result = feed(&f, "\x80\0\0\1", 4, 4, NULL);
    hp_mem_set_allocator(NULL);
    assert_int_equal(result, HP_FRAMED_NO_MEMORY);
    hp_framer_fini(&f);
}

/* Any bytes at all, behind a right greeting: no crash, no endless want, under the sanitizers no stray write.
 */
static void random_bytes(void **state)
{
    (void)state;
    uint32_t seed = 12345;
    for (int round = 0; round < 2000; round++) {
        struct hp_framer f;
        char noise[200];
        for (size_t i = 0; i < sizeof noise; i++) {
            seed = seed * 1664525 + 1013904223;
            noise[i] = (char)(seed >> 24);
        }
        if (round % 2) { /* as far as a plausible length */
            hp_framer_put_length(&ipc, noise, 4 + (unsigned char)noise[0]);
            noise[9] = (char)(noise[9] | 0x80);
        }
        greeted(&f);
        size_t rest = sizeof noise;
        for (;;) {
            enum hp_framed result = feed(&f, noise + sizeof noise - rest, rest, 1 + seed % 17, &rest);
            if (result != HP_FRAMED_MESSAGE)
                break;
            hp_framer_next(&f);
        }
        hp_framer_fini(&f);
    }
}

/* nng's tcp and tls leave out the 01. */
static void bare_lengths_of_tcp(void **state)
{
    char stream[32];
    (void)state;
    const struct hp_framer tcp = {.bare = true};
    assert_int_equal(hp_framer_put_length(&tcp, stream, 9), 8);
    memcpy(stream + 8, "\x80\0\0\1hello", 9);
    for (size_t piece = 1; piece <= 17; piece++) {
        struct hp_framer f;
        hp_framer_init(&f);
        f.bare = true;
        assert_int_equal(feed(&f, greeting, 8, 8, NULL), HP_FRAMED_MORE);
        assert_int_equal(feed(&f, stream, 17, piece, NULL), HP_FRAMED_MESSAGE);
        assert_int_equal(f.payload_len, 5);
        assert_memory_equal(f.payload, "hello", 5);
        hp_framer_fini(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_in_pieces_of_every_size),
        cmocka_unit_test(long_payloads_arrive_whole),
        cmocka_unit_test(memory_follows_what_came_not_what_was_announced),
        cmocka_unit_test(too_long_is_read_and_dropped),
        cmocka_unit_test(what_is_wrong_ends_it),
        cmocka_unit_test(no_memory_is_said),
        cmocka_unit_test(random_bytes),
        cmocka_unit_test(bare_lengths_of_tcp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
