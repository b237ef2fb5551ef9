/* hotpatch: the C interface of the agent, for programs that embed Lua 5.4.
 *
 *     struct hotpatch_options options = HOTPATCH_OPTIONS_INIT;
 *     options.name = "game";
 *     if (hotpatch_start(L, &options) != 0) {
 *         fprintf(stderr, "%s\n", lua_tostring(L, -1));
 *         lua_pop(L, 1);
 *     }
 *     for (;;) {
 *         poll((struct pollfd[]){{hotpatch_fd(L), POLLIN, 0}, …}, …);
 *         hotpatch_poll(L);
 *     }
 *
 * All calls are made on the thread that runs L. `L` may be any coroutine of the state: there is one agent for
 * a state with all its coroutines. `lua_close` stops the agent by itself. Functions are marked [-pops,
 * +pushes, raises] as in the manual of Lua.
 *
 * After a fork: an agent whose first poll came before the fork lives on in the parent only; in the child
 * every call is harmless and starting again is an error. One that was started and not yet polled becomes the
 * agent of whichever process polls, so `start` before a daemonising or pre-forking fork is right.
 */
#ifndef HOTPATCH_HOTPATCH_H
#define HOTPATCH_HOTPATCH_H

#include <stddef.h>

#include <lua.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HOTPATCH_API __attribute__((visibility("default")))
#else
#define HOTPATCH_API
#endif

/* Whose patches are taken. */
struct hotpatch_trust_key {
    const char *key;  /* the file of a public key of minisign, or its base64 line itself */
    const char *name; /* for the log; NULL: the key's number */
    /* What it may sign for, NULL-terminated: module names, * for any letters. NULL: every module */
    const char *const *modules;
};
struct hotpatch_trust {
    const struct hotpatch_trust_key *keys;
    size_t key_count;
    int need;          /* so many of them must have signed a bundle; 0: 1 */
    const char *state; /* a file that remembers the newest bundle of each series; NULL: none */
    int eval;          /* 1: `hotpatch eval` stays possible */
};

/* What `hotpatch.start` takes. All strings and lists are copied. New fields are added at the end and 0 always
 * means the default, so that a program built against an older header goes on working. */
struct hotpatch_options {
    size_t size; /* sizeof(struct hotpatch_options); HOTPATCH_OPTIONS_INIT sets it */
    const char
        *name; /* of the program in `hotpatch ps`; NULL: HOTPATCH_NAME, else the script's or program's */
    const char *state; /* of this Lua state, where a process has several; NULL: "main" */
    const char
        *dir; /* of the socket; NULL: HOTPATCH_DIR, else $XDG_RUNTIME_DIR/hotpatch, else /tmp/hotpatch-UID */
    /* More URLs, NULL-terminated: ipc://PATH, tcp://127.0.0.1:PORT (loopback only), tls+tcp://HOST:PORT */
    const char *const *listen;
    const char *safepoint;    /* "auto" or "poll" */
    const char *const *allow; /* module patterns, NULL-terminated; NULL: every module */
    const char *const *deny;  /* likewise; deny wins */
    double max_pause_ms;      /* of one stop of the Lua thread; 0: 1 */
    const char *tls_ca;       /* PEM files, for tls+tcp://: whose certificates are taken, */
    const char *tls_cert;     /* this side's own, with what is needed up to an authority, */
    const char *tls_key;      /* and its key, without a password. All three are read again when they change */
    const char *audit;        /* a file: who asked for what, and what was done; NULL: none is kept */
    const struct hotpatch_trust *trust; /* only signed bundles are taken; NULL: whatever comes */
    /* Who may do what, besides the server's user and root: lists of "user:NAME", "user:UID", "group:NAME",
     * "group:GID" and "tls", NULL-terminated. With all three NULL whoever comes over tls may do all. */
    const char *const *rights_read;  /* ps status diff log inspect verify */
    const char *const *rights_patch; /* push revert confirm; reading too */
    const char *const *rights_eval;  /* eval; reading too */
    int no_eval;                     /* not 0: nobody may eval */
};

#define HOTPATCH_OPTIONS_INIT                                                                                \
    {                                                                                                        \
        sizeof(struct hotpatch_options), NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL,      \
            NULL, NULL, NULL, NULL, NULL, 0                                                                  \
    }

/* Starts the agent of L's state; `options` may be NULL. 0 on success. Otherwise nothing has changed and one
 * string, which says what is wrong and what to do, is pushed, as `lua_pcall` does (nil where there is no room
 * even for that). The socket opens at the first poll. [-0, +(0|1), -] with one free slot */
HOTPATCH_API int hotpatch_start(lua_State *L, const struct hotpatch_options *options);

/* Works on the requests that wait, for about max_pause_ms: the number that it answered. A large one takes
 * many polls, a slice each. One relaxed atomic load when there is nothing to do. 0 at once in a finalizer,
 * inside a request (from `__hotfix`, say), with no room on L's stack, with no agent. [-0, +0, -] */
HOTPATCH_API int hotpatch_poll(lua_State *L);

/* A descriptor that is readable while poll has work: from start until the first poll, and while a request
 * waits or is under way. It belongs to the agent: watch it and never read or close it. -1: no agent.
 * [-0, +0, -] */
HOTPATCH_API int hotpatch_fd(lua_State *L);

/* Stops the agent: no thread, socket or descriptor of it is left. A request that is under way is given up,
 * unless it has committed; its client is told. 1: stopped; 0: there was none, or it is inside a request and
 * cannot be stopped there. What has been patched stays so, and can be reverted after another start. [-0, +0,
 * -] */
HOTPATCH_API int hotpatch_stop(lua_State *L);

/* The Lua module: for `require "hotpatch"`, or luaL_requiref(L, "hotpatch", luaopen_hotpatch, 0). [-0, +1,
 * raises] */
HOTPATCH_API int luaopen_hotpatch(lua_State *L);

#ifdef __cplusplus
}
#endif

#endif
