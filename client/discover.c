#include "client/discover.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define DISCOVER_SUFFIX ".sock"

/* A whole positive decimal number, or 0. */
static int64_t pid_of(const char *text, size_t len)
{
    int64_t pid = 0;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)text[i]) || pid > INT32_MAX / 10)
            return 0;
        pid = pid * 10 + (text[i] - '0');
    }
    return pid;
}

/* "4121.sock" -> 4121; 0 for other names. */
static int64_t pid_of_socket(const char *name)
{
    size_t len = strlen(name);
    size_t suffix = strlen(DISCOVER_SUFFIX);
    if (len <= suffix || strcmp(name + len - suffix, DISCOVER_SUFFIX) != 0)
        return 0;
    return pid_of(name, len - suffix);
}

/* The rest of the line of `proc`/`pid`/status that begins with `key`, or false. */
static bool status_line(const char *proc, int64_t pid, const char *key, char *out, size_t size)
{
    char path[512];
    char line[512];
    bool found = false;
    snprintf(path, sizeof path, "%s/%" PRId64 "/status", proc, pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = strncmp(line, key, strlen(key)) == 0;
    fclose(file);
    if (found) {
        line[strcspn(line, "\n")] = '\0';
        snprintf(out, size, "%s", line + strlen(key));
    }
    return found;
}

enum hp_process hp_discover_process(const char *proc, int64_t pid, uid_t *user)
{
    char path[512];
    char ids[512];
    struct stat st;
    unsigned real = 0;
    unsigned effective = 0;
    snprintf(path, sizeof path, "%s/%" PRId64, proc, pid);
    if (stat(path, &st) != 0)
        return HP_PROCESS_NONE;
    /* A dead process whose parent has not asked for its status yet (a container may have nobody who does). */
    if (status_line(proc, pid, "State:", ids, sizeof ids) && strpbrk(ids, "ZX") == ids + 1)
        return HP_PROCESS_NONE;
    /* The folder of a process that may not be traced belongs to root; its status file tells the truth. */
    bool told =
        status_line(proc, pid, "Uid:", ids, sizeof ids) && sscanf(ids, "%u %u", &real, &effective) == 2;
    *user = told ? effective : st.st_uid;
    return *user == geteuid() ? HP_PROCESS_OURS : HP_PROCESS_OTHERS;
}

static bool known(const struct hp_places *places, int64_t pid, const char *path)
{
    for (size_t i = 0; i < places->list.count; i++) {
        const struct hp_place *place = &places->list.items[i];
        struct stat a;
        struct stat b;
        if (place->pid == pid && stat(place->path, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
            a.st_ino == b.st_ino)
            return true;
    }
    return false;
}

static void add_place(struct hp_arena *arena, struct hp_places *places, const char *path, int64_t pid,
                      uid_t user)
{
    struct sockaddr_un address;
    if (strlen(path) >= sizeof address.sun_path || known(places, pid, path))
        return;
    struct hp_place *place = HP_PUSH(arena, &places->list);
    if (place != NULL)
        *place = (struct hp_place){path, pid, user};
}

/* One socket file of a folder that belongs to `owner`. */
static void look_at_socket(struct hp_arena *arena, const struct hp_discover *where, const char *dir,
                           const char *name, uid_t owner, struct hp_places *places)
{
    const char *path = hp_arena_printf(arena, "%s/%s", dir, name);
    int64_t pid = pid_of_socket(name);
    struct stat st;
    if (pid == 0 || lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    uid_t user = 0;
    if (hp_discover_process(where->proc, pid, &user) == HP_PROCESS_NONE) {
        if (owner == geteuid())
            unlink(path); /* left by a dead process; a failure only leaves it there */
    } else if (user == owner && (where->pid == 0 || where->pid == pid)) {
        add_place(arena, places, path, pid, user);
    }
}

static void look_into(struct hp_arena *arena, const struct hp_discover *where, const char *dir,
                      struct hp_places *places)
{
    struct stat st;
    if (lstat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
        return;
    DIR *stream = opendir(dir);
    if (stream == NULL)
        return;
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream))
        look_at_socket(arena, where, dir, entry->d_name, st.st_uid, places);
    closedir(stream);
}

/* Every folder `parent`/ENTRY`suffix` whose ENTRY begins with `prefix`. */
static void look_below(struct hp_arena *arena, const struct hp_discover *where, const char *parent,
                       const char *prefix, const char *suffix, struct hp_places *places)
{
    DIR *stream = opendir(parent);
    if (stream == NULL)
        return;
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream))
        if (entry->d_name[0] != '.' && strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            look_into(arena, where, hp_arena_printf(arena, "%s/%s%s", parent, entry->d_name, suffix), places);
    closedir(stream);
}

/* The process's number in its own, innermost namespace: the last of the NSpid line. 0 when unknown. */
static int64_t inner_pid(const char *proc, int64_t pid)
{
    char numbers[512];
    if (!status_line(proc, pid, "NSpid:", numbers, sizeof numbers))
        return 0;
    const char *last = strrchr(numbers, '\t');
    return last != NULL ? pid_of(last + 1, strlen(last + 1)) : 0;
}

/* What the link `proc`/`pid`/ns/mnt says; "" when it may not be read. */
static void mount_namespace(const char *proc, const char *pid, char *out, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s/ns/mnt", proc, pid);
    ssize_t len = readlink(path, out, size - 1);
    out[len > 0 ? len : 0] = '\0';
}

/* A process with a file system of its own: its socket is ROOT/tmp/hotpatch-*'s file with its inner number. */
static void look_at_container(struct hp_arena *arena, const char *proc, int64_t pid, struct hp_places *places)
{
    uid_t user = 0;
    int64_t inner = inner_pid(proc, pid);
    const char *tmp = hp_arena_printf(arena, "%s/%" PRId64 "/root/tmp", proc, pid);
    DIR *stream = inner != 0 ? opendir(tmp) : NULL;
    if (stream == NULL || hp_discover_process(proc, pid, &user) == HP_PROCESS_NONE) {
        if (stream != NULL)
            closedir(stream);
        return;
    }
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        struct stat dir;
        struct stat file;
        if (strncmp(entry->d_name, "hotpatch-", 9) != 0)
            continue;
        const char *path = hp_arena_printf(arena, "%s/%s", tmp, entry->d_name);
        const char *socket = hp_arena_printf(arena, "%s/%" PRId64 DISCOVER_SUFFIX, path, inner);
        if (lstat(path, &dir) == 0 && S_ISDIR(dir.st_mode) && dir.st_uid == user &&
            lstat(socket, &file) == 0 && S_ISSOCK(file.st_mode))
            add_place(arena, places, socket, pid, user);
    }
    closedir(stream);
}

