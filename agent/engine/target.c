/* hotpatch engine: finding what a request is aimed at; the contract is in target.h. */
#include "agent/engine/target.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/suggest.h"

#define MAX_CANDIDATES 8

/* --- policy ----------------------------------------------------------------------------------- */

static const char *const NEVER[] = {"_G",     "package", "coroutine", "table", "io",      "os",
                                    "string", "math",    "utf8",      "debug", "hotpatch"};

/* Lua's patterns, matched by a Lua of our own: the server's string table may be anything by now. */
struct matching {
    const char *const *patterns;
    const char *name;
    bool found;
};

static int match_patterns(lua_State *own)
{
    struct matching *m = lua_touserdata(own, 1);
    luaL_requiref(own, "string", luaopen_string, 0);
    for (size_t i = 0; m->patterns[i] && !m->found; i++) {
        lua_getfield(own, 2, "match");
        lua_pushstring(own, m->name);
        lua_pushfstring(own, "^%s$", m->patterns[i]);
        m->found = lua_pcall(own, 2, 1, 0) == LUA_OK && lua_toboolean(own, -1);
        lua_settop(own, 2);
    }
    return 0;
}

/* Raises when there is no memory: a policy that cannot be read must not be taken for one that allows. [-0,
 * +0, m] */
static bool matches(lua_State *L, const char *const *patterns, const char *name)
{
    struct matching m = {patterns, name, false};
    if (!patterns || !patterns[0])
        return false;
    lua_State *own = luaL_newstate();
    bool ok = own != NULL;
    if (ok) {
        lua_pushcfunction(own, match_patterns);
        lua_pushlightuserdata(own, &m);
        ok = lua_pcall(own, 1, 0, 0) == LUA_OK;
        lua_close(own);
    }
    if (!ok)
        luaL_error(L, "not enough memory");
    return m.found;
}

static bool never_patched(const char *module)
{
    for (size_t i = 0; i < sizeof NEVER / sizeof *NEVER; i++)
        if (strcmp(NEVER[i], module) == 0)
            return true;
    return false;
}

bool hp_policy_allows(lua_State *L, const struct hp_policy *policy, const char *module,
                      struct hp_report *report)
{
    const char *why = NULL;
    if (never_patched(module))
        why = "is part of Lua or of hotpatch itself, which are never patched; patch the module that uses it";
    else if (matches(L, policy->deny, module))
        why = "is on the deny list of this server (hotpatch.start{ deny = … })";
    else if (policy->allow && !matches(L, policy->allow, module))
        why = "is not on the allow list of this server (hotpatch.start{ allow = … })";
    if (why)
        hp_report_refuse(report, HP_R17_DENIED, module, NULL, "\"%s\" %s", module, why);
    return !why;
}

/* --- package ---------------------------------------------------------------------------------- */

/* Pushes package.loaded. [-0, +1, m] */
static void push_loaded(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
}

/* Pushes package.loaded[name], raw. [-0, +1, m] */
static int push_module(lua_State *L, const char *name)
{
    push_loaded(L);
    lua_pushstring(L, name);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    return lua_type(L, -1);
}

