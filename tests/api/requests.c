// SPDX-License-Identifier: GPL-2.0
/*
 * The requests of /dev/shrbuf as functions, see requests.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <linux/dma-heap.h>
#include <linux/membarrier.h>
#include <xf86drm.h>

#include "requests.h"

/* file descriptors */

int high_fd(int fd)
{
	int high;

	assert_true(fd >= 0);
	high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_TEST_FD);
	assert_true(high >= 0);
	close(fd);
	return high;
}

unsigned long inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

int client_new(int flags)
{
	return do_open("/dev/shrbuf", O_RDWR | flags);
}

int alloc_buffer(size_t size, int access)
{
	struct shrbuf_alloc_op op = { .size = size, .fd_flags = access };

	do_ioctl(shrbuf_dev(), SHRBUF_IOC_ALLOC, &op);
	return high_fd(op.fd);
}

int vgem_buffer_sized(size_t size, int access)
{
	struct drm_mode_create_dumb create = {
		.width = 128, .height = (size + 511) / 512, .bpp = 32,
	};
	int drm = drm_open("vgem");
	int fd;

	if (drm < 0)
		fail_msg("no vgem: load it");
	do_ioctl(drm, DRM_IOCTL_MODE_CREATE_DUMB, &create);
	assert_int_equal(drmPrimeHandleToFD(drm, create.handle,
					    DRM_CLOEXEC | access, &fd), 0);
	close(drm);
	return high_fd(fd);
}

int vgem_buffer(int access)
{
	return vgem_buffer_sized(65536, access);
}

int foreign_buffer(size_t size)
{
	struct dma_heap_allocation_data data = {
		.len = size, .fd_flags = O_RDWR | O_CLOEXEC,
	};
	int dev = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	if (dev < 0)
		return vgem_buffer_sized(size, O_RDWR);
	do_ioctl(dev, DMA_HEAP_IOCTL_ALLOC, &data);
	close(dev);
	return high_fd(data.fd);
}

/* state */

int try_info(int fd, struct shrbuf_info *info)
{
	memset(info, 0, sizeof(*info));
	info->fd = fd;
	return try_ioctl(shrbuf_dev(), SHRBUF_IOC_INFO, info);
}

struct shrbuf_info get_info(int fd)
{
	struct shrbuf_info info;
	int ret = try_info(fd, &info);

	if (ret)
		fail_msg("SHRBUF_IOC_INFO: %s", strerror(-ret));
	return info;
}

uint32_t state_of(int fd)
{
	return get_info(fd).frame.state;
}

int try_set_frame(int client, int fd, struct shrbuf_frame *frame)
{
	struct shrbuf_state_op op = { .fd = fd, .frame = *frame };
	int ret = try_ioctl(client, SHRBUF_IOC_SET_STATE, &op);

	*frame = op.frame;
	return ret;
}

int try_set_state(int client, int fd, uint32_t state)
{
	struct shrbuf_frame frame = { .state = state };

	return try_set_frame(client, fd, &frame);
}

void set_state(int client, int fd, uint32_t state)
{
	int ret = try_set_state(client, fd, state);

	if (ret)
		fail_msg("SHRBUF_IOC_SET_STATE %u: %s", state, strerror(-ret));
}

int try_set_format(int fd, uint32_t fourcc, uint32_t width, uint32_t height)
{
	struct shrbuf_format_op op = {
		.fd = fd,
		.format = {
			.fourcc = fourcc,
			.modifier = DRM_FORMAT_MOD_LINEAR,
			.width = width,
			.height = height,
			.nr_planes = 1,
			.plane_mask = 1,
			.planes[0].stride = 4 * width,
			.crop = { .width = width, .height = height },
		},
	};

	return try_ioctl(shrbuf_dev(), SHRBUF_IOC_SET_FORMAT, &op);
}

struct wanted_state {
	int fd;
	uint32_t state;
};

static bool state_is(void *arg)
{
	const struct wanted_state *want = arg;

	return state_of(want->fd) == want->state;
}

void wait_for_state(int fd, uint32_t state)
{
	struct wanted_state want = { fd, state };

	wait_for(state_is, &want, "a state of the buffer");
}

/* watches and events */

