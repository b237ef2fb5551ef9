/* The allocation sweep: memory runs out at the n-th allocation of a request, for n = 0, 1, 2 … until it goes
 * through; the promise is "nothing or everything" (docs/design.md).
 *
 *   alloc_sweep [--full] [--ends N] [--middle N] [--only SUBJECT,…] [--at N] [--failures N] FOLDER…
 *
 * Each FOLDER is a case as in tests/cases. For each: push, revert of what was pushed, diff, inspect, eval,
 * and the opening of the engine. For each of these: the live state's allocations, the agent's own (the
 * stage's Lua state is among them), both together. For each of these, three ways: the n-th alone (Lua
 * collects garbage and tries again, so this puts an emergency collection there); the n-th and the next (so
 * that the second try fails too, and memory is back for what follows); all from the n-th on.
 *
 * The program is set up once; each n runs in a forked copy of it, so that all see the same addresses and the
 * same seeds, and one that crashes tells its n. In the copy, after the request:
 *
 *   - the report says no_memory (or, where code of the server was called, failed or rolled_back), and a
 * picture of the whole program is what it was; or the report is what it is with memory enough, byte by byte;
 *   - the agent holds what it held; after a second failure the live state holds no more than after the first,
 * and a picture with the registry is the same;
 *   - the same request then does what it does with memory enough, and the case's own checks hold; a revert
 * gives the program back;
 *   - closing the engine and the state leaves not one block, of either.
 *
 * A sweep ends after --failures (default 5) that failed; --at tries one n only. Without --full: the first
 * --ends (default 300), as many last ones, and --middle (default 60) others spread between them. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"
#include "scene.h"

#define MAX_REPORT (1 << 20)

enum way { ALONE, TWICE, FROM_THERE_ON, WAYS };
static const char *const way_words[] = {"alone", "and the next", "and all that follow"};
static const long way_counts[] = {1, 2, LONG_MAX};

static const char *const side_words[] = {"", "live", "agent's", "live and agent's"};

struct subject {
    const char *name;
    enum hp_kind kind;
    bool opening;
};
static const struct subject subjects[] = {
    {"push", HP_KIND_PUSH, false},       {"revert", HP_KIND_REVERT, false}, {"diff", HP_KIND_DIFF, false},
    {"inspect", HP_KIND_INSPECT, false}, {"eval", HP_KIND_EVAL, false},     {"open", HP_KIND_STATUS, true},
};

static struct {
    bool full;
    long ends, middle, at, failures;
    const char *only;
} options = {.ends = 300, .middle = 60, .at = -1, .failures = 5};

/* What the copies tell the first process. */
static struct shared {
    long made[4]; /* by side */
    enum hp_status status;
    bool calls_server;
    size_t len;
    char report[MAX_REPORT];
    long ended[HP_STATUS_COUNT]; /* statuses under refusals */
    long cut;                    /* carried out, with a report that lacks something */
} * shared;

struct sweep {
    struct scene *scene;
    const struct subject *subject;
    struct hp_request *request;
    int64_t generation, patches; /* before the request */
    struct picture *before;      /* the same moment */
    struct picture *start;       /* of a revert: before the push; without identities */
    int side;
    enum way way;
};

/* ---- in the copy
 * --------------------------------------------------------------------------------------------------- */

static _Noreturn void complain(const struct sweep *w, long n, const char *what, const char *detail)
{
    fprintf(stderr, "%s: %s: %s allocation %ld %s refused: %s%s%s\n", w->scene->folder, w->subject->name,
            side_words[w->side], n, way_words[w->way], what, detail ? ": " : "", detail ? detail : "");
    fflush(stderr);
    _exit(1);
}

static enum hp_status run(const struct sweep *w, struct hp_report *report)
{
    hp_report_init(report);
    scene_run(w->scene, w->request, report);
    return report->status;
}

