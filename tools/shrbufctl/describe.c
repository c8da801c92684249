// SPDX-License-Identifier: GPL-2.0
/*
 * What a buffer is and what is in it, as JSON and for people.
 */

#include <linux/videodev2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <shrbuf.h>

#include "shrbufctl.h"

/* DRM_FORMAT_MOD_LINEAR and DRM_FORMAT_MOD_INVALID */
#define MODIFIER_LINEAR		0
#define MODIFIER_INVALID	0x00ffffffffffffffULL

#define NSEC_PER_SEC	1000000000ULL

struct name {
	unsigned int value;
	const char *name;
};

static const struct name states[] = {
	{ SHRBUF_STATE_EMPTY, "empty" },
	{ SHRBUF_STATE_FILLING, "filling" },
	{ SHRBUF_STATE_FILLED, "filled" },
	{ SHRBUF_STATE_ERROR, "error" },
};

static const struct name status_bits[] = {
	{ SHRBUF_STATUS_QUEUE, "queue" },
	{ SHRBUF_STATUS_ORPHANED, "orphaned" },
	{ SHRBUF_STATUS_ADOPTED, "adopted" },
	{ SHRBUF_STATUS_DEVICE, "device" },
};

static const struct name flag_bits[] = {
	{ V4L2_BUF_FLAG_KEYFRAME, "keyframe" },
	{ V4L2_BUF_FLAG_PFRAME, "p-frame" },
	{ V4L2_BUF_FLAG_BFRAME, "b-frame" },
	{ V4L2_BUF_FLAG_LAST, "last" },
};

static const struct name clocks[] = {
	{ V4L2_BUF_FLAG_TIMESTAMP_UNKNOWN, "unknown" },
	{ V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC, "monotonic" },
	{ V4L2_BUF_FLAG_TIMESTAMP_COPY, "copied" },
};

static const struct name fields[] = {
	{ V4L2_FIELD_ANY, "any" },
	{ V4L2_FIELD_NONE, "none" },
	{ V4L2_FIELD_TOP, "top" },
	{ V4L2_FIELD_BOTTOM, "bottom" },
	{ V4L2_FIELD_INTERLACED, "interlaced" },
	{ V4L2_FIELD_SEQ_TB, "top-bottom" },
	{ V4L2_FIELD_SEQ_BT, "bottom-top" },
	{ V4L2_FIELD_ALTERNATE, "alternate" },
	{ V4L2_FIELD_INTERLACED_TB, "interlaced-top-first" },
	{ V4L2_FIELD_INTERLACED_BT, "interlaced-bottom-first" },
};

static const struct name colorspaces[] = {
	{ V4L2_COLORSPACE_DEFAULT, "default" },
	{ V4L2_COLORSPACE_SMPTE170M, "SMPTE 170M" },
	{ V4L2_COLORSPACE_SMPTE240M, "SMPTE 240M" },
	{ V4L2_COLORSPACE_REC709, "Rec. 709" },
	{ V4L2_COLORSPACE_470_SYSTEM_M, "470 System M" },
	{ V4L2_COLORSPACE_470_SYSTEM_BG, "470 System BG" },
	{ V4L2_COLORSPACE_JPEG, "JPEG" },
	{ V4L2_COLORSPACE_SRGB, "sRGB" },
	{ V4L2_COLORSPACE_OPRGB, "opRGB" },
	{ V4L2_COLORSPACE_BT2020, "BT.2020" },
	{ V4L2_COLORSPACE_RAW, "raw" },
	{ V4L2_COLORSPACE_DCI_P3, "DCI-P3" },
};

static const struct name xfer_funcs[] = {
	{ V4L2_XFER_FUNC_DEFAULT, "default" },
	{ V4L2_XFER_FUNC_709, "Rec. 709" },
	{ V4L2_XFER_FUNC_SRGB, "sRGB" },
	{ V4L2_XFER_FUNC_OPRGB, "opRGB" },
	{ V4L2_XFER_FUNC_SMPTE240M, "SMPTE 240M" },
	{ V4L2_XFER_FUNC_NONE, "none" },
	{ V4L2_XFER_FUNC_DCI_P3, "DCI-P3" },
	{ V4L2_XFER_FUNC_SMPTE2084, "SMPTE 2084" },
};

