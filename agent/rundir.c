#include "agent/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *env_text(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

bool hp_rundir_check(const char *dir, struct hp_why *why)
{
    struct stat st;
    if (lstat(dir, &st) != 0)
        return hp_why_set(why, "the directory %s: %s", dir, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return hp_why_set(why, "%s is not a directory; remove it, or set HOTPATCH_DIR to a private one", dir);
    if (st.st_uid != geteuid())
        return hp_why_set(
            why,
            "the directory %s belongs to user %ld and not to this one (%ld): another could put its own "
            "socket there; set HOTPATCH_DIR to a private directory",
            dir, (long)st.st_uid, (long)geteuid());
    if (st.st_mode & 077)
        return hp_why_set(why, "the directory %s is open to others (mode %03o); run: chmod 700 %s", dir,
                          (unsigned)(st.st_mode & 0777), dir);
    return true;
}

bool hp_rundir_check_shared(const char *dir, struct hp_why *why)
{
    struct stat st;
    int error = stat(dir, &st) == 0 ? 0 : errno;
    if (error == ENOENT)
        return hp_why_set(why, "there is no directory %s; make it, as root: install -d -o %ld -m 755 %s", dir,
                          (long)geteuid(), dir);
    if (error != 0)
        return hp_why_set(why, "the directory %s: %s", dir, strerror(error));
    if (!S_ISDIR(st.st_mode))
        return hp_why_set(why, "%s is not a directory; name one", dir);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return hp_why_set(why,
                          "the directory %s belongs to user %ld, who could put another socket in the place "
                          "of this one's; name one of root's or of user %ld",
                          dir, (long)st.st_uid, (long)geteuid());
    if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
        return hp_why_set(why,
                          "anybody can put another socket into the directory %s (mode %03o); run: chmod o-w "
                          "%s",
                          dir, (unsigned)(st.st_mode & 0777), dir);
    if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) != 0)
        return hp_why_set(why, "this process (user %ld) cannot make a socket in %s: %s; run: chown %ld %s",
                          (long)geteuid(), dir, strerror(errno), (long)geteuid(), dir);
    return true;
}

/* $XDG_RUNTIME_DIR stays set across `su`: one that is somebody else's counts as unset. */
static bool is_own_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

static bool candidate(const char *option, char out[PATH_MAX], struct hp_why *why)
{
    const char *dir = option ? option : env_text("HOTPATCH_DIR");
    const char *xdg = env_text("XDG_RUNTIME_DIR");
    int n;
    if (dir)
        n = snprintf(out, PATH_MAX, "%s", dir);
    else if (xdg && is_own_directory(xdg))
        n = snprintf(out, PATH_MAX, "%s/hotpatch", xdg);
    else
        n = snprintf(out, PATH_MAX, "/tmp/hotpatch-%ld", (long)geteuid());
    if (n < 0 || n >= PATH_MAX)
        return hp_why_set(why, "the name of the directory is too long; set HOTPATCH_DIR to a shorter one");
    while (n > 1 && out[n - 1] == '/') /* so that lstat sees a link as one */
        out[--n] = '\0';
    return true;
}

bool hp_rundir_choose(const char *option, char *out, size_t size, struct hp_why *why)
{
    char dir[PATH_MAX];
    char absolute[PATH_MAX];
    if (!candidate(option, dir, why))
        return false;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return hp_why_set(why, "cannot make the directory %s: %s; set HOTPATCH_DIR to one that can be made",
                          dir, strerror(errno));
    if (!hp_rundir_check(dir, why))
        return false;
    if (!realpath(dir, absolute))
        return hp_why_set(why, "the directory %s: %s", dir, strerror(errno));
    if (strlen(absolute) >= size)
        return hp_why_set(why, "the name of the directory %s is too long; set HOTPATCH_DIR to a shorter one",
                          absolute);
    memcpy(out, absolute, strlen(absolute) + 1);
    return true;
}

bool hp_rundir_socket(const char *dir, pid_t pid, char out[HP_SOCKET_PATH_MAX], struct hp_why *why)
{
    int n = snprintf(out, HP_SOCKET_PATH_MAX, "%s/%ld.sock", dir, (long)pid);
    if (n < 0 || n >= HP_SOCKET_PATH_MAX)
        return hp_why_set(
            why,
            "the path %s/%ld.sock is too long for a socket (%d bytes at most); set HOTPATCH_DIR to a "
            "shorter one",
            dir, (long)pid, HP_SOCKET_PATH_MAX - 1);
    return true;
}

/* Does anybody listen? Only a clear "no" is one. */
static bool nobody_listens(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return false;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    bool refused = connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

bool hp_rundir_claim(const char *path, struct hp_why *why)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT || hp_why_set(why, "%s: %s", path, strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return hp_why_set(why, "%s is in the way and no socket; remove it", path);
    if (!nobody_listens(path))
        return hp_why_set(
            why,
            "somebody answers at %s already: another agent, perhaps of another container that shares "
            "this directory; set HOTPATCH_DIR to a directory of its own",
            path);
    if (unlink(path) != 0 && errno != ENOENT)
        return hp_why_set(why, "cannot remove the stale socket %s: %s", path, strerror(errno));
    return true;
}

/* The pid in "123.sock", or 0. */
static pid_t pid_of(const char *name)
{
    char *end;
    errno = 0;
    long pid = strtol(name, &end, 10);
    return errno == 0 && end != name && strcmp(end, ".sock") == 0 && pid > 0 && pid <= INT_MAX ? (pid_t)pid
                                                                                               : 0;
}

void hp_rundir_sweep(const char *dir)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *entry = readdir(d); entry; entry = readdir(d)) {
        char path[HP_SOCKET_PATH_MAX];
        struct hp_why ignored;
        pid_t pid = pid_of(entry->d_name);
        bool dead = pid > 0 && kill(pid, 0) != 0 && errno == ESRCH;
        if (dead && hp_rundir_socket(dir, pid, path, &ignored) && nobody_listens(path))
            unlink(path);
    }
    closedir(d);
}
