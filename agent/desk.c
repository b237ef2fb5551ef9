#include "agent/desk.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/clock.h"

struct hp_desk *hp_desk_new(const char *name, const char *state, const char *lua)
{
    struct hp_desk *desk = hp_mem_calloc(sizeof *desk);
    if (!desk) {
        errno = ENOMEM;
        return NULL;
    }
    hp_arena_init(&desk->arena);
    desk->name = hp_arena_str(&desk->arena, name);
    desk->state = hp_arena_str(&desk->arena, state);
    desk->lua = hp_arena_str(&desk->arena, lua);
    desk->safepoint = "poll";
    desk->started = hp_clock_ms();
    if (hp_arena_failed(&desk->arena))
        errno = ENOMEM;
    if (hp_arena_failed(&desk->arena) || !hp_mailbox_init(&desk->mailbox)) {
        hp_arena_fini(&desk->arena);
        hp_mem_free(desk);
        return NULL;
    }
    pthread_mutex_init(&desk->lock, NULL);
    return desk;
}

void hp_desk_free(struct hp_desk *desk)
{
    if (!desk)
        return;
    hp_audit_close(desk->audit);
    hp_trust_close(desk->trust);
    hp_rights_free(desk->rights);
    hp_mailbox_fini(&desk->mailbox);
    pthread_mutex_destroy(&desk->lock);
    hp_report_free(desk->log);
    hp_arena_fini(&desk->arena);
    hp_mem_free(desk);
}

void hp_desk_publish(struct hp_desk *desk, struct hp_report *log, int64_t generation, int64_t patches)
{
    struct hp_report *old = NULL;
    pthread_mutex_lock(&desk->lock);
    if (log) {
        old = desk->log;
        desk->log = log;
    }
    desk->generation = generation;
    desk->patches = patches;
    pthread_mutex_unlock(&desk->lock);
    hp_report_free(old);
}

/* --- patches on trial ------------------------------------------------------------------------- */

void hp_desk_try(struct hp_desk *desk, int64_t patch, const struct hp_options *options, int64_t now)
{
    pthread_mutex_lock(&desk->lock);
    hp_provisional_begin(&desk->provisional, patch, options->confirm_within_s, options->guard, now);
    pthread_mutex_unlock(&desk->lock);
}

void hp_desk_set_tally(struct hp_desk *desk, const struct hp_tally *tally)
{
    pthread_mutex_lock(&desk->lock);
    desk->tally = tally;
    pthread_mutex_unlock(&desk->lock);
}

bool hp_desk_is_guarded(struct hp_desk *desk)
{
    pthread_mutex_lock(&desk->lock);
    bool is_guarded = hp_provisional_is_guarded(&desk->provisional);
    pthread_mutex_unlock(&desk->lock);
    return is_guarded;
}

bool hp_desk_observe(struct hp_desk *desk, const struct hp_trial_guard *seen, int64_t now)
{
    pthread_mutex_lock(&desk->lock);
    bool was_guarded = hp_provisional_is_guarded(&desk->provisional);
    hp_provisional_observe(&desk->provisional, seen, now);
    bool is_news = was_guarded && desk->provisional.guard.tripped;
    pthread_mutex_unlock(&desk->lock);
    return is_news;
}

void hp_desk_reverted(struct hp_desk *desk, int64_t first)
{
    pthread_mutex_lock(&desk->lock);
    hp_provisional_forget(&desk->provisional, first);
    pthread_mutex_unlock(&desk->lock);
}

int64_t hp_desk_trial(struct hp_desk *desk)
{
    pthread_mutex_lock(&desk->lock);
    int64_t patch = desk->provisional.patch;
    pthread_mutex_unlock(&desk->lock);
    return patch;
}

