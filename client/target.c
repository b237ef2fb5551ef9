#include "client/target.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/connect.h"
#include "client/diagnose.h"
#include "client/discover.h"
#include "client/exchange.h"
#include "proto/suggest.h"

#define TARGET_PROBE_MS 1000
#define TARGET_START                                                                                         \
    "the server must call require \"hotpatch\".start() and then hotpatch.poll() at least once"

static const char *user_name(struct hp_cli *cli, uid_t uid)
{
    const struct passwd *entry = getpwuid(uid);
    return entry != NULL ? hp_arena_str(&cli->arena, entry->pw_name)
                         : hp_arena_printf(&cli->arena, "uid %u", (unsigned)uid);
}

/* A list of strings of another arena, copied item by item. */
static void keep_list(struct hp_arena *arena, void *list)
{
    HP_LIST(const char *) from, *to = list;
    memcpy(&from, list, sizeof from);
    memset(list, 0, sizeof from);
    for (size_t i = 0; i < from.count; i++) {
        const char **slot = HP_PUSH(arena, to);
        if (slot != NULL)
            *slot = hp_arena_str(arena, from.items[i]);
    }
}

/* The agent's own words, kept in the arena of the invocation. */
static void keep_about(struct hp_cli *cli, struct hp_agent *agent, const struct hp_report_agent *about)
{
    struct hp_arena *arena = &cli->arena;
    agent->about = *about;
    agent->about.name = hp_arena_str(arena, about->name);
    agent->about.state = hp_arena_str(arena, about->state);
    agent->about.lua = hp_arena_str(arena, about->lua);
    agent->about.version = hp_arena_str(arena, about->version);
    agent->about.safepoint = hp_arena_str(arena, about->safepoint);
    agent->about.program = hp_arena_str(arena, about->program);
    agent->about.endpoint = agent->remote.url;
    agent->about.user = user_name(cli, agent->user); /* the agent knows only the number */
    if (agent->pid != 0)
        agent->about.pid = agent->pid; /* in a container it counts otherwise */
    keep_list(arena, &agent->about.states);
    keep_list(arena, &agent->about.listen);
}

static void probe(struct hp_cli *cli, struct hp_agent *agent)
{
    struct hp_report report;
    const char *error = NULL;
    hp_report_init(&report);
    enum hp_link_result result = hp_exchange_probe(&agent->remote, TARGET_PROBE_MS, &report, &error);
    if (result == HP_LINK_OK) {
        agent->answers = true;
        keep_about(cli, agent, &report.agent);
    } else {
        agent->trouble = hp_arena_str(&cli->arena, error != NULL ? error : hp_link_sentence(result));
    }
    hp_report_fini(&report);
}

/* `pid`: 0 for all. */
static void find_places(struct hp_cli *cli, int64_t pid, struct hp_agents *agents)
{
    struct hp_places places = {0};
    hp_discover_here(&cli->arena, pid, &places);
    for (size_t i = 0; i < places.list.count; i++) {
        const struct hp_place *place = &places.list.items[i];
        struct hp_agent *agent = HP_PUSH(&cli->arena, &agents->list);
        if (agent != NULL) {
            agent->remote.url = hp_arena_printf(&cli->arena, "ipc://%s", place->path);
            agent->pid = place->pid;
            agent->user = place->user;
        }
    }
}

bool hp_agents_find(struct hp_cli *cli, struct hp_agents *agents)
{
    find_places(cli, 0, agents);
    for (size_t i = 0; i < agents->list.count; i++)
        probe(cli, &agents->list.items[i]);
    return hp_cli_check_memory(cli);
}

const char *hp_target_title(struct hp_cli *cli, const struct hp_agent *agent)
{
    if (agent->pid == 0)
        return hp_arena_printf(&cli->arena, "the agent at %s", agent->remote.url);
    return agent->about.name != NULL
               ? hp_arena_printf(&cli->arena, "%s (pid %" PRId64 ")", agent->about.name, agent->pid)
               : hp_arena_printf(&cli->arena, "process %" PRId64, agent->pid);
}

