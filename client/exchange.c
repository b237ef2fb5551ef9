#include "client/exchange.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "client/connect.h"
#include "client/interrupt.h"
#include "client/progress.h"
#include "proto/protocol.h"

#define EXCHANGE_ASK_MS   1000 /* between two questions how it goes, and how long each may take */
#define EXCHANGE_GRACE_MS 1500 /* beyond the deadline, for the agent's own answer that it is over */
#define EXCHANGE_SILENCES 3    /* questions in a row without an answer: nothing is known any more */

/* What the agent says of a request that it was sent. */
enum ticket { TICKET_SILENT, TICKET_UNKNOWN, TICKET_WAITING, TICKET_RUNNING, TICKET_DONE };

/* One request under way. */
struct exchange {
    struct hp_cli *cli;
    const struct hp_agent *target;
    const struct hp_request *request;
    struct hp_link *link;
    int wake; /* readable after Ctrl-C */
    int64_t start;
    enum ticket ticket;
    int silences;
    struct hp_progress progress;
};

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static const char *make_id(struct hp_cli *cli)
{
    unsigned char bytes[16];
    char text[2 * sizeof bytes + 1];
    size_t have = 0;
    while (have < sizeof bytes) {
        ssize_t got = getrandom(bytes + have, sizeof bytes - have, 0);
        if (got < 0 && errno != EINTR)
            return NULL;
        have += got > 0 ? (size_t)got : 0;
    }
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return hp_arena_str(&cli->arena, text);
}

static void fill_common(struct hp_request *request, enum hp_kind kind, const char *id)
{
    request->protocol = HP_PROTOCOL_VERSION;
    request->kind = kind;
    request->kind_word = hp_kind_word(kind);
    request->id = id;
    request->client = "hotpatch " HP_VERSION;
}

struct hp_request *hp_exchange_new(struct hp_cli *cli, enum hp_kind kind)
{
    struct hp_request *request = hp_request_new();
    if (request == NULL) {
        hp_cli_fail(cli, HP_NO_MEMORY, NULL, "the client is out of memory; nothing was sent");
        return NULL;
    }
    if (cli->id == NULL)
        cli->id = make_id(cli);
    if (cli->id == NULL) {
        hp_cli_fail(cli, HP_FAILED, "give one with --id", "no random id could be made: %s", strerror(errno));
        hp_request_free(request);
        return NULL;
    }
    const struct passwd *user = getpwuid(geteuid());
    fill_common(request, kind, cli->id);
    request->user = user != NULL ? hp_arena_str(&cli->arena, user->pw_name) : NULL;
    request->state = cli->state;
    request->deadline_ms = (int64_t)(cli->timeout_s * 1000 + 0.5);
    request->deadline_ms = request->deadline_ms > 0 ? request->deadline_ms : 1;
    return request;
}

/* As hp_link_wait, until a time, also where a signal ends the wait early. */
static enum hp_link_result wait_until(struct hp_link *link, int64_t until, char **data, size_t *len)
{
    for (;;) {
        int64_t left = until - now_ms();
        enum hp_link_result result = hp_link_wait(link, left > 0 ? (int)left : 0, -1, data, len);
        if (result != HP_LINK_TIMEOUT || left <= 0)
            return result;
    }
}

/* Sends `data` and waits for the answer, quickly: for questions that the agent's I/O side answers. */
static enum hp_link_result ask(const struct hp_remote *to, const struct hp_request *request, int timeout_ms,
                               struct hp_report *report, const char **error)
{
    char *data = NULL;
    size_t len = 0;
    struct hp_link *link = NULL;
    int64_t until = now_ms() + timeout_ms;
    if (hp_request_encode(request, &data, &len) != HP_OK)
        return HP_LINK_NO_MEMORY;
    enum hp_link_result result = hp_link_send(to, data, len, timeout_ms, &link, NULL);
    hp_mem_free(data);
    data = NULL;
    if (result == HP_LINK_OK)
        result = wait_until(link, until, &data, &len);
    hp_link_close(link);
    if (result == HP_LINK_OK && hp_report_decode(report, data, len, error) != HP_OK)
        result = HP_LINK_FAILED;
    hp_mem_free(data);
    return result;
}

