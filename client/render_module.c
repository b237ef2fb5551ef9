/* The text of one module of a diff, push or revert: its functions with their upvalues, then its values. */
#include "client/render.h"

#include <inttypes.h>
#include <string.h>

#include "client/owners.h"
#include "client/render_word.h"
#include "client/review.h"

#define RENDER_NAMES 12 /* of a list that is only an overview */

/* A word of the verdict or action table: how it is shown. */
struct look {
    const char *word;
    const char *mark;
    enum hp_colour colour;
};

static const struct look looks[] = {
    {"replaced", "~", HP_YELLOW}, {"added", "+", HP_GREEN},  {"removed", "-", HP_RED},
    {"updated", "~", HP_YELLOW},  {"conflict", "!", HP_RED}, {"kept", "=", HP_DIM},
    {"unchanged", "=", HP_DIM},
};

static const struct look *look_of(const char *word)
{
    static const struct look other = {"?", "?", HP_PLAIN};
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
        if (hp_word_is(word, looks[i].word))
            return &looks[i];
    return &other;
}

/* A line of names between commas, broken like prose: "  = 3 unchanged: a, b, c". `names` is a list that the
 * caller frees. */
static void names_line(struct hp_text *page, struct hp_text *names, size_t indent)
{
    hp_text_wrap(page, hp_text_str(names), indent);
    hp_text_fini(names);
}

static void add_name(struct hp_text *names, const char *name, size_t index)
{
    hp_text_add(names, index == 0 ? "" : ", ");
    hp_text_safe(names, name);
}

static void names_more(struct hp_text *names, size_t shown, size_t total)
{
    if (shown < total)
        hp_text_printf(names, " and %zu more", total - shown);
}

/* --- functions and their upvalues ------------------------------------------------------------- */

size_t hp_render_count(struct hp_text *page, const struct hp_report_module *m, const struct hp_list *list)
{
    struct hp_owners owners;
    size_t count = 0;
    if (!hp_owners_init(&owners, m)) {
        page->failed = true;
        return 0;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct hp_report_function *owner =
            hp_owners_find(&owners, ((const char *const *)list->items)[i]);
        count += owner == NULL || !hp_word_is(owner->verdict, "unchanged") ? 1 : 0;
    }
    hp_owners_fini(&owners);
    return count;
}

/* The module's upvalues, each list by its owners. */
struct upvalues {
    struct hp_owned_list joined, absent, orphaned;
};

/* A page that has no memory for it has failed. */
static void upvalues_init(struct hp_text *page, const struct hp_report_module *m, struct upvalues *u)
{
    struct hp_owners owners;
    bool ok = hp_owners_init(&owners, m);
    *u = (struct upvalues){0};
    ok = ok && hp_owned_init(&u->joined, &owners, (const struct hp_list *)(const void *)&m->joined);
    ok = ok && hp_owned_init(&u->absent, &owners, (const struct hp_list *)(const void *)&m->absent);
    ok = ok && hp_owned_init(&u->orphaned, &owners, (const struct hp_list *)(const void *)&m->orphaned);
    page->failed = page->failed || !ok;
    hp_owners_fini(&owners);
}

static void upvalues_fini(struct upvalues *u)
{
    hp_owned_fini(&u->joined);
    hp_owned_fini(&u->absent);
    hp_owned_fini(&u->orphaned);
}

/* Those of the list that belong to `f` (NULL: to none), on one line. */
static void upvalue_line(struct hp_text *page, const struct hp_report_function *f,
                         const struct hp_owned_list *list, const struct look *look, const char *meaning)
{
    struct hp_text names;
    size_t count = 0;
    const struct hp_owned *owned = hp_owned_of(list, f, &count);
    if (count == 0)
        return;
    hp_text_init(&names, page->style);
    for (size_t i = 0; i < count; i++)
        add_name(&names, f != NULL ? owned[i].upvalue + strlen(f->path) + 1 : owned[i].upvalue, i);
    size_t indent = f != NULL ? 6 : 2;
    hp_text_printf(&names, "%s", meaning);
    hp_word_mark(page, indent, look->mark, look->colour);
    hp_text_printf(page, "%-8s  ", look->word);
    names_line(page, &names, indent + 12);
}

static void upvalue_lines(struct hp_text *page, const struct upvalues *u, const struct hp_report_function *f)
{
    static const struct look joined = {"joined", "=", HP_GREEN};
    static const struct look absent = {"absent", "+", HP_YELLOW};
    static const struct look orphaned = {"orphaned", "-", HP_DIM};
    upvalue_line(page, f, &u->joined, &joined, "");
    upvalue_line(page, f, &u->absent, &absent, "  (begins with its first value)");
    upvalue_line(page, f, &u->orphaned, &orphaned, "  (no longer used)");
}

