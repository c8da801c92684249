// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufctl version
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shrbuf.h>

#include "shrbufctl.h"

static const struct {
	__u64 bit;
	const char *name;
} features[] = {
	{ SHRBUF_FEATURE_ATTACH, "attach" },
	{ SHRBUF_FEATURE_ALLOC, "alloc" },
	{ SHRBUF_FEATURE_STATE, "state" },
	{ SHRBUF_FEATURE_WATCH, "watch" },
	{ SHRBUF_FEATURE_HOLD, "hold" },
	{ SHRBUF_FEATURE_ADOPT, "adopt" },
	{ SHRBUF_FEATURE_CONFIG, "config" },
	{ SHRBUF_FEATURE_CONTIG, "contig" },
	{ SHRBUF_FEATURE_DEBUG, "debug" },
	{ SHRBUF_FEATURE_ROUTE, "route" },
	{ SHRBUF_FEATURE_ROUTE_KMS, "route-kms" },
};

static const char *feature_name(__u64 bit)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (features[i].bit == bit)
			return features[i].name;
	return NULL;
}

/* Features that are newer than this program are called by number. */
static struct json_object *feature_names(__u64 bits)
{
	struct json_object *array = json_object_new_array();
	unsigned int i;

	if (!array)
		die_no_memory();
	for (i = 0; i < 64; i++) {
		const char *name = feature_name(1ULL << i);
		char number[16];

		if (!(bits & 1ULL << i))
			continue;
		if (!name) {
			snprintf(number, sizeof(number), "bit%u", i);
			name = number;
		}
		tree_append(array, json_object_new_string(name));
	}
	return array;
}

static int collect_module(struct json_object *module)
{
	enum shrbuf_request what = SHRBUF_REQUEST_OPEN;
	struct shrbuf_version version;
	int fd = shrbuf_open();
	int ret = fd;

	if (fd >= 0) {
		what = SHRBUF_REQUEST_GET_VERSION;
		ret = shrbuf_get_version(fd, &version);
		close(fd);
	}
	/* No module is an answer too. Otherwise it is there, or who knows. */
	if (fd == -ENOENT || fd == -ENODEV || fd == -ENXIO)
		tree_put(module, "loaded", json_object_new_boolean(false));
	else if (!ret)
		tree_put(module, "loaded", json_object_new_boolean(true));
	if (ret < 0) {
		tree_put_error(module, -ret, "%s", shrbuf_explain(what, ret));
		return tree_get(module, "loaded") ? EXIT_OK : EXIT_FAILED;
	}

	tree_put(module, "release",
		 tree_string((char *)version.release,
			     strnlen((char *)version.release, sizeof(version.release))));
	tree_put(module, "abi", json_object_new_int64(version.abi));
	tree_put(module, "features", feature_names(version.features));
	return EXIT_OK;
}

int version_collect(const struct args *args, struct json_object *tree)
{
	struct json_object *tool = json_object_new_object();
	struct json_object *library = json_object_new_object();
	struct json_object *module = json_object_new_object();

	(void)args;
	tree_put(tree, "tool", tool);
	tree_put_string(tool, "release", SHRBUFCTL_RELEASE);
	tree_put(tool, "abi", json_object_new_int64(SHRBUF_ABI_VERSION));
	tree_put(tree, "library", library);
	tree_put_string(library, "release", shrbuf_library_release());
	tree_put(tree, "module", module);
	return collect_module(module);
}

void version_print(struct json_object *tree)
{
	struct json_object *tool = tree_get(tree, "tool");
	struct json_object *module = tree_get(tree, "module");
	struct json_object *error = tree_get(module, "error");
	char *names;

	printf("tool     %s, interface %s\n", tree_text(tool, "release"),
	       tree_text(tool, "abi"));
	printf("library  %s\n", tree_text(tree_get(tree, "library"), "release"));
	if (error && tree_get(module, "loaded")) {
		printf("module   not loaded. %s\n", tree_text(error, "message"));
		return;
	}
	if (error) {
		puts("module   unknown");
		complain(NULL, error);
		return;
	}
	names = format_words(tree_get(module, "features"));
	printf("module   %s, interface %s, features: %s\n", tree_text(module, "release"),
	       tree_text(module, "abi"), names);
	free(names);
	if (json_object_get_int64(tree_get(module, "abi")) < SHRBUF_ABI_VERSION)
		puts("The module is older than this program. Load one of the same release.");
}
