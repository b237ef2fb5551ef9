/* hotpatch engine: placeholders; the contract is in placeholder.h. */
#include "agent/engine/placeholder.h"

#include <inttypes.h>
#include <string.h>

#include "agent/engine/effect.h"
#include "agent/engine/overlay.h"
#include "agent/engine/stage_impl.h"
#include "agent/engine/stagelib.h"
#include "agent/engine/view.h"

#define MAX_EXPRESSIONS 1000000u
#define MAX_NESTING     1000u /* of index and call: a chain that long is `while p do p = p.next end` */
#define MAX_STRING      40    /* bytes of a string shown in texts */
#define MAX_TEXT        160   /* bytes of a whole text */

/* Asking */

uint32_t hp_placeholder_expression(lua_State *L, int idx)
{
    if (lua_type(L, idx) != LUA_TUSERDATA || !lua_getmetatable(L, idx))
        return HP_NO_ID;
    hp_slot_push(L, placeholder_mt);
    bool is = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is ? *(const uint32_t *)lua_touserdata(L, idx) : HP_NO_ID;
}

bool hp_is_placeholder(lua_State *L, int idx)
{
    return hp_placeholder_expression(L, idx) != HP_NO_ID;
}

bool hp_any_placeholder(lua_State *L, int first, int last)
{
    for (int i = first; i <= last; i++)
        if (hp_is_placeholder(L, i))
            return true;
    return false;
}

static const struct hp_stage_expression *expression_at(lua_State *L, int idx)
{
    uint32_t number = hp_placeholder_expression(L, idx);
    return number != HP_NO_ID ? &hp_stage_of(L)->expressions.items[number] : NULL;
}

const char *hp_placeholder_guess(lua_State *L, int idx)
{
    const struct hp_stage_expression *e = expression_at(L, idx);
    return e != NULL && e->guess != NULL ? e->guess : "userdata";
}

/* Texts */

static void add_quoted(luaL_Buffer *b, const char *s, size_t len)
{
    luaL_addchar(b, '"');
    for (size_t i = 0; i < len && i < MAX_STRING; i++) {
        if (s[i] == '"' || s[i] == '\\') {
            luaL_addchar(b, '\\');
            luaL_addchar(b, s[i]);
        } else if (s[i] == '\n') {
            luaL_addstring(b, "\\n");
        } else {
            luaL_addchar(b, (unsigned char)s[i] < 32 ? '?' : s[i]);
        }
    }
    luaL_addstring(b, len > MAX_STRING ? "…\"" : "\"");
}

void hp_text_push(lua_State *L, int idx)
{
    luaL_checkstack(L, 6, NULL);
    idx = lua_absindex(L, idx);
    const struct hp_stage_expression *e = expression_at(L, idx);
    hp_handle handle = e == NULL ? hp_view_handle(L, idx) : 0;
    if (e != NULL) {
        lua_pushstring(L, e->what);
    } else if (handle != 0) {
        lua_pushstring(L, hp_view_info(L, handle)->text);
    } else if (lua_type(L, idx) == LUA_TSTRING) {
        size_t len;
        const char *s = lua_tolstring(L, idx, &len);
        luaL_Buffer b;
        luaL_buffinit(L, &b);
        add_quoted(&b, s, len);
        luaL_pushresult(&b);
    } else if (lua_type(L, idx) <= LUA_TNUMBER) { /* their `__tostring` is not asked: it would be code */
        if (lua_isinteger(L, idx))
            lua_pushfstring(L, "%I", (LUAI_UACINT)lua_tointeger(L, idx));
        else if (lua_type(L, idx) == LUA_TNUMBER)
            lua_pushfstring(L, "%f", (LUAI_UACNUMBER)lua_tonumber(L, idx));
        else
            lua_pushstring(L, lua_isnil(L, idx) ? "nil" : lua_toboolean(L, idx) ? "true" : "false");
    } else {
        lua_pushstring(L, luaL_typename(L, idx));
    }
}

