/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd/usdt-check/memory.c: reading and writing the memory of a traced process.
 * In:   a process that is stopped, an address.
 * Out:  bytes; false where nothing is mapped.
 * Owns: nothing.
 */
#include "cmd/usdt-check/check.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

bool memory_read(pid_t pid, uint64_t address, void *to, size_t n)
{
	struct iovec local = { to, n }, remote = { (void *)(uintptr_t)address, n };

	return process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)n;
}

/* /proc/PID/mem can write code too, unlike process_vm_writev. */
bool memory_write(pid_t pid, uint64_t address, const void *from, size_t n)
{
	char path[64];
	ssize_t done;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	done = pwrite(fd, from, n, (off_t)address);
	close(fd);
	return done == (ssize_t)n;
}
