/* Endpoint discovery in folders of the test's own: a process table, a /tmp, a /run/user. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/discover.h"

struct world {
    char root[64];
    char proc[80];
    char tmp[80];
    char run_user[80];
    char own[80];
    char other[80];
    const char *dirs[3];
    struct hp_discover where;
    struct hp_arena arena;
    struct hp_places places;
};

static void make_dir(const char *path)
{
    assert_int_equal(mkdir(path, 0700), 0);
}

static void make_process(struct world *w, int pid, unsigned uid, const char *ns, const char *nspid)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%d", w->proc, pid);
    make_dir(path);
    snprintf(path, sizeof path, "%s/%d/status", w->proc, pid);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "Name:\tlua\nUid:\t%u\t%u\t%u\t%u\nNSpid:\t%s\n", uid, uid, uid, uid, nspid);
    fclose(file);
    snprintf(path, sizeof path, "%s/%d/ns", w->proc, pid);
    make_dir(path);
    snprintf(path, sizeof path, "%s/%d/ns/mnt", w->proc, pid);
    assert_int_equal(symlink(ns, path), 0);
}

static void make_socket(const char *dir, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_true((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", dir, name) <
                sizeof address.sun_path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static bool exists(const char *dir, const char *name)
{
    char path[256];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return lstat(path, &st) == 0;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char path[128];
    strcpy(w->root, "/tmp/hp-find-XXXXXX");
    if (w == NULL || mkdtemp(w->root) == NULL)
        return -1;
    snprintf(w->proc, sizeof w->proc, "%s/proc", w->root);
    snprintf(w->tmp, sizeof w->tmp, "%s/tmp", w->root);
    snprintf(w->run_user, sizeof w->run_user, "%s/run", w->root);
    snprintf(w->own, sizeof w->own, "%s/own", w->root);
    snprintf(w->other, sizeof w->other, "%s/tmp/hotpatch-77", w->root);
    make_dir(w->proc);
    make_dir(w->tmp);
    make_dir(w->run_user);
    make_dir(w->own);
    make_dir(w->other);
    snprintf(path, sizeof path, "%s/self", w->proc);
    make_dir(path);
    snprintf(path, sizeof path, "%s/self/ns", w->proc);
    make_dir(path);
    snprintf(path, sizeof path, "%s/self/ns/mnt", w->proc);
    assert_int_equal(symlink("mnt:[1]", path), 0);
    w->dirs[0] = w->own;
    w->dirs[1] = w->own; /* the same folder by two names is looked at once */
    w->where = (struct hp_discover){w->proc, w->tmp, w->run_user, w->dirs, 0};
    hp_arena_init(&w->arena);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", w->root);
    hp_arena_fini(&w->arena);
    int result = system(command);
    free(w);
    return result;
}

static void nothing(void **state)
{
    struct world *w = *state;
    w->where.tmp = "/nonexistent";
    w->where.run_user = "/nonexistent";
    hp_discover(&w->arena, &w->where, &w->places);
    assert_int_equal(w->places.list.count, 0);
}

static void own_sockets_in_order(void **state)
{
    struct world *w = *state;
    make_process(w, 300, geteuid(), "mnt:[1]", "300");
    make_process(w, 20, geteuid(), "mnt:[1]", "20");
    make_socket(w->own, "300.sock");
    make_socket(w->other, "20.sock");
    hp_discover(&w->arena, &w->where, &w->places);
    assert_int_equal(w->places.list.count, 2);
    assert_int_equal(w->places.list.items[0].pid, 20);
    assert_int_equal(w->places.list.items[1].pid, 300);
    assert_int_equal(w->places.list.items[1].user, geteuid());
    assert_non_null(strstr(w->places.list.items[1].path, "/own/300.sock"));
}

static void other_names_are_no_sockets(void **state)
{
    struct world *w = *state;
    char path[128];
    make_process(w, 5, geteuid(), "mnt:[1]", "5");
    make_socket(w->own, "x5.sock");
    make_socket(w->own, "5.sock.old");
    make_socket(w->own, ".sock");
    snprintf(path, sizeof path, "%s/5.sock", w->own); /* a file, not a socket */
    fclose(fopen(path, "w"));
    hp_discover(&w->arena, &w->where, &w->places);
    assert_int_equal(w->places.list.count, 0);
    assert_true(exists(w->own, "5.sock"));
}

static void sockets_of_the_dead_are_removed(void **state)
{
    struct world *w = *state;
    make_socket(w->own, "41.sock");
    make_socket(w->own, "nine.sock");
    hp_discover(&w->arena, &w->where, &w->places);
    assert_int_equal(w->places.list.count, 0);
    assert_false(exists(w->own, "41.sock"));
    assert_true(exists(w->own, "nine.sock"));
}

