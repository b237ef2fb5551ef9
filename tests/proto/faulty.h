/* An allocator that fails when it is told to, and counts what is not given back. */
#ifndef HP_TEST_FAULTY_H
#define HP_TEST_FAULTY_H

#include <stdbool.h>
#include <stddef.h>

/* Installs it. The `fail_at`-th allocation from now on fails (1 is the first; 0: none); with `from_then_on`
 * so does every later one. */
void faulty_begin(size_t fail_at, bool from_then_on);
/* Puts the ordinary allocator back. */
void faulty_end(void);

size_t faulty_live(void);    /* blocks not given back since faulty_begin */
size_t faulty_calls(void);   /* allocations asked for since then */
size_t faulty_largest(void); /* bytes of the largest one asked for */
bool faulty_failed(void);    /* one has been refused */

#endif
