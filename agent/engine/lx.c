/* hotpatch engine: small helpers over Lua's C interface; the contract is in lx.h. */
#include "lx.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <string.h>

/* --- dump ------------------------------------------------------------------------------------- */

struct dump {
    char *data;
    size_t len, cap;
};

/* A lua_Writer: 0 to go on. Raises nothing, so that lua_dump does not either. */
static int write_dump(lua_State *L, const void *bytes, size_t size, void *ud)
{
    (void)L;
    struct dump *d = ud;
    if (size > d->cap - d->len) {
        size_t cap = d->cap != 0 ? d->cap : 1024;
        while (cap - d->len < size && cap <= SIZE_MAX / 2)
            cap *= 2;
        char *grown = cap - d->len >= size ? hp_mem_realloc(d->data, cap) : NULL;
        if (grown == NULL)
            return 1;
        d->data = grown;
        d->cap = cap;
    }
    memcpy(d->data + d->len, bytes, size);
    d->len += size;
    return 0;
}

enum hp_status hp_lx_dump(lua_State *L, int idx, bool strip, char **data, size_t *len)
{
    struct dump d = {0};
    *data = NULL;
    *len = 0;
    if (!lua_isfunction(L, idx) || lua_iscfunction(L, idx))
        return HP_UNSUPPORTED;
    lua_pushvalue(L, idx);
    int stopped = lua_dump(L, write_dump, &d, strip);
    lua_pop(L, 1);
    if (stopped != 0) {
        hp_mem_free(d.data);
        return HP_NO_MEMORY;
    }
    *data = d.data;
    *len = d.len;
    return HP_OK;
}

/* --- protected calls -------------------------------------------------------------------------- */

const char *hp_lx_message(lua_State *L, int idx, struct hp_arena *arena)
{
    int type = lua_type(L, idx);
    if (type == LUA_TSTRING) {
        size_t len;
        const char *text = lua_tolstring(L, idx, &len);
        return hp_arena_strn(arena, text, strlen(text) < len ? strlen(text) : len);
    }
    if (type == LUA_TNUMBER) { /* not lua_tolstring, which would change the value in place */
        return lua_isinteger(L, idx)
                   ? hp_arena_printf(arena, LUA_INTEGER_FMT, (LUAI_UACINT)lua_tointeger(L, idx))
                   : hp_arena_printf(arena, LUA_NUMBER_FMT, (LUAI_UACNUMBER)lua_tonumber(L, idx));
    }
    return hp_arena_printf(arena, "(error object is a %s value)", lua_typename(L, type));
}

const char *hp_lx_traceback(lua_State *L, lua_State *co, int level, struct hp_arena *arena)
{
    luaL_traceback(L, co, NULL, level);
    const char *text = hp_arena_str(arena, lua_tostring(L, -1));
    lua_pop(L, 1);
    return text;
}

struct catcher {
    struct hp_arena *arena;
    struct hp_lx_failure *failure;
};

/* The message handler: notes message and traceback in C, gives the error value back as it is. Level 0 is
 * itself. */
static int catch_error(lua_State *L)
{
    struct catcher *c = lua_touserdata(L, lua_upvalueindex(1));
    c->failure->text = hp_lx_message(L, 1, c->arena);
    c->failure->traceback = hp_lx_traceback(L, L, 1, c->arena);
    lua_settop(L, 1);
    return 1;
}

/* Pushes the handler; run on its own, protected, since making a closure may raise. */
static int make_catcher(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushcclosure(L, catch_error, 1);
    return 1;
}

static const char *fallback_text(lua_State *L, int status, struct hp_arena *arena)
{
    return status == LUA_ERRMEM ? "not enough memory" : hp_lx_message(L, -1, arena);
}

int hp_lx_pcall(lua_State *L, int args, int results, struct hp_arena *arena, struct hp_lx_failure *failure)
{
    struct hp_lx_failure own;
    struct catcher c = {.arena = arena, .failure = failure != NULL ? failure : &own};
    *c.failure = (struct hp_lx_failure){.status = LUA_OK};
    int base = lua_gettop(L) - args; /* of the function; the handler goes below it */
    lua_pushcfunction(L, make_catcher);
    lua_pushlightuserdata(L, &c);
    int status = lua_pcall(L, 1, 1, 0);
    if (status == LUA_OK) {
        lua_insert(L, base);
        status = lua_pcall(L, args, results, base);
    }
    c.failure->status = status;
    if (status == LUA_OK) {
        lua_remove(L, base);
        return LUA_OK;
    }
    if (c.failure->text == NULL || status == LUA_ERRMEM)
        c.failure->text = fallback_text(L, status, arena);
    lua_settop(L, base - 1);
    return status;
}

int hp_lx_protect(lua_State *L, lua_CFunction fn, void *ud, struct hp_arena *arena,
                  struct hp_lx_failure *failure)
{
    lua_pushcfunction(L, fn);
    lua_pushlightuserdata(L, ud);
    return hp_lx_pcall(L, 1, 0, arena, failure);
}

/* --- bounds ----------------------------------------------------------------------------------- */

#define PERIOD 1000

/* The innermost bound of this OS thread: a hook gets nothing but the coroutine it runs on. */
static _Thread_local struct hp_lx_bound *innermost;

void hp_lx_set_hook(lua_State *co, lua_Hook hook, int period)
{
    lua_sethook(co, hook, hook != NULL ? LUA_MASKCOUNT : 0, period);
}

/* How far the next look may be away. */
static int period_of(const struct hp_lx_bound *b)
{
    return b->left <= 0 ? 1 : b->left < PERIOD ? (int)b->left : PERIOD;
}

static void count(lua_State *co, lua_Debug *ar)
{
    (void)ar;
    struct hp_lx_bound *b = innermost;
    if (b == NULL) { /* a coroutine that was made under a bound and lives on */
        lua_sethook(co, NULL, 0, 0);
        return;
    }
    int period = lua_gethookcount(co);
    b->left -= period;
    if (period_of(b) != period)
        lua_sethook(co, count, LUA_MASKCOUNT, period_of(b));
    if (b->left <= 0) {
        luaL_where(co, 0);
        lua_pushfstring(co, "%sinstruction limit of %I reached", lua_tostring(co, -1), (LUAI_UACINT)b->limit);
        lua_error(co);
    }
}

void hp_lx_bound_start(struct hp_lx_bound *b, lua_State *co, int64_t instructions)
{
    struct hp_lx_bound *outer = innermost;
    int64_t limit = outer != NULL && outer->left < instructions ? outer->left : instructions;
    limit = limit > 0 ? limit : 0;
    *b = (struct hp_lx_bound){
        .co = co,
        .outer = outer,
        .limit = limit,
        .left = limit,
        .old_hook = lua_gethook(co),
        .old_mask = lua_gethookmask(co),
        .old_count = lua_gethookcount(co),
    };
    innermost = b;
    lua_sethook(co, count, LUA_MASKCOUNT, period_of(b));
}

/* Putting a hook back restarts its count, so what the outer bound had counted since its last look is lost: a
 * whole period is charged for it, lest a loop over short inner bounds never ends. */
bool hp_lx_bound_stop(struct hp_lx_bound *b)
{
    struct hp_lx_bound *outer = b->outer;
    int old_count = b->old_count;
    innermost = outer;
    if (outer != NULL) {
        outer->left -= b->limit - (b->left > 0 ? b->left : 0) + PERIOD;
        old_count = b->old_hook == count ? period_of(outer) : old_count;
    }
    lua_sethook(b->co, b->old_hook, b->old_mask, old_count);
    return b->left <= 0;
}
