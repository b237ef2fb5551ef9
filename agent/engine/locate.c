/* hotpatch engine: the search for holders; the contract is in locate.h. */
#include "agent/engine/locate.h"

#include <lauxlib.h>
#include <string.h>
#include <time.h>

#include "agent/engine/members.h"
#include "agent/engine/place.h"
#include "agent/engine/values.h"
#include "agent/engine/visited.h"
#include "agent/engine/worklist.h"

#define TICKS_A_LOOK 64   /* entries between two looks at the clock */
#define MAX_NESTED   32   /* objects that are walked where they are met, one within the other */
#define MAX_LEVELS   400  /* of a stack: asking for level n costs n steps */
#define MAX_LOOPS    4096 /* noted in a pass: they are for warnings only */
/* what lies at the least before the address that a userdata has for Lua, which may be the next object's: an
 * empty one ends there */
#define USERDATA_HEADER 16
/* of one table that the server keeps changing: each time it may be walked for twice as long without a pause
 */
#define MAX_RESTARTS 24

/* Places of the Lua side. */
enum { SIDE_LIST = 1, SIDE_PLACE };

struct hp_locate {
    struct hp_arena sources_arena;
    HP_LIST(const char *) sources;
    hp_locate_wanted wanted;
    void *wanted_ud;

    struct hp_arena arena; /* of one pass */
    struct hp_visited visited;
    struct hp_visited metatables;
    struct hp_members members;
    HP_LIST(struct hp_holder) holders;
    HP_LIST(struct hp_running) running;
    HP_LIST(struct hp_loop) loops;
    struct hp_graph keys; /* plain keys of holders */
    struct hp_worklist list;
    size_t replaced, deep;
    struct hp_place place; /* in the table under way, if it was interrupted */
    int restarts;          /* of that table … */
    size_t mark;           /* … and how many holders there were before it */
    bool rooted;
};

/* What the functions below share during one slice; stack indices are absolute. */
struct walk {
    lua_State *L;
    struct hp_locate *l;
    int anchor, successors, list, place;
    struct hp_late *latecomers;
    int latecomers_side;
    void (*meet)(lua_State *L, lua_State *co);
    int64_t deadline_us;
    unsigned ticks;
    int nested;               /* objects under way inside of the outermost one */
    size_t marks[MAX_NESTED]; /* those that are tables: how many holders there were before */
    bool late;
    const char *stranger; /* a source that is no member's: nearly all functions of a stretch have the same */
};

struct hp_locate *hp_locate_new(void)
{
    struct hp_locate *l = hp_mem_calloc(sizeof *l);
    if (l) {
        hp_arena_init(&l->sources_arena);
        hp_arena_init(&l->arena);
        hp_graph_init(&l->keys);
    }
    return l;
}

static void forget_pass(struct hp_locate *l)
{
    hp_visited_fini(&l->visited);
    hp_visited_fini(&l->metatables);
    hp_graph_fini(&l->keys);
    hp_arena_fini(&l->arena);
    hp_members_init(&l->members, &l->arena);
    memset(&l->holders, 0, sizeof l->holders);
    memset(&l->running, 0, sizeof l->running);
    memset(&l->loops, 0, sizeof l->loops);
    l->replaced = l->deep = 0;
    l->place.saved = l->rooted = false;
}

void hp_locate_free(struct hp_locate *l)
{
    if (!l)
        return;
    forget_pass(l);
    hp_arena_fini(&l->sources_arena);
    hp_mem_free(l);
}

bool hp_locate_source(struct hp_locate *l, const char *chunk_name)
{
    for (size_t i = 0; i < l->sources.count; i++)
        if (strcmp(l->sources.items[i], chunk_name) == 0)
            return true;
    const char **slot = HP_PUSH(&l->sources_arena, &l->sources);
    if (slot)
        *slot = hp_arena_str(&l->sources_arena, chunk_name);
    return !hp_arena_failed(&l->sources_arena);
}

