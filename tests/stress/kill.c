// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that are killed at any point of what they do with shared buffers. Each time
 * everything has to be released, and everything has to work again.
 *
 * Usage: kill [--count N] [--only NAME] [--seed S]
 *   --count N   how many times, for each scenario (100)
 *   --only NAME only the scenario of this name; * and ? stand for anything
 *   --seed S    of the random numbers: which scenario waits how long (from the clock).
 *               It is printed.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <xf86drm.h>

#include "kill.h"
#include "../routes/routes.h"
#include "../kernel/shrbuf_testdev.h"

/* How long a process may live, in microseconds: longer than a scenario takes. */
#define MAX_DELAY	300000
/* After so many kills, more is looked at. */
#define BATCH		25
#define MESSAGES	4
/* of each mapping, less than the smallest buffer */
#define MAP_SIZE	(8 * 4096)

static unsigned long seed;
static unsigned int count = 100;

static uint64_t random_state;

/* What victims need, found out before. */
static char camera_node[64];
static char multi_node[64];
static char vkms_node[64];

static const char *const milestone_names[] = {
	"attached", "exported", "imported", "mapped", "streamed", "passed on",
	"held", "filled", "adopted", "read", "routed", "taken", "called", "lent",
	"dispatched", "shared", "locked", "done",
};

static unsigned int *milestones;

void reached(enum milestone what)
{
	__atomic_add_fetch(&milestones[what], 1, __ATOMIC_RELAXED);
}

/* What victims do, see kill.h. */

void victim_open(struct victim *v, bool multi)
{
	memset(v, 0, sizeof(*v));
	v->cam.fd = open(multi ? multi_node : camera_node, O_RDWR | O_CLOEXEC);
	v->cam.type = multi ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE :
			      V4L2_BUF_TYPE_VIDEO_CAPTURE;
	v->cam.fmt.type = v->cam.type;
	try_ioctl(v->cam.fd, VIDIOC_G_FMT, &v->cam.fmt);
	v->cam.nr_planes = multi ? v->cam.fmt.fmt.pix_mp.num_planes : 1;
	v->drm = open(vkms_node, O_RDWR | O_CLOEXEC);
	if (!try_attach(v->cam.fd))
		reached(DID_ATTACH);
}

void victim_export(struct victim *v)
{
	unsigned int i;

	try_reqbufs(&v->cam, V4L2_MEMORY_MMAP, NR_BUFS);
	for (i = 0; i < NR_BUFS; i++)
		v->fds[i] = try_expbuf(&v->cam, i, 0, O_RDWR | O_CLOEXEC);
	if (v->fds[NR_BUFS - 1] >= 0)
		reached(DID_EXPORT);
}

static void import_and_map(int drm, const int *fds, void **maps)
{
	uint32_t handle;
	unsigned int i;

	for (i = 0; i < NR_BUFS; i++) {
		if (!drmPrimeFDToHandle(drm, fds[i], &handle))
			reached(DID_IMPORT);
		maps[i] = mmap(NULL, MAP_SIZE, PROT_READ | PROT_WRITE,
			       MAP_SHARED, fds[i], 0);
		if (maps[i] != MAP_FAILED)
			reached(DID_MAP);
		do_sync(fds[i], DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
		do_sync(fds[i], DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
	}
}

void victim_stream(struct victim *v, unsigned int frames)
{
	unsigned int i;
	int index;

	for (i = 0; i < NR_BUFS; i++)
		try_qbuf(&v->cam, V4L2_MEMORY_MMAP, i, NULL, NULL);
	try_streamon(&v->cam);
	for (i = 0; i < frames; i++) {
		index = try_dqbuf(&v->cam, V4L2_MEMORY_MMAP);
		if (index < 0)
			break;
		reached(DID_STREAM);
		try_qbuf(&v->cam, V4L2_MEMORY_MMAP, index, NULL, NULL);
	}
	try_streamoff(&v->cam);
}

void victim_close(struct victim *v)
{
	unsigned int i;

	for (i = 0; i < NR_BUFS; i++) {
		if (v->maps[i] && v->maps[i] != MAP_FAILED)
			munmap(v->maps[i], MAP_SIZE);
		close(v->fds[i]);
	}
	close(v->drm);
	try_reqbufs(&v->cam, V4L2_MEMORY_MMAP, 0);
	try_detach(v->cam.fd);
	close(v->cam.fd);
	reached(DID_ALL);
}

/* One process, all by itself. */
static void scene_alone(void)
{
	struct victim v;

	victim_open(&v, random_next(&random_state) % 2);
	victim_export(&v);
	import_and_map(v.drm, v.fds, v.maps);
	victim_stream(&v, 1);
	victim_close(&v);
}

/* A child that inherits all files and mappings, and uses them while its parent goes. */
static void scene_forked(void)
{
	pid_t victim = getpid();
	struct victim v;

	victim_open(&v, false);
	victim_export(&v);
	import_and_map(v.drm, v.fds, v.maps);
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == victim) {
			void *maps[NR_BUFS];
			unsigned int i;

			import_and_map(v.drm, v.fds, maps);
			for (i = 0; i < NR_BUFS; i++)
				if (maps[i] != MAP_FAILED)
					munmap(maps[i], MAP_SIZE);
		}
		_exit(0);
	}
	victim_stream(&v, 1);
	victim_close(&v);
}

