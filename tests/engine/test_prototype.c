/* prototype.h against the real Lua: what its compiler writes is read, compared and written again, and what is
 * written is loaded by it. Names and variables: test_prototype_names.c. */
#include "prototype_fixture.h"

#include "agent/engine/opcode.h"
#include "agent/engine/prototype_body.h"

/* --- reading and writing ---------------------------------------------------------------------- */

/* Sources that return a value which tells how they behaved. */
static const char *const SOURCES[] = {
    "return 1",
    "return ...",
    "local a <const> = 5; local b <const> = {}; return a + #b",
    "local t = setmetatable({}, {__close = function() end}); do local c <close> = t end return 7",
    "local function f(n) if n == 0 then return 'done' end return f(n - 1) end return f(10)",
    "local s = 0 for i = 1, 10 do if i % 2 == 0 then goto continue end s = s + i ::continue:: end return s",
    "local n = 0 for k, v in pairs({a = 1, b = 2, [3] = 3, [1.5] = 4}) do n = n + v end return n",
    "return 9007199254740993 + 0, 1e308 * 10, -0.0, 0x7fffffffffffffff, math.mininteger, 1/0, 2^53",
    "return ('x'):rep(3) .. [[\nlong]] .. '\\0' .. \"0123456789012345678901234567890123456789 and more than "
    "forty bytes\"",
    "local function va(...) local a, b = ... return select('#', ...), a, b, ... end return va(1, nil, 3)",
    "local t = {} for i = 1, 3 do t[i] = function() i = i + 1 return i end end return t[1](), t[1](), t[2]()",
    "local o = {n = 1} function o:inc(by) self.n = self.n + by return self end return o:inc(2):inc(3).n",
    "local a, b, c = nil, true, false return a == nil and b and not c, 7 // 2, 7 % -3, 7 & 3, 7 | 8, 7 ~ 1, "
    "~0, 1 << 4, 256 >> 4",
    "local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end) return co(1), "
    "co(21)",
    "return pcall(function() error({}) end)",
    "return select(2, pcall(function()\n\n local x = nil\n return x.y end))",
    "repeat local x = 3 until x == 3 while true do break end return 'loops'",
    "return load('return 5')()",
    "",
};

/* Calls the function on the stack with (1, 2, 3); pushes its results as one text. */
static void call_to_text(lua_State *L)
{
    int base = lua_gettop(L);
    for (int i = 1; i <= 3; i++)
        lua_pushinteger(L, i);
    if (lua_pcall(L, 3, LUA_MULTRET, 0) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    luaL_Buffer b;
    int top = lua_gettop(L);
    luaL_buffinit(L, &b);
    for (int i = base; i <= top; i++) {
        if (lua_istable(L, i))
            lua_pushliteral(L, "table");
        else
            luaL_tolstring(L, i, NULL);
        luaL_addvalue(&b);
        luaL_addchar(&b, '|');
    }
    luaL_pushresult(&b);
    lua_insert(L, base);
    lua_settop(L, base);
}

/* The tree written again with tag offset `offset` and loaded: pushes the main function. */
static void load_tagged(lua_State *L, const struct hp_prototype_tree *tree, uint32_t offset)
{
    char *data;
    size_t len;
    assert_int_equal(hp_prototypes_encode_tagged(tree, offset, &data, &len), HP_OK);
    assert_int_equal(luaL_loadbufferx(L, data, len, "x", "b"), LUA_OK);
    hp_mem_free(data);
}

/* Prototype `id` as a closure, its upvalues unset; pushes it. */
static void load_extracted(lua_State *L, const struct hp_prototype_tree *tree, uint32_t id)
{
    char *data;
    size_t len;
    assert_int_equal(hp_prototype_encode(tree, id, &data, &len), HP_OK);
    if (luaL_loadbufferx(L, data, len, "x", "b") != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    hp_mem_free(data);
}

static void test_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof SOURCES / sizeof *SOURCES; i++) {
        for (int strip = 0; strip <= 1; strip++) {
            lua_State *L = new_state();
            struct bytes b = compile(L, SOURCES[i], strip != 0);
            struct hp_prototype_tree tree;
            assert_int_equal(hp_prototypes_parse(&tree, b.data, b.len), HP_OK);
            assert_int_equal(tree.stripped, strip);
            assert_int_equal(luaL_loadbufferx(L, b.data, b.len, "x", "b"), LUA_OK);
            call_to_text(L);
            load_tagged(L, &tree, 0);
            call_to_text(L);
            assert_string_equal(lua_tostring(L, -1), lua_tostring(L, -2));
            load_extracted(L, &tree, 0);
            assert_int_equal(lua_pcall(L, 0, 1, 0), LUA_OK);
            lua_pushglobaltable(L);
            lua_setupvalue(L, -2, 1);
            call_to_text(L);
            assert_string_equal(lua_tostring(L, -1), lua_tostring(L, -2));
            hp_prototypes_fini(&tree);
            free(b.data);
            lua_close(L);
        }
    }
}