void hp_locate_only(struct hp_locate *l, hp_locate_wanted wanted, void *ud)
{
    l->wanted = wanted;
    l->wanted_ud = ud;
}

void hp_locate_begin(lua_State *L, struct hp_locate *l, int hidden)
{
    hidden = lua_absindex(L, hidden);
    forget_pass(l);
    lua_createtable(L, 4, 0);
    hp_worklist_push_new(L, &l->list);
    hp_visited_add(&l->visited, lua_topointer(L, -1)); /* the search does not find itself */
    hp_visited_add(&l->visited, lua_topointer(L, -2));
    lua_rawseti(L, -2, SIDE_LIST);
    hp_place_push_new(L, &l->place);
    hp_visited_add(&l->visited, lua_topointer(L, -1));
    lua_rawseti(L, -2, SIDE_PLACE);
    hp_visited_add(&l->visited, lua_topointer(L, hidden));
    lua_pushnil(L);
    while (lua_next(L, hidden)) {
        hp_visited_add(&l->visited, lua_topointer(L, -1));
        lua_pop(L, 1);
    }
}

/* --- time ------------------------------------------------------------------------------------- */

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool is_late(struct walk *w)
{
    if (!w->late && ++w->ticks >= TICKS_A_LOOK) {
        w->ticks = 0;
        w->late = now_us() >= w->deadline_us;
    }
    return w->late;
}

/* --- members ---------------------------------------------------------------------------------- */

/* Sweep: a member without a successor may be of old code all the same. [-0, +0, m] */
static void meet_late(struct walk *w)
{
    lua_pushvalue(w->L, -1);
    bool known = lua_rawget(w->L, w->successors) != LUA_TNIL;
    lua_pop(w->L, 1);
    if (known || !w->latecomers)
        return;
    if (hp_late_push(w->L, w->latecomers, w->successors, w->latecomers_side))
        lua_pop(w->L, 1);
    w->ticks = TICKS_A_LOOK; /* that took as long as many entries */
}

/* Is the Lua function on top, which was not met before, a member? `ar` says where it is from. [-0, +0, m] */
static hp_handle meet_function(struct walk *w, const lua_Debug *ar)
{
    lua_State *L = w->L;
    if (ar->source == w->stranger)
        return 0;
    for (size_t i = 0; i < w->l->sources.count; i++) {
        if (strcmp(ar->source, w->l->sources.items[i]) != 0)
            continue;
        if (w->l->wanted && !w->l->wanted(L, w->l->wanted_ud))
            return 0;
        hp_handle handle = hp_anchor_add(L, w->anchor, -1);
        hp_members_add(&w->l->members, i, ar->linedefined, lua_topointer(L, -1), handle);
        if (w->successors)
            meet_late(w);
        return handle;
    }
    w->stranger = ar->source; /* the collector is stopped during a slice: the string stays where it is */
    return 0;
}

/* Puts the object on top on the work list. [-0, +0, m] */
static void list_object(struct walk *w)
{
    lua_pushvalue(w->L, -1);
    hp_worklist_put(w->L, &w->l->list, w->list);
}

static void walk_nested(struct walk *w, int type);
static void walk_upvalues(struct walk *w, int count, bool c);

/* May the object on top be walked where it is met, inside of the one that holds it? Its way over the work
 * list would take as long as looking at a few entries. */
static bool may_nest(const struct walk *w)
{
    return !w->late && w->nested < MAX_NESTED;
}

/* The handle of a member, else 0. [-0, +0, m] */
static hp_handle enter_function(struct walk *w)
{
    lua_Debug ar;
    lua_pushvalue(w->L, -1);
    lua_getinfo(w->L, ">Su", &ar);
    bool c = *ar.what == 'C';
    hp_handle member = c ? 0 : meet_function(w, &ar);
    if (ar.nups > 0 && may_nest(w)) {
        w->nested++;
        walk_upvalues(w, ar.nups, c);
        w->nested--;
    } else if (ar.nups > 0) {
        list_object(w);
    }
    return member;
}

/* Looks at the object on top, which is of that type: it is walked or listed, once. The handle of a member,
 * else 0. [-0, +0, m] */
