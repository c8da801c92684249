// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers that go along with calls, replies, dispatches and messages: each receiver has a
 * handle of its own, and a buffer lives as long as somebody has it or will get it. And a
 * camera whose buffers are members' to import, to read and to show.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "buffers.h"
#include "calls.h"
#include "../routes/routes.h"

#define SIZE	4096
#define NR_BUFS	3

/* Buffers of shrbuf are counted, so it can be seen when they are gone. */
static uint32_t counted_buffer(int fd, char fill)
{
	struct shrbuf_alloc_op args = { .size = SIZE, .fd_flags = O_RDWR | O_CLOEXEC };
	uint32_t handle;
	void *memory;

	do_ioctl(shrbuf_dev(), SHRBUF_IOC_ALLOC, &args);
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, args.fd, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	memset(memory, fill, SIZE);
	munmap(memory, SIZE);
	handle = prime_import(fd, args.fd);
	close(args.fd);
	return handle;
}

static void expect_fill(int fd, uint32_t handle, char fill)
{
	char *memory = buffer_map(fd, handle, SIZE);

	assert_int_equal(memory[0], fill);
	assert_int_equal(memory[SIZE - 1], fill);
	munmap(memory, SIZE);
}

struct count {
	int nr;
};

static bool has_buffers(void *arg)
{
	struct count *count = arg;

	return buffers_alive() == count->nr;
}

static void expect_alive(int nr)
{
	struct count count = { nr };

	wait_for(has_buffers, &count, "buffers that nobody has any more");
}

static struct drm_fusion_payload with(uint32_t *handles, unsigned int nr)
{
	return (struct drm_fusion_payload){
		.handles = (uintptr_t)handles, .nr_handles = nr,
	};
}

/* a call with buffers, which takes some for its reply */
static void caller_with(struct caller *caller, int fd, uint32_t id, uint32_t *sent,
			unsigned int nr, uint32_t *replied)
{
	memset(caller, 0, sizeof(*caller));
	caller->args.payload = with(sent, nr);
	caller->args.reply_handles = (uintptr_t)replied;
	caller_start(caller, fd, id);
}

static void calls(void **state)
{
	int fd = world_new(0), handler = member_new(fd);
	uint32_t id = object_new(handler, DRM_FUSION_CALL, 0, NULL), sent[2], got[2], back[2];
	uint32_t replied[DRM_FUSION_MAX_HANDLES];
	struct drm_fusion_call_reply reply = { .payload = with(back, 2) };
	struct drm_fusion_event *event;
	struct caller caller;

	(void)state;
	/* so that numbers differ where they are not translated */
	buffer_new(handler, SIZE);
	sent[0] = counted_buffer(fd, 'a');
	sent[1] = counted_buffer(fd, 'b');
	caller_with(&caller, fd, id, sent, 2, replied);
	event = skip_to(handler, DRM_FUSION_EVENT_CALL);
	assert_int_equal(event->nr_handles, 2);
	memcpy(got, event_handles(event), sizeof(got));
	assert_int_not_equal(got[0], sent[0]);
	expect_fill(handler, got[0], 'a');
	expect_fill(handler, got[1], 'b');
	/* one is given back, one is new */
	back[0] = counted_buffer(handler, 'c');
	back[1] = got[1];
	reply.serial = event->serial;
	do_ioctl(handler, DRM_IOCTL_FUSION_CALL_REPLY, &reply);
	assert_int_equal(caller_end(&caller), 0);
	assert_int_equal(caller.args.reply_nr_handles, 2);
	expect_fill(fd, replied[0], 'c');
	expect_fill(fd, replied[1], 'b');

	/* each has its own: the last one keeps it */
	assert_int_equal(buffers_alive(), 3);
	handle_close(fd, sent[0]);
	assert_int_equal(buffers_alive(), 3);
	handle_close(handler, got[0]);
	expect_alive(2);
	close(handler);
	assert_int_equal(buffers_alive(), 2);
	expect_fill(fd, replied[0], 'c');
	close(fd);
	expect_alive(0);
}

