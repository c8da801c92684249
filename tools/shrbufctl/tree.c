// SPDX-License-Identifier: GPL-2.0
/*
 * JSON trees. json-c tells the lack of memory by NULL, here the program ends then.
 */

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shrbufctl.h"

void die_no_memory(void)
{
	fputs("shrbufctl: Out of memory. Stop some programs and try again.\n", stderr);
	exit(EXIT_FAILED);
}

/* Room for one more element in an array of @nr, which grows in powers of two. */
void *more(void *array, size_t nr, size_t size)
{
	if (nr & (nr - 1))
		return array;
	array = reallocarray(array, nr ? 2 * nr : 1, size);
	if (!array)
		die_no_memory();
	return array;
}

/*
 * A path below /, or below $SHRBUFCTL_ROOT: another system that is mounted there. The
 * caller frees it.
 */
char *path_of(const char *format, ...)
{
	const char *root = getenv("SHRBUFCTL_ROOT") ?: "";
	char *tail, *path;
	va_list args;
	int ret;

	va_start(args, format);
	ret = vasprintf(&tail, format, args);
	va_end(args);
	if (ret < 0 || asprintf(&path, "%s%s", root, tail) < 0)
		die_no_memory();
	free(tail);
	return path;
}

/* Takes over @value. */
void tree_put(struct json_object *obj, const char *key, struct json_object *value)
{
	if (!value || json_object_object_add(obj, key, value))
		die_no_memory();
}

/* Takes over @value. */
void tree_append(struct json_object *array, struct json_object *value)
{
	if (!value || json_object_array_add(array, value))
		die_no_memory();
}

/* Borrowed, or NULL if there is none. */
struct json_object *tree_get(struct json_object *obj, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(obj, key, &value);
	return value;
}

/* "-" if there is none. Belongs to @obj. */
const char *tree_text(struct json_object *obj, const char *key)
{
	struct json_object *value = tree_get(obj, key);

	return value ? json_object_get_string(value) : "-";
}

bool tree_true(struct json_object *obj, const char *key)
{
	return json_object_get_boolean(tree_get(obj, key));
}

/* Bytes of the UTF-8 character at @s that can be shown, 0 if it is none. */
static size_t utf8_len(const unsigned char *s, size_t len)
{
	static const uint32_t lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 :
		   s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
	uint32_t c;
	size_t i;

	if (!n || n > len)
		return 0;
	c = n == 1 ? s[0] : s[0] & (0x7fU >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	/* Control characters could do things to the terminal. */
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return 0;
	if (c < lowest[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return n;
}

/*
 * A string of text that may be anything, for instance the name that a USB device
 * gave itself. What is not text becomes "?".
 */
struct json_object *tree_string(const char *text, size_t len)
{
	struct json_object *value;
	char *clean = malloc(len + 1);
	size_t i, n;

	if (!clean)
		die_no_memory();
	memcpy(clean, text, len);
	for (i = 0; i < len; i += n) {
		n = utf8_len((unsigned char *)clean + i, len - i);
		if (!n) {
			clean[i] = '?';
			n = 1;
		}
	}
	value = json_object_new_string_len(clean, (int)len);
	free(clean);
	return value;
}

void tree_put_string(struct json_object *obj, const char *key, const char *text)
{
	tree_put(obj, key, tree_string(text, strlen(text)));
}

/* @err: positive error number, 0 for none. @format: sentences. */
void tree_put_error(struct json_object *obj, int err, const char *format, ...)
{
	struct json_object *error = json_object_new_object();
	const char *name = strerrorname_np(err);
	va_list args;
	char *text;
	int ret;

	va_start(args, format);
	ret = vasprintf(&text, format, args);
	va_end(args);
	if (ret < 0)
		die_no_memory();

	tree_put(obj, "error", error);
	if (err && name)
		tree_put_string(error, "errno", name);
	tree_put_string(error, "message", text);
	free(text);
}

/* Prints what tree_put_error() made. */
void complain(const char *prefix, struct json_object *error)
{
	struct json_object *name = tree_get(error, "errno");

	/* Keep the order of what goes to the two streams. */
	fflush(stdout);
	fprintf(stderr, "shrbufctl: %s%s%s", prefix ?: "", prefix ? ": " : "",
		tree_text(error, "message"));
	if (name)
		fprintf(stderr, " (%s)", json_object_get_string(name));
	fputc('\n', stderr);
}
