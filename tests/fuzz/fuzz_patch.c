/* libFuzzer over whole patches: a program of tests/cases is loaded into a real Lua state, used, and patched
 * with an edited text (patch_corpus.h), with options that the bytes choose. What must hold, whatever the
 * texts are:
 *
 *   - nothing crashes, leaks or hangs
 *   - a diff changes nothing, and says what the push then says
 *   - a push that is refused, fails or changes nothing leaves every object, value, metatable and cell as it
 * was
 *   - a revert brings back what was there, up to the identity of functions
 *
 * Bytes: number of the case (2), flags (1, see below), whose text is edited (1: 0 the case's new text, 1 its
 * old one, else another case's), edits (5 each). HOTPATCH_CASES in the environment, or the built-in folder,
 * is where the texts are. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/engine.h"
#include "tests/fuzz/patch_corpus.h"

#define HEADER_SIZE       4
#define LIVE_MEMORY       ((size_t)32 << 20)
#define LIVE_INSTRUCTIONS 100000 /* to load the old text; what needs more is left out */

enum flag {
    FLAG_STRICT = 1,
    FLAG_PRUNE = 2,
    FLAG_ALL = 4,
    FLAG_THREE_WAY = 8,
    FLAG_EFFECTS = 16,
    FLAG_NO_BASE = 32,
    FLAG_USED = 64, /* the program has run before the patch */
    FLAG_SLICES = 128,
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the live program ------------------------------------------------------------------------- */

struct live {
    lua_State *L;
    size_t memory;
};

static void *live_memory(void *ud, void *ptr, size_t osize, size_t nsize)
{
    struct live *live = ud;
    size_t old = ptr ? osize : 0;
    if (nsize == 0) {
        free(ptr);
        live->memory -= old;
        return NULL;
    }
    if (nsize > old && live->memory - old + nsize > LIVE_MEMORY)
        return NULL;
    void *block = realloc(ptr, nsize);
    if (block)
        live->memory += nsize - old;
    return block;
}

static int nothing(lua_State *L)
{
    (void)L;
    return 0;
}

/* What reaches out of the process, waits, or could undo the bounds. */
static void tame(lua_State *L)
{
    static const char *const names[][2] = {
        {"os", "exit"},       {"os", "execute"},      {"os", "remove"}, {"os", "rename"},
        {"os", "tmpname"},    {"os", "setlocale"},    {"io", "open"},   {"io", "popen"},
        {"io", "lines"},      {"io", "read"},         {"io", "write"},  {"io", "input"},
        {"io", "output"},     {"io", "tmpfile"},      {"io", "close"},  {"debug", "debug"},
        {"debug", "sethook"}, {"package", "loadlib"},
    };
    static const char *const globals[] = {"print", "dofile", "loadfile", "collectgarbage"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        lua_getglobal(L, names[i][0]);
        lua_pushcfunction(L, nothing);
        lua_setfield(L, -2, names[i][1]);
        lua_pop(L, 1);
    }
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++) {
        lua_pushcfunction(L, nothing);
        lua_setglobal(L, globals[i]);
    }
    lua_getglobal(L, "package");
    lua_pushliteral(L, "");
    lua_setfield(L, -2, "path");
    lua_pushliteral(L, "");
    lua_setfield(L, -2, "cpath");
    lua_pop(L, 1);
}

static void too_long(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    luaL_error(L, "the program runs too long");
}

static bool call_bounded(lua_State *L, int arguments, int results)
{
    lua_sethook(L, too_long, LUA_MASKCOUNT, LIVE_INSTRUCTIONS);
    bool ok = lua_pcall(L, arguments, results, 0) == LUA_OK;
    lua_sethook(L, NULL, 0, 0);
    return ok;
}

/* Loads the text as `require "m"` would. */
static bool load_module(lua_State *L, const char *text)
{
    bool ok = luaL_loadbufferx(L, text, strlen(text), "@m.lua", "t") == LUA_OK;
    if (ok) {
        lua_pushliteral(L, "m");
        lua_pushliteral(L, "./m.lua");
        ok = call_bounded(L, 2, 1);
    }
    if (ok) {
        luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
        if (lua_isnil(L, -2)) {
            lua_pushboolean(L, 1);
            lua_replace(L, -3);
        }
        lua_pushvalue(L, -2);
        lua_setfield(L, -2, "m");
    }
    lua_settop(L, 0);
    return ok;
}

static bool open_live(struct live *live, const char *text)
{
    *live = (struct live){0};
    live->L = lua_newstate(live_memory, live);
    if (!live->L)
        abort();
    luaL_openlibs(live->L);
    tame(live->L);
    return load_module(live->L, text);
}

static const char use_code[] =
    "local m = ...\n"
    "if type(m) ~= 'table' then return end\n"
    "local names = {}\n"
    "for k in next, m do if type(k) == 'string' then names[#names + 1] = k end end\n"
    "table.sort(names)\n"
    "for _, k in ipairs(names) do\n"
    "  local v = rawget(m, k)\n"
    "  if type(v) == 'function' then pcall(v, 1, 'a', {}) pcall(v, m)\n"
    "  elseif math.type(v) == 'integer' then rawset(m, k, v + 1)\n"
    "  elseif type(v) == 'table' then\n"
    "    rawset(v, 'at_run_time', names)\n"
    "    local first = next(v)\n"
    "    if type(rawget(v, first)) == 'function' then m.alias_of = v[first] end\n"
    "  end\n"
    "end\n";

