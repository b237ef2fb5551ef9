/* hotpatch engine: trees of prototypes, read from the 5.4 dump; the contract is in prototype.h. Written:
 * prototype_encode.c.
 *
 * The format (5.4.0 to 5.4.6): a header that fixes the sizes of numbers, one byte with the count of the main
 * function's upvalues, then the function: source, lines, parameters, code, constants, upvalues, nested
 * functions, debug information. Counts are big-endian groups of 7 bits, the last one marked by its high bit;
 * a string is its length plus one, then its bytes; numbers are in the machine's own byte order.
 */
#include "prototype.h"

#include <limits.h>
#include <string.h>

#include "prototype_body.h"

/* Lua's parser stops at 200 nested C calls, so its functions never nest deeper. */
#define MAX_NESTING 200

static const uint8_t PROLOGUE[] = HP_DUMP_PROLOGUE;

struct reader {
    const uint8_t *at, *end;
    struct hp_prototype_tree *tree;
    enum hp_status status; /* the first failure stays; afterwards nothing is left to read */
};

static void fail(struct reader *r, enum hp_status status)
{
    if (r->status == HP_OK)
        r->status = status;
    r->at = r->end;
}

static void read_bytes(struct reader *r, void *out, size_t len)
{
    if ((size_t)(r->end - r->at) < len) {
        memset(out, 0, len);
        fail(r, HP_MALFORMED);
        return;
    }
    memcpy(out, r->at, len);
    r->at += len;
}

static uint8_t read_byte(struct reader *r)
{
    uint8_t byte;
    read_bytes(r, &byte, 1);
    return byte;
}

static uint64_t read_size(struct reader *r)
{
    uint64_t x = 0;
    uint8_t byte;
    do {
        byte = read_byte(r);
        if (x >> 57 != 0)
            fail(r, HP_MALFORMED);
        x = x << 7 | (byte & 0x7f);
    } while ((byte & 0x80) == 0 && r->status == HP_OK);
    return r->status == HP_OK ? x : 0;
}

static int read_int(struct reader *r)
{
    uint64_t x = read_size(r);
    if (x > INT_MAX) {
        fail(r, HP_MALFORMED);
        return 0;
    }
    return (int)x;
}

/* A list's count, of which each item takes at least `item_size` bytes of the dump; so memory is bounded by
 * the bytes present. */
static size_t read_count(struct reader *r, size_t item_size)
{
    size_t n = (size_t)read_int(r);
    if (n > (size_t)(r->end - r->at) / item_size) {
        fail(r, HP_MALFORMED);
        return 0;
    }
    return n;
}

/* Zeroed items for a list whose count is known; NULL for none and after a failure. */
static void *read_items(struct reader *r, size_t *count, size_t item_size)
{
    void *items = *count != 0 ? hp_arena_alloc(&r->tree->arena, *count * item_size) : NULL;
    if (items == NULL && *count != 0) {
        *count = 0;
        fail(r, HP_NO_MEMORY);
    }
    return items;
}

/* Fills list->items, count and cap; loops over the items follow. */
#define READ_LIST(r, list, n)                                                                                \
    do {                                                                                                     \
        (list)->count = (n);                                                                                 \
        (list)->items = read_items((r), &(list)->count, sizeof *(list)->items);                              \
        (list)->cap = (list)->count;                                                                         \
    } while (0)

static struct hp_bytes read_string(struct reader *r)
{
    struct hp_bytes s = {NULL, 0};
    uint64_t size = read_size(r);
    if (size == 0)
        return s;
    size--;
    if (size > (uint64_t)(r->end - r->at)) {
        fail(r, HP_MALFORMED);
        return s;
    }
    s.data = hp_arena_strn(&r->tree->arena, (const char *)r->at, (size_t)size);
    s.len = (size_t)size;
    r->at += size;
    if (hp_arena_failed(&r->tree->arena)) {
        s.len = 0;
        fail(r, HP_NO_MEMORY);
    }
    return s;
}

static void read_code(struct reader *r, struct hp_prototype_body *body)
{
    size_t n = read_count(r, sizeof(uint32_t));
    READ_LIST(r, &body->code, n);
    if (body->code.count != 0)
        read_bytes(r, body->code.items, body->code.count * sizeof(uint32_t));
}

static void read_constants(struct reader *r, struct hp_prototype_body *body)
{
    size_t n = read_count(r, 1);
    READ_LIST(r, &body->constants, n);
    for (size_t i = 0; i < body->constants.count && r->status == HP_OK; i++) {
        struct hp_constant *k = &body->constants.items[i];
        k->tag = read_byte(r);
        switch (k->tag) {
        case HP_CONSTANT_NIL:
        case HP_CONSTANT_FALSE:
        case HP_CONSTANT_TRUE:
            break;
        case HP_CONSTANT_INTEGER:
        case HP_CONSTANT_FLOAT:
            read_bytes(r, &k->bits, sizeof k->bits);
            break;
        case HP_CONSTANT_SHORT:
        case HP_CONSTANT_LONG:
            k->string = read_string(r);
            if (k->string.data == NULL)
                fail(r, HP_MALFORMED);
            break;
        default:
            fail(r, HP_MALFORMED);
        }
    }
}

static void read_upvalues(struct reader *r, struct hp_prototype *p)
{
    size_t n = read_count(r, 3);
    if (n > UCHAR_MAX) {
        fail(r, HP_MALFORMED);
        n = 0;
    }
    READ_LIST(r, &p->upvalues, n);
    for (size_t i = 0; i < p->upvalues.count; i++) {
        struct hp_upvalue *u = &p->upvalues.items[i];
        u->instack = read_byte(r);
        u->index = read_byte(r);
        u->kind = read_byte(r);
    }
}

