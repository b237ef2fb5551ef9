/* One trial of the allocation sweep; the contract is in trial.h. */
#include "trial.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS 120 /* of one trial; far beyond any */

struct trial_shared *trial_shared;

const char *const trial_way_words[] = {"alone", "and the next", "and all that follow"};
static const long way_counts[] = {1, 2, LONG_MAX};

const char *const trial_side_words[] = {"", "live", "agent's", "live and agent's"};

/* --- in the copy ------------------------------------------------------------------------------ */

static void say(const struct trial *t, long n, const char *what, const char *detail)
{
    fprintf(stderr, "%s: %s: %s allocation %ld %s refused: %s%s%s\n", t->scene->folder, t->subject->name,
            trial_side_words[t->side], n, trial_way_words[t->way], what, detail ? ": " : "",
            detail ? detail : "");
    fflush(stderr);
}

static _Noreturn void complain(const struct trial *t, long n, const char *what, const char *detail)
{
    say(t, n, what, detail);
    _exit(1);
}

static enum hp_status run(const struct trial *t, struct hp_report *report)
{
    hp_report_init(report);
    scene_run(t->scene, t->request, report);
    return report->status;
}

static enum hp_status run_refusing(const struct trial *t, long n, struct hp_report *report)
{
    hp_report_init(report);
    faults_start(t->side, n, way_counts[t->way]);
    scene_run(t->scene, t->request, report);
    faults_stop();
    return report->status;
}

/* Everything but what it cost. */
static char *encode(struct hp_report *report, size_t *len)
{
    struct hp_report_cost cost = report->cost;
    char *data = NULL;
    report->cost = (struct hp_report_cost){0};
    if (hp_report_encode(report, &data, len) != HP_OK || *len > TRIAL_MAX_REPORT)
        abort();
    report->cost = cost;
    return data;
}

static bool as_with_memory(struct hp_report *report)
{
    size_t len;
    char *data = encode(report, &len);
    bool same = len == trial_shared->len && memcmp(data, trial_shared->report, len) == 0;
    hp_mem_free(data);
    return same;
}

static bool changes(enum hp_status status)
{
    return status == HP_APPLIED || status == HP_REVERTED;
}

static const char *error_of(const struct hp_report *report)
{
    return report->error && report->error->text ? report->error->text : "no text";
}

/* The patch is carried out whole; memory was short for looking once more, and the report says so. */
static bool gave_up_sweeps(const struct hp_report *report)
{
    for (size_t i = 0; i < report->warnings.count; i++) {
        const struct hp_report_note *note = &report->warnings.items[i];
        if (strcmp(note->code, "R08") == 0 && strstr(note->text, "memory ran out"))
            return true;
    }
    return false;
}

/* What was done cannot be taken back for want of memory to tell of it; and what is printed is cut with a
 * mark. */
static bool may_be_cut(const struct hp_report *report)
{
    static const char mark[] = "…\n";
    size_t len = report->output ? strlen(report->output) : 0;
    bool marked = len >= sizeof mark - 1 && strcmp(report->output + len - (sizeof mark - 1), mark) == 0;
    return marked || (changes(report->status) && (hp_arena_failed(&report->arena) || gave_up_sweeps(report)));
}

/* The two reports go into files beside the program. */
static _Noreturn void complain_report(const struct trial *t, long n, struct hp_report *report)
{
    size_t len;
    char *data = encode(report, &len), name[PATH_MAX];
    const char *const which[] = {"expected", "got"};
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "/tmp/alloc_sweep.%s", which[i]);
        FILE *file = fopen(name, "wb");
        if (file) {
            fwrite(i == 0 ? trial_shared->report : data, 1, i == 0 ? trial_shared->len : len, file);
            fclose(file);
        }
    }
    complain(
        t, n, hp_status_info(report->status)->word,
        "but the report is not the one of a run with memory enough; see /tmp/alloc_sweep.{expected,got}");
}

/* Code of the server that lacks memory fails in its own way. */
static bool server_failed(const struct hp_report *report)
{
    return trial_shared->calls_server && (report->status == HP_FAILED || report->status == HP_ROLLED_BACK);
}

