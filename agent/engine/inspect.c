/* hotpatch engine: the live functions of a module; the contract is in inspect.h. What is found is written by
 * inspect_report.c.
 *
 * Two rounds over one queue. First the tables and metatables reachable from the root without passing through
 * a function: this finds what the module offers, and its source. Then the upvalues of the functions of that
 * source, and what they lead to. Values are kept in a Lua array, paths in the report's arena; what was met is
 * known by address.
 */
#include "inspect.h"

#include <lauxlib.h>
#include <string.h>

#include "inspect_walk.h"
#include "lx.h"
#include "proto/suggest.h"
#include "show.h"

#define MAX_FUNCTIONS 10000
#define MAX_FIELDS    200000

/* --- the queue -------------------------------------------------------------------------------- */

/* Adds the object on the top, once; false when it was met before. [-0, +0, m] */
static bool enqueue(struct hp_inspection *x, const char *path, bool behind)
{
    lua_State *L = x->L;
    bool fresh = false;
    uint32_t *met =
        hp_map_put(&x->met, (uint64_t)(uintptr_t)lua_topointer(L, -1), 0, (uint32_t)x->objects.count, &fresh);
    if (met == NULL) {
        luaL_error(L, "not enough memory");
        return false;
    }
    if (!fresh) {
        struct hp_inspected_object *old = &x->objects.items[*met];
        /* An alias: the shorter path, else the first by name, so that the answer does not hang on the order
         * of a table. */
        if (!behind && !old->behind && old->path[0] != '\0' && path[0] != '\0' && !old->followed &&
            (strlen(path) < strlen(old->path) ||
             (strlen(path) == strlen(old->path) && strcmp(path, old->path) < 0)))
            old->path = path;
        return false;
    }
    struct hp_inspected_object *object = HP_PUSH(&x->report->arena, &x->objects);
    if (object == NULL) {
        luaL_error(L, "not enough memory");
        return false;
    }
    *object =
        (struct hp_inspected_object){.path = path, .behind = behind, .is_function = lua_isfunction(L, -1)};
    lua_pushvalue(L, -1);
    lua_rawseti(L, x->values, (lua_Integer)x->objects.count);
    return true;
}

/* Is the object on the top something of others: another module, the globals, a C function? [-0, +0, m] */
static bool is_foreign(struct hp_inspection *x)
{
    lua_State *L = x->L;
    if (lua_iscfunction(L, -1))
        return true;
    if (!lua_istable(L, -1))
        return false;
    lua_pushvalue(L, -1);
    lua_rawget(L, x->boundary);
    bool foreign = !lua_isnil(L, -1);
    lua_pop(L, 1);
    return foreign;
}

static const char *source_of(struct hp_inspection *x)
{
    lua_Debug ar;
    lua_pushvalue(x->L, -1);
    lua_getinfo(x->L, ">S", &ar);
    return ar.source;
}

/* The value on the top stands at `path`; `behind`: it was reached through a function of the module. [-0, +0,
 * m] */
static void meet(struct hp_inspection *x, const char *path, bool behind)
{
    lua_State *L = x->L;
    if ((!lua_istable(L, -1) && !lua_isfunction(L, -1)) || is_foreign(x))
        return;
    if (lua_isfunction(L, -1)) {
        if (behind && strcmp(source_of(x), x->home) != 0)
            return;
        if (x->functions == MAX_FUNCTIONS) {
            x->cut = true;
            return;
        }
        x->functions += enqueue(x, path, behind) ? 1 : 0;
        return;
    }
    enqueue(x, path, behind);
}

/* --- following -------------------------------------------------------------------------------- */

/* Path of the key at `key` below `path`, in the arena. [-0, +0, m] */
static const char *field_path(struct hp_inspection *x, const char *path, int key)
{
    hp_show_key(x->L, key, path[0] == '\0', &x->text);
    return hp_arena_printf(&x->report->arena, "%s%s", path, hp_show_take(&x->text, &x->report->arena));
}

/* The fields and the metatable of the table on the top. [-0, +0, m] */
static void follow_table(struct hp_inspection *x, const char *path, bool behind)
{
    lua_State *L = x->L;
    int table = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, table) != 0) {
        if (++x->fields > MAX_FIELDS) {
            x->cut = true;
            break;
        }
        if (lua_istable(L, -1) || (lua_isfunction(L, -1) && !lua_iscfunction(L, -1)))
            meet(x, field_path(x, path, table + 1), behind);
        lua_settop(L, table + 1);
    }
    lua_settop(L, table);
    if (lua_getmetatable(L, table)) {
        meet(x, hp_arena_printf(&x->report->arena, "%s@mt", path), behind);
        lua_pop(L, 1);
    }
}

