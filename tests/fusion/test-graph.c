// SPDX-License-Identifier: GPL-2.0
/*
 * Threads of several members that lock, call and run calls as chance will have it. Who waits
 * for whom, who is refused, and who gets a lock is compared with a model, which tries out
 * what can still end.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "puppets.h"

#define MEMBERS		3
#define THREADS		(2 * MEMBERS)
#define LOCKS		4
#define EXECS		THREADS		/* a thread waits for at most one */
#define DEPTH		THREADS		/* of lending */
#define NO		(-1)

/**
 * struct lent - who gets a lock back, and when at the latest
 * @from: thread
 * @count: how often it had locked
 * @exec: the call that ends it
 */
struct lent {
	int from, count, exec;
};

/**
 * struct model - what the kernel should think
 * @owner: of each lock, or NO
 * @count: how often it has locked
 * @lent: to the owner, innermost last
 * @nr_lent: how many
 * @queue: who waits for the lock, longest first
 * @queued: how many
 * @wants_lock: what a thread waits for, or NO
 * @wants_call: whether it waits for the execution that has its number
 * @handler: member of the execution that has the number of its caller, or NO
 * @server: who runs it, or NO
 * @taken: when, to know which one is the innermost of a thread
 * @calls: callers of a member that nobody has taken, longest first
 * @nr_calls: how many
 * @receiver: thread of a member that waits for calls, or NO
 * @clock: counts what is taken
 */
struct model {
	int owner[LOCKS], count[LOCKS];
	struct lent lent[LOCKS][DEPTH];
	int nr_lent[LOCKS];
	int queue[LOCKS][THREADS], queued[LOCKS];
	int wants_lock[THREADS];
	bool wants_call[THREADS];
	int handler[EXECS], server[EXECS], taken[EXECS];
	int calls[MEMBERS][EXECS], nr_calls[MEMBERS];
	int receiver[MEMBERS];
	int clock;
};

/* what is tested */
struct stage {
	int fds[MEMBERS];
	uint32_t locks[LOCKS], calls[MEMBERS];
	uint64_t serials[EXECS];
	struct puppet puppets[THREADS];
	struct model model;
	unsigned int refused_locks, refused_calls, lent, waited;
};

static int member_of(int thread)
{
	return thread % MEMBERS;
}

static bool waits(const struct model *model, int thread)
{
	return model->wants_lock[thread] != NO || model->wants_call[thread];
}

static bool is_receiver(const struct model *model, int thread)
{
	return model->receiver[member_of(thread)] == thread;
}

/* Whether a thread that waits is helped by one that can go on. */
static bool is_helped(const struct model *model, int thread, const bool *goes_on)
{
	int i;

	if (model->wants_lock[thread] != NO)
		return goes_on[model->owner[model->wants_lock[thread]]];
	if (model->server[thread] != NO)
		return goes_on[model->server[thread]];
	for (i = 0; i < THREADS; i++)
		if (member_of(i) == model->handler[thread] && goes_on[i])
			return true;
	return false;
}

/* From those that do not wait, on to those whose waits they can end, until no more come. */
static bool can_end(const struct model *model, int thread)
{
	bool goes_on[THREADS], more = true;
	int i;

	for (i = 0; i < THREADS; i++)
		goes_on[i] = !waits(model, i);
	while (more) {
		more = false;
		for (i = 0; i < THREADS; i++) {
			if (goes_on[i] || !is_helped(model, i, goes_on))
				continue;
			goes_on[i] = true;
			more = true;
		}
	}
	return goes_on[thread];
}

/* What a thread has taken last and not replied to. */
static int innermost(const struct model *model, int thread)
{
	int exec, last = NO;

	for (exec = 0; exec < EXECS; exec++)
		if (model->handler[exec] != NO && model->server[exec] == thread &&
		    (last == NO || model->taken[exec] > model->taken[last]))
			last = exec;
	return last;
}

/* Whether a thread is the owner, or runs a call for it, however far out. */
static bool works_for(const struct model *model, int thread, int owner, bool *seen)
{
	int exec;

	if (thread == owner)
		return true;
	seen[thread] = true;
	/* an execution has the number of its caller */
	for (exec = 0; exec < EXECS; exec++)
		if (model->handler[exec] != NO && model->server[exec] == thread && !seen[exec] &&
		    works_for(model, exec, owner, seen))
			return true;
	return false;
}

