/* hotpatch engine: the merge rules: what becomes of each place where base, new and live meet (design, section
 * 5).
 *
 * `decide` is the list of the rules, in order; each rule is one function below it. With b, n, l for the three
 * values: a function that the source defines is replaced; a table keeps its identity and is entered; plain
 * data is state and stays; where the kinds differ, what was never touched may change.
 */
#include <string.h>

#include "agent/engine/planner.h"

/* --- questions -------------------------------------------------------------------------------- */

enum kind { KIND_PLAIN, KIND_FUNCTION, KIND_TABLE, KIND_OTHER, KIND_UNKNOWN };

static enum kind kind_of(const struct hp_graph *g, hp_id id)
{
    const struct hp_node *n = hp_graph_node(g, id);
    switch (n->kind) {
    case HP_NODE_TABLE:
        return KIND_TABLE;
    case HP_NODE_FUNCTION:
        return KIND_FUNCTION;
    case HP_NODE_VIEW:
        if (n->type && strcmp(n->type, "function") == 0)
            return KIND_FUNCTION;
        return n->type && strcmp(n->type, "table") == 0 ? KIND_TABLE : KIND_OTHER;
    case HP_NODE_PLACEHOLDER:
    case HP_NODE_OPAQUE:
        return KIND_UNKNOWN;
    default:
        return KIND_PLAIN;
    }
}

/* nil and absent are one for a value that is compared. */
static hp_id or_nil(hp_id id)
{
    return id == HP_NO_ID ? HP_NIL : id;
}

static bool equal_code(const struct hp_graph *a, hp_id x, const struct hp_graph *b, hp_id y)
{
    struct hp_code cx = hp_code_of(a, x), cy = hp_code_of(b, y);
    return hp_prototype_equal(a->trees.items[cx.tree], cx.prototype, b->trees.items[cy.tree], cy.prototype);
}

struct pair {
    hp_id x, y;
};

/* Equal contents of two values of two graphs: plain by value, functions by code, objects by identity, tables
 * that the body made key by key. A placeholder is equal to what has the same expression, and unknown
 * otherwise. */
struct comparison {
    struct hp_planner *p;
    const struct hp_graph *a, *b;
    bool data_only; /* functions are not compared */
    struct hp_map seen;
    HP_LIST(struct pair) todo;
};

static bool compare_later(struct comparison *c, hp_id x, hp_id y)
{
    bool first = false;
    hp_map_put(&c->seen, x, y, 1, &first);
    struct pair *pair = first ? HP_PUSH(&c->p->plan->arena, &c->todo) : NULL;
    if (pair)
        *pair = (struct pair){x, y};
    return true;
}

static bool equal_fields(struct comparison *c, hp_id x, hp_id y)
{
    const struct hp_node *m = hp_graph_node(c->a, x), *n = hp_graph_node(c->b, y);
    if (m->entries.count != n->entries.count || m->more || n->more)
        return false;
    for (size_t i = 0; i < m->entries.count; i++) {
        hp_id other = hp_graph_field(c->b, y, c->a, m->entries.items[i].key);
        if (other == HP_NO_ID || !compare_later(c, m->entries.items[i].value, other))
            return false;
    }
    return compare_later(c, m->metatable, n->metatable);
}

static bool equal_nodes(struct comparison *c, hp_id x, hp_id y)
{
    const struct hp_node *m = hp_graph_node(c->a, x), *n = hp_graph_node(c->b, y);
    if (m->kind == HP_NODE_PLACEHOLDER && n->kind == HP_NODE_PLACEHOLDER)
        return hp_expression_equal(c->a, m->expression, c->b, n->expression);
    if (m->kind == HP_NODE_FLOAT && n->kind == HP_NODE_FLOAT && m->number != m->number)
        return n->number != n->number; /* the source still says "not a number" */
    if (m->kind == HP_NODE_FUNCTION && n->kind == HP_NODE_FUNCTION)
        return c->data_only || equal_code(c->a, x, c->b, y);
    if (m->kind == HP_NODE_TABLE && n->kind == HP_NODE_TABLE)
        return equal_fields(c, x, y);
    if (m->kind == HP_NODE_OPAQUE && n->kind == HP_NODE_OPAQUE) /* its type is all that can be compared */
        return m->type && n->type && strcmp(m->type, n->type) == 0;
    return hp_node_equal(c->a, x, c->b, y);
}

