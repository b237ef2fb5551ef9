/* What people and programs read, letter by letter, for one report that has a little of everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "client/progress.h"
#include "client/render.h"
#include "proto/protocol.h"

#define PUSH(r, list) (*(__typeof__((list)->items))HP_PUSH(&(r)->arena, (list)))

static const struct hp_style plain = {false, false, true};
static const struct hp_style ascii = {true, false, false};
static const struct hp_style coloured = {true, true, true};

static void fill(struct hp_report *r)
{
    hp_report_init(r);
    r->status = HP_APPLIED;
    r->id = "abc";
    r->patch = r->generation = 3;
    r->agent.pid = 4121;
    r->agent.name = "game";
    r->agent.state = "main";
    struct hp_report_module *m = &PUSH(r, &r->modules);
    m->module = "mymodule";
    m->source = "@src/mymodule.lua";
    m->base = "recorded";
    PUSH(r, &m->functions) = (struct hp_report_function){
        .path = "increment", .verdict = "replaced", .line = 6, .was = "mymodule.lua:5"};
    PUSH(r, &m->functions) =
        (struct hp_report_function){.path = "set_step", .verdict = "added", .line = 14, .was = NULL};
    PUSH(r, &m->functions) =
        (struct hp_report_function){.path = "old", .verdict = "kept", .line = 0, .was = "mymodule.lua:30"};
    PUSH(r, &m->functions) = (struct hp_report_function){
        .path = "get", .verdict = "unchanged", .line = 9, .was = "mymodule.lua:8"};
    PUSH(r, &m->functions) = (struct hp_report_function){
        .path = "increment^check", .verdict = "replaced", .line = 3, .was = "mymodule.lua:2"};
    PUSH(r, &m->joined) = "increment^count";
    PUSH(r, &m->joined) = "increment^check^limit";
    PUSH(r, &m->joined) = "get^count"; /* of an unchanged one: not shown, not counted */
    PUSH(r, &m->absent) = "increment^step";
    PUSH(r, &m->absent) = "set_step^step";
    PUSH(r, &m->orphaned) = "increment^unused";
    PUSH(r, &m->fields) = (struct hp_report_field){"VERSION", "kept"};
    PUSH(r, &m->fields) = (struct hp_report_field){"names", "added"};
    r->searched = "module";
    PUSH(r, &r->effects) = (struct hp_report_effect){"bus.on", "\"logout\", function", 30, "new", false};
    PUSH(r, &r->replayed) = (struct hp_report_replay){"logger.get", "\"battle\"", 7, "cast^log"};
    PUSH(r, &r->coroutines) = (struct hp_report_coroutine){"loop", "mymodule.lua:42", 2};
    r->references.upvalue = 1;
    r->references.table = 2;
    PUSH(r, &r->warnings) = (struct hp_report_note){"R12", "rates",
                                                    "the source changed this value; the live one stays. "
                                                    "--merge three-way moves it where it is untouched.",
                                                    12, "mymodule"};
    r->output = "moved 3\n";
    r->cost.pause_us = 180;
    assert_false(hp_arena_failed(&r->arena));
}

static char *text_of(void (*render)(struct hp_text *, const struct hp_report *), const struct hp_report *r,
                     struct hp_style style)
{
    struct hp_text page;
    hp_text_init(&page, style);
    render(&page, r);
    assert_false(page.failed);
    char *copy = strdup(hp_text_str(&page));
    hp_text_fini(&page);
    return copy;
}

