/* Whose a loopback connection is, by tables as the kernel writes them; and the addresses of `listen`. */
#include "support.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/address.h"
#include "agent/peer.h"

#define HEAD                                                                                                 \
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

/* The owner of the socket 127.0.0.1:1000 -> 127.0.0.1:2000 by a table with this line; -1: nobody. */
static int owner_by(const char *line)
{
    char path[] = "/tmp/hp-peer.XXXXXX";
    uid_t uid = 4711;
    struct hp_peer_end there = {.port = 1000}, here = {.port = 2000};
    inet_pton(AF_INET, "127.0.0.1", there.address);
    inet_pton(AF_INET, "127.0.0.1", here.address);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "%s%s", HEAD, line);
    close(fd);
    bool found = hp_peer_owner(path, &there, &here, &uid);
    unlink(path);
    return found ? (int)uid : -1;
}

static void the_owner_of_an_established_socket(void **state)
{
    char line[256];
    unsigned loopback = 0;
    (void)state;
    inet_pton(AF_INET, "127.0.0.1", &loopback);
    const struct {
        unsigned from, to, state, uid;
        unsigned long inode;
        int expected;
    } rows[] = {
        {1000, 2000, 1, 1001, 77, 1001}, {1000, 2000, 1, 0, 77, 0},
        {1000, 2000, 6, 0, 0, -1},  /* TIME_WAIT: the kernel writes 0 for everybody */
        {1000, 2000, 4, 0, 0, -1},  /* closed by its process, not by the other side */
        {1000, 2000, 1, 0, 0, -1},  /* no process holds it */
        {2000, 1000, 1, 0, 77, -1}, /* the agent's own end */
        {1000, 2001, 1, 0, 77, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(
            line, sizeof line,
            "   0: %08X:%04X %08X:%04X %02X 00000000:00000000 00:00000000 00000000 %5u        0 %lu 1 0 20\n",
            loopback, rows[i].from, loopback, rows[i].to, rows[i].state, rows[i].uid, rows[i].inode);
        assert_int_equal(owner_by(line), rows[i].expected);
    }
    assert_int_equal(owner_by(""), -1);
    assert_int_equal(owner_by("nonsense\n"), -1);
    uid_t uid;
    struct hp_peer_end end = {0};
    assert_false(hp_peer_owner("/nowhere", &end, &end, &uid));
}

static bool reads(const char *url, struct hp_address *address)
{
    struct hp_why why;
    const struct hp_address_tls tls = {"/ca", "cert", "key"};
    return hp_address_read(address, url, &tls, false, &why);
}

static void addresses(void **state)
{
    struct hp_address a;
    static const char *const good[] = {
        "tcp://127.0.0.1:0",   "tcp://127.8.9.1:7070", "tcp://[::1]:7070",           "tcp://localhost:1",
        "tls+tcp://0.0.0.0:1", "tls+tcp://[::]:65535", "tls+tcp://game.example:7071"};
    static const char *const bad[] = {"tcp://0.0.0.0:1",
                                      "tcp://10.0.0.1:1",
                                      "tcp://[::]:1",
                                      "tcp://localhost.example:1",
                                      "tcp://*:1",
                                      "tcp://:1",
                                      "tcp://127.0.0.1",
                                      "tcp://127.0.0.1:",
                                      "tcp://127.0.0.1:x",
                                      "tcp://::1:1",
                                      "tcp://127.0.0.1:65536",
                                      "tls+tcp://h:-1",
                                      "tls+tcp://h:+1",
                                      "ws://127.0.0.1:1",
                                      "tcp://127.0.0.1.example:1",
                                      "tcp://128.0.0.1:1",
                                      "tcp://2130706433:1",
                                      "",
                                      "ipc://relative"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!reads(good[i], &a))
            fail_msg("%s", good[i]);
        assert_string_equal(a.url, good[i]);
    }
    assert_int_equal(a.transport, HP_TRANSPORT_TLS);
    assert_string_equal(a.ca, "/ca");
    assert_int_equal(a.cert[0], '/'); /* a program may change its directory */
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (reads(bad[i], &a))
            fail_msg("%s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_owner_of_an_established_socket),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
