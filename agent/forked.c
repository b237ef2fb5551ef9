#include "agent/forked.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

struct raw_entry { /* linux_dirent64, which no header of libc offers under a fixed name */
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

struct place { /* of an endpoint: a path, or a port */
    const char *path;
    unsigned short port; /* in network order; 0: the path counts */
};

static int is_bound_to(int fd, const struct place *place)
{
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address;
    socklen_t len = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(fd, &address.any, &len) != 0)
        return 0;
    switch (address.any.sa_family) {
    case AF_UNIX:
        return !place->port && strncmp(address.un.sun_path, place->path, sizeof address.un.sun_path) == 0;
    case AF_INET:
        return place->port && address.in.sin_port == place->port;
    case AF_INET6:
        return place->port && address.in6.sin6_port == place->port;
    default:
        return 0;
    }
}

/* -1 when the name is no number. */
static int number_of(const char *name)
{
    int n = 0;
    if (!*name)
        return -1;
    for (; *name; name++) {
        if (*name < '0' || *name > '9' || n > 100000000)
            return -1;
        n = n * 10 + (*name - '0');
    }
    return n;
}

static void close_without_proc(const struct place *place)
{
    for (int fd = 0; fd < 4096; fd++)
        if (is_bound_to(fd, place))
            close(fd);
}

void hp_forked_close_sockets(const char *path, unsigned short port)
{
    const struct place place = {path, htons(port)};
    _Alignas(struct raw_entry) char buffer[4096];
    int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        close_without_proc(&place);
        return;
    }
    for (;;) {
        long got = syscall(SYS_getdents64, dir, buffer, sizeof buffer);
        if (got <= 0)
            break;
        for (long at = 0; at < got;) {
            const struct raw_entry *entry = (const void *)(buffer + at);
            int fd = number_of(entry->name);
            if (fd >= 0 && fd != dir && is_bound_to(fd, &place))
                close(fd);
            at += entry->length;
        }
    }
    close(dir);
}
