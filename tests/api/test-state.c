// SPDX-License-Identifier: GPL-2.0
/*
 * State of buffers that video devices fill and read.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "requests.h"

#define NR_BUFS	3

static const enum camera_kind kinds[] = { CAMERA_SINGLE, CAMERA_MULTI };

/* File descriptors of all planes of all buffers of a camera. */
struct planes {
	int fd[NR_BUFS][VIDEO_MAX_PLANES];
};

static void export_planes(struct camera *cam, struct planes *planes)
{
	unsigned int i, p;

	for (i = 0; i < NR_BUFS; i++)
		for (p = 0; p < cam->nr_planes; p++)
			planes->fd[i][p] = high_fd(camera_expbuf(cam, i, p,
								 O_RDONLY));
}

/* Fails unless all planes of all buffers have this state. */
static void expect_states(struct camera *cam, const struct planes *planes,
			  uint32_t state)
{
	unsigned int i, p;

	for (i = 0; i < NR_BUFS; i++)
		for (p = 0; p < cam->nr_planes; p++)
			assert_int_equal(get_info(planes->fd[i][p]).frame.state,
					 state);
}

static void queue_all(struct camera *cam)
{
	unsigned int i;

	for (i = 0; i < NR_BUFS; i++)
		camera_qbuf(cam, V4L2_MEMORY_MMAP, i);
}

static uint64_t usec(const struct timeval *tv)
{
	return tv->tv_sec * 1000000ULL + tv->tv_usec;
}

/*
 * vivid sets the timestamp after it has given the buffer back, perhaps while DQBUF tells it.
 * Then nobody can know which one that is.
 */
static bool timestamp_moved(struct camera *cam, const struct v4l2_buffer *told)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
	struct v4l2_buffer now = *told;

	if (V4L2_TYPE_IS_MULTIPLANAR(cam->type)) {
		now.m.planes = planes;
		now.length = VIDEO_MAX_PLANES;
	}
	do_ioctl(cam->fd, VIDIOC_QUERYBUF, &now);
	return usec(&now.timestamp) != usec(&told->timestamp);
}

/* The buffer says exactly what VIDIOC_DQBUF has told. */
static void expect_frame(struct camera *cam, int fd, unsigned int plane,
			 const struct v4l2_buffer *told,
			 const struct v4l2_plane *planes)
{
	const uint32_t flags = V4L2_BUF_FLAG_KEYFRAME | V4L2_BUF_FLAG_PFRAME |
		V4L2_BUF_FLAG_BFRAME | V4L2_BUF_FLAG_LAST |
		V4L2_BUF_FLAG_TIMESTAMP_MASK | V4L2_BUF_FLAG_TSTAMP_SRC_MASK;
	struct shrbuf_info info = get_info(fd);

	assert_int_equal(info.frame.state,
			 told->flags & V4L2_BUF_FLAG_ERROR ?
			 SHRBUF_STATE_ERROR : SHRBUF_STATE_FILLED);
	assert_int_equal(info.frame.sequence, told->sequence);
	assert_int_equal(info.frame.field, told->field);
	assert_int_equal(info.frame.flags, told->flags & flags);
	assert_int_equal(info.frame.flags & V4L2_BUF_FLAG_TIMESTAMP_MASK,
			 V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC);
	assert_int_equal(info.frame.bytesused,
			 V4L2_TYPE_IS_MULTIPLANAR(cam->type) ?
			 planes[plane].bytesused : told->bytesused);
	assert_true(info.frame.bytesused > 0);
	assert_true(info.frame.bytesused <= info.size);
	assert_true(info.frame.time > 0);
	assert_int_equal(info.frame.reserved, 0);
	assert_false(info.status & SHRBUF_STATUS_DEVICE);
	if (!timestamp_moved(cam, told)) {
		assert_int_equal(info.frame.timestamp / 1000,
				 usec(&told->timestamp));
		assert_true(info.frame.timestamp > 0);
	}
}

