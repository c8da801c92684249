/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the program share.
 */
#ifndef _SAMPLES_UVC_GADGET_GADGET_H
#define _SAMPLES_UVC_GADGET_GADGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/usb/g_uvc.h>
#include <linux/usb/video.h>

#include "picture.h"

#define NR_BUFFERS	4
#define MAX_MODES	16

/* One of what configfs offers: indexes as the host names them, from 1. */
struct mode {
	uint32_t fourcc;
	uint8_t format;
	uint8_t frame;
	unsigned int width;
	unsigned int height;
	uint32_t interval;	/* 100 ns */
};

/*
 * Controls that the kernel's function says we have, in descriptors which cannot be
 * changed: its camera terminal has number 1, its processing unit 2.
 */
struct control {
	uint8_t entity;
	uint8_t selector;
	uint8_t len;
	int16_t min, max, step, def, cur;
};

enum { CONTROL_BRIGHTNESS, CONTROL_AE_MODE, NR_CONTROLS };

struct gadget {
	int fd;
	int timer;
	struct mode modes[MAX_MODES];
	unsigned int nr_modes;

	struct uvc_streaming_control probe;
	struct uvc_streaming_control commit;
	/* selector of the SET_CUR whose data is under way, or 0 */
	uint8_t pending;
	struct control controls[NR_CONTROLS];
	/* the control whose data is under way, or NULL */
	struct control *setting;
	uint8_t error;

	bool streaming;
	struct picture picture;
	unsigned int number;
	uint8_t *mem[NR_BUFFERS];
	size_t len[NR_BUFFERS];
	bool idle[NR_BUFFERS];
};

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * ioctl() on the gadget: 0 or a negative errno. It is reported as the failure of @what,
 * unless that is NULL. ENODEV means that the gadget was removed, and is not reported.
 */
int request(struct gadget *g, unsigned long req, void *arg, const char *what);

/* control.c: what the host asks */
void control_init(struct gadget *g);
void control_setup(struct gadget *g, const struct usb_ctrlrequest *req);
void control_data(struct gadget *g, const struct uvc_request_data *req);
/* the mode and brightness that it has chosen */
const struct mode *control_mode(const struct gadget *g);
int control_brightness(const struct gadget *g);

#endif /* _SAMPLES_UVC_GADGET_GADGET_H */
