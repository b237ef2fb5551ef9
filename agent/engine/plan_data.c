/* hotpatch engine: the plan as data: its beginning and its end; the contract is in plan.h. */
#include "agent/engine/plan.h"

void hp_plan_init(struct hp_plan *plan)
{
    *plan = (struct hp_plan){0};
    hp_arena_init(&plan->arena);
}

void hp_plan_fini(struct hp_plan *plan)
{
    hp_arena_fini(&plan->arena);
    hp_plan_init(plan);
}

bool hp_plan_is_empty(const struct hp_plan *plan)
{
    return plan->steps.count == 0 && plan->effects.count == 0;
}
