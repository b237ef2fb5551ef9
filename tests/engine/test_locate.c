/* The search itself, pass by pass, on heaps made in Lua: what it finds, in whole passes and in slices of one
 * look at the clock each; its memory; that nothing is recursive; what it leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "agent/engine/locate.h"

struct fixture {
    lua_State *L;
    struct hp_locate *locate;
    lua_State *own; /* the coroutine that searches */
    int slices;
};

enum { OWN = 1, ANCHOR, SIDE }; /* places on `own`'s stack: hidden table, anchor, the pass */

static struct fixture fixture;

static int setup(void **state)
{
    struct fixture *f = &fixture;
    memset(f, 0, sizeof *f);
    f->L = luaL_newstate();
    luaL_openlibs(f->L);
    f->locate = hp_locate_new();
    assert_non_null(f->locate);
    assert_true(hp_locate_source(f->locate, "@m"));
    f->own = lua_newthread(f->L); /* stays on L's stack */
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    hp_locate_free(f->locate);
    lua_close(f->L);
    return 0;
}

static void run(struct fixture *f, const char *code)
{
    if (luaL_loadbuffer(f->L, code, strlen(code), "@program") != LUA_OK || lua_pcall(f->L, 0, 0, 0) != LUA_OK)
        fail_msg("%s", lua_tostring(f->L, -1));
}

static void begin(struct fixture *f)
{
    lua_settop(f->own, 0);
    lua_newtable(f->own);
    hp_anchor_push_new(f->own);
    lua_pushvalue(f->own, -1);
    lua_rawseti(f->own, OWN, 1);
    hp_locate_begin(f->own, f->locate, OWN);
    f->slices = 0;
}

/* One slice that is late from the start, or as long as it takes. True: done. */
static bool step(struct fixture *f, bool whole)
{
    bool done = false;
    struct hp_locate_slice slice = {
        .side = SIDE, .anchor = ANCHOR, .poller = f->L, .deadline_us = whole ? INT64_MAX : 0};
    assert_int_equal(hp_locate_step(f->own, f->locate, &slice, &done), HP_OK);
    assert_int_equal(lua_gettop(f->own), SIDE);
    assert_true(!done || hp_locate_finish(f->locate));
    f->slices++;
    return done;
}

static size_t search(struct fixture *f, bool whole, const char *between)
{
    size_t count;
    begin(f);
    while (!step(f, whole))
        if (between)
            run(f, between);
    hp_locate_holders(f->locate, &count);
    return count;
}

static const char HEAP[] = "member = load('local n = 0 return function() n = n + 1 return n end', '@m')()\n"
                           "stranger = function() return member end\n"
                           "heap = {}\n"
                           "for i = 1, 5000 do heap[i] = { i, x = { tostring(i) } } end\n"
                           "heap[2500].held = member\n"
                           "heap.deep = { { { [member] = 'key' } } }\n"
                           "heap.co = coroutine.create(function(f, ...) local g = f coroutine.yield() end)\n"
                           "coroutine.resume(heap.co, member, member)\n"
                           "heap.wrap = coroutine.wrap(member)\n"
                           "heap.meta = setmetatable({}, { __index = member })\n";

static size_t count_kind(const struct fixture *f, enum hp_holder_kind kind)
{
    size_t count, found = 0;
    const struct hp_holder *h = hp_locate_holders(f->locate, &count);
    for (size_t i = 0; i < count; i++)
        found += h[i].kind == kind;
    return found;
}

static void check_heap(const struct fixture *f)
{
    size_t count;
    assert_int_equal(count_kind(f, HP_HOLDER_KEY), 1);
    assert_int_equal(count_kind(f, HP_HOLDER_FIELD), 3); /* _G.member, held, __index */
    assert_int_equal(count_kind(f, HP_HOLDER_BODY), 1);
    assert_true(count_kind(f, HP_HOLDER_LOCAL) >= 3); /* f, the vararg, g */
    hp_locate_members(f->locate, &count);
    assert_int_equal(count, 1);
}

