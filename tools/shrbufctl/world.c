// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufctl world: worlds of the fusion driver, who is in them, who waits for whom, and
 * devices for programs that know the old interface.
 */

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "shrbufctl.h"

/* All that is a number in any of the listings. */
static const struct field fields[] = {
	{ "world", FIELD_NUMBER },
	{ "members", FIELD_NUMBER },
	{ "max_members", FIELD_NUMBER },
	{ "objects", FIELD_NUMBER },
	{ "max_objects", FIELD_NUMBER },
	{ "memory", FIELD_NUMBER },
	{ "max_memory", FIELD_NUMBER },
	{ "flags", FIELD_NUMBER },
	{ "ended", FIELD_BOOL },
	{ "member", FIELD_NUMBER },
	{ "pid", FIELD_NUMBER },
	{ "threads", FIELD_NUMBER },
	{ "queued", FIELD_NUMBER },
	{ "skirmishes", FIELD_NUMBER },
	{ "refs", FIELD_NUMBER },
	{ "reactors", FIELD_NUMBER },
	{ "properties", FIELD_NUMBER },
	{ "id", FIELD_NUMBER },
	{ "creator", FIELD_NUMBER },
	{ "owner", FIELD_NUMBER },
	{ "tid", FIELD_NUMBER },
	{ "count", FIELD_NUMBER },
	{ "waiters", FIELD_NUMBER },
	{ "size", FIELD_NUMBER },
	{ "token", FIELD_NUMBER },
	{ "for_member", FIELD_NUMBER },
	{ "for_token", FIELD_NUMBER },
	{ "deadlock", FIELD_BOOL },
};

static const struct column world_columns[] = {
	{ "world", "WORLD", true, format_text, false },
	{ "members", "MEMBERS", true, format_text, false },
	{ "objects", "OBJECTS", true, format_text, false },
	{ "memory", "MEMORY", true, format_size, false },
	{ "max_memory", "LIMIT", true, format_size, false },
	{ "ended", "ENDED", false, format_yes_no, false },
	{ "name", "NAME", false, format_text, false },
};

static const struct column member_columns[] = {
	{ "member", "MEMBER", true, format_text, false },
	{ "pid", "PID", true, format_text, false },
	{ "threads", "THREADS", true, format_text, false },
	{ "queued", "QUEUED", true, format_text, false },
	{ "skirmishes", "SKIRMISHES", true, format_text, false },
	{ "refs", "REFS", true, format_text, false },
	{ "reactors", "REACTORS", true, format_text, false },
	{ "properties", "PROPERTIES", true, format_text, false },
	{ "name", "NAME", false, format_text, false },
};

static const struct column object_columns[] = {
	{ "type", "TYPE", false, format_text, false },
	{ "id", "ID", true, format_text, false },
	{ "creator", "CREATOR", true, format_text, false },
	{ "owner", "OWNER", true, format_text, false },
	{ "tid", "TID", true, format_text, false },
	{ "count", "COUNT", true, format_text, false },
	{ "waiters", "WAITERS", true, format_text, false },
	{ "size", "SIZE", true, format_size, false },
	{ "name", "NAME", false, format_text, false },
};

static const struct column wait_columns[] = {
	{ "world", "WORLD", true, format_text, false },
	{ "member", "MEMBER", true, format_text, false },
	{ "tid", "TID", true, format_text, false },
	{ "type", "WAITS FOR", false, format_text, false },
	{ "id", "ID", true, format_text, false },
	{ "for_member", "OF MEMBER", true, format_text, false },
	{ "for_token", "THREAD", true, format_text, false },
	{ "deadlock", "DEADLOCK", false, format_yes_no, false },
};

static const struct column killed_columns[] = {
	{ "member", "MEMBER", true, format_text, false },
	{ "pid", "PID", true, format_text, false },
	{ "name", "KILLED", false, format_text, false },
};

static uint64_t number(struct json_object *record, const char *key)
{
	return json_object_get_uint64(tree_get(record, key));
}

/* There are no listings. */
static int explain_missing(struct json_object *tree)
{
	char *debugfs = path_of("/sys/kernel/debug");
	int err = access(debugfs, R_OK | X_OK) ? errno : 0;

	free(debugfs);
	if (err == EACCES || err == EPERM)
		tree_put_error(tree, err,
			       "Only root may see the worlds of the whole system. Run the command as root: sudo shrbufctl world list.");
	else
		tree_put_error(tree, ENOENT,
			       "There are no listings of worlds. Load the module: modprobe fusion. If it is loaded, mount debugfs as root: mount -t debugfs none /sys/kernel/debug.");
	return -ENOENT;
}