void hp_desk_answer_confirm(struct hp_desk *desk, int64_t asked, int64_t now, struct hp_report *r)
{
    r->patch = asked;
    pthread_mutex_lock(&desk->lock);
    enum hp_confirmed result = hp_provisional_confirm(&desk->provisional, &r->patch, now);
    pthread_mutex_unlock(&desk->lock);
    switch (result) {
    case HP_CONFIRMED:
        hp_mailbox_knock(&desk->mailbox); /* a guard that is on goes off at the next poll */
        return;
    case HP_CONFIRM_NONE:
        hp_report_fail(r, HP_REFUSED, "no patch is provisional: there is nothing to confirm");
        break;
    case HP_CONFIRM_OTHER:
        hp_report_fail(r, HP_REFUSED, "patch %lld is not provisional; patch %lld is", (long long)asked,
                       (long long)r->patch);
        break;
    case HP_CONFIRM_TOO_LATE:
        hp_report_fail(r, HP_REFUSED, "too late: patch %lld is being reverted", (long long)r->patch);
        break;
    }
    if (r->error)
        r->error->hint = "hotpatch log";
}

/* Asks for the revert as a client would. False: not now (no memory, too many wait). */
static bool post_revert(struct hp_desk *desk, const struct hp_provisional *p, int64_t now)
{
    static const char *const accepted[] = {"R04", "R10", "R19", "R20"};
    char who[80], text[2 * HP_GUARD_TEXT];
    struct hp_recall recall;
    struct hp_request *request = hp_request_new();
    if (!request)
        return false;
    request->kind = HP_KIND_REVERT;
    request->patch = p->patch;
    request->deadline_ms = HP_MAX_WAIT_MS;
    request->options.atomic = p->attempts > 2;
    if (p->guard.tripped)
        request->options.message =
            hp_arena_printf(&request->arena, "guard %s", hp_trial_guard_text(&p->guard, text, sizeof text));
    else
        request->options.message = "not confirmed in time";
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        const char **code = HP_PUSH(&request->arena, &request->options.accept);
        if (code)
            *code = accepted[i];
    }
    if (p->guard.tripped)
        snprintf(who, sizeof who, "the agent itself: guard %s", p->guard.rule);
    else
        snprintf(who, sizeof who, "the agent itself: not confirmed within %g s", p->seconds);
    struct hp_why why; /* what cannot be written down is done all the same: it undoes */
    if (!hp_audit_asked(desk->audit, request, who, &why))
        fprintf(stderr, "hotpatch: %s\n", why.text);
    if (!hp_arena_failed(&request->arena) &&
        hp_mailbox_post(&desk->mailbox, request, who, now, HP_NO_TICKET, &recall) == HP_POST_QUEUED)
        return true;
    hp_request_free(request);
    return false;
}

int64_t hp_desk_expire_trial(struct hp_desk *desk, int64_t now)
{
    int64_t next;
    pthread_mutex_lock(&desk->lock);
    bool due = hp_provisional_is_due(&desk->provisional, now, &next);
    struct hp_provisional copy = desk->provisional;
    pthread_mutex_unlock(&desk->lock);
    if (!due || post_revert(desk, &copy, now))
        return next;
    hp_desk_settle_trial(desk, NULL, now);
    return now + HP_TRIAL_AGAIN_MS;
}

void hp_desk_settle_trial(struct hp_desk *desk, const struct hp_letter *letter, int64_t now)
{
    bool reverted = letter && letter->report && letter->report->status == HP_REVERTED;
    pthread_mutex_lock(&desk->lock);
    int64_t patch = desk->provisional.patch;
    bool stuck = hp_provisional_settle(&desk->provisional, reverted, now);
    pthread_mutex_unlock(&desk->lock);
    if (stuck)
        fprintf(
            stderr,
            "hotpatch: patch %lld was not confirmed and could not be reverted; `hotpatch revert` says why\n",
            (long long)patch);
}

/* NULL where there is none. */
static struct hp_report_guard *copy_guard(struct hp_arena *arena, const struct hp_trial_guard *from)
{
    struct hp_report_guard *guard = from ? hp_arena_alloc(arena, sizeof *guard) : NULL;
    if (guard)
        *guard = (struct hp_report_guard){
            .rule = hp_arena_str(arena, from->rule),
            .calls = from->calls,
            .errors = from->errors,
            .tripped = from->tripped,
            .function = from->function[0] ? hp_arena_str(arena, from->function) : NULL,
            .function_calls = from->function_calls,
            .function_errors = from->function_errors,
            .last_error = from->text[0] ? hp_arena_str(arena, from->text) : NULL,
        };
    return guard;
}

