/* hotpatch: structs to msgpack and back; the contract is in wire.h. The only file that includes msgpack.h. */
#include "wire.h"

#include <msgpack.h>
#include <string.h>

#include "buf.h"
#include "protocol.h"

/* --- Encoding: a sink of hp_shape_walk -------------------------------------------------------- */

struct encoder {
    msgpack_packer packer;
    struct hp_buf *buf;
    size_t values; /* as the reader's check will count them */
};

static int write_bytes(void *ctx, const char *bytes, size_t len)
{
    struct hp_buf *buf = ctx;
    hp_buf_append(buf, bytes, len);
    return buf->status == HP_OK ? 0 : -1;
}

static void count_value(struct encoder *e)
{
    if (++e->values > HP_MAX_VALUES && e->buf->status == HP_OK)
        e->buf->status = HP_LIMIT;
}

static void pack_text(struct encoder *e, const char *s, size_t len)
{
    count_value(e);
    if (len > HP_MAX_MESSAGE && e->buf->status == HP_OK)
        e->buf->status = HP_LIMIT; /* msgpack-c would cut the length to 32 bits */
    msgpack_pack_str(&e->packer, len);
    msgpack_pack_str_body(&e->packer, s, len);
}

static void pack_key(struct encoder *e, const char *key)
{
    if (key != NULL)
        pack_text(e, key, strlen(key));
}

static void encode_map(void *ctx, const char *key, size_t count)
{
    struct encoder *e = ctx;
    pack_key(e, key);
    count_value(e);
    msgpack_pack_map(&e->packer, count);
}

static void encode_list(void *ctx, const char *key, size_t count)
{
    struct encoder *e = ctx;
    pack_key(e, key);
    count_value(e);
    msgpack_pack_array(&e->packer, count);
}

static void encode_end(void *ctx)
{
    (void)ctx; /* msgpack says the count beforehand */
}

static void encode_string(void *ctx, const char *key, const char *s, size_t len)
{
    pack_key(ctx, key);
    pack_text(ctx, s, len);
}

static void encode_integer(void *ctx, const char *key, int64_t value)
{
    struct encoder *e = ctx;
    pack_key(e, key);
    count_value(e);
    msgpack_pack_int64(&e->packer, value);
}

static void encode_number(void *ctx, const char *key, double value)
{
    struct encoder *e = ctx;
    pack_key(e, key);
    count_value(e);
    msgpack_pack_double(&e->packer, value);
}

static void encode_boolean(void *ctx, const char *key, bool value)
{
    struct encoder *e = ctx;
    pack_key(e, key);
    count_value(e);
    if (value)
        msgpack_pack_true(&e->packer);
    else
        msgpack_pack_false(&e->packer);
}

static const struct hp_sink encoder_sink = {
    .map = encode_map,
    .list = encode_list,
    .end = encode_end,
    .string = encode_string,
    .integer = encode_integer,
    .number = encode_number,
    .boolean = encode_boolean,
};

static void encode_into(struct hp_buf *buf, const struct hp_shape *shape, const void *object)
{
    struct encoder e = {.buf = buf};
    msgpack_packer_init(&e.packer, buf, write_bytes);
    hp_shape_walk(shape, object, &encoder_sink, &e);
}

enum hp_status hp_wire_encode(const struct hp_shape *shape, const void *object, char **data, size_t *len)
{
    struct hp_buf buf;
    hp_buf_init(&buf, HP_MAX_MESSAGE);
    encode_into(&buf, shape, object);
    enum hp_status status = hp_buf_take(&buf, data, len);
    hp_buf_fini(&buf);
    return status;
}

size_t hp_wire_encode_fixed(const struct hp_shape *shape, const void *object, char *buf, size_t size)
{
    struct hp_buf b;
    hp_buf_init_fixed(&b, buf, size);
    encode_into(&b, shape, object);
    return b.status == HP_OK ? b.len : 0;
}

/* --- Decoding --------------------------------------------------------------------------------- */

struct decoder {
    struct hp_arena *arena;
    enum hp_status status; /* sticky */
    const char *error;
};

/* Where in the message a value stands, for the sentence of an error: a chain on the C stack, innermost first.
 */
struct place {
    const struct place *up; /* NULL: this is the message itself */
    const char *key;
    size_t item; /* number in the list `key`, from 0; NO_ITEM: the value of `key` itself */
};
#define NO_ITEM SIZE_MAX

