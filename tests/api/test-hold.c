// SPDX-License-Identifier: GPL-2.0
/*
 * Readers that hold a frame.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "requests.h"

#define SIZE	16384

static void hold_and_release(void **state)
{
	struct shrbuf_frame frame = {
		.state = SHRBUF_STATE_FILLED, .sequence = 3, .bytesused = 11,
	}, held;
	int client = client_new(0), fd = alloc_buffer(SIZE, O_RDWR);
	uint32_t s;

	(void)state;
	/* nothing there */
	assert_int_equal(try_hold(client, fd, 0, NULL), -ENODATA);
	assert_int_equal(try_hold(client, fd, 1, NULL), -ESTALE);
	assert_int_equal(try_release(client, fd), -ENOENT);
	set_state(client, fd, SHRBUF_STATE_FILLING);
	assert_int_equal(try_hold(client, fd, 0, NULL), -ENODATA);
	assert_int_equal(try_hold(client, fd, 1, NULL), -ENODATA);

	assert_int_equal(try_set_frame(client, fd, &frame), 0);
	assert_int_equal(try_hold(client, fd, frame.seq + 1, NULL), -ESTALE);
	assert_int_equal(try_hold(client, fd, frame.seq - 1, NULL), -ESTALE);
	assert_int_equal(try_hold(client, fd, ~0ULL, NULL), -ESTALE);
	assert_int_equal(get_info(fd).holds, 0);
	/* by name */
	assert_int_equal(try_hold(client, fd, frame.seq, &held), 0);
	assert_memory_equal(&held, &frame, sizeof(held));
	assert_int_equal(get_info(fd).holds, 1);
	assert_int_equal(fdinfo_number(client, "holds"), 1);
	assert_int_equal(try_hold(client, fd, frame.seq, NULL), -EALREADY);
	assert_int_equal(try_hold(client, fd, 0, NULL), -EALREADY);
	/* nobody writes now, not even who holds it */
	for (s = 0; s <= SHRBUF_STATE_ERROR; s++) {
		assert_int_equal(try_set_state(client, fd, s), -EBUSY);
		assert_int_equal(try_set_state(shrbuf_dev(), fd, s), -EBUSY);
	}
	assert_int_equal(get_info(fd).frame.seq, frame.seq);
	assert_int_equal(try_release(shrbuf_dev(), fd), -ENOENT);
	assert_int_equal(try_release(client, fd), 0);
	assert_int_equal(try_release(client, fd), -ENOENT);
	assert_int_equal(get_info(fd).holds, 0);
	assert_int_equal(fdinfo_number(client, "holds"), 0);
	/* whichever is there; damaged ones as well */
	set_state(client, fd, SHRBUF_STATE_ERROR);
	assert_int_equal(try_hold(client, fd, 0, &held), 0);
	assert_int_equal(held.seq, frame.seq + 1);
	assert_int_equal(held.state, SHRBUF_STATE_ERROR);
	assert_int_equal(try_release(client, fd), 0);
	set_state(client, fd, SHRBUF_STATE_EMPTY);
	assert_int_equal(try_hold(client, fd, 0, NULL), -ENODATA);
	close(fd);
	close(client);
}

/* Reading rights are enough: that is what a hold is for. */
static void hold_read_only(void **state)
{
	int client = client_new(0), fd = alloc_buffer(SIZE, O_RDWR);
	int ro = adopt(shrbuf_dev(), fd, O_RDONLY);

	(void)state;
	set_state(client, fd, SHRBUF_STATE_FILLED);
	assert_int_equal(try_hold(client, ro, 0, NULL), 0);
	/* it is one buffer, whichever file descriptor names it */
	assert_int_equal(try_hold(client, fd, 0, NULL), -EALREADY);
	assert_int_equal(try_release(client, fd), 0);
	assert_int_equal(try_disown(shrbuf_dev(), fd), 0);
	close(client);
}