/* The last look may be a while ago where the program polls seldom; its numbers are from now. */
static struct hp_trial_guard guard_now(const struct hp_desk *desk)
{
    struct hp_trial_guard guard = desk->provisional.guard;
    if (desk->tally) {
        guard.calls = atomic_load_explicit(&desk->tally->calls, memory_order_relaxed);
        guard.errors = atomic_load_explicit(&desk->tally->errors, memory_order_relaxed);
    }
    return guard;
}

void hp_desk_copy_trial(struct hp_desk *desk, struct hp_report *out, int64_t now)
{
    pthread_mutex_lock(&desk->lock);
    const struct hp_provisional *p = &desk->provisional;
    out->provisional = p->patch ? hp_arena_alloc(&out->arena, sizeof *out->provisional) : NULL;
    if (out->provisional) {
        const struct hp_trial_guard guard = guard_now(desk);
        *out->provisional = (struct hp_report_provisional){
            .patch = p->patch,
            .left_s = p->deadline > now ? (double)(p->deadline - now) / 1000 : 0,
            .guard = copy_guard(&out->arena, guard.rule[0] ? &guard : NULL),
        };
    }
    pthread_mutex_unlock(&desk->lock);
}

/* --- the snapshot ----------------------------------------------------------------------------- */

void hp_desk_polled(struct hp_desk *desk, int64_t now)
{
    pthread_mutex_lock(&desk->lock);
    desk->polled = now;
    pthread_mutex_unlock(&desk->lock);
}

void hp_desk_brief(const struct hp_desk *desk, struct hp_report_agent *out)
{
    out->pid = getpid();
    out->name = desk->name;
    out->state = desk->state;
    out->lua = desk->lua;
    out->version = HP_VERSION;
}

void hp_desk_describe(struct hp_desk *desk, struct hp_report_agent *out, int64_t now)
{
    hp_desk_brief(desk, out);
    out->safepoint = desk->safepoint;
    out->uptime_s = (double)(now - desk->started) / 1000;
    out->pending = (int64_t)hp_mailbox_waiting(&desk->mailbox);
    pthread_mutex_lock(&desk->lock);
    out->patches = desk->patches;
    out->generation = desk->generation;
    out->idle_s = desk->polled ? (double)(now - desk->polled) / 1000 : -1;
    pthread_mutex_unlock(&desk->lock);
}

static void copy_patch(struct hp_arena *arena, struct hp_report_patch *to, const struct hp_report_patch *from)
{
    to->patch = from->patch;
    to->status = hp_arena_str(arena, from->status);
    to->message = hp_arena_str(arena, from->message);
    to->when = hp_arena_str(arena, from->when);
    to->who = hp_arena_str(arena, from->who);
    to->functions = from->functions;
    for (size_t i = 0; i < from->modules.count; i++) {
        const char **module = HP_PUSH(arena, &to->modules);
        if (module)
            *module = hp_arena_str(arena, from->modules.items[i]);
    }
}

void hp_desk_copy_held(struct hp_desk *desk, struct hp_report *out)
{
    pthread_mutex_lock(&desk->lock);
    out->stragglers = desk->log ? desk->log->stragglers : HP_UNKNOWN;
    for (size_t i = 0; desk->log && i < desk->log->held.count; i++) {
        const struct hp_report_held *from = &desk->log->held.items[i];
        struct hp_report_held *held = HP_PUSH(&out->arena, &out->held);
        if (held)
            *held = (struct hp_report_held){hp_arena_str(&out->arena, from->at), from->count};
    }
    pthread_mutex_unlock(&desk->lock);
}

void hp_desk_copy_log(struct hp_desk *desk, struct hp_report *out)
{
    pthread_mutex_lock(&desk->lock);
    out->generation = desk->generation;
    for (size_t i = 0; desk->log && i < desk->log->patches.count; i++) {
        struct hp_report_patch *patch = HP_PUSH(&out->arena, &out->patches);
        if (!patch)
            break;
        copy_patch(&out->arena, patch, &desk->log->patches.items[i]);
        patch->trial = hp_trial_word(hp_provisional_outcome(&desk->provisional, patch->patch));
        patch->guard = copy_guard(&out->arena, hp_provisional_guard(&desk->provisional, patch->patch));
    }
    pthread_mutex_unlock(&desk->lock);
}