/* The call that a thread runs for the owner, the one that it took last, or NO. */
static int call_for(const struct model *model, int thread, int owner)
{
	int exec, last = NO;

	for (exec = 0; exec < EXECS; exec++) {
		bool seen[THREADS] = { false };

		seen[thread] = true;
		if (model->handler[exec] == NO || model->server[exec] != thread ||
		    (last != NO && model->taken[exec] < model->taken[last]))
			continue;
		if (exec != thread && works_for(model, exec, owner, seen))
			last = exec;
	}
	return last;
}

static void give(struct model *model, int lock, int thread)
{
	model->owner[lock] = thread;
	model->count[lock] = 1;
}

static void give_back(struct model *model, int lock)
{
	const struct lent *last = &model->lent[lock][--model->nr_lent[lock]];

	model->owner[lock] = last->from;
	model->count[lock] = last->count;
}

/* The results are those of the request, NO if the thread waits. */
static int model_lock(struct stage *stage, int thread, int lock)
{
	struct model *model = &stage->model;
	int owner = model->owner[lock], call;

	if (owner == NO) {
		give(model, lock, thread);
		return 0;
	}
	if (owner == thread) {
		model->count[lock]++;
		return 0;
	}
	call = call_for(model, thread, owner);
	if (call != NO) {
		model->lent[lock][model->nr_lent[lock]++] = (struct lent){
			owner, model->count[lock], call,
		};
		give(model, lock, thread);
		stage->lent++;
		return 0;
	}
	model->wants_lock[thread] = lock;
	if (!can_end(model, thread)) {
		model->wants_lock[thread] = NO;
		stage->refused_locks++;
		return -EDEADLK;
	}
	model->queue[lock][model->queued[lock]++] = thread;
	return NO;
}

/* The thread that gets it, or NO */
static int model_unlock(struct model *model, int lock)
{
	int next;

	if (--model->count[lock])
		return NO;
	if (model->nr_lent[lock]) {
		give_back(model, lock);
		return NO;
	}
	if (!model->queued[lock]) {
		model->owner[lock] = NO;
		return NO;
	}
	next = model->queue[lock][0];
	memmove(model->queue[lock], model->queue[lock] + 1,
		--model->queued[lock] * sizeof(next));
	give(model, lock, next);
	model->wants_lock[next] = NO;
	return next;
}

static int model_call(struct stage *stage, int thread, int member)
{
	struct model *model = &stage->model;

	model->handler[thread] = member;
	model->server[thread] = NO;
	model->wants_call[thread] = true;
	if (can_end(model, thread)) {
		model->calls[member][model->nr_calls[member]++] = thread;
		return NO;
	}
	model->handler[thread] = NO;
	model->wants_call[thread] = false;
	stage->refused_calls++;
	return -EDEADLK;
}

static void model_take(struct model *model, int thread)
{
	int member = member_of(thread), exec = model->calls[member][0];

	memmove(model->calls[member], model->calls[member] + 1,
		--model->nr_calls[member] * sizeof(exec));
	model->server[exec] = thread;
	model->taken[exec] = ++model->clock;
}

static void model_reply(struct model *model, int exec)
{
	int lock;

	for (lock = 0; lock < LOCKS; lock++)
		if (model->nr_lent[lock] &&
		    model->lent[lock][model->nr_lent[lock] - 1].exec == exec &&
		    model->owner[lock] == model->server[exec])
			give_back(model, lock);
	model->handler[exec] = NO;
	model->server[exec] = NO;
	model->wants_call[exec] = false;
}

/* the stage */

static void check_record(struct stage *stage, int thread,
			 const struct drm_fusion_query_wait *record)
{
	struct model *model = &stage->model;
	int lock = model->wants_lock[thread], turn, member;

	if (lock != NO) {
		assert_int_equal(record->type, DRM_FUSION_SKIRMISH);
		assert_int_equal(record->id, stage->locks[lock]);
		turn = model->owner[lock];
		member = member_of(turn);
	} else {
		assert_int_equal(record->type, DRM_FUSION_CALL);
		member = model->handler[thread];
		assert_int_equal(record->id, stage->calls[member]);
		turn = model->server[thread];
	}
	assert_int_equal(record->for_token, turn == NO ? 0 : stage->puppets[turn].token);
	/* members have the numbers in which they joined */
	assert_int_equal(record->for_member, member + 1);
	assert_int_equal(record->member, member_of(thread) + 1);
}