static enum hp_status run_refusing(const struct sweep *w, long n, struct hp_report *report)
{
    hp_report_init(report);
    faults_start(w->side, n, way_counts[w->way]);
    scene_run(w->scene, w->request, report);
    faults_stop();
    return report->status;
}

/* Everything but what it cost. */
static char *encode(struct hp_report *report, size_t *len)
{
    struct hp_report_cost cost = report->cost;
    char *data = NULL;
    report->cost = (struct hp_report_cost){0};
    if (hp_report_encode(report, &data, len) != HP_OK || *len > MAX_REPORT)
        abort();
    report->cost = cost;
    return data;
}

static bool as_with_memory(struct hp_report *report)
{
    size_t len;
    char *data = encode(report, &len);
    bool same = len == shared->len && memcmp(data, shared->report, len) == 0;
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

/* What was done cannot be taken back for want of memory to tell of it; and what is printed is cut with a
 * mark. */
static bool may_be_cut(const struct hp_report *report)
{
    static const char mark[] = "…\n";
    size_t len = report->output ? strlen(report->output) : 0;
    bool marked = len >= sizeof mark - 1 && strcmp(report->output + len - (sizeof mark - 1), mark) == 0;
    return marked || (changes(report->status) && hp_arena_failed(&report->arena));
}

/* The two reports go into files beside the program. */
static _Noreturn void complain_report(const struct sweep *w, long n, struct hp_report *report)
{
    size_t len;
    char *data = encode(report, &len), name[PATH_MAX];
    const char *const which[] = {"expected", "got"};
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "/tmp/alloc_sweep.%s", which[i]);
        FILE *file = fopen(name, "wb");
        if (file) {
            fwrite(i == 0 ? shared->report : data, 1, i == 0 ? shared->len : len, file);
            fclose(file);
        }
    }
    complain(
        w, n, hp_status_info(report->status)->word,
        "but the report is not the one of a run with memory enough; see /tmp/alloc_sweep.{expected,got}");
}

/* The report of a request under refusals: is it one of those that may be? True: carried out. */
static bool judge(const struct sweep *w, long n, struct hp_report *report)
{
    const char *word = hp_status_info(report->status)->word;
    shared->ended[report->status]++;
    if (report->status == shared->status) {
        bool same = as_with_memory(report);
        if (!same && !may_be_cut(report))
            complain_report(w, n, report);
        shared->cut += same ? 0 : 1;
        return true;
    }
    bool server_failed =
        shared->calls_server && (report->status == HP_FAILED || report->status == HP_ROLLED_BACK);
    if (report->status != HP_NO_MEMORY && !server_failed)
        complain(w, n, word, error_of(report));
    if (!report->error && !hp_arena_failed(&report->arena))
        complain(w, n, word, "without an error text");
    return false;
}

static void expect_same(const struct sweep *w, long n, const struct picture *was, bool whole,
                        const char *after)
{
    struct picture *is = scene_picture(w->scene, whole, true);
    const char *difference = picture_compare(was, is);
    if (difference)
        complain(w, n, after, difference);
    picture_free(is);
    if (w->scene->engine && (hp_engine_generation(w->scene->engine) != w->generation ||
                             hp_engine_patches(w->scene->engine) != w->patches))
        complain(w, n, after, "the history");
}

struct memory {
    struct faults_held live, agent;
};

static struct memory memory_now(const struct sweep *w)
{
    scene_collect(w->scene);
    return (struct memory){faults_held(FAULTS_LIVE), faults_held(FAULTS_AGENT)};
}

static bool is_more(struct faults_held now, struct faults_held before)
{
    return now.blocks > before.blocks || now.bytes > before.bytes;
}

/* Yet another failure leaves nothing that the ones before did not leave: tables that have been grown, and
 * notes on functions that live (the history's lineage and heirs), may stay once. True: it was carried out
 * instead, for with these it needs less. */