/* What was typed, else the environment's; NULL: neither. */
static const char *option_or_env(const char *option, const char *variable)
{
    const char *value = option != NULL ? option : getenv(variable);
    return value != NULL && *value != '\0' ? value : NULL;
}

static bool find_certificates(struct hp_cli *cli, struct hp_remote *remote)
{
    remote->tls_ca = option_or_env(cli->tls_ca, "HOTPATCH_TLS_CA");
    remote->tls_cert = option_or_env(cli->tls_cert, "HOTPATCH_TLS_CERT");
    remote->tls_key = option_or_env(cli->tls_key, "HOTPATCH_TLS_KEY");
    const char *lacks = remote->tls_ca == NULL ? "--tls-ca (or HOTPATCH_TLS_CA), the authority of the agent's"
                        : remote->tls_cert == NULL ? "--tls-cert (or HOTPATCH_TLS_CERT), your own certificate"
                        : remote->tls_key == NULL  ? "--tls-key (or HOTPATCH_TLS_KEY), the key of yours"
                                                   : NULL;
    return lacks == NULL || hp_cli_fail(cli, HP_USAGE, "give --tls-ca FILE --tls-cert FILE --tls-key FILE",
                                        "with tls both sides show a certificate, and there is no %s", lacks);
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 || strncmp(host, "127.", 4) == 0;
}

static bool target_by_network(struct hp_cli *cli, struct hp_remote *remote)
{
    char host[256];
    char port[8];
    bool tls = strncmp(remote->url, "tls+", 4) == 0;
    if (!hp_diagnose_split(remote->url, host, sizeof host, port, sizeof port)) {
        return hp_cli_fail(cli, HP_USAGE, "as in --to tls+tcp://game1.example:7071",
                           "--to %s lacks a host or a port", remote->url);
    }
    if (tls)
        return find_certificates(cli, remote);
    return is_loopback(host) ||
           hp_cli_fail(cli, HP_USAGE, "use tls+tcp://, or an ssh tunnel to the agent's own socket",
                       "--to %s: tcp:// is for this machine alone, for nothing on it is encrypted",
                       remote->url);
}

static bool target_by_url(struct hp_cli *cli, struct hp_agent *target)
{
    const char *url = cli->to;
    target->remote.url = url;
    if (strncmp(url, "tcp://", 6) == 0 || strncmp(url, "tls+tcp://", 10) == 0)
        return target_by_network(cli, &target->remote);
    if (strncmp(url, "ipc://", 6) == 0 && url[6] != '\0')
        return true;
    return hp_cli_fail(
        cli, HP_USAGE, "hotpatch ps shows the endpoints of this machine",
        "--to takes a URL, ipc://PATH, tcp://127.0.0.1:PORT or tls+tcp://HOST:PORT, not \"%s\"", url);
}

/* A pid for which no socket was found: three different sentences. */
static bool no_agent_at_pid(struct hp_cli *cli)
{
    uid_t user = 0;
    switch (hp_discover_process("/proc", cli->pid, &user)) {
    case HP_PROCESS_NONE:
        return hp_cli_fail(cli, HP_NO_AGENT, "hotpatch ps lists the agents of this machine",
                           "there is no process %" PRId64, cli->pid);
    case HP_PROCESS_OTHERS:
        if (geteuid() != 0) {
            const char *name = user_name(cli, user);
            return hp_cli_fail(
                cli, HP_DENIED,
                hp_arena_printf(&cli->arena, "run hotpatch as that user: sudo -u %s hotpatch ...", name),
                "process %" PRId64 " belongs to %s; its agent, if it has one, is out of your reach", cli->pid,
                name);
        }
        break;
    case HP_PROCESS_OURS:
        break;
    }
    return hp_cli_fail(cli, HP_NO_AGENT, TARGET_START, "process %" PRId64 " runs, but has no agent",
                       cli->pid);
}

static bool target_by_pid(struct hp_cli *cli, struct hp_agent *target)
{
    struct hp_agents agents = {0};
    find_places(cli, cli->pid, &agents);
    if (agents.list.count == 0)
        return no_agent_at_pid(cli);
    *target = agents.list.items[0];
    return hp_cli_check_memory(cli);
}

/* Adds "what to type" for each agent that answers (and is called `name`, if given) to the report's
 * candidates. */
