#include "client/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PROGRESS_COLUMNS 80 /* where the terminal does not say */

void hp_progress_init(struct hp_progress *progress, const struct hp_cli *cli, enum hp_kind kind)
{
    *progress = (struct hp_progress){
        .wanted = cli->err.terminal && !cli->quiet,
        .style = cli->err,
        .kind = hp_kind_word(kind),
    };
}

/* 1234567 as 1,234,567. */
static void add_number(struct hp_text *page, int64_t number)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRId64, number < 0 ? 0 : number);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            hp_text_add(page, ",");
        }
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
        if (starts_character && width++ == columns) {
            page->len = i;
        }
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

void hp_progress_show(struct hp_progress *progress, const struct hp_progress_state *state)
{
    struct hp_text page;
    if (!progress->wanted) {
        return;
    }
    hp_text_init(&page, progress->style);
    hp_text_add(&page, "\r\033[K");
    hp_progress_line(&page, progress->kind, state, terminal_columns() - 1);
    progress->shown = hp_text_write(&page, stderr) || progress->shown;
    hp_text_fini(&page);
}

void hp_progress_clear(struct hp_progress *progress)
{
    if (progress->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        progress->shown = false;
    }
}