/* The next frame, as V4L2 and as its buffers tell. Returns the flags of V4L2. */
static uint32_t next_frame(struct camera *cam, enum v4l2_memory memory,
			   const struct planes *fds, unsigned int *index)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
	struct v4l2_buffer buf;
	unsigned int p;

	assert_int_equal(try_dqbuf_full(cam, memory, &buf, planes), 0);
	for (p = 0; p < cam->nr_planes; p++)
		expect_frame(cam, fds->fd[buf.index][p], p, &buf, planes);
	*index = buf.index;
	return buf.flags;
}

static void start(struct camera *cam, enum camera_kind kind,
		  struct planes *planes)
{
	camera_open(cam, kind);
	camera_pause(cam, false);
	attach(cam->fd);
	camera_reqbufs(cam, V4L2_MEMORY_MMAP, NR_BUFS);
	export_planes(cam, planes);
}

/* With all buffers freed and nobody else, nothing may be left. */
static void end(struct camera *cam)
{
	camera_pause(cam, false);
	assert_int_equal(try_streamoff(cam), 0);
	camera_reqbufs(cam, V4L2_MEMORY_MMAP, 0);
	detach(cam->fd);
	camera_close(cam);
	closefrom(FIRST_TEST_FD);
	expect_no_buffers();
}

static void fresh(void **state)
{
	static const char * const backings[] = { "vb2-vmalloc", "vb2-dma-contig" };
	unsigned int i, j, p;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct planes planes;
		struct camera cam;

		start(&cam, kinds[i], &planes);
		for (j = 0; j < NR_BUFS; j++) {
			for (p = 0; p < cam.nr_planes; p++) {
				struct shrbuf_info info = get_info(planes.fd[j][p]);

				assert_int_equal(info.frame.state,
						 SHRBUF_STATE_EMPTY);
				assert_int_equal(info.frame.seq, 0);
				assert_int_equal(info.status,
						 SHRBUF_STATUS_QUEUE);
				assert_int_equal(info.holds, 0);
				assert_int_equal(info.device_reads, 0);
				assert_int_equal(info.id,
						 import_id(planes.fd[j][p]));
				assert_true(info.size >=
					    camera_plane_size(&cam, p));
				assert_non_null(strstr((char *)info.name,
						       "vivid"));
				assert_string_equal((char *)info.backing,
						    backings[i]);
			}
		}
		end(&cam);
	}
}

static void follows_queue(void **state)
{
	unsigned int i, j, index, errors;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct planes planes;
		struct shrbuf_info info;
		struct camera cam;

		start(&cam, kinds[i], &planes);
		camera_pause(&cam, true);
		/* before VIDIOC_STREAMON the driver does not have it */
		queue_all(&cam);
		expect_states(&cam, &planes, SHRBUF_STATE_EMPTY);
		assert_int_equal(get_info(planes.fd[0][0]).frame.seq, 0);
		assert_int_equal(try_streamon(&cam), 0);
		expect_states(&cam, &planes, SHRBUF_STATE_FILLING);
		info = get_info(planes.fd[0][0]);
		assert_int_equal(info.frame.seq, 1);
		assert_int_equal(info.status,
				 SHRBUF_STATUS_QUEUE | SHRBUF_STATUS_DEVICE);
		assert_int_equal(info.device_reads, 0);
		assert_int_equal(info.frame.timestamp, 0);
		assert_int_equal(info.frame.bytesused, 0);

		camera_pause(&cam, false);
		for (j = 0; j < 2 * NR_BUFS; j++) {
			next_frame(&cam, V4L2_MEMORY_MMAP, &planes, &index);
			camera_qbuf(&cam, V4L2_MEMORY_MMAP, index);
		}
		/* a damaged frame */
		set_control(&cam, "Inject V4L2_BUF_FLAG_ERROR", 1);
		for (j = 0, errors = 0; j < 20 && !errors; j++) {
			errors += !!(next_frame(&cam, V4L2_MEMORY_MMAP, &planes,
						&index) & V4L2_BUF_FLAG_ERROR);
			camera_qbuf(&cam, V4L2_MEMORY_MMAP, index);
		}
		assert_int_equal(errors, 1);
		end(&cam);
	}
}

