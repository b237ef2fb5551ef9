#include "proto/digest.h"

#include <mbedtls/sha256.h>
#include <mbedtls/version.h>
#include <stdio.h>

void hp_digest(const char *data, size_t len, char out[HP_DIGEST_SIZE])
{
    unsigned char hash[32] = {0};
#if MBEDTLS_VERSION_MAJOR < 3 /* whose function of the other name returns nothing */
    mbedtls_sha256_ret((const unsigned char *)data, len, hash, 0);
#else
    mbedtls_sha256((const unsigned char *)data, len, hash, 0);
#endif
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
}
