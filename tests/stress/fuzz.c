// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that call everything that has to do with shared buffers, in random order, with
 * arguments that are right, nearly right, or wrong, on the same few files; while the
 * camera is unbound and bound and modules are unloaded and loaded. The kernel must stay
 * whole: its log is judged by the guest runner, and at the end all has to be released
 * and to work.
 *
 * Usage: fuzz [--seed S] [--count N] [--threads T]
 *   --seed S      same seed, same operations with the same random numbers in each thread
 *                 (from the clock). It is printed. What they meet depends on the other
 *                 threads: --threads 1 repeats exactly.
 *   --count N     operations of all threads together (20000)
 *   --threads T   (4)
 *
 * What is kept out of it, because stock code cannot take it:
 *
 * - Sizes are limited, so that memory does not run out. The page allocator warns of a
 *   contiguous buffer of more than 4 MiB.
 * - DMA_API_DEBUG, see stress.h.
 * - User pointers never point into the mapping of a dma-buf: the contiguous allocator
 *   would call dma_map_resource() for memory, which may warn.
 * - vivid is not unloaded while a contiguous buffer is alive. Its platform device is in
 *   the module, and exported buffers of a stock camera hold the device, but not the
 *   module. (Buffers of an attached camera hold both: see tests/api/test-attach.c.)
 * - Unknown V4L2 requests are made of known ones by changed sizes and directions only:
 *   VIDIOC_S_FBUF, for one, lets root give vivid any physical address to write to.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "stress.h"
#include "../kernel/shrbuf_testdev.h"

/* The numbers of all files that the threads use. Others come and go quickly. */
#define FIRST_FD	64
#define NR_SLOTS	48
#define NR_MAPS		4
#define MAX_THREADS	16
#define USER_SIZE	(1024 * 1024)
#define PAGE		4096L

/* No operation takes as long, whatever the machine does. */
#define HANG_SECONDS	300

#define VIVID		"/sys/bus/platform/drivers/vivid/"

/* What a slot was filled with last. Only a hint: others may just change it. */
enum kind {
	KIND_NONE,
	KIND_SHRBUF,
	KIND_TEST,
	KIND_CAPTURE,
	KIND_CAPTURE_MP,
	KIND_OUTPUT,
	KIND_OUTPUT_MP,
	KIND_M2M,
	KIND_DRM,
	KIND_DMABUF,
	KIND_SYNC_FILE,
	KIND_OTHER,
};

#define BIT(kind)	(1U << (kind))
#define ANY_VIDEO	(BIT(KIND_CAPTURE) | BIT(KIND_CAPTURE_MP) | \
			 BIT(KIND_OUTPUT) | BIT(KIND_OUTPUT_MP) | BIT(KIND_M2M))

static unsigned char kinds[NR_SLOTS];

struct fuzzer {
	pthread_t thread;
	unsigned int number;
	uint64_t random;
	unsigned long op_index;		/* what it is at, for reports */
	const char *op_name;
	void *maps[NR_MAPS];
	size_t map_sizes[NR_MAPS];
	sigjmp_buf bus;
	bool bus_armed;
};

static struct fuzzer fuzzers[MAX_THREADS];
static __thread struct fuzzer *self;

static unsigned long seed;
static unsigned long count = 20000;
static unsigned int nr_threads = 4;

static char *user_memory;
/* Numbers of the video devices that have a kind. They may change. */
static unsigned int video_nodes[16], nr_video_nodes;
static char vivid_options[3][128];

/* Held for writing while no other thread may make a buffer. */
static pthread_rwlock_t world = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

/* chance */

static uint64_t random64(void)
{
	return random_next(&self->random);
}

static unsigned int below(unsigned int n)
{
	return random64() % n;
}

static bool one_in(unsigned int n)
{
	return !below(n);
}

/* One bit of an argument is wrong, now and then. */
static void flip(void *arg, size_t size)
{
	unsigned int bit = below(size * 8);

	if (one_in(8))
		((unsigned char *)arg)[bit / 8] ^= 1 << bit % 8;
}

/* files */

static unsigned int kind_of(unsigned int slot)
{
	return __atomic_load_n(&kinds[slot], __ATOMIC_RELAXED);
}

/* Mostly a file of one of the kinds, but any slot or a wrong number may be it. */
static int pick(unsigned int wanted)
{
	static const int wrong[] = {
		-1, -100, 0x7fffffff, FIRST_FD + NR_SLOTS + 8,
	};
	unsigned int slot = below(NR_SLOTS), chance = below(64), i;

	if (!chance)
		return wrong[slot % ARRAY_SIZE(wrong)];
	if (chance < 4)
		return FIRST_FD + slot;
	for (i = 0; i < NR_SLOTS; i++, slot = (slot + 1) % NR_SLOTS)
		if (BIT(kind_of(slot)) & wanted)
			break;
	return FIRST_FD + slot;
}

