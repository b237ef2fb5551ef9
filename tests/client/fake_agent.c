/* An agent that knows no Lua: it answers from a script, so that the client can be tried against every way to
 * answer and not to answer.
 *
 *   fake_agent SOCKET MODE
 *
 * writes one line to standard output when it listens, prints each request to standard error as "KIND ID", and
 * ends when its standard input does.
 *
 * MODE  plan applied refused  diff, push and revert get such a report
 *       version               every answer is of protocol 999
 *       garbage               every answer is no message at all
 *       lost                  ends at once when a diff or push arrives, without an answer
 *       waiting running       such requests stay so; progress and cancel say so. With "running", the answer
 *                             comes after the third question how it goes
 *       sliced                the same as "running" without the answer, but it is given up when cancelled
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/supplemental/util/platform.h>

#include "proto/protocol.h"
#include "proto/report.h"
#include "proto/request.h"

static const char *mode;
static nng_socket listener;
static nng_ctx held; /* the request that waits */
static int is_held;
static int questions;

static void *must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

static void answer(nng_ctx ctx, const char *data, size_t len)
{
    nng_msg *msg;
    nng_aio *aio;
    if (nng_msg_alloc(&msg, 0) != 0 || nng_msg_append(msg, data, len) != 0 ||
        nng_aio_alloc(&aio, NULL, NULL) != 0)
        abort();
    nng_aio_set_msg(aio, msg);
    nng_ctx_send(ctx, aio);
    nng_aio_wait(aio);
    nng_aio_free(aio);
}

static void fill_patch(struct hp_report *r, const struct hp_request *q)
{
    struct hp_report_module *m = must(HP_PUSH(&r->arena, &r->modules));
    m->module =
        q->modules.count > 0 && q->modules.items[0].module != NULL ? q->modules.items[0].module : "found";
    m->source = "@mymodule.lua";
    m->base = q->modules.count > 0 && q->modules.items[0].base.data != NULL ? "client" : "recorded";
    struct hp_report_function *f = must(HP_PUSH(&r->arena, &m->functions));
    *f = (struct hp_report_function){
        .path = "increment", .verdict = "replaced", .line = 6, .was = "mymodule.lua:5"};
    *(const char **)must(HP_PUSH(&r->arena, &m->joined)) = "increment^count";
    *(const char **)must(HP_PUSH(&r->arena, &m->absent)) = "increment^step";
    r->cost.pause_us = 180;
}

/* Everything that the client sent, as the report's output: what a test compares. */
static void echo(struct hp_report *r, const struct hp_request *q)
{
    const struct hp_options *o = &q->options;
    const char *text =
        hp_arena_printf(&r->arena, "kind=%s state=%s deadline=%ld strict=%d effects=%s message=%s\n",
                        q->kind_word, q->state != NULL ? q->state : "-", (long)q->deadline_ms, o->strict,
                        o->effects != NULL ? o->effects : "-", o->message != NULL ? o->message : "-");
    for (size_t i = 0; i < o->accept.count; i++)
        text = hp_arena_printf(&r->arena, "%saccept=%s\n", text, o->accept.items[i]);
    for (size_t i = 0; i < q->modules.count; i++) {
        const struct hp_request_module *m = &q->modules.items[i];
        text = hp_arena_printf(&r->arena, "%smodule=%s file=%s source=%.*s base=%.*s label=%s\n", text,
                               m->module != NULL ? m->module : "-", m->file, (int)m->source.len,
                               m->source.data, (int)m->base.len, m->base.data != NULL ? m->base.data : "",
                               m->base_label != NULL ? m->base_label : "-");
    }
    if (q->kind == HP_KIND_EVAL) {
        text = hp_arena_printf(&r->arena, "%scode=%.*s name=%s\n", text, (int)q->code.len, q->code.data,
                               q->code_name);
    }
    r->output = text;
}

static void fill_progress(struct hp_report *r)
{
    int waits = strcmp(mode, "waiting") == 0;
    *(const char **)must(HP_PUSH(&r->arena, &r->results)) = !is_held ? "unknown" : waits ? mode : "running";
    if (is_held && !waits) {
        *(const char **)must(HP_PUSH(&r->arena, &r->results)) = "search\033[2J";
        r->cost.objects = 1234567;
        r->cost.slices = 42;
        r->cost.pause_us = 980;
    }
}

