// SPDX-License-Identifier: GPL-2.0
/*
 * Errors as sentences.
 */

#include <errno.h>
#include <stddef.h>

#include "private.h"

static const struct {
	int error;
	const char *text;
} sentences[] = {
	{ 0, "It worked." },
	{ EACCES,
		"You may not do that: ask for access to the render node (the group "
		"render), or let the first member or the creator do it." },
	{ EBUSY, "Somebody else has it: try again later, or wait for it." },
	{ EDEADLK,
		"Waiting here would never end, because the owner waits for you: release "
		"what you hold, then try again." },
	{ EIDRM, "It was destroyed while you waited: stop using it." },
	{ EINVAL,
		"An argument is wrong: look for names that are too long, unknown flags, "
		"and limits." },
	{ ENODEV, "There is no render node of fusion: load the module (modprobe fusion)." },
	{ ENOENT, "There is no object with that number: it was destroyed, or never was." },
	{ ENOMEM,
		"There is no memory left, or the world is at its limit: destroy or read "
		"something first." },
	{ ENOSPC,
		"The world has all the objects that it may have: destroy some, or create "
		"it with a higher limit." },
	{ ENOTCONN, "This handle is no member of a world any more: join again." },
	{ EOVERFLOW, "The lock was taken too often: unlock it first." },
	{ EOWNERDEAD,
		"You have the lock, but an owner died with it: repair the data, then call "
		"fusion_skirmish_consistent()." },
	{ EPERM,
		"Only the owner may do that, in the process that has joined: lock first, "
		"and join again after fork()." },
	{ EPIPE, "Who was to answer is gone." },
	{ ESHUTDOWN, "The world has ended: leave it." },
	{ ETIMEDOUT, "The time is over: try again with a later time." },
	{ EUSERS, "There are too many members or threads: let some leave first." },
};

EXPORTED const char *fusion_explain(int error)
{
	size_t i;

	for (i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (sentences[i].error == -error)
			return sentences[i].text;
	return "An unexpected error: look into the log of the kernel.";
}