static hp_handle meet_object(struct walk *w, int type)
{
    const void *address = lua_topointer(w->L, -1);
    if (type == LUA_TUSERDATA)
        address = (const char *)address - USERDATA_HEADER;
    if (!hp_visited_add(&w->l->visited, address))
        return type == LUA_TFUNCTION ? hp_members_find(&w->l->members, address) : 0;
    if (type == LUA_TFUNCTION)
        return enter_function(w);
    if (may_nest(w))
        walk_nested(w, type);
    else
        list_object(w);
    return 0;
}

/* The same for any value. [-0, +0, m] */
static hp_handle meet(struct walk *w)
{
    int type = lua_type(w->L, -1);
    return type >= LUA_TTABLE ? meet_object(w, type) : 0;
}

/* Sweep: pushes the successor of the member on top, if it has one. [-0, +(0|1), -] */
static bool push_successor(struct walk *w)
{
    lua_pushvalue(w->L, -1);
    if (lua_rawget(w->L, w->successors) == LUA_TFUNCTION)
        return true;
    lua_pop(w->L, 1);
    return false;
}

static struct hp_holder *add_holder(struct walk *w, enum hp_holder_kind kind, int container, hp_handle member)
{
    struct hp_holder *h = HP_PUSH(&w->l->arena, &w->l->holders);
    if (!h)
        return NULL;
    container = lua_absindex(w->L, container);
    *h = (struct hp_holder){
        .kind = kind, .container = hp_anchor_add(w->L, w->anchor, container), .function = member};
    h->address = lua_topointer(w->L, container);
    return h;
}

/* --- tables ----------------------------------------------------------------------------------- */

/* Of the object at that index. [-0, +0, m] */
static void meet_metatable(struct walk *w, int object)
{
    if (!lua_getmetatable(w->L, object))
        return;
    if (hp_visited_add(&w->l->metatables, lua_topointer(w->L, -1)))
        meet_object(w, LUA_TTABLE);
    lua_pop(w->L, 1);
}

/* While a table is walked, it and an entry's key and value are on top. */
enum { TABLE = -3, KEY, VALUE };

/* The member stands at the key. [-0, +0, m] */
static void note_value(struct walk *w, hp_handle member)
{
    lua_State *L = w->L;
    if (w->successors) {
        if (push_successor(w)) {
            lua_pushvalue(L, KEY - 1);
            lua_insert(L, -2);
            lua_rawset(L, TABLE - 2);
            w->l->replaced++;
        }
        return;
    }
    struct hp_holder *h = add_holder(w, HP_HOLDER_FIELD, TABLE, member);
    if (!h)
        return;
    lua_pushvalue(L, LUA_REGISTRYINDEX);
    h->in_registry = lua_rawequal(L, -1, TABLE - 1);
    lua_pop(L, 1);
    hp_value_from_stack(L, KEY, w->anchor, &w->l->keys, &h->key);
}

/* A key cannot be exchanged while its table is being walked: sweeps note it too. */
static void look_at_key(struct walk *w, int type)
{
    lua_pushvalue(w->L, KEY);
    hp_handle member = meet_object(w, type);
    lua_pop(w->L, 1);
    if (member)
        add_holder(w, HP_HOLDER_KEY, TABLE, member);
}

/* What was found in that table since there were `mark` holders will be found again. */
static void forget_holders(struct hp_locate *l, size_t mark, const void *table)
{
    size_t kept = mark;
    for (size_t i = mark; i < l->holders.count; i++)
        if (l->holders.items[i].address != table)
            l->holders.items[kept++] = l->holders.items[i];
    l->holders.count = kept;
}

/* The table has changed: from its beginning again. */
static void restart(struct hp_locate *l, const void *table)
{
    forget_holders(l, l->mark, table);
    if (l->restarts < MAX_RESTARTS)
        l->restarts++;
}

