/* hotpatch engine: C memory across calls that may raise; the contract is in scratch.h. */
#include "agent/engine/scratch.h"

#include <lauxlib.h>

void hp_scratch_clear(struct hp_scratch *s)
{
    hp_mem_free(s->dump);
    hp_mem_free(s->chunk);
    if (s->has_tree)
        hp_prototypes_fini(&s->tree);
    *s = (struct hp_scratch){0};
}

/* Loads s->chunk. [-0, +1 or 0, m] */
static enum hp_status load_chunk(lua_State *L, struct hp_scratch *s)
{
    int result = luaL_loadbufferx(L, s->chunk, s->chunk_len, "=hotpatch", "b");
    if (result != LUA_OK) {
        lua_pop(L, 1);
        return result == LUA_ERRMEM ? HP_NO_MEMORY : HP_UNSUPPORTED;
    }
    return HP_OK;
}

enum hp_status hp_scratch_push_maker(lua_State *L, struct hp_scratch *s, const struct hp_prototype_tree *tree,
                                     uint32_t id)
{
    enum hp_status status = hp_prototype_encode(tree, id, &s->chunk, &s->chunk_len);
    if (status == HP_OK)
        status = load_chunk(L, s);
    hp_mem_free(s->chunk);
    s->chunk = NULL;
    return status;
}
