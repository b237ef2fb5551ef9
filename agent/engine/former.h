/* hotpatch engine: functions that sources of a module had and others of its sources lack, by their code.
 *
 * A patch that drops a function leaves the live one to whoever holds it. If the program then puts it into the
 * place of another, it is no sign that the module was loaded from elsewhere: the base is still what runs.
 *
 * Lua thread only (or whoever holds the turn). Nothing here is undone when a patch fails or is reverted: that
 * a source had such a function stays true.
 */
#ifndef HP_FORMER_H
#define HP_FORMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/engine/map.h"

/* Codes, of all modules (a few hundred kilobytes). Beyond that all are forgotten: what is lost is a base, and
 * a merge by names says so (R03). */
#define HP_FORMER_MOST 4096

struct hp_former {
    struct hp_arena arena;
    struct hp_map codes; /* (module, fingerprint) */
};

void hp_former_init(struct hp_former *f); /* in place: the map points to the arena */
void hp_former_fini(struct hp_former *f);

/* False: no memory; nothing is known any more. */
bool hp_former_note(struct hp_former *f, const char *module, const uint64_t *codes, size_t count);
bool hp_former_has(const struct hp_former *f, const char *module, uint64_t code);

#endif