/* Threads of one process, which all use the same files. */
static void *thread_list(void *arg)
{
	unsigned int i;

	for (i = 0; i < 20 || arg; i++)
		buffers_alive();
	return NULL;
}

static void *thread_import(void *arg)
{
	struct victim *v = arg;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		void *maps[NR_BUFS];
		unsigned int j;
		int fd;

		import_and_map(v->drm, v->fds, maps);
		for (j = 0; j < NR_BUFS; j++)
			if (maps[j] != MAP_FAILED)
				munmap(maps[j], MAP_SIZE);
		fd = try_ioctl(test_dev(), SHRBUF_TEST_ADOPT,
			       (void *)(long)v->fds[i % NR_BUFS]);
		if (fd >= 0)
			close(fd);
		fd = try_ioctl(test_dev(), SHRBUF_TEST_ALLOC, (void *)16);
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

static void *thread_attach(void *arg)
{
	struct victim *v = arg;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		int fd = open(camera_node, O_RDWR | O_CLOEXEC);

		try_attach(fd);
		close(try_expbuf(&v->cam, i % NR_BUFS, 0, O_RDONLY | O_CLOEXEC));
		try_detach(fd);
		close(fd);
	}
	return NULL;
}

static void scene_threads(void)
{
	static void *(*const functions[])(void *) = {
		thread_list, thread_import, thread_import, thread_attach,
	};
	pthread_t threads[ARRAY_SIZE(functions)];
	bool started[ARRAY_SIZE(functions)];
	struct victim v;
	unsigned int i;

	victim_open(&v, false);
	victim_export(&v);
	for (i = 0; i < ARRAY_SIZE(functions); i++)
		started[i] = !pthread_create(&threads[i], NULL, functions[i],
					     functions[i] == thread_list ?
					     NULL : &v);
	victim_stream(&v, 3);
	for (i = 0; i < ARRAY_SIZE(functions); i++)
		if (started[i])
			pthread_join(threads[i], NULL);
	victim_close(&v);
}

void send_fds(int sock, const int *fds, unsigned int nr)
{
	char data = 0, control[CMSG_SPACE(sizeof(int) * NR_BUFS)] = { 0 };
	struct iovec iov = { .iov_base = &data, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int) * nr),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * nr);
	memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * nr);
	sendmsg(sock, &msg, MSG_NOSIGNAL);
}

static bool receive_fds(int sock, int *fds, unsigned int nr)
{
	char data, control[CMSG_SPACE(sizeof(int) * NR_BUFS)];
	struct iovec iov = { .iov_base = &data, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) <= 0)
		return false;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_len < CMSG_LEN(sizeof(int) * nr))
		return false;
	memcpy(fds, CMSG_DATA(cmsg), sizeof(int) * nr);
	return true;
}

