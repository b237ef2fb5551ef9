/* hotpatch: structs to msgpack and back, by their shapes. wire.c is the one door to msgpack-c; wire_check.c
 * looks at the bytes before msgpack-c does, since msgpack-c trusts declared counts (five bytes can ask for 96
 * GiB).
 *
 * No state, any thread. Memory: hp_mem_* and the given arena; msgpack-c's own (its zone while unpacking,
 * bounded by HP_MAX_VALUES) comes from malloc and is given back before return. */
#ifndef HP_WIRE_H
#define HP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shape.h"
#include "status.h"

/* What can be read of a message without trusting it, also of one that is broken or of another version. */
struct hp_wire_head {
    bool has_protocol;
    int64_t protocol;
    const char *id; /* into the message, not terminated; NULL: none that is a string of 1 to HP_MAX_ID bytes
                       without NUL */
    size_t id_len;
};
void hp_wire_read_head(const char *data, size_t len, struct hp_wire_head *head);

/* True for one map with string keys, everything within the limits and within the bytes present, nothing after
 * it. HP_OK, HP_MALFORMED or HP_LIMIT with *error a static sentence. Allocates nothing. */
enum hp_status hp_wire_check(const char *data, size_t len, const char **error);

/* HP_OK, HP_NO_MEMORY, HP_LIMIT. On HP_OK *data is the caller's, for hp_mem_free; else it is NULL. */
enum hp_status hp_wire_encode(const struct hp_shape *shape, const void *object, char **data, size_t *len);

/* The same into memory of the caller's, allocating nothing: the length, 0 if it does not fit. */
size_t hp_wire_encode_fixed(const struct hp_shape *shape, const void *object, char *buf, size_t size);

/* Checks and decodes into `object`, which holds its defaults already: keys that are not there leave them.
 * Reads the head first: an id is put into the field "id" whatever happens next; with another protocol number
 * than ours the result is HP_VERSION_MISMATCH, with the number in *protocol and no sentence (only the caller
 * knows which side it is). HP_OK, HP_MALFORMED, HP_LIMIT, HP_VERSION_MISMATCH, HP_NO_MEMORY; *error is static
 * or in the arena. After a failure the object may be half filled, and is only good for its id. */
enum hp_status hp_wire_decode(const struct hp_shape *shape, void *object, struct hp_arena *arena,
                              const char *data, size_t len, int64_t *protocol, const char **error);

#endif
