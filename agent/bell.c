#include "agent/bell.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int hp_bell_open(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void hp_bell_close(int bell)
{
    if (bell >= 0)
        close(bell);
}

void hp_bell_ring(int bell)
{
    const uint64_t one = 1;
    /* It can only fail when the counter is full: it is rung then. */
    ssize_t n = write(bell, &one, sizeof one);
    (void)n;
}

void hp_bell_quiet(int bell)
{
    uint64_t count;
    ssize_t n = read(bell, &count, sizeof count);
    (void)n; /* EAGAIN: it was quiet */
}

void hp_bell_renew(int bell, bool rung)
{
    int fresh = eventfd(rung ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fresh < 0)
        return;
    dup2(fresh, bell);
    fcntl(bell, F_SETFD, FD_CLOEXEC);
    close(fresh);
}
