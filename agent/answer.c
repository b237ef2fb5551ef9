#include "agent/answer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/denial.h"
#include "proto/protocol.h"

/* One frame being answered. The request is NULL when it could not even be allocated, or once a mailbox owns
 * it. */
struct answering {
    const struct hp_site *site;
    const struct hp_frame *frame;
    const struct hp_groups *groups; /* the asker's */
    int64_t now;
    struct hp_request *request;
    struct hp_report report;
};

/* --- which state ------------------------------------------------------------------------------ */

static struct hp_desk *desk_named(const struct hp_site *site, const char *state)
{
    for (struct hp_desk *d = site->desks; d; d = d->next)
        if (strcmp(d->state, state) == 0)
            return d;
    return NULL;
}

/* With no name: the only one, or "main". */
static struct hp_desk *desk_of(const struct hp_site *site, const char *state)
{
    if (state && state[0])
        return desk_named(site, state);
    if (site->desks && !site->desks->next)
        return site->desks;
    return desk_named(site, "main");
}

static void no_such_state(struct answering *a)
{
    const char *state = a->request->state;
    if (!a->site->desks) {
        hp_report_fail(&a->report, HP_NO_AGENT, "the agent is being stopped");
        return;
    }
    for (struct hp_desk *d = a->site->desks; d; d = d->next) {
        const char **candidate = HP_PUSH(&a->report.arena, &a->report.candidates);
        if (candidate)
            *candidate = d->state;
    }
    if (state && state[0])
        hp_report_fail(&a->report, HP_NO_AGENT, "this process serves no Lua state called '%s'", state);
    else
        hp_report_fail(&a->report, HP_NO_AGENT,
                       "this process serves several Lua states, none called 'main': say which");
    if (a->report.error)
        a->report.error->hint = "name one of the states listed, with --state NAME";
}

/* --- who -------------------------------------------------------------------------------------- */

static unsigned rights_at(const struct answering *a, const struct hp_desk *desk)
{
    return hp_rights_of(desk ? desk->rights : NULL, a->frame->peer, a->groups);
}

/* At any state of this process. */
static unsigned rights_anywhere(const struct answering *a)
{
    unsigned rights = a->site->desks ? HP_RIGHT_NONE : rights_at(a, NULL);
    for (const struct hp_desk *d = a->site->desks; d; d = d->next)
        rights |= rights_at(a, d);
    return rights;
}

/* Whoever has no right at all is turned away before a word of the request is read. */
static bool may_speak(struct answering *a)
{
    bool may = rights_anywhere(a) != HP_RIGHT_NONE;
    if (!may)
        hp_denial_stranger(&a->report, a->frame->peer);
    return may;
}

static bool may_do(struct answering *a, const struct hp_desk *desk)
{
    bool may = (rights_at(a, desk) & hp_right_needed(a->request)) != 0;
    if (!may)
        hp_denial_right(&a->report, a->frame->peer, a->request, desk->rights);
    return may;
}

/* The login name is what the client says; the numbers and the address are the system's. */
static const char *who_text(struct answering *a, const struct hp_request *request)
{
    const struct hp_peer *peer = a->frame->peer;
    struct hp_arena *arena = &a->report.arena;
    const char *by = request->signed_by ? "; signed by " : "",
               *keys = request->signed_by ? request->signed_by : "";
    char name[36] = "";
    size_t n = 2;
    for (const char *s = request->user ? request->user : ""; *s && n < sizeof name - 2; s++) {
        bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
                     strchr("._-@\\", *s);
        name[n++] = plain ? *s : '?';
    }
    if (n > 2) {
        name[0] = ' ';
        name[1] = '(';
        name[n] = ')';
        name[n + 1] = '\0';
    }
    if (peer->transport == HP_TRANSPORT_TLS)
        return hp_arena_printf(arena, "tls %s%s%s%s%s%s", peer->address,
                               peer->certificate[0] ? ", certificate " : "", peer->certificate, name, by,
                               keys);
    if (peer->transport == HP_TRANSPORT_TCP)
        return hp_arena_printf(arena, "uid %ld%s, tcp %s%s%s", (long)peer->uid, name, peer->address, by,
                               keys);
    return hp_arena_printf(arena, "uid %ld%s, pid %ld%s%s", (long)peer->uid, name, (long)peer->pid, by, keys);
}