static const struct name encodings[] = {
	{ V4L2_YCBCR_ENC_DEFAULT, "default" },
	{ V4L2_YCBCR_ENC_601, "ITU-R 601" },
	{ V4L2_YCBCR_ENC_709, "Rec. 709" },
	{ V4L2_YCBCR_ENC_XV601, "xvYCC 601" },
	{ V4L2_YCBCR_ENC_XV709, "xvYCC 709" },
	{ V4L2_YCBCR_ENC_BT2020, "BT.2020" },
	{ V4L2_YCBCR_ENC_BT2020_CONST_LUM, "BT.2020 constant luminance" },
	{ V4L2_YCBCR_ENC_SMPTE240M, "SMPTE 240M" },
	{ V4L2_HSV_ENC_180, "HSV 0-179" },
	{ V4L2_HSV_ENC_256, "HSV 0-255" },
};

static const struct name quantizations[] = {
	{ V4L2_QUANTIZATION_DEFAULT, "default" },
	{ V4L2_QUANTIZATION_FULL_RANGE, "full range" },
	{ V4L2_QUANTIZATION_LIM_RANGE, "limited range" },
};

/* A value that is newer than this program is shown by number. */
static void put_name(struct json_object *obj, const char *key, const struct name *names,
		     size_t nr, unsigned int value)
{
	char number[16];
	size_t i;

	for (i = 0; i < nr; i++) {
		if (names[i].value == value) {
			tree_put_string(obj, key, names[i].name);
			return;
		}
	}
	snprintf(number, sizeof(number), "%u", value);
	tree_put_string(obj, key, number);
}

static void put_bits(struct json_object *obj, const char *key, const struct name *names,
		     size_t nr, unsigned int bits)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	tree_put(obj, key, array);
	for (i = 0; i < nr; i++)
		if (bits & names[i].value)
			tree_append(array, json_object_new_string(names[i].name));
}

static void put_number(struct json_object *obj, const char *key, uint64_t number)
{
	tree_put(obj, key, json_object_new_uint64(number));
}

