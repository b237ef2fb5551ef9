/* hotpatch engine: the functions that inspect.c found, as a report: sorted, with upvalues and who shares
 * their cells. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect_walk.h"
#include "show.h"

#define MAX_VALUE  60 /* bytes of a string that are shown */
#define MAX_SHARED 50 /* paths that are named for one upvalue */

/* One function to be reported, to sort by. */
struct line {
    size_t object;
    const char *path, *source;
    int line;
    bool at_home;
};

/* The functions that have one cell, as places in the report, ascending. */
struct cell {
    HP_LIST(uint32_t) users;
};

struct cells {
    struct hp_map by_id; /* address -> place in `all` */
    HP_LIST(struct cell) all;
};

static int compare_lines(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    if (x->at_home != y->at_home)
        return x->at_home ? -1 : 1;
    int order = strcmp(x->source, y->source);
    if (order == 0)
        order = (x->line > y->line) - (x->line < y->line);
    return order != 0 ? order : strcmp(x->path, y->path);
}

/* The name of a source for people: "@mymodule.lua" -> "mymodule.lua". */
static const char *source_name(struct hp_arena *a, const lua_Debug *ar)
{
    return hp_arena_str(a, ar->source[0] == '@' || ar->source[0] == '=' ? ar->source + 1 : ar->short_src);
}

/* The functions, sorted; an array in the arena. */
static struct line *list_lines(struct hp_inspection *x)
{
    struct hp_arena *a = &x->report->arena;
    struct line *lines = hp_arena_alloc(a, x->functions * sizeof *lines);
    size_t n = 0;
    for (size_t i = 0; lines != NULL && i < x->objects.count; i++) {
        lua_Debug ar;
        if (!x->objects.items[i].is_function)
            continue;
        lua_rawgeti(x->L, x->values, (lua_Integer)i + 1);
        lua_getinfo(x->L, ">S", &ar);
        lines[n++] = (struct line){.object = i,
                                   .path = x->objects.items[i].path,
                                   .source = source_name(a, &ar),
                                   .line = ar.linedefined,
                                   .at_home = strcmp(ar.source, x->home) == 0};
    }
    if (lines != NULL)
        qsort(lines, n, sizeof *lines, compare_lines);
    return lines;
}

static void note_user(struct hp_arena *a, struct cells *cells, const void *id, uint32_t user)
{
    bool fresh;
    uint32_t *at = hp_map_put(&cells->by_id, (uint64_t)(uintptr_t)id, 0, (uint32_t)cells->all.count, &fresh);
    if (at == NULL || (fresh && HP_PUSH(a, &cells->all) == NULL))
        return;
    struct cell *cell = &cells->all.items[*at];
    if (cell->users.count != 0 && cell->users.items[cell->users.count - 1] == user)
        return;
    uint32_t *slot = HP_PUSH(a, &cell->users);
    if (slot != NULL)
        *slot = user;
}

/* The upvalue's value on the top. */
static const char *short_value(struct hp_inspection *x)
{
    lua_rawgeti(x->L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    bool globals = lua_rawequal(x->L, -1, -2);
    lua_pop(x->L, 1);
    if (globals)
        return "_G";
    hp_show_value(x->L, -1, MAX_VALUE, &x->text);
    return hp_show_take(&x->text, &x->report->arena);
}

/* The upvalues of the function on the top. [-0, +0, m] */
static void add_upvalues(struct hp_inspection *x, struct hp_report_inspected *f, uint32_t number,
                         struct cells *cells)
{
    struct hp_arena *a = &x->report->arena;
    const char *name;
    for (int i = 1; (name = lua_getupvalue(x->L, -1, i)) != NULL; i++) {
        const void *id = lua_upvalueid(x->L, -2, i);
        struct hp_report_upvalue *u = HP_PUSH(a, &f->upvalues);
        if (u != NULL) {
            u->name = hp_arena_str(a, name);
            u->index = i;
            u->type = lua_typename(x->L, lua_type(x->L, -1));
            u->value = short_value(x);
            u->cell = hp_arena_printf(a, "%p", id);
            note_user(a, cells, id, number);
        }
        lua_pop(x->L, 1);
    }
}

static void add_shared_path(struct hp_arena *a, struct hp_report_upvalue *u, const char *path)
{
    const char **slot = HP_PUSH(a, &u->shared_with);
    if (slot != NULL)
        *slot = path;
}

/* Names the other functions that have the upvalue's cell. The environment is everybody's, and not worth a
 * word. */
static void add_sharing(struct hp_report *r, size_t number, struct hp_report_upvalue *u,
                        const struct cell *cell)
{
    if (strcmp(u->name, "_ENV") == 0)
        return;
    for (size_t i = 0; i < cell->users.count; i++) {
        if (cell->users.items[i] == number)
            continue;
        if (u->shared_with.count == MAX_SHARED) {
            add_shared_path(&r->arena, u, hp_arena_printf(&r->arena, "… (%zu in all)", cell->users.count));
            return;
        }
        add_shared_path(&r->arena, u, r->functions.items[cell->users.items[i]].path);
    }
}

/* Second pass, when all users of all cells are known: the same functions in the same order. [-0, +0, -] */
static void add_all_sharing(struct hp_inspection *x, const struct line *lines, const struct cells *cells)
{
    struct hp_report *r = x->report;
    for (size_t n = 0; n < r->functions.count; n++) {
        struct hp_report_inspected *f = &r->functions.items[n];
        lua_rawgeti(x->L, x->values, (lua_Integer)lines[n].object + 1);
        for (size_t i = 0; i < f->upvalues.count; i++) {
            const void *id = lua_upvalueid(x->L, -1, (int)i + 1);
            const uint32_t *at = hp_map_find(&cells->by_id, (uint64_t)(uintptr_t)id, 0);
            if (at != NULL)
                add_sharing(r, n, &f->upvalues.items[i], &cells->all.items[*at]);
        }
        lua_pop(x->L, 1);
    }
}

void hp_inspection_report(struct hp_inspection *x)
{
    struct hp_report *r = x->report;
    struct line *lines = list_lines(x);
    struct cells cells = {0};
    hp_map_init(&cells.by_id, &r->arena);
    for (size_t n = 0; lines != NULL && n < x->functions; n++) {
        struct hp_report_inspected *f = HP_PUSH(&r->arena, &r->functions);
        if (f == NULL)
            return;
        f->path = lines[n].path;
        f->source = lines[n].source;
        f->line = lines[n].line;
        lua_rawgeti(x->L, x->values, (lua_Integer)lines[n].object + 1);
        add_upvalues(x, f, (uint32_t)n, &cells);
        lua_pop(x->L, 1);
    }
    if (!hp_arena_failed(&r->arena))
        add_all_sharing(x, lines, &cells);
}