enum hp_link_result hp_exchange_probe(const struct hp_remote *to, int timeout_ms, struct hp_report *report,
                                      const char **error)
{
    struct hp_request request;
    char id[64];
    hp_request_init(&request);
    snprintf(id, sizeof id, "probe-%ld-%" PRId64, (long)getpid(), now_ms());
    fill_common(&request, HP_KIND_STATUS, id);
    request.deadline_ms = timeout_ms;
    enum hp_link_result result = ask(to, &request, timeout_ms, report, error);
    hp_request_fini(&request);
    return result;
}

/* The first result of the answer to `progress` and `cancel`. */
static enum ticket ticket_of(const struct hp_report *report)
{
    static const char *const words[] = {[TICKET_UNKNOWN] = "unknown",
                                        [TICKET_WAITING] = "waiting",
                                        [TICKET_RUNNING] = "running",
                                        [TICKET_DONE] = "done"};
    enum ticket ticket = TICKET_UNKNOWN;
    for (int i = TICKET_UNKNOWN; i <= TICKET_DONE && report->results.count > 0; i++)
        ticket = strcmp(report->results.items[0], words[i]) == 0 ? (enum ticket)i : ticket;
    return ticket;
}

static void show_progress(struct exchange *x, const struct hp_report *report)
{
    static const struct {
        const char *step, *doing;
    } words[] = {
        [TICKET_SILENT] = {"silent", "does not say how it goes"},
        [TICKET_UNKNOWN] = {"unknown", "was sent"},
        [TICKET_WAITING] = {"waiting", "waits for a safe point"},
        [TICKET_RUNNING] = {"running", "is running"},
        [TICKET_DONE] = {"done", "is done, the answer is on its way"},
    };
    const struct hp_progress_state state = {
        .step = words[x->ticket].step,
        .doing = words[x->ticket].doing,
        .phase = report->results.count > 1 ? report->results.items[1] : NULL,
        .objects = report->cost.objects,
        .slices = report->cost.slices,
        .longest_us = report->cost.pause_us,
        .seconds = (double)(now_ms() - x->start) / 1000,
    };
    hp_progress_show(&x->progress, &state);
}

/* The first news for programs: with the id, so that whoever reads it can ask again whatever happens. */
static void show_sent(struct exchange *x)
{
    const struct hp_progress_state state = {
        .step = "sent", .doing = "was sent", .seconds = (double)(now_ms() - x->start) / 1000};
    if (x->progress.form == HP_PROGRESS_JSON)
        hp_progress_show(&x->progress, &state);
}

/* `progress` and `cancel` carry the id that they are about in `target`. What a `progress` says is shown. */
static enum ticket ask_about(struct exchange *x, enum hp_kind kind)
{
    struct hp_request request;
    struct hp_report report;
    char id[64];
    const char *error = NULL;
    hp_request_init(&request);
    hp_report_init(&report);
    snprintf(id, sizeof id, "%s-%ld-%" PRId64, hp_kind_word(kind), (long)getpid(), now_ms());
    fill_common(&request, kind, id);
    request.state = x->request->state;
    request.target = x->request->id;
    request.deadline_ms = EXCHANGE_ASK_MS;
    enum hp_link_result result = ask(&x->target->remote, &request, EXCHANGE_ASK_MS, &report, &error);
    x->ticket = result == HP_LINK_OK ? ticket_of(&report) : TICKET_SILENT;
    if (kind == HP_KIND_PROGRESS)
        show_progress(x, &report);
    hp_report_fini(&report);
    hp_request_fini(&request);
    return x->ticket;
}

static bool is_read_only(enum hp_kind kind)
{
    return kind != HP_KIND_PUSH && kind != HP_KIND_REVERT && kind != HP_KIND_EVAL;
}

/* The request was sent and nothing more is known of it. */
static bool uncertain(struct exchange *x, const char *what)
{
    struct hp_cli *cli = x->cli;
    const char *title = hp_target_title(cli, x->target);
    cli->report.id = hp_arena_str(&cli->report.arena, x->request->id);
    if (!hp_kind_needs_lua(x->request->kind)) {
        return hp_cli_fail(cli, HP_UNREACHABLE, "hotpatch ps lists the agents that answer", "%s: %s", title,
                           what);
    }
    const char *again = hp_arena_printf(
        &cli->arena, "ask again, it will not run twice: %s --id %s ...%s", hp_cli_again(cli), x->request->id,
        is_read_only(x->request->kind) ? "" : " ; hotpatch log tells what was applied");
    return hp_cli_fail(cli, HP_UNCERTAIN, again, "%s: %s after the %s was sent; %s", title, what,
                       hp_kind_word(x->request->kind),
                       is_read_only(x->request->kind)
                           ? "it changes nothing in the server"
                           : "it was done wholly or not at all, and which is not known");
}

