/* hotpatch: reading and writing structs by their tables; the contract is in shape.h. */
#include "shape.h"

#include <math.h>
#include <string.h>

#include "status.h"

static const char UNKNOWN_WORD[] = "unknown";

static const void *field_at(const struct hp_field *f, const void *object)
{
    return (const char *)object + f->offset;
}

static void *field_slot(const struct hp_field *f, void *object)
{
    return (char *)object + f->offset;
}

/* Fields are copied out and in by memcpy, never through a cast: lists are of many types with one layout
 * (arena.h). */
#define GET(type, f, object)                                                                                 \
    type value;                                                                                              \
    memcpy(&value, field_at(f, object), sizeof value);                                                       \
    return value

static const char *get_str(const struct hp_field *f, const void *object)
{
    GET(const char *, f, object);
}

static struct hp_bytes get_bytes(const struct hp_field *f, const void *object)
{
    GET(struct hp_bytes, f, object);
}

static int64_t get_int(const struct hp_field *f, const void *object)
{
    GET(int64_t, f, object);
}

static double get_num(const struct hp_field *f, const void *object)
{
    GET(double, f, object);
}

static bool get_bool(const struct hp_field *f, const void *object)
{
    GET(bool, f, object);
}

static enum hp_status get_status(const struct hp_field *f, const void *object)
{
    GET(enum hp_status, f, object);
}

static const void *get_ptr(const struct hp_field *f, const void *object)
{
    GET(const void *, f, object);
}

static struct hp_list get_list(const struct hp_field *f, const void *object)
{
    GET(struct hp_list, f, object);
}

/* --- Emptiness -------------------------------------------------------------------------------- */

static bool shape_is_zero(const struct hp_shape *shape, const void *object);

static bool field_is_zero(const struct hp_field *f, const void *object)
{
    switch (f->kind) {
    case HP_FIELD_STR: {
        const char *s = get_str(f, object);
        return s == NULL || s[0] == '\0';
    }
    case HP_FIELD_BYTES:
        return get_bytes(f, object).len == 0;
    case HP_FIELD_INT:
    case HP_FIELD_COUNT:
        return get_int(f, object) == 0;
    case HP_FIELD_NUM:
        return fpclassify(get_num(f, object)) == FP_ZERO;
    case HP_FIELD_BOOL:
        return !get_bool(f, object);
    case HP_FIELD_STATUS:
        return false;
    case HP_FIELD_MAP:
        return shape_is_zero(f->sub, field_at(f, object));
    case HP_FIELD_OPT_MAP:
        return get_ptr(f, object) == NULL;
    case HP_FIELD_LIST:
    case HP_FIELD_STRS:
        return get_list(f, object).count == 0;
    }
    return false;
}

static bool shape_is_zero(const struct hp_shape *shape, const void *object)
{
    for (size_t i = 0; i < shape->count; i++)
        if (!field_is_zero(&shape->fields[i], object))
            return false;
    return true;
}

bool hp_field_is_empty(const struct hp_field *field, const void *object)
{
    if (field->flags & HP_FLAG_SKIP_EMPTY)
        return field_is_zero(field, object);
    switch (field->kind) {
    case HP_FIELD_STR:
        return get_str(field, object) == NULL;
    case HP_FIELD_BYTES:
        return get_bytes(field, object).data == NULL;
    case HP_FIELD_OPT_MAP:
        return get_ptr(field, object) == NULL;
    default:
        return false;
    }
}

const struct hp_field *hp_shape_field(const struct hp_shape *shape, const char *key, size_t len)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct hp_field *f = &shape->fields[i];
        if (strlen(f->key) == len && memcmp(f->key, key, len) == 0)
            return f;
    }
    return NULL;
}

/* --- Walking ---------------------------------------------------------------------------------- */

static void walk_map(const struct hp_shape *shape, const char *key, const void *object,
                     const struct hp_sink *sink, void *ctx);

