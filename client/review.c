#include "client/review.h"

#include <stdlib.h>
#include <string.h>

#include "client/render_word.h"
#include "client/unified.h"
#include "proto/lines.h"

/* The line of "battle.lua:12". */
static int64_t line_of(const char *place)
{
    const char *colon = place != NULL ? strrchr(place, ':') : NULL;
    return colon != NULL ? strtoll(colon + 1, NULL, 10) : 0;
}

static void fill(struct hp_cli *cli, struct hp_report_function *f, const struct hp_lines *source)
{
    bool added = hp_word_is(f->verdict, "added");
    struct hp_bytes now = hp_lines_get(source, f->line, f->last_line);
    const char *old = f->old != NULL ? f->old : "";
    f->old = NULL;
    if (now.data == NULL || (!added && *old == '\0'))
        return;
    struct hp_text page;
    struct hp_unified_side before = {{old, strlen(old)}, added ? 1 : line_of(f->was)};
    struct hp_unified_side after = {now, f->line};
    hp_text_init(&page, cli->out);
    if (hp_unified(&page, before, after, f->path))
        f->diff = hp_arena_str(&cli->report.arena, hp_text_str(&page));
    hp_text_fini(&page);
}

void hp_review_fill(struct hp_cli *cli, const struct hp_request *request)
{
    struct hp_report *r = &cli->report;
    for (size_t m = 0; m < r->modules.count && r->modules.count == request->modules.count; m++) {
        struct hp_lines source;
        hp_lines_init(&source, &r->arena, request->modules.items[m].source);
        for (size_t i = 0; i < r->modules.items[m].functions.count; i++)
            fill(cli, &r->modules.items[m].functions.items[i], &source);
    }
}

void hp_review_render(struct hp_text *page, const char *diff)
{
    while (*diff != '\0') {
        size_t len = strcspn(diff, "\n");
        enum hp_colour colour = *diff == '-'   ? HP_RED
                                : *diff == '+' ? HP_GREEN
                                : *diff == '@' ? HP_CYAN
                                               : HP_PLAIN;
        struct hp_text line;
        hp_text_init(&line, page->style);
        hp_text_addn(&line, diff, len);
        hp_text_add(page, hp_style_on(page->style, colour));
        hp_text_safe_lines(page, hp_text_str(&line), 6); /* keeps tabs; ends the line */
        hp_text_add(page, hp_style_off(page->style, colour));
        hp_text_fini(&line);
        diff += len + (diff[len] == '\n' ? 1 : 0);
    }
}