static enum hp_status status_of_failure(enum hp_link_result result)
{
    switch (result) {
    case HP_LINK_DENIED:
    case HP_LINK_UNTRUSTED:
    case HP_LINK_EXPIRED:
    case HP_LINK_REJECTED:
    case HP_LINK_BARE:
        return HP_DENIED;
    case HP_LINK_OWN_FILES:
        return HP_USAGE;
    case HP_LINK_NO_MEMORY:
        return HP_NO_MEMORY;
    default:
        return HP_UNREACHABLE;
    }
}

/* What to do about it. */
static const char *hint_of_failure(const struct exchange *x, enum hp_link_result result)
{
    bool local = strncmp(x->target->remote.url, "ipc://", 6) == 0;
    switch (result) {
    case HP_LINK_DENIED:
        return "run hotpatch as the user who runs the server, or --to a socket that it has for you (listen, "
               "rights)";
    case HP_LINK_UNTRUSTED:
        return "give the authority's file with --tls-ca, and as host a name that is in the agent's "
               "certificate";
    case HP_LINK_EXPIRED:
        return "renew that certificate; the agent reads new files by itself";
    case HP_LINK_REJECTED:
        return "give a certificate from the authority in the agent's tls.ca, with --tls-cert and --tls-key";
    case HP_LINK_BARE:
        return "give the agent a certificate in tls.cert that servers may show (extendedKeyUsage=serverAuth, "
               "or none)";
    case HP_LINK_OWN_FILES:
        return "give PEM files that belong together with --tls-ca, --tls-cert, --tls-key";
    case HP_LINK_NO_NAME:
        return "look at the host in --to";
    case HP_LINK_TIMEOUT:
        return local ? "the process may be stopped; look at it, or wait longer with --timeout SECONDS"
                     : "look at the machine and what is between, or wait longer with --timeout SECONDS";
    default:
        return local ? "hotpatch ps lists the agents that answer"
                     : "is the server running, and does its listen option name this host and port?";
    }
}

static bool not_sent(struct exchange *x, enum hp_link_result result, const char *why)
{
    const char *title = x->target->pid != 0 ? hp_target_title(x->cli, x->target) : "the agent";
    return hp_cli_fail(x->cli, status_of_failure(result), hint_of_failure(x, result),
                       "%s cannot be reached at %s: %s; nothing was sent", title, x->target->remote.url,
                       *why != '\0' ? why : hp_link_sentence(result));
}

/* The bytes of the answer become cli->report. */
static bool take_report(struct exchange *x, const char *data, size_t len)
{
    struct hp_cli *cli = x->cli;
    const char *error = NULL;
    hp_report_fini(&cli->report);
    hp_report_init(&cli->report);
    enum hp_status status = hp_report_decode(&cli->report, data, len, &error);
    if (status == HP_OK)
        return true;
    const char *text = hp_arena_str(&cli->arena, error != NULL ? error : "its answer cannot be read");
    hp_report_fini(&cli->report);
    hp_report_init(&cli->report);
    if (status == HP_VERSION_MISMATCH) {
        return hp_cli_fail(cli, status, "install the same version of hotpatch on both sides", "%s: %s",
                           hp_target_title(cli, x->target), text);
    }
    return uncertain(x, text);
}

/* Ctrl-C, and it was running: the agent gives it up at its next safe point, and answers. */
static bool interrupted_while_running(struct exchange *x, const char *hint)
{
    char *data = NULL;
    size_t len = 0;
    if (wait_until(x->link, now_ms() + EXCHANGE_GRACE_MS, &data, &len) == HP_LINK_OK) {
        bool ok = take_report(x, data, len);
        hp_mem_free(data);
        return ok;
    }
    return hp_cli_fail(x->cli, HP_UNCERTAIN, hint,
                       "interrupted; the %s is running in the server, which was asked to give it up and has "
                       "not answered yet",
                       hp_kind_word(x->request->kind));
}

