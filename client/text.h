/* hotpatch client: a page of text that is written at once.
 *
 * A page grows in memory and goes to its stream in one piece, so that a report is printed whole or not at
 * all. Memory errors are sticky: adding to a page that has failed does nothing, and hp_text_write tells. The
 * page owns its bytes.
 *
 * What the server says is not trusted on a terminal: hp_text_safe shows control characters, bidirectional
 * overrides and broken UTF-8 as \xNN, and everything that is not ASCII too where the locale is not UTF-8.
 * What the client says itself (hp_text_add, hp_text_printf) is written as it stands. One thread.
 */
#ifndef HP_TEXT_H
#define HP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "client/style.h"

struct hp_text {
    char *data; /* not NUL-terminated until hp_text_str */
    size_t len;
    size_t cap;
    bool failed;
    struct hp_style style;
};

void hp_text_init(struct hp_text *t, struct hp_style style);
void hp_text_fini(struct hp_text *t);

void hp_text_add(struct hp_text *t, const char *s);
void hp_text_addn(struct hp_text *t, const char *s, size_t len);
void hp_text_printf(struct hp_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void hp_text_pad(struct hp_text *t, size_t count); /* that many spaces */

/* A string of the server on one line. NULL is "?". */
void hp_text_safe(struct hp_text *t, const char *s);
/* The same over several lines, each begun with `indent` spaces; tabs stay; ends with a newline unless empty.
 */
void hp_text_safe_lines(struct hp_text *t, const char *s, size_t indent);

/* Prose of the server or our own, as words: goes on where the page stands, breaks lines before column
 * HP_TEXT_COLUMNS, and begins new ones with `indent` spaces. Newlines in it stay. Ends with one. */
#define HP_TEXT_COLUMNS 79
void hp_text_wrap(struct hp_text *t, const char *s, size_t indent);

/* Client text in a colour, where there are colours. */
void hp_text_paint(struct hp_text *t, enum hp_colour colour, const char *s);
void hp_text_paint_safe(struct hp_text *t, enum hp_colour colour, const char *s);

/* Columns that hp_text_safe takes for `s`: its escapes counted, one for each character of UTF-8. */
size_t hp_text_width(struct hp_style style, const char *s);

/* The page as a C string, owned by the page; "" when it has failed. */
const char *hp_text_str(struct hp_text *t);

/* Writes and flushes. False: memory was short while it was filled, or the stream refused it (errno says). */
bool hp_text_write(struct hp_text *t, FILE *stream);

#endif
