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
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <xf86drm.h>

#include "fuzz.h"

#define MAX_THREADS	16

/* No operation takes as long, whatever the machine does. */
#define HANG_SECONDS	300

static struct fuzzer fuzzers[MAX_THREADS];
__thread struct fuzzer *self;

static unsigned long seed;
static unsigned long count = 20000;
static unsigned int nr_threads = 4;

char *user_memory;

pthread_rwlock_t world = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

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
	{ "ALLOC", op_alloc, 10 },
	{ "INFO", op_info, 15 },
	{ "SET_FORMAT", op_set_format, 5 },
	{ "SET_STATE", op_set_state, 25 },
	{ "WATCH", op_watch, 20 },
	{ "UNWATCH", op_unwatch, 10 },
	{ "HOLD", op_hold, 15 },
	{ "RELEASE", op_release, 10 },
	{ "ADOPT", op_adopt, 10 },
	{ "DISOWN", op_disown, 10 },
	{ "argument at the end of memory", op_bad_argument, 5 },
	{ "read of events", op_read_events, 15 },
	{ "poll for events", op_poll_events, 5 },
	{ "SCM_RIGHTS", op_pass, 10 },
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
	{ "CONFIGURE", op_configure, 20 },
	{ "ROUTE_CREATE", op_route_create, 15 },
	{ "ROUTE_ADD_TAP", op_route_tap, 15 },
	{ "ROUTE_ADD_VIDEO", op_route_video, 10 },
	{ "ROUTE_ADD_KMS with an unknown display", op_route_display, 5 },
	{ "ROUTE_START", op_route_start, 15 },
	{ "ROUTE_STOP", op_route_stop, 5 },
	{ "ROUTE_REMOVE", op_route_remove, 5 },
	{ "ROUTE_STATS", op_route_stats, 10 },
	{ "read of a route", op_route_events, 10 },
	{ "TAP_TAKE", op_tap_take, 25 },
	{ "TAP_GIVE", op_tap_give, 25 },
	{ "route", op_route, 15 },
	{ "unknown request of a route", op_route_wrong, 10 },
	{ "member of a world", op_fusion_open, 25 },
	{ "WORLD_*", op_fusion_world, 10 },
	{ "FUSION_QUERY", op_fusion_query, 10 },
	{ "FUSION_THREAD", op_fusion_thread, 10 },
	{ "OBJECT_CREATE", op_fusion_create, 40 },
	{ "OBJECT_DESTROY", op_fusion_destroy, 5 },
	{ "SKIRMISH_*", op_fusion_skirmish, 40 },
	{ "REF_*", op_fusion_ref, 40 },
	{ "PROPERTY_*", op_fusion_property, 15 },
	{ "MESSAGE_SEND", op_fusion_send, 20 },
	{ "REACTOR_*", op_fusion_reactor, 25 },
	{ "CALL_EXECUTE", op_fusion_call, 40 },
	{ "RECEIVE", op_fusion_serve, 40 },
	{ "read of messages", op_fusion_read, 20 },
	{ "BUFFER_*", op_fusion_buffer, 20 },
	{ "POOL_*", op_fusion_pool, 15 },
	{ "mmap of states", op_fusion_map, 15 },
	{ "words over states", op_fusion_scribble, 25 },
	{ "SYNCOBJ_*", op_fusion_syncobj, 10 },
	{ "unknown arguments of fusion", op_fusion_wrong, 40 },
	{ "members in a child", op_fusion_child, 5 },
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

static unsigned int violations;

void violated(const char *format, ...)
{
	va_list args;

	__atomic_add_fetch(&violations, 1, __ATOMIC_RELAXED);
	va_start(args, format);
	flockfile(stdout);
	printf("# violation in %s: ", self->op_name);
	vprintf(format, args);
	printf("\n");
	funlockfile(stdout);
	va_end(args);
}

/* what must be as before */

struct refs {
	int shrbuf, vivid, vkms, vgem, fusion;
};

static struct refs refs_before;

static struct refs refs_now(void)
{
	return (struct refs){
		.shrbuf = module_refs("shrbuf"),
		.vivid = module_refs("vivid"),
		.vkms = module_refs("vkms"),
		.vgem = module_refs("vgem"),
		.fusion = module_refs("fusion"),
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
	/* nothing may be behind it */
	user_memory = mmap(NULL, 2 * USER_SIZE + PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(user_memory != MAP_FAILED);
	assert_int_equal(mprotect(user_memory + 2 * USER_SIZE, PAGE, PROT_NONE), 0);
	expect_no_dma_debug();
	find_fusion();
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
	assert_int_equal(violations, 0);
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
