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
	{ E2BIG, "The caller has no room for so large a reply: give a smaller one." },
	{ EACCES, "Not allowed: join the group render, or let the first member do it." },
	{ EAGAIN, "It is locked at zero: stop using what it counts, or try again later." },
	{ EALREADY, "This member has locked it already: unlock it first." },
	{ EBUSY, "Somebody else has it: wait for it, or try again later." },
	{ EDEADLK, "This wait would never end: release what you hold, then try again." },
	{ EEXIST, "Something else is at these addresses: open the pool earlier, and once." },
	{ EIDRM, "It was destroyed while you waited: stop using it." },
	{ EINVAL, "An argument is wrong: look for long names, unknown flags, and limits." },
	{ ELOOP, "A circle, or a chain of more than 8: inherit from another one." },
	{ EMSGSIZE, "It is too large: send less at once, or receive with a larger buffer." },
	{ ENODATA, "Nobody has purchased it: there is nothing to take away." },
	{ ENODEV, "There is no render node of fusion: load the module (modprobe fusion)." },
	{ ENOENT, "There is no object with that number: it was destroyed, or never was." },
	{ ENOMEM, "No memory, or the world is at its limit: destroy or read something first." },
	{ ENOMSG, "Nobody waits for that reply: the caller is gone, or it was given." },
	{ ENOSPC, "The world has all objects that it may have: destroy some, or raise its limit." },
	{ ENOTCONN, "This handle is no member of a world any more: join again." },
	{ EOVERFLOW, "It was taken too often: give it back first." },
	{ EOWNERDEAD, "Locked, but an owner died: repair the data, then call it consistent." },
	{ EPERM, "Only the owner may do that: lock first. A child of fork() has to join itself." },
	{ EPIPE, "Who was to answer is gone: ask another member." },
	{ ERANGE, "The count is at its end: count down as often as up, and no more." },
	{ ESHUTDOWN, "The world has ended: leave it." },
	{ ETIMEDOUT, "The time is over: try again with a later one." },
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
