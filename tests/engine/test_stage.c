/* The stage: views, overlays, foreign calls, placeholders (stage.h, design section 6). */
#include "stage_fixture.h"

#define PROGRAM                                                                                              \
    "config = {port = 80, name = 'x', list = {10, 20, 30}}\n"                                                \
    "bus = {handlers = {}}\n"                                                                                \
    "function bus.on(name, f) bus.handlers[name] = f end\n"                                                  \
    "function bus.count() return 3 end\n"                                                                    \
    "shared = config.list\n"                                                                                 \
    "calls = 0\n"                                                                                            \
    "local secret = 7\n"                                                                                     \
    "package.loaded.util = {twice = function(x) return 2 * x end, log = print,\n"                            \
    "  options = function(o) return {port = o.port or 1, list = config.list, nested = {secret}} end,\n"      \
    "  bump = function() calls = calls + 1 return calls end,\n"                                              \
    "  bump_secret = function() secret = secret + 1 return secret end,\n"                                    \
    "  mark = function(t) t.marked = true return t end,\n"                                                   \
    "  mark_and_bump = function(t) t.marked = true t.a = nil calls = 1 return t end,\n"                      \
    "  loop = function() while true do end end,\n"                                                           \
    "  fail = function() error('no') end,\n"                                                                 \
    "  shout = function(s) print(s) return s end,\n"                                                         \
    "  closure = function(x) return function() return x end end,\n"                                          \
    "  indirect = function() return bus.count() + 1 end,\n"                                                  \
    "  sneaky = function() pcall(function() calls = 5 end) return 1 end}\n"                                  \
    "Base = {__name = 'Base'} Base.__index = Base function Base.new(x) return setmetatable({x = x}, Base) "  \
    "end\n"                                                                                                  \
    "Derived = setmetatable({own = 1}, {__index = Base})\n"                                                  \
    "function string.trim(s) return (s:gsub('^%s+', '')) end\n"

#define returns(text, expected) staged_returns(&t, text, expected)
#define effects(expected)                                                                                    \
    do {                                                                                                     \
        char *got = staged_effects(&t.graph);                                                                \
        assert_string_equal(got, (expected));                                                                \
        free(got);                                                                                           \
    } while (0)

static void views_are_identical_for_equal_objects(void **state)
{
    (void)state;
    struct staged t;
    staged_open(&t, PROGRAM);
    returns("return {config.list == shared, config == _G.config, ({[config] = 1})[config], _G == _ENV}",
            "{[1]=true,[2]=true,[3]=1,[4]=true}");
    returns(
        "return {type(config), type(print), config.port, config.nope, #config.list, config.list[2], unknown}",
        "{[1]=\"table\",[2]=\"function\",[3]=80,[5]=3,[6]=20}");
    returns("return {config, print, require 'util', require 'util'.log == print}",
            "{[1]=view(config),[2]=view(print),[3]=view(util),[4]=true}");
    returns("return {Derived.own, Derived.__name, Derived.new == Base.new, getmetatable(Derived).__index == "
            "Base}",
            "{[1]=1,[2]=\"Base\",[3]=true,[4]=true}");
    returns("return {('  x'):trim(), string.trim == getmetatable('').__index.trim, ('x'):rep(3), 10 .. '', "
            "'3' + 4}",
            "{[1]=\"x\",[2]=true,[3]=\"xxx\",[4]=\"10\",[5]=7}");
    returns(
        "local n = 0 for k, v in pairs(config) do n = n + 1 end for i, v in ipairs(shared) do n = n + v end "
        "return {n, next({}), (next(config)) ~= nil, table.concat(shared, '-'), select('#', "
        "table.unpack(shared))}",
        "{[1]=63,[3]=true,[4]=\"10-20-30\",[5]=3}");
    effects("");
    staged_close(&t);
}