/* Anybody can make /tmp/hotpatch-77: a socket in it is believed only of the folder's owner. */
static void folders_of_impostors(void **state)
{
    struct world *w = *state;
    make_process(w, 42, geteuid() + 1, "mnt:[1]", "42");
    make_socket(w->other, "42.sock");
    hp_discover(&w->arena, &w->where, &w->places);
    assert_int_equal(w->places.list.count, 0);
    assert_true(exists(w->other, "42.sock"));
}

static void run_user(void **state)
{
    struct world *w = *state;
    char path[128];
    make_process(w, 8, geteuid(), "mnt:[1]", "8");
    snprintf(path, sizeof path, "%s/1000", w->run_user);
    make_dir(path);
    snprintf(path, sizeof path, "%s/1000/hotpatch", w->run_user);
    make_dir(path);
    make_socket(path, "8.sock");
    hp_discover(&w->arena, &w->where, &w->places);
    assert_int_equal(w->places.list.count, 1);
    assert_int_equal(w->places.list.items[0].pid, 8);
}

static void containers(void **state)
{
    struct world *w = *state;
    char path[128];
    make_process(w, 900, geteuid(), "mnt:[2]", "900\t7");
    make_process(w, 901, geteuid(), "mnt:[2]", "901\t8"); /* in the same container, without an agent */
    for (int pid = 900; pid <= 901; pid++) {
        snprintf(path, sizeof path, "%s/%d/root", w->proc, pid);
        make_dir(path);
        snprintf(path, sizeof path, "%s/%d/root/tmp", w->proc, pid);
        make_dir(path);
        snprintf(path, sizeof path, "%s/%d/root/tmp/hotpatch-0", w->proc, pid);
        make_dir(path);
        make_socket(path, "7.sock");
    }
    hp_discover(&w->arena, &w->where, &w->places);
    assert_int_equal(w->places.list.count, 1);
    assert_int_equal(w->places.list.items[0].pid, 900);
    assert_non_null(strstr(w->places.list.items[0].path, "/900/root/tmp/hotpatch-0/7.sock"));
}

/* Asked for one process, it is found wherever its socket is, and nobody else's. */
static void one_process(void **state)
{
    struct world *w = *state;
    char path[128];
    make_process(w, 300, geteuid(), "mnt:[1]", "300");
    make_process(w, 20, geteuid(), "mnt:[1]", "20");
    make_process(w, 900, geteuid(), "mnt:[2]", "900\t7");
    make_socket(w->own, "300.sock");
    make_socket(w->own, "41.sock");
    make_socket(w->other, "20.sock");
    snprintf(path, sizeof path, "%s/900/root", w->proc);
    make_dir(path);
    snprintf(path, sizeof path, "%s/900/root/tmp", w->proc);
    make_dir(path);
    snprintf(path, sizeof path, "%s/900/root/tmp/hotpatch-0", w->proc);
    make_dir(path);
    make_socket(path, "7.sock");
    for (const int64_t *pid = (const int64_t[]){300, 20, 900, 0}; *pid != 0; pid++) {
        struct hp_places places = {0};
        w->where.pid = *pid;
        hp_discover(&w->arena, &w->where, &places);
        assert_int_equal(places.list.count, 1);
        assert_int_equal(places.list.items[0].pid, *pid);
    }
    struct hp_places none = {0};
    w->where.pid = 7;
    hp_discover(&w->arena, &w->where, &none);
    assert_int_equal(none.list.count, 0);
    assert_false(exists(w->own, "41.sock")); /* of somebody who is dead */
}

static void processes(void **state)
{
    struct world *w = *state;
    uid_t user = 0;
    make_process(w, 1, geteuid(), "mnt:[1]", "1");
    make_process(w, 2, 4242, "mnt:[1]", "2");
    assert_int_equal(hp_discover_process(w->proc, 1, &user), HP_PROCESS_OURS);
    assert_int_equal(hp_discover_process(w->proc, 2, &user), HP_PROCESS_OTHERS);
    assert_int_equal(user, 4242);
    assert_int_equal(hp_discover_process(w->proc, 3, &user), HP_PROCESS_NONE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing),
        TEST(own_sockets_in_order),
        TEST(other_names_are_no_sockets),
        TEST(sockets_of_the_dead_are_removed),
        TEST(folders_of_impostors),
        TEST(run_user),
        TEST(containers),
        TEST(one_process),
        TEST(processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
