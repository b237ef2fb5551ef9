/* hotpatch engine: the standard library in the stage; the contract is in stagelib.h. */
#include "agent/engine/stagelib.h"

#include <string.h>

#include "agent/engine/effect.h"
#include "agent/engine/placeholder.h"
#include "agent/engine/stage_impl.h"

#define MAX_SUBJECT ((size_t)4 << 20) /* of pattern matching: no single call of C can be interrupted */
#define MAX_PATTERN ((size_t)1000)

struct treatment {
    const char *name;
    enum hp_std_kind kind;
    const char *guess;
};

/* What is not listed here and has no emulation is an effect: it does something outside the stage, or looks at
 * what is not there. */
static const struct treatment TREATMENTS[] = {
    {"assert", HP_STD_NATIVE, NULL},
    {"error", HP_STD_NATIVE, NULL},
    {"rawequal", HP_STD_NATIVE, NULL},
    {"select", HP_STD_PURE1, "table"},
    {"tonumber", HP_STD_PURE, "number"},
    {"coroutine.create", HP_STD_PURE1, "thread"},
    {"coroutine.isyieldable", HP_STD_PURE1, "boolean"},
    {"coroutine.running", HP_STD_NATIVE, NULL},
    {"coroutine.wrap", HP_STD_PURE1, "function"},
    {"coroutine.yield", HP_STD_NATIVE, NULL},
    {"debug.getlocal", HP_STD_PURE, "string"},
    {"debug.traceback", HP_STD_PURE1, "string"},
    {"math.", HP_STD_PURE, "number"},
    {"os.difftime", HP_STD_PURE, "number"},
    {"os.getenv", HP_STD_PURE, "string"},
    {"package.searchpath", HP_STD_PURE, "string"},
    {"string.", HP_STD_PURE, "string"},
    {"table.insert", HP_STD_CHANGE, "table"},
    {"table.pack", HP_STD_NATIVE, NULL},
    {"table.remove", HP_STD_CHANGE, "table"},
    {"table.sort", HP_STD_CHANGE, "table"},
    {"table.unpack", HP_STD_PURE, "table"},
    {"utf8.", HP_STD_PURE, "string"},
    /* Emulated (stagebase.c): only what their results are. */
    {"debug.getinfo", HP_STD_EMULATED, "table"},
    {"load", HP_STD_EMULATED, "function"},
    {"os.clock", HP_STD_EMULATED, "number"},
    {"os.date", HP_STD_EMULATED, "string"},
    {"os.time", HP_STD_EMULATED, "number"},
    {"rawlen", HP_STD_EMULATED, "number"},
    {"table.concat", HP_STD_EMULATED, "string"},
    {"tostring", HP_STD_EMULATED, "string"},
    /* In spite of the lines above: */
    {"math.random", HP_STD_EFFECT, "number"},
    {"math.randomseed", HP_STD_EFFECT, "number"},
    {"string.dump", HP_STD_EFFECT, "string"},
    {"collectgarbage", HP_STD_EFFECT, "number"},
    {"io.lines", HP_STD_EFFECT, "function"},
    {"io.open", HP_STD_EFFECT, "userdata"},
    {"io.popen", HP_STD_EFFECT, "userdata"},
    {"io.read", HP_STD_EFFECT, "string"},
    {"loadfile", HP_STD_EFFECT, "function"},
    {"os.remove", HP_STD_EFFECT, "boolean"},
    {"os.rename", HP_STD_EFFECT, "boolean"},
    {"os.tmpname", HP_STD_EFFECT, "string"},
};

/* The last line that names the function, or its library, counts. */
static void treat(struct hp_std *std)
{
    for (size_t i = 0; i < sizeof TREATMENTS / sizeof *TREATMENTS; i++) {
        const struct treatment *t = &TREATMENTS[i];
        if (*t->name != *std->name)
            continue; /* this runs for 150 functions at each push */
        size_t len = strlen(t->name);
        bool library = t->name[len - 1] == '.';
        if (library ? strncmp(std->name, t->name, len) == 0 : strcmp(std->name, t->name) == 0) {
            std->kind = t->kind;
            std->guess = t->guess;
        }
    }
    std->emulated = hp_stagebase_find(std->name);
    if (std->emulated == NULL)
        std->emulated = hp_stagelibs_find(std->name);
    if (std->emulated != NULL)
        std->kind = HP_STD_EMULATED;
}