static void writes_into_views_are_overlays(void **state)
{
    (void)state;
    struct staged t;
    staged_open(&t, PROGRAM);
    returns("config = config or {} function config.get() end config.port = nil config.name = 'y' "
            "rawset(config, 'z', 1)\n"
            "return {config, config.port, config.name, rawget(config, 'z'), rawget(config, 'port')}",
            "{[1]=view(config)+{get=function:1,name=\"y\",port=nil,z=1},[3]=\"y\",[4]=1}");
    returns("table.insert(shared, 40) shared[1] = nil local s = {} for k, v in pairs(shared) do s[#s + 1] = "
            "k end "
            "return {#s, #shared, table.remove(shared), shared}",
            "{[1]=3,[2]=4,[3]=40,[4]=view(shared)+{[1]=nil,[4]=nil}}");
    returns("config.a = 1 config.b = 2 config.port = nil local keys = {} for k in pairs(config) do keys[k] = "
            "true end return keys",
            "{a=true,b=true,list=true,name=true}");
    staged_run(&t, "global_x = 5 function global_f() end local _ENV = {} hidden = 1");
    assert_false(t.graph.modules.items[0].returned);
    char *text = staged_text(&t.graph, t.graph.modules.items[0].environment);
    assert_non_null(strstr(text, "global_f=function:1,global_x=5}"));
    free(text);
    returns("setmetatable(config, {__index = function(t, k) return k .. '!' end}) return {config.nope, "
            "config.port, config}",
            "{[1]=\"nope!\",[2]=80,[3]=view(config)@{__index=function:1}}");
    assert_int_equal(t.graph.written.count, 1);
    returns("package.loaded[...] = {a = 1} return {require(...).a, ...}",
            "{[1]=1,[2]=\"mod\",[3]=\"./mod.lua\"}");
    staged_close(&t);
}

/* Everything that can be reached from the globals, as text, without what the test itself keeps. */
#define SNAPSHOT                                                                                             \
    "local function snapshot() local seen, out = {}, {}\n"                                                   \
    "  local function walk(v, path) out[#out + 1] = path .. '=' .. tostring(v)\n"                            \
    "    if type(v) ~= 'table' or seen[v] then return end seen[v] = true\n"                                  \
    "    for k, x in next, v do walk(x, path .. '.' .. tostring(k)) end\n"                                   \
    "    if debug.getmetatable(v) then walk(debug.getmetatable(v), path .. '@') end end\n"                   \
    "  walk(_G, '') walk(debug.getmetatable(''), 's') table.sort(out) return table.concat(out, '\\n') end\n" \
    "local before = snapshot() function compare() return snapshot() == before end before = snapshot()\n"

static void the_live_state_is_not_written(void **state)
{
    (void)state;
    struct staged t;
    staged_open(&t, PROGRAM SNAPSHOT);
    staged_run(&t, "local u = require 'util' config.port = 1 bus.on('x', function() end) calls = 9 print "
                   "'hello' u.bump() u.bump_secret()\n"
                   "setmetatable(Base, nil) string.trim = nil table.insert(shared, 1) package.loaded.util = "
                   "nil _G.new = u.shout('x')\n"
                   "math.random() os.exit(1) io.write('no') Derived.new = 1 for k in pairs(config) do "
                   "config[k] = nil end\n"
                   "debug.setmetatable(1, {}) debug.setmetatable(config, {}) debug.setupvalue(bus.on, 1, "
                   "nil) debug.sethook(print, 'c')");
    lua_getglobal(t.live, "compare");
    assert_int_equal(lua_pcall(t.live, 0, 1, 0), LUA_OK);
    assert_true(lua_toboolean(t.live, -1));
    lua_getglobal(t.live, "config"); /* the comparison can fail */
    lua_pushnil(t.live);
    lua_setfield(t.live, -2, "port");
    lua_getglobal(t.live, "compare");
    assert_int_equal(lua_pcall(t.live, 0, 1, 0), LUA_OK);
    assert_false(lua_toboolean(t.live, -1));
    lua_settop(t.live, 1);
    staged_close(&t);
}

