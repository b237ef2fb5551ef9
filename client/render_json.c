#include "client/render.h"

#include <math.h>
#include <string.h>

#include <jansson.h>

static json_t *json_of_struct(const struct hp_shape *shape, const void *object);

/* Length of the well-formed UTF-8 sequence at `s`, as jansson sees it, or 0. */
static size_t sequence(const char *s)
{
    size_t max = strnlen(s, 4);
    for (size_t len = 1; len <= max; len++) {
        json_t *probe = json_stringn(s, len);
        if (probe != NULL) {
            json_decref(probe);
            return len;
        }
    }
    return 0;
}

/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD. */
static json_t *json_of_string(const char *s)
{
    json_t *value = json_string(s);
    if (value != NULL || s == NULL)
        return value;
    struct hp_text fixed;
    hp_text_init(&fixed, (struct hp_style){0});
    while (*s != '\0') {
        size_t len = sequence(s);
        if (len > 0)
            hp_text_addn(&fixed, s, len);
        else
            hp_text_add(&fixed, "\xef\xbf\xbd");
        s += len > 0 ? len : 1;
    }
    value = fixed.failed ? NULL : json_string(hp_text_str(&fixed));
    hp_text_fini(&fixed);
    return value;
}

/* NULL means no memory, here and below; jansson's setters take NULL as a failure of their own. */
static json_t *json_of_list(const struct hp_shape *sub, const struct hp_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < list->count; i++) {
        json_t *item = sub != NULL ? json_of_struct(sub, (const char *)list->items + i * sub->size)
                                   : json_of_string(((const char *const *)list->items)[i]);
        if (json_array_append_new(array, item) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

static json_t *json_of_bytes(const struct hp_bytes *bytes)
{
    json_t *value = json_stringn(bytes->data, bytes->len);
    return value != NULL ? value : json_string("(binary)");
}

static json_t *json_of_field(const struct hp_field *field, const void *at)
{
    switch (field->kind) {
    case HP_FIELD_STR:
        return json_of_string(*(const char *const *)at);
    case HP_FIELD_BYTES:
        return json_of_bytes(at);
    case HP_FIELD_INT:
        return json_integer(*(const int64_t *)at);
    case HP_FIELD_NUM:
        return json_real(isfinite(*(const double *)at) ? *(const double *)at : 0.0);
    case HP_FIELD_BOOL:
        return json_boolean(*(const bool *)at);
    case HP_FIELD_COUNT:
        return *(const int64_t *)at == HP_UNKNOWN ? json_string("unknown")
                                                  : json_integer(*(const int64_t *)at);
    case HP_FIELD_STATUS:
        return json_string(hp_status_info(*(const enum hp_status *)at)->word);
    case HP_FIELD_MAP:
        return json_of_struct(field->sub, at);
    case HP_FIELD_OPT_MAP:
        return json_of_struct(field->sub, *(const void *const *)at);
    case HP_FIELD_LIST:
        return json_of_list(field->sub, at);
    case HP_FIELD_STRS:
        return json_of_list(NULL, at);
    }
    return NULL;
}

static json_t *json_of_struct(const struct hp_shape *shape, const void *object)
{
    json_t *map = json_object();
    for (size_t i = 0; map != NULL && i < shape->count; i++) {
        const struct hp_field *field = &shape->fields[i];
        if (hp_field_is_empty(field, object))
            continue;
        json_t *value = json_of_field(field, (const char *)object + field->offset);
        if (json_object_set_new_nocheck(map, field->key, value) != 0) {
            json_decref(map);
            map = NULL;
        }
    }
    return map;
}

static int dump_to_page(const char *data, size_t len, void *page)
{
    hp_text_addn(page, data, len);
    return 0;
}

static void dump(struct hp_text *page, json_t *value)
{
    const size_t flags = JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9);
    if (value == NULL || json_dump_callback(value, dump_to_page, page, flags) != 0)
        page->failed = true;
    json_decref(value);
    hp_text_add(page, "\n");
}

void hp_render_json(struct hp_text *page, const struct hp_shape *shape, const void *object)
{
    dump(page, json_of_struct(shape, object));
}

void hp_render_json_list(struct hp_text *page, const struct hp_shape *shape, const struct hp_list *list)
{
    dump(page, json_of_list(shape, list));
}
