/* The text of what a server is asked without being changed: status, log, inspect, eval. */
#include "client/render.h"

#include <inttypes.h>
#include <string.h>

#include "client/render_word.h"

/* --- inspect ---------------------------------------------------------------------------------- */

/* "shared with a, b" for a cell that several functions hold. */
static void render_shared(struct hp_text *page, const struct hp_report_upvalue *u)
{
    for (size_t i = 0; i < u->shared_with.count; i++) {
        hp_text_paint(page, HP_DIM, i == 0 ? "  shared with " : ", ");
        hp_text_paint_safe(page, HP_DIM, u->shared_with.items[i]);
    }
}

static void render_upvalues(struct hp_text *page, const struct hp_report_inspected *f)
{
    size_t width = 0;
    for (size_t i = 0; i < f->upvalues.count; i++) {
        size_t own = hp_text_width(page->style, f->upvalues.items[i].name);
        width = own > width && own <= 24 ? own : width;
    }
    for (size_t i = 0; i < f->upvalues.count; i++) {
        const struct hp_report_upvalue *u = &f->upvalues.items[i];
        size_t own = hp_text_width(page->style, u->name);
        hp_text_pad(page, 4);
        hp_text_paint_safe(page, HP_CYAN, u->name);
        hp_text_pad(page, (own < width ? width - own : 0) + 2);
        hp_text_safe(page, u->type);
        if (u->value != NULL) {
            hp_text_add(page, "  ");
            hp_text_safe(page, u->value);
        }
        render_shared(page, u);
        hp_text_add(page, "\n");
    }
}

void hp_render_inspect(struct hp_text *page, const struct hp_report *r)
{
    for (size_t i = 0; i < r->functions.count; i++) {
        const struct hp_report_inspected *f = &r->functions.items[i];
        hp_text_paint_safe(page, HP_BOLD, f->path);
        if (f->source != NULL) {
            hp_text_add(page, "  ");
            hp_text_paint_safe(page, HP_DIM, *f->source == '@' ? f->source + 1 : f->source);
            if (f->line > 0)
                hp_text_printf(page, ":%" PRId64, f->line);
        }
        hp_text_add(page, "\n");
        render_upvalues(page, f);
    }
    if (r->functions.count == 0 && r->error == NULL)
        hp_text_add(page, "no functions there\n");
}

/* --- confirm ---------------------------------------------------------------------------------- */

void hp_render_confirm(struct hp_text *page, const struct hp_report *r)
{
    if (r->error == NULL)
        hp_text_printf(page, "patch %" PRId64 " is confirmed: it stays\n", r->patch);
}

/* What the guard of a patch has seen; nothing if it has none. */
static void render_guard(struct hp_text *page, const char *label, const struct hp_report_guard *guard)
{
    if (guard == NULL)
        return;
    hp_text_add(page, label);
    hp_text_safe(page, guard->rule);
    hp_text_printf(page, ": %" PRId64 " call%s, %" PRId64 " ended by an error", guard->calls,
                   hp_word_plural(guard->calls), guard->errors);
    if (guard->function != NULL) {
        hp_text_printf(page, " (%" PRId64 " of %" PRId64 " of ", guard->function_errors,
                       guard->function_calls);
        hp_text_safe(page, guard->function);
        hp_text_add(page, ")");
    }
    hp_text_add(page, "\n");
    if (guard->last_error != NULL) {
        hp_text_pad(page, 11);
        hp_text_safe(page, guard->last_error);
        hp_text_add(page, "\n");
    }
}

/* --- log -------------------------------------------------------------------------------------- */

void hp_render_log(struct hp_text *page, const struct hp_report *r)
{
    if (r->error != NULL)
        return;
    if (r->patches.count == 0)
        hp_text_add(page, "no patches\n");
    for (size_t i = 0; i < r->patches.count; i++) {
        const struct hp_report_patch *p = &r->patches.items[i];
        bool applied = p->status != NULL && strcmp(p->status, "applied") == 0;
        hp_text_printf(page, "%-4" PRId64 " ", p->patch);
        hp_text_paint_safe(page, applied ? HP_GREEN : HP_YELLOW, p->status);
        if (p->trial != NULL) {
            hp_text_add(page, ", ");
            hp_text_safe(page, p->trial);
        }
        hp_text_add(page, "  ");
        hp_text_safe(page, p->when);
        hp_text_add(page, "  ");
        for (size_t m = 0; m < p->modules.count; m++) {
            hp_text_add(page, m > 0 ? ", " : "");
            hp_text_paint_safe(page, HP_BOLD, p->modules.items[m]);
        }
        hp_text_printf(page, "  %" PRId64 " function%s", p->functions, hp_word_plural(p->functions));
        if (p->who != NULL) {
            hp_text_add(page, "  ");
            hp_text_paint_safe(page, HP_DIM, p->who);
        }
        hp_text_add(page, "\n");
        render_guard(page, "     guard ", p->guard);
        if (p->message != NULL && *p->message != '\0') {
            hp_text_pad(page, 5);
            hp_text_wrap(page, p->message, 5);
        }
    }
}