static void whole_pass(void **state)
{
    struct fixture *f = *state;
    run(f, HEAP);
    search(f, true, NULL);
    check_heap(f);
    size_t count, metatables = 0;
    const struct hp_holder *h = hp_locate_holders(f->locate, &count);
    for (size_t i = 0; i < count; i++)
        metatables += h[i].in_metatable;
    assert_int_equal(metatables, 1);
    assert_int_equal(f->slices, 1);
}

static void in_slices(void **state)
{
    struct fixture *f = *state;
    run(f, HEAP);
    search(f, false, NULL);
    check_heap(f);
    assert_true(f->slices > 100);
}

/* Collections of either kind, and memory that comes and goes, do not disturb it. */
static void collector_between(void **state)
{
    struct fixture *f = *state;
    run(f, HEAP);
    search(f, false, "local t = {} for i = 1, 50 do t[i] = { i } end heap.noise = t collectgarbage()");
    check_heap(f);
    run(f, "collectgarbage('generational')");
    search(f, false, "local t = {} for i = 1, 50 do t[i] = { i } end heap.noise = t collectgarbage('step')");
    check_heap(f);
}

static const char RESIZE[] = "turns = turns + 1\n"
                             "if turns % 7 == 0 and turns < 500 then\n"
                             "  for i = n + 1, n * 2 do big['k' .. i] = i end\n"
                             "  for i = n + 1, n * 2 do big['k' .. i] = nil end\n"
                             "  collectgarbage()\n"
                             "  big['x' .. turns] = turns\n"
                             "end";

/* The table under way gets other sizes: it is walked again, and nothing is found twice. */
static void table_changes(void **state)
{
    struct fixture *f = *state;
    run(f, "member = load('return function() end', '@m')()\n"
           "big = {} for i = 1, 4000 do big['k' .. i] = i % 100 == 0 and member or i end n = 4000 turns = 0");
    search(f, false, RESIZE);
    assert_int_equal(count_kind(f, HP_HOLDER_FIELD), 41); /* and _G.member */
    assert_true(f->slices < 2000);
}

/* The same, where most holders are inside of the table's values, and were walked with it. */
static void table_of_records_changes(void **state)
{
    struct fixture *f = *state;
    run(f, "member = load('return function() end', '@m')()\n"
           "big = {} for i = 1, 4000 do big['k' .. i] = i % 100 == 0 and { run = member } or { i } end\n"
           "big.last = member n = 4000 turns = 0");
    search(f, false, RESIZE);
    assert_int_equal(count_kind(f, HP_HOLDER_FIELD), 42); /* 40 records, big.last and _G.member */
}

/* Tables that are walked inside of another, until it is too late: they are walked anew, and what they hold is
 * found once. */
static void nested_tables_are_late(void **state)
{
    struct fixture *f = *state;
    run(f, "member = load('return function() end', '@m')()\n"
           "local function large(n) local t = { member } for i = 2, n do t[i] = { member } end return t end\n"
           "heap = { large(150), { large(150), { large(150), [large(150)] = true } } }");
    search(f, false, NULL);
    assert_int_equal(count_kind(f, HP_HOLDER_FIELD), 1 + 4 * 150);
    assert_true(f->slices > 5);
}

/* More than the stack of the work list takes, wherever the search begins to list what it meets. */
static void wide_below(void **state)
{
    struct fixture *f = *state;
    run(f, "member = load('return function() end', '@m')() heap = {}\n"
           "for depth = 25, 36 do\n"
           "  local t = {} for i = 1, 3000 do t[i] = { member } end\n"
           "  for _ = 1, depth do t = { t } end\n"
           "  heap[#heap + 1] = t\n"
           "end");
    search(f, true, NULL);
    assert_int_equal(count_kind(f, HP_HOLDER_FIELD), 1 + 12 * 3000);
}

