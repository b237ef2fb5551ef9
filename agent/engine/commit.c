/* hotpatch engine: the commit; the contract is in prepare.h.
 *
 * Nothing here may raise or allocate (tests/engine/test_commit_alloc.c counts). So the only calls of Lua are
 * those that read raw, those that move values on the stack, and as writers lua_rawset and lua_rawseti on keys
 * that are there, lua_setupvalue and lua_setmetatable. C memory is neither allocated nor freed. */
#include "agent/engine/execution.h"

/* The new texts; what stood there before goes to the record. */
static void commit_texts(struct hp_execution *x)
{
    for (size_t i = 0; i < x->plan->modules.count; i++) {
        if (x->texts[i] != NULL) {
            x->record->modules.items[i].previous = hp_sources_commit(x->sources, x->texts[i]);
            x->texts[i] = NULL;
        }
    }
}

static void commit_history(lua_State *L, struct hp_execution *x)
{
    if (x->options.revert) {
        x->retired = hp_history_retire(x->history);
        x->report->patch = x->retired != NULL ? x->retired->patch : 0;
    } else {
        commit_texts(x);
        hp_execution_push(L, x, HP_STORE_SIDE);
        hp_history_enter(x->history, L, x->record, lua_gettop(L));
        lua_pop(L, 1);
        x->report->patch = x->record->patch;
    }
    x->report->generation = hp_history_generation(x->history);
}

void hp_commit(lua_State *L, struct hp_execution *x)
{
    hp_execution_push(L, x, HP_STORE_JOURNAL);
    hp_journal_overwrite(L, &x->journal, lua_gettop(L));
    lua_pop(L, 1);
    commit_history(L, x);
    x->phase = HP_PHASE_COMMITTED;
}
