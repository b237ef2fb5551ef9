/* prototype.h: what bytecode calls a closure, and which local an upvalue is, for what the real compiler
 * writes. */
#include "prototype_fixture.h"

/* --- names ------------------------------------------------------------------------------------ */

static const struct {
    const char *text; /* the function of interest is the one that begins on the line of its own after \n */
    const char *name;
} NAMES[] = {
    {"local\nfunction f() end", "f"},
    {"local f =\nfunction() end", "f"},
    {"local f\nf = function() end", "f"},
    {"\nfunction f() end", "f"},
    {"\nf = function() end", "f"},
    {"_ENV.f =\nfunction() end", "f"},
    {"_G.f =\nfunction() end", "_G.f"},
    {"local _ENV = {}\nfunction f() end", "f"},
    {"local M = {}\nfunction M.f() end", "M.f"},
    {"local M = {}\nfunction M:f() end", "M.f"},
    {"local M = {}\nM.f = function() end", "M.f"},
    {"local M = {}\nM['f'] = function() end", "M.f"},
    {"local M = {}\nM['a b'] = function() end", "M[\"a b\"]"},
    {"local M = {}\nM['a\"\\n'] = function() end", "M[\"a\\034\\010\"]"},
    {"local M = {}\nM[3] = function() end", "M[3]"},
    {"local M = {}\nM[300] = function() end", "M[300]"},
    {"local M = {}\nM[-1] = function() end", "M[-1]"},
    {"local M = {}\nM[1.5] = function() end", "M[1.5]"},
    {"local M, k = {}, 'x'\nM[k] = function() end", "M[k]"},
    {"local M = {}\nM[g()] = function() end", "M[?]"},
    {"\nfunction M.f() end", "M.f"},
    {"\nfunction M:f() end", "M.f"},
    {"\nfunction a.b.c:f() end", "a.b.c.f"},
    {"local a = x\nfunction a.b.c.f() end", "a.b.c.f"},
    {"local a, i = x, 1\na[i].f = function() end", "a[i].f"},
    {"a[1].f =\nfunction() end", "a[1].f"},
    {"M = {\nf = function() end}", ".f"},
    {"local M = { x = 1, y = g(),\nf = function() end, z = 2 }", ".f"},
    {"local M = { a = { b = {\nf = function() end } } }", ".f"},
    {"local M = { ['a b'] =\nfunction() end }", "[\"a b\"]"},
    {"local M = { [3] =\nfunction() end }", "[3]"},
    {"local M = { 1, 2,\nfunction() end }", NULL},
    {"setmetatable({}, { __index =\nfunction() end })", ".__index"},
    {"g(\nfunction() end)", NULL},
    {"o:on('x',\nfunction() end)", NULL},
    {"return\nfunction() end", NULL},
    {"(\nfunction() end)()", NULL},
    {"local r = (\nfunction() end)()", NULL},
    {"local r = g(\nfunction() end)", NULL},
    {"for _ in\nfunction() end do end", NULL},
    {"local f, g = 1,\nfunction() end", "g"},
    {"local f, g =\nfunction() end, 2", "f"},
    {"local f, g =\nfunction() end, h()", "f"},
    {"local M = {} M.f, M.g =\nfunction() end, 2", "M.f"},
    {"local M = {} M.f, M.g = 1,\nfunction() end", "M.g"},
    {"local f = f or\nfunction() end", "f"},
    {"f = f or\nfunction() end", "f"},
    {"local M = {} M.f = M.f or\nfunction() end", "M.f"},
    {"local c = x local f = c and\nfunction() end or g", "f"},
    {"local c = x f = c and\nfunction() end or g", "f"},
    {"do local f =\nfunction() end end", "f"},
    {"do local\nfunction f() end end", "f"},
    {"if x then\nfunction f() end end", "f"},
    {"for i = 1, 3 do local\nfunction f() return i end end", "f"},
    {"local f function set()\nf = function() end end", "f"},
    {"local M = {} function set()\nM.f = function() end end", "M.f"},
    {"local M = {} function set()\nM.sub.f = function() end end", "M.sub.f"},
    {"function set()\nf = function() end end", "f"},
    {"function set(self)\nself.f = function() end end", "self.f"},
    {"g().f =\nfunction() end", ".f"},
    {"local M = {} local up = M function M.g() end\nfunction up.f() end", "up.f"},
    {"local a = 1; (a or M).f =\nfunction() end", "M.f"},
    {"local a <const>, b = 5, 6 local\nfunction f() return a, b end", "f"},
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        struct hp_prototype_tree tree;
        parse(&tree, NAMES[i].text);
        const struct hp_prototype *p = NULL;
        for (uint32_t id = 1; id < tree.prototypes.count; id++)
            if (tree.prototypes.items[id].line == 2 || p == NULL)
                p = &tree.prototypes.items[id];
        assert_non_null(p);
        bool right =
            NAMES[i].name == NULL ? p->name == NULL : p->name != NULL && strcmp(p->name, NAMES[i].name) == 0;
        if (!right) {
            fail_msg("%s: is called %s, not %s", NAMES[i].text, p->name != NULL ? p->name : "(nothing)",
                     NAMES[i].name != NULL ? NAMES[i].name : "(nothing)");
        }
        hp_prototypes_fini(&tree);
    }
}

/* --- variables -------------------------------------------------------------------------------- */

/* Upvalue `name` of the function on `line` is the variable that `owner` (line of its function, 0: the chunk,
 * -1: nobody's) declared as its `nth` local of that name, from 1. */