static void check_waits(struct stage *stage)
{
	struct drm_fusion_query_wait record;
	int i;

	for (i = 0; i < THREADS; i++) {
		if (!waits(&stage->model, i))
			continue;
		record = wait_record(stage->fds[0], stage->puppets[i].token);
		assert_int_equal(record.deadlock, 0);
		check_record(stage, i, &record);
	}
}

/* From thread to thread: each one waits, until it is its own turn, or that of any thread. */
static void check_circle(struct stage *stage, int thread)
{
	uint32_t token = stage->puppets[thread].token;
	struct drm_fusion_query_wait record = wait_record(stage->fds[0], token);
	int steps;

	assert_int_equal(record.deadlock, 1);
	for (steps = 0; record.for_token && record.for_token != token; steps++) {
		assert_true(steps < THREADS);
		record = wait_record(stage->fds[0], record.for_token);
		assert_int_not_equal(record.type, 0);
	}
}

/* Tells a thread what may wait, and compares. */
static void act(struct stage *stage, int thread, enum order order, uint32_t id, int expected)
{
	struct puppet *puppet = &stage->puppets[thread];

	puppet_tell(puppet, order, id);
	puppet_settle(puppet, "a lock or a call");
	assert_int_equal(puppet_is_done(puppet), expected != NO);
	if (expected == NO)
		stage->waited++;
	else
		assert_int_equal(puppet->result, expected);
	if (expected == -EDEADLK)
		check_circle(stage, thread);
}

static void do_unlock(struct stage *stage, int thread, int lock)
{
	int next = model_unlock(&stage->model, lock);

	puppet_tell(&stage->puppets[thread], UNLOCK, stage->locks[lock]);
	puppet_finish(&stage->puppets[thread], "an unlock");
	assert_int_equal(stage->puppets[thread].result, 0);
	if (next == NO)
		return;
	puppet_finish(&stage->puppets[next], "a lock that was handed over");
	assert_int_equal(stage->puppets[next].result, 0);
}

/* It has received the oldest call of its member. */
static void taken(struct stage *stage, int thread)
{
	struct puppet *puppet = &stage->puppets[thread];
	int exec = stage->model.calls[member_of(thread)][0];

	puppet_finish(puppet, "a call to run");
	assert_int_equal(puppet->result, 0);
	assert_int_equal(puppet->event.base.type, DRM_FUSION_EVENT_CALL);
	assert_int_equal(puppet->event.sender, member_of(exec) + 1);
	stage->serials[exec] = puppet->event.serial;
	model_take(&stage->model, thread);
	stage->model.receiver[member_of(thread)] = NO;
}

static void do_call(struct stage *stage, int thread, int member)
{
	struct model *model = &stage->model;
	int expected = model_call(stage, thread, member);

	act(stage, thread, CALL, stage->calls[member], expected);
	if (expected == NO && model->receiver[member] != NO)
		taken(stage, model->receiver[member]);
}

static void do_receive(struct stage *stage, int thread)
{
	struct model *model = &stage->model;
	int member = member_of(thread);

	model->receiver[member] = thread;
	puppet_tell(&stage->puppets[thread], RECEIVE, 0);
	if (model->nr_calls[member])
		taken(stage, thread);
}

static void do_reply(struct stage *stage, int thread, int exec)
{
	model_reply(&stage->model, exec);
	puppet_tell(&stage->puppets[thread], REPLY, stage->serials[exec]);
	puppet_finish(&stage->puppets[thread], "a reply");
	assert_int_equal(stage->puppets[thread].result, 0);
	puppet_finish(&stage->puppets[exec], "a call that was replied to");
	assert_int_equal(stage->puppets[exec].result, 0);
}

/*
 * From here on it is known that the thread takes calls. So this thread must not do it: it
 * would be one more that can help.
 */
static void make_server(struct stage *stage, int thread)
{
	struct puppet *puppet = &stage->puppets[thread];
	int member = member_of(thread);

	assert_int_equal(try_send(stage->fds[member], member + 1, 0, NULL, 0, 0), 0);
	do {
		puppet_tell(puppet, RECEIVE, 0);
		puppet_finish(puppet, "a message");
	} while (puppet->event.base.type != DRM_FUSION_EVENT_MESSAGE);
}

