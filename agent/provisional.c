#include "agent/provisional.h"

#include "agent/clock.h"

const char *hp_trial_word(enum hp_trial_outcome outcome)
{
    static const char *const words[] = {
        [HP_TRIAL_NONE] = NULL,
        [HP_TRIAL_PROVISIONAL] = "provisional",
        [HP_TRIAL_CONFIRMED] = "confirmed",
        [HP_TRIAL_EXPIRED] = "expired",
        [HP_TRIAL_STUCK] = "stuck",
    };
    return words[outcome];
}

void hp_provisional_begin(struct hp_provisional *p, int64_t patch, double seconds, int64_t now)
{
    p->patch = patch;
    p->seconds = seconds;
    p->deadline = now + (int64_t)(seconds * 1000);
    p->asked = false;
    p->attempts = 0;
}

static void end(struct hp_provisional *p, enum hp_trial_outcome outcome)
{
    p->past[p->next].patch = p->patch;
    p->past[p->next].outcome = outcome;
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
        end(p, reverted ? HP_TRIAL_EXPIRED : HP_TRIAL_STUCK);
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
