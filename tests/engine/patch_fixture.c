/* A small live program, and plans for it made by hand; see patch_fixture.h. */
#include "patch_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

/* --- Memory ----------------------------------------------------------------------------------- */

static long made, limit = -1;
static bool only_one;

static bool refused(void)
{
    made++;
    return limit >= 0 && (only_one ? made == limit + 1 : made > limit);
}

void fx_refuse(long after)
{
    made = 0;
    limit = after;
    only_one = false;
}

void fx_refuse_one(long after)
{
    fx_refuse(after);
    only_one = true;
}

long fx_allocations(void)
{
    return made;
}

static void *lua_memory(void *ud, void *ptr, size_t osize, size_t nsize)
{
    (void)ud;
    if (nsize == 0) {
        free(ptr);
        return NULL;
    }
    if ((ptr == NULL || nsize > osize) && refused())
        return NULL;
    return realloc(ptr, nsize);
}

static long ours; /* blocks of hp_mem in use */

static void *our_memory(void *ptr, size_t size)
{
    if (size == 0) {
        ours -= ptr != NULL;
        free(ptr);
        return NULL;
    }
    if (refused())
        return NULL;
    ours += ptr == NULL;
    return realloc(ptr, size);
}

/* --- The live program ------------------------------------------------------------------------- */

static const char snapshot_code[] =
    "local debug, tostring, type, next, math_type = debug, tostring, type, next, math.type\n"
    "local sort, concat, format, rawget = table.sort, table.concat, string.format, rawget\n"
    "local function name(v)\n"
    "  local t = type(v)\n"
    "  if t == 'string' then return format('%q', v) end\n"
    "  if t == 'number' then return math_type(v) .. ' ' .. tostring(v) end\n"
    "  if t == 'nil' or t == 'boolean' then return tostring(v) end\n"
    "  return format('%s %p', t, v)\n"
    "end\n"
    "return function(root)\n"
    "  local seen, work, out = {}, { root }, {}\n"
    "  local function visit(v)\n"
    "    local t = type(v)\n"
    "    if (t == 'table' or t == 'function' or t == 'userdata') and not seen[v] then seen[v] = true; "
    "work[#work + 1] = v end\n"
    "    return name(v)\n"
    "  end\n"
    "  seen[root] = true\n"
    "  while #work > 0 do\n"
    "    local v = work[#work]; work[#work] = nil\n"
    "    local lines = {}\n"
    "    if type(v) == 'table' then\n"
    "      for k, x in next, v do lines[#lines + 1] = visit(k) .. '=' .. visit(x) end\n"
    "      sort(lines)\n"
    "    elseif type(v) == 'function' then\n"
    "      for i = 1, 255 do\n"
    "        local n, x = debug.getupvalue(v, i)\n"
    "        if not n then break end\n"
    "        lines[#lines + 1] = format('%s@%p=%s', n, debug.upvalueid(v, i), visit(x))\n"
    "      end\n"
    "    end\n"
    "    lines[#lines + 1] = 'mt=' .. visit(debug.getmetatable(v))\n"
    "    out[#out + 1] = name(v) .. '{' .. concat(lines, ',') .. '}'\n"
    "  end\n"
    "  sort(out)\n"
    "  return concat(out, '\\n')\n"
    "end\n";

void fx_check(struct fixture *f, int result)
{
    if (result != LUA_OK)
        fail_msg("%s", lua_tostring(f->L, -1));
}

void fx_open(struct fixture *f, const char *program)
{
    *f = (struct fixture){0};
    fx_refuse(-1);
    hp_mem_set_allocator(our_memory);
    f->L = lua_newstate(lua_memory, NULL);
    assert_non_null(f->L);
    luaL_openlibs(f->L);
    fx_check(f, luaL_loadstring(f->L, snapshot_code));
    fx_check(f, lua_pcall(f->L, 0, 1, 0));
    lua_setfield(f->L, LUA_REGISTRYINDEX, "snapshot");
    fx_lua(f, program);
    f->history = hp_history_open(f->L);
    assert_non_null(f->history);
    f->sources = hp_sources_new(0);
    assert_non_null(f->sources);
    lua_pushnil(f->L); /* the anchor's place */
    f->anchor = lua_gettop(f->L);
    hp_report_init(&f->report);
    hp_plan_init(&f->plan);
    hp_graph_init(&f->graph);
}

static void drop_request(struct fixture *f)
{
    lua_settop(f->L, f->anchor);
    lua_pushnil(f->L);
    lua_replace(f->L, f->anchor);
    hp_report_fini(&f->report);
    hp_plan_fini(&f->plan);
    hp_graph_fini(&f->graph);
}

void fx_close(struct fixture *f)
{
    fx_refuse(-1);
    drop_request(f);
    hp_history_close(f->history, f->L);
    hp_sources_free(f->sources);
    lua_close(f->L);
    hp_mem_set_allocator(NULL);
    assert_int_equal(ours, 0);
}