/* Puts a file into a slot, in place of what is there. */
static int place(int fd, enum kind kind)
{
	unsigned int slot = below(NR_SLOTS);

	if (fd < 0)
		return fd;
	if (dup3(fd, FIRST_FD + slot, O_CLOEXEC) >= 0)
		__atomic_store_n(&kinds[slot], kind, __ATOMIC_RELAXED);
	close(fd);
	return 0;
}

static enum kind video_kind(int fd)
{
	struct v4l2_capability cap = { 0 };

	if (ioctl(fd, VIDIOC_QUERYCAP, &cap))
		return KIND_OTHER;
	if (cap.device_caps & V4L2_CAP_VIDEO_M2M)
		return KIND_M2M;
	if (cap.device_caps & V4L2_CAP_VIDEO_CAPTURE)
		return KIND_CAPTURE;
	if (cap.device_caps & V4L2_CAP_VIDEO_CAPTURE_MPLANE)
		return KIND_CAPTURE_MP;
	if (cap.device_caps & V4L2_CAP_VIDEO_OUTPUT)
		return KIND_OUTPUT;
	if (cap.device_caps & V4L2_CAP_VIDEO_OUTPUT_MPLANE)
		return KIND_OUTPUT_MP;
	return KIND_OTHER;
}

static int op_open(void)
{
	static const char *const others[] = {
		"/dev/null", "/sys/kernel/debug/shrbuf/buffers",
		"/sys/kernel/debug/shrbuf/queues",
	};
	unsigned int what = below(9), nr;
	int flags = O_RDWR | O_NONBLOCK | O_CLOEXEC, fd;
	char path[64];

	switch (what) {
	case 0:
		return place(open("/dev/shrbuf", flags), KIND_SHRBUF);
	case 1:
		return place(open("/dev/shrbuf_test", flags), KIND_TEST);
	case 2:
		snprintf(path, sizeof(path), "/dev/dri/card%u", below(2));
		return place(open(path, flags), KIND_DRM);
	case 3:
		return place(open(others[below(ARRAY_SIZE(others))],
				  O_RDONLY | O_CLOEXEC), KIND_OTHER);
	case 4:
		return place(memfd_create("fuzz", MFD_CLOEXEC), KIND_OTHER);
	default:
		nr = __atomic_load_n(&nr_video_nodes, __ATOMIC_RELAXED);
		snprintf(path, sizeof(path), "/dev/video%u",
			 video_nodes[below(nr + !nr)]);
		fd = open(path, flags);
		return fd < 0 ? fd : place(fd, video_kind(fd));
	}
}

static int op_close(void)
{
	unsigned int slot = below(NR_SLOTS);

	__atomic_store_n(&kinds[slot], KIND_NONE, __ATOMIC_RELAXED);
	return close(FIRST_FD + slot);
}

static int op_dup(void)
{
	unsigned int from = below(NR_SLOTS), to = below(NR_SLOTS);
	enum kind kind = kind_of(from);
	int ret = dup3(FIRST_FD + from, FIRST_FD + to, O_CLOEXEC);

	if (ret >= 0)
		__atomic_store_n(&kinds[to], kind, __ATOMIC_RELAXED);
	return ret;
}

static void close_slots(void)
{
	unsigned int slot;

	for (slot = 0; slot < NR_SLOTS; slot++) {
		__atomic_store_n(&kinds[slot], KIND_NONE, __ATOMIC_RELAXED);
		close(FIRST_FD + slot);
	}
}

/* requests of shrbuf */

static int op_version(void)
{
	struct shrbuf_version arg = { 0 };

	flip(&arg, sizeof(arg));
	return ioctl(pick(BIT(KIND_SHRBUF)), SHRBUF_IOC_VERSION, &arg);
}

static int queue_op(unsigned long request)
{
	struct shrbuf_queue_op arg = { .fd = pick(ANY_VIDEO) };

	flip(&arg, sizeof(arg));
	return ioctl(pick(BIT(KIND_SHRBUF)), request, &arg);
}

static int op_attach(void)
{
	return queue_op(SHRBUF_IOC_ATTACH);
}

static int op_detach(void)
{
	return queue_op(SHRBUF_IOC_DETACH);
}

/* Requests that do not exist, and pointers that cannot be read. */
static int op_shrbuf_wrong(void)
{
	struct shrbuf_version arg = { 0 };
	unsigned long request = _IOC(below(4), SHRBUF_IOC_MAGIC, below(8),
				     below(2) ? sizeof(arg) : below(128));

	return ioctl(pick(BIT(KIND_SHRBUF)), request,
		     one_in(2) ? (void *)&arg : (void *)(random64() % (1 << 20)));
}

static int op_test_alloc(void)
{
	/* few pages; or none; or so many that it is refused before it is tried */
	unsigned long pages = one_in(16) ? (one_in(2) ? 0 : 1UL << (20 + below(30))) :
			      1 + below(80);

	return place(ioctl(pick(BIT(KIND_TEST)), SHRBUF_TEST_ALLOC, pages),
		     KIND_DMABUF);
}

static int op_test_import(void)
{
	return ioctl(pick(BIT(KIND_TEST)), SHRBUF_TEST_IMPORT,
		     (long)pick(BIT(KIND_DMABUF)));
}

