// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers: who sees them, what they are outside, and how long they stay.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <linux/dma-buf.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "buffers.h"

#define SIZE	65536

/* file descriptors of tests have these numbers */
static int high(int fd)
{
	int ret = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_TEST_FD);

	assert_true(ret >= 0);
	close(fd);
	return ret;
}

/* a shrbuf, as a camera's */
static int shrbuf_new(size_t size, int access)
{
	struct shrbuf_alloc_op op = {
		.size = size, .fd_flags = access | O_CLOEXEC, .name = "test",
	};

	do_ioctl(shrbuf_dev(), SHRBUF_IOC_ALLOC, &op);
	return high(op.fd);
}

static struct shrbuf_info get_info(int fd)
{
	struct shrbuf_info info = { .fd = fd };

	do_ioctl(shrbuf_dev(), SHRBUF_IOC_INFO, &info);
	return info;
}

/* a dma-buf of another exporter */
static int vgem_new(void)
{
	struct drm_mode_create_dumb create = { .width = 128, .height = SIZE / 512, .bpp = 32 };
	int drm = drm_open("vgem"), fd;

	if (drm < 0)
		fail_msg("no vgem: load it");
	do_ioctl(drm, DRM_IOCTL_MODE_CREATE_DUMB, &create);
	assert_int_equal(drmPrimeHandleToFD(drm, create.handle, DRM_CLOEXEC | DRM_RDWR, &fd), 0);
	close(drm);
	return high(fd);
}

/* the life of a buffer of the node itself */

static void wrong_sizes(void **state)
{
	static const uint64_t sizes[] = { 0, (1ULL << 30) + 1, 1ULL << 32, UINT64_MAX,
					  UINT64_MAX - 4094 };
	struct drm_fusion_buffer_create args = { .size = 4096, .flags = 1 };
	struct drm_fusion_buffer_mmap map = {};
	int fd = world_new(0);
	size_t i;

	(void)state;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_BUFFER_CREATE, &args), -EINVAL);
	args.flags = 0;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		args.size = sizes[i];
		assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_BUFFER_CREATE, &args),
				 i ? -ENOMEM : -EINVAL);
	}
	map.handle = buffer_new(fd, 1);
	map.flags = 1;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_BUFFER_MMAP, &map), -EINVAL);
	map.flags = 0;
	map.handle++;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_BUFFER_MMAP, &map), -ENOENT);
	/* not beyond its end */
	assert_ptr_equal(try_map(fd, map.handle - 1, 8192, PROT_READ), MAP_FAILED);
	assert_int_equal(errno, EINVAL);
}

static void wrong_shares(void **state)
{
	const struct drm_fusion_buffer_share good = { .name = "b" };
	struct drm_fusion_buffer_share args = good;
	int fd = world_new(0), none = node_open();
	uint32_t handle = buffer_new(fd, SIZE), id;

	(void)state;
	assert_int_equal(try_share(fd, handle + 1, &id), -ENOENT);
	args.handle = handle;
	args.flags = 1;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_BUFFER_SHARE, &args), -EINVAL);
	args = good;
	args.handle = handle;
	args.pad = 1;
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_BUFFER_SHARE, &args), -EINVAL);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_BUFFER_OPEN, &args), -EINVAL);
	args.pad = 0;
	memset(args.name, 'x', sizeof(args.name));
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_BUFFER_SHARE, &args), -EINVAL);
	assert_int_equal(try_open_buffer(fd, 1, &handle), -ENOENT);
	assert_int_equal(try_open_buffer(fd, UINT_MAX, &handle), -ENOENT);
	assert_int_equal(try_share(none, handle, &id), -ENOTCONN);
	assert_int_equal(try_open_buffer(none, 1, &handle), -ENOTCONN);
	assert_int_equal(world_info(fd).objects, 0);
	assert_int_equal(world_info(fd).memory, 0);
}