void fx_begin(struct fixture *f)
{
    drop_request(f);
    hp_report_init(&f->report);
    hp_plan_init(&f->plan);
    hp_graph_init(&f->graph);
    hp_graph_add(&f->graph, HP_NODE_NIL);
    hp_anchor_push_new(f->L);
    lua_replace(f->L, f->anchor);
    f->options = (struct hp_execution_options){.who = "uid 1", .message = "a test"};
    struct hp_plan_module *module = HP_PUSH(&f->plan.arena, &f->plan.modules);
    *module = (struct hp_plan_module){.name = "battle", .object = fx_live(f, "M")};
}

/* --- Carrying out ----------------------------------------------------------------------------- */

/* What the protected entry is given. */
struct entry {
    struct fixture *f;
    struct hp_execution *x;
    bool only_prepare;
    enum hp_status status;
};

static int enter(lua_State *L)
{
    struct entry *e = lua_touserdata(L, 1);
    e->status = hp_prepare(L, e->x);
    if (e->status == HP_OK && !e->only_prepare) {
        long before = fx_allocations();
        hp_commit(L, e->x);
        assert_int_equal(fx_allocations(), before);
        e->status = hp_finish(L, e->x);
    }
    return 0;
}

static int make(lua_State *L)
{
    struct entry *e = lua_touserdata(L, 1);
    struct fixture *f = e->f;
    e->x = hp_execution_push_new(L, 2, &f->plan, f->history, f->sources, &f->options, &f->report);
    return 1;
}

/* Leaves the execution's userdata on the stack unless it could not be made. */
static enum hp_status run(struct entry *e)
{
    lua_State *L = e->f->L;
    lua_pushcfunction(L, make);
    lua_pushlightuserdata(L, e);
    lua_pushvalue(L, e->f->anchor);
    if (lua_pcall(L, 2, 1, 0) != LUA_OK) {
        lua_pop(L, 1);
        return HP_NO_MEMORY;
    }
    lua_pushcfunction(L, enter);
    lua_pushlightuserdata(L, e);
    int result = lua_pcall(L, 1, 0, 0);
    if (result != LUA_OK) {
        if (result != LUA_ERRMEM)
            fail_msg("prepare raised: %s", lua_tostring(L, -1));
        lua_pop(L, 1);
        e->status = HP_NO_MEMORY;
    }
    if (e->status != HP_OK) {
        long before = fx_allocations();
        hp_execution_undo(L, e->x);
        assert_int_equal(fx_allocations(), before);
    }
    return e->status;
}

enum hp_status fx_run(struct fixture *f)
{
    struct entry e = {.f = f};
    int top = lua_gettop(f->L);
    enum hp_status status = run(&e);
    lua_settop(f->L, top);
    return status;
}

enum hp_status fx_prepare(struct fixture *f, struct hp_execution **x)
{
    struct entry e = {.f = f, .only_prepare = true};
    enum hp_status status = run(&e);
    *x = e.x;
    return status;
}

/* (struct entry, anchor) */
static int plan_revert(lua_State *L)
{
    struct entry *e = lua_touserdata(L, 1);
    e->status = hp_history_plan_revert(e->f->history, L, 2, NULL, &e->f->graph, &e->f->plan, &e->f->report);
    assert_int_equal(lua_gettop(L), 2);
    return 0;
}

enum hp_status fx_plan_revert(struct fixture *f)
{
    struct entry e = {.f = f};
    hp_plan_fini(&f->plan);
    lua_pushcfunction(f->L, plan_revert);
    lua_pushlightuserdata(f->L, &e);
    lua_pushvalue(f->L, f->anchor);
    int result = lua_pcall(f->L, 2, 0, 0);
    if (result == LUA_OK)
        return e.status;
    assert_int_equal(result, LUA_ERRMEM);
    lua_pop(f->L, 1);
    return HP_NO_MEMORY;
}

enum hp_status fx_revert(struct fixture *f)
{
    enum hp_status status = fx_plan_revert(f);
    if (status == HP_OK) {
        f->options.revert = true;
        status = fx_run(f);
    }
    return status;
}

void fx_lua(struct fixture *f, const char *code)
{
    fx_check(f, luaL_loadstring(f->L, code));
    fx_check(f, lua_pcall(f->L, 0, 0, 0));
}

char *fx_snapshot(struct fixture *f)
{
    lua_State *L = f->L;
    lua_getfield(L, LUA_REGISTRYINDEX, "snapshot");
    lua_pushglobaltable(L);
    fx_check(f, lua_pcall(L, 1, 1, 0));
    char *text = hp_mem_alloc(lua_rawlen(L, -1) + 1);
    assert_non_null(text);
    strcpy(text, lua_tostring(L, -1));
    lua_pop(L, 1);
    return text;
}