/* The directory below that of the render node, or NULL. The caller frees it. */
static char *listings_dir(void)
{
	char *pattern = path_of("/sys/kernel/debug/dri/*/fusion"), *dir = NULL;
	glob_t found;

	if (!glob(pattern, 0, NULL, &found)) {
		dir = strdup(found.gl_pathv[0]);
		if (!dir)
			die_no_memory();
		globfree(&found);
	}
	free(pattern);
	return dir;
}

/*
 * A listing, or NULL and an error in the tree. @world: only this one, 0 for all. The caller
 * puts it.
 */
static struct json_object *read_listing(struct json_object *tree, const char *name,
					uint64_t world)
{
	struct json_object *records, *chosen;
	char *dir = listings_dir(), *path;
	size_t i;
	int ret;

	if (!dir) {
		explain_missing(tree);
		return NULL;
	}
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		die_no_memory();
	free(dir);
	ret = listing_read(path, fields, ARRAY_SIZE(fields), &records);
	if (ret == -EBADMSG)
		tree_put_error(tree, EBADMSG,
			       "The contents of %s are not as expected. Install a module and a shrbufctl of the same release.",
			       path);
	else if (ret)
		tree_put_error(tree, -ret,
			       "%s cannot be read. Run the command as root, and look for a reason in the kernel log: dmesg.",
			       path);
	free(path);
	if (ret)
		return NULL;
	if (!world)
		return records;
	chosen = json_object_new_array();
	if (!chosen)
		die_no_memory();
	for (i = 0; i < json_object_array_length(records); i++) {
		struct json_object *record = json_object_array_get_idx(records, i);

		if (number(record, "world") == world)
			tree_append(chosen, json_object_get(record));
	}
	json_object_put(records);
	return chosen;
}

static int put_listing(struct json_object *tree, const char *name, uint64_t world)
{
	struct json_object *records = read_listing(tree, name, world);

	if (!records)
		return EXIT_FAILED;
	tree_put(tree, name, records);
	return EXIT_OK;
}

static int list(struct json_object *tree, uint64_t world, uint64_t member)
{
	(void)world;
	(void)member;
	return put_listing(tree, "worlds", 0);
}

/* Fails if there is no such world. */
static int find_world(struct json_object *tree, uint64_t world)
{
	if (put_listing(tree, "worlds", world))
		return EXIT_FAILED;
	if (json_object_array_length(tree_get(tree, "worlds")))
		return EXIT_OK;
	tree_put_error(tree, ENOENT,
		       "There is no world %ju. See which there are: shrbufctl world list.",
		       (uintmax_t)world);
	return EXIT_FAILED;
}

static int show(struct json_object *tree, uint64_t world, uint64_t member)
{
	(void)member;
	if (find_world(tree, world) || put_listing(tree, "members", world) ||
	    put_listing(tree, "objects", world) || put_listing(tree, "waits", world))
		return EXIT_FAILED;
	return EXIT_OK;
}

/* Who is part of a circle, or was refused because of one. */
static int deadlocks(struct json_object *tree, uint64_t world, uint64_t member)
{
	struct json_object *waits, *stuck;
	size_t i;

	(void)member;
	if (world && find_world(tree, world))
		return EXIT_FAILED;
	waits = read_listing(tree, "waits", world);
	if (!waits)
		return EXIT_FAILED;
	stuck = json_object_new_array();
	tree_put(tree, "waits", stuck);
	for (i = 0; i < json_object_array_length(waits); i++) {
		struct json_object *record = json_object_array_get_idx(waits, i);

		if (tree_true(record, "deadlock"))
			tree_append(stuck, json_object_get(record));
	}
	json_object_put(waits);
	return EXIT_OK;
}

/* Whether the member is still the process that was meant when it was opened. */
static bool still_there(struct json_object *tree, struct json_object *wanted)
{
	struct json_object *members = read_listing(tree, "members", number(wanted, "world"));
	bool found = false;
	size_t i;

	if (!members)
		return false;
	for (i = 0; i < json_object_array_length(members); i++) {
		struct json_object *record = json_object_array_get_idx(members, i);

		found |= number(record, "member") == number(wanted, "member") &&
			 number(record, "pid") == number(wanted, "pid");
	}
	json_object_put(members);
	return found;
}

