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

/* The head of a msgpack array is five bytes at most: no need of msgpack-c for it. */
void hp_render_msgpack_list(struct hp_text *page, const struct hp_shape *shape, const struct hp_list *list)
{
    size_t n = list->count;
    const unsigned char head[5] = {0xdd, (unsigned char)(n >> 24), (unsigned char)(n >> 16),
                                   (unsigned char)(n >> 8), (unsigned char)n};
    hp_text_addn(page, (const char *)head, sizeof head);
    for (size_t i = 0; i < n; i++) {
        hp_render_msgpack(page, shape, (const char *)list->items + i * shape->size);
    }
}