/* What is written without a change is, byte for byte, what Lua dumped: seen by writing the real last lines as
 * tags. */
static void test_bytes_are_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof SOURCES / sizeof *SOURCES; i++) {
        lua_State *L = new_state();
        struct bytes b = compile(L, SOURCES[i], false), again = {NULL, 0};
        struct hp_prototype_tree tree;
        assert_int_equal(hp_prototypes_parse(&tree, b.data, b.len), HP_OK);
        load_tagged(L, &tree, 1000);
        assert_int_equal(lua_dump(L, add_bytes, &again, 0), 0);
        struct hp_prototype_tree tagged;
        assert_int_equal(hp_prototypes_parse(&tagged, again.data, again.len), HP_OK);
        assert_int_equal(tagged.prototypes.count, tree.prototypes.count);
        for (uint32_t id = 0; id < tree.prototypes.count; id++) {
            assert_int_equal(tagged.prototypes.items[id].last_line, 1000 + id);
            tagged.prototypes.items[id].last_line = tree.prototypes.items[id].last_line;
            assert_int_equal(tagged.prototypes.items[id].line, tree.prototypes.items[id].line);
            assert_true(hp_prototype_equal(&tree, id, &tagged, id));
        }
        char *x, *y;
        size_t x_len, y_len;
        assert_int_equal(hp_prototype_encode(&tree, 0, &x, &x_len), HP_OK);
        assert_int_equal(hp_prototype_encode(&tagged, 0, &y, &y_len), HP_OK);
        assert_int_equal(x_len, y_len);
        assert_memory_equal(x, y, x_len);
        /* The wrapped main function is the dumped one, save for what it captures. */
        assert_true(x_len > b.len);
        hp_mem_free(x);
        hp_mem_free(y);
        hp_prototypes_fini(&tagged);
        hp_prototypes_fini(&tree);
        free(again.data);
        free(b.data);
        lua_close(L);
    }
}

static void test_tags_name_prototypes(void **state)
{
    (void)state;
    lua_State *L = new_state();
    struct hp_prototype_tree tree;
    parse(&tree, "local function a() end\nreturn { a, function()\n return function() end end }");
    load_tagged(L, &tree, 500);
    lua_Debug ar;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">S", &ar);
    assert_int_equal(ar.lastlinedefined, 500);
    assert_int_equal(lua_pcall(L, 0, 1, 0), LUA_OK);
    lua_rawgeti(L, -1, 2);
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">S", &ar);
    assert_int_equal(ar.lastlinedefined, 502);
    assert_int_equal(ar.linedefined, 2);
    assert_string_equal(ar.source, "@test.lua");
    assert_int_equal(lua_pcall(L, 0, 1, 0), LUA_OK);
    lua_getinfo(L, ">S", &ar);
    assert_int_equal(ar.lastlinedefined, 503);
    char *data;
    size_t len;
    assert_int_equal(hp_prototypes_encode_tagged(&tree, INT32_MAX, &data, &len), HP_LIMIT);
    assert_null(data);
    hp_prototypes_fini(&tree);
    lua_close(L);
}

/* The wrapper called twice gives two closures, each to be joined to cells of its own; lines and names in
 * errors are the source's. */