static bool fail_again(const struct sweep *w, long n)
{
    struct memory before, after;
    char difference[1000] = "";
    for (int try = 0; try < 6; try++) {
        struct hp_report report;
        struct picture *was = scene_picture(w->scene, true, true);
        before = memory_now(w);
        run_refusing(w, n, &report);
        bool carried_out = judge(w, n, &report) && changes(report.status);
        hp_report_fini(&report);
        if (carried_out)
            return true;
        after = memory_now(w);
        struct picture *is = scene_picture(w->scene, true, true);
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
    complain(w, n, "each failure leaves more", difference);
}

/* With memory enough, it does what it should. */
static void expect_success(const struct sweep *w, long n)
{
    struct hp_report report;
    run(w, &report);
    if (!as_with_memory(&report))
        complain_report(w, n, &report);
    const char *wrong = w->subject->kind == HP_KIND_PUSH ? scene_after_push(w->scene, &report) : NULL;
    if (wrong)
        complain(w, n, "the same push afterwards", wrong);
    hp_report_fini(&report);
}

static void expect_reverted(const struct sweep *w, long n)
{
    if (w->subject->kind != HP_KIND_REVERT || shared->status != HP_REVERTED)
        return;
    struct picture *is = scene_picture(w->scene, false, false);
    const char *difference = picture_compare(w->start, is);
    if (difference)
        complain(w, n, "reverted, yet", difference);
}

static void expect_nothing_left(const struct sweep *w, long n)
{
    hp_request_fini(w->request);
    scene_close(w->scene);
    if (faults_held(FAULTS_LIVE).blocks != 0)
        complain(w, n, "closing the state leaves blocks of it", NULL);
    if (faults_held(FAULTS_AGENT).blocks != 0)
        complain(w, n, "closing the engine leaves blocks of the agent's", NULL);
}

/* One n. */
static void try_request(const struct sweep *w, long n)
{
    struct hp_report report;
    struct faults_held agent = faults_held(FAULTS_AGENT);
    run_refusing(w, n, &report);
    bool carried_out = judge(w, n, &report);
    if (carried_out && w->subject->kind == HP_KIND_PUSH && !hp_arena_failed(&report.arena)) {
        const char *wrong = scene_after_push(w->scene, &report);
        if (wrong)
            complain(w, n, "what was pushed", wrong);
    }
    hp_report_fini(&report);
    if (!carried_out || !changes(shared->status)) {
        scene_collect(w->scene); /* what the agent holds hangs on userdata */
        /* A plan of a revert is the history's until the next one. */
        if (w->subject->kind != HP_KIND_REVERT && is_more(faults_held(FAULTS_AGENT), agent))
            complain(w, n, "the agent leaks", NULL);
        expect_same(w, n, w->before, w->subject->opening, "something changed");
        if (!fail_again(w, n))
            expect_success(w, n);
    }
    expect_reverted(w, n);
    expect_nothing_left(w, n);
}

/* An engine that was opened can do all it should. */
static void expect_able(const struct sweep *w, long n, struct hp_engine *engine)
{
    struct hp_report report;
    struct hp_request request;
    hp_request_init(&request);
    hp_report_init(&report);
    request.kind = HP_KIND_REVERT;
    hp_engine_run(engine, w->scene->L, &request, NULL, &report);
    if (report.status != HP_REFUSED) /* there is nothing to revert */
        complain(w, n, "opened, yet", error_of(&report));
    hp_report_fini(&report);
}

/* Opening and closing the engine. */
static void try_open(const struct sweep *w, long n)
{
    struct scene *s = w->scene;
    struct faults_held agent = faults_held(FAULTS_AGENT), live = {0};
    for (int try = 0; try < 3; try++) {
        const char *error = NULL;
        faults_start(w->side, n, way_counts[w->way]);
        struct hp_engine *engine = hp_engine_open(s->L, NULL, &error);
        faults_stop();
        shared->ended[engine ? HP_OK : HP_NO_MEMORY]++;
        if (!engine && (!error || faults_refused() == 0))
            complain(w, n, "not opened", error ? error : "without a reason");
        if (engine)
            expect_able(w, n, engine);
        faults_start(FAULTS_LIVE | FAULTS_AGENT, 0, LONG_MAX);
        hp_engine_close(engine, s->L);
        faults_stop();
        expect_same(w, n, w->before, true, engine ? "opened and closed" : "not opened, yet");
        scene_collect(s);
        if (faults_held(FAULTS_AGENT).blocks != agent.blocks)
            complain(w, n, "the agent leaks", NULL);
        if (try == 2 && faults_held(FAULTS_LIVE).blocks > live.blocks)
            complain(w, n, "the live state leaks", NULL);
        live = faults_held(FAULTS_LIVE);
    }
    scene_start(s); /* opens it, patches and reverts */
    expect_nothing_left(w, n);
}

/* With memory enough: how many allocations there are, and what the answer is. */
static void make_reference(const struct sweep *w)
{
    if (w->subject->opening) {
        const char *error;
        faults_start(w->side, LONG_MAX, 0);
        hp_engine_open(w->scene->L, NULL, &error);
        faults_stop();
        shared->made[w->side] = faults_made();
        return;
    }
    struct hp_report report;
    run_refusing(w, LONG_MAX, &report);
    shared->made[w->side] = faults_made();
    shared->status = report.status;
    shared->calls_server = report.replayed.count > 0 || scene_calls_server(w->scene);
    char *data = encode(&report, &shared->len);
    memcpy(shared->report, data, shared->len);
    if (report.status == HP_NO_MEMORY)
        scene_die(w->scene, "%s: no_memory with memory enough", w->subject->name);
    const char *wrong = w->subject->kind == HP_KIND_PUSH ? scene_after_push(w->scene, &report) : NULL;
    if (wrong)
        scene_die(w->scene, "with memory enough: %s", wrong);
}

/* ---- in the first process
 * ---------------------------------------------------------------------------------------------- */

/* Runs `n` in a copy; LONG_MAX: the reference. False: it failed. */
static bool in_copy(const struct sweep *w, long n)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(120);
        if (n == LONG_MAX)
            make_reference(w);
        else if (w->subject->opening)
            try_open(w, n);
        else
            try_request(w, n);
        fflush(NULL);
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("alloc_sweep");
        exit(2);
    }
    if (WIFSIGNALED(status))
        fprintf(stderr, "%s: %s: %s allocation %ld %s refused: killed by signal %d\n", w->scene->folder,
                w->subject->name, side_words[w->side], n, way_words[w->way], WTERMSIG(status));
    else if (WEXITSTATUS(status) == 2)
        fprintf(stderr, "%s: %s: %s allocation %ld %s refused: see above\n", w->scene->folder,
                w->subject->name, side_words[w->side], n, way_words[w->way]);
    return status == 0;
}

