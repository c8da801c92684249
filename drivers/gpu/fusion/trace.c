// SPDX-License-Identifier: GPL-2.0
/* The trace points of the module, made once. */
#define CREATE_TRACE_POINTS
#include "trace.h"