static void test_extracted_closures(void **state)
{
    (void)state;
    lua_State *L = new_state();
    struct hp_prototype_tree tree;
    parse(&tree, "local M, count, step = {}, 0, 1\n"
                 "function M.add(n)\n"
                 "  count = count + step * n\n"
                 "  local function fail() error('stop at ' .. count) end\n"
                 "  if n > 100 then fail() end\n"
                 "  return count\n"
                 "end\n"
                 "return M");
    uint32_t id = on_line(&tree, 2);
    const struct hp_prototype *p = prototype(&tree, id);
    assert_int_equal(p->upvalues.count, 3);
    assert_string_equal(p->upvalues.items[0].name, "count");
    assert_string_equal(p->upvalues.items[1].name, "step");
    assert_string_equal(p->upvalues.items[2].name, "_ENV");
    load_extracted(L, &tree, id);
    for (int i = 1; i <= 2; i++) {
        lua_pushvalue(L, 1);
        assert_int_equal(lua_pcall(L, 0, 1, 0), LUA_OK);
    }
    /* A live closure with the cells: joined to by the first, values set in the second. */
    assert_int_equal(
        luaL_dostring(L, "local count, step = 10, 2 return function() return count, step, _ENV end"), LUA_OK);
    for (int i = 1; i <= 3; i++)
        lua_upvaluejoin(L, 2, i, 4, i);
    luaL_loadstring(L, "");
    for (int i = 1; i <= 3; i++) {
        lua_pushinteger(L, i);
        assert_string_equal(lua_setupvalue(L, 2, i), p->upvalues.items[i - 1].name);
    }
    assert_true(lua_upvalueid(L, 2, 1) == lua_upvalueid(L, 4, 1));
    lua_pushvalue(L, 4);
    lua_call(L, 0, 3);
    assert_int_equal(lua_tointeger(L, -3), 1);
    assert_int_equal(lua_tointeger(L, -1), 3);
    lua_pushinteger(L, 10);
    lua_setupvalue(L, 2, 1);
    lua_pushglobaltable(L);
    lua_setupvalue(L, 2, 3);
    lua_pushvalue(L, 2);
    lua_pushinteger(L, 5);
    lua_call(L, 1, 1);
    assert_int_equal(lua_tointeger(L, -1), 20);
    luaL_loadstring(L, "return select(2, xpcall(..., debug.traceback, 101))");
    lua_pushvalue(L, 2);
    lua_call(L, 1, 1);
    assert_non_null(strstr(lua_tostring(L, -1), "test.lua:4: stop at 222"));
    assert_non_null(strstr(lua_tostring(L, -1), "test.lua:5: in "));
    lua_Debug ar;
    lua_pushvalue(L, 2);
    lua_getinfo(L, ">S", &ar);
    assert_int_equal(ar.linedefined, 2);
    assert_int_equal(ar.lastlinedefined, 7);
    hp_prototypes_fini(&tree);
    lua_close(L);
}

/* More than 255 nested functions, constants beyond one byte, keys too far for an instruction, absolute lines.
 */
static void test_large_function(void **state)
{
    (void)state;
    lua_State *L = new_state();
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    luaL_addstring(&b, "local t = {}\n");
    for (int i = 1; i <= 700; i++) {
        lua_pushfstring(L, "function t.f%d() return 'c%d', %d, %d.5 end\n%s", i, i, i * 1000000, i,
                        i % 50 == 0 ? "\n\n\n\n" : "");
        luaL_addvalue(&b);
    }
    luaL_addstring(&b, "function g700() end\nt.f700 = function() return 'last', 7 end return t.f700()");
    luaL_pushresult(&b);
    struct bytes d = compile(L, lua_tostring(L, -1), false);
    struct hp_prototype_tree tree;
    assert_int_equal(hp_prototypes_parse(&tree, d.data, d.len), HP_OK);
    assert_int_equal(tree.prototypes.count, 703);
    assert_string_equal(prototype(&tree, 1)->name, "t.f1");
    assert_string_equal(prototype(&tree, 700)->name, "t.f700");
    assert_string_equal(prototype(&tree, 701)->name, "g700");
    assert_string_equal(prototype(&tree, 702)->name, "t.f700");
    load_tagged(L, &tree, 0);
    call_to_text(L);
    assert_string_equal(lua_tostring(L, -1), "last|7|");
    hp_prototypes_fini(&tree);
    free(d.data);
    lua_close(L);
}

/* --- what is not a dump ----------------------------------------------------------------------- */

