#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "hotpatch/hotpatch.h"

char folder[64];

void folder_make(void)
{
    snprintf(folder, sizeof folder, "/tmp/hp-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(setenv("HOTPATCH_DIR", folder, 1), 0);
}

static int each_entry(const char *dir, bool remove_them)
{
    int count = 0;
    DIR *d = opendir(dir);
    if (!d)
        return -1;
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        char path[512];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (remove_them)
            remove(path);
        count++;
    }
    closedir(d);
    return count;
}

void folder_remove(void)
{
    chmod(folder, 0700);
    each_entry(folder, true);
    rmdir(folder);
}

int folder_count(void)
{
    return each_entry(folder, false);
}

const char *own_socket(void)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%ld.sock", folder, (long)getpid());
    return path;
}

int count_descriptors(void)
{
    return each_entry("/proc/self/fd", false) - 1; /* the one that counts */
}

/* A joined thread may be listed for a moment more: the count is taken when it stops falling. */
int count_threads(void)
{
    int count = each_entry("/proc/self/task", false);
    for (int i = 0; i < 50; i++) {
        struct timespec pause = {0, 2000000};
        nanosleep(&pause, NULL);
        int again = each_entry("/proc/self/task", false);
        if (again == count && i > 2)
            break;
        count = again;
    }
    return count;
}

lua_State *new_state(void)
{
    lua_State *L = luaL_newstate();
    assert_non_null(L);
    luaL_openlibs(L);
    luaL_requiref(L, "hotpatch", luaopen_hotpatch, 1);
    lua_pop(L, 1);
    return L;
}

void run_lua(lua_State *L, const char *code)
{
    if (luaL_dostring(L, code) != LUA_OK)
        fail_msg("%s\n%s", code, lua_tostring(L, -1));
    lua_settop(L, 0);
}

void fails_lua(lua_State *L, const char *code, const char *part)
{
    assert_int_not_equal(luaL_dostring(L, code), LUA_OK);
    if (!strstr(lua_tostring(L, -1), part))
        fail_msg("expected an error with '%s', got: %s", part, lua_tostring(L, -1));
    lua_settop(L, 0);
}

/* --- the client ------------------------------------------------------------------------------- */

void client_send_bytes(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* closed: the test sees it when it reads */
        data += n;
        len -= (size_t)n;
    }
}

static bool receive_bytes(int fd, char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = recv(fd, data, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            fail_msg("no answer within 20 s");
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

int client_connect(const char *path)
{
    static const char hello[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0}; /* REQ, version 0 */
    char answer[8];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = 20};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    client_send_bytes(fd, hello, sizeof hello);
    assert_true(receive_bytes(fd, answer, sizeof answer));
    assert_memory_equal(answer, "\0SP\0\0\x31\0\0", 8); /* REP */
    return fd;
}

static void put_length(char out[9], uint64_t len)
{
    out[0] = 1;
    for (int i = 0; i < 8; i++)
        out[1 + i] = (char)(len >> (56 - 8 * i));
}

void client_send(int fd, const char *payload, size_t len)
{
    static uint32_t serial;
    char header[13];
    serial = (serial + 1) & 0x7fffffff;
    put_length(header, len + 4);
    header[9] = (char)(0x80 | (serial >> 24));
    header[10] = (char)(serial >> 16);
    header[11] = (char)(serial >> 8);
    header[12] = (char)serial;
    client_send_bytes(fd, header, sizeof header);
    client_send_bytes(fd, payload, len);
}

void client_request(int fd, const struct hp_request *request)
{
    char *data = NULL;
    size_t len = 0;
    assert_int_equal(hp_request_encode(request, &data, &len), HP_OK);
    client_send(fd, data, len);
    hp_mem_free(data);
}

bool client_report(int fd, struct hp_report *report)
{
    unsigned char header[13];
    const char *error = NULL;
    uint64_t len = 0;
    hp_report_init(report);
    if (!receive_bytes(fd, (char *)header, sizeof header))
        return false;
    for (int i = 1; i <= 8; i++)
        len = len << 8 | header[i];
    assert_true(len >= 4 && len < 64 * 1024 * 1024);
    assert_true(header[9] & 0x80);
    size_t size = (size_t)len - 4;
    char *data = hp_mem_alloc(size + 1);
    assert_non_null(data);
    assert_true(receive_bytes(fd, data, size));
    enum hp_status status = hp_report_decode(report, data, size, &error);
    if (status != HP_OK)
        fail_msg("the report cannot be read: %s", error ? error : "?");
    hp_mem_free(data);
    return true;
}

struct hp_request *request_of(enum hp_kind kind, const char *id)
{
    struct hp_request *request = hp_request_new();
    assert_non_null(request);
    request->kind = kind;
    request->kind_word = hp_kind_word(kind);
    request->id = hp_arena_str(&request->arena, id);
    request->deadline_ms = 60000;
    if (kind == HP_KIND_PUSH || kind == HP_KIND_DIFF) {
        struct hp_request_module *module = HP_PUSH(&request->arena, &request->modules);
        module->module = "m";
        module->file = "m.lua";
        module->source = (struct hp_bytes){"return 1", 8};
    }
    return request;
}

void ask(int fd, enum hp_kind kind, const char *id)
{
    struct hp_request *request = request_of(kind, id);
    client_request(fd, request);
    hp_request_free(request);
}

enum hp_status get_status(int fd, const char *id)
{
    struct hp_report report;
    assert_true(client_report(fd, &report));
    enum hp_status status = report.status;
    if (id)
        assert_string_equal(report.id, id);
    hp_report_fini(&report);
    return status;
}

enum hp_status ask_and_get(int fd, enum hp_kind kind, const char *id)
{
    ask(fd, kind, id);
    return get_status(fd, id);
}

int serve(lua_State *L)
{
    struct pollfd bell = {.fd = hotpatch_fd(L), .events = POLLIN};
    int count = 0;
    assert_int_equal(poll(&bell, 1, 20000), 1);
    do
        count += hotpatch_poll(L);
    while (poll(&bell, 1, 0) == 1);
    return count;
}

void await_pending(int fd, int count)
{
    for (int tries = 0; tries < 10000; tries++) {
        struct hp_report report;
        ask(fd, HP_KIND_STATUS, "await");
        assert_true(client_report(fd, &report));
        int64_t pending = report.agent.pending;
        hp_report_fini(&report);
        if (pending == count)
            return;
        struct timespec pause = {0, 1000000};
        nanosleep(&pause, NULL);
    }
    fail_msg("%d requests never waited", count);
}
