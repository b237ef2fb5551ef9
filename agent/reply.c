#include "agent/reply.h"

/* What is said in place of a report of more than HP_MAX_MESSAGE bytes: what was done, and where to read on.
 */
static enum hp_status encode_short(struct hp_reply *reply, const struct hp_report *from)
{
    struct hp_report report;
    size_t len = 0;
    hp_report_init(&report);
    report.status = from->status;
    report.id = from->id;
    report.patch = from->patch;
    report.generation = from->generation;
    report.agent = from->agent;
    report.cost = from->cost;
    struct hp_report_error error = {
        .text = "the full report is too long to be sent; the status is what happened",
        .hint = "send fewer modules in one request, or look at `hotpatch log` and `hotpatch inspect`",
    };
    report.error = &error;
    enum hp_status encoded = hp_report_encode(&report, &reply->owned, &len);
    reply->len = len;
    report.id = NULL;
    report.error = NULL;
    hp_report_fini(&report);
    return encoded;
}

void hp_reply_encode(struct hp_reply *reply, const struct hp_report *report)
{
    reply->owned = NULL;
    reply->len = 0;
    reply->status = report->status;
    enum hp_status encoded =
        hp_arena_failed(&report->arena) ? HP_NO_MEMORY : hp_report_encode(report, &reply->owned, &reply->len);
    if (encoded == HP_LIMIT)
        encoded = encode_short(reply, report);
    if (encoded == HP_OK) {
        reply->data = reply->owned;
        return;
    }
    /* The status of what happened, not of this failure: a patch that was applied is `applied`. */
    reply->owned = NULL;
    reply->data = reply->fixed;
    reply->len = hp_report_encode_fixed(reply->fixed, sizeof reply->fixed, report->status, report->id);
}

void hp_reply_adopt(struct hp_reply *reply, enum hp_status status, char *data, size_t len)
{
    reply->status = status;
    reply->owned = data;
    reply->data = data;
    reply->len = len;
}

void hp_reply_fini(struct hp_reply *reply)
{
    hp_mem_free(reply->owned);
    reply->owned = NULL;
}
