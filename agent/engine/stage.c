/* hotpatch engine: the stage, opened, filled and run; the contract is in stage.h. Bounds are in stagebound.c,
 * errors in stageerror.c. */
#include "agent/engine/stage.h"

#include <string.h>

#include "agent/engine/overlay.h"
#include "agent/engine/placeholder.h"
#include "agent/engine/stage_impl.h"
#include "agent/engine/stagelib.h"
#include "agent/engine/view.h"

#ifndef DEFAULT_INSTRUCTIONS /* a fuzzer has less patience */
#define DEFAULT_INSTRUCTIONS INT64_C(200000000)
#endif
#define DEFAULT_MEMORY  ((size_t)256 << 20)
#define DEFAULT_SECONDS 10.0
#define MAX_TRIES       8 /* of a load, with one more unknown number taken for 0 each time */

const struct hp_stage_slots HP_SLOT;

struct hp_stage *hp_stage_open(lua_State *live, int anchor, const struct hp_stage_limits *limits)
{
    struct hp_stage *s = hp_mem_calloc(sizeof *s);
    if (s == NULL)
        return NULL;
    s->live = live;
    s->anchor = anchor;
    s->limits = limits != NULL ? *limits : (struct hp_stage_limits){0};
    if (s->limits.memory == 0)
        s->limits.memory = DEFAULT_MEMORY;
    if (s->limits.instructions == 0)
        s->limits.instructions = DEFAULT_INSTRUCTIONS;
    if (s->limits.seconds <= 0)
        s->limits.seconds = DEFAULT_SECONDS;
    hp_arena_init(&s->arena);
    s->current = HP_NO_ID;
    return s;
}

void hp_stage_take_turns(struct hp_stage *s, struct hp_turn *turn)
{
    s->turn = turn;
}

/* Ends one try: the Lua state and what was noted of it. The modules with their trees stay. */
static void end_try(struct hp_stage *s)
{
    hp_turn_leave(s->turn);
    if (s->L != NULL) {
        hp_stage_unhook(s->L);
        lua_close(s->L);
        s->L = NULL;
    }
    hp_arena_fini(&s->arena);
    memset(&s->views, 0, sizeof s->views);
    memset(&s->expressions, 0, sizeof s->expressions);
    memset(&s->effects, 0, sizeof s->effects);
    memset(&s->warnings, 0, sizeof s->warnings);
    memset(&s->std, 0, sizeof s->std);
    memset(&s->trial, 0, sizeof s->trial);
    memset(&s->error, 0, sizeof s->error);
    memset(s->calls_at, 0, sizeof s->calls_at);
    s->written = 0;
    s->globals = s->loaded = 0;
    s->refused = 0;
    s->found_zero_count = 0;
    s->current = HP_NO_ID;
}

void hp_stage_close(struct hp_stage *s)
{
    if (s == NULL)
        return;
    end_try(s);
    for (size_t i = 0; i < s->module_count; i++) {
        if (s->modules[i].tree != NULL) {
            hp_prototypes_fini(s->modules[i].tree);
            hp_mem_free(s->modules[i].tree);
        }
    }
    hp_mem_free(s->modules);
    hp_mem_free(s);
}

struct hp_stage *hp_stage_of(lua_State *L)
{
    struct hp_stage *s;
    memcpy(&s, lua_getextraspace(L), sizeof s); /* coroutines inherit it */
    return s;
}

const char *hp_stage_keep(lua_State *L, const char *text)
{
    struct hp_stage *s = hp_stage_of(L);
    const char *kept = hp_arena_str(&s->arena, text != NULL ? text : "");
    if (hp_arena_failed(&s->arena))
        hp_stage_fail(L, HP_NO_MEMORY, "no memory for what the chunk did");
    return kept;
}

/* Where the chunk stands */

bool hp_stage_find_tag(const struct hp_stage *s, lua_Integer tag, uint32_t *module, uint32_t *prototype)
{
    for (uint32_t i = 0; tag >= HP_STAGE_FIRST_OFFSET && i < s->module_count; i++) {
        const struct hp_stage_module *m = &s->modules[i];
        if (m->tree != NULL && tag >= m->offset &&
            tag < (lua_Integer)m->offset + (lua_Integer)m->tree->prototypes.count) {
            *module = i;
            *prototype = (uint32_t)(tag - m->offset);
            return true;
        }
    }
    return false;
}