static void golden_patch(void **state)
{
    struct hp_report r;
    (void)state;
    fill(&r);
    char *text = text_of(hp_render_patch, &r, plain);
    assert_string_equal(text,
                        "game (pid 4121)\n"
                        "mymodule  src/mymodule.lua  (base: recorded)\n"
                        "  ~ increment        replaced  was mymodule.lua:5, now line 6\n"
                        "      = joined    count\n"
                        "      + absent    step  (begins with its first value)\n"
                        "      - orphaned  unused  (no longer used)\n"
                        "  + set_step         added     line 14\n"
                        "      + absent    step  (begins with its first value)\n"
                        "  = old              kept      was mymodule.lua:30  (not in the new source)\n"
                        "  ~ increment^check  replaced  was mymodule.lua:2, now line 3\n"
                        "      = joined    limit\n"
                        "  = 1 unchanged: get\n"
                        "  + value added: names\n"
                        "  = value kept: VERSION\n"
                        "calls that only one of the two bodies makes\n"
                        "  + bus.on(\"logout\", function)  line 30  not performed\n"
                        "    push --effects new performs the new ones\n"
                        "calls made for first values\n"
                        "    logger.get(\"battle\")  line 7  for cast^log\n"
                        "also switched outside the module: 2 table fields, 1 upvalue\n"
                        "still running an old function, which they finish\n"
                        "    loop at mymodule.lua:42  (2 coroutines)\n"
                        "warnings\n"
                        "  ! R12  mymodule.rates  line 12\n"
                        "         the source changed this value; the live one stays. --merge three-way\n"
                        "         moves it where it is untouched.\n"
                        "printed\n"
                        "    moved 3\n"
                        "not looked at: holders of old functions elsewhere in the program (locals of\n"
                        "    other modules, timers, callbacks, coroutines); they keep calling the old\n"
                        "    ones\n"
                        "applied patch 3: 3 functions, 2 upvalues joined, 2 absent, paused 0.18 ms\n");
    free(text);
    hp_report_fini(&r);
}

static void planned_and_nothing(void **state)
{
    struct hp_report r;
    (void)state;
    hp_report_init(&r);
    r.status = HP_NO_CHANGE;
    char *text = text_of(hp_render_patch, &r, plain);
    assert_string_equal(text, "no change: the running code is what the source says, paused 0.00 ms\n");
    free(text);
    r.status = HP_PLANNED;
    text = text_of(hp_render_patch, &r, plain);
    assert_string_equal(
        text, "planned, nothing changed: 0 functions, 0 upvalues joined, 0 absent, paused 0.00 ms\n");
    free(text);
    hp_report_fini(&r);
}

static void golden_refusal(void **state)
{
    struct hp_report r;
    (void)state;
    hp_report_init(&r);
    r.status = HP_REFUSED;
    PUSH(&r, &r.refusals) = (struct hp_report_note){"R04", "online", "it was a number.", 0, "rooms"};
    PUSH(&r, &r.refusals) = (struct hp_report_note){"R09", "db", "line 3 calls connect().", 3, "rooms"};
    PUSH(&r, &r.refusals) = (struct hp_report_note){"R04", "users", "it was a number.", 0, "rooms"};
    char *text = text_of(hp_render_patch, &r, plain);
    assert_string_equal(text, "refused\n"
                              "  x R04  rooms.online\n"
                              "         it was a number.\n"
                              "         hotpatch explain R04\n"
                              "  x R09  rooms.db  line 3\n"
                              "         line 3 calls connect().\n"
                              "         hotpatch explain R09\n"
                              "  x R04  rooms.users\n"
                              "         it was a number.\n"
                              "         hotpatch explain R04\n");
    free(text);
    text = text_of(hp_render_trouble, &r, plain);
    assert_string_equal(text, "hotpatch: refused: 3 edits were refused; nothing changed\n"
                              "  -> hotpatch explain R04 R09\n");
    free(text);
    hp_report_fini(&r);
}