static const struct {
    const char *text;
    int line;
    const char *name;
    int owner, nth;
} VARIABLES[] = {
    {"local a\nlocal function f() return a end", 2, "a", 0, 1},
    {"local a local a\nlocal function f() return a end", 2, "a", 0, 2},
    {"local a\nlocal function f() return a end\nlocal a\nlocal function g() return a end", 2, "a", 0, 1},
    {"local a\nlocal function f() return a end\nlocal a\nlocal function g() return a end", 4, "a", 0, 2},
    {"local\nfunction f() return f end", 2, "f", 0, 1},
    {"local f\nlocal f = function() return f end", 2, "f", 0, 1},
    {"local f\nlocal function f() return f end", 2, "f", 0, 2},
    {"do local\nfunction f() return f end end", 2, "f", 0, 1},
    {"local f do local\nfunction f() return f end end", 2, "f", 0, 2},
    {"do local a local\nfunction f() return a end end local a", 2, "a", 0, 1},
    {"do local a end do local a\nfunction f() return a end end", 2, "a", 0, 2},
    {"do local x local a end local y, a\nfunction f() return a end", 2, "a", 0, 2},
    {"local a <const> = 1 local b = 2 local c <const> = 3 local d\nfunction f() return a, b, c, d end", 2,
     "d", 0, 1},
    {"for i = 1, 2 do\nlocal function f() return i end end", 2, "i", 0, 1},
    {"for i = 1, 2 do for i = 1, 2 do\nlocal function f() return i end end end", 2, "i", 0, 2},
    {"for k, v in pairs({}) do local w\nlocal function f() return v, w end end", 2, "v", 0, 1},
    {"for k, v in pairs({}) do local w\nlocal function f() return v, w end end", 2, "w", 0, 1},
    {"while true do local a\nlocal function f() return a end end", 2, "a", 0, 1},
    {"repeat local a\nlocal function f() return a end until a", 2, "a", 0, 1},
    {"repeat local a until (\nfunction() return a end)()", 2, "a", 0, 1},
    {"local a <close> = nil\nlocal function f() return a end", 2, "a", 0, 1},
    {"local function g(a, b)\nreturn function() return b end end", 2, "b", 1, 1},
    {"local function g(b, ...) local b = b\nreturn function() return b end end", 2, "b", 1, 2},
    {"local a local function g()\nreturn function() return a end end", 2, "a", 0, 1},
    {"local a local function g() return function()\nreturn function() return a end end end", 2, "a", 0, 1},
    {"local a local function g(a) return function()\nreturn function() return a end end end", 2, "a", 1, 1},
    {"local M = {} function M:m()\nreturn function() return self end end", 2, "self", 1, 1},
    {"local a, b = 1,\nfunction() return a end", 2, "a", -2, 0},
    {"local a local a, b = 1,\nfunction() return a end", 2, "a", 0, 1},
    {"local x = {\nf = function() return x end }", 2, "x", -2, 0},
    {"\nfunction f() return x end", 2, "_ENV", -1, 0},
    {"local _ENV = {}\nfunction f() return x end", 2, "_ENV", 0, 1},
    {"local function g() return function()\nreturn function() return x end end end", 2, "_ENV", -1, 0},
    {"local a goto l do local a ::l2:: end ::l::\nfunction f() return a end", 2, "a", 0, 1},
};

static void test_variables(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof VARIABLES / sizeof *VARIABLES; i++) {
        struct hp_prototype_tree tree;
        parse(&tree, VARIABLES[i].text);
        uint32_t id = on_line(&tree, VARIABLES[i].line);
        const struct hp_prototype *p = prototype(&tree, id);
        uint32_t index = 0;
        while (index < p->upvalues.count && strcmp(p->upvalues.items[index].name, VARIABLES[i].name) != 0)
            index++;
        if (VARIABLES[i].owner == -2) { /* not captured at all: a global */
            assert_int_equal(index, p->upvalues.count);
            hp_prototypes_fini(&tree);
            continue;
        }
        struct hp_variable v = {.owner = 99};
        if (index == p->upvalues.count || !hp_prototype_variable(&tree, id, index, &v))
            fail_msg("%s: unresolved", VARIABLES[i].text);
        assert_string_equal(v.name, VARIABLES[i].name);
        if (VARIABLES[i].owner == -1) {
            assert_int_equal(v.owner, HP_NO_PROTOTYPE);
            assert_int_equal(v.number, 0);
            hp_prototypes_fini(&tree);
            continue;
        }
        uint32_t owner = VARIABLES[i].owner == 0 ? 0 : on_line(&tree, VARIABLES[i].owner);
        int nth = 0;
        for (uint32_t number = 0; number <= v.number && v.owner == owner; number++)
            nth += strcmp(hp_prototype_local(&tree, owner, number), VARIABLES[i].name) == 0;
        if (v.owner != owner || nth != VARIABLES[i].nth ||
            strcmp(hp_prototype_local(&tree, v.owner, v.number), v.name) != 0) {
            fail_msg("%s: resolved to local %u of %u (number %d of its name)", VARIABLES[i].text, v.number,
                     v.owner, nth);
        }
        hp_prototypes_fini(&tree);
    }
}

static void test_variables_unresolved(void **state)
{
    (void)state;
    lua_State *L = new_state();
    struct bytes b = compile(L, "local a function f() return a end", true);
    struct hp_prototype_tree tree;
    struct hp_variable v;
    assert_int_equal(hp_prototypes_parse(&tree, b.data, b.len), HP_OK);
    assert_false(hp_prototype_variable(&tree, 1, 0, &v));
    assert_false(hp_prototype_variable(&tree, 1, 7, &v));
    assert_null(hp_prototype_local(&tree, 0, 0));
    hp_prototypes_fini(&tree);
    free(b.data);
    lua_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_variables_unresolved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
