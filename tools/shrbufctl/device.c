// SPDX-License-Identifier: GPL-2.0
/*
 * Video devices as the user names them.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <shrbuf.h>

#include "shrbufctl.h"

/* Major number of all V4L2 device nodes. */
#define V4L2_MAJOR	81

/* The path that the user means. The caller frees it. */
char *device_path(const char *name)
{
	const char *prefix = "";
	char *path;

	if (*name && name[strspn(name, "0123456789")] == '\0')
		prefix = "/dev/video";
	else if (*name && !strchr(name, '/'))
		prefix = "/dev/";
	if (asprintf(&path, "%s%s", prefix, name) < 0)
		die_no_memory();
	return path;
}

static const char *explain_device(int err)
{
	static const struct {
		int err;
		const char *text;
	} texts[] = {
		{ ENOENT, "There is no such device. List them: v4l2-ctl --list-devices." },
		{ ENOTDIR, "There is no such device. List them: v4l2-ctl --list-devices." },
		{ ENODEV, "The device was removed. List those left: v4l2-ctl --list-devices." },
		{ ENXIO, "The device was removed. List those left: v4l2-ctl --list-devices." },
		{ EACCES,
		  "You may not use the device. Join the group of the device (see: ls -l DEVICE), or become root.",
		},
		{ EPERM,
		  "The system forbids the use of the device. Allow it in the settings of this container or sandbox.",
		},
		{ EBUSY,
		  "Another program uses the device, and its driver allows only one. Stop that program (see: fuser -v DEVICE).",
		},
		{ 0, "The device cannot be opened. Look for a reason in the kernel log: dmesg." },
	};
	size_t i = 0;

	while (texts[i].err && texts[i].err != err)
		i++;
	return texts[i].text;
}

/* Return: a file descriptor, or a negative error number and @result says why. */
int device_open(const char *path, struct json_object *result)
{
	struct stat st;
	int err;
	int fd;

	/* Look first: to open another kind of device may already do something. */
	if (!stat(path, &st)) {
		if (!S_ISCHR(st.st_mode) || major(st.st_rdev) != V4L2_MAJOR) {
			tree_put_error(result, EINVAL, "%s",
				       shrbuf_explain(SHRBUF_REQUEST_ATTACH_QUEUE, EINVAL));
			return -EINVAL;
		}
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	err = errno;
	tree_put_error(result, err, "%s", explain_device(err));
	return -err;
}