static void start(struct stage *stage)
{
	struct model *model = &stage->model;
	int i;

	memset(model, 0, sizeof(*model));
	memset(model->owner, 0xff, sizeof(model->owner));
	memset(model->wants_lock, 0xff, sizeof(model->wants_lock));
	memset(model->handler, 0xff, sizeof(model->handler));
	memset(model->server, 0xff, sizeof(model->server));
	memset(model->receiver, 0xff, sizeof(model->receiver));
	for (i = 0; i < MEMBERS; i++) {
		stage->fds[i] = i ? member_new(stage->fds[0]) : world_new(0);
		stage->calls[i] = object_new(stage->fds[i], DRM_FUSION_CALL, 0, NULL);
	}
	for (i = 0; i < LOCKS; i++)
		stage->locks[i] = object_new(stage->fds[0], DRM_FUSION_SKIRMISH, 0, NULL);
	for (i = 0; i < THREADS; i++) {
		puppet_start(&stage->puppets[i], stage->fds[member_of(i)]);
		make_server(stage, i);
	}
}

/* A receiver gets something else than a call. */
static void wake(struct stage *stage, int member)
{
	int receiver = stage->model.receiver[member];

	if (receiver == NO)
		return;
	assert_int_equal(try_send(stage->fds[member], member + 1, 0, NULL, 0, 0), 0);
	puppet_finish(&stage->puppets[receiver], "a message");
	assert_int_equal(stage->puppets[receiver].event.base.type, DRM_FUSION_EVENT_MESSAGE);
	stage->model.receiver[member] = NO;
}

/* Lets go of something that a thread has; false if it has nothing. */
static bool let_go(struct stage *stage, int thread)
{
	struct model *model = &stage->model;
	int lock, exec = innermost(model, thread);

	for (lock = 0; lock < LOCKS; lock++) {
		if (model->owner[lock] == thread) {
			do_unlock(stage, thread, lock);
			return true;
		}
	}
	if (exec != NO) {
		do_reply(stage, thread, exec);
		return true;
	}
	if (!model->nr_calls[member_of(thread)])
		return false;
	do_receive(stage, thread);
	return true;
}

/* As nobody waits for ever, all ends. */
static void finish(struct stage *stage)
{
	struct model *model = &stage->model;
	bool any;
	int i;

	for (i = 0; i < MEMBERS; i++)
		wake(stage, i);
	do {
		any = false;
		for (i = 0; i < THREADS; i++)
			any |= !waits(model, i) && let_go(stage, i);
	} while (any);
	for (i = 0; i < THREADS; i++) {
		assert_false(waits(model, i));
		puppet_end(&stage->puppets[i]);
	}
	for (i = 0; i < LOCKS; i++)
		assert_int_equal(object_record(stage->fds[0], DRM_FUSION_SKIRMISH,
					       stage->locks[i]).flags, 0);
	for (i = MEMBERS; i--;)
		close(stage->fds[i]);
}

/* A thread that can do something, if it is found soon. */
static int some_thread(const struct model *model, unsigned int *seed)
{
	int thread, tries;

	for (tries = 0; tries < THREADS; tries++) {
		thread = rand_r(seed) % THREADS;
		if (!waits(model, thread) && !is_receiver(model, thread))
			return thread;
	}
	return NO;
}

/* Any lock, or one of a thread that it works for. */
static int some_lock(const struct model *model, int thread, unsigned int *seed)
{
	int lock, tries;

	for (tries = 0; tries < LOCKS; tries++) {
		lock = rand_r(seed) % LOCKS;
		if (model->owner[lock] != NO && call_for(model, thread, model->owner[lock]) != NO)
			break;
	}
	return lock;
}