/* Takes what comes, imports it, and keeps some of it. */
static void consumer(int sock)
{
	int drm = open(vkms_node, O_RDWR | O_CLOEXEC);
	unsigned int i, j;
	int fds[NR_BUFS];

	for (i = 0; i < MESSAGES; i++) {
		void *maps[NR_BUFS];

		if (!receive_fds(sock, fds, NR_BUFS))
			break;
		reached(DID_PASS);
		import_and_map(drm, fds, maps);
		for (j = 0; j < NR_BUFS; j++)
			close(fds[j]);
	}
	/* holds them until it is killed, or the producer goes */
	receive_fds(sock, fds, NR_BUFS);
}

/*
 * A producer and two consumers. Messages that nobody has received hold buffers, too. Any
 * of the three may be killed first, the others go on.
 */
static void scene_consumers(int role, const int (*socks)[2])
{
	unsigned int i;
	struct victim v;

	if (role) {
		close(socks[0][0]);
		close(socks[1][0]);
		close(socks[2 - role][1]);
		consumer(socks[role - 1][1]);
		return;
	}
	close(socks[0][1]);
	close(socks[1][1]);
	victim_open(&v, false);
	victim_export(&v);
	for (i = 0; i < MESSAGES; i++) {
		send_fds(socks[0][0], v.fds, NR_BUFS);
		send_fds(socks[1][0], v.fds, NR_BUFS);
		victim_stream(&v, 1);
	}
	victim_close(&v);
}

/* The killer */

/* Waits get longer by this factor where the machine is too slow for the scenario. */
static unsigned int patience = 1;

uint64_t random_kill(void)
{
	return random_next(&random_state);
}

void wait_random(void)
{
	/* Short waits are more likely: most of what is critical comes early. */
	uint64_t r = random_next(&random_state) % 1000;
	long usec = (long)(r * r * MAX_DELAY / 1000000) * patience;
	struct timespec ts = {
		.tv_sec = usec / 1000000, .tv_nsec = usec % 1000000 * 1000,
	};

	nanosleep(&ts, NULL);
}

void kill_and_wait(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* It may just have come to its end, but not to another one. */
	if (WIFSIGNALED(status))
		assert_int_equal(WTERMSIG(status), SIGKILL);
	else
		assert_int_equal(WEXITSTATUS(status), 0);
}

pid_t start_victim(void (*scene)(void))
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* other numbers than the parent goes on with */
		random_state ^= 0x5555555555555555ULL;
		scene();
		_exit(0);
	}
	return pid;
}

static void run_alone(void)
{
	pid_t pid = start_victim(scene_alone);

	wait_random();
	kill_and_wait(pid);
}

static void run_threads(void)
{
	pid_t pid = start_victim(scene_threads);

	wait_random();
	kill_and_wait(pid);
}

static void run_forked(void)
{
	pid_t pid = start_victim(scene_forked);

	wait_random();
	kill_and_wait(pid);
	/* the child of the victim is ours now */
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static int scene_role;
static int scene_socks[2][2];

static void scene_with_role(void)
{
	scene_consumers(scene_role, scene_socks);
}

static void run_consumers(void)
{
	unsigned int first = random_next(&random_state) % 3;
	pid_t pids[3];
	int i;

	for (i = 0; i < 2; i++)
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC,
					    0, scene_socks[i]), 0);
	for (i = 0; i < 3; i++) {
		scene_role = i;
		pids[i] = start_victim(scene_with_role);
	}
	for (i = 0; i < 2; i++) {
		close(scene_socks[i][0]);
		close(scene_socks[i][1]);
	}
	for (i = 0; i < 3; i++) {
		wait_random();
		kill_and_wait(pids[(first + i) % 3]);
	}
}

/*
 * Killed while VIDIOC_QBUF waits for a reader, who is the victim itself, or while its
 * buffers have fences that a display waits for.
 */
