/* hotpatch engine: the bounds of the stage: memory, instructions, time. What is over a bound ends the load;
 * no body can catch it. */
#include <stdio.h>
#include <time.h>

#include "agent/engine/stage_impl.h"

#define HOOK_PERIOD 1000 /* instructions */

double hp_stage_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Two in a row mean that the emergency collection of Lua did not help: an error is raised, and whoever
 * catches it, the load has failed. */
static void *refuse(struct hp_stage *s)
{
    if (++s->refused >= 2)
        hp_stage_note_memory(s);
    return NULL;
}

/* lua_Alloc. */
void *hp_stage_alloc(void *arg, void *ptr, size_t old_size, size_t size)
{
    struct hp_stage *s = arg;
    size_t held = ptr != NULL ? old_size : 0; /* else old_size is a kind of object */
    if (size == 0) {
        hp_mem_free(ptr);
        s->memory -= held;
        return NULL;
    }
    if (size > held && s->memory - held + size > s->limits.memory)
        return refuse(s);
    void *moved = hp_mem_realloc(ptr, size);
    if (moved == NULL) {
        if (size <= held)
            return ptr; /* Lua assumes that shrinking cannot fail */
        s->starved = true;
        return refuse(s);
    }
    if (size > held)
        s->refused = 0;
    s->memory = s->memory - held + size;
    return moved;
}

void hp_stage_note_memory(struct hp_stage *s)
{
    if (s->failure == HP_OK) {
        s->failure = s->starved ? HP_NO_MEMORY : HP_LIMIT;
        snprintf(s->memory_text, sizeof s->memory_text, "the chunk used more than %zu MB while it was loaded",
                 s->limits.memory >> 20);
        s->failure_text = s->starved ? "no memory to load the chunk" : s->memory_text;
    }
}

_Noreturn void hp_stage_fail(lua_State *L, enum hp_status status, const char *text)
{
    struct hp_stage *s = hp_stage_of(L);
    if (s->failure == HP_OK) {
        s->failure = status;
        s->failure_text = text;
    }
    lua_pushnil(L); /* allocates nothing */
    lua_error(L);
    __builtin_unreachable();
}

void hp_stage_check(lua_State *L)
{
    struct hp_stage *s = hp_stage_of(L);
    if (s->refused >= 2)
        hp_stage_note_memory(s);
    if (s->failure != HP_OK || (s->trial.depth != 0 && s->trial.spoiled)) {
        lua_pushnil(L);
        lua_error(L);
    }
}

void hp_stage_watch(struct hp_stage *s, hp_stage_watcher *line, void *context)
{
    s->watcher = line;
    s->watcher_context = context;
}

/* Tells a line of a body, which is the first prototype of its chunk. */
static void tell_line(lua_State *L, lua_Debug *ar)
{
    struct hp_stage *s = hp_stage_of(L);
    uint32_t module, prototype;
    lua_getinfo(L, "S", ar);
    if (hp_stage_find_tag(s, ar->lastlinedefined, &module, &prototype) && prototype == 0)
        s->watcher(s->watcher_context, module, ar->currentline);
}

static void on_event(lua_State *L, lua_Debug *ar)
{
    if (ar->event == LUA_HOOKLINE) {
        tell_line(L, ar);
        return;
    }
    struct hp_stage *s = hp_stage_of(L);
    s->executed += HOOK_PERIOD;
    hp_stage_check(L);
    if (s->executed > s->limits.instructions) {
        hp_stage_fail(L, HP_LIMIT,
                      "the chunk ran too many instructions while it was loaded: an endless loop?");
    }
    if (!hp_turn_yield(s->turn))
        hp_stage_fail(L, HP_TIMEOUT, "the request was given up");
    if (hp_stage_now() - (double)hp_turn_waited_us(s->turn) / 1e6 > s->deadline)
        hp_stage_fail(L, HP_LIMIT, "the chunk took too long to load: an endless loop?");
    if (s->trial.depth != 0 && s->executed >= s->trial.budget) {
        s->trial.spoiled = true;
        hp_stage_check(L);
    }
}

void hp_stage_hook(lua_State *L)
{
    int lines = hp_stage_of(L)->watcher != NULL ? LUA_MASKLINE : 0;
    lua_sethook(L, on_event, LUA_MASKCOUNT | lines, HOOK_PERIOD); /* coroutines made from now on inherit it */
}

void hp_stage_unhook(lua_State *L)
{
    lua_sethook(L, NULL, 0, 0);
}