/* Whatever the order in which they are met. */
static void members_in_order_of_the_source(void **state)
{
    struct fixture *f = *state;
    size_t count;
    run(f, "heap = {}\n"
           "for _ = 1, 3 do\n"
           "  local a, b, c = load('return function() end,\\nfunction() end,\\nfunction() end', '@m')()\n"
           "  table.insert(heap, { c, { b }, { { a } } }) heap[a], heap[{ c }], heap[b] = b, a, c\n"
           "end");
    search(f, true, NULL);
    const hp_handle *members = hp_locate_members(f->locate, &count);
    assert_int_equal(count, 9);
    for (size_t i = 0; i < count; i++) {
        lua_Debug ar;
        hp_anchor_push(f->own, ANCHOR, members[i]);
        lua_getinfo(f->own, ">S", &ar);
        assert_int_equal(ar.linedefined, 1 + i / 3);
    }
}

static void shared_cell(void **state)
{
    struct fixture *f = *state;
    run(f, "member = load('return function() end', '@m')()\n"
           "local f = member\n"
           "a = function() return f end b = function() f = nil end c = { function() return a, f end }");
    for (int whole = 0; whole < 2; whole++) {
        search(f, whole, NULL);
        assert_int_equal(count_kind(f, HP_HOLDER_CELL), 1);
    }
}

/* Gives out memory as some allocators do that are used in servers: nothing lies between the pieces. */
static void *packed(void *ud, void *p, size_t old, size_t size)
{
    static _Alignas(max_align_t) char store[1 << 20];
    static size_t used;
    (void)ud;
    if (size <= (p ? old : 0))
        return size ? p : NULL;
    if (size > sizeof store - used)
        return NULL;
    void *fresh = store + used;
    used += (size + 7) / 8 * 8;
    return p ? memcpy(fresh, p, old) : fresh;
}

/* To Lua, the address of an empty userdata is its end, where the next object begins. */
static void empty_userdata(void **state)
{
    struct fixture *f = *state;
    const void *end;
    lua_close(f->L);
    f->L = lua_newstate(packed, NULL);
    assert_non_null(f->L);
    lua_gc(f->L, LUA_GCSTOP);
    f->own = lua_newthread(f->L);
    luaL_loadstring(f->L, ""); /* leaves the parser's buffers behind it */
    assert_int_equal(luaL_loadbuffer(f->L, "", 0, "@m"), LUA_OK);
    lua_createtable(f->L, 4, 0);
    lua_pushvalue(f->L, -2);
    lua_setglobal(f->L, "member");
    lua_pushvalue(f->L, -1);
    lua_setglobal(f->L, "heap");
    end = lua_newuserdatauv(f->L, 0, 0);
    lua_createtable(f->L, 0, 0);
    assert_ptr_equal(lua_topointer(f->L, -1), end);
    lua_rawseti(f->L, -3, 2);
    lua_rawseti(f->L, -2, 1); /* heap = { userdata, {} }: the userdata is met first */
    lua_rawgeti(f->L, -1, 2);
    lua_pushvalue(f->L, -3);
    lua_rawseti(f->L, -2, 1);
    search(f, true, NULL);
    assert_int_equal(count_kind(f, HP_HOLDER_FIELD), 2); /* _G.member, heap[2][1] */
}

/* The saved key goes from the table, and with it the place where the walk stood. */
static void keys_vanish(void **state)
{
    struct fixture *f = *state;
    run(f, "member = load('return function() end', '@m')()\n"
           "big = {} for i = 1, 3000 do big[{}] = i end last = {} big[last] = member turns = 0");
    search(f, false,
           "turns = turns + 1\n"
           "if turns < 40 then for k, v in pairs(big) do if v ~= member and (v + turns) % 50 == 0 then "
           "big[k] = nil end end\n"
           "collectgarbage() collectgarbage() end");
    assert_int_equal(count_kind(f, HP_HOLDER_FIELD), 2);
}

