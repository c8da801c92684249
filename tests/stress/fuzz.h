/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the fuzzer share. Each operation is a function without arguments,
 * which chooses what it does by chance. It returns a negative number if that failed.
 */
#ifndef _TESTS_STRESS_FUZZ_H
#define _TESTS_STRESS_FUZZ_H

#include <pthread.h>
#include <setjmp.h>

#include "stress.h"

/* The numbers of all files that the threads use. Others come and go quickly. */
#define FIRST_FD	64
#define NR_SLOTS	64
#define NR_MAPS		4
#define MAX_VIDEO_NODES	16
#define USER_SIZE	(1024 * 1024)
#define PAGE		4096L

#define VIVID		"/sys/bus/platform/drivers/vivid/"

/* What a slot was filled with last. Only a hint: others may just change it. */
enum kind {
	KIND_NONE,
	KIND_SHRBUF,
	KIND_TEST,
	KIND_CAPTURE,
	KIND_CAPTURE_MP,
	KIND_OUTPUT,
	KIND_OUTPUT_MP,
	KIND_M2M,
	KIND_DRM,
	KIND_DMABUF,
	KIND_SYNC_FILE,
	KIND_ROUTE,
	KIND_TAP,
	KIND_FUSION,
	KIND_WORLD,
	KIND_OTHER,
};

#define BIT(kind)	(1U << (kind))
#define ANY_VIDEO	(BIT(KIND_CAPTURE) | BIT(KIND_CAPTURE_MP) | \
			 BIT(KIND_OUTPUT) | BIT(KIND_OUTPUT_MP) | BIT(KIND_M2M))

struct fuzzer {
	pthread_t thread;
	unsigned int number;
	uint64_t random;
	unsigned long op_index;		/* what it is at, for reports */
	const char *op_name;
	void *maps[NR_MAPS];
	size_t map_sizes[NR_MAPS];
	sigjmp_buf bus;
	bool bus_armed;
};

/* of the thread that runs */
extern __thread struct fuzzer *self;

/* 2 * USER_SIZE bytes for user pointers and read(), and then a page without access */
extern char *user_memory;

/* Held for writing while no other thread may make a buffer. */
extern pthread_rwlock_t world;

/* Something that must never be was seen: the test fails at its end. Any thread. */
__attribute__((format(printf, 1, 2))) void violated(const char *format, ...);

/* Numbers of the video devices that have a kind. They may change. */
extern unsigned int video_nodes[MAX_VIDEO_NODES], nr_video_nodes;

/* fuzz-files.c: chance */
uint64_t random64(void);
unsigned int below(unsigned int n);
bool one_in(unsigned int n);
void flip(void *arg, size_t size);

/* fuzz-files.c: files and mappings */
unsigned int kind_of(unsigned int slot);
int pick(unsigned int wanted);
int place(int fd, enum kind kind);
enum kind video_kind(int fd);
void close_slots(void);
void on_bus_error(int sig);
void keep_map(void *map, size_t size);
int op_open(void);
int op_close(void);
int op_dup(void);
int op_mmap(void);
int op_mmap_video(void);
int op_munmap(void);
int op_touch(void);
int op_fork(void);

/* fuzz-shrbuf.c */
int op_version(void);
int op_attach(void);
int op_detach(void);
int op_shrbuf_wrong(void);
int op_alloc(void);
int op_test_alloc(void);
int op_test_import(void);
int op_test_adopt(void);
int op_sync(void);
int op_export_sync_file(void);
int op_import_sync_file(void);
int op_set_name(void);
int op_lseek(void);
int op_prime_import(void);
int op_prime_export(void);
int op_gem_close(void);
int op_dumb(void);
int op_framebuffer(void);
int op_listing(void);
int op_fdinfo(void);
int op_configure(void);

/* fuzz-clients.c */
int op_info(void);
int op_set_format(void);
int op_set_state(void);
int op_watch(void);
int op_unwatch(void);
int op_hold(void);
int op_release(void);
int op_adopt(void);
int op_disown(void);
int op_bad_argument(void);
int op_read_events(void);
int op_poll_events(void);
int op_pass(void);

/* fuzz-routes.c */
int op_route_create(void);
int op_route_tap(void);
int op_route_video(void);
int op_route_display(void);
int op_route_start(void);
int op_route_stop(void);
int op_route_remove(void);
int op_route_stats(void);
int op_route_events(void);
int op_route(void);
int op_route_wrong(void);
int op_tap_take(void);
int op_tap_give(void);

/* fuzz-v4l2.c */
unsigned int type_for(int fd);
int op_reqbufs(void);
int op_s_fmt(void);
int op_create_bufs(void);
int op_expbuf(void);
int op_qbuf(void);
int op_dqbuf(void);
int op_prepare_buf(void);
int op_streamon(void);
int op_streamoff(void);
int op_stream(void);
int op_stream_import(void);
int op_v4l2_wrong(void);
int op_read_frame(void);
int op_poll(void);

/* fuzz-fusion.c */
void find_fusion(void);
int op_fusion_open(void);
int op_fusion_world(void);
int op_fusion_query(void);
int op_fusion_thread(void);
int op_fusion_create(void);
int op_fusion_destroy(void);
int op_fusion_skirmish(void);
int op_fusion_ref(void);
int op_fusion_property(void);
int op_fusion_send(void);
int op_fusion_reactor(void);
int op_fusion_call(void);
int op_fusion_serve(void);
int op_fusion_read(void);
int op_fusion_buffer(void);
int op_fusion_pool(void);
int op_fusion_map(void);
int op_fusion_scribble(void);
int op_fusion_syncobj(void);
int op_fusion_wrong(void);
int op_fusion_child(void);

/* fuzz-removal.c */
int write_file(const char *path, const char *text);
void find_video(void);
int modprobe(const char *module);
void read_vivid_options(void);
int op_rebind(void);
int op_rmmod(void);

#endif /* _TESTS_STRESS_FUZZ_H */
