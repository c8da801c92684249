// SPDX-License-Identifier: GPL-2.0
/*
 * Reader for the listings of the module: one record a line, fields separated by
 * tabs, the first line names the fields.
 *
 * The module may be of another release than this program. So fields are found by
 * name: their order does not matter, and fields that are new become strings.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shrbufctl.h"

/* More than this is not a listing of ours. */
#define MAX_FIELDS	32

/* Splits a line in place, counts the fields. More than MAX_FIELDS are not stored. */
static size_t split(char *line, char **parts)
{
	size_t nr = 0;
	char *part;

	while ((part = strsep(&line, "\t"))) {
		if (nr < MAX_FIELDS)
			parts[nr] = part;
		nr++;
	}
	return nr;
}

static struct json_object *parse_number(const char *text)
{
	unsigned long long number;
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || *end)
		return NULL;
	return json_object_new_uint64(number);
}

static struct json_object *parse_bool(const char *text)
{
	if (strcmp(text, "0") && strcmp(text, "1"))
		return NULL;
	return json_object_new_boolean(*text == '1');
}

static struct json_object *parse_words(char *text)
{
	struct json_object *array = json_object_new_array();
	char *word;

	if (!array)
		die_no_memory();
	if (!strcmp(text, "-"))
		return array;
	while ((word = strsep(&text, ",")))
		tree_append(array, tree_string(word, strlen(word)));
	return array;
}

/* NULL if @text is not of this type. */
static struct json_object *parse(char *text, enum field_type type)
{
	switch (type) {
	case FIELD_NUMBER:
		return parse_number(text);
	case FIELD_BOOL:
		return parse_bool(text);
	case FIELD_WORDS:
		return parse_words(text);
	default:
		return tree_string(text, strlen(text));
	}
}

static enum field_type type_of(const char *name, const struct field *fields, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (!strcmp(fields[i].name, name))
			return fields[i].type;
	return FIELD_TEXT;
}

static int read_records(FILE *f, const struct field *fields, size_t nr,
			struct json_object *records)
{
	char *head[MAX_FIELDS], *parts[MAX_FIELDS];
	char *headline = NULL, *line = NULL;
	size_t headsize = 0, size = 0, nr_head, i;
	int ret = -EBADMSG;
	ssize_t len;

	len = getline(&headline, &headsize, f);
	if (len <= 0 || headline[len - 1] != '\n')
		goto out;
	headline[len - 1] = '\0';
	nr_head = split(headline, head);
	if (nr_head > MAX_FIELDS)
		goto out;

	while ((len = getline(&line, &size, f)) > 0) {
		struct json_object *record = json_object_new_object();

		tree_append(records, record);
		if (line[len - 1] != '\n')
			goto out;
		line[len - 1] = '\0';
		if (split(line, parts) != nr_head)
			goto out;
		for (i = 0; i < nr_head; i++) {
			struct json_object *value =
				parse(parts[i], type_of(head[i], fields, nr));

			if (!value)
				goto out;
			tree_put(record, head[i], value);
		}
	}
	ret = 0;
out:
	if (ferror(f))
		ret = -EIO;
	free(headline);
	free(line);
	return ret;
}

/**
 * listing_read - read a listing
 * @path: the file
 * @fields: those that are not just strings
 * @nr: number of @fields
 * @records: set to a new array of objects on success, the caller puts it
 *
 * Return: 0, the negative error number of open(), -EIO if reading failed, -EBADMSG
 * if the contents are not a listing
 */
int listing_read(const char *path, const struct field *fields, size_t nr,
		 struct json_object **records)
{
	struct json_object *array;
	FILE *f;
	int fd;
	int ret;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	f = fdopen(fd, "r");
	array = json_object_new_array();
	if (!f || !array)
		die_no_memory();
	ret = read_records(f, fields, nr, array);
	fclose(f);
	if (ret)
		json_object_put(array);
	else
		*records = array;
	return ret;
}
