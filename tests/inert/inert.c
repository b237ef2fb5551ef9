/* inert, a Lua module for measuring how chunks load in the stage, from inside a process that has really
 * loaded them.
 *
 *   inert.start()       from now on each body (main function of a file) that runs in this coroutine, or in
 * one made from now on, is recorded inert.stop()        no more, in the calling coroutine inert.records()
 * list of { source = "@file", body = function, lines = set of lines that ran, arguments = list, returned =
 * true once it came to its end }, one for each body, oldest first inert.stage(spec)   loads spec.text in a
 * stage over this state, in place of nothing: { status, error, traceback, lines, effects = list, warnings =
 * list }. spec: text, chunk_name, module, path, environment (a table, nil for the globals), arguments
 * (whether `...` is module, path) inert.table         the table that holds the records: to be left out of
 * pictures of the program
 *
 * For tests: errors of memory may leak.
 */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "agent/engine/stage.h"

__attribute__((visibility("default"))) int luaopen_inert(lua_State *L);

static char records_key;

/* Recording */

/* Pushes a new record of the body on the top, which stays; the chunk stands at its first line in `ar`. */
static void push_new_record(lua_State *L, lua_Debug *ar, int records)
{
    lua_newtable(L);
    lua_pushstring(L, ar->source);
    lua_setfield(L, -2, "source");
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "body");
    lua_newtable(L);
    lua_setfield(L, -2, "lines");
    lua_newtable(L);
    for (int i = 1; lua_getlocal(L, ar, -i) != NULL; i++)
        lua_rawseti(L, -2, i);
    lua_setfield(L, -2, "arguments");
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, records);
    lua_pushvalue(L, -1);
    lua_rawseti(L, records, (lua_Integer)lua_rawlen(L, records) + 1);
}

static void on_event(lua_State *L, lua_Debug *ar)
{
    lua_getinfo(L, "S", ar);
    if (ar->what[0] != 'm' || ar->source[0] != '@' || !lua_checkstack(L, 12))
        return;
    int top = lua_gettop(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &records_key);
    lua_getinfo(L, "f", ar);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, top + 1) == LUA_TNIL) {
        lua_pop(L, 1);
        push_new_record(L, ar, top + 1);
    }
    if (ar->event == LUA_HOOKLINE) {
        lua_getinfo(L, "l", ar);
        lua_getfield(L, -1, "lines");
        lua_pushboolean(L, 1);
        lua_rawseti(L, -2, ar->currentline);
    } else {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, "returned");
    }
    lua_settop(L, top);
}

static int start(lua_State *L)
{
    lua_sethook(L, on_event, LUA_MASKLINE | LUA_MASKRET, 0);
    return 0;
}

static int stop(lua_State *L)
{
    lua_sethook(L, NULL, 0, 0);
    return 0;
}

static int records(lua_State *L)
{
    lua_newtable(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &records_key);
    for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++)
        lua_rawseti(L, -3, i);
    lua_pop(L, 2);
    return 1;
}

/* Staging */

/* Which lines ran. */
struct lines {
    uint8_t *seen;
    int count;
};

static void add_line(void *context, uint32_t chunk, int line)
{
    (void)chunk;
    struct lines *lines = context;
    if (line == 0)
        memset(lines->seen, 0, (size_t)lines->count);
    else if (line < lines->count)
        lines->seen[line] = 1;
}

static void set_string(lua_State *L, const char *key, const char *value)
{
    lua_pushstring(L, value); /* nil for NULL */
    lua_setfield(L, -2, key);
}

/* What the graph says of the effects and warnings, into the table on the top. */
static void set_notes(lua_State *L, const struct hp_graph *g)
{
    lua_newtable(L);
    for (size_t i = 0; i < g->effects.count; i++) {
        const struct hp_effect *e = &g->effects.items[i];
        lua_pushfstring(L, "%s(%s):%d", e->call, e->args, e->line);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "effects");
    lua_newtable(L);
    for (size_t i = 0; i < g->warnings.count; i++) {
        lua_pushstring(L, g->warnings.items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "warnings");
}

static const char *string_field(lua_State *L, const char *key)
{
    lua_getfield(L, 1, key); /* stays on the stack */
    return lua_tostring(L, -1);
}

static int count_lines(const char *text, size_t len)
{
    int n = 2; /* lines are counted from 1 */
    for (size_t i = 0; i < len; i++)
        n += text[i] == '\n' || text[i] == '\r';
    return n;
}

static void set_lines(lua_State *L, const uint8_t *seen, int count)
{
    lua_newtable(L);
    for (int i = 1; i < count; i++) {
        if (seen[i] != 0) {
            lua_pushboolean(L, 1);
            lua_rawseti(L, -2, i);
        }
    }
    lua_setfield(L, -2, "lines");
}

/* Runs the chunk and leaves the result table on the top. The collector and the hooks are off. */
static void stage_chunk(lua_State *L, int anchor, const struct hp_stage_chunk *chunk)
{
    struct lines lines = {.count = count_lines(chunk->text, chunk->len)};
    lines.seen = lua_newuserdatauv(L, (size_t)lines.count, 0);
    memset(lines.seen, 0, (size_t)lines.count);
    struct hp_report report;
    struct hp_graph graph;
    hp_report_init(&report);
    hp_graph_init(&graph);
    struct hp_stage *stage = hp_stage_open(L, anchor, NULL);
    enum hp_status status = HP_NO_MEMORY;
    if (stage != NULL) {
        hp_stage_watch(stage, add_line, &lines);
        status = hp_stage_run(stage, chunk, 1, &report);
        if (status == HP_OK)
            status = hp_stage_collect(stage, &graph);
    }
    hp_stage_close(stage);
    lua_newtable(L);
    set_string(L, "status", hp_status_info(status)->word);
    if (report.error != NULL) {
        set_string(L, "error", report.error->text);
        set_string(L, "traceback", report.error->traceback);
    }
    set_lines(L, lines.seen, lines.count);
    set_notes(L, &graph);
    hp_graph_fini(&graph);
    hp_report_fini(&report);
}

static int stage(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkstack(L, 40, NULL);
    lua_settop(L, 1);
    hp_anchor_push_new(L);
    struct hp_stage_chunk chunk = {0};
    chunk.module = string_field(L, "module");
    chunk.chunk_name = string_field(L, "chunk_name");
    chunk.path = string_field(L, "path");
    chunk.text = string_field(L, "text");
    chunk.len = lua_rawlen(L, -1);
    luaL_argcheck(L, chunk.text != NULL && chunk.chunk_name != NULL && chunk.module != NULL, 1,
                  "a string is missing");
    lua_getfield(L, 1, "arguments");
    chunk.with_arguments = lua_toboolean(L, -1);
    lua_getfield(L, 1, "environment");
    chunk.environment = hp_anchor_add(L, 2, lua_gettop(L));
    lua_Hook hook = lua_gethook(L);
    int mask = lua_gethookmask(L);
    lua_sethook(L, NULL, 0, 0);
    bool running = lua_gc(L, LUA_GCISRUNNING) > 0;
    lua_gc(L, LUA_GCSTOP);
    stage_chunk(L, 2, &chunk);
    if (running)
        lua_gc(L, LUA_GCRESTART);
    lua_sethook(L, hook, mask, 0);
    return 1;
}

int luaopen_inert(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"start", start}, {"stop", stop}, {"records", records}, {"stage", stage}, {NULL, NULL},
    };
    luaL_newlib(L, functions);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &records_key);
    lua_setfield(L, -2, "table");
    return 1;
}