/* --- status ----------------------------------------------------------------------------------- */

static void row(struct hp_text *page, const char *name, const char *value)
{
    if (value != NULL && *value != '\0') {
        hp_text_printf(page, "%-10s ", name);
        hp_text_safe(page, value);
        hp_text_add(page, "\n");
    }
}

/* "3 d 4 h", "4 h 12 min", "12 min 5 s", "5.2 s". */
static void duration(struct hp_text *page, double seconds)
{
    int64_t s = (int64_t)seconds;
    if (s >= 86400)
        hp_text_printf(page, "%" PRId64 " d %" PRId64 " h", s / 86400, s % 86400 / 3600);
    else if (s >= 3600)
        hp_text_printf(page, "%" PRId64 " h %" PRId64 " min", s / 3600, s % 3600 / 60);
    else if (s >= 60)
        hp_text_printf(page, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else
        hp_text_printf(page, "%.1f s", seconds);
}

static void running(struct hp_text *page, const struct hp_report_running *running)
{
    if (running == NULL)
        return;
    hp_text_printf(page, "%-10s %s", "under way", running->kind != NULL ? running->kind : "a request");
    if (running->phase != NULL)
        hp_text_printf(page, ", %s", running->phase);
    hp_text_printf(page, ", %" PRId64 " objects, %" PRId64 " slices, longest stop %.1f ms\n",
                   running->objects, running->slices, (double)running->pause_us / 1000);
}

/* Functions that a patch replaced and somebody still has. */
static void held(struct hp_text *page, const struct hp_report *r)
{
    if (r->agent.patches == 0 && r->agent.generation == 0)
        return;
    if (r->stragglers == HP_UNKNOWN) {
        row(page, "old code", "not known until the collector has gone round twice");
        return;
    }
    if (r->stragglers == 0) {
        row(page, "old code", "none is left");
        return;
    }
    hp_text_printf(page, "%-10s %" PRId64 " old function%s still held:", "old code", r->stragglers,
                   hp_word_plural(r->stragglers));
    for (size_t i = 0; i < r->held.count; i++) {
        hp_text_add(page, i == 0 ? " " : ", ");
        hp_text_safe(page, r->held.items[i].at);
        if (r->held.items[i].count > 1)
            hp_text_printf(page, " (%" PRId64 ")", r->held.items[i].count);
    }
    hp_text_add(page, "\n");
}

void hp_render_status(struct hp_text *page, const struct hp_report *r)
{
    const struct hp_report_agent *a = &r->agent;
    if (r->error != NULL)
        return;
    hp_text_paint_safe(page, HP_BOLD, a->name != NULL ? a->name : "agent");
    hp_text_printf(page, "  pid %" PRId64 "\n", a->pid);
    row(page, "program", a->program);
    row(page, "user", a->user);
    row(page, "endpoint", a->endpoint);
    for (size_t i = 0; i < a->listen.count; i++)
        row(page, i == 0 ? "listens at" : "", a->listen.items[i]);
    row(page, "state", a->state);
    for (size_t i = 0; i < a->states.count && a->states.count > 1; i++)
        row(page, i == 0 ? "states" : "", a->states.items[i]);
    row(page, "lua", a->lua);
    row(page, "hotpatch", a->version);
    row(page, "safepoint", a->safepoint);
    hp_text_printf(page, "%-10s ", "uptime");
    duration(page, a->uptime_s);
    hp_text_printf(page, "\n%-10s %" PRId64 " applied, generation %" PRId64 "\n", "patches", a->patches,
                   a->generation);
    if (a->pending > 0) {
        hp_text_printf(page, "%-10s %" PRId64 " request%s\n", "waiting", a->pending,
                       hp_word_plural(a->pending));
    }
    if (r->provisional != NULL) {
        hp_text_printf(page, "%-10s patch %" PRId64 ", reverted in ", "on trial", r->provisional->patch);
        duration(page, r->provisional->left_s);
        hp_text_add(page, " unless it is confirmed\n");
        render_guard(page, "guard      ", r->provisional->guard);
    }
    running(page, r->running);
    held(page, r);
    hp_text_printf(page, "%-10s ", "last poll");
    if (a->idle_s < 0) {
        hp_text_add(page, "none yet");
    } else {
        duration(page, a->idle_s);
        hp_text_add(page, " ago");
    }
    hp_text_add(page, "\n");
    for (size_t i = 0; i < r->warnings.count; i++)
        row(page, "warning", r->warnings.items[i].text);
}

/* --- eval ------------------------------------------------------------------------------------- */

void hp_render_eval(struct hp_text *page, const struct hp_report *r)
{
    if (r->output != NULL && page->style.terminal) {
        hp_text_safe_lines(page, r->output, 0);
    } else if (r->output != NULL) {
        hp_text_add(page, r->output); /* into a file or a program: as it is */
        if (*r->output != '\0' && r->output[strlen(r->output) - 1] != '\n')
            hp_text_add(page, "\n");
    }
    for (size_t i = 0; i < r->results.count; i++)
        hp_text_safe_lines(page, *r->results.items[i] != '\0' ? r->results.items[i] : "\n", 0);
}