static void stream_off(void **state)
{
	unsigned int i, p, index;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct planes planes;
		struct camera cam;
		uint64_t seq;

		start(&cam, kinds[i], &planes);
		queue_all(&cam);
		assert_int_equal(try_streamon(&cam), 0);
		next_frame(&cam, V4L2_MEMORY_MMAP, &planes, &index);
		camera_pause(&cam, true);
		camera_qbuf(&cam, V4L2_MEMORY_MMAP, index);
		wait_for_state(planes.fd[index][0], SHRBUF_STATE_FILLING);
		seq = get_info(planes.fd[index][0]).frame.seq;
		assert_int_equal(try_streamoff(&cam), 0);
		for (p = 0; p < cam.nr_planes; p++) {
			struct shrbuf_info info = get_info(planes.fd[index][p]);

			assert_int_equal(info.frame.state, SHRBUF_STATE_ERROR);
			assert_int_equal(info.frame.seq, seq + 1);
			/* not that of the frame before */
			assert_int_equal(info.frame.timestamp, 0);
			assert_int_equal(info.status, SHRBUF_STATUS_QUEUE);
		}
		/* and all over again */
		camera_pause(&cam, false);
		queue_all(&cam);
		assert_int_equal(try_streamon(&cam), 0);
		next_frame(&cam, V4L2_MEMORY_MMAP, &planes, &index);
		assert_int_equal(try_streamoff(&cam), 0);
		/* what a program has taken out stays */
		assert_int_equal(get_info(planes.fd[index][0]).frame.state,
				 SHRBUF_STATE_FILLED);
		end(&cam);
	}
}

static void stream_does_not_start(void **state)
{
	unsigned int i, index;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct planes planes;
		struct camera cam;

		start(&cam, kinds[i], &planes);
		queue_all(&cam);
		set_control(&cam, "Inject VIDIOC_STREAMON Error", 1);
		assert_int_equal(try_streamon(&cam), -EINVAL);
		expect_states(&cam, &planes, SHRBUF_STATE_EMPTY);
		/* it was with the driver meanwhile */
		assert_int_equal(get_info(planes.fd[0][0]).frame.seq, 2);
		assert_false(get_info(planes.fd[0][0]).status &
			     SHRBUF_STATUS_DEVICE);
		/* the buffers are still queued */
		assert_int_equal(try_streamon(&cam), 0);
		next_frame(&cam, V4L2_MEMORY_MMAP, &planes, &index);
		assert_int_equal(try_streamoff(&cam), 0);
		end(&cam);
	}
}

/* The queue gives its buffers up: who has one keeps the frame and what is known of it. */
enum orphaned_by {
	BY_REQBUFS,
	BY_CLOSE,
	BY_UNBIND,
	BY_NR,
};

static void orphaned(void **state)
{
	int by;

	(void)state;
	for (by = 0; by < BY_NR; by++) {
		struct shrbuf_info before, after;
		struct planes planes;
		unsigned int index;
		struct camera cam;
		uint8_t *p, *copy;

		start(&cam, CAMERA_SINGLE, &planes);
		queue_all(&cam);
		assert_int_equal(try_streamon(&cam), 0);
		next_frame(&cam, V4L2_MEMORY_MMAP, &planes, &index);
		before = get_info(planes.fd[index][0]);
		p = mmap(NULL, before.size, PROT_READ, MAP_SHARED,
			 planes.fd[index][0], 0);
		assert_true(p != MAP_FAILED);
		copy = malloc(before.size);
		assert_non_null(copy);
		memcpy(copy, p, before.size);
		switch (by) {
		case BY_REQBUFS:
			assert_int_equal(try_streamoff(&cam), 0);
			camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
			break;
		case BY_CLOSE:
			camera_close(&cam);
			break;
		default:
			camera_unbind();
			camera_close(&cam);
			break;
		}
		after = get_info(planes.fd[index][0]);
		assert_int_equal(after.status, SHRBUF_STATUS_QUEUE |
					       SHRBUF_STATUS_ORPHANED);
		assert_memory_equal(&after.frame, &before.frame,
				    sizeof(after.frame));
		assert_memory_equal(&after.format, &before.format,
				    sizeof(after.format));
		assert_memory_equal(p, copy, before.size);
		/* still nobody else's business */
		assert_int_equal(try_set_state(shrbuf_dev(), planes.fd[0][0],
					       SHRBUF_STATE_EMPTY), -EACCES);
		munmap(p, before.size);
		free(copy);
		if (by == BY_UNBIND)
			camera_bind();
		test_cleanup(NULL);
		expect_no_buffers();
	}
}

