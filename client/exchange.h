/* hotpatch client: asking an agent: one request, waited for as long as it makes sense, and its report. */
#ifndef HP_EXCHANGE_H
#define HP_EXCHANGE_H

#include "client/cli.h"
#include "client/connect.h"
#include "client/target.h"

/* A request of this kind with what every request has: id (cli->id, made up if none was given), client, user,
 * state, deadline. It refers to strings of the invocation, which must outlive it. NULL with the error
 * recorded. Free with hp_request_free. */
struct hp_request *hp_exchange_new(struct hp_cli *cli, enum hp_kind kind);

/* Sends the request and waits for the answer, which becomes cli->report. Once a request runs it is waited for
 * without a limit; progress is shown on standard error if that is a terminal. Ctrl-C withdraws a request that
 * has not committed. False: no report came; the error is recorded in cli->report: HP_LIMIT and HP_UNREACHABLE
 * (it was not sent), HP_UNCERTAIN (it was sent, and nothing is known), HP_TIMEOUT (withdrawn),
 * HP_VERSION_MISMATCH. */
bool hp_exchange(struct hp_cli *cli, const struct hp_agent *target, struct hp_request *request);

/* Asks for the status, quickly. `report` must be initialised. HP_LINK_OK or why not; HP_LINK_FAILED too where
 * the answer could not be understood, with *error a sentence. */
enum hp_link_result hp_exchange_probe(const struct hp_remote *to, int timeout_ms, struct hp_report *report,
                                      const char **error);

#endif
