/* hotpatch: where requests wait for a safe point, and answers for the way back.
 *
 * One mailbox for a Lua state. The I/O side posts letters and collects them when they are done; the Lua side
 * takes them in order and hands a report back. A letter is in one of three states:
 *
 *     waiting ──take──► running ──done, give_up──► done ──next_done, remember──► gone; its answer is kept
 *        └── expire, cancel, close ─────────────────►─┘
 *
 * Rules kept here: at most HP_MAILBOX_SIZE letters and as many tickets; a letter that expired is never taken;
 * an id that was posted before is never run again, it gets the first answer, at once or when the first is
 * done. Ids belong to the right that their requests need (agent/rights.h), and each right has a memory of its
 * own: whoever may only read can neither take the id of a patch that is still to come, nor hear or crowd out
 * what one was answered. A letter may run over many polls: the bell stays rung until it is done, but
 * for the times when it rests.
 *
 * Any thread: every function locks the mailbox for a few instructions, calls no one else and never blocks on
 * I/O (but for one write to the bell). No Lua, no nng. Times are hp_clock_ms(), passed in so that tests need
 * no clock.
 */
#ifndef HP_MAILBOX_H
#define HP_MAILBOX_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/memory.h"
#include "agent/rights.h"
#include "proto/protocol.h"
#include "proto/report.h"
#include "proto/request.h"

#define HP_LETTER_TICKETS  8                   /* who may wait for one id at a time */
#define HP_DEFAULT_WAIT_MS 5000                /* where a request says nothing */
#define HP_MAX_WAIT_MS     (24 * 3600 * 1000L) /* a longer wait is taken as this */

/* What waits in all mailboxes of this process. This is all that an idle poll looks at. */
extern atomic_uint hp_work;
static inline bool hp_work_any(void)
{
    return atomic_load_explicit(&hp_work, memory_order_relaxed) != 0;
}

#define HP_NO_TICKET UINT64_MAX /* a letter of the agent's own: nobody waits for its answer */

enum hp_letter_state { HP_LETTER_WAITING, HP_LETTER_RUNNING, HP_LETTER_DONE };

/* How far a letter has come that runs. */
struct hp_letter_progress {
    const char *phase; /* static; NULL: not known */
    int64_t objects;   /* looked at */
    int64_t slices;
    int64_t longest_us; /* stop of the Lua thread */
};

/* Owned by the mailbox; while running, its `request` may be read by the Lua side without the lock, and
 * between next_done and remember the I/O side may read all but the tickets. */
struct hp_letter {
    struct hp_letter *next;
    struct hp_request *request;
    char *id_to_keep;         /* made when the letter is queued: what cannot be remembered does not run */
    const char *who;          /* "uid 1000 (anna), pid 4121", in the request's arena */
    struct hp_report *report; /* NULL when it is done without one: `status` and `text` are the answer */
    enum hp_status status;
    const char *text; /* static */
    enum hp_letter_state state;
    bool cancelled; /* somebody wishes that it were given up; the Lua side sees to it */
    bool collected; /* handed out by next_done */
    bool own;       /* posted with HP_NO_TICKET */
    struct hp_letter_progress progress;
    int64_t deadline;
    uint64_t tickets[HP_LETTER_TICKETS]; /* who waits for the answer */
    size_t ticket_count;
};

struct hp_mailbox {
    pthread_mutex_t lock;
    struct hp_letter *letters; /* oldest first, in all states */
    size_t letter_count;
    size_t waiting; /* letters that wait */
    size_t running; /* letters that were taken and are not done */
    size_t tickets;
    bool closed;
    bool knock;    /* poll is wanted though no letter waits: to open the endpoint, to look for stragglers */
    bool rests;    /* what runs has nothing for the Lua thread to do for a while: nobody need be woken */
    bool attended; /* polls are wanted to look at something, but nobody need be woken for them */
    unsigned counted; /* our part of hp_work */
    bool rung;
    int bell;
    struct hp_memory memory[HP_RIGHT_COUNT]; /* of answers that were given, by the bit of the right */
};

enum hp_post {
    HP_POST_QUEUED,   /* the mailbox owns the request */
    HP_POST_JOINED,   /* that id is on its way: the ticket waits with it; the request is still the caller's */
    HP_POST_RECALLED, /* that id was answered: see recall; no ticket waits; the request is still the caller's
                       */
    HP_POST_BUSY,     /* full; nothing changed */
    HP_POST_NO_MEMORY,
    HP_POST_CLOSED,
};

