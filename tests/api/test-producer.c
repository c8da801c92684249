// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that fill buffers, programs that read them, and who may.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <drm_fourcc.h>

#include "requests.h"

#define SIZE	16384

static void transitions(void **state)
{
	int fd = alloc_buffer(SIZE, O_RDWR);
	struct shrbuf_info info = get_info(fd);
	uint32_t from, to;
	uint64_t seq = 0;

	(void)state;
	assert_int_equal(info.frame.state, SHRBUF_STATE_EMPTY);
	assert_int_equal(info.frame.seq, 0);
	assert_int_equal(info.status, 0);
	assert_int_equal(info.size, SIZE);
	assert_string_equal((char *)info.backing, "pages");
	assert_string_equal((char *)info.name, "test-producer");
	/* a producer may change his mind, also to the same again */
	for (from = 0; from <= SHRBUF_STATE_ERROR; from++) {
		for (to = 0; to <= SHRBUF_STATE_ERROR; to++) {
			struct shrbuf_frame frame = { .state = to };

			set_state(shrbuf_dev(), fd, from);
			seq++;
			assert_int_equal(try_set_frame(shrbuf_dev(), fd, &frame),
					 0);
			assert_int_equal(frame.seq, ++seq);
			info = get_info(fd);
			assert_int_equal(info.frame.seq, seq);
			assert_int_equal(info.frame.state, to);
			assert_int_equal(info.frame.time, frame.time);
		}
	}
	close(fd);
}

static void frame_is_kept(void **state)
{
	struct shrbuf_frame frame = {
		.timestamp = 123456789012345ULL,
		.bytesused = SIZE - 5,
		.state = SHRBUF_STATE_FILLED,
		.sequence = 0xfffffffe,
		.field = V4L2_FIELD_INTERLACED_BT,
		.flags = V4L2_BUF_FLAG_KEYFRAME | V4L2_BUF_FLAG_LAST |
			 V4L2_BUF_FLAG_TIMESTAMP_COPY |
			 V4L2_BUF_FLAG_TSTAMP_SRC_SOE,
	};
	int fd = alloc_buffer(SIZE, O_RDWR);
	struct shrbuf_info info;
	uint64_t time = 0;

	(void)state;
	assert_int_equal(try_set_frame(shrbuf_dev(), fd, &frame), 0);
	info = get_info(fd);
	/* seq and time come from the kernel */
	assert_memory_equal(&info.frame, &frame, sizeof(frame));
	assert_int_equal(frame.seq, 1);
	assert_true(frame.time > time);
	time = frame.time;

	frame = (struct shrbuf_frame){
		.bytesused = SIZE, .state = SHRBUF_STATE_ERROR, .sequence = 1,
	};
	assert_int_equal(try_set_frame(shrbuf_dev(), fd, &frame), 0);
	info = get_info(fd);
	assert_memory_equal(&info.frame, &frame, sizeof(frame));
	assert_true(frame.time >= time);

	/* who begins anew forgets the old one */
	set_state(shrbuf_dev(), fd, SHRBUF_STATE_FILLING);
	info = get_info(fd);
	assert_int_equal(info.frame.bytesused, 0);
	assert_int_equal(info.frame.sequence, 0);
	assert_int_equal(info.frame.seq, 3);
	close(fd);
}

static void second_producer(void **state)
{
	int one = client_new(0), two = client_new(0);
	int fd = alloc_buffer(SIZE, O_RDWR);
	uint32_t s;

	(void)state;
	set_state(one, fd, SHRBUF_STATE_FILLING);
	for (s = 0; s <= SHRBUF_STATE_ERROR; s++)
		assert_int_equal(try_set_state(two, fd, s), -EBUSY);
	assert_int_equal(get_info(fd).frame.seq, 1);
	assert_int_equal(fdinfo_number(one, "fills"), 1);
	assert_int_equal(fdinfo_number(two, "fills"), 0);
	set_state(one, fd, SHRBUF_STATE_FILLED);
	assert_int_equal(fdinfo_number(one, "fills"), 0);
	/* done, so others may */
	set_state(two, fd, SHRBUF_STATE_FILLING);
	assert_int_equal(try_set_state(one, fd, SHRBUF_STATE_FILLED), -EBUSY);
	/* closed before he was done */
	close(two);
	assert_int_equal(get_info(fd).frame.state, SHRBUF_STATE_ERROR);
	assert_int_equal(get_info(fd).frame.seq, 4);
	set_state(one, fd, SHRBUF_STATE_FILLING);
	set_state(one, fd, SHRBUF_STATE_EMPTY);
	close(one);
	assert_int_equal(get_info(fd).frame.seq, 6);
	assert_int_equal(get_info(fd).frame.state, SHRBUF_STATE_EMPTY);
	close(fd);
}