int hp_stage_last_line(lua_State *L, lua_Integer tag)
{
    const struct hp_stage *s = hp_stage_of(L);
    uint32_t module, prototype;
    if (!hp_stage_find_tag(s, tag, &module, &prototype))
        return -1;
    return s->modules[module].tree->prototypes.items[prototype].last_line;
}

bool hp_stage_prototype(lua_State *L, int idx, uint32_t *module, uint32_t *prototype)
{
    if (!lua_isfunction(L, idx) || lua_iscfunction(L, idx))
        return false;
    lua_Debug ar;
    lua_pushvalue(L, idx);
    lua_getinfo(L, ">S", &ar);
    return hp_stage_find_tag(hp_stage_of(L), ar.lastlinedefined, module, prototype);
}

void hp_stage_where(lua_State *L, uint32_t *module, int *line)
{
    const struct hp_stage *s = hp_stage_of(L);
    lua_Debug ar;
    uint32_t prototype;
    for (int level = 0; level < 100 && lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline > 0 && hp_stage_find_tag(s, ar.lastlinedefined, module, &prototype)) {
            *line = ar.currentline;
            return;
        }
    }
    *module = s->current;
    *line = 0;
}

void hp_stage_warn(lua_State *L, const char *fmt, const char *what)
{
    struct hp_stage *s = hp_stage_of(L);
    if (s->trial.depth != 0)
        return; /* not the chunk's own doing, and perhaps undone */
    uint32_t module = HP_NO_ID;
    int line = 0;
    hp_stage_where(L, &module, &line);
    const char *place = module != HP_NO_ID ? s->modules[module].short_src : "?";
    const char *at = hp_arena_printf(&s->arena, "%s:%d", place, line);
    const char *text = hp_stage_format(&s->arena, fmt, what != NULL ? what : at);
    for (size_t i = 0; i < s->warnings.count; i++)
        if (strcmp(s->warnings.items[i], text) == 0)
            return;
    const char **item = HP_PUSH(&s->arena, &s->warnings);
    if (item == NULL || hp_arena_failed(&s->arena))
        hp_stage_fail(L, HP_NO_MEMORY, "no memory for warnings");
    *item = text;
}

void hp_stage_set_metatable(lua_State *L, int object)
{
    object = lua_absindex(L, object);
    int metatable = lua_gettop(L);
    lua_pushliteral(L, "__gc");
    if (lua_istable(L, metatable))
        lua_rawget(L, metatable);
    bool has_gc = lua_istable(L, metatable) && !lua_isnil(L, -1);
    if (has_gc) { /* away while the metatable is set: a field that comes later is not looked at */
        lua_pushliteral(L, "__gc");
        lua_pushnil(L);
        lua_rawset(L, metatable);
    }
    lua_pushvalue(L, metatable);
    lua_setmetatable(L, object);
    if (has_gc) {
        lua_pushliteral(L, "__gc");
        lua_pushvalue(L, -2);
        lua_rawset(L, metatable);
    }
    lua_settop(L, metatable - 1);
}

/* Running */

/* Sets the _ENV of the main function on the top, if it is not the globals. [-0, +0, e] */
static void set_environment(lua_State *L, const struct hp_stage_chunk *chunk)
{
    if (chunk->environment != 0) {
        struct hp_peeked env = hp_peek_object(L, chunk->environment);
        hp_view_push(L, &env, 0, NULL, "_ENV");
        lua_setupvalue(L, -2, 1);
    }
}

/* What `require` gives for a body that returned nothing: what it put into package.loaded, else true. [-0, +1,
 * e] */
static void push_default_result(lua_State *L, const struct hp_stage_chunk *chunk)
{
    int base = lua_gettop(L);
    struct hp_peeked loaded = hp_peek_loaded(L);
    hp_view_push(L, &loaded, 0, NULL, "package.loaded");
    lua_pushstring(L, chunk->module != NULL ? chunk->module : "");
    if (!hp_overlay_get(L, base + 1, base + 2) || !lua_toboolean(L, -1))
        lua_pushboolean(L, 1);
    lua_replace(L, base + 1);
    lua_settop(L, base + 1);
}