/* What the upvalues of the function on the top hold. [-0, +0, m] */
static void follow_function(struct hp_inspection *x, const char *path)
{
    const char *name;
    for (int i = 1; (name = lua_getupvalue(x->L, -1, i)) != NULL; i++) {
        if (lua_istable(x->L, -1) || lua_isfunction(x->L, -1))
            meet(x, hp_arena_printf(&x->report->arena, "%s^%s", path, name), true);
        lua_pop(x->L, 1);
    }
}

/* Follows the objects of the queue from `at` on, tables or functions or both, until there is nothing new.
 * [-0, +0, m] */
static void follow(struct hp_inspection *x, bool functions)
{
    for (size_t i = 0; i < x->objects.count; i++) {
        struct hp_inspected_object object = x->objects.items[i];
        if (object.followed || (object.is_function && !functions))
            continue;
        x->objects.items[i].followed = true;
        lua_rawgeti(x->L, x->values, (lua_Integer)i + 1);
        if (!object.is_function)
            follow_table(x, object.path, object.behind);
        else if (strcmp(source_of(x), x->home) == 0)
            follow_function(x, object.path);
        lua_pop(x->L, 1);
    }
}

/* --- the module's own source ------------------------------------------------------------------ */

/* The source that most of the functions found so far come from. The strings are the functions' own. [-0, +0,
 * m] */
static void find_home(struct hp_inspection *x)
{
    struct hp_map counts;
    uint32_t most = 0;
    hp_map_init(&counts, &x->report->arena);
    x->home = "";
    for (size_t i = 0; i < x->objects.count; i++) {
        if (!x->objects.items[i].is_function)
            continue;
        lua_rawgeti(x->L, x->values, (lua_Integer)i + 1);
        const char *source = source_of(x);
        lua_pop(x->L, 1);
        uint64_t hash =
            1469598103934665603u; /* FNV-1a: sources of one module may be equal strings at two addresses */
        for (const char *c = source; *c != '\0'; c++)
            hash = (hash ^ (unsigned char)*c) * 1099511628211u;
        bool fresh;
        uint32_t *count = hp_map_put(&counts, hash, 0, 0, &fresh);
        if (count != NULL && ++*count > most) {
            most = *count;
            x->home = source;
        }
    }
}

/* --- the target ------------------------------------------------------------------------------- */

/* Pushes t[segment] of the table on the top in its place, raw. A segment that looks like an integer is one,
 * if there is no such string. [-1, +1, m] */
static void step(lua_State *L, const char *segment, size_t len)
{
    if (!lua_istable(L, -1)) {
        lua_pop(L, 1);
        lua_pushnil(L);
        return;
    }
    lua_pushlstring(L, segment, len);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) == LUA_TNIL) {
        int is_integer;
        lua_Integer n = lua_tointegerx(L, -2, &is_integer);
        if (is_integer) {
            lua_pop(L, 1);
            lua_rawgeti(L, -2, n);
        }
    }
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* Replaces the table on the top by what the dotted path leads to. [-1, +1, m] */
static void walk_path(lua_State *L, const char *path)
{
    while (*path != '\0') {
        size_t len = strcspn(path, ".");
        step(L, path, len);
        path += len + (path[len] == '.');
    }
}

/* Pushes package.loaded, an empty table if there is none. [-0, +1, m] */
static void push_loaded(lua_State *L)
{
    lua_pushliteral(L, LUA_LOADED_TABLE);
    if (lua_rawget(L, LUA_REGISTRYINDEX) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
    }
}

/* Pushes the target's value, nil if there is none, and sets the path of the root within its module. [-0, +1,
 * m] */