static int op_test_adopt(void)
{
	return place(ioctl(pick(BIT(KIND_TEST)), SHRBUF_TEST_ADOPT,
			   (long)pick(BIT(KIND_DMABUF))), KIND_DMABUF);
}

/* V4L2 */

static unsigned int type_for(int fd)
{
	unsigned int slot = fd - FIRST_FD;
	enum kind kind = slot < NR_SLOTS ? kind_of(slot) : KIND_NONE;

	if (one_in(16))
		return below(16);
	switch (kind) {
	case KIND_CAPTURE_MP:
		return V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
	case KIND_OUTPUT:
		return V4L2_BUF_TYPE_VIDEO_OUTPUT;
	case KIND_OUTPUT_MP:
		return V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
	case KIND_M2M:
		return one_in(2) ? V4L2_BUF_TYPE_VIDEO_OUTPUT :
				   V4L2_BUF_TYPE_VIDEO_CAPTURE;
	default:
		return V4L2_BUF_TYPE_VIDEO_CAPTURE;
	}
}

static unsigned int some_memory(void)
{
	return one_in(2) ? V4L2_MEMORY_MMAP : 1 + below(4);
}

static int op_reqbufs(void)
{
	int fd = pick(ANY_VIDEO);
	struct v4l2_requestbuffers arg = {
		.count = below(5), .type = type_for(fd), .memory = some_memory(),
	};

	flip(&arg, sizeof(arg));
	return ioctl(fd, VIDIOC_REQBUFS, &arg);
}

/* A format that its device takes, but small. */
static void some_format(struct v4l2_format *fmt, int fd)
{
	static const unsigned int sizes[][2] = {
		{ 320, 180 }, { 640, 360 }, { 160, 120 }, { 1, 1 },
	};
	static const unsigned int formats[] = {
		V4L2_PIX_FMT_XBGR32, V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_RGB565,
		V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_NV16M, V4L2_PIX_FMT_YUV420M,
	};
	const unsigned int *size = sizes[below(ARRAY_SIZE(sizes))];
	unsigned int format = formats[below(ARRAY_SIZE(formats))];

	memset(fmt, 0, sizeof(*fmt));
	fmt->type = type_for(fd);
	fmt->fmt.pix.field = V4L2_FIELD_NONE;
	flip(fmt, sizeof(*fmt));
	if (V4L2_TYPE_IS_MULTIPLANAR(fmt->type)) {
		unsigned int i;

		fmt->fmt.pix_mp.width = size[0];
		fmt->fmt.pix_mp.height = size[1];
		fmt->fmt.pix_mp.pixelformat = format;
		for (i = 0; i < VIDEO_MAX_PLANES; i++) {
			fmt->fmt.pix_mp.plane_fmt[i].bytesperline = 0;
			fmt->fmt.pix_mp.plane_fmt[i].sizeimage =
				one_in(4) ? below(USER_SIZE) : USER_SIZE / 2;
		}
	} else {
		fmt->fmt.pix.width = size[0];
		fmt->fmt.pix.height = size[1];
		fmt->fmt.pix.pixelformat = format;
		fmt->fmt.pix.bytesperline = 0;
		fmt->fmt.pix.sizeimage =
			one_in(4) ? below(USER_SIZE) : USER_SIZE;
	}
}

static int op_s_fmt(void)
{
	int fd = pick(ANY_VIDEO);
	struct v4l2_format fmt;

	some_format(&fmt, fd);
	return ioctl(fd, one_in(8) ? VIDIOC_TRY_FMT : VIDIOC_S_FMT, &fmt);
}

static int op_create_bufs(void)
{
	int fd = pick(ANY_VIDEO);
	struct v4l2_create_buffers arg = {
		.count = below(3), .memory = some_memory(),
	};

	flip(&arg, sizeof(arg));
	some_format(&arg.format, fd);
	return ioctl(fd, VIDIOC_CREATE_BUFS, &arg);
}

static int op_expbuf(void)
{
	int fd = pick(ANY_VIDEO);
	struct v4l2_exportbuffer arg = {
		.type = type_for(fd), .index = below(5), .plane = one_in(8),
		.flags = (one_in(4) ? below(4) : O_RDWR) | O_CLOEXEC,
	};

	flip(&arg, sizeof(arg));
	if (ioctl(fd, VIDIOC_EXPBUF, &arg))
		return -1;
	return place(arg.fd, KIND_DMABUF);
}

