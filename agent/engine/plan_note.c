/* hotpatch engine: what the planner says to people. The contract is in planner.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/engine/planner.h"

static bool accepted(const struct hp_planner *p, int reason)
{
    const struct hp_reason_info *info = hp_reason_info(reason);
    for (size_t i = 0; info && info->acceptable && i < p->options->accept.count; i++)
        if (hp_reason_from_code(p->options->accept.items[i]) == reason)
            return true;
    return false;
}

/* --strict is about warnings: what is merely reported stays reported. */
static bool refuses(const struct hp_planner *p, int reason, enum hp_reason_default severity)
{
    if (accepted(p, reason) || severity == HP_REASON_REPORT)
        return false;
    return severity == HP_REASON_REFUSE || p->options->strict;
}

static bool note(struct hp_planner *p, int reason, enum hp_reason_default severity, uint32_t module,
                 const char *path, const char *fmt, va_list ap)
{
    const char *name = module < p->fresh->modules.count ? p->fresh->modules.items[module].name : NULL;
    const char *text = hp_arena_vprintf(&p->plan->arena, fmt, ap);
    bool refused = refuses(p, reason, severity);
    if (refused)
        hp_report_refuse(p->report, reason, name, path, "%s", text);
    else
        hp_report_warn(p->report, reason, name, path, "%s", text);
    return refused;
}

bool hp_planner_note(struct hp_planner *p, int reason, uint32_t module, const char *path, const char *fmt,
                     ...)
{
    va_list ap;
    va_start(ap, fmt);
    bool refused = note(p, reason, hp_reason_info(reason)->by_default, module, path, fmt, ap);
    va_end(ap);
    return refused;
}

bool hp_planner_warn(struct hp_planner *p, int reason, uint32_t module, const char *path, const char *fmt,
                     ...)
{
    va_list ap;
    va_start(ap, fmt);
    bool refused = note(p, reason, HP_REASON_WARN, module, path, fmt, ap);
    va_end(ap);
    return refused;
}

bool hp_planner_refuse(struct hp_planner *p, int reason, uint32_t module, const char *path, const char *fmt,
                       ...)
{
    va_list ap;
    va_start(ap, fmt);
    bool refused = note(p, reason, HP_REASON_REFUSE, module, path, fmt, ap);
    va_end(ap);
    return refused;
}

const char *hp_planner_short(struct hp_planner *p, const struct hp_graph *g, hp_id id)
{
    struct hp_arena *a = &p->plan->arena;
    const struct hp_node *n = hp_graph_node(g, id == HP_NO_ID ? HP_NIL : id);
    switch (n->kind) {
    case HP_NODE_NIL:
        return "nil";
    case HP_NODE_BOOLEAN:
        return n->boolean ? "true" : "false";
    case HP_NODE_INTEGER:
        return hp_arena_printf(a, "%lld", (long long)n->integer);
    case HP_NODE_FLOAT:
        return hp_arena_printf(a, "%.14g", n->number);
    case HP_NODE_STRING:
        if (n->string.len > 40)
            return hp_arena_printf(a, "\"%.37s...\"", n->string.data);
        return hp_arena_printf(a, "\"%s\"", n->string.data);
    case HP_NODE_TABLE:
        return "a table";
    case HP_NODE_FUNCTION:
        return "a function";
    default:
        return n->text ? n->text : n->type ? n->type : "a value";
    }
}

struct hp_report_module *hp_planner_module(struct hp_planner *p, uint32_t module)
{
    return module < p->report->modules.count ? &p->report->modules.items[module] : NULL;
}

void hp_planner_field(struct hp_planner *p, uint32_t module, const char *path, const char *action)
{
    struct hp_report_module *m = hp_planner_module(p, module);
    struct hp_report_field *f = m ? HP_PUSH(&p->report->arena, &m->fields) : NULL;
    if (!f)
        return;
    f->path = hp_arena_str(&p->report->arena, path);
    f->action = action;
}

/* --- functions -------------------------------------------------------------------------------- */

