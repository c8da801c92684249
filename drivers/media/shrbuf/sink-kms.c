// SPDX-License-Identifier: GPL-2.0
/*
 * A sink of a route that shows frames on a plane of a display.
 */

/**
 * DOC: displays
 *
 * The thread of the sink makes an atomic commit for each frame that it gets, without blocking,
 * and waits for the flip. Then the frame that was shown before goes back. A commit is made when
 * the frame is there, none is queued ahead of it.
 *
 * Who may use the display can change at any time: plane and CRTC are looked up for the user's
 * file at each commit, which fails for good once a lease is revoked, and the file must be master.
 * While it is not, or while the plane does not fit (another mode was set, the CRTC was switched
 * off), the sink is paused: it drops frames, and tries again with each new one.
 *
 * Framebuffers were made by the program, one for each buffer, and are held.
 *
 * Somebody else may have a commit under way on the same CRTC (a cursor, another plane): then the
 * commit is tried again after a short time, with the newest frame.
 *
 * A commit never changes a mode: what would need that is refused.
 */

#include <drm/drm_atomic.h>
#include <drm/drm_atomic_uapi.h>
#include <drm/drm_auth.h>
#include <drm/drm_crtc.h>
#include <drm/drm_device.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_framebuffer.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_modeset_lock.h>
#include <drm/drm_plane.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "shrbuf-priv.h"
#include "route.h"
#include "trace.h"

/* The frame that is shown, and the next one. */
#define KMS_MIN_HELD		2
/* A display that does not flip in this time is not going to. */
#define KMS_FLIP_TIMEOUT	(10 * HZ)
/* How long to wait, in microseconds, when another commit is under way. */
#define KMS_BUSY_MIN_US		500
#define KMS_BUSY_MAX_US		1000
/* How long to try at most, in jiffies, for the last commit: what is under way may flip late. */
#define KMS_BUSY_TIMEOUT	KMS_FLIP_TIMEOUT

/*
 * What a plane shows: a framebuffer or none, of which a reference is held, and the rectangles of
 * struct shrbuf_kms_sink.
 */
struct kms_view {
	struct drm_framebuffer *fb;
	u32 src_x, src_y, src_w, src_h;
	s32 crtc_x, crtc_y;
	u32 crtc_w, crtc_h;
};

/**
 * struct kms_sink - a plane
 * @sink: first
 * @file: the DRM file, a reference is held
 * @drm: the same, as DRM knows it
 * @dev: its device, valid with @file
 * @plane_id: Invariant over the lifetime.
 * @crtc_id: Invariant over the lifetime.
 * @end: SHRBUF_KMS_END_*
 * @view: rectangles of all frames
 * @before: what was there before, for SHRBUF_KMS_END_RESTORE
 * @fbs: framebuffers by index of the buffer, references are held
 * @nr_fbs: number of @fbs
 * @plane: the plane of @plane_id, to be compared only
 * @keep: for shrbuf_route_keep(), or NULL when that has it
 * @shown: what the plane shows. Used by the thread only, as the next.
 * @stuck: the plane may show this instead, or NULL
 */
struct kms_sink {
	struct shrbuf_route_sink sink;
	struct file *file;
	struct drm_file *drm;
	struct drm_device *dev;
	u32 plane_id;
	u32 crtc_id;
	u32 end;
	struct kms_view view;
	struct kms_view before;
	struct drm_framebuffer **fbs;
	unsigned int nr_fbs;
	const void *plane;
	struct shrbuf_route_keep *keep;
	struct shrbuf_sink_hold *shown;
	struct shrbuf_sink_hold *stuck;
};

#define to_kms_sink(s)	container_of(s, struct kms_sink, sink)

/* Plane and CRTC, if the file may have them now. */
static int kms_find(struct kms_sink *kms, struct drm_plane **plane,
		    struct drm_crtc **crtc)
{
	if (!drm_is_current_master(kms->drm))
		return -EACCES;
	*plane = drm_plane_find(kms->dev, kms->drm, kms->plane_id);
	*crtc = drm_crtc_find(kms->dev, kms->drm, kms->crtc_id);
	return *plane && *crtc ? 0 : -ENOENT;
}

