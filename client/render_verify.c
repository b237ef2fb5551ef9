/* The text of a verify: what differs first, what is as it should be in one line. */
#include "client/render.h"

#include <inttypes.h>

#include "client/render_word.h"

#define RENDER_NAMES 12 /* of the functions that are the same */

static size_t count_of(const struct hp_report_module *m, const char *verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < m->functions.count; i++)
        count += hp_word_is(m->functions.items[i].verdict, verdict) ? 1 : 0;
    return count;
}

static void origin(struct hp_text *page, const struct hp_report_function *f)
{
    if (hp_word_is(f->verdict, "absent")) {
        hp_text_add(page, "does not run: nothing is there");
    } else if (f->was == NULL) {
        hp_text_add(page, "the program put another value there");
    } else {
        hp_text_add(page, "runs ");
        hp_text_safe(page, f->was);
    }
    if (hp_word_is(f->origin, "patch"))
        hp_text_printf(page, ", put by patch %" PRId64, f->patch);
    else if (hp_word_is(f->origin, "runtime") && f->was != NULL)
        hp_text_add(page, ", put there by the program");
    else if (hp_word_is(f->origin, "version"))
        hp_text_add(page, ", of another version of the file");
    else if (hp_word_is(f->origin, "stripped"))
        hp_text_add(page, ", stripped code");
}

static void function_line(struct hp_text *page, const struct hp_report_function *f)
{
    bool extra = hp_word_is(f->verdict, "extra");
    bool absent = hp_word_is(f->verdict, "absent");
    hp_word_mark(page, 2, extra ? "+" : absent ? "-" : "~", absent ? HP_RED : extra ? HP_GREEN : HP_YELLOW);
    hp_text_paint_safe(page, HP_BOLD, f->path);
    hp_text_add(page, "  ");
    hp_text_safe(page, f->verdict);
    if (f->line > 0)
        hp_text_printf(page, "  line %" PRId64, f->line);
    hp_text_add(page, extra ? "  (not in the source)  " : "  ");
    origin(page, f);
    hp_text_add(page, "\n");
}

static void same_line(struct hp_text *page, const struct hp_report_module *m)
{
    struct hp_text names;
    size_t count = count_of(m, "same");
    size_t shown = 0;
    if (count == 0)
        return;
    hp_text_init(&names, page->style);
    for (size_t i = 0; i < m->functions.count && shown < RENDER_NAMES; i++) {
        if (hp_word_is(m->functions.items[i].verdict, "same")) {
            hp_text_add(&names, shown++ > 0 ? ", " : "");
            hp_text_safe(&names, m->functions.items[i].path);
        }
    }
    if (shown < count)
        hp_text_printf(&names, " and %zu more", count - shown);
    hp_word_mark(page, 2, "=", HP_DIM);
    hp_text_printf(page, "%zu as the source says: ", count);
    hp_text_wrap(page, hp_text_str(&names), 6);
    hp_text_fini(&names);
}

void hp_render_verify(struct hp_text *page, const struct hp_report *r)
{
    size_t functions = 0, same = 0;
    if (r->status != HP_NO_CHANGE && r->status != HP_DIFFERS)
        return; /* the trouble on standard error is all there is */
    hp_render_agent(page, &r->agent);
    for (size_t i = 0; i < r->modules.count; i++) {
        const struct hp_report_module *m = &r->modules.items[i];
        hp_text_paint_safe(page, HP_BOLD, m->module);
        hp_text_add(page, "  ");
        const char *source = hp_word_or_empty(m->source);
        hp_text_paint_safe(page, HP_DIM, *source == '@' ? source + 1 : source);
        hp_text_add(page, "\n");
        for (size_t f = 0; f < m->functions.count; f++)
            if (!hp_word_is(m->functions.items[f].verdict, "same"))
                function_line(page, &m->functions.items[f]);
        same_line(page, m);
        functions += m->functions.count;
        same += count_of(m, "same");
    }
    hp_render_skipped(page, r);
    if (r->status == HP_NO_CHANGE) {
        hp_text_paint(page, HP_GREEN, "verified");
        hp_text_printf(page, ": all %zu functions are what the source says\n", functions);
    } else {
        hp_text_paint(page, HP_YELLOW, "differs");
        hp_text_printf(page, ": %zu of %zu functions are not what the source says\n", functions - same,
                       functions);
    }
}