static void scene_waits(void)
{
	bool fences = random_next(&random_state) % 2;
	struct shrbuf_queue_config config = {
		.flags = fences ? SHRBUF_CONFIG_FENCES : SHRBUF_CONFIG_WAIT,
		.wait_ms = fences ? 0 : SHRBUF_MAX_WAIT_MS,
		.fence_ms = fences ? SHRBUF_MAX_FENCE_MS : 0,
	};
	struct shrbuf_hold_op hold = { 0 };
	struct victim v;
	int index;

	victim_open(&v, false);
	config.fd = v.cam.fd;
	try_ioctl(shrbuf_dev(), SHRBUF_IOC_CONFIGURE, &config);
	victim_export(&v);
	import_and_map(v.drm, v.fds, v.maps);
	victim_stream(&v, 1);
	if (fences) {
		/* waits for the frame that comes */
		for (index = 0; index < NR_BUFS; index++)
			try_qbuf(&v.cam, V4L2_MEMORY_MMAP, index, NULL, NULL);
		try_streamon(&v.cam);
		do_sync(v.fds[NR_BUFS - 1], DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
		try_streamoff(&v.cam);
	} else {
		/* its own open file, which goes with it */
		int dev = open("/dev/shrbuf", O_RDWR | O_CLOEXEC);

		hold.fd = v.fds[0];
		if (!try_ioctl(dev, SHRBUF_IOC_HOLD, &hold))
			try_qbuf(&v.cam, V4L2_MEMORY_MMAP, 0, NULL, NULL);
		close(dev);
	}
	victim_close(&v);
}

static void run_waits(void)
{
	pid_t pid = start_victim(scene_waits);

	wait_random();
	kill_and_wait(pid);
}

/* what must be as before */

struct refs {
	int shrbuf, vivid, vkms, fusion;
};

static struct refs refs_now(void)
{
	return (struct refs){
		.shrbuf = module_refs("shrbuf"),
		.vivid = module_refs("vivid"),
		.vkms = module_refs("vkms"),
		.fusion = module_refs("fusion"),
	};
}

static bool refs_are(void *arg)
{
	struct refs *want = arg, now = refs_now();

	return !memcmp(&now, want, sizeof(now));
}

static void check_node(const char *node)
{
	int fd = do_open(node, O_RDWR);
	int ret = try_detach(fd);

	if (ret && ret != -ENOTCONN)
		fail_msg("detach after a kill: %s", strerror(-ret));
	attach(fd);
	detach(fd);
	close(fd);
}

/* A camera streams into buffers that a display imports. */
static void check_all_works(void)
{
	struct camera cam;
	uint32_t handle;
	int fd, drm;

	camera_open(&cam, CAMERA_SINGLE);
	attach(cam.fd);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, NR_BUFS);
	fd = camera_expbuf(&cam, 0, 0, O_RDWR | O_CLOEXEC);
	drm = do_open(vkms_node, O_RDWR);
	assert_int_equal(drmPrimeFDToHandle(drm, fd, &handle), 0);
	camera_run(&cam, 4);
	assert_int_equal(buffers_alive(), NR_BUFS);
	close(drm);
	close(fd);
	camera_reqbufs(&cam, V4L2_MEMORY_MMAP, 0);
	detach(cam.fd);
	camera_close(&cam);
	expect_no_buffers();
}

/**
 * struct scenario - processes that are killed
 * @run: starts and kills them
 * @needs: milestones that some must have reached
 */
struct scenario {
	void (*run)(void);
	unsigned int needs;
};

/* Some were killed after each milestone. */
static bool all_milestones(unsigned int needs)
{
	unsigned int i;

	for (i = 0; i < NR_MILESTONES; i++)
		if (needs & BIT(i) && !milestones[i])
			return false;
	return true;
}

static void kill_many(void **state)
{
	const struct scenario *scenario = *state;
	struct refs before;
	unsigned int i;
	int j;

	random_state = seed;
	memset(milestones, 0, sizeof(*milestones) * NR_MILESTONES);
	shrbuf_dev();
	test_dev();
	check_all_works();
	before = refs_now();

	patience = 1;
	for (i = 0; i < 10 * count; i++) {
		if (i >= count && all_milestones(scenario->needs))
			break;
		/* on a slow machine none may have come far */
		patience = 1 + i / count;
		scenario->run();
		expect_no_buffers();
		check_node(camera_node);
		check_node(multi_node);
		if (i % BATCH == BATCH - 1)
			check_all_works();
	}
	check_all_works();
	wait_for(refs_are, &before, "references of the modules");

	printf("# %u kills;", i);
	for (j = 0; j < NR_MILESTONES; j++)
		printf(" %s %u%s", milestone_names[j], milestones[j],
		       j == NR_MILESTONES - 1 ? "\n" : ",");
	/* some were killed before, and some after */
	if (count >= BATCH) {
		assert_true(all_milestones(scenario->needs));
		assert_true(milestones[DID_ALL] < i);
	}
}

