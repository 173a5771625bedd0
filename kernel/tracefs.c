/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel/tracefs.c: the folder of trace events, where the systems of
 * tracepoints and the arguments of system calls are described.
 * In:   tracefs where it is mounted; else a new mount that no path leads to and
 *       that ends with its descriptors.
 * Out:  a descriptor of its folder `events`, for the caller to close; or -errno.
 */
#include "kernel/inner.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static int unseen_mount(void)
{
	enum { CREATE = 6 }; /* FSCONFIG_CMD_CREATE */
	int fs = (int)syscall(SYS_fsopen, "tracefs", 1 /* FSOPEN_CLOEXEC */);
	int err, mnt = -1;

	if (fs < 0)
		return -errno;
	if (!syscall(SYS_fsconfig, fs, CREATE, NULL, NULL, 0))
		mnt = (int)syscall(SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, 0);
	err = -errno;
	close(fs);
	return mnt < 0 ? err : mnt;
}

int kern_events_open(void)
{
	static const char *const paths[] = {
		"/sys/kernel/tracing/events",
		"/sys/kernel/debug/tracing/events",
	};
	int fd, mnt;

	for (size_t i = 0; i < COUNT(paths); i++) {
		fd = open(paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	mnt = unseen_mount();
	if (mnt < 0)
		return mnt;
	fd = openat(mnt, "events", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	close(mnt);
	return fd;
}
