#include "agent/peer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ESTABLISHED 1

/* As /proc/net/tcp writes it: words of 4 bytes in the machine's own order, in hex. */
static void end_text(const struct hp_peer_end *end, char out[48])
{
    size_t words = end->six ? 4 : 1;
    int at = 0;
    for (size_t i = 0; i < words; i++) {
        uint32_t word;
        memcpy(&word, end->address + 4 * i, sizeof word);
        at += snprintf(out + at, 48 - (size_t)at, "%08X", (unsigned)word);
    }
    snprintf(out + at, 48 - (size_t)at, ":%04X", (unsigned)end->port);
}

bool hp_peer_owner(const char *table, const struct hp_peer_end *peer, const struct hp_peer_end *here,
                   uid_t *uid)
{
    char wanted_peer[48], wanted_here[48], line[512];
    bool found = false;
    FILE *file = fopen(table, "re");
    if (!file)
        return false;
    end_text(peer, wanted_peer);
    end_text(here, wanted_here);
    while (!found && fgets(line, sizeof line, file)) {
        char local[48], remote[48];
        unsigned state = 0, owner = 0;
        unsigned long inode = 0;
        if (sscanf(line, " %*d: %47s %47s %x %*s %*s %*s %u %*d %lu", local, remote, &state, &owner,
                   &inode) != 5 ||
            strcmp(local, wanted_peer) != 0 || strcmp(remote, wanted_here) != 0)
            continue;
        found = state == ESTABLISHED && inode != 0;
        *uid = (uid_t)owner;
        break;
    }
    fclose(file);
    return found;
}

bool hp_peer_is_own(const struct hp_peer *peer)
{
    return peer->known && (peer->uid == 0 || peer->uid == geteuid());
}
