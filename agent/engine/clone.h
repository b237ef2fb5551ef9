/* hotpatch engine: trying a foreign Lua function on a clone in the stage, where it can do no harm.
 *
 * The clone has the function's code and, as upvalues, plain values and views. What it gives counts only if it
 * wrote to nothing but what it made itself, called no foreign code, and its results are plain values, views,
 * placeholders, functions of the chunk or fresh tables of such. */
#ifndef HP_CLONE_H
#define HP_CLONE_H

#include <lua.h>
#include <stdbool.h>

#include "agent/engine/anchor.h"

#define HP_TRIAL_INSTRUCTIONS 20000
#define HP_TRIAL_DEPTH        16

/* Calls a clone of the live Lua function with the values from `first` to the top, which stay. True: the
 * results were pushed. False: nothing was pushed, everything is as before. Inside another trial a failure
 * spoils that one too: it does not return. Where the body catches errors, one that the function raises before
 * it did anything else is raised.
 * [-0, +(results|0), e] */
bool hp_clone_try(lua_State *L, hp_handle function, int first);

/* The live function that the function at `idx` is a clone of, 0 if it is none. [-0, +0, -] */
hp_handle hp_clone_original(lua_State *L, int idx);

#endif