static void share_and_open(void **state)
{
	struct drm_fusion_buffer_share open = {};
	int first = world_new(0), second = member_new(first), other = world_new(0);
	uint32_t handle = buffer_new(first, SIZE), id = buffer_share(first, handle), got;
	char *a = buffer_map(first, handle, SIZE), *b;

	(void)state;
	assert_int_equal(world_info(first).memory, SIZE);
	assert_int_equal(object_record(second, DRM_FUSION_BUFFER, id).size, SIZE);
	assert_int_equal(object_record(second, DRM_FUSION_BUFFER, id).owner, 1);
	/* again: the same number, and not charged twice */
	assert_int_equal(buffer_share(first, handle), id);
	assert_int_equal(world_info(first).memory, SIZE);
	assert_int_equal(world_info(first).objects, 1);

	open.id = id;
	do_ioctl(second, DRM_IOCTL_FUSION_BUFFER_OPEN, &open);
	assert_int_equal(open.size, SIZE);
	assert_string_equal((char *)open.name, "buffer");
	b = buffer_map(second, open.handle, SIZE);
	strcpy(a, "hello");
	strcpy(b + SIZE - 8, "you");
	assert_string_equal(b, "hello");
	assert_string_equal(a + SIZE - 8, "you");

	/* another world does not see it */
	assert_int_equal(try_open_buffer(other, id, &got), -ENOENT);
	assert_int_equal(try_destroy(other, DRM_FUSION_BUFFER, id), -ENOENT);

	/* destroyed: not to be opened any more, who has it keeps it */
	assert_int_equal(try_destroy(second, DRM_FUSION_BUFFER, id), 0);
	assert_int_equal(try_open_buffer(second, id, &got), -ENOENT);
	assert_int_equal(world_info(first).memory, 0);
	strcpy(a, "still");
	assert_string_equal(b, "still");
	/* shared anew it has another number */
	assert_int_not_equal(buffer_share(first, handle), id);
	munmap(a, SIZE);
	munmap(b, SIZE);
}

static void death_of_the_sharer(void **state)
{
	int first = world_new(DRM_FUSION_WORLD_SURVIVE), second = member_new(first);
	uint32_t handle, ids[100], mine, got, i;
	char *p;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		handle = buffer_new(first, 4096);
		p = buffer_map(first, handle, 4096);
		*p = (char)i;
		munmap(p, 4096);
		ids[i] = buffer_share(first, handle);
	}
	mine = buffer_open(second, ids[42]);
	/* shared by two: each has a number of its own, and each ends with its member */
	got = buffer_share(second, mine);
	assert_int_not_equal(got, ids[42]);
	assert_int_equal(world_info(second).memory, 101 * 4096);
	close(first);
	wait_members(second, 1);
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		assert_int_equal(try_open_buffer(second, ids[i], &handle), -ENOENT);
	assert_int_equal(world_info(second).objects, 1);
	assert_int_equal(world_info(second).memory, 4096);
	handle = buffer_open(second, got);
	p = buffer_map(second, handle, 4096);
	assert_int_equal(*p, 42);
	munmap(p, 4096);
	assert_int_equal(try_destroy(second, DRM_FUSION_BUFFER, got), 0);
	p = buffer_map(second, mine, 4096);
	assert_int_equal(*p, 42);
	munmap(p, 4096);
}

static int share_and_wait(int fd, void *arg)
{
	int *ready = arg;
	uint32_t id = buffer_share(fd, buffer_new(fd, SIZE));

	if (write(ready[1], &id, sizeof(id)) != sizeof(id))
		return 1;
	pause();
	return 0;
}

