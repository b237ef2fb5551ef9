/* The program closes its Lua state while a push is under way: in each phase, and so in the middle of
 * planning, when the planner's thread may hold the live state (agent/engine/turn.h). The real agent with its
 * real engine, asked over its socket, closed after k polls for k = 0, 1, 2 … until k polls are the whole
 * push. The asker gets an answer, and nothing is left: no thread, no memory, no socket. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "proto/arena.h"

#ifdef HP_TEST_FEW
#define FUNCTIONS 40
#else
#define FUNCTIONS 120
#endif

static atomic_long blocks;

static void *counting_realloc(void *ptr, size_t size)
{
    atomic_fetch_add(&blocks, (ptr ? 0 : size > 0) - (ptr && size == 0));
    if (size > 0)
        return realloc(ptr, size);
    free(ptr);
    return NULL;
}

/* A module of FUNCTIONS functions that return `version`; with a body that takes a while in the stage, for a
 * new one. */
static char *source(int version)
{
    size_t size = 64 * FUNCTIONS + 200, len;
    char *text = malloc(size);
    assert_non_null(text);
    len = (size_t)snprintf(text, size, "local M = {}\nlocal n = 0\nfor i = 1, 20000 do n = n + i end\n");
    for (int i = 0; i < FUNCTIONS; i++)
        len += (size_t)snprintf(text + len, size - len, "function M.f%d() return %d, n end\n", i, version);
    snprintf(text + len, size - len, "return M\n");
    return text;
}

static lua_State *started(const char *old)
{
    lua_State *L = new_state();
    FILE *file;
    char path[128];
    snprintf(path, sizeof path, "%s/m.lua", folder);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(old, file);
    fclose(file);
    lua_pushstring(L, folder);
    lua_setglobal(L, "folder");
    /* So short that a slice has always used it up. */
    run_lua(L, "package.path = folder .. '/?.lua' m = require 'm'"
               "hotpatch.start { name = 'game', max_pause_ms = 1e-6 }");
    assert_int_equal(hotpatch_poll(L), 0);
    return L;
}

/* Its answer is for whoever waits; the push must be at the mailbox when this returns. */
static int push(const char *fresh)
{
    int fd = client_connect(own_socket()), other = client_connect(own_socket());
    struct hp_request *request = request_of(HP_KIND_PUSH, "x");
    request->modules.items[0].source = (struct hp_bytes){fresh, strlen(fresh)};
    const char **code = HP_PUSH(&request->arena, &request->options.accept);
    *code = "R20"; /* a slow machine */
    client_request(fd, request);
    hp_request_free(request);
    await_pending(other, 1);
    close(other);
    return fd;
}

static struct hp_engine_progress progress_of(lua_State *L)
{
    struct hp_engine_progress progress = {0};
    hp_engine_progress(hp_agent_get(L)->engine, &progress);
    return progress;
}

enum { STAGE = 1, PLAN = 2, SEARCH = 4, MAKE = 8, OTHER = 16 };

static int bit_of(const char *phase)
{
    static const char *const words[] = {"stage", "plan", "search", "make"};
    for (int i = 0; i < 4; i++)
        if (strcmp(phase, words[i]) == 0)
            return 1 << i;
    return OTHER;
}

/* False: the push was done within so many slices. Slices and not polls: while the planner is away, a machine
 * polls as often as it likes. */
static bool close_after(int slices, const char *old, const char *fresh, int *phases)
{
    lua_State *L = started(old);
    int fd = push(fresh), done = 0;
    while (done == 0 && progress_of(L).slices < slices)
        done = hotpatch_poll(L);
    if (done == 0 && slices > 0)
        *phases |= bit_of(progress_of(L).phase);
    lua_close(L);
    enum hp_status status = get_status(fd, "x");
    if (status != (done ? HP_APPLIED : HP_NO_AGENT) &&
        (done || status != HP_APPLIED)) /* it may be sweeping */
        fail_msg("closed after %d slices: %s", slices, hp_status_info(status)->word);
    close(fd);
    assert_int_equal(atomic_load(&blocks), 0);
    return done == 0;
}

static void the_state_is_closed_at_any_moment(void **state)
{
    (void)state;
    char *old = source(1), *fresh = source(2);
    int phases = 0, threads = count_threads();
    folder_make();
    /* Every moment at first, then fewer: the later phases have many slices of one kind. */
    for (int slices = 0; close_after(slices, old, fresh, &phases); slices += 1 + slices / 64)
        assert_true(slices < 1000000);
    if ((phases & (STAGE | PLAN | SEARCH)) != (STAGE | PLAN | SEARCH))
        fail_msg("not every phase was met: %d", phases);
    assert_true(count_threads() <= threads + 1); /* nng may keep one */
    folder_remove();
    free(old);
    free(fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_state_is_closed_at_any_moment)};
    hp_mem_set_allocator(counting_realloc);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
