#include "agent/service.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "agent/answer.h"
#include "agent/bell.h"
#include "agent/clock.h"
#include "agent/endpoint.h"
#include "agent/program.h"
#include "agent/rundir.h"
#include "proto/pems.h"

#define IPC_PREFIX "ipc://"

static struct {
    /* `life` is held across opening and closing, by Lua threads only; `lock` guards what the I/O threads
     * read, and is taken after it. Mailboxes have their own locks, taken last. */
    pthread_mutex_t life;
    pthread_mutex_t lock;
    struct hp_desk *desks;
    struct hp_endpoint *endpoint; /* NULL: not open */
    char dir[PATH_MAX];
    char url[sizeof IPC_PREFIX + HP_SOCKET_PATH_MAX];
    struct hp_address more[HP_ENDPOINT_PATHS]; /* further places that were asked for */
    size_t more_count;
    size_t more_open;
    char program[256];
    char user[24];

    pthread_t thread;
    int waker; /* wakes the thread */
    atomic_bool quit;

    pid_t pid;
    bool watches_forks;
    atomic_bool asks_groups; /* a desk's rights name groups */
    bool nng_used;
    bool nng_spent;             /* used by the process that this one was forked from */
    struct hp_desk *lost_desks; /* of the parent; kept reachable, never touched */
    struct hp_endpoint *lost_endpoint;
} service = {.life = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER, .waker = -1};

/* --- forks ------------------------------------------------------------------------------------ */

static void before_fork(void)
{
    pthread_mutex_lock(&service.life);
    pthread_mutex_lock(&service.lock);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&service.lock);
    pthread_mutex_unlock(&service.life);
}

/* Async-signal-safe, as other threads may have been anywhere. */
static void become_child(void)
{
    bool was_open = service.endpoint != NULL;
    service.pid = getpid();
    service.nng_spent = service.nng_spent || service.nng_used;
    for (struct hp_desk *d = service.desks; d; d = d->next) {
        d->dead = was_open;
        hp_mailbox_forked(&d->mailbox, was_open);
    }
    if (was_open) {
        hp_endpoint_forked(service.endpoint);
        hp_bell_close(service.waker);
        service.waker = -1;
        service.lost_desks = service.desks;
        service.lost_endpoint = service.endpoint;
        service.desks = NULL;
        service.endpoint = NULL;
        service.more_count = service.more_open = 0;
    }
}

static void after_fork_in_child(void)
{
    become_child();
    after_fork_in_parent(); /* the locks are held here as they are there */
}

void hp_service_notice_fork(void)
{
    if (!service.pid || service.pid == getpid())
        return;
    /* Not by libc's fork: nobody took the locks before, and whoever holds them now is not in this process. */
    pthread_mutex_init(&service.lock, NULL);
    pthread_mutex_init(&service.life, NULL);
    become_child();
}

/* --- the I/O thread: deadlines, and answers that are done ------------------------------------- */

/* Before the answer is sent. It cannot be undone any more where that fails: so it is told. */
static void write_done(struct hp_desk *desk, struct hp_letter *letter)
{
    struct hp_why why;
    enum hp_status status = letter->report ? letter->report->status : letter->status;
    if (!hp_trust_save(desk->trust, &why)) {
        fprintf(stderr, "hotpatch: %s\n", why.text);
        if (letter->report)
            hp_report_note_text(letter->report, why.text);
    }
    if (hp_audit_done(desk->audit, letter->request, letter->who, status, letter->report, &why))
        return;
    fprintf(stderr, "hotpatch: %s\n", why.text);
    if (letter->report)
        hp_report_note_text(letter->report, why.text);
}

static void send_done(struct hp_desk *desk)
{
    struct hp_letter *letter;
    while ((letter = hp_mailbox_next_done(&desk->mailbox))) {
        struct hp_reply reply;
        uint64_t tickets[HP_LETTER_TICKETS];
        write_done(desk, letter);
        if (letter->own)
            hp_desk_settle_trial(desk, letter, hp_clock_ms());
        hp_answer_letter(desk, letter, &reply);
        size_t count =
            hp_mailbox_remember(&desk->mailbox, letter, reply.status, reply.data, reply.len, tickets);
        for (size_t i = 0; i < count; i++)
            hp_endpoint_send(service.endpoint, tickets[i], reply.data, reply.len);
        hp_reply_fini(&reply);
    }
}

/* The time of the next deadline. */
static int64_t do_round(void)
{
    int64_t next = HP_NEVER;
    pthread_mutex_lock(&service.lock);
    for (struct hp_desk *d = service.desks; d; d = d->next) {
        int64_t deadline = hp_mailbox_expire(&d->mailbox, hp_clock_ms());
        if (deadline < next)
            next = deadline;
        send_done(d);
        deadline = hp_desk_expire_trial(d, hp_clock_ms());
        if (deadline < next)
            next = deadline;
    }
    pthread_mutex_unlock(&service.lock);
    return next;
}