/* The same, if the process has a file system of its own. */
static void look_at_process(struct hp_arena *arena, const char *proc, int64_t pid, struct hp_places *places)
{
    char ours[128];
    char theirs[128];
    mount_namespace(proc, "self", ours, sizeof ours);
    mount_namespace(proc, hp_arena_printf(arena, "%" PRId64, pid), theirs, sizeof theirs);
    if (theirs[0] != '\0' && strcmp(ours, theirs) != 0)
        look_at_container(arena, proc, pid, places);
}

static void look_into_containers(struct hp_arena *arena, const char *proc, struct hp_places *places)
{
    DIR *stream = opendir(proc);
    if (stream == NULL)
        return;
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        int64_t pid = pid_of(entry->d_name, strlen(entry->d_name));
        if (pid != 0)
            look_at_process(arena, proc, pid, places);
    }
    closedir(stream);
}

static int by_pid(const void *a, const void *b)
{
    const struct hp_place *x = a;
    const struct hp_place *y = b;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

static bool is_through(const struct hp_discover *where, const struct hp_places *places)
{
    return where->pid != 0 && places->list.count > 0;
}

void hp_discover(struct hp_arena *arena, const struct hp_discover *where, struct hp_places *places)
{
    for (size_t i = 0; where->dirs[i] != NULL && !is_through(where, places); i++)
        look_into(arena, where, where->dirs[i], places);
    if (where->tmp != NULL && !is_through(where, places)) {
        look_below(arena, where, where->tmp, "hotpatch-", "", places);
        look_below(arena, where, where->run_user, "", "/hotpatch", places);
    }
    if (where->tmp != NULL && where->pid == 0)
        look_into_containers(arena, where->proc, places);
    else if (where->tmp != NULL && !is_through(where, places))
        look_at_process(arena, where->proc, where->pid, places);
    if (places->list.count > 1)
        qsort(places->list.items, places->list.count, sizeof *places->list.items, by_pid);
}

void hp_discover_here(struct hp_arena *arena, int64_t pid, struct hp_places *places)
{
    const char *dirs[4] = {NULL};
    size_t count = 0;
    const char *dir = getenv("HOTPATCH_DIR");
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (dir != NULL && *dir != '\0')
        dirs[count++] = dir;
    if (runtime != NULL && *runtime != '\0')
        dirs[count++] = hp_arena_printf(arena, "%s/hotpatch", runtime);
    dirs[count++] = hp_arena_printf(arena, "/tmp/hotpatch-%u", (unsigned)geteuid());
    const char *only = getenv("HOTPATCH_ONLY");
    if (only != NULL && *only != '\0') {
        const char *own[2] = {dir != NULL && *dir != '\0' ? dir : NULL, NULL};
        const struct hp_discover where = {"/proc", NULL, NULL, own, pid};
        hp_discover(arena, &where, places);
        return;
    }
    const struct hp_discover where = {"/proc", "/tmp", "/run/user", dirs, pid};
    hp_discover(arena, &where, places);
}
