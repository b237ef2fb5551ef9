/* The tables: their keys are those of the contract, their offsets those of the structs, and walk and setters
 * agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/report.h"
#include "proto/request.h"
#include "sample.h"
#include "trace.h"

/* "modules.functions" below `root`; "" is the root itself. */
static const struct hp_shape *find_shape(const struct hp_shape *root, const char *path)
{
    const struct hp_shape *shape = root;
    while (*path != '\0') {
        size_t len = strcspn(path, ".");
        const struct hp_field *f = hp_shape_field(shape, path, len);
        assert_non_null(f);
        assert_non_null(f->sub);
        shape = f->sub;
        path += len + (path[len] == '.');
    }
    return shape;
}

static void assert_keys(const struct hp_shape *root, const char *path, const char *keys)
{
    const struct hp_shape *shape = find_shape(root, path);
    for (const char *key = keys; *key != '\0';) {
        size_t len = strcspn(key, " ");
        if (hp_shape_field(shape, key, len) == NULL)
            fail_msg("%s has no key %.*s", shape->name, (int)len, key);
        key += len + (key[len] == ' ');
    }
}

/* contract.md, section 4 */
static void the_report_has_the_keys_of_the_contract(void **unused)
{
    (void)unused;
    const struct hp_shape *r = &HP_REPORT_SHAPE;
    assert_keys(
        r, "",
        "protocol status id patch generation agent modules references instances stragglers coroutines "
        "effects replayed warnings refusals error output results cost patches functions");
    assert_keys(r, "agent", "pid name state lua version endpoint uptime_s patches states");
    assert_keys(r, "modules", "module source base functions joined absent orphaned fields");
    assert_keys(r, "modules.functions", "path verdict line was");
    assert_keys(r, "modules.fields", "path action");
    assert_keys(r, "references", "table key upvalue registry metatable userdata coroutine");
    assert_keys(r, "coroutines", "function at count");
    assert_keys(r, "effects", "call args line change performed");
    assert_keys(r, "replayed", "call args line for");
    assert_keys(r, "warnings", "code path text");
    assert_keys(r, "refusals", "code path text");
    assert_keys(r, "error", "text traceback module line");
    assert_keys(r, "cost", "objects slices load_us pause_us total_us");
    assert_keys(r, "patches", "patch status modules message when who functions");
    assert_keys(r, "functions", "path source line upvalues");
    assert_keys(r, "functions.upvalues", "name index type value cell shared_with");
}

static void the_request_has_its_keys(void **unused)
{
    (void)unused;
    const struct hp_shape *r = &HP_REQUEST_SHAPE;
    assert_keys(r, "",
                "protocol kind id state deadline_ms client user modules options patch target code code_name");
    assert_keys(r, "modules", "module file source base base_label");
    assert_keys(r, "options",
                "effects merge refs strict prune all atomic accept functions max_pause_ms search_limit_s "
                "expect_version message");
    assert_null(hp_shape_field(r, "kin", 3));
    assert_null(hp_shape_field(r, "kindly", 6));
    assert_null(hp_shape_field(r, "", 0));
}

static size_t size_of(const struct hp_field *f)
{
    switch (f->kind) {
    case HP_FIELD_STR:
    case HP_FIELD_OPT_MAP:
        return sizeof(void *);
    case HP_FIELD_BYTES:
        return sizeof(struct hp_bytes);
    case HP_FIELD_INT:
    case HP_FIELD_COUNT:
        return sizeof(int64_t);
    case HP_FIELD_NUM:
        return sizeof(double);
    case HP_FIELD_BOOL:
        return sizeof(bool);
    case HP_FIELD_STATUS:
        return sizeof(enum hp_status);
    case HP_FIELD_MAP:
        return f->sub->size;
    case HP_FIELD_LIST:
    case HP_FIELD_STRS:
        return sizeof(struct hp_list);
    }
    return 0;
}

