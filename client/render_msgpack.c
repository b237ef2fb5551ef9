#include "client/render.h"

#include "proto/wire.h"

void hp_render_msgpack(struct hp_text *page, const struct hp_shape *shape, const void *object)
{
    char *data = NULL;
    size_t len = 0;
    if (hp_wire_encode(shape, object, &data, &len) != HP_OK) {
        page->failed = true;
        return;
    }
    hp_text_addn(page, data, len);
    hp_mem_free(data);
}

/* The head of a msgpack array in its shortest form: no need of msgpack-c for it. */
static void array_head(struct hp_text *page, size_t n)
{
    const unsigned char head[5] = {0xdd, (unsigned char)(n >> 24), (unsigned char)(n >> 16),
                                   (unsigned char)(n >> 8), (unsigned char)n};
    const unsigned char head16[3] = {0xdc, (unsigned char)(n >> 8), (unsigned char)n};
    const unsigned char fix = (unsigned char)(0x90 | n);
    if (n < 16)
        hp_text_addn(page, (const char *)&fix, 1);
    else if (n <= UINT16_MAX)
        hp_text_addn(page, (const char *)head16, sizeof head16);
    else
        hp_text_addn(page, (const char *)head, sizeof head);
}

void hp_render_msgpack_list(struct hp_text *page, const struct hp_shape *shape, const struct hp_list *list)
{
    size_t n = list->count;
    array_head(page, n);
    for (size_t i = 0; i < n; i++)
        hp_render_msgpack(page, shape, (const char *)list->items + i * shape->size);
}