static void use(lua_State *L)
{
    if (luaL_loadstring(L, use_code) != LUA_OK)
        abort();
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, "m");
    lua_remove(L, -2);
    call_bounded(L, 1, 0);
    lua_settop(L, 0);
}

/* --- pictures of it (tests/cases/snapshot.lua) ------------------------------------------------ */

static char *snapshot_text;

/* Stack: 1 snapshot module, 2 the picture before. */
static const char picture_code[] =
    "local snapshot = ...\n"
    "local debug = debug\n"
    "return snapshot.take({ _G, debug.getregistry()._LOADED, debug.getmetatable('') },\n"
    "                     { [snapshot] = true })\n";

static void must(lua_State *L, int status)
{
    if (status == LUA_OK)
        return;
    fprintf(stderr, "the picture: %s\n", lua_tostring(L, -1));
    abort();
}

/* snapshot.lua is loaded once for each live state, before anything can be replaced. */
static void open_pictures(lua_State *L)
{
    must(L, luaL_loadstring(L, "local text, collect = ...\n"
                               "local env = setmetatable({ collectgarbage = collect }, { __index = _G })\n"
                               "return load(text, '=snapshot', 't', env)()\n"));
    lua_pushstring(L, snapshot_text);
    lua_pushcfunction(L, nothing);
    must(L, lua_pcall(L, 2, 1, 0));
    must(L, luaL_loadstring(L, picture_code));
}

/* Leaves a picture on the stack. Stack: 1 snapshot, 2 picture_code. */
static void take(lua_State *L)
{
    lua_gc(L, LUA_GCCOLLECT);
    lua_gc(L, LUA_GCCOLLECT);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 1);
    must(L, lua_pcall(L, 1, 1, 0));
}

/* Ends the program if the live state is not as the picture at `before` shows; `how`: "same" or "alike". */
static void compare(lua_State *L, int before, const char *how, const char *what)
{
    lua_getfield(L, 1, how);
    lua_pushvalue(L, before);
    take(L);
    must(L, lua_pcall(L, 2, 1, 0));
    if (lua_isstring(L, -1)) {
        fprintf(stderr, "%s changed the program: %s\n", what, lua_tostring(L, -1));
        abort();
    }
    lua_pop(L, 1);
}

/* --- requests --------------------------------------------------------------------------------- */

struct chosen {
    const struct corpus_case *of;
    char *fresh;
    unsigned flags;
};

static void fill_request(struct hp_request *r, const struct chosen *c, enum hp_kind kind)
{
    hp_request_init(r);
    r->kind = kind;
    struct hp_request_module *m = kind == HP_KIND_REVERT ? NULL : HP_PUSH(&r->arena, &r->modules);
    if (m) {
        m->module = "m";
        m->file = "m.lua";
        m->source = (struct hp_bytes){c->fresh, strlen(c->fresh)};
        if (!(c->flags & FLAG_NO_BASE))
            m->base = (struct hp_bytes){c->of->old, strlen(c->of->old)};
    }
    r->options.strict = c->flags & FLAG_STRICT;
    r->options.prune = c->flags & FLAG_PRUNE;
    r->options.all = c->flags & FLAG_ALL;
    r->options.merge = c->flags & FLAG_THREE_WAY ? "three-way" : "keep";
    r->options.effects = c->flags & FLAG_EFFECTS ? "new" : "none";
}

static void ask(struct hp_engine *engine, lua_State *L, const struct chosen *c, enum hp_kind kind,
                struct hp_report *report)
{
    struct hp_request request;
    int top = lua_gettop(L);
    fill_request(&request, c, kind);
    hp_report_init(report);
    if (c->flags & FLAG_SLICES) {
        hp_engine_begin(engine, L, &request, NULL, report);
        while (!hp_engine_step(engine, L, 0))
            continue;
    } else {
        hp_engine_run(engine, L, &request, NULL, report);
    }
    if (lua_gettop(L) != top || lua_gethook(L) || !lua_gc(L, LUA_GCISRUNNING))
        abort();
    if (getenv("HOTPATCH_FUZZ_SHOW")) {
        fprintf(stderr, "-- %s: %s %s\n", hp_kind_word(kind), hp_status_info(report->status)->word,
                report->error ? report->error->text : "");
        for (size_t i = 0; i < report->warnings.count; i++)
            fprintf(stderr, "   %s %s\n", report->warnings.items[i].code, report->warnings.items[i].text);
        for (size_t i = 0; i < report->refusals.count; i++)
            fprintf(stderr, "   refused: %s %s\n", report->refusals.items[i].code,
                    report->refusals.items[i].text);
        for (size_t i = 0; i < report->replayed.count; i++)
            fprintf(stderr, "   replayed: %s(%s)\n", report->replayed.items[i].call,
                    report->replayed.items[i].args);
    }
    hp_request_fini(&request);
}