/* What nobody has received dies with the message. */
static void not_received(void **state)
{
	int fd = world_new(DRM_FUSION_WORLD_SURVIVE), second = member_new(fd);
	int third = member_new(fd);
	uint32_t id = object_new(second, DRM_FUSION_CALL, 0, NULL), handle;
	struct drm_fusion_call_execute oneway = {
		.id = id, .flags = DRM_FUSION_CALL_ONEWAY, .payload = with(&handle, 1),
	};
	struct drm_fusion_message_send send = { .member = 3, .payload = with(&handle, 1) };
	struct drm_fusion_call_execute late = {
		.id = id, .payload = with(&handle, 1),
	};

	(void)state;
	handle = counted_buffer(fd, 'a');
	do_ioctl(fd, DRM_IOCTL_FUSION_MESSAGE_SEND, &send);
	do_ioctl(fd, DRM_IOCTL_FUSION_CALL_EXECUTE, &oneway);
	/* nobody has taken it in time */
	late.timeout = after_ms(1);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_CALL_EXECUTE, &late), -ETIMEDOUT);
	handle_close(fd, handle);
	assert_int_equal(buffers_alive(), 1);
	close(second);
	assert_int_equal(buffers_alive(), 1);
	close(third);
	expect_alive(0);
	wait_members(fd, 1);
	assert_int_equal(world_info(fd).memory, 0);
}

/* A reply that comes with a buffer, and a caller that was killed meanwhile. */
static int call_for_ever(int fd, void *arg)
{
	struct drm_fusion_call_execute args = {
		.id = *(uint32_t *)arg, .timeout = DRM_FUSION_FOREVER,
	};
	uint32_t handles[DRM_FUSION_MAX_HANDLES];

	args.reply_handles = (uintptr_t)handles;
	return -try_ioctl(fd, DRM_IOCTL_FUSION_CALL_EXECUTE, &args);
}

static void caller_killed(void **state)
{
	int fd = world_new(0);
	uint32_t id = object_new(fd, DRM_FUSION_CALL, 0, NULL), handle = counted_buffer(fd, 'a');
	struct drm_fusion_call_reply reply = { .payload = with(&handle, 1) };
	pid_t pid = member_fork(fd, call_for_ever, &id);

	(void)state;
	reply.serial = skip_to(fd, DRM_FUSION_EVENT_CALL)->serial;
	member_kill(pid);
	wait_members(fd, 1);
	assert_int_equal(try_ioctl(fd, DRM_IOCTL_FUSION_CALL_REPLY, &reply), -ENOMSG);
	handle_close(fd, handle);
	expect_alive(0);
}

static void attach_to(int fd, uint32_t reactor)
{
	struct drm_fusion_reactor_attach args = { .id = reactor, .limit = 4 };

	do_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_ATTACH, &args);
}

static int listen_until_killed(int fd, void *arg)
{
	attach_to(fd, *(uint32_t *)arg);
	if (try_send(fd, 1, 1, NULL, 0, DRM_FUSION_FOREVER))
		return 1;
	expect_fill(fd, *event_handles(skip_to(fd, DRM_FUSION_EVENT_REACTOR)), 'd');
	if (try_send(fd, 1, 2, NULL, 0, DRM_FUSION_FOREVER))
		return 2;
	for (;;)
		pause();
}

static void dispatches(void **state)
{
	int fd = world_new(0), second = member_new(fd);
	uint32_t reactor = object_new(fd, DRM_FUSION_REACTOR, 0, NULL), handle, got;
	struct drm_fusion_reactor_dispatch args = {
		.id = reactor, .payload = with(&handle, 1), .timeout = DRM_FUSION_FOREVER,
	};
	pid_t pid = member_fork(fd, listen_until_killed, &reactor);

	(void)state;
	attach_to(second, reactor);
	assert_int_equal(skip_to(fd, DRM_FUSION_EVENT_MESSAGE)->arg, 1);
	attach_to(fd, reactor);
	buffer_new(second, SIZE);
	handle = counted_buffer(fd, 'd');
	do_ioctl(fd, DRM_IOCTL_FUSION_REACTOR_DISPATCH, &args);
	assert_int_equal(args.listeners, 3);
	handle_close(fd, handle);
	/* one of them is the sender */
	got = *event_handles(skip_to(fd, DRM_FUSION_EVENT_REACTOR));
	expect_fill(fd, got, 'd');
	handle_close(fd, got);
	got = *event_handles(skip_to(second, DRM_FUSION_EVENT_REACTOR));
	expect_fill(second, got, 'd');
	assert_int_equal(skip_to(fd, DRM_FUSION_EVENT_MESSAGE)->arg, 2);
	handle_close(second, got);
	/* the third one's handle dies with it */
	assert_int_equal(buffers_alive(), 1);
	member_kill(pid);
	expect_alive(0);
}

