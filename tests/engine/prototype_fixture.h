/* What the tests of prototypes share: sources compiled by the real Lua and read. */
#ifndef HP_TESTS_PROTOTYPE_FIXTURE_H
#define HP_TESTS_PROTOTYPE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

#include "agent/engine/prototype.h"

struct bytes {
    char *data;
    size_t len;
};

static inline int add_bytes(lua_State *L, const void *p, size_t size, void *ud)
{
    (void)L;
    struct bytes *b = ud;
    b->data = realloc(b->data, b->len + size);
    assert_non_null(b->data);
    memcpy(b->data + b->len, p, size);
    b->len += size;
    return 0;
}

static inline lua_State *new_state(void)
{
    lua_State *L = luaL_newstate();
    assert_non_null(L);
    luaL_openlibs(L);
    return L;
}

/* The dump of the text's main function. */
static inline struct bytes compile(lua_State *L, const char *text, bool strip)
{
    struct bytes b = {NULL, 0};
    if (luaL_loadbufferx(L, text, strlen(text), "@test.lua", "t") != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    assert_int_equal(lua_dump(L, add_bytes, &b, strip), 0);
    lua_pop(L, 1);
    return b;
}

static inline void parse(struct hp_prototype_tree *tree, const char *text)
{
    lua_State *L = new_state();
    struct bytes b = compile(L, text, false);
    lua_close(L);
    assert_int_equal(hp_prototypes_parse(tree, b.data, b.len), HP_OK);
    free(b.data);
}

static inline const struct hp_prototype *prototype(const struct hp_prototype_tree *tree, uint32_t id)
{
    assert_true(id < tree->prototypes.count);
    return &tree->prototypes.items[id];
}

/* The prototype whose definition begins on that line. */
static inline uint32_t on_line(const struct hp_prototype_tree *tree, int line)
{
    for (uint32_t id = 1; id < tree->prototypes.count; id++)
        if (tree->prototypes.items[id].line == line)
            return id;
    fail_msg("no function on line %d", line);
    return 0;
}

#endif
