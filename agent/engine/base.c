/* hotpatch engine: choosing the base; the contract is in base.h. */
#include "agent/engine/base.h"

#include <string.h>

static bool find_stored(struct hp_base *base, const struct hp_target *t, const struct hp_sources *sources)
{
    struct hp_source source;
    if (!hp_sources_find(sources, t->module, &source))
        return false;
    base->owned = hp_mem_alloc(source.len ? source.len : 1); /* the store may drop it while the server runs */
    base->no_memory = !base->owned;
    if (!base->owned)
        return false;
    memcpy(base->owned, source.text, source.len);
    base->origin = HP_BASE_STORED;
    base->label = source.origin;
    base->text = base->owned;
    base->len = source.len;
    return true;
}

static bool find_on_disk(struct hp_base *base, const struct hp_target *t)
{
    const char *file = t->file ? t->file : t->chunk_name[0] == '@' ? t->chunk_name + 1 : NULL;
    base->owned = file ? hp_source_read_file(file, &base->len, &base->no_memory) : NULL;
    if (!base->owned)
        return false;
    base->origin = HP_BASE_DISK;
    base->label = "disk";
    base->text = base->owned;
    return true;
}

void hp_base_find(struct hp_base *base, enum hp_base_origin from, const struct hp_request_module *asked,
                  const struct hp_target *target, const struct hp_sources *sources)
{
    hp_base_fini(base);
    if (from <= HP_BASE_CLIENT && asked->base.data) {
        *base = (struct hp_base){
            .origin = HP_BASE_CLIENT, .label = "client", .text = asked->base.data, .len = asked->base.len};
        return;
    }
    if (from <= HP_BASE_STORED && find_stored(base, target, sources))
        return;
    if (!base->no_memory && from <= HP_BASE_DISK && find_on_disk(base, target))
        return;
}

void hp_base_take(struct hp_base *base, const struct hp_bytes *text)
{
    hp_base_fini(base);
    *base =
        (struct hp_base){.origin = HP_BASE_CLIENT, .label = "client", .text = text->data, .len = text->len};
}

void hp_base_fini(struct hp_base *base)
{
    hp_mem_free(base->owned);
    *base = (struct hp_base){.origin = HP_BASE_NONE, .label = "none"};
}

static const struct hp_prototype *live_prototype(const struct hp_match *m, hp_id live)
{
    return hp_prototype_at(&m->live->graph, hp_code_of(&m->live->graph, live));
}

static bool same_lines(const struct hp_match *m, struct hp_code base, hp_id live)
{
    const struct hp_prototype *b = hp_prototype_at(m->base, base), *l = live_prototype(m, live);
    return b->line == l->line && b->last_line == l->last_line;
}

/* A live function of the target's source that the base has not. */
static bool is_stranger(const struct hp_match *m, hp_id live, const struct hp_target *target)
{
    if (!hp_is_function(&m->live->graph, live) || !hp_code_none(m->live_code[live]))
        return false;
    const char *source = live_prototype(m, live)->source;
    return source && strcmp(source, target->chunk_name) == 0;
}

/* Another function of the base may stand in the place, or one of a former source: the program gave it a
 * second name. */
static bool agrees(const struct hp_match *m, const struct hp_slot *s, const struct hp_target *target,
                   const struct hp_sources *sources)
{
    if (!hp_is_function(m->base, s->base) || s->list || !hp_is_function(&m->live->graph, s->live))
        return true;
    return !is_stranger(m, s->live, target) ||
           hp_sources_had(sources, target->module, live_prototype(m, s->live)->fingerprint);
}

/* What runs has each function of the file where the file has it, and none that the file has not. */
static bool agrees_with_disk(const struct hp_match *m, const struct hp_slot *s,
                             const struct hp_target *target)
{
    if (s->list)
        return true;
    if (is_stranger(m, s->live, target))
        return false;
    if (!hp_is_function(m->base, s->base))
        return true;
    if (!hp_is_function(&m->live->graph, s->live))
        return s->live != HP_NO_ID && s->live != HP_NIL;
    struct hp_code code = m->live_code[s->live];
    return hp_code_none(code) || same_lines(m, code, s->live);
}

bool hp_base_runs(const struct hp_base *base, const struct hp_match *match, uint32_t module,
                  const struct hp_target *target, const struct hp_sources *sources, const char **path)
{
    for (size_t i = 0; i < match->slots.count; i++) {
        const struct hp_slot *s = &match->slots.items[i];
        bool fine = s->module != module || (base->origin == HP_BASE_DISK ? agrees_with_disk(match, s, target)
                                                                         : agrees(match, s, target, sources));
        if (fine)
            continue;
        *path = s->path;
        return false;
    }
    return true;
}
