/* hotpatch engine: prototypes written as the 5.4 dump; the contract is in prototype.h, the format in
 * prototype.c. */
#include <limits.h>
#include <string.h>

#include "agent/engine/prototype.h"
#include "opcode.h"
#include "prototype_body.h"

struct writer {
    char *data;
    size_t len, cap;
    enum hp_status status; /* the first failure stays; afterwards nothing is written */
    bool tagged;
    uint32_t offset; /* tagged: added to ids */
};

static void write_bytes(struct writer *w, const void *data, size_t len)
{
    if (w->status != HP_OK || len == 0)
        return;
    if (len > w->cap - w->len) {
        size_t cap = w->cap != 0 ? w->cap : 1024;
        while (cap - w->len < len && cap <= SIZE_MAX / 2)
            cap *= 2;
        char *grown = cap - w->len >= len ? hp_mem_realloc(w->data, cap) : NULL;
        if (grown == NULL) {
            w->status = HP_NO_MEMORY;
            return;
        }
        w->data = grown;
        w->cap = cap;
    }
    memcpy(w->data + w->len, data, len);
    w->len += len;
}

static void write_byte(struct writer *w, uint8_t byte)
{
    write_bytes(w, &byte, 1);
}

static void write_size(struct writer *w, uint64_t x)
{
    uint8_t groups[10];
    size_t at = sizeof groups;
    do {
        groups[--at] = x & 0x7f;
        x >>= 7;
    } while (x != 0);
    groups[sizeof groups - 1] |= 0x80;
    write_bytes(w, groups + at, sizeof groups - at);
}

static void write_string(struct writer *w, struct hp_bytes s)
{
    if (s.data == NULL) {
        write_size(w, 0);
        return;
    }
    write_size(w, (uint64_t)s.len + 1);
    write_bytes(w, s.data, s.len);
}

static void write_name(struct writer *w, const char *name)
{
    write_string(w, (struct hp_bytes){name, name != NULL ? strlen(name) : 0});
}

static void write_header(struct writer *w, size_t upvalues)
{
    static const uint8_t prologue[] = HP_DUMP_PROLOGUE;
    const int64_t integer = HP_DUMP_PROBE_INTEGER;
    const double number = HP_DUMP_PROBE_FLOAT;
    write_bytes(w, prologue, sizeof prologue);
    write_bytes(w, &integer, sizeof integer);
    write_bytes(w, &number, sizeof number);
    write_byte(w, (uint8_t)upvalues);
}

static void write_code(struct writer *w, const uint32_t *code, size_t count)
{
    write_size(w, count);
    write_bytes(w, code, count * sizeof *code);
}

static void write_constants(struct writer *w, const struct hp_prototype_body *body)
{
    write_size(w, body->constants.count);
    for (size_t i = 0; i < body->constants.count; i++) {
        const struct hp_constant *k = &body->constants.items[i];
        write_byte(w, k->tag);
        if (k->tag == HP_CONSTANT_INTEGER || k->tag == HP_CONSTANT_FLOAT)
            write_bytes(w, &k->bits, sizeof k->bits);
        else if (k->tag == HP_CONSTANT_SHORT || k->tag == HP_CONSTANT_LONG)
            write_string(w, k->string);
    }
}

static void write_debug(struct writer *w, const struct hp_prototype *p)
{
    const struct hp_prototype_body *body = p->body;
    write_size(w, body->line_steps.count);
    write_bytes(w, body->line_steps.items, body->line_steps.count);
    write_size(w, body->absolute_lines.count);
    for (size_t i = 0; i < body->absolute_lines.count; i++) {
        write_size(w, body->absolute_lines.items[i].pc);
        write_size(w, body->absolute_lines.items[i].line);
    }
    write_size(w, body->locals.count);
    for (size_t i = 0; i < body->locals.count; i++) {
        write_name(w, body->locals.items[i].name);
        write_size(w, body->locals.items[i].start);
        write_size(w, body->locals.items[i].end);
    }
    write_size(w, body->has_upvalue_names ? p->upvalues.count : 0);
    for (size_t i = 0; body->has_upvalue_names && i < p->upvalues.count; i++)
        write_name(w, p->upvalues.items[i].name);
}

