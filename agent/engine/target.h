/* hotpatch engine: what a request is aimed at: from a module's name, a dotted path or a file to the places of
 * the live program, and whether policy allows it. Lua thread. */
#ifndef HP_TARGET_H
#define HP_TARGET_H

#include <lua.h>

#include "agent/engine/anchor.h"
#include "agent/engine/live.h"
#include "proto/report.h"
#include "proto/request.h"

struct hp_policy {
    /* Lua patterns over the whole module name, NULL-terminated; either may be NULL */
    const char *const *allow, *const *deny;
};

struct hp_target {
    const char *module;     /* name in package.loaded; for a global path: "_G" */
    const char *path;       /* of a point fix: "Skill.cast"; "" for the whole module */
    const char *file;       /* where `require` finds the module today; NULL: nowhere */
    const char *chunk_name; /* "@battle.lua": as the live functions say, else by the file */
    struct hp_root root;    /* container, key, path, environment, object */
};

/* Finds the target of one module of a request. Strings go into the report's arena. HP_OK; HP_REFUSED: the
 * report says why (unknown, ambiguous, denied (R17), C (R14)), with candidates; HP_UNSUPPORTED likewise. [-0,
 * +0, m] */
enum hp_status hp_target_find(lua_State *L, int anchor, const struct hp_policy *policy,
                              const struct hp_request_module *asked, struct hp_target *target,
                              struct hp_report *report);

/* Fills report->modules with the loaded modules that are made of Lua code: name and file. HP_OK. [-0,
 * +0, m] */
enum hp_status hp_target_list(lua_State *L, struct hp_report *report);

/* May modules of that name be patched? False: the report has R17. [-0, +0, m] */
bool hp_policy_allows(lua_State *L, const struct hp_policy *policy, const char *module,
                      struct hp_report *report);

#endif
