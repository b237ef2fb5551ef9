/* hotpatch engine: what inspect.c finds and inspect_report.c writes down. Nobody else includes this. */
#ifndef HP_INSPECT_WALK_H
#define HP_INSPECT_WALK_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/engine/map.h"
#include "proto/arena.h"
#include "proto/buf.h"
#include "proto/report.h"

struct hp_inspected_object {
    const char *path;
    bool is_function;
    bool behind; /* reached through a function of the module, not by its tables alone */
    bool followed;
};

struct hp_inspection {
    lua_State *L;
    const char *target;
    struct hp_report *report; /* all lists and paths are in its arena */
    int values;               /* stack index: array, the n-th object's value (from 1) */
    int boundary;             /* stack index: set of tables that are not entered */
    size_t module_len;        /* of the target: the part that is a loaded module; 0: none */
    const char *root;         /* path of the root within its module */
    const char *home;         /* the module's own source; a function's, so alive as long as that */
    struct hp_map met;        /* address -> place in `objects` */
    HP_LIST(struct hp_inspected_object) objects;
    size_t functions, fields;
    bool cut;           /* a limit was reached */
    struct hp_buf text; /* scratch */
};

/* Fills report->functions from the functions among the objects. [-0, +0, m] */
void hp_inspection_report(struct hp_inspection *x);

#endif
