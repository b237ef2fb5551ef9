/* The man page and the completions name every command and every option, by the same tables that the program
 * reads. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/cmd.h"

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail_msg("cannot open %s", path);
        abort();
    }
    char *text = calloc(1, 1 << 20);
    size_t len = fread(text, 1, (1 << 20) - 1, file);
    assert_true(len > 0);
    fclose(file);
    return text;
}

/* `word` stands in `text` and is not part of a longer one. */
static bool has_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        char before = at == text ? ' ' : at[-1];
        char after = at[len];
        if (!isalnum((unsigned char)before) && !isalnum((unsigned char)after) && after != '-')
            return true;
    }
    return false;
}

/* Every option as `prefix`NAME, every command as its name. */
static void covers(const char *path, const char *prefix)
{
    char *text = read_file(path);
    char word[128];
    for (const struct hp_option *o = HP_OPTIONS; o->name != NULL; o++) {
        snprintf(word, sizeof word, "%s%s", prefix, o->name);
        if (!has_word(text, word))
            fail_msg("%s lacks %s", path, word);
    }
    for (size_t i = 0; HP_COMMANDS[i] != NULL; i++)
        if (!has_word(text, HP_COMMANDS[i]->name))
            fail_msg("%s lacks %s", path, HP_COMMANDS[i]->name);
    free(text);
}

static void man_page(void **state)
{
    (void)state;
    covers("docs/man/hotpatch.1", "Fl -");
}

static void man_page_statuses(void **state)
{
    char *text = read_file("docs/man/hotpatch.1");
    (void)state;
    for (int i = 0; i < HP_STATUS_COUNT; i++) {
        const char *word = hp_status_info((enum hp_status)i)->word;
        if (!has_word(text, word))
            fail_msg("the man page lacks %s", word);
    }
    free(text);
}

static void bash(void **state)
{
    (void)state;
    covers("cmake/completions/hotpatch.bash", "--");
}

static void zsh(void **state)
{
    (void)state;
    covers("cmake/completions/_hotpatch", "--");
}

static void fish(void **state)
{
    (void)state;
    covers("cmake/completions/hotpatch.fish", "-l ");
}

/* One screen: 24 lines of 80 columns. */
static void help_fits(void **state)
{
    size_t lines = 0;
    FILE *pipe = popen("\"$HP_TEST_CLIENT\" help", "r");
    char line[512];
    (void)state;
    assert_non_null(pipe);
    while (fgets(line, sizeof line, pipe) != NULL) {
        lines++;
        assert_true(strlen(line) <= 81);
    }
    assert_int_equal(pclose(pipe), 0);
    assert_true(lines > 10 && lines <= 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(man_page), cmocka_unit_test(man_page_statuses),
        cmocka_unit_test(bash),     cmocka_unit_test(zsh),
        cmocka_unit_test(fish),     cmocka_unit_test(help_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