/* --- answered from the snapshot --------------------------------------------------------------- */

static void add_result(struct answering *a, const char *word)
{
    const char **result = HP_PUSH(&a->report.arena, &a->report.results);
    if (result)
        *result = word;
}

/* The places beside the first socket, and what is wrong with them. */
static void add_places(struct answering *a)
{
    struct hp_arena *arena = &a->report.arena;
    char url[HP_ADDRESS_URL_MAX];
    char text[1400];
    for (size_t i = 0; hp_endpoint_url(a->site->served, i, url); i++) {
        const char **slot = HP_PUSH(arena, &a->report.agent.listen);
        if (slot)
            *slot = hp_arena_str(arena, url);
        if (!hp_endpoint_trouble(a->site->served, i, text, sizeof text))
            continue;
        struct hp_report_note *note = HP_PUSH(arena, &a->report.warnings);
        if (note)
            note->text = hp_arena_str(arena, text);
    }
}

static void add_running(struct answering *a, struct hp_desk *desk)
{
    struct hp_report *r = &a->report;
    struct hp_letter_progress progress;
    enum hp_kind kind;
    const char *id;
    if (!hp_mailbox_running(&desk->mailbox, &r->arena, &kind, &id, &progress))
        return;
    r->running = hp_arena_alloc(&r->arena, sizeof *r->running);
    if (r->running)
        *r->running = (struct hp_report_running){.kind = hp_kind_word(kind),
                                                 .id = id,
                                                 .phase = progress.phase,
                                                 .objects = progress.objects,
                                                 .slices = progress.slices,
                                                 .pause_us = progress.longest_us};
}

static void answer_status(struct answering *a, struct hp_desk *desk)
{
    struct hp_report_agent *agent = &a->report.agent;
    hp_desk_describe(desk, agent, a->now);
    a->report.generation = agent->generation;
    agent->endpoint = a->site->endpoint;
    agent->program = a->site->program;
    agent->user = a->site->user;
    hp_desk_copy_held(desk, &a->report);
    hp_desk_copy_trial(desk, &a->report, a->now);
    add_running(a, desk);
    for (struct hp_desk *d = a->site->desks; d; d = d->next) {
        const char **state = HP_PUSH(&a->report.arena, &agent->states);
        if (state)
            *state = d->state;
    }
    add_places(a);
}

/* The id that progress and cancel ask about. */
static const char *subject_of(const struct hp_request *request)
{
    return request->target && request->target[0] ? request->target : request->id;
}

static const char *found_word(enum hp_found found)
{
    switch (found) {
    case HP_FOUND_WAITING:
        return "waiting";
    case HP_FOUND_RUNNING:
        return "running";
    case HP_FOUND_DONE:
        return "done";
    default:
        return "unknown";
    }
}

static void answer_progress(struct answering *a, struct hp_desk *desk)
{
    struct hp_letter_progress progress;
    hp_desk_describe(desk, &a->report.agent, a->now);
    add_result(a, found_word(hp_mailbox_find(&desk->mailbox, subject_of(a->request), rights_at(a, desk),
                                             &progress)));
    if (progress.phase)
        add_result(a, progress.phase);
    a->report.cost.objects = progress.objects;
    a->report.cost.slices = progress.slices;
    a->report.cost.pause_us = progress.longest_us;
}

