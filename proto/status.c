/* hotpatch: the table of outcomes; what the columns mean is in status.h. The reasons are in reason.c. */
#include "status.h"

#include <string.h>

/* `nothing_changed` speaks of what hotpatch does to the program. Code that `eval` was asked to run is its
 * author's: so `ok` promises nothing, and after a failed eval the sentence of the report, not this table,
 * tells. */
static const struct hp_status_info statuses[HP_STATUS_COUNT] = {
    /*                       word              exit retry nothing_changed sentence */
    [HP_OK] = {"ok", 0, false, false, "done"},
    [HP_APPLIED] = {"applied", 0, false, false, "the patch is in the running program"},
    [HP_PLANNED] = {"planned", 0, false, true, "this is what a push would do; nothing was changed"},
    [HP_REVERTED] = {"reverted", 0, false, false,
                     "the patch was taken back; the state gathered since is kept"},
    [HP_NO_CHANGE] = {"no_change", 0, false, true, "the running program already is what the source says"},
    [HP_DIFFERS] = {"differs", 2, false, true,
                    "the running program is not what the source says; nothing was changed"},
    [HP_LOAD_FAILED] = {"load_failed", 1, false, true, "the new source does not load; nothing was changed"},
    [HP_FAILED] = {"failed", 1, false, true, "an error while the change was prepared; nothing was changed"},
    [HP_NO_MEMORY] = {"no_memory", 1, true, true, "memory was short in the server; nothing was changed"},
    [HP_LIMIT] = {"limit", 1, false, true, "a limit of size, depth or time was reached; nothing was changed"},
    [HP_CONFLICT] =
        {"conflict", 1, true, true,
         "the program kept changing under the plan, or is not what was expected; nothing was changed"},
    [HP_ROLLED_BACK] =
        {"rolled_back", 1, false, false,
         "__hotfix or an effect failed: what hotpatch changed is restored, what they did is listed"},
    [HP_REFUSED] = {"refused", 3, false, true, "refused for the reasons listed; nothing was changed"},
    [HP_UNREACHABLE] = {"unreachable", 4, true, true, "the agent could not be reached; nothing was sent"},
    [HP_VERSION_MISMATCH] =
        {"version_mismatch", 4, false, true,
         "client and agent speak different versions of the protocol; nothing was changed"},
    [HP_NO_AGENT] = {"no_agent", 4, false, true, "no agent was found there"},
    [HP_DENIED] = {"denied", 5, false, true, "not allowed; nothing was changed"},
    [HP_TIMEOUT] = {"timeout", 6, true, true,
                    "the program reached no safe point in time; nothing was changed, and the request will "
                    "not start later"},
    [HP_BUSY] =
        {"busy", 6, true, true,
         "the agent has too many requests waiting; nothing was changed, and this one will not start later"},
    [HP_MALFORMED] = {"malformed", 1, false, true, "the message is not in the protocol; nothing was changed"},
    [HP_UNSUPPORTED] = {"unsupported", 1, false, true,
                        "the agent does not know what was asked; nothing was changed"},
    [HP_PARTIAL] = {"partial", 7, false, false,
                    "only a part of the targets, or of the patches to be reverted, was done"},
    [HP_USAGE] = {"usage", 64, false, true, "the command was not understood; nothing was sent"},
    [HP_UNCERTAIN] = {"uncertain", 70, true, false,
                      "the connection was lost after the request was sent: ask again with the same --id"},
};

static const struct hp_status_info unknown_status = {"unknown", 1, false, false, "an outcome without a name"};

const struct hp_status_info *hp_status_info(enum hp_status status)
{
    return (unsigned)status < HP_STATUS_COUNT ? &statuses[status] : &unknown_status;
}

int hp_status_from_word(const char *word)
{
    if (word == NULL)
        return -1;
    for (int i = 0; i < HP_STATUS_COUNT; i++)
        if (strcmp(statuses[i].word, word) == 0)
            return i;
    return -1;
}