static void find_nodes(void)
{
	int drm = drm_open("vkms");
	char *name;

	snprintf(camera_node, sizeof(camera_node), "%s",
		 camera_path(CAMERA_SINGLE));
	snprintf(multi_node, sizeof(multi_node), "%s",
		 camera_path(CAMERA_MULTI));
	if (drm < 0)
		fail_msg("no vkms: load it");
	name = drmGetDeviceNameFromFd2(drm);
	assert_non_null(name);
	snprintf(vkms_node, sizeof(vkms_node), "%s", name);
	free(name);
	close(drm);
}

static int setup(void **state)
{
	struct camera cam;

	(void)state;
	find_nodes();
	expect_no_dma_debug();
	/* holds a reference of vkms */
	display_keep();
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	/* formats stay with the device */
	camera_open(&cam, CAMERA_MULTI);
	camera_close(&cam);
	camera_open(&cam, CAMERA_SINGLE);
	camera_close(&cam);
	return 0;
}

#define STREAMED	(BIT(DID_EXPORT) | BIT(DID_IMPORT) | BIT(DID_STREAM))

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'c' },
		{ "only", required_argument, NULL, 'o' },
		{ "seed", required_argument, NULL, 's' },
		{ 0 },
	};
	static struct scenario alone = { run_alone, STREAMED };
	static struct scenario forked = { run_forked, STREAMED };
	static struct scenario threads = { run_threads, STREAMED };
	static struct scenario consumers = { run_consumers, STREAMED };
	static struct scenario waits = { run_waits, BIT(DID_EXPORT) };
	static struct scenario clients = {
		run_clients,
		BIT(DID_HOLD) | BIT(DID_FILL) | BIT(DID_ADOPT) | BIT(DID_READ) |
		BIT(DID_PASS),
	};
	static struct scenario routes = {
		run_routes, BIT(DID_ROUTE) | BIT(DID_TAKE),
	};
	static struct scenario members = {
		run_fusion,
		BIT(DID_CALL) | BIT(DID_LEND) | BIT(DID_DISPATCH) | BIT(DID_SHARE),
	};
	static struct scenario legacy = {
		run_legacy, BIT(DID_CALL) | BIT(DID_LOCK),
	};
	const struct CMUnitTest tests[] = {
		{ "a process", kill_many, NULL, test_cleanup, &alone },
		{ "a process and its child", kill_many, NULL, test_cleanup,
		  &forked },
		{ "threads", kill_many, NULL, test_cleanup, &threads },
		{ "a producer and consumers", kill_many, NULL, test_cleanup,
		  &consumers },
		{ "who holds, fills, watches and adopts", kill_many, NULL,
		  test_cleanup, &clients },
		{ "a process that waits", kill_many, NULL, test_cleanup, &waits },
		{ "who has a route, and who takes its frames", kill_many, NULL,
		  test_cleanup, &routes },
		{ "members of a world", kill_many, NULL, test_cleanup, &members },
		{ "fusionees of a legacy world", kill_many, NULL, test_cleanup, &legacy },
	};
	int option;

	seed = seed_from_clock();
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			count = parse_number(optarg);
			break;
		case 'o':
			cmocka_set_test_filter(optarg);
			break;
		case 's':
			seed = parse_number(optarg);
			break;
		default:
			fprintf(stderr, "usage: kill [--count N] [--only NAME] [--seed S]\n");
			return 2;
		}
	}
	milestones = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (milestones == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	printf("# kill --seed %lu --count %u\n", seed, count);
	/* the children must not print it again */
	fflush(stdout);
	return cmocka_run_group_tests_name("kill", tests, setup, NULL);
}
