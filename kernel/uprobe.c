/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel/uprobe.c: perf events, and the two ways to place a user-land probe:
 * an event for each site, or one link over many sites (Linux 6.6). The
 * installed <linux/bpf.h> and libbpf may not know this link, so the link is
 * made by the system call.
 * Out:  descriptors, for the caller to close.
 */
#include "kernel/inner.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int kern_perf_open(struct perf_event_attr *attr, pid_t pid, int cpu)
{
	long fd = syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

/* The type of event that perf_event_open wants for user-land probes, the same until the next boot;
 * -ENOENT: this kernel has no such type. */
static int uprobe_type(void)
{
	static int known; /* threads that race read the same file */
	int type = __atomic_load_n(&known, __ATOMIC_RELAXED);
	FILE *f = type ? NULL : fopen("/sys/bus/event_source/devices/uprobe/type", "re");

	if (f) {
		if (fscanf(f, "%d", &type) != 1)
			type = 0;
		fclose(f);
		__atomic_store_n(&known, type, __ATOMIC_RELAXED);
	}
	return type ? type : -ENOENT;
}

int kern_uprobe_open(const char *path, uint64_t offset, uint64_t semaphore, pid_t pid)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.config = semaphore << 32,
		.config1 = (uintptr_t)path,
		.config2 = offset,
	};
	int type = uprobe_type();

	if (type < 0)
		return type;
	/* `config` has 32 bits for the semaphore's offset: a larger offset cannot be passed. */
	if (semaphore >> 32)
		return -EOVERFLOW;
	attr.type = (uint32_t)type;
	return kern_perf_open(&attr, pid ? pid : -1, pid ? -1 : 0);
}

int kern_uprobe_multi(int prog, const char *path, const uint64_t *offsets,
		      const uint64_t *semaphores, const uint64_t *cookies, uint32_t n, pid_t pid)
{
	struct { /* the part of union bpf_attr that BPF_LINK_CREATE reads for this link */
		uint32_t prog_fd, target_fd, attach_type, flags;
		uint64_t path, offsets, ref_ctr_offsets, cookies;
		uint32_t cnt, multi_flags, pid, zero;
	} attr;
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_fd = (uint32_t)prog;
	attr.attach_type = KERN_UPROBE_MULTI;
	attr.path = (uintptr_t)path;
	attr.offsets = (uintptr_t)offsets;
	attr.ref_ctr_offsets = (uintptr_t)semaphores;
	attr.cookies = (uintptr_t)cookies;
	attr.cnt = n;
	attr.pid = (uint32_t)pid;
	fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return fd < 0 ? -errno : (int)fd;
}