static void walk_list(const struct hp_field *f, const void *object, const struct hp_sink *sink, void *ctx)
{
    struct hp_list list = get_list(f, object);
    sink->list(ctx, f->key, list.count);
    for (size_t i = 0; i < list.count; i++)
        walk_map(f->sub, NULL, (const char *)list.items + i * f->sub->size, sink, ctx);
    sink->end(ctx);
}

static void walk_strs(const struct hp_field *f, const void *object, const struct hp_sink *sink, void *ctx)
{
    struct hp_list list = get_list(f, object);
    const char *const *items = list.items;
    sink->list(ctx, f->key, list.count);
    for (size_t i = 0; i < list.count; i++) {
        const char *s = items[i] != NULL ? items[i] : "";
        sink->string(ctx, NULL, s, strlen(s));
    }
    sink->end(ctx);
}

static void walk_field(const struct hp_field *f, const void *object, const struct hp_sink *sink, void *ctx)
{
    switch (f->kind) {
    case HP_FIELD_STR: {
        const char *s = get_str(f, object);
        sink->string(ctx, f->key, s, strlen(s));
        break;
    }
    case HP_FIELD_BYTES: {
        struct hp_bytes bytes = get_bytes(f, object);
        sink->string(ctx, f->key, bytes.data, bytes.len);
        break;
    }
    case HP_FIELD_COUNT:
        if (get_int(f, object) == HP_UNKNOWN) {
            sink->string(ctx, f->key, UNKNOWN_WORD, sizeof UNKNOWN_WORD - 1);
            break;
        }
        /* fall through */
    case HP_FIELD_INT:
        sink->integer(ctx, f->key, get_int(f, object));
        break;
    case HP_FIELD_NUM: {
        double value = get_num(f, object);
        sink->number(ctx, f->key, isfinite(value) ? value : 0);
        break;
    }
    case HP_FIELD_BOOL:
        sink->boolean(ctx, f->key, get_bool(f, object));
        break;
    case HP_FIELD_STATUS: {
        const char *word = hp_status_info(get_status(f, object))->word;
        sink->string(ctx, f->key, word, strlen(word));
        break;
    }
    case HP_FIELD_MAP:
        walk_map(f->sub, f->key, field_at(f, object), sink, ctx);
        break;
    case HP_FIELD_OPT_MAP:
        walk_map(f->sub, f->key, get_ptr(f, object), sink, ctx);
        break;
    case HP_FIELD_LIST:
        walk_list(f, object, sink, ctx);
        break;
    case HP_FIELD_STRS:
        walk_strs(f, object, sink, ctx);
        break;
    }
}

static void walk_map(const struct hp_shape *shape, const char *key, const void *object,
                     const struct hp_sink *sink, void *ctx)
{
    size_t count = 0;
    for (size_t i = 0; i < shape->count; i++)
        count += !hp_field_is_empty(&shape->fields[i], object);
    sink->map(ctx, key, count);
    for (size_t i = 0; i < shape->count; i++)
        if (!hp_field_is_empty(&shape->fields[i], object))
            walk_field(&shape->fields[i], object, sink, ctx);
    sink->end(ctx);
}

void hp_shape_walk(const struct hp_shape *shape, const void *object, const struct hp_sink *sink, void *ctx)
{
    walk_map(shape, NULL, object, sink, ctx);
}

/* --- Setting ---------------------------------------------------------------------------------- */

static void put(const struct hp_field *f, void *object, const void *value, size_t size)
{
    memcpy(field_slot(f, object), value, size);
}

static enum hp_put put_bytes(const struct hp_field *f, void *object, struct hp_arena *a, const char *s,
                             size_t len)
{
    struct hp_bytes bytes = {hp_arena_strn(a, s, len), len};
    if (!hp_arena_failed(a))
        put(f, object, &bytes, sizeof bytes);
    return HP_PUT_OK;
}

static enum hp_put put_status(const struct hp_field *f, void *object, const char *s, size_t len)
{
    for (int i = 0; i < HP_STATUS_COUNT; i++) {
        enum hp_status status = (enum hp_status)i;
        const char *word = hp_status_info(status)->word;
        if (strlen(word) == len && memcmp(word, s, len) == 0) {
            put(f, object, &status, sizeof status);
            return HP_PUT_OK;
        }
    }
    return HP_PUT_VALUE;
}