int try_watch(int client, int fd, uint32_t flags, uint64_t cookie,
	      uint32_t events)
{
	struct shrbuf_watch_op op = {
		.fd = fd, .flags = flags, .cookie = cookie, .events = events,
	};

	return try_ioctl(client, SHRBUF_IOC_WATCH, &op);
}

void watch(int client, int fd, uint32_t flags, uint64_t cookie, uint32_t events)
{
	int ret = try_watch(client, fd, flags, cookie, events);

	if (ret)
		fail_msg("SHRBUF_IOC_WATCH: %s", strerror(-ret));
}

int try_unwatch(int client, int fd, uint32_t flags)
{
	struct shrbuf_watch_op op = { .fd = fd, .flags = flags };

	return try_ioctl(client, SHRBUF_IOC_UNWATCH, &op);
}

struct shrbuf_event next_event(int client)
{
	struct pollfd pfd = { .fd = client, .events = POLLIN };
	struct shrbuf_event event;

	if (poll(&pfd, 1, TIMEOUT_MS) != 1)
		fail_msg("no event came");
	assert_int_equal(pfd.revents, POLLIN);
	assert_int_equal(read(client, &event, sizeof(event)), sizeof(event));
	return event;
}

struct shrbuf_event expect_event(int client, uint32_t type, uint64_t cookie)
{
	struct shrbuf_event event = next_event(client);

	if (event.type != type || event.cookie != cookie)
		fail_msg("event %u of %llu in place of %u of %llu", event.type,
			 (unsigned long long)event.cookie, type,
			 (unsigned long long)cookie);
	assert_true(event.time > 0);
	return event;
}

struct shrbuf_event expect_event_now(int client, uint32_t type, uint64_t cookie)
{
	assert_false(no_event(client));
	return expect_event(client, type, cookie);
}

bool no_event(int client)
{
	struct pollfd pfd = { .fd = client, .events = POLLIN };

	return poll(&pfd, 1, 0) == 0;
}

void drain(int client)
{
	struct shrbuf_event events[64];

	while (!no_event(client))
		assert_true(read(client, events, sizeof(events)) > 0);
}

long fdinfo_number(int client, const char *name)
{
	char path[64], line[128];
	size_t len = strlen(name);
	long number = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", client);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "shrbuf-", 7) &&
		    !strncmp(line + 7, name, len) && line[7 + len] == ':')
			number = atol(line + 8 + len);
	fclose(file);
	if (number < 0)
		fail_msg("no %s in fdinfo", name);
	return number;
}

/* holds and adoption */

int try_hold(int client, int fd, uint64_t seq, struct shrbuf_frame *frame)
{
	struct shrbuf_hold_op op = { .fd = fd, .frame.seq = seq };
	int ret = try_ioctl(client, SHRBUF_IOC_HOLD, &op);

	if (frame)
		*frame = op.frame;
	return ret;
}

static int try_buffer_op(unsigned long request, int client, int fd)
{
	struct shrbuf_buffer_op op = { .fd = fd };

	return try_ioctl(client, request, &op);
}

int try_release(int client, int fd)
{
	return try_buffer_op(SHRBUF_IOC_RELEASE, client, fd);
}

int try_adopt(int client, int fd, int access)
{
	struct shrbuf_adopt_op op = { .fd = fd, .fd_flags = access };
	int ret = try_ioctl(client, SHRBUF_IOC_ADOPT, &op);

	return ret ? ret : high_fd(op.buffer_fd);
}

int adopt(int client, int fd, int access)
{
	int buffer = try_adopt(client, fd, access);

	if (buffer < 0)
		fail_msg("SHRBUF_IOC_ADOPT: %s", strerror(-buffer));
	return buffer;
}

int try_disown(int client, int fd)
{
	return try_buffer_op(SHRBUF_IOC_DISOWN, client, fd);
}

struct holder {
	int fd, ready;
};

static int hold_until_killed(void *arg)
{
	struct holder *holder = arg;
	int client = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);

	if (try_hold(client, holder->fd, 0, NULL) || write(holder->ready, "", 1) != 1)
		return 1;
	for (;;)
		pause();
}

int start_holder(int fd)
{
	struct holder holder = { .fd = fd };
	int ends[2], pid;
	char c;

	assert_int_equal(pipe(ends), 0);
	holder.ready = ends[1];
	pid = start_child(hold_until_killed, &holder);
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1);
	close(ends[0]);
	return pid;
}

