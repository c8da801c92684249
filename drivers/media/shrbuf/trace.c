// SPDX-License-Identifier: GPL-2.0
/* The code of the trace events. */

#include "shrbuf-priv.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