static void push_target(struct hp_inspection *x, const char *target)
{
    lua_State *L = x->L;
    push_loaded(L);
    for (size_t len = strlen(target); len > 0; len--) {
        if (target[len] != '\0' && target[len] != '.')
            continue;
        lua_pushlstring(L, target, len);
        if (lua_rawget(L, -2) != LUA_TNIL) {
            lua_remove(L, -2);
            x->module_len = len;
            x->root = target[len] == '.' ? target + len + 1 : "";
            walk_path(L, x->root);
            return;
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    x->root = target;
    walk_path(L, target);
}

static void offer_candidate(struct hp_report *r, const char *name)
{
    const char **slot = HP_PUSH(&r->arena, &r->candidates);
    if (slot != NULL)
        *slot = name;
}

/* Says what is missing: the path in a module, or the module, with the closest name of a loaded one. [-0, +0,
 * m] */
static enum hp_status fail_unknown(struct hp_inspection *x, const char *target)
{
    lua_State *L = x->L;
    struct hp_report *r = x->report;
    struct hp_suggest suggest;
    if (x->module_len != 0) {
        return hp_report_fail(r, HP_REFUSED, "\"%.*s\" is loaded, but there is nothing at \"%s\" in it",
                              (int)x->module_len, target, x->root);
    }
    hp_suggest_init(&suggest, target);
    push_loaded(L);
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
        lua_pop(L, 1);
        if (lua_type(L, -1) == LUA_TSTRING)
            hp_suggest_offer(&suggest, lua_tostring(L, -1));
    }
    const char *best = hp_arena_str(&r->arena, suggest.best); /* before its owner leaves the stack */
    lua_pop(L, 1);
    if (best == NULL)
        return hp_report_fail(r, HP_REFUSED, "there is no module or global \"%s\" in this server", target);
    offer_candidate(r, best);
    return hp_report_fail(r, HP_REFUSED,
                          "there is no module or global \"%s\" in this server; did you mean \"%s\"?", target,
                          best);
}

/* Everything that is never entered: package.loaded and what it holds, the globals; but not the root. [-0, +0,
 * m] */
static void mark_boundary(struct hp_inspection *x, int root)
{
    lua_State *L = x->L;
    push_loaded(L);
    int loaded = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, loaded) != 0) {
        if (lua_istable(L, -1)) {
            lua_pushboolean(L, 1);
            lua_rawset(L, x->boundary);
        } else {
            lua_pop(L, 1);
        }
    }
    lua_pushboolean(L, 1);
    lua_rawset(L, x->boundary);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pushboolean(L, 1);
    lua_rawset(L, x->boundary);
    lua_pushvalue(L, root);
    lua_pushnil(L);
    lua_rawset(L, x->boundary);
}

/* --- the whole -------------------------------------------------------------------------------- */

/* The block that may raise for memory. Stack: 1 the inspection. */
static int inspect(lua_State *L)
{
    struct hp_inspection *x = lua_touserdata(L, 1);
    x->L = L;
    lua_newtable(L);
    x->values = lua_gettop(L);
    lua_newtable(L);
    x->boundary = lua_gettop(L);
    push_target(x, x->target);
    if (lua_isnil(L, -1)) {
        fail_unknown(x, x->target);
        return 0;
    }
    if (!lua_istable(L, -1) && (!lua_isfunction(L, -1) || lua_iscfunction(L, -1))) {
        hp_report_fail(x->report, HP_REFUSED, "\"%s\" is a %s: there are no Lua functions in it", x->target,
                       lua_iscfunction(L, -1) ? "C function" : luaL_typename(L, -1));
        return 0;
    }
    mark_boundary(x, lua_gettop(L));
    if (lua_isfunction(L, -1) && x->root[0] == '\0')
        x->root = x->target; /* a module that is a function: by its own name */
    meet(x, hp_arena_str(&x->report->arena, x->root), false);
    follow(x, false);
    find_home(x);
    follow(x, true);
    hp_inspection_report(x);
    return 0;
}

enum hp_status hp_inspect(lua_State *L, const char *target, struct hp_report *report)
{
    struct hp_inspection x = {.target = target, .report = report};
    struct hp_lx_failure failure;
    if (target[0] == '\0') {
        return hp_report_fail(report, HP_REFUSED,
                              "inspect what? Name a module, or a path in one: battle.Skill");
    }
    if (!lua_checkstack(L, LUA_MINSTACK))
        return hp_report_fail(report, HP_NO_MEMORY, "not enough memory");
    hp_map_init(&x.met, &report->arena);
    hp_buf_init(&x.text, 4096);
    int status = hp_lx_protect(L, inspect, &x, &report->arena, &failure);
    hp_buf_fini(&x.text);
    if (status != LUA_OK || hp_arena_failed(&report->arena))
        return hp_report_fail(report, HP_NO_MEMORY, "%s", "not enough memory to inspect");
    if (x.cut) {
        hp_report_warn(report, HP_R00_NONE, target, NULL,
                       "only the first %d functions and %d fields were looked at", MAX_FUNCTIONS, MAX_FIELDS);
    }
    return report->error != NULL ? report->status : HP_OK;
}