static void table_is_cleared(void **state)
{
    struct fixture *f = *state;
    run(f, "member = load('return function() end', '@m')()\n"
           "big = {} for i = 1, 20000 do big[i] = {} end turns = 0");
    search(f, false,
           "turns = turns + 1 if turns == 60 then for i = 1, 20000 do big[i] = nil end collectgarbage() end");
    assert_int_equal(count_kind(f, HP_HOLDER_FIELD), 1);
    search(f, false, "big = nil collectgarbage()");
    assert_int_equal(count_kind(f, HP_HOLDER_FIELD), 1);
}

/* No slice passes by the empty slots of a large array as one entry; and what stands among them is found. */
static void large_array(void **state)
{
    struct fixture *f = *state;
    run(f, "member = load('return function() end', '@m')()\n"
           "big = {} for i = 1, 140000 do big[i] = i end\n"
           "big[5], big[140000], big[262144], big[262145], big.x, big[70000] =\n"
           "  member, member, member, member, member, { member }");
    search(f, false, NULL);
    assert_int_equal(count_kind(f, HP_HOLDER_FIELD), 7);
    assert_true(f->slices > 262144 / 64);
    search(f, true, NULL);
    assert_int_equal(count_kind(f, HP_HOLDER_FIELD), 7);
}

static void large_array_changes(void **state)
{
    struct fixture *f = *state;
    run(f, "member = load('return function() end', '@m')()\n"
           "big = {} for i = 1, 140000 do big[i] = i end\n"
           "big[5], big[140000], big.x, big[70000] = member, member, member, { member } turns = 0");
    search(f, false, /* it grows, shrinks, and grows again */
           "turns = turns + 1\n"
           "if turns == 1000 then for i = 140001, 300000 do big[i] = { i } end big[300000] = member\n"
           "elseif turns == 3000 then for i = 100001, 299999 do if i ~= 140000 then big[i] = nil end end\n"
           "  for i = 1, 200 do big['k' .. i] = i end\n"
           "elseif turns == 4000 then for i = 100001, 299999 do big[i] = big[i] or i end end");
    assert_int_equal(count_kind(f, HP_HOLDER_FIELD), 6);
    assert_true(f->slices > 4000);
}

/* A chain of a million tables, on a small C stack: nothing recurs. */
static void long_chain(void **state)
{
    struct fixture *f = *state;
    run(f,
        "member = load('return function() end', '@m')()\n"
        "chain = {} local t = chain for i = 1, 1000000 do local n = {} t.next = n t = n end t.last = member");
    size_t before = hp_locate_bytes(f->locate);
    search(f, true, NULL);
    assert_int_equal(count_kind(f, HP_HOLDER_FIELD), 2);
    assert_true(hp_locate_objects(f->locate) >= 1000000);
    double each = (double)(hp_locate_bytes(f->locate) - before) / (double)hp_locate_objects(f->locate);
    print_message("a chain: %.1f bytes an object\n", each);
    assert_true(each <= 32);
}

/* The same through objects of all kinds. */
static void long_chain_of_all_kinds(void **state)
{
    struct fixture *f = *state;
    run(f, "member = load('return function() end', '@m')()\n"
           "local link = { member }\n"
           "for i = 1, 5000 do\n"
           "  local last = link\n"
           "  local closure = function() return last end\n"
           "  local co = coroutine.create(function(own) coroutine.yield(own) end) coroutine.resume(co, "
           "closure)\n"
           "  link = setmetatable({}, { [{ co }] = { [co] = true } })\n"
           "end\n"
           "chain = link");
    for (int whole = 0; whole < 2; whole++) {
        search(f, whole, NULL);
        assert_int_equal(count_kind(f, HP_HOLDER_FIELD), 2);
    }
}

