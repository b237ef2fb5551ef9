/* hotpatch: growing and fixed buffers; the contract is in buf.h. */
#include "buf.h"

#include <string.h>

#include "arena.h"

#define FIRST_SIZE ((size_t)512)

void hp_buf_init(struct hp_buf *b, size_t max)
{
    *b = (struct hp_buf){.max = max, .status = HP_OK};
}

void hp_buf_init_fixed(struct hp_buf *b, char *data, size_t size)
{
    *b = (struct hp_buf){.data = data, .cap = size, .max = size, .fixed = true, .status = HP_OK};
}

static bool grow(struct hp_buf *b, size_t needed)
{
    size_t cap = b->cap != 0 ? b->cap : FIRST_SIZE;
    while (cap < needed)
        cap *= 2; /* no overflow: needed <= max, and max is far below SIZE_MAX / 2 */
    char *data = hp_mem_realloc(b->data, cap);
    if (data == NULL) {
        b->status = HP_NO_MEMORY;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void hp_buf_append(struct hp_buf *b, const char *bytes, size_t len)
{
    if (b->status != HP_OK || len == 0)
        return;
    if (len > b->max - b->len) {
        b->status = HP_LIMIT;
        return;
    }
    if (len > b->cap - b->len && !grow(b, b->len + len))
        return;
    memcpy(b->data + b->len, bytes, len);
    b->len += len;
}

void hp_buf_fini(struct hp_buf *b)
{
    if (!b->fixed)
        hp_mem_free(b->data);
    hp_buf_init(b, b->max);
}

enum hp_status hp_buf_take(struct hp_buf *b, char **data, size_t *len)
{
    bool good = b->status == HP_OK;
    *data = good ? b->data : NULL;
    *len = good ? b->len : 0;
    if (good)
        hp_buf_init(b, b->max);
    return good ? HP_OK : b->status;
}
