// SPDX-License-Identifier: GPL-2.0
/*
 * shrbufctl doctor
 *
 * It only looks, and changes nothing.
 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <shrbuf.h>

#include "shrbufctl.h"

#define DEVICE		"/dev/shrbuf"

#define SECURE_BOOT_VARIABLE	"SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

/* The end of a module that is signed. */
#define SIGNATURE	"~Module signature appended~\n"

static const char * const level_names[] = {
	[LEVEL_OK] = "ok",
	[LEVEL_NOTE] = "note",
	[LEVEL_PROBLEM] = "problem",
};

/**
 * diagnose - add what was found
 * @checks: array of all that was found
 * @level: how bad it is
 * @check: what was looked at, one word
 * @format: sentences; for a problem they end with what to do
 */
void diagnose(struct json_object *checks, enum level level, const char *check,
	      const char *format, ...)
{
	struct json_object *obj = json_object_new_object();
	va_list args;
	char *text;
	int ret;

	va_start(args, format);
	ret = vasprintf(&text, format, args);
	va_end(args);
	if (ret < 0)
		die_no_memory();
	tree_append(checks, obj);
	tree_put_string(obj, "check", check);
	tree_put_string(obj, "level", level_names[level]);
	tree_put_string(obj, "message", text);
	free(text);
}

/* The beginning of a file, "" if it cannot be read. The caller frees it. */
static char *read_start(const char *path)
{
	char *text = calloc(1, 256);
	FILE *f = fopen(path, "re");

	if (!text)
		die_no_memory();
	if (f) {
		if (fread(text, 1, 255, f) == 0)
			*text = '\0';
		fclose(f);
	}
	return text;
}

static bool file_starts(const char *path, char c)
{
	char *text = read_start(path);
	bool ret = *text == c;

	free(text);
	return ret;
}

static bool exists(const char *path)
{
	struct stat st;

	return !stat(path, &st);
}

static bool locked_down(void)
{
	char *path = path_of("/sys/kernel/security/lockdown");
	char *text = read_start(path);
	bool ret = strchr(text, '[') && !strstr(text, "[none]");

	free(text);
	free(path);
	return ret;
}

/* The kernel loads no module without a signature. */
static bool must_be_signed(void)
{
	char *path = path_of("/sys/module/module/parameters/sig_enforce");
	bool ret = file_starts(path, 'Y');

	free(path);
	return ret || locked_down();
}

/* A variable of the firmware: four bytes of attributes, then the value. */
static bool secure_boot(void)
{
	char *path = path_of("/sys/firmware/efi/efivars/%s", SECURE_BOOT_VARIABLE);
	unsigned char bytes[5] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ret = false;

	free(path);
	if (fd >= 0) {
		ret = read(fd, bytes, sizeof(bytes)) == sizeof(bytes) && bytes[4] == 1;
		close(fd);
	}
	return ret;
}

/*
 * Where shrbuf.ko of the running kernel is, as depmod has found it. The caller frees it.
 * NULL if there is none.
 */
static char *module_path(const char *release)
{
	char *path = path_of("/lib/modules/%s/modules.dep", release);
	char *line = NULL, *found = NULL;
	FILE *f = fopen(path, "re");
	size_t size = 0;

	free(path);
	if (!f)
		return NULL;
	while (!found && getline(&line, &size, f) > 0) {
		char *name;

		line[strcspn(line, ":")] = '\0';
		name = strrchr(line, '/');
		name = name ? name + 1 : line;
		if (strncmp(name, "shrbuf.ko", 9) || (name[9] && name[9] != '.'))
			continue;
		found = *line == '/' ? path_of("%s", line) :
				       path_of("/lib/modules/%s/%s", release, line);
	}
	free(line);
	fclose(f);
	return found;
}

/* A compressed module cannot be looked into here: it may be signed. */
static bool may_be_signed(const char *path)
{
	char text[sizeof(SIGNATURE)] = "";
	size_t len = strlen(path);
	bool ret = false;
	FILE *f;

	if (len < 3 || strcmp(path + len - 3, ".ko"))
		return true;
	f = fopen(path, "re");
	if (!f)
		return true;
	if (!fseek(f, -(long)strlen(SIGNATURE), SEEK_END) &&
	    fread(text, 1, strlen(SIGNATURE), f) == strlen(SIGNATURE))
		ret = !strcmp(text, SIGNATURE);
	fclose(f);
	return ret;
}

