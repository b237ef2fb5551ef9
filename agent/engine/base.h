/* hotpatch engine: the base, the source that the live module was loaded from: which text it is, and whether
 * it is. */
#ifndef HP_BASE_H
#define HP_BASE_H

#include "agent/engine/match.h"
#include "agent/engine/sources.h"
#include "agent/engine/target.h"

/* In the order in which they are tried. */
enum hp_base_origin { HP_BASE_CLIENT, HP_BASE_STORED, HP_BASE_DISK, HP_BASE_NONE };

struct hp_base {
    enum hp_base_origin origin;
    const char *label; /* "client", "pushed", "recorded", "disk", "none" */
    const char *text;  /* borrowed from the request, or `owned` */
    size_t len;
    char *owned;    /* of the store or the disk; hp_mem */
    bool no_memory; /* there was none for this base: that there is no base does not follow */
};

/* The first base there is at or after that origin. */
void hp_base_find(struct hp_base *base, enum hp_base_origin from, const struct hp_request_module *asked,
                  const struct hp_target *target, const struct hp_sources *sources);
/* That text, of the request, is the base. */
void hp_base_take(struct hp_base *base, const struct hp_bytes *text);
void hp_base_fini(struct hp_base *base);

/* Is the module's base what runs? Compared function by function, by code; for a file of the disk by lines and
 * presence too, for it may be the very file that is being pushed. Functions that came from elsewhere (another
 * chunk) say nothing, nor do those of former sources, which the program kept. False: *path names a function
 * that differs. */
bool hp_base_runs(const struct hp_base *base, const struct hp_match *match, uint32_t module,
                  const struct hp_target *target, const struct hp_sources *sources, const char **path);

#endif
