/* bench: what a search costs at the least. One thread. */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <lua.h>

/* CPU time in us that the cheapest walk takes which the public interface of Lua allows, over all that is
 * reachable from the registry: lua_next, lua_getupvalue and lua_getlocal, lua_type, lua_topointer and a set
 * of addresses. It looks for nothing and cannot be interrupted; it leaves out metatables, user values and the
 * functions of frames. Ends the bench if memory runs out. */
double floor_us(lua_State *L);

#endif