static const char *where(struct hp_planner *p, hp_id live)
{
    const struct hp_prototype *l = hp_prototype_at(p->live, hp_code_of(p->live, live));
    const char *source = l->source ? l->source : "?";
    if (source[0] == '@' || source[0] == '=')
        source++;
    return hp_arena_printf(&p->report->arena, "%s:%d", source, l->line);
}

static void list_add(struct hp_planner *p, void *list, const char *text)
{
    const char **slot = hp_list_push(&p->report->arena, list, sizeof *slot);
    if (slot)
        *slot = hp_arena_str(&p->report->arena, text);
}

static void report_upvalues(struct hp_planner *p, hp_id fresh, hp_id live, struct hp_report_module *m,
                            const char *path)
{
    struct hp_code code = hp_code_of(p->fresh, fresh);
    const struct hp_prototype *proto = hp_prototype_at(p->fresh, code);
    for (size_t i = 0; i < proto->upvalues.count; i++) {
        struct hp_variable v;
        struct hp_binding b = hp_planner_bind(p, fresh, i, live);
        const char *name = hp_path_upvalue(&p->plan->arena, path, proto->upvalues.items[i].name);
        if (hp_prototype_variable(p->fresh->trees.items[code.tree], code.prototype, (uint32_t)i, &v) &&
            v.owner == HP_NO_PROTOTYPE)
            continue; /* the chunk's _ENV always finds its cell */
        if (b.kind == HP_BIND_JOIN) {
            list_add(p, &m->joined, name);
            hp_map_put(&p->joined, b.cell, 0, 1, NULL);
        } else if (b.kind == HP_BIND_NEW) {
            list_add(p, &m->absent, name);
        }
    }
}

static void note_parameters(struct hp_planner *p, hp_id fresh, hp_id live, uint32_t module, const char *path)
{
    const struct hp_prototype *n = hp_prototype_at(p->fresh, hp_code_of(p->fresh, fresh));
    const struct hp_prototype *l = hp_prototype_at(p->live, hp_code_of(p->live, live));
    if (n->parameters != l->parameters || n->vararg != l->vararg)
        hp_planner_note(p, HP_R05_PARAMETERS, module, path,
                        "%s took %d parameter%s%s and now takes %d%s, while its callers stay; check every "
                        "caller, or keep the "
                        "old parameters working",
                        path, l->parameters, l->parameters == 1 ? "" : "s", l->vararg ? " and ..." : "",
                        n->parameters, n->vararg ? " and ..." : "");
}

/* The module that the function is written in: modules whose globals are their fields meet in one table, and a
 * slot of it says only one of them. */
static uint32_t module_of(const struct hp_planner *p, hp_id fresh, uint32_t otherwise)
{
    uint32_t tree = hp_code_of(p->fresh, fresh).tree;
    for (uint32_t i = 0; i < p->fresh->modules.count; i++)
        if (p->fresh->modules.items[i].tree == tree)
            return i;
    return otherwise;
}

void hp_planner_function(struct hp_planner *p, hp_id fresh, hp_id live, const char *verdict, uint32_t module,
                         const char *path)
{
    module = module_of(p, fresh, module);
    struct hp_report_module *m = hp_planner_module(p, module);
    hp_id succeeded = live != HP_NO_ID && p->match->live_fresh[live] == fresh ? live : HP_NO_ID;
    bool first = false;
    hp_map_put(&p->reported, fresh, 0, 1, &first);
    struct hp_report_function *f = first && m ? HP_PUSH(&p->report->arena, &m->functions) : NULL;
    if (!f)
        return;
    f->path = hp_arena_str(&p->report->arena, path);
    f->verdict = verdict;
    const struct hp_prototype *code = hp_prototype_at(p->fresh, hp_code_of(p->fresh, fresh));
    f->line = code->line;
    f->last_line = code->last_line;
    if (live != HP_NO_ID && hp_is_function(p->live, live)) {
        f->was = where(p, live);
        if (succeeded != HP_NO_ID && strcmp(verdict, "replaced") == 0)
            note_parameters(p, fresh, live, module, path);
    }
    report_upvalues(p, fresh, succeeded, m, path);
}
