/* hotpatch engine: the planner's thread and the loan of the live state; the contract is in turn.h. */
#include "agent/engine/turn.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "proto/arena.h"

struct hp_turn {
    pthread_t thread;
    pid_t owner;
    hp_turn_work *work;
    void *ud;
    struct hp_turn_bell bell;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool offered;        /* the Lua thread lends */
    bool used;           /* the planner has had this loan: however short it was, it gets one */
    bool taken;          /* the planner has the state */
    bool wanted;         /* … or waits for it */
    bool done;           /* the work has returned */
    int64_t deadline_us; /* of the loan */
    int64_t patience_us; /* until when the Lua thread waits while the planner does not have it */

    atomic_bool given_up;
    int64_t waited_us; /* the planner's alone */
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* By the planner, under the lock. */
static void ring(const struct hp_turn *t)
{
    if (!t->offered && t->bell.ring)
        t->bell.ring(t->bell.ud);
}

/* --- the Lua thread --------------------------------------------------------------------------- */

static void *run(void *ud)
{
    struct hp_turn *t = ud;
    t->work(t->ud);
    pthread_mutex_lock(&t->lock);
    t->taken = t->wanted = false;
    t->done = true;
    ring(t);
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static bool init_lock(struct hp_turn *t)
{
    pthread_condattr_t clock;
    if (pthread_mutex_init(&t->lock, NULL) != 0)
        return false;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    bool ok = pthread_cond_init(&t->changed, &clock) == 0;
    pthread_condattr_destroy(&clock);
    if (!ok)
        pthread_mutex_destroy(&t->lock);
    return ok;
}

static void free_turn(struct hp_turn *t)
{
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    hp_mem_free(t);
}

/* Signals are the server's, on its own threads. */
static bool start_thread(struct hp_turn *t)
{
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return false;
    bool ok = pthread_create(&t->thread, NULL, run, t) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

bool hp_turn_start(struct hp_turn **turn, hp_turn_work *work, void *ud, const struct hp_turn_bell *bell)
{
    struct hp_turn *t = hp_mem_calloc(sizeof *t);
    *turn = NULL;
    if (!t || !init_lock(t)) {
        hp_mem_free(t);
        return false;
    }
    t->owner = getpid();
    t->work = work;
    t->ud = ud;
    if (bell)
        t->bell = *bell;
    t->wanted = true; /* the first thing it will do: so the first loan waits for it */
    *turn = t;
    if (start_thread(t))
        return true;
    *turn = NULL;
    free_turn(t);
    return false;
}

/* Waits for a change; for a while only, unless the planner has the state, which it gives back by itself. */
static void await(struct hp_turn *t)
{
    struct timespec until = {.tv_sec = (time_t)(t->patience_us / 1000000),
                             .tv_nsec = (long)(t->patience_us % 1000000) * 1000};
    if (t->taken || !t->used || t->patience_us == INT64_MAX)
        pthread_cond_wait(&t->changed, &t->lock);
    else
        pthread_cond_timedwait(&t->changed, &t->lock, &until);
}

enum hp_turn_state hp_turn_lend(struct hp_turn *t, int64_t deadline_us, int64_t patience_us)
{
    enum hp_turn_state state = HP_TURN_AWAY;
    pthread_mutex_lock(&t->lock);
    if (t->wanted || deadline_us == INT64_MAX) {
        t->deadline_us = deadline_us;
        t->patience_us = patience_us;
        t->offered = true;
        t->used = !t->wanted;
        pthread_cond_broadcast(&t->changed);
        while (!t->done && (t->taken || !t->used || now_us() < patience_us))
            await(t);
        t->offered = false;
        state = HP_TURN_USED;
    }
    if (t->done)
        state = HP_TURN_DONE;
    pthread_mutex_unlock(&t->lock);
    return state;
}

bool hp_turn_is_away(struct hp_turn *t)
{
    pthread_mutex_lock(&t->lock);
    bool away = !t->wanted && !t->taken && !t->done;
    pthread_mutex_unlock(&t->lock);
    return away;
}

bool hp_turn_is_done(struct hp_turn *t)
{
    if (t->owner != getpid())
        return true;
    pthread_mutex_lock(&t->lock);
    bool done = t->done;
    pthread_mutex_unlock(&t->lock);
    return done;
}

bool hp_turn_stop(struct hp_turn *t)
{
    if (!t)
        return true;
    if (t->owner != getpid())
        return false;
    atomic_store(&t->given_up, true);
    pthread_mutex_lock(&t->lock);
    t->deadline_us = INT64_MAX; /* until it is done */
    t->offered = true;
    pthread_cond_broadcast(&t->changed);
    while (!t->done)
        pthread_cond_wait(&t->changed, &t->lock);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    free_turn(t);
    return true;
}

/* --- the planner ------------------------------------------------------------------------------ */

/* Only the planner sets and clears `taken`, and the deadline stays as it is while it is set: both may be read
 * here without the lock. */
static bool is_over(const struct hp_turn *t)
{
    return now_us() >= t->deadline_us;
}

static void give_back(struct hp_turn *t)
{
    pthread_mutex_lock(&t->lock);
    t->taken = false;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

static void take(struct hp_turn *t)
{
    int64_t since = now_us();
    pthread_mutex_lock(&t->lock);
    t->wanted = true;
    ring(t);
    while (!t->offered || (t->used && now_us() >= t->deadline_us))
        pthread_cond_wait(&t->changed, &t->lock);
    t->wanted = false;
    t->used = true;
    t->taken = true;
    pthread_mutex_unlock(&t->lock);
    t->waited_us += now_us() - since;
}

bool hp_turn_hold(struct hp_turn *t)
{
    if (!t)
        return true;
    if (t->taken && is_over(t) && !atomic_load_explicit(&t->given_up, memory_order_relaxed))
        give_back(t);
    if (!t->taken)
        take(t);
    return !atomic_load(&t->given_up);
}

bool hp_turn_yield(struct hp_turn *t)
{
    if (t && t->taken && is_over(t))
        give_back(t);
    return !t || !atomic_load_explicit(&t->given_up, memory_order_relaxed);
}

void hp_turn_leave(struct hp_turn *t)
{
    if (t && t->taken)
        give_back(t);
}

int64_t hp_turn_waited_us(const struct hp_turn *t)
{
    return t ? t->waited_us : 0;
}