/* The walk of the table on top, inside of another object, begins: before its first key. [-0, +1, m] */
static void go_down(struct walk *w)
{
    w->marks[w->nested++] = w->l->holders.count;
    meet_metatable(w, -1);
    lua_pushnil(w->L);
}

/* And ends too early, at the key on top: it cannot be interrupted here, and is listed to be walked anew. [-1,
 * +0, m]
 */
static void give_up(struct walk *w)
{
    lua_pop(w->L, 1);
    forget_holders(w->l, w->marks[--w->nested], lua_topointer(w->L, -1));
    list_object(w);
}

/* The value of an entry. True: it is a table, whose walk has begun. [-0, +(0|1), m] */
static bool look_at_value(struct walk *w, int type)
{
    if (type == LUA_TTABLE && may_nest(w)) {
        bool first = hp_visited_add(&w->l->visited, lua_topointer(w->L, -1));
        if (first)
            go_down(w);
        return first;
    }
    hp_handle member = meet_object(w, type);
    if (member)
        note_value(w, member);
    return false;
}

/* Walks the table below the key on top from there on, and the tables in it with it: in one loop, for calls
 * within calls would take longer than most of their walks. False: it got late after at least so many entries;
 * the key that it has come to is on top. [-1, +(0|1), m] */
static bool walk_entries(struct walk *w, size_t least)
{
    lua_State *L = w->L;
    int outer = w->nested;
    for (size_t count = 1;; count++) {
        if (lua_next(L, -2)) {
            int key = lua_type(L, KEY), value = lua_type(L, VALUE);
            if (key >= LUA_TTABLE)
                look_at_key(w, key);
            if (value >= LUA_TTABLE && look_at_value(w, value))
                continue;
        } else if (w->nested > outer) {
            w->nested--; /* the table is the value of the one that goes on */
        } else {
            return true;
        }
        lua_pop(L, 1);
        if (is_late(w) && count >= least) {
            for (; w->nested > outer; lua_pop(L, 1))
                give_up(w);
            return false;
        }
    }
}

/* The table on top, or the rest of it. [-0, +0, m] */
static void walk_table(struct walk *w)
{
    int table = lua_gettop(w->L);
    if (w->l->place.saved) {
        if (!hp_place_push_key(w->L, &w->l->place, w->place, table))
            restart(w->l, lua_topointer(w->L, table));
    } else {
        w->l->restarts = 0;
        w->l->mark = w->l->holders.count;
        meet_metatable(w, table);
        lua_pushnil(w->L);
    }
    if (!walk_entries(w, w->l->restarts ? (size_t)TICKS_A_LOOK << w->l->restarts : 0))
        hp_place_save(w->L, &w->l->place, w->place, table);
}

/* --- functions and userdata ------------------------------------------------------------------- */

/* The member on top is that upvalue of the function below it. [-0, +0, m] */
static void note_upvalue(struct walk *w, hp_handle member, int index, bool c)
{
    lua_State *L = w->L;
    if (w->successors) {
        if (push_successor(w)) {
            lua_setupvalue(L, -3, index);
            w->l->replaced++;
        }
        return;
    }
    const void *cell = c ? NULL : lua_upvalueid(L, -2, index);
    if (cell && !hp_visited_add(&w->l->visited, cell))
        return; /* several closures share it: it is noted once */
    struct hp_holder *h = add_holder(w, c ? HP_HOLDER_C_UPVALUE : HP_HOLDER_CELL, -2, member);
    if (h) {
        h->index = index;
        h->cell = cell;
    }
}

/* Of the function on top. [-0, +0, m] */
static void walk_upvalues(struct walk *w, int count, bool c)
{
    lua_State *L = w->L;
    for (int i = 1; i <= count; i++) {
        lua_getupvalue(L, -1, i);
        int type = lua_type(L, -1);
        hp_handle member = type >= LUA_TTABLE ? meet_object(w, type) : 0;
        if (member)
            note_upvalue(w, member, i, c);
        lua_pop(L, 1);
        is_late(w);
    }
}