/* Sets the plane in a new state. */
static int kms_fill_state(struct drm_atomic_state *state, struct drm_plane *plane,
			  struct drm_crtc *crtc, struct drm_framebuffer *fb,
			  const struct kms_view *view)
{
	struct drm_plane_state *ps = drm_atomic_get_plane_state(state, plane);
	int ret;

	if (IS_ERR(ps))
		return PTR_ERR(ps);
	ret = drm_atomic_set_crtc_for_plane(ps, fb ? crtc : NULL);
	if (ret)
		return ret;
	drm_atomic_set_fb_for_plane(ps, fb);
	if (!fb)
		return 0;
	ps->src_x = view->src_x;
	ps->src_y = view->src_y;
	ps->src_w = view->src_w;
	ps->src_h = view->src_h;
	ps->crtc_x = view->crtc_x;
	ps->crtc_y = view->crtc_y;
	ps->crtc_w = view->crtc_w;
	ps->crtc_h = view->crtc_h;
	return 0;
}

/* Whether a plane can show this, or shows it: without blocking. */
static int kms_try_commit(struct kms_sink *kms, struct drm_atomic_state *state,
			  struct drm_framebuffer *fb, const struct kms_view *view,
			  bool test)
{
	struct drm_plane *plane;
	struct drm_crtc *crtc;
	int ret;

	ret = kms_find(kms, &plane, &crtc);
	if (ret)
		return ret;
	/* Clearing the state does not change this. */
	state->allow_modeset = false;
	ret = kms_fill_state(state, plane, crtc, fb, view);
	if (ret)
		return ret;
	return test ? drm_atomic_check_only(state) :
		      drm_atomic_nonblocking_commit(state);
}

/* The commit of our CRTC in a state, with a reference, or NULL. */
static struct drm_crtc_commit *kms_get_commit(struct kms_sink *kms,
					      struct drm_atomic_state *state)
{
	struct drm_crtc_state *crtc_state;
	struct drm_crtc *crtc;
	int i;

	for_each_new_crtc_in_state(state, crtc, crtc_state, i)
		if (crtc->base.id == kms->crtc_id && crtc_state->commit)
			return drm_crtc_commit_get(crtc_state->commit);
	return NULL;
}

static int kms_commit_locked(struct kms_sink *kms, struct drm_framebuffer *fb,
			     const struct kms_view *view, bool test,
			     struct drm_modeset_acquire_ctx *ctx,
			     struct drm_crtc_commit **commit)
{
	struct drm_atomic_state *state = drm_atomic_state_alloc(kms->dev);
	int ret;

	if (!state)
		return -ENOMEM;
	state->acquire_ctx = ctx;
	for (;;) {
		ret = kms_try_commit(kms, state, fb, view, test);
		if (ret != -EDEADLK)
			break;
		drm_atomic_state_clear(state);
		ret = drm_modeset_backoff(ctx);
		if (ret)
			break;
	}
	/* The locks are still held, so nobody else can have committed since. */
	if (!ret && !test)
		*commit = kms_get_commit(kms, state);
	drm_atomic_state_put(state);
	return ret;
}

/*
 * Commits without blocking, or looks whether that would work. @commit: out: for
 * kms_wait_flip(), NULL if there is nothing to wait for.
 */
static int kms_commit(struct kms_sink *kms, struct drm_framebuffer *fb,
		      const struct kms_view *view, bool test,
		      struct drm_crtc_commit **commit)
{
	struct drm_modeset_acquire_ctx ctx;
	int idx, ret;

	*commit = NULL;
	if (!drm_dev_enter(kms->dev, &idx))
		return -ENODEV;
	drm_modeset_acquire_init(&ctx, 0);
	ret = kms_commit_locked(kms, fb, view, test, &ctx, commit);
	drm_modeset_drop_locks(&ctx);
	drm_modeset_acquire_fini(&ctx);
	drm_dev_exit(idx);
	return ret;
}

