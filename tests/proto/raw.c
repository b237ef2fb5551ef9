#include "raw.h"

#include <stdlib.h>
#include <string.h>

void raw_begin(struct hp_buf *b)
{
    hp_buf_init(b, (size_t)1 << 28);
}

static void byte(struct hp_buf *b, unsigned value)
{
    char c = (char)(unsigned char)value;
    hp_buf_append(b, &c, 1);
}

static void number(struct hp_buf *b, unsigned first, uint64_t value, unsigned size)
{
    byte(b, first);
    for (unsigned i = size; i > 0; i--)
        byte(b, (unsigned)(value >> (8 * (i - 1)) & 0xff));
}

void raw_bytes(struct hp_buf *b, const char *hex)
{
    for (char *end = NULL; *hex != '\0'; hex = end) {
        unsigned long value = strtoul(hex, &end, 16);
        if (end == hex || value > 0xff)
            abort();
        byte(b, (unsigned)value);
    }
}

void raw_repeat(struct hp_buf *b, unsigned char value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        byte(b, value);
}

void raw_map(struct hp_buf *b, uint32_t pairs)
{
    number(b, 0xdf, pairs, 4);
}

void raw_list(struct hp_buf *b, uint32_t items)
{
    number(b, 0xdd, items, 4);
}

void raw_str(struct hp_buf *b, const char *s)
{
    number(b, 0xdb, strlen(s), 4);
    hp_buf_append(b, s, strlen(s));
}

void raw_int(struct hp_buf *b, int64_t value)
{
    number(b, 0xd3, (uint64_t)value, 8);
}

void raw_end(struct hp_buf *b)
{
    hp_buf_fini(b);
}
