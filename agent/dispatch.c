#include "agent/dispatch.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/service.h"

#define TEXT_CANCELLED "cancelled before it was through; nothing changed"

void hp_dispatch_publish(lua_State *L, struct hp_engine *engine, struct hp_desk *desk)
{
    struct hp_report *log = hp_report_new();
    if (log) {
        hp_engine_log(engine, log);
        hp_engine_stragglers(engine, L, log);
    }
    if (log && hp_arena_failed(&log->arena)) {
        hp_report_free(log);
        log = NULL;
    }
    hp_desk_publish(desk, log, hp_engine_generation(engine), hp_engine_patches(engine));
}

static bool may_change(const struct hp_request *request)
{
    return request->kind == HP_KIND_PUSH || request->kind == HP_KIND_REVERT;
}

/* --- the request that is under way ------------------------------------------------------------ */

/* Adds to what the thread was stopped for in this poll. */
static void count_stop(struct hp_job *job, int64_t since_ns)
{
    job->stop_ns += hp_clock_ns() - since_ns;
    if (job->stop_ns > job->longest_ns)
        job->longest_ns = job->stop_ns;
}

/* The engine knows its slices, and the job all that happened in one poll. */
static int64_t longest_us(const struct hp_job *job, int64_t by_engine)
{
    int64_t by_poll = job->longest_ns / 1000;
    return by_poll > by_engine ? by_poll : by_engine;
}

static void tell_progress(const struct hp_engine *engine, struct hp_desk *desk)
{
    struct hp_engine_progress now = {0};
    hp_engine_progress(engine, &now);
    const struct hp_letter_progress told = {
        .phase = now.phase,
        .objects = now.objects,
        .slices = now.slices,
        .longest_us = longest_us(&desk->job, now.longest_us),
    };
    hp_mailbox_tell(&desk->mailbox, desk->job.letter, &told);
}

/* The letter is answered: with the report, or as it was given up. */
static void end_job(struct hp_desk *desk)
{
    desk->job = (struct hp_job){0};
    hp_service_wake();
}

/* A patch on trial is the last one: what would be pushed on top could not be kept when it is reverted. True:
 * this request must not run, and its report says why. */
static bool refuse_on_trial(struct hp_desk *desk, const struct hp_request *request, struct hp_report *report)
{
    int64_t patch = desk && request->kind == HP_KIND_PUSH ? hp_desk_trial(desk) : 0;
    if (patch == 0)
        return false;
    hp_report_fail(report, HP_REFUSED, "patch %lld is provisional: confirm it or revert it first",
                   (long long)patch);
    if (report->error)
        report->error->hint = "hotpatch confirm, or hotpatch revert";
    return true;
}

/* Here, when its turn has come: two bundles of a series may have waited together. */
static bool refuse_older(struct hp_desk *desk, const struct hp_request *request, struct hp_report *report)
{
    if (request->kind != HP_KIND_PUSH || hp_trust_is_newest(desk->trust, request))
        return false;
    hp_report_fail(report, HP_REFUSED, "a newer bundle of the series \"%s\" was taken before",
                   request->series);
    if (report->error)
        report->error->hint = "make the bundle anew, and have it signed";
    return true;
}

void hp_dispatch_end_guard(lua_State *L, struct hp_engine *engine, struct hp_desk *desk)
{
    if (desk && !desk->dead)
        hp_desk_set_tally(desk, NULL);
    if (desk)
        hp_mailbox_attend(&desk->mailbox, false);
    hp_engine_guard_stop(engine, L);
}

