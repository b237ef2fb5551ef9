#include "agent/mailbox.h"

#include <limits.h>
#include <string.h>

#include "agent/bell.h"
#include "agent/clock.h"
#include "proto/arena.h"

#define TEXT_EXPIRED   "no safe point came in time: the request did not start and will not start later"
#define TEXT_CANCELLED "cancelled before it started; it will not start later"

atomic_uint hp_work;

/* --- what an idle poll sees: the counter and the bell follow (waiting, running, knock) -------- */

static unsigned work_of(const struct hp_mailbox *m)
{
    return m->closed ? 0 : (unsigned)m->waiting + (unsigned)m->running + (m->knock ? 1u : 0u);
}

/* What waits is no reason while another runs: it has to wait for that. */
static bool wants_bell(const struct hp_mailbox *m)
{
    return !m->closed && (m->knock || (m->running ? !m->rests : m->waiting > 0));
}

static void update_work(struct hp_mailbox *m)
{
    unsigned now = work_of(m), before = m->counted;
    bool rung = wants_bell(m);
    m->counted = now;
    /* The counter first: who is woken by the bell must find it changed. */
    if (now != before)
        atomic_fetch_add(&hp_work, now - before);
    if (rung != m->rung) {
        m->rung = rung;
        (rung ? hp_bell_ring : hp_bell_quiet)(m->bell);
    }
}

static void lock_mailbox(struct hp_mailbox *m)
{
    pthread_mutex_lock(&m->lock);
}

static void unlock_mailbox(struct hp_mailbox *m)
{
    update_work(m);
    pthread_mutex_unlock(&m->lock);
}

/* --- letters ---------------------------------------------------------------------------------- */

static char *copy_id(const char *id)
{
    size_t size = strlen(id) + 1;
    char *copy = hp_mem_alloc(size);
    if (copy)
        memcpy(copy, id, size);
    return copy;
}

static bool has_id(const struct hp_request *request)
{
    return request->id && request->id[0];
}

static struct hp_letter *letter_find(struct hp_mailbox *m, const char *id, unsigned rights)
{
    for (struct hp_letter *l = m->letters; l; l = l->next) {
        bool concerns = (hp_right_of_kind(l->request->kind) & rights) != 0;
        if (concerns && has_id(l->request) && strcmp(l->request->id, id) == 0)
            return l;
    }
    return NULL;
}

static struct hp_memory *memory_of(struct hp_mailbox *m, enum hp_right right)
{
    return &m->memory[right == HP_RIGHT_EVAL ? 2 : right == HP_RIGHT_PATCH ? 1 : 0];
}

static const struct hp_remembered *memory_find(const struct hp_mailbox *m, const char *id, unsigned rights)
{
    const struct hp_remembered *found = NULL;
    for (int bit = 0; bit < HP_RIGHT_COUNT && !found; bit++)
        found = rights & (1u << bit) ? hp_memory_find(&m->memory[bit], id) : NULL;
    return found;
}

/* What comes under this id later will not run. */
static void memory_bar(struct hp_mailbox *m, const char *id, unsigned rights)
{
    for (int bit = 0; bit < HP_RIGHT_COUNT; bit++) {
        char *own = rights & (1u << bit) ? copy_id(id) : NULL;
        if (own)
            hp_memory_add(&m->memory[bit], own, HP_TIMEOUT, TEXT_CANCELLED, NULL, 0);
    }
}

static void letter_append(struct hp_mailbox *m, struct hp_letter *letter)
{
    struct hp_letter **end = &m->letters;
    while (*end)
        end = &(*end)->next;
    *end = letter;
    m->letter_count++;
}

static void letter_free(struct hp_letter *letter)
{
    hp_request_free(letter->request);
    hp_report_free(letter->report);
    hp_mem_free(letter->id_to_keep);
    hp_mem_free(letter);
}

static void letter_unlink(struct hp_mailbox *m, struct hp_letter *letter)
{
    for (struct hp_letter **at = &m->letters; *at; at = &(*at)->next) {
        if (*at == letter) {
            *at = letter->next;
            m->letter_count--;
            return;
        }
    }
}