/* The one after n. Without --full, the middle is strided. */
static long next_one(long n, long total)
{
    long middle = total - 2 * options.ends;
    if (options.full || middle <= options.middle || n + 1 < options.ends || n >= total - options.ends)
        return n + 1;
    long stride = middle / (options.middle > 0 ? options.middle : 1) + 1;
    return n + stride < total - options.ends ? n + stride : total - options.ends;
}

/* One side, one way; how many failed. One more n than there are allocations: nothing is refused then. */
static int sweep(const struct sweep *w)
{
    int failures = 0;
    long total = shared->made[w->side], tried = 0;
    for (long n = options.at >= 0 ? options.at : 0; n <= total && failures < options.failures;
         n = next_one(n, total)) {
        failures += in_copy(w, n) ? 0 : 1;
        tried++;
        if (options.at >= 0)
            break;
    }
    printf("%-8s %-16s %-20s %6ld of %6ld allocations, %d failures\n", w->subject->name, side_words[w->side],
           way_words[w->way], tried, total + 1, failures);
    fflush(stdout);
    return failures;
}

static int sweep_sides(struct sweep *w)
{
    int failures = 0;
    for (w->side = FAULTS_LIVE; w->side <= (FAULTS_LIVE | FAULTS_AGENT); w->side++) {
        bool both = w->side == (FAULTS_LIVE | FAULTS_AGENT);
        w->way = ALONE;
        if (!in_copy(w, LONG_MAX))
            return failures + 1;
        for (w->way = both ? FROM_THERE_ON : ALONE; w->way < WAYS; w->way++)
            failures += sweep(w);
    }
    return failures;
}

