// SPDX-License-Identifier: GPL-2.0
/*
 * Who has which buffer: file descriptors and mappings of processes, from /proc.
 *
 * A dma-buf has the same inode in all processes, and its fdinfo names its exporter. To
 * which buffer it belongs the listing of the module says (column "inodes"), or the module
 * if it is asked by a copy of the file descriptor. A mapping alone cannot be asked, so
 * without that column it only counts if somebody has a file descriptor, too.
 */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shrbuf.h>

#include "shrbufctl.h"

/* How /proc names dma-bufs, whoever exports them. */
#define DMABUF_PATH	"/dmabuf:"

#define EXPORTER	"shrbuf"

static void add(struct uses *uses, int pid, int fd, unsigned long ino)
{
	uses->v = more(uses->v, uses->nr, sizeof(*uses->v));
	uses->v[uses->nr++] = (struct use){ .ino = ino, .pid = pid, .fd = fd };
}

/* Return: the inode if @path is the fdinfo of one of our dma-bufs, else 0 */
static unsigned long read_fdinfo(const char *path)
{
	unsigned long ino = 0;
	bool ours = false;
	char line[256];
	FILE *f = fopen(path, "re");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "ino: %lu", &ino) == 1)
			continue;
		if (!strncmp(line, "exp_name:", 9)) {
			line[strcspn(line, "\n")] = '\0';
			ours = !strcmp(line + 9 + strspn(line + 9, " \t"), EXPORTER);
		}
	}
	fclose(f);
	return ours ? ino : 0;
}

static int scan_fds(struct uses *uses, int pid)
{
	char *path = path_of("/proc/%d/fd", pid);
	DIR *dir = opendir(path);
	struct dirent *entry;
	int err = errno;

	free(path);
	if (!dir)
		return -err;
	while ((entry = readdir(dir))) {
		char target[PATH_MAX];
		unsigned long ino;
		ssize_t len;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target));
		if (len < (ssize_t)strlen(DMABUF_PATH) ||
		    memcmp(target, DMABUF_PATH, strlen(DMABUF_PATH)))
			continue;
		path = path_of("/proc/%d/fdinfo/%s", pid, entry->d_name);
		ino = read_fdinfo(path);
		free(path);
		if (ino)
			add(uses, pid, atoi(entry->d_name), ino);
	}
	closedir(dir);
	return 0;
}

/* Only one for each dma-buf, however often it is mapped. */
static void scan_maps(struct uses *uses, int pid)
{
	char *path = path_of("/proc/%d/maps", pid);
	FILE *f = fopen(path, "re");
	size_t first = uses->nr, size = 0, i;
	char *line = NULL;

	free(path);
	if (!f)
		return;
	while (getline(&line, &size, f) > 0) {
		const char *name = strchr(line, '/');
		unsigned long ino;

		if (!name || strncmp(name, DMABUF_PATH, strlen(DMABUF_PATH)) ||
		    sscanf(line, "%*s %*s %*s %*s %lu", &ino) != 1)
			continue;
		for (i = first; i < uses->nr && uses->v[i].ino != ino; i++)
			;
		if (i == uses->nr)
			add(uses, pid, -1, ino);
	}
	free(line);
	fclose(f);
}

/**
 * uses_scan - find what one process has
 * @uses: gets what is found, for uses_free(); must be all zero before the first call
 * @pid: the process
 *
 * Return: 0, or the negative error number of looking into it
 */
int uses_scan(struct uses *uses, int pid)
{
	int ret = scan_fds(uses, pid);

	if (ret)
		return ret;
	scan_maps(uses, pid);
	return 0;
}

/* Finds what all processes have, but for this one. */
void uses_scan_all(struct uses *uses)
{
	char *path = path_of("/proc");
	DIR *dir = opendir(path);
	struct dirent *entry;

	free(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		int pid = atoi(entry->d_name);
		int ret;

		if (pid <= 0 || pid == getpid())
			continue;
		ret = uses_scan(uses, pid);
		/* The others have ended meanwhile. */
		if (ret == -EACCES || ret == -EPERM)
			uses->denied++;
	}
	closedir(dir);
}

/**
 * struct known - which buffer a dma-buf is of
 * @ino: inode of the dma-buf
 * @id: of the buffer
 */
struct known {
	unsigned long ino;
	uint32_t id;
};

