/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world/vma.c: the iterator program of vma.h.
 * In:   offsets of the kernel's structures, from its BTF.
 * Out:  rows.
 * Owns: the program, until vma_iter_close.
 *
 * The program reads BTF-typed pointers, so that a load of something freed
 * is a zero and no fault; a mapping without a file is skipped.
 */
#include "kernel/kernel.h"
#include "world/vma.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct vma_iter {
	int prog;
};

/* ---- Offsets ------------------------------------------------------------------ */

enum offset {
	TASK_TGID,
	TASK_PID,
	VMA_START,
	VMA_END,
	VMA_FLAGS,
	VMA_PGOFF,
	VMA_FILE,
	FILE_INODE,
	INODE_INO,
	INODE_SB,
	INODE_GENERATION,
	SB_DEV,
	NOFFSETS
};
static const char *const paths[NOFFSETS] = {
	[TASK_TGID] = "task_struct.tgid",
	[TASK_PID] = "task_struct.pid",
	[VMA_START] = "vm_area_struct.vm_start",
	[VMA_END] = "vm_area_struct.vm_end",
	[VMA_FLAGS] = "vm_area_struct.vm_flags",
	[VMA_PGOFF] = "vm_area_struct.vm_pgoff",
	[VMA_FILE] = "vm_area_struct.vm_file",
	[FILE_INODE] = "file.f_inode",
	[INODE_INO] = "inode.i_ino",
	[INODE_SB] = "inode.i_sb",
	[INODE_GENERATION] = "inode.i_generation",
	[SB_DEV] = "super_block.s_dev",
};

static int offsets_find(int *off, int *func)
{
	const struct kern_btf *btf = kern_btf();
	uint32_t id = btf ? kern_btf_find(btf, BTF_KIND_FUNC, "bpf_iter_task_vma") : 0;
	int err = id ? 0 : -ENOENT;

	for (int i = 0; i < NOFFSETS && !err; i++) {
		uint64_t at = 0;

		err = kern_offset(paths[i], &at);
		off[i] = (int)at;
	}
	*func = (int)id;
	return err;
}

/* ---- The program ------------------------------------------------------------------ */

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (short)(o), .imm = (i) })
#define LOAD(size, d, s, o) INSN(BPF_LDX | BPF_MEM | (size), d, s, o, 0)
#define STORE(size, o, s) INSN(BPF_STX | BPF_MEM | (size), BPF_REG_10, s, o, 0)
#define MOV(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOVI(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ALU(op, d, i) INSN(BPF_ALU64 | (op) | BPF_K, d, 0, 0, i)
#define JEQ(d, i, o) INSN(BPF_JMP | BPF_JEQ | BPF_K, d, 0, o, i)
#define CALL(f) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

enum { VM_EXEC_BIT = 4, PAGE_BITS = 12 };
#define ROW(member) ((int)offsetof(struct vma_row, member) - (int)sizeof(struct vma_row))

