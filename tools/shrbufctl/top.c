// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufctl top
 *
 * The module says which buffers there are, /proc who has them. Each buffer counts once in
 * the total, which so is what the module says. A buffer that several processes have is
 * shared out among them: the shares, and what no process has, add up to the total. Root also
 * sees the routes.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <shrbuf.h>

#include "shrbufctl.h"

#define INTERVAL_MS	1000

/**
 * struct row - a buffer
 * @id: its number
 * @obj: what is shown of it
 * @nr_owners: processes that have it
 * @handed: shares of it that were given out
 */
struct row {
	uint32_t id;
	struct json_object *obj;
	uint64_t nr_owners;
	uint64_t handed;
};

/**
 * struct rows - all buffers
 * @v: the rows, sorted by number
 * @nr: number of @v
 * @buffers: array for new ones
 */
struct rows {
	struct row *v;
	size_t nr;
	struct json_object *buffers;
};

static int compare_row(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static struct row *find_row(struct rows *rows, uint32_t id)
{
	struct row key = { .id = id };

	return rows->nr ? bsearch(&key, rows->v, rows->nr, sizeof(key), compare_row) : NULL;
}

static uint64_t number(struct json_object *obj, const char *key)
{
	return json_object_get_uint64(tree_get(obj, key));
}

static void add_row(struct rows *rows, struct json_object *obj)
{
	tree_put(obj, "owners", json_object_new_array());
	rows->v = more(rows->v, rows->nr, sizeof(*rows->v));
	rows->v[rows->nr++] = (struct row){ .id = (uint32_t)number(obj, "id"), .obj = obj };
}

/* Who may not read the listing has it made of what the buffers themselves say. */
static void found_buffer(void *context, const struct shrbuf_info *info)
{
	struct json_object *obj, *all, *frame;
	struct rows *rows = context;
	static const char * const keys[] = { "id", "size", "backing", "holds", "name" };
	static const char * const frame_keys[] = { "state", "seq", "age" };
	size_t i;

	for (i = 0; i < rows->nr; i++)
		if (rows->v[i].id == info->id)
			return;
	all = json_object_new_object();
	obj = json_object_new_object();
	describe(all, info);
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		tree_put(obj, keys[i], json_object_get(tree_get(all, keys[i])));
	frame = tree_get(all, "frame");
	for (i = 0; i < ARRAY_SIZE(frame_keys); i++)
		if (tree_get(frame, frame_keys[i]))
			tree_put(obj, frame_keys[i],
				 json_object_get(tree_get(frame, frame_keys[i])));
	json_object_put(all);
	tree_append(rows->buffers, obj);
	add_row(rows, obj);
}

static struct json_object *find_owner(struct json_object *owners, int pid)
{
	size_t nr = json_object_array_length(owners);
	struct json_object *last;

	/* Uses are sorted by process. */
	if (!nr)
		return NULL;
	last = json_object_array_get_idx(owners, nr - 1);
	return json_object_get_int(tree_get(last, "pid")) == pid ? last : NULL;
}

/* First pass: who has what. */
static void put_owners(struct rows *rows, const struct uses *uses)
{
	char *name = NULL;
	int pid = 0;
	size_t i;

	for (i = 0; i < uses->nr; i++) {
		const struct use *use = &uses->v[i];
		struct row *row = find_row(rows, use->id);
		struct json_object *owners, *owner;

		/* It may have been made after the listing was read. */
		if (!row)
			continue;
		if (use->pid != pid) {
			pid = use->pid;
			free(name);
			name = process_name(pid);
		}
		owners = tree_get(row->obj, "owners");
		owner = find_owner(owners, pid);
		if (!owner) {
			owner = json_object_new_object();
			tree_append(owners, owner);
			tree_put(owner, "pid", json_object_new_int(pid));
			tree_put_string(owner, "process", name);
			tree_put(owner, "fds", json_object_new_array());
			tree_put(owner, "mapped", json_object_new_boolean(false));
			row->nr_owners++;
		}
		if (use->fd >= 0)
			tree_append(tree_get(owner, "fds"), json_object_new_int(use->fd));
		else
			json_object_set_boolean(tree_get(owner, "mapped"), true);
	}
	free(name);
}

/* Shares of a buffer differ by one byte at most, and add up to its size. */
static uint64_t next_share(struct row *row)
{
	uint64_t size = number(row->obj, "size");

	return size / row->nr_owners + (row->handed++ < size % row->nr_owners);
}

struct sum {
	int pid;
	struct json_object *name;
	uint64_t buffers, size, share;
};

static int compare_sum(const void *a, const void *b)
{
	const struct sum *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* Those with most memory first. */
static int compare_share(const void *a, const void *b)
{
	const struct sum *x = a, *y = b;

	if (x->share != y->share)
		return x->share < y->share ? 1 : -1;
	return compare_sum(a, b);
}

static struct json_object *sum_tree(uint64_t buffers, uint64_t size)
{
	struct json_object *obj = json_object_new_object();

	tree_put(obj, "buffers", json_object_new_uint64(buffers));
	tree_put(obj, "size", json_object_new_uint64(size));
	return obj;
}

/* One for each process and buffer, then one for each process. */
static size_t collect_sums(struct rows *rows, struct sum **result)
{
	struct sum *sums = NULL;
	size_t i, j, nr = 0, kept = 0;

	for (i = 0; i < rows->nr; i++) {
		struct row *row = &rows->v[i];
		struct json_object *owners = tree_get(row->obj, "owners");

		for (j = 0; j < row->nr_owners; j++) {
			struct json_object *owner = json_object_array_get_idx(owners, j);

			sums = more(sums, nr, sizeof(*sums));
			sums[nr++] = (struct sum){
				.pid = json_object_get_int(tree_get(owner, "pid")),
				.name = tree_get(owner, "process"),
				.buffers = 1,
				.size = number(row->obj, "size"),
				.share = next_share(row),
			};
		}
	}
	if (nr)
		qsort(sums, nr, sizeof(*sums), compare_sum);
	for (i = 0; i < nr; i++) {
		if (kept && sums[kept - 1].pid == sums[i].pid) {
			sums[kept - 1].buffers++;
			sums[kept - 1].size += sums[i].size;
			sums[kept - 1].share += sums[i].share;
		} else {
			sums[kept++] = sums[i];
		}
	}
	if (kept)
		qsort(sums, kept, sizeof(*sums), compare_share);
	*result = sums;
	return kept;
}

/* Second pass: what it costs whom. */
static void put_sums(struct json_object *tree, struct rows *rows)
{
	struct json_object *processes = json_object_new_array();
	uint64_t total = 0, unowned = 0, nr_unowned = 0;
	struct sum *sums;
	size_t i, nr;

	nr = collect_sums(rows, &sums);
	tree_put(tree, "processes", processes);
	for (i = 0; i < nr; i++) {
		struct json_object *obj = sum_tree(sums[i].buffers, sums[i].size);

		tree_append(processes, obj);
		tree_put(obj, "share", json_object_new_uint64(sums[i].share));
		tree_put(obj, "pid", json_object_new_int(sums[i].pid));
		tree_put(obj, "process", json_object_get(sums[i].name));
	}
	free(sums);
	for (i = 0; i < rows->nr; i++) {
		uint64_t size = number(rows->v[i].obj, "size");

		total += size;
		if (!rows->v[i].nr_owners) {
			nr_unowned++;
			unowned += size;
		}
	}
	tree_put(tree, "unowned", sum_tree(nr_unowned, unowned));
	tree_put(tree, "total", sum_tree(rows->nr, total));
}

/* For root, if the module has any. */
static void put_routes(struct json_object *tree)
{
	struct json_object *listing = json_object_new_object();

	if (!list_routes(listing))
		tree_put(tree, "routes", json_object_get(tree_get(listing, "routes")));
	json_object_put(listing);
}

/* Return: 0, or a negative error number and the tree says why */
static int collect(struct json_object *tree)
{
	struct json_object *listing = json_object_new_object();
	struct uses uses = { 0 };
	struct rows rows = { 0 };
	int ret = list_buffers(listing);
	int fd = shrbuf_open();
	bool all = !ret;
	size_t i;

	if (ret == -EACCES || ret == -EPERM)
		ret = fd < 0 ? fd : 0;
	if (ret) {
		if (fd < 0)
			tree_put_error(tree, -fd, "%s",
				       shrbuf_explain(SHRBUF_REQUEST_OPEN, fd));
		else
			tree_put(tree, "error", json_object_get(tree_get(listing, "error")));
		goto out;
	}

	tree_put_string(tree, "scope", all ? "system" : "own");
	uses_scan_all(&uses);
	if (all) {
		rows.buffers = json_object_get(tree_get(listing, "buffers"));
		tree_put(tree, "buffers", rows.buffers);
		for (i = 0; i < json_object_array_length(rows.buffers); i++)
			add_row(&rows, json_object_array_get_idx(rows.buffers, i));
		uses_resolve(&uses, fd, rows.buffers, NULL, NULL);
		put_routes(tree);
	} else {
		rows.buffers = json_object_new_array();
		tree_put(tree, "buffers", rows.buffers);
		uses_resolve(&uses, fd, NULL, found_buffer, &rows);
	}
	if (rows.nr)
		qsort(rows.v, rows.nr, sizeof(*rows.v), compare_row);
	put_owners(&rows, &uses);
	put_sums(tree, &rows);
	tree_put(tree, "denied", json_object_new_uint64(uses.denied));
	free(rows.v);
	uses_free(&uses);
out:
	if (fd >= 0)
		close(fd);
	json_object_put(listing);
	return ret;
}

/* "gst-launch-1.0/1234,cat/99" */
static char *format_owners(struct json_object *value)
{
	size_t i, nr = json_object_array_length(value), len = 0;
	char *s = NULL;
	FILE *f;

	f = open_memstream(&s, &len);
	if (!f)
		die_no_memory();
	for (i = 0; i < nr; i++) {
		struct json_object *owner = json_object_array_get_idx(value, i);

		fprintf(f, "%s%s/%s", i ? "," : "", tree_text(owner, "process"),
			tree_text(owner, "pid"));
	}
	if (!nr)
		fputc('-', f);
	if (fclose(f))
		die_no_memory();
	return s;
}

static const struct column process_columns[] = {
	{ "pid", "PID", true, format_text, false },
	{ "buffers", "BUFFERS", true, format_text, false },
	{ "size", "SIZE", true, format_size, false },
	{ "share", "SHARE", true, format_size, false },
	{ "process", "PROCESS", false, format_text, false },
};

static const struct column buffer_columns[] = {
	{ "id", "ID", true, format_text, false },
	{ "size", "SIZE", true, format_size, false },
	{ "state", "STATE", false, format_text, false },
	{ "seq", "CHANGE", true, format_text, false },
	{ "age", "AGE", true, format_age, false },
	{ "holds", "HOLDS", true, format_text, false },
	{ "devices", "DEVICES", false, format_words, true },
	{ "owners", "OWNERS", false, format_owners, false },
	{ "name", "NAME", false, format_text, false },
};

static void print_text(FILE *f, struct json_object *tree)
{
	struct json_object *total = tree_get(tree, "total");
	struct json_object *unowned = tree_get(tree, "unowned");
	struct json_object *processes = tree_get(tree, "processes");
	struct json_object *routes = tree_get(tree, "routes");
	char *size = format_size(tree_get(total, "size"));
	char *rest = format_size(tree_get(unowned, "size"));

	fprintf(f, "Shared buffers: %s, bytes: %s; of these without a process: %s, bytes: %s\n",
		tree_text(total, "buffers"), size, tree_text(unowned, "buffers"), rest);
	free(size);
	free(rest);
	if (strcmp(tree_text(tree, "scope"), "system"))
		fputs("Only what your own processes have. Root sees all: sudo shrbufctl top.\n",
		      f);
	if (json_object_array_length(processes)) {
		fputc('\n', f);
		table_print(f, process_columns, ARRAY_SIZE(process_columns), processes);
	}
	if (routes && json_object_array_length(routes)) {
		fputc('\n', f);
		routes_print(f, routes);
	}
	if (number(total, "buffers")) {
		fputc('\n', f);
		table_print(f, buffer_columns, ARRAY_SIZE(buffer_columns),
			    tree_get(tree, "buffers"));
	}
}

/* As much of @text as fits to the terminal, and nothing of what was there before. */
static void print_screen(const char *text)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	unsigned int row, column;

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	fputs("\033[H", stdout);
	for (row = 1; *text && row < size.ws_row; row++) {
		for (column = 0; *text && *text != '\n'; text++) {
			/* Only the first byte of a character takes room. */
			if ((*text & 0xc0) != 0x80)
				column++;
			if (column <= size.ws_col)
				putchar(*text);
		}
		if (*text)
			text++;
		fputs("\033[K\n", stdout);
	}
	fputs(*text ? "...\033[K\033[J" : "\033[J", stdout);
	fflush(stdout);
}

/* Return: EXIT_OK or EXIT_FAILED */
static int show(const struct args *args, bool screen)
{
	struct json_object *tree = json_object_new_object();
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	if (!tree)
		die_no_memory();
	if (collect(tree))
		return stream_fail(args, "top", tree);
	if (args->json) {
		tree_put_string(tree, "command", "top");
		tree_put(tree, "ok", json_object_new_boolean(true));
		stream_json(tree);
		return EXIT_OK;
	}
	f = open_memstream(&text, &len);
	if (!f)
		die_no_memory();
	print_text(f, tree);
	if (fclose(f))
		die_no_memory();
	if (screen)
		print_screen(text);
	else
		fputs(text, stdout);
	free(text);
	json_object_put(tree);
	return EXIT_OK;
}

int top_stream(const struct args *args)
{
	struct pollfd pfd = { .events = POLLIN };
	struct stop stop;
	int status;

	if (args->once || args->json || !isatty(STDOUT_FILENO))
		return show(args, false);

	stop_open(&stop);
	pfd.fd = stop.fd;
	fputs("\033[2J", stdout);
	do {
		status = show(args, true);
	} while (status == EXIT_OK && poll(&pfd, 1, INTERVAL_MS) <= 0);
	putchar('\n');
	stop_close(&stop);
	return status;
}