/* In place. Opens the bell, rung, with `knock` set. False with errno: nothing was made. */
bool hp_mailbox_init(struct hp_mailbox *m);
void hp_mailbox_fini(struct hp_mailbox *m); /* frees every letter; nobody may wait any more */

/* I/O side. `who` is copied into the request's arena. */
enum hp_post hp_mailbox_post(struct hp_mailbox *m, struct hp_request *request, const char *who, int64_t now,
                             uint64_t ticket, struct hp_recall *recall);

/* Ends the letters whose time is over. The time of the next one, or HP_NEVER. */
int64_t hp_mailbox_expire(struct hp_mailbox *m, int64_t now);

enum hp_found { HP_FOUND_UNKNOWN, HP_FOUND_WAITING, HP_FOUND_RUNNING, HP_FOUND_DONE };
/* Among the requests that need one of these rights. *progress is all 0 unless it runs. */
enum hp_found hp_mailbox_find(struct hp_mailbox *m, const char *id, unsigned rights,
                              struct hp_letter_progress *progress);

/* Of the letter that runs: kind, id (copied into the arena) and progress. False: none runs. */
bool hp_mailbox_running(struct hp_mailbox *m, struct hp_arena *arena, enum hp_kind *kind, const char **id,
                        struct hp_letter_progress *progress);

/* Ends a waiting letter and marks a running one as cancelled; what was found, before. An id that is unknown
 * will not run when it comes later (its request may still be under way on another connection). */
enum hp_found hp_mailbox_cancel(struct hp_mailbox *m, const char *id, unsigned rights);

/* The oldest letter that is done and was not collected yet, or NULL. */
struct hp_letter *hp_mailbox_next_done(struct hp_mailbox *m);

/* Takes a collected letter out, keeps a copy of its answer under its id and gives back the tickets that wait
 * for it. The letter is freed. Without memory for a copy the id is remembered all the same. */
size_t hp_mailbox_remember(struct hp_mailbox *m, struct hp_letter *letter, enum hp_status status,
                           const char *data, size_t len, uint64_t tickets[HP_LETTER_TICKETS]);

/* Ends all that waits with `status` and `text` (static) and what runs when it is done; posts are refused from
 * now on. */
void hp_mailbox_close(struct hp_mailbox *m, enum hp_status status, const char *text);

/* Lua side. */
void hp_mailbox_knock(struct hp_mailbox *m);                          /* asks for a poll */
bool hp_mailbox_answer_knock(struct hp_mailbox *m);                   /* was there one? */
struct hp_letter *hp_mailbox_take(struct hp_mailbox *m, int64_t now); /* NULL: nothing waits */
/* Of a letter that runs: how far it is; whether it was cancelled. */
void hp_mailbox_tell(struct hp_mailbox *m, struct hp_letter *letter,
                     const struct hp_letter_progress *progress);
bool hp_mailbox_is_cancelled(struct hp_mailbox *m, const struct hp_letter *letter);
/* From now on nobody is woken for the letter that runs, until the call; any thread may call. Polls that come
 * all the same do not pass by. A cancel calls. */
void hp_mailbox_rest(struct hp_mailbox *m);
void hp_mailbox_call(struct hp_mailbox *m);
/* Hands the report over (NULL: there was no memory for one). */
void hp_mailbox_done(struct hp_mailbox *m, struct hp_letter *letter, struct hp_report *report);
/* Ends it without a report: `status` and `text` (static) are the answer. Needs no memory. */
void hp_mailbox_give_up(struct hp_mailbox *m, struct hp_letter *letter, enum hp_status status,
                        const char *text);
size_t hp_mailbox_waiting(struct hp_mailbox *m);
bool hp_mailbox_wants_poll(struct hp_mailbox *m);
/* Lua side: from now on polls do not pass by (hp_work_any), though the bell does not ring; or do again.
 * Touches no lock: also in a forked child. */
void hp_mailbox_attend(struct hp_mailbox *m, bool attend);

/* In a forked child, where the lock may be held by a thread that is gone: touches no lock and no list. A
 * mailbox that is `dead` there waits for nothing any more and must never be used or finished again; one that
 * is not goes on, with a bell of its own. Async-signal-safe. */
void hp_mailbox_forked(struct hp_mailbox *m, bool dead);

#endif
