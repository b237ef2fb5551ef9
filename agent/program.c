#include "agent/program.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The words of /proc/self/cmdline, each with its NUL; how many bytes. */
static size_t read_words(char *out, size_t size)
{
    ssize_t n = -1;
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, out, size - 1);
        close(fd);
    }
    if (n < 0)
        n = 0;
    out[n] = '\0';
    return (size_t)n;
}

void hp_program_line(char *out, size_t size)
{
    size_t n = read_words(out, size);
    while (n > 0 && out[n - 1] == '\0')
        n--;
    for (size_t i = 0; i < n; i++)
        if (out[i] == '\0')
            out[i] = ' ';
}

/* "src/server.lua" -> "server" */
static void base_name(const char *path, char out[HP_NAME_MAX])
{
    const char *slash = strrchr(path, '/');
    snprintf(out, HP_NAME_MAX, "%.*s", HP_NAME_MAX - 1, slash ? slash + 1 : path); /* cut on purpose */
    size_t len = strlen(out);
    if (len > 4 && strcmp(out + len - 4, ".lua") == 0)
        out[len - 4] = '\0';
}

/* It is printed by others: one word for a terminal. */
static void make_printable(char *name)
{
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7f)
            *name = '?';
}

void hp_program_name(const char *given, const char *script, char out[HP_NAME_MAX])
{
    const char *env = getenv("HOTPATCH_NAME");
    out[0] = '\0';
    if (given)
        snprintf(out, HP_NAME_MAX, "%s", given);
    else if (env && env[0])
        snprintf(out, HP_NAME_MAX, "%s", env);
    else if (script)
        base_name(script, out);
    if (!out[0]) {
        char words[512];
        read_words(words, sizeof words);
        base_name(words, out);
    }
    if (!out[0])
        snprintf(out, HP_NAME_MAX, "lua");
    make_printable(out);
}