static void read_debug(struct reader *r, struct hp_prototype *p, struct hp_prototype_body *body)
{
    size_t n = read_count(r, 1);
    READ_LIST(r, &body->line_steps, n);
    if (body->line_steps.count != 0)
        read_bytes(r, body->line_steps.items, body->line_steps.count);
    if (n != 0 && n != body->code.count)
        fail(r, HP_MALFORMED);
    n = read_count(r, 2);
    READ_LIST(r, &body->absolute_lines, n);
    for (size_t i = 0; i < body->absolute_lines.count; i++) {
        body->absolute_lines.items[i].pc = (uint32_t)read_int(r);
        body->absolute_lines.items[i].line = (uint32_t)read_int(r);
    }
    n = read_count(r, 3);
    READ_LIST(r, &body->locals, n);
    for (size_t i = 0; i < body->locals.count; i++) {
        body->locals.items[i].name = read_string(r).data;
        body->locals.items[i].start = (uint32_t)read_int(r);
        body->locals.items[i].end = (uint32_t)read_int(r);
    }
    n = read_count(r, 1);
    if (n != 0 && n != p->upvalues.count) {
        fail(r, HP_MALFORMED);
        return;
    }
    body->has_upvalue_names = n != 0;
    for (size_t i = 0; i < n; i++)
        p->upvalues.items[i].name = read_string(r).data;
}

/* Reads one function and what is nested in it; returns its id. The prototype is filled in aside, since the
 * list of prototypes moves as nested ones are added. Recursion is bounded by MAX_NESTING. */
static uint32_t read_function(struct reader *r, uint32_t parent, struct hp_bytes parent_source, int depth)
{
    struct hp_prototype_body *body = hp_arena_alloc(&r->tree->arena, sizeof *body);
    if (body == NULL || HP_PUSH(&r->tree->arena, &r->tree->prototypes) == NULL) {
        fail(r, HP_NO_MEMORY);
        return HP_NO_PROTOTYPE;
    }
    if (depth > MAX_NESTING)
        fail(r, HP_MALFORMED);
    struct hp_prototype p = {.id = (uint32_t)(r->tree->prototypes.count - 1), .parent = parent, .body = body};
    p.created_at = UINT32_MAX;
    body->source = read_string(r);
    if (body->source.data == NULL)
        body->source = parent_source;
    p.source = body->source.data;
    p.line = read_int(r);
    p.last_line = read_int(r);
    p.parameters = read_byte(r);
    body->vararg = read_byte(r);
    p.vararg = body->vararg != 0;
    body->max_stack = read_byte(r);
    read_code(r, body);
    read_constants(r, body);
    read_upvalues(r, &p);
    size_t n = read_count(r, 14);
    READ_LIST(r, &p.nested, n);
    for (size_t i = 0; i < p.nested.count && r->status == HP_OK; i++)
        p.nested.items[i] = read_function(r, p.id, body->source, depth + 1);
    read_debug(r, &p, body);
    r->tree->prototypes.items[p.id] = p;
    return p.id;
}

static void read_header(struct reader *r)
{
    size_t present = (size_t)(r->end - r->at);
    size_t compared = present < sizeof PROLOGUE ? present : sizeof PROLOGUE;
    if (memcmp(r->at, PROLOGUE, compared) != 0) {
        fail(r, HP_UNSUPPORTED);
        return;
    }
    uint8_t prologue[sizeof PROLOGUE];
    int64_t integer;
    double number;
    read_bytes(r, prologue, sizeof prologue);
    read_bytes(r, &integer, sizeof integer);
    read_bytes(r, &number, sizeof number);
    const double expected = HP_DUMP_PROBE_FLOAT;
    if (r->status == HP_OK &&
        (integer != HP_DUMP_PROBE_INTEGER || memcmp(&number, &expected, sizeof number) != 0))
        fail(r, HP_UNSUPPORTED);
}

enum hp_status hp_prototypes_parse(struct hp_prototype_tree *tree, const void *data, size_t len)
{
    *tree = (struct hp_prototype_tree){0};
    hp_arena_init(&tree->arena);
    if (data == NULL || len == 0)
        return HP_MALFORMED;
    struct reader r = {.at = data, .end = (const uint8_t *)data + len, .tree = tree, .status = HP_OK};
    read_header(&r);
    uint8_t upvalues = read_byte(&r);
    if (r.status == HP_OK)
        read_function(&r, HP_NO_PROTOTYPE, (struct hp_bytes){NULL, 0}, 0);
    if (r.status == HP_OK && (r.at != r.end || tree->prototypes.items[0].upvalues.count != upvalues))
        fail(&r, HP_MALFORMED);
    if (r.status == HP_OK) {
        tree->stripped = tree->prototypes.items[0].body->line_steps.count == 0;
        hp_prototypes_fingerprint(tree);
        hp_prototypes_name(tree);
        if (hp_arena_failed(&tree->arena))
            fail(&r, HP_NO_MEMORY);
    }
    if (r.status != HP_OK)
        hp_prototypes_fini(tree);
    return r.status;
}

void hp_prototypes_fini(struct hp_prototype_tree *tree)
{
    hp_arena_fini(&tree->arena);
    *tree = (struct hp_prototype_tree){0};
}
