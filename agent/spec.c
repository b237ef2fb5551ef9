#include "agent/spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "agent/shape_lua.h"
#include "proto/protocol.h"
#include "proto/rule.h"

/* --- files ------------------------------------------------------------------------------------ */

/* At most `limit` bytes of an open file, in the arena; NULL when there are more, or there is no memory. */
static const char *read_all(FILE *file, struct hp_arena *arena, size_t limit, size_t *len)
{
    size_t size = 64 * 1024;
    char *data = hp_arena_alloc(arena, size);
    *len = 0;
    while (data) {
        *len += fread(data + *len, 1, size - *len, file);
        if (*len < size)
            return data;
        if (size >= limit)
            return NULL;
        char *larger = hp_arena_alloc(arena, 2 * size);
        if (larger)
            memcpy(larger, data, *len);
        data = larger;
        size *= 2;
    }
    return NULL;
}

static void read_source(struct hp_request *request, struct hp_request_module *module,
                        struct hp_report *report)
{
    errno = 0;
    FILE *file = fopen(module->file, "rb");
    size_t len = 0;
    const char *data = file ? read_all(file, &request->arena, HP_MAX_MESSAGE, &len) : NULL;
    bool failed = !file || ferror(file) != 0;
    if (failed)
        hp_report_fail(report, HP_LOAD_FAILED, "cannot read %s: %s", module->file,
                       strerror(errno ? errno : EIO));
    else if (hp_arena_failed(&request->arena))
        hp_report_fail(report, HP_NO_MEMORY, "not enough memory for %s; nothing changed", module->file);
    else if (!data)
        hp_report_fail(report, HP_LIMIT, "%s is too long: %u bytes are the limit", module->file,
                       HP_MAX_MESSAGE);
    if (file)
        fclose(file);
    module->source = (struct hp_bytes){data, len};
}

/* --- specs ------------------------------------------------------------------------------------ */

static void read_module(lua_State *L, int index, const char *what, struct hp_request *request,
                        struct hp_report *report)
{
    struct hp_request_module *module = HP_PUSH(&request->arena, &request->modules);
    if (!module)
        luaL_error(L, "%s: not enough memory", what);
    const struct hp_shape_into into[] = {{&HP_REQUEST_MODULE_SHAPE, module},
                                         {&HP_OPTIONS_SHAPE, &request->options}};
    hp_shape_read(L, index, what, into, 2, &request->arena);
    if (!module->source.data && !module->file)
        luaL_error(L, "%s: 'source' (the text) or 'file' (its path) is needed", what);
    if (!module->module && !module->file)
        luaL_error(L, "%s: 'module' (its name) is needed", what);
    if (!module->source.data)
        read_source(request, module, report);
}

static void read_list(lua_State *L, int index, const char *what, struct hp_request *request,
                      struct hp_report *report)
{
    lua_Unsigned count = lua_rawlen(L, index);
    if (count > HP_MAX_MODULES)
        luaL_error(L, "%s: more than %d modules", what, HP_MAX_MODULES);
    hp_spec_read_options(L, index, what, request);
    for (lua_Unsigned i = 1; i <= count; i++) {
        if (lua_rawgeti(L, index, (lua_Integer)i) != LUA_TTABLE)
            luaL_error(L, "%s: item %d of the list should be a map and is a %s", what, (int)i,
                       luaL_typename(L, -1));
        read_module(L, lua_gettop(L), what, request, report);
        lua_pop(L, 1);
    }
}

static void check_word(lua_State *L, const char *what, const char *key, const char *word, const char *a,
                       const char *b)
{
    if (word && strcmp(word, a) != 0 && strcmp(word, b) != 0)
        luaL_error(L, "%s: '%s' should be \"%s\" or \"%s\" and is \"%s\"", what, key, a, b, word);
}

/* The words that hp_request_decode checks for requests that come over the wire. */
static void check_request(lua_State *L, const char *what, const struct hp_request *request)
{
    const struct hp_options *options = &request->options;
    check_word(L, what, "effects", options->effects, "none", "new");
    check_word(L, what, "merge", options->merge, "keep", "three-way");
    check_word(L, what, "refs", options->refs, "heap", "module");
    struct hp_rule rule;
    if (options->guard && !hp_rule_parse(options->guard, &rule))
        luaL_error(L, "%s: 'guard' should be %s and is \"%s\"", what, HP_RULE_FORM, options->guard);
    if (options->guard && options->confirm_within_s <= 0)
        luaL_error(L, "%s: 'guard' needs 'confirm_within_s', for how long it is on", what);
    for (size_t i = 0; i < options->accept.count; i++)
        if (!hp_reason_from_code(options->accept.items[i]))
            luaL_error(L, "%s: 'accept' has \"%s\", which is no reason code", what, options->accept.items[i]);
    if (hp_arena_failed(&request->arena))
        luaL_error(L, "%s: not enough memory", what);
}

void hp_spec_read(lua_State *L, int index, const char *what, struct hp_request *request,
                  struct hp_report *report)
{
    index = lua_absindex(L, index);
    luaL_checktype(L, index, LUA_TTABLE);
    luaL_checkstack(L, 10, what);
    if (lua_rawgeti(L, index, 1) == LUA_TNIL)
        read_module(L, index, what, request, report);
    else
        read_list(L, index, what, request, report);
    lua_pop(L, 1);
    check_request(L, what, request);
}

void hp_spec_read_options(lua_State *L, int index, const char *what, struct hp_request *request)
{
    const struct hp_shape_into into = {&HP_OPTIONS_SHAPE, &request->options};
    if (lua_isnoneornil(L, index))
        return;
    luaL_checktype(L, index, LUA_TTABLE);
    hp_shape_read(L, index, what, &into, 1, &request->arena);
    check_request(L, what, request);
}

/* --- reload ----------------------------------------------------------------------------------- */

/* Pushes package.searchpath(name, package.path): a path, or nil and the places that were tried. [-0, +2,
 * raises] */
static void search(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    if (lua_getfield(L, -1, LUA_LOADLIBNAME) != LUA_TTABLE ||
        lua_getfield(L, -1, "searchpath") != LUA_TFUNCTION)
        luaL_error(L, "hotpatch.reload: this program has no package.searchpath");
    lua_pushstring(L, name);
    lua_getfield(L, -3, "path");
    lua_call(L, 2, 2);
    lua_rotate(L, -4, 2);
    lua_pop(L, 2);
}

void hp_spec_find_module(lua_State *L, const char *name, struct hp_request *request, struct hp_report *report)
{
    struct hp_request_module *module = HP_PUSH(&request->arena, &request->modules);
    if (!module)
        luaL_error(L, "hotpatch.reload: not enough memory");
    module->module = hp_arena_str(&request->arena, name);
    search(L, name);
    if (lua_type(L, -2) == LUA_TSTRING) {
        module->file = hp_arena_str(&request->arena, lua_tostring(L, -2));
        read_source(request, module, report);
    } else {
        const char *tried = lua_tostring(L, -1);
        hp_report_fail(report, HP_LOAD_FAILED, "there is no file for module '%s':%s", name,
                       tried ? tried : "");
    }
    lua_pop(L, 2);
}