/* The function on top. [-0, +0, m] */
static void walk_function(struct walk *w)
{
    lua_Debug ar;
    lua_pushvalue(w->L, -1);
    lua_getinfo(w->L, ">u", &ar);
    walk_upvalues(w, ar.nups, lua_iscfunction(w->L, -1));
}

/* The userdata on top. [-0, +0, m] */
static void walk_userdata(struct walk *w)
{
    lua_State *L = w->L;
    int userdata = lua_gettop(L);
    meet_metatable(w, userdata);
    for (int i = 1; lua_getiuservalue(L, userdata, i) != LUA_TNONE; i++) {
        hp_handle member = meet(w);
        if (member && !w->successors) {
            struct hp_holder *h = add_holder(w, HP_HOLDER_USER_VALUE, userdata, member);
            if (h)
                h->index = i;
        } else if (member && push_successor(w)) {
            lua_setiuservalue(L, userdata, i);
            w->l->replaced++;
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1); /* the nil of the user value that is none */
}

/* --- stacks ----------------------------------------------------------------------------------- */

/* The value on top of L came from a stack slot. [-1, +0, m] True: a sweep wants the successor there, which is
 * pushed on `co`. */
static bool look_at_slot(struct walk *w, lua_State *co, int thread, enum hp_holder_kind kind, int level,
                         int index)
{
    lua_State *L = w->L;
    bool replace = false;
    hp_handle member = meet(w);
    if (member && !w->successors) {
        struct hp_holder *h = add_holder(w, kind, thread, member);
        if (h) {
            h->index = index;
            h->level = level;
        }
    } else if (member && push_successor(w)) {
        lua_xmove(L, co, 1);
        replace = true;
        w->l->replaced++;
    }
    lua_pop(L, 1);
    return replace;
}

/* "battle.lua:42" */
static const char *where(struct walk *w, const lua_Debug *ar)
{
    const char *source = ar->source[0] == '@' || ar->source[0] == '=' ? ar->source + 1 : ar->short_src;
    return hp_arena_printf(&w->l->arena, "%s:%d", source, ar->currentline);
}

/* The table on top is what a `for` of that frame goes over. [-0, +0, m] */
static void note_loop(struct walk *w, const lua_Debug *ar)
{
    struct hp_loop *loop = w->l->loops.count < MAX_LOOPS ? HP_PUSH(&w->l->arena, &w->l->loops) : NULL;
    if (!loop)
        return;
    loop->table = hp_anchor_add(w->L, w->anchor, -1);
    loop->at = where(w, ar);
}

static void note_running(struct walk *w, hp_handle function, const lua_Debug *ar, bool iterator)
{
    const char *at = where(w, ar);
    for (size_t i = 0; i < w->l->running.count; i++) {
        struct hp_running *r = &w->l->running.items[i];
        if (r->function == function && r->iterator == iterator && strcmp(r->at, at) == 0) {
            r->count++;
            return;
        }
    }
    struct hp_running *r = HP_PUSH(&w->l->arena, &w->l->running);
    if (r)
        *r = (struct hp_running){function, at, iterator, 1};
}

/* A hidden slot of a loop, on top: the iterator under way must not be exchanged. [-0, +0, m] */
static void look_at_loop(struct walk *w, const lua_Debug *ar, bool alive)
{
    hp_handle member = meet(w);
    if (alive && member)
        note_running(w, member, ar, true);
    else if (alive && lua_istable(w->L, -1))
        note_loop(w, ar);
}

/* Might be one. In stripped code all slots have one name. */
static bool is_loop_slot(const char *name, const lua_Debug *ar)
{
    return strcmp(name, "(for state)") == 0 || (ar->currentline < 0 && strcmp(name, "(temporary)") == 0);
}

/* One stack, while it is looked at. */
struct stack {
    lua_State *co;
    int thread; /* its stack index */
    bool alive; /* else an error has ended it: what it held can still be seen, and will not run */
};

static void walk_locals(struct walk *w, const struct stack *s, lua_Debug *ar, int level, int step)
{
    const char *name;
    for (int i = step; (name = lua_getlocal(s->co, ar, i)) != NULL; i += step) {
        if (s->co != w->L)
            lua_xmove(s->co, w->L, 1);
        if (is_loop_slot(name, ar)) {
            look_at_loop(w, ar, s->alive);
            lua_pop(w->L, 1);
        } else if (look_at_slot(w, s->co, s->thread, HP_HOLDER_LOCAL, level, i)) {
            lua_setlocal(s->co, ar, i);
        }
    }
}

static void walk_frame(struct walk *w, const struct stack *s, lua_Debug *ar, int level)
{
    lua_getinfo(s->co, "fSl", ar);
    if (s->co != w->L)
        lua_xmove(s->co, w->L, 1);
    hp_handle member = meet(w);
    lua_pop(w->L, 1);
    if (member && s->alive)
        note_running(w, member, ar, false);
    walk_locals(w, s, ar, level, 1);
    walk_locals(w, s, ar, level, -1); /* varargs */
}

/* A coroutine that has not started has its function and arguments at the bottom of its stack, and no frame.
 */
static void walk_unstarted(struct walk *w, lua_State *co, int thread)
{
    int count = lua_gettop(co);
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(co, i);
        lua_xmove(co, w->L, 1);
        if (look_at_slot(w, co, thread, HP_HOLDER_BODY, 0, i))
            lua_replace(co, i);
    }
}

