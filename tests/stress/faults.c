/* Memory that runs out on purpose; the contract is in faults.h. Each block has its size before it, so that
 * bytes can be counted where nobody says how large a block was. What is freed is overwritten, so that an
 * object which the emergency collection took away under somebody's hands does not go on looking alive. */
#include "faults.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define POISON 0xdd

struct header {
    alignas(max_align_t) size_t size;
};

static struct {
    int sides;
    long first, count, made, refused;
} faults;

static struct faults_held held[FAULTS_AGENT + 1];

void faults_start(int sides, long first, long count)
{
    faults.sides = sides;
    faults.first = first;
    faults.count = count;
    faults.made = faults.refused = 0;
}

void faults_stop(void)
{
    faults.sides = 0;
}

long faults_made(void)
{
    return faults.made;
}

long faults_refused(void)
{
    return faults.refused;
}

struct faults_held faults_held(enum faults_side side)
{
    return held[side];
}

static bool refuses(enum faults_side side)
{
    if ((faults.sides & (int)side) == 0)
        return false;
    long n = faults.made++;
    bool refused = n >= faults.first && n - faults.first < faults.count;
    faults.refused += refused ? 1 : 0;
    return refused;
}

static void *resize(enum faults_side side, void *ptr, size_t size)
{
    struct header *block = ptr ? (struct header *)ptr - 1 : NULL;
    size_t old_size = block ? block->size : 0;
    if (size == 0) {
        held[side].blocks -= block ? 1 : 0;
        held[side].bytes -= old_size;
        if (block)
            memset(block, POISON, sizeof *block + old_size);
        free(block);
        return NULL;
    }
    if (size > old_size && refuses(side))
        return NULL;
    struct header *moved = realloc(block, sizeof *moved + size);
    if (!moved)
        abort(); /* the machine itself is out of memory: no test of ours */
    moved->size = size;
    held[side].blocks += block ? 0 : 1;
    held[side].bytes += size - old_size;
    return moved + 1;
}

void *faults_live_alloc(void *ud, void *ptr, size_t old_size, size_t size)
{
    (void)ud;
    (void)old_size;
    return resize(FAULTS_LIVE, ptr, size);
}

void *faults_agent_alloc(void *ptr, size_t size)
{
    return resize(FAULTS_AGENT, ptr, size);
}
