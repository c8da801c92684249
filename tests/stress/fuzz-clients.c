// SPDX-License-Identifier: GPL-2.0
/*
 * What the fuzzer does with open files of /dev/shrbuf: it watches, holds, fills and adopts
 * whatever there is, reads events, and passes files to other sockets. What comes back is
 * checked, as far as it must hold whatever the other threads do. What needs to know who
 * did what before is in model.c.
 */

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fuzz.h"

#define MAX_EVENTS	64

static void check_frame(const struct shrbuf_frame *frame)
{
	const struct shrbuf_frame none = {
		.seq = frame->seq, .time = frame->time, .state = frame->state,
	};

	if (frame->state > SHRBUF_STATE_ERROR || frame->reserved)
		violated("a frame has state %u, reserved %u", frame->state,
			 frame->reserved);
	if (frame->state <= SHRBUF_STATE_FILLING &&
	    memcmp(frame, &none, sizeof(none)))
		violated("a frame in state %u is not empty", frame->state);
}

static void check_info(const struct shrbuf_info *info)
{
	const struct shrbuf_format none = { 0 };
	const unsigned int known = SHRBUF_STATUS_QUEUE | SHRBUF_STATUS_ORPHANED |
				   SHRBUF_STATUS_ADOPTED | SHRBUF_STATUS_DEVICE;

	check_frame(&info->frame);
	if (!info->id || !info->size || info->status & ~known ||
	    !memchr(info->name, 0, sizeof(info->name)) ||
	    !memchr(info->backing, 0, sizeof(info->backing)))
		violated("INFO: id %u, size %llu, status 0x%x", info->id, info->size,
			 info->status);
	if (info->frame.bytesused > info->size)
		violated("INFO: %llu bytes used of %llu", info->frame.bytesused,
			 info->size);
	if (!info->format.width && memcmp(&info->format, &none, sizeof(none)))
		violated("INFO: a format without a width");
}

/* Twice: time does not go backwards, and what has the same number is the same. */
int op_info(void)
{
	int client = pick(BIT(KIND_SHRBUF)), fd = pick(BIT(KIND_DMABUF));
	struct shrbuf_info first = { .fd = fd }, second = { .fd = fd };

	if (one_in(16)) {
		flip(&first, sizeof(first));
		return ioctl(client, SHRBUF_IOC_INFO, &first);
	}
	if (ioctl(client, SHRBUF_IOC_INFO, &first))
		return -1;
	check_info(&first);
	if (ioctl(client, SHRBUF_IOC_INFO, &second) || first.id != second.id)
		return 0;
	if (second.frame.seq < first.frame.seq ||
	    second.frame.time < first.frame.time)
		violated("INFO: seq %llu after %llu", second.frame.seq,
			 first.frame.seq);
	if (second.frame.seq == first.frame.seq &&
	    memcmp(&first.frame, &second.frame, sizeof(first.frame)))
		violated("INFO: two frames with seq %llu", first.frame.seq);
	return 0;
}

int op_set_format(void)
{
	struct shrbuf_format_op arg = {
		.fd = pick(BIT(KIND_DMABUF)),
		.format = {
			.fourcc = 0x34325258 /* XR24 */, .width = 1 + below(64),
			.height = 1 + below(64), .nr_planes = 1, .plane_mask = 1,
		},
	};

	arg.format.planes[0].stride = arg.format.width * 4;
	arg.format.crop.width = arg.format.width;
	arg.format.crop.height = arg.format.height;
	flip(&arg, sizeof(arg));
	return ioctl(pick(BIT(KIND_SHRBUF)), SHRBUF_IOC_SET_FORMAT, &arg);
}

int op_set_state(void)
{
	struct shrbuf_state_op arg = {
		.fd = pick(BIT(KIND_DMABUF)), .frame.state = below(4),
	};
	unsigned int state = arg.frame.state;
	int ret;

	if (state >= SHRBUF_STATE_FILLED) {
		arg.frame.bytesused = below(PAGE);
		arg.frame.timestamp = random64();
		arg.frame.sequence = below(100);
	}
	if (one_in(4)) {
		flip(&arg, sizeof(arg));
		return ioctl(pick(BIT(KIND_SHRBUF)), SHRBUF_IOC_SET_STATE, &arg);
	}
	ret = ioctl(pick(BIT(KIND_SHRBUF)), SHRBUF_IOC_SET_STATE, &arg);
	if (ret)
		return ret;
	check_frame(&arg.frame);
	if (arg.frame.state != state || !arg.frame.seq || !arg.frame.time)
		violated("SET_STATE: gives state %u for %u", arg.frame.state, state);
	return 0;
}

