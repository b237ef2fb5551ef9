/* A live program with an engine on it, for the sweep: one case of tests/cases (or a folder of that form), up
 * to the moment before a request. All memory of both comes from faults.h.
 *
 * Anything that goes wrong while nothing is refused ends the process with a sentence: it is no result of the
 * sweep. */
#ifndef HP_STRESS_SCENE_H
#define HP_STRESS_SCENE_H

#include <lua.h>
#include <stdbool.h>

#include "agent/engine/engine.h"
#include "picture.h"

struct scene {
    lua_State *L;
    struct hp_engine *engine; /* NULL until the program opens it */
    const char *folder;       /* borrowed */
};

_Noreturn void scene_die(const struct scene *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A Lua state with program.lua, no engine yet. */
void scene_load(struct scene *s, const char *folder);
/* The program of the case, loaded and in use, the engine open and warm. */
void scene_start(struct scene *s);
void scene_close(struct scene *s); /* the engine may be closed already */

/* The request that the case makes: its spec for diff and push, its module for inspect. `request` is
 * initialised. */
void scene_request(struct scene *s, enum hp_kind kind, struct hp_request *request);

/* Runs a request; dies when the engine leaves something on the stack, or the collector in another state. */
void scene_run(struct scene *s, const struct hp_request *request, struct hp_report *report);

/* Two full cycles of the live collector. */
void scene_collect(struct scene *s);

/* --- what program.lua knows ------------------------------------------------------------------- */

/* For picture_free. `whole`: with the registry. `identities` as in picture.h. */
struct picture *scene_picture(struct scene *s, bool whole, bool identities);

/* Does the case have a hook, or effects to perform? These fail in their own way when memory is short. */
bool scene_calls_server(struct scene *s);

/* Runs the case's own checks of a push that was applied; NULL, or what they say. */
const char *scene_after_push(struct scene *s, const struct hp_report *report);

#endif
