/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/threads.c: finds a thread of a process that can still be asked about the
 * process.
 * In:   /proc/PID/task.
 * Out:  thread ids.
 * Owns: nothing.
 */
#include "base/threads.h"

#include "base/text.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

bool threads_any(pid_t pid, bool (*fn)(void *arg, pid_t tid), void *arg)
{
	bool done = fn(arg, pid);
	struct dirent *e;
	char path[40];
	uint64_t tid;
	DIR *dir;

	if (done)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && !done && (e = readdir(dir)))
		done = text_u64(e->d_name, &tid) && (pid_t)tid != pid && fn(arg, (pid_t)tid);
	if (dir)
		closedir(dir);
	return done;
}
