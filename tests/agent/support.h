/* What the agent's tests share: a private folder, counts of what a process holds, and a client that speaks
 * the protocol byte by byte (docs/protocol.md), so that it can also speak it wrongly. No nng on this side. */
#ifndef AGENT_TEST_SUPPORT_H
#define AGENT_TEST_SUPPORT_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "proto/protocol.h"
#include "proto/report.h"
#include "proto/request.h"

/* A new 0700 folder, in HOTPATCH_DIR too; removed again with what is in it by folder_remove. */
extern char folder[64];
void folder_make(void);
void folder_remove(void);
/* "FOLDER/PID.sock", static. */
const char *own_socket(void);
/* How many entries the folder has. */
int folder_count(void);

int count_descriptors(void);
int count_threads(void);

lua_State *new_state(void);
/* Runs the code, which must succeed. */
void run_lua(lua_State *L, const char *code);
/* Runs the code, which must raise an error that has `part` in it. */
void fails_lua(lua_State *L, const char *code, const char *part);

/* A connection after its handshake; reads time out after 20 s. */
int client_connect(const char *path);
void client_send_bytes(int fd, const char *data, size_t len);
/* One message: `payload` behind the header that REQ adds, or (wrong) without. */
void client_send(int fd, const char *payload, size_t len);
void client_request(int fd, const struct hp_request *request);
/* The next report; false when the other side has closed. The caller finishes the report. */
bool client_report(int fd, struct hp_report *report);

/* A request of this kind; its id may be NULL. A push has one module "m" with the source "return 1". */
struct hp_request *request_of(enum hp_kind kind, const char *id);
/* Sends and forgets it. */
void ask(int fd, enum hp_kind kind, const char *id);
/* Sends it; the status of the answer, which must have that id. */
enum hp_status ask_and_get(int fd, enum hp_kind kind, const char *id);
enum hp_status get_status(int fd, const char *id);

/* Waits until the agent's descriptor is readable, then polls until nothing waits; the number of requests run.
 */
int serve(lua_State *L);
/* Waits until `count` requests wait for poll at the agent that `fd` talks to. */
void await_pending(int fd, int count);

#endif