static void foreign_lua_functions_are_tried(void **state)
{
    (void)state;
    struct staged t;
    staged_open(&t, PROGRAM);
    returns("local u = require 'util' return {u.twice(4), u.options{port = 2}, u.indirect(), bus.count()}",
            "{[1]=8,[2]={list=view(config.list),nested={[1]=7},port=2},[3]=4,[4]=3}");
    effects("");
    returns("local o = Base.new(3) return {o.x, o, getmetatable(o) == Base, Base.new}",
            "{[1]=3,[2]={x=3}@view(Base),[3]=true,[4]=view(Base.new)}");
    effects("");
    returns("local u = require 'util'\n return {u.bump(),\n u.bump_secret(),\n u.loop(),\n u.fail(),\n "
            "u.shout('x'),\n u.closure(1),\n"
            "u.sneaky()}",
            "{[1]=?(util.bump()),[2]=?(util.bump_secret()),[3]=?(util.loop()),[4]=?(util.fail()),[5]=?(util."
            "shout(\"x\")),"
            "[6]=?(util.closure(1)),[7]=?(util.sneaky())}");
    effects("util.bump():2; util.bump_secret():3; util.loop():4; util.fail():5; util.shout(\"x\"):6; "
            "util.closure(1):7; util.sneaky():8");
    assert_int_equal(t.graph.written.count, 0);
    /* Nothing of a trial that is undone stays in the tables that it was handed. */
    returns(
        "local u = require 'util' local a, b = {a = 1}, {a = 1} u.mark(a) u.mark_and_bump(b) return {a, b}",
        "{[1]={a=1},[2]={a=1}}");
    effects("util.mark(table):1; util.mark_and_bump(table):1");
    /* A function of the chunk that is handed over registers something. */
    returns("local u = require 'util' return u.twice(function() end)", "?(util.twice(function))");
    staged_close(&t);
}

static void foreign_calls_are_effects(void **state)
{
    (void)state;
    struct staged t;
    staged_open(&t, PROGRAM "function bus:listen(port, o) self.port = port end callable = setmetatable({}, "
                            "{__call = function(s, x) s.x = x end})");
    returns("bus.on('login',\n  function() end)\nbus:listen(80, {a = 1})\nprint(nil, true, 1.5, config, "
            "'a\"b')\ncallable(1)\n"
            "local f = io.open('x')\nlocal s = f:read('a')\nf:close()\nreturn {s, type(f), pcall(print, 1)}",
            "{[1]=?(io.open(\"x\").read(io.open(\"x\"), \"a\")),[2]=\"userdata\",[3]=true,[4]=?(print(1))}");
    effects("bus.on(\"login\", function):1; bus.listen(bus, 80, table):3; print(nil, true, 1.5, config, "
            "\"a\\\"b\"):4; callable(1):5; "
            "io.open(\"x\"):6; io.open(\"x\").read(io.open(\"x\"), \"a\"):7; "
            "io.open(\"x\").close(io.open(\"x\")):8; print(1):9");
    const struct hp_effect *e = &t.graph.effects.items[0];
    assert_int_equal(e->arguments.count, 2);
    assert_int_equal(hp_graph_node(&t.graph, e->callee)->kind, HP_NODE_VIEW);
    assert_int_equal(hp_graph_node(&t.graph, e->arguments.items[1])->kind, HP_NODE_FUNCTION);
    assert_int_equal(t.graph.expressions.items[e->expression].operation, HP_OP_CALL);
    assert_int_equal(t.graph.expressions.items[e->expression].line, 1);
    staged_close(&t);
}