/* Buffers of others as V4L2_MEMORY_DMABUF, in a queue that nobody has attached. */
static void imported(void **state)
{
	static const char * const backings[] = { "pages", "dma-buf" };
	unsigned int i, j, index;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(backings); i++) {
		int client = client_new(0);
		struct planes planes;
		struct camera cam;
		size_t size;

		camera_open(&cam, CAMERA_SINGLE);
		size = camera_plane_size(&cam, 0);
		camera_reqbufs(&cam, V4L2_MEMORY_DMABUF, NR_BUFS);
		for (j = 0; j < NR_BUFS; j++) {
			struct shrbuf_info info;

			if (i)
				planes.fd[j][0] =
					adopt(client, foreign_buffer(size), O_RDWR);
			else
				planes.fd[j][0] = alloc_buffer(size, O_RDWR);
			info = get_info(planes.fd[j][0]);
			assert_string_equal((char *)info.backing, backings[i]);
			assert_int_equal(info.status,
					 i ? SHRBUF_STATUS_ADOPTED : 0);
			assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, j,
						  planes.fd[j], NULL), 0);
		}
		camera_pause(&cam, true);
		assert_int_equal(try_streamon(&cam), 0);
		expect_states(&cam, &planes, SHRBUF_STATE_FILLING);
		assert_true(get_info(planes.fd[0][0]).status &
			    SHRBUF_STATUS_DEVICE);
		assert_int_equal(try_set_state(client, planes.fd[0][0],
					       SHRBUF_STATE_EMPTY), -EBUSY);
		camera_pause(&cam, false);
		for (j = 0; j < 2 * NR_BUFS; j++) {
			next_frame(&cam, V4L2_MEMORY_DMABUF, &planes, &index);
			assert_int_equal(try_qbuf(&cam, V4L2_MEMORY_DMABUF, index,
						  planes.fd[index], NULL), 0);
		}
		next_frame(&cam, V4L2_MEMORY_DMABUF, &planes, &index);
		/* it is the program's again */
		set_state(client, planes.fd[index][0], SHRBUF_STATE_EMPTY);
		/* the device goes, the buffer belongs to no queue and stays as it is */
		camera_close(&cam);
		assert_int_equal(get_info(planes.fd[index][0]).status,
				 i ? SHRBUF_STATUS_ADOPTED : 0);
		closefrom(FIRST_TEST_FD);
		expect_no_buffers();
	}
}

static void output(void **state)
{
	struct shrbuf_info info;
	struct planes planes;
	struct camera cam;
	uint64_t seq;
	int index;

	(void)state;
	start(&cam, CAMERA_OUTPUT, &planes);
	camera_pause(&cam, true);
	queue_all(&cam);
	expect_states(&cam, &planes, SHRBUF_STATE_EMPTY);
	assert_int_equal(try_streamon(&cam), 0);
	/* the program has filled it, else it would not have queued it */
	expect_states(&cam, &planes, SHRBUF_STATE_FILLED);
	info = get_info(planes.fd[1][0]);
	assert_int_equal(info.device_reads, 1);
	assert_int_equal(info.frame.bytesused, camera_plane_size(&cam, 0));
	assert_int_equal(info.frame.timestamp, 0);
	assert_int_equal(info.status,
			 SHRBUF_STATUS_QUEUE | SHRBUF_STATUS_DEVICE);
	camera_pause(&cam, false);
	index = try_dqbuf(&cam, V4L2_MEMORY_MMAP);
	assert_true(index >= 0);
	info = get_info(planes.fd[index][0]);
	assert_int_equal(info.device_reads, 0);
	assert_int_equal(info.frame.state, SHRBUF_STATE_FILLED);
	assert_int_equal(info.status, SHRBUF_STATUS_QUEUE);
	seq = info.frame.seq;
	/* once more: another frame, whose timestamp is not that of the first one */
	camera_pause(&cam, true);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, index);
	info = get_info(planes.fd[index][0]);
	assert_int_equal(info.frame.seq, seq + 1);
	assert_int_equal(info.frame.timestamp, 0);
	assert_int_equal(try_streamoff(&cam), 0);
	/* unread by this device, but as good as before */
	info = get_info(planes.fd[index][0]);
	assert_int_equal(info.frame.state, SHRBUF_STATE_FILLED);
	assert_int_equal(info.frame.seq, seq + 1);
	assert_int_equal(info.device_reads, 0);
	end(&cam);
}

