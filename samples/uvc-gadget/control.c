// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of the host to its camera: the choice of a format, and controls.
 *
 * Universal Serial Bus Device Class Definition for Video Devices 1.1, chapter 4. A
 * request that is not known is answered by a stall, and the host asks why.
 */

#include <string.h>

#include <linux/usb/ch9.h>
#include <linux/videodev2.h>

#include "gadget.h"

/* An isochronous packet: the host reserves the bandwidth of a setting that has it. */
#define MAX_PAYLOAD	1024

/* What the function of the kernel says of itself: its interfaces, if it is alone. */
#define INTERFACE_CONTROL	0
#define INTERFACE_STREAMING	1

/* UVC 1.0 has the first 26 bytes of the structure, UVC 1.1 has 34. */
#define PROBE_SIZE		34

/* VC_REQUEST_ERROR_CODE_CONTROL */
#define ERROR_NONE		0x00
#define ERROR_INVALID_CONTROL	0x06
#define ERROR_INVALID_REQUEST	0x07

static const struct control controls[NR_CONTROLS] = {
	[CONTROL_BRIGHTNESS] = {
		.entity = 2, .selector = UVC_PU_BRIGHTNESS_CONTROL, .len = 2,
		.min = -128, .max = 127, .step = 1,
	},
	/* A set of modes: only "auto". Its step says which modes there are. */
	[CONTROL_AE_MODE] = {
		.entity = 1, .selector = UVC_CT_AE_MODE_CONTROL, .len = 1,
		.min = 2, .max = 2, .step = 2, .def = 2, .cur = 2,
	},
};

/* The mode that is meant, or the first one of the format, or the first one. */
static const struct mode *mode_of(const struct gadget *g,
				  const struct uvc_streaming_control *ctrl)
{
	const struct mode *best = &g->modes[0];
	unsigned int i;

	for (i = 0; i < g->nr_modes; i++) {
		if (g->modes[i].format != ctrl->bFormatIndex)
			continue;
		if (g->modes[i].frame == ctrl->bFrameIndex)
			return &g->modes[i];
		if (best->format != ctrl->bFormatIndex)
			best = &g->modes[i];
	}
	return best;
}

/* What the host gets if it asks for the format, frame and interval in @ctrl. */
static void negotiate(const struct gadget *g, struct uvc_streaming_control *ctrl)
{
	const struct mode *mode = mode_of(g, ctrl);
	uint32_t interval = ctrl->dwFrameInterval;

	memset(ctrl, 0, sizeof(*ctrl));
	ctrl->bmHint = 1;	/* the frame interval counts */
	ctrl->bFormatIndex = mode->format;
	ctrl->bFrameIndex = mode->frame;
	ctrl->dwFrameInterval = interval > mode->interval ? interval : mode->interval;
	ctrl->dwMaxVideoFrameSize =
		mode->width * mode->height * (mode->fourcc == V4L2_PIX_FMT_YUYV ? 2 : 4);
	ctrl->dwMaxPayloadTransferSize = MAX_PAYLOAD;
	ctrl->dwClockFrequency = 48000000;
	ctrl->bmFramingInfo = 3;	/* frame identifier and end of frame are valid */
	ctrl->bPreferedVersion = 1;
	ctrl->bMaxVersion = 1;
}

/* requests of the host */

static void answer(struct gadget *g, const void *data, int len)
{
	struct uvc_request_data resp = { .length = len };

	if (len > 0 && data)
		memcpy(resp.data, data, len);
	/* The host gives up by itself if this fails. */
	request(g, UVCIOC_SEND_RESPONSE, &resp, "UVCIOC_SEND_RESPONSE");
}

static void refuse(struct gadget *g, uint8_t error)
{
	g->error = error;
	answer(g, NULL, -1);
}

static void setup_streaming(struct gadget *g, const struct usb_ctrlrequest *req)
{
	uint8_t selector = req->wValue >> 8;
	const uint8_t length[2] = { PROBE_SIZE };
	struct uvc_streaming_control ctrl, *current;
	uint8_t byte;

	if (selector != UVC_VS_PROBE_CONTROL && selector != UVC_VS_COMMIT_CONTROL) {
		refuse(g, ERROR_INVALID_CONTROL);
		return;
	}
	current = selector == UVC_VS_PROBE_CONTROL ? &g->probe : &g->commit;
	switch (req->bRequest) {
	case UVC_SET_CUR:
		g->pending = selector;
		/* how much we are ready to take */
		answer(g, NULL, PROBE_SIZE);
		return;
	case UVC_GET_CUR:
		answer(g, current, PROBE_SIZE);
		return;
	case UVC_GET_MIN:
	case UVC_GET_MAX:
	case UVC_GET_DEF:
		/* limits of the interval, for the mode that was asked for last */
		ctrl = *current;
		ctrl.dwFrameInterval = 0;
		negotiate(g, &ctrl);
		answer(g, &ctrl, PROBE_SIZE);
		return;
	case UVC_GET_LEN:
		answer(g, length, 2);
		return;
	case UVC_GET_INFO:
		byte = UVC_CONTROL_CAP_GET | UVC_CONTROL_CAP_SET;
		answer(g, &byte, 1);
		return;
	default:
		refuse(g, ERROR_INVALID_REQUEST);
	}
}

