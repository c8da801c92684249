// SPDX-License-Identifier: GPL-2.0
/*
 * What the fuzzer does with buffers wherever they are from: requests of shrbuf and its
 * test device, of dma-bufs and of displays, and the listings.
 */

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "fuzz.h"
#include "../kernel/shrbuf_testdev.h"

/* requests of shrbuf */

int op_version(void)
{
	struct shrbuf_version arg = { 0 };

	flip(&arg, sizeof(arg));
	return ioctl(pick(BIT(KIND_SHRBUF)), SHRBUF_IOC_VERSION, &arg);
}

static int queue_op(unsigned long request)
{
	struct shrbuf_queue_op arg = { .fd = pick(ANY_VIDEO) };

	flip(&arg, sizeof(arg));
	return ioctl(pick(BIT(KIND_SHRBUF)), request, &arg);
}

int op_attach(void)
{
	return queue_op(SHRBUF_IOC_ATTACH);
}

int op_detach(void)
{
	return queue_op(SHRBUF_IOC_DETACH);
}

/* Requests that do not exist, and pointers that cannot be read. */
int op_shrbuf_wrong(void)
{
	struct shrbuf_version arg = { 0 };
	unsigned long request = _IOC(below(4), SHRBUF_IOC_MAGIC, below(16),
				     below(2) ? sizeof(arg) : below(128));

	return ioctl(pick(BIT(KIND_SHRBUF)), request,
		     one_in(2) ? (void *)&arg : (void *)(random64() % (1 << 20)));
}

int op_alloc(void)
{
	struct shrbuf_alloc_op arg = { .fd_flags = below(4) | O_CLOEXEC };
	int ret;

	/* a few pages; or none; or so many that it is refused before it is tried */
	if (one_in(16))
		arg.size = one_in(2) ? 0 : 1ULL << (32 + below(32));
	else
		arg.size = below(80 * PAGE) + 1;
	if (one_in(2)) {
		arg.flags = below(8);
		if (arg.flags & SHRBUF_ALLOC_DEVICE)
			arg.device = pick(ANY_VIDEO | BIT(KIND_DRM));
	}
	memcpy(arg.name, "fuzz\t\n", 6);
	/* all but the size */
	flip(&arg.flags, sizeof(arg) - offsetof(struct shrbuf_alloc_op, flags));
	ret = ioctl(pick(BIT(KIND_SHRBUF)), SHRBUF_IOC_ALLOC, &arg);
	return ret ? ret : place(arg.fd, KIND_DMABUF);
}

int op_test_alloc(void)
{
	/* few pages; or none; or so many that it is refused before it is tried */
	unsigned long pages = one_in(16) ? (one_in(2) ? 0 : 1UL << (20 + below(30))) :
			      1 + below(80);

	return place(ioctl(pick(BIT(KIND_TEST)), SHRBUF_TEST_ALLOC, pages),
		     KIND_DMABUF);
}

int op_test_import(void)
{
	return ioctl(pick(BIT(KIND_TEST)), SHRBUF_TEST_IMPORT,
		     (long)pick(BIT(KIND_DMABUF)));
}

int op_test_adopt(void)
{
	return place(ioctl(pick(BIT(KIND_TEST)), SHRBUF_TEST_ADOPT,
			   (long)pick(BIT(KIND_DMABUF))), KIND_DMABUF);
}

/* dma-buf */

int op_sync(void)
{
	struct dma_buf_sync arg = { .flags = one_in(8) ? random64() : below(8) };

	return ioctl(pick(BIT(KIND_DMABUF)), DMA_BUF_IOCTL_SYNC, &arg);
}

int op_export_sync_file(void)
{
	struct dma_buf_export_sync_file arg = { .flags = below(4) };

	flip(&arg, sizeof(arg));
	if (ioctl(pick(BIT(KIND_DMABUF)), DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg))
		return -1;
	return place(arg.fd, KIND_SYNC_FILE);
}

int op_import_sync_file(void)
{
	struct dma_buf_import_sync_file arg = {
		.flags = below(4), .fd = pick(BIT(KIND_SYNC_FILE)),
	};

	flip(&arg, sizeof(arg));
	return ioctl(pick(BIT(KIND_DMABUF)), DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &arg);
}

