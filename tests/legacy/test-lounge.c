// SPDX-License-Identifier: GPL-2.0
/*
 * Who comes into a world of /dev/fusionN, who may do what there, who goes.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "legacy.h"

#define BASE		0x523000000000ULL
#define WINDOW		0x1000000000ULL

static void only_known_majors_may_be_first(void **state)
{
	static const int good[] = { 3, 4, 8, 9 }, bad[] = { 0, 1, 2, 5, 7, 10, -1 };
	unsigned int i;
	int fd;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		fd = legacy_open(0, O_RDWR);
		assert_int_equal(try_enter(fd, bad[i], 0, false), -ENOPROTOOPT);
		close(fd);
	}
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		fd = legacy_open(0, O_RDWR);
		assert_int_equal(try_enter(fd, good[i], 0, false), 1);
		close(fd);
	}
}

static void slaves_have_the_masters_version(void **state)
{
	int master = legacy_open(0, O_RDWR), fd;

	(void)state;
	assert_int_equal(try_enter(master, 8, 3, false), 1);
	do_ioctl(master, L_UNBLOCK, NULL);
	fd = legacy_open(0, O_RDWR);
	assert_int_equal(try_enter(fd, 9, 0, false), -ENOPROTOOPT);
	assert_int_equal(try_enter(fd, 8, 4, false), -ENOPROTOOPT);
	assert_true(try_enter(fd, 8, 3, false) > 1);
	fd = legacy_open(0, O_RDWR);
	assert_true(try_enter(fd, 8, 0, false) > 1);
}

static void ids_are_not_used_again(void **state)
{
	int master = master_new(false), first, second, id;

	(void)state;
	first = legacy_open(0, O_RDWR);
	assert_int_equal(enter(first), 2);
	second = legacy_open(0, O_RDWR);
	assert_int_equal(enter(second), 3);
	close(first);
	close(second);
	first = legacy_open(0, O_RDWR);
	id = enter(first);
	assert_true(id > 3);
	close(first);
	close(master);
}

static void worlds_are_apart(void **state)
{
	int fds[2], i;
	uint64_t base;

	(void)state;
	for (i = 0; i < 2; i++) {
		fds[i] = legacy_open(i, O_RDWR);
		assert_int_equal(enter(fds[i]), 1);
		do_ioctl(fds[i], L_SHM_GET_BASE, &base);
		assert_int_equal(base, BASE + i * WINDOW);
		do_ioctl(fds[i], L_SHMPOOL_GET_BASE, &base);
		assert_int_equal(base, BASE + i * WINDOW);
	}
	assert_int_equal(id_new(fds[0], L_SKIRMISH_NEW), 1);
	assert_int_equal(try_id(fds[1], L_SKIRMISH_SWOOP, 1), -EINVAL);
	assert_int_equal(id_new(fds[1], L_SKIRMISH_NEW), 1);
}

static void a_world_ends_with_its_last_file(void **state)
{
	int master = master_new(false);

	(void)state;
	id_new(master, L_SKIRMISH_NEW);
	assert_int_equal(id_new(master, L_SKIRMISH_NEW), 2);
	close(master);
	master = master_new(false);
	assert_int_equal(try_id(master, L_SKIRMISH_SWOOP, 1), -EINVAL);
	assert_int_equal(id_new(master, L_SKIRMISH_NEW), 1);
}

static void exclusive_open_wants_an_empty_world(void **state)
{
	int fd = legacy_open(0, O_RDWR), other;

	(void)state;
	/* opened is not entered */
	other = try_legacy_open(0, O_RDWR | O_EXCL);
	assert_true(other >= 0);
	close(other);
	enter(fd);
	assert_int_equal(try_legacy_open(0, O_RDWR | O_EXCL), -EBUSY);
}

static void a_slave_waits_for_unblock(void **state)
{
	struct l_enter args = { .major = 9 };
	int master = legacy_open(0, O_RDWR), slave = legacy_open(0, O_RDWR);
	struct job *job;

	(void)state;
	enter(master);
	job = job_start(slave, L_ENTER, &args);
	do_ioctl(master, L_UNBLOCK, NULL);
	assert_int_equal(job_end(job), 0);
	assert_int_equal(args.fusion_id, 2);
	/* it stays so */
	assert_true(enter(legacy_open(0, O_RDWR)) > 2);
}

