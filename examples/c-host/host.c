/* A program in C that has Lua inside and can be patched while it runs.
 *
 * host FOLDER        FOLDER holds meter.lua
 *
 * Reads numbers from its standard input, one a line, gives each to meter.add and prints what that returns.
 * Between two lines it waits in poll(2) for both: the next line, or a request of the command `hotpatch`. Ends
 * with its input.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hotpatch/hotpatch.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

struct line_reader {
    char text[256];
    size_t used;
};

/* Calls meter.add(value) and prints its result. 0, or -1 with the error printed. [-0, +0, -] */
static int take_reading(lua_State *L, double value)
{
    int top = lua_gettop(L);

    lua_getglobal(L, "meter");
    lua_getfield(L, -1, "add");
    lua_pushnumber(L, value);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
        fprintf(stderr, "host: %s\n", lua_tostring(L, -1));
        lua_settop(L, top);
        return -1;
    }
    printf("%s\n", lua_tostring(L, -1));
    fflush(stdout);
    lua_settop(L, top);
    return 0;
}

/* Takes in what the standard input has and handles the whole lines of it. 1: go on; 0: end of input; -1:
 * error. */
static int read_lines(lua_State *L, struct line_reader *reader)
{
    ssize_t got = read(STDIN_FILENO, reader->text + reader->used, sizeof reader->text - 1 - reader->used);
    char *end;

    if (got <= 0)
        return got < 0 && errno == EINTR ? 1 : (int)got;
    reader->used += (size_t)got;
    reader->text[reader->used] = '\0';
    while ((end = strchr(reader->text, '\n')) != NULL) {
        size_t length = (size_t)(end - reader->text) + 1;

        if (take_reading(L, strtod(reader->text, NULL)) != 0)
            return -1;
        reader->used -= length;
        memmove(reader->text, reader->text + length, reader->used + 1);
    }
    if (reader->used == sizeof reader->text - 1) {
        fprintf(stderr, "host: a line is too long\n");
        return -1;
    }
    return 1;
}

/* The main loop: 0 at the end of the input, -1 after an error. */
static int serve(lua_State *L)
{
    struct line_reader reader = {.used = 0};
    int more = 1;

    while (more > 0) {
        /* hotpatch: its descriptor is readable when there is work for hotpatch_poll. */
        struct pollfd waits[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                 {.fd = hotpatch_fd(L), .events = POLLIN}};

        if (poll(waits, 2, -1) < 0 && errno != EINTR) {
            perror("host: poll");
            return -1;
        }
        hotpatch_poll(L); /* hotpatch: a safe point; costs next to nothing when there is no work */
        if (waits[0].revents)
            more = read_lines(L, &reader);
    }
    return more;
}

/* Loads meter.lua of the folder into the global `meter`. 0, or -1 with the error printed. */
static int load_program(lua_State *L, const char *folder)
{
    lua_getglobal(L, "package");
    lua_pushfstring(L, "%s/?.lua", folder);
    lua_setfield(L, -2, "path");
    lua_pop(L, 1);
    if (luaL_dostring(L, "meter = require 'meter'") != LUA_OK) {
        fprintf(stderr, "host: %s\n", lua_tostring(L, -1));
        lua_pop(L, 1);
        return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct hotpatch_options options = HOTPATCH_OPTIONS_INIT;
    lua_State *L;
    int status;

    if (argc != 2) {
        fprintf(stderr, "usage: host FOLDER\n");
        return 64;
    }
    L = luaL_newstate();
    if (!L) {
        fprintf(stderr, "host: no memory\n");
        return EXIT_FAILURE;
    }
    luaL_openlibs(L);
    options.name = "meter";
    if (hotpatch_start(L, &options) !=
        0) { /* hotpatch: before the modules load, so that it records their text */
        fprintf(stderr, "host: %s\n", lua_tostring(L, -1));
        lua_close(L);
        return EXIT_FAILURE;
    }
    status = load_program(L, argv[1]) == 0 ? serve(L) : -1;
    hotpatch_stop(L); /* hotpatch: lua_close would do it too */
    lua_close(L);
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
