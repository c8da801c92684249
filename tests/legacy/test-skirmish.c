// SPDX-License-Identifier: GPL-2.0
/*
 * Skirmishes of /dev/fusionN: locks of threads, with wait and notify, lent during calls.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "legacy.h"

static int lock_count(int fd, int id)
{
	int args[2] = { id, -1 };

	do_ioctl(fd, L_SKIRMISH_LOCK_COUNT, args);
	return args[1];
}

/* what another thread gets */
static int elsewhere(int fd, unsigned long request, int id)
{
	return job_end(job_run(fd, request, &id));
}

static void is_recursive(void **state)
{
	int fd = master_new(false), id = id_new(fd, L_SKIRMISH_NEW);

	(void)state;
	assert_int_equal(lock_count(fd, id), 0);
	assert_int_equal(try_id(fd, L_SKIRMISH_PREVAIL, id), 0);
	assert_int_equal(try_id(fd, L_SKIRMISH_SWOOP, id), 0);
	assert_int_equal(try_id(fd, L_SKIRMISH_PREVAIL, id), 0);
	assert_int_equal(lock_count(fd, id), 3);
	assert_int_equal(elsewhere(fd, L_SKIRMISH_SWOOP, id), -EAGAIN);
	assert_int_equal(try_id(fd, L_SKIRMISH_DISMISS, id), 0);
	assert_int_equal(try_id(fd, L_SKIRMISH_DISMISS, id), 0);
	assert_int_equal(lock_count(fd, id), 1);
	assert_int_equal(try_id(fd, L_SKIRMISH_DISMISS, id), 0);
	assert_int_equal(try_id(fd, L_SKIRMISH_DISMISS, id), -EIO);
	assert_int_equal(lock_count(fd, id), 0);
}

static void belongs_to_a_thread(void **state)
{
	int fd = master_new(false), slave = slave_new(), id = id_new(fd, L_SKIRMISH_NEW);

	(void)state;
	assert_int_equal(try_id(fd, L_SKIRMISH_PREVAIL, id), 0);
	assert_int_equal(elsewhere(fd, L_SKIRMISH_DISMISS, id), -EIO);
	assert_int_equal(elsewhere(slave, L_SKIRMISH_SWOOP, id), -EAGAIN);
	assert_int_equal(elsewhere(fd, L_SKIRMISH_NOTIFY, id), -EIO);
	assert_int_equal(try_id(fd, L_SKIRMISH_DISMISS, id), 0);
}

static void unknown_ones_are_invalid(void **state)
{
	static const unsigned long requests[] = {
		L_SKIRMISH_PREVAIL, L_SKIRMISH_SWOOP, L_SKIRMISH_DISMISS, L_SKIRMISH_DESTROY,
		L_SKIRMISH_NOTIFY,
	};
	struct l_wait wait = { .id = 7 };
	int fd = master_new(false), pair[2] = { 7 };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		assert_int_equal(try_id(fd, requests[i], 7), -EINVAL);
		assert_int_equal(try_id(fd, requests[i], 0), -EINVAL);
		assert_int_equal(try_id(fd, requests[i], -1), -EINVAL);
	}
	assert_int_equal(try_ioctl(fd, L_SKIRMISH_WAIT, &wait), -EINVAL);
	assert_int_equal(try_ioctl(fd, L_SKIRMISH_LOCK_COUNT, pair), -EINVAL);
}

static void others_wait_for_it(void **state)
{
	int fd = master_new(false), slave = slave_new(), id = id_new(fd, L_SKIRMISH_NEW);
	struct job *job;

	(void)state;
	assert_int_equal(try_id(fd, L_SKIRMISH_PREVAIL, id), 0);
	job = job_start(slave, L_SKIRMISH_PREVAIL, &id);
	assert_int_equal(try_id(fd, L_SKIRMISH_DISMISS, id), 0);
	assert_int_equal(job_end(job), 0);
}

static void destroying_wakes_who_waits(void **state)
{
	int fd = master_new(false), slave = slave_new(), id = id_new(fd, L_SKIRMISH_NEW);
	struct job *jobs[3];
	unsigned int i;

	(void)state;
	assert_int_equal(try_id(fd, L_SKIRMISH_PREVAIL, id), 0);
	for (i = 0; i < ARRAY_SIZE(jobs); i++)
		jobs[i] = job_start_quietly(slave, L_SKIRMISH_PREVAIL, &id);
	/* by anybody, although it is held */
	assert_int_equal(try_id(slave, L_SKIRMISH_DESTROY, id), 0);
	for (i = 0; i < ARRAY_SIZE(jobs); i++)
		assert_int_equal(job_end(jobs[i]), -EIDRM);
	assert_int_equal(try_id(fd, L_SKIRMISH_DISMISS, id), -EINVAL);
}