static void golden_trouble(void **state)
{
    struct hp_report r;
    (void)state;
    hp_report_init(&r);
    hp_report_fail(&r, HP_LOAD_FAILED, "%s", "unexpected symbol near '='");
    r.error->file = "src/a.lua";
    r.error->line = 12;
    r.error->source_line = "\tlocal \xc3\xa4 = = 2";
    r.error->traceback = "stack:\n\ta.lua:3\x1b[31m";
    r.error->hint = "mend it";
    char *text = text_of(hp_render_trouble, &r, plain);
    assert_string_equal(text, "hotpatch: src/a.lua:12: unexpected symbol near '='\n"
                              "    12 |     local \xc3\xa4 = = 2\n"
                              "                       ^\n"
                              "    stack:\n"
                              "    \ta.lua:3\\x1b[31m\n"
                              "  -> mend it\n");
    free(text);
    hp_report_fini(&r);
}

static void nothing_from_the_server_reaches_a_terminal_raw(void **state)
{
    static const char evil[] = "a\033]0;x\007b\r\n\xc2\x9b"
                               "c\xe2\x80\xae"
                               "d\xff\xc3\xa9";
    struct hp_report r;
    struct hp_text page;
    (void)state;
    hp_report_init(&r);
    r.status = HP_OK;
    r.output = evil;
    struct hp_report_inspected *f = &PUSH(&r, &r.functions);
    f->path = f->source = evil;
    hp_text_init(&page, coloured);
    page.style.colour = false;
    hp_render_inspect(&page, &r);
    hp_render_eval(&page, &r);
    const char *text = hp_text_str(&page);
    assert_null(strchr(text, '\033'));
    assert_null(strchr(text, '\007'));
    assert_null(strchr(text, '\r'));
    assert_null(strstr(text, "\xc2\x9b"));
    assert_null(strstr(text, "\xe2\x80\xae"));
    assert_null(strchr(text, (char)0xff));
    assert_non_null(strstr(text, "\\x1b]0;x\\x07b"));
    assert_non_null(strstr(text, "\xc3\xa9")); /* what is harmless stays */
    hp_text_fini(&page);
    char *plain_ascii = text_of(hp_render_eval, &r, ascii);
    for (const char *s = plain_ascii; *s != '\0'; s++)
        assert_true((unsigned char)*s < 0x80);
    free(plain_ascii);
    hp_report_fini(&r);
}

static void colours_only_where_asked_for(void **state)
{
    struct hp_report r;
    (void)state;
    fill(&r);
    char *text = text_of(hp_render_patch, &r, plain);
    assert_null(strchr(text, '\033'));
    free(text);
    text = text_of(hp_render_patch, &r, coloured);
    assert_non_null(strstr(text, "\033[33m~\033[0m \033[1mincrement\033[0m"));
    free(text);
    hp_report_fini(&r);
}