static void test_damaged(void **state)
{
    (void)state;
    struct hp_prototype_tree tree;
    assert_int_equal(hp_prototypes_parse(&tree, "", 0), HP_MALFORMED);
    assert_int_equal(hp_prototypes_parse(&tree, "return 1", 8), HP_UNSUPPORTED);
    assert_int_equal(hp_prototypes_parse(&tree, "\x1bLua\x53", 5), HP_UNSUPPORTED);
    lua_State *L = new_state();
    struct bytes b = compile(L,
                             "local M = {} local n = 0\nfunction M.f(a, ...) n = n + 1 return function() "
                             "return a, n, 'x', 2.5 end end\n"
                             "M['a b'] = function() for i = 1, 2 do n = i end end return M",
                             false);
    for (size_t len = 1; len < b.len; len++) {
        /* A copy of just that length, so that reading beyond it is seen. */
        char *part = malloc(len);
        assert_non_null(part);
        memcpy(part, b.data, len);
        assert_int_equal(hp_prototypes_parse(&tree, part, len), HP_MALFORMED);
        assert_int_equal(tree.prototypes.count, 0);
        free(part);
    }
    for (size_t at = 0; at < b.len; at++) {
        for (int bit = 0; bit < 8; bit++) {
            b.data[at] = (char)(b.data[at] ^ 1 << bit);
            enum hp_status status = hp_prototypes_parse(&tree, b.data, b.len);
            if (status == HP_OK) { /* everything else must cope with it too */
                char *data;
                size_t len;
                for (uint32_t id = 0; id < tree.prototypes.count; id++) {
                    struct hp_variable v;
                    for (uint32_t u = 0; u < tree.prototypes.items[id].upvalues.count; u++)
                        hp_prototype_variable(&tree, id, u, &v);
                    assert_int_equal(hp_prototype_encode(&tree, id, &data, &len), HP_OK);
                    hp_mem_free(data);
                }
            } else {
                assert_true(status == HP_MALFORMED || status == HP_UNSUPPORTED);
            }
            hp_prototypes_fini(&tree);
            b.data[at] = (char)(b.data[at] ^ 1 << bit);
        }
    }
    b.data = realloc(b.data, b.len + 1);
    assert_non_null(b.data);
    b.data[b.len] = 0;
    assert_int_equal(hp_prototypes_parse(&tree, b.data, b.len + 1), HP_MALFORMED);
    free(b.data);
    lua_close(L);
}

static int allowed;

static void *failing_realloc(void *ptr, size_t size)
{
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return allowed-- > 0 ? realloc(ptr, size) : NULL;
}

static void test_no_memory(void **state)
{
    (void)state;
    lua_State *L = new_state();
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    for (int i = 0; i < 40; i++)
        luaL_addstring(&text, "function a.b.c.f() return function() end end ");
    luaL_pushresult(&text);
    struct bytes b = compile(L, lua_tostring(L, -1), false);
    struct hp_prototype_tree tree;
    bool done = false;
    for (int n = 0; !done && n < 10000; n++) {
        allowed = n;
        hp_mem_set_allocator(failing_realloc);
        enum hp_status status = hp_prototypes_parse(&tree, b.data, b.len);
        char *data = NULL;
        size_t len;
        if (status == HP_OK) {
            status = hp_prototype_encode(&tree, 0, &data, &len);
            done = status == HP_OK;
        }
        assert_true(done || status == HP_NO_MEMORY);
        hp_mem_free(data);
        hp_prototypes_fini(&tree);
        hp_mem_set_allocator(NULL);
    }
    assert_true(done);
    free(b.data);
    lua_close(L);
}

/* --- opcodes ---------------------------------------------------------------------------------- */