/* package[key] as a C string that lives as long as the string in the table does; NULL. [-0, +0, m] */
static const char *package_string(lua_State *L, const char *key)
{
    const char *s = NULL;
    if (push_module(L, LUA_LOADLIBNAME) == LUA_TTABLE) {
        lua_pushstring(L, key);
        lua_rawget(L, -2);
        s = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return s;
}

static bool readable(const char *path)
{
    FILE *f = fopen(path, "r");
    if (f)
        fclose(f);
    return f != NULL;
}

/* One template of a search path with each `?` replaced by the module's name, dots as directories. */
static const char *expand(struct hp_arena *a, const char *template, size_t len, const char *module)
{
    char *out = hp_arena_alloc(a, len * (strlen(module) + 1) + 1), *p = out;
    for (size_t i = 0; out && i < len; i++) {
        if (template[i] != '?') {
            *p++ = template[i];
            continue;
        }
        for (const char *m = module; *m; m++)
            *p++ = *m == '.' ? '/' : *m;
    }
    return out;
}

/* The file that `require` would load. NULL: none. */
static const char *search_path(lua_State *L, struct hp_arena *a, const char *which, const char *module)
{
    const char *path = package_string(L, which);
    while (path && *path) {
        size_t len = strcspn(path, ";");
        const char *file = expand(a, path, len, module);
        if (file && readable(file))
            return file;
        path += len + (path[len] == ';');
    }
    return NULL;
}

/* --- unknown names ---------------------------------------------------------------------------- */

struct names {
    HP_LIST(const char *) all;
};

static void list_loaded(lua_State *L, struct hp_arena *a, struct names *names)
{
    push_loaded(L);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (lua_type(L, -2) == LUA_TSTRING && !never_patched(lua_tostring(L, -2))) {
            const char **slot = HP_PUSH(a, &names->all);
            if (slot)
                *slot = hp_arena_str(a, lua_tostring(L, -2));
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void offer(struct hp_report *r, const char *name)
{
    for (size_t i = 0; i < r->candidates.count; i++)
        if (strcmp(r->candidates.items[i], name) == 0)
            return;
    const char **slot = r->candidates.count < MAX_CANDIDATES ? HP_PUSH(&r->arena, &r->candidates) : NULL;
    if (slot)
        *slot = name;
}

static const char *last_segment(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

static enum hp_status unknown_module(lua_State *L, const char *name, struct hp_report *r)
{
    struct names names = {0};
    struct hp_suggest suggest;
    hp_suggest_init(&suggest, name);
    list_loaded(L, &r->arena, &names);
    for (size_t i = 0; i < names.all.count; i++)
        hp_suggest_offer(&suggest, names.all.items[i]);
    if (suggest.best)
        offer(r, suggest.best);
    for (size_t i = 0; i < names.all.count; i++)
        if (strstr(names.all.items[i], name) ||
            strcmp(last_segment(names.all.items[i]), last_segment(name)) == 0)
            offer(r, names.all.items[i]);
    if (r->candidates.count)
        return hp_report_fail(r, HP_REFUSED, "no module \"%s\" is loaded here; did you mean \"%s\"?", name,
                              r->candidates.items[0]);
    return hp_report_fail(r, HP_REFUSED,
                          "no module \"%s\" is loaded here; `hotpatch eval -e 'for k in "
                          "pairs(package.loaded) do print(k) end'` "
                          "lists those that are",
                          name);
}

/* --- from a file to its module ---------------------------------------------------------------- */

static bool same_file(const char *a, const char *b)
{
    char *x = realpath(a, NULL), *y = realpath(b, NULL); /* libc's own memory: freed at once */
    bool same = x && y && strcmp(x, y) == 0;
    free(x);
    free(y);
    return same;
}

static const char *base_name(struct hp_arena *a, const char *file)
{
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
    size_t len = strlen(name);
    if (len > 4 && strcmp(name + len - 4, ".lua") == 0)
        len -= 4;
    return hp_arena_strn(a, name, len);
}

/* The only loaded module that `require` would load from that file; NULL: the report says why not. */
static const char *module_of_file(lua_State *L, const char *file, struct hp_report *r)
{
    struct names names = {0};
    list_loaded(L, &r->arena, &names);
    for (size_t i = 0; i < names.all.count; i++) {
        const char *found = search_path(L, &r->arena, "path", names.all.items[i]);
        if (found && same_file(found, file))
            offer(r, names.all.items[i]);
    }
    if (r->candidates.count == 1) {
        r->candidates.count = 0;
        return r->candidates.items[0];
    }
    if (r->candidates.count > 1) {
        hp_report_fail(r, HP_REFUSED, "%s is the file of several loaded modules; say which: %s=%s", file,
                       r->candidates.items[0], file);
        return NULL;
    }
    for (size_t i = 0; i < names.all.count; i++)
        if (strcmp(last_segment(names.all.items[i]), base_name(&r->arena, file)) == 0)
            offer(r, names.all.items[i]);
    hp_report_fail(r, HP_REFUSED, "no loaded module comes from %s; say which one it replaces: %s=%s", file,
                   r->candidates.count ? r->candidates.items[0] : "MODULE", file);
    return NULL;
}

/* --- the live module -------------------------------------------------------------------------- */

/* Looks for a Lua function on top of the stack or, one level deep, in the table there; pushes it, preferring
 * one of that source. True: pushed. [-0, +(0|1), m] */
static bool push_function_of(lua_State *L, const char *chunk_name)
{
    int top = lua_gettop(L);
    if (lua_isfunction(L, top) && !lua_iscfunction(L, top)) {
        lua_pushvalue(L, top);
        return true;
    }
    if (!lua_istable(L, top))
        return false;
    lua_pushnil(L); /* the best so far */
    lua_pushnil(L);
    while (lua_next(L, top)) {
        lua_Debug ar;
        if (lua_isfunction(L, -1) && !lua_iscfunction(L, -1)) {
            lua_pushvalue(L, -1);
            lua_getinfo(L, ">S", &ar);
            bool exact = chunk_name && strcmp(ar.source, chunk_name) == 0;
            if (exact || lua_isnil(L, top + 1)) {
                lua_pushvalue(L, -1);
                lua_replace(L, top + 1);
            }
            if (exact) {
                lua_pop(L, 2);
                break;
            }
        }
        lua_pop(L, 1);
    }
    if (!lua_isnil(L, top + 1))
        return true;
    lua_settop(L, top);
    return false;
}

/* The environment of the function on top: its _ENV if that is a table, else the globals. [-0, +0, m] */
static hp_handle environment_of(lua_State *L, int anchor)
{
    const char *name;
    hp_handle handle = 0;
    for (int i = 1; !handle && lua_isfunction(L, -1) && (name = lua_getupvalue(L, -1, i)) != NULL; i++) {
        if (strcmp(name, "_ENV") == 0 && lua_istable(L, -1))
            handle = hp_anchor_add(L, anchor, -1);
        lua_pop(L, 1);
    }
    if (!handle) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
        handle = hp_anchor_add(L, anchor, -1);
        lua_pop(L, 1);
    }
    return handle;
}

/* Chunk name and environment from the live module on top of the stack. */
static void describe_module(lua_State *L, int anchor, struct hp_target *t, struct hp_report *r)
{
    lua_Debug ar;
    int top = lua_gettop(L);
    t->file = search_path(L, &r->arena, "path", t->module);
    if (t->file)
        t->chunk_name = hp_arena_printf(&r->arena, "@%s", t->file);
    bool found = push_function_of(L, t->chunk_name);
    if (found && !t->chunk_name) {
        lua_pushvalue(L, -1);
        lua_getinfo(L, ">S", &ar);
        t->chunk_name = hp_arena_str(&r->arena, ar.source);
    }
    t->root.environment = environment_of(L, anchor);
    lua_settop(L, top);
}

/* A module that has C functions and no Lua code of its own. */
static bool is_c_module(lua_State *L, struct hp_report *r, const char *module)
{
    bool c = false;
    int top = lua_gettop(L);
    if (lua_iscfunction(L, top))
        return true;
    if (!lua_istable(L, top) || search_path(L, &r->arena, "path", module) || push_function_of(L, NULL)) {
        lua_settop(L, top);
        return false;
    }
    lua_pushnil(L);
    while (!c && lua_next(L, top)) {
        c = lua_iscfunction(L, -1);
        lua_pop(L, 1);
    }
    lua_settop(L, top);
    return c;
}

/* --- all of them ------------------------------------------------------------------------------ */

/* The file that the module on top was loaded from: as its functions say, else where `require` finds it. NULL:
 * none. [-0, +0, m] */
static const char *file_of_module(lua_State *L, struct hp_arena *a, const char *module)
{
    lua_Debug ar;
    const char *file = search_path(L, a, "path", module);
    int top = lua_gettop(L);
    if (!file && push_function_of(L, NULL)) {
        lua_getinfo(L, ">S", &ar);
        file = ar.source[0] == '@' && readable(ar.source + 1) ? hp_arena_str(a, ar.source + 1) : NULL;
    }
    lua_settop(L, top);
    char *path = file ? realpath(file, NULL) : NULL; /* libc's own memory: freed at once */
    file = path ? hp_arena_str(a, path) : file;
    free(path);
    return file;
}

enum hp_status hp_target_list(lua_State *L, struct hp_report *report)
{
    struct names names = {0};
    luaL_checkstack(L, LUA_MINSTACK, "hotpatch");
    list_loaded(L, &report->arena, &names);
    for (size_t i = 0; i < names.all.count; i++) {
        push_module(L, names.all.items[i]);
        const char *file = file_of_module(L, &report->arena, names.all.items[i]);
        struct hp_report_module *m = file ? HP_PUSH(&report->arena, &report->modules) : NULL;
        if (m) {
            m->module = names.all.items[i];
            m->file = file;
        }
        lua_pop(L, 1);
    }
    return HP_OK;
}

/* --- dotted names ----------------------------------------------------------------------------- */

/* The longest prefix of the name that is a loaded module, pushed; the rest is the path. [-0, +(0|1), m] */
static bool push_prefix(lua_State *L, struct hp_arena *a, const char *name, struct hp_target *t)
{
    for (size_t len = strlen(name); len > 0;) {
        const char *module = hp_arena_strn(a, name, len);
        if (push_module(L, module) != LUA_TNIL) {
            t->module = module;
            t->path = name[len] == '.' ? name + len + 1 : "";
            return true;
        }
        lua_pop(L, 1);
        while (len > 0 && name[--len] != '.')
            continue;
    }
    return false;
}

/* A path below a global: `onTick`, `Skill.cast`, for code that no module table holds. [-0, +(0|1), m] */
static bool push_global(lua_State *L, const char *name, struct hp_target *t)
{
    size_t len = strcspn(name, ".");
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pushlstring(L, name, len);
    lua_rawget(L, -2);
    bool found = !lua_isnil(L, -1);
    lua_pop(L, found ? 1 : 2);
    if (found) {
        t->module = "_G";
        t->path = name;
    }
    return found;
}

/* Replaces the table on top by the one that holds the last segment of the path; the root's container and key.
 * [-0, +0, m] */
static enum hp_status follow_path(lua_State *L, int anchor, struct hp_target *t, struct hp_report *r)
{
    const char *at = t->path;
    for (;;) {
        size_t len = strcspn(at, ".");
        if (!lua_istable(L, -1))
            return hp_report_fail(
                r, HP_REFUSED,
                "\"%s\" of module \"%s\" leads through a value that is no table; `hotpatch inspect %s` "
                "lists the functions it has",
                t->path, t->module, t->module);
        t->root.container = hp_anchor_add(L, anchor, -1);
        t->root.key = hp_arena_strn(&r->arena, at, len);
        lua_pushlstring(L, at, len);
        lua_rawget(L, -2);
        lua_remove(L, -2);
        if (at[len] == '\0')
            return HP_OK;
        at += len + 1;
    }
}

static enum hp_status point_at(lua_State *L, int anchor, struct hp_target *t, struct hp_report *r)
{
    if (t->path[0] != '\0') {
        t->root.point = true;
        t->root.path = hp_arena_str(&r->arena, t->path);
        enum hp_status status = follow_path(L, anchor, t, r);
        if (status == HP_OK && lua_iscfunction(L, -1)) {
            hp_report_refuse(
                r, HP_R14_NOT_PATCHABLE, t->module, t->path,
                "%s is a C function, which has no Lua code to replace; patch the Lua code that calls it",
                t->path);
            return HP_REFUSED;
        }
        return status;
    }
    t->root.path = "";
    push_loaded(L);
    t->root.container = hp_anchor_add(L, anchor, -1);
    lua_pop(L, 1);
    t->root.key = t->module;
    return HP_OK;
}

/* --- together --------------------------------------------------------------------------------- */

/* `@PATH`: all live code of a source file. No table holds it: the search finds it. */
static enum hp_status source_file(lua_State *L, int anchor, const struct hp_policy *policy, const char *name,
                                  struct hp_target *t, struct hp_report *r)
{
    if (!hp_policy_allows(L, policy, name, r))
        return HP_REFUSED;
    t->module = t->chunk_name = t->root.key = hp_arena_str(&r->arena, name);
    t->file = readable(name + 1) ? t->module + 1 : NULL;
    t->path = t->root.path = "";
    lua_pushnil(L);
    t->root.environment = environment_of(L, anchor);
    return HP_OK;
}

static enum hp_status find(lua_State *L, int anchor, const struct hp_policy *policy,
                           const struct hp_request_module *asked, struct hp_target *t, struct hp_report *r)
{
    const char *name = asked->module;
    if (name && name[0] == '@')
        return source_file(L, anchor, policy, name, t, r);
    if (!name || !*name)
        name = module_of_file(L, asked->file ? asked->file : "-", r);
    if (!name)
        return HP_REFUSED;
    bool global = false;
    if (!push_prefix(L, &r->arena, name, t) && !(global = push_global(L, name, t)))
        return unknown_module(L, name, r);
    if (!global && !hp_policy_allows(L, policy, t->module, r))
        return HP_REFUSED;
    if (!global && is_c_module(L, r, t->module)) {
        hp_report_refuse(
            r, HP_R14_NOT_PATCHABLE, t->module, NULL,
            "\"%s\" is a C module, which has no Lua code to replace; patch the Lua code that calls it",
            t->module);
        return HP_REFUSED;
    }
    t->root.object = hp_anchor_add(L, anchor, -1);
    describe_module(L, anchor, t, r);
    if (!t->chunk_name)
        t->chunk_name = hp_arena_printf(&r->arena, "@%s", asked->file ? asked->file : t->module);
    return point_at(L, anchor, t, r);
}

enum hp_status hp_target_find(lua_State *L, int anchor, const struct hp_policy *policy,
                              const struct hp_request_module *asked, struct hp_target *target,
                              struct hp_report *report)
{
    int top = lua_gettop(L);
    memset(target, 0, sizeof *target);
    luaL_checkstack(L, LUA_MINSTACK, "hotpatch");
    enum hp_status status = find(L, lua_absindex(L, anchor), policy, asked, target, report);
    lua_settop(L, top);
    return status;
}