/* The coroutine on top. [-0, +0, m] */
static void walk_thread(struct walk *w)
{
    int thread = lua_gettop(w->L);
    lua_State *co = lua_tothread(w->L, thread);
    lua_Debug ar;
    int level = 0;
    if (co != w->L && w->meet)
        w->meet(w->L, co);
    if (co == w->L || !lua_checkstack(co, 4))
        return; /* our own stack; or no room to look at this one: a sweep may have it */
    struct stack s = {co, thread, lua_status(co) == LUA_OK || lua_status(co) == LUA_YIELD};
    for (; level < MAX_LEVELS && lua_getstack(co, level, &ar); level++) {
        walk_frame(w, &s, &ar, level);
        is_late(w);
    }
    if (level == 0 && lua_status(co) == LUA_OK)
        walk_unstarted(w, co, thread);
    if (level == MAX_LEVELS)
        w->l->deep++;
    is_late(w);
}

/* --- the walk --------------------------------------------------------------------------------- */

static void list_roots(struct walk *w, lua_State *poller)
{
    lua_State *L = w->L;
    w->nested = MAX_NESTED; /* each goes on the list: there it can be interrupted */
    lua_pushvalue(L, LUA_REGISTRYINDEX);
    meet(w);
    lua_pop(L, 1);
    static const char text[] = "";
    lua_pushlstring(L, text, 0); /* the basic types' metatables are roots of their own */
    meet_metatable(w, lua_gettop(L));
    lua_pushinteger(L, 0);
    meet_metatable(w, lua_gettop(L));
    lua_pushboolean(L, 0);
    meet_metatable(w, lua_gettop(L));
    lua_pushnil(L);
    meet_metatable(w, lua_gettop(L));
    lua_pushlightuserdata(L, w);
    meet_metatable(w, lua_gettop(L));
    lua_pushcfunction(L, lua_error); /* any function: it is not called */
    meet_metatable(w, lua_gettop(L));
    lua_pushthread(L);
    hp_visited_add(&w->l->visited, lua_topointer(L, -1)); /* the agent's own coroutine */
    meet_metatable(w, lua_gettop(L));
    lua_pop(L, 7);
    if (poller != L) {
        lua_pushthread(poller);
        lua_xmove(poller, L, 1);
        meet(w);
        lua_pop(L, 1);
    }
    w->nested = 0;
    w->l->rooted = true;
}

/* Pushes what is next: the table under way, else the newest of the list. False: nothing. [-0, +(0|1), -] */
static bool push_next(struct walk *w)
{
    if (w->l->place.saved) {
        hp_place_push_table(w->L, w->place);
        return true;
    }
    return hp_worklist_take(w->L, &w->l->list, w->list);
}