static int buffer_op(int fd, unsigned long request)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
	struct v4l2_buffer arg = {
		.type = type_for(fd), .index = below(5),
		.memory = some_memory(),
	};
	unsigned int i;

	flip(&arg, sizeof(arg));
	flip(planes, sizeof(planes));
	arg.length = USER_SIZE;
	if (V4L2_TYPE_IS_MULTIPLANAR(arg.type)) {
		arg.length = one_in(8) ? below(12) : 2;
		arg.m.planes = one_in(64) ? (void *)(PAGE * below(4)) : planes;
		for (i = 0; i < VIDEO_MAX_PLANES; i++) {
			planes[i].length = USER_SIZE / 2;
			if (arg.memory == V4L2_MEMORY_DMABUF)
				planes[i].m.fd = pick(BIT(KIND_DMABUF));
			else
				planes[i].m.userptr =
					(unsigned long)user_memory +
					PAGE * below(16);
		}
	} else if (arg.memory == V4L2_MEMORY_DMABUF) {
		arg.m.fd = pick(BIT(KIND_DMABUF));
	} else {
		arg.m.userptr = (unsigned long)user_memory + PAGE * below(16);
	}
	return ioctl(fd, request, &arg);
}

static int op_qbuf(void)
{
	return buffer_op(pick(ANY_VIDEO), VIDIOC_QBUF);
}

static int op_dqbuf(void)
{
	return buffer_op(pick(ANY_VIDEO), VIDIOC_DQBUF);
}

static int op_prepare_buf(void)
{
	return buffer_op(pick(ANY_VIDEO), VIDIOC_PREPARE_BUF);
}

static int op_streamon(void)
{
	int fd = pick(ANY_VIDEO), type = type_for(fd);

	return ioctl(fd, VIDIOC_STREAMON, &type);
}

static int op_streamoff(void)
{
	int fd = pick(ANY_VIDEO), type = type_for(fd);

	return ioctl(fd, VIDIOC_STREAMOFF, &type);
}

/* All steps to a stream in a row: by chance alone they would seldom meet. */
static int op_stream(void)
{
	int fd = pick(ANY_VIDEO), type = type_for(fd);
	struct v4l2_requestbuffers req = {
		.count = 3, .type = type, .memory = V4L2_MEMORY_MMAP,
	};
	unsigned int i;

	if (ioctl(fd, VIDIOC_REQBUFS, &req))
		return -1;
	for (i = 0; i < req.count; i++) {
		struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
		struct v4l2_buffer buf = {
			.type = type, .index = i, .memory = V4L2_MEMORY_MMAP,
		};

		if (V4L2_TYPE_IS_MULTIPLANAR(type)) {
			buf.m.planes = planes;
			buf.length = VIDEO_MAX_PLANES;
		}
		if (ioctl(fd, VIDIOC_QBUF, &buf))
			return -1;
	}
	return ioctl(fd, VIDIOC_STREAMON, &type);
}

/* The same for buffers of others. */
static int op_stream_import(void)
{
	int fd = pick(ANY_VIDEO), type = type_for(fd);
	struct v4l2_requestbuffers req = {
		.count = 3, .type = type, .memory = V4L2_MEMORY_DMABUF,
	};
	unsigned int i, j;

	if (ioctl(fd, VIDIOC_REQBUFS, &req))
		return -1;
	for (i = 0; i < req.count; i++) {
		struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
		struct v4l2_buffer buf = {
			.type = type, .index = i, .memory = V4L2_MEMORY_DMABUF,
		};

		if (V4L2_TYPE_IS_MULTIPLANAR(type)) {
			buf.m.planes = planes;
			buf.length = VIDEO_MAX_PLANES;
			for (j = 0; j < VIDEO_MAX_PLANES; j++)
				planes[j].m.fd = pick(BIT(KIND_DMABUF));
		} else {
			buf.m.fd = pick(BIT(KIND_DMABUF));
		}
		if (ioctl(fd, VIDIOC_QBUF, &buf))
			return -1;
	}
	return ioctl(fd, VIDIOC_STREAMON, &type);
}

static int op_v4l2_wrong(void)
{
	static const unsigned long requests[] = {
		VIDIOC_REQBUFS, VIDIOC_QBUF, VIDIOC_DQBUF, VIDIOC_EXPBUF,
		VIDIOC_QUERYBUF, VIDIOC_CREATE_BUFS, VIDIOC_STREAMON,
	};
	unsigned long request = requests[below(ARRAY_SIZE(requests))];
	char arg[512] = { 0 };

	request ^= 1UL << (16 + below(16));
	return ioctl(pick(ANY_VIDEO), request,
		     one_in(4) ? (void *)(PAGE * below(4)) : arg);
}

static int op_read_frame(void)
{
	return read(pick(ANY_VIDEO), user_memory, one_in(4) ? below(PAGE) : USER_SIZE);
}

static int op_poll(void)
{
	struct pollfd fds[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i].fd = pick(ANY_VIDEO | BIT(KIND_DMABUF));
		fds[i].events = random64();
	}
	return poll(fds, ARRAY_SIZE(fds), 0);
}

/* dma-buf */

static int op_sync(void)
{
	struct dma_buf_sync arg = { .flags = one_in(8) ? random64() : below(8) };

	return ioctl(pick(BIT(KIND_DMABUF)), DMA_BUF_IOCTL_SYNC, &arg);
}

