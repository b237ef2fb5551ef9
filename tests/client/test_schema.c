/* docs/report.schema.json against the tables that reports are made from: each shape has its definition with
 * that shape's fields and their types, no others; what is always written is required; every status word is
 * named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "client/cmd.h"
#include "proto/report.h"

static json_t *schema;

static int load(void **state)
{
    json_error_t error;
    (void)state;
    schema = json_load_file("docs/report.schema.json", JSON_REJECT_DUPLICATES, &error);
    if (schema == NULL)
        print_error("docs/report.schema.json, line %d: %s\n", error.line, error.text);
    return schema != NULL ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    json_decref(schema);
    return 0;
}

static const json_t *definition(const char *name)
{
    const json_t *found = json_object_get(json_object_get(schema, "$defs"), name);
    if (found == NULL)
        fail_msg("docs/report.schema.json has no definition %s", name);
    return found;
}

static bool says(const json_t *node, const char *key, const char *value)
{
    const char *text = json_string_value(json_object_get(node, key));
    return text != NULL && strcmp(text, value) == 0;
}

static bool refers_to(const json_t *node, const char *name)
{
    const char *text = json_string_value(json_object_get(node, "$ref"));
    return text != NULL && strncmp(text, "#/$defs/", 8) == 0 && strcmp(text + 8, name) == 0;
}

static bool integer_or_unknown(const json_t *node)
{
    const json_t *either = json_object_get(node, "anyOf");
    return json_array_size(either) == 2 && says(json_array_get(either, 0), "type", "integer") &&
           says(json_array_get(either, 1), "const", "unknown");
}

static bool has_type(const json_t *node, const struct hp_field *field)
{
    const json_t *items = json_object_get(node, "items");
    switch (field->kind) {
    case HP_FIELD_STR:
    case HP_FIELD_BYTES:
        return says(node, "type", "string");
    case HP_FIELD_INT:
        return says(node, "type", "integer");
    case HP_FIELD_NUM:
        return says(node, "type", "number");
    case HP_FIELD_BOOL:
        return says(node, "type", "boolean");
    case HP_FIELD_COUNT:
        return integer_or_unknown(node);
    case HP_FIELD_STATUS:
        return refers_to(node, "status");
    case HP_FIELD_MAP:
    case HP_FIELD_OPT_MAP:
        return refers_to(node, field->sub->name);
    case HP_FIELD_LIST:
        return says(node, "type", "array") && refers_to(items, field->sub->name);
    case HP_FIELD_STRS:
        return says(node, "type", "array") && says(items, "type", "string");
    }
    return false;
}

static bool is_required(const json_t *shape, const char *key)
{
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(shape, "required"), i, item)
    {
        if (strcmp(json_string_value(item), key) == 0)
            return true;
    }
    return false;
}

/* A string may be required where it is always set, which the table does not say: the end-to-end tests do. */
static void check_required(const json_t *node, const struct hp_shape *shape, const struct hp_field *field)
{
    bool skipped = (field->flags & HP_FLAG_SKIP_EMPTY) != 0 || field->kind == HP_FIELD_OPT_MAP;
    bool perhaps = field->kind == HP_FIELD_STR || field->kind == HP_FIELD_BYTES;
    bool required = is_required(node, field->key);
    if (required && skipped)
        fail_msg("%s: %s is left out when it is empty, the schema requires it", shape->name, field->key);
    if (!required && !skipped && !perhaps)
        fail_msg("%s: %s is always written, the schema does not require it", shape->name, field->key);
}

static void check_shape(const struct hp_shape *shape)
{
    const json_t *node = definition(shape->name);
    const json_t *properties = json_object_get(node, "properties");
    assert_true(says(node, "type", "object"));
    for (size_t i = 0; i < shape->count; i++) {
        const struct hp_field *field = &shape->fields[i];
        const json_t *property = json_object_get(properties, field->key);
        if (property == NULL)
            fail_msg("docs/report.schema.json: %s lacks %s", shape->name, field->key);
        if (!has_type(property, field))
            fail_msg("docs/report.schema.json: %s.%s has another type", shape->name, field->key);
        check_required(node, shape, field);
        if (field->sub != NULL)
            check_shape(field->sub);
    }
    if (json_object_size(properties) != shape->count) {
        fail_msg("docs/report.schema.json: %s has %zu fields, the program %zu", shape->name,
                 json_object_size(properties), shape->count);
    }
}

static void reports(void **state)
{
    (void)state;
    check_shape(&HP_REPORT_SHAPE);
}

static void agents(void **state)
{
    (void)state;
    assert_true(refers_to(json_object_get(definition("agents"), "items"), HP_REPORT_AGENT_SHAPE.name));
}

static void statuses(void **state)
{
    const json_t *words = json_object_get(definition("status"), "enum");
    (void)state;
    assert_int_equal(json_array_size(words), HP_STATUS_COUNT);
    for (int i = 0; i < HP_STATUS_COUNT; i++) {
        assert_string_equal(json_string_value(json_array_get(words, (size_t)i)),
                            hp_status_info((enum hp_status)i)->word);
    }
}

/* A reference that leads nowhere makes a schema that no reader can use. */
static void check_references(const json_t *node)
{
    const char *key;
    const json_t *value;
    size_t i;
    const char *reference = json_string_value(json_object_get(node, "$ref"));
    if (reference != NULL) {
        assert_memory_equal(reference, "#/$defs/", 8);
        definition(reference + 8);
    }
    json_object_foreach((json_t *)(uintptr_t)node, key, value)
    {
        check_references(value);
    }
    json_array_foreach(node, i, value)
    {
        check_references(value);
    }
}

static void references(void **state)
{
    (void)state;
    check_references(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports),
        cmocka_unit_test(agents),
        cmocka_unit_test(statuses),
        cmocka_unit_test(references),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