/* The report of a request under refusals: is it one of those that may be? True: carried out. */
static bool judge(const struct trial *t, long n, struct hp_report *report)
{
    trial_shared->ended[report->status]++;
    bool same = report->status == trial_shared->status && as_with_memory(report);
    if (!same && (report->status == HP_NO_MEMORY || server_failed(report))) {
        if (!report->error && !hp_arena_failed(&report->arena))
            complain(t, n, hp_status_info(report->status)->word, "without an error text");
        return false;
    }
    if (report->status != trial_shared->status)
        complain(t, n, hp_status_info(report->status)->word, error_of(report));
    if (!same && !may_be_cut(report))
        complain_report(t, n, report);
    trial_shared->cut += same ? 0 : 1;
    return true;
}

static void expect_same(const struct trial *t, long n, const struct picture *was, bool whole,
                        const char *after)
{
    struct picture *is = scene_picture(t->scene, whole, true);
    const char *difference = picture_compare(was, is);
    if (difference)
        complain(t, n, after, difference);
    picture_free(is);
    if (t->scene->engine && (hp_engine_generation(t->scene->engine) != t->generation ||
                             hp_engine_patches(t->scene->engine) != t->patches))
        complain(t, n, after, "the history");
}

struct memory {
    struct faults_held live, agent;
};

static struct memory memory_now(const struct trial *t)
{
    scene_collect(t->scene);
    return (struct memory){faults_held(FAULTS_LIVE), faults_held(FAULTS_AGENT)};
}

static bool is_more(struct faults_held now, struct faults_held before)
{
    return now.blocks > before.blocks || now.bytes > before.bytes;
}

/* Yet another failure leaves nothing that the ones before did not leave: tables that have been grown, and
 * notes on functions that live (the history's lineage and heirs), may stay once. True: it was carried out
 * instead, for with these it needs less. */
static bool fail_again(const struct trial *t, long n)
{
    struct memory before, after;
    char difference[1000] = "";
    for (int try = 0; try < 6; try++) {
        struct hp_report report;
        struct picture *was = scene_picture(t->scene, true, true);
        before = memory_now(t);
        run_refusing(t, n, &report);
        bool carried_out = judge(t, n, &report) && changes(report.status);
        hp_report_fini(&report);
        if (carried_out)
            return true;
        after = memory_now(t);
        struct picture *is = scene_picture(t->scene, true, true);
        const char *line = picture_compare(was, is);
        picture_free(was);
        picture_free(is);
        if (!line && !is_more(after.live, before.live) && !is_more(after.agent, before.agent))
            return false;
        snprintf(difference, sizeof difference,
                 "live: %zu blocks, %zu bytes; then %zu, %zu; agent's: %zu, %zu; then %zu, %zu; %s",
                 before.live.blocks, before.live.bytes, after.live.blocks, after.live.bytes,
                 before.agent.blocks, before.agent.bytes, after.agent.blocks, after.agent.bytes,
                 line ? line : "the picture is the same");
    }
    complain(t, n, "each failure leaves more", difference);
}

/* With memory enough, it does what it should. */
static void expect_success(const struct trial *t, long n)
{
    struct hp_report report;
    run(t, &report);
    if (!as_with_memory(&report))
        complain_report(t, n, &report);
    const char *wrong = t->subject->kind == HP_KIND_PUSH ? scene_after_push(t->scene, &report) : NULL;
    if (wrong)
        complain(t, n, "the same push afterwards", wrong);
    hp_report_fini(&report);
}

static void expect_reverted(const struct trial *t, long n)
{
    if (t->subject->kind != HP_KIND_REVERT || trial_shared->status != HP_REVERTED)
        return;
    struct picture *is = scene_picture(t->scene, false, false);
    const char *difference = picture_compare(t->start, is);
    if (difference)
        complain(t, n, "reverted, yet", difference);
}

static void expect_nothing_left(const struct trial *t, long n)
{
    hp_request_fini(t->request);
    scene_close(t->scene);
    if (faults_held(FAULTS_LIVE).blocks != 0)
        complain(t, n, "closing the state leaves blocks of it", NULL);
    if (faults_held(FAULTS_AGENT).blocks != 0)
        complain(t, n, "closing the engine leaves blocks of the agent's", NULL);
}