/* The request that sends, with handles that are wrong in some way. */
static void expect_refused(int fd, unsigned long request, void *args,
			   struct drm_fusion_payload *payload)
{
	uint32_t handles[DRM_FUSION_MAX_HANDLES + 1], i;

	for (i = 0; i < ARRAY_SIZE(handles); i++)
		handles[i] = counted_buffer(fd, 'e');
	*payload = with(handles, ARRAY_SIZE(handles));
	assert_int_equal(try_ioctl(fd, request, args), -EMSGSIZE);
	*payload = with(handles, DRM_FUSION_MAX_HANDLES);
	handles[DRM_FUSION_MAX_HANDLES - 1] = 0x7777;
	assert_int_equal(try_ioctl(fd, request, args), -ENOENT);
	payload->handles = 8;
	assert_int_equal(try_ioctl(fd, request, args), -EFAULT);
	handles[DRM_FUSION_MAX_HANDLES - 1] = handles[DRM_FUSION_MAX_HANDLES];
	for (i = 0; i < DRM_FUSION_MAX_HANDLES; i++)
		handle_close(fd, handles[i]);
	*payload = with(handles, 1);
	assert_int_equal(try_ioctl(fd, request, args), -ENOENT);
	*payload = (struct drm_fusion_payload){ 0 };
}

static void wrong_handles(void **state)
{
	int fd = world_new(0), handler = member_new(fd);
	uint32_t id = object_new(handler, DRM_FUSION_CALL, 0, NULL);
	struct drm_fusion_call_execute call = { .id = id };
	struct drm_fusion_message_send send = { .member = 2 };
	struct drm_fusion_reactor_dispatch dispatch = {
		.id = object_new(fd, DRM_FUSION_REACTOR, 0, NULL),
	};
	struct drm_fusion_call_reply reply = {};
	uint32_t handles[DRM_FUSION_MAX_HANDLES], replied[DRM_FUSION_MAX_HANDLES], i;
	struct drm_fusion_event *event;
	struct caller caller;

	(void)state;
	attach_to(handler, dispatch.id);
	expect_refused(fd, DRM_IOCTL_FUSION_CALL_EXECUTE, &call, &call.payload);
	expect_refused(fd, DRM_IOCTL_FUSION_MESSAGE_SEND, &send, &send.payload);
	expect_refused(fd, DRM_IOCTL_FUSION_REACTOR_DISPATCH, &dispatch, &dispatch.payload);

	/* the call still waits for its reply, and as many as there may be go along */
	for (i = 0; i < DRM_FUSION_MAX_HANDLES; i++)
		handles[i] = counted_buffer(fd, 'f');
	caller_with(&caller, fd, id, handles, DRM_FUSION_MAX_HANDLES, replied);
	event = skip_to(handler, DRM_FUSION_EVENT_CALL);
	assert_int_equal(event->nr_handles, DRM_FUSION_MAX_HANDLES);
	memcpy(handles, event_handles(event), sizeof(handles));
	reply.serial = event->serial;
	expect_refused(handler, DRM_IOCTL_FUSION_CALL_REPLY, &reply, &reply.payload);
	reply.payload = with(handles, DRM_FUSION_MAX_HANDLES);
	do_ioctl(handler, DRM_IOCTL_FUSION_CALL_REPLY, &reply);
	assert_int_equal(caller_end(&caller), 0);
	assert_int_equal(caller.args.reply_nr_handles, DRM_FUSION_MAX_HANDLES);
	expect_fill(fd, replied[DRM_FUSION_MAX_HANDLES - 1], 'f');
	close_all(NULL);
	expect_alive(0);
}

