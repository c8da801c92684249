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
#define MAP	(1U << SHRBUF_REQUEST_MAP)
#define INFO	(1U << SHRBUF_REQUEST_GET_INFO)
#define FORMAT	(1U << SHRBUF_REQUEST_SET_FORMAT)
#define STATE	(1U << SHRBUF_REQUEST_SET_STATE)
#define WATCH	(1U << SHRBUF_REQUEST_WATCH)
#define WATCH_QUEUE	(1U << SHRBUF_REQUEST_WATCH_QUEUE)
#define UNWATCH	(1U << SHRBUF_REQUEST_UNWATCH)
#define UNWATCH_QUEUE	(1U << SHRBUF_REQUEST_UNWATCH_QUEUE)
#define READ	(1U << SHRBUF_REQUEST_READ_EVENTS)
#define HOLD	(1U << SHRBUF_REQUEST_HOLD)
#define RELEASE	(1U << SHRBUF_REQUEST_RELEASE)
#define ADOPT	(1U << SHRBUF_REQUEST_ADOPT)
#define DISOWN	(1U << SHRBUF_REQUEST_DISOWN)
#define TEST	(1U << SHRBUF_REQUEST_TEST_QUEUE)
#define CONFIGURE	(1U << SHRBUF_REQUEST_CONFIGURE_QUEUE)

/* Of routes */
#define R_CREATE (1U << SHRBUF_REQUEST_ROUTE_CREATE)
#define R_KMS	(1U << SHRBUF_REQUEST_ROUTE_ADD_KMS)
#define R_VIDEO	(1U << SHRBUF_REQUEST_ROUTE_ADD_VIDEO)
#define R_TAP	(1U << SHRBUF_REQUEST_ROUTE_ADD_TAP)
#define R_START	(1U << SHRBUF_REQUEST_ROUTE_START)
#define R_OTHER	(1U << SHRBUF_REQUEST_ROUTE)
#define R_SHOW	(1U << SHRBUF_REQUEST_ROUTE_DISPLAY)
#define R_ADD	(R_KMS | R_VIDEO | R_TAP)
#define R_ALL	(R_CREATE | R_ADD | R_START | R_OTHER | R_SHOW)