static int op_export_sync_file(void)
{
	struct dma_buf_export_sync_file arg = { .flags = below(4) };

	flip(&arg, sizeof(arg));
	if (ioctl(pick(BIT(KIND_DMABUF)), DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg))
		return -1;
	return place(arg.fd, KIND_SYNC_FILE);
}

static int op_import_sync_file(void)
{
	struct dma_buf_import_sync_file arg = {
		.flags = below(4), .fd = pick(BIT(KIND_SYNC_FILE)),
	};

	flip(&arg, sizeof(arg));
	return ioctl(pick(BIT(KIND_DMABUF)), DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &arg);
}

static int op_set_name(void)
{
	static const char *const names[] = {
		"", "fuzz", "a name\twith\na \\ lot in it",
		"much longer than the 32 bytes that a name may have",
	};

	return ioctl(pick(BIT(KIND_DMABUF)), DMA_BUF_SET_NAME_B,
		     names[below(ARRAY_SIZE(names))]);
}

static int op_lseek(void)
{
	return lseek(pick(BIT(KIND_DMABUF)), one_in(4) ? below(8192) : 0,
		     below(4)) < 0 ? -1 : 0;
}

/* displays */

static int op_prime_import(void)
{
	struct drm_prime_handle arg = {
		.fd = pick(BIT(KIND_DMABUF)), .flags = one_in(16) ? below(4096) : 0,
	};

	return ioctl(pick(BIT(KIND_DRM)), DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg);
}

static int op_prime_export(void)
{
	struct drm_prime_handle arg = {
		.handle = below(12),
		.flags = one_in(8) ? below(4096) : DRM_CLOEXEC | DRM_RDWR,
	};

	if (ioctl(pick(BIT(KIND_DRM)), DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg))
		return -1;
	return place(arg.fd, KIND_DMABUF);
}

static int op_gem_close(void)
{
	struct drm_gem_close arg = { .handle = below(12) };

	return ioctl(pick(BIT(KIND_DRM)), DRM_IOCTL_GEM_CLOSE, &arg);
}

static int op_dumb(void)
{
	struct drm_mode_create_dumb arg = {
		.width = 1 + below(128), .height = 1 + below(128),
		.bpp = 8 * (1 + below(4)),
	};

	return ioctl(pick(BIT(KIND_DRM)), DRM_IOCTL_MODE_CREATE_DUMB, &arg);
}

static int op_framebuffer(void)
{
	uint32_t handles[4] = { below(12) }, pitches[4] = { 32 * 4 };
	uint32_t offsets[4] = { 0 }, id;
	int fd = pick(BIT(KIND_DRM));

	if (one_in(3))
		return drmModeRmFB(fd, below(12));
	return drmModeAddFB2(fd, 32, 32, 0x34325258 /* XR24 */, handles,
			     pitches, offsets, &id, 0);
}

/* mappings */

static void on_bus_error(int sig)
{
	if (self && self->bus_armed)
		siglongjmp(self->bus, 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void keep_map(void *map, size_t size)
{
	unsigned int i = below(NR_MAPS);

	if (self->maps[i])
		munmap(self->maps[i], self->map_sizes[i]);
	self->maps[i] = map;
	self->map_sizes[i] = size;
}

static int op_mmap(void)
{
	int fd = pick(BIT(KIND_DMABUF));
	off_t size = lseek(fd, 0, SEEK_END);
	off_t offset = one_in(8) ? PAGE * below(8) : 0;
	int prot = one_in(4) ? (int)below(4) : PROT_READ | PROT_WRITE;
	int flags = one_in(16) ? MAP_PRIVATE : MAP_SHARED;
	void *map;

	if (size <= 0 || one_in(8))
		size = PAGE * (1 + below(32));
	map = mmap(NULL, size, prot, flags, fd, offset);
	if (map == MAP_FAILED)
		return -1;
	keep_map(map, size);
	return 0;
}

static int op_mmap_video(void)
{
	int fd = pick(ANY_VIDEO);
	struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
	struct v4l2_buffer buf = {
		.type = type_for(fd), .index = below(5),
	};
	bool mp = V4L2_TYPE_IS_MULTIPLANAR(buf.type);
	size_t size;
	void *map;

	if (mp) {
		buf.m.planes = planes;
		buf.length = VIDEO_MAX_PLANES;
	}
	if (ioctl(fd, VIDIOC_QUERYBUF, &buf))
		return -1;
	size = mp ? planes[0].length : buf.length;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   mp ? planes[0].m.mem_offset : buf.m.offset);
	if (map == MAP_FAILED)
		return -1;
	keep_map(map, size);
	return 0;
}

static int op_munmap(void)
{
	unsigned int i = below(NR_MAPS);
	int ret;

	if (!self->maps[i])
		return -1;
	ret = munmap(self->maps[i], self->map_sizes[i]);
	self->maps[i] = NULL;
	return ret;
}

/* Access rights and sizes may be wrong: a signal is as good as success. */
static int op_touch(void)
{
	unsigned int i = below(NR_MAPS);
	bool writing = one_in(2);
	char *map = self->maps[i];
	size_t at;

	if (!map)
		return -1;
	at = random64() % self->map_sizes[i];
	if (!sigsetjmp(self->bus, 1)) {
		self->bus_armed = true;
		/* accesses that the compiler must not leave out */
		if (writing)
			__atomic_store_n(&map[at], at, __ATOMIC_RELAXED);
		else
			__atomic_load_n(&map[at], __ATOMIC_RELAXED);
	}
	self->bus_armed = false;
	return 0;
}

/* A child inherits all files and mappings, and goes. */
static int op_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, NULL, 0);
}

