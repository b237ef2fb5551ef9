/* A live program with an engine on it; the contract is in scene.h. The Lua side is program.lua. */
#include "scene.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/shape_lua.h"
#include "agent/spec.h"
#include "faults.h"

static char program_key; /* its address: of program.lua's table in the registry */

void scene_die(const struct scene *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "%s: ", s->folder);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    fflush(stderr);
    exit(2);
}

/* --- the table `hotpatch` of program.lua ------------------------------------------------------ */

static struct scene *self(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static int lua_open_engine(lua_State *L)
{
    struct scene *s = self(L);
    const char *error;
    s->engine = hp_engine_open(L, NULL, &error);
    return s->engine ? 0 : luaL_error(L, "%s", error);
}

/* Runs the request, pushes the report as a table, and lets both go. */
static int answer(lua_State *L, struct hp_request *request)
{
    struct hp_report report;
    hp_report_init(&report);
    hp_engine_run(self(L)->engine, L, request, "stress", &report);
    hp_shape_push(L, &HP_REPORT_SHAPE, &report);
    hp_report_fini(&report);
    hp_request_fini(request);
    return 1;
}

static int answer_spec(lua_State *L, enum hp_kind kind)
{
    struct hp_request request;
    struct hp_report report;
    hp_request_init(&request);
    hp_report_init(&report);
    request.kind = kind;
    hp_spec_read(L, 1, "stress", &request, &report);
    hp_report_fini(&report);
    return answer(L, &request);
}

static int lua_diff(lua_State *L)
{
    return answer_spec(L, HP_KIND_DIFF);
}

static int lua_patch(lua_State *L)
{
    return answer_spec(L, HP_KIND_PUSH);
}

static int lua_revert(lua_State *L)
{
    struct hp_request request;
    hp_request_init(&request);
    request.kind = HP_KIND_REVERT;
    request.patch = luaL_optinteger(L, 1, 0);
    return answer(L, &request);
}

static int lua_inspect(lua_State *L)
{
    struct hp_request request;
    hp_request_init(&request);
    request.kind = HP_KIND_INSPECT;
    request.target = hp_arena_str(&request.arena, luaL_checkstring(L, 1));
    return answer(L, &request);
}

static int lua_log(lua_State *L)
{
    struct hp_report report;
    hp_report_init(&report);
    hp_engine_log(self(L)->engine, &report);
    hp_shape_push(L, &HP_REPORT_SHAPE, &report);
    hp_report_fini(&report);
    return 1;
}

static const luaL_Reg functions[] = {
    {"open", lua_open_engine}, {"diff", lua_diff}, {"patch", lua_patch}, {"revert", lua_revert},
    {"inspect", lua_inspect},  {"log", lua_log},   {NULL, NULL}};

/* --- calling program.lua ---------------------------------------------------------------------- */

/* Pushes a function of it. */
static void push_program(struct scene *s, const char *name)
{
    lua_rawgetp(s->L, LUA_REGISTRYINDEX, &program_key);
    lua_getfield(s->L, -1, name);
    lua_remove(s->L, -2);
}

static void call(struct scene *s, int args, int results)
{
    if (lua_pcall(s->L, args, results, 0) != LUA_OK)
        scene_die(s, "%s", luaL_tolstring(s->L, -1, NULL));
}

/* The text on the top, copied; NULL for nil. */
static const char *take_text(struct scene *s)
{
    static char text[1000];
    const char *found = lua_tostring(s->L, -1);
    snprintf(text, sizeof text, "%s", found ? found : "");
    lua_pop(s->L, 1);
    return found ? text : NULL;
}

/* --- open and close --------------------------------------------------------------------------- */

void scene_load(struct scene *s, const char *folder)
{
    *s = (struct scene){.folder = folder};
    s->L = lua_newstate(faults_live_alloc, NULL);
    luaL_openlibs(s->L);
    if (luaL_loadfile(s->L, STRESS_FOLDER "/program.lua") != LUA_OK)
        scene_die(s, "%s", lua_tostring(s->L, -1));
    lua_pushstring(s->L, folder);
    luaL_newlibtable(s->L, functions);
    lua_pushlightuserdata(s->L, s);
    luaL_setfuncs(s->L, functions, 1);
    call(s, 2, 1);
    lua_rawsetp(s->L, LUA_REGISTRYINDEX, &program_key);
}

void scene_start(struct scene *s)
{
    push_program(s, "start");
    call(s, 0, 0);
}

void scene_close(struct scene *s)
{
    hp_engine_close(s->engine, s->L);
    lua_close(s->L);
    s->L = NULL;
    s->engine = NULL;
}

/* --- requests --------------------------------------------------------------------------------- */

static void read_spec(struct scene *s, struct hp_request *request)
{
    struct hp_report report;
    hp_report_init(&report);
    push_program(s, "spec");
    call(s, 0, 1);
    hp_spec_read(s->L, -1, "spec", request, &report);
    lua_pop(s->L, 1);
    hp_report_fini(&report);
}

void scene_request(struct scene *s, enum hp_kind kind, struct hp_request *request)
{
    static const char code[] = "print('a line of some length, so that it needs memory of its own')\n"
                               "local t = {} for i = 1, 20 do t[i] = { tostring(i) } end\n"
                               "return t, #t, 'text', print, 1 / 3";
    request->kind = kind;
    if (kind == HP_KIND_PUSH || kind == HP_KIND_DIFF || kind == HP_KIND_VERIFY)
        read_spec(s, request);
    request->code = (struct hp_bytes){code, sizeof code - 1};
    push_program(s, "target");
    call(s, 0, 1);
    request->target = hp_arena_str(&request->arena, take_text(s));
}

void scene_run(struct scene *s, const struct hp_request *request, struct hp_report *report)
{
    int top = lua_gettop(s->L), running = lua_gc(s->L, LUA_GCISRUNNING);
    lua_Hook hook = lua_gethook(s->L); /* of the guard of an earlier push */
    hp_engine_run(s->engine, s->L, request, "stress", report);
    if (lua_gettop(s->L) != top)
        scene_die(s, "the stack had %d values and has %d", top, lua_gettop(s->L));
    if (lua_gc(s->L, LUA_GCISRUNNING) != running)
        scene_die(s, "the collector was %s, and is not any more", running ? "running" : "stopped");
    bool is_guarded = request->options.guard && report->status == HP_APPLIED;
    if (is_guarded ? !lua_gethook(s->L) : lua_gethook(s->L) != hook)
        scene_die(s, is_guarded ? "the guard is not on" : "a hook was left, or taken away");
    if (hp_engine_busy(s->engine))
        scene_die(s, "the engine still takes itself for busy");
}

void scene_collect(struct scene *s)
{
    lua_gc(s->L, LUA_GCCOLLECT);
    lua_gc(s->L, LUA_GCCOLLECT);
}

/* --- what program.lua knows ------------------------------------------------------------------- */

struct picture *scene_picture(struct scene *s, bool whole, bool identities)
{
    push_program(s, "roots");
    lua_pushboolean(s->L, whole);
    call(s, 1, 2);
    struct picture *picture = picture_take(s->L, -2, -1, identities);
    lua_pop(s->L, 2);
    return picture;
}

const char *scene_after_push(struct scene *s, const struct hp_report *report)
{
    push_program(s, "after_push");
    hp_shape_push(s->L, &HP_REPORT_SHAPE, report);
    if (lua_pcall(s->L, 1, 0, 0) == LUA_OK)
        return NULL;
    luaL_tolstring(s->L, -1, NULL);
    lua_remove(s->L, -2);
    return take_text(s);
}

bool scene_calls_server(struct scene *s)
{
    push_program(s, "calls_server");
    call(s, 0, 1);
    bool calls = lua_toboolean(s->L, -1);
    lua_pop(s->L, 1);
    return calls;
}