static void letter_end(struct hp_mailbox *m, struct hp_letter *letter, enum hp_status status,
                       const char *text)
{
    if (letter->state == HP_LETTER_WAITING) {
        m->waiting--;
    } else if (letter->state == HP_LETTER_RUNNING) {
        m->running--;
        m->rests = false;
    }
    letter->state = HP_LETTER_DONE;
    letter->status = status;
    letter->text = text;
}

/* --- life ------------------------------------------------------------------------------------- */

bool hp_mailbox_init(struct hp_mailbox *m)
{
    memset(m, 0, sizeof *m);
    m->bell = hp_bell_open();
    if (m->bell < 0)
        return false;
    pthread_mutex_init(&m->lock, NULL);
    m->knock = true;
    update_work(m);
    return true;
}

void hp_mailbox_fini(struct hp_mailbox *m)
{
    hp_mailbox_attend(m, false);
    while (m->letters) {
        struct hp_letter *letter = m->letters;
        letter_unlink(m, letter);
        letter_free(letter);
    }
    for (int bit = 0; bit < HP_RIGHT_COUNT; bit++)
        hp_memory_fini(&m->memory[bit]);
    m->waiting = m->running = 0;
    m->knock = m->rests = false;
    update_work(m);
    hp_bell_close(m->bell);
    pthread_mutex_destroy(&m->lock);
}

void hp_mailbox_close(struct hp_mailbox *m, enum hp_status status, const char *text)
{
    lock_mailbox(m);
    m->closed = true;
    m->knock = false;
    for (struct hp_letter *l = m->letters; l; l = l->next)
        if (l->state == HP_LETTER_WAITING)
            letter_end(m, l, status, text);
    unlock_mailbox(m);
}

void hp_mailbox_forked(struct hp_mailbox *m, bool dead)
{
    if (dead) {
        atomic_fetch_sub(&hp_work, m->counted);
        m->counted = 0;
    }
    m->rests = false; /* whoever would call is gone */
    m->rung = m->counted != 0;
    hp_bell_renew(m->bell, m->rung);
}

/* --- I/O side --------------------------------------------------------------------------------- */

static int64_t deadline_of(const struct hp_request *request, int64_t now)
{
    int64_t wait = request->deadline_ms;
    if (wait <= 0)
        wait = HP_DEFAULT_WAIT_MS;
    if (wait > HP_MAX_WAIT_MS)
        wait = HP_MAX_WAIT_MS;
    return now + wait;
}

static enum hp_post join_letter(struct hp_mailbox *m, struct hp_letter *letter, uint64_t ticket)
{
    if (letter->ticket_count == HP_LETTER_TICKETS || m->tickets >= HP_MAILBOX_SIZE)
        return HP_POST_BUSY;
    letter->tickets[letter->ticket_count++] = ticket;
    m->tickets++;
    return HP_POST_JOINED;
}

static enum hp_post queue_letter(struct hp_mailbox *m, struct hp_request *request, const char *who,
                                 int64_t now, uint64_t ticket)
{
    if (m->letter_count >= HP_MAILBOX_SIZE || m->tickets >= HP_MAILBOX_SIZE)
        return HP_POST_BUSY;
    const char *own_who = hp_arena_str(&request->arena, who);
    struct hp_letter *letter = hp_mem_calloc(sizeof *letter);
    if (letter && has_id(request))
        letter->id_to_keep = copy_id(request->id);
    if (!letter || hp_arena_failed(&request->arena) || (has_id(request) && !letter->id_to_keep)) {
        if (letter)
            hp_mem_free(letter->id_to_keep);
        hp_mem_free(letter);
        return HP_POST_NO_MEMORY;
    }
    letter->request = request;
    letter->who = own_who;
    letter->state = HP_LETTER_WAITING;
    letter->deadline = deadline_of(request, now);
    letter->own = ticket == HP_NO_TICKET;
    if (!letter->own) {
        letter->tickets[letter->ticket_count++] = ticket;
        m->tickets++;
    }
    m->waiting++;
    letter_append(m, letter);
    return HP_POST_QUEUED;
}

