/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of shrbufctl share with each other, in the order of the files.
 *
 * A command collects all that it has to say into a JSON tree. Only then the tree is
 * printed, as it is or for people. So both views say the same.
 */
#ifndef _SHRBUFCTL_H
#define _SHRBUFCTL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))

enum {
	EXIT_OK		= 0,
	EXIT_FAILED	= 1,	/* the operation, for at least one device */
	EXIT_USAGE	= 2,
};

/**
 * struct command - a subcommand
 * @name: as given by the user
 * @args: of the usage line, "" for none
 * @summary: for the list of commands, one line
 * @min_args: fewest arguments
 * @max_args: most arguments
 * @collect: does the work and fills the tree. Return: EXIT_OK or EXIT_FAILED
 * @print: prints the tree for people, problems to stderr
 */
struct command {
	const char *name;
	const char *args;
	const char *summary;
	int min_args;
	int max_args;
	int (*collect)(int argc, char **argv, struct json_object *tree);
	void (*print)(struct json_object *tree);
};

/* list.c */
int list_collect(int argc, char **argv, struct json_object *tree);
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
int attach_collect(int argc, char **argv, struct json_object *tree);
void attach_print(struct json_object *tree);
int detach_collect(int argc, char **argv, struct json_object *tree);
void detach_print(struct json_object *tree);

/* table.c */

/**
 * struct column - a column of a table
 * @key: of the value in each record
 * @head: headline
 * @right: aligned to the right
 * @format: makes text of a value; the caller frees it. Never gets NULL.
 */
struct column {
	const char *key;
	const char *head;
	bool right;
	char *(*format)(struct json_object *value);
};

char *format_text(struct json_object *value);
char *format_size(struct json_object *value);
char *format_yes_no(struct json_object *value);
char *format_words(struct json_object *value);
void table_print(const struct column *columns, size_t nr,
		 struct json_object *records);

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

/* version.c */
int version_collect(int argc, char **argv, struct json_object *tree);
void version_print(struct json_object *tree);

#endif