void hp_dispatch_guard(lua_State *L, struct hp_engine *engine, struct hp_desk *desk)
{
    struct hp_engine_guard now;
    struct hp_trial_guard seen;
    const struct hp_tally *tally = hp_engine_guard_tally(engine);
    if (!tally)
        return;
    if (!desk || desk->dead || !hp_desk_is_guarded(desk)) {
        hp_dispatch_end_guard(L, engine, desk);
        return;
    }
    hp_desk_set_tally(desk, tally);
    hp_mailbox_attend(&desk->mailbox, true); /* each poll looks */
    hp_engine_guard_look(engine, L, &now);
    seen = (struct hp_trial_guard){.calls = now.calls,
                                   .errors = now.errors,
                                   .tripped = now.tripped,
                                   .function_calls = now.function_calls,
                                   .function_errors = now.function_errors};
    snprintf(seen.function, sizeof seen.function, "%s", now.function ? now.function : "");
    snprintf(seen.text, sizeof seen.text, "%s", now.text);
    if (!hp_desk_observe(desk, &seen, hp_clock_ms()))
        return;
    hp_dispatch_end_guard(L, engine, desk);
    hp_service_wake();
}

/* What a request has done to the patch that is on trial, or put on trial. */
static void note_trial(struct hp_desk *desk, const struct hp_request *request, struct hp_report *report)
{
    if (report->status == HP_REVERTED || report->status == HP_PARTIAL)
        hp_desk_reverted(desk, report->patch);
    if (report->status != HP_APPLIED || request->kind != HP_KIND_PUSH ||
        request->options.confirm_within_s <= 0)
        return;
    int64_t now = hp_clock_ms();
    hp_desk_try(desk, report->patch, &request->options, now);
    hp_desk_copy_trial(desk, report, now);
    hp_service_wake(); /* there is a new deadline */
}

static void hand_over(lua_State *L, struct hp_engine *engine, struct hp_desk *desk)
{
    struct hp_job *job = &desk->job;
    struct hp_report_cost *cost = &job->report->cost;
    cost->pause_us = longest_us(job, cost->pause_us);
    cost->total_us = (hp_clock_ns() - job->started_ns) / 1000;
    note_trial(desk, job->letter->request, job->report);
    if (job->report->status == HP_APPLIED)
        hp_trust_took(desk->trust, job->letter->request);
    hp_dispatch_guard(L, engine, desk);
    if (may_change(job->letter->request))
        hp_dispatch_publish(L, engine, desk);
    hp_mailbox_done(&desk->mailbox, job->letter, job->report);
    end_job(desk);
}

static bool take(lua_State *L, struct hp_engine *engine, struct hp_desk *desk)
{
    struct hp_job *job = &desk->job;
    job->letter = hp_mailbox_take(&desk->mailbox, hp_clock_ms());
    if (!job->letter)
        return false;
    job->started_ns = hp_clock_ns();
    job->generation = hp_engine_generation(engine);
    job->stop_ns = 0;
    job->report = hp_report_new();
    job->refused = job->report && (refuse_on_trial(desk, job->letter->request, job->report) ||
                                   refuse_older(desk, job->letter->request, job->report));
    if (job->report && !job->refused)
        hp_engine_begin(engine, L, job->letter->request, job->letter->who, job->report);
    count_stop(job, job->started_ns);
    return true;
}

/* True: it is answered. */
static bool step(lua_State *L, struct hp_engine *engine, struct hp_desk *desk, int64_t used_us)
{
    int64_t start = hp_clock_ns();
    bool done = hp_engine_step(engine, L, used_us);
    /* Committed, with the last sweeps still to come: the log tells already. */
    if (!done && hp_engine_generation(engine) != desk->generation)
        hp_dispatch_publish(L, engine, desk);
    count_stop(&desk->job, start);
    if (done)
        hand_over(L, engine, desk);
    else
        tell_progress(engine, desk);
    return done;
}

/* Is there nothing to do until the engine calls? It may have called just before the mailbox rested. */
static bool rest(struct hp_engine *engine, struct hp_desk *desk)
{
    if (!hp_engine_is_away(engine))
        return false;
    hp_mailbox_rest(&desk->mailbox);
    if (hp_engine_is_away(engine))
        return true;
    hp_mailbox_call(&desk->mailbox);
    return false;
}

