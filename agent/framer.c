#include "agent/framer.h"

#include <string.h>

#include "proto/arena.h"
#include "proto/protocol.h"

#define WORD        4
#define FIRST_CHUNK (64 * 1024)

/* SP, version 0; the roles of the scalability protocols: 0x30 asks, 0x31 answers. */
static const char greeting_of_req[HP_GREETING_LEN] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
const char HP_GREETING[HP_GREETING_LEN] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};

void hp_framer_init(struct hp_framer *f)
{
    memset(f, 0, sizeof *f);
}

void hp_framer_fini(struct hp_framer *f)
{
    hp_mem_free(f->payload);
    hp_framer_init(f);
}

static void enter(struct hp_framer *f, enum hp_framer_phase phase)
{
    f->phase = phase;
    f->have = 0;
}

void hp_framer_next(struct hp_framer *f)
{
    hp_mem_free(f->payload);
    f->payload = NULL;
    f->payload_cap = 0;
    f->payload_len = 0;
    f->header_len = 0;
    enter(f, HP_FRAMER_LENGTH);
}

bool hp_framer_is_idle(const struct hp_framer *f)
{
    return f->phase == HP_FRAMER_LENGTH && f->have == 0;
}

/* Bytes of `length` that this connection leaves out. */
static size_t left_out(const struct hp_framer *f)
{
    return f->bare ? 1 : 0;
}

size_t hp_framer_put_length(const struct hp_framer *f, char out[HP_LENGTH_LEN], uint64_t len)
{
    char *at = out;
    if (!f->bare)
        *at++ = 1;
    for (int i = 0; i < 8; i++)
        *at++ = (char)(len >> (56 - 8 * i));
    return HP_LENGTH_LEN - left_out(f);
}

static uint64_t get_length(const char in[HP_LENGTH_LEN])
{
    uint64_t len = 0;
    for (int i = 1; i <= 8; i++)
        len = len << 8 | (unsigned char)in[i];
    return len;
}

size_t hp_framer_want(struct hp_framer *f, char **where)
{
    switch (f->phase) {
    case HP_FRAMER_GREETING:
        *where = f->greeting + f->have;
        return HP_GREETING_LEN - f->have;
    case HP_FRAMER_LENGTH:
        *where = f->length + left_out(f) + f->have;
        return HP_LENGTH_LEN - left_out(f) - f->have;
    case HP_FRAMER_HEADER:
        *where = f->header + f->header_len + f->have;
        return WORD - f->have;
    default: {
        size_t from = f->discards ? 0 : f->have;
        size_t room = f->payload_cap - from;
        *where = f->payload + from;
        return f->left < room ? (size_t)f->left : room;
    }
    }
}

/* There is room for at least one byte more. */
static bool grow(struct hp_framer *f)
{
    if (f->payload_cap > f->have || (f->discards && f->payload))
        return true;
    size_t cap = f->payload_cap ? 2 * f->payload_cap : FIRST_CHUNK;
    char *larger = hp_mem_realloc(f->payload, cap);
    if (!larger)
        return false;
    f->payload = larger;
    f->payload_cap = cap;
    return true;
}

static enum hp_framed begin_payload(struct hp_framer *f)
{
    f->payload_len = f->left;
    f->discards = f->left > HP_MAX_MESSAGE;
    enter(f, HP_FRAMER_PAYLOAD);
    if (f->left == 0)
        return HP_FRAMED_MESSAGE;
    return grow(f) ? HP_FRAMED_MORE : HP_FRAMED_NO_MEMORY;
}

static enum hp_framed got_length(struct hp_framer *f)
{
    f->left = get_length(f->length);
    if ((!f->bare && f->length[0] != 1) || f->left < WORD || f->left > 2 * (uint64_t)HP_MAX_MESSAGE)
        return HP_FRAMED_BAD;
    enter(f, HP_FRAMER_HEADER);
    return HP_FRAMED_MORE;
}

/* The last word of the header has its highest bit set. */
static enum hp_framed got_word(struct hp_framer *f)
{
    bool last = (unsigned char)f->header[f->header_len] & 0x80;
    f->header_len += WORD;
    f->left -= WORD;
    f->have = 0;
    if (last)
        return begin_payload(f);
    return f->left < WORD || f->header_len == HP_HEADER_MAX ? HP_FRAMED_BAD : HP_FRAMED_MORE;
}

static enum hp_framed got_payload(struct hp_framer *f, size_t n)
{
    f->left -= n;
    if (f->left == 0)
        return HP_FRAMED_MESSAGE;
    return grow(f) ? HP_FRAMED_MORE : HP_FRAMED_NO_MEMORY;
}

enum hp_framed hp_framer_got(struct hp_framer *f, size_t n)
{
    f->have += n;
    switch (f->phase) {
    case HP_FRAMER_GREETING:
        if (memcmp(f->greeting, greeting_of_req, f->have) != 0)
            return HP_FRAMED_BAD;
        if (f->have == HP_GREETING_LEN)
            enter(f, HP_FRAMER_LENGTH);
        return HP_FRAMED_MORE;
    case HP_FRAMER_LENGTH:
        return f->have == HP_LENGTH_LEN - left_out(f) ? got_length(f) : HP_FRAMED_MORE;
    case HP_FRAMER_HEADER:
        return f->have == WORD ? got_word(f) : HP_FRAMED_MORE;
    default:
        return got_payload(f, n);
    }
}
