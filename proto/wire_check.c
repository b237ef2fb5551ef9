/* hotpatch: a look at msgpack bytes that allocates nothing and believes nothing; the contract is in wire.h.
 *
 * Iterative: nesting is an array of HP_MAX_DEPTH counters, so no message can exhaust the stack. */
#include "wire.h"

#include <string.h>

#include "protocol.h"

enum item_type {
    ITEM_NIL,
    ITEM_BOOL,
    ITEM_UINT,
    ITEM_INT,
    ITEM_FLOAT,
    ITEM_STR,
    ITEM_BLOB,
    ITEM_LIST,
    ITEM_MAP
};

/* One msgpack item; of a container only its header. */
struct item {
    enum item_type type;
    uint64_t count;   /* of STR, BLOB: bytes; LIST: items; MAP: pairs */
    uint64_t bits;    /* UINT, INT: the value, as two's complement */
    const char *body; /* STR */
};

/* Where we are in the message. Errors are sticky. */
struct cursor {
    const unsigned char *at;
    const unsigned char *end;
    size_t values; /* items seen */
    enum hp_status status;
    const char *error;
};

static bool fail(struct cursor *c, enum hp_status status, const char *error)
{
    if (c->status == HP_OK) {
        c->status = status;
        c->error = error;
    }
    return false;
}

static size_t left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* Big-endian, `size` bytes (0: none, value 0). */
static bool read_number(struct cursor *c, size_t size, uint64_t *value)
{
    if (left(c) < size)
        return fail(c, HP_MALFORMED, "the message ends early");
    *value = 0;
    for (size_t i = 0; i < size; i++)
        *value = *value << 8 | *c->at++;
    return true;
}

static uint64_t sign_extend(uint64_t value, size_t size)
{
    unsigned shift = (unsigned)(64 - 8 * size);
    uint64_t sign = UINT64_C(1) << (63 - shift);
    return (value ^ sign) - sign;
}

/* An item of which `size` bytes of count follow, and then `extra` bytes and the body. */
static bool read_body(struct cursor *c, struct item *item, enum item_type type, size_t size, size_t extra)
{
    item->type = type;
    if (size != 0 && !read_number(c, size, &item->count))
        return false;
    if (item->count > left(c) || item->count + extra > left(c))
        return fail(c, HP_MALFORMED, "a string is declared longer than the message");
    c->at += extra;
    item->body = (const char *)c->at;
    c->at += item->count;
    return true;
}

/* A container, whose children each take at least one byte. */
static bool read_container(struct cursor *c, struct item *item, enum item_type type, size_t size)
{
    item->type = type;
    if (size != 0 && !read_number(c, size, &item->count))
        return false;
    uint64_t children = type == ITEM_MAP ? item->count * 2 : item->count;
    if (children > left(c))
        return fail(c, HP_MALFORMED, "a list or map is declared longer than the message");
    return true;
}

/* The first bytes c0 to df, each a type of its own. */
static bool read_long_form(struct cursor *c, struct item *item, unsigned char first)
{
    switch (first) {
    case 0xc0:
        item->type = ITEM_NIL;
        return true;
    case 0xc2:
    case 0xc3:
        item->type = ITEM_BOOL;
        return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return read_body(c, item, ITEM_BLOB, (size_t)1 << (first - 0xc4), 0);
    case 0xc7:
    case 0xc8:
    case 0xc9: /* ext: a type byte before the body */
        return read_body(c, item, ITEM_BLOB, (size_t)1 << (first - 0xc7), 1);
    case 0xca:
    case 0xcb:
        item->type = ITEM_FLOAT;
        return read_number(c, (size_t)4 << (first - 0xca), &item->bits);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        item->type = ITEM_UINT;
        return read_number(c, (size_t)1 << (first - 0xcc), &item->bits);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: {
        size_t size = (size_t)1 << (first - 0xd0);
        item->type = ITEM_INT;
        bool good = read_number(c, size, &item->bits);
        item->bits = sign_extend(item->bits, size);
        return good;
    }
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8: /* ext of 1, 2, 4, 8, 16 bytes */
        item->count = UINT64_C(1) << (first - 0xd4);
        return read_body(c, item, ITEM_BLOB, 0, 1);
    case 0xd9:
    case 0xda:
    case 0xdb:
        return read_body(c, item, ITEM_STR, (size_t)1 << (first - 0xd9), 0);
    case 0xdc:
    case 0xdd:
        return read_container(c, item, ITEM_LIST, (size_t)2 << (first - 0xdc));
    case 0xde:
    case 0xdf:
        return read_container(c, item, ITEM_MAP, (size_t)2 << (first - 0xde));
    default: /* 0xc1, which msgpack leaves out */
        return fail(c, HP_MALFORMED, "a byte that starts no msgpack value");
    }
}