/* cameras */

int try_configure(int video_fd, uint32_t flags, uint32_t ms)
{
	struct shrbuf_queue_config config = {
		.fd = video_fd, .flags = flags,
		.wait_ms = flags & SHRBUF_CONFIG_WAIT ? ms : 0,
		.fence_ms = flags & SHRBUF_CONFIG_FENCES ? ms : 0,
	};

	return try_ioctl(shrbuf_dev(), SHRBUF_IOC_CONFIGURE, &config);
}

int export_plane(struct camera *cam, unsigned int index, unsigned int plane)
{
	return high_fd(camera_expbuf(cam, index, plane, O_RDWR));
}

int try_queue(struct camera *cam, unsigned int index)
{
	return try_qbuf(cam, V4L2_MEMORY_MMAP, index, NULL, NULL);
}

int try_prepare(struct camera *cam, unsigned int index)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
	struct v4l2_buffer buf = {
		.type = cam->type, .memory = V4L2_MEMORY_MMAP, .index = index,
	};

	if (V4L2_TYPE_IS_MULTIPLANAR(cam->type)) {
		buf.m.planes = planes;
		buf.length = cam->nr_planes;
	}
	return try_ioctl(cam->fd, VIDIOC_PREPARE_BUF, &buf);
}

int try_dqbuf_full(struct camera *cam, enum v4l2_memory memory,
		   struct v4l2_buffer *buf, struct v4l2_plane *planes)
{
	memset(buf, 0, sizeof(*buf));
	buf->type = cam->type;
	buf->memory = memory;
	if (V4L2_TYPE_IS_MULTIPLANAR(cam->type)) {
		memset(planes, 0, sizeof(*planes) * VIDEO_MAX_PLANES);
		buf->m.planes = planes;
		buf->length = cam->nr_planes;
	}
	return try_ioctl(cam->fd, VIDIOC_DQBUF, buf);
}

void set_control(struct camera *cam, const char *name, int value)
{
	struct v4l2_queryctrl query = { .id = V4L2_CTRL_FLAG_NEXT_CTRL };

	while (!try_ioctl(cam->fd, VIDIOC_QUERYCTRL, &query)) {
		struct v4l2_control control = { .id = query.id, .value = value };

		if (!strcmp((char *)query.name, name)) {
			do_ioctl(cam->fd, VIDIOC_S_CTRL, &control);
			return;
		}
		query.id |= V4L2_CTRL_FLAG_NEXT_CTRL;
	}
	fail_msg("no control '%s'", name);
}

void camera_pause(struct camera *cam, bool pause)
{
	set_control(cam, "Percentage of Dropped Buffers", pause ? 100 : 0);
}

#define DRIVER	"/sys/bus/platform/drivers/vivid/"

void camera_unbind(void)
{
	do_write(DRIVER "unbind", "vivid.0");
}

static bool camera_back(void *arg)
{
	(void)arg;
	return !access(DRIVER "vivid.0/video4linux", F_OK) &&
	       !access("/dev/video0", F_OK);
}

void camera_wait(void)
{
	wait_for(camera_back, NULL, "the camera to come back");
}

void camera_bind(void)
{
	do_write(DRIVER "bind", "vivid.0");
	camera_wait();
}

int bind_and_cleanup(void **state)
{
	if (access(DRIVER "vivid.0", F_OK))
		camera_bind();
	return test_cleanup(state);
}

void let_memory_go(void)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		/* the kernel collects for seconds, unless it needs memory */
		do_write("/proc/sys/vm/drop_caches", "2");
		/* a grace period */
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
		usleep(20000);
	}
}

/* processes */

int start_child(int (*f)(void *arg), void *arg)
{
	int pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(f(arg));
	return pid;
}

void end_child(int pid, int status)
{
	int got, ret;

	do {
		ret = waitpid(pid, &got, 0);
	} while (ret < 0 && errno == EINTR);
	assert_int_equal(ret, pid);
	got = WIFSIGNALED(got) ? -WTERMSIG(got) : WEXITSTATUS(got);
	if (got != status)
		fail_msg("the child ended with %d, not with %d", got, status);
}

void kill_child(int pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	end_child(pid, -SIGKILL);
}