static int fill_and_wait(void *arg)
{
	int *fd = arg;
	int client = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);

	if (try_set_state(client, *fd, SHRBUF_STATE_FILLING))
		return 1;
	pause();
	return 2;
}

static void producer_is_killed(void **state)
{
	int fd = alloc_buffer(SIZE, O_RDWR);
	int watcher = client_new(0);
	int child;

	(void)state;
	watch(watcher, fd, 0, 3, ALL_EVENTS);
	child = start_child(fill_and_wait, &fd);
	expect_event(watcher, SHRBUF_EVENT_FILLING, 3);
	assert_int_equal(try_set_state(shrbuf_dev(), fd, SHRBUF_STATE_FILLED),
			 -EBUSY);
	kill_child(child);
	expect_event(watcher, SHRBUF_EVENT_ERROR, 3);
	assert_int_equal(get_info(fd).frame.state, SHRBUF_STATE_ERROR);
	set_state(shrbuf_dev(), fd, SHRBUF_STATE_FILLED);
	close(watcher);
	close(fd);
}

/* The first argument that is wrong decides, then access, then who owns the buffer. */
static void who_may(void **state)
{
	int fd, ro, wo;
	struct camera cam;
	uint32_t s;

	(void)state;
	/* memory of a queue: only its device */
	camera_shared(&cam, CAMERA_SINGLE, 3);
	fd = high_fd(camera_expbuf(&cam, 0, 0, O_RDWR));
	ro = high_fd(camera_expbuf(&cam, 0, 0, O_RDONLY));
	for (s = 0; s <= SHRBUF_STATE_ERROR; s++) {
		assert_int_equal(try_set_state(shrbuf_dev(), fd, s), -EPERM);
		assert_int_equal(try_set_state(shrbuf_dev(), ro, s), -EACCES);
	}
	assert_int_equal(try_set_format(ro, DRM_FORMAT_XRGB8888, 64, 32), -EACCES);
	assert_int_equal(get_info(ro).frame.seq, 0);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	/* also when the queue has given it up */
	assert_int_equal(try_set_state(shrbuf_dev(), fd, 0), -EPERM);
	close(fd);
	close(ro);
	detach(cam.fd);
	camera_close(&cam);

	ro = alloc_buffer(SIZE, O_RDONLY);
	for (s = 0; s <= SHRBUF_STATE_ERROR; s++)
		assert_int_equal(try_set_state(shrbuf_dev(), ro, s), -EACCES);
	assert_int_equal(try_set_format(ro, DRM_FORMAT_XRGB8888, 64, 32), -EACCES);
	/* looking is allowed */
	assert_int_equal(get_info(ro).frame.seq, 0);
	close(ro);
	wo = alloc_buffer(SIZE, O_WRONLY);
	set_state(shrbuf_dev(), wo, SHRBUF_STATE_FILLED);
	close(wo);
	expect_no_buffers();
}

static void format(void **state)
{
	int fd = alloc_buffer(SIZE, O_RDWR);
	struct shrbuf_info info = get_info(fd);
	uint64_t seq = info.frame.seq;

	(void)state;
	assert_int_equal(info.format.width, 0);
	assert_int_equal(try_set_format(fd, DRM_FORMAT_XRGB8888, 64, 32), 0);
	info = get_info(fd);
	assert_int_equal(info.format.fourcc, DRM_FORMAT_XRGB8888);
	assert_int_equal(info.format.width, 64);
	assert_int_equal(info.format.height, 32);
	assert_int_equal(info.format.planes[0].stride, 256);
	assert_int_equal(info.format.crop.width, 64);
	/* that is not a change of the content */
	assert_int_equal(info.frame.seq, seq);
	assert_int_equal(try_set_format(-1, DRM_FORMAT_XRGB8888, 64, 32), -EBADF);
	close(fd);
}

