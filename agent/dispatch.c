#include "agent/dispatch.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/service.h"

static int64_t clock_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void hp_dispatch_publish(const struct hp_engine *engine, struct hp_desk *desk)
{
    struct hp_report *log = hp_report_new();
    if (log)
        hp_engine_log(engine, log);
    if (log && hp_arena_failed(&log->arena)) {
        hp_report_free(log);
        log = NULL;
    }
    hp_desk_publish(desk, log, hp_engine_generation(engine), hp_engine_patches(engine));
}

static void run(lua_State *L, struct hp_engine *engine, struct hp_desk *desk,
                const struct hp_request *request, const char *who, struct hp_report *report)
{
    int64_t start = clock_us();
    hp_engine_run(engine, L, request, who, report);
    report->cost.total_us = clock_us() - start; /* from taking to answering */
    if (desk && (request->kind == HP_KIND_PUSH || request->kind == HP_KIND_REVERT))
        hp_dispatch_publish(engine, desk);
}

bool hp_dispatch_next(lua_State *L, struct hp_engine *engine, struct hp_desk *desk)
{
    int64_t now = hp_clock_ms();
    struct hp_letter *letter = hp_mailbox_take(&desk->mailbox, now);
    hp_desk_polled(desk, now);
    if (!letter)
        return false;
    struct hp_report *report = hp_report_new();
    if (report)
        run(L, engine, desk, letter->request, letter->who, report);
    hp_mailbox_done(&desk->mailbox, letter, report);
    hp_service_wake();
    return true;
}

void hp_dispatch_local(lua_State *L, struct hp_engine *engine, struct hp_desk *desk,
                       const struct hp_request *request, struct hp_report *report)
{
    char who[80];
    snprintf(who, sizeof who, "uid %ld, pid %ld, the program itself", (long)geteuid(), (long)getpid());
    run(L, engine, desk, request, who, report);
}
