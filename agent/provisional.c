#include "agent/provisional.h"

#include <stdio.h>

#include "agent/clock.h"

const char *hp_trial_word(enum hp_trial_outcome outcome)
{
    static const char *const words[] = {
        [HP_TRIAL_NONE] = NULL,
        [HP_TRIAL_PROVISIONAL] = "provisional",
        [HP_TRIAL_CONFIRMED] = "confirmed",
        [HP_TRIAL_EXPIRED] = "expired",
        [HP_TRIAL_GUARD] = "guard",
        [HP_TRIAL_STUCK] = "stuck",
    };
    return words[outcome];
}

void hp_provisional_begin(struct hp_provisional *p, int64_t patch, double seconds, const char *rule,
                          int64_t now)
{
    p->patch = patch;
    p->seconds = seconds;
    p->deadline = now + (int64_t)(seconds * 1000);
    p->asked = false;
    p->attempts = 0;
    p->guard = (struct hp_trial_guard){0};
    snprintf(p->guard.rule, sizeof p->guard.rule, "%s", rule ? rule : "");
}

const char *hp_trial_guard_text(const struct hp_trial_guard *g, char *buf, size_t size)
{
    bool one = g->function[0] != '\0';
    snprintf(buf, size, "%s: %lld of %lld calls of %s ended by an error", g->rule,
             (long long)(one ? g->function_errors : g->errors),
             (long long)(one ? g->function_calls : g->calls), one ? g->function : "its functions");
    return buf;
}

bool hp_provisional_is_guarded(const struct hp_provisional *p)
{
    return p->patch != 0 && !p->asked && !p->guard.tripped && p->guard.rule[0] != '\0';
}

void hp_provisional_observe(struct hp_provisional *p, const struct hp_trial_guard *seen, int64_t now)
{
    struct hp_trial_guard guard = *seen;
    if (!hp_provisional_is_guarded(p))
        return;
    snprintf(guard.rule, sizeof guard.rule, "%s", p->guard.rule);
    p->guard = guard;
    if (guard.tripped)
        p->deadline = now;
}

static void end(struct hp_provisional *p, enum hp_trial_outcome outcome)
{
    p->past[p->next].patch = p->patch;
    p->past[p->next].outcome = outcome;
    p->past[p->next].guard = p->guard;
    p->next = (p->next + 1) % HP_TRIALS_KEPT;
    p->patch = 0;
}

enum hp_confirmed hp_provisional_confirm(struct hp_provisional *p, int64_t *patch, int64_t now)
{
    if (p->patch == 0)
        return HP_CONFIRM_NONE;
    if (*patch != 0 && *patch != p->patch) {
        *patch = p->patch;
        return HP_CONFIRM_OTHER;
    }
    *patch = p->patch;
    if (p->asked || now >= p->deadline)
        return HP_CONFIRM_TOO_LATE;
    end(p, HP_TRIAL_CONFIRMED);
    return HP_CONFIRMED;
}

bool hp_provisional_is_due(struct hp_provisional *p, int64_t now, int64_t *next)
{
    *next = HP_NEVER;
    if (p->patch == 0 || p->asked)
        return false;
    if (now < p->deadline) {
        *next = p->deadline;
        return false;
    }
    p->asked = true;
    p->attempts++;
    return true;
}

bool hp_provisional_settle(struct hp_provisional *p, bool reverted, int64_t now)
{
    if (p->patch == 0)
        return false;
    if (reverted || p->attempts >= HP_TRIAL_ATTEMPTS) {
        end(p, !reverted ? HP_TRIAL_STUCK : p->guard.tripped ? HP_TRIAL_GUARD : HP_TRIAL_EXPIRED);
        return !reverted;
    }
    p->asked = false;
    p->deadline = now + HP_TRIAL_AGAIN_MS;
    return false;
}

void hp_provisional_forget(struct hp_provisional *p, int64_t first_reverted)
{
    if (p->patch >= first_reverted && !p->asked)
        p->patch = 0;
}

enum hp_trial_outcome hp_provisional_outcome(const struct hp_provisional *p, int64_t patch)
{
    if (patch != 0 && patch == p->patch)
        return HP_TRIAL_PROVISIONAL;
    for (size_t i = 0; i < HP_TRIALS_KEPT; i++)
        if (p->past[i].patch == patch && patch != 0)
            return p->past[i].outcome;
    return HP_TRIAL_NONE;
}

const struct hp_trial_guard *hp_provisional_guard(const struct hp_provisional *p, int64_t patch)
{
    if (patch != 0 && patch == p->patch)
        return p->guard.rule[0] != '\0' ? &p->guard : NULL;
    for (size_t i = 0; i < HP_TRIALS_KEPT; i++)
        if (p->past[i].patch == patch && patch != 0)
            return p->past[i].guard.tripped ? &p->past[i].guard : NULL;
    return NULL;
}
