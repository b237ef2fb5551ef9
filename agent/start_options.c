#include "agent/start_options.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

#include "proto/suggest.h"

enum option_kind { OPTION_TEXT, OPTION_LIST, OPTION_NUMBER, OPTION_TLS, OPTION_TRUST, OPTION_RIGHTS };

#define AT(field) offsetof(struct hotpatch_options, field)

static const struct option {
    const char *key;
    enum option_kind kind;
    size_t offset;
} options_known[] = {
    {"name", OPTION_TEXT, AT(name)},
    {"state", OPTION_TEXT, AT(state)},
    {"dir", OPTION_TEXT, AT(dir)},
    {"listen", OPTION_LIST, AT(listen)},
    {"safepoint", OPTION_TEXT, AT(safepoint)},
    {"allow", OPTION_LIST, AT(allow)},
    {"deny", OPTION_LIST, AT(deny)},
    {"max_pause_ms", OPTION_NUMBER, AT(max_pause_ms)},
    {"tls", OPTION_TLS, 0},
    {"audit", OPTION_TEXT, AT(audit)},
    {"trust", OPTION_TRUST, 0},
    {"rights", OPTION_RIGHTS, 0},
};
#define OPTION_COUNT (sizeof options_known / sizeof *options_known)

static const struct option *option_find(const char *key)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strcmp(options_known[i].key, key) == 0)
            return &options_known[i];
    return NULL;
}

static void unknown_option(lua_State *L, const char *key)
{
    struct hp_suggest suggest;
    hp_suggest_init(&suggest, key);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        hp_suggest_offer(&suggest, options_known[i].key);
    if (suggest.best)
        luaL_error(L, "hotpatch.start: there is no option '%s'; did you mean '%s'?", key, suggest.best);
    luaL_error(L, "hotpatch.start: there is no option '%s'", key);
}

static void wrong_type(lua_State *L, const char *key, const char *wanted)
{
    luaL_error(L, "hotpatch.start: '%s' should be %s and is a %s", key, wanted, luaL_typename(L, -1));
}

/* The value on top as a NULL-terminated list, in a userdata that is kept in the table at `anchor`. */
static const char *const *read_list(lua_State *L, int anchor, const char *key)
{
    bool one = lua_type(L, -1) == LUA_TSTRING;
    if (!one && !lua_istable(L, -1))
        wrong_type(L, key, "a list of strings");
    size_t count = one ? 1 : (size_t)lua_rawlen(L, -1);
    const char **list = lua_newuserdatauv(L, (count + 1) * sizeof *list, 0);
    lua_setfield(L, anchor, key);
    for (size_t i = 0; i < count; i++) {
        if (one)
            lua_pushvalue(L, -1);
        else
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            wrong_type(L, key, "a list of strings");
        list[i] = lua_tostring(L, -1); /* the list itself holds it */
        lua_pop(L, 1);
    }
    list[count] = NULL;
    return list;
}

/* `tls = { ca = FILE, cert = FILE, key = FILE }`; the table holds the strings. */
static void read_tls(lua_State *L, struct hotpatch_options *options)
{
    if (!lua_istable(L, -1))
        wrong_type(L, "tls", "a table { ca = FILE, cert = FILE, key = FILE }");
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        const char **field = strcmp(key, "ca") == 0     ? &options->tls_ca
                             : strcmp(key, "cert") == 0 ? &options->tls_cert
                             : strcmp(key, "key") == 0  ? &options->tls_key
                                                        : NULL;
        if (!field)
            luaL_error(L, "hotpatch.start: tls takes ca, cert and key, as in tls = { ca = FILE, cert = FILE, "
                          "key = FILE }");
        else if (lua_type(L, -1) != LUA_TSTRING)
            wrong_type(L, key, "the name of a file");
        else
            *field = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
}

/* --- trust ------------------------------------------------------------------------------------ */

#define TRUST_SHAPE "a table { keys = { FILE, … }, need = N, state = FILE, eval = true|false }"

