/* An object of a shape as lines of text, by a sink of its own: two objects are equal if their traces are. */
#ifndef HP_TEST_TRACE_H
#define HP_TEST_TRACE_H

#include "proto/shape.h"

/* For free(). */
char *trace_object(const struct hp_shape *shape, const void *object);

#endif