static int try_wait(int fd, struct l_wait *args)
{
	return try_ioctl(fd, L_SKIRMISH_WAIT, args);
}

static void waits_for_a_time(void **state)
{
	int fd = master_new(false), id = id_new(fd, L_SKIRMISH_NEW);
	struct l_wait args = { .id = id, .timeout = 10 };

	(void)state;
	assert_int_equal(try_wait(fd, &args), -EIO);
	assert_int_equal(try_id(fd, L_SKIRMISH_PREVAIL, id), 0);
	assert_int_equal(try_id(fd, L_SKIRMISH_PREVAIL, id), 0);
	assert_int_equal(try_wait(fd, &args), -ETIMEDOUT);
	assert_int_equal(lock_count(fd, id), 2);
}

/* a thread that has it twice, and waits */
struct waiting {
	int fd, id, ready, ret, count;
	pthread_t thread;
};

static void *wait_for_notify(void *arg)
{
	struct waiting *w = arg;
	struct l_wait args = { .id = w->id };

	try_id(w->fd, L_SKIRMISH_PREVAIL, w->id);
	try_id(w->fd, L_SKIRMISH_PREVAIL, w->id);
	__atomic_store_n(&w->ready, gettid(), __ATOMIC_SEQ_CST);
	w->ret = try_wait(w->fd, &args);
	if (w->ret)
		return NULL;
	w->count = lock_count(w->fd, w->id);
	while (!try_id(w->fd, L_SKIRMISH_DISMISS, w->id))
		;
	return NULL;
}

static void start_waiting(struct waiting *w, int fd, int id)
{
	*w = (struct waiting){ .fd = fd, .id = id };
	assert_int_equal(pthread_create(&w->thread, NULL, wait_for_notify, w), 0);
	wait_flag(&w->ready, "a thread to have it");
	wait_in_request(w->ready, L_SKIRMISH_WAIT);
}

static void a_notice_wakes_all(void **state)
{
	int fd = master_new(false), slave = slave_new(), id = id_new(fd, L_SKIRMISH_NEW);
	struct waiting w[3];
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(w); i++)
		start_waiting(&w[i], i ? slave : fd, id);
	/* it has been released, however often it was locked */
	assert_int_equal(try_id(fd, L_SKIRMISH_PREVAIL, id), 0);
	assert_int_equal(try_id(fd, L_SKIRMISH_NOTIFY, id), 0);
	assert_int_equal(try_id(fd, L_SKIRMISH_DISMISS, id), 0);
	for (i = 0; i < ARRAY_SIZE(w); i++) {
		assert_int_equal(pthread_join(w[i].thread, NULL), 0);
		assert_int_equal(w[i].ret, 0);
		assert_int_equal(w[i].count, 2);
	}
}

static void destroying_wakes_who_waits_for_notice(void **state)
{
	int fd = master_new(false), id = id_new(fd, L_SKIRMISH_NEW);
	struct waiting w;

	(void)state;
	start_waiting(&w, fd, id);
	assert_int_equal(try_id(fd, L_SKIRMISH_DESTROY, id), 0);
	assert_int_equal(pthread_join(w.thread, NULL), 0);
	/* or a signal came in between, and then there was nothing any more */
	assert_true(w.ret == -EIDRM || w.ret == -EINVAL);
}

/* a wait that a signal interrupts goes on with the same structure */
struct resumed {
	int fd, ret;
	pid_t tid;
	struct l_wait args;
};

static void on_signal(int sig)
{
	(void)sig;
}

static void *wait_once(void *arg)
{
	struct resumed *r = arg;

	try_id(r->fd, L_SKIRMISH_PREVAIL, r->args.id);
	try_id(r->fd, L_SKIRMISH_PREVAIL, r->args.id);
	__atomic_store_n(&r->tid, gettid(), __ATOMIC_SEQ_CST);
	if (!ioctl(r->fd, L_SKIRMISH_WAIT, &r->args) || errno != EINTR) {
		r->ret = -1;
		return NULL;
	}
	r->ret = r->args.lock_count ? try_wait(r->fd, &r->args) : -2;
	if (!r->ret && lock_count(r->fd, r->args.id) != 2)
		r->ret = -3;
	while (!try_id(r->fd, L_SKIRMISH_DISMISS, r->args.id))
		;
	return NULL;
}

