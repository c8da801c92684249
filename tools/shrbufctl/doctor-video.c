// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufctl doctor: video devices.
 *
 * Whether a device can be attached is asked without a change to it. A module that cannot
 * test that still tells by the request to unwatch the queue, on an open file of
 * /dev/shrbuf that watches nothing: this fails with another error for each case.
 */

#include <dirent.h>
#include <errno.h>
#include <linux/videodev2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <shrbuf.h>

#include "shrbufctl.h"

#define FRAMES	(V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE | \
		 V4L2_CAP_VIDEO_OUTPUT | V4L2_CAP_VIDEO_OUTPUT_MPLANE)
#define MEM2MEM	(V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE)

static void check_queue(struct json_object *checks, int fd, int video_fd,
			const char *path, const char *driver, bool mem2mem)
{
	enum shrbuf_request what = SHRBUF_REQUEST_TEST_QUEUE;
	int ret = shrbuf_test_queue(fd, video_fd);

	if (ret == -EINVAL) {
		what = SHRBUF_REQUEST_UNWATCH_QUEUE;
		ret = shrbuf_unwatch_queue(fd, video_fd);
	}
	switch (ret) {
	case -EALREADY:
	case -ENOENT:
		diagnose(checks, LEVEL_OK, "video", "%s (driver %s) is attached.", path,
			 driver);
		break;
	case 0:
	case -ENOTCONN:
		diagnose(checks, LEVEL_OK, "video",
			 "%s (driver %s) can be attached: shrbufctl attach %s.",
			 path, driver, path);
		break;
	case -EBUSY:
		diagnose(checks, LEVEL_NOTE, "video",
			 "%s (driver %s) is in use, and cannot be attached as long as it is. Who uses it: fuser -v %s.",
			 path, driver, path);
		break;
	case -EOPNOTSUPP:
		if (mem2mem)
			diagnose(checks, LEVEL_NOTE, "video",
				 "%s (driver %s) converts frames. Such devices cannot be attached, but take shared buffers as V4L2_MEMORY_DMABUF.",
				 path, driver);
		else
			diagnose(checks, LEVEL_PROBLEM, "video",
				 "%s cannot be attached: its driver %s does not tell V4L2 about its queue (video_device.queue), or uses memory or locks that shrbuf does not know. Port the driver with one line, see \"On a real machine\" in the README of shrbuf, or let programs adopt the buffers that it exports: shrbuf_adopt().",
				 path, driver);
		break;
	case -ENOTTY:
		diagnose(checks, LEVEL_NOTE, "video",
			 "The module is too old to tell whether %s (driver %s) can be attached. Try: shrbufctl attach %s.",
			 path, driver, path);
		break;
	default:
		diagnose(checks, LEVEL_PROBLEM, "video", "%s: %s", path,
			 shrbuf_explain(what, ret));
	}
}

/* Return: whether it has frames */
static bool check_device(struct json_object *checks, int fd, const char *path)
{
	struct json_object *result = json_object_new_object();
	struct v4l2_capability cap = { 0 };
	int video_fd = device_open(path, result);
	bool frames = true;
	__u32 caps;

	if (video_fd == -EACCES) {
		why_no_access(checks, LEVEL_PROBLEM, path);
		goto out;
	}
	if (video_fd < 0) {
		diagnose(checks, LEVEL_PROBLEM, "video", "%s: %s", path,
			 tree_text(tree_get(result, "error"), "message"));
		goto out;
	}
	if (ioctl(video_fd, VIDIOC_QUERYCAP, &cap)) {
		diagnose(checks, LEVEL_PROBLEM, "video",
			 "%s does not say what it is. Look for a reason in the kernel log: dmesg.",
			 path);
		goto out_close;
	}
	cap.driver[sizeof(cap.driver) - 1] = '\0';
	caps = cap.capabilities & V4L2_CAP_DEVICE_CAPS ? cap.device_caps :
							 cap.capabilities;
	frames = caps & (FRAMES | MEM2MEM);
	if (frames && fd >= 0)
		check_queue(checks, fd, video_fd, path, (char *)cap.driver, caps & MEM2MEM);
out_close:
	close(video_fd);
out:
	json_object_put(result);
	return frames;
}

static int is_video(const struct dirent *entry)
{
	return !strncmp(entry->d_name, "video", 5);
}

/**
 * doctor_video - look at all video devices
 * @checks: gets what was found
 * @fd: from shrbuf_open(), or negative
 */
void doctor_video(struct json_object *checks, int fd)
{
	char *dir = path_of("/sys/class/video4linux");
	struct dirent **entries = NULL;
	int nr = scandir(dir, &entries, is_video, versionsort);
	bool any = false;
	int i;

	free(dir);
	for (i = 0; i < nr; i++) {
		char *path = device_path(entries[i]->d_name);

		if (check_device(checks, fd, path))
			any = true;
		free(path);
		free(entries[i]);
	}
	free(entries);
	if (!any)
		diagnose(checks, LEVEL_NOTE, "video",
			 "There is no video device. Plug in a camera, or load one to try: modprobe vivid.");
}