int op_set_name(void)
{
	static const char *const names[] = {
		"", "fuzz", "a name\twith\na \\ lot in it",
		"much longer than the 32 bytes that a name may have",
	};

	return ioctl(pick(BIT(KIND_DMABUF)), DMA_BUF_SET_NAME_B,
		     names[below(ARRAY_SIZE(names))]);
}

int op_lseek(void)
{
	return lseek(pick(BIT(KIND_DMABUF)), one_in(4) ? below(8192) : 0,
		     below(4)) < 0 ? -1 : 0;
}

/* displays */

int op_prime_import(void)
{
	struct drm_prime_handle arg = {
		.fd = pick(BIT(KIND_DMABUF)), .flags = one_in(16) ? below(4096) : 0,
	};

	return ioctl(pick(BIT(KIND_DRM) | BIT(KIND_FUSION)), DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg);
}

int op_prime_export(void)
{
	struct drm_prime_handle arg = {
		.handle = below(12),
		.flags = one_in(8) ? below(4096) : DRM_CLOEXEC | DRM_RDWR,
	};

	if (ioctl(pick(BIT(KIND_DRM) | BIT(KIND_FUSION)), DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg))
		return -1;
	return place(arg.fd, KIND_DMABUF);
}

int op_gem_close(void)
{
	struct drm_gem_close arg = { .handle = below(12) };

	return ioctl(pick(BIT(KIND_DRM) | BIT(KIND_FUSION)), DRM_IOCTL_GEM_CLOSE, &arg);
}

int op_dumb(void)
{
	struct drm_mode_create_dumb arg = {
		.width = 1 + below(128), .height = 1 + below(128),
		.bpp = 8 * (1 + below(4)),
	};

	return ioctl(pick(BIT(KIND_DRM)), DRM_IOCTL_MODE_CREATE_DUMB, &arg);
}

int op_framebuffer(void)
{
	uint32_t handles[4] = { below(12) }, pitches[4] = { 32 * 4 };
	uint32_t offsets[4] = { 0 }, id;
	int fd = pick(BIT(KIND_DRM));

	if (one_in(3))
		return drmModeRmFB(fd, below(12));
	return drmModeAddFB2(fd, 32, 32, 0x34325258 /* XR24 */, handles,
			     pitches, offsets, &id, 0);
}

/* listings */

static int read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t chunk = one_in(4) ? 1 + below(64) : PAGE;
	unsigned int i;
	char text[PAGE];
	ssize_t ret = 0;

	if (fd < 0)
		return -1;
	for (i = 0; i < 64; i++) {
		ret = read(fd, text, chunk);
		if (ret <= 0)
			break;
		if (one_in(64))
			lseek(fd, below(16), SEEK_SET);
	}
	close(fd);
	return ret;
}

int op_listing(void)
{
	static const char *const files[] = {
		"/sys/kernel/debug/shrbuf/buffers",
		"/sys/kernel/debug/shrbuf/queues",
		"/sys/kernel/debug/shrbuf/routes",
		"/sys/kernel/debug/shrbuf/sync",
		"/sys/kernel/debug/dma_buf/bufinfo",
		"/proc/self/maps",
	};

	return read_file(files[below(ARRAY_SIZE(files))]);
}

int op_fdinfo(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d",
		 pick(BIT(KIND_DMABUF) | BIT(KIND_SHRBUF) | BIT(KIND_ROUTE) | BIT(KIND_FUSION) |
		      BIT(KIND_WORLD)));
	return read_file(path);
}

/* queues with readers and fences */

int op_configure(void)
{
	struct shrbuf_queue_config arg = {
		.fd = pick(ANY_VIDEO),
		.flags = one_in(8) ? random64() : below(8),
	};
	struct shrbuf_queue_op attach = { .fd = arg.fd };
	int dev = pick(BIT(KIND_SHRBUF));

	/* short, so that the threads go on */
	if (arg.flags & SHRBUF_CONFIG_WAIT)
		arg.wait_ms = 1 + below(20);
	if (arg.flags & SHRBUF_CONFIG_FENCES)
		arg.fence_ms = 1 + below(200);
	flip(&arg.reserved, sizeof(arg.reserved));
	/* most queues are not attached, or have buffers by now */
	if (one_in(2))
		ioctl(dev, SHRBUF_IOC_ATTACH, &attach);
	return ioctl(dev, SHRBUF_IOC_CONFIGURE, &arg);
}
