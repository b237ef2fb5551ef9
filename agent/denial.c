#include "agent/denial.h"

#include <unistd.h>

static void deny(struct hp_report *report, const char *text, const char *hint)
{
    hp_report_fail(report, HP_DENIED, "%s", text);
    if (report->error)
        report->error->hint = hint;
}

void hp_denial_stranger(struct hp_report *report, const struct hp_peer *peer)
{
    struct hp_arena *arena = &report->arena;
    if (peer->transport == HP_TRANSPORT_TLS)
        deny(report, "a certificate alone gives no right here",
             "whoever starts the server can give it one: hotpatch.start { rights = { read = { \"tls\" } } }");
    else if (!peer->known)
        deny(report, "the system does not say who is asking", NULL);
    else
        deny(report,
             hp_arena_printf(arena, "user %ld may not ask a process of user %ld", (long)peer->uid,
                             (long)geteuid()),
             hp_arena_printf(arena,
                             "run the command as the user of the server, or as root; or let its start name "
                             "this user: rights = { read = { \"user:%ld\" } }",
                             (long)peer->uid));
}

/* Of the asker, in a sentence, and as `start` takes it. */
static const char *asker(struct hp_arena *arena, const struct hp_peer *peer)
{
    bool tls = peer->transport == HP_TRANSPORT_TLS;
    return tls ? hp_arena_printf(arena, "%s (tls)", peer->address)
               : hp_arena_printf(arena, "user %ld", (long)peer->uid);
}

static const char *grantee(struct hp_arena *arena, const struct hp_peer *peer)
{
    bool tls = peer->transport == HP_TRANSPORT_TLS;
    return tls ? "tls" : hp_arena_printf(arena, "user:%ld", (long)peer->uid);
}

void hp_denial_right(struct hp_report *report, const struct hp_peer *peer, const struct hp_request *request,
                     const struct hp_rights *rights)
{
    struct hp_arena *arena = &report->arena;
    enum hp_right needed = hp_right_needed(request);
    const char *kind = hp_kind_word(request->kind);
    const char *word = hp_right_word(needed);
    if (hp_rights_off(rights, needed)) {
        deny(report, hp_arena_printf(arena, "%s is switched off in this server", kind),
             "its start says rights = { eval = false }; inspect shows values, and diff and push take files");
        return;
    }
    bool stops = needed != hp_right_of_kind(request->kind);
    deny(report,
         hp_arena_printf(arena, "%s may not %s%s: that needs the right '%s'", asker(arena, peer), kind,
                         stops ? " with --atomic or --max-pause, which stop the server" : "", word),
         hp_arena_printf(
             arena, "whoever starts the server can give it: hotpatch.start { rights = { %s = { \"%s\" } } }",
             word, grantee(arena, peer)));
}
