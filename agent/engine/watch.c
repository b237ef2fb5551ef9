#include "agent/engine/watch_impl.h"

#include <lauxlib.h>
#include <string.h>

#define SLOTS 64 /* of coroutines, made beforehand */

static const char current_key = 0; /* its address is the key */

/* --- life ------------------------------------------------------------------------------------- */

struct hp_watch *hp_watch_new(const struct hp_rule *rule, const struct hp_history *history)
{
    struct hp_watch *w = hp_mem_calloc(sizeof *w);
    if (!w)
        return NULL;
    hp_arena_init(&w->arena);
    w->rule = *rule;
    w->history = history;
    w->depth = 1;
    return w;
}

void hp_watch_free(struct hp_watch *w)
{
    if (!w)
        return;
    hp_watch_thread_free_all(w);
    hp_arena_fini(&w->arena);
    hp_mem_free(w);
}

struct hp_watch *hp_watch_current(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &current_key);
    struct hp_watch *w = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return w;
}

void hp_watch_push(lua_State *L, const struct hp_watch *w, int part)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, w);
    lua_rawgeti(L, -1, part);
    lua_remove(L, -2);
}

static lua_State *main_of(lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    lua_State *main = lua_tothread(L, -1);
    lua_pop(L, 1);
    return main;
}

static bool is_free(lua_State *co)
{
    return !lua_gethook(co) || lua_gethook(co) == hp_watch_event;
}

bool hp_watch_is_possible(lua_State *L, lua_State *poller)
{
    return is_free(main_of(L)) && is_free(poller);
}

/* --- what is watched -------------------------------------------------------------------------- */

/* [-0, +1, m] */
static void push_weak_table(lua_State *L, const char *mode, int array, int hash)
{
    lua_createtable(L, array, hash);
    lua_createtable(L, 0, 1);
    lua_pushstring(L, mode);
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
}

/* A function of the standard library, as far as the program has left it there. [-0, +0, m] */
static lua_CFunction standard(lua_State *L, const char *library, const char *name)
{
    lua_CFunction function = NULL;
    int top = lua_gettop(L);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    for (int i = 0; i < 2 && lua_istable(L, -1); i++) {
        lua_pushstring(L, i == 0 ? library : name);
        lua_rawget(L, -2);
        if (i == 1)
            function = lua_tocfunction(L, -1);
    }
    lua_settop(L, top);
    return function;
}

void hp_watch_prepare(lua_State *L, struct hp_watch *w)
{
    w->main = main_of(L);
    w->yield = standard(L, "coroutine", "yield");
    w->resume = standard(L, "coroutine", "resume");
    w->pcall = standard(L, LUA_GNAME, "pcall");
    w->xpcall = standard(L, LUA_GNAME, "xpcall");
    w->error = standard(L, LUA_GNAME, "error");
    lua_createtable(L, 3, 0);
    push_weak_table(L, "k", 0, 16);
    lua_rawseti(L, -2, HP_WATCH_MEMBERS);
    push_weak_table(L, "v", SLOTS, 0);
    lua_rawseti(L, -2, HP_WATCH_THREADS);
    lua_createtable(L, SLOTS, 0);
    lua_rawseti(L, -2, HP_WATCH_HELD);
    lua_rawsetp(L, LUA_REGISTRYINDEX, w);
    if (!hp_watch_current(L)) {
        lua_pushboolean(L, 0); /* room for what the start must not fail to set */
        lua_rawsetp(L, LUA_REGISTRYINDEX, &current_key);
    }
}

/* The place is known already: 0 if not, else its number in `sites`, + 1. */
static uint32_t find_site(const struct hp_watch *w, const struct hp_prototype *p, const char *source,
                          bool nested)
{
    uint32_t at = w->by_line[p->line & (HP_WATCH_BUCKETS - 1)];
    for (; at != 0; at = w->sites.items[at - 1].next) {
        const struct hp_watch_site *site = &w->sites.items[at - 1];
        if (site->line == p->line && site->last_line == p->last_line && site->nested == nested &&
            site->upvalues == (int)p->upvalues.count && site->parameters == p->parameters &&
            strcmp(site->source, source) == 0)
            break;
    }
    return at;
}

/* `source` stays the caller's if the place is known. */
static void add_site(struct hp_watch *w, const struct hp_prototype *p, const char *source, bool nested)
{
    uint32_t *head = &w->by_line[p->line & (HP_WATCH_BUCKETS - 1)];
    struct hp_watch_site *site = find_site(w, p, source, nested) ? NULL : HP_PUSH(&w->arena, &w->sites);
    if (!site)
        return;
    *site = (struct hp_watch_site){
        .function = (uint32_t)w->functions.count - 1,
        .line = p->line,
        .last_line = p->last_line,
        .source = source,
        .source_len = strlen(source),
        .nested = nested,
        .upvalues = (int)p->upvalues.count,
        .parameters = p->parameters,
        .next = *head,
    };
    *head = (uint32_t)w->sites.count;
}