static void several_holders(void **state)
{
	int clients[4], fd = alloc_buffer(SIZE, O_RDWR);
	int watcher = client_new(0);
	unsigned int i;

	(void)state;
	set_state(shrbuf_dev(), fd, SHRBUF_STATE_FILLED);
	watch(watcher, fd, 0, 6, ALL_EVENTS);
	for (i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = client_new(0);
		assert_int_equal(try_hold(clients[i], fd, 1, NULL), 0);
		assert_int_equal(get_info(fd).holds, i + 1);
	}
	assert_int_equal(try_set_state(shrbuf_dev(), fd, SHRBUF_STATE_FILLING),
			 -EBUSY);
	assert_int_equal(try_release(clients[2], fd), 0);
	close(clients[0]);
	close(clients[3]);
	assert_int_equal(get_info(fd).holds, 1);
	/* the last one to let go is told of, the others are not */
	assert_true(no_event(watcher));
	assert_int_equal(try_release(clients[1], fd), 0);
	expect_event(watcher, SHRBUF_EVENT_RELEASED, 6);
	assert_true(no_event(watcher));
	set_state(shrbuf_dev(), fd, SHRBUF_STATE_FILLING);
}

static int hold_and_wait(void *arg)
{
	int *fds = arg;
	int client = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);

	if (try_hold(client, fds[0], 0, NULL))
		return 1;
	if (try_hold(client, fds[1], 0, NULL))
		return 2;
	/* says that it has both */
	set_state(client, fds[2], SHRBUF_STATE_FILLED);
	pause();
	return 3;
}

static void holder_is_killed(void **state)
{
	int watcher = client_new(0), fds[3], child, i;

	(void)state;
	for (i = 0; i < 3; i++)
		fds[i] = alloc_buffer(SIZE, O_RDWR);
	set_state(shrbuf_dev(), fds[0], SHRBUF_STATE_FILLED);
	set_state(shrbuf_dev(), fds[1], SHRBUF_STATE_FILLED);
	assert_int_equal(try_hold(shrbuf_dev(), fds[1], 0, NULL), 0);
	for (i = 0; i < 3; i++)
		watch(watcher, fds[i], 0, i, ALL_EVENTS);
	child = start_child(hold_and_wait, fds);
	expect_event(watcher, SHRBUF_EVENT_FILLED, 2);
	assert_int_equal(get_info(fds[0]).holds, 1);
	assert_int_equal(get_info(fds[1]).holds, 2);
	kill_child(child);
	expect_event(watcher, SHRBUF_EVENT_RELEASED, 0);
	assert_int_equal(get_info(fds[0]).holds, 0);
	assert_int_equal(get_info(fds[1]).holds, 1);
	assert_int_equal(try_release(shrbuf_dev(), fds[1]), 0);
	expect_event(watcher, SHRBUF_EVENT_RELEASED, 1);
	assert_true(no_event(watcher));
}

/* A hold keeps the frame from being overwritten, not the memory from being freed. */
static void buffer_is_freed(void **state)
{
	int client = client_new(0), fd = alloc_buffer(SIZE, O_RDWR);

	(void)state;
	set_state(client, fd, SHRBUF_STATE_FILLED);
	watch(client, fd, 0, 1, ALL_EVENTS);
	assert_int_equal(try_hold(client, fd, 0, NULL), 0);
	close(fd);
	expect_event(client, SHRBUF_EVENT_GONE, 1);
	expect_no_buffers();
	assert_int_equal(fdinfo_number(client, "holds"), 0);
	/* and without a watch, then with requests for others */
	fd = alloc_buffer(SIZE, O_RDWR);
	set_state(client, fd, SHRBUF_STATE_FILLED);
	assert_int_equal(try_hold(client, fd, 0, NULL), 0);
	close(fd);
	expect_no_buffers();
	fd = alloc_buffer(SIZE, O_RDWR);
	set_state(client, fd, SHRBUF_STATE_FILLED);
	assert_int_equal(try_hold(client, fd, 0, NULL), 0);
	close(client);
	assert_int_equal(get_info(fd).holds, 0);
}