static void placeholders_stand_for_anything(void **state)
{
    (void)state;
    struct staged t;
    staged_open(&t, PROGRAM "function get(x) calls = calls + 1 return x end");
    returns(
        "local p = get('a')\nreturn {p.x.y, p.x == p.x, p + 1, 1 + p, -p, p .. 'b', 'b' .. p, #p, p < 1, p "
        "<= p, 1 > p, not p, p == 1, p // 2, ~p}",
        "{[1]=?(get(\"a\").x.y),[2]=true,[3]=?(get(\"a\") + 1),[4]=?(1 + "
        "get(\"a\")),[5]=?(-get(\"a\")),[6]=?(get(\"a\") .. \"b\"),"
        "[7]=?(\"b\" .. get(\"a\")),[8]=?(#get(\"a\")),[9]=false,[10]=false,[11]=false,[12]=false,[13]=false,"
        "[14]=?(get(\"a\") // 2),[15]=?(~get(\"a\"))}");
    returns("local p = get()\nreturn {type(p), type(p .. ''), type(#p), type(p + 1), type(tostring(p)), "
            "assert(p) == p, tostring(p), "
            "string.format('%d', p), table.concat({1, p}, ','), ('x'):rep(p), math.floor(p), tonumber(p), "
            "select('#', p, p)}",
            "{[1]=\"table\",[2]=\"string\",[3]=\"number\",[4]=\"number\",[5]=\"string\",[6]=true,[7]=?("
            "tostring(get())),"
            "[8]=?(string.format(\"%d\", get())),[9]=?(table.concat(table, \",\")),[10]=?(string.rep(\"x\", "
            "get())),"
            "[11]=?(math.floor(get())),[12]=?(tonumber(get())),[13]=2}");
    returns("local p = get('x') p.a = 1 function p:m() end p.b = nil setmetatable(p, config) local q <close> "
            "= p return {p, p.a, p.b}",
            "{[1]=?(get(\"x\"))+{a=1,b=nil,m=function:1}@view(config),[2]=1}");
    returns("local p = get() local n = 0 for k in pairs(p) do n = n + 1 end for i, v in ipairs(p) do n = n + "
            "1 end\n"
            "for x in p do n = n + 1 end for k in next, p do n = n + 1 end\nfor i = 1, #p do n = n + 1 end "
            "for l in io.lines('x') do n = n + 1 end return n",
            "0");
    assert_int_equal(t.graph.warnings.count, 3); /* one a line */
    assert_string_equal(t.graph.warnings.items[0], "loop over an unknown value at mod.lua:1 ran no turn");
    returns("local p, n = get(), 0 for i = 1, p.count do n = n + 1 end for i = p.a, p.b, 1 do n = n + i end "
            "return {n, p.count}",
            "{[1]=0,[2]=0}");
    returns(
        "local s = ('%d'):format(get()) return {s:upper(), type(s:upper()), type(math.random(9)), #s:rep(2)}",
        "{[1]=?(string.upper(string.format(\"%d\", get()))),[2]=\"string\",[3]=\"number\","
        "[4]=?(#string.rep(string.format(\"%d\", get()), 2))}");
    effects("get():1; math.random(9):1");
    /* Two calls are two objects; what is derived is one. */
    returns("local a, b = get(1), get(1) return {a == b, a.x == a.x, a.x == b.x}",
            "{[1]=false,[2]=true,[3]=false}");
    /* Loops that wait for an answer end. */
    returns("local p = get() while p do p = p.next end return 1", "1");
    returns("local f, n = io.open('x'), 0 while true do local l = f:read() if not l then break end n = n + 1 "
            "end return n",
            "9999");
    returns("local ok, e = pcall(function() error(get('e')) end) return {ok, e, (pcall(get, 1))}",
            "{[1]=false,[2]=?(get(\"e\")),[3]=true}");
    staged_close(&t);
}

static void require_has_four_answers(void **state)
{
    (void)state;
    struct staged t;
    staged_open(&t, PROGRAM "package.path = '/nowhere/?.lua;/usr/share/lua/5.4/?.lua' package.cpath = ''");
    returns("local ok, e = pcall(require, 'no.such') return {require 'util', package.loaded.util == require "
            "'util', ok, e}",
            "{[1]=view(util),[2]=true,[3]=false,[4]=\"module 'no.such' not found:\n\tno field "
            "package.preload['no.such']\n\t"
            "no file '/nowhere/no/such.lua'\n\tno file '/usr/share/lua/5.4/no/such.lua'\n\tno file ''\n\tno "
            "file ''\"}");
    returns("local s = require 'ltn12' return {s, s.sink}",
            "{[1]=?(require(\"ltn12\")),[2]=?(require(\"ltn12\").sink)}");
    assert_int_equal(t.graph.expressions.items[0].operation,
                     HP_OP_REQUIRE); /* operands come before what is made of them */
    assert_int_equal(t.graph.expressions.items[1].operation, HP_OP_INDEX);
    effects("");
    returns("package.preload.own = function(n) return {n} end package.loaded.util = 5 return {require 'own', "
            "require 'util'}",
            "{[1]={[1]=\"own\"},[2]=5}");
    staged_close(&t);
    staged_open(&t,
                "package.searchers[5] = function(n) return function() return n end end package.path = ''");
    returns("return require 'anything'", "?(require(\"anything\"))");
    staged_close(&t);
    staged_open(&t, "package.loaded.b = {old = true}");
    const struct hp_stage_chunk chunks[] = {
        {.module = "a",
         .chunk_name = "@a.lua",
         .text = "local b = require 'b' return {b = b, n = ...}",
         .len = 45,
         .with_arguments = true},
        {.module = "b",
         .chunk_name = "@b.lua",
         .text = "local M = {} M.a = pcall(require, 'a') M.b = require 'b'.old return M",
         .len = 69},
        {.module = "c",
         .chunk_name = "@c.lua",
         .text = "return require 'b' == require 'a'.b",
         .len = sizeof "return require 'b' == require 'a'.b" - 1},
    };
    assert_int_equal(staged_try_all(&t, chunks, 3), HP_OK);
    char *text = staged_text(&t.graph, t.graph.modules.items[0].root);
    assert_string_equal(text, "{b={a=false,b=true},n=\"a\"}");
    free(text);
    assert_int_equal(hp_graph_node(&t.graph, t.graph.modules.items[2].root)->boolean, true);
    staged_close(&t);
}