static void fill(struct hp_report *r, const struct hp_request *q)
{
    r->id = q->id;
    r->agent.pid = getpid();
    r->agent.name = "game";
    r->agent.state = "main";
    r->agent.lua = "Lua 5.4";
    r->agent.version = HP_VERSION;
    if (q->kind == HP_KIND_PROGRESS || q->kind == HP_KIND_CANCEL) {
        fill_progress(r);
    } else if (strcmp(mode, "given up") == 0) {
        hp_report_fail(r, HP_TIMEOUT, "given up; nothing changed");
    } else if (q->kind == HP_KIND_STATUS) {
        r->agent.program = "lua5.4 game.lua";
        r->agent.uptime_s = 61;
        *(const char **)must(HP_PUSH(&r->arena, &r->agent.states)) = "main";
    } else if (q->kind == HP_KIND_LOG || q->kind == HP_KIND_INSPECT) {
        return;
    } else if (strcmp(mode, "refused") == 0) {
        r->status = HP_REFUSED;
        hp_report_refuse(r, HP_R04_KIND_CHANGED, "mymodule", "online",
                         "it was a number, now it is a table\033[31m");
    } else if (q->kind == HP_KIND_EVAL) {
        echo(r, q);
        *(const char **)must(HP_PUSH(&r->arena, &r->results)) = "42";
    } else {
        r->status = strcmp(mode, "plan") == 0 ? HP_PLANNED : HP_APPLIED;
        r->patch = 3;
        fill_patch(r, q);
        echo(r, q);
    }
}

static void send_report(nng_ctx ctx, const struct hp_request *q)
{
    struct hp_report report;
    char *data;
    size_t len;
    hp_report_init(&report);
    fill(&report, q);
    if (strcmp(mode, "version") == 0)
        report.protocol = 999;
    if (hp_report_encode(&report, &data, &len) != HP_OK)
        abort();
    if (strcmp(mode, "garbage") == 0)
        answer(ctx, "not a message", 13);
    else
        answer(ctx, data, len);
    hp_mem_free(data);
    hp_report_fini(&report);
}

/* One request. Returns true if its context is used up: the request is held. */
static int serve(nng_ctx ctx, nng_msg *msg)
{
    static struct hp_request held_request;
    struct hp_request q;
    const char *error = NULL;
    hp_request_init(&q);
    if (hp_request_decode(&q, nng_msg_body(msg), nng_msg_len(msg), &error) != HP_OK) {
        fprintf(stderr, "bad request: %s\n", error);
        abort();
    }
    fprintf(stderr, "%s %s\n", q.kind_word, q.id);
    int patching = hp_kind_needs_lua(q.kind);
    if (patching && strcmp(mode, "lost") == 0)
        _exit(0);
    if (patching &&
        (strcmp(mode, "waiting") == 0 || strcmp(mode, "running") == 0 || strcmp(mode, "sliced") == 0)) {
        held = ctx;
        held_request = q;
        is_held = 1;
        return 1;
    }
    send_report(ctx, &q);
    questions += q.kind == HP_KIND_PROGRESS;
    int answered = strcmp(mode, "running") == 0 && questions == 3;
    int given_up = strcmp(mode, "sliced") == 0 && q.kind == HP_KIND_CANCEL;
    if (is_held && (answered || given_up)) {
        mode = answered ? "applied" : "given up";
        send_report(held, &held_request);
        nng_ctx_close(held);
        is_held = 0;
    }
    hp_request_fini(&q);
    return 0;
}

static void listen_at(const char *path)
{
    char url[256 + 8];
    snprintf(url, sizeof url, "ipc://%s", path);
    int error = nng_rep0_open(&listener);
    if (error == 0)
        error = nng_socket_set_size(listener, NNG_OPT_RECVMAXSZ, 2 * (size_t)HP_MAX_MESSAGE);
    if (error == 0)
        error = nng_listen(listener, url, NULL, 0);
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", url, nng_strerror(error));
        exit(1);
    }
}

static void wait_for_end(void *unused)
{
    char c;
    (void)unused;
    while (read(STDIN_FILENO, &c, 1) > 0) {
    }
    _exit(0);
}

int main(int argc, char *argv[])
{
    if (argc != 3)
        return 64;
    char path[256];
    mode = argv[2];
    snprintf(path, sizeof path, argv[1], (int)getpid()); /* %d: our pid */
    listen_at(path);
    puts("ready");
    fflush(stdout);
    nng_thread *watcher;
    if (nng_thread_create(&watcher, wait_for_end, NULL) != 0)
        return 1;
    nng_ctx ctx;
    nng_aio *aio;
    if (nng_aio_alloc(&aio, NULL, NULL) != 0 || nng_ctx_open(&ctx, listener) != 0)
        return 1;
    for (;;) {
        nng_ctx_recv(ctx, aio);
        nng_aio_wait(aio);
        if (nng_aio_result(aio) != 0)
            return 1;
        nng_msg *msg = nng_aio_get_msg(aio);
        int used = serve(ctx, msg);
        nng_msg_free(msg);
        if (used && nng_ctx_open(&ctx, listener) != 0)
            return 1;
    }
}