static void killed_sharer(void **state)
{
	int fd = world_new(0), ready[2];
	uint32_t id, handle, gone;
	pid_t child;
	char *p;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	child = member_fork(fd, share_and_wait, ready);
	assert_int_equal(read(ready[0], &id, sizeof(id)), sizeof(id));
	handle = buffer_open(fd, id);
	member_kill(child);
	wait_members(fd, 1);
	assert_int_equal(try_open_buffer(fd, id, &gone), -ENOENT);
	assert_int_equal(world_info(fd).memory, 0);
	p = buffer_map(fd, handle, SIZE);
	*p = 1;
	munmap(p, SIZE);
	close(ready[0]);
	close(ready[1]);
}

static void memory_limit(void **state)
{
	const struct drm_fusion_world_create args = {
		.max_memory = 3 * SIZE, .world_name = "w", .member_name = "m",
	};
	struct drm_fusion_buffer_create large = { .size = 4 * SIZE };
	uint32_t handles[4], ids[4], i;
	int fd = node_open();

	(void)state;
	assert_int_equal(try_world(fd, &args), 0);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_BUFFER_CREATE, &large), -ENOMEM);
	for (i = 0; i < 4; i++) {
		handles[i] = buffer_new(fd, SIZE);
		assert_int_equal(try_share(fd, handles[i], &ids[i]), i < 3 ? 0 : -ENOMEM);
	}
	assert_int_equal(try_destroy(fd, DRM_FUSION_BUFFER, ids[1]), 0);
	assert_int_equal(try_share(fd, handles[3], &ids[3]), 0);
	assert_int_equal(world_info(fd).memory, 3 * SIZE);
}

/* outside of the world */

static ino_t inode(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void exported(void **state)
{
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };
	int first = world_new(0), second = member_new(first), a, b;
	uint32_t handle = buffer_new(first, SIZE), mine;
	char *p, *q;

	(void)state;
	mine = buffer_open(second, buffer_share(first, handle));
	a = prime_export(first, handle);
	b = prime_export(second, mine);
	assert_int_equal(inode(a), inode(b));
	/* it comes back as what it was */
	assert_int_equal(prime_import(first, b), handle);
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, a, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	q = buffer_map(second, mine, SIZE);
	do_ioctl(b, DMA_BUF_IOCTL_SYNC, &sync);
	strcpy(p, "by dma-buf");
	sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
	do_ioctl(b, DMA_BUF_IOCTL_SYNC, &sync);
	assert_string_equal(q, "by dma-buf");
	munmap(p, SIZE);
	/* a part would be another part */
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ, MAP_SHARED, a, 4096), MAP_FAILED);
	assert_int_equal(errno, EINVAL);
	close(first);
	close(second);
	/* the file descriptor alone keeps it */
	p = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, a, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_string_equal(p, "by dma-buf");
	munmap(p, SIZE);
	munmap(q, SIZE);
}

static void imported(void **state)
{
	int first = world_new(0), second = member_new(first), dmabuf = vgem_new();
	uint32_t handle = prime_import(first, dmabuf), mine, id;
	char *p, *q;

	(void)state;
	assert_int_equal(prime_import(first, dmabuf), handle);
	id = buffer_share(first, handle);
	/* nobody has a handle for a moment */
	handle_close(first, handle);
	mine = buffer_open(second, id);
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	q = buffer_map(second, mine, SIZE);
	strcpy(p, "vgem");
	assert_string_equal(q, "vgem");
	assert_int_equal(inode(prime_export(second, mine)), inode(dmabuf));
	munmap(p, SIZE);
	munmap(q, SIZE);
}

static void read_only(void **state)
{
	int fd = world_new(0), dmabuf = shrbuf_new(SIZE, O_RDONLY);
	uint32_t handle = prime_import(fd, dmabuf);
	void *p;

	(void)state;
	assert_ptr_equal(try_map(fd, handle, SIZE, PROT_READ | PROT_WRITE), MAP_FAILED);
	assert_int_equal(errno, EACCES);
	p = try_map(fd, handle, SIZE, PROT_READ);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(mprotect(p, SIZE, PROT_READ | PROT_WRITE), -1);
	munmap(p, SIZE);
	close_all(NULL);
	expect_no_buffers();
}

