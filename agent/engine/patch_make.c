/* hotpatch engine: what the commit needs and what can be made before its stop. See patch_impl.h.
 *
 * Nothing of it touches what the server holds, and the server runs on in between: that the plan still fits is
 * looked at here, so as not to stop the server for nothing, and once more in the commit. */
#include "agent/engine/patch_impl.h"
#include "agent/engine/prepare.h"
#include "agent/engine/successor.h"
#include "agent/engine/workshop.h"

#define MAX_BESIDE 2 /* plans made anew beside the server, before the commit's stop has to do */

/* Of one function: itself, the successor of the one it replaces, and what the record says of it. */
static enum hp_status make_one(lua_State *L, struct hp_patch *p, uint32_t function)
{
    const struct hp_plan_function *f = &p->plan.functions.items[function];
    struct hp_values values = {.plan = &p->plan, .anchor = p->anchor};
    if (p->record)
        hp_record_add_function(L, p->record, &values, function);
    enum hp_status status = hp_workshop_push_closure(L, &p->made, &p->plan, function, &p->scratch);
    if (status != HP_OK || f->replaces == 0)
        return status == HP_UNSUPPORTED ? HP_OK : status; /* prepare will say so */
    int fresh = lua_gettop(L);
    hp_anchor_push(L, p->anchor, f->replaces);
    hp_workshop_push_successors(L, &p->made);
    status = hp_successor_push(L, fresh + 2, fresh + 1, &p->scratch);
    if (status == HP_OK)
        hp_history_expect(p->context.history, L, fresh + 1, fresh, fresh + 3);
    return status == HP_NO_MEMORY ? status : HP_OK;
}

/* False: no memory. [-0, +0, m] */
static bool begin_making(lua_State *L, struct hp_patch *p)
{
    hp_workshop_open(L, &p->made);
    hp_record_free(p->record);
    p->record = p->revert ? NULL : hp_record_new(&p->plan, p->request->options.message, p->who);
    return p->revert || p->record;
}

/* [-0, +1, m] */
static struct hp_execution *push_new_execution(lua_State *L, struct hp_patch *p)
{
    struct hp_execution_options options = {.who = p->who,
                                           .message = p->request->options.message,
                                           .revert = p->revert,
                                           .workshop = &p->made,
                                           .record = &p->record,
                                           .hook = p->revert ? "__hotrevert" : "__hotfix"};
    return hp_execution_push_new(L, p->anchor, &p->plan, p->context.history, p->context.sources, &options,
                                 p->report);
}

/* Takes the userdata of the execution out of the store. [-0, +0, -] */
static void release_execution(lua_State *L, struct hp_patch *p)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, p);
    lua_pushnil(L);
    lua_rawseti(L, -2, HP_PATCH_STORE_EXECUTION); /* the key is there: no memory is needed */
    lua_pop(L, 1);
    p->execution = NULL;
}

struct hp_execution *hp_patch_push_execution(lua_State *L, struct hp_patch *p)
{
    struct hp_execution *x = p->execution;
    if (!x)
        return push_new_execution(L, p);
    lua_rawgeti(L, p->store, HP_PATCH_STORE_EXECUTION);
    release_execution(L, p);
    return x;
}

void hp_patch_forget_execution(lua_State *L, struct hp_patch *p)
{
    if (!p->execution)
        return;
    hp_execution_forget(L, p->execution);
    release_execution(L, p);
}

void hp_patch_forget_made(lua_State *L, struct hp_patch *p)
{
    hp_workshop_forget_closures(L, &p->made);
    hp_patch_forget_execution(L, p);
    hp_record_free(p->record);
    p->record = NULL;
}

bool hp_patch_may_plan_beside(const struct hp_patch *p)
{
    return !p->one_stop && !p->hurry && p->plan.replays.count == 0 && p->replanned < MAX_BESIDE;
}

void hp_patch_plan_beside(lua_State *L, struct hp_patch *p)
{
    hp_patch_forget_execution(L, p);
    hp_workshop_close(L, &p->made);
    p->made = 0;
    p->replanned++;
    p->phase = HP_PATCH_PLAN;
}

/* The tables that the commit fills; and does the plan fit still? [-0, +1, m] */
static enum hp_status make_room(lua_State *L, struct hp_patch *p)
{
    hp_patch_forget_execution(L, p);
    struct hp_execution *x = push_new_execution(L, p);
    lua_rawseti(L, p->store, HP_PATCH_STORE_EXECUTION);
    p->execution = x;
    enum hp_status status = hp_execution_reserve(L, x);
    if (status != HP_CONFLICT)
        return status;
    if (hp_patch_may_plan_beside(p))
        hp_patch_plan_beside(L, p);
    return HP_OK; /* else the commit makes a plan that fits */
}

enum hp_status hp_patch_phase_make(lua_State *L, struct hp_patch *p)
{
    if (p->made == 0 && !begin_making(L, p))
        return HP_NO_MEMORY;
    while (p->made < p->plan.functions.count) {
        enum hp_status status = make_one(L, p, p->made++);
        lua_settop(L, p->anchor);
        if (status != HP_OK)
            return status;
        if (hp_patch_is_slice_over(p))
            return HP_OK;
    }
    p->phase = HP_PATCH_COMMIT;
    return make_room(L, p);
}