static const char *list_agents(struct hp_cli *cli, const struct hp_agents *agents, const char *name)
{
    const char *text = "";
    for (size_t i = 0; i < agents->list.count; i++) {
        const struct hp_agent *agent = &agents->list.items[i];
        if (!agent->answers ||
            (name != NULL && (agent->about.name == NULL || strcmp(agent->about.name, name) != 0)))
            continue;
        const char *line = hp_arena_printf(&cli->arena, "--pid %" PRId64 "  %s  %s", agent->pid,
                                           agent->about.name != NULL ? agent->about.name : "",
                                           agent->about.program != NULL ? agent->about.program : "");
        const char **slot = HP_PUSH(&cli->report.arena, &cli->report.candidates);
        if (slot != NULL)
            *slot = hp_arena_str(&cli->report.arena, line);
        text =
            hp_arena_printf(&cli->arena, "%s%s--pid %" PRId64, text, *text == '\0' ? "" : " or ", agent->pid);
    }
    return text;
}

static bool nobody_answers(struct hp_cli *cli, const struct hp_agents *agents)
{
    if (agents->list.count == 0)
        return hp_cli_fail(cli, HP_NO_AGENT, TARGET_START, "no agent was found on this machine");
    const struct hp_agent *first = &agents->list.items[0];
    return hp_cli_fail(
        cli, HP_NO_AGENT,
        hp_arena_printf(&cli->arena, "see what it does: it may be stopped; then try --pid %" PRId64,
                        first->pid),
        "no agent answers; process %" PRId64 " has a socket, but: %s", first->pid, first->trouble);
}

static bool target_by_name(struct hp_cli *cli, struct hp_agent *target)
{
    struct hp_agents agents = {0};
    struct hp_suggest suggest;
    size_t found = 0;
    if (!hp_agents_find(cli, &agents))
        return false;
    if (agents.list.count == 0)
        return nobody_answers(cli, &agents);
    hp_suggest_init(&suggest, cli->name);
    for (size_t i = 0; i < agents.list.count; i++) {
        const struct hp_agent *agent = &agents.list.items[i];
        if (!agent->answers || agent->about.name == NULL)
            continue;
        hp_suggest_offer(&suggest, agent->about.name);
        if (strcmp(agent->about.name, cli->name) == 0) {
            *target = *agent;
            found++;
        }
    }
    if (found == 1)
        return true;
    if (found > 1) {
        const char *choice = list_agents(cli, &agents, cli->name);
        return hp_cli_fail(cli, HP_USAGE, hp_arena_printf(&cli->arena, "name one: %s", choice),
                           "%zu agents are called \"%s\"", found, cli->name);
    }
    return suggest.best != NULL
               ? hp_cli_fail(cli, HP_NO_AGENT, "hotpatch ps lists the agents of this machine",
                             "no agent is called \"%s\"; did you mean %s?", cli->name, suggest.best)
               : hp_cli_fail(cli, HP_NO_AGENT, "hotpatch ps lists the agents of this machine",
                             "no agent is called \"%s\"", cli->name);
}

static bool target_only_one(struct hp_cli *cli, struct hp_agent *target)
{
    struct hp_agents agents = {0};
    size_t found = 0;
    if (!hp_agents_find(cli, &agents))
        return false;
    for (size_t i = 0; i < agents.list.count; i++) {
        if (agents.list.items[i].answers) {
            *target = agents.list.items[i];
            found++;
        }
    }
    if (found == 0)
        return nobody_answers(cli, &agents);
    if (found > 1) {
        const char *choice = list_agents(cli, &agents, NULL);
        return hp_cli_fail(cli, HP_USAGE, hp_arena_printf(&cli->arena, "say which: %s", choice),
                           "there are %zu agents on this machine", found);
    }
    return true;
}

bool hp_target_find(struct hp_cli *cli, struct hp_agent *target)
{
    memset(target, 0, sizeof *target);
    if (cli->to != NULL)
        return target_by_url(cli, target);
    if (cli->pid != 0)
        return target_by_pid(cli, target);
    return cli->name != NULL ? target_by_name(cli, target) : target_only_one(cli, target);
}
