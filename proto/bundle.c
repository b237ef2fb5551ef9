/* hotpatch: bundles; the contract is in bundle.h. */
#include "proto/bundle.h"

#include <string.h>
#include <time.h>

#include "proto/protocol.h"
#include "proto/wire.h"

#define KIND "bundle"

#define BUNDLE(name, kind_, sub_, flags_)                                                                    \
    {                                                                                                        \
        .key = #name, .kind = (kind_), .offset = offsetof(struct hp_bundle, name), .sub = (sub_),            \
        .flags = (flags_)                                                                                    \
    }
static const struct hp_field bundle_fields[] = {
    BUNDLE(protocol, HP_FIELD_INT, NULL, HP_FLAG_NONE), /* first: docs of protocol.h */
    BUNDLE(kind, HP_FIELD_STR, NULL, HP_FLAG_NONE),
    BUNDLE(series, HP_FIELD_STR, NULL, HP_FLAG_SKIP_EMPTY),
    BUNDLE(created, HP_FIELD_INT, NULL, HP_FLAG_NONE),
    BUNDLE(expires, HP_FIELD_INT, NULL, HP_FLAG_SKIP_EMPTY),
    BUNDLE(author, HP_FIELD_STR, NULL, HP_FLAG_SKIP_EMPTY),
    BUNDLE(client, HP_FIELD_STR, NULL, HP_FLAG_SKIP_EMPTY),
    {.key = "modules",
     .kind = HP_FIELD_LIST,
     .offset = offsetof(struct hp_bundle, modules),
     .sub = &HP_REQUEST_MODULE_SHAPE,
     .max_items = HP_MAX_MODULES},
    BUNDLE(options, HP_FIELD_MAP, &HP_OPTIONS_SHAPE, HP_FLAG_SKIP_EMPTY),
};
const struct hp_shape HP_BUNDLE_SHAPE = {"bundle", sizeof(struct hp_bundle), bundle_fields,
                                         sizeof bundle_fields / sizeof *bundle_fields};

void hp_bundle_init(struct hp_bundle *bundle)
{
    *bundle = (struct hp_bundle){
        .protocol = HP_PROTOCOL_VERSION,
        .kind = KIND,
        .options = {.effects = "none", .merge = "keep", .refs = "heap"},
    };
    hp_arena_init(&bundle->arena);
}

void hp_bundle_fini(struct hp_bundle *bundle)
{
    hp_arena_fini(&bundle->arena);
    hp_bundle_init(bundle);
}

/* A map of at most 15 keys, of which the first is "protocol". */
bool hp_bundle_is(const char *data, size_t len)
{
    static const char key[] = "\xa8protocol";
    return len > sizeof key && ((unsigned char)data[0] & 0xf0) == 0x80 &&
           memcmp(data + 1, key, sizeof key - 1) == 0;
}

enum hp_status hp_bundle_encode(const struct hp_bundle *bundle, char **data, size_t *len)
{
    return hp_wire_encode(&HP_BUNDLE_SHAPE, bundle, data, len);
}

static const char *what_is_wrong(struct hp_bundle *b)
{
    if (b->kind == NULL || strcmp(b->kind, KIND) != 0)
        return "this is no bundle";
    if (b->modules.count == 0)
        return "the bundle has no modules";
    for (size_t i = 0; i < b->modules.count; i++)
        if (b->modules.items[i].source.data == NULL)
            return hp_arena_printf(&b->arena, "the key \"modules[%zu].source\" is missing in the bundle", i);
    return b->created < 0 || b->expires < 0 ? "a time in the bundle is before 1970" : NULL;
}

enum hp_status hp_bundle_decode(struct hp_bundle *bundle, const char *data, size_t len, const char **error)
{
    int64_t protocol = 0;
    enum hp_status status =
        hp_wire_decode(&HP_BUNDLE_SHAPE, bundle, &bundle->arena, data, len, &protocol, error);
    if (status == HP_VERSION_MISMATCH) {
        *error = hp_arena_printf(&bundle->arena,
                                 "the bundle is of protocol %lld, and this is protocol %d; make it "
                                 "anew with a hotpatch of this version",
                                 (long long)protocol, HP_PROTOCOL_VERSION);
        return status;
    }
    if (status == HP_OK && (*error = what_is_wrong(bundle)) != NULL)
        status = HP_MALFORMED;
    if (hp_arena_failed(&bundle->arena)) {
        *error = "memory is short";
        return HP_NO_MEMORY;
    }
    return status;
}

static bool is_set(const char *word, const char *normal)
{
    return word != NULL && strcmp(word, normal) != 0;
}

const char *hp_bundle_foreign_option(const struct hp_options *o)
{
    return is_set(o->effects, "none")  ? "--effects"
           : is_set(o->merge, "keep")  ? "--merge"
           : is_set(o->refs, "heap")   ? "--refs"
           : o->strict                 ? "--strict"
           : o->prune                  ? "--prune"
           : o->all                    ? "--all"
           : o->accept.count > 0       ? "--accept"
           : o->functions.count > 0    ? "--function"
           : o->expect_version != NULL ? "--expect-version"
           : o->message != NULL        ? "--message"
                                       : NULL;
}

/* What whoever pushes decides. */
static void keep_delivery(struct hp_options *to, const struct hp_options *from)
{
    to->atomic = from->atomic;
    to->max_pause_ms = from->max_pause_ms;
    to->search_limit_s = from->search_limit_s;
    to->confirm_within_s = from->confirm_within_s;
    to->guard = from->guard;
}

static const char *out_of_date(struct hp_arena *arena, int64_t expires)
{
    char date[32] = "";
    time_t when = (time_t)expires;
    struct tm utc;
    if (gmtime_r(&when, &utc) != NULL)
        strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S UTC", &utc);
    return hp_arena_printf(arena, "the bundle expired on %s", date);
}

enum hp_status hp_bundle_unpack(struct hp_request *request, int64_t now, const char **error)
{
    struct hp_bundle bundle;
    hp_bundle_init(&bundle);
    bundle.arena = request->arena; /* lent: what is decoded lives as long as the request */
    enum hp_status status = HP_UNSUPPORTED;
    const char *foreign = hp_bundle_foreign_option(&request->options);
    if (foreign != NULL) {
        *error =
            hp_arena_printf(&bundle.arena, "with a bundle, %s is decided where the bundle is made", foreign);
    } else if (request->modules.count > 0) {
        *error = "a request has either modules or a bundle";
    } else {
        status = hp_bundle_decode(&bundle, request->bundle.data, request->bundle.len, error);
    }
    if (status == HP_OK && bundle.expires != 0 && now >= bundle.expires) {
        *error = out_of_date(&bundle.arena, bundle.expires);
        status = HP_REFUSED;
    }
    if (status == HP_OK) {
        keep_delivery(&bundle.options, &request->options);
        status = hp_request_check_options(&bundle.options, &bundle.arena, error);
    }
    request->arena = bundle.arena;
    if (status != HP_OK)
        return status;
    request->options = bundle.options;
    request->modules.items = bundle.modules.items;
    request->modules.count = bundle.modules.count;
    request->modules.cap = bundle.modules.cap;
    request->series = bundle.series;
    request->created = bundle.created;
    return HP_OK;
}