enum hp_slice hp_dispatch_slice(lua_State *L, struct hp_engine *engine, struct hp_desk *desk, int64_t used_us)
{
    hp_desk_polled(desk, hp_clock_ms());
    if (!desk->job.letter && !take(L, engine, desk))
        return HP_SLICE_NONE;
    if (!desk->job.report) {
        hp_mailbox_done(&desk->mailbox, desk->job.letter, NULL);
        end_job(desk);
        return HP_SLICE_LAST;
    }
    if (desk->job.refused) {
        hand_over(L, engine, desk);
        return HP_SLICE_LAST;
    }
    if (hp_mailbox_is_cancelled(&desk->mailbox, desk->job.letter)) {
        hp_dispatch_abandon(L, engine, desk, HP_TIMEOUT, TEXT_CANCELLED);
        return HP_SLICE_LAST;
    }
    if (step(L, engine, desk, used_us))
        return HP_SLICE_LAST;
    return rest(engine, desk) ? HP_SLICE_AWAY : hp_engine_wants_stop(engine) ? HP_SLICE_OVER : HP_SLICE_MORE;
}

void hp_dispatch_finish(lua_State *L, struct hp_engine *engine, struct hp_desk *desk)
{
    if (desk->dead)
        hp_dispatch_abandon(L, engine, desk, HP_NO_AGENT, NULL);
    desk->job.stop_ns = 0;
    hp_engine_hurry(engine);
    while (desk->job.letter)
        hp_dispatch_slice(L, engine, desk, 0);
}

void hp_dispatch_abandon(lua_State *L, struct hp_engine *engine, struct hp_desk *desk, enum hp_status status,
                         const char *text)
{
    struct hp_job *job = &desk->job;
    int64_t start = hp_clock_ns();
    if (!job->letter)
        return;
    hp_engine_abandon(engine, L);
    count_stop(job, start);
    if (desk->dead) { /* the letter is the parent's to answer */
        hp_report_free(job->report);
        *job = (struct hp_job){0};
        return;
    }
    if (hp_engine_generation(engine) != job->generation || job->report->status == HP_ROLLED_BACK) {
        hand_over(L, engine, desk);
        return;
    }
    hp_report_free(job->report);
    hp_mailbox_give_up(&desk->mailbox, job->letter, status, text);
    end_job(desk);
}

/* --- requests of the program itself ----------------------------------------------------------- */

static bool refuse_local(struct hp_desk *desk, const struct hp_request *request, struct hp_report *report)
{
    if (!desk && request->options.confirm_within_s > 0) {
        hp_report_fail(report, HP_REFUSED,
                       "nobody could confirm it, or revert it in time: start the agent first, or leave "
                       "confirm_within_s out");
        return true;
    }
    return refuse_on_trial(desk, request, report);
}

void hp_dispatch_local(lua_State *L, struct hp_engine *engine, struct hp_desk *desk,
                       const struct hp_request *request, struct hp_report *report)
{
    char who[80];
    int64_t start = hp_clock_ns();
    snprintf(who, sizeof who, "uid %ld, pid %ld, the program itself", (long)geteuid(), (long)getpid());
    struct hp_audit *audit = desk ? desk->audit : NULL;
    struct hp_why why;
    if (!hp_audit_asked(audit, request, who, &why))
        hp_report_fail(report, why.no_memory ? HP_NO_MEMORY : HP_REFUSED, "%s; nothing changed", why.text);
    else if (!refuse_local(desk, request, report))
        hp_engine_run(engine, L, request, who, report);
    if (desk)
        note_trial(desk, request, report);
    hp_dispatch_guard(L, engine, desk);
    if (!hp_audit_done(audit, request, who, report->status, report, &why))
        hp_report_note_text(report, why.text);
    report->cost.total_us = (hp_clock_ns() - start) / 1000;
    if (desk && may_change(request))
        hp_dispatch_publish(L, engine, desk);
}