/* Fields lie inside their struct, do not overlap, have keys of their own, and fit the decoder's 64 bits. */
static void check_table(const struct hp_shape *shape)
{
    assert_true(shape->count >= 1 && shape->count <= 64);
    for (size_t i = 0; i < shape->count; i++) {
        const struct hp_field *f = &shape->fields[i];
        assert_true(size_of(f) > 0 && f->offset + size_of(f) <= shape->size);
        assert_ptr_equal(hp_shape_field(shape, f->key, strlen(f->key)), f); /* so no two have one key */
        assert_true(strlen(hp_field_wants(f)) > 0);
        for (size_t k = 0; k < i; k++) {
            const struct hp_field *g = &shape->fields[k];
            assert_true(f->offset + size_of(f) <= g->offset || g->offset + size_of(g) <= f->offset);
        }
        bool has_sub = f->kind == HP_FIELD_MAP || f->kind == HP_FIELD_OPT_MAP || f->kind == HP_FIELD_LIST;
        assert_int_equal(f->sub != NULL, has_sub);
        if (f->sub != NULL)
            check_table(f->sub);
    }
}

static void the_tables_are_sound(void **unused)
{
    (void)unused;
    check_table(&HP_REQUEST_SHAPE);
    check_table(&HP_REPORT_SHAPE);
    assert_string_equal(HP_REQUEST_SHAPE.fields[0].key, "protocol");
    assert_string_equal(HP_REPORT_SHAPE.fields[0].key, "protocol");
}

static void a_new_report_writes_what_scripts_rely_on(void **unused)
{
    (void)unused;
    struct hp_report r;
    hp_report_init(&r);
    char *text = trace_object(&HP_REPORT_SHAPE, &r);
    const char *expected = "-: map 13\n"
                           "  protocol: 1\n"
                           "  status: \"ok\"\n"
                           "  generation: 0\n"
                           "  modules: list 0\n"
                           "  references: map 7\n"
                           "    table: 0\n"
                           "    key: 0\n"
                           "    upvalue: 0\n"
                           "    registry: 0\n"
                           "    metatable: 0\n"
                           "    userdata: 0\n"
                           "    coroutine: 0\n"
                           "  instances: 0\n"
                           "  stragglers: \"unknown\"\n"
                           "  coroutines: list 0\n"
                           "  effects: list 0\n"
                           "  replayed: list 0\n"
                           "  warnings: list 0\n"
                           "  refusals: list 0\n"
                           "  cost: map 7\n"
                           "    objects: 0\n"
                           "    slices: 0\n"
                           "    load_us: 0\n"
                           "    commit_us: 0\n"
                           "    pause_us: 0\n"
                           "    total_us: 0\n"
                           "    memory: 0\n";
    assert_string_equal(text, expected);
    free(text);
    hp_report_fini(&r);
}

static void the_walk_writes_all_there_is(void **unused)
{
    (void)unused;
    struct hp_request r;
    hp_request_init(&r);
    struct hp_request_module *m = HP_PUSH(&r.arena, &r.modules);
    assert_non_null(m);
    r.id = "x";
    r.kind_word = "push";
    m->module = "";
    m->source = (struct hp_bytes){"a\0b", 3};
    m->base = (struct hp_bytes){"", 0}; /* an empty base is a base */
    r.options = (struct hp_options){.strict = true, .max_pause_ms = 0.5};
    const char **accept = HP_PUSH(&r.arena, &r.options.accept);
    assert_non_null(accept); /* left NULL */
    char *text = trace_object(&HP_REQUEST_SHAPE, &r);
    assert_string_equal(text, "-: map 6\n"
                              "  protocol: 1\n"
                              "  kind: \"push\"\n"
                              "  id: \"x\"\n"
                              "  deadline_ms: 0\n"
                              "  modules: list 1\n"
                              "    -: map 3\n"
                              "      module: \"\"\n"
                              "      source: \"a\\x00b\"\n"
                              "      base: \"\"\n"
                              "  options: map 3\n"
                              "    strict: true\n"
                              "    accept: list 1\n"
                              "      -: \"\"\n"
                              "    max_pause_ms: 0x1p-1\n");
    free(text);
    hp_request_fini(&r);
}

/* One field of each kind, to put things into. */
struct mixed {
    const char *str;
    struct hp_bytes bytes;
    int64_t integer;
    double num;
    bool flag;
    int64_t count;
    enum hp_status status;
    HP_LIST(const char *) strs;
};
#define MIXED(name, kind_)                                                                                   \
    {                                                                                                        \
        .key = #name, .kind = (kind_), .offset = offsetof(struct mixed, name)                                \
    }
