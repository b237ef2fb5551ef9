/* hotpatch: one Lua state as the I/O side sees it: its mailbox, and a snapshot of what `status` and `log`
 * answer, so that they are answered while Lua is busy.
 *
 * Made and freed on the Lua thread by the agent; listed by the service, which the I/O threads read it
 * through. Nothing here holds a Lua value.
 */
#ifndef HP_DESK_H
#define HP_DESK_H

#include "agent/audit.h"
#include "agent/engine/tally.h"
#include "agent/mailbox.h"
#include "agent/provisional.h"
#include "agent/rights.h"
#include "agent/trust.h"

/* A request that was taken and is not done: between polls, as many slices as it needs. The Lua thread's
 * alone.
 */
struct hp_job {
    struct hp_letter *letter; /* the mailbox's; NULL: nothing is under way, and the rest is 0 */
    struct hp_report *report; /* ours until it is handed over; the engine fills it */
    bool refused;             /* before it began: the report says why */
    int64_t generation;       /* before it began: another one now means that it has committed */
    int64_t started_ns;
    int64_t stop_ns;    /* how long it has stopped the Lua thread in this poll */
    int64_t longest_ns; /* the same, of the worst poll */
};

struct hp_desk {
    struct hp_desk *next; /* the service's list */
    struct hp_mailbox mailbox;
    bool dead; /* forked away from its endpoint: touch nothing of it */
    struct hp_job job;
    struct hp_audit *audit;   /* NULL: none is kept */
    struct hp_trust *trust;   /* NULL: whatever comes is taken */
    struct hp_rights *rights; /* NULL: as if none were said */

    /* Constant after hp_desk_new; the strings are in the arena. */
    struct hp_arena arena;
    const char *name;
    const char *state;
    const char *lua;
    const char *safepoint;
    int64_t started;

    /* The snapshot, under `lock`; only the Lua thread writes it. */
    pthread_mutex_t lock;
    struct hp_report *log; /* its `patches`, `stragglers` and `held`; NULL: none yet */
    int64_t generation;
    int64_t patches;
    int64_t polled; /* hp_clock_ms of the last poll that found work; 0: none did */

    struct hp_provisional provisional; /* under `lock` */
    const struct hp_tally *tally;      /* the same: of its guard, while that is on; NULL */
};

/* NULL with errno. Its bell rings, for the endpoint is to be opened. */
struct hp_desk *hp_desk_new(const char *name, const char *state, const char *lua);
/* Not for a dead one, which stays where it is: its locks may be held by threads that are gone. */
void hp_desk_free(struct hp_desk *desk);

/* Patches on trial (provisional.h), under the lock. */
void hp_desk_try(struct hp_desk *desk, int64_t patch, const struct hp_options *options, int64_t now);
/* Lua side: the guard that is on counts there, and must say so (NULL) before it goes. */
void hp_desk_set_tally(struct hp_desk *desk, const struct hp_tally *tally);
bool hp_desk_is_guarded(struct hp_desk *desk); /* is the guard of the patch on trial to look? */
/* What it has seen. True: too much, and the I/O side must be told, for it is to be reverted. */
bool hp_desk_observe(struct hp_desk *desk, const struct hp_trial_guard *seen, int64_t now);
void hp_desk_reverted(struct hp_desk *desk, int64_t first); /* Lua side */
int64_t hp_desk_trial(struct hp_desk *desk);                /* 0: none */
/* Confirms it (0: the one there is) and says in the report what came of that. Any thread. */
void hp_desk_answer_confirm(struct hp_desk *desk, int64_t asked, int64_t now, struct hp_report *r);
/* I/O side: posts the revert that is due, if any. The time of the next one, or HP_NEVER. */
int64_t hp_desk_expire_trial(struct hp_desk *desk, int64_t now);
void hp_desk_settle_trial(struct hp_desk *desk, const struct hp_letter *letter, int64_t now);
/* What the report says of the one that is on trial. */
void hp_desk_copy_trial(struct hp_desk *desk, struct hp_report *out, int64_t now);

/* Lua side, after each run. Takes `log`, which may be NULL (no memory: the old list stays). */
void hp_desk_publish(struct hp_desk *desk, struct hp_report *log, int64_t generation, int64_t patches);
void hp_desk_polled(struct hp_desk *desk, int64_t now);

/* I/O side. `brief` fills what every report carries, `describe` all that `status` tells of the state. Strings
 * stay the desk's. */
void hp_desk_brief(const struct hp_desk *desk, struct hp_report_agent *out);
void hp_desk_describe(struct hp_desk *desk, struct hp_report_agent *out, int64_t now);
/* Copies what `status` tells of functions that are still held. */
void hp_desk_copy_held(struct hp_desk *desk, struct hp_report *out);
/* Copies the list of patches into the report's arena. */
void hp_desk_copy_log(struct hp_desk *desk, struct hp_report *out);

#endif
