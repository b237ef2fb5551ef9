/* hotpatch engine: functions of former sources; the contract is in former.h. */
#include "agent/engine/former.h"

void hp_former_init(struct hp_former *f)
{
    hp_arena_init(&f->arena);
    hp_map_init(&f->codes, &f->arena);
}

void hp_former_fini(struct hp_former *f)
{
    hp_arena_fini(&f->arena);
    hp_former_init(f);
}

static uint64_t number_of(const char *module)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *module != '\0'; module++) {
        hash = (hash ^ (unsigned char)*module) * 0x100000001b3u;
    }
    return hash;
}

bool hp_former_note(struct hp_former *f, const char *module, const uint64_t *codes, size_t count)
{
    uint64_t number = number_of(module);
    if (f->codes.count + count > HP_FORMER_MOST) {
        hp_former_fini(f);
    }
    for (size_t i = 0; i < count && i < HP_FORMER_MOST; i++) {
        hp_map_put(&f->codes, number, codes[i], 1, NULL);
    }
    if (hp_arena_failed(&f->arena)) {
        hp_former_fini(f);
        return false;
    }
    return true;
}

bool hp_former_has(const struct hp_former *f, const char *module, uint64_t code)
{
    return hp_map_find(&f->codes, number_of(module), code) != NULL;
}