/* Requests that name a video device, a shared buffer, and all that name something */
#define ON_QUEUE	(ATTACH | DETACH | WATCH_QUEUE | UNWATCH_QUEUE | TEST | CONFIGURE)
#define ON_BUFFER	(INFO | FORMAT | STATE | WATCH | UNWATCH | HOLD | RELEASE | DISOWN)
#define ON_FILE		(ON_QUEUE | ON_BUFFER | ADOPT)
/* All but open() and read(), which are no requests */
#define ANY		(VERSION | ALLOC | ON_FILE)
/* Requests that make the open file of /dev/shrbuf remember something */
#define REMEMBER	(STATE | WATCH | WATCH_QUEUE | HOLD | ADOPT)

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
	{ OPEN | ALLOC | ADOPT, EMFILE,
	  "This process has too many open files. Close some, or raise its limit: ulimit -n.",
	},
	{ OPEN | ALLOC | ADOPT, ENFILE,
	  "The system has too many open files. Close some, or raise the limit: sysctl fs.file-max.",
	},
	{ OPEN | ATTACH | TEST | REMEMBER, ENOMEM,
	  "The kernel is out of memory. Stop some programs and try again.",
	},

	{ VERSION | READ, EBADF,
	  "The file descriptor of /dev/shrbuf is not open. The program must open it first.",
	},
	{ ALLOC, EBADF,
	  "The file descriptor of /dev/shrbuf, or of the device that the buffer is for, is not open. The program must open it first.",
	},
	{ ON_QUEUE, EBADF,
	  "The file descriptor of /dev/shrbuf or of the video device is not open. The program must open both first.",
	},
	{ ON_BUFFER | ADOPT, EBADF,
	  "The file descriptor of /dev/shrbuf or of the buffer is not open. The program must open both first.",
	},
	{ ANY, ENOTTY,
	  "The file is not /dev/shrbuf, or its module does not know the request. Compare: shrbufctl version.",
	},
	{ ANY | READ, EFAULT,
	  "The module could not access the memory of the request. This is an error in the program, report it.",
	},
	{ VERSION, EINVAL,
	  "The module does not take this form of the request. Install a module and a library of the same release.",
	},
	{ ATTACH | DETACH | UNWATCH_QUEUE, EINVAL,
	  "The file is not a V4L2 device node. Choose one that this prints: v4l2-ctl --list-devices.",
	},
	{ ON_QUEUE | ALLOC, ENODEV,
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
	{ TEST, EINVAL,
	  "The file is not a V4L2 device node, or the module cannot test. Choose a device that this prints: v4l2-ctl --list-devices.",
	},
	{ CONFIGURE, EINVAL,
	  "The file is not a V4L2 device node, or the settings do not go together. Waiting goes with nothing else, and each time is 1 to 10000 ms if it is used, else zero.",
	},
	{ CONFIGURE, EOPNOTSUPP,
	  "The driver of the device does not let shrbuf see its queue, so it cannot be configured. Use another device or a driver that is adapted to shrbuf.",
	},
	{ CONFIGURE, EBUSY,
	  "The device has buffers. Configure it before they are made, or stop the program that uses the device (see: fuser -v DEVICE).",
	},
	{ WATCH_QUEUE | UNWATCH_QUEUE, EOPNOTSUPP,
	  "The driver of the device does not let shrbuf see its queue, so it cannot be watched. Watch single buffers, or use a driver that is adapted to shrbuf.",
	},
	{ DETACH, EOPNOTSUPP,
	  "The driver of the device does not let shrbuf see its queue, so it cannot be attached. There is nothing to detach.",
	},
	{ DETACH, ENOTCONN,
	  "The device is not attached. There is nothing to do.",
	},
	{ WATCH_QUEUE | CONFIGURE, ENOTCONN,
	  "The device is not attached. Attach it first: shrbufctl attach DEVICE.",
	},
	{ UNWATCH_QUEUE, ENOTCONN,
	  "The device is not attached, so nothing of it is watched. There is nothing to do.",
	},
	{ DETACH, EBUSY,
	  "The device has shared buffers. Stop the program that uses the device (see: fuser -v DEVICE), or free them in it (VIDIOC_REQBUFS with count 0), then detach.",
	},

	{ ALLOC, EINVAL,
	  "The module does not make a buffer of this size or kind. Ask for at least 1 byte and less than 4 GiB, and for flags that this release knows and that fit together; a device must be one of V4L2 or DRM.",
	},
	{ ALLOC, EOPNOTSUPP,
	  "The device does not access memory by itself, so no memory suits it better. Allocate without a device.",
	},
	{ ALLOC, EIO,
	  "The system has no contiguous memory that suits every device. Say for which device it is, or allocate memory that need not be contiguous.",
	},
	{ ALLOC, ENAMETOOLONG,
	  "The name of the buffer is too long. Take one of at most 31 bytes.",
	},
	{ ALLOC, ENOMEM,
	  "There is not enough memory for the buffer, or no piece as large. Ask for less, for memory that need not be contiguous, or raise the limit of the memory cgroup.",
	},

	{ MAP, EINVAL,
	  "The buffer is smaller than what is to be mapped, or the program asks for an access that does not exist. Map size 0, which means all, and say whether you read or write.",
	},
	{ MAP, EBADF,
	  "The file descriptor of the buffer is not open. The program must keep it open until it has mapped it.",
	},
	{ MAP, ENOTTY,
	  "The file is not a buffer. Map a file descriptor from VIDIOC_EXPBUF, from shrbuf_alloc(), or of another dma-buf.",
	},
	{ MAP, EACCES,
	  "The file descriptor of the buffer does not allow this access. Export the buffer for reading and writing (O_RDWR), or map it for reading only.",
	},
	{ MAP, ENODEV,
	  "The memory of this buffer cannot be mapped. Let a device copy it, or use a buffer from another device.",
	},
	{ MAP, EMFILE,
	  "This process has too many open files, and a map needs one. Unmap other buffers, or raise the limit: ulimit -n.",
	},
	{ MAP, ENOMEM,
	  "There is not enough memory or address space to map the buffer. Unmap other buffers and try again.",
	},
	{ INFO | UNWATCH | HOLD | RELEASE | DISOWN, EINVAL,
	  "The file is not a shared buffer. Use one that shrbuf made, or adopt the dma-buf first.",
	},
	{ FORMAT, EINVAL,
	  "The format makes no sense for the buffer, or the file is not a shared buffer. Let the planes begin inside the buffer and the crop lie inside the picture, and set unused fields to zero.",
	},
	{ STATE, EINVAL,
	  "The state has a field that it cannot have, or the file is not a shared buffer. Set only what is known of the frame, not more bytes than the buffer has, and nothing for empty and filling.",
	},
	{ WATCH, EINVAL,
	  "The file is not a shared buffer, or the events are unknown. Use a buffer that shrbuf made, and events of this release of the module.",
	},
	{ WATCH_QUEUE, EINVAL,
	  "The file is not a V4L2 device node, or the events are unknown. Choose a device that this prints: v4l2-ctl --list-devices.",
	},
	{ READ, EINVAL,
	  "There is no room for an event, or the file is not /dev/shrbuf. Give room for at least one event, and a file descriptor of shrbuf_open().",
	},
	{ ADOPT, EINVAL,
	  "The file is not a dma-buf, or the access mode is unknown. Give a file descriptor of a dma-buf, and O_RDONLY, O_WRONLY or O_RDWR.",
	},
	{ FORMAT | STATE, EACCES,
	  "The file descriptor of the buffer is not open for writing. Use one that its owner exported with O_RDWR.",
	},
	{ ADOPT, EACCES,
	  "The file descriptor of the dma-buf does not allow this access mode. Adopt it read-only, or export it with O_RDWR.",
	},
	{ FORMAT, EPERM,
	  "The buffer belongs to a video device, which sets its format. Set the format of the device before it allocates buffers.",
	},
	{ STATE, EPERM,
	  "The buffer belongs to a video device, which sets its state. Only queue and dequeue it, or allocate a buffer for this program.",
	},
	{ STATE, EBUSY,
	  "Somebody holds the frame, or somebody else fills the buffer. Wait until it is released (see: shrbufctl watch), or fill another buffer.",
	},
	{ REMEMBER, ENOSPC,
	  "This open file of /dev/shrbuf has to do with too many buffers. End some watches, holds and adoptions, or open the device once more.",
	},
	{ UNWATCH | UNWATCH_QUEUE, ENOENT,
	  "This open file of /dev/shrbuf does not watch it. There is nothing to do.",
	},
	{ RELEASE, ENOENT,
	  "This open file of /dev/shrbuf does not hold the frame. There is nothing to do.",
	},
	{ DISOWN, ENOENT,
	  "This open file of /dev/shrbuf has not adopted the buffer. There is nothing to do.",
	},
	{ READ, EAGAIN,
	  "Nothing has happened yet. Wait with poll() until there is something to read.",
	},
	{ READ, EINTR,
	  "A signal came before an event. Handle it, then read again.",
	},
	{ HOLD, ENODATA,
	  "There is no frame in the buffer, or it is just about to be overwritten. Wait for the next one: shrbuf_watch().",
	},
	{ HOLD, ESTALE,
	  "The frame was overwritten by another one. Take the newest one, and hold frames sooner.",
	},
	{ HOLD, EALREADY,
	  "This open file of /dev/shrbuf holds the frame already. There is nothing to do.",
	},

	{ R_SHOW, EMEDIUMTYPE,
	  "Camera and display have no format in common that a free plane can show. Set another format or size of the camera: v4l2-ctl --list-formats-ext.",
	},
	{ R_SHOW, ENXIO,
	  "The display is off. Set a mode first, for example by: modetest -s CONNECTOR:MODE.",
	},
	{ R_SHOW | R_KMS, EACCES,
	  "The display belongs to another program. End it, or use a lease of it.",
	},
	{ R_KMS, EINVAL,
	  "The display cannot show the frames like this. Compare format and size of the framebuffers, the rectangles, and the mode; some planes must cover the display, and many cannot scale.",
	},
	{ R_KMS, ERANGE,
	  "The rectangle on the display is outside of all numbers. Choose one that is on the display.",
	},
	{ R_KMS, ENOSPC,
	  "The part of the picture to show is larger than the picture, or the route has 32 sinks. Choose a smaller part, or remove a sink.",
	},
	{ R_VIDEO | R_TAP, ENOSPC,
	  "The route has 32 sinks. Remove one.",
	},
	{ R_KMS, ENOENT,
	  "The display has no such plane, CRTC or framebuffer, or the lease does not have it. Choose one that modetest prints.",
	},
	{ R_ADD | R_SHOW, ENOBUFS,
	  "All sinks together may hold more frames than the camera can do without. Request more buffers (VIDIOC_REQBUFS), or let the sinks hold less.",
	},
	{ R_CREATE, EINVAL,
	  "The file is no camera with buffers of its own. Request them first (VIDIOC_REQBUFS with V4L2_MEMORY_MMAP).",
	},
	{ R_SHOW, EINVAL,
	  "The first file is no camera, or the second one no display. Choose from: v4l2-ctl --list-devices, and /dev/dri/card*.",
	},
	{ R_VIDEO, EINVAL,
	  "The file is no video device that takes frames like those of the camera. Set the same format and size on both, and let it hold more frames than its driver keeps.",
	},
	{ R_TAP | R_START | R_OTHER, EINVAL,
	  "The request has a value out of its range. This is an error in the program, report it.",
	},
	{ R_CREATE | R_VIDEO | R_SHOW, EBUSY,
	  "Another program or route has the video device, or it has buffers already. Stop that program (see: fuser -v DEVICE).",
	},
	{ R_OTHER, EBUSY,
	  "The tap has as many frames as it may. Give one back first.",
	},
	{ R_CREATE | R_SHOW, EOPNOTSUPP,
	  "The driver of the device does not let shrbuf see its queue. Use another device.",
	},
	{ R_KMS, EOPNOTSUPP,
	  "The display's driver has no atomic mode setting, or the module was built without displays. Compare: shrbufctl version.",
	},
	{ R_VIDEO | R_TAP, EOPNOTSUPP,
	  "The camera's buffers are not shared. Attach the camera before its buffers are requested: shrbufctl attach DEVICE.",
	},
	{ R_START | R_SHOW, EPERM,
	  "You may not use this realtime priority. Raise the limit (ulimit -r), or become root.",
	},
	{ R_START, EALREADY,
	  "The route runs already. There is nothing to do.",
	},
	{ R_OTHER, ENOTCONN,
	  "The route does not run. There is nothing to do.",
	},
	{ R_OTHER, EINTR,
	  "A signal came first. Handle it, then wait again.",
	},
	{ R_OTHER, EIO,
	  "The file is no route. Use what shrbuf_route_create() gave.",
	},
	{ R_OTHER, ENOENT,
	  "The route has no such sink, or the tap no such frame. Use a number that it gave.",
	},
	{ R_OTHER, EAGAIN,
	  "There is nothing yet. Wait with poll().",
	},
	{ R_OTHER, ECANCELED,
	  "Another program has stopped the stream of the camera. Let only the route use the camera, and start it again.",
	},
	{ R_ALL, ENODEV,
	  "The device was removed, or the route is over. Plug it in again, and make a new route.",
	},
	{ R_ALL, EBADF,
	  "A file descriptor is not open. The program must open it first.",
	},
	{ R_ALL, ENOTTY,
	  "The file is not what the request is for, or the module does not know routes. Compare: shrbufctl version.",
	},
	{ R_ALL, EFAULT,
	  "The module could not access the memory of the request. This is an error in the program, report it.",
	},
	{ R_ALL, ENOMEM,
	  "The kernel is out of memory. Stop some programs and try again.",
	},
	{ R_ALL, EMFILE,
	  "This process has too many open files. Close some, or raise its limit: ulimit -n.",
	},
	{ R_ALL, ENFILE,
	  "The system has too many open files. Close some, or raise the limit: sysctl fs.file-max.",
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
	if ((unsigned int)what > SHRBUF_REQUEST_ROUTE_DISPLAY)
		return explanations[ARRAY_SIZE(explanations) - 1].text;

	while (e->err && !(e->requests & (1U << what) && (err == e->err || err == -e->err)))
		e++;
	return e->text;
}