/* listings */

static int read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t chunk = one_in(4) ? 1 + below(64) : PAGE;
	unsigned int i;
	char text[PAGE];
	ssize_t ret = 0;

	if (fd < 0)
		return -1;
	for (i = 0; i < 64; i++) {
		ret = read(fd, text, chunk);
		if (ret <= 0)
			break;
		if (one_in(64))
			lseek(fd, below(16), SEEK_SET);
	}
	close(fd);
	return ret;
}

static int op_listing(void)
{
	static const char *const files[] = {
		"/sys/kernel/debug/shrbuf/buffers",
		"/sys/kernel/debug/shrbuf/queues",
		"/sys/kernel/debug/dma_buf/bufinfo",
		"/proc/self/maps",
	};

	return read_file(files[below(ARRAY_SIZE(files))]);
}

static int op_fdinfo(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d",
		 pick(BIT(KIND_DMABUF)));
	return read_file(path);
}

/* removal */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text));
	close(fd);
	return ret;
}

/* Finds the video devices. Without this, they would start with large pictures. */
static void find_video(void)
{
	unsigned int i, nr = 0;

	for (i = 0; i < 64 && nr < ARRAY_SIZE(video_nodes); i++) {
		struct v4l2_format fmt = { 0 };
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/dev/video%u", i);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			continue;
		switch (video_kind(fd)) {
		case KIND_CAPTURE:
			fmt.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
			break;
		case KIND_CAPTURE_MP:
			fmt.type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
			break;
		case KIND_OUTPUT:
			fmt.type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
			break;
		case KIND_OUTPUT_MP:
			fmt.type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
			break;
		case KIND_M2M:
			fmt.type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
			break;
		default:
			close(fd);
			continue;
		}
		video_nodes[nr++] = i;
		fmt.fmt.pix.width = 320;
		fmt.fmt.pix.height = 180;
		fmt.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
		ioctl(fd, VIDIOC_S_FMT, &fmt);
		close(fd);
	}
	__atomic_store_n(&nr_video_nodes, nr, __ATOMIC_RELAXED);
}

static int modprobe(const char *module)
{
	char *argv[8] = { "modprobe", (char *)module };
	unsigned int i;
	int status = -1;
	pid_t pid;

	if (!strcmp(module, "vivid"))
		for (i = 0; i < ARRAY_SIZE(vivid_options); i++)
			argv[2 + i] = vivid_options[i];
	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ))
		return -1;
	return waitpid(pid, &status, 0) == pid && !status ? 0 : -1;
}

static int op_rebind(void)
{
	int ret = write_file(VIVID "unbind", "vivid.0");

	if (write_file(VIVID "bind", "vivid.0") < 0)
		ret = -1;
	find_video();
	return ret;
}

static bool contiguous_alive(void)
{
	FILE *file = fopen("/sys/kernel/debug/dma_buf/bufinfo", "re");
	bool found = false;
	char line[256];

	if (!file)
		return true;
	while (fgets(line, sizeof(line), file))
		found |= !!strstr(line, "dma_contig");
	fclose(file);
	return found;
}

static int remove_vivid(void)
{
	int ret = -1;

	pthread_rwlock_wrlock(&world);
	if (!contiguous_alive())
		ret = syscall(SYS_delete_module, "vivid", O_NONBLOCK);
	pthread_rwlock_unlock(&world);
	return ret;
}

/* Mostly they are in use. Without files of ours they may not be. */
static int op_rmmod(void)
{
	int ret;

	if (one_in(2))
		close_slots();
	if (one_in(2)) {
		ret = remove_vivid();
		modprobe("vivid");
		find_video();
	} else {
		ret = syscall(SYS_delete_module, "shrbuf_testdev", O_NONBLOCK);
		syscall(SYS_delete_module, "shrbuf", O_NONBLOCK);
		modprobe("shrbuf_testdev");
	}
	return ret;
}