static bool has_nul(const char *s, size_t len)
{
    return len != 0 && memchr(s, '\0', len) != NULL;
}

enum hp_put hp_field_put_string(const struct hp_field *f, void *object, struct hp_arena *a, const char *s,
                                size_t len)
{
    if (f->kind == HP_FIELD_STR) {
        if (has_nul(s, len))
            return HP_PUT_VALUE;
        const char *copy = hp_arena_strn(a, s, len);
        put(f, object, &copy, sizeof copy);
        return HP_PUT_OK;
    }
    if (f->kind == HP_FIELD_BYTES)
        return put_bytes(f, object, a, s, len);
    if (f->kind == HP_FIELD_STATUS)
        return put_status(f, object, s, len);
    if (f->kind == HP_FIELD_COUNT) {
        bool known = len == sizeof UNKNOWN_WORD - 1 && memcmp(s, UNKNOWN_WORD, len) == 0;
        return known ? hp_field_put_integer(f, object, HP_UNKNOWN) : HP_PUT_VALUE;
    }
    return HP_PUT_TYPE;
}

enum hp_put hp_field_put_integer(const struct hp_field *f, void *object, int64_t value)
{
    if (f->kind == HP_FIELD_INT || f->kind == HP_FIELD_COUNT) {
        put(f, object, &value, sizeof value);
        return HP_PUT_OK;
    }
    return hp_field_put_number(f, object, (double)value);
}

enum hp_put hp_field_put_number(const struct hp_field *f, void *object, double value)
{
    if (f->kind != HP_FIELD_NUM)
        return HP_PUT_TYPE;
    if (!isfinite(value))
        return HP_PUT_VALUE;
    put(f, object, &value, sizeof value);
    return HP_PUT_OK;
}

enum hp_put hp_field_put_boolean(const struct hp_field *f, void *object, bool value)
{
    if (f->kind != HP_FIELD_BOOL)
        return HP_PUT_TYPE;
    put(f, object, &value, sizeof value);
    return HP_PUT_OK;
}

enum hp_put hp_field_put_item(const struct hp_field *f, void *object, struct hp_arena *a, const char *s,
                              size_t len)
{
    if (f->kind != HP_FIELD_STRS)
        return HP_PUT_TYPE;
    if (has_nul(s, len))
        return HP_PUT_VALUE;
    const char *copy = hp_arena_strn(a, s, len);
    const char **item = hp_list_push(a, field_slot(f, object), sizeof *item);
    if (item != NULL)
        *item = copy;
    return HP_PUT_OK;
}

void *hp_field_put_struct(const struct hp_field *f, void *object, struct hp_arena *a)
{
    if (f->kind == HP_FIELD_MAP)
        return field_slot(f, object);
    if (f->kind == HP_FIELD_LIST)
        return hp_list_push(a, field_slot(f, object), f->sub->size);
    if (f->kind != HP_FIELD_OPT_MAP)
        return NULL;
    void *sub = hp_arena_alloc(a, f->sub->size);
    if (sub != NULL)
        put(f, object, &sub, sizeof sub);
    return sub;
}

const char *hp_field_wants(const struct hp_field *f)
{
    switch (f->kind) {
    case HP_FIELD_STR:
    case HP_FIELD_BYTES:
        return "a string";
    case HP_FIELD_INT:
        return "an integer";
    case HP_FIELD_NUM:
        return "a number";
    case HP_FIELD_BOOL:
        return "a boolean";
    case HP_FIELD_COUNT:
        return "an integer or \"unknown\"";
    case HP_FIELD_STATUS:
        return "a status word";
    case HP_FIELD_MAP:
    case HP_FIELD_OPT_MAP:
        return "a map";
    case HP_FIELD_LIST:
        return "a list of maps";
    case HP_FIELD_STRS:
        return "a list of strings";
    }
    return "";
}