static void frame_info(void **state)
{
	struct shrbuf_state_op op = {
		.frame = { .state = SHRBUF_STATE_FILLED, .sequence = 7 },
	};
	int first = world_new(DRM_FUSION_WORLD_SURVIVE), second = member_new(first);
	int dmabuf = shrbuf_new(SIZE, O_RDWR), mine;
	uint32_t id = buffer_share(first, prime_import(first, dmabuf));
	struct shrbuf_info here, there;

	(void)state;
	op.fd = dmabuf;
	do_ioctl(shrbuf_dev(), SHRBUF_IOC_SET_STATE, &op);
	mine = prime_export(second, buffer_open(second, id));
	here = get_info(dmabuf);
	there = get_info(mine);
	assert_int_equal(inode(mine), inode(dmabuf));
	assert_int_equal(there.id, here.id);
	assert_int_equal(there.frame.sequence, 7);
	assert_int_equal(there.frame.state, SHRBUF_STATE_FILLED);

	/* it stays as long as somebody has it, and no longer */
	close(dmabuf);
	close(mine);
	close(first);
	wait_members(second, 1);
	assert_int_equal(buffers_alive(), 1);
	close(second);
	expect_no_buffers();
}

static void messages_with_buffers(void **state)
{
	int first = world_new(0), second = member_new(first), dmabuf = shrbuf_new(SIZE, O_RDWR);
	uint32_t handle = prime_import(first, dmabuf);
	struct drm_fusion_message_send send = {
		.member = 2, .timeout = after_ms(TIMEOUT_MS),
		.payload = { .handles = (uintptr_t)&handle, .nr_handles = 1 },
	};
	struct drm_fusion_event *event;
	void *p;

	(void)state;
	do_ioctl(first, DRM_IOCTL_FUSION_MESSAGE_SEND, &send);
	handle_close(first, handle);
	event = skip_to(second, DRM_FUSION_EVENT_MESSAGE);
	assert_int_equal(event->nr_handles, 1);
	handle = *event_handles(event);
	p = buffer_map(second, handle, SIZE);
	assert_int_equal(inode(prime_export(second, handle)), inode(dmabuf));
	munmap(p, SIZE);
	close_all(NULL);
	expect_no_buffers();
}

/* vkms of 6.1 must be slow and may not go idle: see test-flip.c of the api tests */
#define WIDTH	128
#define REFRESH	5

struct screen {
	int fd;
	uint32_t crtc;
	uint64_t until;
};

static uint64_t picture(struct screen *s)
{
	uint64_t sequence;

	assert_int_equal(drmCrtcGetSequence(s->fd, s->crtc, &sequence, NULL), 0);
	return sequence;
}

static bool pictures_passed(void *arg)
{
	struct screen *s = arg;

	return picture(s) >= s->until;
}

static void show(struct screen *s, int dmabuf)
{
	drmModeModeInfo mode = {
		.clock = 160 * 140 * REFRESH / 1000,
		.hdisplay = WIDTH, .hsync_start = 136, .hsync_end = 144, .htotal = 160,
		.vdisplay = WIDTH, .vsync_start = 130, .vsync_end = 134,
		.vtotal = 140, .vrefresh = REFRESH, .name = "screen",
	};
	uint32_t handles[4] = { 0 }, pitches[4] = { WIDTH * 4 }, offsets[4] = { 0 }, fb;
	drmModeResPtr res = drmModeGetResources(s->fd);

	assert_non_null(res);
	s->crtc = res->crtcs[0];
	handles[0] = prime_import(s->fd, dmabuf);
	assert_int_equal(drmModeAddFB2(s->fd, WIDTH, WIDTH, DRM_FORMAT_XRGB8888, handles,
				       pitches, offsets, &fb, 0), 0);
	assert_int_equal(drmModeSetCrtc(s->fd, s->crtc, fb, 0, 0, res->connectors, 1, &mode),
			 0);
	drmModeFreeResources(res);
	s->until = picture(s) + 2;
	wait_for(pictures_passed, s, "pictures of the display");
}

