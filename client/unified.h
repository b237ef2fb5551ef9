/* hotpatch client: what differs between two texts, as the hunks of a unified diff. */
#ifndef HP_UNIFIED_H
#define HP_UNIFIED_H

#include "client/text.h"
#include "proto/shape.h"

/* One side: lines of a file, the first of them its line `line`. */
struct hp_unified_side {
    struct hp_bytes text;
    int64_t line;
};

/* Adds the hunks to `page`, three lines of context around each: "@@ -5,4 +6,5 @@ name", then lines that begin
 * with a space, - or +, each with an end. Nothing for equal texts. By Myers' algorithm, so the shortest there
 * is; of texts that have little in common, all of the one and then all of the other. False: no memory; the
 * page is not to be used. */
bool hp_unified(struct hp_text *page, struct hp_unified_side old, struct hp_unified_side now,
                const char *name);

#endif