/*
 * Kills the process of a member, and no other one that has got its number meanwhile. Return:
 * 1 if it was killed, 0 if it was gone, or a negative error
 */
static int kill_member(struct json_object *tree, struct json_object *record)
{
	pid_t pid = (pid_t)number(record, "pid");
	int fd, ret = 0;

	if (!pid)
		return -ESRCH;
	fd = pidfd_open(pid, 0);
	if (fd < 0)
		return errno == ESRCH ? 0 : -errno;
	if (still_there(tree, record))
		ret = pidfd_send_signal(fd, SIGKILL, NULL, 0) ? -errno : 1;
	close(fd);
	return ret == -ESRCH ? 0 : ret;
}

static int kill_members(struct json_object *tree, uint64_t world, uint64_t member)
{
	struct json_object *members, *killed = json_object_new_array();
	int status = EXIT_OK;
	bool found = !member;
	size_t i;

	tree_put(tree, "killed", killed);
	if (find_world(tree, world))
		return EXIT_FAILED;
	members = read_listing(tree, "members", world);
	if (!members)
		return EXIT_FAILED;
	for (i = 0; i < json_object_array_length(members); i++) {
		struct json_object *record = json_object_array_get_idx(members, i);
		int ret;

		if (member && number(record, "member") != member)
			continue;
		found = true;
		ret = kill_member(tree, record);
		if (ret < 0) {
			status = EXIT_FAILED;
			tree_put_error(tree, -ret,
				       "Member %ju, process %ju, cannot be killed. Run the command as root, where the processes of the world are visible.",
				       (uintmax_t)number(record, "member"),
				       (uintmax_t)number(record, "pid"));
		} else if (ret) {
			tree_append(killed, json_object_get(record));
		}
	}
	json_object_put(members);
	if (!found) {
		tree_put_error(tree, ENOENT,
			       "World %ju has no member %ju. See who is in it: shrbufctl world show %ju.",
			       (uintmax_t)world, (uintmax_t)member, (uintmax_t)world);
		status = EXIT_FAILED;
	}
	return status;
}

#define LEGACY_PARAMETER	"/sys/module/fusion/parameters/legacy_devices"

/* How many legacy devices there are, or a negative error and an error in the tree. */
static int legacy_devices(struct json_object *tree)
{
	char *path = path_of(LEGACY_PARAMETER);
	FILE *file = fopen(path, "re");
	unsigned int nr;

	free(path);
	if (!file) {
		int err = errno;

		tree_put_error(tree, err,
			       "The module has no legacy devices to tell of. Load it: modprobe fusion.");
		return -err;
	}
	if (fscanf(file, "%u", &nr) != 1)
		nr = 0;
	fclose(file);
	return (int)nr;
}

static int make_legacy_devices(struct json_object *tree, uint64_t nr)
{
	char *path = path_of(LEGACY_PARAMETER);
	FILE *file = fopen(path, "we");
	int err = file ? 0 : errno;

	free(path);
	if (file) {
		if (fprintf(file, "%ju\n", (uintmax_t)nr) < 0)
			err = errno;
		if (fclose(file) && !err)
			err = errno;
	}
	if (err == EACCES || err == EPERM)
		tree_put_error(tree, err,
			       "Only root may make legacy devices. Run the command as root: sudo shrbufctl world legacy %ju.",
			       (uintmax_t)nr);
	else if (err == ERANGE || err == EINVAL)
		tree_put_error(tree, err,
			       "There cannot be %ju legacy devices. Use a number from 1 to 32.",
			       (uintmax_t)nr);
	else if (err)
		tree_put_error(tree, err,
			       "The legacy devices cannot be made. Look for a reason in the kernel log: dmesg.");
	return -err;
}

/* @nr: so many devices shall be there, 0: only say how many there are */
static int legacy(struct json_object *tree, uint64_t nr, uint64_t unused)
{
	int have = legacy_devices(tree);

	(void)unused;
	if (have < 0)
		return EXIT_FAILED;
	if (nr > (uint64_t)have) {
		if (make_legacy_devices(tree, nr))
			return EXIT_FAILED;
		have = legacy_devices(tree);
		if (have < 0)
			return EXIT_FAILED;
	}
	tree_put(tree, "devices", json_object_new_int(have));
	return EXIT_OK;
}