static void golden_state_pages(void **state)
{
    struct hp_report r;
    (void)state;
    hp_report_init(&r);
    r.agent.pid = 4121;
    r.agent.name = "game";
    r.agent.state = "main";
    r.agent.uptime_s = 3725;
    r.agent.patches = 2;
    r.agent.generation = 5;
    r.agent.idle_s = 0.25;
    char *text = text_of(hp_render_status, &r, plain);
    const char head[] = "game  pid 4121\nstate      main\nuptime     1 h 2 min\n"
                        "patches    2 applied, generation 5\n";
    char expected[512];
    snprintf(expected, sizeof expected,
             "%sold code   not known until the collector has gone round twice\nlast poll  0.2 s ago\n", head);
    assert_string_equal(text, expected);
    free(text);
    r.stragglers = 3;
    PUSH(&r, &r.held) = (struct hp_report_held){"battle.lua:42", 2};
    PUSH(&r, &r.held) = (struct hp_report_held){"battle.lua:7", 1};
    struct hp_report_running running = {
        .kind = "push", .phase = "search", .objects = 5, .slices = 2, .pause_us = 900};
    r.running = &running;
    text = text_of(hp_render_status, &r, plain);
    snprintf(expected, sizeof expected,
             "%sunder way  push, search, 5 objects, 2 slices, longest stop 0.9 ms\n"
             "old code   3 old functions still held: battle.lua:42 (2), battle.lua:7\nlast poll  0.2 s ago\n",
             head);
    assert_string_equal(text, expected);
    free(text);
    r.running = NULL;
    r.stragglers = 0;
    text = text_of(hp_render_log, &r, plain);
    assert_string_equal(text, "no patches\n");
    free(text);
    struct hp_report_patch *p = &PUSH(&r, &r.patches);
    *p = (struct hp_report_patch){.patch = 2,
                                  .status = "applied",
                                  .message = "double damage",
                                  .when = "2026-11-20T23:40:00Z",
                                  .who = "uid 1000 (anna), pid 7",
                                  .functions = 1};
    PUSH(&r, &p->modules) = "battle";
    text = text_of(hp_render_log, &r, plain);
    assert_string_equal(text,
                        "2    applied  2026-11-20T23:40:00Z  battle  1 function  uid 1000 (anna), pid 7\n"
                        "     double damage\n");
    free(text);
    struct hp_report_inspected *f = &PUSH(&r, &r.functions);
    *f = (struct hp_report_inspected){.path = "hit", .source = "@battle.lua", .line = 4};
    struct hp_report_upvalue *u = &PUSH(&r, &f->upvalues);
    *u = (struct hp_report_upvalue){
        .name = "count", .index = 1, .type = "number", .value = "37", .cell = "0x1"};
    PUSH(&r, &u->shared_with) = "get";
    text = text_of(hp_render_inspect, &r, plain);
    assert_string_equal(text, "hit  battle.lua:4\n    count  number  37  shared with get\n");
    free(text);
    hp_report_fini(&r);
}

static void expect_progress(struct hp_style style, const struct hp_progress_state *p, size_t columns,
                            const char *expected)
{
    struct hp_text page;
    hp_text_init(&page, style);
    hp_progress_line(&page, "push", p, columns);
    assert_string_equal(hp_text_str(&page), expected);
    hp_text_fini(&page);
}

static void golden_progress(void **state)
{
    static const struct hp_style latin = {true, false, true};
    struct hp_progress_state p = {.doing = "waits for a safe point", .seconds = 2.2};
    (void)state;
    expect_progress(ascii, &p, 80, "push waits for a safe point, 2 s");
    p = (struct hp_progress_state){"running", "is running", "search", 1000, 1, 1250, 0.4};
    expect_progress(ascii, &p, 80, "push: search, 1,000 objects in 1 slice, longest stop 1.25 ms, 0 s");
    p.objects = 1;
    p.slices = 1234567;
    p.phase = "a\033b";
    expect_progress(ascii, &p, 80, "push: a\\x1bb, 1 object in 1,234,567 slices, longest stop 1.25 ms, 0 s");
    /* Cut between characters, never inside of one. */
    p.phase = "\xc3\xa9\xc3\xa9";
    expect_progress(latin, &p, 8, "push: \xc3\xa9\xc3\xa9");
    expect_progress(latin, &p, 7, "push: \xc3\xa9");
    expect_progress(latin, &p, 0, "");
}

static void json(void **state)
{
    struct hp_report r;
    struct hp_text page;
    (void)state;
    fill(&r);
    r.output = "\xff\xc3\xa9\n";
    hp_text_init(&page, plain);
    hp_render_json(&page, &HP_REPORT_SHAPE, &r);
    const char *text = hp_text_str(&page);
    assert_memory_equal(text, "{\"protocol\":1,\"status\":\"applied\",\"id\":\"abc\",", 43);
    assert_ptr_equal(strchr(text, '\n'), text + page.len - 1); /* one line, ended */
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "output")), "\xef\xbf\xbd\xc3\xa9\n");
    assert_string_equal(json_string_value(json_object_get(root, "stragglers")), "unknown");
    assert_null(json_object_get(root, "error"));
    json_t *module = json_array_get(json_object_get(root, "modules"), 0);
    json_t *function = json_array_get(json_object_get(module, "functions"), 0);
    assert_string_equal(json_string_value(json_object_get(function, "verdict")), "replaced");
    assert_int_equal(json_integer_value(json_object_get(function, "line")), 6);
    assert_string_equal(json_string_value(json_array_get(json_object_get(module, "joined"), 0)),
                        "increment^count");
    json_t *effect = json_array_get(json_object_get(root, "effects"), 0);
    assert_true(json_is_false(json_object_get(effect, "performed")));
    json_t *replay = json_array_get(json_object_get(root, "replayed"), 0);
    assert_string_equal(json_string_value(json_object_get(replay, "for")), "cast^log");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "references"), "table")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "cost"), "pause_us")), 180);
    json_decref(root);
    hp_text_fini(&page);
    hp_report_fini(&r);
}

