/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/process.c: reads a process's state and start from /proc.
 * In:   process ids.
 * Out:  state, start, and whether a process is a kernel thread or has ended.
 * Owns: nothing.
 */
#include "world/inner.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The name of a process may hold any byte, also ')': the last ')' of the text ends the name. */
bool world_stat_read(pid_t pid, struct world_stat *s)
{
	static const uint64_t second = 1000000000;
	char path[64], text[1024];
	unsigned long long ticks;
	const char *end;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	end = strrchr(text, ')');
	if (!end || sscanf(end + 1,
			   " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d"
			   " %*d %llu",
			   &s->state, &s->flags, &s->threads, &ticks) != 4)
		return false;
	s->start = ticks * (second / (uint64_t)sysconf(_SC_CLK_TCK));
	return true;
}

bool world_is_kernel_thread(pid_t pid)
{
	enum { KTHREAD = 0x00200000 }; /* PF_KTHREAD */
	struct world_stat s;

	return world_stat_read(pid, &s) && s.flags & KTHREAD;
}

bool world_has_ended(pid_t pid)
{
	struct world_stat s;

	return !world_stat_read(pid, &s) || (s.state == 'Z' && s.threads <= 1);
}

bool world_first_thread_ended(pid_t pid)
{
	struct world_stat s;

	return world_stat_read(pid, &s) && s.state == 'Z' && s.threads > 1;
}