/* Ctrl-C: withdraw it; say how it stands. */
static bool interrupted(struct exchange *x)
{
    struct hp_cli *cli = x->cli;
    const char *kind = hp_kind_word(x->request->kind);
    enum ticket ticket = hp_kind_needs_lua(x->request->kind) ? ask_about(x, HP_KIND_CANCEL) : TICKET_SILENT;
    const char *hint =
        hp_arena_printf(&cli->arena, "see the result: %s --id %s ...", hp_cli_again(cli), x->request->id);
    switch (ticket) {
    case TICKET_WAITING:
    case TICKET_UNKNOWN: /* not there yet: the agent will not run it when it comes */
        return hp_cli_fail(cli, HP_TIMEOUT, NULL,
                           "interrupted; the %s had not started and was withdrawn: nothing changed", kind);
    case TICKET_RUNNING:
        return interrupted_while_running(x, hint);
    case TICKET_DONE:
        return hp_cli_fail(cli, HP_UNCERTAIN, hint, "interrupted; the %s was done, its report was not read",
                           kind);
    case TICKET_SILENT:
        break;
    }
    return uncertain(x, "interrupted");
}

/* Asks how it goes. False when there is no use in waiting any longer, with the error recorded. */
static bool check_on(struct exchange *x)
{
    bool overdue = now_ms() - x->start > x->request->deadline_ms + EXCHANGE_GRACE_MS;
    if (!hp_kind_needs_lua(x->request->kind))
        return overdue ? uncertain(x, "no answer came in time") : true;
    enum ticket ticket = ask_about(x, HP_KIND_PROGRESS);
    x->silences = ticket == TICKET_SILENT ? x->silences + 1 : 0;
    if (overdue && x->silences >= EXCHANGE_SILENCES)
        return uncertain(x, "no answer came in time");
    return true;
}

/* What the link says ends the wait, or it is time to ask how it goes. True: *ok is how it ended. */
static bool is_over(struct exchange *x, enum hp_link_result result, const char *data, size_t len, bool *ok)
{
    if (result == HP_LINK_TIMEOUT)
        return false;
    hp_progress_clear(&x->progress);
    *ok = result == HP_LINK_OK      ? take_report(x, data, len)
          : result == HP_LINK_WOKEN ? interrupted(x)
                                    : uncertain(x, hp_link_sentence(result));
    return true;
}

static bool wait_for_answer(struct exchange *x)
{
    int shown = hp_progress_interval(&x->progress);
    int interval = shown > 0 ? shown : EXCHANGE_ASK_MS;
    int64_t next_question = x->start + interval;
    for (;;) {
        char *data = NULL;
        size_t len = 0;
        bool ok = false;
        int64_t left = next_question - now_ms();
        enum hp_link_result result = hp_link_wait(x->link, left > 0 ? (int)left : 0, x->wake, &data, &len);
        bool over = is_over(x, result, data, len, &ok);
        hp_mem_free(data);
        if (over)
            return ok;
        if (now_ms() >= next_question) {
            if (!check_on(x)) {
                hp_progress_clear(&x->progress);
                return false;
            }
            next_question = now_ms() + interval;
        }
    }
}

bool hp_exchange(struct hp_cli *cli, const struct hp_agent *target, struct hp_request *request)
{
    struct exchange x = {.cli = cli, .target = target, .request = request, .ticket = TICKET_UNKNOWN};
    char *data = NULL;
    size_t len = 0;
    enum hp_status status = hp_request_encode(request, &data, &len);
    if (status == HP_LIMIT || (status == HP_OK && len > HP_MAX_MESSAGE)) {
        hp_mem_free(data);
        return hp_cli_fail(cli, HP_LIMIT, "send the modules in several requests",
                           "the request is larger than an agent accepts (%u MiB); nothing was sent",
                           HP_MAX_MESSAGE >> 20);
    }
    if (status != HP_OK)
        return hp_cli_fail(cli, HP_NO_MEMORY, NULL, "the client is out of memory; nothing was sent");
    hp_progress_init(&x.progress, cli, hp_kind_word(request->kind), request->id);
    x.wake = hp_interrupt_catch();
    x.start = now_ms();
    char why[HP_LINK_WHY_MAX];
    enum hp_link_result result =
        hp_link_send(&target->remote, data, len, (int)request->deadline_ms, &x.link, why);
    hp_mem_free(data);
    if (result != HP_LINK_OK)
        return not_sent(&x, result, why);
    show_sent(&x);
    bool ok = wait_for_answer(&x);
    hp_link_close(x.link);
    return ok;
}