/* The device is not there. */
static void why_no_module(struct json_object *checks)
{
	char *sysfs = path_of("/sys/module/shrbuf");
	char *mokutil = path_of("/usr/bin/mokutil");
	struct utsname uts;
	char *module;

	uname(&uts);
	module = module_path(uts.release);
	if (exists(sysfs)) {
		diagnose(checks, LEVEL_PROBLEM, "module",
			 "The module shrbuf is loaded, but there is no /dev/shrbuf here. In a container, let the device in; otherwise restart udev: systemctl restart systemd-udevd.");
	} else if (!module) {
		diagnose(checks, LEVEL_PROBLEM, "module",
			 "The module shrbuf is not installed for this kernel, %s. Build and install it in the source of shrbuf: make && sudo make modules_install && sudo depmod -a.",
			 uts.release);
	} else if (must_be_signed() && !may_be_signed(module)) {
		diagnose(checks, LEVEL_PROBLEM, "module",
			 "This kernel loads only signed modules%s, and %s has no signature. Make a key, have the firmware trust it (mokutil --import KEY), sign the module with it (sign-file of the kernel's headers), then: modprobe shrbuf. Or turn secure boot off in the settings of the firmware.",
			 secure_boot() ? ", because secure boot is on" : "", module);
		if (secure_boot() && !exists(mokutil))
			diagnose(checks, LEVEL_NOTE, "module",
				 "The program mokutil, which hands a key to the firmware, is not installed. Install the package mokutil.");
	} else {
		diagnose(checks, LEVEL_PROBLEM, "module",
			 "The module shrbuf is installed but not loaded. Load it as root: modprobe shrbuf. If that fails, this tells why: dmesg%s.",
			 must_be_signed() ? "; only trusted signatures are taken" : "");
	}
	free(module);
	free(mokutil);
	free(sysfs);
}

static const char *group_name(gid_t gid)
{
	struct group *group = getgrgid(gid);

	return group ? group->gr_name : "?";
}

/* Whether the user database has this user in the group, whatever this session has. */
static bool is_member(gid_t gid)
{
	struct passwd *user = getpwuid(getuid());
	struct group *group = getgrgid(gid);
	char **member;

	if (!user || !group)
		return false;
	for (member = group->gr_mem; *member; member++)
		if (!strcmp(*member, user->pw_name))
			return true;
	return user->pw_gid == gid;
}

/**
 * why_no_access - a device is there, but the caller may not open it: say who may
 * @checks: array of all that was found
 * @level: how bad it is
 * @path: of the device
 */
void why_no_access(struct json_object *checks, enum level level, const char *path)
{
	struct passwd *user = getpwuid(getuid());
	struct stat st;

	if (stat(path, &st)) {
		diagnose(checks, level, "access", "%s cannot be looked at. See: ls -l %s.",
			 path, path);
	} else if (!st.st_gid || (st.st_mode & 0060) != 0060) {
		diagnose(checks, level, "access",
			 "Only root may use %s: no rule of udev gave it to a group. Install the rules (for shrbuf: make install), then apply them: udevadm control --reload; udevadm trigger %s.",
			 path, path);
	} else if (is_member(st.st_gid)) {
		diagnose(checks, level, "access",
			 "You have joined the group %s, which may use %s, but this session began before. Log out and in again.",
			 group_name(st.st_gid), path);
	} else {
		diagnose(checks, level, "access",
			 "You may not use %s, the group %s may. Join it as root, then log in again: usermod -aG %s %s.",
			 path, group_name(st.st_gid), group_name(st.st_gid),
			 user ? user->pw_name : "USER");
	}
}

/* Return: a file descriptor of /dev/shrbuf, or a negative error number */
static int check_module(struct json_object *checks)
{
	int fd = shrbuf_open();
	struct stat st;

	if (fd == -ENOENT || fd == -ENODEV || fd == -ENXIO) {
		why_no_module(checks);
		return fd;
	}
	diagnose(checks, LEVEL_OK, "module", "The module shrbuf is loaded.");
	if (fd == -EACCES) {
		why_no_access(checks, LEVEL_PROBLEM, DEVICE);
	} else if (fd < 0) {
		diagnose(checks, LEVEL_PROBLEM, "access", "%s",
			 shrbuf_explain(SHRBUF_REQUEST_OPEN, fd));
	} else if (!stat(DEVICE, &st) && (!st.st_gid || (st.st_mode & 0777) != 0660)) {
		diagnose(checks, LEVEL_NOTE, "access",
			 "%1$s has not the owner and mode that the rule of udev gives it (group video, 0660). Install the rule, then apply it: make install; udevadm control --reload; udevadm trigger %1$s.",
			 DEVICE);
	} else {
		diagnose(checks, LEVEL_OK, "access", "You may use %s.", DEVICE);
	}
	return fd;
}