enum { STR, BYTES, INTEGER, NUM, FLAG, COUNT, STATUS, STRS };
static const struct hp_field mixed_fields[] = {
    [STR] = MIXED(str, HP_FIELD_STR),          [BYTES] = MIXED(bytes, HP_FIELD_BYTES),
    [INTEGER] = MIXED(integer, HP_FIELD_INT),  [NUM] = MIXED(num, HP_FIELD_NUM),
    [FLAG] = MIXED(flag, HP_FIELD_BOOL),       [COUNT] = MIXED(count, HP_FIELD_COUNT),
    [STATUS] = MIXED(status, HP_FIELD_STATUS), [STRS] = MIXED(strs, HP_FIELD_STRS),
};

static void setters_take_only_what_fits(void **unused)
{
    (void)unused;
    struct mixed m = {0};
    struct hp_arena a;
    hp_arena_init(&a);
    const struct hp_field *f = mixed_fields;
    for (int i = STR; i <= STRS; i++) {
        /* which kinds take which type */
        bool takes_string = i == STR || i == BYTES;
        bool takes_word = i == COUNT || i == STATUS; /* but not this one */
        enum hp_put expected = takes_string ? HP_PUT_OK : takes_word ? HP_PUT_VALUE : HP_PUT_TYPE;
        assert_int_equal(hp_field_put_string(&f[i], &m, &a, "word", 4), expected);
        bool takes_integer = i == INTEGER || i == COUNT || i == NUM;
        assert_int_equal(hp_field_put_integer(&f[i], &m, 7), takes_integer ? HP_PUT_OK : HP_PUT_TYPE);
        assert_int_equal(hp_field_put_number(&f[i], &m, 7.5), i == NUM ? HP_PUT_OK : HP_PUT_TYPE);
        assert_int_equal(hp_field_put_boolean(&f[i], &m, true), i == FLAG ? HP_PUT_OK : HP_PUT_TYPE);
        assert_int_equal(hp_field_put_item(&f[i], &m, &a, "item", 4), i == STRS ? HP_PUT_OK : HP_PUT_TYPE);
        assert_null(hp_field_put_struct(&f[i], &m, &a));
    }
    assert_string_equal(m.str, "word");
    assert_int_equal(m.bytes.len, 4);
    assert_int_equal(m.integer, 7);
    assert_true(m.num > 7.4 && m.num < 7.6);
    assert_true(m.flag);
    assert_int_equal(m.count, 7);
    assert_int_equal(m.strs.count, 1);
    assert_string_equal(m.strs.items[0], "item");

    assert_int_equal(hp_field_put_string(&f[STR], &m, &a, "a\0b", 3), HP_PUT_VALUE);
    assert_string_equal(m.str, "word");
    assert_int_equal(hp_field_put_string(&f[BYTES], &m, &a, "a\0b", 3), HP_PUT_OK);
    assert_int_equal(m.bytes.len, 3);
    assert_int_equal(hp_field_put_item(&f[STRS], &m, &a, "a\0b", 3), HP_PUT_VALUE);
    assert_int_equal(hp_field_put_number(&f[NUM], &m, 1e308 * 10), HP_PUT_VALUE);
    assert_int_equal(hp_field_put_string(&f[COUNT], &m, &a, "unknown", 7), HP_PUT_OK);
    assert_true(m.count == HP_UNKNOWN);
    assert_int_equal(hp_field_put_string(&f[STATUS], &m, &a, "busy", 4), HP_PUT_OK);
    assert_int_equal(m.status, HP_BUSY);
    assert_int_equal(hp_field_put_string(&f[STATUS], &m, &a, "busybody", 8), HP_PUT_VALUE);
    assert_int_equal(hp_field_put_string(&f[STATUS], &m, &a, "bus", 3), HP_PUT_VALUE);
    hp_arena_fini(&a);
}

static void numbers_that_json_lacks_are_written_as_0(void **unused)
{
    (void)unused;
    const struct hp_shape shape = {"mixed", sizeof(struct mixed), &mixed_fields[NUM], 1};
    struct mixed m = {.num = 1e308 * 10};
    char *text = trace_object(&shape, &m);
    assert_string_equal(text, "-: map 1\n  num: 0x0p+0\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_report_has_the_keys_of_the_contract),
        cmocka_unit_test(the_request_has_its_keys),
        cmocka_unit_test(the_tables_are_sound),
        cmocka_unit_test(a_new_report_writes_what_scripts_rely_on),
        cmocka_unit_test(the_walk_writes_all_there_is),
        cmocka_unit_test(setters_take_only_what_fits),
        cmocka_unit_test(numbers_that_json_lacks_are_written_as_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
