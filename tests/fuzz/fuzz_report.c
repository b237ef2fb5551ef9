/* Any bytes: hp_report_decode keeps its contract, and what it takes for a report can be sent again, to the
 * same effect. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

/* Encodes what has been decoded, decodes that, and encodes again: the two encodings are equal. A report may
 * grow when it is written (defaults), so one near the limit may pass it. */
static void there_and_back(const struct hp_report *first)
{
    struct hp_report second;
    char *data = NULL;
    char *again = NULL;
    size_t len = 0;
    size_t again_len = 0;
    const char *error = NULL;
    hp_report_init(&second);
    enum hp_status status = hp_report_encode(first, &data, &len);
    require(status == HP_OK || status == HP_LIMIT);
    if (status == HP_OK) {
        require(hp_report_decode(&second, data, len, &error) == HP_OK);
        require(hp_report_encode(&second, &again, &again_len) == HP_OK);
        require(len == again_len && memcmp(data, again, len) == 0);
    }
    hp_mem_free(data);
    hp_mem_free(again);
    hp_report_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hp_report r;
    const char *error = NULL;
    hp_report_init(&r);
    enum hp_status status = hp_report_decode(&r, (const char *)data, size, &error);
    switch (status) {
    case HP_OK:
        require(error == NULL && (unsigned)r.status < HP_STATUS_COUNT);
        there_and_back(&r);
        break;
    case HP_MALFORMED:
    case HP_LIMIT:
    case HP_VERSION_MISMATCH:
        require(error != NULL && error[0] != '\0' && r.status == status);
        break;
    default:
        abort();
    }
    hp_report_fini(&r);
    return 0;
}
