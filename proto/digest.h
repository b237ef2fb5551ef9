/* hotpatch: SHA-256, as 64 hexadecimal digits. By mbed TLS. */
#ifndef HP_DIGEST_H
#define HP_DIGEST_H

#include <stddef.h>

#define HP_DIGEST_SIZE 65 /* with the NUL */

void hp_digest(const char *data, size_t len, char out[HP_DIGEST_SIZE]);

#endif
