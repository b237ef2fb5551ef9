/* bench: Lua states with large heaps in them. One thread. */
#ifndef BENCH_HEAP_H
#define BENCH_HEAP_H

#include <stddef.h>

#include <lua.h>

/* A state with the standard libraries and `count` objects of that kind (a function of heaps.lua, which lies
 * in `folder`) in the global "heap". The caller closes it. Ends the bench on failure. */
lua_State *heap_open(const char *folder, const char *kind, size_t count);

/* Runs a file of the folder in that state and leaves its one result on the stack; ends the bench on failure.
 * [-0, +1, e] */
void run_file(lua_State *L, const char *folder, const char *file);

/* A whole cycle of the collector, in us of CPU time. */
double time_collection(lua_State *L);

#endif