static const struct op {
	const char *name;
	int (*run)(void);
	unsigned int weight;
} ops[] = {
	{ "open", op_open, 50 },
	{ "close", op_close, 25 },
	{ "dup", op_dup, 10 },
	{ "VERSION", op_version, 5 },
	{ "ATTACH", op_attach, 20 },
	{ "DETACH", op_detach, 10 },
	{ "unknown shrbuf request", op_shrbuf_wrong, 5 },
	{ "TEST_ALLOC", op_test_alloc, 10 },
	{ "TEST_IMPORT", op_test_import, 10 },
	{ "TEST_ADOPT", op_test_adopt, 15 },
	{ "REQBUFS", op_reqbufs, 20 },
	{ "S_FMT", op_s_fmt, 5 },
	{ "CREATE_BUFS", op_create_bufs, 10 },
	{ "EXPBUF", op_expbuf, 50 },
	{ "QBUF", op_qbuf, 40 },
	{ "DQBUF", op_dqbuf, 20 },
	{ "PREPARE_BUF", op_prepare_buf, 10 },
	{ "STREAMON", op_streamon, 5 },
	{ "STREAMOFF", op_streamoff, 5 },
	{ "stream", op_stream, 10 },
	{ "stream of imports", op_stream_import, 10 },
	{ "unknown V4L2 request", op_v4l2_wrong, 5 },
	{ "read", op_read_frame, 5 },
	{ "poll", op_poll, 10 },
	{ "SYNC", op_sync, 15 },
	{ "EXPORT_SYNC_FILE", op_export_sync_file, 5 },
	{ "IMPORT_SYNC_FILE", op_import_sync_file, 5 },
	{ "SET_NAME", op_set_name, 5 },
	{ "lseek", op_lseek, 3 },
	{ "PRIME import", op_prime_import, 25 },
	{ "PRIME export", op_prime_export, 10 },
	{ "GEM_CLOSE", op_gem_close, 15 },
	{ "CREATE_DUMB", op_dumb, 5 },
	{ "framebuffer", op_framebuffer, 5 },
	{ "mmap", op_mmap, 25 },
	{ "mmap of video", op_mmap_video, 10 },
	{ "munmap", op_munmap, 15 },
	{ "touch", op_touch, 20 },
	{ "fork", op_fork, 1 },
	{ "listing", op_listing, 5 },
	{ "fdinfo", op_fdinfo, 5 },
};

/* Only one thread does these, the others run into them. */
static const struct op rare_ops[] = {
	{ "unbind and bind", op_rebind, 1 },
	{ "rmmod", op_rmmod, 1 },
};

#define RARE		400	/* one in so many, of that thread */

#define NR_ALL_OPS	(ARRAY_SIZE(ops) + ARRAY_SIZE(rare_ops))
static unsigned long calls[NR_ALL_OPS], successes[NR_ALL_OPS];

static const struct op *op_at(unsigned int i)
{
	return i < ARRAY_SIZE(ops) ? &ops[i] : &rare_ops[i - ARRAY_SIZE(ops)];
}

static unsigned int pick_op(void)
{
	unsigned int i, chance, total = 0;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		total += ops[i].weight;
	if (one_in(RARE) && !self->number)
		return ARRAY_SIZE(ops) + below(ARRAY_SIZE(rare_ops));
	chance = below(total);
	for (i = 0; chance >= ops[i].weight; i++)
		chance -= ops[i].weight;
	return i;
}

static void *fuzz_thread(void *arg)
{
	unsigned long nr;
	unsigned int i;
	bool locked;
	int ret;

	self = arg;
	for (nr = 0; nr < count / nr_threads; nr++) {
		/*
		 * Each operation has its own numbers, so that it is the same
		 * whatever those before it have met.
		 */
		self->random = seed * MAX_THREADS + self->number;
		self->random = random64() + nr;
		i = pick_op();
		__atomic_store_n(&self->op_name, op_at(i)->name, __ATOMIC_RELAXED);
		__atomic_store_n(&self->op_index, nr + 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&calls[i], 1, __ATOMIC_RELAXED);
		/* the one that takes it for writing, if it has to */
		locked = op_at(i)->run != op_rmmod;
		if (locked)
			pthread_rwlock_rdlock(&world);
		ret = op_at(i)->run();
		if (locked)
			pthread_rwlock_unlock(&world);
		if (ret >= 0)
			__atomic_add_fetch(&successes[i], 1, __ATOMIC_RELAXED);
	}
	for (i = 0; i < NR_MAPS; i++)
		if (self->maps[i])
			munmap(self->maps[i], self->map_sizes[i]);
	return NULL;
}

/* Joins a thread, and ends the program if no thread goes on. */
static void join(struct fuzzer *fuzzer)
{
	unsigned long at, last = 0;
	unsigned int i, still = 0;

	for (;;) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		if (!pthread_timedjoin_np(fuzzer->thread, NULL, &until))
			return;
		for (i = 0, at = 0; i < nr_threads; i++)
			at += __atomic_load_n(&fuzzers[i].op_index,
					      __ATOMIC_RELAXED);
		still = at == last ? still + 1 : 0;
		last = at;
		if (still < HANG_SECONDS)
			continue;
		for (i = 0; i < nr_threads; i++)
			printf("# thread %u is at operation %lu: %s\n", i,
			       fuzzers[i].op_index, fuzzers[i].op_name);
		printf("Bail out! Nothing goes on.\n");
		fflush(stdout);
		/* shows where they are */
		write_file("/proc/sysrq-trigger", "w");
		_exit(1);
	}
}

/* what must be as before */

struct refs {
	int shrbuf, vivid, vkms, vgem;
};

