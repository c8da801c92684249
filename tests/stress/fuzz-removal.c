// SPDX-License-Identifier: GPL-2.0
/*
 * What the fuzzer takes away from under the other threads, and brings back: the camera
 * is unbound and bound, modules are unloaded and loaded. The video devices are looked
 * for again after that.
 */

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

unsigned int video_nodes[MAX_VIDEO_NODES], nr_video_nodes;
static char vivid_options[3][128];

/* removal */

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text));
	close(fd);
	return ret;
}

/* Finds the video devices. Without this, they would start with large pictures. */
void find_video(void)
{
	unsigned int i, nr = 0;

	for (i = 0; i < 64 && nr < ARRAY_SIZE(video_nodes); i++) {
		struct v4l2_format fmt = { 0 };
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/dev/video%u", i);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			continue;
		switch (video_kind(fd)) {
		case KIND_CAPTURE:
			fmt.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
			break;
		case KIND_CAPTURE_MP:
			fmt.type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
			break;
		case KIND_OUTPUT:
			fmt.type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
			break;
		case KIND_OUTPUT_MP:
			fmt.type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
			break;
		case KIND_M2M:
			fmt.type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
			break;
		default:
			close(fd);
			continue;
		}
		video_nodes[nr++] = i;
		fmt.fmt.pix.width = 320;
		fmt.fmt.pix.height = 180;
		fmt.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
		ioctl(fd, VIDIOC_S_FMT, &fmt);
		close(fd);
	}
	__atomic_store_n(&nr_video_nodes, nr, __ATOMIC_RELAXED);
}

int modprobe(const char *module)
{
	char *argv[8] = { "modprobe", (char *)module };
	unsigned int i;
	int status = -1;
	pid_t pid;

	if (!strcmp(module, "vivid"))
		for (i = 0; i < ARRAY_SIZE(vivid_options); i++)
			argv[2 + i] = vivid_options[i];
	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ))
		return -1;
	return waitpid(pid, &status, 0) == pid && !status ? 0 : -1;
}

int op_rebind(void)
{
	int ret = write_file(VIVID "unbind", "vivid.0");

	if (write_file(VIVID "bind", "vivid.0") < 0)
		ret = -1;
	find_video();
	return ret;
}

static bool contiguous_alive(void)
{
	FILE *file = fopen("/sys/kernel/debug/dma_buf/bufinfo", "re");
	bool found = false;
	char line[256];

	if (!file)
		return true;
	while (fgets(line, sizeof(line), file))
		found |= !!strstr(line, "dma_contig");
	fclose(file);
	return found;
}

static int remove_vivid(void)
{
	int ret = -1;

	pthread_rwlock_wrlock(&world);
	if (!contiguous_alive())
		ret = syscall(SYS_delete_module, "vivid", O_NONBLOCK);
	pthread_rwlock_unlock(&world);
	return ret;
}

/* Mostly they are in use. Without files of ours they may not be. */
int op_rmmod(void)
{
	int ret;

	if (one_in(2))
		close_slots();
	if (one_in(2)) {
		ret = remove_vivid();
		modprobe("vivid");
		find_video();
	} else {
		ret = syscall(SYS_delete_module, "shrbuf_testdev", O_NONBLOCK);
		syscall(SYS_delete_module, "shrbuf", O_NONBLOCK);
		modprobe("shrbuf_testdev");
	}
	return ret;
}

/* Modules are loaded again with the options that they have now. */
void read_vivid_options(void)
{
	static const char *const names[] = { "n_devs", "multiplanar", "allocators" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64], text[96] = "";
		int fd;

		snprintf(path, sizeof(path), "/sys/module/vivid/parameters/%s",
			 names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
			continue;
		close(fd);
		text[strcspn(text, "\n")] = 0;
		snprintf(vivid_options[i], sizeof(vivid_options[i]), "%s=%s",
			 names[i], text);
	}
}
