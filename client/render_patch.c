/* The text of a diff, push or revert: what a reviewer wants to know, in the order in which he asks: which
 * functions, with what state (render_module.c), what else, at what cost. */
#include "client/render.h"

#include <inttypes.h>
#include <string.h>

#include "client/render_word.h"

static void heading(struct hp_text *page, const char *text)
{
    hp_text_paint(page, HP_BOLD, text);
    hp_text_add(page, "\n");
}

static void render_note(struct hp_text *page, const struct hp_report_note *note, const char *sign,
                        enum hp_colour colour)
{
    hp_word_mark(page, 2, sign, colour);
    hp_text_paint_safe(page, colour, note->code);
    hp_text_add(page, "  ");
    if (note->module != NULL && *note->module != '\0') {
        hp_text_safe(page, note->module);
        hp_text_add(page, note->path != NULL && *note->path != '\0' ? "." : "");
    }
    if (note->path != NULL)
        hp_text_safe(page, note->path);
    if (note->line > 0)
        hp_text_printf(page, "  line %" PRId64, note->line);
    hp_text_add(page, "\n");
    if (note->text != NULL) {
        hp_text_pad(page, 9);
        hp_text_wrap(page, note->text, 9);
    }
}

static void render_notes(struct hp_text *page, const struct hp_report *r)
{
    if (r->warnings.count > 0)
        heading(page, "warnings");
    for (size_t i = 0; i < r->warnings.count; i++)
        render_note(page, &r->warnings.items[i], "!", HP_YELLOW);
    if (r->refusals.count > 0)
        heading(page, "refused");
    for (size_t i = 0; i < r->refusals.count; i++) {
        const struct hp_report_note *note = &r->refusals.items[i];
        render_note(page, note, "x", HP_RED);
        hp_text_pad(page, 9);
        hp_text_paint(page, HP_DIM, "hotpatch explain ");
        hp_text_paint_safe(page, HP_DIM, note->code);
        hp_text_add(page, "\n");
    }
}

static void render_call(struct hp_text *page, const char *call, const char *args, int64_t line)
{
    hp_text_safe(page, call);
    hp_text_add(page, "(");
    hp_text_safe(page, hp_word_or_empty(args));
    hp_text_add(page, ")");
    if (line > 0)
        hp_text_printf(page, "  line %" PRId64, line);
}

static void render_effects(struct hp_text *page, const struct hp_report *r)
{
    bool skipped = false;
    if (r->effects.count > 0)
        heading(page, "calls that only one of the two bodies makes");
    for (size_t i = 0; i < r->effects.count; i++) {
        const struct hp_report_effect *e = &r->effects.items[i];
        bool is_new = hp_word_is(e->change, "new");
        hp_word_mark(page, 2, is_new ? "+" : "-", is_new ? HP_GREEN : HP_RED);
        render_call(page, e->call, e->args, e->line);
        hp_text_add(page, e->performed ? "  performed" : is_new ? "  not performed" : "  no longer there");
        hp_text_add(page, "\n");
        skipped = skipped || (is_new && !e->performed);
    }
    if (skipped) {
        hp_text_paint(page, HP_DIM, "    push --effects new performs the new ones");
        hp_text_add(page, "\n");
    }
    if (r->replayed.count > 0) {
        heading(page, r->status == HP_PLANNED ? "calls that a push makes for first values"
                                              : "calls made for first values");
    }
    for (size_t i = 0; i < r->replayed.count; i++) {
        const struct hp_report_replay *call = &r->replayed.items[i];
        hp_text_pad(page, 4);
        render_call(page, call->call, call->args, call->line);
        if (call->for_path != NULL) {
            hp_text_add(page, "  for ");
            hp_text_safe(page, call->for_path);
        }
        hp_text_add(page, "\n");
    }
}

static void add_references(struct hp_text *names, const struct hp_report_references *refs)
{
    const struct {
        const char *word;
        int64_t count;
    } kinds[] = {
        {"table field", refs->table},        {"table key", refs->key},
        {"upvalue", refs->upvalue},          {"registry slot", refs->registry},
        {"metatable slot", refs->metatable}, {"userdata slot", refs->userdata},
        {"coroutine slot", refs->coroutine},
    };
    size_t shown = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].count > 0) {
            hp_text_printf(names, "%s%" PRId64 " %s%s", shown++ == 0 ? "" : ", ", kinds[i].count,
                           kinds[i].word, hp_word_plural(kinds[i].count));
        }
    }
}

static void render_elsewhere(struct hp_text *page, const struct hp_report *r)
{
    struct hp_text names;
    hp_text_init(&names, page->style);
    add_references(&names, &r->references);
    if (names.len > 0) {
        hp_text_add(page, r->status == HP_PLANNED ? "to be switched outside the module: "
                                                  : "also switched outside the module: ");
        hp_text_wrap(page, hp_text_str(&names), 4);
    }
    hp_text_fini(&names);
    if (r->instances > 0) {
        hp_text_printf(page, "%" PRId64 " closure%s made earlier by factories\n", r->instances,
                       hp_word_plural(r->instances));
    }
    if (r->coroutines.count > 0)
        heading(page, "still running an old function, which they finish");
    for (size_t i = 0; i < r->coroutines.count; i++) {
        const struct hp_report_coroutine *c = &r->coroutines.items[i];
        hp_text_pad(page, 4);
        hp_text_safe(page, c->function);
        hp_text_add(page, " at ");
        hp_text_safe(page, c->at);
        hp_text_printf(page, "  (%" PRId64 " coroutine%s)\n", c->count, hp_word_plural(c->count));
    }
    if (r->stragglers > 0) {
        hp_text_printf(page, "%" PRId64 " old function%s still held somewhere\n", r->stragglers,
                       hp_word_plural(r->stragglers));
    }
}

