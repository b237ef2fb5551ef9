/* docs/protocol.md against the tables that encoder and decoder are made from: each shape has its section,
 * each section has that shape's fields, in order and with their types, and no others. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *page;

static int read_page(void **state)
{
    (void)state;
    FILE *file = fopen(HP_PROTOCOL_PAGE, "rb");
    assert_non_null(file);
    page = hp_mem_calloc(256 * 1024);
    assert_true(fread(page, 1, 256 * 1024 - 1, file) > 1000);
    fclose(file);
    return 0;
}

static int free_page(void **state)
{
    (void)state;
    hp_mem_free(page);
    return 0;
}

/* "request" has the heading "## Request", "report.agent" "### report.agent". */
static const char *section_of(const struct hp_shape *shape)
{
    char heading[80];
    if (strchr(shape->name, '.'))
        snprintf(heading, sizeof heading, "\n### %s\n", shape->name);
    else
        snprintf(heading, sizeof heading, "\n## %c%s\n", shape->name[0] - 'a' + 'A', shape->name + 1);
    const char *at = strstr(page, heading);
    if (!at)
        fail_msg("docs/protocol.md has no section '%s'", shape->name);
    return at + strlen(heading);
}

static void type_word(const struct hp_field *field, char *out, size_t size)
{
    static const char *const words[] = {
        [HP_FIELD_STR] = "string",    [HP_FIELD_BYTES] = "bytes",
        [HP_FIELD_INT] = "integer",   [HP_FIELD_NUM] = "number",
        [HP_FIELD_BOOL] = "boolean",  [HP_FIELD_COUNT] = "integer or \"unknown\"",
        [HP_FIELD_STATUS] = "string", [HP_FIELD_STRS] = "list of string",
    };
    if (field->kind == HP_FIELD_LIST)
        snprintf(out, size, "list of %s", field->sub->name);
    else if (field->kind == HP_FIELD_MAP || field->kind == HP_FIELD_OPT_MAP)
        snprintf(out, size, "%s", field->sub->name);
    else
        snprintf(out, size, "%s", words[field->kind]);
}

/* The next row of the section's table, after its head; NULL at the end of the table. */
static const char *next_row(const char *at)
{
    at = strchr(at, '\n') + 1;
    return *at == '|' ? at : NULL;
}

static void check_shape(const struct hp_shape *shape)
{
    const char *row = strstr(section_of(shape), "\n|---|---|---|\n");
    assert_non_null(row);
    row++;
    for (size_t i = 0; i < shape->count; i++) {
        const struct hp_field *field = &shape->fields[i];
        char type[80], expected[200];
        type_word(field, type, sizeof type);
        snprintf(expected, sizeof expected, "| `%s` | %s |", field->key, type);
        row = next_row(row);
        if (!row || strncmp(row, expected, strlen(expected)) != 0)
            fail_msg("docs/protocol.md, %s: expected the row '%s …', found '%.40s'", shape->name, expected,
                     row ? row : "(end)");
    }
    row = next_row(row);
    if (row)
        fail_msg("docs/protocol.md, %s: a row too many: '%.40s'", shape->name, row);
    for (size_t i = 0; i < shape->count; i++)
        if (shape->fields[i].sub)
            check_shape(shape->fields[i].sub);
}

static void requests(void **state)
{
    (void)state;
    check_shape(&HP_REQUEST_SHAPE);
}

static void reports(void **state)
{
    (void)state;
    check_shape(&HP_REPORT_SHAPE);
}

static void the_page_names(const char *word)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "`%s`", word);
    if (!strstr(page, quoted))
        fail_msg("docs/protocol.md does not name %s", quoted);
}

static void kinds_and_statuses_are_named(void **state)
{
    (void)state;
    for (int kind = 0; kind < HP_KIND_COUNT; kind++)
        the_page_names(hp_kind_word((enum hp_kind)kind));
    for (int status = 0; status < HP_STATUS_COUNT; status++)
        if (status != HP_USAGE)
            the_page_names(hp_status_info((enum hp_status)status)->word);
}

static void the_numbers_are_the_codes(void **state)
{
    (void)state;
    assert_int_equal(HP_PROTOCOL_VERSION, 1);
    assert_int_equal(HP_MAX_MESSAGE, 16 * 1024 * 1024);
    assert_int_equal(HP_MAX_DEPTH, 24);
    assert_int_equal(HP_MAX_ID, 128);
    assert_int_equal(HP_REMEMBERED_IDS, 256);
    assert_int_equal(HP_MAILBOX_SIZE, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(reports),
        cmocka_unit_test(kinds_and_statuses_are_named),
        cmocka_unit_test(the_numbers_are_the_codes),
    };
    return cmocka_run_group_tests(tests, read_page, free_page);
}
