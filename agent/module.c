/* hotpatch: the Lua module. Each function checks its arguments, makes a request, and gives the report as a
 * table; C memory is in a userdata, so that an error of Lua frees it. */
#include <lauxlib.h>

#include "agent/agent.h"
#include "agent/joiner.h"
#include "agent/shape_lua.h"
#include "agent/spec.h"
#include "agent/start_options.h"
#include "hotpatch/hotpatch.h"

#define CALL_TYPE "hotpatch.call"

struct call {
    struct hp_request request;
    struct hp_report report;
};

static int call_collect(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    hp_request_fini(&call->request);
    hp_report_fini(&call->report);
    return 0;
}

/* [-0, +1, memory] */
static struct call *call_push(lua_State *L, enum hp_kind kind)
{
    struct call *call = lua_newuserdatauv(L, sizeof *call, 0);
    hp_request_init(&call->request);
    hp_report_init(&call->report);
    call->request.kind = kind;
    call->request.kind_word = hp_kind_word(kind);
    if (luaL_newmetatable(L, CALL_TYPE)) {
        lua_pushcfunction(L, call_collect);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return call;
}

/* Pushes the report and gives the memory back now and not at the next collection. [-0, +1, memory] */
static int call_give_report(lua_State *L, struct call *call)
{
    if (hp_arena_failed(&call->report.arena))
        luaL_error(L, "hotpatch: not enough memory for the report (status %s)",
                   hp_status_info(call->report.status)->word);
    hp_shape_push(L, &HP_REPORT_SHAPE, &call->report);
    hp_request_fini(&call->request);
    hp_report_fini(&call->report);
    return 1;
}

/* What was wrong with the request already stays the answer. */
static int call_run(lua_State *L, struct call *call)
{
    struct hp_agent *agent = hp_agent_obtain(L);
    if (call->report.status == HP_OK)
        hp_agent_run(L, agent, &call->request, &call->report);
    return call_give_report(L, call);
}

static int module_start(lua_State *L)
{
    struct hotpatch_options options;
    lua_settop(L, 1);
    hp_start_options_read(L, 1, &options);
    hp_agent_start(L, &options);
    lua_pushboolean(L, 1);
    return 1;
}

/* poll() -> number of requests handled [, why the socket could not be opened] */
static int module_poll(lua_State *L)
{
    if (!hp_work_any()) {
        lua_pushinteger(L, 0);
        return 1;
    }
    lua_pushinteger(L, hp_agent_poll(L));
    struct hp_agent *agent = hp_agent_get(L);
    if (!agent || !agent->failed)
        return 1;
    lua_pushstring(L, agent->problem.text);
    return 2;
}

static int module_fd(lua_State *L)
{
    int fd = hp_agent_fd(L);
    if (fd < 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, fd);
    return 1;
}

static int module_stop(lua_State *L)
{
    lua_pushboolean(L, hp_agent_stop(L));
    return 1;
}

static int run_spec(lua_State *L, enum hp_kind kind, const char *what)
{
    lua_settop(L, 1);
    struct call *call = call_push(L, kind);
    hp_spec_read(L, 1, what, &call->request, &call->report);
    return call_run(L, call);
}

static int module_patch(lua_State *L)
{
    return run_spec(L, HP_KIND_PUSH, "hotpatch.patch");
}

static int module_diff(lua_State *L)
{
    return run_spec(L, HP_KIND_DIFF, "hotpatch.diff");
}

/* Is what runs what the source says? */
static int module_verify(lua_State *L)
{
    return run_spec(L, HP_KIND_VERIFY, "hotpatch.verify");
}

/* reload(name [, options]): afterwards the module's functions are what the file says. */
static int module_reload(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    lua_settop(L, 2);
    struct call *call = call_push(L, HP_KIND_PUSH);
    hp_spec_read_options(L, 2, "hotpatch.reload", &call->request);
    call->request.options.all = true;
    hp_spec_find_module(L, name, &call->request, &call->report);
    return call_run(L, call);
}

static int module_confirm(lua_State *L)
{
    lua_Integer patch = luaL_optinteger(L, 1, 0);
    struct call *call = call_push(L, HP_KIND_CONFIRM);
    hp_agent_confirm(hp_agent_obtain(L), patch, &call->report);
    return call_give_report(L, call);
}

/* revert([patch] [, options]) */
static int module_revert(lua_State *L)
{
    int options = lua_istable(L, 1) ? 1 : 2;
    lua_Integer patch = options == 1 ? 0 : luaL_optinteger(L, 1, 0);
    lua_settop(L, 2);
    struct call *call = call_push(L, HP_KIND_REVERT);
    call->request.patch = patch;
    hp_spec_read_options(L, options, "hotpatch.revert", &call->request);
    return call_run(L, call);
}

static int module_inspect(lua_State *L)
{
    size_t len;
    const char *target = luaL_checklstring(L, 1, &len);
    struct call *call = call_push(L, HP_KIND_INSPECT);
    call->request.target = hp_arena_strn(&call->request.arena, target, len);
    return call_run(L, call);
}

static int module_log(lua_State *L)
{
    struct call *call = call_push(L, HP_KIND_LOG);
    hp_agent_log(hp_agent_obtain(L), &call->report);
    int results = call_give_report(L, call);
    if (lua_getfield(L, -1, "patches") == LUA_TNIL) { /* of a log, none is an answer, too */
        lua_newtable(L);
        lua_setfield(L, -3, "patches");
    }
    lua_pop(L, 1);
    return results;
}

int luaopen_hotpatch(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"start", module_start},
        {"poll", module_poll},
        {"fd", module_fd},
        {"stop", module_stop},
        {"patch", module_patch},
        {"diff", module_diff},
        {"verify", module_verify},
        {"log", module_log},
        {"reload", module_reload},
        {"revert", module_revert},
        {"inspect", module_inspect},
        {"confirm", module_confirm},
        {NULL, NULL},
    };
    luaL_checkversion(L);
    hp_agent_obtain(L);
    luaL_newlib(L, functions);
    lua_pushliteral(L, HP_VERSION);
    lua_setfield(L, -2, "_VERSION");
    hp_joiner_push(L);
    lua_setfield(L, -2, "new");
    return 1;
}