/* The worst for the work list: everything hangs from one table. Both sides' memory counts. */
static void memory_of_a_wide_heap(void **state)
{
    struct fixture *f = *state;
    run(f, "wide = {} for i = 1, 300000 do wide[i] = {} end collectgarbage() collectgarbage('stop')");
    begin(f);
    int64_t lua_before = (int64_t)lua_gc(f->L, LUA_GCCOUNT) * 1024, lua_most = 0;
    size_t most = 0;
    while (!step(f, false)) {
        int64_t lua_now = (int64_t)lua_gc(f->L, LUA_GCCOUNT) * 1024 - lua_before;
        most = hp_locate_bytes(f->locate) > most ? hp_locate_bytes(f->locate) : most;
        lua_most = lua_now > lua_most ? lua_now : lua_most;
    }
    double objects = (double)hp_locate_objects(f->locate);
    print_message("a wide heap: %.1f bytes an object in C, %.1f in Lua\n", (double)most / objects,
                  (double)lua_most / objects);
    assert_true(objects >= 300000);
    assert_true(((double)most + (double)lua_most) / objects <= 32 + 65536 / objects);
}

static void deep_stack(void **state)
{
    struct fixture *f = *state;
    run(f, "member = load('return function() end', '@m')()\n"
           "local function down(n, f) if n > 0 then local a = down(n - 1, f) return a end coroutine.yield() "
           "end\n"
           "co = coroutine.create(down) coroutine.resume(co, 150000, member)");
    search(f, false, NULL);
    assert_int_equal(hp_locate_deep(f->locate), 1);
    assert_true(count_kind(f, HP_HOLDER_LOCAL) >= 300);
}

/* A pass that is not taken to its end keeps nothing alive. */
static void given_up(void **state)
{
    struct fixture *f = *state;
    run(f, HEAP);
    run(f, "weak = setmetatable({}, { __mode = 'k' }) for _, v in pairs(heap) do weak[v] = true end");
    for (int i = 0; i < 40; i++) {
        begin(f);
        for (int k = 0; k < i; k++)
            step(f, false);
    }
    lua_settop(f->own, 0);
    run(f, "heap = nil collectgarbage() collectgarbage() assert(next(weak) == nil)");
}

/* Everything the search has of its own is hidden from it. */
static void does_not_find_itself(void **state)
{
    struct fixture *f = *state;
    run(f, "member = load('return function() end', '@m')()");
    for (int i = 0; i < 3; i++)
        assert_int_equal(search(f, i == 1, NULL),
                         1); /* _G.member, each time: not the anchor, which has it as well */
}

int main(void)
{
    struct rlimit small = {256 * 1024,
                           256 * 1024}; /* of threads and of what the program has not touched yet */
    setrlimit(RLIMIT_STACK, &small);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole_pass, setup, teardown),
        cmocka_unit_test_setup_teardown(in_slices, setup, teardown),
        cmocka_unit_test_setup_teardown(collector_between, setup, teardown),
        cmocka_unit_test_setup_teardown(table_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(table_of_records_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(nested_tables_are_late, setup, teardown),
        cmocka_unit_test_setup_teardown(wide_below, setup, teardown),
        cmocka_unit_test_setup_teardown(members_in_order_of_the_source, setup, teardown),
        cmocka_unit_test_setup_teardown(shared_cell, setup, teardown),
        cmocka_unit_test_setup_teardown(empty_userdata, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_vanish, setup, teardown),
        cmocka_unit_test_setup_teardown(table_is_cleared, setup, teardown),
        cmocka_unit_test_setup_teardown(large_array, setup, teardown),
        cmocka_unit_test_setup_teardown(large_array_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(long_chain, setup, teardown),
        cmocka_unit_test_setup_teardown(long_chain_of_all_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_of_a_wide_heap, setup, teardown),
        cmocka_unit_test_setup_teardown(deep_stack, setup, teardown),
        cmocka_unit_test_setup_teardown(given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(does_not_find_itself, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
