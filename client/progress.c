#include "client/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <jansson.h>

#define PROGRESS_COLUMNS     80 /* where the terminal does not say */
#define PROGRESS_TERMINAL_MS 250
#define PROGRESS_LINES_MS    1000

static enum hp_progress_form form_of(const struct hp_cli *cli)
{
    if (cli->progress && cli->format != HP_FORMAT_TEXT)
        return HP_PROGRESS_JSON;
    if (cli->err.terminal)
        return cli->progress || !cli->quiet ? HP_PROGRESS_TERMINAL : HP_PROGRESS_NONE;
    return cli->progress ? HP_PROGRESS_LINES : HP_PROGRESS_NONE;
}

void hp_progress_init(struct hp_progress *progress, const struct hp_cli *cli, const char *kind,
                      const char *id)
{
    *progress = (struct hp_progress){.form = form_of(cli), .style = cli->err, .kind = kind, .id = id};
}

int hp_progress_interval(const struct hp_progress *progress)
{
    switch (progress->form) {
    case HP_PROGRESS_TERMINAL:
        return PROGRESS_TERMINAL_MS;
    case HP_PROGRESS_LINES:
    case HP_PROGRESS_JSON:
        return PROGRESS_LINES_MS;
    case HP_PROGRESS_NONE:
        break;
    }
    return 0;
}

/* 1234567 as 1,234,567. */
static void add_number(struct hp_text *page, int64_t number)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRId64, number < 0 ? 0 : number);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            hp_text_add(page, ",");
        hp_text_addn(page, digits + i, 1);
    }
}

static void add_count(struct hp_text *page, int64_t number, const char *noun)
{
    add_number(page, number);
    hp_text_printf(page, " %s%s", noun, number == 1 ? "" : "s");
}

/* "push: search, 1,234,567 objects in 42 slices, longest stop 0.98 ms, 3 s" */
static void add_text(struct hp_text *page, const char *kind, const struct hp_progress_state *state)
{
    if (state->phase != NULL) {
        hp_text_printf(page, "%s: ", kind);
        hp_text_safe(page, state->phase);
    } else {
        hp_text_printf(page, "%s %s", kind, state->doing);
    }
    if (state->slices > 0) {
        hp_text_add(page, ", ");
        add_count(page, state->objects, "object");
        hp_text_add(page, " in ");
        add_count(page, state->slices, "slice");
        hp_text_printf(page, ", longest stop %.2f ms", (double)state->longest_us / 1000);
    }
    hp_text_printf(page, ", %.0f s", state->seconds);
}

/* A line that is wider than the terminal would go over two, and could not be erased. */
static void cut(struct hp_text *page, size_t begin, size_t columns)
{
    size_t width = 0;
    for (size_t i = begin; i < page->len; i++) {
        bool starts_character = ((unsigned char)page->data[i] & 0xc0) != 0x80;
        if (starts_character && width++ == columns)
            page->len = i;
    }
}

void hp_progress_line(struct hp_text *page, const char *kind, const struct hp_progress_state *state,
                      size_t columns)
{
    size_t begin = page->len;
    add_text(page, kind, state);
    cut(page, begin, columns);
}

static size_t terminal_columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : PROGRESS_COLUMNS;
}

/* A page of one line, to where it goes; the page is finished with. */
static void write_line(struct hp_progress *progress, struct hp_text *page)
{
    if (progress->form != HP_PROGRESS_TERMINAL)
        hp_text_add(page, "\n");
    bool written = hp_text_write(page, stderr);
    progress->shown = (written && progress->form == HP_PROGRESS_TERMINAL) || progress->shown;
    hp_text_fini(page);
}

static void begin_line(const struct hp_progress *progress, struct hp_text *page)
{
    hp_text_init(page, progress->style);
    if (progress->form == HP_PROGRESS_TERMINAL)
        hp_text_add(page, "\r\033[K");
}

/* {"progress":WHAT}; takes the reference. One that could not be made is left out: the next one follows. */
static void write_json(struct hp_progress *progress, json_t *what)
{
    json_t *all = what != NULL ? json_pack("{s:o}", "progress", what) : NULL;
    char *text =
        all != NULL ? json_dumps(all, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9)) : NULL;
    if (text != NULL) {
        struct hp_text page;
        begin_line(progress, &page);
        hp_text_add(&page, text);
        write_line(progress, &page);
    }
    free(text);
    json_decref(all);
}

static json_t *json_of_state(const struct hp_progress *progress, const struct hp_progress_state *state)
{
    json_t *what =
        json_pack("{s:s, s:s, s:s}", "id", progress->id, "kind", progress->kind, "step", state->step);
    json_t *phase =
        state->phase != NULL ? json_string(state->phase) : NULL; /* NULL too where it is no UTF-8 */
    if (phase != NULL)
        json_object_set_new(what, "phase", phase);
    json_object_set_new(what, "objects", json_integer(state->objects));
    json_object_set_new(what, "slices", json_integer(state->slices));
    json_object_set_new(what, "pause_us", json_integer(state->longest_us));
    json_object_set_new(what, "elapsed_s", json_real(state->seconds));
    return what;
}

void hp_progress_show(struct hp_progress *progress, const struct hp_progress_state *state)
{
    struct hp_text page;
    if (progress->form == HP_PROGRESS_NONE)
        return;
    if (progress->form == HP_PROGRESS_JSON) {
        write_json(progress, json_of_state(progress, state));
        return;
    }
    begin_line(progress, &page);
    hp_progress_line(&page, progress->kind, state,
                     progress->form == HP_PROGRESS_TERMINAL ? terminal_columns() - 1 : SIZE_MAX);
    write_line(progress, &page);
}

static void write_target(struct hp_progress *progress, const struct hp_progress_target *target)
{
    struct hp_text page;
    begin_line(progress, &page);
    size_t begin = page.len;
    if (progress->form == HP_PROGRESS_TERMINAL) {
        hp_text_printf(&page, "%s: %zu of %zu targets", progress->kind, target->ended, target->count);
        cut(&page, begin, terminal_columns() - 1);
    } else {
        hp_text_printf(&page, "%s: ", progress->kind);
        hp_text_safe(&page, target->label);
        hp_text_printf(&page, ": %s", target->status != NULL ? target->status : "begins");
    }
    write_line(progress, &page);
}

void hp_progress_show_target(struct hp_progress *progress, const struct hp_progress_target *target)
{
    if (progress->form == HP_PROGRESS_NONE)
        return;
    if (progress->form != HP_PROGRESS_JSON) {
        write_target(progress, target);
        return;
    }
    json_t *what = json_pack("{s:s, s:s, s:s}", "target", target->label, "kind", progress->kind, "step",
                             target->status != NULL ? "ended" : "begun");
    if (target->status != NULL) {
        json_object_set_new(what, "status", json_string(target->status));
        json_object_set_new(what, "exit", json_integer(target->exit));
    }
    json_object_set_new(what, "ended", json_integer((json_int_t)target->ended));
    json_object_set_new(what, "targets", json_integer((json_int_t)target->count));
    write_json(progress, what);
}

void hp_progress_clear(struct hp_progress *progress)
{
    if (progress->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        progress->shown = false;
    }
}
