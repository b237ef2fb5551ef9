/* hotpatch engine: successors for late closures; the contract is in late.h. */
#include "agent/engine/late.h"

#include "agent/engine/lx.h"
#include "agent/engine/map.h"
#include "agent/engine/scratch.h"
#include "agent/engine/successor.h"
#include "agent/engine/values.h"
#include "agent/engine/visited.h"

/* functions kept of those that begin and end on the same lines: nearly always they are of one code */
#define MAX_ALIKE 16
#define A_TIME    64 /* functions that hp_late_learn looks at */

/* The side table: its first value is the memo of hp_successor_push, the second the function that learning has
 * come to; then the models, each with its successor behind it. */
enum { SIDE_MEMO = 1, SIDE_LEARNT };

/* An old function whose code may be asked for. It is read only then: few late functions turn up, if any. */
struct model {
    struct hp_prototype_tree tree; /* of the old code, once `read` */
    bool read, unreadable;
    uint32_t next; /* with the same lines; its number + 1 */
};

struct hp_late {
    struct hp_arena arena;
    struct hp_scratch scratch;
    struct hp_visited fresh; /* the successors themselves, by address */
    struct hp_map by_lines;  /* -> number + 1 of the newest model */
    struct hp_map alike;     /* lines -> how many functions were looked at */
    HP_LIST(struct model) models;
    size_t made;
    bool begun;
};

struct hp_late *hp_late_new(void)
{
    struct hp_late *l = hp_mem_calloc(sizeof *l);
    if (l) {
        hp_arena_init(&l->arena);
        hp_visited_init(&l->fresh);
        hp_map_init(&l->by_lines, &l->arena);
        hp_map_init(&l->alike, &l->arena);
    }
    return l;
}

void hp_late_free(struct hp_late *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->models.count; i++)
        hp_prototypes_fini(&l->models.items[i].tree);
    hp_scratch_clear(&l->scratch);
    hp_visited_fini(&l->fresh);
    hp_arena_fini(&l->arena);
    hp_mem_free(l);
}

size_t hp_late_made(const struct hp_late *l)
{
    return l->made;
}

static lua_Integer model_place(uint32_t number)
{
    return SIDE_LEARNT + 1 + 2 * (lua_Integer)number;
}

/* --- code ------------------------------------------------------------------------------------- */

struct lines {
    uint64_t where, upvalues;
};

/* Of the function on top. [-0, +0, -] */
static struct lines lines_of(lua_State *L)
{
    lua_Debug ar;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">Su", &ar);
    return (struct lines){(uint64_t)(uint32_t)ar.linedefined << 32 | (uint32_t)ar.lastlinedefined, ar.nups};
}

/* Parses the code of the function on top into l->scratch.tree. */
static bool read_code(lua_State *L, struct hp_late *l)
{
    struct hp_scratch *s = &l->scratch;
    hp_scratch_clear(s);
    s->has_tree = hp_lx_dump(L, -1, false, &s->dump, &s->dump_len) == HP_OK &&
                  hp_prototypes_parse(&s->tree, s->dump, s->dump_len) == HP_OK;
    return s->has_tree;
}

/* [-0, +0, m] */
static bool read_model(lua_State *L, struct hp_late *l, int side, uint32_t number)
{
    struct model *m = &l->models.items[number];
    if (m->read || m->unreadable)
        return m->read;
    lua_rawgeti(L, side, model_place(number));
    m->read = read_code(L, l);
    m->unreadable = !m->read;
    if (m->read)
        m->tree = l->scratch.tree;
    l->scratch.has_tree = false; /* it is the model's now */
    lua_pop(L, 1);
    return m->read;
}

/* The model of the code of the function on top; its number + 1, 0: there is none. [-0, +0, m] */
static uint32_t find_model(lua_State *L, struct hp_late *l, int side)
{
    struct lines at = lines_of(L);
    const uint32_t *first = hp_map_find(&l->by_lines, at.where, at.upvalues);
    uint32_t found = 0;
    if (!first)
        return 0;
    for (uint32_t i = *first; i != 0; i = l->models.items[i - 1].next)
        read_model(L, l, side, i - 1);
    bool read = read_code(L, l);
    for (uint32_t i = *first; read && i != 0 && found == 0; i = l->models.items[i - 1].next)
        if (l->models.items[i - 1].read &&
            hp_prototype_equal(&l->models.items[i - 1].tree, 0, &l->scratch.tree, 0))
            found = i;
    hp_scratch_clear(&l->scratch);
    return found;
}

