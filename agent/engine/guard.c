/* hotpatch engine: calling code of the server; the contract is in guard.h. */
#include "agent/engine/guard.h"

#include "agent/engine/lx.h"

bool hp_guard_call(lua_State *L, int nargs, int nresults, int64_t instructions, struct hp_report *report,
                   enum hp_status failed)
{
    struct hp_lx_bound bound;
    struct hp_lx_failure failure;
    hp_lx_bound_start(&bound, L, instructions > 0 ? instructions : HP_GUARD_INSTRUCTIONS);
    int result = hp_lx_pcall(L, nargs, nresults, &report->arena, &failure);
    hp_lx_bound_stop(&bound);
    if (result == LUA_OK)
        return true;
    bool first = report->error == NULL;
    hp_report_fail(report, failed, "%s", failure.text);
    if (first && report->error != NULL)
        report->error->traceback = failure.traceback;
    return false;
}
