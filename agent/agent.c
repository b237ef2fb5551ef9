#include "agent/agent.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>

#include "agent/bell.h"
#include "agent/clock.h"
#include "agent/dispatch.h"
#include "agent/program.h"
#include "agent/safepoint.h"
#include "agent/service.h"
#include "agent/start_options.h"

#define DEFAULT_PAUSE_MS 1.0

static const char registry_key = 0; /* its address is the key */

/* --- the one agent of a state ----------------------------------------------------------------- */

struct hp_agent *hp_agent_get(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_key);
    struct hp_agent *agent = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return agent && !agent->closed ? agent : NULL;
}

static void drop_desk(lua_State *L, struct hp_agent *agent)
{
    struct hp_desk *desk = agent->desk;
    if (!desk)
        return;
    hp_service_notice_fork();
    hp_dispatch_abandon(L, agent->engine, desk, HP_NO_AGENT,
                        "the agent was stopped before the request was through; nothing changed");
    hp_engine_on_news(agent->engine, NULL, NULL);
    hp_engine_on_call(agent->engine, NULL, NULL);
    hp_dispatch_end_guard(L, agent->engine, desk);
    agent->desk = NULL;
    hp_service_leave(desk);
    if (!desk->dead)
        hp_desk_free(desk);
}

/* __gc: lua_close, or the registry was emptied. */
static int agent_collect(lua_State *L)
{
    struct hp_agent *agent = lua_touserdata(L, 1);
    if (!agent || agent->closed)
        return 0;
    agent->closed = true;
    hp_bell_close(agent->off_bell);
    agent->off_bell = -1;
    if (agent->engine && hp_engine_busy(agent->engine)) {
        /* The state is closed from inside a request (os.exit(true, true) in __hotfix): the C frames below
         * still hold what is freed here, so only what others see is taken down. */
        if (agent->desk)
            hp_service_leave(agent->desk);
        return 0;
    }
    drop_desk(L, agent);
    if (agent->engine)
        hp_engine_close(agent->engine, L);
    agent->engine = NULL;
    return 0;
}

static bool is_disabled(void)
{
    const char *value = getenv("HOTPATCH_DISABLE");
    return value && value[0] && strcmp(value, "0") != 0;
}

static void say_disabled_once(void)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&said))
        fputs("hotpatch: off, because HOTPATCH_DISABLE is set\n", stderr);
}

/* False with *error a sentence, static. */
static bool open_engine(lua_State *L, struct hp_agent *agent, const char **error)
{
    const struct hp_engine_options defaults = {0};
    *error = NULL;
    if (!agent->engine)
        agent->engine = hp_engine_open(L, &defaults, error);
    if (!agent->engine && !*error)
        *error = "not enough memory";
    return agent->engine != NULL;
}

struct hp_agent *hp_agent_obtain(lua_State *L)
{
    const char *ignored;
    struct hp_agent *agent = hp_agent_get(L);
    if (agent)
        return agent;
    luaL_checkstack(L, 6, "hotpatch");
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_key) != LUA_TNIL)
        luaL_error(L, "hotpatch: the Lua state is closing");
    lua_pop(L, 1);
    agent = lua_newuserdatauv(L, sizeof *agent, 0);
    memset(agent, 0, sizeof *agent);
    agent->off_bell = -1;
    agent->pause_ms = DEFAULT_PAUSE_MS;
    agent->off = is_disabled();
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, agent_collect);
    lua_setfield(L, -2, "__gc");
    lua_pushliteral(L, "hotpatch.agent");
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &registry_key);
    if (!agent->off)
        open_engine(L, agent, &ignored);
    return agent;
}

/* --- start ------------------------------------------------------------------------------------ */

static void start_off(lua_State *L, struct hp_agent *agent)
{
    say_disabled_once();
    if (agent->off_bell < 0)
        agent->off_bell = hp_bell_open();
    if (agent->off_bell < 0)
        luaL_error(L, "hotpatch.start: cannot make a descriptor: %s", strerror(errno));
}

static void refuse_second_start(lua_State *L, const struct hp_desk *desk)
{
    if (desk->dead)
        luaL_error(L,
                   "hotpatch.start: this process was forked from '%s' after its agent had opened its socket, "
                   "and nng does "
                   "not survive a fork; start the agent before that one's first poll, or only in the child",
                   desk->name);
    luaL_error(L,
               "hotpatch.start: the agent of this Lua state is running already (name '%s', state '%s'); to "
               "start it anew, "
               "call hotpatch.stop() first",
               desk->name, desk->state);
}