static bool compare(struct comparison *c, hp_id x, hp_id y)
{
    hp_map_init(&c->seen, &c->p->plan->arena);
    compare_later(c, or_nil(x), or_nil(y));
    for (size_t i = 0; i < c->todo.count; i++)
        if (!equal_nodes(c, c->todo.items[i].x, c->todo.items[i].y))
            return false;
    return true;
}

static bool equal_values(struct hp_planner *p, const struct hp_graph *a, hp_id x, const struct hp_graph *b,
                         hp_id y)
{
    struct comparison c = {.p = p, .a = a, .b = b};
    return compare(&c, x, y);
}

static bool equal_data(struct hp_planner *p, const struct hp_graph *a, hp_id x, const struct hp_graph *b,
                       hp_id y)
{
    struct comparison c = {.p = p, .a = a, .b = b, .data_only = true};
    return compare(&c, x, y);
}

static bool has_base(const struct hp_planner *p, const struct hp_slot *s)
{
    return hp_root_has_base(p->match, s->module);
}

static bool source_changed(struct hp_planner *p, const struct hp_slot *s)
{
    return !has_base(p, s) || !equal_values(p, p->base, s->base, p->fresh, s->fresh);
}

static bool untouched(struct hp_planner *p, const struct hp_slot *s)
{
    return has_base(p, s) && s->base != HP_NO_ID && equal_values(p, p->base, s->base, p->live, s->live);
}

static const char *finalizer_key(const struct hp_slot *s)
{
    static const char *const keys[] = {"__gc", "__close", "__mode"};
    const struct hp_node *k = s->kind == HP_SLOT_FIELD ? hp_graph_node(s->key_in, s->key) : NULL;
    for (size_t i = 0; k && k->kind == HP_NODE_STRING && i < sizeof keys / sizeof *keys; i++)
        if (strcmp(k->string.data, keys[i]) == 0)
            return keys[i];
    return NULL;
}

/* --- steps ------------------------------------------------------------------------------------ */

static struct hp_step *add_step(struct hp_planner *p, enum hp_step_kind kind, uint32_t target,
                                const char *path)
{
    struct hp_step *step = HP_PUSH(&p->plan->arena, &p->plan->steps);
    if (step)
        *step = (struct hp_step){.kind = kind, .target = target, .path = path};
    return step;
}

static uint32_t live_handle(const struct hp_planner *p, hp_id live)
{
    return hp_graph_node(p->live, live)->handle;
}

/* Two names may lead to one place: the first decision stands. Keys of two graphs are told apart by their
 * text. */