/* A queue does not care: as without shrbuf. The holder is told by seq. */
static void queue_goes_on(void **state)
{
	int client = client_new(0), fds[3];
	struct shrbuf_frame held;
	struct camera cam;
	unsigned int i;
	int index;

	(void)state;
	camera_open(&cam, CAMERA_SINGLE);
	camera_pause(&cam, false);
	attach(cam.fd);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 3);
	for (i = 0; i < 3; i++) {
		fds[i] = high_fd(camera_expbuf(&cam, i, 0, O_RDONLY));
		camera_qbuf(&cam, V4L2_MEMORY_MMAP, i);
	}
	assert_int_equal(try_streamon(&cam), 0);
	index = try_dqbuf(&cam, V4L2_MEMORY_MMAP);
	assert_true(index >= 0);
	assert_int_equal(try_hold(client, fds[index], 0, &held), 0);
	assert_int_equal(held.state, SHRBUF_STATE_FILLED);
	watch(client, fds[index], 0, 0, ALL_EVENTS);
	camera_qbuf(&cam, V4L2_MEMORY_MMAP, index);
	assert_int_equal(expect_event(client, SHRBUF_EVENT_FILLING, 0).seq,
			 held.seq + 1);
	assert_int_equal(get_info(fds[index]).holds, 1);
	expect_event(client, SHRBUF_EVENT_FILLED, 0);
	assert_int_equal(try_release(client, fds[index]), 0);
	expect_event(client, SHRBUF_EVENT_RELEASED, 0);
	/* what was held is not there any more */
	assert_int_equal(try_hold(client, fds[index], held.seq, NULL), -ESTALE);
	assert_int_equal(try_streamoff(&cam), 0);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	expect_event(client, SHRBUF_EVENT_ORPHANED, 0);
	/* frames of a queue that is gone can be held as well */
	for (i = 0; i < 3; i++)
		if (get_info(fds[i]).frame.state == SHRBUF_STATE_FILLED)
			break;
	if (i < 3)
		assert_int_equal(try_hold(client, fds[i], 0, NULL), 0);
	detach(cam.fd);
	camera_close(&cam);
}

/*
 * A reader holds the frames of a producer who goes on as fast as he can: as long as it
 * holds one, that one does not change, and it never holds another than it asked for.
 */

#define FRAMES	300

struct race {
	int fd;
	uint32_t *p;
	bool stop;
	unsigned int held, missed, wrong;
};

static void *hold_frames(void *arg)
{
	struct race *race = arg;
	int client = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);
	struct shrbuf_info info;
	struct shrbuf_frame frame;
	unsigned int i;

	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
		int ret;

		if (try_info(race->fd, &info) ||
		    info.frame.state != SHRBUF_STATE_FILLED)
			continue;
		ret = try_hold(client, race->fd, info.frame.seq, &frame);
		if (ret) {
			race->wrong += ret != -ESTALE;
			race->missed++;
			continue;
		}
		race->wrong += frame.seq != info.frame.seq ||
			       frame.sequence != info.frame.sequence;
		for (i = 0; i < SIZE / 4; i++)
			race->wrong += __atomic_load_n(&race->p[i], __ATOMIC_RELAXED) !=
				       frame.sequence;
		race->wrong += try_release(client, race->fd) != 0;
		__atomic_add_fetch(&race->held, 1, __ATOMIC_RELAXED);
	}
	close(client);
	return NULL;
}

static void running_producer(void **state)
{
	struct race race = { .fd = alloc_buffer(SIZE, O_RDWR) };
	pthread_t threads[2];
	unsigned int i, j, refused = 0;

	(void)state;
	race.p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, race.fd, 0);
	assert_true(race.p != MAP_FAILED);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hold_frames,
						&race), 0);
	for (i = 1; i <= FRAMES;) {
		struct shrbuf_frame frame = {
			.state = SHRBUF_STATE_FILLED, .sequence = i,
		};
		int ret = try_set_state(shrbuf_dev(), race.fd,
					SHRBUF_STATE_FILLING);

		if (ret) {
			assert_int_equal(ret, -EBUSY);
			refused++;
			usleep(100);
			continue;
		}
		for (j = 0; j < SIZE / 4; j++)
			__atomic_store_n(&race.p[j], i, __ATOMIC_RELAXED);
		assert_int_equal(try_set_frame(shrbuf_dev(), race.fd, &frame), 0);
		i++;
	}
	while (!__atomic_load_n(&race.held, __ATOMIC_RELAXED))
		usleep(1000);
	__atomic_store_n(&race.stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	print_message("# %u held, %u came too late, %u times the producer had to wait\n",
		      race.held, race.missed, refused);
	assert_int_equal(race.wrong, 0);
	assert_int_equal(get_info(race.fd).holds, 0);
	munmap(race.p, SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(hold_and_release),
		API_TEST(hold_read_only),
		API_TEST(several_holders),
		API_TEST(holder_is_killed),
		API_TEST(buffer_is_freed),
		API_TEST(queue_goes_on),
		API_TEST(running_producer),
	};

	return cmocka_run_group_tests_name("hold", tests, NULL, NULL);
}
