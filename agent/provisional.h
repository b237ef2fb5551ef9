/* hotpatch: patches on trial. A push with `confirm_within_s` is reverted by the agent itself unless somebody
 * confirms it in time, whatever became of the client; one with a guard also as soon as that has seen too many
 * errors. One patch is on trial at a time, and nothing is pushed on top of it.
 *
 * A plain struct; whoever keeps it locks it. Times are hp_clock_ms(). No Lua, no threads.
 */
#ifndef HP_PROVISIONAL_H
#define HP_PROVISIONAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HP_GUARD_TEXT     160
#define HP_TRIALS_KEPT    64   /* outcomes that are remembered */
#define HP_TRIAL_ATTEMPTS 5    /* to revert, the last ones in one stop */
#define HP_TRIAL_AGAIN_MS 1000 /* between two of them */

enum hp_trial_outcome {
    HP_TRIAL_NONE, /* never on trial, or reverted by somebody */
    HP_TRIAL_PROVISIONAL,
    HP_TRIAL_CONFIRMED,
    HP_TRIAL_EXPIRED, /* reverted by the agent */
    HP_TRIAL_GUARD,   /* the same, because of its guard */
    HP_TRIAL_STUCK,   /* it should have been reverted and could not be */
};
const char *hp_trial_word(enum hp_trial_outcome outcome); /* "provisional" …; NULL for none */

/* What a guard has seen. */
struct hp_trial_guard {
    char rule[24]; /* "errors<1%"; "": there is none */
    int64_t calls, errors;
    bool tripped;
    char function[HP_GUARD_TEXT]; /* whose calls broke the rule; "": those of all together */
    int64_t function_calls, function_errors;
    char text[HP_GUARD_TEXT]; /* of the last error; "" */
};
/* "errors<1%: 12 of 240 calls of battle.cast ended by an error". Returns buf. */
const char *hp_trial_guard_text(const struct hp_trial_guard *guard, char *buf, size_t size);

struct hp_provisional {
    int64_t patch; /* on trial; 0: none */
    int64_t deadline;
    double seconds;
    bool asked; /* its revert is under way */
    int attempts;
    struct hp_trial_guard guard;
    struct {
        int64_t patch;
        enum hp_trial_outcome outcome;
        struct hp_trial_guard guard;
    } past[HP_TRIALS_KEPT];
    size_t next;
};

/* `rule` is its guard's; NULL: it has none. */
void hp_provisional_begin(struct hp_provisional *p, int64_t patch, double seconds, const char *rule,
                          int64_t now);

/* Is its guard to look? Not once its revert is due. */
bool hp_provisional_is_guarded(const struct hp_provisional *p);
/* The guard has seen that (`rule` does not matter). If it tripped, the time of the patch is over. */
void hp_provisional_observe(struct hp_provisional *p, const struct hp_trial_guard *seen, int64_t now);

enum hp_confirmed {
    HP_CONFIRMED,
    HP_CONFIRM_NONE,     /* nothing is on trial */
    HP_CONFIRM_OTHER,    /* another patch is */
    HP_CONFIRM_TOO_LATE, /* its time is over */
};
/* `patch` 0: the one that is on trial; *patch is then its number. */
enum hp_confirmed hp_provisional_confirm(struct hp_provisional *p, int64_t *patch, int64_t now);

/* Is its time over and its revert not asked for? Then it is from here on. *next: when to ask again; HP_NEVER.
 */
bool hp_provisional_is_due(struct hp_provisional *p, int64_t now, int64_t *next);
/* The revert that was asked for has come to this. True: given up. */
bool hp_provisional_settle(struct hp_provisional *p, bool reverted, int64_t now);
/* Somebody has reverted all patches from that one on. */
void hp_provisional_forget(struct hp_provisional *p, int64_t first_reverted);

enum hp_trial_outcome hp_provisional_outcome(const struct hp_provisional *p, int64_t patch);
/* What the guard of a patch saw that is on trial, or that it reverted; NULL: none that is remembered. */
const struct hp_trial_guard *hp_provisional_guard(const struct hp_provisional *p, int64_t patch);

#endif
