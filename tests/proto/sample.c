#include "sample.h"

#include <stdio.h>
#include <string.h>

#include "proto/protocol.h"

/* `*serial` counts the values, so that no two are alike. */
static bool fill(const struct hp_shape *shape, void *object, struct hp_arena *a, int *serial);

static void fill_string(const struct hp_field *f, void *object, struct hp_arena *a, int serial, bool item)
{
    char text[64];
    int len = snprintf(text, sizeof text, "%s\xc3\xa9 %d", f->key, serial);
    if (item) {
        hp_field_put_item(f, object, a, text, (size_t)len);
    } else {
        /* one more byte, the NUL, where it is allowed */
        hp_field_put_string(f, object, a, text, (size_t)len + (f->kind == HP_FIELD_BYTES));
    }
}

static bool fill_sub(const struct hp_field *f, void *object, struct hp_arena *a, int *serial)
{
    void *sub = hp_field_put_struct(f, object, a);
    return sub != NULL && fill(f->sub, sub, a, serial);
}

static bool fill_field(const struct hp_field *f, void *object, struct hp_arena *a, int *serial)
{
    int n = ++*serial;
    switch (f->kind) {
    case HP_FIELD_STR:
    case HP_FIELD_BYTES:
        fill_string(f, object, a, n, false);
        break;
    case HP_FIELD_INT:
    case HP_FIELD_COUNT:
        hp_field_put_integer(f, object, (INT64_C(1) << (n % 60)) + n);
        break;
    case HP_FIELD_NUM:
        hp_field_put_number(f, object, n + 0.125);
        break;
    case HP_FIELD_BOOL:
        hp_field_put_boolean(f, object, true);
        break;
    case HP_FIELD_STATUS:
        hp_field_put_string(f, object, a, "rolled_back", 11);
        break;
    case HP_FIELD_MAP:
    case HP_FIELD_OPT_MAP:
        return fill_sub(f, object, a, serial);
    case HP_FIELD_LIST:
        return fill_sub(f, object, a, serial) && fill_sub(f, object, a, serial);
    case HP_FIELD_STRS:
        fill_string(f, object, a, n, true);
        fill_string(f, object, a, ++*serial, true);
        break;
    }
    return !hp_arena_failed(a);
}

static bool fill(const struct hp_shape *shape, void *object, struct hp_arena *a, int *serial)
{
    for (size_t i = 0; i < shape->count; i++)
        if (!fill_field(&shape->fields[i], object, a, serial))
            return false;
    return true;
}

bool sample_fill(const struct hp_shape *shape, void *object, struct hp_arena *a)
{
    int serial = 0;
    return fill(shape, object, a, &serial);
}

bool sample_request(struct hp_request *r)
{
    if (!sample_fill(&HP_REQUEST_SHAPE, r, &r->arena))
        return false;
    r->protocol = HP_PROTOCOL_VERSION;
    r->kind = HP_KIND_PUSH;
    r->kind_word = "push";
    r->deadline_ms = 5000;
    r->options.guard = "errors<1%";
    r->options.effects = "new";
    r->options.merge = "three-way";
    r->options.refs = "module";
    r->options.accept.items[0] = "R04";
    r->options.accept.items[1] = "r12";
    return true;
}

bool sample_report(struct hp_report *r)
{
    bool good = sample_fill(&HP_REPORT_SHAPE, r, &r->arena);
    r->protocol = HP_PROTOCOL_VERSION;
    return good;
}