/* vim2m, which reads a buffer and never gives it back without a capture side. */
static void m2m_open(struct camera *m2m, const struct v4l2_format *fmt)
{
	memset(m2m, 0, sizeof(*m2m));
	m2m->fd = video_open("vim2m");
	if (m2m->fd < 0)
		fail_msg("no vim2m: load it");
	m2m->type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
	m2m->nr_planes = 1;
	m2m->fmt.type = m2m->type;
	m2m->fmt.fmt.pix.width = fmt->fmt.pix.width;
	m2m->fmt.fmt.pix.height = fmt->fmt.pix.height;
	m2m->fmt.fmt.pix.pixelformat = V4L2_PIX_FMT_RGB565;
	do_ioctl(m2m->fd, VIDIOC_S_FMT, &m2m->fmt);
}

/* One buffer is filled by a camera and read by two devices, at the same time. */
static void several_devices(void **state)
{
	struct camera from, to, m2m;
	struct shrbuf_info info;
	int client, fd;

	(void)state;
	client = client_new(O_NONBLOCK);
	camera_open(&from, CAMERA_SINGLE);
	camera_open(&to, CAMERA_OUTPUT);
	m2m_open(&m2m, &from.fmt);
	to.fmt = from.fmt;
	to.fmt.type = to.type;
	do_ioctl(to.fd, VIDIOC_S_FMT, &to.fmt);
	camera_pause(&from, true);
	fd = alloc_buffer(camera_plane_size(&from, 0), O_RDWR);
	set_state(client, fd, SHRBUF_STATE_FILLED);

	/* two readers, the queue of one of them is attached and watched */
	attach(to.fd);
	watch(client, to.fd, SHRBUF_WATCH_QUEUE, 7, ALL_EVENTS);
	camera_reqbufs(&to, V4L2_MEMORY_DMABUF, 2);
	camera_reqbufs(&m2m, V4L2_MEMORY_DMABUF, 1);
	assert_int_equal(try_qbuf(&m2m, V4L2_MEMORY_DMABUF, 0, &fd, NULL), 0);
	assert_int_equal(try_streamon(&m2m), 0);
	assert_int_equal(get_info(fd).device_reads, 1);
	assert_int_equal(try_qbuf(&to, V4L2_MEMORY_DMABUF, 1, &fd, NULL), 0);
	assert_int_equal(get_info(fd).device_reads, 1);
	assert_int_equal(try_streamon(&to), 0);
	info = get_info(fd);
	assert_int_equal(info.device_reads, 2);
	assert_int_equal(info.status, SHRBUF_STATUS_DEVICE);
	assert_int_equal(info.frame.state, SHRBUF_STATE_FILLED);
	assert_int_equal(try_set_state(client, fd, SHRBUF_STATE_FILLING), -EBUSY);
	/* what happens to it while the watched queue has it, its watchers hear */
	assert_int_equal(try_hold(client, fd, 0, NULL), 0);
	assert_int_equal(try_release(client, fd), 0);
	assert_int_equal(expect_event(client, SHRBUF_EVENT_RELEASED, 7).index, 1);
	assert_true(no_event(client));

	/* one is done and goes for good, the other one still has it */
	assert_int_equal(try_streamoff(&to), 0);
	assert_int_equal(get_info(fd).device_reads, 1);
	camera_reqbufs(&to, V4L2_MEMORY_DMABUF, 0);
	detach(to.fd);
	expect_event(client, SHRBUF_EVENT_GONE, 7);
	let_memory_go();
	assert_int_equal(try_hold(client, fd, 0, NULL), 0);
	assert_int_equal(try_release(client, fd), 0);
	assert_true(no_event(client));

	/* and a camera writes: nothing forbids it, so it must be told as it is */
	camera_reqbufs(&from, V4L2_MEMORY_DMABUF, NR_BUFS);
	assert_int_equal(try_qbuf(&from, V4L2_MEMORY_DMABUF, 0, &fd, NULL), 0);
	{
		int other[2] = { alloc_buffer(info.size, O_RDWR),
				 alloc_buffer(info.size, O_RDWR) };

		assert_int_equal(try_qbuf(&from, V4L2_MEMORY_DMABUF, 1,
					  &other[0], NULL), 0);
		assert_int_equal(try_qbuf(&from, V4L2_MEMORY_DMABUF, 2,
					  &other[1], NULL), 0);
	}
	assert_int_equal(try_streamon(&from), 0);
	info = get_info(fd);
	assert_int_equal(info.frame.state, SHRBUF_STATE_FILLING);
	assert_int_equal(info.device_reads, 1);
	assert_int_equal(try_streamoff(&m2m), 0);
	info = get_info(fd);
	assert_int_equal(info.device_reads, 0);
	assert_int_equal(info.status, SHRBUF_STATUS_DEVICE);
	assert_int_equal(try_streamoff(&from), 0);
	info = get_info(fd);
	assert_int_equal(info.frame.state, SHRBUF_STATE_ERROR);
	assert_int_equal(info.status, 0);
	camera_pause(&from, false);
	closefrom(FIRST_TEST_FD);
	expect_no_buffers();
}

