// SPDX-License-Identifier: GPL-2.0
/*
 * The files that the threads of the fuzzer share, and mappings of them: what is opened,
 * closed, duplicated and mapped, and which file an operation gets. All of it by chance.
 */

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

static unsigned char kinds[NR_SLOTS];

/* chance */

uint64_t random64(void)
{
	return random_next(&self->random);
}

unsigned int below(unsigned int n)
{
	return random64() % n;
}

bool one_in(unsigned int n)
{
	return !below(n);
}

/* One bit of an argument is wrong, now and then. */
void flip(void *arg, size_t size)
{
	unsigned int bit = below(size * 8);

	if (one_in(8))
		((unsigned char *)arg)[bit / 8] ^= 1 << bit % 8;
}

/* files */

unsigned int kind_of(unsigned int slot)
{
	return __atomic_load_n(&kinds[slot], __ATOMIC_RELAXED);
}

/* Mostly a file of one of the kinds, but any slot or a wrong number may be it. */
int pick(unsigned int wanted)
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
int place(int fd, enum kind kind)
{
	unsigned int slot = below(NR_SLOTS);

	if (fd < 0)
		return fd;
	if (dup3(fd, FIRST_FD + slot, O_CLOEXEC) >= 0)
		__atomic_store_n(&kinds[slot], kind, __ATOMIC_RELAXED);
	close(fd);
	return 0;
}

enum kind video_kind(int fd)
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

int op_open(void)
{
	static const char *const others[] = {
		"/dev/null", "/sys/kernel/debug/shrbuf/buffers",
		"/sys/kernel/debug/shrbuf/queues", "/sys/kernel/debug/shrbuf/routes",
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

int op_close(void)
{
	unsigned int slot = below(NR_SLOTS);

	__atomic_store_n(&kinds[slot], KIND_NONE, __ATOMIC_RELAXED);
	return close(FIRST_FD + slot);
}

int op_dup(void)
{
	unsigned int from = below(NR_SLOTS), to = below(NR_SLOTS);
	enum kind kind = kind_of(from);
	int ret = dup3(FIRST_FD + from, FIRST_FD + to, O_CLOEXEC);

	if (ret >= 0)
		__atomic_store_n(&kinds[to], kind, __ATOMIC_RELAXED);
	return ret;
}

void close_slots(void)
{
	unsigned int slot;

	for (slot = 0; slot < NR_SLOTS; slot++) {
		__atomic_store_n(&kinds[slot], KIND_NONE, __ATOMIC_RELAXED);
		close(FIRST_FD + slot);
	}
}

/* mappings */

void on_bus_error(int sig)
{
	if (self && self->bus_armed)
		siglongjmp(self->bus, 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

void keep_map(void *map, size_t size)
{
	unsigned int i = below(NR_MAPS);

	if (self->maps[i])
		munmap(self->maps[i], self->map_sizes[i]);
	self->maps[i] = map;
	self->map_sizes[i] = size;
}

int op_mmap(void)
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

int op_mmap_video(void)
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

int op_munmap(void)
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
int op_touch(void)
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
int op_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, NULL, 0);
}
