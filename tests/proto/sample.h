/* Requests and reports with something in every field, for round trips and as seeds of the fuzzers. */
#ifndef HP_TEST_SAMPLE_H
#define HP_TEST_SAMPLE_H

#include "proto/report.h"
#include "proto/request.h"

/* Every field of the object, however deep, gets a value that is not empty and differs from its neighbours';
 * lists get two items. False when memory is short. */
bool sample_fill(const struct hp_shape *shape, void *object, struct hp_arena *a);

/* sample_fill, and then what makes it valid: kind push, known option words. `r` is initialised. */
bool sample_request(struct hp_request *r);
bool sample_report(struct hp_report *r);

#endif