static int wait_ms(int64_t until)
{
    if (until == HP_NEVER)
        return -1;
    int64_t left = until - hp_clock_ms();
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static void *run_thread(void *arg)
{
    (void)arg;
    while (!atomic_load(&service.quit)) {
        int64_t next = do_round();
        struct pollfd woken = {.fd = service.waker, .events = POLLIN};
        poll(&woken, 1, wait_ms(next));
        hp_bell_quiet(service.waker);
    }
    return NULL;
}

void hp_service_wake(void)
{
    if (service.waker >= 0)
        hp_bell_ring(service.waker);
}

/* Only of whom it can matter: a stranger must not keep the system's databases busy for nothing. */
static void find_groups(const struct hp_peer *peer, struct hp_groups *groups)
{
    *groups = (struct hp_groups){0};
    if (atomic_load(&service.asks_groups) && peer->known && !hp_peer_is_own(peer))
        hp_groups_of(peer->uid, groups);
}

/* On a thread of nng. */
static void on_frame(void *context, const struct hp_frame *frame)
{
    (void)context;
    struct hp_reply reply;
    struct hp_groups groups;
    find_groups(frame->peer, &groups); /* may take a while: not under the lock */
    pthread_mutex_lock(&service.lock);
    struct hp_site site = {service.desks, service.endpoint, service.url, service.program, service.user};
    bool answered = hp_answer_frame(&site, frame, &groups, hp_clock_ms(), &reply);
    struct hp_endpoint *endpoint = service.endpoint;
    pthread_mutex_unlock(&service.lock);
    hp_groups_fini(&groups);
    if (!answered) {
        hp_service_wake(); /* there is a new deadline, or a cancelled letter to answer */
        return;
    }
    hp_endpoint_send(endpoint, frame->ticket, reply.data, reply.len);
    hp_reply_fini(&reply);
    hp_service_wake();
}

/* --- joining ---------------------------------------------------------------------------------- */

/* Certificates that are out of date are told of by `status`; they keep no server from starting. */
static bool check_files(const struct hp_address *address, struct hp_why *why)
{
    struct hp_pems pems;
    struct hp_why problem;
    const struct hp_pem_paths paths = {address->ca, address->cert, address->key};
    if (address->transport != HP_TRANSPORT_TLS)
        return true;
    enum hp_pems_result result = hp_pems_read(&paths, &pems, problem.text, sizeof problem.text);
    hp_pems_fini(&pems);
    return result == HP_PEMS_OK || result == HP_PEMS_EXPIRED || hp_why_set(why, "tls: %.600s", problem.text);
}

/* Appends what is listed to the places; all or nothing. */
static bool add_places(const char *const *listen, const struct hp_address_tls *tls, bool shared,
                       struct hp_why *why)
{
    size_t before = service.more_count;
    for (const char *const *url = listen; url && *url; url++) {
        bool room = service.more_count < HP_ENDPOINT_PATHS - 1;
        if (!room)
            hp_why_set(why, "listen: more than %d sockets in one process", HP_ENDPOINT_PATHS - 1);
        if (!room || !hp_address_read(&service.more[service.more_count], *url, tls, shared, why) ||
            !check_files(&service.more[service.more_count], why)) {
            service.more_count = before;
            return false;
        }
        service.more_count++;
    }
    return true;
}

static bool check_desk(const struct hp_desk *desk, const char *dir, struct hp_why *why)
{
    char path[HP_SOCKET_PATH_MAX];
    if (service.nng_spent)
        return hp_why_set(
            why, "this process was forked from one whose agent had opened its socket, and nng does not "
                 "survive a fork; start the agent before that one's first poll, or only in the child");
    if (!hp_rundir_socket(dir, getpid(), path, why))
        return false;
    for (const struct hp_desk *d = service.desks; d; d = d->next) {
        if (strcmp(d->state, desk->state) == 0)
            return hp_why_set(
                why,
                "another Lua state of this process is already called '%s'; give this one another "
                "name: start { state = \"…\" }",
                desk->state);
    }
    if (service.desks && strcmp(service.dir, dir) != 0)
        return hp_why_set(
            why,
            "the agent of another Lua state of this process has its socket in %s; there is one for "
            "all states",
            service.dir);
    return true;
}

static void add_desk(struct hp_desk *desk, const char *dir)
{
    snprintf(service.dir, sizeof service.dir, "%s", dir);
    hp_program_line(service.program, sizeof service.program);
    snprintf(service.user, sizeof service.user, "%ld", (long)geteuid());
    struct hp_desk **end = &service.desks;
    while (*end)
        end = &(*end)->next;
    desk->next = NULL;
    *end = desk;
}

bool hp_service_join(struct hp_desk *desk, const char *dir, const char *const *listen,
                     const struct hp_address_tls *tls, struct hp_why *why)
{
    char chosen[PATH_MAX];
    hp_service_notice_fork();
    if (!hp_rundir_choose(dir, chosen, sizeof chosen, why))
        return false;
    pthread_mutex_lock(&service.life);
    service.pid = getpid();
    bool watched =
        service.watches_forks || pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
    service.watches_forks = watched;
    pthread_mutex_lock(&service.lock);
    bool joined =
        check_desk(desk, chosen, why) && add_places(listen, tls, hp_rights_name_others(desk->rights), why);
    if (joined)
        add_desk(desk, chosen);
    if (joined && hp_rights_name_groups(desk->rights))
        atomic_store(&service.asks_groups, true);
    pthread_mutex_unlock(&service.lock);
    pthread_mutex_unlock(&service.life);
    return joined;
}

/* --- opening and closing ---------------------------------------------------------------------- */

static void close_waker(void)
{
    hp_bell_close(service.waker);
    service.waker = -1;
}

static bool start_thread(struct hp_why *why)
{
    sigset_t all, old;
    service.waker = hp_bell_open();
    if (service.waker < 0)
        return hp_why_set(why, "cannot make a descriptor: %s", strerror(errno));
    atomic_store(&service.quit, false);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rv = pthread_create(&service.thread, NULL, run_thread, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rv == 0)
        return true;
    close_waker();
    return hp_why_set(why, "cannot start a thread: %s", strerror(rv));
}

static void stop_thread(void)
{
    atomic_store(&service.quit, true);
    hp_service_wake();
    pthread_join(service.thread, NULL);
}

static bool open_endpoint(struct hp_why *why)
{
    char path[HP_SOCKET_PATH_MAX];
    if (service.nng_spent)
        return hp_why_set(why,
                          "nng was used before the fork that made this process, and does not survive it");
    if (!hp_rundir_check(service.dir, why) || !hp_rundir_socket(service.dir, getpid(), path, why) ||
        !hp_rundir_claim(path, why))
        return false;
    hp_rundir_sweep(service.dir);
    if (!start_thread(why))
        return false;
    service.nng_used = true;
    /* Under the lock: a first frame may come before the endpoint is known here. */
    pthread_mutex_lock(&service.lock);
    snprintf(service.url, sizeof service.url, IPC_PREFIX "%s", path);
    service.more_open = 0;
    service.endpoint = hp_endpoint_open(path, on_frame, NULL, why);
    bool opened = service.endpoint != NULL;
    pthread_mutex_unlock(&service.lock);
    if (!opened) {
        stop_thread();
        close_waker();
    }
    return opened;
}

static void close_endpoint(void)
{
    stop_thread();
    /* The pointer stays until nng is quiet: a last frame may still be answered (by "no such state"). */
    hp_endpoint_close(service.endpoint);
    close_waker();
    service.endpoint = NULL;
    service.url[0] = '\0';
}

static bool open_more(struct hp_why *why)
{
    for (; service.more_open < service.more_count; service.more_open++) {
        const struct hp_address *address = &service.more[service.more_open];
        bool claimed = address->transport != HP_TRANSPORT_IPC || hp_rundir_claim(address->path, why);
        if (!claimed || !hp_endpoint_listen(service.endpoint, address, why))
            return false;
    }
    return true;
}

bool hp_service_open(struct hp_why *why)
{
    pthread_mutex_lock(&service.life);
    bool opened = (service.endpoint || open_endpoint(why)) && open_more(why);
    pthread_mutex_unlock(&service.life);
    return opened;
}

static void unlist(struct hp_desk *desk)
{
    for (struct hp_desk **at = &service.desks; *at; at = &(*at)->next) {
        if (*at == desk) {
            *at = desk->next;
            return;
        }
    }
}

void hp_service_leave(struct hp_desk *desk)
{
    hp_service_notice_fork();
    if (desk->dead)
        return;
    pthread_mutex_lock(&service.life);
    hp_mailbox_close(&desk->mailbox, HP_NO_AGENT,
                     "the agent was stopped before the request started; nothing changed");
    pthread_mutex_lock(&service.lock);
    if (service.endpoint)
        send_done(desk);
    unlist(desk);
    bool last = !service.desks;
    pthread_mutex_unlock(&service.lock);
    if (last && service.endpoint)
        close_endpoint();
    if (last)
        service.more_count = service.more_open = 0;
    pthread_mutex_unlock(&service.life);
}
