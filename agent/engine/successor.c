/* hotpatch engine: successors; the contract is in successor.h. */
#include "agent/engine/successor.h"

#include "agent/engine/lx.h"

/* Pushes the function that makes closures of the code of the closure at `idx`; memo[dump] is that function.
 * [-0, +1, m] */
static enum hp_status push_maker(lua_State *L, int memo, int idx, struct hp_scratch *scratch)
{
    enum hp_status status = hp_lx_dump(L, idx, false, &scratch->dump, &scratch->dump_len);
    if (status != HP_OK)
        return status;
    lua_pushlstring(L, scratch->dump, scratch->dump_len);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, memo) == LUA_TFUNCTION) {
        lua_remove(L, -2);
        return HP_OK;
    }
    lua_pop(L, 1);
    status = hp_prototypes_parse(&scratch->tree, scratch->dump, scratch->dump_len);
    scratch->has_tree = status == HP_OK;
    if (status == HP_OK)
        status = hp_scratch_push_maker(L, scratch, &scratch->tree, 0);
    if (status != HP_OK) {
        lua_pop(L, 1);
        return status == HP_NO_MEMORY ? status : HP_UNSUPPORTED;
    }
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, memo);
    lua_remove(L, -2);
    return HP_OK;
}

enum hp_status hp_successor_push(lua_State *L, int memo, int idx, struct hp_scratch *scratch)
{
    idx = lua_absindex(L, idx);
    lua_pushvalue(L, idx);
    if (lua_rawget(L, memo) == LUA_TFUNCTION)
        return HP_OK;
    lua_pop(L, 1);
    enum hp_status status = push_maker(L, memo, idx, scratch);
    hp_scratch_clear(scratch);
    if (status != HP_OK)
        return status;
    lua_call(L, 0, 1); /* runs nothing but the making of the closure */
    for (int i = 1; lua_getupvalue(L, idx, i) != NULL; i++) {
        lua_pop(L, 1);
        lua_upvaluejoin(L, -1, i, idx, i);
    }
    lua_pushvalue(L, idx);
    lua_pushvalue(L, -2);
    lua_rawset(L, memo);
    return HP_OK;
}
