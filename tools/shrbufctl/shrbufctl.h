/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of shrbufctl share with each other, in the order of the files.
 *
 * A command collects all that it has to say into a JSON tree. Only then the tree is
 * printed, as it is or for people. So both views say the same. A command that goes on
 * does so for each line.
 */
#ifndef _SHRBUFCTL_H
#define _SHRBUFCTL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))

enum {
	EXIT_OK		= 0,
	EXIT_FAILED	= 1,	/* the operation, for at least one argument */
	EXIT_USAGE	= 2,
};

/**
 * struct args - what the user said after the name of the command
 * @argc: number of @argv
 * @argv: without options
 * @json: --json
 * @once: --once
 * @count: --count, zero if it was not given
 * @priority: --priority, zero if it was not given
 * @name: --name, NULL if it was not given
 */
struct args {
	int argc;
	char **argv;
	bool json;
	bool once;
	unsigned long count;
	unsigned long priority;
	const char *name;
};

/**
 * struct command - a subcommand
 * @name: as given by the user
 * @args: of the usage line, "" for none
 * @summary: for the list of commands, one line
 * @options: letters of the options that it takes, besides those that all take
 * @needs: what is missing if there are too few arguments
 * @min_args: fewest arguments
 * @max_args: most arguments
 * @collect: does the work and fills the tree. Return: EXIT_OK or EXIT_FAILED
 * @print: prints the tree for people, problems to stderr
 * @stream: instead of both: does the work and prints it line by line
 */
struct command {
	const char *name;
	const char *args;
	const char *summary;
	const char *options;
	const char *needs;
	int min_args;
	int max_args;
	int (*collect)(const struct args *args, struct json_object *tree);
	void (*print)(struct json_object *tree);
	int (*stream)(const struct args *args);
};

/* alloc.c */
int alloc_stream(const struct args *args);

/* describe.c */
struct shrbuf_info;
const char *state_name(unsigned int state);
void describe(struct json_object *obj, const struct shrbuf_info *info);
void describe_print(struct json_object *obj);

/* device.c */
char *device_path(const char *name);
int device_open(const char *path, struct json_object *result);

/* doctor.c */

/**
 * enum level - how bad it is
 * @LEVEL_OK: as it should be
 * @LEVEL_NOTE: worth knowing, but nothing to repair
 * @LEVEL_PROBLEM: something does not work
 */
enum level {
	LEVEL_OK,
	LEVEL_NOTE,
	LEVEL_PROBLEM,
};

int doctor_collect(const struct args *args, struct json_object *tree);
void doctor_print(struct json_object *tree);
void diagnose(struct json_object *checks, enum level level, const char *check,
	      const char *format, ...) __attribute__((format(printf, 4, 5)));
void why_no_access(struct json_object *checks, enum level level, const char *path);

/* doctor-video.c */
void doctor_video(struct json_object *checks, int fd);

/* info.c */
int info_collect(const struct args *args, struct json_object *tree);
void info_print(struct json_object *tree);

/* list.c */
int list_collect(const struct args *args, struct json_object *tree);
int list_buffers(struct json_object *tree);
int list_routes(struct json_object *tree);
void list_print(struct json_object *tree);

/* listing.c */

/**
 * enum field_type - how a field of a listing becomes JSON
 * @FIELD_TEXT: a string
 * @FIELD_NUMBER: a number
 * @FIELD_BOOL: 0 or 1
 * @FIELD_WORDS: an array of strings; separated by commas, "-" for none
 */
enum field_type {
	FIELD_TEXT,
	FIELD_NUMBER,
	FIELD_BOOL,
	FIELD_WORDS,
};

/**
 * struct field - a field of a listing
 * @name: in the first line of the listing
 * @type: how it becomes JSON
 */
struct field {
	const char *name;
	enum field_type type;
};

int listing_read(const char *path, const struct field *fields, size_t nr,
		 struct json_object **records);