static enum hp_post post_locked(struct hp_mailbox *m, struct hp_request *request, const char *who,
                                int64_t now, uint64_t ticket, struct hp_recall *recall)
{
    if (m->closed)
        return HP_POST_CLOSED;
    if (has_id(request)) {
        enum hp_right right = hp_right_of_kind(request->kind);
        const struct hp_remembered *answer = memory_find(m, request->id, right);
        if (answer)
            return hp_memory_recall(answer, recall) ? HP_POST_RECALLED : HP_POST_NO_MEMORY;
        struct hp_letter *letter = letter_find(m, request->id, right);
        if (letter)
            return join_letter(m, letter, ticket);
    }
    return queue_letter(m, request, who, now, ticket);
}

enum hp_post hp_mailbox_post(struct hp_mailbox *m, struct hp_request *request, const char *who, int64_t now,
                             uint64_t ticket, struct hp_recall *recall)
{
    lock_mailbox(m);
    enum hp_post result = post_locked(m, request, who, now, ticket, recall);
    unlock_mailbox(m);
    return result;
}

static int64_t expire_locked(struct hp_mailbox *m, int64_t now)
{
    int64_t next = HP_NEVER;
    for (struct hp_letter *l = m->letters; l; l = l->next) {
        if (l->state != HP_LETTER_WAITING)
            continue;
        if (l->deadline <= now)
            letter_end(m, l, HP_TIMEOUT, TEXT_EXPIRED);
        else if (l->deadline < next)
            next = l->deadline;
    }
    return next;
}

int64_t hp_mailbox_expire(struct hp_mailbox *m, int64_t now)
{
    lock_mailbox(m);
    int64_t next = expire_locked(m, now);
    unlock_mailbox(m);
    return next;
}

static enum hp_found find_locked(struct hp_mailbox *m, const char *id, unsigned rights,
                                 struct hp_letter **letter)
{
    *letter = letter_find(m, id, rights);
    if (!*letter)
        return memory_find(m, id, rights) ? HP_FOUND_DONE : HP_FOUND_UNKNOWN;
    switch ((*letter)->state) {
    case HP_LETTER_WAITING:
        return HP_FOUND_WAITING;
    case HP_LETTER_RUNNING:
        return HP_FOUND_RUNNING;
    default:
        return HP_FOUND_DONE;
    }
}

enum hp_found hp_mailbox_find(struct hp_mailbox *m, const char *id, unsigned rights,
                              struct hp_letter_progress *progress)
{
    struct hp_letter *letter;
    *progress = (struct hp_letter_progress){0};
    lock_mailbox(m);
    enum hp_found found = find_locked(m, id, rights, &letter);
    if (found == HP_FOUND_RUNNING)
        *progress = letter->progress;
    unlock_mailbox(m);
    return found;
}

bool hp_mailbox_running(struct hp_mailbox *m, struct hp_arena *arena, enum hp_kind *kind, const char **id,
                        struct hp_letter_progress *progress)
{
    lock_mailbox(m);
    const struct hp_letter *letter = m->letters;
    while (letter && letter->state != HP_LETTER_RUNNING)
        letter = letter->next;
    if (letter) {
        *kind = letter->request->kind;
        *id = hp_arena_str(arena, letter->request->id);
        *progress = letter->progress;
    }
    unlock_mailbox(m);
    return letter != NULL;
}

enum hp_found hp_mailbox_cancel(struct hp_mailbox *m, const char *id, unsigned rights)
{
    struct hp_letter *letter;
    lock_mailbox(m);
    enum hp_found found = find_locked(m, id, rights, &letter);
    if (found == HP_FOUND_WAITING) {
        letter_end(m, letter, HP_TIMEOUT, TEXT_CANCELLED);
    } else if (found == HP_FOUND_RUNNING) {
        letter->cancelled = true;
        m->rests = false;
    } else if (found == HP_FOUND_UNKNOWN) {
        memory_bar(m, id, rights);
    }
    unlock_mailbox(m);
    return found;
}

