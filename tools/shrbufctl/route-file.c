// SPDX-License-Identifier: GPL-2.0
/*
 * The open file of a route, also that of another process, and what it says of itself.
 */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shrbuf.h>

#include "shrbufctl.h"

/* The first line of a route in its fdinfo is that of the source, as in the listing. */
static unsigned int id_of(int pid, int number)
{
	char *path = path_of("/proc/%d/fdinfo/%d", pid, number);
	FILE *f = fopen(path, "re");
	unsigned int id = 0, found;
	char line[512];

	free(path);
	while (f && !id && fgets(line, sizeof(line), f)) {
		int end = 0;

		if (sscanf(line, "%u 0 source%n", &found, &end) == 1 && end)
			id = found;
	}
	if (f)
		fclose(f);
	return id;
}

/* The number of a route that this process has open, zero if the kernel does not say it. */
unsigned int route_id(int route_fd)
{
	return id_of(getpid(), route_fd);
}

/**
 * route_find - find the open file of a route
 * @pid: the process that made it
 * @id: number of the route
 *
 * Return: the number of its file descriptor there, -ESRCH if the process has none or is gone,
 * -EACCES if the caller may not look
 */
int route_find(int pid, unsigned int id)
{
	char *path = path_of("/proc/%d/fd", pid);
	DIR *dir = opendir(path);
	struct dirent *entry;
	int number, ret = -ESRCH;

	free(path);
	if (!dir)
		return errno == EACCES ? -EACCES : -ESRCH;
	while (ret < 0 && (entry = readdir(dir))) {
		if (*entry->d_name < '0' || *entry->d_name > '9')
			continue;
		number = atoi(entry->d_name);
		if (id_of(pid, number) == id)
			ret = number;
	}
	closedir(dir);
	return ret;
}

/* Upper bound in microseconds of the bin with this share of all latencies, zero if none is. */
static unsigned long long quantile(const struct shrbuf_route_stats *stats, unsigned int percent)
{
	unsigned long long sum = 0, wanted, seen = 0;
	unsigned int i;

	for (i = 0; i < SHRBUF_LATENCY_BINS; i++)
		sum += stats->latency[i];
	if (!sum)
		return 0;
	wanted = (sum * percent + 99) / 100;
	for (i = 0; i < SHRBUF_LATENCY_BINS - 1 && seen + stats->latency[i] < wanted; i++)
		seen += stats->latency[i];
	return 16ULL << i;
}

/**
 * route_put_latency - add what is known of the latency
 * @obj: gets "latency"
 * @stats: of a sink
 */
void route_put_latency(struct json_object *obj, const struct shrbuf_route_stats *stats)
{
	struct json_object *latency, *bins;
	unsigned int i;

	if (!quantile(stats, 50))
		return;
	latency = json_object_new_object();
	bins = json_object_new_array();
	tree_put(obj, "latency", latency);
	tree_put(latency, "median_below_us", json_object_new_uint64(quantile(stats, 50)));
	tree_put(latency, "percent99_below_us", json_object_new_uint64(quantile(stats, 99)));
	tree_put(latency, "bins", bins);
	for (i = 0; i < SHRBUF_LATENCY_BINS; i++)
		tree_append(bins, json_object_new_uint64(stats->latency[i]));
}

/* "< 2.05 ms, 99 %: < 8.19 ms" */
char *format_latency(struct json_object *value)
{
	double median = (double)json_object_get_uint64(tree_get(value, "median_below_us"));
	double most = (double)json_object_get_uint64(tree_get(value, "percent99_below_us"));
	char *s;

	if (asprintf(&s, "< %.3g ms, 99 %%: < %.3g ms", median / 1000, most / 1000) < 0)
		die_no_memory();
	return s;
}