static void a_forced_slave_waits_for_a_master(void **state)
{
	struct l_enter args = { .major = 9 };
	int slave = legacy_open(0, O_RDWR | O_APPEND), master;
	struct job *job = job_start(slave, L_ENTER, &args);

	(void)state;
	master = legacy_open(0, O_RDWR);
	assert_int_equal(enter(master), 1);
	do_ioctl(master, L_UNBLOCK, NULL);
	assert_int_equal(job_end(job), 0);
	assert_true(args.fusion_id > 1);
}

static void only_the_master_unblocks_and_kills(void **state)
{
	struct l_kill args = { .fusion_id = 1, .signal = SIGUSR1, .timeout_ms = -1 };
	int master = master_new(false), slave = slave_new();

	(void)state;
	assert_int_equal(try_ioctl(slave, L_UNBLOCK, NULL), -EPERM);
	assert_int_equal(try_ioctl(slave, L_KILL, &args), -EPERM);
	assert_int_equal(try_ioctl(master, L_UNBLOCK, NULL), 0);
}

static void the_master_kills_one(void **state)
{
	struct l_kill args = { .signal = SIGTERM, .timeout_ms = 0 };
	int *flags = shared_new(4096), master = master_new(false);
	pid_t first = slave_fork(slave_sleep, &flags[0]), second;

	(void)state;
	wait_flag(&flags[0], "a slave");
	second = slave_fork(slave_sleep, &flags[1]);
	wait_flag(&flags[1], "a slave");
	/* there is none, so nobody has to be waited for */
	args.fusion_id = 100;
	assert_int_equal(try_ioctl(master, L_KILL, &args), 0);
	/* comes back when it is gone */
	args.fusion_id = 2;
	assert_int_equal(try_ioctl(master, L_KILL, &args), 0);
	slave_killed(first, SIGTERM);
	assert_int_equal(kill(second, 0), 0);
	slave_kill(second);
	munmap(flags, 4096);
}

static void the_master_kills_all(void **state)
{
	struct l_kill args = { .signal = SIGTERM, .timeout_ms = 0 };
	int *flags = shared_new(4096), master = master_new(false);
	pid_t pids[2];
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		pids[i] = slave_fork(slave_sleep, &flags[i]);
		wait_flag(&flags[i], "a slave");
	}
	assert_int_equal(try_ioctl(master, L_KILL, &args), 0);
	for (i = 0; i < 2; i++)
		slave_killed(pids[i], SIGTERM);
	munmap(flags, 4096);
}

static int ignore_signals(int fd, void *arg)
{
	signal(SIGTERM, SIG_IGN);
	return slave_sleep(fd, arg);
}

static void kill_gives_up_in_time(void **state)
{
	struct l_kill args = { .signal = SIGTERM, .timeout_ms = 20 };
	int *flag = shared_new(4096), master = master_new(false);
	pid_t pid = slave_fork(ignore_signals, flag);

	(void)state;
	wait_flag(flag, "a slave");
	assert_int_equal(try_ioctl(master, L_KILL, &args), -ETIMEDOUT);
	args.timeout_ms = -1;
	assert_int_equal(try_ioctl(master, L_KILL, &args), 0);
	assert_int_equal(kill(pid, 0), 0);
	slave_kill(pid);
	munmap(flag, 4096);
}

static void nobody_survives_the_master(void **state)
{
	int *flags = shared_new(4096);
	pid_t master = fork(), slave;

	(void)state;
	assert_true(master >= 0);
	if (!master)
		_exit(slave_sleep(master_new(false), &flags[0]));
	wait_flag(&flags[0], "a master");
	slave = slave_fork(slave_sleep, &flags[1]);
	wait_flag(&flags[1], "a slave");
	slave_kill(master);
	slave_killed(slave, SIGKILL);
	munmap(flags, 4096);
}