static int prog_load(const int *off, int func, bool executable_only)
{
	enum { R0, R1, R2, R3, R4, R6 = 6, R7, R8, R9, R10 };
	enum { NEND = 2, CHECK = 9 };
	struct bpf_insn v[] = {
		/* struct bpf_iter__task_vma: meta, task, vma; the last call has no task */
		LOAD(BPF_DW, R6, R1, 0),
		LOAD(BPF_DW, R7, R1, 8),
		LOAD(BPF_DW, R8, R1, 16),
		JEQ(R7, 0, 0),
		JEQ(R8, 0, 0),
		LOAD(BPF_DW, R9, R8, off[VMA_FILE]),
		JEQ(R9, 0, 0),
		LOAD(BPF_DW, R1, R8, off[VMA_FLAGS]),
		ALU(BPF_AND, R1, VM_EXEC_BIT),
		[CHECK] = JEQ(R1, executable_only ? 0 : -1, 0),
		LOAD(BPF_DW, R9, R9, off[FILE_INODE]),
		STORE(BPF_DW, ROW(inode), R9),
		LOAD(BPF_DW, R1, R9, off[INODE_INO]),
		STORE(BPF_DW, ROW(ino), R1),
		LOAD(BPF_W, R1, R9, off[INODE_GENERATION]),
		STORE(BPF_W, ROW(generation), R1),
		LOAD(BPF_DW, R2, R9, off[INODE_SB]),
		LOAD(BPF_W, R1, R2, off[SB_DEV]),
		STORE(BPF_W, ROW(dev), R1),
		LOAD(BPF_DW, R1, R8, off[VMA_START]),
		STORE(BPF_DW, ROW(start), R1),
		LOAD(BPF_DW, R1, R8, off[VMA_END]),
		STORE(BPF_DW, ROW(end), R1),
		LOAD(BPF_DW, R1, R8, off[VMA_PGOFF]),
		ALU(BPF_LSH, R1, PAGE_BITS),
		STORE(BPF_DW, ROW(off), R1),
		LOAD(BPF_W, R1, R7, off[TASK_TGID]),
		STORE(BPF_W, ROW(pid), R1),
		LOAD(BPF_W, R1, R7, off[TASK_PID]),
		STORE(BPF_W, ROW(tid), R1),
		LOAD(BPF_DW, R1, R6, 0), /* meta->seq */
		MOV(R2, R10),
		ALU(BPF_ADD, R2, -(int)sizeof(struct vma_row)),
		MOVI(R3, sizeof(struct vma_row)),
		CALL(BPF_FUNC_seq_write),
		MOVI(R0, 0),
		EXIT,
	};
	enum { N = sizeof(v) / sizeof(v[0]) };
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_ITER,
		    .attach_btf_id = (uint32_t)func);

	for (int i = 0; i < CHECK + 1; i++) /* every test skips the row */
		if (v[i].code == (BPF_JMP | BPF_JEQ | BPF_K))
			v[i].off = (short)(N - NEND - (i + 1));
	return bpf_prog_load(BPF_PROG_TYPE_TRACING, "task_vma", "GPL", v, N, &opts);
}

struct vma_iter *vma_iter_open(bool executable_only)
{
	struct vma_iter *it = calloc(1, sizeof(*it));
	int off[NOFFSETS], func = -1, err = offsets_find(off, &func);

	if (it && !err) {
		it->prog = prog_load(off, func, executable_only);
		err = it->prog < 0 ? -errno : 0;
	}
	if (it && !err)
		return it;
	free(it);
	errno = err ? -err : ENOMEM;
	return NULL;
}

void vma_iter_close(struct vma_iter *it)
{
	if (!it)
		return;
	close(it->prog);
	free(it);
}

/* ---- Reading ------------------------------------------------------------------------ */

/* The rows have ids of the initial namespace; who gave one gets them by that. */
static int rows_read(int fd, pid_t pid, pid_t tid, vma_row_fn *fn, void *arg)
{
	static const size_t size = 512 * sizeof(struct vma_row);
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
		for (at = 0; go && have - at >= sizeof(struct vma_row);
		     at += sizeof(struct vma_row)) {
			struct vma_row row;

			memcpy(&row, buf + at, sizeof(row));
			if (tid || (pid && row.tid == row.pid))
				row.tid = (uint32_t)(tid ? tid : pid);
			if (pid)
				row.pid = (uint32_t)pid;
			/* dev_t inside the kernel is 12 bits of major, 20 of minor: as ours */
			go = fn(arg, &row);
		}
		memmove(buf, buf + at, have - at);
		have -= at;
	}
	free(buf);
	return !buf ? -ENOMEM : n < 0 ? -errno : 0;
}

int vma_iter_read(struct vma_iter *it, pid_t pid, pid_t tid, vma_row_fn *fn, void *arg)
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
	link = bpf_link_create(it->prog, 0, BPF_TRACE_ITER, &opts);
	if (link < 0)
		return errno == ESRCH || errno == ENOENT ? 0 : -errno;
	fd = bpf_iter_create(link);
	err = fd < 0 ? -errno : rows_read(fd, pid, tid, fn, arg);
	if (fd >= 0)
		close(fd);
	close(link);
	return err;
}
