/* Any bytes: hp_request_decode keeps its contract, and what it takes for a request can be sent again, to the
 * same effect. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/protocol.h"
#include "proto/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

/* Encodes what has been decoded, decodes that, and encodes again: the two encodings are equal. */
static void there_and_back(const struct hp_request *first)
{
    struct hp_request second;
    char *data = NULL;
    char *again = NULL;
    size_t len = 0;
    size_t again_len = 0;
    const char *error = NULL;
    hp_request_init(&second);
    require(hp_request_encode(first, &data, &len) == HP_OK);
    require(hp_request_decode(&second, data, len, &error) == HP_OK);
    require(second.kind == first->kind);
    require(hp_request_encode(&second, &again, &again_len) == HP_OK);
    require(len == again_len && memcmp(data, again, len) == 0);
    hp_mem_free(data);
    hp_mem_free(again);
    hp_request_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hp_request r;
    const char *error = NULL;
    hp_request_init(&r);
    enum hp_status status = hp_request_decode(&r, (const char *)data, size, &error);
    switch (status) {
    case HP_OK:
        require(error == NULL && r.id != NULL && strlen(r.id) <= HP_MAX_ID &&
                r.modules.count <= HP_MAX_MODULES);
        there_and_back(&r);
        break;
    case HP_MALFORMED:
    case HP_LIMIT:
    case HP_VERSION_MISMATCH:
    case HP_UNSUPPORTED:
        require(error != NULL && error[0] != '\0');
        break;
    default:
        abort();
    }
    hp_request_fini(&r);
    return 0;
}
