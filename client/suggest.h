#include "proto/suggest.h"