static bool read_item(struct cursor *c, struct item *item)
{
    *item = (struct item){.type = ITEM_NIL};
    uint64_t byte = 0;
    if (c->status != HP_OK || !read_number(c, 1, &byte))
        return false;
    if (++c->values > HP_MAX_VALUES)
        return fail(c, HP_LIMIT, "the message has too many values");
    unsigned char first = (unsigned char)byte;
    if (first < 0x80) {
        item->type = ITEM_UINT;
        item->bits = first;
        return true;
    }
    if (first < 0x90) {
        item->count = first & 0x0fu;
        return read_container(c, item, ITEM_MAP, 0);
    }
    if (first < 0xa0) {
        item->count = first & 0x0fu;
        return read_container(c, item, ITEM_LIST, 0);
    }
    if (first < 0xc0) {
        item->count = first & 0x1fu;
        return read_body(c, item, ITEM_STR, 0, 0);
    }
    if (first < 0xe0)
        return read_long_form(c, item, first);
    item->type = ITEM_INT;
    item->bits = sign_extend(first, 1);
    return true;
}

/* A container that has been entered: how many children are still to come. In a map, an even number means a
 * key is next. */
struct level {
    uint64_t children;
    bool is_map;
};

/* Skips one whole value, checking it; `item` gets its header. */
static bool skip_value(struct cursor *c, struct item *top)
{
    struct level levels[HP_MAX_DEPTH];
    size_t depth = 0;
    bool first = true;
    do {
        struct item item;
        if (!read_item(c, &item))
            return false;
        if (depth != 0) {
            struct level *level = &levels[depth - 1];
            if (level->is_map && level->children % 2 == 0 && item.type != ITEM_STR)
                return fail(c, HP_MALFORMED, "a key is not a string");
            level->children--;
        }
        if (item.type == ITEM_LIST || item.type == ITEM_MAP) {
            if (depth == HP_MAX_DEPTH)
                return fail(c, HP_LIMIT, "the message is nested too deeply");
            bool is_map = item.type == ITEM_MAP;
            levels[depth++] = (struct level){is_map ? item.count * 2 : item.count, is_map};
        }
        while (depth != 0 && levels[depth - 1].children == 0)
            depth--;
        if (first) {
            *top = item;
            first = false;
        }
    } while (depth != 0);
    return true;
}

static struct cursor cursor_over(const char *data, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)(len != 0 ? data : "");
    return (struct cursor){.at = bytes, .end = bytes + len, .status = HP_OK};
}

enum hp_status hp_wire_check(const char *data, size_t len, const char **error)
{
    struct cursor c = cursor_over(data, len);
    struct item root;
    if (len > HP_MAX_MESSAGE) {
        fail(&c, HP_LIMIT, "the message is larger than the protocol allows");
    } else if (len == 0) {
        fail(&c, HP_MALFORMED, "the message is empty");
    } else if (skip_value(&c, &root)) {
        if (root.type != ITEM_MAP)
            fail(&c, HP_MALFORMED, "the message is not a map");
        else if (left(&c) != 0)
            fail(&c, HP_MALFORMED, "there are bytes after the message");
    }
    if (c.status != HP_OK)
        *error = c.error;
    return c.status;
}

static bool key_is(const struct item *key, const char *word)
{
    return key->type == ITEM_STR && key->count == strlen(word) && memcmp(key->body, word, strlen(word)) == 0;
}

static void note_protocol(struct hp_wire_head *head, const struct item *value)
{
    bool fits = value->type == ITEM_INT || (value->type == ITEM_UINT && value->bits <= INT64_MAX);
    if (fits && !head->has_protocol) {
        head->has_protocol = true;
        memcpy(&head->protocol, &value->bits, sizeof head->protocol);
    }
}

static void note_id(struct hp_wire_head *head, const struct item *value)
{
    bool good = value->type == ITEM_STR && value->count >= 1 && value->count <= HP_MAX_ID &&
                memchr(value->body, '\0', (size_t)value->count) == NULL;
    if (good && head->id == NULL) {
        head->id = value->body;
        head->id_len = (size_t)value->count;
    }
}

/* Goes as far as the bytes can be understood, so that most broken messages can be answered with their id. */
void hp_wire_read_head(const char *data, size_t len, struct hp_wire_head *head)
{
    *head = (struct hp_wire_head){0};
    struct cursor c = cursor_over(data, len);
    struct item root;
    /* not read_item: a truncated message declares more than there is, and its first keys are of use all the
     * same */
    uint64_t byte = 0;
    if (!read_number(&c, 1, &byte))
        return;
    if (byte >= 0x80 && byte < 0x90) {
        root.count = byte & 0x0fu;
    } else if (byte == 0xde || byte == 0xdf) {
        if (!read_number(&c, (size_t)2 << (byte - 0xde), &root.count))
            return;
    } else {
        return;
    }
    for (uint64_t i = 0; i < root.count; i++) {
        struct item key;
        struct item value;
        if (!skip_value(&c, &key) || !skip_value(&c, &value))
            return;
        if (key_is(&key, "protocol"))
            note_protocol(head, &value);
        else if (key_is(&key, "id"))
            note_id(head, &value);
    }
}