/* How many functions a report says were or would be changed. */
static int64_t changed_functions(const struct hp_report *r)
{
    int64_t count = 0;
    for (size_t m = 0; m < r->modules.count; m++) {
        for (size_t i = 0; i < r->modules.items[m].functions.count; i++) {
            const char *verdict = r->modules.items[m].functions.items[i].verdict;
            count += hp_word_is(verdict, "replaced") || hp_word_is(verdict, "added") ||
                             hp_word_is(verdict, "removed")
                         ? 1
                         : 0;
        }
    }
    return count;
}

static void render_not_looked_at(struct hp_text *page, const struct hp_report *r)
{
    if (changed_functions(r) > 0 && (hp_word_is(r->searched, "module") || hp_word_is(r->searched, "none"))) {
        hp_text_paint(page, HP_DIM, "not looked at: ");
        hp_text_wrap(
            page,
            "holders of old functions elsewhere in the program (locals of other modules, timers, callbacks, "
            "coroutines); they keep calling the old ones",
            4);
    }
}

static void render_outcome(struct hp_text *page, const struct hp_report *r)
{
    switch (r->status) {
    case HP_PLANNED:
        hp_text_paint(page, HP_CYAN, "planned, nothing changed");
        break;
    case HP_NO_CHANGE:
        hp_text_paint(page, HP_CYAN, "no change");
        break;
    default:
        hp_text_paint_safe(page, HP_GREEN, hp_status_info(r->status)->word);
        if (r->patch > 0)
            hp_text_printf(page, " patch %" PRId64, r->patch);
    }
}

static void render_cost(struct hp_text *page, const struct hp_report *r)
{
    int64_t functions = changed_functions(r);
    size_t joined = 0;
    size_t absent = 0;
    for (size_t m = 0; m < r->modules.count; m++) {
        const struct hp_report_module *module = &r->modules.items[m];
        joined += hp_render_count(page, module, (const struct hp_list *)(const void *)&module->joined);
        absent += hp_render_count(page, module, (const struct hp_list *)(const void *)&module->absent);
    }
    render_outcome(page, r);
    if (r->status == HP_NO_CHANGE) {
        hp_text_printf(page, ": the running code is what the source says, paused %.2f ms\n",
                       (double)r->cost.pause_us / 1000);
        return;
    }
    hp_text_printf(page, ": %" PRId64 " function%s, %zu upvalue%s joined, %zu absent, paused %.2f ms\n",
                   functions, hp_word_plural(functions), joined, hp_word_plural((int64_t)joined), absent,
                   (double)r->cost.pause_us / 1000);
}

void hp_render_agent(struct hp_text *page, const struct hp_report_agent *agent)
{
    if (agent->pid == 0 && agent->name == NULL)
        return;
    hp_text_add(page, hp_style_on(page->style, HP_DIM));
    hp_text_safe(page, agent->name != NULL ? agent->name : "agent");
    hp_text_printf(page, " (pid %" PRId64, agent->pid);
    if (agent->state != NULL && !hp_word_is(agent->state, "main")) {
        hp_text_add(page, ", state ");
        hp_text_safe(page, agent->state);
    }
    hp_text_add(page, ")");
    hp_text_add(page, hp_style_off(page->style, HP_DIM));
    hp_text_add(page, "\n");
}

void hp_render_skipped(struct hp_text *page, const struct hp_report *r)
{
    if (r->skipped.count > 0)
        heading(page, "left out");
    for (size_t i = 0; i < r->skipped.count; i++) {
        hp_word_mark(page, 2, "-", HP_YELLOW);
        hp_text_safe(page, r->skipped.items[i].file);
        hp_text_add(page, "\n      ");
        hp_text_wrap(page, r->skipped.items[i].why, 6);
    }
}

void hp_render_patch(struct hp_text *page, const struct hp_report *r)
{
    bool done = hp_status_info(r->status)->exit == 0;
    if (!done && r->modules.count == 0 && r->refusals.count == 0 && r->warnings.count == 0 &&
        r->skipped.count == 0 && r->replayed.count == 0 && r->effects.count == 0 &&
        hp_word_or_empty(r->output)[0] == '\0')
        return; /* the trouble on standard error is all there is */
    hp_render_agent(page, &r->agent);
    for (size_t i = 0; i < r->modules.count; i++)
        hp_render_module(page, &r->modules.items[i]);
    render_effects(page, r);
    render_elsewhere(page, r);
    render_notes(page, r);
    if (hp_word_or_empty(r->output)[0] != '\0') {
        heading(page, "printed");
        hp_text_safe_lines(page, r->output, 4);
    }
    hp_render_skipped(page, r);
    if (r->provisional != NULL) {
        hp_text_printf(page,
                       "provisional: patch %" PRId64
                       " is reverted in %g s unless `hotpatch confirm` comes in time\n",
                       r->provisional->patch, r->provisional->left_s);
        if (r->provisional->guard != NULL) {
            hp_text_add(page, "guard: it is reverted at once when calls of its functions break ");
            hp_text_safe(page, r->provisional->guard->rule);
            hp_text_add(page, "\n");
        }
    }
    if (done) {
        render_not_looked_at(page, r);
        render_cost(page, r);
    }
}

void hp_render_nothing(struct hp_text *page, const struct hp_report *r)
{
    hp_render_skipped(page, r);
    hp_text_add(page, "nothing to do: no file that differs belongs to a loaded module\n");
}
