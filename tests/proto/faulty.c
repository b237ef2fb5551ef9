#include "faulty.h"

#include <stdlib.h>

#include "proto/arena.h"

static struct {
    size_t fail_at;
    bool from_then_on;
    size_t calls;
    size_t live;
    size_t largest;
    bool failed;
} state;

static void *faulty_realloc(void *ptr, size_t size)
{
    if (size == 0) {
        state.live--;
        free(ptr);
        return NULL;
    }
    state.calls++;
    state.largest = size > state.largest ? size : state.largest;
    bool hit = state.fail_at != 0 &&
               (state.from_then_on ? state.calls >= state.fail_at : state.calls == state.fail_at);
    if (hit) {
        state.failed = true;
        return NULL;
    }
    void *block = realloc(ptr, size);
    if (ptr == NULL && block != NULL)
        state.live++;
    return block;
}

void faulty_begin(size_t fail_at, bool from_then_on)
{
    state.fail_at = fail_at;
    state.from_then_on = from_then_on;
    state.calls = state.live = state.largest = 0;
    state.failed = false;
    hp_mem_set_allocator(faulty_realloc);
}

void faulty_end(void)
{
    hp_mem_set_allocator(NULL);
}

size_t faulty_live(void)
{
    return state.live;
}

size_t faulty_calls(void)
{
    return state.calls;
}

size_t faulty_largest(void)
{
    return state.largest;
}

bool faulty_failed(void)
{
    return state.failed;
}
