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

static void print_cell(const char *text, const struct column *column, size_t width,
		       bool last)
{
	/* No blanks at the end of lines. */
	if (last && !column->right)
		printf("%s\n", text);
	else
		printf("%*s%s", column->right ? (int)width : -(int)width, text,
		       last ? "\n" : "  ");
}

/**
 * table_print - print records as a table
 * @columns: of the table. Put text that may be other than ASCII last, its width
 *	does not matter there.
 * @nr: number of @columns
 * @records: array of objects
 */
void table_print(const struct column *columns, size_t nr, struct json_object *records)
{
	size_t rows = json_object_array_length(records), row, i;
	size_t *width = calloc(nr, sizeof(*width));

	if (!width)
		die_no_memory();
	for (i = 0; i < nr; i++) {
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
		print_cell(columns[i].head, &columns[i], width[i], i + 1 == nr);
	for (row = 0; row < rows; row++) {
		for (i = 0; i < nr; i++) {
			char *text = cell(&columns[i],
					  json_object_array_get_idx(records, row));

			print_cell(text, &columns[i], width[i], i + 1 == nr);
			free(text);
		}
	}
	free(width);
}
