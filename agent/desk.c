#include "agent/desk.h"

#include <errno.h>
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
        if (patch)
            copy_patch(&out->arena, patch, &desk->log->patches.items[i]);
    }
    pthread_mutex_unlock(&desk->lock);
}