/* arg[0], or NULL; raw access, for programs that forbid undefined globals do so with a metatable. [-0, +1,
 * memory] */
static const char *push_script(lua_State *L)
{
    int top = lua_gettop(L);
    const char *script = NULL;
    lua_pushglobaltable(L);
    lua_pushliteral(L, "arg");
    if (lua_rawget(L, -2) == LUA_TTABLE && lua_rawgeti(L, -1, 0) == LUA_TSTRING)
        script = lua_tostring(L, -1);
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
    return script;
}

static void need_engine(lua_State *L, struct hp_agent *agent)
{
    const char *error;
    if (!open_engine(L, agent, &error))
        luaL_error(L, "hotpatch.start: %s", error);
    if (hp_engine_busy(agent->engine)) /* its options cannot change under a request */
        luaL_error(L, "hotpatch.start: a request is running; call it when that is done");
}

static bool give_engine_options(struct hp_agent *agent, const struct hotpatch_options *options)
{
    const struct hp_engine_options wanted = {
        .allow = options->allow,
        .deny = options->deny,
        .max_pause_ms = options->max_pause_ms,
    };
    if (!hp_engine_configure(agent->engine, &wanted))
        return false;
    agent->pause_ms = options->max_pause_ms > 0 ? options->max_pause_ms : DEFAULT_PAUSE_MS;
    return true;
}

static struct hp_desk *new_desk(lua_State *L, const struct hotpatch_options *options, const char *name)
{
    char lua[24];
    int version = (int)lua_version(L);
    snprintf(lua, sizeof lua, "Lua %d.%d", version / 100, version % 100);
    struct hp_desk *desk = hp_desk_new(name, options->state ? options->state : "main", lua);
    if (!desk)
        luaL_error(L, "hotpatch.start: %s", strerror(errno));
    return desk;
}

static bool give_desk_options(struct hp_desk *desk, const struct hotpatch_options *options, const char *name,
                              struct hp_why *why)
{
    const struct hp_rights_spec rights = {options->rights_read, options->rights_patch, options->rights_eval,
                                          options->no_eval != 0};
    desk->rights = hp_rights_new(&rights, why);
    if (!desk->rights)
        return false;
    if (options->trust && !(desk->trust = hp_trust_open(options->trust, why)))
        return false;
    return !options->audit || (desk->audit = hp_audit_open(options->audit, name, why)) != NULL;
}

/* From a finalizer: what the snapshot says of functions that are still held may have changed. */
static void want_poll(void *ud)
{
    struct hp_desk *desk = ud;
    if (!desk->dead)
        hp_mailbox_knock(&desk->mailbox);
}

/* From the planner's thread. */
static void call_poll(void *ud)
{
    struct hp_desk *desk = ud;
    hp_mailbox_call(&desk->mailbox);
}

void hp_agent_start(lua_State *L, const struct hotpatch_options *given)
{
    struct hotpatch_options options;
    struct hp_why why;
    char name[HP_NAME_MAX];
    struct hp_agent *agent = hp_agent_obtain(L);
    hp_service_notice_fork();
    if (agent->off) {
        start_off(L, agent);
        return;
    }
    if (agent->desk)
        refuse_second_start(L, agent->desk);
    if (!hp_start_options_check(given, &options, &why))
        luaL_error(L, "hotpatch.start: %s", why.text);
    hp_program_name(options.name, push_script(L), name);
    lua_pop(L, 1);
    need_engine(L, agent);
    struct hp_desk *desk = new_desk(L, &options, name);
    if (!give_desk_options(desk, &options, name, &why)) {
        hp_desk_free(desk);
        luaL_error(L, "hotpatch.start: %s", why.text);
    }
    const struct hp_address_tls tls = {options.tls_ca, options.tls_cert, options.tls_key};
    hp_dispatch_publish(L, agent->engine, desk);
    if (!hp_service_join(desk, options.dir, options.listen, &tls, &why)) {
        hp_desk_free(desk);
        luaL_error(L, "hotpatch.start: %s", why.text);
    }
    if (!give_engine_options(agent, &options)) {
        hp_service_leave(desk);
        hp_desk_free(desk);
        luaL_error(L, "hotpatch.start: not enough memory");
    }
    agent->desk = desk;
    agent->failed = false;
    hp_engine_on_news(agent->engine, want_poll, desk);
    hp_engine_on_call(agent->engine, call_poll, desk);
}

