/* hotpatch: bytes being written. Sticky errors: after one failure nothing more is written and `status` tells
 * which. */
#ifndef HP_BUF_H
#define HP_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "status.h"

struct hp_buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max;            /* bytes; beyond: HP_LIMIT */
    bool fixed;            /* `data` is the caller's and does not grow */
    enum hp_status status; /* HP_OK, HP_NO_MEMORY, HP_LIMIT */
};

void hp_buf_init(struct hp_buf *b, size_t max);                      /* grows, by hp_mem_* */
void hp_buf_init_fixed(struct hp_buf *b, char *data, size_t size);   /* writes into `data`, never allocates */
void hp_buf_append(struct hp_buf *b, const char *bytes, size_t len); /* `len` 0 is fine */
void hp_buf_fini(struct hp_buf *b);                                  /* frees what has not been taken */

/* The bytes become the caller's, for hp_mem_free, and the buffer is empty. With a status other than HP_OK:
 * nothing is handed over, *data is NULL. Returns the status. */
enum hp_status hp_buf_take(struct hp_buf *b, char **data, size_t *len);

#endif