/* Lists the functions of the library table on the top. [-0, +0, e] */
static void list_library(lua_State *L, const char *library)
{
    struct hp_stage *s = hp_stage_of(L);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (lua_type(L, -2) == LUA_TSTRING && lua_iscfunction(L, -1)) {
            bool basic = strcmp(library, LUA_GNAME) == 0;
            struct hp_std std = {.real = lua_tocfunction(L, -1)};
            std.name =
                hp_arena_concat(&s->arena, basic ? "" : library, basic ? "" : ".", lua_tostring(L, -2));
            treat(&std);
            struct hp_std *item = HP_PUSH(&s->arena, &s->std);
            if (item == NULL || hp_arena_failed(&s->arena))
                hp_stage_fail(L, HP_NO_MEMORY, "no memory for the list of standard functions");
            *item = std;
        }
        lua_pop(L, 1);
    }
}

void hp_stagelib_open(lua_State *L)
{
    static const char *const libraries[] = {
        LUA_GNAME,      LUA_LOADLIBNAME, LUA_COLIBNAME,   LUA_TABLIBNAME, LUA_IOLIBNAME, LUA_OSLIBNAME,
        LUA_STRLIBNAME, LUA_MATHLIBNAME, LUA_UTF8LIBNAME, LUA_DBLIBNAME,  NULL};
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    for (int i = 0; libraries[i] != NULL; i++) {
        lua_getfield(L, -1, libraries[i]);
        list_library(L, libraries[i]);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

const struct hp_std *hp_stagelib_find(lua_State *L, lua_CFunction f)
{
    const struct hp_stage *s = hp_stage_of(L);
    for (size_t i = 0; i < s->std.count; i++)
        if (s->std.items[i].real == f)
            return &s->std.items[i];
    return NULL;
}

const struct hp_std *hp_stagelib_self(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static void insert_self(lua_State *L)
{
    lua_Debug ar;
    luaL_checkstack(L, 4, NULL);
    lua_getstack(L, 0, &ar);
    lua_getinfo(L, "f", &ar);
    lua_insert(L, 1);
}

int hp_stagelib_effect(lua_State *L)
{
    insert_self(L);
    return hp_effect_record(L);
}

int hp_stagelib_placeholder(lua_State *L)
{
    const char *guess = hp_stagelib_self(L)->guess;
    insert_self(L);
    return hp_effect_pure(L, guess != NULL ? guess : "table");
}

static void check_pattern_sizes(lua_State *L, const struct hp_std *std)
{
    if (strcmp(std->name, "string.find") != 0 && strcmp(std->name, "string.match") != 0 &&
        strcmp(std->name, "string.gmatch") != 0 && strcmp(std->name, "string.gsub") != 0)
        return;
    if (lua_type(L, 1) == LUA_TSTRING && lua_type(L, 2) == LUA_TSTRING &&
        (lua_rawlen(L, 1) > MAX_SUBJECT || lua_rawlen(L, 2) > MAX_PATTERN)) {
        hp_stage_fail(L, HP_LIMIT,
                      "the chunk matches a pattern against more than 4 MB, or one of more than 1000 bytes");
    }
}

/* The real function runs in this very frame, so that its messages say what they always say; it has no
 * upvalues of its own, which is what makes that possible. */
static int call_pure(lua_State *L)
{
    const struct hp_std *std = hp_stagelib_self(L);
    int last = std->kind == HP_STD_PURE ? lua_gettop(L) : 1;
    if (hp_any_placeholder(L, 1, last))
        return std->kind == HP_STD_CHANGE ? hp_stagelib_effect(L) : hp_stagelib_placeholder(L);
    check_pattern_sizes(L, std);
    return std->real(L);
}

void hp_stagelib_push(lua_State *L, const struct hp_std *std)
{
    if (std->kind == HP_STD_NATIVE) {
        lua_pushcfunction(L, std->real);
        return;
    }
    lua_pushlightuserdata(L, (void *)(uintptr_t)std);
    lua_pushcclosure(L, std->kind == HP_STD_EMULATED ? std->emulated : call_pure, 1);
}