/* Preorder: what is nested follows, and has a parent from there on. */
static void add_sites(struct hp_watch *w, const struct hp_prototype_tree *tree, uint32_t id,
                      const char *source)
{
    add_site(w, &tree->prototypes.items[id], source, false);
    for (uint32_t i = id + 1; i < tree->prototypes.count; i++) {
        const struct hp_prototype *p = &tree->prototypes.items[i];
        if (p->parent == HP_NO_PROTOTYPE || p->parent < id)
            break;
        add_site(w, p, source, true);
    }
}

/* The number of what is watched as that; closures of one prototype (a method of many objects) are one. 0: no
 * memory. */
static uint32_t number_of(struct hp_watch *w, const char *module, const char *path,
                          const struct hp_prototype_tree *tree, uint32_t prototype, const lua_Debug *ar)
{
    uint32_t at = find_site(w, &tree->prototypes.items[prototype], ar->source, false);
    if (at != 0 && w->functions.items[w->sites.items[at - 1].function].tree == tree &&
        w->functions.items[w->sites.items[at - 1].function].prototype == prototype)
        return w->sites.items[at - 1].function + 1;
    struct hp_watched *f = HP_PUSH(&w->arena, &w->functions);
    const char *source = hp_arena_strn(&w->arena, ar->source, ar->srclen);
    if (!f || !source)
        return 0;
    f->tree = tree;
    f->prototype = prototype;
    f->name = hp_arena_printf(&w->arena, "%s%s%s", module ? module : "", module && *module ? "." : "",
                              path ? path : "?");
    add_sites(w, tree, prototype, source);
    return (uint32_t)w->functions.count;
}

bool hp_watch_add(lua_State *L, struct hp_watch *w, const char *module, const char *path,
                  const struct hp_prototype_tree *tree, uint32_t prototype)
{
    lua_Debug ar;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">S", &ar);
    uint32_t number = number_of(w, module, path, tree, prototype, &ar);
    hp_watch_push(L, w, HP_WATCH_MEMBERS);
    lua_insert(L, -2);
    lua_pushinteger(L, (lua_Integer)number);
    lua_rawset(L, -3);
    lua_pop(L, 1);
    return !hp_arena_failed(&w->arena);
}

/* --- on and off ------------------------------------------------------------------------------- */

static void set_hook(lua_State *co)
{
    if (!lua_gethook(co))
        lua_sethook(co, hp_watch_event, LUA_MASKCALL | LUA_MASKRET, 0);
}

static void clear_hook(lua_State *co)
{
    if (lua_gethook(co) == hp_watch_event)
        lua_sethook(co, NULL, 0, 0);
}

void hp_watch_start(struct hp_watch *w, lua_State *L, lua_State *poller)
{
    lua_pushlightuserdata(L, w);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &current_key);
    set_hook(w->main);
    set_hook(poller);
}

void hp_watch_stop(struct hp_watch *w, lua_State *L)
{
    bool is_there = lua_rawgetp(L, LUA_REGISTRYINDEX, w) != LUA_TNIL;
    lua_pop(L, 1);
    if (!is_there)
        return;
    bool is_on = hp_watch_current(L) == w;
    bool is_room = lua_rawgetp(L, LUA_REGISTRYINDEX, &current_key) == LUA_TBOOLEAN;
    lua_pop(L, 1);
    if (is_on || is_room) {
        lua_pushnil(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &current_key);
    }
    if (is_on) {
        hp_watch_threads_unhook(w, L);
        clear_hook(w->main);
        clear_hook(L);
    }
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, w);
}

void hp_watch_push_side(lua_State *L)
{
    struct hp_watch *w = hp_watch_current(L);
    lua_pushnil(L);
    if (w) {
        lua_pop(L, 1);
        lua_rawgetp(L, LUA_REGISTRYINDEX, w);
    }
}

/* What it has open is from before it lost the hook. */
void hp_watch_reach(lua_State *L, lua_State *co)
{
    struct hp_watch *w = hp_watch_current(L);
    struct hp_watch_thread *t = w && !lua_gethook(co) ? hp_watch_thread_find(w, L, co) : NULL;
    if (t)
        hp_watch_calls_forget(w, L, t);
    if (w)
        set_hook(co);
}

/* --- a look ----------------------------------------------------------------------------------- */

void hp_watch_on_news(struct hp_watch *w, void (*tell)(void *ud), void *ud)
{
    w->tell = tell;
    w->tell_ud = ud;
}

void hp_watch_look(struct hp_watch *w, lua_State *L, struct hp_watch_view *out)
{
    hp_watch_reach(
        L, w->main); /* the program may have taken it off: a time limit that it set and cleared, say */
    hp_watch_reach(L, L);
    hp_watch_threads_look(w, L);
    w->told = false;
    *out = (struct hp_watch_view){
        .calls = w->tally.calls, .errors = w->tally.errors, .tripped = w->tripped, .text = w->text};
    if (w->tripped && w->tripped_by != 0) {
        const struct hp_watched *f = &w->functions.items[w->tripped_by - 1];
        out->function = f->name;
        out->function_calls = f->calls;
        out->function_errors = f->errors;
    }
}

const struct hp_tally *hp_watch_tally(const struct hp_watch *w)
{
    return &w->tally;
}
