/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of routes share: displays, and requests of routes.
 *
 * foo() asserts that it worked, try_foo() returns 0 or a negative errno.
 */
#ifndef _TESTS_ROUTES_ROUTES_H
#define _TESTS_ROUTES_ROUTES_H

#include "../api/common.h"

#include <linux/shrbuf-route.h>

#define MAX_BUFS	32
#define WIDTH		640
#define HEIGHT		480

/* A display with a mode of 640x480 and a black picture. */
struct display {
	int fd;
	uint32_t connector;
	uint32_t crtc;
	unsigned int pipe;
	uint32_t plane;		/* primary */
	uint32_t overlay;	/* or zero */
	uint32_t black;		/* framebuffer */
	uint32_t fbs[MAX_BUFS];	/* of the camera */
	unsigned int nr_fbs;
};

/* Path of the DRM device of this driver, or NULL. Static storage. */
const char *display_path(const char *driver);
/*
 * Keeps the device open, so that the mode stays when a test ends: switching a CRTC off can
 * lock up the machine with vkms, see ../api/test-flip.c.
 */
void display_keep(void);
/* skips the test if there is none */
void display_open(struct display *dsp, const char *driver);
/* finds all again for a file descriptor that is master or a lease */
void display_use(struct display *dsp, int fd);
void display_mode(struct display *dsp, const char *mode);
void display_off(struct display *dsp);
/* a framebuffer for each buffer of a camera */
void display_import(struct display *dsp, struct camera *cam);
/* framebuffer that a plane shows */
uint32_t display_shows(struct display *dsp, uint32_t plane);
bool display_shows_camera(struct display *dsp, uint32_t plane);

/* camera: attached, 640x480, with buffers */
void route_camera(struct camera *cam, unsigned int count);

int try_route_create(int video_fd, int *route_fd);
int route_create(struct camera *cam);
void kms_sink(struct shrbuf_kms_sink *sink, struct display *dsp);
int try_add_kms(int route, struct shrbuf_kms_sink *sink);
/* number of the sink on the primary plane, newest frame, three held */
uint32_t add_kms(int route, struct display *dsp, uint32_t end);
int try_add_tap(int route, uint32_t policy, uint32_t max_held, uint32_t deadline_ms,
		struct shrbuf_tap_sink *sink);
/* file descriptor */
int add_tap(int route, uint32_t policy, uint32_t max_held, uint32_t *id);
int try_remove(int route, uint32_t id);
int try_start(int route);
int try_stop(int route);
void start(int route);
void stop(int route);
struct shrbuf_route_stats stats(int route, uint32_t sink);
int try_take(int tap, struct shrbuf_tap_frame *frame);
int try_give(int tap, uint32_t index);
/* takes one, waits for it */
struct shrbuf_tap_frame take(int tap);
void give(int tap, uint32_t index);

/* waits until a sink has shown so many more frames, or that many came from the source */
void wait_shown(int route, uint32_t sink, uint64_t more);
void wait_state(int route, uint32_t sink, uint32_t state);
/* waits until a sink has so many frames */
void wait_held(int route, uint32_t sink, uint32_t held);
/* waits for an event of this type, passing over others */
struct shrbuf_route_event wait_event(int route, uint32_t type);
/* what poll() says at once */
int poll_now(int fd);
/* frames in are shown, dropped or waiting, now and always */
void expect_sums(int route, uint32_t sink);
/* the camera and the plane can be used by somebody else */
void expect_usable(struct display *dsp);

#endif /* _TESTS_ROUTES_ROUTES_H */