static const char *place_text(struct hp_arena *a, const struct place *p)
{
    const char *up = p->up != NULL && p->up->key != NULL ? place_text(a, p->up) : "";
    const char *dot = up[0] != '\0' ? "." : "";
    if (p->item == NO_ITEM)
        return hp_arena_printf(a, "%s%s%s", up, dot, p->key);
    return hp_arena_printf(a, "%s%s%s[%zu]", up, dot, p->key, p->item);
}

static void decode_fail(struct decoder *d, enum hp_status status, const struct place *p, const char *what,
                        const char *wanted)
{
    if (d->status == HP_OK) {
        d->status = status;
        d->error = hp_arena_printf(d->arena, "the key \"%s\" %s%s", place_text(d->arena, p), what, wanted);
    }
}

static bool decode_good(const struct decoder *d)
{
    return d->status == HP_OK && !hp_arena_failed(d->arena);
}

static void decode_put(struct decoder *d, enum hp_put put, const struct hp_field *f, const struct place *p)
{
    if (put == HP_PUT_TYPE)
        decode_fail(d, HP_MALFORMED, p, "must be ", hp_field_wants(f));
    else if (put == HP_PUT_VALUE)
        decode_fail(d, HP_MALFORMED, p, "has a value that is not allowed: it must be ", hp_field_wants(f));
}

static void decode_map(struct decoder *d, const struct hp_shape *shape, void *object,
                       const msgpack_object_map *map, const struct place *place);

static bool has_room(struct decoder *d, const struct hp_field *f, const msgpack_object_array *list,
                     const struct place *place)
{
    if (f->max_items != 0 && list->size > f->max_items)
        decode_fail(d, HP_LIMIT, place, "has too many items", "");
    return decode_good(d);
}

static void decode_strs(struct decoder *d, const struct hp_field *f, void *object,
                        const msgpack_object_array *list, const struct place *place)
{
    for (uint32_t i = 0; has_room(d, f, list, place) && i < list->size; i++) {
        const msgpack_object *o = &list->ptr[i];
        struct place item = {place->up, place->key, i};
        if (o->type == MSGPACK_OBJECT_STR)
            decode_put(d, hp_field_put_item(f, object, d->arena, o->via.str.ptr, o->via.str.size), f, &item);
        else
            decode_fail(d, HP_MALFORMED, &item, "must be ", "a string");
    }
}

static void decode_list(struct decoder *d, const struct hp_field *f, void *object,
                        const msgpack_object_array *list, const struct place *place)
{
    for (uint32_t i = 0; has_room(d, f, list, place) && i < list->size; i++) {
        const msgpack_object *o = &list->ptr[i];
        struct place item = {place->up, place->key, i};
        if (o->type != MSGPACK_OBJECT_MAP) {
            decode_fail(d, HP_MALFORMED, &item, "must be ", "a map");
            return;
        }
        void *sub = hp_field_put_struct(f, object, d->arena);
        if (sub != NULL)
            decode_map(d, f->sub, sub, &o->via.map, &item);
    }
}

static void decode_container(struct decoder *d, const struct hp_field *f, void *object,
                             const msgpack_object *o, const struct place *place)
{
    bool is_map = f->kind == HP_FIELD_MAP || f->kind == HP_FIELD_OPT_MAP;
    if (o->type == MSGPACK_OBJECT_MAP && is_map) {
        void *sub = hp_field_put_struct(f, object, d->arena);
        if (sub != NULL)
            decode_map(d, f->sub, sub, &o->via.map, place);
    } else if (o->type == MSGPACK_OBJECT_ARRAY && f->kind == HP_FIELD_LIST) {
        decode_list(d, f, object, &o->via.array, place);
    } else if (o->type == MSGPACK_OBJECT_ARRAY && f->kind == HP_FIELD_STRS) {
        decode_strs(d, f, object, &o->via.array, place);
    } else {
        decode_put(d, HP_PUT_TYPE, f, place);
    }
}

