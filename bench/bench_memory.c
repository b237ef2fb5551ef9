/* bench: the memory of an agent that was started and polled. What the agent itself asked for, of C and of
 * Lua, and beside it what the whole process has resident: with Lua alone, with an ipc listener of nng, and
 * with the agent. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hotpatch/hotpatch.h>
#include <lauxlib.h>
#include <lualib.h>
#include <nng/nng.h>

#include "bench/bench.h"
#include "bench/sample.h"
#include "proto/arena.h"

static size_t agent_bytes; /* blocks of hp_mem in use; only this thread and, for messages, nng's change it:
                              there are none */

static void *counted(void *ptr, size_t size)
{
    agent_bytes -= ptr ? malloc_usable_size(ptr) : 0;
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    void *block = realloc(ptr, size);
    agent_bytes += malloc_usable_size(block ? block : ptr);
    return block;
}

static long resident_kb(void)
{
    long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &total, &resident) != 2)
        die("cannot read /proc/self/statm", NULL);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static int lua_kb(lua_State *L)
{
    lua_gc(L, LUA_GCCOLLECT);
    return lua_gc(L, LUA_GCCOUNT);
}

static void start_agent(lua_State *L)
{
    struct hotpatch_options options = HOTPATCH_OPTIONS_INIT;
    options.name = "bench-memory";
    if (hotpatch_start(L, &options) != 0)
        die("hotpatch_start", lua_tostring(L, -1));
    hotpatch_poll(L);
}

static void listen_with_nng(void)
{
    nng_stream_listener *listener;
    nng_aio *aio;
    char url[100];
    snprintf(url, sizeof url, "ipc:///tmp/hotpatch-bench-%ld", (long)getpid());
    if (nng_stream_listener_alloc(&listener, url) != 0 || nng_stream_listener_listen(listener) != 0 ||
        nng_aio_alloc(&aio, NULL, NULL) != 0)
        die("nng cannot listen", url);
    nng_stream_listener_accept(listener, aio);
    unlink(url + strlen("ipc://"));
}

int bench_resident(const char *what)
{
    hp_mem_set_allocator(counted);
    lua_State *L = luaL_newstate();
    if (!L)
        die("no memory", NULL);
    luaL_openlibs(L);
    int before = lua_kb(L);
    if (strcmp(what, "agent") == 0)
        start_agent(L);
    else if (strcmp(what, "nng") == 0)
        listen_with_nng();
    printf("{\"resident_kb\": %ld, \"c_kb\": %.1f, \"lua_kb\": %d}\n", resident_kb(),
           (double)agent_bytes / 1024, lua_kb(L) - before);
    fflush(stdout);
    _exit(EXIT_SUCCESS); /* the listener of nng is not worth taking down */
}

static json_t *measure(const struct bench_options *o, const char *what)
{
    static char out[1000];
    const char *argv[] = {o->self, "--resident", what, NULL};
    run_program(argv, out, sizeof out);
    json_t *result = json_loads(out, 0, NULL);
    if (!result)
        die("cannot read", out);
    return result;
}

json_t *bench_memory(const struct bench_options *o, json_t *figures)
{
    json_t *lua = measure(o, "lua"), *nng = measure(o, "nng"), *agent = measure(o, "agent");
    add_figure(figures, "memory of the agent's own, C and Lua",
               number_in(agent, "c_kb") + number_in(agent, "lua_kb"), "KB", 1024);
    add_figure(figures, "  resident beyond the same program with an nng listener",
               number_in(agent, "resident_kb") - number_in(nng, "resident_kb"), "KB", 1024);
    add_figure(figures, "  resident beyond the same program without nng",
               number_in(agent, "resident_kb") - number_in(lua, "resident_kb"), "KB", 0);
    return json_pack("{s:o, s:o, s:o}", "lua", lua, "nng", nng, "agent", agent);
}