/* No name at all if there is no code. */
static void put_fourcc(struct json_object *obj, const char *key, uint32_t code)
{
	/* The highest bit means big-endian, in DRM and in V4L2. */
	char text[] = { (char)code, (char)(code >> 8), (char)(code >> 16),
			(char)(code >> 24 & 0x7f), '-', 'B', 'E' };

	if (code)
		tree_put(obj, key, tree_string(text, code >> 31 ? sizeof(text) : 4));
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* "filled", or a number if it is newer than this program. */
const char *state_name(unsigned int state)
{
	return state < ARRAY_SIZE(states) ? states[state].name : "unknown";
}

static void describe_frame(struct json_object *obj, const struct shrbuf_frame *frame)
{
	uint64_t time = now();

	put_name(obj, "state", states, ARRAY_SIZE(states), frame->state);
	put_number(obj, "seq", frame->seq);
	if (frame->seq) {
		put_number(obj, "time", frame->time);
		put_number(obj, "age", time > frame->time ? time - frame->time : 0);
	}
	if (frame->state != SHRBUF_STATE_FILLED && frame->state != SHRBUF_STATE_ERROR)
		return;
	put_number(obj, "sequence", frame->sequence);
	put_number(obj, "timestamp", frame->timestamp);
	put_name(obj, "clock", clocks, ARRAY_SIZE(clocks),
		 frame->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK);
	put_number(obj, "bytesused", frame->bytesused);
	put_name(obj, "field", fields, ARRAY_SIZE(fields), frame->field);
	put_bits(obj, "flags", flag_bits, ARRAY_SIZE(flag_bits), frame->flags);
}

static void describe_planes(struct json_object *obj, const struct shrbuf_format *format)
{
	struct json_object *array = json_object_new_array();
	unsigned int i;

	tree_put(obj, "planes", array);
	for (i = 0; i < format->nr_planes && i < SHRBUF_MAX_PLANES; i++) {
		struct json_object *plane = json_object_new_object();

		tree_append(array, plane);
		if (!(format->plane_mask & 1U << i))
			continue;
		put_number(plane, "offset", format->planes[i].offset);
		put_number(plane, "stride", format->planes[i].stride);
	}
}

static void describe_format(struct json_object *obj, const struct shrbuf_format *format)
{
	struct json_object *crop = json_object_new_object();
	char modifier[24];

	put_fourcc(obj, "fourcc", format->fourcc);
	put_fourcc(obj, "v4l2_fourcc", format->v4l2_fourcc);
	if (format->modifier == MODIFIER_LINEAR)
		tree_put_string(obj, "modifier", "linear");
	else if (format->modifier == MODIFIER_INVALID)
		tree_put_string(obj, "modifier", "unknown");
	else if (snprintf(modifier, sizeof(modifier), "0x%llx", format->modifier))
		tree_put_string(obj, "modifier", modifier);
	put_number(obj, "width", format->width);
	put_number(obj, "height", format->height);
	describe_planes(obj, format);
	tree_put(obj, "crop", crop);
	put_number(crop, "x", format->crop.x);
	put_number(crop, "y", format->crop.y);
	put_number(crop, "width", format->crop.width);
	put_number(crop, "height", format->crop.height);
	put_name(obj, "colorspace", colorspaces, ARRAY_SIZE(colorspaces), format->colorspace);
	put_name(obj, "xfer_func", xfer_funcs, ARRAY_SIZE(xfer_funcs), format->xfer_func);
	put_name(obj, "ycbcr_enc", encodings, ARRAY_SIZE(encodings), format->ycbcr_enc);
	put_name(obj, "quantization", quantizations, ARRAY_SIZE(quantizations),
		 format->quantization);
}

/**
 * describe - put what the module says of a buffer into a tree
 * @obj: gets the members
 * @info: of the buffer
 */
void describe(struct json_object *obj, const struct shrbuf_info *info)
{
	struct json_object *frame = json_object_new_object();
	const char *name = (const char *)info->name;
	const char *backing = (const char *)info->backing;

	put_number(obj, "id", info->id);
	tree_put(obj, "name", tree_string(name, strnlen(name, sizeof(info->name))));
	put_number(obj, "size", info->size);
	tree_put(obj, "backing",
		 tree_string(backing, strnlen(backing, sizeof(info->backing))));
	put_bits(obj, "status", status_bits, ARRAY_SIZE(status_bits), info->status);
	put_number(obj, "holds", info->holds);
	put_number(obj, "device_reads", info->device_reads);
	tree_put(obj, "frame", frame);
	describe_frame(frame, &info->frame);
	if (info->format.width) {
		struct json_object *format = json_object_new_object();

		tree_put(obj, "format", format);
		describe_format(format, &info->format);
	}
}

static void print_frame(struct json_object *frame)
{
	struct json_object *value = tree_get(frame, "age");
	char *text;

	printf("  state    %s, change %s", tree_text(frame, "state"),
	       tree_text(frame, "seq"));
	if (value) {
		text = format_age(value);
		printf(", %s ago", text);
		free(text);
	}
	putchar('\n');
	if (!tree_get(frame, "sequence"))
		return;
	text = format_words(tree_get(frame, "flags"));
	printf("  frame    number %s, timestamp %.6f s (clock: %s), %s bytes, field %s, flags %s\n",
	       tree_text(frame, "sequence"),
	       (double)json_object_get_uint64(tree_get(frame, "timestamp")) / NSEC_PER_SEC,
	       tree_text(frame, "clock"), tree_text(frame, "bytesused"),
	       tree_text(frame, "field"), text);
	free(text);
}

static void print_format(struct json_object *format)
{
	struct json_object *crop = tree_get(format, "crop");
	struct json_object *planes = tree_get(format, "planes");
	size_t i;

	printf("  format   %sx%s, DRM %s, modifier %s, V4L2 %s\n", tree_text(format, "width"),
	       tree_text(format, "height"), tree_text(format, "fourcc"),
	       tree_text(format, "modifier"), tree_text(format, "v4l2_fourcc"));
	for (i = 0; i < json_object_array_length(planes); i++) {
		struct json_object *plane = json_object_array_get_idx(planes, i);

		if (tree_get(plane, "offset"))
			printf("  plane %zu  offset %s, stride %s\n", i,
			       tree_text(plane, "offset"), tree_text(plane, "stride"));
		else
			printf("  plane %zu  in another buffer\n", i);
	}
	printf("  crop     %sx%s at %s,%s\n", tree_text(crop, "width"),
	       tree_text(crop, "height"), tree_text(crop, "x"), tree_text(crop, "y"));
	printf("  colour   %s, transfer %s, encoding %s, quantization %s\n",
	       tree_text(format, "colorspace"), tree_text(format, "xfer_func"),
	       tree_text(format, "ycbcr_enc"), tree_text(format, "quantization"));
}

/* Prints what describe() made, for people. */
void describe_print(struct json_object *obj)
{
	struct json_object *format = tree_get(obj, "format");
	char *size = format_size(tree_get(obj, "size"));
	char *status = format_words(tree_get(obj, "status"));

	printf("buffer %s \"%s\"\n", tree_text(obj, "id"), tree_text(obj, "name"));
	printf("  memory   %s, %s\n", size, tree_text(obj, "backing"));
	printf("  status   %s; holds: %s, devices that read: %s\n", status,
	       tree_text(obj, "holds"), tree_text(obj, "device_reads"));
	print_frame(tree_get(obj, "frame"));
	if (format)
		print_format(format);
	else
		puts("  format   not known");
	free(size);
	free(status);
}