static struct refs refs_before;

static struct refs refs_now(void)
{
	return (struct refs){
		.shrbuf = module_refs("shrbuf"),
		.vivid = module_refs("vivid"),
		.vkms = module_refs("vkms"),
		.vgem = module_refs("vgem"),
	};
}

static bool refs_are_back(void *arg)
{
	struct refs now = refs_now();

	(void)arg;
	return !memcmp(&now, &refs_before, sizeof(now));
}

static void run_threads(void **state)
{
	struct sigaction sa = { .sa_handler = on_bus_error };
	unsigned int i;

	(void)state;
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	user_memory = mmap(NULL, 2 * USER_SIZE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(user_memory != MAP_FAILED);
	expect_no_dma_debug();
	find_video();
	assert_true(nr_video_nodes > 0);

	for (i = 0; i < nr_threads; i++) {
		fuzzers[i].number = i;
		assert_int_equal(pthread_create(&fuzzers[i].thread, NULL,
						fuzz_thread, &fuzzers[i]), 0);
	}
	for (i = 0; i < nr_threads; i++)
		join(&fuzzers[i]);
	close_slots();

	for (i = 0; i < NR_ALL_OPS; i++)
		printf("# %6lu of %6lu: %s\n", successes[i], calls[i],
		       op_at(i)->name);
	/* If something never works, then it is not tested. Some seldom do. */
	if (count < 100000)
		return;
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (!successes[i] && !strstr(ops[i].name, "unknown"))
			fail_msg("%s never worked", ops[i].name);
}

static void is_released(void **state)
{
	glob_t found;
	int shrbuf;
	size_t i;

	(void)state;
	modprobe("shrbuf_testdev");
	modprobe("vivid");
	write_file(VIVID "bind", "vivid.0");
	/* whatever is still attached */
	shrbuf = do_open("/dev/shrbuf", O_RDWR);
	assert_int_equal(glob("/dev/video*", 0, NULL, &found), 0);
	for (i = 0; i < found.gl_pathc; i++) {
		struct shrbuf_queue_op op = {
			.fd = do_open(found.gl_pathv[i], O_RDWR | O_NONBLOCK),
		};
		int ret = ioctl(shrbuf, SHRBUF_IOC_DETACH, &op) ? errno : 0;

		if (ret && ret != ENOTCONN && ret != EOPNOTSUPP)
			fail_msg("detach %s: %s", found.gl_pathv[i],
				 strerror(ret));
		close(op.fd);
	}
	globfree(&found);
	close(shrbuf);
	expect_no_buffers();
}

static void has_no_references(void **state)
{
	(void)state;
	wait_for(refs_are_back, NULL, "references of the modules");
}

static void camera_streams(void **state)
{
	static const enum camera_kind cameras[] = { CAMERA_SINGLE, CAMERA_MULTI };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cameras); i++) {
		struct camera cam;
		uint32_t handle;
		int fd, drm;

		camera_open(&cam, cameras[i]);
		attach(cam.fd);
		camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 3);
		fd = camera_expbuf(&cam, 0, 0, O_RDWR | O_CLOEXEC);
		drm = drm_open("vkms");
		assert_true(drm >= 0);
		assert_int_equal(drmPrimeFDToHandle(drm, fd, &handle), 0);
		camera_run(&cam, 4);
		close(drm);
		close(fd);
		camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
		detach(cam.fd);
		camera_close(&cam);
		expect_no_buffers();
	}
}

/* Modules are loaded again with the options that they have now. */
static void read_vivid_options(void)
{
	static const char *const names[] = { "n_devs", "multiplanar", "allocators" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64], text[96] = "";
		int fd;

		snprintf(path, sizeof(path), "/sys/module/vivid/parameters/%s",
			 names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
			continue;
		close(fd);
		text[strcspn(text, "\n")] = 0;
		snprintf(vivid_options[i], sizeof(vivid_options[i]), "%s=%s",
			 names[i], text);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'c' },
		{ "threads", required_argument, NULL, 't' },
		{ 0 },
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run_threads),
		cmocka_unit_test(is_released),
		cmocka_unit_test(has_no_references),
		cmocka_unit_test_teardown(camera_streams, test_cleanup),
	};
	int option;

	seed = seed_from_clock();
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			seed = parse_number(optarg);
			break;
		case 'c':
			count = parse_number(optarg);
			break;
		case 't':
			nr_threads = parse_number(optarg);
			break;
		default:
			fprintf(stderr,
				"usage: fuzz [--seed S] [--count N] [--threads T]\n");
			return 2;
		}
	}
	if (nr_threads < 1 || nr_threads > MAX_THREADS) {
		fprintf(stderr, "--threads must be 1 to %d.\n", MAX_THREADS);
		return 2;
	}
	printf("# fuzz --seed %lu --count %lu --threads %u\n", seed, count,
	       nr_threads);
	fflush(stdout);
	read_vivid_options();
	refs_before = refs_now();
	return cmocka_run_group_tests_name("fuzz", tests, NULL, NULL);
}
