/* hotpatch client: small words that the text renderers share. */
#ifndef HP_RENDER_WORD_H
#define HP_RENDER_WORD_H

#include <string.h>

#include "client/text.h"
#include "proto/report.h"

static inline const char *hp_word_plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

static inline const char *hp_word_or_empty(const char *s)
{
    return s != NULL ? s : "";
}

static inline bool hp_word_is(const char *word, const char *other)
{
    return word != NULL && strcmp(word, other) == 0;
}

/* "  ~ " at the beginning of a line. */
static inline void hp_word_mark(struct hp_text *page, size_t indent, const char *sign, enum hp_colour colour)
{
    hp_text_pad(page, indent);
    hp_text_paint(page, colour, sign);
    hp_text_add(page, " ");
}

/* One module of a patch, by render_module.c. */
void hp_render_module(struct hp_text *page, const struct hp_report_module *m);
/* "game (pid 4121)", and the files that were left out, by render_patch.c. */
void hp_render_agent(struct hp_text *page, const struct hp_report_agent *agent);
void hp_render_skipped(struct hp_text *page, const struct hp_report *report);
/* How many of these upvalues belong to functions that change: what the tree shows. With no memory for that
 * the page has failed. */
size_t hp_render_count(struct hp_text *page, const struct hp_report_module *m, const struct hp_list *list);

#endif
