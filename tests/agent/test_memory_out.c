/* Memory that runs out in the agent while a request is received, run and answered: the real agent with its
 * real engine, asked over its socket. (What the engine does with every single failure, tests/stress finds
 * out; here it is everything around it.) For n = 0, 1, 2 … the n-th of the agent's allocations fails, alone
 * or with all that follow until the answer. Whatever it is: the server goes on; a patch is there wholly or
 * not at all, and the answer says which; the same request then does what it does with memory enough; and
 * nothing is left at the end. */
#include "support.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hotpatch/hotpatch.h"
#include "proto/arena.h"

/* Of many allocations the first and last ENDS are tried, and about MIDDLE of those between; all of them with
 * HP_TEST_ALL in the environment. */
#ifdef __SANITIZE_THREAD__
#define ENDS   4
#define MIDDLE 3
#elif defined HP_TEST_FEW
#define ENDS   10
#define MIDDLE 5
#else
#define ENDS   30
#define MIDDLE 12
#endif

#define OLD                                                                                                  \
    "local M = {}\nlocal n = 0\nfunction M.f() n = n + 1 return 1 end\nfunction M.g() return 1, n end\n"     \
    "return M\n"
#define NEW                                                                                                  \
    "local M = {}\nlocal n = 0\nlocal function h() return 2 end\nfunction M.f() n = n + 1 return h() end\n"  \
    "function M.g() return 2, n end\nreturn M\n"

/* --- memory: of any thread -------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    bool counts;
    long made, first, count; /* refused: those of numbers first <= n < first + count */
    long refused;
    long blocks; /* that are held */
} memory = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *counting_realloc(void *ptr, size_t size)
{
    pthread_mutex_lock(&memory.lock);
    bool refused = false;
    if (size > 0 && memory.counts) {
        long n = memory.made++;
        refused = n >= memory.first && n - memory.first < memory.count;
        memory.refused += refused;
    }
    if (!refused)
        memory.blocks += (ptr ? 0 : size > 0) - (ptr && size == 0);
    pthread_mutex_unlock(&memory.lock);
    if (refused)
        return NULL;
    if (size > 0)
        return realloc(ptr, size);
    free(ptr);
    return NULL;
}

static void refuse(long first, long count)
{
    pthread_mutex_lock(&memory.lock);
    memory.counts = true;
    memory.made = memory.refused = 0;
    memory.first = first;
    memory.count = count;
    pthread_mutex_unlock(&memory.lock);
}

static void refuse_no_more(void)
{
    pthread_mutex_lock(&memory.lock);
    memory.counts = false;
    pthread_mutex_unlock(&memory.lock);
}

static long held_blocks(void)
{
    pthread_mutex_lock(&memory.lock);
    long blocks = memory.blocks;
    pthread_mutex_unlock(&memory.lock);
    return blocks;
}

/* --- the program ------------------------------------------------------------------------------ */

static lua_State *L;

/* 1 or 2; both functions say the same, whatever failed. */
static int version(void)
{
    run_lua(L, "local f, g = m.f(), m.g() assert(f == g, 'half a patch') found = f");
    lua_getglobal(L, "found");
    int found = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return found;
}

static int setup_with(const char *options)
{
    folder_make();
    hp_mem_set_allocator(counting_realloc);
    L = new_state();
    lua_pushstring(L, folder);
    lua_setglobal(L, "folder");
    lua_pushstring(L, OLD);
    lua_setglobal(L, "old");
    run_lua(L, "local file = assert(io.open(folder .. '/m.lua', 'wb')) file:write(old) file:close() "
               "package.path = folder .. '/?.lua' m = require 'm'");
    run_lua(L, options);
    hotpatch_poll(L);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return setup_with("hotpatch.start { name = 'game' }");
}

static int setup_audited(void **state)
{
    (void)state;
    return setup_with("hotpatch.start { name = 'game', audit = folder .. '/audit' }");
}

static int teardown(void **state)
{
    (void)state;
    refuse_no_more();
    lua_close(L);
    assert_int_equal(held_blocks(), 0);
    hp_mem_set_allocator(NULL);
    folder_remove();
    return 0;
}

/* --- requests --------------------------------------------------------------------------------- */

enum start { UNPATCHED, PATCHED, ON_TRIAL };

struct subject {
    enum hp_kind kind;
    enum start start;
    bool on_trial;     /* a push: provisional */
    const char *other; /* verify, diff: another source than NEW */
};

static struct hp_request *request_for(const struct subject *s)
{
    static int serial;
    char id[16];
    snprintf(id, sizeof id, "r%d", ++serial); /* always another, for an id is answered once */
    struct hp_request *r = request_of(s->kind, id);
    const char *source = s->other ? s->other : NEW;
    if (s->kind == HP_KIND_VERIFY) {
        struct hp_request_module *module = HP_PUSH(&r->arena, &r->modules);
        module->module = "m";
        module->file = "m.lua";
    }
    if (r->modules.count)
        r->modules.items[0].source = (struct hp_bytes){source, strlen(source)};
    if (s->on_trial)
        r->options.confirm_within_s = 3600;
    if (s->kind == HP_KIND_INSPECT)
        r->target = "m";
    if (s->kind == HP_KIND_EVAL)
        r->code = (struct hp_bytes){"print(m.g()) return m", 21};
    return r;
}

/* An answer, or none: the agent had no memory even for receiving the request, and closed the connection. */
struct answer {
    bool came;
    enum hp_status status;
    bool provisional;
};