static int kms_wait_flip(struct drm_crtc_commit *commit)
{
	int ret = 0;

	if (!commit)
		return 0;
	if (!wait_for_completion_timeout(&commit->flip_done, KMS_FLIP_TIMEOUT))
		ret = -ETIMEDOUT;
	drm_crtc_commit_put(commit);
	return ret;
}

/* Errors that may pass when somebody else does something. */
static bool kms_is_pause(int error)
{
	switch (error) {
	case -EACCES:	/* not master */
	case -EINVAL:	/* another mode, or none */
	case -ERANGE:
	case -ENOSPC:
		return true;
	default:
		return false;
	}
}

/* Shows a frame. The one before is let go. */
static int kms_show(struct kms_sink *kms, struct shrbuf_sink_hold *hold)
{
	struct shrbuf_route_sink *sink = &kms->sink;
	unsigned int index = hold->frame->index;
	struct drm_crtc_commit *commit;
	int ret;

	ret = kms_commit(kms, kms->fbs[index], &kms->view, false, &commit);
	trace_shrbuf_route_commit(sink->route->id, sink->config.id, index, ret);
	if (ret)
		return ret;
	ret = kms_wait_flip(commit);
	if (ret)
		/* Nobody knows which one is shown. */
		return ret;
	shrbuf_sink_shown(sink, hold);
	if (kms->shown)
		shrbuf_sink_done(sink, kms->shown);
	else
		shrbuf_route_unkeep(sink->route, kms->plane);
	kms->shown = hold;
	return 0;
}

static bool kms_has_newer(struct shrbuf_route_sink *sink)
{
	return sink->config.policy == SHRBUF_SINK_NEWEST &&
	       !list_empty_careful(&sink->pending);
}

/* Shows a frame, and tries again while somebody else commits. */
static int kms_show_retry(struct kms_sink *kms, struct shrbuf_sink_hold *hold)
{
	int ret;

	for (;;) {
		ret = kms_show(kms, hold);
		if (ret != -EBUSY || kthread_should_stop() || kms_has_newer(&kms->sink))
			return ret;
		usleep_range(KMS_BUSY_MIN_US, KMS_BUSY_MAX_US);
	}
}

static void kms_frame(struct kms_sink *kms, struct shrbuf_sink_hold *hold)
{
	struct shrbuf_route_sink *sink = &kms->sink;
	int ret = kms_show_retry(kms, hold);

	switch (ret) {
	case 0:
		shrbuf_sink_set_state(sink, SHRBUF_SINK_STATE_READY, 0);
		return;
	case -EBUSY:
		shrbuf_sink_drop(sink, hold, SHRBUF_DROP_NEWER);
		return;
	case -ETIMEDOUT:
		/* It may be on the display: it stays ours. */
		kms->stuck = hold;
		shrbuf_sink_set_state(sink, SHRBUF_SINK_STATE_FAILED, -ret);
		return;
	}
	shrbuf_sink_drop(sink, hold, SHRBUF_DROP_ERROR);
	if (ret == -EINTR || ret == -ENOMEM)
		return;
	if (kms_is_pause(ret))
		shrbuf_sink_set_state(sink, SHRBUF_SINK_STATE_PAUSED, -ret);
	else
		shrbuf_sink_set_state(sink, SHRBUF_SINK_STATE_FAILED, -ret);
}

static int kms_thread(void *data)
{
	struct shrbuf_route_sink *sink = data;
	struct kms_sink *kms = to_kms_sink(sink);
	struct shrbuf_sink_hold *hold;

	set_freezable();
	while (shrbuf_sink_wait(sink)) {
		hold = shrbuf_sink_next(sink);
		if (!hold)
			continue;
		if (READ_ONCE(sink->stats.state) == SHRBUF_SINK_STATE_FAILED)
			shrbuf_sink_drop(sink, hold, SHRBUF_DROP_ERROR);
		else
			kms_frame(kms, hold);
		shrbuf_sink_account(sink);
	}
	return 0;
}