static void decode_value(struct decoder *d, const struct hp_field *f, void *object, const msgpack_object *o,
                         const struct place *place)
{
    enum hp_put put = HP_PUT_OK;
    switch (o->type) {
    case MSGPACK_OBJECT_NIL: /* as if the key were not there */
        return;
    case MSGPACK_OBJECT_BOOLEAN:
        put = hp_field_put_boolean(f, object, o->via.boolean);
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        if (o->via.u64 > INT64_MAX)
            put = hp_field_put_number(f, object, (double)o->via.u64);
        else
            put = hp_field_put_integer(f, object, (int64_t)o->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        put = hp_field_put_integer(f, object, o->via.i64);
        break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        put = hp_field_put_number(f, object, o->via.f64);
        break;
    case MSGPACK_OBJECT_STR:
        put = hp_field_put_string(f, object, d->arena, o->via.str.ptr, o->via.str.size);
        break;
    case MSGPACK_OBJECT_BIN:
        put = f->kind == HP_FIELD_BYTES
                  ? hp_field_put_string(f, object, d->arena, o->via.bin.ptr, o->via.bin.size)
                  : HP_PUT_TYPE;
        break;
    case MSGPACK_OBJECT_ARRAY:
    case MSGPACK_OBJECT_MAP:
        decode_container(d, f, object, o, place);
        break;
    case MSGPACK_OBJECT_EXT:
    default:
        put = HP_PUT_TYPE;
        break;
    }
    decode_put(d, put, f, place);
}

static void decode_map(struct decoder *d, const struct hp_shape *shape, void *object,
                       const msgpack_object_map *map, const struct place *place)
{
    uint64_t seen = 0; /* by number of the field; no shape has more than 64 (a test says so) */
    for (uint32_t i = 0; i < map->size && decode_good(d); i++) {
        const msgpack_object_str *key = &map->ptr[i].key.via.str; /* hp_wire_check: keys are strings */
        const struct hp_field *f = hp_shape_field(shape, key->ptr, key->size);
        if (f == NULL)
            continue;
        struct place at = {place, f->key, NO_ITEM};
        uint64_t bit = UINT64_C(1) << (f - shape->fields);
        if (seen & bit)
            decode_fail(d, HP_MALFORMED, &at, "comes twice", "");
        else
            decode_value(d, f, object, &map->ptr[i].val, &at);
        seen |= bit;
    }
}

/* The strings of the unpacked objects point into `data`; the zone holds the objects only. */
static void unpack_and_decode(struct decoder *d, const struct hp_shape *shape, void *object, const char *data,
                              size_t len)
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t offset = 0;
    msgpack_unpack_return result = msgpack_unpack_next(&unpacked, data, len, &offset);
    if (result == MSGPACK_UNPACK_NOMEM_ERROR) {
        d->status = HP_NO_MEMORY;
    } else if (result != MSGPACK_UNPACK_SUCCESS || unpacked.data.type != MSGPACK_OBJECT_MAP) {
        d->status = HP_MALFORMED; /* hp_wire_check passed it: the two disagree, believe neither */
        d->error = "the message is not valid msgpack";
    } else {
        struct place root = {NULL, NULL, NO_ITEM};
        decode_map(d, shape, object, &unpacked.data.via.map, &root);
    }
    msgpack_unpacked_destroy(&unpacked);
}

static void put_id(const struct hp_shape *shape, void *object, struct hp_arena *arena,
                   const struct hp_wire_head *head)
{
    const struct hp_field *f = hp_shape_field(shape, "id", 2);
    if (f != NULL && head->id != NULL)
        (void)hp_field_put_string(f, object, arena, head->id, head->id_len);
}

enum hp_status hp_wire_decode(const struct hp_shape *shape, void *object, struct hp_arena *arena,
                              const char *data, size_t len, int64_t *protocol, const char **error)
{
    struct hp_wire_head head;
    hp_wire_read_head(data, len, &head);
    put_id(shape, object, arena, &head);
    *protocol = head.protocol;
    if (head.has_protocol && head.protocol != HP_PROTOCOL_VERSION)
        return HP_VERSION_MISMATCH;
    struct decoder d = {.arena = arena, .status = HP_OK};
    d.status = hp_wire_check(data, len, &d.error);
    if (d.status == HP_OK && !head.has_protocol) {
        d.status = HP_MALFORMED;
        d.error = "the message has no protocol number";
    }
    if (d.status == HP_OK)
        unpack_and_decode(&d, shape, object, data, len);
    if (d.status == HP_NO_MEMORY || hp_arena_failed(arena)) {
        d.status = HP_NO_MEMORY;
        d.error = "memory is short";
    }
    if (d.status != HP_OK)
        *error = d.error;
    return d.status;
}
