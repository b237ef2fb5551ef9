#include "client/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

#include "client/cmd.h"
#include "proto/protocol.h"

/* Chunks are compiled under this short name, so that the line can be read back from Lua's message whatever
 * the file's own name is made of. */
#define SOURCE_CHUNK "=chunk"

const char *hp_source_label(const char *file)
{
    return strcmp(file, "-") == 0 ? "stdin" : file;
}

static bool cannot_read(struct hp_cli *cli, const char *file, int error)
{
    bool sends = cli->command == NULL || (cli->command->bit & HP_CMD_TARGETED) != 0;
    return hp_cli_fail(cli, HP_LOAD_FAILED, NULL, "cannot read %s: %s%s", hp_source_label(file),
                       strerror(error), sends ? "; nothing was sent" : "");
}

/* Reads to the end of `fd` into memory that the caller frees. NULL with errno set; EFBIG beyond the limit. */
static char *read_all(int fd, size_t *len)
{
    size_t cap = 65536;
    char *data = hp_mem_alloc(cap);
    *len = 0;
    while (data != NULL) {
        ssize_t got = read(fd, data + *len, cap - *len);
        if (got == 0)
            return data;
        if (got < 0 && errno == EINTR)
            continue;
        *len += got > 0 ? (size_t)got : 0;
        if (got < 0 || *len > HP_MAX_MESSAGE) {
            int error = got < 0 ? errno : EFBIG;
            hp_mem_free(data);
            errno = error;
            return NULL;
        }
        if (*len == cap) {
            cap *= 2;
            char *more = hp_mem_realloc(data, cap);
            if (more == NULL)
                hp_mem_free(data);
            data = more;
        }
    }
    errno = ENOMEM;
    return NULL;
}

void hp_source_trim(struct hp_arena *arena, struct hp_bytes *text)
{
    if (text->len >= 3 && memcmp(text->data, "\xef\xbb\xbf", 3) == 0) {
        text->data += 3;
        text->len -= 3;
    }
    if (text->len > 0 && text->data[0] == '#') {
        const char *newline = memchr(text->data, '\n', text->len);
        size_t skip = newline != NULL ? (size_t)(newline - text->data) : text->len;
        text->data = hp_arena_strn(arena, text->data + skip, text->len - skip);
        text->len = hp_arena_failed(arena) ? 0 : text->len - skip;
    }
}

bool hp_source_read(struct hp_cli *cli, const char *file, struct hp_bytes *text)
{
    bool is_stdin = strcmp(file, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return cannot_read(cli, file, errno);
    size_t len = 0;
    char *data = read_all(fd, &len);
    int error = errno;
    if (!is_stdin)
        close(fd);
    if (data == NULL && error == EFBIG) {
        return hp_cli_fail(cli, HP_LIMIT, NULL,
                           "%s is larger than a request may be (%u MiB); nothing was sent",
                           hp_source_label(file), HP_MAX_MESSAGE >> 20);
    }
    if (data == NULL)
        return cannot_read(cli, file, error);
    text->data = hp_arena_strn(&cli->arena, data, len);
    text->len = hp_arena_failed(&cli->arena) ? 0 : len;
    hp_mem_free(data);
    hp_source_trim(&cli->arena, text);
    return hp_cli_check_memory(cli);
}

/* Line `number` (from 1) of the text, without its end; "" beyond the last. */
static const char *line_of(struct hp_arena *arena, struct hp_bytes text, int64_t number)
{
    const char *at = text.data;
    const char *end = text.data + text.len;
    for (; number > 1 && at < end; number--) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline != NULL ? newline + 1 : end;
    }
    const char *newline = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    size_t len = (size_t)((newline != NULL ? newline : end) - at);
    len -= len > 0 && at[len - 1] == '\r' ? 1 : 0;
    return hp_arena_strn(arena, at, len < 400 ? len : 400);
}

/* Splits "chunk:12: message" and records it. */
static bool syntax_error(struct hp_cli *cli, const char *label, struct hp_bytes text, const char *message)
{
    const char *prefix = "chunk:";
    int64_t line = 0;
    if (strncmp(message, prefix, strlen(prefix)) == 0) {
        char *end = NULL;
        line = strtoll(message + strlen(prefix), &end, 10);
        message = strncmp(end, ": ", 2) == 0 ? end + 2 : message;
    }
    hp_cli_fail(cli, HP_LOAD_FAILED,
                "the server was not asked and nothing changed; mend the file and try again", "%s", message);
    struct hp_report_error *error = cli->report.error;
    if (error != NULL) {
        error->file = hp_arena_str(&cli->report.arena, label);
        error->line = line;
        error->source_line = line > 0 ? line_of(&cli->report.arena, text, line) : NULL;
    }
    return false;
}

bool hp_source_check(struct hp_cli *cli, const char *label, struct hp_bytes text)
{
    if (text.len > 0 && text.data[0] == LUA_SIGNATURE[0]) {
        return hp_cli_fail(cli, HP_REFUSED, "send the source file that it was compiled from",
                           "%s is a precompiled chunk; only text is accepted, nothing was sent", label);
    }
    lua_State *L = luaL_newstate();
    if (L == NULL)
        return hp_cli_fail(cli, HP_NO_MEMORY, NULL, "no memory to compile %s; nothing was sent", label);
    int result = luaL_loadbufferx(L, text.data != NULL ? text.data : "", text.len, SOURCE_CHUNK, "t");
    if (result == LUA_ERRSYNTAX)
        syntax_error(cli, label, text, lua_tostring(L, -1));
    else if (result != LUA_OK)
        hp_cli_fail(cli, HP_NO_MEMORY, NULL, "no memory to compile %s; nothing was sent", label);
    lua_close(L);
    return result == LUA_OK && hp_cli_check_memory(cli);
}

bool hp_source_compiles(struct hp_bytes text)
{
    lua_State *L = luaL_newstate();
    bool ok = L != NULL && luaL_loadbufferx(L, text.data, text.len, SOURCE_CHUNK, "t") == LUA_OK;
    if (L != NULL)
        lua_close(L);
    return ok;
}