/* a camera whose buffers are passed around */

struct camera_test {
	uint32_t ids[NR_BUFS];
};

static struct shrbuf_info get_info(int dmabuf)
{
	struct shrbuf_info info = { .fd = dmabuf };

	do_ioctl(shrbuf_dev(), SHRBUF_IOC_INFO, &info);
	return info;
}

static bool has_new_frame(void *arg)
{
	int dmabuf = *(int *)arg;
	struct shrbuf_info info = get_info(dmabuf);

	return info.frame.state == SHRBUF_STATE_FILLED && info.frame.bytesused == info.size &&
	       info.frame.sequence > NR_BUFS;
}

/* Another process: it opens what the first one shares, and reads of its frames. */
static int view(int fd, void *arg)
{
	struct camera_test *test = arg;
	int dmabuf = prime_export(fd, buffer_open(fd, test->ids[0]));

	wait_for(has_new_frame, &dmabuf, "a frame of the camera");
	if (try_send(fd, 1, 1, NULL, 0, DRM_FUSION_FOREVER))
		return 1;
	skip_to(fd, DRM_FUSION_EVENT_MESSAGE);
	/* the camera has let go of it, and it is still what it was */
	return get_info(dmabuf).size == 4 * WIDTH * HEIGHT ? 0 : 2;
}

static void show(struct display *dsp, int fd, struct camera *cam, const uint32_t *ids)
{
	uint32_t handles[4] = { 0 }, pitches[4] = { cam->fmt.fmt.pix.bytesperline };
	uint32_t offsets[4] = { 0 };
	int dmabuf;

	for (dsp->nr_fbs = 0; dsp->nr_fbs < NR_BUFS; dsp->nr_fbs++) {
		dmabuf = prime_export(fd, buffer_open(fd, ids[dsp->nr_fbs]));
		handles[0] = prime_import(dsp->fd, dmabuf);
		close(dmabuf);
		assert_int_equal(drmModeAddFB2(dsp->fd, WIDTH, HEIGHT, DRM_FORMAT_XRGB8888,
					       handles, pitches, offsets,
					       &dsp->fbs[dsp->nr_fbs], 0), 0);
	}
	assert_int_equal(drmModeSetPlane(dsp->fd, dsp->plane, dsp->crtc, dsp->fbs[0], 0, 0, 0,
					 WIDTH, HEIGHT, 0, 0, WIDTH << 16, HEIGHT << 16), 0);
	assert_true(display_shows_camera(dsp, dsp->plane));
}

static void streaming(void **state)
{
	int first = world_new(DRM_FUSION_WORLD_SURVIVE), third = member_new(first), dmabuf;
	struct camera_test test;
	struct display dsp;
	struct camera cam;
	unsigned int i;
	pid_t viewer;

	(void)state;
	display_open(&dsp, "vkms");
	route_camera(&cam, NR_BUFS);
	for (i = 0; i < NR_BUFS; i++) {
		dmabuf = camera_expbuf(&cam, i, 0, O_RDWR | O_CLOEXEC);
		test.ids[i] = buffer_share(first, prime_import(first, dmabuf));
		close(dmabuf);
	}
	viewer = member_fork(first, view, &test);
	show(&dsp, third, &cam, test.ids);
	/* one more, so that the first buffer is not queued at the end: its frame stays */
	camera_run(&cam, 4 * NR_BUFS + 1);
	skip_to(first, DRM_FUSION_EVENT_MESSAGE);

	/* the camera goes, then who has imported it; the viewer and the display go on */
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	detach(cam.fd);
	camera_close(&cam);
	assert_int_equal(buffers_alive(), NR_BUFS);
	assert_int_equal(try_send(first, 3, 1, NULL, 0, 0), 0);
	member_wait(viewer);
	close(third);
	close(first);
	assert_true(display_shows_camera(&dsp, dsp.plane));
	assert_int_equal(buffers_alive(), NR_BUFS);
	close(dsp.fd);
	expect_alive(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(calls),
		FUSION_TEST(not_received),
		FUSION_TEST(caller_killed),
		FUSION_TEST(dispatches),
		FUSION_TEST(wrong_handles),
		FUSION_TEST(streaming),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
