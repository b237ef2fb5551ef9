/* hotpatch engine: the stage's Lua state, filled, and the chunks compiled into it (stage_impl.h). */
#include <string.h>

#include "agent/engine/placeholder.h"
#include "agent/engine/stage_impl.h"
#include "agent/engine/stagelib.h"
#include "agent/engine/view.h"

static void make_slots(lua_State *L)
{
    const char *slots = (const char *)&HP_SLOT;
    for (size_t i = 0; i < sizeof HP_SLOT; i++) {
        lua_newtable(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, slots + i);
    }
}

/* Metatables that the program gave to basic types hold in the stage too: `("x"):trim()`. */
static void set_basic_metatables(lua_State *L)
{
    static const int types[] = {LUA_TNIL, LUA_TBOOLEAN, LUA_TNUMBER, LUA_TFUNCTION};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct hp_peeked mt = hp_peek_basic_metatable(L, types[i]);
        if (mt.type != LUA_TTABLE)
            continue;
        switch (types[i]) {
        case LUA_TNIL:
            lua_pushnil(L);
            break;
        case LUA_TBOOLEAN:
            lua_pushboolean(L, 0);
            break;
        case LUA_TNUMBER:
            lua_pushinteger(L, 0);
            break;
        default:
            lua_pushcfunction(L, hp_stage_require);
            break;
        }
        hp_view_push(L, &mt, 0, NULL, lua_typename(L, types[i]));
        hp_shadow_push(L, -1);
        lua_remove(L, -2);
        lua_setmetatable(L, -2);
        lua_pop(L, 1);
    }
    struct hp_peeked mt = hp_peek_basic_metatable(L, LUA_TSTRING);
    lua_pushliteral(L, "");
    if (mt.type == LUA_TTABLE && lua_getmetatable(L, -1)) { /* the stage's own keeps its arithmetic */
        struct hp_peeked index = hp_peek_field_str(L, mt.handle, "__index");
        hp_view_push(L, &index, 0, NULL, "string");
        lua_setfield(L, -2, "__index");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

int hp_stage_fill(lua_State *L)
{
    struct hp_stage *s = hp_stage_of(L);
    make_slots(L);
    luaL_openlibs(L);
    hp_stagelib_open(L);
    hp_view_open(L);
    hp_placeholder_open(L);
    struct hp_peeked globals = hp_peek_globals(L), loaded = hp_peek_loaded(L);
    s->globals = globals.handle;
    s->loaded = loaded.handle;
    hp_view_push(L, &loaded, 0, NULL, "package.loaded");
    hp_view_push(L, &globals, 0, NULL, "_G");
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS); /* `load` gives it to what it loads */
    set_basic_metatables(L);
    return 0;
}

/* Loading */

struct bytes {
    char *data;
    size_t len, cap;
};

static int collect_bytes(lua_State *L, const void *data, size_t len, void *arg)
{
    (void)L;
    struct bytes *b = arg;
    if (b->cap - b->len < len) {
        size_t cap = (b->len + len) * 2;
        char *grown = hp_mem_realloc(b->data, cap);
        if (grown == NULL)
            return 1;
        b->data = grown;
        b->cap = cap;
    }
    if (len != 0) {
        memcpy(b->data + b->len, data, len);
        b->len += len;
    }
    return 0;
}

/* A first line that begins with '#' is for the shell, and a byte order mark for nobody: as in luaL_loadfile.
 */
static void skip_preamble(const char **text, size_t *len)
{
    if (*len >= 3 && memcmp(*text, "\xEF\xBB\xBF", 3) == 0) {
        *text += 3;
        *len -= 3;
    }
    if (*len > 0 && (*text)[0] == '#') {
        const char *end = memchr(*text, '\n', *len);
        *len = end != NULL ? *len - (size_t)(end - *text) : 0;
        *text = end != NULL ? end : "";
    }
}

/* The tree of the function on the top, for the module. */
static enum hp_status make_tree(lua_State *L, struct hp_stage_module *m)
{
    struct bytes dump = {0};
    if (lua_dump(L, collect_bytes, &dump, 0) != 0) {
        hp_mem_free(dump.data);
        return HP_NO_MEMORY;
    }
    m->tree = hp_mem_calloc(sizeof *m->tree);
    enum hp_status status =
        m->tree != NULL ? hp_prototypes_parse(m->tree, dump.data, dump.len) : HP_NO_MEMORY;
    hp_mem_free(dump.data);
    if (status != HP_OK) {
        hp_mem_free(m->tree);
        m->tree = NULL;
    }
    return status;
}

/* Replaces the function on the top by one whose prototypes are numbered. Lua's status. [-1, +1, -] */
static int load_numbered(lua_State *L, const struct hp_stage_module *m)
{
    char *data = NULL;
    size_t len = 0;
    if (hp_prototypes_encode_tagged(m->tree, m->offset, &data, &len) != HP_OK)
        return LUA_ERRMEM;
    lua_pop(L, 1);
    int status = luaL_loadbufferx(L, data, len, m->chunk->chunk_name, "b");
    hp_mem_free(data);
    return status;
}

/* How messages of Lua call the chunk; asked of an empty one, so that it is known before a syntax error. [-0,
 * +0, m] */
static void note_short_source(lua_State *L, struct hp_stage_module *m)
{
    lua_Debug ar;
    if (luaL_loadbufferx(L, "", 0, m->chunk->chunk_name, "t") != LUA_OK)
        lua_error(L); /* memory */
    lua_getinfo(L, ">S", &ar);
    memcpy(m->short_src, ar.short_src, sizeof m->short_src);
}

/* Compiles one chunk; its main function goes into the slot. [-0, +0, e] */
void hp_stage_compile(lua_State *L, uint32_t number)
{
    struct hp_stage *s = hp_stage_of(L);
    struct hp_stage_module *m = &s->modules[number];
    const char *text = m->chunk->text;
    size_t len = m->chunk->len;
    skip_preamble(&text, &len);
    s->current = number;
    if (len > 0 && text[0] == LUA_SIGNATURE[0])
        hp_stage_fail(L, HP_REFUSED, "a precompiled chunk cannot be used: send the source text");
    note_short_source(L, m);
    if (luaL_loadbufferx(L, text, len, m->chunk->chunk_name, "t") != LUA_OK)
        lua_error(L);
    if (m->tree == NULL) {
        enum hp_status status = make_tree(L, m);
        if (status != HP_OK) {
            hp_stage_fail(L, status == HP_NO_MEMORY ? HP_NO_MEMORY : HP_FAILED,
                          status == HP_NO_MEMORY
                              ? "no memory to read the compiled chunk"
                              : "the binary format of this Lua is not the one hotpatch knows");
        }
        m->offset =
            number == 0 ? HP_STAGE_FIRST_OFFSET : m[-1].offset + (uint32_t)m[-1].tree->prototypes.count;
    }
    if (load_numbered(L, m) != LUA_OK)
        hp_stage_fail(L, HP_NO_MEMORY, "no memory to load the chunk");
    hp_slot_push(L, mains);
    lua_insert(L, -2);
    lua_rawseti(L, -2, (lua_Integer)number + 1);
    lua_pop(L, 1);
    s->current = HP_NO_ID;
}