/* queue.c */
int attach_collect(const struct args *args, struct json_object *tree);
void attach_print(struct json_object *tree);
int detach_collect(const struct args *args, struct json_object *tree);
void detach_print(struct json_object *tree);

/* route.c */
int route_stream(const struct args *args);
void routes_print(FILE *f, struct json_object *routes);

/* route-create.c */
int route_create(const struct args *args);

/* route-file.c */
struct shrbuf_route_stats;
unsigned int route_id(int route_fd);
int route_find(int pid, unsigned int id);
void route_put_latency(struct json_object *obj, const struct shrbuf_route_stats *stats);
char *format_latency(struct json_object *value);

/* stream.c */

/**
 * struct stop - tells when the user has had enough
 * @fd: can be read then, for poll()
 */
struct stop {
	int fd;
};

void stop_open(struct stop *stop);
void stop_close(struct stop *stop);
int stream_fail(const struct args *args, const char *command, struct json_object *tree);
void stream_json(struct json_object *tree);

/* table.c */

/**
 * struct column - a column of a table
 * @key: of the value in each record
 * @head: headline
 * @right: aligned to the right
 * @format: makes text of a value; the caller frees it. Never gets NULL.
 * @optional: left out if no record has it
 */
struct column {
	const char *key;
	const char *head;
	bool right;
	char *(*format)(struct json_object *value);
	bool optional;
};

char *format_text(struct json_object *value);
char *format_size(struct json_object *value);
char *format_yes_no(struct json_object *value);
char *format_words(struct json_object *value);
char *format_age(struct json_object *value);
void table_print(FILE *f, const struct column *columns, size_t nr,
		 struct json_object *records);

/* target.c */
bool target_valid(const char *text);
bool target_inherited(int number);
int target_open(const char *text, struct json_object *result);
int target_open_pid(int pid, int number);
const char *target_explain(int err);

/* top.c */
int top_stream(const struct args *args);

/* trace.c */
int trace_stream(const struct args *args);

/* tree.c */
void tree_put(struct json_object *obj, const char *key, struct json_object *value);
void tree_append(struct json_object *array, struct json_object *value);
struct json_object *tree_get(struct json_object *obj, const char *key);
const char *tree_text(struct json_object *obj, const char *key);
bool tree_true(struct json_object *obj, const char *key);
struct json_object *tree_string(const char *text, size_t len);
void tree_put_string(struct json_object *obj, const char *key, const char *text);
void tree_put_error(struct json_object *obj, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void complain(const char *prefix, struct json_object *error);
_Noreturn void die_no_memory(void);
void *more(void *array, size_t nr, size_t size);
char *path_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* uses.c */

/**
 * struct use - a dma-buf of shrbuf, or one that may be, in a process
 * @ino: number of its inode, the same for all who have it
 * @pid: the process
 * @fd: a file descriptor of the process, or -1 for a mapping
 * @id: of the buffer, zero if it is not known
 */
struct use {
	unsigned long ino;
	int pid;
	int fd;
	uint32_t id;
};

/**
 * struct uses - all that were found
 * @v: the uses, sorted by process, file descriptors first
 * @nr: number of @v
 * @denied: number of processes that the caller may not look into
 */
struct uses {
	struct use *v;
	size_t nr;
	size_t denied;
};

int uses_scan(struct uses *uses, int pid);
void uses_scan_all(struct uses *uses);
void uses_resolve(struct uses *uses, int fd, struct json_object *buffers,
		  void (*found)(void *context, const struct shrbuf_info *info),
		  void *context);
void uses_free(struct uses *uses);
char *process_name(int pid);

/* version.c */
int version_collect(const struct args *args, struct json_object *tree);
void version_print(struct json_object *tree);

/* watch.c */
int watch_stream(const struct args *args);

/* world.c */
int world_collect(const struct args *args, struct json_object *tree);
void world_print(struct json_object *tree);

#endif
