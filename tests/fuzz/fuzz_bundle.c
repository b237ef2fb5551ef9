/* Bundles and signature files, as they come from strangers: nothing is read beyond them, and what is taken
 * for a bundle comes back from its own bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bundle.h"
#include "proto/minisign.h"

static void read_bundle(const char *data, size_t len)
{
    struct hp_bundle bundle, again;
    char *encoded = NULL;
    size_t encoded_len;
    const char *error = NULL;
    hp_bundle_init(&bundle);
    hp_bundle_init(&again);
    enum hp_status status = hp_bundle_decode(&bundle, data, len, &error);
    if ((status == HP_OK) != (error == NULL))
        abort();
    if (status == HP_OK && (hp_bundle_encode(&bundle, &encoded, &encoded_len) != HP_OK ||
                            hp_bundle_decode(&again, encoded, encoded_len, &error) != HP_OK))
        abort();
    hp_mem_free(encoded);
    hp_bundle_fini(&again);
    hp_bundle_fini(&bundle);
}

static void read_signature(const char *data, size_t len)
{
    struct hp_public_key public;
    struct hp_secret_key secret;
    uint8_t number[8];
    char comment[HP_MINISIGN_COMMENT_MAX];
    memset(&public, 7, sizeof public);
    if (hp_signature_key(data, len, number))
        memcpy(public.number, number, sizeof number);
    if (hp_signature_check(data, len, &public, data, len, comment))
        abort(); /* there is no such key */
    (void)hp_public_key_read(data, len, &public);
    (void)hp_secret_key_read(data, len, NULL, &secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_bundle((const char *)data, size);
    read_signature((const char *)data, size);
    return 0;
}
