/* hotpatch: one agent for a Lua state with all its coroutines: the engine, and the desk while it is started.
 *
 * It is a userdata in the registry, under a key of this file; its finalizer stops it, so that lua_close
 * leaves nothing. The engine opens when the agent is made (so that modules loaded after `require "hotpatch"`
 * have their text recorded) and lives as long as the state: what was patched can be reverted after stop and
 * another start.
 *
 * Lua thread only.
 */
#ifndef HP_AGENT_H
#define HP_AGENT_H

#include <lua.h>

#include "agent/desk.h"
#include "agent/engine/engine.h"
#include "agent/why.h"
#include "hotpatch/hotpatch.h"

struct hp_agent {
    struct hp_engine *engine; /* NULL: off, or there was no memory; tried again when needed */
    struct hp_desk *desk;     /* NULL: not started */
    double pause_ms;          /* that one poll may take, about */
    bool off;                 /* HOTPATCH_DISABLE: nothing is opened and nothing patched */
    int off_bell;             /* what fd() gives then: never readable; -1: none yet */
    bool closed;              /* the state is closing */
    bool failed;              /* the endpoint did not open; `problem` says why */
    struct hp_why problem;
};

/* The agent of L's state, or NULL where there is none (any more). [-0, +0, -] with one free slot */
struct hp_agent *hp_agent_get(lua_State *L);

/* The same, made if there is none. Raises without memory, or when the state is closing. [-0, +0, raises] */
struct hp_agent *hp_agent_obtain(lua_State *L);

/* [-0, +0, raises] a sentence; nothing has changed then. */
void hp_agent_start(lua_State *L, const struct hotpatch_options *given);

/* The number of requests answered. [-0, +0, -] */
int hp_agent_poll(lua_State *L);

/* -1 when it is not started. [-0, +0, -] */
int hp_agent_fd(lua_State *L);

/* Gives up what is under way, unless it has committed. False: there was nothing to stop, or this is inside a
 * request, or L's stack has no room. [-0, +0, -] */
bool hp_agent_stop(lua_State *L);

/* Runs a request of the program itself to its end, in one stop; before it, what is under way. Fills in the
 * agent's part of the report too; its strings live as long as the agent. [-0, +0, -] */
void hp_agent_run(lua_State *L, struct hp_agent *agent, const struct hp_request *request,
                  struct hp_report *report);
/* Keeps the patch that is on trial (0), if it is that one. [-0, +0, -] */
void hp_agent_confirm(struct hp_agent *agent, int64_t patch, struct hp_report *report);
/* The log, newest first. [-0, +0, -] */
void hp_agent_log(struct hp_agent *agent, struct hp_report *report);

#endif