/* Each opcode that we know is met in code that can only compile to it. */
static void test_opcodes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned op;
    } KNOWN[] = {
        {"local a = 1 local b = a", HP_VM_MOVE},
        {"local a = 1", HP_VM_LOADI},
        {"local a = 'x'", HP_VM_LOADK},
        {"local a", HP_VM_LOADNIL},
        {"local e = _ENV", HP_VM_GETUPVAL},
        {"_ENV = nil", HP_VM_SETUPVAL},
        {"local e = x", HP_VM_GETTABUP},
        {"local a, b = x, y local c = a[b]", HP_VM_GETTABLE},
        {"local a = x local c = a[3]", HP_VM_GETI},
        {"local a = x local c = a.y", HP_VM_GETFIELD},
        {"x = 1", HP_VM_SETTABUP},
        {"local a, b = x, y a[b] = 1", HP_VM_SETTABLE},
        {"local a = x a[3] = 1", HP_VM_SETI},
        {"local a = x a.y = 1", HP_VM_SETFIELD},
        {"local a = {}", HP_VM_NEWTABLE},
        {"local a = x a:y()", HP_VM_SELF},
        {"local a, b = x, y local c = a + b", HP_VM_MMBIN},
        {"local a = x local c = a + 1.5", HP_VM_MMBINK},
        {"do local a = x function f() return a end end local q", HP_VM_CLOSE},
        {"goto done local a = 1 ::done::", HP_VM_JMP},
        {"local a, b = x, y if a == b then a = 1 end", HP_VM_EQ},
        {"local a = x if a then b = 1 end", HP_VM_TEST},
        {"local a, b = x, y local c = a or b", HP_VM_TESTSET},
        {"x()", HP_VM_CALL},
        {"return x()", HP_VM_TAILCALL},
        {"return 1, 2", HP_VM_RETURN},
        {"return function() return 1 end", HP_VM_RETURN1},
        {"for i = 1, 2 do end", HP_VM_FORLOOP},
        {"for i in x do end", HP_VM_TFORLOOP},
        {"local a = {1}", HP_VM_SETLIST},
        {"local f = function() end", HP_VM_CLOSURE},
        {"local a = ...", HP_VM_VARARG},
        {"local a = 1", HP_VM_VARARGPREP},
        {"local a = {1}", HP_VM_EXTRAARG},
    };
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        struct hp_prototype_tree tree;
        parse(&tree, KNOWN[i].text);
        bool met = false;
        for (uint32_t id = 0; id < tree.prototypes.count; id++) {
            const struct hp_prototype_body *body = tree.prototypes.items[id].body;
            for (size_t pc = 0; pc < body->code.count; pc++) {
                unsigned op = hp_vm_op(body->code.items[pc]);
                assert_true(op <= HP_VM_EXTRAARG);
                met = met || op == KNOWN[i].op;
            }
        }
        if (!met)
            fail_msg("no opcode %u in: %s", KNOWN[i].op, KNOWN[i].text);
        hp_prototypes_fini(&tree);
    }
}

/* Fields of instructions, where each can have but one value. */
static void test_instruction_fields(void **state)
{
    (void)state;
    struct hp_prototype_tree tree;
    parse(&tree, "local a, b = 7, -9 local t = {} t[200] = b");
    const struct hp_prototype_body *body = prototype(&tree, 0)->body;
    assert_int_equal(hp_vm_op(body->code.items[0]), HP_VM_VARARGPREP);
    assert_int_equal(hp_vm_a(body->code.items[1]), 0);
    assert_int_equal(hp_vm_sbx(body->code.items[1]), 7);
    assert_int_equal(hp_vm_a(body->code.items[2]), 1);
    assert_int_equal(hp_vm_sbx(body->code.items[2]), -9);
    uint32_t set = body->code.items[5];
    assert_int_equal(hp_vm_op(set), HP_VM_SETI);
    assert_int_equal(hp_vm_a(set), 2);
    assert_int_equal(hp_vm_b(set), 200);
    assert_int_equal(hp_vm_c(set), 1);
    assert_false(hp_vm_k(set));
    assert_int_equal(hp_vm_make_abc(HP_VM_SETI, 2, 200, 1), set);
    hp_prototypes_fini(&tree);
    parse(&tree, "local a = x if a then b = 1 end");
    body = prototype(&tree, 0)->body;
    assert_int_equal(hp_vm_op(body->code.items[3]), HP_VM_JMP);
    assert_int_equal(hp_vm_sj(body->code.items[3]), 1);
    assert_true(hp_vm_k(body->code.items[4])); /* SETTABUP _ENV "b" with a constant */
    hp_prototypes_fini(&tree);
}

/* --- equality --------------------------------------------------------------------------------- */

