// SPDX-License-Identifier: GPL-2.0
#include "shrbuf-priv.h"
int shrbuf_format_check(const struct shrbuf_format *format, size_t size)
{
	return format->width ? 0 : -EINVAL;
}