/* The display goes on to show what it shows: the camera must not get that. */
static void kms_keep(struct kms_sink *kms)
{
	struct shrbuf_route_keep *keep = kms->keep;

	keep->plane = kms->plane;
	if (kms->shown)
		keep->frames[0] = kms->shown->frame;
	if (kms->stuck)
		keep->frames[1] = kms->stuck->frame;
	kms->keep = NULL;
	shrbuf_route_keep(kms->sink.route, keep);
}

/*
 * Errors of the last commit that pass: another one is under way, memory is short, or the
 * process that closes has a signal pending, with which a commit does not wait for the end of
 * the one before.
 */
static bool kms_is_passing(int error)
{
	return error == -EBUSY || error == -ENOMEM || error == -ERESTARTSYS || error == -EINTR;
}

/* What the plane shows when the sink has gone. */
static void kms_last_view(struct kms_sink *kms)
{
	unsigned long end = jiffies + KMS_BUSY_TIMEOUT;
	struct kms_view off = { };
	struct kms_view *view = &off;
	struct drm_crtc_commit *commit;
	int ret;

	if (!kms->shown && !kms->stuck)
		return;
	if (kms->end == SHRBUF_KMS_END_RESTORE && kms->before.fb)
		view = &kms->before;
	ret = -ECANCELED;
	while (kms->end != SHRBUF_KMS_END_KEEP) {
		ret = kms_commit(kms, view->fb, view, false, &commit);
		if (!kms_is_passing(ret) || time_after(jiffies, end))
			break;
		usleep_range(KMS_BUSY_MIN_US, KMS_BUSY_MAX_US);
	}
	if (!ret)
		ret = kms_wait_flip(commit);
	/* Still there. If the display is somebody else's now, so is what it shows. */
	if (ret && ret != -EACCES && ret != -ENOENT && ret != -ENODEV)
		kms_keep(kms);
}

static void kms_end(struct shrbuf_route_sink *sink)
{
	struct kms_sink *kms = to_kms_sink(sink);

	kthread_stop(sink->thread);
	kms_last_view(kms);
	shrbuf_sink_let_go(sink);
}

static void kms_free(struct shrbuf_route_sink *sink)
{
	struct kms_sink *kms = to_kms_sink(sink);
	unsigned int i;

	for (i = 0; i < kms->nr_fbs; i++)
		drm_framebuffer_put(kms->fbs[i]);
	if (kms->before.fb)
		drm_framebuffer_put(kms->before.fb);
	fput(kms->file);
	kvfree(kms->fbs);
	kfree(kms->keep);
	kfree(kms);
}

static const struct shrbuf_sink_ops kms_ops = {
	.type	= SHRBUF_SINK_TYPE_KMS,
	.name	= "display",
	.end	= kms_end,
	.free	= kms_free,
};