/* One of `keys`, on top: a string, or { key = …, name = …, modules = { … } }. */
static void read_trust_key(lua_State *L, int anchor, struct hotpatch_trust_key *key)
{
    if (lua_type(L, -1) == LUA_TSTRING) {
        key->key = lua_tostring(L, -1); /* the list itself holds it */
        return;
    }
    if (!lua_istable(L, -1))
        wrong_type(L, "trust.keys",
                   "a list of strings and of tables { key = FILE, name = …, modules = { … } }");
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        bool text = lua_type(L, -1) == LUA_TSTRING;
        if (strcmp(name, "modules") == 0) {
            key->modules = read_list(L, anchor, lua_pushfstring(L, "trust %p", (void *)key));
            lua_pop(L, 1);
        } else if (strcmp(name, "key") != 0 && strcmp(name, "name") != 0) {
            luaL_error(L, "hotpatch.start: a key of trust takes key, name and modules");
        } else if (!text) {
            wrong_type(L, name, "a string");
        } else {
            *(*name == 'k' ? &key->key : &key->name) = lua_tostring(L, -1);
        }
        lua_pop(L, 1);
    }
}

/* The list on top. */
static void read_trust_keys(lua_State *L, int anchor, struct hotpatch_trust *trust)
{
    bool one = lua_type(L, -1) == LUA_TSTRING;
    if (!one && !lua_istable(L, -1))
        wrong_type(L, "trust.keys",
                   "a list of strings and of tables { key = FILE, name = …, modules = { … } }");
    trust->key_count = one ? 1 : (size_t)lua_rawlen(L, -1);
    struct hotpatch_trust_key *keys = lua_newuserdatauv(L, (trust->key_count + 1) * sizeof *keys, 0);
    memset(keys, 0, (trust->key_count + 1) * sizeof *keys);
    lua_setfield(L, anchor, "trust.keys");
    trust->keys = keys;
    for (size_t i = 0; i < trust->key_count; i++) {
        if (one)
            lua_pushvalue(L, -1);
        else
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
        read_trust_key(L, anchor, &keys[i]);
        lua_pop(L, 1);
    }
}

static void read_trust(lua_State *L, int anchor, struct hotpatch_options *options)
{
    if (!lua_istable(L, -1))
        wrong_type(L, "trust", TRUST_SHAPE);
    struct hotpatch_trust *trust = lua_newuserdatauv(L, sizeof *trust, 0);
    memset(trust, 0, sizeof *trust);
    lua_setfield(L, anchor, "trust");
    options->trust = trust;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        if (strcmp(name, "keys") == 0)
            read_trust_keys(L, anchor, trust);
        else if (strcmp(name, "need") == 0 && lua_isinteger(L, -1))
            trust->need = (int)lua_tointeger(L, -1);
        else if (strcmp(name, "state") == 0 && lua_type(L, -1) == LUA_TSTRING)
            trust->state = lua_tostring(L, -1);
        else if (strcmp(name, "eval") == 0 && lua_isboolean(L, -1))
            trust->eval = lua_toboolean(L, -1);
        else
            luaL_error(L, "hotpatch.start: trust takes " TRUST_SHAPE);
        lua_pop(L, 1);
    }
}

/* --- rights ----------------------------------------------------------------------------------- */

/* `rights = { read = LIST, patch = LIST, eval = LIST or false }`; the tables hold the strings. */
static void read_rights(lua_State *L, int anchor, struct hotpatch_options *options)
{
    static const char form[] =
        "as in rights = { read = { \"group:ops\" }, patch = { \"user:deploy\" }, eval = false }";
    if (!lua_istable(L, -1))
        luaL_error(L, "hotpatch.start: 'rights' should be a table and is a %s; %s", luaL_typename(L, -1),
                   form);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        if (strcmp(key, "read") == 0)
            options->rights_read = read_list(L, anchor, "rights.read");
        else if (strcmp(key, "patch") == 0)
            options->rights_patch = read_list(L, anchor, "rights.patch");
        else if (strcmp(key, "eval") != 0)
            luaL_error(L, "hotpatch.start: rights takes read, patch and eval, %s", form);
        else if (!lua_isboolean(L, -1))
            options->rights_eval = read_list(L, anchor, "rights.eval");
        else
            options->no_eval = !lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
}

