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

static bool of_chunk(const struct hp_match *m, hp_id live, const char *chunk_name)
{
    const char *source = hp_prototype_at(&m->live->graph, hp_code_of(&m->live->graph, live))->source;
    return source && strcmp(source, chunk_name) == 0;
}

static bool same_lines(const struct hp_match *m, struct hp_code base, hp_id live)
{
    const struct hp_prototype *b = hp_prototype_at(m->base, base);
    const struct hp_prototype *l = hp_prototype_at(&m->live->graph, hp_code_of(&m->live->graph, live));
    return b->line == l->line && b->last_line == l->last_line;
}

/* Another function of the base may stand in the place: the program gave it a second name. */
static bool agrees(const struct hp_base *base, const struct hp_match *m, const struct hp_slot *s,
                   const char *chunk_name)
{
    bool disk = base->origin == HP_BASE_DISK;
    if (!hp_is_function(m->base, s->base) || s->list)
        return true;
    if (!hp_is_function(&m->live->graph, s->live))
        return !disk || (s->live != HP_NO_ID && s->live != HP_NIL);
    struct hp_code code = m->live_code[s->live];
    if (!hp_code_none(code))
        return !disk || same_lines(m, code, s->live);
    return !of_chunk(m, s->live, chunk_name);
}

bool hp_base_runs(const struct hp_base *base, const struct hp_match *match, uint32_t module,
                  const char *chunk_name, const char **path)
{
    for (size_t i = 0; i < match->slots.count; i++) {
        const struct hp_slot *s = &match->slots.items[i];
        if (s->module != module || agrees(base, match, s, chunk_name))
            continue;
        *path = s->path;
        return false;
    }
    return true;
}