static const struct {
    const char *a, *b; /* the function on line 2 of each */
    bool equal;
} PAIRS[] = {
    {"\nlocal function f() return 1 end", "\nlocal function f() return 1 end", true},
    {"\nlocal function f() return 1 end", "\nlocal function g()\n\n return 1\n end", true},
    {"\nlocal function f() return 1 end", "\nlocal function f() return 2 end", false},
    {"\nlocal function f() return 1 end", "\nlocal function f() return 1.0 end", false},
    {"\nlocal function f() return 0.0 end", "\nlocal function f() return -0.0 end", false},
    {"\nlocal function f() return 'a' end", "\nlocal function f() return 'b' end", false},
    {"\nlocal function f() return 'a\\0b' end", "\nlocal function f() return 'a\\0c' end", false},
    {"\nlocal function f(a) return a end", "\nlocal function f(b) return b end", true},
    {"\nlocal function f(a) end", "\nlocal function f(a, b) end", false},
    {"\nlocal function f() end", "\nlocal function f(...) end", false},
    /* A function's own captures shift when its parent gets a local. */
    {"local a\nlocal function f() return a end", "local x, a\nlocal function f() return a end", true},
    {"local a\nlocal function f() return a end", "local b\nlocal function f() return b end", false},
    /* Not so those of functions in it. */
    {"\nlocal function f(a, b) return function() return a end end",
     "\nlocal function f(a, b) return function() return b end end", false},
    {"\nlocal function f(a, b) return function() return a end end",
     "\nlocal function f(b, a) return function() return a end end", false},
    {"local a\nlocal function f() return function() return a end end",
     "local x, a\nlocal function f() return function() return a end end", true},
    {"\nlocal function f() return function() return 1 end end",
     "\nlocal function f() return function() return 2 end end", false},
    {"\nlocal function f() local x return function() end end",
     "\nlocal function f() local x return function()\n end end", true},
};

static void test_equality(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof PAIRS / sizeof *PAIRS; i++) {
        struct hp_prototype_tree a, b;
        parse(&a, PAIRS[i].a);
        parse(&b, PAIRS[i].b);
        uint32_t x = on_line(&a, 2), y = on_line(&b, 2);
        if (hp_prototype_equal(&a, x, &b, y) != PAIRS[i].equal ||
            hp_prototype_equal(&b, y, &a, x) != PAIRS[i].equal)
            fail_msg("%s\n%s\nshould%s be equal", PAIRS[i].a, PAIRS[i].b, PAIRS[i].equal ? "" : " not");
        assert_int_equal(a.prototypes.items[x].fingerprint == b.prototypes.items[y].fingerprint,
                         PAIRS[i].equal);
        /* Not by hash: with fingerprints forced equal, the answer is the same. */
        for (uint32_t id = 0; id < a.prototypes.count; id++)
            a.prototypes.items[id].fingerprint = 1;
        for (uint32_t id = 0; id < b.prototypes.count; id++)
            b.prototypes.items[id].fingerprint = 1;
        assert_int_equal(hp_prototype_equal(&a, x, &b, y), PAIRS[i].equal);
        hp_prototypes_fini(&a);
        hp_prototypes_fini(&b);
    }
}

static void test_equality_of_stripped(void **state)
{
    (void)state;
    const char *text = "local a, b local function f() return function() return a, b end end";
    lua_State *L = new_state();
    struct hp_prototype_tree full, stripped, other;
    struct bytes b = compile(L, text, true);
    parse(&full, text);
    parse(&other, "local a, b local function f() return function() return a, b, 1 end end");
    assert_int_equal(hp_prototypes_parse(&stripped, b.data, b.len), HP_OK);
    assert_false(hp_prototype_equal(&full, 1, &stripped, 1));
    assert_true(hp_prototype_equal_unnamed(&full, 1, &stripped, 1));
    assert_false(hp_prototype_equal_unnamed(&other, 1, &stripped, 1));
    hp_prototypes_fini(&full);
    hp_prototypes_fini(&stripped);
    hp_prototypes_fini(&other);
    free(b.data);
    lua_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bytes_are_kept),
        cmocka_unit_test(test_tags_name_prototypes),
        cmocka_unit_test(test_extracted_closures),
        cmocka_unit_test(test_large_function),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_opcodes),
        cmocka_unit_test(test_instruction_fields),
        cmocka_unit_test(test_equality),
        cmocka_unit_test(test_equality_of_stripped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