static int compare_known(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

/* Sorted, the caller frees it. */
static struct known *known_from(struct json_object *buffers, size_t *nr)
{
	size_t i, j, rows = buffers ? json_object_array_length(buffers) : 0;
	struct known *known = NULL;

	*nr = 0;
	for (i = 0; i < rows; i++) {
		struct json_object *record = json_object_array_get_idx(buffers, i);
		struct json_object *inodes = tree_get(record, "inodes");
		uint32_t id = (uint32_t)json_object_get_uint64(tree_get(record, "id"));

		for (j = 0; inodes && j < json_object_array_length(inodes); j++) {
			struct json_object *ino = json_object_array_get_idx(inodes, j);

			known = more(known, *nr, sizeof(*known));
			known[(*nr)++] = (struct known){
				.ino = strtoul(json_object_get_string(ino), NULL, 10),
				.id = id,
			};
		}
	}
	if (*nr)
		qsort(known, *nr, sizeof(*known), compare_known);
	return known;
}

/* Those of one dma-buf beside each other, file descriptors first. */
static int compare_ino(const void *a, const void *b)
{
	const struct use *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino > y->ino ? 1 : -1;
	return ((unsigned int)x->fd > (unsigned int)y->fd) -
	       ((unsigned int)x->fd < (unsigned int)y->fd);
}

static int compare_pid(const void *a, const void *b)
{
	const struct use *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid > y->pid ? 1 : -1;
	return ((unsigned int)x->fd > (unsigned int)y->fd) -
	       ((unsigned int)x->fd < (unsigned int)y->fd);
}

/* The process may have closed it, and opened something else in its place. */
static bool ask_module(int fd, const struct use *use, struct shrbuf_info *info)
{
	int buffer_fd = target_open_pid(use->pid, use->fd);
	int ret;

	if (buffer_fd < 0)
		return false;
	ret = shrbuf_get_info(fd, buffer_fd, info);
	close(buffer_fd);
	return !ret;
}

/**
 * uses_resolve - find out which buffers they are
 * @uses: what was found, gets the numbers of the buffers. Mappings of what is no shared
 *	buffer are removed.
 * @fd: from shrbuf_open(), or negative
 * @buffers: the listing of the module, or NULL
 * @found: gets what the module says of each dma-buf that it was asked for, may be NULL. Then
 *	only those are asked for that the listing does not know.
 * @context: for @found
 */
void uses_resolve(struct uses *uses, int fd, struct json_object *buffers,
		  void (*found)(void *context, const struct shrbuf_info *info),
		  void *context)
{
	size_t nr_known, i, first, kept = 0;
	struct known *known = known_from(buffers, &nr_known);
	struct shrbuf_info info;

	if (uses->nr)
		qsort(uses->v, uses->nr, sizeof(*uses->v), compare_ino);
	for (first = 0; first < uses->nr; first = i) {
		struct known key = { .ino = uses->v[first].ino };
		struct known *match = NULL;

		if (nr_known)
			match = bsearch(&key, known, nr_known, sizeof(*known),
					compare_known);
		if (match)
			key.id = match->id;
		for (i = first; i < uses->nr && uses->v[i].ino == key.ino; i++) {
			if (fd < 0 || uses->v[i].fd < 0 || (key.id && !found) ||
			    !ask_module(fd, &uses->v[i], &info))
				continue;
			key.id = info.id;
			if (found)
				found(context, &info);
			break;
		}
		for (i = first; i < uses->nr && uses->v[i].ino == key.ino; i++) {
			uses->v[i].id = key.id;
			if (key.id || uses->v[i].fd >= 0)
				uses->v[kept++] = uses->v[i];
		}
	}
	uses->nr = kept;
	if (kept)
		qsort(uses->v, kept, sizeof(*uses->v), compare_pid);
	free(known);
}

void uses_free(struct uses *uses)
{
	free(uses->v);
	*uses = (struct uses){ 0 };
}

/* The caller frees it. */
char *process_name(int pid)
{
	char *path = path_of("/proc/%d/comm", pid);
	FILE *f = fopen(path, "re");
	char *name = NULL;
	size_t size = 0;

	free(path);
	if (!f || getline(&name, &size, f) <= 0) {
		free(name);
		name = strdup("?");
	}
	if (!name)
		die_no_memory();
	if (f)
		fclose(f);
	name[strcspn(name, "\n")] = '\0';
	return name;
}
