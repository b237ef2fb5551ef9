/* The contract is in merge_fixture.h. */
#include "merge_fixture.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/engine/collect.h"
#include "agent/engine/stage.h"

/* --- the three states ------------------------------------------------------------------------- */

static void check(struct merge *m, int status)
{
    if (status != LUA_OK)
        fail_msg("%s", lua_tostring(m->L, -1));
}

static hp_handle handle_of(struct merge *m, const char *expression)
{
    lua_pushfstring(m->L, "return %s", expression);
    check(m, luaL_dostring(m->L, lua_tostring(m->L, -1)));
    hp_handle handle = hp_anchor_add(m->L, 1, -1);
    lua_settop(m->L, 1);
    return handle;
}

void merge_open(struct merge *m, const char *source, const char *use)
{
    memset(m, 0, sizeof *m);
    m->L = luaL_newstate();
    assert_non_null(m->L);
    luaL_openlibs(m->L);
    hp_anchor_push_new(m->L);
    check(m, luaL_loadbufferx(m->L, source, strlen(source), "@m.lua", "t"));
    lua_pushliteral(m->L, "m");
    lua_pushliteral(m->L, "./m.lua");
    check(m, lua_pcall(m->L, 2, 1, 0));
    lua_pushvalue(m->L, -1);
    lua_setglobal(m->L, "M");
    luaL_getsubtable(m->L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_insert(m->L, -2);
    lua_setfield(m->L, -2, "m");
    if (use)
        check(m, luaL_dostring(m->L, use));
    lua_settop(m->L, 1);
    hp_graph_init(&m->base);
    hp_graph_init(&m->fresh);
    hp_live_init(&m->live);
    hp_report_init(&m->report);
    hp_plan_init(&m->plan);
}

static void forget(struct merge *m)
{
    hp_match_fini(&m->match);
    hp_plan_fini(&m->plan);
    hp_report_fini(&m->report);
    free(m->text);
    m->text = NULL;
}

void merge_close(struct merge *m)
{
    forget(m);
    hp_graph_fini(&m->base);
    hp_graph_fini(&m->fresh);
    hp_live_fini(&m->live);
    lua_close(m->L);
}

static void stage(struct merge *m, const char *text, struct hp_graph *graph)
{
    const struct hp_stage_limits limits = {0};
    const struct hp_stage_chunk chunk = {.module = "m",
                                         .chunk_name = "@m.lua",
                                         .path = "./m.lua",
                                         .text = text,
                                         .len = strlen(text),
                                         .with_arguments = true};
    struct hp_report report;
    hp_report_init(&report);
    struct hp_stage *s = hp_stage_open(m->L, 1, &limits);
    assert_non_null(s);
    if (hp_stage_run(s, &chunk, 1, &report) != HP_OK)
        fail_msg("the stage: %s", report.error ? report.error->text : "?");
    assert_int_equal(hp_stage_collect(s, graph), HP_OK);
    hp_stage_close(s);
    hp_report_fini(&report);
}

void merge_stage(struct merge *m, const char *base, const char *fresh, const char *path)
{
    bool point = path[0] != '\0';
    m->has_base = base != NULL;
    stage(m, fresh, &m->fresh);
    if (base)
        stage(m, base, &m->base);
    m->root = (struct hp_root){.base = base && !point ? 0 : HP_NO_ID,
                               .guide = base && point ? 0 : HP_NO_ID,
                               .container = handle_of(m, point ? "M" : "package.loaded"),
                               .key = point ? path : "m",
                               .environment = handle_of(m, "_G"),
                               .path = path,
                               .point = point,
                               .object = handle_of(m, "M")};
    assert_int_equal(
        hp_collect(m->L, 1, base ? &m->base : NULL, &m->fresh, &m->root, 1, NULL, NULL, &m->live), HP_OK);
}

void merge_match(struct merge *m)
{
    assert_int_equal(hp_match(&m->match, m->has_base ? &m->base : NULL, &m->fresh, &m->live, &m->root),
                     HP_OK);
}

void merge_plan(struct merge *m)
{
    struct hp_report_module *module = HP_PUSH(&m->report.arena, &m->report.modules);
    module->module = "m";
    m->status = hp_plan_make(&m->plan, &m->match, &m->options, NULL, &m->report);
}

void merge_plan_again(struct merge *m)
{
    forget(m);
    hp_report_init(&m->report);
    hp_plan_init(&m->plan);
    merge_match(m);
    merge_plan(m);
}

void merge_new(struct merge *m, const char *old, const char *use, const char *fresh)
{
    merge_open(m, old, use);
    merge_stage(m, old, fresh, "");
    merge_match(m);
    merge_plan(m);
}

void merge_without_base(struct merge *m, const char *old, const char *use, const char *fresh)
{
    merge_open(m, old, use);
    merge_stage(m, NULL, fresh, "");
    merge_match(m);
    merge_plan(m);
}

/* --- as text ---------------------------------------------------------------------------------- */

struct text {
    char *data;
    size_t len;
};

static void __attribute__((format(printf, 2, 3))) append(struct text *t, const char *fmt, ...)
{
    char piece[1024];
    va_list ap;
    va_start(ap, fmt);
    size_t len = (size_t)vsnprintf(piece, sizeof piece, fmt, ap);
    va_end(ap);
    assert_true(len < sizeof piece);
    t->data = realloc(t->data, t->len + len + 1);
    assert_non_null(t->data);
    memcpy(t->data + t->len, piece, len + 1);
    t->len += len;
}

static void append_node(struct text *t, const struct hp_graph *g, hp_id id)
{
    static const char *const kinds[] = {[HP_NODE_TABLE] = "table",
                                        [HP_NODE_FUNCTION] = "function",
                                        [HP_NODE_VIEW] = "view",
                                        [HP_NODE_PLACEHOLDER] = "placeholder",
                                        [HP_NODE_OPAQUE] = "opaque"};
    const struct hp_node *n = hp_graph_node(g, id);
    switch (n->kind) {
    case HP_NODE_NIL:
        append(t, "nil");
        break;
    case HP_NODE_BOOLEAN:
        append(t, n->boolean ? "true" : "false");
        break;
    case HP_NODE_INTEGER:
        append(t, "%" PRId64, n->integer);
        break;
    case HP_NODE_FLOAT:
        append(t, "%.14g", n->number);
        break;
    case HP_NODE_STRING:
        append(t, "\"%s\"", n->string.data);
        break;
    default:
        append(t, "%s", kinds[n->kind]);
    }
}

static void append_value(struct text *t, const struct merge *m, const struct hp_value *v)
{
    switch (v->kind) {
    case HP_VALUE_NIL:
        append(t, "nil");
        break;
    case HP_VALUE_PLAIN:
        append_node(t, v->graph, v->node);
        break;
    case HP_VALUE_LIVE:
        append(t, "live ");
        if (hp_live_node(&m->live, v->index) == HP_NIL) /* the walk did not come to it */
            append(t, "object");
        else
            append_node(t, &m->live.graph, hp_live_node(&m->live, v->index));
        break;
    case HP_VALUE_FUNCTION:
        append(t, "function %s", m->plan.functions.items[v->index].path);
        break;
    case HP_VALUE_TABLE:
        append(t, "table of %zu", m->plan.tables.items[v->index].fields.count);
        break;
    case HP_VALUE_REPLAY:
        append(t, "%s(…)", m->plan.replays.items[v->index].call);
        break;
    case HP_VALUE_COROUTINE:
        append(t, "coroutine");
        break;
    }
}

static void append_steps(struct text *t, const struct merge *m)
{
    static const char *const words[] = {[HP_STEP_SET_FIELD] = "set",
                                        [HP_STEP_ADD_FIELD] = "add",
                                        [HP_STEP_REMOVE_FIELD] = "remove",
                                        [HP_STEP_SET_CELL] = "cell",
                                        [HP_STEP_SET_METATABLE] = "metatable"};
    for (size_t i = 0; i < m->plan.steps.count; i++) {
        const struct hp_step *s = &m->plan.steps.items[i];
        append(t, "%s %s", words[s->kind], s->path);
        if (s->kind != HP_STEP_REMOVE_FIELD) {
            append(t, " = ");
            append_value(t, m, &s->value);
        }
        append(t, "\n");
    }
}

static void append_upvalues(struct text *t, const struct merge *m, const struct hp_plan_function *f)
{
    for (size_t i = 0; i < f->upvalues.count; i++) {
        const struct hp_plan_upvalue *u = &f->upvalues.items[i];
        append(t, "%s^%s %s ", f->path, f->tree->prototypes.items[f->prototype].upvalues.items[i].name,
               u->join ? "joins" : "starts");
        if (u->join) {
            const struct hp_node *n = hp_graph_node(&m->live.graph, hp_live_node(&m->live, u->place.closure));
            append_node(t, &m->live.graph, m->live.graph.cells.items[n->cells.items[u->place.upvalue]].value);
        } else {
            append_value(t, m, &m->plan.cells.items[u->cell].first);
        }
        append(t, "\n");
    }
}

static void append_notes(struct text *t, const char *prefix, const void *list)
{
    HP_LIST(struct hp_report_note) notes;
    memcpy(&notes, list, sizeof notes);
    for (size_t i = 0; i < notes.count; i++)
        append(t, "%s%s %s\n", prefix, notes.items[i].code, notes.items[i].path ? notes.items[i].path : "-");
}

static void append_names(struct text *t, const char *prefix, const void *list)
{
    HP_LIST(const char *) strings;
    memcpy(&strings, list, sizeof strings);
    for (size_t i = 0; i < strings.count; i++)
        append(t, "%s %s\n", prefix, strings.items[i]);
}

static void append_report(struct text *t, const struct merge *m)
{
    const struct hp_report_module *module = &m->report.modules.items[0];
    for (size_t i = 0; i < module->functions.count; i++)
        append(t, "function %s %s\n", module->functions.items[i].path, module->functions.items[i].verdict);
    for (size_t i = 0; i < module->fields.count; i++)
        append(t, "field %s %s\n", module->fields.items[i].path, module->fields.items[i].action);
    append_names(t, "joined", &module->joined);
    append_names(t, "absent", &module->absent);
    append_names(t, "orphan", &module->orphaned);
    append_notes(t, "", &m->report.warnings);
    append_notes(t, "refuse ", &m->report.refusals);
    for (size_t i = 0; i < m->report.effects.count; i++)
        append(t, "effect %s %s\n", m->report.effects.items[i].change, m->report.effects.items[i].call);
    if (m->report.instances)
        append(t, "instances %" PRId64 "\n", m->report.instances);
}

static const char *told(struct merge *m)
{
    struct text t = {0};
    if (m->text)
        return m->text;
    append(&t, "\n");
    append_steps(&t, m);
    for (size_t i = 0; i < m->plan.functions.count; i++)
        append_upvalues(&t, m, &m->plan.functions.items[i]);
    append_report(&t, m);
    m->text = t.data;
    return m->text;
}

void merge_expect(struct merge *m, const char *lines)
{
    while (*lines) {
        int len = (int)strcspn(lines, "\n");
        char line[512];
        assert_true(snprintf(line, sizeof line, "\n%.*s\n", len, lines) < (int)sizeof line);
        if (!strstr(told(m), line))
            fail_msg("no line%sin:\n%s", line, told(m));
        lines += len + (lines[len] == '\n');
    }
}

void merge_expect_no(struct merge *m, const char *start)
{
    char line[512];
    assert_true(snprintf(line, sizeof line, "\n%s", start) < (int)sizeof line);
    if (strstr(told(m), line))
        fail_msg("a line%s…\nin:\n%s", line, told(m));
}

/* Compares and frees; both without the space at the end. */
static void expect_text(struct text *t, const char *expected)
{
    append(t, "%s", "");
    if (t->len > 0 && t->data[t->len - 1] == ' ')
        t->data[t->len - 1] = '\0';
    assert_string_equal(t->data, expected);
    free(t->data);
}

void merge_expect_pairs(struct merge *m, const char *expected)
{
    struct text t = {0};
    const struct hp_prototype_tree *tree = m->fresh.trees.items[0];
    for (uint32_t id = 1; id < tree->prototypes.count; id++) {
        struct hp_code base = m->match.fresh_code[0][id];
        append(&t, "%d<", tree->prototypes.items[id].line);
        if (hp_code_none(base))
            append(&t, "- ");
        else
            append(&t, "%d ", hp_prototype_at(&m->base, base)->line);
    }
    expect_text(&t, expected);
}

void merge_expect_cells(struct merge *m, const char *expected)
{
    struct text t = {0};
    for (uint32_t c = 0; c < m->fresh.cells.count; c++) {
        const struct hp_cell *cell = &m->fresh.cells.items[c];
        uint32_t base = m->match.cell_base[c];
        if (strcmp(cell->name, "_ENV") == 0)
            continue;
        append(&t, "%s(", cell->name);
        append_node(&t, &m->fresh, cell->value);
        append(&t, ")<");
        if (base == HP_NO_ID) {
            append(&t, "- ");
            continue;
        }
        append(&t, "%s(", m->base.cells.items[base].name);
        append_node(&t, &m->base, m->base.cells.items[base].value);
        append(&t, ") ");
    }
    expect_text(&t, expected);
}

void merge_expect_slots(struct merge *m, const char *expected)
{
    struct text t = {0};
    for (size_t i = 0; i < m->match.slots.count; i++) {
        const struct hp_slot *s = &m->match.slots.items[i];
        append(&t, "%s%s ", s->root && s->path[0] == '\0' ? "m" : s->path, s->diverged ? "!" : "");
    }
    expect_text(&t, expected);
}