/* The user's DRM file. */
static int kms_open(struct kms_sink *kms, int fd)
{
	kms->file = fget(fd);
	if (!kms->file)
		return -EBADF;
	if (!shrbuf_is_device(kms->file, DRM_MAJOR)) {
		fput(kms->file);
		return -EINVAL;
	}
	kms->drm = kms->file->private_data;
	kms->dev = kms->drm->minor->dev;
	if (!drm_core_check_feature(kms->dev, DRIVER_ATOMIC)) {
		fput(kms->file);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int kms_get_fbs(struct kms_sink *kms, const struct shrbuf_kms_sink *arg)
{
	u32 __user *ids = u64_to_user_ptr(arg->fbs);
	u32 id;

	kms->fbs = kvcalloc(arg->nr_fbs, sizeof(*kms->fbs), GFP_KERNEL_ACCOUNT);
	if (!kms->fbs)
		return -ENOMEM;
	while (kms->nr_fbs < arg->nr_fbs) {
		if (get_user(id, ids + kms->nr_fbs))
			return -EFAULT;
		kms->fbs[kms->nr_fbs] = drm_framebuffer_lookup(kms->dev, kms->drm, id);
		if (!kms->fbs[kms->nr_fbs])
			return -ENOENT;
		kms->nr_fbs++;
	}
	return 0;
}

/* Remembers what the plane shows. */
static void kms_remember(struct kms_sink *kms, struct drm_plane *plane)
{
	struct kms_view *before = &kms->before;
	struct drm_plane_state *ps;

	drm_modeset_lock(&plane->mutex, NULL);
	ps = plane->state;
	if (ps && ps->fb && ps->crtc && ps->crtc->base.id == kms->crtc_id) {
		drm_framebuffer_get(ps->fb);
		*before = (struct kms_view) {
			.fb = ps->fb,
			.src_x = ps->src_x,
			.src_y = ps->src_y,
			.src_w = ps->src_w,
			.src_h = ps->src_h,
			.crtc_x = ps->crtc_x,
			.crtc_y = ps->crtc_y,
			.crtc_w = ps->crtc_w,
			.crtc_h = ps->crtc_h,
		};
	}
	drm_modeset_unlock(&plane->mutex);
}

/* Looks whether the display can show all that, so that mistakes are told at once. */
static int kms_test(struct kms_sink *kms)
{
	struct drm_crtc_commit *commit;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < kms->nr_fbs && !ret; i++)
		ret = kms_commit(kms, kms->fbs[i], &kms->view, true, &commit);
	return ret;
}

static int kms_setup(struct kms_sink *kms, const struct shrbuf_kms_sink *arg)
{
	struct drm_plane *plane;
	struct drm_crtc *crtc;
	int ret;

	kms->plane_id = arg->plane_id;
	kms->crtc_id = arg->crtc_id;
	kms->end = arg->end;
	kms->view = (struct kms_view) {
		.src_x = arg->src_x,
		.src_y = arg->src_y,
		.src_w = arg->src_w,
		.src_h = arg->src_h,
		.crtc_x = arg->crtc_x,
		.crtc_y = arg->crtc_y,
		.crtc_w = arg->crtc_w,
		.crtc_h = arg->crtc_h,
	};
	ret = kms_find(kms, &plane, &crtc);
	if (ret)
		return ret;
	kms->plane = plane;
	kms->keep = kzalloc(sizeof(*kms->keep), GFP_KERNEL_ACCOUNT);
	if (!kms->keep)
		return -ENOMEM;
	ret = kms_get_fbs(kms, arg);
	if (ret)
		return ret;
	snprintf(kms->sink.target, sizeof(kms->sink.target), "card%d plane %u",
		 kms->drm->minor->index, kms->plane_id);
	kms_remember(kms, plane);
	return kms_test(kms);
}

/**
 * shrbuf_route_add_kms - SHRBUF_IOC_ROUTE_ADD_KMS
 * @route: route
 * @uptr: argument
 *
 * Return: 0, or the errors that are documented there
 */
long shrbuf_route_add_kms(struct shrbuf_route *route, void __user *uptr)
{
	struct shrbuf_kms_sink arg;
	struct kms_sink *kms;
	int ret;

	if (copy_from_user(&arg, uptr, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)) ||
	    arg.end > SHRBUF_KMS_END_RESTORE || arg.nr_fbs != route->nr_frames ||
	    arg.sink.max_held < KMS_MIN_HELD)
		return -EINVAL;
	ret = shrbuf_sink_check(&arg.sink);
	if (ret)
		return ret;

	kms = kzalloc(sizeof(*kms), GFP_KERNEL_ACCOUNT);
	if (!kms)
		return -ENOMEM;
	ret = kms_open(kms, arg.drm_fd);
	if (ret) {
		kfree(kms);
		return ret;
	}
	shrbuf_sink_init(&kms->sink, route, &kms_ops, &arg.sink);
	ret = kms_setup(kms, &arg);
	if (ret)
		goto out_put;
	ret = shrbuf_sink_create_thread(&kms->sink, kms_thread);
	if (ret)
		goto out_put;
	ret = shrbuf_route_add(route, &kms->sink, &arg.sink.id);
	if (ret) {
		kthread_stop(kms->sink.thread);
		goto out_put;
	}
	wake_up_process(kms->sink.thread);
	if (copy_to_user(uptr, &arg, sizeof(arg))) {
		shrbuf_route_remove(route, arg.sink.id);
		ret = -EFAULT;
	}
out_put:
	shrbuf_sink_put(&kms->sink);
	return ret;
}