void hp_stage_run_module(lua_State *L, uint32_t number)
{
    struct hp_stage *s = hp_stage_of(L);
    struct hp_stage_module *m = &s->modules[number];
    uint32_t outer = s->current;
    int64_t before = s->executed;
    luaL_checkstack(L, 10, NULL);
    int base = lua_gettop(L);
    m->phase = HP_MODULE_LOADING;
    s->current = number;
    hp_slot_push(L, mains);
    lua_rawgeti(L, -1, (lua_Integer)number + 1);
    set_environment(L, m->chunk);
    int n = 0;
    if (m->chunk->with_arguments) {
        lua_pushstring(L, m->chunk->module);
        lua_pushstring(L, m->chunk->path);
        n = 2;
    }
    lua_call(L, n, 1);
    s->current = outer;
    m->phase = HP_MODULE_LOADED;
    m->instructions = s->executed - before;
    m->returned = !lua_isnil(L, -1);
    if (!m->returned)
        push_default_result(L, m->chunk);
    hp_slot_push(L, results);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, (lua_Integer)number + 1);
    lua_pop(L, 1);
    lua_replace(L, base + 1);
    lua_settop(L, base + 1);
}

/* Everything that may raise, under one protected call. */
static int run_all(lua_State *L)
{
    struct hp_stage *s = hp_stage_of(L);
    hp_turn_leave(s->turn); /* compiling takes long, and no live state */
    for (uint32_t i = 0; i < s->module_count; i++)
        hp_stage_compile(L, i);
    hp_stage_hook(L);
    for (uint32_t i = 0; i < s->module_count; i++) {
        if (s->modules[i].phase != HP_MODULE_LOADED) {
            hp_stage_run_module(L, i);
            lua_pop(L, 1);
        }
    }
    hp_stage_check(L);
    return 0;
}

/* One try. The result is Lua's. */
static int try_all(struct hp_stage *s)
{
    for (size_t i = 0; i < s->module_count; i++) {
        s->modules[i].phase = HP_MODULE_UNLOADED;
        if (s->watcher != NULL)
            s->watcher(s->watcher_context, (uint32_t)i, 0);
    }
    s->L = lua_newstate(hp_stage_alloc, s);
    if (s->L == NULL)
        return LUA_ERRMEM;
    memcpy(lua_getextraspace(s->L), &s, sizeof s);
    lua_pushcfunction(s->L, hp_stage_on_error);
    lua_pushcfunction(s->L, hp_stage_fill);
    int status = lua_pcall(s->L, 0, 0, 1);
    if (status == LUA_OK) {
        lua_pushcfunction(s->L, run_all);
        status = lua_pcall(s->L, 0, 0, 1);
    }
    hp_stage_unhook(s->L);
    return status;
}

/* Another number is to be 0: true if it was not one of them before. */
static bool add_zeros(struct hp_stage *s)
{
    size_t before = s->zero_count;
    for (size_t i = 0; i < s->found_zero_count && s->zero_count < sizeof s->zeros / sizeof *s->zeros; i++)
        s->zeros[s->zero_count++] = s->found_zeros[i];
    return s->zero_count > before;
}

enum hp_status hp_stage_run(struct hp_stage *s, const struct hp_stage_chunk *chunks, size_t count,
                            struct hp_report *report)
{
    s->modules = hp_mem_calloc(count * sizeof *s->modules);
    if (s->modules == NULL)
        return hp_report_fail(report, HP_NO_MEMORY, "no memory to load the chunk");
    s->module_count = count;
    for (size_t i = 0; i < count; i++)
        s->modules[i].chunk = &chunks[i];
    s->deadline = hp_stage_now() + s->limits.seconds;
    for (int try = 1;; try++) {
        int status = try_all(s);
        if (status == LUA_OK) {
            s->ran = true;
            return HP_OK;
        }
        if (s->failure != HP_OK || try == MAX_TRIES || !add_zeros(s))
            return hp_stage_report(s, status, report);
        end_try(s);
    }
}
