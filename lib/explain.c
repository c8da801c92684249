// SPDX-License-Identifier: GPL-2.0
/*
 * Error numbers as sentences: what is wrong, and what to do.
 */

#include <errno.h>
#include <stddef.h>

#include "shrbuf.h"

#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))

#define OPEN	(1U << SHRBUF_REQUEST_OPEN)
#define VERSION	(1U << SHRBUF_REQUEST_GET_VERSION)
#define ATTACH	(1U << SHRBUF_REQUEST_ATTACH_QUEUE)
#define DETACH	(1U << SHRBUF_REQUEST_DETACH_QUEUE)
#define ALLOC	(1U << SHRBUF_REQUEST_ALLOC)
#define CONFIG	(1U << SHRBUF_REQUEST_CONFIGURE_QUEUE)
#define TEST	(1U << SHRBUF_REQUEST_TEST_QUEUE)

/**
 * struct explanation - one text
 * @requests: bits of the requests that it is for
 * @err: positive error number, 0 in the last one
 * @text: sentences
 */
struct explanation {
	unsigned int requests;
	int err;
	const char *text;
};

static const struct explanation explanations[] = {
	{ OPEN, ENOENT,
	  "There is no /dev/shrbuf, so the module shrbuf is not loaded. Load it as root: modprobe shrbuf.",
	},
	{ OPEN, ENODEV,
	  "Nothing is behind /dev/shrbuf, so the module shrbuf was unloaded. Load it as root: modprobe shrbuf.",
	},
	{ OPEN, ENXIO,
	  "/dev/shrbuf is left over from another boot. Remove it, then load the module as root: modprobe shrbuf.",
	},
	{ OPEN, EACCES,
	  "You may not use /dev/shrbuf. Join the group of the device (see: ls -l /dev/shrbuf), or become root.",
	},
	{ OPEN, EPERM,
	  "The system forbids the use of /dev/shrbuf. Allow the device in the settings of this container or sandbox.",
	},
	{ OPEN | ALLOC, EMFILE,
	  "This process has too many open files. Close some, or raise its limit: ulimit -n.",
	},
	{ OPEN | ALLOC, ENFILE,
	  "The system has too many open files. Close some, or raise the limit: sysctl fs.file-max.",
	},
	{ OPEN | ATTACH | TEST, ENOMEM,
	  "The kernel is out of memory. Stop some programs and try again.",
	},

	{ VERSION | ALLOC, EBADF,
	  "The file descriptor of /dev/shrbuf is not open. The program must open it first.",
	},
	{ ATTACH | DETACH | CONFIG | TEST, EBADF,
	  "The file descriptor of /dev/shrbuf or of the video device is not open. The program must open both first.",
	},
	{ VERSION | ATTACH | DETACH | ALLOC | CONFIG | TEST, ENOTTY,
	  "The file is not /dev/shrbuf, or its module does not know the request. Compare: shrbufctl version.",
	},
	{ VERSION | ATTACH | DETACH | ALLOC | CONFIG | TEST, EFAULT,
	  "The module could not access the memory of the request. This is an error in the program, report it.",
	},
	{ VERSION, EINVAL,
	  "The module does not take this form of the request. Install a module and a library of the same release.",
	},
	{ ATTACH | DETACH, EINVAL,
	  "The file is not a V4L2 device node. Choose one that this prints: v4l2-ctl --list-devices.",
	},
	{ ATTACH | DETACH | CONFIG | TEST, ENODEV,
	  "The device was removed. Plug it in again, or load its driver.",
	},
	{ ATTACH | TEST, EOPNOTSUPP,
	  "The driver of the device does not let shrbuf see its queue, or the queue uses memory or locks that shrbuf does not know. Use another device or a driver that is adapted to shrbuf.",
	},
	{ ATTACH | TEST, EALREADY,
	  "The device is attached already. There is nothing to do.",
	},
	{ ATTACH | TEST, EBUSY,
	  "The device has buffers, made before it could be attached. Stop the program that uses the device (see: fuser -v DEVICE), or free them in it (VIDIOC_REQBUFS with count 0), then attach.",
	},
	{ DETACH, EOPNOTSUPP,
	  "The driver of the device does not let shrbuf see its queue, so it cannot be attached. There is nothing to detach.",
	},
	{ DETACH, ENOTCONN,
	  "The device is not attached. There is nothing to do.",
	},
	{ DETACH, EBUSY,
	  "The device has shared buffers. Stop the program that uses the device (see: fuser -v DEVICE), or free them in it (VIDIOC_REQBUFS with count 0), then detach.",
	},

	{ ALLOC, EINVAL,
	  "The module does not make a buffer of this size. Ask for at least 1 byte and less than 4 GiB.",
	},
	{ ALLOC, ENAMETOOLONG,
	  "The name of the buffer is too long. Take one of at most 31 bytes.",
	},
	{ ALLOC, ENOMEM,
	  "There is not enough memory for the buffer. Ask for less, or raise the limit of the memory cgroup.",
	},

	{ CONFIG, EINVAL,
	  "The file is not a V4L2 device node, or the settings do not go together. Waiting goes with nothing else, and each time is 1 to 10000 ms if it is used, else zero.",
	},
	{ CONFIG, ENOTCONN,
	  "The device is not attached. Attach it first: shrbufctl attach DEVICE.",
	},
	{ CONFIG, EOPNOTSUPP,
	  "The driver of the device does not let shrbuf see its queue, so it cannot be configured. Use another device or a driver that is adapted to shrbuf.",
	},
	{ CONFIG, EBUSY,
	  "The device has buffers. Configure it before they are made, or stop the program that uses the device (see: fuser -v DEVICE).",
	},
	{ TEST, EINVAL,
	  "The file is not a V4L2 device node, or the module is too old to say. Choose a node that this prints: v4l2-ctl --list-devices.",
	},

	/* The last one is for all that is not above. */
	{ 0, 0,
	  "The request failed with an error that this library does not know. Look for a reason in the kernel log: dmesg.",
	},
};

const char *shrbuf_explain(enum shrbuf_request what, int err)
{
	const struct explanation *e = explanations;

	if (!err)
		return "There was no error.";
	/* Any number may be given as @what. */
	if ((unsigned int)what > SHRBUF_REQUEST_TEST_QUEUE)
		return explanations[ARRAY_SIZE(explanations) - 1].text;

	while (e->err && !(e->requests & (1U << what) && (err == e->err || err == -e->err)))
		e++;
	return e->text;
}
