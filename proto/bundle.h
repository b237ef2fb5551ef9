/* hotpatch: a bundle: a patch as one file, made in one place, reviewed and signed in others, and pushed from
 * yet another. One msgpack map: the modules with their bases and the options that decide what the patch does,
 * with who made it, when, and until when it may be taken. The same input gives the same bytes.
 *
 * A signature is over the bytes of the file, so they travel as they are: a request carries them whole, and
 * the agent decodes them into the request's own modules and options (hp_bundle_unpack). How often the server
 * may stop, and whether the patch is on trial, is decided by whoever pushes: those options are not a
 * bundle's.
 */
#ifndef HP_BUNDLE_H
#define HP_BUNDLE_H

#include "proto/request.h"

struct hp_bundle {
    struct hp_arena arena;
    int64_t protocol;
    const char *kind;   /* "bundle" */
    const char *series; /* of which the newest counts; NULL: it belongs to none */
    int64_t created;    /* seconds since 1970 */
    int64_t expires;    /* likewise; 0: never */
    const char *author; /* NULL: not said */
    const char *client; /* what made it: "hotpatch 0.1.0" */
    HP_LIST(struct hp_request_module) modules;
    struct hp_options options;
};

extern const struct hp_shape HP_BUNDLE_SHAPE;

void hp_bundle_init(struct hp_bundle *bundle); /* options have their defaults */
void hp_bundle_fini(struct hp_bundle *bundle);

/* Do these bytes begin like a bundle? No text of Lua does. */
bool hp_bundle_is(const char *data, size_t len);

/* HP_OK, HP_NO_MEMORY, HP_LIMIT (larger than a message may be). On HP_OK *data is the caller's, for
 * hp_mem_free. */
enum hp_status hp_bundle_encode(const struct hp_bundle *bundle, char **data, size_t *len);

/* Checks, decodes, validates. `bundle` must be initialised. HP_OK, or as hp_request_decode, with a sentence.
 */
enum hp_status hp_bundle_decode(struct hp_bundle *bundle, const char *data, size_t len, const char **error);

/* Fills the request's modules, options, series and created from its `bundle`; options that are not a bundle's
 * stay the request's. HP_OK, or as hp_bundle_decode; HP_REFUSED: the bundle is out of date at `now` (seconds
 * since 1970). *error is in the request's arena. */
enum hp_status hp_bundle_unpack(struct hp_request *request, int64_t now, const char **error);

/* The first option that a request with a bundle sets and that belongs into the bundle; NULL: none. */
const char *hp_bundle_foreign_option(const struct hp_options *options);

#endif