static void function_line(struct hp_text *page, const struct hp_report_function *f, size_t width)
{
    const struct look *look = look_of(f->verdict);
    size_t own = hp_text_width(page->style, f->path);
    hp_word_mark(page, 2, look->mark, look->colour);
    hp_text_paint_safe(page, HP_BOLD, f->path);
    hp_text_pad(page, own < width ? width - own : 0);
    hp_text_add(page, "  ");
    hp_text_paint_safe(page, look->colour, f->verdict);
    size_t verdict = hp_text_width(page->style, f->verdict);
    hp_text_pad(page, verdict < 8 ? 8 - verdict : 0);
    const char *gap = "  ";
    if (f->was != NULL && *f->was != '\0') {
        hp_text_add(page, gap);
        hp_text_add(page, "was ");
        hp_text_safe(page, f->was);
        gap = ", now ";
    }
    if (f->line > 0 && !hp_word_is(f->verdict, "removed") && !hp_word_is(f->verdict, "kept"))
        hp_text_printf(page, "%sline %" PRId64, gap, f->line);
    if (hp_word_is(f->verdict, "kept"))
        hp_text_add(page, "  (not in the new source)");
    hp_text_add(page, "\n");
}

static void unchanged_line(struct hp_text *page, const struct hp_report_module *m)
{
    struct hp_text names;
    size_t count = 0;
    hp_text_init(&names, page->style);
    for (size_t i = 0; i < m->functions.count; i++) {
        if (hp_word_is(m->functions.items[i].verdict, "unchanged")) {
            if (count < RENDER_NAMES)
                add_name(&names, m->functions.items[i].path, count);
            count++;
        }
    }
    if (count == 0) {
        hp_text_fini(&names);
        return;
    }
    names_more(&names, count < RENDER_NAMES ? count : RENDER_NAMES, count);
    hp_word_mark(page, 2, "=", HP_DIM);
    hp_text_printf(page, "%zu unchanged: ", count);
    names_line(page, &names, 6);
}

static void render_functions(struct hp_text *page, const struct hp_report_module *m)
{
    size_t width = 0;
    for (size_t i = 0; i < m->functions.count; i++) {
        size_t own = hp_text_width(page->style, m->functions.items[i].path);
        bool shown = !hp_word_is(m->functions.items[i].verdict, "unchanged");
        width = shown && own > width && own <= 40 ? own : width;
    }
    struct upvalues upvalues;
    upvalues_init(page, m, &upvalues);
    for (size_t i = 0; i < m->functions.count; i++) {
        const struct hp_report_function *f = &m->functions.items[i];
        if (!hp_word_is(f->verdict, "unchanged") && f->path != NULL) {
            function_line(page, f, width);
            if (f->diff != NULL)
                hp_review_render(page, f->diff);
            upvalue_lines(page, &upvalues, f);
        }
    }
    upvalue_lines(page, &upvalues, NULL);
    upvalues_fini(&upvalues);
    unchanged_line(page, m);
}

static void render_fields(struct hp_text *page, const struct hp_report_module *m)
{
    static const char *const actions[] = {"conflict", "updated", "added", "removed", "kept"};
    for (size_t a = 0; a < sizeof actions / sizeof *actions; a++) {
        const struct look *look = look_of(actions[a]);
        bool overview = hp_word_is(actions[a], "kept");
        struct hp_text names;
        size_t count = 0;
        hp_text_init(&names, page->style);
        for (size_t i = 0; i < m->fields.count; i++) {
            if (hp_word_is(m->fields.items[i].action, actions[a])) {
                if (!overview || count < RENDER_NAMES)
                    add_name(&names, m->fields.items[i].path, count);
                count++;
            }
        }
        if (count == 0) {
            hp_text_fini(&names);
            continue;
        }
        names_more(&names, overview && count > RENDER_NAMES ? RENDER_NAMES : count, count);
        hp_word_mark(page, 2, look->mark, look->colour);
        hp_text_printf(page, "value%s ", hp_word_plural((int64_t)count));
        hp_text_paint(page, look->colour, actions[a]);
        hp_text_add(page, ": ");
        names_line(page, &names, 6);
    }
}

void hp_render_module(struct hp_text *page, const struct hp_report_module *m)
{
    hp_text_paint_safe(page, HP_BOLD, m->module != NULL ? m->module : m->source);
    if (m->source != NULL && m->module != NULL) {
        hp_text_add(page, "  ");
        hp_text_paint_safe(page, HP_DIM, *m->source == '@' ? m->source + 1 : m->source);
    }
    if (hp_word_is(m->base, "none")) {
        hp_text_paint(page, HP_DIM, "  (no base: matched by names)");
    } else if (m->base != NULL) {
        hp_text_paint(page, HP_DIM, "  (base: ");
        hp_text_paint_safe(page, HP_DIM, m->base);
        hp_text_paint(page, HP_DIM, ")");
    }
    hp_text_add(page, "\n");
    render_functions(page, m);
    render_fields(page, m);
}
