/* The private directory: which one, whose, open to whom; and what lies in it. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/rundir.h"

static struct hp_why why;

static int setup(void **state)
{
    (void)state;
    memset(&why, 0, sizeof why);
    folder_make();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove();
    unsetenv("HOTPATCH_DIR");
    unsetenv("XDG_RUNTIME_DIR");
    return 0;
}

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void assert_says(const char *part)
{
    if (!strstr(why.text, part))
        fail_msg("expected '%s' in: %s", part, why.text);
}

/* A socket at the path; its descriptor if it is to listen, else closed, which leaves it stale. */
static int make_socket(const char *path, bool live)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    if (live) {
        assert_int_equal(listen(fd, 4), 0);
        return fd;
    }
    close(fd);
    return -1;
}

/* A pid that was somebody's and is nobody's. */
static pid_t dead_pid(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return pid;
}

static void the_option_wins_then_the_environment(void **state)
{
    char out[256], expected[128];
    (void)state;
    snprintf(expected, sizeof expected, "%s", in_folder("mine"));
    assert_true(hp_rundir_choose(in_folder("mine"), out, sizeof out, &why));
    assert_string_equal(out, expected);
    struct stat st;
    assert_int_equal(stat(expected, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_true(hp_rundir_choose(NULL, out, sizeof out, &why));
    assert_string_equal(out, folder);
    rmdir(expected);
}

static void xdg_then_tmp(void **state)
{
    char out[256], expected[128];
    (void)state;
    unsetenv("HOTPATCH_DIR");
    setenv("XDG_RUNTIME_DIR", folder, 1);
    snprintf(expected, sizeof expected, "%s", in_folder("hotpatch"));
    assert_true(hp_rundir_choose(NULL, out, sizeof out, &why));
    assert_string_equal(out, expected);
    rmdir(expected);
    /* One that is gone, or somebody else's, counts as unset. */
    setenv("XDG_RUNTIME_DIR", in_folder("nowhere"), 1);
    snprintf(expected, sizeof expected, "/tmp/hotpatch-%ld", (long)geteuid());
    if (!hp_rundir_choose(NULL, out, sizeof out, &why))
        skip(); /* the machine's own directory is not as it should be */
    assert_string_equal(out, expected);
}

static void open_to_others_is_refused(void **state)
{
    char out[256];
    const mode_t modes[] = {0755, 0710, 0701, 0770, 0777};
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        chmod(folder, modes[i]);
        assert_false(hp_rundir_choose(NULL, out, sizeof out, &why));
        assert_says("open to others");
        assert_says("chmod 700");
    }
    chmod(folder, 0700);
    assert_true(hp_rundir_choose(NULL, out, sizeof out, &why));
}

static void what_is_no_directory_is_refused(void **state)
{
    char out[256], link[128];
    (void)state;
    snprintf(link, sizeof link, "%s", in_folder("link"));
    assert_int_equal(symlink("/tmp", link), 0);
    assert_false(hp_rundir_choose(link, out, sizeof out, &why));
    assert_says("not a directory");
    snprintf(link, sizeof link, "%s", in_folder("link/"));
    assert_false(hp_rundir_choose(link, out, sizeof out, &why));
    assert_says("not a directory");
    assert_false(hp_rundir_choose(in_folder("no/such/parent"), out, sizeof out, &why));
    assert_says("cannot make");
}

static void somebody_elses_is_refused(void **state)
{
    char out[256];
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(folder, 12345, (gid_t)-1), 0);
    assert_false(hp_rundir_choose(NULL, out, sizeof out, &why));
    assert_says("belongs to user 12345");
    assert_int_equal(chown(folder, 0, (gid_t)-1), 0);
}

static void a_path_too_long_is_refused(void **state)
{
    char long_dir[150], out[HP_SOCKET_PATH_MAX];
    (void)state;
    memset(long_dir, 'x', sizeof long_dir - 1);
    long_dir[0] = '/';
    long_dir[sizeof long_dir - 1] = '\0';
    assert_false(hp_rundir_socket(long_dir, 1, out, &why));
    assert_says("too long");
    assert_true(hp_rundir_socket("/x", 42, out, &why));
    assert_string_equal(out, "/x/42.sock");
}

static void a_stale_socket_is_removed_and_a_live_one_is_not(void **state)
{
    const char *path = in_folder("1.sock");
    (void)state;
    assert_true(hp_rundir_claim(path, &why));
    make_socket(path, false);
    assert_true(hp_rundir_claim(path, &why));
    assert_int_equal(access(path, F_OK), -1);
    int fd = make_socket(path, true);
    assert_false(hp_rundir_claim(path, &why));
    assert_says("answers");
    assert_int_equal(access(path, F_OK), 0);
    close(fd);
    unlink(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_false(hp_rundir_claim(path, &why));
    assert_says("no socket");
    assert_int_equal(access(path, F_OK), 0);
}

static void the_sweep_takes_dead_ones_only(void **state)
{
    char dead[128], live_but_dead_pid[128], own[128], other[128];
    (void)state;
    snprintf(dead, sizeof dead, "%s/%ld.sock", folder, (long)dead_pid());
    make_socket(dead, false);
    snprintf(live_but_dead_pid, sizeof live_but_dead_pid, "%s/%ld.sock", folder, (long)dead_pid());
    int fd = make_socket(live_but_dead_pid, true); /* another container's */
    snprintf(own, sizeof own, "%s/%ld.sock", folder, (long)getpid());
    make_socket(own, false); /* bound and not listening yet, perhaps */
    snprintf(other, sizeof other, "%s/other.sock", folder);
    make_socket(other, false);
    hp_rundir_sweep(folder);
    assert_int_equal(access(dead, F_OK), -1);
    assert_int_equal(access(live_but_dead_pid, F_OK), 0);
    assert_int_equal(access(own, F_OK), 0);
    assert_int_equal(access(other, F_OK), 0);
    close(fd);
    hp_rundir_sweep("/no/such/folder");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_option_wins_then_the_environment),
        T(xdg_then_tmp),
        T(open_to_others_is_refused),
        T(what_is_no_directory_is_refused),
        T(somebody_elses_is_refused),
        T(a_path_too_long_is_refused),
        T(a_stale_socket_is_removed_and_a_live_one_is_not),
        T(the_sweep_takes_dead_ones_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