static void setup_control(struct gadget *g, const struct usb_ctrlrequest *req)
{
	struct control *ctrl = NULL;
	uint8_t bytes[2] = { 0 };
	unsigned int i;
	int value;

	for (i = 0; i < NR_CONTROLS; i++)
		if (g->controls[i].entity == req->wIndex >> 8 &&
		    g->controls[i].selector == req->wValue >> 8)
			ctrl = &g->controls[i];
	if (!ctrl) {
		refuse(g, ERROR_INVALID_CONTROL);
		return;
	}
	switch (req->bRequest) {
	case UVC_SET_CUR:
		g->setting = ctrl;
		answer(g, NULL, ctrl->len);
		return;
	case UVC_GET_INFO:
		bytes[0] = UVC_CONTROL_CAP_GET | UVC_CONTROL_CAP_SET;
		answer(g, bytes, 1);
		return;
	case UVC_GET_LEN:
		bytes[0] = ctrl->len;
		answer(g, bytes, 2);
		return;
	case UVC_GET_CUR:
		value = ctrl->cur;
		break;
	case UVC_GET_MIN:
		value = ctrl->min;
		break;
	case UVC_GET_MAX:
		value = ctrl->max;
		break;
	case UVC_GET_RES:
		value = ctrl->step;
		break;
	case UVC_GET_DEF:
		value = ctrl->def;
		break;
	default:
		refuse(g, ERROR_INVALID_REQUEST);
		return;
	}
	bytes[0] = value;
	bytes[1] = value >> 8;
	answer(g, bytes, ctrl->len);
}

static void set_control(struct gadget *g, struct control *ctrl,
			const struct uvc_request_data *req)
{
	int value;

	if (req->length < ctrl->len)
		return;
	value = ctrl->len == 1 ? req->data[0] :
				 (int16_t)(req->data[0] | req->data[1] << 8);
	/* It is too late to refuse it. */
	if (value < ctrl->min)
		value = ctrl->min;
	if (value > ctrl->max)
		value = ctrl->max;
	ctrl->cur = value;
	if (ctrl == &g->controls[CONTROL_BRIGHTNESS] && g->streaming)
		picture_set_brightness(&g->picture, value);
}

void control_setup(struct gadget *g, const struct usb_ctrlrequest *req)
{
	uint8_t entity = req->wIndex >> 8, interface = req->wIndex & 0xff;

	g->pending = 0;
	g->setting = NULL;
	if (interface == INTERFACE_STREAMING) {
		setup_streaming(g, req);
	} else if (interface == INTERFACE_CONTROL && !entity &&
		   req->wValue >> 8 == UVC_VC_REQUEST_ERROR_CODE_CONTROL &&
		   req->bRequest == UVC_GET_CUR) {
		answer(g, &g->error, 1);
		g->error = ERROR_NONE;
	} else {
		setup_control(g, req);
	}
}

void control_data(struct gadget *g, const struct uvc_request_data *req)
{
	struct uvc_streaming_control *target, ctrl = { 0 };

	if (g->setting)
		set_control(g, g->setting, req);
	g->setting = NULL;
	if (!g->pending)
		return;
	target = g->pending == UVC_VS_PROBE_CONTROL ? &g->probe : &g->commit;
	g->pending = 0;
	if (req->length < 0)
		return;
	memcpy(&ctrl, req->data, req->length < PROBE_SIZE ? req->length : PROBE_SIZE);
	negotiate(g, &ctrl);
	*target = ctrl;
}

void control_init(struct gadget *g)
{
	memcpy(g->controls, controls, sizeof(controls));
	negotiate(g, &g->probe);
	g->commit = g->probe;
}

const struct mode *control_mode(const struct gadget *g)
{
	return mode_of(g, &g->commit);
}

int control_brightness(const struct gadget *g)
{
	return g->controls[CONTROL_BRIGHTNESS].cur;
}
