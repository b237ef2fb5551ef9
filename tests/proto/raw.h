/* Messages written byte by byte, as a stranger would: right, wrong, and hostile ones. */
#ifndef HP_TEST_RAW_H
#define HP_TEST_RAW_H

#include <stddef.h>
#include <stdint.h>

#include "proto/buf.h"

void raw_begin(struct hp_buf *b);
void raw_bytes(struct hp_buf *b, const char *hex); /* "81 a2 6f 6b" */
void raw_repeat(struct hp_buf *b, unsigned char byte, size_t count);
void raw_map(struct hp_buf *b, uint32_t pairs);  /* always map 32 */
void raw_list(struct hp_buf *b, uint32_t items); /* always array 32 */
void raw_str(struct hp_buf *b, const char *s);   /* always str 32 */
void raw_int(struct hp_buf *b, int64_t value);   /* always int 64 */
void raw_end(struct hp_buf *b);

#endif