/* --- poll, fd, stop --------------------------------------------------------------------------- */

static bool open_once(lua_State *L, struct hp_agent *agent)
{
    if (agent->failed)
        return false;
    if (!hp_service_open(&agent->problem)) {
        agent->failed = true;
        fprintf(stderr, "hotpatch: %s\n", agent->problem.text);
    }
    if (hp_mailbox_answer_knock(&agent->desk->mailbox))
        hp_dispatch_publish(L, agent->engine, agent->desk);
    return !agent->failed;
}

int hp_agent_poll(lua_State *L)
{
    if (!lua_checkstack(L, LUA_MINSTACK))
        return 0;
    struct hp_agent *agent = hp_agent_get(L);
    if (!agent || !agent->desk)
        return 0;
    hp_service_notice_fork();
    if (!hp_safepoint_here(L, agent->engine))
        return 0;
    hp_dispatch_guard(L, agent->engine, agent->desk);
    if (agent->desk->dead || !hp_mailbox_wants_poll(&agent->desk->mailbox))
        return 0;
    return open_once(L, agent) ? hp_safepoint_run(L, agent->engine, agent->desk, agent->pause_ms) : 0;
}

int hp_agent_fd(lua_State *L)
{
    struct hp_agent *agent = lua_checkstack(L, 1) ? hp_agent_get(L) : NULL;
    if (!agent)
        return -1;
    return agent->desk ? agent->desk->mailbox.bell : agent->off_bell;
}

bool hp_agent_stop(lua_State *L)
{
    struct hp_agent *agent = lua_checkstack(L, LUA_MINSTACK) ? hp_agent_get(L) : NULL;
    if (!agent || (agent->engine && hp_engine_busy(agent->engine)))
        return false;
    bool was_started = agent->desk || agent->off_bell >= 0;
    drop_desk(L, agent);
    hp_bell_close(agent->off_bell);
    agent->off_bell = -1;
    return was_started;
}

/* --- requests of the program itself ----------------------------------------------------------- */

static void describe(const struct hp_agent *agent, struct hp_report_agent *out)
{
    out->pid = getpid();
    out->version = HP_VERSION;
    out->name = agent->desk ? agent->desk->name : "";
    out->state = agent->desk ? agent->desk->state : "main";
    out->lua = "Lua 5.4";
}

static bool may_run(lua_State *L, struct hp_agent *agent, struct hp_report *report)
{
    const char *error;
    if (agent->off) {
        hp_report_fail(report, HP_DENIED, "hotpatch is switched off here by HOTPATCH_DISABLE");
        return false;
    }
    if (!hp_safepoint_here(L, agent->engine)) {
        hp_report_fail(report, HP_BUSY,
                       "not possible here: inside a request (__hotfix), in a finalizer, or with no room on "
                       "the stack");
        return false;
    }
    if (!open_engine(L, agent, &error))
        hp_report_fail(report, HP_NO_MEMORY, "%s", error);
    return agent->engine != NULL;
}

void hp_agent_run(lua_State *L, struct hp_agent *agent, const struct hp_request *request,
                  struct hp_report *report)
{
    hp_service_notice_fork();
    struct hp_desk *desk = agent->desk;
    if (may_run(L, agent, report)) {
        if (desk)
            hp_dispatch_finish(L, agent->engine, desk);
        hp_dispatch_local(L, agent->engine, desk && !desk->dead ? desk : NULL, request, report);
    }
    describe(agent, &report->agent);
}

void hp_agent_log(struct hp_agent *agent, struct hp_report *report)
{
    if (agent->engine)
        hp_engine_log(agent->engine, report);
    describe(agent, &report->agent);
}

void hp_agent_confirm(struct hp_agent *agent, int64_t patch, struct hp_report *report)
{
    if (agent->desk && !agent->desk->dead)
        hp_desk_answer_confirm(agent->desk, patch, hp_clock_ms(), report);
    else
        hp_report_fail(report, HP_REFUSED, "no patch is provisional: the agent is not started");
    describe(agent, &report->agent);
}