/* Asks, and serves until there is an answer. Refusals begin with the first byte and end with the answer. */
static struct answer ask_for(const struct subject *s, long first, long count)
{
    struct answer answer = {0};
    struct hp_report report;
    struct hp_request *request = request_for(s);
    char *data = NULL;
    size_t len = 0;
    assert_int_equal(hp_request_encode(request, &data, &len), HP_OK);
    int fd = client_connect(own_socket());
    struct pollfd waits[] = {{.fd = fd, .events = POLLIN}, {.fd = hotpatch_fd(L), .events = POLLIN}};
    refuse(first, count);
    client_send(fd, data, len);
    do {
        assert_true(poll(waits, 2, 60000) > 0);
        if (waits[1].revents)
            hotpatch_poll(L);
    } while (!waits[0].revents);
    refuse_no_more();
    answer.came = client_report(fd, &report);
    answer.status = report.status;
    answer.provisional = report.provisional != NULL;
    hp_report_fini(&report);
    hp_mem_free(data);
    hp_request_free(request);
    close(fd);
    return answer;
}

static struct answer ask_with_memory(const struct subject *s)
{
    struct answer answer = ask_for(s, 0, 0);
    assert_true(answer.came);
    return answer;
}

static bool is_on_trial(void)
{
    return ask_with_memory(&(struct subject){.kind = HP_KIND_STATUS}).provisional;
}

static void bring_to(enum start start)
{
    if (version() == 2 && (start == UNPATCHED || is_on_trial() != (start == ON_TRIAL)))
        assert_int_equal(ask_with_memory(&(struct subject){.kind = HP_KIND_REVERT}).status, HP_REVERTED);
    if (version() == 1 && start != UNPATCHED)
        assert_int_equal(
            ask_with_memory(&(struct subject){.kind = HP_KIND_PUSH, .on_trial = start == ON_TRIAL}).status,
            HP_APPLIED);
}

/* --- the sweep -------------------------------------------------------------------------------- */

static void check(const struct subject *s, const struct answer *answer, enum hp_status usual, long n)
{
    int was = s->start == UNPATCHED ? 1 : 2, is = version();
    bool done = answer->status == usual;
    const char *word = answer->came ? hp_status_info(answer->status)->word : "no answer";
    if (answer->came && !done && answer->status != HP_NO_MEMORY)
        fail_msg("%s, allocation %ld refused: %s", hp_kind_word(s->kind), n, word);
    bool changes = s->kind == HP_KIND_PUSH || s->kind == HP_KIND_REVERT;
    int expected = changes && done ? 3 - was : was;
    if (is != expected && (answer->came || !changes))
        fail_msg("%s, allocation %ld refused: %s, but version %d runs", hp_kind_word(s->kind), n, word, is);
    if (s->kind != HP_KIND_CONFIRM && !s->on_trial)
        return;
    bool on_trial = is_on_trial();
    if (s->kind == HP_KIND_CONFIRM && answer->came && on_trial == done)
        fail_msg("confirm, allocation %ld refused: %s, but it is %son trial", n, word,
                 on_trial ? "" : "not ");
    if (s->on_trial && answer->came && on_trial != done)
        fail_msg("push, allocation %ld refused: %s, but it is %son trial", n, word, on_trial ? "" : "not ");
}

static long after(long n, long total)
{
    long stride = (total - 2 * ENDS) / MIDDLE + 1;
    if (getenv("HP_TEST_ALL") || n + 1 < ENDS || n + stride >= total - ENDS)
        return n + 1;
    return n + stride;
}

static void sweep(const struct subject *s)
{
    bring_to(s->start);
    enum hp_status usual = ask_with_memory(s).status;
    long total = memory.made, refused = 0;
    for (int all = 0; all <= 1; all++)
        for (long n = 0; n <= total; n = after(n, total)) {
            bring_to(s->start);
            struct answer answer = ask_for(s, n, all ? LONG_MAX : 1);
            refused += memory.refused > 0;
            check(s, &answer, usual, n);
            bring_to(s->start);
            assert_int_equal(ask_with_memory(s).status, usual);
        }
    assert_true(refused > 0);
    print_message("%s: %s, %ld allocations\n", hp_kind_word(s->kind), hp_status_info(usual)->word, total);
    bring_to(UNPATCHED);
}

static void what_only_looks(void **state)
{
    (void)state;
    sweep(&(struct subject){.kind = HP_KIND_STATUS, .start = PATCHED});
    sweep(&(struct subject){.kind = HP_KIND_LOG, .start = PATCHED});
    sweep(&(struct subject){.kind = HP_KIND_INSPECT});
    sweep(&(struct subject){.kind = HP_KIND_VERIFY, .other = OLD});
    sweep(&(struct subject){.kind = HP_KIND_DIFF});
}

static void what_changes(void **state)
{
    (void)state;
    sweep(&(struct subject){.kind = HP_KIND_PUSH});
    sweep(&(struct subject){.kind = HP_KIND_REVERT, .start = PATCHED});
}

static void audited_and_on_trial(void **state)
{
    (void)state;
    sweep(&(struct subject){.kind = HP_KIND_EVAL});
    sweep(&(struct subject){.kind = HP_KIND_PUSH, .on_trial = true});
    sweep(&(struct subject){.kind = HP_KIND_CONFIRM, .start = ON_TRIAL});
    sweep(&(struct subject){.kind = HP_KIND_REVERT, .start = ON_TRIAL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_only_looks, setup, teardown),
        cmocka_unit_test_setup_teardown(what_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(audited_and_on_trial, setup_audited, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