/* A buffer whose queue is gone, in the queue of another device that goes too. */
static void orphan_is_imported(void **state)
{
	struct camera from, to;
	int client, fd;

	(void)state;
	client = client_new(O_NONBLOCK);
	camera_open(&from, CAMERA_SINGLE);
	camera_open(&to, CAMERA_OUTPUT);
	to.fmt = from.fmt;
	to.fmt.type = to.type;
	do_ioctl(to.fd, VIDIOC_S_FMT, &to.fmt);
	attach(from.fd);
	camera_reqbufs(&from, V4L2_MEMORY_MMAP, NR_BUFS);
	camera_run(&from, 3);
	fd = high_fd(camera_expbuf(&from, 0, 0, O_RDWR));
	camera_reqbufs(&from, V4L2_MEMORY_MMAP, 0);
	detach(from.fd);

	attach(to.fd);
	watch(client, to.fd, SHRBUF_WATCH_QUEUE, 1, ALL_EVENTS);
	camera_pause(&to, true);
	camera_reqbufs(&to, V4L2_MEMORY_DMABUF, 2);
	assert_int_equal(try_qbuf(&to, V4L2_MEMORY_DMABUF, 0, &fd, NULL), 0);
	assert_int_equal(try_streamon(&to), 0);
	assert_int_equal(get_info(fd).device_reads, 1);
	assert_int_equal(try_streamoff(&to), 0);
	camera_pause(&to, false);
	camera_reqbufs(&to, V4L2_MEMORY_DMABUF, 0);
	detach(to.fd);
	drain(client);
	let_memory_go();
	/* an event with nobody to hear it */
	assert_int_equal(try_hold(client, fd, 0, NULL), 0);
	assert_int_equal(try_release(client, fd), 0);
	assert_true(no_event(client));
	closefrom(FIRST_TEST_FD);
	expect_no_buffers();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(fresh),
		API_TEST(follows_queue),
		API_TEST(stream_off),
		API_TEST(stream_does_not_start),
		cmocka_unit_test_teardown(orphaned, bind_and_cleanup),
		API_TEST(imported),
		API_TEST(output),
		API_TEST(several_devices),
		API_TEST(orphan_is_imported),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
