#include "stage_fixture.h"

#include <inttypes.h>
#include <stdio.h>

void staged_open(struct staged *t, const char *program)
{
    memset(t, 0, sizeof *t);
    t->live = luaL_newstate();
    assert_non_null(t->live);
    luaL_openlibs(t->live);
    hp_anchor_push_new(t->live);
    if (luaL_dostring(t->live, program) != LUA_OK)
        fail_msg("%s", lua_tostring(t->live, -1));
    lua_settop(t->live, 1);
    lua_gc(t->live, LUA_GCSTOP);
    hp_graph_init(&t->graph);
    hp_report_init(&t->report);
}

static void forget(struct staged *t)
{
    hp_stage_close(t->stage);
    t->stage = NULL;
    hp_graph_fini(&t->graph);
    hp_report_fini(&t->report);
}

void staged_close(struct staged *t)
{
    forget(t);
    lua_close(t->live);
}

enum hp_status staged_try_all(struct staged *t, const struct hp_stage_chunk *chunks, size_t count)
{
    forget(t);
    hp_graph_init(&t->graph);
    hp_report_init(&t->report);
    int top = lua_gettop(t->live);
    t->stage = hp_stage_open(t->live, 1, &t->limits);
    assert_non_null(t->stage);
    t->status = hp_stage_run(t->stage, chunks, count, &t->report);
    if (t->status == HP_OK)
        t->status = hp_stage_collect(t->stage, &t->graph);
    assert_int_equal(lua_gettop(t->live), top);
    return t->status;
}

enum hp_status staged_try(struct staged *t, const char *text)
{
    const struct hp_stage_chunk chunk = {.module = "mod",
                                         .chunk_name = "@mod.lua",
                                         .path = "./mod.lua",
                                         .text = text,
                                         .len = strlen(text),
                                         .with_arguments = true};
    return staged_try_all(t, &chunk, 1);
}

void staged_run(struct staged *t, const char *text)
{
    if (staged_try(t, text) != HP_OK) {
        fail_msg("%s: %s\n%s", hp_status_info(t->status)->word,
                 t->report.error != NULL ? t->report.error->text : "?",
                 t->report.error != NULL && t->report.error->traceback != NULL ? t->report.error->traceback
                                                                               : "");
    }
}

/* Text */

struct text {
    char *data;
    size_t len;
};

static void __attribute__((format(printf, 2, 3))) append(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char piece[4096];
    int len = vsnprintf(piece, sizeof piece, fmt, ap);
    va_end(ap);
    if (len >= (int)sizeof piece)
        len = (int)sizeof piece - 1;
    t->data = realloc(t->data, t->len + (size_t)len + 1);
    memcpy(t->data + t->len, piece, (size_t)len + 1);
    t->len += (size_t)len;
}

static void append_node(struct text *t, const struct hp_graph *g, hp_id id, int depth);

static void append_entries(struct text *t, const struct hp_graph *g, const struct hp_node *n, int depth)
{
    append(t, "{");
    for (size_t i = 0; i < n->entries.count; i++) {
        const struct hp_node *key = hp_graph_node(g, n->entries.items[i].key);
        append(t, i > 0 ? "," : "");
        if (key->kind == HP_NODE_STRING) {
            append(t, "%s=", key->string.data);
        } else {
            append(t, "[");
            append_node(t, g, n->entries.items[i].key, depth - 1);
            append(t, "]=");
        }
        append_node(t, g, n->entries.items[i].value, depth - 1);
    }
    append(t, "}");
}

static void append_node(struct text *t, const struct hp_graph *g, hp_id id, int depth)
{
    const struct hp_node *n = hp_graph_node(g, id);
    if (depth == 0) {
        append(t, "...");
        return;
    }
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
        append(t, "%g", n->number);
        break;
    case HP_NODE_STRING:
        append(t, "\"%s\"", n->string.data);
        break;
    case HP_NODE_TABLE:
        append_entries(t, g, n, depth);
        break;
    case HP_NODE_FUNCTION:
        append(t, "function:%d",
               g->trees.items[n->function.tree]->prototypes.items[n->function.prototype].line);
        break;
    case HP_NODE_VIEW:
        append(t, "view(%s)", n->text);
        break;
    case HP_NODE_PLACEHOLDER:
        append(t, "?(%s)", n->text);
        break;
    case HP_NODE_OPAQUE:
        append(t, "opaque(%s)", n->type);
        break;
    }
    if (n->kind >= HP_NODE_VIEW && n->entries.count != 0) {
        append(t, "+");
        append_entries(t, g, n, depth);
    }
    if (n->has_metatable) {
        append(t, "@");
        append_node(t, g, n->metatable, depth - 1);
    }
}

char *staged_text(const struct hp_graph *g, hp_id id)
{
    struct text t = {0};
    append_node(&t, g, id, 6);
    return t.data;
}

hp_id staged_field(const struct hp_graph *g, hp_id id, const char *path)
{
    char name[100];
    while (id != HP_NO_ID && *path != '\0') {
        size_t len = strcspn(path, ".");
        assert_true(len < sizeof name);
        memcpy(name, path, len);
        name[len] = '\0';
        path += len + (path[len] == '.');
        id = hp_graph_field_str(g, id, name);
    }
    return id;
}

char *staged_effects(const struct hp_graph *g)
{
    struct text t = {0};
    append(&t, "%s", "");
    for (size_t i = 0; i < g->effects.count; i++) {
        const struct hp_effect *e = &g->effects.items[i];
        append(&t, "%s%s(%s):%d", i > 0 ? "; " : "", e->call, e->args, e->line);
    }
    return t.data;
}