static void standard_functions_are_known_by_pointer(void **state)
{
    (void)state;
    struct staged t;
    staged_open(&t, "fmt = string.format setm = setmetatable local p = print function print(x) p(x) end "
                    "old_print = p function tostring(x) return 'T' end");
    returns("return {fmt('%d|%s', 3, {} ~= nil), getmetatable(setm({}, {__metatable = 5})), print, "
            "old_print, fmt == string.format, tostring(1)}",
            "{[1]=\"3|true\",[2]=5,[3]=view(print),[4]=view(print),[5]=true,[6]=\"T\"}");
    returns("print(1) old_print(2) return {os.time() == os.time(), os.clock() == os.clock(), os.date('%Y') "
            "== os.date('%Y'), type(os.getenv('HOME'))}",
            "{[1]=true,[2]=true,[3]=true,[4]=\"string\"}");
    effects("print(1):1; print(2):1");
    returns("local r = {} r[1] = select(2, pcall(setmetatable, 1, {})) r[2] = select(2, pcall(string.rep)) "
            "r[3] = select(2, pcall(error, 'x', 0)) return r",
            "{[1]=\"bad argument #1 to '?' (table expected, got number)\",[2]=\"bad argument #1 to '?' "
            "(string expected, got no value)\",[3]=\"x\"}");
    returns("local f = load('return x', '=c', 't', {x = 4}) return {f(), load('syntax error here'), "
            "load(string.char(27) .. 'Lua')}",
            "{[1]=4,[4]=\"attempt to load a binary chunk (mode is 't')\"}");
    returns("local c = coroutine.create(function(a) local b = coroutine.yield(a + 1) return b * 2 end)\n"
            "local _, x = coroutine.resume(c, 1) local _, y = coroutine.resume(c, 5) return {x, y, "
            "coroutine.status(c), coroutine.wrap(function() return 3 end)()}",
            "{[1]=2,[2]=10,[3]=\"dead\",[4]=3}");
    returns("local n = 0 local t = setmetatable({}, {__close = function() n = n + 1 end})\n"
            "local w = coroutine.wrap(function(a) local c <close> = t local b = coroutine.yield(a, 2) "
            "error(b) end)\n"
            "local r = {w(1)} r[3], r[4] = pcall(w, 'late') r[5], r[6] = pcall(w) r[7] = n\n"
            "for v in coroutine.wrap(function() coroutine.yield(8) end) do r[8] = v end return r",
            "{[1]=1,[2]=2,[3]=false,[4]=\"mod.lua:2: late\",[5]=false,[6]=\"cannot resume dead "
            "coroutine\",[7]=1,[8]=8}");
    returns("local i = debug.getinfo(1, 'Sl') local function f()\n end local g = debug.getinfo(f, 'S') "
            "return {i.short_src, i.source, i.currentline, g.linedefined, g.lastlinedefined}",
            "{[1]=\"mod.lua\",[2]=\"@mod.lua\",[3]=1,[4]=1,[5]=2}");
    returns("local g = 0 do local t = setmetatable({}, {__gc = function() g = 1 end, __close = function() g "
            "= 2 end}) local c <close> = t end return g",
            "2");
    staged_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_are_identical_for_equal_objects),
        cmocka_unit_test(writes_into_views_are_overlays),
        cmocka_unit_test(the_live_state_is_not_written),
        cmocka_unit_test(foreign_lua_functions_are_tried),
        cmocka_unit_test(foreign_calls_are_effects),
        cmocka_unit_test(placeholders_stand_for_anything),
        cmocka_unit_test(require_has_four_answers),
        cmocka_unit_test(standard_functions_are_known_by_pointer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