static void answer_cancel(struct answering *a, struct hp_desk *desk)
{
    enum hp_found found = hp_mailbox_cancel(&desk->mailbox, subject_of(a->request), rights_at(a, desk));
    hp_desk_describe(desk, &a->report.agent, a->now);
    add_result(a, found_word(found)); /* as it was: "waiting" is withdrawn now */
    if (found == HP_FOUND_DONE)
        a->report.status = HP_NO_CHANGE;
}

static bool write_asked(struct answering *a, struct hp_desk *desk, const char *who);

static void answer_confirm(struct answering *a, struct hp_desk *desk)
{
    struct hp_why why;
    const char *who = who_text(a, a->request);
    if (!write_asked(a, desk, who))
        return;
    hp_desk_answer_confirm(desk, a->request->patch, a->now, &a->report);
    if (!hp_audit_done(desk->audit, a->request, who, a->report.status, &a->report, &why))
        hp_report_note_text(&a->report, why.text);
}

static bool answer_at_once(struct answering *a, struct hp_desk *desk)
{
    switch (a->request->kind) {
    case HP_KIND_STATUS:
        answer_status(a, desk);
        return true;
    case HP_KIND_LOG:
        hp_desk_copy_log(desk, &a->report);
        return true;
    case HP_KIND_PROGRESS:
        answer_progress(a, desk);
        return true;
    case HP_KIND_CANCEL:
        answer_cancel(a, desk);
        return true;
    case HP_KIND_CONFIRM:
        answer_confirm(a, desk);
        return true;
    default:
        return false;
    }
}

/* --- posted ----------------------------------------------------------------------------------- */

static void fail_busy(struct answering *a)
{
    hp_report_fail(&a->report, HP_BUSY, "too many requests wait already (%d at most)", HP_MAILBOX_SIZE);
    if (a->report.error)
        a->report.error->hint = "try again later, with the same --id if you like: this one was not accepted";
}

/* False, and answered: what cannot be written down must not be done. */
static bool write_asked(struct answering *a, struct hp_desk *desk, const char *who)
{
    struct hp_why why;
    if (hp_audit_asked(desk->audit, a->request, who, &why))
        return true;
    hp_report_fail(&a->report, why.no_memory ? HP_NO_MEMORY : HP_REFUSED, "%s; nothing changed", why.text);
    if (a->report.error && !why.no_memory)
        a->report.error->hint = "make room for the audit file, or mend its rights, and ask again";
    return false;
}

/* True: answered, in the report or (recalled) in `reply`. */
static bool post(struct answering *a, struct hp_desk *desk, struct hp_reply *reply, bool *recalled)
{
    struct hp_recall recall;
    if (a->frame->crowded) {
        fail_busy(a);
        return true;
    }
    const char *who = who_text(a, a->request);
    if (!write_asked(a, desk, who))
        return true;
    switch (hp_mailbox_post(&desk->mailbox, a->request, who, a->now, a->frame->ticket, &recall)) {
    case HP_POST_QUEUED:
        a->request = NULL;
        return false;
    case HP_POST_JOINED:
        return false;
    case HP_POST_RECALLED:
        if (recall.data) {
            hp_reply_adopt(reply, recall.status, recall.data, recall.len);
            *recalled = true;
        } else {
            hp_report_fail(&a->report, recall.status, "%s", recall.text);
        }
        return true;
    case HP_POST_BUSY:
        fail_busy(a);
        return true;
    case HP_POST_CLOSED:
        hp_report_fail(&a->report, HP_NO_AGENT, "the agent is being stopped");
        return true;
    default:
        hp_report_fail(&a->report, HP_NO_MEMORY, "not enough memory; nothing changed");
        return true;
    }
}

/* --- a frame ---------------------------------------------------------------------------------- */