static void scanned_out(void **state)
{
	int first = world_new(DRM_FUSION_WORLD_SURVIVE), second, third, dmabuf;
	struct screen screen = { .fd = high(drm_open("vkms")) };
	uint32_t id;

	(void)state;
	do_write("/sys/module/drm/parameters/vblankoffdelay", "0");
	second = member_new(first);
	third = member_new(first);
	dmabuf = shrbuf_new((size_t)WIDTH * WIDTH * 4, O_RDWR);
	id = buffer_share(first, prime_import(first, dmabuf));
	close(dmabuf);
	memset(buffer_map(second, buffer_open(second, id), WIDTH * WIDTH * 4), 0x55,
	       WIDTH * WIDTH * 4);
	dmabuf = prime_export(third, buffer_open(third, id));
	assert_int_equal(drmSetMaster(screen.fd), 0);
	show(&screen, dmabuf);
	close(dmabuf);
	close(first);
	close(third);
	wait_members(second, 1);
	close(second);
	/* the mapping of the second one and the display */
	assert_int_equal(buffers_alive(), 1);
	screen.until = picture(&screen) + 1;
	wait_for(pictures_passed, &screen, "a picture of the display");
	usleep(1000000 / REFRESH / 4);
	close(screen.fd);
}

/* explicit synchronisation, as on each render node */

static void sync_objects(void **state)
{
	int first = world_new(0), second = member_new(first), fd;
	uint32_t timeline, mine, one;
	uint64_t point = 5, value;

	(void)state;
	assert_int_equal(drmSyncobjCreate(first, 0, &timeline), 0);
	assert_int_equal(drmSyncobjHandleToFD(first, timeline, &fd), 0);
	assert_int_equal(drmSyncobjFDToHandle(second, fd, &mine), 0);
	close(fd);
	/* nothing is there yet */
	assert_int_equal(drmSyncobjTimelineWait(second, &mine, &point, 1, after_ms(1),
						DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT, NULL),
			 -ETIME);
	assert_int_equal(drmSyncobjTimelineSignal(first, &timeline, &point, 1), 0);
	assert_int_equal(drmSyncobjTimelineWait(second, &mine, &point, 1,
						after_ms(TIMEOUT_MS), 0, NULL), 0);
	assert_int_equal(drmSyncobjQuery(second, &mine, &value, 1), 0);
	assert_int_equal(value, point);
	/* a point of it as a binary object */
	assert_int_equal(drmSyncobjCreate(second, 0, &one), 0);
	assert_int_equal(drmSyncobjTransfer(second, one, 0, mine, point, 0), 0);
	assert_int_equal(drmSyncobjWait(second, &one, 1, after_ms(TIMEOUT_MS), 0, NULL), 0);
	assert_int_equal(drmSyncobjDestroy(second, one), 0);
	assert_int_equal(drmSyncobjDestroy(second, mine), 0);
	assert_int_equal(drmSyncobjDestroy(first, timeline), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(wrong_sizes),
		FUSION_TEST(wrong_shares),
		FUSION_TEST(share_and_open),
		FUSION_TEST(death_of_the_sharer),
		FUSION_TEST(killed_sharer),
		FUSION_TEST(memory_limit),
		FUSION_TEST(exported),
		FUSION_TEST(imported),
		FUSION_TEST(read_only),
		FUSION_TEST(frame_info),
		FUSION_TEST(messages_with_buffers),
		FUSION_TEST(sync_objects),
		/* last: its mapping stays until the end */
		FUSION_TEST(scanned_out),
	};

	/* no request here waits, so no signal need have interrupted one */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