static void step(struct stage *stage, unsigned int *seed)
{
	struct model *model = &stage->model;
	int thread = some_thread(model, seed), lock, exec, what = rand_r(seed) % 12;

	if (thread == NO)
		return wake(stage, rand_r(seed) % MEMBERS);
	lock = some_lock(model, thread, seed);
	exec = innermost(model, thread);
	if (what < 4) {
		act(stage, thread, LOCK, stage->locks[lock], model_lock(stage, thread, lock));
	} else if (what < 6) {
		if (model->owner[lock] == thread)
			do_unlock(stage, thread, lock);
	} else if (what < 8) {
		do_call(stage, thread, rand_r(seed) % MEMBERS);
	} else if (what < 9) {
		if (exec != NO)
			do_reply(stage, thread, exec);
	} else if (what < 10) {
		let_go(stage, thread);
	} else if (model->receiver[member_of(thread)] == NO) {
		do_receive(stage, thread);
	}
}

static void generated(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	unsigned int seed = 1, graph, i;

	(void)state;
	assert_non_null(stage);
	for (graph = 0; graph < 8; graph++) {
		start(stage);
		for (i = 0; i < 300; i++) {
			step(stage, &seed);
			check_waits(stage);
		}
		finish(stage);
	}
	print_message("# %u waits, %u lent; refused: %u locks, %u calls\n", stage->waited,
		      stage->lent, stage->refused_locks, stage->refused_calls);
	/* the graphs were worth it */
	assert_true(stage->waited > 50);
	assert_true(stage->lent > 10);
	assert_true(stage->refused_locks > 5);
	assert_true(stage->refused_calls > 5);
	free(stage);
}

/* A caller that a signal has kept from waiting, and that has the lock. */
struct away {
	int fd;
	uint32_t lock, call;
	pthread_t thread;
	pthread_barrier_t gone, back;
	int first, second, result;
};

static void on_signal(int nr)
{
	(void)nr;
}

static void *away_run(void *arg)
{
	struct away *away = arg;
	struct drm_fusion_call_execute args = {
		.id = away->call, .timeout = DRM_FUSION_FOREVER,
	};

	thread_without_signals();
	away->first = try_lock(away->fd, away->lock, DRM_FUSION_FOREVER);
	if (!away->first && ioctl(away->fd, DRM_IOCTL_FUSION_CALL_EXECUTE, &args))
		away->first = -errno;
	pthread_barrier_wait(&away->gone);
	pthread_barrier_wait(&away->back);
	away->second = try_ioctl(away->fd, DRM_IOCTL_FUSION_CALL_EXECUTE, &args);
	away->result = args.result;
	try_unlock(away->fd, away->lock);
	return NULL;
}

/* There is a reply: who comes back for it does not wait, whatever the server waits for. */
static void reply_before_return(void **state)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct drm_fusion_call_reply reply = { .result = 7 };
	int fd = world_new(0), handler = member_new(fd);
	struct away away = { .fd = fd };
	struct puppet server;

	(void)state;
	sigaction(SIGUSR2, &action, NULL);
	away.lock = object_new(fd, DRM_FUSION_SKIRMISH, 0, NULL);
	away.call = object_new(handler, DRM_FUSION_CALL, 0, NULL);
	pthread_barrier_init(&away.gone, NULL, 2);
	pthread_barrier_init(&away.back, NULL, 2);
	puppet_start(&server, handler);
	assert_int_equal(pthread_create(&away.thread, NULL, away_run, &away), 0);
	puppet_tell(&server, RECEIVE, 0);
	puppet_finish(&server, "a call");
	assert_int_equal(server.event.base.type, DRM_FUSION_EVENT_CALL);
	/* it has sent the call, so it sleeps, or a signal ends its sleep at once */
	assert_int_equal(pthread_kill(away.thread, SIGUSR2), 0);
	pthread_barrier_wait(&away.gone);
	assert_int_equal(away.first, -EINTR);
	reply.serial = server.event.serial;
	do_ioctl(handler, DRM_IOCTL_FUSION_CALL_REPLY, &reply);
	puppet_tell(&server, LOCK, away.lock);
	puppet_settle(&server, "a lock");
	assert_false(puppet_is_done(&server));
	pthread_barrier_wait(&away.back);
	assert_int_equal(pthread_join(away.thread, NULL), 0);
	assert_int_equal(away.second, 0);
	assert_int_equal(away.result, 7);
	puppet_finish(&server, "a lock that was handed over");
	assert_int_equal(server.result, 0);
	puppet_end(&server);
	pthread_barrier_destroy(&away.gone);
	pthread_barrier_destroy(&away.back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FUSION_TEST(generated),
		FUSION_TEST(reply_before_return),
	};

	/* its threads take no signals */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