static void msgpack(void **state)
{
    struct hp_report r;
    struct hp_report back;
    struct hp_text page;
    const char *error = NULL;
    (void)state;
    fill(&r);
    hp_text_init(&page, plain);
    hp_render_msgpack(&page, &HP_REPORT_SHAPE, &r);
    hp_report_init(&back);
    assert_int_equal(hp_report_decode(&back, page.data, page.len, &error), HP_OK);
    assert_int_equal(back.status, HP_APPLIED);
    assert_string_equal(back.modules.items[0].joined.items[1], "increment^check^limit");
    hp_report_fini(&back);
    hp_text_fini(&page);
    hp_report_fini(&r);
}

static void msgpack_lists(void **state)
{
    static const size_t counts[] = {0, 1, 15, 16, 300, 65536};
    static const unsigned char heads[][5] = {{0x90},        {0x91},        {0x9f},
                                             {0xdc, 0, 16}, {0xdc, 1, 44}, {0xdd, 0, 1, 0, 0}};
    static const size_t lengths[] = {1, 1, 1, 3, 3, 5};
    struct hp_arena arena;
    (void)state;
    hp_arena_init(&arena);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct hp_text page;
        struct hp_list list = {hp_arena_alloc(&arena, counts[i] * HP_REPORT_AGENT_SHAPE.size + 1), counts[i],
                               counts[i]};
        hp_text_init(&page, plain);
        hp_render_msgpack_list(&page, &HP_REPORT_AGENT_SHAPE, &list);
        assert_true(page.len >= lengths[i] + counts[i]);
        assert_memory_equal(page.data, heads[i], lengths[i]);
        hp_text_fini(&page);
    }
    hp_arena_fini(&arena);
}

static size_t refuse_after;
static void *short_memory(void *ptr, size_t size)
{
    if (size > 0 && refuse_after-- == 0) {
        refuse_after = 0;
        return NULL;
    }
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, size);
}

static void *all_memory(void *ptr, size_t size)
{
    refuse_after = SIZE_MAX;
    return short_memory(ptr, size);
}

/* With the nth allocation refused the page says that it failed, or is whole. */
static void short_of_memory(void **state)
{
    struct hp_report r;
    size_t failures = 0;
    (void)state;
    fill(&r);
    for (size_t n = 0; n < 200; n++) {
        struct hp_text page;
        refuse_after = n;
        hp_mem_set_allocator(short_memory);
        hp_text_init(&page, plain);
        hp_render_patch(&page, &r);
        hp_mem_set_allocator(all_memory);
        failures += page.failed ? 1 : 0;
        hp_text_fini(&page);
    }
    assert_true(failures > 0);
    hp_report_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_patch),
        cmocka_unit_test(planned_and_nothing),
        cmocka_unit_test(golden_refusal),
        cmocka_unit_test(golden_trouble),
        cmocka_unit_test(nothing_from_the_server_reaches_a_terminal_raw),
        cmocka_unit_test(colours_only_where_asked_for),
        cmocka_unit_test(golden_state_pages),
        cmocka_unit_test(golden_progress),
        cmocka_unit_test(json),
        cmocka_unit_test(msgpack),
        cmocka_unit_test(msgpack_lists),
        cmocka_unit_test(short_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