/* Buffers, or cameras, or one taken for the other. */
static void some_source(struct shrbuf_watch_op *arg)
{
	bool queue = one_in(3);

	arg->flags = queue ? SHRBUF_WATCH_QUEUE : 0;
	if (one_in(16))
		queue = !queue;
	arg->fd = pick(queue ? ANY_VIDEO : BIT(KIND_DMABUF));
}

int op_watch(void)
{
	struct shrbuf_watch_op arg = {
		.cookie = 1 + below(4), .events = one_in(2) ? below(256) : 0,
	};

	some_source(&arg);
	flip(&arg, sizeof(arg));
	return ioctl(pick(BIT(KIND_SHRBUF)), SHRBUF_IOC_WATCH, &arg);
}

int op_unwatch(void)
{
	struct shrbuf_watch_op arg = { 0 };

	some_source(&arg);
	flip(&arg, sizeof(arg));
	return ioctl(pick(BIT(KIND_SHRBUF)), SHRBUF_IOC_UNWATCH, &arg);
}

int op_hold(void)
{
	struct shrbuf_hold_op arg = {
		.fd = pick(BIT(KIND_DMABUF)), .frame.seq = one_in(4) ? below(8) : 0,
	};
	uint64_t wanted = arg.frame.seq;
	int ret;

	if (one_in(4)) {
		flip(&arg, sizeof(arg));
		return ioctl(pick(BIT(KIND_SHRBUF)), SHRBUF_IOC_HOLD, &arg);
	}
	ret = ioctl(pick(BIT(KIND_SHRBUF)), SHRBUF_IOC_HOLD, &arg);
	if (ret)
		return ret;
	check_frame(&arg.frame);
	if (arg.frame.state < SHRBUF_STATE_FILLED ||
	    (wanted && wanted != arg.frame.seq))
		violated("HOLD: state %u, seq %llu for %llu", arg.frame.state,
			 arg.frame.seq, (unsigned long long)wanted);
	return 0;
}

static int buffer_request(unsigned long request)
{
	struct shrbuf_buffer_op arg = { .fd = pick(BIT(KIND_DMABUF)) };

	flip(&arg, sizeof(arg));
	return ioctl(pick(BIT(KIND_SHRBUF)), request, &arg);
}

int op_release(void)
{
	return buffer_request(SHRBUF_IOC_RELEASE);
}

int op_disown(void)
{
	return buffer_request(SHRBUF_IOC_DISOWN);
}

int op_adopt(void)
{
	struct shrbuf_adopt_op arg = {
		.fd = pick(BIT(KIND_DMABUF)),
		.fd_flags = (one_in(4) ? below(4) : O_RDWR) | O_CLOEXEC,
	};
	int ret;

	flip(&arg, sizeof(arg));
	ret = ioctl(pick(BIT(KIND_SHRBUF)), SHRBUF_IOC_ADOPT, &arg);
	return ret ? ret : place(arg.buffer_fd, KIND_DMABUF);
}

/* The memory of the argument may end in the middle of it; or there is none. */
int op_bad_argument(void)
{
	static const unsigned long requests[] = {
		SHRBUF_IOC_INFO, SHRBUF_IOC_SET_FORMAT, SHRBUF_IOC_SET_STATE,
		SHRBUF_IOC_WATCH, SHRBUF_IOC_UNWATCH, SHRBUF_IOC_HOLD,
		SHRBUF_IOC_RELEASE, SHRBUF_IOC_ADOPT, SHRBUF_IOC_DISOWN,
	};
	unsigned long request = requests[below(ARRAY_SIZE(requests))];
	size_t room = 8 * below(40);
	char *arg;

	if (one_in(4))
		return ioctl(pick(BIT(KIND_SHRBUF)), request, random64());
	/* It must not work here: nobody would know the file descriptor. */
	if (request == SHRBUF_IOC_ADOPT)
		room %= sizeof(struct shrbuf_adopt_op);
	arg = user_memory + 2 * USER_SIZE - room;
	memset(arg, 0, room);
	/* all of these begin with it */
	if (room)
		*(int *)arg = pick(BIT(KIND_DMABUF));
	return ioctl(pick(BIT(KIND_SHRBUF)), request, arg);
}

