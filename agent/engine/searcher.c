/* hotpatch engine: the searcher of `require` wrapped, so that the text of each module it finds is recorded.
 * Contract: sources.h.
 *
 * The wrapper is a C closure over the original and a box. The box (a plain userdata, no finalizer) holds the
 * store; emptied at unwrap, it makes a wrapper that somebody still holds pass everything through. Its user
 * value is package.searchers. The registry keeps the wrapper, so that unwrapping needs no new string and
 * cannot raise.
 */
#include <lauxlib.h>
#include <string.h>

#include "proto/arena.h"
#include "sources.h"

static char registry_key; /* its address */

enum { UPVALUE_ORIGINAL = 1, UPVALUE_BOX = 2 };

/* What was found: the file read once more, right after Lua read it. Names and lines are checked against the
 * live code before a text serves as a base, so a file that changed in between does no harm. */
static void record(struct hp_sources *s, const char *module, const char *path)
{
    size_t path_len = strlen(path), len;
    char *text = hp_source_read_file(path, &len, NULL);
    char *chunk_name = text != NULL ? hp_mem_alloc(path_len + 2) : NULL;
    if (chunk_name != NULL) {
        chunk_name[0] = '@';
        memcpy(chunk_name + 1, path, path_len + 1);
        hp_sources_record(s, module, chunk_name, text, len);
    }
    hp_mem_free(chunk_name);
    hp_mem_free(text);
}

/* searcher(name) -> loader, path; or a text that says why not. */
static int search(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(UPVALUE_ORIGINAL));
    lua_insert(L, 1);
    lua_pushvalue(L, 2); /* the name, kept below the results */
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 2, LUA_MULTRET);
    struct hp_sources *const *box = lua_touserdata(L, lua_upvalueindex(UPVALUE_BOX));
    if (*box != NULL && lua_isfunction(L, 2) && !lua_iscfunction(L, 2) && lua_type(L, 1) == LUA_TSTRING &&
        lua_type(L, 3) == LUA_TSTRING)
        record(*box, lua_tostring(L, 1), lua_tostring(L, 3));
    return lua_gettop(L) - 1;
}

/* Pushes package.searchers if it is a table with a function second; raw access. False: nothing pushed. [-0,
 * +(1|0), m] */
static bool push_searchers(lua_State *L)
{
    int top = lua_gettop(L);
    static const char *const way[] = {LUA_LOADED_TABLE, "package", "searchers"};
    lua_pushvalue(L, LUA_REGISTRYINDEX);
    for (size_t i = 0; i < sizeof way / sizeof *way; i++) {
        lua_pushstring(L, way[i]);
        if (lua_rawget(L, -2) != LUA_TTABLE) {
            lua_settop(L, top);
            return false;
        }
        lua_replace(L, top + 1);
    }
    bool is_function = lua_rawgeti(L, -1, 2) == LUA_TFUNCTION;
    lua_settop(L, is_function ? top + 1 : top);
    return is_function;
}

bool hp_sources_wrap_searcher(lua_State *L, struct hp_sources *s)
{
    hp_sources_unwrap_searcher(L, s);
    if (!push_searchers(L))
        return false;
    int searchers = lua_gettop(L);
    lua_rawgeti(L, searchers, 2);
    struct hp_sources **box = lua_newuserdatauv(L, sizeof *box, 1);
    *box = s;
    lua_pushvalue(L, searchers);
    lua_setiuservalue(L, -2, 1);
    lua_pushcclosure(L, search, 2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &registry_key);
    lua_rawseti(L, searchers, 2);
    lua_settop(L, searchers - 1);
    return true;
}

void hp_sources_unwrap_searcher(lua_State *L, struct hp_sources *s)
{
    (void)s;
    int top = lua_gettop(L);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_key) != LUA_TFUNCTION) {
        lua_settop(L, top);
        return;
    }
    int wrapper = top + 1;
    lua_getupvalue(L, wrapper, UPVALUE_BOX);
    struct hp_sources **box = lua_touserdata(L, -1);
    *box = NULL;
    lua_getiuservalue(L, -1, 1);
    int searchers = lua_gettop(L);
    lua_rawgeti(L, searchers, 2);
    if (lua_rawequal(L, -1, wrapper)) {
        lua_getupvalue(L, wrapper, UPVALUE_ORIGINAL);
        lua_rawseti(L, searchers, 2);
    }
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &registry_key);
    lua_settop(L, top);
}
