/* hotpatch: what a request and a report look like, as data.
 *
 * One table a struct says: this key, this kind, at this offset. From these tables come the msgpack encoder
 * and decoder (wire.c), the JSON of the client and the Lua tables of `hotpatch.patch()`; the protocol page is
 * checked against them. A new field is one line here, and appears everywhere.
 */
#ifndef HP_SHAPE_H
#define HP_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"

enum hp_field_kind {
    HP_FIELD_STR,     /* const char *; NULL is left out */
    HP_FIELD_BYTES,   /* struct hp_bytes; data NULL is left out; may hold NUL; a msgpack str (or bin) */
    HP_FIELD_INT,     /* int64_t */
    HP_FIELD_NUM,     /* double */
    HP_FIELD_BOOL,    /* bool */
    HP_FIELD_COUNT,   /* int64_t; HP_UNKNOWN is written as the string "unknown" */
    HP_FIELD_STATUS,  /* enum hp_status, written as its word */
    HP_FIELD_MAP,     /* a struct in place, of shape `sub` */
    HP_FIELD_OPT_MAP, /* pointer to a struct of shape `sub`; NULL is left out */
    HP_FIELD_LIST,    /* HP_LIST of structs of shape `sub` */
    HP_FIELD_STRS,    /* HP_LIST(const char *) */
};

#define HP_UNKNOWN INT64_MIN

struct hp_bytes {
    const char *data;
    size_t len;
};

enum hp_field_flag {
    HP_FLAG_NONE = 0,
    HP_FLAG_SKIP_EMPTY = 1, /* left out when 0, false, "", or an empty list */
};

struct hp_field {
    const char *key;
    enum hp_field_kind kind;
    size_t offset;
    const struct hp_shape *sub;
    unsigned flags;
    size_t
        max_items; /* of a LIST; more are refused by the decoder (HP_LIMIT). 0: no limit but the message's */
};

struct hp_shape {
    const char *name; /* for messages and for the docs test: "report", "report.module" */
    size_t size;      /* of the struct */
    const struct hp_field *fields;
    size_t count;
};

/* True when the field of this object would be left out of the encoding. Shared by all writers of shapes. A
 * MAP with HP_FLAG_SKIP_EMPTY is left out when everything in it is 0, false, NULL, "" or empty, whatever the
 * flags inside say. */
bool hp_field_is_empty(const struct hp_field *field, const void *object);

/* The field of that key, or NULL. */
const struct hp_field *hp_shape_field(const struct hp_shape *shape, const char *key, size_t len);

/* ---- Writing an object: a walk that calls back ----
 *
 * The encoder, the client's JSON and the agent's Lua tables are three sinks of this one walk. Fields come in
 * the order of the table, empty ones not at all; `key` is NULL for the object itself and for the items of a
 * list. Status words and "unknown" come as strings; a NULL inside a list of strings as ""; a number that is
 * not finite as 0. */
struct hp_sink {
    void (*map)(void *ctx, const char *key, size_t count);  /* `count` keys follow, then `end` */
    void (*list)(void *ctx, const char *key, size_t count); /* `count` items follow, then `end` */
    void (*end)(void *ctx);
    void (*string)(void *ctx, const char *key, const char *s, size_t len); /* lives as long as the object */
    void (*integer)(void *ctx, const char *key, int64_t value);
    void (*number)(void *ctx, const char *key, double value);
    void (*boolean)(void *ctx, const char *key, bool value);
};

/* The walk holds nothing, so a sink may leave it by longjmp (a Lua error). It recurses as deep as the shape:
 * 5 or so. */
void hp_shape_walk(const struct hp_shape *shape, const void *object, const struct hp_sink *sink, void *ctx);

/* ---- Reading an object: setters by field ----
 *
 * The decoder and the reader of Lua tables find the field by its key and put what they got. Strings are
 * copied into the arena; with no memory the result is HP_PUT_OK and hp_arena_failed tells. After another
 * result nothing was changed. */
enum hp_put {
    HP_PUT_OK,
    HP_PUT_TYPE,  /* the field does not take this type: "must be " and hp_field_wants */
    HP_PUT_VALUE, /* right type, bad value: a NUL in a string, an unknown word, a number that is not finite */
};
enum hp_put hp_field_put_string(const struct hp_field *f, void *object, struct hp_arena *a, const char *s,
                                size_t len);
enum hp_put hp_field_put_integer(const struct hp_field *f, void *object, int64_t value);
enum hp_put hp_field_put_number(const struct hp_field *f, void *object, double value);
enum hp_put hp_field_put_boolean(const struct hp_field *f, void *object, bool value);
/* One more item of an HP_FIELD_STRS. */
enum hp_put hp_field_put_item(const struct hp_field *f, void *object, struct hp_arena *a, const char *s,
                              size_t len);
/* The struct to fill: the one in place (MAP), a new one, zeroed (OPT_MAP; LIST: appended). NULL when the
 * field is of another kind, or the arena has failed. */
void *hp_field_put_struct(const struct hp_field *f, void *object, struct hp_arena *a);
/* "a string", "a list of maps": for messages. */
const char *hp_field_wants(const struct hp_field *f);

#endif
