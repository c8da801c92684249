/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the plugin share.
 */
#ifndef _GST_SHRBUF_ELEMENTS_H
#define _GST_SHRBUF_ELEMENTS_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* The category of what is not of one element: memory, pools, formats. */
GST_DEBUG_CATEGORY_EXTERN (gst_shrbuf_debug);
/* before all else */
void gst_shrbuf_init_debug (void);

GST_ELEMENT_REGISTER_DECLARE (fusionsink);
GST_ELEMENT_REGISTER_DECLARE (fusionsrc);

G_END_DECLS

#endif