/* Did code of the server, or of the patch itself, run? Then what it did is its own business. */
static bool ran_code(const struct chosen *c, const struct hp_report *push)
{
    bool performed = false;
    for (size_t i = 0; i < push->effects.count; i++)
        performed |= push->effects.items[i].performed;
    return push->replayed.count > 0 || performed || push->status == HP_ROLLED_BACK ||
           strstr(c->fresh, "__hot") != NULL;
}

static bool same_notes(const struct hp_report *a, const struct hp_report *b)
{
    bool same = a->warnings.count == b->warnings.count;
    for (size_t i = 0; same && i < a->warnings.count; i++)
        same = strcmp(a->warnings.items[i].code, b->warnings.items[i].code) == 0;
    return same;
}

static bool same_functions(const struct hp_report *a, const struct hp_report *b)
{
    bool same = a->modules.count == b->modules.count;
    for (size_t i = 0; same && i < a->modules.count; i++) {
        const struct hp_report_module *m = &a->modules.items[i], *n = &b->modules.items[i];
        same = m->functions.count == n->functions.count && m->joined.count == n->joined.count &&
               m->absent.count == n->absent.count && m->fields.count == n->fields.count;
        for (size_t k = 0; same && k < m->functions.count; k++)
            same = strcmp(m->functions.items[k].path, n->functions.items[k].path) == 0 &&
                   strcmp(m->functions.items[k].verdict, n->functions.items[k].verdict) == 0;
    }
    return same;
}

static void check_promise(const struct hp_report *diff, const struct hp_report *push)
{
    bool changes = push->status == HP_APPLIED || push->status == HP_FAILED || push->status == HP_ROLLED_BACK;
    if (push->status == HP_CONFLICT || push->status == HP_LIMIT || push->status == HP_NO_MEMORY ||
        diff->status == HP_LIMIT)
        return; /* bounds of time and memory are not the same twice */
    if (push->status == HP_FAILED || push->status == HP_ROLLED_BACK)
        return; /* calls that were replayed failed: no diff can know */
    if (diff->status != (changes ? HP_PLANNED : push->status) || !same_notes(diff, push) ||
        !same_functions(diff, push)) {
        fprintf(stderr, "diff says %s, push %s\n", hp_status_info(diff->status)->word,
                hp_status_info(push->status)->word);
        abort();
    }
}

/* --- one input -------------------------------------------------------------------------------- */

static void patch(struct hp_engine *engine, lua_State *L, const struct chosen *c)
{
    struct hp_report diff, push, revert;
    take(L);
    int before = lua_gettop(L);
    ask(engine, L, c, HP_KIND_DIFF, &diff);
    compare(L, before, "same", "a diff");
    ask(engine, L, c, HP_KIND_PUSH, &push);
    check_promise(&diff, &push);
    bool code = ran_code(c, &push);
    if (push.status != HP_APPLIED) {
        if (!code)
            compare(L, before, "same", hp_status_info(push.status)->word);
    } else {
        ask(engine, L, c, HP_KIND_REVERT, &revert);
        if (revert.status == HP_REVERTED && !code)
            compare(L, before, "alike", "push and revert");
        hp_report_fini(&revert);
    }
    hp_report_fini(&push);
    hp_report_fini(&diff);
}

static char *choose_text(lua_State *L, const uint8_t *data, size_t size, const struct corpus_case *of)
{
    const struct corpus_case *other = corpus_case(data[3] % corpus_count());
    const char *start = data[3] == 0 ? of->fresh : data[3] == 1 ? of->old : other->fresh;
    return corpus_mutate(L, start, data + HEADER_SIZE, size - HEADER_SIZE);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    const char *folder = getenv("HOTPATCH_CASES") ? getenv("HOTPATCH_CASES") : HOTPATCH_CASES_DIR;
    char path[4096];
    corpus_load(folder);
    snprintf(path, sizeof path, "%s/snapshot.lua", folder);
    FILE *f = fopen(path, "rb");
    snapshot_text = calloc(1, 65536);
    if (!f || !snapshot_text || fread(snapshot_text, 1, 65535, f) == 0)
        abort();
    fclose(f);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct live live;
    if (size < HEADER_SIZE)
        return 0;
    struct chosen c = {.of = corpus_case(((size_t)data[0] << 8 | data[1]) % corpus_count()),
                       .flags = data[2]};
    if (open_live(&live, c.of->old)) {
        const char *error = NULL;
        struct hp_engine *engine = hp_engine_open(live.L, &(struct hp_engine_options){0}, &error);
        c.fresh = choose_text(live.L, data, size, c.of);
        if (getenv("HOTPATCH_FUZZ_SHOW"))
            fprintf(stderr, "-- %s, flags %02x\n%s\n", c.of->name, c.flags, c.fresh);
        if (!engine)
            abort();
        if (c.flags & FLAG_USED)
            use(live.L);
        open_pictures(live.L);
        patch(engine, live.L, &c);
        free(c.fresh);
        hp_engine_close(engine, live.L);
    }
    lua_close(live.L);
    return 0;
}
