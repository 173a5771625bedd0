/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/vma.c: reads the rows that an iterator program in the kernel
 * (rt_prog_task_vma) writes for file mappings.
 * In:   a process, one of its threads, or all processes.
 * Out:  a struct rt_vma_row for each mapping.
 * Owns: the program, until world_vma_close.
 */
#include "kernel/kernel.h"
#include "ebpf/ebpf.h"
#include "world/vma.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct world_vma {
	int prog;
};

/* ---- The program ------------------------------------------------------------------ */

static bool number(void *arg, const char *name, uint64_t *value)
{
	const bool *executable_only = arg;

	*value = *executable_only;
	return !strcmp(name, "executable_only") || !kern_offset(name, value);
}

static int prog_load(bool executable_only)
{
	const struct kern_btf *btf = kern_btf();
	const struct ebpf_kind kind = {
		.type = BPF_PROG_TYPE_TRACING,
		.attach = BPF_TRACE_ITER,
		.attach_btf_id = btf ? kern_btf_find(btf, BTF_KIND_FUNC, "bpf_iter_task_vma") : 0,
	};
	const struct ebpf_names names = { .arg = &executable_only, .number = number };

	return kind.attach_btf_id ? ebpf_load("rt_prog_task_vma", &kind, &names, NULL, 0) : -ENOENT;
}

struct world_vma *world_vma_open(bool executable_only)
{
	struct world_vma *v = malloc(sizeof(*v));

	if (!v)
		return NULL;
	v->prog = prog_load(executable_only);
	if (v->prog >= 0)
		return v;
	errno = -v->prog;
	free(v);
	return NULL;
}

void world_vma_close(struct world_vma *v)
{
	if (!v)
		return;
	close(v->prog);
	free(v);
}

/* ---- Reading ------------------------------------------------------------------------ */

/* Rows hold ids of the initial pid namespace. Where the caller asked for one process or thread, the
 * caller's own ids replace them. */
static int rows_read(int fd, pid_t pid, pid_t tid, world_vma_fn *fn, void *arg)
{
	static const size_t size = 512 * sizeof(struct rt_vma_row);
	char *buf = malloc(size);
	size_t have = 0, at;
	ssize_t n = -1;
	bool go = buf != NULL;

	while (go && (n = read(fd, buf + have, size - have)) != 0) {
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			break;
		have += (size_t)n;
		for (at = 0; go && have - at >= sizeof(struct rt_vma_row);
		     at += sizeof(struct rt_vma_row)) {
			struct rt_vma_row row;

			memcpy(&row, buf + at, sizeof(row));
			if (tid || (pid && row.tid == row.pid))
				row.tid = (uint32_t)(tid ? tid : pid);
			if (pid)
				row.pid = (uint32_t)pid;
			/* row.dev is the kernel's dev_t: 12 bits of major, 20 of minor, as ours */
			go = fn(arg, &row);
		}
		memmove(buf, buf + at, have - at);
		have -= at;
	}
	free(buf);
	return !buf ? -ENOMEM : n < 0 ? -errno : 0;
}

int world_vma_read(struct world_vma *v, pid_t pid, pid_t tid, world_vma_fn *fn, void *arg)
{
	union bpf_iter_link_info info = { 0 };
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	int link, fd, err;

	if (pid) {
		info.task.pid = tid ? 0 : (uint32_t)pid;
		info.task.tid = (uint32_t)tid;
		opts.iter_info = &info;
		opts.iter_info_len = sizeof(info);
	}
	link = bpf_link_create(v->prog, 0, BPF_TRACE_ITER, &opts);
	if (link < 0)
		return errno == ESRCH || errno == ENOENT ? 0 : -errno;
	fd = bpf_iter_create(link);
	err = fd < 0 ? -errno : rows_read(fd, pid, tid, fn, arg);
	if (fd >= 0)
		close(fd);
	close(link);
	return err;
}