/* One n. */
static void try_request(const struct trial *t, long n)
{
    struct hp_report report;
    struct faults_held agent = faults_held(FAULTS_AGENT);
    run_refusing(t, n, &report);
    bool carried_out = judge(t, n, &report);
    if (carried_out && report.status == HP_APPLIED && !hp_arena_failed(&report.arena)) {
        const char *wrong = scene_after_push(t->scene, &report);
        if (wrong)
            complain(t, n, "what was pushed", wrong);
    }
    hp_report_fini(&report);
    if (!carried_out || !changes(trial_shared->status)) {
        scene_collect(t->scene); /* what the agent holds hangs on userdata */
        /* A plan of a revert is the history's until the next one. */
        if (t->subject->kind != HP_KIND_REVERT && is_more(faults_held(FAULTS_AGENT), agent))
            complain(t, n, "the agent leaks", NULL);
        expect_same(t, n, t->before, t->subject->opening, "something changed");
        if (!fail_again(t, n))
            expect_success(t, n);
    }
    expect_reverted(t, n);
    expect_nothing_left(t, n);
}

/* An engine that was opened can do all it should. */
static void expect_able(const struct trial *t, long n, struct hp_engine *engine)
{
    struct hp_report report;
    struct hp_request request;
    hp_request_init(&request);
    hp_report_init(&report);
    request.kind = HP_KIND_REVERT;
    hp_engine_run(engine, t->scene->L, &request, NULL, &report);
    if (report.status != HP_REFUSED) /* there is nothing to revert */
        complain(t, n, "opened, yet", error_of(&report));
    hp_report_fini(&report);
}

/* Opening and closing the engine. */
static void try_open(const struct trial *t, long n)
{
    struct scene *s = t->scene;
    struct faults_held agent = faults_held(FAULTS_AGENT), live = {0};
    for (int try = 0; try < 3; try++) {
        const char *error = NULL;
        faults_start(t->side, n, way_counts[t->way]);
        struct hp_engine *engine = hp_engine_open(s->L, NULL, &error);
        faults_stop();
        trial_shared->ended[engine ? HP_OK : HP_NO_MEMORY]++;
        if (!engine && (!error || faults_refused() == 0))
            complain(t, n, "not opened", error ? error : "without a reason");
        if (engine)
            expect_able(t, n, engine);
        faults_start(FAULTS_LIVE | FAULTS_AGENT, 0, LONG_MAX);
        hp_engine_close(engine, s->L);
        faults_stop();
        expect_same(t, n, t->before, true, engine ? "opened and closed" : "not opened, yet");
        scene_collect(s);
        if (faults_held(FAULTS_AGENT).blocks != agent.blocks)
            complain(t, n, "the agent leaks", NULL);
        if (try == 2 && faults_held(FAULTS_LIVE).blocks > live.blocks)
            complain(t, n, "the live state leaks", NULL);
        live = faults_held(FAULTS_LIVE);
    }
    scene_start(s); /* opens it, patches and reverts */
    expect_nothing_left(t, n);
}

/* With memory enough: how many allocations there are, and what the answer is. */
static void make_reference(const struct trial *t)
{
    if (t->subject->opening) {
        const char *error;
        faults_start(t->side, LONG_MAX, 0);
        hp_engine_open(t->scene->L, NULL, &error);
        faults_stop();
        trial_shared->made[t->side] = faults_made();
        return;
    }
    struct hp_report report;
    run_refusing(t, LONG_MAX, &report);
    trial_shared->made[t->side] = faults_made();
    trial_shared->status = report.status;
    trial_shared->calls_server = report.replayed.count > 0 || scene_calls_server(t->scene);
    char *data = encode(&report, &trial_shared->len);
    memcpy(trial_shared->report, data, trial_shared->len);
    if (report.status == HP_NO_MEMORY)
        scene_die(t->scene, "%s: no_memory with memory enough", t->subject->name);
    const char *wrong = t->subject->kind == HP_KIND_PUSH ? scene_after_push(t->scene, &report) : NULL;
    if (wrong)
        scene_die(t->scene, "with memory enough: %s", wrong);
}

/* ---- in the first process -------------------------------------------------------------------------------
 */

static _Noreturn void run_copy(const struct trial *t, long n, bool reference)
{
    alarm(SECONDS);
    if (reference)
        make_reference(t);
    else if (t->subject->opening)
        try_open(t, n);
    else
        try_request(t, n);
    fflush(NULL);
    _exit(0);
}

static bool in_copy(const struct trial *t, long n, bool reference)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        run_copy(t, n, reference);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fork");
        exit(2);
    }
    if (WIFSIGNALED(status))
        say(t, n, "killed by a signal", strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) > 1)
        say(t, n, "ended", "see above");
    return status == 0;
}

bool trial_in_copy(const struct trial *t, long n)
{
    return in_copy(t, n, false);
}

bool trial_reference(const struct trial *t)
{
    return in_copy(t, -1, true);
}