static void says_who_a_fusionee_is(void **state)
{
	static struct l_fusionee_info info;
	char exe[4096];
	ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int master = master_new(false);

	(void)state;
	assert_true(length > 0);
	exe[length] = 0;
	info.fusion_id = 1;
	do_ioctl(master, L_GET_FUSIONEE_INFO, &info);
	assert_string_equal(info.exe_file, exe);
	assert_int_equal(info.pid, gettid());
	info.fusion_id = 7;
	assert_int_equal(try_ioctl(master, L_GET_FUSIONEE_INFO, &info), -EINVAL);
}

static void entries_have_names(void **state)
{
	static const struct {
		int type;
		unsigned long create;
	} kinds[] = {
		{ L_TYPE_REF, L_REF_NEW }, { L_TYPE_SKIRMISH, L_SKIRMISH_NEW },
		{ L_TYPE_PROPERTY, L_PROPERTY_NEW }, { L_TYPE_REACTOR, L_REACTOR_NEW },
	};
	struct l_info info;
	int fd = master_new(false);
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		int id = id_new(fd, kinds[i].create);

		name_entry(fd, kinds[i].type, id, "a name of 23 characters");
		memset(&info, 0xff, sizeof(info));
		info.type = kinds[i].type;
		info.id = id;
		do_ioctl(fd, L_GET_INFO, &info);
		assert_int_equal(info.type, kinds[i].type);
		assert_int_equal(info.id, id);
		assert_string_equal(info.name, "a name of 23 characters");
		info.id = 100;
		assert_int_equal(try_ioctl(fd, L_GET_INFO, &info), -EINVAL);
		assert_int_equal(try_ioctl(fd, L_SET_INFO, &info), -EINVAL);
	}
	info.type = 1;
	assert_int_equal(try_ioctl(fd, L_GET_INFO, &info), -ENOSYS);
	info.type = 8;
	assert_int_equal(try_ioctl(fd, L_SET_INFO, &info), -ENOSYS);
}

static void unknown_requests_are_none(void **state)
{
	static const unsigned long requests[] = {
		TCGETS, 0x0a, 0x101, 0x209, 0x30f, 0x408, 0x506, 0x606, 0x706, 0x800, 0xff00,
	};
	char arg[256] = { 0 };
	int fd = master_new(false);
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(requests); i++)
		assert_int_equal(try_ioctl(fd, requests[i], arg), -ENOSYS);
}

/* Size and direction of a request are often wrong in the old header. */
static void only_type_and_number_count(void **state)
{
	int fd = master_new(false), id = 0;

	(void)state;
	do_ioctl(fd, L_SKIRMISH_NEW & 0xffff, &id);
	assert_int_equal(id, 1);
	assert_int_equal(try_id(fd, 0xffff0000 | L_SKIRMISH_PREVAIL, id), 0);
	assert_int_equal(try_id(fd, 0x80010000 | (L_SKIRMISH_DISMISS & 0xffff), id), 0);
}

static void bad_pointers_are_told(void **state)
{
	static const unsigned long requests[] = {
		L_KILL, L_SET_INFO, L_GET_INFO, L_ADD_PERMISSIONS, L_SHM_GET_BASE,
		L_GET_FUSIONEE_INFO, L_SEND_MESSAGE, L_CALL_NEW, L_CALL_EXECUTE, L_CALL_RETURN,
		L_CALL_DESTROY, L_CALL_EXECUTE2, L_CALL_EXECUTE3, L_CALL_RETURN3,
		L_CALL_GET_OWNER, L_CALL_SET_QUOTA, L_REF_NEW, L_REF_UP, L_REF_WATCH,
		L_SKIRMISH_NEW, L_SKIRMISH_PREVAIL, L_SKIRMISH_WAIT, L_SKIRMISH_LOCK_COUNT,
		L_PROPERTY_NEW, L_PROPERTY_LEASE, L_REACTOR_NEW, L_REACTOR_ATTACH,
		L_REACTOR_DISPATCH, L_REACTOR_SET_DISPATCH_CALLBACK, L_SHMPOOL_NEW,
		L_SHMPOOL_ATTACH, L_SHMPOOL_DETACH, L_SHMPOOL_DISPATCH, L_SHMPOOL_GET_BASE,
	};
	int fd = master_new(false);
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(requests); i++)
		if (try_ioctl(fd, requests[i], (void *)8) != -EFAULT)
			fail_msg("request %#lx: %d", requests[i],
				 try_ioctl(fd, requests[i], (void *)8));
	fd = legacy_open(0, O_RDWR);
	assert_int_equal(try_ioctl(fd, L_ENTER, (void *)8), -EFAULT);
}