static bool decode(struct answering *a)
{
    const struct hp_frame *frame = a->frame;
    const char *error = NULL;
    if (frame->len > HP_MAX_MESSAGE) {
        hp_report_fail(&a->report, HP_LIMIT, "the request has %zu bytes; %u are the limit", frame->len,
                       HP_MAX_MESSAGE);
        return false;
    }
    if (!a->request) {
        hp_report_fail(&a->report, HP_NO_MEMORY, "not enough memory; nothing changed");
        return false;
    }
    enum hp_status status = hp_request_decode(a->request, frame->data, frame->len, &error);
    a->report.id = a->request->id;
    if (status == HP_OK)
        return true;
    hp_report_fail(&a->report, status, "%s", error ? error : "the request could not be read");
    return false;
}

static void write_denied(struct answering *a, const struct hp_desk *desk, const struct hp_request *request)
{
    struct hp_why why;
    if (desk && desk->audit && a->report.error &&
        !hp_audit_denied(desk->audit, request, who_text(a, a->request), a->report.error->text, &why))
        fprintf(stderr, "hotpatch: %s\n", why.text);
}

/* Which state was meant was not read: the first one that keeps an audit file. */
static const struct hp_desk *desk_with_audit(const struct hp_site *site)
{
    const struct hp_desk *desk = site->desks;
    while (desk && !desk->audit)
        desk = desk->next;
    return desk;
}

/* Signatures, and what is in a bundle. */
static bool admit(struct answering *a, struct hp_desk *desk)
{
    char signers[HP_TRUST_SIGNERS_MAX];
    bool admitted = hp_trust_admit(desk->trust, a->request, (int64_t)time(NULL), &a->report, signers);
    if (*signers)
        a->request->signed_by = hp_arena_str(&a->request->arena, signers);
    if (!admitted)
        write_denied(a, desk, a->request);
    return admitted;
}

static bool is_permitted(struct answering *a, const struct hp_desk *desk)
{
    bool permitted = may_do(a, desk);
    if (!permitted)
        write_denied(a, desk, a->request);
    return permitted;
}

static bool consider(struct answering *a, struct hp_reply *reply, bool *recalled)
{
    if (!may_speak(a)) {
        write_denied(a, desk_with_audit(a->site), NULL);
        return true;
    }
    if (!decode(a))
        return true;
    struct hp_desk *desk = desk_of(a->site, a->request->state);
    if (!desk && a->request->kind == HP_KIND_STATUS && !(a->request->state && a->request->state[0]))
        desk = a->site->desks; /* `ps` asks the process, whatever its states are called */
    if (!desk) {
        no_such_state(a);
        return true;
    }
    hp_desk_brief(desk, &a->report.agent);
    if (!is_permitted(a, desk) || !admit(a, desk))
        return true;
    return answer_at_once(a, desk) || post(a, desk, reply, recalled);
}

bool hp_answer_frame(const struct hp_site *site, const struct hp_frame *frame, const struct hp_groups *groups,
                     int64_t now, struct hp_reply *reply)
{
    struct answering a = {
        .site = site, .frame = frame, .groups = groups, .now = now, .request = hp_request_new()};
    bool recalled = false;
    hp_report_init(&a.report);
    bool answered = consider(&a, reply, &recalled);
    if (answered && !recalled)
        hp_reply_encode(reply, &a.report);
    a.report.id = NULL; /* the request's */
    hp_report_fini(&a.report);
    hp_request_free(a.request);
    return answered;
}

void hp_answer_letter(const struct hp_desk *desk, struct hp_letter *letter, struct hp_reply *reply)
{
    struct hp_report none;
    struct hp_report *report = letter->report;
    if (!report) {
        hp_report_init(&none);
        report = &none;
        hp_report_fail(report, letter->status, "%s",
                       letter->text ? letter->text : "not enough memory; nothing changed");
    }
    report->id = letter->request->id;
    report->signed_by = letter->request->signed_by;
    hp_desk_brief(desk, &report->agent);
    hp_reply_encode(reply, report);
    if (report == &none)
        hp_report_fini(&none);
}