static void goes_on_to_wait_after_a_signal(void **state)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct resumed r = { .fd = master_new(false) };
	pthread_t thread;

	(void)state;
	r.args.id = id_new(r.fd, L_SKIRMISH_NEW);
	sigaction(SIGUSR1, &sa, NULL);
	assert_int_equal(pthread_create(&thread, NULL, wait_once, &r), 0);
	wait_flag(&r.tid, "a thread to have it");
	wait_in_request(r.tid, L_SKIRMISH_WAIT);
	assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
	/* whether it comes before or after: no notice may be lost */
	assert_int_equal(try_id(r.fd, L_SKIRMISH_PREVAIL, r.args.id), 0);
	assert_int_equal(try_id(r.fd, L_SKIRMISH_NOTIFY, r.args.id), 0);
	assert_int_equal(try_id(r.fd, L_SKIRMISH_DISMISS, r.args.id), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	/* or the notice was faster than the signal */
	if (r.ret != -1)
		assert_int_equal(r.ret, 0);
}

/* The handler of a call may have what its caller has. */
struct lending {
	int skirmish, swoop, prevail, count, other;
};

static void use_lent(struct server *server, struct l_message *message)
{
	struct l_call_message *m = message_data(message);
	struct lending *l = server->arg;
	int fd = server->inbox.fd;

	if (message->type != L_MSG_CALL)
		return;
	/* another thread of the handler is a stranger */
	l->other = elsewhere(fd, L_SKIRMISH_SWOOP, l->skirmish);
	l->prevail = try_id(fd, L_SKIRMISH_PREVAIL, l->skirmish);
	l->swoop = try_id(fd, L_SKIRMISH_SWOOP, l->skirmish);
	l->count = lock_count(fd, l->skirmish);
	try_id(fd, L_SKIRMISH_DISMISS, l->skirmish);
	try_id(fd, L_SKIRMISH_DISMISS, l->skirmish);
	try_return(fd, message->id, m->serial, 0);
}

static void is_lent_for_a_call(void **state)
{
	int master = master_new(false), slave = slave_new(), call = call_new(master, 1, 2);
	struct lending l = { .skirmish = id_new(master, L_SKIRMISH_NEW) };
	struct server *server = server_start(master, use_lent, &l);

	(void)state;
	assert_int_equal(try_id(slave, L_SKIRMISH_PREVAIL, l.skirmish), 0);
	assert_int_equal(try_id(slave, L_SKIRMISH_PREVAIL, l.skirmish), 0);
	assert_int_equal(try_execute(slave, call, 0, 0, NULL), 0);
	assert_int_equal(l.other, -EAGAIN);
	assert_int_equal(l.prevail, 0);
	assert_int_equal(l.swoop, 0);
	assert_int_equal(l.count, 2);
	/* it is back, as it was */
	assert_int_equal(lock_count(slave, l.skirmish), 2);
	assert_int_equal(elsewhere(master, L_SKIRMISH_SWOOP, l.skirmish), -EAGAIN);
	server_stop(server);
}

static int hold_for_ever(int fd, void *arg)
{
	int *shared = arg;

	if (try_id(fd, L_SKIRMISH_PREVAIL, shared[0]))
		return 1;
	return slave_sleep(fd, &shared[1]);
}

static void is_free_when_its_owner_is_dead(void **state)
{
	int *shared = shared_new(4096), master = master_new(false);
	struct job *job;
	pid_t pid;

	(void)state;
	shared[0] = id_new(master, L_SKIRMISH_NEW);
	pid = slave_fork(hold_for_ever, shared);
	wait_flag(&shared[1], "a slave to have it");
	job = job_start(master, L_SKIRMISH_PREVAIL, &shared[0]);
	slave_kill(pid);
	assert_int_equal(job_end(job), 0);
	munmap(shared, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEGACY_TEST(is_recursive),
		LEGACY_TEST(belongs_to_a_thread),
		LEGACY_TEST(unknown_ones_are_invalid),
		LEGACY_TEST(others_wait_for_it),
		LEGACY_TEST(destroying_wakes_who_waits),
		LEGACY_TEST(waits_for_a_time),
		LEGACY_TEST(a_notice_wakes_all),
		LEGACY_TEST(destroying_wakes_who_waits_for_notice),
		LEGACY_TEST(goes_on_to_wait_after_a_signal),
		LEGACY_TEST(is_lent_for_a_call),
		LEGACY_TEST(is_free_when_its_owner_is_dead),
	};

	return cmocka_run_group_tests_name("legacy-skirmish", tests, NULL, check_signals);
}