struct hp_letter *hp_mailbox_next_done(struct hp_mailbox *m)
{
    lock_mailbox(m);
    struct hp_letter *letter = m->letters;
    while (letter && (letter->state != HP_LETTER_DONE || letter->collected))
        letter = letter->next;
    if (letter)
        letter->collected = true;
    unlock_mailbox(m);
    return letter;
}

size_t hp_mailbox_remember(struct hp_mailbox *m, struct hp_letter *letter, enum hp_status status,
                           const char *data, size_t len, uint64_t tickets[HP_LETTER_TICKETS])
{
    lock_mailbox(m);
    if (letter->id_to_keep) {
        hp_memory_add(memory_of(m, hp_right_of_kind(letter->request->kind)), letter->id_to_keep, status, NULL,
                      data, len);
        letter->id_to_keep = NULL;
    }
    size_t count = letter->ticket_count;
    memcpy(tickets, letter->tickets, sizeof letter->tickets);
    m->tickets -= count;
    letter_unlink(m, letter);
    unlock_mailbox(m);
    letter_free(letter);
    return count;
}

/* --- Lua side --------------------------------------------------------------------------------- */

void hp_mailbox_knock(struct hp_mailbox *m)
{
    lock_mailbox(m);
    m->knock = true;
    unlock_mailbox(m);
}

bool hp_mailbox_answer_knock(struct hp_mailbox *m)
{
    lock_mailbox(m);
    bool knock = m->knock;
    m->knock = false;
    unlock_mailbox(m);
    return knock;
}

struct hp_letter *hp_mailbox_take(struct hp_mailbox *m, int64_t now)
{
    lock_mailbox(m);
    expire_locked(m, now);
    struct hp_letter *letter = m->letters;
    while (letter && letter->state != HP_LETTER_WAITING)
        letter = letter->next;
    if (letter) {
        letter->state = HP_LETTER_RUNNING;
        m->waiting--;
        m->running++;
    }
    unlock_mailbox(m);
    return letter;
}

void hp_mailbox_tell(struct hp_mailbox *m, struct hp_letter *letter,
                     const struct hp_letter_progress *progress)
{
    lock_mailbox(m);
    letter->progress = *progress;
    unlock_mailbox(m);
}

bool hp_mailbox_is_cancelled(struct hp_mailbox *m, const struct hp_letter *letter)
{
    lock_mailbox(m);
    bool cancelled = letter->cancelled;
    unlock_mailbox(m);
    return cancelled;
}

void hp_mailbox_rest(struct hp_mailbox *m)
{
    lock_mailbox(m);
    m->rests = m->running > 0;
    unlock_mailbox(m);
}

void hp_mailbox_call(struct hp_mailbox *m)
{
    lock_mailbox(m);
    m->rests = false;
    unlock_mailbox(m);
}

void hp_mailbox_done(struct hp_mailbox *m, struct hp_letter *letter, struct hp_report *report)
{
    lock_mailbox(m);
    letter->report = report;
    letter_end(m, letter, report ? report->status : HP_NO_MEMORY, NULL);
    unlock_mailbox(m);
}

void hp_mailbox_give_up(struct hp_mailbox *m, struct hp_letter *letter, enum hp_status status,
                        const char *text)
{
    lock_mailbox(m);
    letter_end(m, letter, status, text);
    unlock_mailbox(m);
}

size_t hp_mailbox_waiting(struct hp_mailbox *m)
{
    lock_mailbox(m);
    size_t waiting = m->waiting;
    unlock_mailbox(m);
    return waiting;
}

void hp_mailbox_attend(struct hp_mailbox *m, bool attend)
{
    if (m->attended != attend)
        atomic_fetch_add(&hp_work, attend ? 1u : UINT_MAX);
    m->attended = attend;
}

bool hp_mailbox_wants_poll(struct hp_mailbox *m)
{
    lock_mailbox(m);
    bool wanted = work_of(m) > 0;
    unlock_mailbox(m);
    return wanted;
}