/* --- all of them ------------------------------------------------------------------------------ */

static void read_option(lua_State *L, int anchor, const struct option *option,
                        struct hotpatch_options *options)
{
    char *field = (char *)options + option->offset;
    switch (option->kind) {
    case OPTION_TEXT: {
        if (lua_type(L, -1) != LUA_TSTRING)
            wrong_type(L, option->key, "a string");
        const char *text = lua_tostring(L, -1);
        memcpy(field, &text, sizeof text);
        break;
    }
    case OPTION_LIST: {
        const char *const *list = read_list(L, anchor, option->key);
        memcpy(field, &list, sizeof list);
        break;
    }
    case OPTION_NUMBER: {
        if (lua_type(L, -1) != LUA_TNUMBER)
            wrong_type(L, option->key, "a number");
        double number = (double)lua_tonumber(L, -1);
        memcpy(field, &number, sizeof number);
        break;
    }
    case OPTION_TLS:
        read_tls(L, options);
        break;
    case OPTION_TRUST:
        read_trust(L, anchor, options);
        break;
    case OPTION_RIGHTS:
        read_rights(L, anchor, options);
        break;
    }
}

void hp_start_options_read(lua_State *L, int index, struct hotpatch_options *options)
{
    *options = (struct hotpatch_options)HOTPATCH_OPTIONS_INIT;
    luaL_checkstack(L, 16, NULL);
    lua_newtable(L);
    int anchor = lua_gettop(L);
    if (lua_isnoneornil(L, index))
        return;
    luaL_checktype(L, index, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "hotpatch.start: its options have names, as in start { name = \"game\" }");
        const char *key = lua_tostring(L, -2);
        const struct option *option = option_find(key);
        if (!option)
            unknown_option(L, key);
        else
            read_option(L, anchor, option, options);
        lua_pop(L, 1);
    }
}

/* --- checking --------------------------------------------------------------------------------- */

static bool check_word(const char *key, const char *text, struct hp_why *why)
{
    size_t len = text ? strlen(text) : 1;
    if (len == 0 || len > 64)
        return hp_why_set(why, "'%s' should have 1 to 64 bytes", key);
    for (const char *s = text ? text : ""; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return hp_why_set(why, "'%s' has a control character", key);
    return true;
}

static bool check_safepoint(const char *word, struct hp_why *why)
{
    static const char *const words[] = {"auto", "poll", "signal", "hook"};
    if (!word || strcmp(word, "auto") == 0 || strcmp(word, "poll") == 0)
        return true;
    if (strcmp(word, "signal") == 0 || strcmp(word, "hook") == 0)
        return hp_why_set(
            why, "safepoint '%s' is not in this version; call hotpatch.poll() in the program's loop", word);
    struct hp_suggest suggest;
    hp_suggest_init(&suggest, word);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        hp_suggest_offer(&suggest, words[i]);
    if (suggest.best)
        return hp_why_set(why, "safepoint '%s' is none; did you mean '%s'?", word, suggest.best);
    return hp_why_set(why, "safepoint '%s' is none; there are 'auto' and 'poll'", word);
}

bool hp_start_options_check(const struct hotpatch_options *given, struct hotpatch_options *out,
                            struct hp_why *why)
{
    *out = (struct hotpatch_options)HOTPATCH_OPTIONS_INIT;
    if (given) {
        if (given->size < sizeof given->size || given->size > 4096)
            return hp_why_set(why, "options.size is not set; begin with HOTPATCH_OPTIONS_INIT");
        size_t size = given->size < sizeof *out ? given->size : sizeof *out;
        memcpy(out, given, size);
        out->size = sizeof *out;
    }
    if (!isfinite(out->max_pause_ms) || out->max_pause_ms < 0)
        return hp_why_set(why, "'max_pause_ms' should be a number of milliseconds, 0 or more");
    return check_word("name", out->name, why) && check_word("state", out->state, why) &&
           check_safepoint(out->safepoint, why);
}