static void is_no_file_with_an_offset(void **state)
{
	int fd = master_new(false);
	char c = 0;

	(void)state;
	assert_int_equal(lseek(fd, 0, SEEK_CUR), -1);
	assert_int_equal(errno, ESPIPE);
	assert_int_equal(pread(fd, &c, 1, 0), -1);
	assert_int_equal(write(fd, &c, 1), -1);
	assert_int_equal(errno, EINVAL);
}

/* Old versions of libfusion have their root there. */
static void the_root_page_is_the_masters(void **state)
{
	int master = master_new(false), slave = slave_new();
	char *page, *seen;

	(void)state;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, master, 0);
	assert_ptr_not_equal(page, MAP_FAILED);
	strcpy(page, "root");
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, slave, 0),
			 MAP_FAILED);
	seen = mmap(NULL, 4096, PROT_READ, MAP_SHARED, slave, 0);
	assert_ptr_not_equal(seen, MAP_FAILED);
	assert_string_equal(seen, "root");
	assert_int_equal(mprotect(seen, 4096, PROT_READ | PROT_WRITE), -1);
	/* there is nothing else */
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ, MAP_SHARED, master, 4096), MAP_FAILED);
	assert_ptr_equal(mmap(NULL, 8192, PROT_READ, MAP_SHARED, master, 0), MAP_FAILED);
	munmap(page, 4096);
	munmap(seen, 4096);
}

/* The rule of udev gives it to group video; where there is none it is root's. */
static void node_is_not_for_all(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat("/dev/fusion0", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(st.st_mode & 0117, 0);
}

static void fork_takes_what_the_parent_listens_to(void **state)
{
	int master = master_new(false), child, reactor = id_new(master, L_REACTOR_NEW);
	struct l_dispatch dispatch = {
		.reactor_id = reactor, .self = 1, .size = 4, .data = (uintptr_t)"abc",
	};
	static struct inbox inbox;
	uint64_t id = 1;

	(void)state;
	assert_int_equal(try_pair(master, L_REACTOR_ATTACH, reactor, 0), 0);
	child = slave_new();
	assert_int_equal(try_ioctl(child, L_FORK, &id), 0);
	do_ioctl(master, L_REACTOR_DISPATCH, &dispatch);
	inbox.fd = child;
	assert_string_equal(message_data(expect_message(&inbox, L_MSG_REACTOR)), "abc");
	id = 100;
	assert_int_equal(try_ioctl(child, L_FORK, &id), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEGACY_TEST(only_known_majors_may_be_first),
		LEGACY_TEST(slaves_have_the_masters_version),
		LEGACY_TEST(ids_are_not_used_again),
		LEGACY_TEST(worlds_are_apart),
		LEGACY_TEST(a_world_ends_with_its_last_file),
		LEGACY_TEST(exclusive_open_wants_an_empty_world),
		LEGACY_TEST(a_slave_waits_for_unblock),
		LEGACY_TEST(a_forced_slave_waits_for_a_master),
		LEGACY_TEST(only_the_master_unblocks_and_kills),
		LEGACY_TEST(the_master_kills_one),
		LEGACY_TEST(the_master_kills_all),
		LEGACY_TEST(kill_gives_up_in_time),
		LEGACY_TEST(nobody_survives_the_master),
		LEGACY_TEST(says_who_a_fusionee_is),
		LEGACY_TEST(entries_have_names),
		LEGACY_TEST(unknown_requests_are_none),
		LEGACY_TEST(only_type_and_number_count),
		LEGACY_TEST(bad_pointers_are_told),
		LEGACY_TEST(is_no_file_with_an_offset),
		LEGACY_TEST(the_root_page_is_the_masters),
		LEGACY_TEST(node_is_not_for_all),
		LEGACY_TEST(fork_takes_what_the_parent_listens_to),
	};

	return cmocka_run_group_tests_name("legacy-lounge", tests, NULL, check_signals);
}
