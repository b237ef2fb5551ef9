#include "client/render.h"

#include <inttypes.h>
#include <string.h>

/* What to do next where the report does not say. NULL: nothing in particular. */
static const char *default_hint(enum hp_status status)
{
    switch (status) {
    case HP_TIMEOUT:
        return "the server must reach hotpatch.poll(); hotpatch status tells when it last did; wait longer "
               "with --timeout "
               "SECONDS";
    case HP_BUSY:
        return "other requests are waiting; try again";
    case HP_CONFLICT:
        return "the server changed while the patch was prepared; try again";
    case HP_VERSION_MISMATCH:
        return "install the same version of hotpatch on both sides";
    case HP_UNSUPPORTED:
        return "hotpatch status tells the agent's version, hotpatch --version that of the client";
    case HP_ROLLED_BACK:
        return "mend __hotfix and push again";
    case HP_DENIED:
        return "run hotpatch as the user who runs the server";
    default:
        return NULL;
    }
}

/* Where in the line the message points: the last "TEXT" of "near 'TEXT'", the end of the line for "near
 * <eof>", else its first word. */
static size_t caret_offset(const char *text, const char *line)
{
    const char *near = strstr(text, "near ");
    size_t len = strlen(line);
    if (near != NULL && strncmp(near + 5, "<eof>", 5) == 0)
        return len;
    const char *quote = near != NULL && near[5] == '\'' ? near + 6 : NULL;
    const char *end = quote != NULL ? strrchr(quote, '\'') : NULL;
    size_t token = end != NULL ? (size_t)(end - quote) : 0;
    for (size_t i = token > 0 && token <= len ? len - token + 1 : 0; i > 0; i--)
        if (memcmp(line + i - 1, quote, token) == 0)
            return i - 1;
    return strspn(line, " \t");
}

/* The first `len` bytes of the line with each tab as four spaces. */
static void expand_tabs(struct hp_text *out, const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hp_text_addn(out, line[i] == '\t' ? "    " : line + i, line[i] == '\t' ? 4 : 1);
}

static void render_source_line(struct hp_text *page, const struct hp_report_error *error)
{
    const char *line = error->source_line;
    struct hp_text whole;
    struct hp_text before;
    char number[32];
    hp_text_init(&whole, page->style);
    hp_text_init(&before, page->style);
    expand_tabs(&whole, line, strlen(line));
    expand_tabs(&before, line, caret_offset(error->text, line));
    int width = snprintf(number, sizeof number, "%6" PRId64 " | ", error->line);
    hp_text_paint(page, HP_DIM, number);
    hp_text_safe(page, hp_text_str(&whole));
    hp_text_add(page, "\n");
    if (strstr(error->text, "near ") != NULL) { /* a syntax error says where in the line */
        hp_text_pad(page, (size_t)width + hp_text_width(page->style, hp_text_str(&before)));
        hp_text_paint(page, HP_RED, "^");
        hp_text_add(page, "\n");
    }
    hp_text_fini(&whole);
    hp_text_fini(&before);
}

static void render_hint(struct hp_text *page, const char *hint)
{
    if (hint != NULL) {
        hp_text_paint(page, HP_DIM, "  -> ");
        hp_text_safe_lines(page, hint, 0);
    }
}

/* Errors of Lua begin with "FILE:LINE: " themselves. */
static bool names_its_place(const struct hp_report_error *error)
{
    size_t len = strlen(error->file);
    return error->text != NULL && strncmp(error->text, error->file, len) == 0 && error->text[len] == ':';
}

static void render_head(struct hp_text *page, const struct hp_report *r)
{
    const struct hp_report_error *error = r->error;
    hp_text_paint(page, HP_BOLD, "hotpatch: ");
    if (r->status != HP_USAGE && r->status != HP_NO_AGENT && r->status != HP_LOAD_FAILED) {
        hp_text_paint(page, HP_RED, hp_status_info(r->status)->word);
        hp_text_add(page, ": ");
    }
    if (error != NULL && error->file != NULL && !names_its_place(error)) {
        hp_text_safe(page, error->file);
        hp_text_printf(page, error->line > 0 ? ":%" PRId64 ": " : ": ", error->line);
    }
    if (error != NULL && error->text != NULL) {
        hp_text_safe_lines(page, error->text, 0);
    } else if (r->status == HP_REFUSED && r->refusals.count > 0) {
        hp_text_printf(page, "%zu %s refused; nothing changed\n", r->refusals.count,
                       r->refusals.count == 1 ? "edit was" : "edits were");
    } else {
        hp_text_printf(page, "%s\n", hp_status_info(r->status)->sentence);
    }
}

/* "hotpatch explain R04 R09": each code once. */
static void render_explain(struct hp_text *page, const struct hp_report *r)
{
    hp_text_paint(page, HP_DIM, "  -> ");
    hp_text_add(page, "hotpatch explain");
    for (size_t i = 0; i < r->refusals.count; i++) {
        const char *code = r->refusals.items[i].code;
        bool repeated = code == NULL;
        for (size_t j = 0; j < i && !repeated; j++)
            repeated = r->refusals.items[j].code != NULL && strcmp(r->refusals.items[j].code, code) == 0;
        if (!repeated) {
            hp_text_add(page, " ");
            hp_text_safe(page, code);
        }
    }
    hp_text_add(page, "\n");
}

void hp_render_trouble(struct hp_text *page, const struct hp_report *r)
{
    const struct hp_report_error *error = r->error;
    render_head(page, r);
    if (error != NULL && error->source_line != NULL && error->text != NULL)
        render_source_line(page, error);
    if (error != NULL && error->traceback != NULL)
        hp_text_safe_lines(page, error->traceback, 4);
    bool named = r->candidates.count == 1 && error != NULL && error->text != NULL &&
                 strstr(error->text, r->candidates.items[0]) != NULL;
    for (size_t i = 0; i < r->candidates.count && !named; i++) {
        hp_text_pad(page, 4);
        hp_text_safe(page, r->candidates.items[i]);
        hp_text_add(page, "\n");
    }
    if (error != NULL && error->hint != NULL)
        render_hint(page, error->hint);
    else if (r->refusals.count > 0)
        render_explain(page, r);
    else
        render_hint(page, default_hint(r->status));
}