/* The line that goes out as last: the prototype's own, or its tag. */
static uint64_t last_line(struct writer *w, const struct hp_prototype *p)
{
    if (!w->tagged)
        return (uint64_t)p->last_line;
    uint64_t tag = (uint64_t)w->offset + p->id;
    if (tag > INT_MAX && w->status == HP_OK)
        w->status = HP_LIMIT;
    return tag;
}

/* What a function captures: its own registers and upvalues, or, for the root of a wrapper, the wrapper's
 * upvalues, each the one of the same index. */
static void write_captures(struct writer *w, const struct hp_prototype *p, bool wrapped)
{
    write_size(w, p->upvalues.count);
    for (size_t i = 0; i < p->upvalues.count; i++) {
        write_byte(w, wrapped ? 0 : p->upvalues.items[i].instack);
        write_byte(w, wrapped ? (uint8_t)i : p->upvalues.items[i].index);
        write_byte(w, p->upvalues.items[i].kind);
    }
}

/* `around`: the source of the enclosing function as written; the same one is left out, as Lua does. */
static void write_function(struct writer *w, const struct hp_prototype_tree *tree, uint32_t id,
                           const char *around, bool wrapped)
{
    const struct hp_prototype *p = &tree->prototypes.items[id];
    const struct hp_prototype_body *body = p->body;
    write_string(w, body->source.data != around ? body->source : (struct hp_bytes){NULL, 0});
    write_size(w, (uint64_t)p->line);
    write_size(w, last_line(w, p));
    write_byte(w, (uint8_t)p->parameters);
    write_byte(w, body->vararg);
    write_byte(w, body->max_stack);
    write_code(w, body->code.items, body->code.count);
    write_constants(w, body);
    write_captures(w, p, wrapped);
    write_size(w, p->nested.count);
    for (size_t i = 0; i < p->nested.count; i++)
        write_function(w, tree, p->nested.items[i], body->source.data, false);
    write_debug(w, p);
}

/* The result of a finished writer; the caller's to free on HP_OK. */
static enum hp_status finish(struct writer *w, char **data, size_t *len)
{
    if (w->status != HP_OK) {
        hp_mem_free(w->data);
        w->data = NULL;
        w->len = 0;
    }
    *data = w->data;
    *len = w->len;
    return w->status;
}

/* The main function around prototype `id`: `return function … end`, with an upvalue for each of the
 * function's. */
static void write_wrapper(struct writer *w, const struct hp_prototype_tree *tree, uint32_t id)
{
    const struct hp_prototype *p = &tree->prototypes.items[id];
    const uint32_t code[] = {
        hp_vm_make_abc(HP_VM_VARARGPREP, 0, 0, 0), hp_vm_make_abx(HP_VM_CLOSURE, 0, 0),
        hp_vm_make_abc(HP_VM_RETURN, 0, 2, 1), /* one value; C: a vararg function of no parameters */
    };
    write_string(w, p->body->source);
    write_size(w, 0); /* lines: as a main function */
    write_size(w, 0);
    write_byte(w, 0); /* parameters */
    write_byte(w, 1); /* vararg */
    write_byte(w, 2); /* registers */
    write_code(w, code, sizeof code / sizeof *code);
    write_size(w, 0); /* constants */
    write_size(w, p->upvalues.count);
    for (size_t i = 0; i < p->upvalues.count; i++) {
        write_byte(w, 1); /* where from: nobody asks a main function */
        write_byte(w, (uint8_t)i);
        write_byte(w, 0);
    }
    write_size(w, 1);
    write_function(w, tree, id, p->body->source.data, true);
    write_size(w, 0); /* lines */
    write_size(w, 0); /* absolute lines */
    write_size(w, 0); /* locals */
    write_size(w, 0); /* upvalue names */
}

enum hp_status hp_prototype_encode(const struct hp_prototype_tree *tree, uint32_t id, char **data,
                                   size_t *len)
{
    struct writer w = {.status = HP_OK};
    write_header(&w, tree->prototypes.items[id].upvalues.count);
    write_wrapper(&w, tree, id);
    return finish(&w, data, len);
}

enum hp_status hp_prototypes_encode_tagged(const struct hp_prototype_tree *tree, uint32_t offset, char **data,
                                           size_t *len)
{
    struct writer w = {.status = HP_OK, .tagged = true, .offset = offset};
    write_header(&w, tree->prototypes.items[0].upvalues.count);
    write_function(&w, tree, 0, NULL, false);
    return finish(&w, data, len);
}