static void check_version(struct json_object *checks, int fd)
{
	struct shrbuf_version version;
	int ret = shrbuf_get_version(fd, &version);

	if (ret) {
		diagnose(checks, LEVEL_PROBLEM, "version", "%s",
			 shrbuf_explain(SHRBUF_REQUEST_GET_VERSION, ret));
		return;
	}
	version.release[sizeof(version.release) - 1] = '\0';
	if (strcmp((char *)version.release, SHRBUFCTL_RELEASE))
		diagnose(checks, LEVEL_PROBLEM, "version",
			 "The module is release %s, this program %s. Install both of one release (make; sudo make modules_install install; sudo depmod -a), then load the module anew: modprobe -r shrbuf; modprobe shrbuf.",
			 version.release, SHRBUFCTL_RELEASE);
	else if (version.abi < SHRBUF_ABI_VERSION)
		diagnose(checks, LEVEL_PROBLEM, "version",
			 "The module knows interface %u, this program needs %u. Load the module of this release: modprobe -r shrbuf; modprobe shrbuf.",
			 version.abi, SHRBUF_ABI_VERSION);
	else
		diagnose(checks, LEVEL_OK, "version",
			 "Module and program are release %s.", SHRBUFCTL_RELEASE);
	if (strcmp(shrbuf_library_release(), SHRBUFCTL_RELEASE))
		diagnose(checks, LEVEL_PROBLEM, "version",
			 "The library is release %s, this program %s. Install both of one release: make install; ldconfig.",
			 shrbuf_library_release(), SHRBUFCTL_RELEASE);
}

static bool mounted(const char *type)
{
	char *path = path_of("/proc/mounts"), *line = NULL;
	FILE *f = fopen(path, "re");
	bool found = false;
	size_t size = 0;
	char name[32];

	while (f && !found && getline(&line, &size, f) > 0)
		found = sscanf(line, "%*s %*s %31s", name) == 1 && !strcmp(name, type);
	if (f)
		fclose(f);
	free(line);
	free(path);
	return found;
}

static void check_listing(struct json_object *checks, bool loaded)
{
	struct json_object *tree;
	int ret;

	if (!mounted("debugfs")) {
		diagnose(checks, LEVEL_PROBLEM, "debugfs",
			 "debugfs is not mounted, so list and top cannot show all buffers. Mount it as root: mount -t debugfs none /sys/kernel/debug.");
	} else if (loaded) {
		tree = json_object_new_object();
		ret = list_buffers(tree);
		if (!ret)
			diagnose(checks, LEVEL_OK, "debugfs",
				 "The listing of all buffers can be read.");
		else if (ret == -EPERM && locked_down())
			diagnose(checks, LEVEL_PROBLEM, "debugfs",
				 "The kernel is locked down and hides debugfs, so list and top cannot show all buffers. Boot without lockdown or secure boot to see them.");
		else if (ret == -EACCES || ret == -EPERM)
			diagnose(checks, LEVEL_NOTE, "debugfs",
				 "Only root can see the buffers of all users: sudo shrbufctl list.");
		else
			diagnose(checks, LEVEL_PROBLEM, "debugfs", "%s",
				 tree_text(tree_get(tree, "error"), "message"));
		json_object_put(tree);
	}
	if (!mounted("tracefs"))
		diagnose(checks, LEVEL_PROBLEM, "tracefs",
			 "tracefs is not mounted, so trace does not work. Mount it as root: mount -t tracefs none /sys/kernel/tracing.");
}

/* What the frames are shown with. */
static void check_render(struct json_object *checks)
{
	char *pattern = path_of("/dev/dri/renderD*");
	glob_t nodes;
	size_t i;

	if (!glob(pattern, 0, NULL, &nodes)) {
		for (i = 0; i < nodes.gl_pathc; i++)
			if (access(nodes.gl_pathv[i], R_OK | W_OK) && errno == EACCES)
				why_no_access(checks, LEVEL_NOTE, nodes.gl_pathv[i]);
		globfree(&nodes);
	}
	free(pattern);
}

int doctor_collect(const struct args *args, struct json_object *tree)
{
	struct json_object *checks = json_object_new_array();
	int status = EXIT_OK;
	size_t i;
	int fd;

	(void)args;
	tree_put(tree, "checks", checks);
	fd = check_module(checks);
	if (fd >= 0)
		check_version(checks, fd);
	check_listing(checks, fd >= 0 || fd == -EACCES || fd == -EPERM);
	doctor_video(checks, fd);
	check_render(checks);
	if (fd >= 0)
		close(fd);

	for (i = 0; i < json_object_array_length(checks); i++)
		if (!strcmp(tree_text(json_object_array_get_idx(checks, i), "level"),
			    level_names[LEVEL_PROBLEM]))
			status = EXIT_FAILED;
	return status;
}

void doctor_print(struct json_object *tree)
{
	struct json_object *checks = tree_get(tree, "checks");
	size_t i, problems = 0;

	for (i = 0; i < json_object_array_length(checks); i++) {
		struct json_object *obj = json_object_array_get_idx(checks, i);
		const char *level = tree_text(obj, "level");

		printf("%-7s  %s\n", level, tree_text(obj, "message"));
		problems += !strcmp(level, level_names[LEVEL_PROBLEM]);
	}
	if (!problems)
		puts("\nNothing is wrong.");
	else
		printf("\n%zu problem%s.\n", problems, problems == 1 ? "" : "s");
}