/* --- models ----------------------------------------------------------------------------------- */

/* The old function is on top, its successor below it. [-0, +0, m] */
static void learn(lua_State *L, struct hp_late *l, int side)
{
    struct lines at = lines_of(L);
    uint32_t *alike = hp_map_put(&l->alike, at.where, at.upvalues, 0, NULL);
    if (!alike || *alike == MAX_ALIKE)
        return;
    struct model *m = HP_PUSH(&l->arena, &l->models);
    uint32_t number = (uint32_t)l->models.count - 1;
    uint32_t *newest = m ? hp_map_put(&l->by_lines, at.where, at.upvalues, 0, NULL) : NULL;
    if (!m || !newest) {
        l->models.count -= m != NULL;
        return;
    }
    *m = (struct model){.next = *newest};
    *newest = number + 1;
    ++*alike;
    lua_pushvalue(L, -1);
    lua_rawseti(L, side, model_place(number));
    lua_pushvalue(L, -2);
    lua_rawseti(L, side, model_place(number) + 1);
}

/* Is the function on top a key of the side table? [-0, +0, -] */
static bool is_excepted(lua_State *L, int side)
{
    lua_pushvalue(L, -1);
    bool excepted = lua_rawget(L, side) != LUA_TNIL;
    lua_pop(L, 1);
    return excepted;
}

bool hp_late_learn(lua_State *L, struct hp_late *l, int successors, int side)
{
    successors = lua_absindex(L, successors);
    side = lua_absindex(L, side);
    int seen = 0;
    if (!l->begun) {
        lua_newtable(L);
        lua_rawseti(L, side, SIDE_MEMO);
        l->begun = true;
    }
    lua_rawgeti(L, side, SIDE_LEARNT); /* nil at first; it keeps the key, whose entry is weak */
    while (seen++ < A_TIME && lua_next(L, successors)) {
        hp_visited_add(&l->fresh, lua_topointer(L, -1));
        lua_pushvalue(L, -2);
        if (hp_is_lua_closure(L, -1) && hp_is_lua_closure(L, -2) && !is_excepted(L, side))
            learn(L, l, side);
        lua_pop(L, 2);
    }
    if (seen <= A_TIME) /* the key is popped */
        return true;
    lua_rawseti(L, side, SIDE_LEARNT);
    return false;
}

/* --- successors ------------------------------------------------------------------------------- */

/* The upvalue of `function` that is that cell; 0: none. */
static int upvalue_with_cell(lua_State *L, int function, const void *cell)
{
    const void *id;
    for (int i = 1; (id = lua_upvalueid(L, function, i)) != NULL; i++)
        if (id == cell)
            return i;
    return 0;
}

/* The late function is on top. [-0, +(0|1), m] */
static bool push_like(lua_State *L, struct hp_late *l, int side, uint32_t number)
{
    int late = lua_gettop(L);
    lua_rawgeti(L, side, SIDE_MEMO);
    lua_rawgeti(L, side, model_place(number));
    lua_rawgeti(L, side, model_place(number) + 1);
    int memo = late + 1, model = late + 2, heir = late + 3;
    if (hp_successor_push(L, memo, heir, &l->scratch) != HP_OK) { /* of the same code, on the same cells */
        lua_settop(L, late);
        return false;
    }
    lua_pushvalue(L, heir);
    lua_pushnil(L);
    lua_rawset(L, memo); /* each time another one */
    const void *cell;
    for (int i = 1; (cell = lua_upvalueid(L, heir, i)) != NULL; i++) {
        int own = upvalue_with_cell(L, model, cell);
        if (own)
            lua_upvaluejoin(L, -1, i, late, own);
    }
    lua_replace(L, late + 1);
    lua_settop(L, late + 1);
    return true;
}

bool hp_late_push(lua_State *L, struct hp_late *l, int successors, int side)
{
    int late = lua_gettop(L);
    successors = lua_absindex(L, successors);
    side = lua_absindex(L, side);
    bool fresh = hp_visited_has(&l->fresh, lua_topointer(L, late)) || is_excepted(L, side);
    uint32_t number = fresh ? 0 : find_model(L, l, side);
    bool made = number != 0 && push_like(L, l, side, number - 1);
    l->made += made;
    lua_pushvalue(L, late);
    if (made) {
        hp_visited_add(&l->fresh, lua_topointer(L, late + 1));
        lua_pushvalue(L, late + 1);
    } else {
        lua_pushboolean(L, 0);
    }
    lua_rawset(L, successors);
    return made;
}
