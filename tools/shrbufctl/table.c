// SPDX-License-Identifier: GPL-2.0
/*
 * Tables for people.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shrbufctl.h"

static char *copy(const char *text)
{
	char *s = strdup(text);

	if (!s)
		die_no_memory();
	return s;
}

char *format_text(struct json_object *value)
{
	return copy(json_object_get_string(value));
}

char *format_yes_no(struct json_object *value)
{
	return copy(json_object_get_boolean(value) ? "yes" : "no");
}

/* Bytes, and the same in a unit that is easy to read. */
char *format_size(struct json_object *value)
{
	static const char * const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	uint64_t bytes = json_object_get_uint64(value);
	double size = (double)bytes / 1024;
	size_t i = 0;
	char *s;
	int ret;

	/* 1023.95 would be printed as 1024.0 */
	while (size >= 1023.95 && i + 1 < ARRAY_SIZE(units)) {
		size /= 1024;
		i++;
	}
	if (bytes < 1024)
		ret = asprintf(&s, "%ju", (uintmax_t)bytes);
	else
		ret = asprintf(&s, "%ju (%.1f %s)", (uintmax_t)bytes, size, units[i]);
	if (ret < 0)
		die_no_memory();
	return s;
}

/* Nanoseconds. */
char *format_age(struct json_object *value)
{
	double seconds = (double)json_object_get_uint64(value) / 1e9;
	char *s;
	int ret;

	if (seconds < 1)
		ret = asprintf(&s, "%.1f ms", seconds * 1000);
	else if (seconds < 60)
		ret = asprintf(&s, "%.1f s", seconds);
	else if (seconds < 3600)
		ret = asprintf(&s, "%.0f min", seconds / 60);
	else
		ret = asprintf(&s, "%.1f h", seconds / 3600);
	if (ret < 0)
		die_no_memory();
	return s;
}

char *format_words(struct json_object *value)
{
	size_t i, nr = json_object_array_length(value), len = 0;
	char *s = NULL;
	FILE *f;

	if (!nr)
		return copy("-");
	f = open_memstream(&s, &len);
	if (!f)
		die_no_memory();
	for (i = 0; i < nr; i++)
		fprintf(f, "%s%s", i ? "," : "",
			json_object_get_string(json_object_array_get_idx(value, i)));
	if (fclose(f))
		die_no_memory();
	return s;
}

/* A module that is older may not know the value. */
static char *cell(const struct column *column, struct json_object *record)
{
	struct json_object *value = tree_get(record, column->key);

	return value ? column->format(value) : copy("-");
}

static void print_cell(FILE *f, const char *text, const struct column *column,
		       size_t width, bool last)
{
	/* No blanks at the end of lines. */
	if (last && !column->right)
		fprintf(f, "%s\n", text);
	else
		fprintf(f, "%*s%s", column->right ? (int)width : -(int)width, text,
			last ? "\n" : "  ");
}

static bool any_has(struct json_object *records, const char *key)
{
	size_t i, rows = json_object_array_length(records);

	for (i = 0; i < rows; i++)
		if (tree_get(json_object_array_get_idx(records, i), key))
			return true;
	return false;
}

/**
 * table_print - print records as a table
 * @f: where to print
 * @columns: of the table. Put text that may be other than ASCII last, its width
 *	does not matter there.
 * @nr: number of @columns
 * @records: array of objects
 */
void table_print(FILE *f, const struct column *columns, size_t nr,
		 struct json_object *records)
{
	size_t rows = json_object_array_length(records), row, i, last = 0;
	size_t *width = calloc(nr, sizeof(*width));

	if (!width)
		die_no_memory();
	/* A column without width is left out. */
	for (i = 0; i < nr; i++) {
		if (columns[i].optional && !any_has(records, columns[i].key))
			continue;
		last = i;
		width[i] = strlen(columns[i].head);
		for (row = 0; row < rows; row++) {
			char *text = cell(&columns[i],
					  json_object_array_get_idx(records, row));
			size_t len = strlen(text);

			if (len > width[i])
				width[i] = len;
			free(text);
		}
	}

	for (i = 0; i < nr; i++)
		if (width[i])
			print_cell(f, columns[i].head, &columns[i], width[i], i == last);
	for (row = 0; row < rows; row++) {
		for (i = 0; i < nr; i++) {
			char *text;

			if (!width[i])
				continue;
			text = cell(&columns[i], json_object_array_get_idx(records, row));
			print_cell(f, text, &columns[i], width[i], i == last);
			free(text);
		}
	}
	free(width);
}
