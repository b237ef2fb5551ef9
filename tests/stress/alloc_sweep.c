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
 * same seeds, and one that crashes tells its n. What must be true in the copy after the request:
 *
 *   * The report says no_memory (or, where code of the server was called, failed or rolled_back), and a
 *     picture of the whole program is what it was; or the report is what it is with memory enough, byte by
 *     byte.
 *   * The agent holds what it held; further failures leave no more than the first, of memory and, in a
 *     picture with the registry, of anything.
 *   * The same request then does what it does with memory enough, and the case's own checks hold; a revert
 *     gives the program back.
 *   * Closing the engine and the state leaves not one block, of either.
 *
 * --only takes names of subjects (push,revert). A sweep ends after --failures (default 5) that failed; --at
 * tries one n only. Without --full each n is tried in one of the three ways, in turns, and only the first
 * --ends (default 300), as many last ones, and --middle (default 60) others spread between them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trial.h"

static const struct trial_subject subjects[] = {
    {"push", HP_KIND_PUSH, false},       {"revert", HP_KIND_REVERT, false},   {"diff", HP_KIND_DIFF, false},
    {"inspect", HP_KIND_INSPECT, false}, {"eval", HP_KIND_EVAL, false},       {"open", HP_KIND_STATUS, true},
    {"verify", HP_KIND_VERIFY, false},   {"modules", HP_KIND_MODULES, false},
};

static struct {
    bool full;
    long ends, middle, at, failures;
    const char *only;
} options = {.ends = 300, .middle = 60, .at = -1, .failures = 5};

/* The one after n. Without --full, the middle is strided. */
static long next_one(long n, long total)
{
    long middle = total - 2 * options.ends;
    if (options.full || middle <= options.middle || n + 1 < options.ends || n >= total - options.ends)
        return n + 1;
    long stride = middle / (options.middle > 0 ? options.middle : 1) + 1;
    return n + stride < total - options.ends ? n + stride : total - options.ends;
}

/* Each n in one way only, the ways in turns: all of them take three times as long. */
static bool in_turns(const struct trial *t)
{
    return !options.full && options.at < 0 && t->side != (FAULTS_LIVE | FAULTS_AGENT);
}

/* One side, one way; how many failed. One more n than there are allocations: nothing is refused then. */
static int sweep(struct trial *t)
{
    int failures = 0;
    long total = trial_shared->made[t->side], tried = 0;
    for (long n = options.at >= 0 ? options.at : 0; n <= total && failures < options.failures;
         n = next_one(n, total)) {
        if (in_turns(t))
            t->way = (enum trial_way)(n % TRIAL_WAYS);
        failures += trial_in_copy(t, n) ? 0 : 1;
        tried++;
        if (options.at >= 0)
            break;
    }
    printf("%-8s %-16s %-20s %6ld of %6ld allocations, %d failures\n", t->subject->name,
           trial_side_words[t->side], in_turns(t) ? "in turns" : trial_way_words[t->way], tried, total + 1,
           failures);
    fflush(stdout);
    return failures;
}

static int sweep_sides(struct trial *t)
{
    int failures = 0;
    for (t->side = FAULTS_LIVE; t->side <= (FAULTS_LIVE | FAULTS_AGENT); t->side++) {
        bool both = t->side == (FAULTS_LIVE | FAULTS_AGENT);
        t->way = TRIAL_ALONE;
        if (!trial_reference(t))
            return failures + 1;
        for (enum trial_way way = both ? TRIAL_FROM_THERE_ON : TRIAL_ALONE; way < TRIAL_WAYS;
             way = in_turns(t) ? TRIAL_WAYS : way + 1) {
            t->way = way;
            failures += sweep(t);
        }
    }
    return failures;
}

/* What was pushed is what is reverted. */
static void push_first(struct scene *s, struct trial *t)
{
    struct hp_request request;
    struct hp_report report;
    hp_request_init(&request);
    hp_report_init(&report);
    t->start = scene_picture(s, false, false);
    scene_request(s, HP_KIND_PUSH, &request);
    scene_run(s, &request, &report);
    hp_report_fini(&report);
    hp_request_fini(&request);
}

static int sweep_subject(const char *folder, const struct trial_subject *subject)
{
    struct scene scene;
    struct hp_request request;
    struct trial t = {.scene = &scene, .subject = subject, .request = &request};
    scene_load(&scene, folder);
    hp_request_init(&request);
    if (!subject->opening) {
        scene_start(&scene);
        if (subject->kind == HP_KIND_REVERT)
            push_first(&scene, &t);
        scene_request(&scene, subject->kind, &request);
        t.generation = hp_engine_generation(scene.engine);
        t.patches = hp_engine_patches(scene.engine);
    }
    t.before = scene_picture(&scene, subject->opening, true);
    scene_collect(&scene);
    int failures = sweep_sides(&t);
    picture_free(t.before);
    picture_free(t.start);
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
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        if (is_wanted(subjects[i].name))
            failures += sweep_subject(folder, &subjects[i]);
    return failures;
}

/* ---- the command
 * ------------------------------------------------------------------------------------------------------- */

static int read_options(int argc, char **argv)
{
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++)
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
    trial_shared =
        mmap(NULL, sizeof *trial_shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char dir[] = "/tmp/hotpatch-stress-XXXXXX";
    if (trial_shared == MAP_FAILED || !mkdtemp(dir) || setenv("STRESS_DIR", dir, 1) != 0) {
        perror("alloc_sweep");
        return 2;
    }
    hp_mem_set_allocator(faults_agent_alloc);
    for (; i < argc; i++)
        failures += sweep_folder(argv[i]);
    printf("ended:");
    for (int status = 0; status < HP_STATUS_COUNT; status++)
        if (trial_shared->ended[status])
            printf(" %s %ld", hp_status_info((enum hp_status)status)->word, trial_shared->ended[status]);
    printf("; carried out with a report that lacks something: %ld\n", trial_shared->cut);
    char command[sizeof dir + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command) != 0 || failures ? 1 : 0;
}