static bool claim(struct hp_planner *p, const struct hp_slot *s)
{
    bool first = false;
    uint64_t place = 0xcbf29ce484222325u; /* FNV-1a */
    const struct hp_node *k = s->kind == HP_SLOT_FIELD ? hp_graph_node(s->key_in, s->key) : NULL;
    const char *bytes = NULL;
    size_t len = 0;
    if (s->kind == HP_SLOT_CELL) {
        hp_map_put(&p->written, UINT64_MAX, s->cell, 1, &first);
        return first;
    }
    if (k && k->kind == HP_NODE_STRING) {
        bytes = k->string.data;
        len = k->string.len;
    } else if (k) {
        place ^= (uint64_t)k->kind + 1;
        bytes = k->handle ? (const char *)&k->handle : (const char *)&k->integer;
        len = k->handle                    ? sizeof k->handle
              : k->kind == HP_NODE_BOOLEAN ? sizeof k->boolean
                                           : sizeof k->integer;
    }
    for (size_t i = 0; i < len; i++)
        place = (place ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    hp_map_put(&p->written, ((uint64_t)s->container << 2) | (uint64_t)s->kind, place, 1, &first);
    return first;
}

void hp_planner_set_field(struct hp_planner *p, const struct hp_slot *s, struct hp_value value)
{
    enum hp_step_kind kind = s->live == HP_NO_ID ? HP_STEP_ADD_FIELD : HP_STEP_SET_FIELD;
    if (s->kind == HP_SLOT_METATABLE)
        kind = HP_STEP_SET_METATABLE;
    struct hp_step *step = claim(p, s) ? add_step(p, kind, live_handle(p, s->container), s->path) : NULL;
    if (!step)
        return;
    if (s->kind == HP_SLOT_FIELD)
        step->key = hp_value_key(s->key_in, s->key);
    step->module = s->module;
    step->value = value;
    step->expected = hp_value_live(p, s->live);
}

void hp_planner_set_cell(struct hp_planner *p, uint32_t cell, struct hp_value value, uint32_t module,
                         const char *path)
{
    struct hp_slot place = {.kind = HP_SLOT_CELL, .cell = cell};
    const struct hp_cell *c = &p->live->cells.items[cell];
    struct hp_step *step = claim(p, &place) ? add_step(p, HP_STEP_SET_CELL, 0, path) : NULL;
    if (!step)
        return;
    step->module = module;
    step->place = (struct hp_cell_place){live_handle(p, c->holder), c->index};
    step->value = value;
    step->expected = hp_value_live(p, c->value);
}

static void set(struct hp_planner *p, const struct hp_slot *s, struct hp_value value)
{
    if (s->kind == HP_SLOT_CELL)
        hp_planner_set_cell(p, s->cell, value, s->module, s->path);
    else
        hp_planner_set_field(p, s, value);
}

/* The new source's value takes the place. */
static void win(struct hp_planner *p, const struct hp_slot *s, const char *action)
{
    struct hp_value value = hp_value_fresh(p, or_nil(s->fresh), s->module, s->path);
    bool function = hp_is_function(p->fresh, s->fresh);
    if (value.kind == HP_VALUE_NIL && s->live == HP_NO_ID)
        return;
    set(p, s, value);
    if (function) /* before it is filled in, which would call it added */
        hp_planner_function(p, s->fresh, s->live, s->live == HP_NO_ID ? "added" : "replaced", s->module,
                            s->path);
    else if (s->kind == HP_SLOT_FIELD || p->options->merge)
        hp_planner_field(p, s->module, s->path, action);
}

static void keep(struct hp_planner *p, const struct hp_slot *s)
{
    if (s->kind == HP_SLOT_FIELD && !s->root && !equal_values(p, p->fresh, s->fresh, p->live, s->live))
        hp_planner_field(p, s->module, s->path, "kept");
}

/* --- R12: the source changed, the state stays ------------------------------------------------- */

static void keep_with_note(struct hp_planner *p, const struct hp_slot *s)
{
    keep(p, s);
    if (!has_base(p, s) || !source_changed(p, s))
        return;
    if (hp_graph_node(p->fresh, or_nil(s->fresh))->kind == HP_NODE_TABLE || s->base == HP_NO_ID)
        hp_planner_note(p, HP_R12_VALUE_KEPT, s->module, s->path,
                        "the source changed %s, the live value is kept; to change it too, set it in __hotfix",
                        s->path);
    else
        hp_planner_note(p, HP_R12_VALUE_KEPT, s->module, s->path,
                        "the source changed the initial value of %s from %s to %s, the live value %s is "
                        "kept; to change it too, "
                        "set it in __hotfix or use --merge three-way",
                        s->path, hp_planner_short(p, p->base, s->base),
                        hp_planner_short(p, p->fresh, s->fresh), hp_planner_short(p, p->live, s->live));
}

/* --- rules by what the new source has --------------------------------------------------------- */

/* n is absent: the new source lacks what base had. */
static void gone(struct hp_planner *p, const struct hp_slot *s)
{
    bool function = hp_is_function(p->base, s->base);
    bool remove = p->options->prune && s->kind == HP_SLOT_FIELD && (!function || untouched(p, s));
    struct hp_report_module *m = hp_planner_module(p, s->module);
    if (s->base == HP_NO_ID || s->live == HP_NO_ID || s->kind == HP_SLOT_CELL || s->root)
        return;
    if (s->kind == HP_SLOT_METATABLE) {
        hp_planner_note(p, HP_R10_METATABLE, s->module, s->path,
                        "the new source sets no metatable here any more; the live one stays");
        return;
    }
    if (remove && claim(p, s)) {
        struct hp_step *step = add_step(p, HP_STEP_REMOVE_FIELD, live_handle(p, s->container), s->path);
        if (step) {
            step->key = hp_value_key(s->key_in, s->key);
            step->expected = hp_value_live(p, s->live);
            step->module = s->module;
        }
    }
    if (!remove)
        hp_planner_note(p, HP_R13_GONE, s->module, s->path,
                        "%s is gone from the new source; the live one stays (remove it with --prune)",
                        s->path);
    struct hp_report_function *f = function && m ? HP_PUSH(&p->report->arena, &m->functions) : NULL;
    if (f) {
        f->path = hp_arena_str(&p->report->arena, s->path);
        f->verdict = remove ? "removed" : "kept";
    } else {
        hp_planner_field(p, s->module, s->path, remove ? "removed" : "kept");
    }
}

static bool adds_finalizer(const struct hp_planner *p, const struct hp_slot *s)
{
    const char *key = finalizer_key(s);
    if (s->kind == HP_SLOT_METATABLE)
        return hp_graph_field_str(p->fresh, s->fresh, "__gc") != HP_NO_ID;
    return key && strcmp(key, "__gc") == 0;
}

/* l is absent: a field or metatable that the live program does not have. */
static void missing(struct hp_planner *p, const struct hp_slot *s)
{
    bool in_base = has_base(p, s) && s->base != HP_NO_ID && s->base != HP_NIL;
    bool reload = p->options->all && hp_is_function(p->fresh, s->fresh);
    if (s->fresh == HP_NIL || (in_base && !reload))
        return; /* removed at run time: stays removed */
    if (adds_finalizer(p, s) &&
        hp_planner_refuse(p, HP_R10_METATABLE, s->module, s->path,
                          "__gc is new here; objects that live already would not all be finalised"))
        return;
    if (s->kind == HP_SLOT_METATABLE)
        hp_planner_warn(p, HP_R10_METATABLE, s->module, s->path,
                        "a metatable is set on a live table that had none");
    win(p, s, "added");
}

static bool named(const struct hp_planner *p, hp_id live)
{
    const struct hp_prototype *l = hp_prototype_at(p->live, hp_code_of(p->live, live));
    for (size_t i = 0; i < l->upvalues.count; i++)
        if (!l->upvalues.items[i].name)
            return false;
    return true;
}

/* n is a function, and so is b (or there is no base). */
static void function(struct hp_planner *p, const struct hp_slot *s)
{
    bool live_lua = hp_is_function(p->live, s->live);
    bool base = hp_is_function(p->base, s->base);
    bool version = live_lua && (has_base(p, s) ? base && hp_code_is(p->match->live_code[s->live],
                                                                    hp_code_of(p->base, s->base))
                                               : true);
    if (version && !named(p, s->live)) {
        hp_planner_note(p, HP_R14_NOT_PATCHABLE, s->module, s->path,
                        "%s was loaded from stripped code, whose locals have no names; send the source it "
                        "was made from with --base",
                        s->path);
        return;
    }
    if (version && p->match->live_fresh[s->live] != s->fresh && base &&
        p->match->fresh_of[s->base] != s->fresh) {
        /* the source has another of its functions there now: `M.a = one` became `M.a = other` */
        win(p, s, "updated");
        return;
    }
    if (version) {
        struct hp_value value = hp_value_successor(p, s->live, s->module, s->path);
        bool same = value.kind == HP_VALUE_LIVE;
        if (!same)
            set(p, s, value);
        hp_planner_fill(p);
        if (same && hp_is_function(p->fresh, p->match->live_fresh[s->live]))
            hp_planner_function(p, s->fresh, s->live, hp_planner_selects(p, s->fresh) ? "unchanged" : "kept",
                                s->module, s->path);
        return;
    }
    if (!base && untouched(p, s)) { /* base had an alias there, and it still stands */
        win(p, s, "updated");
        return;
    }
    bool changed = source_changed(p, s);
    if (s->kind == HP_SLOT_CELL || (!changed && !p->options->all)) {
        keep_with_note(p, s);
        return;
    }
    if (kind_of(p->live, s->live) != KIND_FUNCTION && s->live != HP_NO_ID && !p->options->all) {
        hp_planner_refuse(p, HP_R04_KIND_CHANGED, s->module, s->path,
                          "%s is a function in the source and %s in the live program; move the state in "
                          "__hotfix and push with "
                          "--accept R04",
                          s->path, hp_planner_short(p, p->live, s->live));
        return;
    }
    hp_planner_warn(p, HP_R12_VALUE_KEPT, s->module, s->path,
                    "the server put another function in %s at run time; the new source's takes its place",
                    s->path);
    win(p, s, "updated");
}

/* n is an alias of a live object that is not the module's. */
static void alias(struct hp_planner *p, const struct hp_slot *s)
{
    if (!source_changed(p, s) || hp_node_equal(p->fresh, s->fresh, p->live, s->live))
        return;
    if (!untouched(p, s)) {
        keep_with_note(p, s);
        return;
    }
    if (s->kind == HP_SLOT_METATABLE)
        hp_planner_warn(p, HP_R10_METATABLE, s->module, s->path, "another metatable is set on a live table");
    win(p, s, "updated");
}

/* Functions in a list are paired like any others: they are not what makes the data differ. */
static bool list_changed(struct hp_planner *p, const struct hp_slot *s)
{
    const struct hp_node *b = hp_graph_node(p->base, s->base), *f = hp_graph_node(p->fresh, s->fresh);
    if (!hp_is_list(p->fresh, s->fresh) || !hp_is_list(p->base, s->base))
        return false;
    if (b->entries.count != f->entries.count)
        return true;
    for (size_t i = 0; i < b->entries.count; i++)
        if (!equal_data(p, p->base, b->entries.items[i].value, p->fresh, f->entries.items[i].value))
            return true;
    return false;
}

/* n is a table, and so is b: the live table stays and has been entered; a list is data. */
static void table(struct hp_planner *p, const struct hp_slot *s)
{
    if (hp_graph_node(p->live, s->live)->kind != HP_NODE_TABLE) {
        keep(p, s);
        return;
    }
    if (has_base(p, s) && s->base != HP_NO_ID && list_changed(p, s)) {
        hp_planner_note(
            p, HP_R12_VALUE_KEPT, s->module, s->path,
            "the source changed the list %s; the live list is data and is kept; change it in __hotfix",
            s->path);
    }
}

/* n is nil, a boolean, a number or a string: state. */
static void plain(struct hp_planner *p, const struct hp_slot *s)
{
    bool three_way = p->options->merge && strcmp(p->options->merge, "three-way") == 0;
    const char *key = finalizer_key(s);
    if (!three_way || !has_base(p, s) || s->base == HP_NO_ID || !source_changed(p, s)) {
        keep_with_note(p, s);
    } else if (untouched(p, s)) {
        set(p, s, hp_value_plain(p->fresh, s->fresh));
        hp_planner_field(p, s->module, s->path, "updated");
    } else if (!equal_values(p, p->fresh, s->fresh, p->live, s->live)) {
        hp_planner_field(p, s->module, s->path, "conflict");
        hp_planner_note(p, HP_R12_VALUE_KEPT, s->module, s->path,
                        "%s was %s, the source says %s and the live program %s: the live value is kept; "
                        "decide in __hotfix",
                        s->path, hp_planner_short(p, p->base, s->base),
                        hp_planner_short(p, p->fresh, s->fresh), hp_planner_short(p, p->live, s->live));
    }
    if (key && has_base(p, s) && source_changed(p, s))
        hp_planner_warn(p, HP_R10_METATABLE, s->module, s->path,
                        "%s changed in the source; the live one stays", key);
}

/* The kinds of b and n differ: the new code was written for another kind of value than may live here. */
static void kind_change(struct hp_planner *p, const struct hp_slot *s)
{
    enum kind fresh = kind_of(p->fresh, s->fresh), live = kind_of(p->live, or_nil(s->live));
    if (fresh == live && !untouched(p, s)) {
        keep(p, s); /* already of the new kind */
        return;
    }
    if (untouched(p, s)) {
        if (!hp_planner_warn(
                p, HP_R04_KIND_CHANGED, s->module, s->path,
                "%s changes from %s to %s; the live value was never touched, so the new one takes its place",
                s->path, hp_planner_short(p, p->base, s->base), hp_planner_short(p, p->fresh, s->fresh)))
            win(p, s, "updated");
        return;
    }
    hp_planner_refuse(p, HP_R04_KIND_CHANGED, s->module, s->path,
                      "%s is %s in the new source and %s in the live program; move the state in __hotfix and "
                      "push with --accept R04",
                      s->path, hp_planner_short(p, p->fresh, s->fresh),
                      hp_planner_short(p, p->live, s->live));
}

static bool kinds_differ(const struct hp_planner *p, const struct hp_slot *s)
{
    enum kind fresh = kind_of(p->fresh, s->fresh);
    if (s->fresh == HP_NIL && !has_base(p, s))
        return false; /* declared without a value: whatever lives there is its state */
    if (fresh == KIND_UNKNOWN)
        return false;
    if (!has_base(p, s) || s->base == HP_NO_ID)
        return fresh != kind_of(p->live, or_nil(s->live));
    enum kind base = kind_of(p->base, s->base);
    return base != KIND_UNKNOWN && base != fresh;
}

/* n comes from a call that was not made: with the same call as b it stands for l. */
static void placeholder(struct hp_planner *p, const struct hp_slot *s)
{
    if (has_base(p, s) && source_changed(p, s))
        keep_with_note(p, s);
}

/* An element of a list is data; a live function in it has its successor wherever that stands in the source.
 */
static void element(struct hp_planner *p, const struct hp_slot *s)
{
    if (!hp_is_function(p->live, s->live))
        return;
    struct hp_value value = hp_value_successor(p, s->live, s->module, s->path);
    if (value.kind == HP_VALUE_FUNCTION)
        set(p, s, value);
}

/* Is the live table of the slot still the one of the base? */
static bool is_still_of_base(struct hp_planner *p, const struct hp_slot *s)
{
    hp_id fresh = p->match->fresh_of[s->base];
    hp_id live = fresh != HP_NO_ID ? p->match->twin[fresh] : HP_NO_ID;
    return live != HP_NO_ID ? live == s->live : untouched(p, s);
}

/* b and n are two tables of the module: an alias that changed. Contents are not merged; the slot follows the
 * source where it is still what the base had there. */
static void retargeted(struct hp_planner *p, const struct hp_slot *s)
{
    if (s->list)
        return;
    if (p->match->twin[s->fresh] != HP_NO_ID && is_still_of_base(p, s)) {
        win(p, s, "updated");
        return;
    }
    hp_planner_field(p, s->module, s->path, "kept");
    hp_planner_note(p, HP_R12_VALUE_KEPT, s->module, s->path,
                    "the source has another of its tables in %s now, the live table there is kept; to change "
                    "it too, set it in __hotfix",
                    s->path);
}

static void decide(struct hp_planner *p, const struct hp_slot *s)
{
    if (s->retargeted)
        retargeted(p, s);
    if (s->diverged)
        return;
    if (s->fresh == HP_NO_ID) {
        gone(p, s);
        return;
    }
    if (s->list) {
        element(p, s);
        return;
    }
    if (s->live == HP_NO_ID && s->kind != HP_SLOT_CELL) {
        missing(p, s);
        return;
    }
    if (kinds_differ(p, s)) {
        kind_change(p, s);
        return;
    }
    bool given = s->point && kind_of(p->fresh, s->fresh) != KIND_TABLE && !hp_is_function(p->fresh, s->fresh);
    if (given && !equal_values(p, p->fresh, s->fresh, p->live, s->live)) {
        win(p, s, "updated");
        return;
    }
    switch (hp_graph_node(p->fresh, s->fresh)->kind) {
    case HP_NODE_FUNCTION:
        function(p, s);
        break;
    case HP_NODE_VIEW:
        alias(p, s);
        break;
    case HP_NODE_TABLE:
        table(p, s);
        break;
    case HP_NODE_PLACEHOLDER:
    case HP_NODE_OPAQUE:
        placeholder(p, s);
        break;
    default:
        plain(p, s);
    }
}

void hp_planner_slot(struct hp_planner *p, const struct hp_slot *slot)
{
    if (p->options->functions.count &&
        !(hp_is_function(p->fresh, slot->fresh) && hp_planner_selects(p, slot->fresh)))
        return;
    decide(p, slot);
    hp_planner_fill(p);
}