/* another process, with nothing but a file descriptor that it was sent */

static int send_fd(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int socket)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(socket, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -EIO;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static int ask_about_received(void *arg)
{
	struct shrbuf_info info = { 0 };
	struct shrbuf_state_op op = { .frame.state = SHRBUF_STATE_EMPTY };
	int client;

	closefrom(FIRST_TEST_FD);
	close(shrbuf_dev());
	client = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);
	info.fd = receive_fd(*(int *)arg);
	if (info.fd < 0 || try_ioctl(client, SHRBUF_IOC_INFO, &info))
		return 1;
	op.fd = info.fd;
	if (try_ioctl(client, SHRBUF_IOC_SET_STATE, &op) != -EACCES)
		return 2;
	return info.frame.sequence == 77 &&
	       info.frame.state == SHRBUF_STATE_FILLED ? 0 : 3;
}

static void other_process(void **state)
{
	struct shrbuf_frame frame = {
		.state = SHRBUF_STATE_FILLED, .sequence = 77,
	};
	int sockets[2], fd, ro, child;

	(void)state;
	/* below what the child closes */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	fd = alloc_buffer(SIZE, O_RDWR);
	assert_int_equal(try_set_frame(shrbuf_dev(), fd, &frame), 0);
	/* a read-only one of the same buffer */
	ro = adopt(shrbuf_dev(), fd, O_RDONLY);
	child = start_child(ask_about_received, &sockets[1]);
	assert_int_equal(send_fd(sockets[0], ro), 0);
	end_child(child, 0);
	assert_int_equal(try_disown(shrbuf_dev(), fd), 0);
	close(sockets[0]);
	close(sockets[1]);
	close(fd);
	close(ro);
	expect_no_buffers();
}

/* A reader that takes no lock and holds nothing compares seq before and after. */

#define FRAMES	400

struct race {
	int fd;
	uint32_t *p;
	bool stop;
	unsigned int good, overwritten, wrong;
};

static void *read_frames(void *arg)
{
	struct race *race = arg;
	struct shrbuf_info before, after;
	unsigned int i;

	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
		bool whole = true;

		if (try_info(race->fd, &before) ||
		    before.frame.state != SHRBUF_STATE_FILLED)
			continue;
		for (i = 0; i < SIZE / 4; i++)
			whole &= __atomic_load_n(&race->p[i], __ATOMIC_RELAXED) ==
				 before.frame.sequence;
		if (try_info(race->fd, &after))
			continue;
		if (after.frame.seq != before.frame.seq)
			race->overwritten++;
		else if (whole)
			race->good++;
		else
			race->wrong++;
	}
	return NULL;
}

static void sequence_lock(void **state)
{
	struct race race = { .fd = alloc_buffer(SIZE, O_RDWR) };
	pthread_t thread;
	unsigned int i, j;

	(void)state;
	race.p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, race.fd, 0);
	assert_true(race.p != MAP_FAILED);
	assert_int_equal(pthread_create(&thread, NULL, read_frames, &race), 0);
	for (i = 1; i <= FRAMES; i++) {
		struct shrbuf_frame frame = {
			.state = SHRBUF_STATE_FILLED, .sequence = i,
		};

		set_state(shrbuf_dev(), race.fd, SHRBUF_STATE_FILLING);
		for (j = 0; j < SIZE / 4; j++)
			__atomic_store_n(&race.p[j], i, __ATOMIC_RELAXED);
		assert_int_equal(try_set_frame(shrbuf_dev(), race.fd, &frame), 0);
		if (i % 8 == 0)
			usleep(1000);
	}
	/* the last one stays: the reader sees at least that one */
	while (!__atomic_load_n(&race.good, __ATOMIC_RELAXED))
		usleep(1000);
	__atomic_store_n(&race.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	print_message("# %u frames whole, %u overwritten while they were read\n",
		      race.good, race.overwritten);
	assert_int_equal(race.wrong, 0);
	munmap(race.p, SIZE);
	close(race.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(transitions),
		API_TEST(frame_is_kept),
		API_TEST(second_producer),
		API_TEST(producer_is_killed),
		API_TEST(who_may),
		API_TEST(format),
		API_TEST(other_process),
		API_TEST(sequence_lock),
	};

	return cmocka_run_group_tests_name("producer", tests, NULL, NULL);
}
