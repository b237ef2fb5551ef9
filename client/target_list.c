#include "client/target_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool add(struct hp_cli *cli, struct hp_target_list *targets, struct hp_target_name name)
{
    struct hp_target_name *slot = HP_PUSH(&cli->arena, &targets->list);
    if (slot == NULL)
        return hp_cli_check_memory(cli);
    *slot = name;
    return true;
}

/* "pid:4121", "name:game" or a URL. False: none of these. */
static bool parse(const char *text, struct hp_target_name *out)
{
    if (strncmp(text, "pid:", 4) == 0) {
        *out = (struct hp_target_name){.option = "--pid", .value = text + 4};
    } else if (strncmp(text, "name:", 5) == 0) {
        *out = (struct hp_target_name){.option = "--name", .value = text + 5};
    } else {
        *out = (struct hp_target_name){.option = "--to", .value = text};
        return strstr(text, "://") != NULL;
    }
    return *out->value != '\0';
}

static bool add_line(struct hp_cli *cli, struct hp_target_list *targets, char *line, int number)
{
    char *words[3] = {0}, *rest = NULL;
    size_t count = 0;
    line[strcspn(line, "#\r\n")] = '\0';
    for (char *w = strtok_r(line, " \t", &rest); w != NULL && count < 3; w = strtok_r(NULL, " \t", &rest))
        words[count++] = w;
    if (count == 0)
        return true;
    struct hp_target_name name;
    const char *at = hp_arena_str(&cli->arena, words[0]);
    if (at == NULL)
        return hp_cli_check_memory(cli);
    if (!parse(at, &name) || count > 2 || (count == 2 && strncmp(words[1], "state=", 6) != 0)) {
        return hp_cli_fail(cli, HP_USAGE, "a line is URL, pid:N or name:NAME, and perhaps state=NAME",
                           "%s, line %d is no target", cli->targets_file, number);
    }
    name.label = at;
    if (count == 2) {
        name.state = hp_arena_str(&cli->arena, words[1] + 6);
        name.label = hp_arena_printf(&cli->arena, "%s %s", at, words[1]);
    }
    return add(cli, targets, name);
}

static bool read_file(struct hp_cli *cli, struct hp_target_list *targets)
{
    char *line = NULL;
    size_t cap = 0;
    bool ok = true;
    FILE *file = fopen(cli->targets_file, "r");
    if (file == NULL) {
        return hp_cli_fail(cli, HP_USAGE, NULL, "%s cannot be opened: %s", cli->targets_file,
                           strerror(errno));
    }
    for (int number = 1; ok && getline(&line, &cap, file) >= 0; number++)
        ok = add_line(cli, targets, line, number);
    free(line);
    fclose(file);
    return ok && (targets->list.count > 0 ||
                  hp_cli_fail(cli, HP_USAGE, NULL, "%s names no target", cli->targets_file));
}

bool hp_target_list_read(struct hp_cli *cli, struct hp_target_list *targets)
{
    bool ok = cli->targets_file == NULL || read_file(cli, targets);
    for (size_t i = 0; ok && i < cli->urls.count; i++) {
        const char *url = cli->urls.items[i];
        ok = add(cli, targets, (struct hp_target_name){.option = "--to", .value = url, .label = url});
    }
    return ok && hp_cli_check_memory(cli);
}