/* The object on top, which is of that type, inside of another. [-0, +0, m] */
static void walk_nested(struct walk *w, int type)
{
    if (type == LUA_TTABLE) {
        go_down(w);
        if (!walk_entries(w, 0))
            give_up(w);
        else
            w->nested--;
        return;
    }
    w->nested++;
    if (type == LUA_TFUNCTION)
        walk_function(w);
    else if (type == LUA_TUSERDATA)
        walk_userdata(w);
    else
        walk_thread(w);
    w->nested--;
}

/* The object on top, not inside of another, or the rest of it. [-0, +0, m] */
static void walk_object(struct walk *w)
{
    int type = lua_type(w->L, -1);
    if (type == LUA_TTABLE)
        walk_table(w);
    else
        walk_nested(w, type);
}

/* Which tables are metatables is known when all has been seen. */
static void mark_metatables(struct hp_locate *l)
{
    for (size_t i = 0; i < l->holders.count; i++)
        l->holders.items[i].in_metatable = hp_visited_has(&l->metatables, l->holders.items[i].address);
}

enum hp_status hp_locate_step(lua_State *L, struct hp_locate *l, const struct hp_locate_slice *slice,
                              bool *done)
{
    int top = lua_gettop(L);
    struct walk w = {.L = L,
                     .l = l,
                     .anchor = lua_absindex(L, slice->anchor),
                     .successors = slice->successors ? lua_absindex(L, slice->successors) : 0,
                     .latecomers = slice->latecomers,
                     .latecomers_side = slice->latecomers ? lua_absindex(L, slice->latecomers_side) : 0,
                     .meet = slice->meet,
                     .deadline_us = slice->deadline_us};
    luaL_checkstack(L, LUA_MINSTACK + 3 * MAX_NESTED, "hotpatch");
    int side = lua_absindex(L, slice->side);
    lua_rawgeti(L, side, SIDE_PLACE);
    lua_rawgeti(L, side, SIDE_LIST);
    w.list = lua_gettop(L);
    w.place = w.list - 1;
    if (!hp_worklist_reserve(&l->list))
        return HP_NO_MEMORY;
    if (!l->rooted)
        list_roots(&w, slice->poller);
    *done = false;
    while (!w.late && !*done) {
        if (push_next(&w)) {
            walk_object(&w);
            lua_settop(L, w.list);
            is_late(&w);
        } else if (hp_visited_release(&l->visited)) { /* here, and not in the stop that forgets the pass */
            w.late = now_us() >= w.deadline_us;
        } else {
            *done = true;
        }
    }
    lua_settop(L, top);
    if (*done) {
        mark_metatables(l);
        hp_members_order(&l->members);
    }
    bool failed =
        l->visited.failed || l->metatables.failed || hp_arena_failed(&l->arena) || hp_graph_failed(&l->keys);
    return failed ? HP_NO_MEMORY : HP_OK;
}

/* --- results ---------------------------------------------------------------------------------- */

size_t hp_locate_objects(const struct hp_locate *l)
{
    return l->visited.count;
}

size_t hp_locate_bytes(const struct hp_locate *l)
{
    return sizeof *l + l->visited.bytes + l->arena.used + l->keys.arena.used;
}

size_t hp_locate_replaced(const struct hp_locate *l)
{
    return l->replaced;
}

size_t hp_locate_deep(const struct hp_locate *l)
{
    return l->deep;
}

const struct hp_holder *hp_locate_holders(const struct hp_locate *l, size_t *count)
{
    *count = l->holders.count;
    return l->holders.items;
}

const struct hp_running *hp_locate_running(const struct hp_locate *l, size_t *count)
{
    *count = l->running.count;
    return l->running.items;
}

const hp_handle *hp_locate_members(const struct hp_locate *l, size_t *count)
{
    *count = l->members.handles.count;
    return l->members.handles.items;
}

const struct hp_loop *hp_locate_loops(const struct hp_locate *l, size_t *count)
{
    *count = l->loops.count;
    return l->loops.items;
}