const char *hp_text_list(lua_State *L, int first, int last)
{
    struct hp_stage *s = hp_stage_of(L);
    const char *text = "";
    for (int i = first; i <= last; i++) {
        if (strlen(text) > MAX_TEXT) {
            text = hp_arena_printf(&s->arena, "%s, …", text);
            break;
        }
        hp_text_push(L, i);
        text = hp_arena_printf(&s->arena, "%s%s%s", text, i > first ? ", " : "", lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    return hp_stage_keep(L, text);
}

static const char *const OPERATORS[] = {"+", "-", "*", "%",  "^",  "/", "//",
                                        "&", "|", "~", "<<", ">>", "-", "~"};

/* What an expression of the operands from `first` to the top is called. */
static const char *describe(lua_State *L, enum hp_operation operation, int first)
{
    struct hp_stage *s = hp_stage_of(L);
    int top = lua_gettop(L);
    for (int i = first; i <= top; i++) {
        luaL_checkstack(L, 2, NULL);
        if (operation == HP_OP_CALL && i > first)
            break;
        hp_text_push(L, i);
    }
    const char *a = lua_tostring(L, top + 1), *b = lua_gettop(L) >= top + 2 ? lua_tostring(L, top + 2) : "";
    const char *text = "";
    switch (operation) {
    case HP_OP_CALL:
        text = hp_arena_printf(&s->arena, "%s(%s)", a, hp_text_list(L, first + 1, top));
        break;
    case HP_OP_INDEX:
        if (lua_type(L, first + 1) == LUA_TSTRING)
            text = hp_arena_printf(&s->arena, "%s.%.*s", a, MAX_STRING, lua_tostring(L, first + 1));
        else
            text = hp_arena_printf(&s->arena, "%s[%s]", a, b);
        break;
    case HP_OP_REQUIRE:
        text = hp_arena_printf(&s->arena, "require(%s)", a);
        break;
    case HP_OP_CONCAT:
        text = hp_arena_printf(&s->arena, "%s .. %s", a, b);
        break;
    case HP_OP_LENGTH:
        text = hp_arena_printf(&s->arena, "#%s", a);
        break;
    case HP_OP_ARITH: {
        const char *operator= OPERATORS[lua_tointeger(L, first)];
        if (top - first == 1)
            text = hp_arena_printf(&s->arena, "%s%s", operator, b);
        else
            text = hp_arena_printf(&s->arena, "%s %s %s", b, operator, lua_tostring(L, top + 3));
        break;
    }
    case HP_OP_OTHER:
        text = "?";
        break;
    }
    lua_settop(L, top);
    if (strlen(text) > MAX_TEXT)
        text = hp_arena_printf(&s->arena, "%.*s…", MAX_TEXT, text);
    return hp_stage_keep(L, text);
}

/* Making */

/* A string that is equal for equal operations on equal operands. Objects count by address: the expression
 * keeps them alive.
 * [-0, +1, e] */
static void push_intern_key(lua_State *L, enum hp_operation operation, int first)
{
    int top = lua_gettop(L);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    luaL_addchar(&b, (char)('A' + (int)operation));
    for (int i = first; i <= top; i++) {
        luaL_addchar(&b, (char)('a' + lua_type(L, i)));
        size_t len = sizeof(void *);
        const void *address = lua_topointer(L, i);
        lua_Integer integer;
        lua_Number number;
        const char *bytes = (const char *)&address;
        switch (lua_type(L, i)) {
        case LUA_TNIL:
            len = 0;
            break;
        case LUA_TBOOLEAN:
            bytes = lua_toboolean(L, i) ? "t" : "f";
            len = 1;
            break;
        case LUA_TNUMBER:
            luaL_addchar(&b, lua_isinteger(L, i) ? 'i' : 'f');
            integer = lua_tointeger(L, i);
            number = lua_tonumber(L, i);
            bytes = lua_isinteger(L, i) ? (const char *)&integer : (const char *)&number;
            len = sizeof integer;
            break;
        case LUA_TSTRING:
            bytes = lua_tolstring(L, i, &len);
            luaL_addlstring(&b, (const char *)&len, sizeof len);
            break;
        default:
            break;
        }
        luaL_addlstring(&b, bytes, len);
    }
    luaL_pushresult(&b);
}

static uint32_t nesting(lua_State *L, int first, int last)
{
    uint32_t depth = 0;
    for (int i = first; i <= last; i++) {
        const struct hp_stage_expression *e = expression_at(L, i);
        if (e != NULL && e->depth > depth)
            depth = e->depth;
    }
    return depth;
}

/* Keeps the operands from `first` to the top under the number of the expression. [-0, +0, e] */
static void keep_operands(lua_State *L, uint32_t number, int first)
{
    int top = lua_gettop(L);
    hp_slot_push(L, operands);
    lua_createtable(L, top - first + 1, 0);
    for (int i = first; i <= top; i++) {
        lua_pushvalue(L, i);
        lua_rawseti(L, -2, i - first + 1);
    }
    lua_rawseti(L, -2, (lua_Integer)number + 1);
    lua_pop(L, 1);
}

/* [-0, +1, e] */
static void push_userdata(lua_State *L, uint32_t number)
{
    uint32_t *block = lua_newuserdatauv(L, sizeof *block, 0);
    *block = number;
    hp_slot_push(L, placeholder_mt);
    lua_setmetatable(L, -2);
    hp_slot_push(L, placeholders);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, (lua_Integer)number + 1);
    lua_pop(L, 1);
}

static bool is_zero(const struct hp_stage *s, uint32_t number)
{
    for (size_t i = 0; i < s->zero_count; i++)
        if (s->zeros[i] == number)
            return true;
    return false;
}

/* A call of a standard function that is pure gives one result, however often it is made. */
static bool has_one_result(lua_State *L, enum hp_operation operation, int first)
{
    const struct hp_std *std = hp_view_info(L, hp_view_handle(L, first))->std;
    return operation != HP_OP_OTHER &&
           (operation != HP_OP_CALL || (std != NULL && std->kind != HP_STD_EFFECT));
}

void hp_placeholder_push(lua_State *L, enum hp_operation operation, int n, const char *what,
                         const char *guess)
{
    struct hp_stage *s = hp_stage_of(L);
    int first = lua_gettop(L) - n + 1;
    luaL_checkstack(L, 12, NULL);
    bool intern = has_one_result(L, operation, first);
    if (intern) {
        push_intern_key(L, operation, first);
        lua_insert(L, first++); /* the key stands below the operands from here on */
        hp_slot_push(L, interned);
        lua_pushvalue(L, first - 1);
        lua_rawget(L, -2);
        lua_remove(L, -2);
        if (!lua_isnil(L, -1)) {
            lua_replace(L, first - 1);
            lua_settop(L, first - 1);
            return;
        }
        lua_pop(L, 1);
    }
    uint32_t depth = nesting(L, first, lua_gettop(L)) + 1;
    if (depth > MAX_NESTING && (operation == HP_OP_INDEX || operation == HP_OP_CALL)) {
        lua_settop(L, intern ? first - 2 : first - 1);
        lua_pushnil(L);
        return;
    }
    if (s->expressions.count >= MAX_EXPRESSIONS)
        hp_stage_fail(L, HP_LIMIT, "the chunk uses more than a million results of calls that were not made");
    uint32_t number = (uint32_t)s->expressions.count;
    struct hp_stage_expression *e = HP_PUSH(&s->arena, &s->expressions);
    if (e == NULL)
        hp_stage_fail(L, HP_NO_MEMORY, "no memory for the list of expressions");
    struct hp_stage_expression made = {
        .operation = operation, .operands = (uint32_t)n, .depth = depth, .guess = guess};
    hp_stage_where(L, &made.module, &made.line);
    made.what = what != NULL ? what : describe(L, operation, first);
    *e = made;
    keep_operands(L, number, first);
    if (is_zero(s, number))
        lua_pushinteger(L, 0);
    else
        push_userdata(L, number);
    if (intern) {
        hp_slot_push(L, interned);
        lua_pushvalue(L, first - 1);
        lua_pushvalue(L, -3);
        lua_rawset(L, -3);
        lua_pop(L, 1);
        first--;
    }
    lua_replace(L, first);
    lua_settop(L, first);
}

/* Metamethods */

/* What is a string for sure has the methods of strings, which are pure. */
static bool push_string_method(lua_State *L)
{
    if (strcmp(hp_placeholder_guess(L, 1), "string") != 0 || lua_type(L, 2) != LUA_TSTRING)
        return false;
    lua_pushliteral(L, "");
    lua_pushvalue(L, 2);
    lua_gettable(L, -2);
    return !lua_isnil(L, -1);
}

static int placeholder_index(lua_State *L)
{
    lua_settop(L, 2);
    if (hp_overlay_get(L, 1, 2))
        return 1;
    if (hp_overlay_get_metatable(L, 1)) {
        hp_view_rawget_str(L, -1, "__index");
        if (!lua_isnil(L, -1) && !lua_isfunction(L, -1)) {
            lua_pushvalue(L, 2);
            lua_gettable(L, -2);
            if (!lua_isnil(L, -1))
                return 1;
        }
        lua_settop(L, 2);
    }
    if (push_string_method(L))
        return 1;
    lua_settop(L, 2);
    hp_placeholder_push(L, HP_OP_INDEX, 2, NULL, "table");
    return 1;
}

static int placeholder_newindex(lua_State *L)
{
    lua_settop(L, 3);
    hp_overlay_set(L, 1, 2);
    return 0;
}

static int placeholder_len(lua_State *L)
{
    lua_settop(L, 1);
    hp_placeholder_push(L, HP_OP_LENGTH, 1, NULL, "number");
    return 1;
}

static int placeholder_close(lua_State *L)
{
    (void)L;
    return 0;
}

static int placeholder_tostring(lua_State *L)
{
    hp_text_push(L, 1);
    return 1;
}

void hp_placeholder_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"__index", placeholder_index},
        {"__newindex", placeholder_newindex},
        {"__call", hp_foreign_call},
        {"__len", placeholder_len},
        {"__close", placeholder_close},
        {"__tostring", placeholder_tostring},
        {NULL, NULL},
    };
    hp_slot_push(L, placeholder_mt);
    luaL_setfuncs(L, functions, 0);
    hp_view_set_operators(L);
    lua_pushliteral(L, "unknown value");
    lua_setfield(L, -2, "__name");
    lua_pop(L, 1);
}