static const struct action {
	const char *name;
	const char *usage;
	int min;	/* numbers that it needs */
	int max;	/* numbers that it takes */
	int (*run)(struct json_object *tree, uint64_t world, uint64_t member);
} actions[] = {
	{ "list", "list", 0, 0, list },
	{ "show", "show WORLD", 1, 1, show },
	{ "deadlocks", "deadlocks [WORLD]", 0, 1, deadlocks },
	{ "kill", "kill WORLD [MEMBER]", 1, 2, kill_members },
	{ "legacy", "legacy [NUMBER]", 0, 1, legacy },
};

static bool parse_number(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *value;
}

int world_collect(const struct args *args, struct json_object *tree)
{
	const struct action *action = NULL;
	uint64_t numbers[2] = { 0 };
	size_t a;
	int i;

	for (a = 0; a < ARRAY_SIZE(actions); a++)
		if (!strcmp(args->argv[0], actions[a].name))
			action = &actions[a];
	if (!action) {
		tree_put_error(tree, 0,
			       "world cannot '%s'. It can: list, show, deadlocks, kill, legacy.",
			       args->argv[0]);
		return EXIT_USAGE;
	}
	tree_put_string(tree, "action", action->name);
	if (args->argc - 1 < action->min || args->argc - 1 > action->max) {
		tree_put_error(tree, 0, "Wrong number of arguments. Use: shrbufctl world %s.",
			       action->usage);
		return EXIT_USAGE;
	}
	for (i = 0; i < args->argc - 1; i++) {
		if (!parse_number(args->argv[i + 1], &numbers[i])) {
			tree_put_error(tree, 0,
				       "'%s' is not a number greater than zero. Use: shrbufctl world %s.",
				       args->argv[i + 1], action->usage);
			return EXIT_USAGE;
		}
	}
	return action->run(tree, numbers[0], numbers[1]);
}

/* Return: whether there was anything */
static bool print_table(struct json_object *tree, const char *key, const struct column *columns,
			size_t nr, const char *nothing)
{
	struct json_object *records = tree_get(tree, key);

	if (!json_object_array_length(records)) {
		puts(nothing);
		return false;
	}
	table_print(stdout, columns, nr, records);
	return true;
}

static void print_show(struct json_object *tree)
{
	print_table(tree, "worlds", world_columns, ARRAY_SIZE(world_columns), "");
	putchar('\n');
	print_table(tree, "members", member_columns, ARRAY_SIZE(member_columns),
		    "It has no members.");
	putchar('\n');
	print_table(tree, "objects", object_columns, ARRAY_SIZE(object_columns),
		    "It has no objects.");
	putchar('\n');
	print_table(tree, "waits", wait_columns, ARRAY_SIZE(wait_columns), "Nobody waits.");
}

static void print_legacy(struct json_object *tree)
{
	int nr = json_object_get_int(tree_get(tree, "devices"));

	if (nr > 1)
		printf("The legacy devices are /dev/fusion0 to /dev/fusion%d.\n", nr - 1);
	else
		puts(nr ? "The legacy device is /dev/fusion0." : "There are no legacy devices.");
}

void world_print(struct json_object *tree)
{
	struct json_object *error = tree_get(tree, "error"), *killed = tree_get(tree, "killed");
	const char *action = tree_text(tree, "action");

	if (killed && json_object_array_length(killed))
		table_print(stdout, killed_columns, ARRAY_SIZE(killed_columns), killed);
	if (error) {
		complain(NULL, error);
		return;
	}
	if (!strcmp(action, "list"))
		print_table(tree, "worlds", world_columns, ARRAY_SIZE(world_columns),
			    "There are no worlds.");
	else if (!strcmp(action, "show"))
		print_show(tree);
	else if (!strcmp(action, "deadlocks"))
		print_table(tree, "waits", wait_columns, ARRAY_SIZE(wait_columns),
			    "There is no deadlock.");
	else if (!strcmp(action, "legacy"))
		print_legacy(tree);
	else if (!json_object_array_length(killed))
		puts("Nobody was there to be killed.");
}