/* events */

/* An event, and those of the same read() before it: one buffer's are in order. */
static void check_event(const struct shrbuf_event *events, unsigned int i)
{
	const struct shrbuf_event *event = &events[i];
	unsigned int j = i;

	if (event->type > SHRBUF_EVENT_OVERFLOW || !event->time)
		violated("event of type %u", event->type);
	if (event->type == SHRBUF_EVENT_OVERFLOW) {
		if (!event->lost || event->id || event->cookie || event->seq)
			violated("overflow: %llu lost, id %u", event->lost,
				 event->id);
		return;
	}
	if (event->lost)
		violated("event of type %u: %llu lost", event->type, event->lost);
	if (!event->id) {
		if (event->type != SHRBUF_EVENT_GONE)
			violated("event of type %u without a buffer", event->type);
		return;
	}
	if (event->type == SHRBUF_EVENT_GONE)
		return;		/* tells no seq */
	while (j--) {
		if (events[j].id != event->id)
			continue;
		if (events[j].type == SHRBUF_EVENT_GONE)
			violated("event of type %u of a buffer that is gone",
				 event->type);
		else if (events[j].seq > event->seq)
			violated("event with seq %llu after %llu", event->seq,
				 events[j].seq);
		return;
	}
}

int op_read_events(void)
{
	int fd = pick(BIT(KIND_SHRBUF));
	struct shrbuf_event events[MAX_EVENTS];
	unsigned int nr = 1 + below(MAX_EVENTS), i;
	struct iovec parts[2] = {
		{ .iov_base = user_memory, .iov_len = below(512) },
		{ .iov_base = (char *)events, .iov_len = below(512) },
	};
	ssize_t len;

	switch (below(8)) {
	case 0:
		/* the end of the memory is in the way, or there is none */
		return read(fd, user_memory + 2 * USER_SIZE - below(512), 2048);
	case 1:
		return read(fd, (void *)random64(), below(4096));
	case 2:
		return read(fd, events, below(sizeof(events) + 1));
	case 3:
		return readv(fd, parts, 2);
	default:
		break;
	}
	/* a file of another kind may be there */
	if (ioctl(fd, SHRBUF_IOC_VERSION, &(struct shrbuf_version){ 0 }))
		return -1;
	len = read(fd, events, nr * sizeof(*events));
	if (len <= 0)
		return len;
	if (len % sizeof(*events)) {
		/* or it has come just now */
		if (!ioctl(fd, SHRBUF_IOC_VERSION, &(struct shrbuf_version){ 0 }))
			violated("read() gives %zd bytes", len);
		return 0;
	}
	for (i = 0; i < len / sizeof(*events); i++)
		check_event(events, i);
	return 0;
}

int op_poll_events(void)
{
	struct pollfd fds[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i].fd = pick(BIT(KIND_SHRBUF));
		fds[i].events = one_in(4) ? random64() : POLLIN;
	}
	return poll(fds, ARRAY_SIZE(fds), below(2));
}

/* Any file goes through a socket. It comes back, or is forgotten there. */
int op_pass(void)
{
	unsigned int slot = below(NR_SLOTS);
	int fd = FIRST_FD + slot, socks[2], ret = -1;
	enum kind kind = kind_of(slot);
	char data = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = &data, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, socks))
		return -1;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	if (sendmsg(socks[0], &msg, MSG_NOSIGNAL) == 1 && !one_in(4)) {
		/* only this message holds it now */
		if (one_in(2))
			op_close();
		if (recvmsg(socks[1], &msg, MSG_CMSG_CLOEXEC) == 1) {
			cmsg = CMSG_FIRSTHDR(&msg);
			if (cmsg) {
				memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
				ret = place(fd, kind);
			}
		}
	}
	close(socks[0]);
	close(socks[1]);
	return ret;
}
