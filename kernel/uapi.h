/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel/uapi.h: what newer kernels offer and the installed
 * <linux/bpf.h> and libbpf may not know: links over many user-land probes
 * (uprobe_multi, Linux 6.6).
 */
#ifndef KERNEL_UAPI_H
#define KERNEL_UAPI_H

#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { UAPI_UPROBE_MULTI = 48 }; /* enum bpf_attach_type's BPF_TRACE_UPROBE_MULTI */

/* A link of that kind: its fd, or -errno. refs (semaphores) and cookies may be NULL; pid 0: all. */
static inline int uapi_uprobe_multi(int prog, const char *path, const uint64_t *offsets,
				    const uint64_t *refs, const uint64_t *cookies, uint32_t n,
				    pid_t pid)
{
	struct { /* the part of union bpf_attr that BPF_LINK_CREATE reads for it */
		uint32_t prog_fd, target_fd, attach_type, flags;
		uint64_t path, offsets, ref_ctr_offsets, cookies;
		uint32_t cnt, multi_flags, pid, zero;
	} attr;
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_fd = (uint32_t)prog;
	attr.attach_type = UAPI_UPROBE_MULTI;
	attr.path = (uintptr_t)path;
	attr.offsets = (uintptr_t)offsets;
	attr.ref_ctr_offsets = (uintptr_t)refs;
	attr.cookies = (uintptr_t)cookies;
	attr.cnt = n;
	attr.pid = (uint32_t)pid;
	fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return fd < 0 ? -errno : (int)fd;
}

#endif