/* What was pushed is what is reverted. */
static void push_first(struct scene *s, struct sweep *w)
{
    struct hp_request request;
    struct hp_report report;
    hp_request_init(&request);
    hp_report_init(&report);
    w->start = scene_picture(s, false, false);
    scene_request(s, HP_KIND_PUSH, &request);
    scene_run(s, &request, &report);
    hp_report_fini(&report);
    hp_request_fini(&request);
}

static int sweep_subject(const char *folder, const struct subject *subject)
{
    struct scene scene;
    struct hp_request request;
    struct sweep w = {.scene = &scene, .subject = subject, .request = &request};
    scene_load(&scene, folder);
    hp_request_init(&request);
    if (!subject->opening) {
        scene_start(&scene);
        if (subject->kind == HP_KIND_REVERT)
            push_first(&scene, &w);
        scene_request(&scene, subject->kind, &request);
        w.generation = hp_engine_generation(scene.engine);
        w.patches = hp_engine_patches(scene.engine);
    }
    w.before = scene_picture(&scene, subject->opening, true);
    scene_collect(&scene);
    int failures = sweep_sides(&w);
    picture_free(w.before);
    picture_free(w.start);
    hp_request_fini(&request);
    scene_close(&scene);
    return failures;
}

static bool is_wanted(const char *subject)
{
    const char *at = options.only ? strstr(options.only, subject) : NULL;
    return !options.only || at;
}

static int sweep_folder(const char *folder)
{
    int failures = 0;
    printf("%s\n", folder);
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        if (is_wanted(subjects[i].name))
            failures += sweep_subject(folder, &subjects[i]);
    }
    return failures;
}

/* ---- the command
 * ------------------------------------------------------------------------------------------------------- */

static int read_options(int argc, char **argv)
{
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--full") == 0)
            options.full = true;
        else if (strcmp(argv[i], "--middle") == 0 && i + 1 < argc)
            options.middle = atol(argv[++i]);
        else if (strcmp(argv[i], "--ends") == 0 && i + 1 < argc)
            options.ends = atol(argv[++i]);
        else if (strcmp(argv[i], "--at") == 0 && i + 1 < argc)
            options.at = atol(argv[++i]);
        else if (strcmp(argv[i], "--failures") == 0 && i + 1 < argc)
            options.failures = atol(argv[++i]);
        else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
            options.only = argv[++i];
        else
            return argc;
    }
    return i;
}

int main(int argc, char **argv)
{
    int i = read_options(argc, argv), failures = 0;
    if (i >= argc) {
        fprintf(stderr, "usage: alloc_sweep [--full] [--ends N] [--middle N] [--only SUBJECT,…] [--at N] "
                        "[--failures N] FOLDER…\n");
        return 64;
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char dir[] = "/tmp/hotpatch-stress-XXXXXX";
    if (shared == MAP_FAILED || !mkdtemp(dir) || setenv("STRESS_DIR", dir, 1) != 0) {
        perror("alloc_sweep");
        return 2;
    }
    hp_mem_set_allocator(faults_agent_alloc);
    for (; i < argc; i++)
        failures += sweep_folder(argv[i]);
    printf("ended:");
    for (int status = 0; status < HP_STATUS_COUNT; status++) {
        if (shared->ended[status])
            printf(" %s %ld", hp_status_info((enum hp_status)status)->word, shared->ended[status]);
    }
    printf("; carried out with a report that lacks something: %ld\n", shared->cut);
    char command[sizeof dir + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command) != 0 || failures ? 1 : 0;
}
